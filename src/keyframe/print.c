/* SPDX-License-Identifier: MIT */
/*
 * Printing: characters into cells.
 *
 * The cursor may stand behind the last column, or behind the right margin: the line is full, and the next character wraps before it is put. A character
 * of width 0 goes onto the one left of the cursor. Plain ASCII into a line with room, which is nearly all output, takes a
 * path of its own that touches each cell once.
 *
 * Called by the parser through screen.c; calls motion.c, grid.c, cluster.c.
 */
#include "keyframe/state.h"
#include "keyframe/width.h"

#include <string.h>

/* The right half of a wide character goes: so does the left one. */
static void part_left(struct rcast_screen *screen, struct rcasti_row *row)
{
	if (screen->cursor.x > 0 && row->cells[screen->cursor.x - 1].width == 2)
		row->cells[screen->cursor.x - 1] = rcasti_erased_cell(&screen->pen);
}

static void part_right(struct rcast_screen *screen, struct rcasti_row *row)
{
	if (screen->cursor.x < screen->primary.n_cols && row->cells[screen->cursor.x].width == 0)
		row->cells[screen->cursor.x] = rcasti_erased_cell(&screen->pen);
}

/* Behind the last column x says that by itself. */
static void note_full(struct rcast_screen *screen, uint16_t end)
{
	if (screen->cursor.x == end)
		screen->cursor.is_full = end < screen->primary.n_cols;
}

/* Up to the cursor, and the cell behind it, where half of a character may have been. */
static void note_written(const struct rcast_screen *screen, struct rcasti_row *row)
{
	uint16_t n = screen->cursor.x < screen->primary.n_cols ? screen->cursor.x + 1 : screen->cursor.x;

	if (row->n_written < n)
		row->n_written = n;
}

/* As xterm.js does; at a margin nothing is erased, as in xterm. */
static void erase_to_end(struct rcast_screen *screen)
{
	struct rcasti_row *row = rcasti_cursor_row(screen);

	if (rcasti_line_end(screen) < screen->primary.n_cols)
		return;
	part_left(screen, row);
	row->n_written = screen->primary.n_cols;
	for (unsigned x = screen->cursor.x; x < screen->primary.n_cols; x++)
		row->cells[x] = rcasti_erased_cell(&screen->pen);
}

/* The character does not fit into what is left of the line. False: it is not to be printed. */
static bool go_to_next_line(struct rcast_screen *screen, unsigned width)
{
	if (width > screen->primary.n_cols)
		return false;
	if (!rcasti_mode(&screen->modes, MODE_WRAP)) {
		screen->cursor.x = rcasti_line_end(screen) - 1;
		screen->cursor.is_full = false;
		part_left(screen, rcasti_cursor_row(screen));
		if (width > 1)
			part_right(screen, rcasti_cursor_row(screen));
		return width == 1;
	}
	erase_to_end(screen);
	rcasti_wrap_line(screen);
	return true;
}

/* False: there is no room for it. */
static bool put(struct rcast_screen *screen, uint32_t character, unsigned width)
{
	uint16_t end = rcasti_line_end(screen);
	struct rcasti_row *row;

	if (screen->cursor.x + width > end) {
		if (!go_to_next_line(screen, width))
			return false;
		end = rcasti_line_end(screen);
	}
	row = rcasti_cursor_row(screen);
	part_left(screen, row);
	if (screen->modes.insert && rcasti_is_between_margins(screen))
		rcasti_row_insert(rcasti_shown(screen), row, screen->cursor.x, end, width, &screen->pen);
	row->cells[screen->cursor.x++] = (struct rcasti_cell){.glyph = character, .width = width, .pen = screen->pen};
	if (width == 2)
		row->cells[screen->cursor.x++] = (struct rcasti_cell){.pen = screen->pen};
	part_right(screen, row);
	note_written(screen, row);
	note_full(screen, end);
	return true;
}

static void put_mark(struct rcast_screen *screen, uint32_t mark)
{
	struct rcasti_row *row = rcasti_cursor_row(screen);
	uint16_t x = screen->cursor.x;

	if (x == 0)
		return;
	x--;
	if (x > 0 && row->cells[x].width == 0)
		x--;
	rcasti_cell_add_mark(screen, &row->cells[x], mark);
	note_written(screen, row);
}

void rcasti_print(void *user, uint32_t character)
{
	struct rcast_screen *screen = user;
	unsigned width;

	if (character < 0x7f)
		character = rcasti_charset_translate(screen->charsets[screen->gl], character);
	width = rcasti_width(character);
	if (width == 0)
		put_mark(screen, character);
	else
		screen->last_width = put(screen, character, width) ? width : 0;
}

/* As much of the text as fits into the line, which ends before column `end`, without a wrap. */
static size_t put_run(struct rcast_screen *screen, uint16_t end, const uint8_t *text, size_t n_bytes)
{
	struct rcasti_row *row = rcasti_cursor_row(screen);
	size_t n = (size_t)(end - screen->cursor.x);
	struct rcasti_cell cell = {.width = 1, .pen = screen->pen};
	struct rcasti_cell *to = row->cells + screen->cursor.x;

	if (n > n_bytes)
		n = n_bytes;
	part_left(screen, row);
	for (size_t i = 0; i < n; i++) {
		cell.glyph = text[i];
		to[i] = cell;
	}
	screen->cursor.x += (uint16_t)n;
	part_right(screen, row);
	note_written(screen, row);
	note_full(screen, end);
	screen->last_width = 1;
	return n;
}

void rcasti_print_ascii(void *user, const uint8_t *text, size_t n_bytes)
{
	struct rcast_screen *screen = user;
	bool is_plain = screen->charsets[screen->gl] == CHARSET_ASCII && !screen->modes.insert;

	while (n_bytes > 0) {
		uint16_t end = rcasti_line_end(screen);
		size_t n = 1;
		if (is_plain && screen->cursor.x < end)
			n = put_run(screen, end, text, n_bytes);
		else
			rcasti_print(screen, *text);
		text += n;
		n_bytes -= n;
	}
}

void rcasti_repeat(struct rcast_screen *screen, uint32_t n)
{
	uint32_t characters[CLUSTER_MAX_CHARACTERS];
	uint32_t most = (uint32_t)screen->primary.n_cols * screen->primary.n_rows;
	unsigned width = screen->last_width;
	unsigned n_characters;

	if (width == 0 || width > screen->cursor.x)
		return;
	n_characters =
		rcasti_cell_characters(screen, &rcasti_cursor_row(screen)->cells[screen->cursor.x - width], characters);
	if (n > most) /* the screen is full of it then, and only the column still changes */
		n = most + (n - most) % ((screen->margin_right - screen->margin_left + 1u) / width);
	while (n-- > 0) {
		for (unsigned i = 0; i < n_characters; i++)
			rcasti_print(screen, characters[i]);
	}
}
