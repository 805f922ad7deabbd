/* SPDX-License-Identifier: MIT */
/* Cells, rows and the buffer that is one screen's worth of them. The model is in grid.c. */
#ifndef RCASTI_KEYFRAME_GRID_H
#define RCASTI_KEYFRAME_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyframe/keyboard.h"
#include "keyframe/pen.h"

#define CLUSTER_MAX_CHARACTERS 15
#define GLYPH_IS_CLUSTER (UINT32_C(1) << 31)

struct rcasti_cell {
	uint32_t glyph; /* 0: erased; a character; or GLYPH_IS_CLUSTER and an index */
	uint32_t width; /* 1; 2 for the first half of a wide character, 0 for its second */
	struct rcasti_pen pen;
};

struct rcasti_row {
	struct rcasti_cell *cells;
	uint16_t n_written; /* the cells from here on are erased and plain */
	bool is_wrapped;    /* goes on from the row above */
	bool is_doubtful;   /* see doubt.c; goes where the row goes, and away when the row is erased whole */
};

/* A base character and the marks on it. */
struct rcasti_cluster {
	uint32_t n_characters; /* 0: free */
	uint32_t characters[CLUSTER_MAX_CHARACTERS];
};

struct rcasti_cursor {
	uint16_t x, y; /* x may be n_cols: the next character wraps first */
	bool is_full;  /* so it is up to the right margin, short of the last column: x is the column behind that */
};

/* Columns and rows, the last ones too. */
struct rcasti_area {
	uint16_t left, top, right, bottom;
};

/* What DECSC keeps. */
struct rcasti_saved {
	struct rcasti_cursor cursor;
	struct rcasti_pen pen;
	uint8_t charsets[4];
	uint8_t gl;
	bool origin;    /* mode */
	uint8_t doubts; /* about the cursor, when it was saved */
};

struct rcasti_buffer {
	uint16_t n_cols, n_rows;
	struct rcasti_row *rows;
	struct rcasti_cell *memory; /* of all rows */
	uint16_t scroll_top, scroll_bottom;
	struct rcasti_saved saved;
	struct rcasti_keyboard keyboard;
	bool *tabs; /* one a column */
};

int rcasti_buffer_init(struct rcasti_buffer *buffer, uint16_t n_cols, uint16_t n_rows);
void rcasti_buffer_destroy(struct rcasti_buffer *buffer);

/* All erased, no wrap, the whole screen scrolls, tab stops every eight columns. The saved cursor stays. */
void rcasti_buffer_clear(struct rcasti_buffer *buffer, const struct rcasti_pen *fill);
void rcasti_buffer_reset_tabs(struct rcasti_buffer *buffer);

/* Into a screen of that size. A due wrap is forgotten. */
void rcasti_cursor_fit(struct rcasti_cursor *cursor, uint16_t n_cols, uint16_t n_rows);

/* Copy into a fresh buffer of another size; n_dropped rows at the top are left out. */
void rcasti_buffer_copy(struct rcasti_buffer *to, const struct rcasti_buffer *from, uint16_t n_dropped);

/* Rows [top, bottom] move up or down by n; those that come in are erased. */
void rcasti_buffer_scroll_up(struct rcasti_buffer *buffer, uint16_t top, uint16_t bottom, uint32_t n,
			     const struct rcasti_pen *fill);
void rcasti_buffer_scroll_down(struct rcasti_buffer *buffer, uint16_t top, uint16_t bottom, uint32_t n,
			       const struct rcasti_pen *fill);

/* The same with what is in the area only. Neither wraps nor doubts of rows move. */
void rcasti_area_scroll_up(struct rcasti_buffer *buffer, const struct rcasti_area *area, uint32_t n,
			   const struct rcasti_pen *fill);
void rcasti_area_scroll_down(struct rcasti_buffer *buffer, const struct rcasti_area *area, uint32_t n,
			     const struct rcasti_pen *fill);

/* Cells of one row. A wide character that loses one half is erased. */
void rcasti_row_erase(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t start, uint32_t end,
		      const struct rcasti_pen *fill, bool spare_protected);
/* What is behind `end` stays. */
void rcasti_row_insert(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t start, uint32_t end, uint32_t n,
		       const struct rcasti_pen *fill);
void rcasti_row_delete(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t start, uint32_t end, uint32_t n,
		       const struct rcasti_pen *fill);

/* Put n cells, which may be the row's own, in the place of those from start on; or one cell, up to `end`. Only these change, and of
 * what they part the other half, which keeps its colours. */
void rcasti_row_replace(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t start,
			const struct rcasti_cell *cells, uint32_t n);
void rcasti_row_fill(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t start, uint32_t end,
		     const struct rcasti_cell *cell);

static inline struct rcasti_cell rcasti_erased_cell(const struct rcasti_pen *fill)
{
	return (struct rcasti_cell){.width = 1, .pen = *fill};
}

#endif
