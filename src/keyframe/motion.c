/* SPDX-License-Identifier: MIT */
/*
 * The cursor: where it may stand, how it moves, what scrolls when it cannot move on.
 *
 * x runs from 0 to n_cols; n_cols means that the line is full and a wrap is due. Most motions first bring the cursor back
 * onto the last column, and into the scroll region if the origin is there. y counts from the top of the screen here; only
 * rcasti_set_cursor counts from the origin.
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
	bool origin = rcasti_mode(&screen->modes, MODE_ORIGIN);

	screen->cursor.x = (uint16_t)clamp(x, 0, max_x);
	screen->cursor.y =
		(uint16_t)clamp(y, origin ? buffer->scroll_top : 0, origin ? buffer->scroll_bottom : buffer->n_rows - 1);
}

void rcasti_restrict_cursor(struct rcast_screen *screen, uint32_t max_x)
{
	place(screen, screen->cursor.x, screen->cursor.y, max_x);
}

void rcasti_set_cursor(struct rcast_screen *screen, int64_t x, int64_t y)
{
	int64_t origin = rcasti_mode(&screen->modes, MODE_ORIGIN) ? rcasti_shown(screen)->scroll_top : 0;

	place(screen, x, origin + y, screen->primary.n_cols - 1);
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
	struct rcasti_pen fill = rcasti_erasing_pen(screen);

	if (screen->cursor.y == buffer->scroll_bottom) {
		if (buffer->scroll_top == 0 && !screen->is_alternate)
			rcasti_scrollback_take(screen, 1);
		rcasti_buffer_scroll_up(buffer, buffer->scroll_top, buffer->scroll_bottom, 1, &fill);
		return true;
	}
	if (screen->cursor.y < buffer->n_rows - 1)
		screen->cursor.y++;
	return false;
}

void rcasti_line_feed(struct rcast_screen *screen)
{
	uint16_t y = screen->cursor.y;

	if (screen->modes.new_line)
		screen->cursor.x = 0;
	if (!go_down(screen) && screen->cursor.y != y)
		rcasti_cursor_row(screen)->is_wrapped = false;
	if (screen->cursor.x >= screen->primary.n_cols)
		screen->cursor.x = screen->primary.n_cols - 1;
}

void rcasti_wrap_line(struct rcast_screen *screen)
{
	go_down(screen);
	rcasti_cursor_row(screen)->is_wrapped = true;
}

void rcasti_index(struct rcast_screen *screen)
{
	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	go_down(screen);
	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
}

void rcasti_reverse_index(struct rcast_screen *screen)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);
	struct rcasti_pen fill = rcasti_erasing_pen(screen);

	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	if (screen->cursor.y == buffer->scroll_top) {
		rcasti_buffer_scroll_down(buffer, buffer->scroll_top, buffer->scroll_bottom, 1, &fill);
	} else if (screen->cursor.y > 0) {
		screen->cursor.y--;
		rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	}
}

/* ── Tabs ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_tab_forward(struct rcast_screen *screen, uint32_t n)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);
	uint16_t last = buffer->n_cols - 1;

	if (screen->cursor.x >= buffer->n_cols)
		return;
	while (n-- > 0 && screen->cursor.x < last) {
		do {
			screen->cursor.x++;
		} while (screen->cursor.x < last && !buffer->tabs[screen->cursor.x]);
	}
}

bool *rcasti_tab_at_cursor(struct rcast_screen *screen)
{
	uint16_t last = screen->primary.n_cols - 1;

	return &rcasti_shown(screen)->tabs[screen->cursor.x < last ? screen->cursor.x : last];
}

void rcasti_tab_backward(struct rcast_screen *screen, uint32_t n)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);

	if (screen->cursor.x >= buffer->n_cols)
		return;
	while (n-- > 0 && screen->cursor.x > 0) {
		do {
			screen->cursor.x--;
		} while (screen->cursor.x > 0 && !buffer->tabs[screen->cursor.x]);
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
	screen->cursor.x = buffer->n_cols - 1;
	/* A wide character that did not fit left the last column empty. */
	last = &rcasti_cursor_row(screen)->cells[screen->cursor.x];
	if (last->width > 0 && last->glyph == 0 && screen->cursor.x > 0)
		screen->cursor.x--;
}

static void backspace(struct rcast_screen *screen)
{
	bool reverse_wrap = rcasti_mode(&screen->modes, MODE_REVERSE_WRAP);

	rcasti_restrict_cursor(screen, reverse_wrap ? screen->primary.n_cols : screen->primary.n_cols - 1u);
	if (screen->cursor.x > 0)
		screen->cursor.x--;
	else if (reverse_wrap)
		back_over_wrap(screen);
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
		screen->cursor.x = 0;
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
		screen->cursor.x = 0;
		rcasti_index(screen);
		break;
	case 0x88: /* HTS */
		*rcasti_tab_at_cursor(screen) = true;
		break;
	}
}
