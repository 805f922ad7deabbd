/* SPDX-License-Identifier: MIT */
/*
 * Scrollback: the lines that have left the primary screen at its top, newest last, for a viewer to scroll back to.
 *
 * None are kept unless asked for. A line is kept as what a terminal must be sent to show it, which is short for most and needs
 * neither clusters nor links any more. A ring of them: the oldest go when there are more than asked for, or more bytes than
 * LINE_BYTES a line on average, so that no program makes them take more.
 *
 * Lines leave by scrolling at the end of the screen, if its top row is in the scroll region, and when the screen gets smaller. Called by
 * motion.c, screen.c, edit.c and snapshot.c.
 */
#include "keyframe/painter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

#define LINE_BYTES 1024u

static void drop_oldest(struct rcasti_scrollback *scrollback)
{
	struct rcasti_line *oldest = &scrollback->lines[scrollback->first];

	scrollback->n_bytes -= oldest->n_bytes;
	free(oldest->bytes);
	*oldest = (struct rcasti_line){0};
	scrollback->first = (scrollback->first + 1) % scrollback->n_max;
	scrollback->n_lines--;
}

void rcasti_scrollback_clear(struct rcasti_scrollback *scrollback)
{
	while (scrollback->n_lines > 0)
		drop_oldest(scrollback);
}

int rcast_screen_keep_scrollback(struct rcast_screen *screen, uint32_t n_lines)
{
	struct rcasti_line *lines = NULL;

	if (n_lines > RCAST_SCREEN_MAX_SCROLLBACK)
		return -EINVAL;
	if (n_lines > 0 && !(lines = calloc(n_lines, sizeof(*lines))))
		return -ENOMEM;
	rcasti_scrollback_clear(&screen->scrollback);
	free(screen->scrollback.lines);
	screen->scrollback = (struct rcasti_scrollback){.lines = lines, .n_max = n_lines};
	return 0;
}

static void add(struct rcasti_scrollback *scrollback, const struct rcasti_line *line)
{
	scrollback->lines[(scrollback->first + scrollback->n_lines) % scrollback->n_max] = *line;
	scrollback->n_lines++;
	scrollback->n_bytes += line->n_bytes;
}

/* The row is about to leave the primary screen. */
static void take_row(struct rcast_screen *screen, const struct rcasti_row *row)
{
	struct rcasti_scrollback *scrollback = &screen->scrollback;
	struct rcasti_painter painter = {.screen = screen, .buffer = &screen->primary};
	struct rcasti_line line = {.is_wrapped = row->is_wrapped,
				   .is_full = row->cells[screen->primary.n_cols - 1].glyph != 0};
	size_t max_bytes = (size_t)scrollback->n_max * LINE_BYTES;
	char *fitting;

	rcasti_painter_put_row(&painter, row, 0);
	rcasti_painter_use_pen(&painter, &(struct rcasti_pen){0});
	if (rcasti_output_finish(&painter.output, &line.bytes, &line.n_bytes) < 0)
		return;
	fitting = realloc(line.bytes, line.n_bytes + 1);
	line.bytes = fitting ? fitting : line.bytes;
	while (scrollback->n_lines > 0 &&
	       (scrollback->n_lines == scrollback->n_max || scrollback->n_bytes + line.n_bytes > max_bytes))
		drop_oldest(scrollback);
	if (line.n_bytes > max_bytes)
		free(line.bytes);
	else
		add(scrollback, &line);
}

void rcasti_scrollback_take(struct rcast_screen *screen, unsigned n_rows)
{
	for (unsigned y = 0; y < n_rows && screen->scrollback.n_max > 0; y++)
		take_row(screen, &screen->primary.rows[y]);
}

static const struct rcasti_line *line_at(const struct rcasti_scrollback *scrollback, uint32_t i)
{
	return &scrollback->lines[(scrollback->first + i) % scrollback->n_max];
}

/* The lines onto the screen from its top, and then all of them out of it. */
void rcasti_scrollback_write(const struct rcast_screen *screen, struct rcasti_output *output)
{
	const struct rcasti_scrollback *scrollback = &screen->scrollback;
	uint32_t n_left = screen->primary.n_rows - 1u;

	if (scrollback->n_lines == 0)
		return;
	rcasti_output_print(output, "\033[r\033[H\033[J");
	for (uint32_t i = 0; i < scrollback->n_lines; i++) {
		const struct rcasti_line *line = line_at(scrollback, i);
		bool wraps = line->is_full && i + 1 < scrollback->n_lines && line_at(scrollback, i + 1)->is_wrapped;
		rcasti_output_put(output, line->bytes, line->n_bytes);
		if (!wraps)
			rcasti_output_print(output, "\r\n");
	}
	rcasti_output_print(output, "\033[%uH", screen->primary.n_rows);
	for (uint32_t i = 0; i < n_left && i < scrollback->n_lines; i++)
		rcasti_output_print(output, "\n");
}
