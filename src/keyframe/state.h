/* SPDX-License-Identifier: MIT */
/* All that a screen is. The model is in screen.c. */
#ifndef RCASTI_KEYFRAME_STATE_H
#define RCASTI_KEYFRAME_STATE_H

#include "keyframe/charset.h"
#include "keyframe/grid.h"
#include "keyframe/modes.h"
#include "keyframe/palette.h"
#include "keyframe/parser.h"
#include "keyframe/pen.h"

#define TITLE_MAX_BYTES 1024
#define TITLE_STACK_MAX 10

#define LINKS_MAX 512

struct rcasti_links {
	char **texts; /* by number, from 1 to LINKS_MAX; NULL: there never was a link */
	size_t n_bytes;
	unsigned n_until_collection;
};

/* A line that has left the screen, as a terminal is to be sent it. */
struct rcasti_line {
	char *bytes;
	size_t n_bytes;
	bool is_wrapped; /* goes on from the one before */
	bool is_full;    /* up to the last column */
};

struct rcasti_scrollback {
	struct rcasti_line *lines; /* a ring of n_max */
	uint32_t n_max, first, n_lines;
	size_t n_bytes;
};

/* What may be wrong after a cut. */
enum doubt {
	DOUBT_SEQUENCE = 1 << 0, /* is this inside a sequence or a string? */
	DOUBT_ROW = 1 << 1,      /* of the cursor */
	DOUBT_COLUMN = 1 << 2,
	DOUBT_PEN = 1 << 3,
	DOUBT_SCREEN = 1 << 4, /* which of the two is shown */
	DOUBT_CURSOR = DOUBT_ROW | DOUBT_COLUMN | DOUBT_PEN,
	DOUBT_ALL = DOUBT_SEQUENCE | DOUBT_CURSOR | DOUBT_SCREEN,
};

struct rcasti_title_stack {
	char *titles[TITLE_STACK_MAX]; /* the newest last */
	unsigned n_titles;
};

struct rcast_screen {
	struct rcasti_parser parser;
	struct rcasti_buffer primary, alternate;
	bool is_alternate;
	uint64_t n_switches;              /* to either, or by a reset of everything, wherever it was before */
	struct rcasti_cursor cursor;      /* of the screen that is shown */
	struct rcasti_cursor left_cursor; /* where the primary screen was left */
	/* The first and the last column that scroll and wrap; all of them unless MODE_MARGINS is on. */
	uint16_t margin_left, margin_right;
	struct rcasti_pen pen;
	uint8_t charsets[4]; /* see charset.c; 0: ASCII */
	uint8_t gl;          /* which of them is in use */
	/* The width of the character that was printed last, if nothing came since: REP and marks refer to it. Else 0. */
	unsigned last_width;
	struct rcasti_modes modes;
	bool keyboard_touched; /* kitty's protocol was ever spoken */
	struct rcasti_cluster *clusters;
	size_t n_clusters, next_cluster;
	struct rcasti_links links;
	struct rcasti_palette palette;
	struct rcasti_scrollback scrollback;
	bool has_title;
	char title[TITLE_MAX_BYTES + 1];
	struct rcasti_title_stack title_stack;
	uint8_t doubts;        /* of enum doubt */
	unsigned n_line_feeds; /* without anything that could lead up, while the row is in doubt */
};

static inline struct rcasti_buffer *rcasti_shown(struct rcast_screen *screen)
{
	return screen->is_alternate ? &screen->alternate : &screen->primary;
}

static inline const struct rcasti_buffer *rcasti_shown_const(const struct rcast_screen *screen)
{
	return screen->is_alternate ? &screen->alternate : &screen->primary;
}

static inline struct rcasti_row *rcasti_cursor_row(struct rcast_screen *screen)
{
	return &rcasti_shown(screen)->rows[screen->cursor.y];
}

/* The column behind the last one that can be printed to: where the line is full. Right of the right margin it is without effect. */
static inline uint16_t rcasti_line_end(const struct rcast_screen *screen)
{
	if (screen->cursor.x <= screen->margin_right || screen->cursor.is_full)
		return screen->margin_right + 1;
	return screen->primary.n_cols;
}

static inline bool rcasti_is_between_margins(const struct rcast_screen *screen)
{
	return screen->cursor.x >= screen->margin_left && rcasti_line_end(screen) == screen->margin_right + 1;
}

static inline bool rcasti_has_margins(const struct rcast_screen *screen)
{
	return screen->margin_left > 0 || screen->margin_right < screen->primary.n_cols - 1;
}

/* What erasing leaves: the background colour and nothing else. */
static inline struct rcasti_pen rcasti_erasing_pen(const struct rcast_screen *screen)
{
	return (struct rcasti_pen){.bg = screen->pen.bg};
}

/* ── print.c ── */
void rcasti_print_ascii(void *user, const uint8_t *text, size_t n_bytes);
void rcasti_print(void *user, uint32_t character);
void rcasti_repeat(struct rcast_screen *screen, uint32_t n);

/* ── cluster.c ── */
/* The characters of a cell: 1 to CLUSTER_MAX_CHARACTERS, or 0 if it is erased. */
unsigned rcasti_cell_characters(const struct rcast_screen *screen, const struct rcasti_cell *cell,
				uint32_t characters[CLUSTER_MAX_CHARACTERS]);
/* Put a mark on a cell's character. Dropped if there is no room for it. */
void rcasti_cell_add_mark(struct rcast_screen *screen, struct rcasti_cell *cell, uint32_t mark);

/* ── motion.c ── */
void rcasti_restrict_cursor(struct rcast_screen *screen, uint32_t max_x);
void rcasti_set_cursor(struct rcast_screen *screen, int64_t x, int64_t y); /* from the origin */
void rcasti_move_cursor(struct rcast_screen *screen, int64_t dx, int64_t dy);
void rcasti_carriage_return(struct rcast_screen *screen);
void rcasti_line_feed(struct rcast_screen *screen);
void rcasti_index(struct rcast_screen *screen);
void rcasti_reverse_index(struct rcast_screen *screen);
void rcasti_wrap_line(struct rcast_screen *screen);
void rcasti_set_margins(struct rcast_screen *screen, uint32_t left, uint32_t right); /* as columns from 1; 0: the edge */
void rcasti_reset_margins(struct rcast_screen *screen);
void rcasti_tab_forward(struct rcast_screen *screen, uint32_t n);
void rcasti_tab_backward(struct rcast_screen *screen, uint32_t n);
bool *rcasti_tab_at_cursor(struct rcast_screen *screen);
void rcasti_save_cursor(struct rcast_screen *screen);
void rcasti_restore_cursor(struct rcast_screen *screen);
void rcasti_execute(void *user, uint32_t control);

/* ── control.c ── */
void rcasti_escape(void *user, uint32_t collected, uint8_t final);
void rcasti_csi(void *user, const struct rcasti_sequence *sequence, uint8_t final);

/* ── edit.c ── */
void rcasti_erase_in_display(struct rcast_screen *screen, uint32_t which, bool spare_protected);
void rcasti_erase_in_line(struct rcast_screen *screen, uint32_t which, bool spare_protected);
void rcasti_insert_cells(struct rcast_screen *screen, uint32_t n);
void rcasti_delete_cells(struct rcast_screen *screen, uint32_t n);
void rcasti_erase_cells(struct rcast_screen *screen, uint32_t n);
void rcasti_insert_lines(struct rcast_screen *screen, uint32_t n);
void rcasti_delete_lines(struct rcast_screen *screen, uint32_t n);
/* From column x to the right margin, in every line of the region, if the cursor is within both. */
void rcasti_insert_columns(struct rcast_screen *screen, uint32_t x, uint32_t n);
void rcasti_delete_columns(struct rcast_screen *screen, uint32_t x, uint32_t n);
/* The region from line `top` on, between the margins. */
void rcasti_scroll_from(struct rcast_screen *screen, uint16_t top, bool up, uint32_t n);
void rcasti_scroll_region(struct rcast_screen *screen, bool up, uint32_t n);
void rcasti_set_scroll_region(struct rcast_screen *screen, uint32_t top, uint32_t bottom);

/* ── rectangle.c ── */
/* CSI … $ final, and DECSACE */
void rcasti_rectangle(struct rcast_screen *screen, const struct rcasti_sequence *sequence, uint8_t final);
void rcasti_select_extent(struct rcast_screen *screen, uint32_t extent);

/* ── osc.c ── */
void rcasti_osc(void *user, uint32_t number, const char *text, size_t n_bytes);

/* ── hyperlink.c ── */
/* From now on the pen writes this link: parameters, a semicolon and an address, which is empty for none. */
void rcasti_link_use(struct rcast_screen *screen, const char *text, size_t n_bytes);
/* As it was given to use. NULL: none. */
const char *rcasti_link_text(const struct rcast_screen *screen, uint16_t link);
void rcasti_links_free(struct rcasti_links *links);

/* ── scrollback.c ── */
/* The first n rows of the primary screen are about to leave it. */
void rcasti_scrollback_take(struct rcast_screen *screen, unsigned n_rows);
void rcasti_scrollback_clear(struct rcasti_scrollback *scrollback);
void rcasti_scrollback_write(const struct rcast_screen *screen, struct rcasti_output *output);

/* ── title.c ── */
void rcasti_title_set(struct rcast_screen *screen, const char *text, size_t n_bytes);
void rcasti_title_push(struct rcast_screen *screen);
void rcasti_title_pop(struct rcast_screen *screen);
void rcasti_title_clear(struct rcast_screen *screen);

/* ── screen.c ── */
void rcasti_show_alternate(struct rcast_screen *screen);
void rcasti_show_primary(struct rcast_screen *screen);
void rcasti_soft_reset(struct rcast_screen *screen);
void rcasti_full_reset(struct rcast_screen *screen);
void rcasti_reset_charsets(struct rcast_screen *screen);
extern const struct rcasti_parser_events rcasti_screen_events;

#endif
