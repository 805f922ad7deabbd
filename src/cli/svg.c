/* SPDX-License-Identifier: MIT */
/*
 * Each run of cells that look the same becomes a rectangle, if it has a background, and a text that is stretched to the width
 * of its cells: so columns stay in line whatever font the one who looks at it has. Colours that a terminal would take from its
 * palette are xterm's.
 *
 * What a program printed ends up in a document that browsers show: it is text only, and what XML means by it is escaped.
 *
 * Called by `ringcast screen --svg`.
 */
#include "cli/svg.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_WIDTH 8.4 /* 0.6 of the font's size, as monospaced fonts have it */
#define CELL_HEIGHT 18
#define FONT_SIZE 14
#define BASELINE 13.5
#define MARGIN 10

#define FOREGROUND 0xd8d8d8u
#define BACKGROUND 0x16181du

static uint32_t cube_colour(uint32_t place)
{
	static const uint32_t levels[6] = {0, 95, 135, 175, 215, 255};

	return levels[place / 36] << 16 | levels[place / 6 % 6] << 8 | levels[place % 6];
}

static uint32_t palette_colour(uint32_t place)
{
	static const uint32_t first[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
					   0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};

	if (place < 16)
		return first[place];
	return place < 232 ? cube_colour(place - 16) : (8 + 10 * (place - 232)) * 0x010101;
}

static uint32_t colour_of(const struct rcast_colour *colour, uint32_t otherwise)
{
	if (colour->kind == RCAST_COLOUR_DEFAULT)
		return otherwise;
	return colour->kind == RCAST_COLOUR_RGB ? colour->value & 0xffffff : palette_colour(colour->value & 0xff);
}

static double x_of(uint32_t col)
{
	return MARGIN + col * CELL_WIDTH;
}

static double y_of(uint32_t row)
{
	return MARGIN + (double)row * CELL_HEIGHT;
}

/* U+FFFE and U+FFFF, which no document may have. */
static bool is_no_character(const char *text)
{
	return strncmp(text, "\xef\xbf\xbe", 3) == 0 || strncmp(text, "\xef\xbf\xbf", 3) == 0;
}

static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (is_no_character(text)) {
			fputs("\xef\xbf\xbd", out);
			text += 2;
			continue;
		}
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>') /* ]]> ends something else */
			fputs("&gt;", out);
		else if ((unsigned char)*text >= 0x20)
			fputc(*text, out);
	}
}

static void put_rectangle(FILE *out, const struct rcast_run *run, uint16_t row, uint32_t colour)
{
	fprintf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"#%06x\"/>\n", x_of(run->col),
		y_of(row), run->n_cols * CELL_WIDTH, CELL_HEIGHT, colour);
}

static void put_decoration(FILE *out, const struct rcast_style *style)
{
	bool underlined = style->underline != RCAST_UNDERLINE_NONE, struck = style->flags & RCAST_STYLE_STRUCK;
	bool overlined = style->flags & RCAST_STYLE_OVERLINE;

	if (underlined || struck || overlined)
		fprintf(out, " text-decoration=\"%s%s%s\"", underlined ? "underline " : "", struck ? "line-through " : "",
			overlined ? "overline" : "");
}

static bool is_blank(const char *text)
{
	while (*text == ' ')
		text++;
	return *text == 0;
}

static void put_run(FILE *out, const struct rcast_run *run, uint16_t row)
{
	const struct rcast_style *style = &run->style;
	uint32_t ink = colour_of(&style->foreground, FOREGROUND), paper = colour_of(&style->background, BACKGROUND);
	bool inverse = style->flags & RCAST_STYLE_INVERSE, plain = !style->underline && !(style->flags & RCAST_STYLE_STRUCK);

	if ((inverse ? ink : paper) != BACKGROUND)
		put_rectangle(out, run, row, inverse ? ink : paper);
	if ((is_blank(run->text) && plain) || style->flags & RCAST_STYLE_INVISIBLE)
		return;
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" textLength=\"%.1f\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#%06x\"",
		x_of(run->col), y_of(row) + BASELINE, run->n_cols * CELL_WIDTH, inverse ? paper : ink);
	fputs(style->flags & RCAST_STYLE_BOLD ? " font-weight=\"bold\"" : "", out);
	fputs(style->flags & RCAST_STYLE_ITALIC ? " font-style=\"italic\"" : "", out);
	fputs(style->flags & RCAST_STYLE_DIM ? " fill-opacity=\"0.6\"" : "", out);
	put_decoration(out, style);
	fputc('>', out);
	put_text(out, run->text);
	fputs("</text>\n", out);
}

static int put_row(FILE *out, const struct rcast_screen *screen, uint16_t row)
{
	struct rcast_run *runs;
	size_t n_runs;
	int result = rcast_screen_row(screen, row, &runs, &n_runs);

	if (result < 0)
		return result;
	for (size_t i = 0; i < n_runs; i++)
		put_run(out, &runs[i], row);
	free(runs);
	return 0;
}

static void put_cursor(FILE *out, const struct rcast_screen *screen)
{
	uint16_t col, row;
	bool visible;

	rcast_screen_get_cursor(screen, &col, &row, &visible);
	if (visible)
		fprintf(out,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"#%06x\" fill-opacity=\"0.6\"/>\n",
			x_of(col), y_of(row), CELL_WIDTH, CELL_HEIGHT, FOREGROUND);
}

static int put_document(FILE *out, const struct rcast_screen *screen)
{
	uint16_t cols, rows;
	int result = 0;

	rcast_screen_get_size(screen, &cols, &rows);
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" xml:space=\"preserve\"\n"
		"     font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"%d\">\n"
		"<rect width=\"100%%\" height=\"100%%\" rx=\"6\" fill=\"#%06x\"/>\n",
		x_of(cols) + MARGIN, y_of(rows) + MARGIN, FONT_SIZE, BACKGROUND);
	for (uint16_t row = 0; row < rows && result == 0; row++)
		result = put_row(out, screen, row);
	put_cursor(out, screen);
	fputs("</svg>\n", out);
	return result;
}

int svg_make(const struct rcast_screen *screen, char **document, size_t *n_bytes)
{
	FILE *out = open_memstream(document, n_bytes);
	int result;

	if (!out)
		return -ENOMEM;
	result = put_document(out, screen);
	if (fclose(out) != 0)
		result = -ENOMEM;
	if (result < 0)
		free(*document);
	return result;
}
