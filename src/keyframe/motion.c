/* SPDX-License-Identifier: MIT */
/*
 * The cursor: where it may stand, how it moves, what scrolls when it cannot move on.
 *
 * x runs from 0 to n_cols; n_cols means that the line is full and a wrap is due. Most motions first bring the cursor back
 * onto the last column, and into the scroll region and between the margins if the origin is there. x and y count from the corner of
 * the screen here; only rcasti_set_cursor counts from the origin.
 *
 * Left and right margins bound what prints and scrolls, but not where the cursor may be put. Who is between them wraps and stops
 * at the right one, and stops at the left one; who is left of them still stops at the right one; to who is right of them they
 * are nothing, but that lines begin at the left one. A line that is full up to a right margin which is not the last column has
 * the cursor behind the margin as well, and `is_full` says that it is not simply there.
 *
 * Called by print.c and control.c; calls grid.c.
 */
#include "keyframe/state.h"

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static void place(struct rcast_screen *screen, int64_t x, int64_t y, int64_t max_x)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);
	int64_t min_x = 0, min_y = 0, max_y = buffer->n_rows - 1;

	if (rcasti_mode(&screen->modes, MODE_ORIGIN)) {
		min_x = screen->margin_left;
		max_x = screen->margin_right < buffer->n_cols - 1 ? screen->margin_right : max_x;
		min_y = buffer->scroll_top;
		max_y = buffer->scroll_bottom;
	}
	screen->cursor.x = (uint16_t)clamp(x, min_x, max_x);
	screen->cursor.y = (uint16_t)clamp(y, min_y, max_y);
	screen->cursor.is_full = false;
}

/* The line stays full if the cursor may be behind its last column, and the margin is still there. */
static void restrict_full(struct rcast_screen *screen, uint32_t max_x)
{
	bool stays =
		max_x == screen->primary.n_cols && screen->cursor.x == screen->margin_right + 1 && screen->cursor.x < max_x;

	place(screen, screen->cursor.x - 1, screen->cursor.y, max_x);
	screen->cursor.x += stays;
	screen->cursor.is_full = stays;
}

void rcasti_restrict_cursor(struct rcast_screen *screen, uint32_t max_x)
{
	if (screen->cursor.is_full)
		restrict_full(screen, max_x);
	else
		place(screen, screen->cursor.x, screen->cursor.y, max_x);
}

void rcasti_set_cursor(struct rcast_screen *screen, int64_t x, int64_t y)
{
	if (rcasti_mode(&screen->modes, MODE_ORIGIN)) {
		x += screen->margin_left;
		y += rcasti_shown(screen)->scroll_top;
	}
	place(screen, x, y, screen->primary.n_cols - 1);
}

void rcasti_move_cursor(struct rcast_screen *screen, int64_t dx, int64_t dy)
{
	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	place(screen, screen->cursor.x + dx, screen->cursor.y + dy, screen->primary.n_cols - 1);
}

/* One down. True: that was the end of the region, which has scrolled. */
static bool go_down(struct rcast_screen *screen)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	if (screen->cursor.y == buffer->scroll_bottom) {
		if (!rcasti_is_between_margins(screen))
			return false;
		if (buffer->scroll_top == 0 && !screen->is_alternate && !rcasti_has_margins(screen))
			rcasti_scrollback_take(screen, 1);
		rcasti_scroll_from(screen, buffer->scroll_top, true, 1);
		return true;
	}
	if (screen->cursor.y < buffer->n_rows - 1)
		screen->cursor.y++;
	return false;
}

void rcasti_carriage_return(struct rcast_screen *screen)
{
	bool is_left_of_margin = screen->cursor.x < screen->margin_left && !rcasti_mode(&screen->modes, MODE_ORIGIN);

	screen->cursor.x = is_left_of_margin ? 0 : screen->margin_left;
	screen->cursor.is_full = false;
}

void rcasti_line_feed(struct rcast_screen *screen)
{
	uint16_t y = screen->cursor.y;

	if (!go_down(screen) && screen->cursor.y != y)
		rcasti_cursor_row(screen)->is_wrapped = false;
	if (screen->modes.new_line)
		rcasti_carriage_return(screen);
	else if (screen->cursor.x >= rcasti_line_end(screen))
		screen->cursor.x = rcasti_line_end(screen) - 1;
	screen->cursor.is_full = false;
}

void rcasti_wrap_line(struct rcast_screen *screen)
{
	go_down(screen);
	rcasti_cursor_row(screen)->is_wrapped = true;
	screen->cursor.x = screen->margin_left;
	screen->cursor.is_full = false;
}

void rcasti_index(struct rcast_screen *screen)
{
	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	go_down(screen);
	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
}

void rcasti_reverse_index(struct rcast_screen *screen)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);

	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	if (screen->cursor.y == buffer->scroll_top) {
		if (rcasti_is_between_margins(screen))
			rcasti_scroll_from(screen, buffer->scroll_top, false, 1);
	} else if (screen->cursor.y > 0) {
		screen->cursor.y--;
		rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	}
}

/* ── Margins ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_set_margins(struct rcast_screen *screen, uint32_t left, uint32_t right)
{
	uint32_t n_cols = screen->primary.n_cols;

	if (left == 0)
		left = 1;
	if (right == 0 || right > n_cols)
		right = n_cols;
	if (right <= left)
		return;
	screen->margin_left = (uint16_t)(left - 1);
	screen->margin_right = (uint16_t)(right - 1);
	rcasti_set_cursor(screen, 0, 0);
}

void rcasti_reset_margins(struct rcast_screen *screen)
{
	screen->margin_left = 0;
	screen->margin_right = screen->primary.n_cols - 1;
	rcasti_restrict_cursor(screen, screen->primary.n_cols);
}

/* ── Tabs ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* No further than to the right margin, and from right of it back there, as in xterm. A due wrap stays due. */
void rcasti_tab_forward(struct rcast_screen *screen, uint32_t n)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);
	uint16_t last = screen->margin_right;

	if (screen->cursor.x >= rcasti_line_end(screen))
		return;
	while (n-- > 0 && screen->cursor.x < last) {
		do {
			screen->cursor.x++;
		} while (screen->cursor.x < last && !buffer->tabs[screen->cursor.x]);
	}
	if (screen->cursor.x > last)
		screen->cursor.x = last;
}

bool *rcasti_tab_at_cursor(struct rcast_screen *screen)
{
	uint16_t last = rcasti_line_end(screen) - 1;

	return &rcasti_shown(screen)->tabs[screen->cursor.x < last ? screen->cursor.x : last];
}

void rcasti_tab_backward(struct rcast_screen *screen, uint32_t n)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);
	uint16_t first = rcasti_mode(&screen->modes, MODE_ORIGIN) ? screen->margin_left : 0;

	if (screen->cursor.x >= rcasti_line_end(screen))
		return;
	while (n-- > 0 && screen->cursor.x > first) {
		do {
			screen->cursor.x--;
		} while (screen->cursor.x > first && !buffer->tabs[screen->cursor.x]);
	}
}

/* ── Saving ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_save_cursor(struct rcast_screen *screen)
{
	struct rcasti_saved *saved = &rcasti_shown(screen)->saved;

	saved->cursor = screen->cursor;
	saved->pen = screen->pen;
	for (unsigned i = 0; i < 4; i++)
		saved->charsets[i] = screen->charsets[i];
	saved->gl = screen->gl;
	saved->origin = rcasti_mode(&screen->modes, MODE_ORIGIN);
	saved->doubts = screen->doubts & DOUBT_CURSOR;
}

void rcasti_restore_cursor(struct rcast_screen *screen)
{
	const struct rcasti_saved *saved = &rcasti_shown(screen)->saved;

	screen->cursor = saved->cursor;
	screen->pen = saved->pen;
	for (unsigned i = 0; i < 4; i++)
		screen->charsets[i] = saved->charsets[i];
	screen->gl = saved->gl;
	rcasti_modes_put(&screen->modes, MODE_ORIGIN, saved->origin);
	screen->doubts = (uint8_t)((screen->doubts & ~DOUBT_CURSOR) | saved->doubts);
	rcasti_restrict_cursor(screen, screen->primary.n_cols);
}

/* ── Control characters ──────────────────────────────────────────────────────────────────────────────────────────────── */

/* Reverse wrap-around: from the first column of a line that goes on from the one above, to the end of that. */
static void back_over_wrap(struct rcast_screen *screen)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);
	struct rcasti_row *row = rcasti_cursor_row(screen);
	const struct rcasti_cell *last;

	if (screen->cursor.y <= buffer->scroll_top || screen->cursor.y > buffer->scroll_bottom || !row->is_wrapped)
		return;
	row->is_wrapped = false;
	screen->cursor.y--;
	screen->cursor.x = screen->margin_right;
	/* A wide character that did not fit left the last column empty. */
	last = &rcasti_cursor_row(screen)->cells[screen->cursor.x];
	if (last->width > 0 && last->glyph == 0 && screen->cursor.x > 0)
		screen->cursor.x--;
}

static void backspace(struct rcast_screen *screen)
{
	bool reverse_wrap = rcasti_mode(&screen->modes, MODE_REVERSE_WRAP);

	rcasti_restrict_cursor(screen, reverse_wrap ? screen->primary.n_cols : screen->primary.n_cols - 1u);
	if (screen->cursor.x == 0 || screen->cursor.x == screen->margin_left) {
		if (reverse_wrap)
			back_over_wrap(screen);
		return;
	}
	screen->cursor.x--;
	screen->cursor.is_full = false;
}

void rcasti_execute(void *user, uint32_t control)
{
	struct rcast_screen *screen = user;

	screen->last_width = 0;
	switch (control) {
	case '\b':
		backspace(screen);
		break;
	case '\t':
		rcasti_tab_forward(screen, 1);
		break;
	case '\n':
	case '\v':
	case '\f':
		rcasti_line_feed(screen);
		break;
	case '\r':
		rcasti_carriage_return(screen);
		break;
	case 0x0e: /* SO */
		screen->gl = 1;
		break;
	case 0x0f: /* SI */
		screen->gl = 0;
		break;
	case 0x84: /* IND */
		rcasti_index(screen);
		break;
	case 0x85: /* NEL */
		rcasti_index(screen);
		rcasti_carriage_return(screen);
		break;
	case 0x88: /* HTS */
		*rcasti_tab_at_cursor(screen) = true;
		break;
	}
}
