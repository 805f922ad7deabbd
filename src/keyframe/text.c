/* SPDX-License-Identifier: MIT */
/*
 * The screen for whoever reads it instead of showing it: as text, and as runs of cells that look the same.
 *
 * Called through the public header; reads the screen, writes output.c.
 */
#include "keyframe/painter.h"

#include <errno.h>
#include <stdlib.h>

#include <ringcast/screen.h>

static void write_row_text(struct rcasti_painter *painter, const struct rcasti_row *row)
{
	uint32_t characters[CLUSTER_MAX_CHARACTERS];
	size_t n_visible = painter->output.n_bytes;

	for (unsigned x = 0; x < painter->buffer->n_cols; x += row->cells[x].width ? row->cells[x].width : 1) {
		unsigned n = rcasti_cell_characters(painter->screen, &row->cells[x], characters);
		for (unsigned i = 0; i < n; i++)
			rcasti_output_put_character(&painter->output, characters[i]);
		if (n == 0)
			rcasti_output_put(&painter->output, " ", 1);
		if (n > 0 && characters[0] != ' ')
			n_visible = painter->output.n_bytes;
	}
	painter->output.n_bytes = n_visible;
	rcasti_output_put(&painter->output, "\n", 1);
}

int rcast_screen_text(const struct rcast_screen *screen, char **text, size_t *n_bytes)
{
	struct rcasti_painter painter = {.screen = screen, .buffer = rcasti_shown_const(screen)};

	for (unsigned y = 0; y < painter.buffer->n_rows; y++)
		write_row_text(&painter, &painter.buffer->rows[y]);
	return rcasti_output_finish(&painter.output, text, n_bytes);
}
