/* SPDX-License-Identifier: MIT */
/*
 * The snapshot: an escape stream that makes any terminal of the same size show this screen and be in this state.
 *
 * It assumes nothing of the terminal, which may be inside a sequence, in the other screen, in any mode. In order: cancel what
 * is half read; leave the alternate screen; every mode to its default; title; the primary screen with its tab stops, region
 * and saved cursor; if shown, the alternate one, likewise; modes that are on; cursor, character sets, pen.
 *
 * Three states of a terminal have no sequence that sets them, and are reached by printing: a line that goes on from the one
 * above is drawn by wrapping into it; a wrap that is due, by printing the last character of the line once more; and that a
 * character was just printed, to which REP and marks may refer, by ending the snapshot with that character.
 *
 * What erasing left is erased here too and not written as blanks, so that copied text is the same. RIS and DECSTR are not
 * used: the one forgets what is the viewer's own, such as its scrollback, the other leaves some modes out.
 *
 * Called through the public header; reads the screen, writes output.c.
 */
#include "keyframe/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

static const struct rcasti_pen plain;

struct drawing {
	const struct rcast_screen *screen;
	const struct rcasti_buffer *buffer; /* the one being drawn */
	struct rcasti_output output;
	struct rcasti_pen pen; /* that the terminal has now */
};

static void use_pen(struct drawing *drawing, const struct rcasti_pen *pen)
{
	rcasti_pen_write(pen, &drawing->pen, &drawing->output);
	drawing->pen = *pen;
}

static void put_characters(struct drawing *drawing, const struct rcasti_cell *cell)
{
	uint32_t characters[CLUSTER_MAX_CHARACTERS];
	unsigned n = rcasti_cell_characters(drawing->screen, cell, characters);

	use_pen(drawing, &cell->pen);
	for (unsigned i = 0; i < n; i++)
		rcasti_output_put_character(&drawing->output, characters[i]);
	if (n == 0)
		rcasti_output_put(&drawing->output, " ", 1);
}

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void go_to_column(struct drawing *drawing, unsigned *at, unsigned x)
{
	if (*at != x)
		rcasti_output_print(&drawing->output, "\033[%uG", x + 1);
	*at = x;
}

static unsigned count_alike_erased(const struct drawing *drawing, const struct rcasti_row *row, unsigned x)
{
	unsigned n = 1;

	while (x + n < drawing->buffer->n_cols && row->cells[x + n].glyph == 0 && row->cells[x + n].width == 1 &&
	       rcasti_pen_equal(&row->cells[x].pen, &row->cells[x + n].pen))
		n++;
	return n;
}

/* n erased cells: nothing to do for plain ones, since the screen was cleared. `at` is where the cursor is. */
static void draw_erased(struct drawing *drawing, const struct rcasti_cell *cell, unsigned n, unsigned *at, unsigned x)
{
	struct rcasti_pen erasing = {.bg = cell->pen.bg};

	if (rcasti_pen_equal(&cell->pen, &plain))
		return;
	go_to_column(drawing, at, x);
	use_pen(drawing, &cell->pen);
	if (rcasti_pen_equal(&cell->pen, &erasing)) {
		rcasti_output_print(&drawing->output, "\033[%uX", n);
		return;
	}
	/* No erasing leaves attributes, only a wide character that was parted does. */
	for (unsigned i = 0; i < n; i++)
		rcasti_output_put(&drawing->output, " ", 1);
	*at = x + n;
}

/* Returns the column that the cursor is left in; n_cols: a wrap is due. */
static unsigned draw_cells(struct drawing *drawing, const struct rcasti_row *row, unsigned at)
{
	unsigned x = 0;

	while (x < drawing->buffer->n_cols) {
		const struct rcasti_cell *cell = &row->cells[x];
		if (cell->glyph == 0) {
			unsigned n = count_alike_erased(drawing, row, x);
			draw_erased(drawing, cell, n, &at, x);
			x += n;
		} else {
			go_to_column(drawing, &at, x);
			put_characters(drawing, cell);
			x += cell->width;
			at = x;
		}
	}
	return at;
}

/* A wide character that did not fit into the last column wrapped early; printing it there again does the same. */
static bool wraps_early(const struct rcasti_cell *last, const struct rcasti_cell *next)
{
	return last->glyph == 0 && last->width == 1 && next->width == 2 && rcasti_pen_equal(&last->pen, &next->pen);
}

/* The next row goes on from this one: make the terminal's next character wrap. */
static void make_wrap_due(struct drawing *drawing, const struct rcasti_row *row, unsigned at)
{
	unsigned n_cols = drawing->buffer->n_cols, x = n_cols - 1;

	if (wraps_early(&row->cells[x], &row[1].cells[0])) {
		go_to_column(drawing, &at, x);
		return;
	}
	if (at == n_cols)
		return;
	if (x > 0 && row->cells[x].width == 0)
		x--;
	go_to_column(drawing, &at, x);
	put_characters(drawing, &row->cells[x]);
}

/* Into a row whose first cell is erased: print something there, and erase it. */
static void wrap_into_erased(struct drawing *drawing)
{
	use_pen(drawing, &plain);
	rcasti_output_print(&drawing->output, " \r\033[X");
}

/* The first row goes on from one that has left the screen: wrap into the second, and have that scroll up. */
static void wrap_into_first(struct drawing *drawing)
{
	rcasti_output_print(&drawing->output, "\033[%uG  %s\033[H\033[X", drawing->buffer->n_cols,
			    drawing->buffer->n_rows > 1 ? "\033[S" : "");
}

static void draw_rows(struct drawing *drawing)
{
	const struct rcasti_row *rows = drawing->buffer->rows;

	use_pen(drawing, &plain);
	rcasti_output_print(&drawing->output, "\033[H\033[J");
	if (rows[0].is_wrapped)
		wrap_into_first(drawing);
	for (unsigned y = 0; y < drawing->buffer->n_rows; y++) {
		unsigned at;
		if (y == 0 || !rows[y].is_wrapped)
			rcasti_output_print(&drawing->output, "\033[%uH", y + 1);
		else if (rows[y].cells[0].glyph == 0)
			wrap_into_erased(drawing);
		at = draw_cells(drawing, &rows[y], 0);
		if (y + 1u < drawing->buffer->n_rows && rows[y + 1].is_wrapped)
			make_wrap_due(drawing, &rows[y], at);
	}
}

/* ── Cursor and character sets ───────────────────────────────────────────────────────────────────────────────────────── */

static void write_position(struct drawing *drawing, unsigned x, unsigned y, bool from_origin)
{
	unsigned top = from_origin ? drawing->buffer->scroll_top : 0;

	rcasti_output_print(&drawing->output, "\033[%u;%uH", y - top + 1, x + 1);
}

/* Put the cursor there; where a wrap is due, by printing what stands in the last column. */
static void write_cursor(struct drawing *drawing, const struct rcasti_cursor *cursor, bool from_origin)
{
	const struct rcasti_cell *cells = drawing->buffer->rows[cursor->y].cells;
	unsigned x = cursor->x;

	if (x < drawing->buffer->n_cols) {
		write_position(drawing, x, cursor->y, from_origin);
		return;
	}
	x--;
	if (x > 0 && cells[x].width == 0)
		x--;
	write_position(drawing, x, cursor->y, from_origin);
	put_characters(drawing, &cells[x]);
}

static void write_charsets(struct drawing *drawing, const uint8_t charsets[4], uint8_t gl)
{
	static const char names[] = {[CHARSET_ASCII] = 'B', [CHARSET_UK] = 'A', [CHARSET_DEC_GRAPHICS] = '0'};
	static const char *const shifts[] = {"\017", "\016", "\033n", "\033o"};

	for (unsigned i = 0; i < 4; i++)
		rcasti_output_print(&drawing->output, "\033%c%c", "()*+"[i], names[charsets[i]]);
	rcasti_output_print(&drawing->output, "%s", shifts[gl]);
}

static void write_plain_charsets(struct drawing *drawing)
{
	static const uint8_t plain_charsets[4];

	write_charsets(drawing, plain_charsets, 0);
}

/* Bring the terminal to what was saved and `save` it: DECSC, or the entry into the alternate screen. */
static void write_saved(struct drawing *drawing, const char *save)
{
	const struct rcasti_saved *saved = &drawing->buffer->saved;

	write_cursor(drawing, &saved->cursor, false);
	write_charsets(drawing, saved->charsets, saved->gl);
	use_pen(drawing, &saved->pen);
	rcasti_output_print(&drawing->output, "%s", save);
	write_plain_charsets(drawing);
}

/* ── Screens ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void write_tabs(struct drawing *drawing)
{
	rcasti_output_print(&drawing->output, "\033[3g");
	for (unsigned x = 0; x < drawing->buffer->n_cols; x++) {
		if (drawing->buffer->tabs[x])
			rcasti_output_print(&drawing->output, "\033[%uG\033H", x + 1);
	}
}

static void draw_buffer(struct drawing *drawing, const struct rcasti_buffer *buffer)
{
	drawing->buffer = buffer;
	rcasti_output_print(&drawing->output, "\033[r");
	draw_rows(drawing);
	write_tabs(drawing);
	if (buffer->scroll_top > 0 || buffer->scroll_bottom < buffer->n_rows - 1)
		rcasti_output_print(&drawing->output, "\033[%u;%ur", buffer->scroll_top + 1u, buffer->scroll_bottom + 1u);
}

/* What the hidden alternate screen remembers although it is blank. */
static void write_hidden_saved(struct drawing *drawing)
{
	drawing->buffer = &drawing->screen->alternate;
	rcasti_output_print(&drawing->output, "\033[?1049h");
	write_saved(drawing, "\0337");
	rcasti_output_print(&drawing->output, "\033[?1049l\033[0m\033[0\"q");
	drawing->pen = plain;
	write_plain_charsets(drawing);
}

/* From the primary screen into the alternate one, so that the way back is the same. */
static void enter_alternate(struct drawing *drawing)
{
	const struct rcasti_cursor *left = &drawing->screen->left_cursor;
	const struct rcasti_cursor *saved = &drawing->buffer->saved.cursor;

	if (left->x == saved->x && left->y == saved->y) {
		write_saved(drawing, "\033[?1049h");
		return;
	}
	write_saved(drawing, "\0337");
	write_cursor(drawing, left, false);
	rcasti_output_print(&drawing->output, "\033[?1047h");
}

static void draw_screens(struct drawing *drawing)
{
	const struct rcast_screen *screen = drawing->screen;

	if (!screen->is_alternate)
		write_hidden_saved(drawing);
	draw_buffer(drawing, &screen->primary);
	if (screen->is_alternate) {
		enter_alternate(drawing);
		draw_buffer(drawing, &screen->alternate);
	}
	write_saved(drawing, "\0337");
}

/* ── The end: where the stream goes on ───────────────────────────────────────────────────────────────────────────────── */

/* The cell of the character that was printed last, if it can be printed again with the pen as it is. */
static const struct rcasti_cell *find_last_printed(const struct drawing *drawing)
{
	const struct rcast_screen *screen = drawing->screen;
	const struct rcasti_cell *cell;

	if (screen->last_width == 0 || screen->last_width > screen->cursor.x)
		return NULL;
	cell = &drawing->buffer->rows[screen->cursor.y].cells[screen->cursor.x - screen->last_width];
	return cell->glyph && cell->width == screen->last_width && rcasti_pen_equal(&cell->pen, &screen->pen) ? cell : NULL;
}

static void print_last_again(struct drawing *drawing, const struct rcasti_cell *last)
{
	const struct rcast_screen *screen = drawing->screen;

	write_charsets(drawing, screen->charsets, screen->gl);
	use_pen(drawing, &last->pen);
	write_position(drawing, screen->cursor.x - last->width, screen->cursor.y, rcasti_mode(&screen->modes, MODE_ORIGIN));
	/* Inserting is to push nothing out. */
	if (screen->modes.insert)
		rcasti_output_print(&drawing->output, "\033[4h\033[%uP", last->width);
	put_characters(drawing, last);
}

static void write_end(struct drawing *drawing)
{
	const struct rcast_screen *screen = drawing->screen;
	const struct rcasti_cell *last = find_last_printed(drawing);
	bool origin = rcasti_mode(&screen->modes, MODE_ORIGIN);

	rcasti_modes_write(&screen->modes, &drawing->output);
	if (origin)
		rcasti_output_print(&drawing->output, "\033[?6h");
	if (rcasti_mode(&screen->modes, MODE_SYNCHRONIZED))
		rcasti_output_print(&drawing->output, "\033[?2026h");
	if (last) {
		print_last_again(drawing, last);
		return;
	}
	write_cursor(drawing, &screen->cursor, origin);
	write_charsets(drawing, screen->charsets, screen->gl);
	use_pen(drawing, &screen->pen);
	if (screen->modes.insert)
		rcasti_output_print(&drawing->output, "\033[4h");
}

static void put_title(struct drawing *drawing, const char *title)
{
	rcasti_output_print(&drawing->output, "\033]2;");
	rcasti_output_put(&drawing->output, title, strlen(title));
	rcasti_output_print(&drawing->output, "\033\\");
}

static void write_titles(struct drawing *drawing)
{
	const struct rcasti_title_stack *stack = &drawing->screen->title_stack;

	for (unsigned i = 0; i < stack->n_titles; i++) {
		put_title(drawing, stack->titles[i]);
		rcasti_output_print(&drawing->output, "\033[22;2t");
	}
	if (drawing->screen->has_title || stack->n_titles > 0)
		put_title(drawing, drawing->screen->title);
}

int rcast_screen_snapshot(const struct rcast_screen *screen, char **bytes, size_t *n_bytes)
{
	struct drawing drawing = {.screen = screen};

	*bytes = NULL;
	*n_bytes = 0;
	if (!rcast_screen_is_at_cut_point(screen) && screen->parser.pending_overflow)
		return -EAGAIN;
	rcasti_output_print(&drawing.output, "\030\033[?1049l\033[0m\033[0\"q");
	rcasti_modes_write_defaults(&screen->modes, &drawing.output);
	write_plain_charsets(&drawing);
	write_titles(&drawing);
	draw_screens(&drawing);
	write_end(&drawing);
	if (!rcast_screen_is_at_cut_point(screen))
		rcasti_output_put(&drawing.output, screen->parser.pending, screen->parser.n_pending);
	return rcasti_output_finish(&drawing.output, bytes, n_bytes);
}

/* ── As text ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void write_row_text(struct drawing *drawing, const struct rcasti_row *row)
{
	uint32_t characters[CLUSTER_MAX_CHARACTERS];
	size_t n_visible = drawing->output.n_bytes;

	for (unsigned x = 0; x < drawing->buffer->n_cols; x += row->cells[x].width ? row->cells[x].width : 1) {
		unsigned n = rcasti_cell_characters(drawing->screen, &row->cells[x], characters);
		for (unsigned i = 0; i < n; i++)
			rcasti_output_put_character(&drawing->output, characters[i]);
		if (n == 0)
			rcasti_output_put(&drawing->output, " ", 1);
		if (n > 0 && characters[0] != ' ')
			n_visible = drawing->output.n_bytes;
	}
	drawing->output.n_bytes = n_visible;
	rcasti_output_put(&drawing->output, "\n", 1);
}

int rcast_screen_text(const struct rcast_screen *screen, char **text, size_t *n_bytes)
{
	struct drawing drawing = {.screen = screen, .buffer = screen->is_alternate ? &screen->alternate : &screen->primary};

	for (unsigned y = 0; y < drawing.buffer->n_rows; y++)
		write_row_text(&drawing, &drawing.buffer->rows[y]);
	return rcasti_output_finish(&drawing.output, text, n_bytes);
}
