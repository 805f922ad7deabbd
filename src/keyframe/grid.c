/* SPDX-License-Identifier: MIT */
/*
 * The grid: rows of cells, one buffer for each of the two screens.
 *
 * A buffer's cells are one allocation; its rows are pointers into it, so that scrolling moves pointers and erases what comes
 * in, and costs the same for one row and for many columns. Each row's memory stays the buffer's for ever, whichever row it is.
 *
 * Nearly all rows that scroll out are short. A row knows how far it was written, so that erasing it again stops there.
 *
 * A wide character is a cell of width 2 and behind it an erased one of width 0. Every operation that could part the two
 * erases what is left of them: there is never a half of a character on the screen.
 *
 * Sizes and positions were checked by the caller; counts may be as large as a program likes. Used by screen.c, print.c and
 * control.c; calls nobody.
 */
#include "keyframe/grid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TAB_WIDTH 8

static const struct rcasti_pen plain;

int rcasti_buffer_init(struct rcasti_buffer *buffer, uint16_t n_cols, uint16_t n_rows)
{
	*buffer = (struct rcasti_buffer){.n_cols = n_cols, .n_rows = n_rows};
	buffer->memory = calloc((size_t)n_cols * n_rows, sizeof(*buffer->memory));
	buffer->rows = calloc(n_rows, sizeof(*buffer->rows));
	buffer->tabs = calloc(n_cols, sizeof(*buffer->tabs));
	if (!buffer->memory || !buffer->rows || !buffer->tabs) {
		rcasti_buffer_destroy(buffer);
		return -ENOMEM;
	}
	for (uint16_t y = 0; y < n_rows; y++)
		buffer->rows[y] = (struct rcasti_row){.cells = buffer->memory + (size_t)y * n_cols, .n_written = n_cols};
	rcasti_buffer_clear(buffer, &plain);
	return 0;
}

void rcasti_buffer_destroy(struct rcasti_buffer *buffer)
{
	free(buffer->memory);
	free(buffer->rows);
	free(buffer->tabs);
	*buffer = (struct rcasti_buffer){0};
}

static void erase_row(const struct rcasti_buffer *buffer, struct rcasti_row *row, const struct rcasti_pen *fill)
{
	struct rcasti_cell erased = rcasti_erased_cell(fill);
	bool is_plain = rcasti_pen_equal(fill, &plain);
	uint16_t n_cells = is_plain ? row->n_written : buffer->n_cols;

	for (uint16_t x = 0; x < n_cells; x++)
		row->cells[x] = erased;
	row->n_written = is_plain ? 0 : buffer->n_cols;
	row->is_wrapped = false;
	row->is_doubtful = false;
}

void rcasti_buffer_reset_tabs(struct rcasti_buffer *buffer)
{
	for (unsigned x = 0; x < buffer->n_cols; x++)
		buffer->tabs[x] = x % TAB_WIDTH == 0;
}

void rcasti_buffer_clear(struct rcasti_buffer *buffer, const struct rcasti_pen *fill)
{
	for (uint16_t y = 0; y < buffer->n_rows; y++)
		erase_row(buffer, &buffer->rows[y], fill);
	buffer->scroll_top = 0;
	buffer->scroll_bottom = buffer->n_rows - 1;
	rcasti_buffer_reset_tabs(buffer);
}

void rcasti_cursor_fit(struct rcasti_cursor *cursor, uint16_t n_cols, uint16_t n_rows)
{
	if (cursor->is_full)
		cursor->x--;
	cursor->is_full = false;
	if (cursor->x >= n_cols)
		cursor->x = n_cols - 1;
	if (cursor->y >= n_rows)
		cursor->y = n_rows - 1;
}

void rcasti_buffer_copy(struct rcasti_buffer *to, const struct rcasti_buffer *from, uint16_t n_dropped)
{
	uint16_t n_cols = to->n_cols < from->n_cols ? to->n_cols : from->n_cols;

	for (uint16_t y = 0; y < to->n_rows && y + n_dropped < from->n_rows; y++) {
		const struct rcasti_row *row = &from->rows[y + n_dropped];
		memcpy(to->rows[y].cells, row->cells, n_cols * sizeof(*row->cells));
		to->rows[y].is_wrapped = row->is_wrapped;
		to->rows[y].is_doubtful = row->is_doubtful;
		to->rows[y].n_written = to->n_cols;
		if (to->rows[y].cells[n_cols - 1].width == 2 && to->n_cols == n_cols)
			to->rows[y].cells[n_cols - 1] = rcasti_erased_cell(&to->rows[y].cells[n_cols - 1].pen);
	}
	to->saved = from->saved;
	to->saved.cursor.y = to->saved.cursor.y > n_dropped ? to->saved.cursor.y - n_dropped : 0;
	rcasti_cursor_fit(&to->saved.cursor, to->n_cols, to->n_rows);
	to->keyboard = from->keyboard;
	/* Columns that come have a stop every eight. xterm has kept the stops that it had there; no snapshot could tell those. */
	memcpy(to->tabs, from->tabs, n_cols * sizeof(*to->tabs));
}

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void reverse_rows(struct rcasti_row *rows, unsigned first, unsigned end)
{
	while (first + 1 < end) {
		struct rcasti_row row = rows[first];
		rows[first++] = rows[--end];
		rows[end] = row;
	}
}

static void rotate_rows_up(struct rcasti_row *rows, unsigned n_rows, unsigned n)
{
	if (n == 1) {
		struct rcasti_row first = rows[0];
		memmove(rows, rows + 1, (n_rows - 1) * sizeof(*rows));
		rows[n_rows - 1] = first;
		return;
	}
	reverse_rows(rows, 0, n);
	reverse_rows(rows, n, n_rows);
	reverse_rows(rows, 0, n_rows);
}

void rcasti_buffer_scroll_up(struct rcasti_buffer *buffer, uint16_t top, uint16_t bottom, uint32_t n,
			     const struct rcasti_pen *fill)
{
	unsigned n_rows = bottom - top + 1u;

	if (n > n_rows)
		n = n_rows;
	rotate_rows_up(buffer->rows + top, n_rows, n);
	for (unsigned y = n_rows - n; y < n_rows; y++)
		erase_row(buffer, &buffer->rows[top + y], fill);
}

void rcasti_buffer_scroll_down(struct rcasti_buffer *buffer, uint16_t top, uint16_t bottom, uint32_t n,
			       const struct rcasti_pen *fill)
{
	unsigned n_rows = bottom - top + 1u;

	if (n > n_rows)
		n = n_rows;
	rotate_rows_up(buffer->rows + top, n_rows, n_rows - n);
	for (unsigned y = 0; y < n; y++)
		erase_row(buffer, &buffer->rows[top + y], fill);
}

/* ── Cells ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_row_erase(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t start, uint32_t end,
		      const struct rcasti_pen *fill, bool spare_protected)
{
	struct rcasti_cell erased = rcasti_erased_cell(fill);

	if (end > buffer->n_cols)
		end = buffer->n_cols;
	if (rcasti_pen_equal(fill, &plain)) {
		if (end > row->n_written)
			end = row->n_written;
	} else {
		row->n_written = buffer->n_cols;
	}
	if (start >= end)
		return;
	if (start > 0 && row->cells[start - 1].width == 2)
		start--;
	if (end < buffer->n_cols && row->cells[end - 1].width == 2)
		end++;
	for (uint32_t x = start; x < end; x++) {
		if (!spare_protected || !(row->cells[x].pen.attributes & PEN_PROTECTED))
			row->cells[x] = erased;
	}
}

static void erase_half_left_of(struct rcasti_row *row, uint32_t x, const struct rcasti_pen *fill)
{
	if (x > 0 && row->cells[x - 1].width == 2)
		row->cells[x - 1] = rcasti_erased_cell(fill);
}

/* A wide character that stands on both sides of x. */
static void part_at(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t x)
{
	if (x == 0 || x >= buffer->n_cols || row->cells[x].width != 0)
		return;
	row->cells[x - 1] = rcasti_erased_cell(&row->cells[x - 1].pen);
	row->cells[x] = rcasti_erased_cell(&row->cells[x].pen);
}

void rcasti_row_insert(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t start, uint32_t end, uint32_t n,
		       const struct rcasti_pen *fill)
{
	uint32_t n_right = end - start;
	struct rcasti_cell erased = rcasti_erased_cell(fill);

	if (n > n_right)
		n = n_right;
	if (n == 0)
		return;
	row->n_written = buffer->n_cols;
	part_at(buffer, row, end);
	erase_half_left_of(row, start, fill);
	if (row->cells[start].width == 0) /* of a wide character that was just parted; it moves on as a blank */
		row->cells[start] = erased;
	memmove(row->cells + start + n, row->cells + start, (n_right - n) * sizeof(*row->cells));
	for (uint32_t x = start; x < start + n; x++)
		row->cells[x] = erased;
	erase_half_left_of(row, end, fill);
}

void rcasti_row_delete(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t start, uint32_t end, uint32_t n,
		       const struct rcasti_pen *fill)
{
	uint32_t n_right = end - start;
	struct rcasti_cell erased = rcasti_erased_cell(fill);

	if (n > n_right)
		n = n_right;
	if (n == 0)
		return;
	row->n_written = buffer->n_cols;
	part_at(buffer, row, end);
	memmove(row->cells + start, row->cells + start + n, (n_right - n) * sizeof(*row->cells));
	for (uint32_t x = end - n; x < end; x++)
		row->cells[x] = erased;
	erase_half_left_of(row, start, fill);
	if (row->cells[start].width == 0)
		row->cells[start] = erased;
}

/* Halves on both sides of the edges of what is about to change. */
struct cut {
	bool left, right;
};

static struct cut find_cut(const struct rcasti_buffer *buffer, const struct rcasti_row *row, uint32_t start, uint32_t end)
{
	return (struct cut){.left = row->cells[start].width == 0,
			    .right = end < buffer->n_cols && row->cells[end].width == 0};
}

static void erase_half(struct rcasti_row *row, uint32_t x)
{
	row->cells[x] = rcasti_erased_cell(&row->cells[x].pen);
}

/* The cells from start to end were written: what is left of wide characters outside of them, and what came in of others, goes. */
static void mend_edges(struct rcasti_row *row, uint32_t start, uint32_t end, struct cut cut)
{
	if (cut.left)
		erase_half(row, start - 1);
	if (cut.right)
		erase_half(row, end);
	if (row->cells[start].width == 0)
		erase_half(row, start);
	if (row->cells[end - 1].width == 2)
		erase_half(row, end - 1);
	if (row->n_written < end + cut.right)
		row->n_written = (uint16_t)(end + cut.right);
}

void rcasti_row_replace(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t start,
			const struct rcasti_cell *cells, uint32_t n)
{
	struct cut cut = find_cut(buffer, row, start, start + n);

	memmove(row->cells + start, cells, n * sizeof(*cells));
	mend_edges(row, start, start + n, cut);
}

void rcasti_row_fill(const struct rcasti_buffer *buffer, struct rcasti_row *row, uint32_t start, uint32_t end,
		     const struct rcasti_cell *cell)
{
	struct cut cut = find_cut(buffer, row, start, end);

	for (uint32_t x = start; x < end; x++)
		row->cells[x] = *cell;
	mend_edges(row, start, end, cut);
}

/* ── Areas ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void copy_row_of_area(struct rcasti_buffer *buffer, const struct rcasti_area *area, unsigned to, unsigned from)
{
	rcasti_row_replace(buffer, &buffer->rows[to], area->left, buffer->rows[from].cells + area->left,
			   area->right - area->left + 1u);
}

static void erase_row_of_area(struct rcasti_buffer *buffer, const struct rcasti_area *area, unsigned y,
			      const struct rcasti_pen *fill)
{
	struct rcasti_cell erased = rcasti_erased_cell(fill);

	rcasti_row_fill(buffer, &buffer->rows[y], area->left, area->right + 1u, &erased);
}

static uint32_t limit_to_height(const struct rcasti_area *area, uint32_t n)
{
	uint32_t n_rows = area->bottom - area->top + 1u;

	return n < n_rows ? n : n_rows;
}

void rcasti_area_scroll_up(struct rcasti_buffer *buffer, const struct rcasti_area *area, uint32_t n,
			   const struct rcasti_pen *fill)
{
	unsigned y = area->top;

	n = limit_to_height(area, n);
	for (; y + n <= area->bottom; y++)
		copy_row_of_area(buffer, area, y, y + n);
	for (; y <= area->bottom; y++)
		erase_row_of_area(buffer, area, y, fill);
}

void rcasti_area_scroll_down(struct rcasti_buffer *buffer, const struct rcasti_area *area, uint32_t n,
			     const struct rcasti_pen *fill)
{
	unsigned end = area->bottom + 1u;

	n = limit_to_height(area, n);
	for (; end > area->top + n; end--)
		copy_row_of_area(buffer, area, end - 1, end - 1 - n);
	for (; end > area->top; end--)
		erase_row_of_area(buffer, area, end - 1, fill);
}
