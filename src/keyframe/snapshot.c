/* SPDX-License-Identifier: MIT */
/*
 * The snapshot: an escape stream that makes any terminal of the same size show this screen and be in this state.
 *
 * It assumes nothing of the terminal, which may be inside a sequence, in the other screen, in any mode. In order: cancel what
 * is half read, and end it where it cannot be cancelled (a DCS in tmux); leave the alternate screen; every mode to its default, which
 * takes margins away; title, palette; scrollback; the primary screen with its tab stops, region and saved cursor; if shown, the
 * alternate one, likewise; modes that are on; margins; origin; cursor, character sets, pen.
 *
 * Margins are only spoken of while their mode is on: elsewhere the sequence saves the cursor.
 *
 * Three states of a terminal have no sequence that sets them, and are reached by printing: a line that goes on from the one
 * above is drawn by wrapping into it; a wrap that is due, by printing the last character of the line once more; and that a
 * character was just printed, to which REP and marks may refer, by ending the snapshot with that character.
 *
 * What erasing left is erased here too and not written as blanks, so that copied text is the same. RIS and DECSTR are not
 * used: the one forgets what is the viewer's own, such as its scrollback, the other leaves some modes out.
 *
 * Called through the public header; reads the screen, writes by way of painter.c.
 */
#include "keyframe/painter.h"

#include <errno.h>
#include <string.h>

#include <ringcast/screen.h>

static const struct rcasti_pen plain;

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* As by erasing the line, which ends that it goes on from the one above. */
static bool is_erased_whole(const struct rcasti_painter *painter, const struct rcasti_row *row)
{
	const struct rcasti_cell *first = &row->cells[0];
	struct rcasti_pen erasing = {.bg = first->pen.bg};

	return !row->is_wrapped && first->glyph == 0 && first->width == 1 && rcasti_pen_equal(&first->pen, &erasing) &&
	       rcasti_painter_count_alike_erased(painter, row, 0) == painter->buffer->n_cols;
}

/* A wide character that did not fit into the last column wrapped early; printing it there again does the same. */
static bool wraps_early(const struct rcasti_cell *last, const struct rcasti_cell *next)
{
	return last->glyph == 0 && last->width == 1 && next->width == 2 && rcasti_pen_equal(&last->pen, &next->pen);
}

/* The next row goes on from this one: make the terminal's next character wrap. */
static void make_wrap_due(struct rcasti_painter *painter, const struct rcasti_row *row, unsigned at)
{
	unsigned n_cols = painter->buffer->n_cols, x = n_cols - 1;

	if (wraps_early(&row->cells[x], &row[1].cells[0])) {
		rcasti_painter_go_to_column(painter, &at, x);
		return;
	}
	if (at == n_cols)
		return;
	if (x > 0 && row->cells[x].width == 0)
		x--;
	rcasti_painter_go_to_column(painter, &at, x);
	rcasti_painter_put_cell(painter, &row->cells[x]);
}

/* Into a row whose first cell is erased: print something there, and erase it. */
static void wrap_into_erased(struct rcasti_painter *painter)
{
	rcasti_painter_use_pen(painter, &plain);
	rcasti_output_print(&painter->output, " \r\033[X");
}

/* The first row goes on from one that has left the screen: wrap into the second, and have that scroll up. */
static void wrap_into_first(struct rcasti_painter *painter)
{
	rcasti_output_print(&painter->output, "\033[%uG  %s\033[H\033[X", painter->buffer->n_cols,
			    painter->buffer->n_rows > 1 ? "\033[S" : "");
}

/*
 * Rows that others go on from, and whose last cell was erased since: it was printed to make the wrap, and is erased once more. What
 * erasing does not leave is left as it was printed.
 */
static void erase_ends(struct rcasti_painter *painter)
{
	const struct rcasti_row *rows = painter->buffer->rows;
	unsigned x = painter->buffer->n_cols - 1u;

	for (unsigned y = 0; y + 1u < painter->buffer->n_rows; y++) {
		const struct rcasti_cell *last = &rows[y].cells[x];
		struct rcasti_pen erasing = {.bg = last->pen.bg};
		if (!rows[y + 1].is_wrapped || last->glyph || last->width != 1 || !rcasti_pen_equal(&last->pen, &erasing))
			continue;
		rcasti_painter_use_pen(painter, &erasing);
		rcasti_output_print(&painter->output, "\033[%u;%uH\033[X", y + 1, x + 1);
	}
}

static void draw_rows(struct rcasti_painter *painter)
{
	const struct rcasti_row *rows = painter->buffer->rows;

	rcasti_painter_use_pen(painter, &plain);
	rcasti_output_print(&painter->output, "\033[H\033[J");
	if (rows[0].is_wrapped)
		wrap_into_first(painter);
	for (unsigned y = 0; y < painter->buffer->n_rows; y++) {
		unsigned at;
		if (y == 0 || !rows[y].is_wrapped)
			rcasti_output_print(&painter->output, "\033[%uH", y + 1);
		else if (rows[y].cells[0].glyph == 0)
			wrap_into_erased(painter);
		at = rcasti_painter_put_row(painter, &rows[y], 0);
		if (y + 1u < painter->buffer->n_rows && rows[y + 1].is_wrapped)
			make_wrap_due(painter, &rows[y], at);
	}
	erase_ends(painter);
}

/* ── Cursor and character sets ───────────────────────────────────────────────────────────────────────────────────────── */

static void write_position(struct rcasti_painter *painter, unsigned x, unsigned y, bool from_origin)
{
	unsigned top = from_origin ? painter->buffer->scroll_top : 0;
	unsigned left = from_origin ? painter->screen->margin_left : 0;

	rcasti_output_print(&painter->output, "\033[%u;%uH", y - top + 1, x - left + 1);
}

/* Put the cursor there; where a wrap is due, by printing what stands in the last column, or at the right margin. */
static void write_cursor(struct rcasti_painter *painter, const struct rcasti_cursor *cursor, bool from_origin)
{
	const struct rcasti_cell *cells = painter->buffer->rows[cursor->y].cells;
	unsigned x = cursor->x;

	if (x < painter->buffer->n_cols && !cursor->is_full) {
		write_position(painter, x, cursor->y, from_origin);
		return;
	}
	x--;
	if (x > 0 && cells[x].width == 0)
		x--;
	write_position(painter, x, cursor->y, from_origin);
	rcasti_painter_put_cell(painter, &cells[x]);
	if (!cursor->is_full && is_erased_whole(painter, &painter->buffer->rows[cursor->y]))
		rcasti_output_print(&painter->output, "\033[2K"); /* which leaves the wrap due, but not at a margin */
}

static void write_charsets(struct rcasti_painter *painter, const uint8_t charsets[4], uint8_t gl)
{
	static const char *const shifts[] = {"\017", "\016", "\033n", "\033o"};

	for (unsigned i = 0; i < 4; i++)
		rcasti_output_print(&painter->output, "\033%c%c", "()*+"[i], rcasti_charset_name(charsets[i]));
	rcasti_output_print(&painter->output, "%s", shifts[gl]);
}

static void write_plain_charsets(struct rcasti_painter *painter)
{
	static const uint8_t plain_charsets[4];

	write_charsets(painter, plain_charsets, 0);
}

/*
 * Bring the terminal to what was saved, save it, and leave that again. The whole screen is the scroll region. Where a wrap is due something
 * is printed, so that the rows are drawn afterwards.
 */
static void write_saved(struct rcasti_painter *painter)
{
	const struct rcasti_saved *saved = &painter->buffer->saved;
	const struct rcasti_cursor *cursor = &saved->cursor;
	bool is_due = cursor->is_full || cursor->x == painter->buffer->n_cols;

	if (cursor->is_full)
		rcasti_output_print(&painter->output, "\033[?69h\033[1;%us", cursor->x);
	if (saved->origin)
		rcasti_output_print(&painter->output, "\033[?6h");
	rcasti_output_print(&painter->output, "\033[%u;%uH%s", cursor->y + 1u, cursor->x + 1u - is_due, is_due ? " " : "");
	write_charsets(painter, saved->charsets, saved->gl);
	rcasti_painter_use_pen(painter, &saved->pen);
	rcasti_output_print(&painter->output, "\0337%s%s", saved->origin ? "\033[?6l" : "",
			    cursor->is_full ? "\033[?69l" : "");
	write_plain_charsets(painter);
}

static void write_region(struct rcasti_painter *painter)
{
	const struct rcasti_buffer *buffer = painter->buffer;

	if (buffer->scroll_top > 0 || buffer->scroll_bottom < buffer->n_rows - 1)
		rcasti_output_print(&painter->output, "\033[%u;%ur", buffer->scroll_top + 1u, buffer->scroll_bottom + 1u);
}

/* Behind which the cursor is in the corner, and positions may count from another. */
static void write_margins(struct rcasti_painter *painter)
{
	const struct rcast_screen *screen = painter->screen;

	if (!rcasti_mode(&screen->modes, MODE_MARGINS))
		return;
	rcasti_output_print(&painter->output, "\033[?69h");
	if (rcasti_has_margins(screen))
		rcasti_output_print(&painter->output, "\033[%u;%us", screen->margin_left + 1u, screen->margin_right + 1u);
}

/* ── Screens ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void write_tabs(struct rcasti_painter *painter)
{
	rcasti_output_print(&painter->output, "\033[3g");
	for (unsigned x = 0; x < painter->buffer->n_cols; x++) {
		if (painter->buffer->tabs[x])
			rcasti_output_print(&painter->output, "\033[%uG\033H", x + 1);
	}
}

static void write_keyboard(struct rcasti_painter *painter)
{
	if (painter->screen->keyboard_touched)
		rcasti_keyboard_write(&painter->buffer->keyboard, &painter->output);
}

static void draw_buffer(struct rcasti_painter *painter, const struct rcasti_buffer *buffer)
{
	painter->buffer = buffer;
	rcasti_output_print(&painter->output, "\033[r");
	write_saved(painter);
	draw_rows(painter);
	write_tabs(painter);
	write_keyboard(painter);
	write_region(painter);
}

/* What the hidden alternate screen remembers although it is blank. */
static void write_hidden_saved(struct rcasti_painter *painter)
{
	painter->buffer = &painter->screen->alternate;
	rcasti_output_print(&painter->output, "\033[?1049h\033[r");
	write_keyboard(painter);
	write_saved(painter);
	rcasti_output_print(&painter->output, "\033[?1049l");
	rcasti_painter_put_plain_pen(painter);
	write_plain_charsets(painter);
}

static void draw_shown(struct rcasti_painter *painter)
{
	const struct rcast_screen *screen = painter->screen;

	draw_buffer(painter, screen->is_alternate ? &screen->alternate : &screen->primary);
}

static void draw_screens(struct rcasti_painter *painter)
{
	const struct rcast_screen *screen = painter->screen;
	if (!screen->is_alternate)
		write_hidden_saved(painter);
	draw_buffer(painter, &screen->primary);
	if (screen->is_alternate) {
		write_cursor(painter, &screen->left_cursor, false);
		rcasti_output_print(&painter->output, "\033[?1047h");
		draw_buffer(painter, &screen->alternate);
	}
}

/* ── The end: where the stream goes on ───────────────────────────────────────────────────────────────────────────────── */

/* The cell of the character that was printed last, if it can be printed again with the pen as it is. */
static const struct rcasti_cell *find_last_printed(const struct rcasti_painter *painter)
{
	const struct rcast_screen *screen = painter->screen;
	const struct rcasti_cell *cell;

	if (screen->last_width == 0 || screen->last_width > screen->cursor.x)
		return NULL;
	cell = &painter->buffer->rows[screen->cursor.y].cells[screen->cursor.x - screen->last_width];
	return cell->glyph && cell->width == screen->last_width && rcasti_pen_equal(&cell->pen, &screen->pen) ? cell : NULL;
}

static void print_last_again(struct rcasti_painter *painter, const struct rcasti_cell *last)
{
	const struct rcast_screen *screen = painter->screen;

	write_charsets(painter, screen->charsets, screen->gl);
	rcasti_painter_use_pen(painter, &last->pen);
	write_position(painter, screen->cursor.x - last->width, screen->cursor.y, rcasti_mode(&screen->modes, MODE_ORIGIN));
	/* Inserting is to push nothing out. */
	if (screen->modes.insert)
		rcasti_output_print(&painter->output, "\033[4h\033[%uP", last->width);
	rcasti_painter_put_cell(painter, last);
}

static void write_end(struct rcasti_painter *painter)
{
	const struct rcast_screen *screen = painter->screen;
	const struct rcasti_cell *last = find_last_printed(painter);
	bool origin = rcasti_mode(&screen->modes, MODE_ORIGIN);

	rcasti_modes_write(&screen->modes, &painter->output);
	write_margins(painter);
	if (origin)
		rcasti_output_print(&painter->output, "\033[?6h");
	if (rcasti_mode(&screen->modes, MODE_SYNCHRONIZED))
		rcasti_output_print(&painter->output, "\033[?2026h");
	if (last) {
		print_last_again(painter, last);
		return;
	}
	write_cursor(painter, &screen->cursor, origin);
	write_charsets(painter, screen->charsets, screen->gl);
	rcasti_painter_use_pen(painter, &screen->pen);
	if (screen->modes.insert)
		rcasti_output_print(&painter->output, "\033[4h");
}

static void write_titles(struct rcasti_painter *painter)
{
	const struct rcasti_title_stack *stack = &painter->screen->title_stack;

	for (unsigned i = 0; i < stack->n_titles; i++) {
		rcasti_painter_put_title(painter, stack->titles[i]);
		rcasti_output_print(&painter->output, "\033[22;2t");
	}
	if (painter->screen->has_title || stack->n_titles > 0)
		rcasti_painter_put_title(painter, painter->screen->title);
}

static int take_snapshot(const struct rcast_screen *screen, bool of_both, char **bytes, size_t *n_bytes)
{
	struct rcasti_painter painter = {.screen = screen};

	*bytes = NULL;
	*n_bytes = 0;
	if (!rcast_screen_is_at_cut_point(screen) && screen->parser.pending_overflow)
		return -EAGAIN;
	rcasti_output_print(&painter.output, "\030\033\\%s", of_both ? "\033[?1049l" : "");
	rcasti_painter_put_plain_pen(&painter);
	rcasti_modes_write_defaults(&screen->modes, &painter.output);
	write_plain_charsets(&painter);
	write_titles(&painter);
	rcasti_palette_write(&screen->palette, &painter.output);
	if (of_both) {
		rcasti_scrollback_write(screen, &painter.output);
		draw_screens(&painter);
	} else {
		draw_shown(&painter);
	}
	write_end(&painter);
	if (!rcast_screen_is_at_cut_point(screen))
		rcasti_output_put(&painter.output, screen->parser.pending, screen->parser.n_pending);
	return rcasti_output_finish(&painter.output, bytes, n_bytes);
}

int rcast_screen_snapshot(const struct rcast_screen *screen, char **bytes, size_t *n_bytes)
{
	return take_snapshot(screen, true, bytes, n_bytes);
}

int rcast_screen_snapshot_shown(const struct rcast_screen *screen, char **bytes, size_t *n_bytes)
{
	return take_snapshot(screen, false, bytes, n_bytes);
}
