/* SPDX-License-Identifier: MIT */
/*
 * Doubt: what may be wrong after output was lost, and what puts it right again.
 *
 * In doubt are: whether the stream is inside a sequence; the cursor's row and column; the pen; which screen is shown; and of
 * each row whether its cells are what they should be. A flag in the row says that, so that it goes where the row goes. What is
 * set outright is certain from then on. What touches cells while anything but the screen is in doubt may have touched any row,
 * and all that are shown become doubtful; a row that is erased whole, or scrolls in, while nothing is, is certain. Saved
 * cursors keep the doubts that there were. The screen is known when nothing is in doubt but which of the two it is, which
 * nobody sees before the next switch.
 *
 * Two things are certain without being said. Every sequence begins with ESC or a C1 control, which mean the same in all states
 * of a terminal: the first one ends the doubt about sequences. And behind as many line feeds as there are rows, the cursor is
 * in the last.
 *
 * None of this costs anything while nothing is in doubt: the parser's events go by way of here only from mark_unknown to RIS.
 * Called by the parser; calls what screen.c would have it call.
 */
#include "keyframe/state.h"

#include <string.h>

#include <ringcast/screen.h>

#define DOUBT_TOUCHING (DOUBT_SEQUENCE | DOUBT_CURSOR)

static void settle(struct rcast_screen *screen, unsigned doubts)
{
	screen->doubts &= (uint8_t)~doubts;
}

static void set_rows_doubtful(struct rcasti_buffer *buffer, unsigned first, unsigned end, bool is_doubtful)
{
	for (unsigned y = first; y < end; y++)
		buffer->rows[y].is_doubtful = is_doubtful;
}

/* Does a carriage return go to the same column from everywhere? */
static bool has_one_line_start(const struct rcast_screen *screen)
{
	return screen->margin_left == 0 || rcasti_mode(&screen->modes, MODE_ORIGIN);
}

/* Cells were touched. */
static void touch(struct rcast_screen *screen)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	if (screen->doubts & DOUBT_TOUCHING)
		set_rows_doubtful(buffer, 0, buffer->n_rows, true);
}

/* A character is about to be printed: it wraps or does not, if the column is in doubt. */
static void prepare_print(struct rcast_screen *screen)
{
	if (screen->doubts & DOUBT_COLUMN)
		screen->doubts |= DOUBT_ROW;
}

static void note_line_feed(struct rcast_screen *screen)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);

	if (screen->doubts & DOUBT_SEQUENCE)
		return;
	screen->n_line_feeds++;
	if (screen->n_line_feeds >= buffer->n_rows && buffer->scroll_top == 0 &&
	    buffer->scroll_bottom == buffer->n_rows - 1 && !rcasti_has_margins(screen))
		settle(screen, DOUBT_ROW);
}

/* ── Erasing ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void note_erased_display(struct rcast_screen *screen, uint32_t which)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);
	unsigned y = screen->cursor.y;

	if (which == 2 && !(screen->doubts & DOUBT_PEN)) {
		set_rows_doubtful(buffer, 0, buffer->n_rows, false);
	} else if (screen->doubts & DOUBT_CURSOR) {
		touch(screen);
	} else if (which == 0) {
		set_rows_doubtful(buffer, screen->cursor.x == 0 ? y : y + 1, buffer->n_rows, false);
	} else if (which == 1) {
		set_rows_doubtful(buffer, 0, y, false);
	}
}

static void note_erased_line(struct rcast_screen *screen, uint32_t which)
{
	bool is_whole = which == 2 || (which == 0 && screen->cursor.x == 0);

	if (screen->doubts & (which == 2 ? DOUBT_ROW | DOUBT_PEN : DOUBT_CURSOR))
		touch(screen);
	else if (is_whole)
		rcasti_cursor_row(screen)->is_doubtful = false;
}

/* ── Switching screens ───────────────────────────────────────────────────────────────────────────────────────────────── */

static bool has_parameter(const struct rcasti_sequence *sequence, uint32_t value)
{
	for (unsigned i = 0; i < sequence->n_parameters; i++) {
		if (sequence->parameters[i].value == value)
			return true;
	}
	return false;
}

static bool switches_screens(const struct rcasti_sequence *sequence)
{
	return has_parameter(sequence, 47) || has_parameter(sequence, 1047) || has_parameter(sequence, 1049);
}

static void doubt_both_screens(struct rcast_screen *screen)
{
	set_rows_doubtful(&screen->primary, 0, screen->primary.n_rows, true);
	set_rows_doubtful(&screen->alternate, 0, screen->alternate.n_rows, true);
	screen->primary.saved.doubts = screen->alternate.saved.doubts = DOUBT_CURSOR;
}

/* If it was in doubt which one is shown, then what was put down to one may belong to the other. */
static void switch_screens(struct rcast_screen *screen, const struct rcasti_sequence *sequence, uint8_t final)
{
	bool is_doubtful = screen->doubts & DOUBT_SCREEN;

	if (is_doubtful)
		doubt_both_screens(screen);
	rcasti_csi(screen, sequence, final);
	if (is_doubtful)
		doubt_both_screens(screen);
	settle(screen, DOUBT_SCREEN);
	touch(screen);
}

static void note_private_mode(struct rcast_screen *screen, const struct rcasti_sequence *sequence, uint8_t final)
{
	if (switches_screens(sequence)) {
		switch_screens(screen, sequence, final);
		return;
	}
	rcasti_csi(screen, sequence, final);
	if (has_parameter(sequence, 6)) /* has sent the cursor to the origin */
		settle(screen, DOUBT_ROW | DOUBT_COLUMN);
	if (has_parameter(sequence, 1048)) { /* may have sent it anywhere */
		screen->n_line_feeds = 0;
		screen->doubts |= (rcasti_shown(screen)->saved.doubts & DOUBT_CURSOR);
	}
}

/* ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void print_ascii(void *user, const uint8_t *text, size_t n_bytes)
{
	prepare_print(user);
	rcasti_print_ascii(user, text, n_bytes);
	touch(user);
}

static void print(void *user, uint32_t character)
{
	prepare_print(user);
	rcasti_print(user, character);
	touch(user);
}

static void execute(void *user, uint32_t control)
{
	struct rcast_screen *screen = user;

	if (control == '\b' && rcasti_mode(&screen->modes, MODE_REVERSE_WRAP) && rcasti_cursor_row(screen)->is_doubtful) {
		screen->doubts |= DOUBT_ROW | DOUBT_COLUMN;
		screen->n_line_feeds = 0;
	}
	rcasti_execute(screen, control);
	if (control == '\r' && !(screen->doubts & DOUBT_SEQUENCE) && has_one_line_start(screen))
		settle(screen, DOUBT_COLUMN);
	if ((control >= '\n' && control <= '\f') || control == 0x84 || control == 0x85) {
		touch(screen);
		note_line_feed(screen);
	}
}

static void escape(void *user, uint32_t collected, uint8_t final)
{
	struct rcast_screen *screen = user;
	struct rcasti_buffer *buffer;

	settle(screen, DOUBT_SEQUENCE);
	rcasti_escape(screen, collected, final);
	if (collected == 0 && final == 'c') {
		screen->parser.events = &rcasti_screen_events;
	} else if (collected == '#' && final == '8' && !(screen->doubts & DOUBT_PEN)) {
		buffer = rcasti_shown(screen);
		settle(screen, DOUBT_ROW | DOUBT_COLUMN);
		set_rows_doubtful(buffer, 0, buffer->n_rows, false);
	} else if ((collected == 0 && strchr("DEM69", final)) || collected == '#') {
		touch(screen);
		screen->n_line_feeds = 0;
	}
}

/* What sequences without a prefix put right, and those that touch cells. */
static void note_plain_csi(struct rcast_screen *screen, const struct rcasti_sequence *sequence, uint8_t final)
{
	uint32_t first = rcasti_parameter(sequence, 0);

	if (!strchr("mKhlCDG", final))
		screen->n_line_feeds = 0;
	switch (final) {
	case 'H':
	case 'f':
		settle(screen, DOUBT_ROW | DOUBT_COLUMN);
		break;
	case 'd':
		settle(screen, DOUBT_ROW);
		break;
	case 'E':
	case 'F':
		if (has_one_line_start(screen))
			settle(screen, DOUBT_COLUMN);
		break;
	case 'G':
	case '`':
		settle(screen, DOUBT_COLUMN);
		break;
	case 'm':
		if (first == 0)
			settle(screen, DOUBT_PEN);
		break;
	case 'J':
		note_erased_display(screen, first);
		break;
	case 'K':
		note_erased_line(screen, first);
		break;
	case '@':
	case 'L':
	case 'M':
	case 'P':
	case 'S':
	case 'T':
	case 'X':
	case 'b':
		touch(screen);
		break;
	}
}

static void csi(void *user, const struct rcasti_sequence *sequence, uint8_t final)
{
	struct rcast_screen *screen = user;

	settle(screen, DOUBT_SEQUENCE);
	if (sequence->collected == '?' && (final == 'h' || final == 'l')) {
		note_private_mode(screen, sequence, final);
		return;
	}
	if (sequence->collected == 0 && final == 'b')
		prepare_print(screen);
	rcasti_csi(screen, sequence, final);
	if (sequence->collected == 0)
		note_plain_csi(screen, sequence, final);
	else if (sequence->collected == '!' && final == 'p')
		settle(screen, DOUBT_PEN);
	else if (strchr("@AJKrtvxz{}~", final))
		touch(screen);
}

static void osc(void *user, uint32_t number, const char *text, size_t n_bytes)
{
	settle(user, DOUBT_SEQUENCE);
	rcasti_screen_events.osc(user, number, text, n_bytes);
}

static void string_end(void *user)
{
	settle(user, DOUBT_SEQUENCE);
	rcasti_screen_events.string_end(user);
}

static const struct rcasti_parser_events doubting_events = {
	.print_ascii = print_ascii,
	.print = print,
	.execute = execute,
	.escape = escape,
	.csi = csi,
	.osc = osc,
	.string_end = string_end,
};

/* ── The cut ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void take_for_off(struct rcast_screen *screen, struct rcasti_buffer *buffer)
{
	buffer->scroll_top = 0;
	buffer->scroll_bottom = buffer->n_rows - 1;
	buffer->saved.origin = false;
	rcasti_buffer_reset_tabs(buffer);
}

void rcast_screen_mark_unknown(struct rcast_screen *screen)
{
	static const enum rcasti_mode off[] = {MODE_ORIGIN, MODE_REVERSE_WRAP, MODE_SYNCHRONIZED};

	rcasti_parser_init(&screen->parser, &doubting_events, screen);
	for (unsigned i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		rcasti_modes_put(&screen->modes, off[i], false);
	rcasti_modes_put(&screen->modes, MODE_WRAP, true);
	screen->modes.insert = screen->modes.new_line = false;
	rcasti_reset_margins(screen);
	take_for_off(screen, &screen->primary);
	take_for_off(screen, &screen->alternate);
	rcasti_reset_charsets(screen);
	screen->pen.attributes &= ~(uint32_t)PEN_PROTECTED;
	screen->last_width = 0;
	screen->n_line_feeds = 0;
	screen->doubts = DOUBT_ALL;
	doubt_both_screens(screen);
}

bool rcast_screen_is_known(const struct rcast_screen *screen)
{
	const struct rcasti_buffer *buffer = rcasti_shown_const(screen);

	if (screen->doubts & DOUBT_TOUCHING)
		return false;
	for (unsigned y = 0; y < buffer->n_rows; y++) {
		if (buffer->rows[y].is_doubtful)
			return false;
	}
	return true;
}
