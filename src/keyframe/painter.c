/* SPDX-License-Identifier: MIT */
/*
 * The painter knows which pen the terminal has, and sends what leads from there to the next. It takes the first to
 * be plain, which whoever makes a painter sees to. Used by snapshot.c, draw.c and scrollback.c.
 */
#include "keyframe/painter.h"

#include <string.h>

static const struct rcasti_pen plain;

static void put_link(struct rcasti_painter *painter, uint16_t link)
{
	const char *text = rcasti_link_text(painter->screen, link);

	if (!text)
		text = ";";
	rcasti_output_print(&painter->output, "\033]8;");
	rcasti_output_put(&painter->output, text, strlen(text));
	rcasti_output_print(&painter->output, "\033\\");
}

void rcasti_painter_put_plain_pen(struct rcasti_painter *painter)
{
	rcasti_output_print(&painter->output, "\033[0m\033[0\"q");
	if (painter->screen->links.texts)
		put_link(painter, 0);
	painter->pen = (struct rcasti_pen){0};
}

void rcasti_painter_use_pen(struct rcasti_painter *painter, const struct rcasti_pen *pen)
{
	rcasti_pen_write(pen, &painter->pen, &painter->output);
	if (pen->link != painter->pen.link)
		put_link(painter, pen->link);
	painter->pen = *pen;
}

void rcasti_painter_put_cell(struct rcasti_painter *painter, const struct rcasti_cell *cell)
{
	uint32_t characters[CLUSTER_MAX_CHARACTERS];
	unsigned n = rcasti_cell_characters(painter->screen, cell, characters);

	rcasti_painter_use_pen(painter, &cell->pen);
	for (unsigned i = 0; i < n; i++)
		rcasti_output_put_character(&painter->output, characters[i]);
	if (n == 0)
		rcasti_output_put(&painter->output, " ", 1);
}

void rcasti_painter_put_title(struct rcasti_painter *painter, const char *title)
{
	rcasti_output_print(&painter->output, "\033]2;");
	rcasti_output_put(&painter->output, title, strlen(title));
	rcasti_output_print(&painter->output, "\033\\");
}

/* ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_painter_go_to_column(struct rcasti_painter *painter, unsigned *at, unsigned x)
{
	if (*at != x)
		rcasti_output_print(&painter->output, "\033[%uG", x + 1);
	*at = x;
}

unsigned rcasti_painter_count_alike_erased(const struct rcasti_painter *painter, const struct rcasti_row *row, unsigned x)
{
	unsigned n = 1;

	while (x + n < painter->buffer->n_cols && row->cells[x + n].glyph == 0 && row->cells[x + n].width == 1 &&
	       rcasti_pen_equal(&row->cells[x].pen, &row->cells[x + n].pen))
		n++;
	return n;
}

/* n erased cells: nothing to do for plain ones, since the screen was cleared. `at` is where the cursor is. */
static void draw_erased(struct rcasti_painter *painter, const struct rcasti_cell *cell, unsigned n, unsigned *at, unsigned x)
{
	struct rcasti_pen erasing = {.bg = cell->pen.bg};

	if (rcasti_pen_equal(&cell->pen, &plain))
		return;
	rcasti_painter_go_to_column(painter, at, x);
	rcasti_painter_use_pen(painter, &cell->pen);
	if (rcasti_pen_equal(&cell->pen, &erasing)) {
		rcasti_output_print(&painter->output, "\033[%uX", n);
		return;
	}
	/* No erasing leaves attributes, only a wide character that was parted does. */
	for (unsigned i = 0; i < n; i++)
		rcasti_output_put(&painter->output, " ", 1);
	*at = x + n;
}

unsigned rcasti_painter_put_row(struct rcasti_painter *painter, const struct rcasti_row *row, unsigned at)
{
	unsigned x = 0;

	while (x < painter->buffer->n_cols) {
		const struct rcasti_cell *cell = &row->cells[x];
		if (cell->glyph == 0) {
			unsigned n = rcasti_painter_count_alike_erased(painter, row, x);
			draw_erased(painter, cell, n, &at, x);
			x += n;
		} else {
			rcasti_painter_go_to_column(painter, &at, x);
			rcasti_painter_put_cell(painter, cell);
			x += cell->width;
			at = x;
		}
	}
	return at;
}
