/* SPDX-License-Identifier: MIT */
/*
 * The screen: bytes in, the state of a terminal out.
 *
 *   feed ─► parser.c ─► print.c    characters into cells ─► cluster.c, width.c
 *                    ├► motion.c   control characters, where the cursor goes
 *                    ├► control.c  sequences ─► edit.c (cells and lines), rectangle.c, pen.c (SGR), modes.c
 *                    └► osc.c      ─► title.c, palette.c, hyperlink.c
 *   snapshot.c writes it all down again as an escape stream; draw.c what fits of it for a terminal of another size, both by
 *   way of painter.c; text.c as text.
 *   doubt.c stands between the parser and these after output was lost, until the screen is known again.
 *
 * An emulator of its own and not a library's: a snapshot needs all of the state, and what libraries do not tell (scroll
 * region, tab stops, character sets, saved cursors, the hidden screen, a due wrap) would have to be followed by a second
 * parser in lockstep with theirs. src/README.md has the figures.
 *
 * Two buffers, one shown. The alternate one is blank whenever it is entered. Cursor, pen, character sets, modes and margins are shared;
 * saved cursor, scroll region and tab stops belong to each. All memory is allocated at create and resize, except clusters
 * (see cluster.c), links (hyperlink.c) and the ten titles; a resize that fails leaves everything as it was.
 *
 * One thread at a time. No locks, no system calls.
 */
#include "keyframe/state.h"

#include <errno.h>
#include <stdlib.h>

#include <ringcast/screen.h>

static const struct rcasti_pen plain;

static void forget_last(void *user)
{
	((struct rcast_screen *)user)->last_width = 0;
}

const struct rcasti_parser_events rcasti_screen_events = {
	.print_ascii = rcasti_print_ascii,
	.print = rcasti_print,
	.execute = rcasti_execute,
	.escape = rcasti_escape,
	.csi = rcasti_csi,
	.osc = rcasti_osc,
	.string_end = forget_last,
};

static bool is_valid_size(uint16_t cols, uint16_t rows)
{
	return cols > 0 && rows > 0 && cols <= RCAST_SCREEN_MAX_COLS && rows <= RCAST_SCREEN_MAX_ROWS;
}

static int init_buffers(struct rcasti_buffer *primary, struct rcasti_buffer *alternate, uint16_t cols, uint16_t rows)
{
	int r = rcasti_buffer_init(primary, cols, rows);

	if (r < 0)
		return r;
	r = rcasti_buffer_init(alternate, cols, rows);
	if (r < 0)
		rcasti_buffer_destroy(primary);
	return r;
}

int rcast_screen_create(uint16_t cols, uint16_t rows, struct rcast_screen **screen)
{
	struct rcast_screen *made;
	int r;

	*screen = NULL;
	if (!is_valid_size(cols, rows))
		return -EINVAL;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	r = init_buffers(&made->primary, &made->alternate, cols, rows);
	if (r < 0) {
		free(made);
		return r;
	}
	rcasti_parser_init(&made->parser, &rcasti_screen_events, made);
	rcasti_modes_init(&made->modes);
	rcasti_reset_margins(made);
	*screen = made;
	return 0;
}

void rcast_screen_free(struct rcast_screen *screen)
{
	if (!screen)
		return;
	rcasti_title_clear(screen);
	rcasti_links_free(&screen->links);
	rcasti_scrollback_clear(&screen->scrollback);
	free(screen->scrollback.lines);
	rcasti_buffer_destroy(&screen->primary);
	rcasti_buffer_destroy(&screen->alternate);
	free(screen->clusters);
	free(screen);
}

void rcast_screen_feed(struct rcast_screen *screen, const void *data, size_t n_bytes)
{
	rcasti_parser_feed(&screen->parser, data, n_bytes);
}

void rcast_screen_get_size(const struct rcast_screen *screen, uint16_t *cols, uint16_t *rows)
{
	*cols = screen->primary.n_cols;
	*rows = screen->primary.n_rows;
}

bool rcast_screen_is_at_cut_point(const struct rcast_screen *screen)
{
	return rcasti_parser_is_at_cut_point(&screen->parser);
}

void rcast_screen_get_cursor(const struct rcast_screen *screen, uint16_t *col, uint16_t *row, bool *visible)
{
	uint16_t last = rcasti_line_end(screen) - 1;

	*col = screen->cursor.x < last ? screen->cursor.x : last;
	*row = screen->cursor.y;
	*visible = rcasti_mode(&screen->modes, MODE_CURSOR_VISIBLE);
}

uint64_t rcast_screen_n_switches(const struct rcast_screen *screen)
{
	return screen->n_switches;
}

bool rcast_screen_is_alternate(const struct rcast_screen *screen)
{
	return screen->is_alternate;
}

const char *rcast_screen_title(const struct rcast_screen *screen)
{
	return screen->title;
}

/* ── Size ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Fewer rows: those below the cursor go first, then those at the top. */
static uint16_t count_dropped(uint16_t cursor_y, uint16_t rows)
{
	return cursor_y >= rows ? cursor_y - rows + 1 : 0;
}

static void replace(struct rcasti_buffer *old, struct rcasti_buffer *new, uint16_t n_dropped)
{
	rcasti_buffer_copy(new, old, n_dropped);
	rcasti_buffer_destroy(old);
	*old = *new;
}

int rcast_screen_resize(struct rcast_screen *screen, uint16_t cols, uint16_t rows)
{
	uint16_t primary_y = screen->is_alternate ? screen->left_cursor.y : screen->cursor.y;
	uint16_t alternate_y = screen->is_alternate ? screen->cursor.y : 0;
	struct rcasti_buffer primary, alternate;
	int r;

	if (!is_valid_size(cols, rows))
		return -EINVAL;
	r = init_buffers(&primary, &alternate, cols, rows);
	if (r < 0)
		return r;
	rcasti_scrollback_take(screen, count_dropped(primary_y, rows));
	replace(&screen->primary, &primary, count_dropped(primary_y, rows));
	replace(&screen->alternate, &alternate, count_dropped(alternate_y, rows));
	/* What was printed last does not stand left of the cursor any more. */
	if (screen->cursor.x >= cols || screen->cursor.is_full)
		screen->last_width = 0;
	rcasti_cursor_fit(&screen->cursor, cols, rows);
	rcasti_cursor_fit(&screen->left_cursor, cols, rows);
	screen->margin_left = 0;
	screen->margin_right = cols - 1;
	return 0;
}

/* ── The two screens ─────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_show_alternate(struct rcast_screen *screen)
{
	struct rcasti_pen fill = rcasti_erasing_pen(screen);

	screen->n_switches++;
	if (screen->is_alternate)
		return;
	rcasti_buffer_clear(&screen->alternate, &fill);
	screen->left_cursor = screen->cursor;
	screen->left_cursor.x -= screen->cursor.is_full;
	screen->left_cursor.is_full = false;
	screen->is_alternate = true;
	/* A wrap that is due at a margin is so no more, which xterm has with 1049. */
	rcasti_restrict_cursor(screen, screen->primary.n_cols - screen->cursor.is_full);
}

void rcasti_show_primary(struct rcast_screen *screen)
{
	screen->n_switches++;
	screen->is_alternate = false;
	rcasti_restrict_cursor(screen, screen->primary.n_cols);
}

/* ── Resets ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_reset_charsets(struct rcast_screen *screen)
{
	for (unsigned i = 0; i < 4; i++)
		screen->charsets[i] = CHARSET_ASCII;
	screen->gl = 0;
}

void rcasti_soft_reset(struct rcast_screen *screen)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	rcasti_modes_soft_reset(&screen->modes);
	buffer->scroll_top = 0;
	buffer->scroll_bottom = buffer->n_rows - 1;
	buffer->saved = (struct rcasti_saved){0};
	rcasti_reset_margins(screen);
	screen->pen = plain;
	rcasti_reset_charsets(screen);
}

void rcasti_full_reset(struct rcast_screen *screen)
{
	screen->n_switches++;
	rcasti_modes_full_reset(&screen->modes);
	rcasti_buffer_clear(&screen->primary, &plain);
	rcasti_buffer_clear(&screen->alternate, &plain);
	screen->primary.saved = screen->alternate.saved = (struct rcasti_saved){0};
	screen->primary.keyboard = screen->alternate.keyboard = (struct rcasti_keyboard){0};
	screen->is_alternate = false;
	screen->cursor = screen->left_cursor = (struct rcasti_cursor){0};
	rcasti_reset_margins(screen);
	screen->pen = plain;
	rcasti_reset_charsets(screen);
	rcasti_scrollback_clear(&screen->scrollback);
	screen->doubts = 0;
}
