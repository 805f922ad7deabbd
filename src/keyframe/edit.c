/* SPDX-License-Identifier: MIT */
/*
 * Editing: what erases, inserts, deletes and scrolls.
 *
 * What comes in is blank and has the background of the pen. A line that is full counts as full here: erasing from the cursor
 * to its end erases nothing. Counts are as large as the program likes and are cut to the screen by grid.c.
 *
 * Called by control.c; calls motion.c and grid.c.
 */
#include "keyframe/state.h"

/* ── Erasing ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void erase_cells(struct rcast_screen *screen, uint16_t y, uint32_t start, uint32_t end, bool spare_protected)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);
	struct rcasti_pen fill = rcasti_erasing_pen(screen);

	rcasti_row_erase(buffer, &buffer->rows[y], start, end, &fill, spare_protected);
}

static void erase_rows(struct rcast_screen *screen, uint32_t first, uint32_t end, bool spare_protected)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	for (uint32_t y = first; y < end; y++) {
		erase_cells(screen, (uint16_t)y, 0, buffer->n_cols, spare_protected);
		buffer->rows[y].is_wrapped = false;
	}
}

/* A wrap that is due in the last column stays so, as in xterm.js; one that is due at a margin does not, as in xterm. */
static void restrict_to_erase(struct rcast_screen *screen)
{
	rcasti_restrict_cursor(screen, screen->primary.n_cols - screen->cursor.is_full);
}

static void erase_below(struct rcast_screen *screen, bool spare_protected)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	erase_cells(screen, screen->cursor.y, screen->cursor.x, buffer->n_cols, spare_protected);
	if (screen->cursor.x == 0)
		rcasti_cursor_row(screen)->is_wrapped = false;
	erase_rows(screen, screen->cursor.y + 1u, buffer->n_rows, spare_protected);
}

static void erase_above(struct rcast_screen *screen, bool spare_protected)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	erase_cells(screen, screen->cursor.y, 0, screen->cursor.x + 1u, spare_protected);
	rcasti_cursor_row(screen)->is_wrapped = false;
	if (screen->cursor.x + 1 >= buffer->n_cols && screen->cursor.y + 1 < buffer->n_rows)
		buffer->rows[screen->cursor.y + 1].is_wrapped = false;
	erase_rows(screen, 0, screen->cursor.y, spare_protected);
}

void rcasti_erase_in_display(struct rcast_screen *screen, uint32_t which, bool spare_protected)
{
	restrict_to_erase(screen);
	if (which == 0)
		erase_below(screen, spare_protected);
	else if (which == 1)
		erase_above(screen, spare_protected);
	else if (which == 2)
		erase_rows(screen, 0, screen->primary.n_rows, spare_protected);
	else if (which == 3 && !spare_protected)
		rcasti_scrollback_clear(&screen->scrollback);
}

void rcasti_erase_in_line(struct rcast_screen *screen, uint32_t which, bool spare_protected)
{
	uint32_t n_cols = screen->primary.n_cols;

	restrict_to_erase(screen);
	if (which == 0)
		erase_cells(screen, screen->cursor.y, screen->cursor.x, n_cols, spare_protected);
	else if (which == 1)
		erase_cells(screen, screen->cursor.y, 0, screen->cursor.x + 1u, spare_protected);
	else if (which == 2)
		erase_cells(screen, screen->cursor.y, 0, n_cols, spare_protected);
	if (which == 2 || (which == 0 && screen->cursor.x == 0))
		rcasti_cursor_row(screen)->is_wrapped = false;
}

/* ── Inserting, deleting, scrolling ──────────────────────────────────────────────────────────────────────────────────── */

void rcasti_insert_cells(struct rcast_screen *screen, uint32_t n)
{
	struct rcasti_pen fill = rcasti_erasing_pen(screen);

	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	if (rcasti_is_between_margins(screen))
		rcasti_row_insert(rcasti_shown(screen), rcasti_cursor_row(screen), screen->cursor.x,
				  screen->margin_right + 1u, n, &fill);
}

void rcasti_delete_cells(struct rcast_screen *screen, uint32_t n)
{
	struct rcasti_pen fill = rcasti_erasing_pen(screen);

	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	if (rcasti_is_between_margins(screen))
		rcasti_row_delete(rcasti_shown(screen), rcasti_cursor_row(screen), screen->cursor.x,
				  screen->margin_right + 1u, n, &fill);
}

void rcasti_erase_cells(struct rcast_screen *screen, uint32_t n)
{
	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	erase_cells(screen, screen->cursor.y, screen->cursor.x, screen->cursor.x + n, false);
}

static void scroll_between_margins(struct rcast_screen *screen, uint16_t top, bool up, uint32_t n)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);
	struct rcasti_area area = {
		.left = screen->margin_left, .top = top, .right = screen->margin_right, .bottom = buffer->scroll_bottom};
	struct rcasti_pen fill = rcasti_erasing_pen(screen);

	if (up)
		rcasti_area_scroll_up(buffer, &area, n, &fill);
	else
		rcasti_area_scroll_down(buffer, &area, n, &fill);
}

void rcasti_scroll_from(struct rcast_screen *screen, uint16_t top, bool up, uint32_t n)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);
	struct rcasti_pen fill = rcasti_erasing_pen(screen);

	if (rcasti_has_margins(screen))
		scroll_between_margins(screen, top, up, n);
	else if (up)
		rcasti_buffer_scroll_up(buffer, top, buffer->scroll_bottom, n, &fill);
	else
		rcasti_buffer_scroll_down(buffer, top, buffer->scroll_bottom, n, &fill);
}

static bool is_in_region(struct rcast_screen *screen)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);

	return screen->cursor.y >= buffer->scroll_top && screen->cursor.y <= buffer->scroll_bottom &&
	       rcasti_is_between_margins(screen);
}

void rcasti_insert_lines(struct rcast_screen *screen, uint32_t n)
{
	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	if (!is_in_region(screen))
		return;
	rcasti_scroll_from(screen, screen->cursor.y, false, n);
	rcasti_carriage_return(screen);
}

void rcasti_delete_lines(struct rcast_screen *screen, uint32_t n)
{
	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	if (!is_in_region(screen))
		return;
	rcasti_scroll_from(screen, screen->cursor.y, true, n);
	rcasti_carriage_return(screen);
}

void rcasti_insert_columns(struct rcast_screen *screen, uint32_t x, uint32_t n)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);
	struct rcasti_pen fill = rcasti_erasing_pen(screen);

	if (!is_in_region(screen))
		return;
	for (unsigned y = buffer->scroll_top; y <= buffer->scroll_bottom; y++) {
		rcasti_row_insert(buffer, &buffer->rows[y], x, screen->margin_right + 1u, n, &fill);
		buffer->rows[y].is_wrapped = false;
	}
}

void rcasti_delete_columns(struct rcast_screen *screen, uint32_t x, uint32_t n)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);
	struct rcasti_pen fill = rcasti_erasing_pen(screen);

	if (!is_in_region(screen))
		return;
	for (unsigned y = buffer->scroll_top; y <= buffer->scroll_bottom; y++) {
		rcasti_row_delete(buffer, &buffer->rows[y], x, screen->margin_right + 1u, n, &fill);
		buffer->rows[y].is_wrapped = false;
	}
}

void rcasti_scroll_region(struct rcast_screen *screen, bool up, uint32_t n)
{
	rcasti_scroll_from(screen, rcasti_shown(screen)->scroll_top, up, n);
}

void rcasti_set_scroll_region(struct rcast_screen *screen, uint32_t top, uint32_t bottom)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	if (top == 0)
		top = 1;
	if (bottom == 0 || bottom > buffer->n_rows)
		bottom = buffer->n_rows;
	if (bottom <= top)
		return;
	buffer->scroll_top = (uint16_t)(top - 1);
	buffer->scroll_bottom = (uint16_t)(bottom - 1);
	rcasti_set_cursor(screen, 0, 0);
}
