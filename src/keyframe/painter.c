/* SPDX-License-Identifier: MIT */
/*
 * The painter knows which pen the terminal has, and sends what leads from there to the next. It takes the first to
 * be plain, which whoever makes a painter sees to. Used by snapshot.c and draw.c.
 */
#include "keyframe/painter.h"

#include <string.h>

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
