/* SPDX-License-Identifier: MIT */
/*
 * Drawing: the shown screen, or the part of it that fits, on a terminal of any size.
 *
 * A drawing is made of parts, each an escape stream that puts one thing right whatever was there: how the terminal is to take what
 * comes, the modes, the title, one for each of its rows, the cursor. A part is sent if it differs from what was sent for it
 * last, byte by byte. So nothing of the screen has to be followed while it changes, and a drawing is right from any state on.
 *
 * The corner is the cell of the screen that is shown in the terminal's upper left. It moves only when a visible cursor would be
 * out of sight, or to leave no part of the terminal blank that the screen could fill.
 *
 * The terminal does not wrap, and is told the column behind every character whose width is in dispute: a row that it sees
 * otherwise spoils no other. Rows of one frame come within synchronized output, which terminals without it ignore.
 *
 * A drawing belongs to its caller and to one terminal. Called through the public header; writes by way of painter.c.
 */
#include "keyframe/painter.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

#define NOWHERE UINT_MAX

enum part { PART_SETUP, PART_MODES, PART_TITLE, PART_CURSOR, N_FIXED_PARTS };

struct part_sent {
	char *bytes; /* NULL: nothing yet */
	size_t n_bytes;
};

struct rcast_drawing {
	uint16_t cols, rows; /* of the terminal */
	uint16_t left, top;  /* the corner */
	struct part_sent fixed[N_FIXED_PARTS];
	struct part_sent *of_rows;
};

int rcast_drawing_create(struct rcast_drawing **drawing)
{
	*drawing = calloc(1, sizeof(**drawing));
	return *drawing ? 0 : -ENOMEM;
}

static void forget_part(struct part_sent *part)
{
	free(part->bytes);
	*part = (struct part_sent){0};
}

static void forget_rows(struct rcast_drawing *drawing)
{
	for (unsigned y = 0; y < drawing->rows; y++)
		forget_part(&drawing->of_rows[y]);
	free(drawing->of_rows);
	drawing->of_rows = NULL;
	drawing->cols = drawing->rows = 0;
}

static void forget_all(struct rcast_drawing *drawing)
{
	for (unsigned i = 0; i < N_FIXED_PARTS; i++)
		forget_part(&drawing->fixed[i]);
	forget_rows(drawing);
}

void rcast_drawing_free(struct rcast_drawing *drawing)
{
	if (!drawing)
		return;
	forget_all(drawing);
	free(drawing);
}

void rcast_drawing_get_corner(const struct rcast_drawing *drawing, uint16_t *col, uint16_t *row)
{
	*col = drawing->left;
	*row = drawing->top;
}

/* ── What is shown where ─────────────────────────────────────────────────────────────────────────────────────────────── */

static int set_size(struct rcast_drawing *drawing, uint16_t cols, uint16_t rows)
{
	struct part_sent *of_rows;

	if (cols == drawing->cols && rows == drawing->rows)
		return 0;
	of_rows = calloc(rows, sizeof(*of_rows));
	if (!of_rows)
		return -ENOMEM;
	forget_rows(drawing);
	drawing->of_rows = of_rows;
	drawing->cols = cols;
	drawing->rows = rows;
	return 0;
}

/* The first of n_shown of n_all that are shown, as near to where it was as can be with `cursor` among them. */
static uint16_t follow(uint16_t first, uint16_t n_shown, uint16_t n_all, uint16_t cursor)
{
	if (n_shown >= n_all)
		return 0;
	if (cursor < first)
		first = cursor;
	else if (cursor - first >= n_shown)
		first = cursor - n_shown + 1;
	return first < n_all - n_shown ? first : n_all - n_shown;
}

static void place_corner(struct rcast_drawing *drawing, const struct rcast_screen *screen)
{
	uint16_t cols, rows, x, y;
	bool visible;

	rcast_screen_get_size(screen, &cols, &rows);
	rcast_screen_get_cursor(screen, &x, &y, &visible);
	drawing->left = follow(drawing->left, drawing->cols, cols, visible ? x : drawing->left);
	drawing->top = follow(drawing->top, drawing->rows, rows, visible ? y : drawing->top);
}

/* ── Parts ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void paint_setup(struct rcasti_painter *painter)
{
	rcasti_output_print(&painter->output, "\030\033\\\033[r\033[0m\033(B\017");
}

static void paint_modes(struct rcasti_painter *painter)
{
	rcasti_modes_write_defaults(&painter->screen->modes, &painter->output);
	rcasti_modes_write(&painter->screen->modes, &painter->output);
	if (painter->screen->keyboard_touched)
		rcasti_output_print(&painter->output, "\033[=%uu", rcasti_keyboard_flags(&painter->buffer->keyboard));
	rcasti_output_print(&painter->output, "\033[?7l");
}

static void paint_title(struct rcasti_painter *painter)
{
	if (painter->screen->has_title)
		rcasti_painter_put_title(painter, painter->screen->title);
}

static void paint_cursor(struct rcasti_painter *painter, const struct rcast_drawing *drawing)
{
	uint16_t x, y;
	bool visible;

	rcast_screen_get_cursor(painter->screen, &x, &y, &visible);
	visible = visible && x >= drawing->left && x - drawing->left < drawing->cols && y >= drawing->top &&
		  y - drawing->top < drawing->rows;
	if (visible)
		rcasti_output_print(&painter->output, "\033[%u;%uH\033[?25h", y - drawing->top + 1u, x - drawing->left + 1u);
	else
		rcasti_output_print(&painter->output, "\033[?25l");
}

/* What can be shown of a cell: of half a character nothing but its colours. */
static struct rcasti_cell crop(const struct rcasti_cell *cell, unsigned n_left)
{
	struct rcasti_cell cropped = *cell;

	cropped.pen.attributes &= ~(uint32_t)PEN_PROTECTED;
	if (cell->width == 0 || cell->width > n_left) {
		cropped.glyph = 0;
		cropped.width = 1;
	}
	return cropped;
}

static void paint_cells(struct rcasti_painter *painter, const struct rcasti_cell *cells, unsigned n_cells)
{
	static const struct rcasti_pen plain;
	unsigned x = 0, at = 0;

	while (x < n_cells) {
		struct rcasti_cell cell = crop(&cells[x], n_cells - x);
		if (cell.glyph != 0 || !rcasti_pen_equal(&cell.pen, &plain)) {
			if (at != x)
				rcasti_output_print(&painter->output, "\033[%uG", x + 1);
			rcasti_painter_put_cell(painter, &cell);
			/* Terminals disagree on the width of what is not simple. */
			at = cell.width == 1 && !(cell.glyph & GLYPH_IS_CLUSTER) ? x + 1 : NOWHERE;
		}
		x += cell.width;
	}
}

/* Row y of the terminal, blank where the screen has nothing. */
static void paint_row(struct rcasti_painter *painter, const struct rcast_drawing *drawing, unsigned y)
{
	const struct rcasti_buffer *buffer = painter->buffer;
	unsigned n_cells = drawing->cols < buffer->n_cols ? drawing->cols : buffer->n_cols;

	rcasti_output_print(&painter->output, "\033[%uH\033[0m\033[K", y + 1);
	painter->pen = (struct rcasti_pen){0};
	if (y < buffer->n_rows)
		paint_cells(painter, buffer->rows[drawing->top + y].cells + drawing->left, n_cells);
	rcasti_painter_use_pen(painter, &(struct rcasti_pen){0});
}

/* ── Frames ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A part was painted behind `start`: keep it there if it is news, and remember it as sent. True: it was. */
static bool keep_news(struct rcasti_output *frame, size_t start, struct part_sent *sent)
{
	size_t n_bytes = frame->n_bytes - start;
	char *bytes;

	if (frame->failed)
		return false;
	if (sent->bytes && sent->n_bytes == n_bytes && memcmp(sent->bytes, frame->bytes + start, n_bytes) == 0) {
		frame->n_bytes = start;
		return false;
	}
	bytes = malloc(n_bytes + 1);
	if (!bytes) {
		frame->failed = true;
		return false;
	}
	memcpy(bytes, frame->bytes + start, n_bytes);
	free(sent->bytes);
	*sent = (struct part_sent){.bytes = bytes, .n_bytes = n_bytes};
	return true;
}

static void paint_settings(struct rcasti_painter *painter, struct rcast_drawing *drawing)
{
	static void (*const paint[])(struct rcasti_painter *) = {
		[PART_SETUP] = paint_setup, [PART_MODES] = paint_modes, [PART_TITLE] = paint_title};
	size_t start;

	for (unsigned i = 0; i < sizeof(paint) / sizeof(paint[0]); i++) {
		start = painter->output.n_bytes;
		paint[i](painter);
		keep_news(&painter->output, start, &drawing->fixed[i]);
	}
}

/* Returns whether any row was painted. */
static bool paint_rows(struct rcasti_painter *painter, struct rcast_drawing *drawing)
{
	static const char begin[] = "\033[?2026h\033[?25l";
	struct rcasti_output *output = &painter->output;
	size_t frame_start = output->n_bytes;
	bool any = false;

	rcasti_output_put(output, begin, sizeof(begin) - 1);
	for (unsigned y = 0; y < drawing->rows; y++) {
		size_t start = output->n_bytes;
		paint_row(painter, drawing, y);
		any |= keep_news(output, start, &drawing->of_rows[y]);
	}
	if (!any && !output->failed)
		output->n_bytes = frame_start;
	return any;
}

static void paint_frame(struct rcasti_painter *painter, struct rcast_drawing *drawing)
{
	bool any_row;
	size_t start;

	paint_settings(painter, drawing);
	any_row = paint_rows(painter, drawing);
	start = painter->output.n_bytes;
	/* Whatever was sent so far has moved or hidden the cursor. */
	if (start > 0)
		forget_part(&drawing->fixed[PART_CURSOR]);
	paint_cursor(painter, drawing);
	keep_news(&painter->output, start, &drawing->fixed[PART_CURSOR]);
	if (any_row)
		rcasti_output_print(&painter->output, "\033[?2026l");
}

int rcast_screen_draw(const struct rcast_screen *screen, struct rcast_drawing *drawing, uint16_t cols, uint16_t rows,
		      char **bytes, size_t *n_bytes)
{
	struct rcasti_painter painter = {.screen = screen, .buffer = rcasti_shown_const(screen)};
	int r;

	*bytes = NULL;
	*n_bytes = 0;
	if (cols == 0 || rows == 0)
		return -EINVAL;
	r = set_size(drawing, cols, rows);
	if (r < 0)
		return r;
	place_corner(drawing, screen);
	paint_frame(&painter, drawing);
	r = rcasti_output_finish(&painter.output, bytes, n_bytes);
	if (r < 0)
		forget_all(drawing);
	return r;
}
