/* SPDX-License-Identifier: MIT */
/*
 * Escape and control sequences: what each does to the screen.
 *
 * The meanings are those that xterm and xterm.js share; those of margins and rectangles, which xterm.js has not, are xterm's. Lines
 * of double width and 8-bit character sets are not followed. Queries (DA, DSR, DECRQM and the like) are not answered.
 *
 * Called by the parser through screen.c; calls edit.c, rectangle.c, motion.c, modes.c, pen.c.
 */
#include "keyframe/state.h"

/* ── Cursor ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Up and down stop at the edge of the region, unless the cursor is past it already. */
static void move_vertically(struct rcast_screen *screen, bool up, int64_t n)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);
	int64_t to_edge = up ? screen->cursor.y - buffer->scroll_top : buffer->scroll_bottom - screen->cursor.y;

	if (to_edge >= 0 && n > to_edge)
		n = to_edge;
	rcasti_move_cursor(screen, 0, up ? -n : n);
}

/* Likewise left and right at a margin. */
static void move_horizontally(struct rcast_screen *screen, bool left, int64_t n)
{
	int64_t to_margin;

	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	to_margin = left ? screen->cursor.x - screen->margin_left : screen->margin_right - screen->cursor.x;
	if (to_margin >= 0 && n > to_margin)
		n = to_margin;
	rcasti_move_cursor(screen, left ? -n : n, 0);
}

/* How far right of the corner, or below it, positions are counted from. */
static uint16_t origin_column(const struct rcast_screen *screen)
{
	return rcasti_mode(&screen->modes, MODE_ORIGIN) ? screen->margin_left : 0;
}

/* Column or row alone: the other stays, whatever the origin is. */
static void set_column(struct rcast_screen *screen, uint32_t column)
{
	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	rcasti_move_cursor(screen, (int64_t)column - 1 + origin_column(screen) - screen->cursor.x, 0);
}

static void set_row(struct rcast_screen *screen, uint32_t row)
{
	rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
	rcasti_set_cursor(screen, screen->cursor.x - origin_column(screen), (int64_t)row - 1);
}

static bool move(struct rcast_screen *screen, uint8_t final, uint32_t first, uint32_t second)
{
	uint32_t n = first ? first : 1;

	switch (final) {
	case 'A':
	case 'B':
		move_vertically(screen, final == 'A', n);
		return true;
	case 'C':
	case 'D':
		move_horizontally(screen, final == 'D', n);
		return true;
	case 'a':
		rcasti_move_cursor(screen, n, 0);
		return true;
	case 'E':
	case 'F':
		move_vertically(screen, final == 'F', n);
		rcasti_carriage_return(screen);
		return true;
	case 'G':
	case '`':
		set_column(screen, n);
		return true;
	case 'H':
	case 'f':
		rcasti_set_cursor(screen, second ? (int64_t)second - 1 : 0, (int64_t)n - 1);
		return true;
	case 'd':
		set_row(screen, n);
		return true;
	case 'e':
		rcasti_move_cursor(screen, 0, n);
		return true;
	case 'I':
		rcasti_tab_forward(screen, n);
		return true;
	case 'Z':
		rcasti_tab_backward(screen, n);
		return true;
	}
	return false;
}

/* ── Modes ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void set_alternate(struct rcast_screen *screen, uint32_t number, bool on)
{
	if (number == 1049 && on)
		rcasti_save_cursor(screen);
	if (on)
		rcasti_show_alternate(screen);
	else
		rcasti_show_primary(screen);
	if (number == 1049 && !on)
		rcasti_restore_cursor(screen);
}

static void set_private_mode(struct rcast_screen *screen, uint32_t number, bool on)
{
	switch (number) {
	case 2: /* DECANM: back to ANSI */
		if (on)
			screen->charsets[0] = screen->charsets[1] = screen->charsets[2] = screen->charsets[3] =
				CHARSET_ASCII;
		break;
	case 6:
		rcasti_modes_put(&screen->modes, MODE_ORIGIN, on);
		rcasti_set_cursor(screen, 0, 0);
		break;
	case 69:
		rcasti_modes_put(&screen->modes, MODE_MARGINS, on);
		if (!on)
			rcasti_reset_margins(screen);
		break;
	case 47:
	case 1047:
	case 1049:
		set_alternate(screen, number, on);
		break;
	case 1048:
		if (on)
			rcasti_save_cursor(screen);
		else
			rcasti_restore_cursor(screen);
		break;
	default:
		rcasti_modes_set_private(&screen->modes, number, on);
	}
}

static void set_modes(struct rcast_screen *screen, const struct rcasti_sequence *sequence, bool on)
{
	for (unsigned i = 0; i < sequence->n_parameters; i++) {
		uint32_t number = sequence->parameters[i].value;
		if (sequence->collected == '?')
			set_private_mode(screen, number, on);
		else if (number == 4)
			screen->modes.insert = on;
		else if (number == 20)
			screen->modes.new_line = on;
	}
}

static void clear_tabs(struct rcast_screen *screen, uint32_t which)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	if (which == 0)
		*rcasti_tab_at_cursor(screen) = false;
	for (unsigned x = 0; which == 3 && x < buffer->n_cols; x++)
		buffer->tabs[x] = false;
}

static void window_operation(struct rcast_screen *screen, uint32_t operation, uint32_t what)
{
	if (what == 1) /* the icon's name */
		return;
	if (operation == 22)
		rcasti_title_push(screen);
	else if (operation == 23)
		rcasti_title_pop(screen);
}

/* ── Dispatch ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define WITH(prefix, final) ((uint32_t)(prefix) << 8 | (uint32_t)(final))

static void plain_csi(struct rcast_screen *screen, const struct rcasti_sequence *sequence, uint8_t final)
{
	uint32_t first = rcasti_parameter(sequence, 0), second = rcasti_parameter(sequence, 1);
	uint32_t n = first ? first : 1;

	if (move(screen, final, first, second))
		return;
	switch (final) {
	case '@':
		rcasti_insert_cells(screen, n);
		break;
	case 'P':
		rcasti_delete_cells(screen, n);
		break;
	case 'X':
		rcasti_erase_cells(screen, n);
		break;
	case 'J':
		rcasti_erase_in_display(screen, first, false);
		break;
	case 'K':
		rcasti_erase_in_line(screen, first, false);
		break;
	case 'L':
		rcasti_insert_lines(screen, n);
		break;
	case 'M':
		rcasti_delete_lines(screen, n);
		break;
	case 'S':
	case 'T':
		rcasti_scroll_region(screen, final == 'S', n);
		break;
	case 'b':
		rcasti_repeat(screen, n);
		break;
	case 'g':
		clear_tabs(screen, first);
		break;
	case 'h':
	case 'l':
		set_modes(screen, sequence, final == 'h');
		break;
	case 'm':
		rcasti_pen_apply_sgr(&screen->pen, sequence);
		break;
	case 'r':
		rcasti_set_scroll_region(screen, first, second);
		break;
	case 's':
		if (rcasti_mode(&screen->modes, MODE_MARGINS))
			rcasti_set_margins(screen, first, second);
		else
			rcasti_save_cursor(screen);
		break;
	case 't':
		window_operation(screen, first, second);
		break;
	case 'u':
		rcasti_restore_cursor(screen);
		break;
	}
}

static void set_modify_other_keys(struct rcast_screen *screen, const struct rcasti_sequence *sequence)
{
	if (rcasti_parameter(sequence, 0) != 4)
		return;
	screen->modes.modify_other_keys = (uint8_t)(rcasti_parameter(sequence, 1) & 3);
	screen->modes.modify_other_keys_touched = true;
}

/* CSI > u, CSI < u, CSI = u */
static void set_keyboard(struct rcast_screen *screen, const struct rcasti_sequence *sequence)
{
	struct rcasti_keyboard *keyboard = &rcasti_shown(screen)->keyboard;
	uint32_t first = rcasti_parameter(sequence, 0), second = rcasti_parameter(sequence, 1);

	screen->keyboard_touched = true;
	if (sequence->collected == '>')
		rcasti_keyboard_push(keyboard, first);
	else if (sequence->collected == '<')
		rcasti_keyboard_pop(keyboard, first ? first : 1);
	else
		rcasti_keyboard_change(keyboard, first, second ? second : KEYBOARD_SET);
}

static void set_protection(struct rcast_screen *screen, uint32_t which)
{
	if (which == 1)
		screen->pen.attributes |= PEN_PROTECTED;
	else if (which == 0 || which == 2)
		screen->pen.attributes &= ~(uint32_t)PEN_PROTECTED;
}

/* With a prefix, or intermediates. */
static void marked_csi(struct rcast_screen *screen, const struct rcasti_sequence *sequence, uint8_t final)
{
	uint32_t first = rcasti_parameter(sequence, 0);
	uint32_t n = first ? first : 1;

	switch (sequence->collected << 8 | final) {
	case WITH('?', 'J'):
		rcasti_erase_in_display(screen, first, true);
		break;
	case WITH('?', 'K'):
		rcasti_erase_in_line(screen, first, true);
		break;
	case WITH('?', 'h'):
	case WITH('?', 'l'):
		set_modes(screen, sequence, final == 'h');
		break;
	case WITH('>', 'm'):
		set_modify_other_keys(screen, sequence);
		break;
	case WITH('>', 'u'):
	case WITH('<', 'u'):
	case WITH('=', 'u'):
		set_keyboard(screen, sequence);
		break;
	case WITH(' ', '@'):
		rcasti_delete_columns(screen, screen->margin_left, n);
		break;
	case WITH(' ', 'A'):
		rcasti_insert_columns(screen, screen->margin_left, n);
		break;
	case WITH('\'', '}'):
		rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
		rcasti_insert_columns(screen, screen->cursor.x, n);
		break;
	case WITH('\'', '~'):
		rcasti_restrict_cursor(screen, screen->primary.n_cols - 1u);
		rcasti_delete_columns(screen, screen->cursor.x, n);
		break;
	case WITH('*', 'x'):
		rcasti_select_extent(screen, first);
		break;
	case WITH('$', 'r'):
	case WITH('$', 't'):
	case WITH('$', 'v'):
	case WITH('$', 'x'):
	case WITH('$', 'z'):
	case WITH('$', '{'):
		rcasti_rectangle(screen, sequence, final);
		break;
	case WITH('!', 'p'):
		rcasti_soft_reset(screen);
		break;
	case WITH(' ', 'q'):
		screen->modes.cursor_style = first <= 6 ? (uint8_t)first : screen->modes.cursor_style;
		break;
	case WITH('"', 'q'):
		set_protection(screen, first);
		break;
	}
}

void rcasti_csi(void *user, const struct rcasti_sequence *sequence, uint8_t final)
{
	struct rcast_screen *screen = user;

	if (sequence->collected == 0)
		plain_csi(screen, sequence, final);
	else
		marked_csi(screen, sequence, final);
	screen->last_width = 0;
}

static void alignment_pattern(struct rcast_screen *screen)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);
	struct rcasti_cell cell = {.glyph = 'E', .width = 1, .pen = screen->pen};

	cell.pen.link = 0;
	rcasti_reset_margins(screen);
	for (unsigned y = 0; y < buffer->n_rows; y++) {
		for (unsigned x = 0; x < buffer->n_cols; x++)
			buffer->rows[y].cells[x] = cell;
		buffer->rows[y].n_written = buffer->n_cols;
		buffer->rows[y].is_wrapped = false;
	}
	rcasti_set_cursor(screen, 0, 0);
}

/* One column back, or forth; at the margin what is between the margins moves instead (DECBI, DECFI). */
static void index_column(struct rcast_screen *screen, bool back)
{
	if (back && screen->cursor.x == screen->margin_left)
		rcasti_insert_columns(screen, screen->margin_left, 1);
	else if (!back && screen->cursor.x + 1 >= rcasti_line_end(screen) && rcasti_is_between_margins(screen))
		rcasti_delete_columns(screen, screen->margin_left, 1);
	else
		rcasti_move_cursor(screen, back ? -1 : 1, 0);
}

/* ( ) * + - . name the set to designate. */
static void designate(struct rcast_screen *screen, uint32_t intermediate, uint8_t final)
{
	static const uint8_t sets[] = {['('] = 0, [')'] = 1, ['*'] = 2, ['+'] = 3, ['-'] = 1, ['.'] = 2};

	if (intermediate < '(' || intermediate > '.' || intermediate == ',')
		return;
	screen->charsets[sets[intermediate]] = rcasti_charset_find(final);
}

static void plain_escape(struct rcast_screen *screen, uint8_t final)
{
	switch (final) {
	case '6':
	case '9':
		index_column(screen, final == '6');
		break;
	case '7':
		rcasti_save_cursor(screen);
		break;
	case '8':
		rcasti_restore_cursor(screen);
		break;
	case '=':
	case '>':
		rcasti_modes_put(&screen->modes, MODE_KEYPAD, final == '=');
		break;
	case 'D':
	case 'E':
	case 'H':
		rcasti_execute(screen, final + 0x40u);
		break;
	case 'M':
		rcasti_reverse_index(screen);
		break;
	case 'c':
		rcasti_full_reset(screen);
		break;
	case 'n':
		screen->gl = 2;
		break;
	case 'o':
		screen->gl = 3;
		break;
	}
}

void rcasti_escape(void *user, uint32_t collected, uint8_t final)
{
	struct rcast_screen *screen = user;

	if (collected == 0)
		plain_escape(screen, final);
	else if (collected == '#' && final == '8')
		alignment_pattern(screen);
	else if (collected == '%' && (final == '@' || final == 'G'))
		screen->gl = screen->charsets[0] = CHARSET_ASCII;
	else
		designate(screen, collected, final);
	screen->last_width = 0;
}
