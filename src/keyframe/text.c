/* SPDX-License-Identifier: MIT */
/*
 * The screen for whoever reads it instead of showing it: as text, and as runs of cells that look the same.
 *
 * Called through the public header; reads the screen, writes output.c.
 */
#include "keyframe/output.h"
#include "keyframe/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

/* ── Text ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_characters(struct rcasti_output *output, const struct rcast_screen *screen, const struct rcasti_cell *cell)
{
	uint32_t characters[CLUSTER_MAX_CHARACTERS];
	unsigned n = rcasti_cell_characters(screen, cell, characters);

	for (unsigned i = 0; i < n; i++)
		rcasti_output_put_character(output, characters[i]);
	if (n == 0 && cell->width > 0)
		rcasti_output_put(output, " ", 1);
}

static bool is_blank(const struct rcasti_cell *cell)
{
	return cell->glyph == 0 || cell->glyph == ' ';
}

static void write_row_text(struct rcasti_output *output, const struct rcast_screen *screen, const struct rcasti_row *row)
{
	size_t n_visible = output->n_bytes;

	for (unsigned x = 0; x < screen->primary.n_cols; x++) {
		put_characters(output, screen, &row->cells[x]);
		if (!is_blank(&row->cells[x]))
			n_visible = output->n_bytes;
	}
	output->n_bytes = n_visible;
	rcasti_output_put(output, "\n", 1);
}

int rcast_screen_text(const struct rcast_screen *screen, char **text, size_t *n_bytes)
{
	const struct rcasti_buffer *buffer = rcasti_shown_const(screen);
	struct rcasti_output output = {0};

	for (unsigned y = 0; y < buffer->n_rows; y++)
		write_row_text(&output, screen, &buffer->rows[y]);
	return rcasti_output_finish(&output, text, n_bytes);
}

/* ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static unsigned find_row_end(const struct rcasti_row *row, unsigned n_cols)
{
	static const struct rcasti_pen plain;

	while (n_cols > 0 && row->cells[n_cols - 1].width == 1 && row->cells[n_cols - 1].glyph == 0 &&
	       rcasti_pen_equal(&row->cells[n_cols - 1].pen, &plain))
		n_cols--;
	return n_cols;
}

static unsigned find_run_end(const struct rcasti_row *row, unsigned x, unsigned end)
{
	unsigned start = x;

	do {
		x++;
	} while (x < end && rcasti_pen_equal(&row->cells[x].pen, &row->cells[start].pen));
	return x;
}

static struct rcast_colour colour(uint32_t packed)
{
	static const enum rcast_colour_kind kinds[] = {RCAST_COLOUR_DEFAULT, RCAST_COLOUR_NAMED, RCAST_COLOUR_INDEXED,
						       RCAST_COLOUR_RGB};

	return (struct rcast_colour){.kind = kinds[packed >> 24 & 3], .value = packed & 0xffffff};
}

static struct rcast_style style(const struct rcast_screen *screen, const struct rcasti_pen *pen)
{
	static const struct {
		uint32_t attribute, flag;
	} flags[] = {
		{PEN_BOLD, RCAST_STYLE_BOLD},       {PEN_DIM, RCAST_STYLE_DIM},
		{PEN_ITALIC, RCAST_STYLE_ITALIC},   {PEN_BLINK, RCAST_STYLE_BLINK},
		{PEN_INVERSE, RCAST_STYLE_INVERSE}, {PEN_INVISIBLE, RCAST_STYLE_INVISIBLE},
		{PEN_STRUCK, RCAST_STYLE_STRUCK},   {PEN_OVERLINE, RCAST_STYLE_OVERLINE},
	};
	struct rcast_style style = {.foreground = colour(pen->fg),
				    .background = colour(pen->bg),
				    .underline_colour = colour(pen->underline_colour),
				    .underline = (pen->attributes & PEN_UNDERLINE_MASK) >> PEN_UNDERLINE_SHIFT};

	if (pen->link)
		style.link = strchr(rcasti_link_text(screen, pen->link), ';') + 1;
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		style.flags |= pen->attributes & flags[i].attribute ? flags[i].flag : 0;
	return style;
}

/* The texts of all runs of a row, each terminated, in one string. Returns how many there are. */
static size_t write_runs(struct rcasti_output *output, const struct rcast_screen *screen, const struct rcasti_row *row)
{
	unsigned end = find_row_end(row, screen->primary.n_cols);
	size_t n_runs = 0;

	for (unsigned x = 0; x < end; n_runs++) {
		unsigned run_end = find_run_end(row, x, end);
		for (; x < run_end; x++)
			put_characters(output, screen, &row->cells[x]);
		rcasti_output_put(output, "", 1);
	}
	return n_runs;
}

static void describe_runs(struct rcast_run *runs, size_t n_runs, const char *text, const struct rcast_screen *screen,
			  const struct rcasti_row *row)
{
	unsigned end = find_row_end(row, screen->primary.n_cols), x = 0;

	for (size_t i = 0; i < n_runs; i++) {
		unsigned run_end = find_run_end(row, x, end);
		runs[i] = (struct rcast_run){.col = (uint16_t)x,
					     .n_cols = (uint16_t)(run_end - x),
					     .style = style(screen, &row->cells[x].pen),
					     .text = text,
					     .n_bytes = strlen(text)};
		text += runs[i].n_bytes + 1;
		x = run_end;
	}
}

int rcast_screen_row(const struct rcast_screen *screen, uint16_t row, struct rcast_run **runs, size_t *n_runs)
{
	const struct rcasti_buffer *buffer = rcasti_shown_const(screen);
	struct rcasti_output output = {0};
	size_t n_bytes;
	char *text;
	int r;

	*runs = NULL;
	*n_runs = 0;
	if (row >= buffer->n_rows)
		return -EINVAL;
	*n_runs = write_runs(&output, screen, &buffer->rows[row]);
	r = rcasti_output_finish(&output, &text, &n_bytes);
	if (r == 0)
		*runs = malloc(*n_runs * sizeof(**runs) + n_bytes + 1);
	if (!*runs) {
		free(text);
		*n_runs = 0;
		return -ENOMEM;
	}
	memcpy(*runs + *n_runs, text, n_bytes + 1);
	free(text);
	describe_runs(*runs, *n_runs, (const char *)(*runs + *n_runs), screen, &buffer->rows[row]);
	return 0;
}
