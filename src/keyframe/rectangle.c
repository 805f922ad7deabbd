/* SPDX-License-Identifier: MIT */
/*
 * Rectangles: what a VT420 fills, erases, copies and marks at once, wherever the cursor is and whatever the margins are.
 *
 * Four parameters name the first and last line and column, from the origin; what is left out is the edge of the screen. A rectangle
 * without cells does nothing. Colours and attributes are as in xterm, whatever the manual says: to erase is to fill with blanks in
 * the pen, and a pen of default colours leaves the colours that cells have.
 *
 * Called by control.c; calls grid.c.
 */
#include "keyframe/state.h"

/* Where positions count from, and may lie: in origin mode that is between the margins. */
static struct rcasti_area whole_area(const struct rcast_screen *screen)
{
	const struct rcasti_buffer *buffer = rcasti_shown_const(screen);

	if (rcasti_mode(&screen->modes, MODE_ORIGIN))
		return (struct rcasti_area){.left = screen->margin_left,
					    .top = buffer->scroll_top,
					    .right = screen->margin_right,
					    .bottom = buffer->scroll_bottom};
	return (struct rcasti_area){.right = buffer->n_cols - 1, .bottom = buffer->n_rows - 1};
}

/* A line or column counted from `first`, no more than `last`; 0 stands for `otherwise`. */
static uint16_t limit(uint32_t value, uint32_t first, uint32_t last, uint32_t otherwise)
{
	if (value == 0)
		return (uint16_t)otherwise;
	return (uint16_t)(value - 1 < last - first ? first + value - 1 : last);
}

/* False: there are no cells in it. */
static bool parse_area(const struct rcast_screen *screen, const struct rcasti_sequence *sequence, unsigned at,
		       struct rcasti_area *area)
{
	struct rcasti_area whole = whole_area(screen);

	area->top = limit(rcasti_parameter(sequence, at), whole.top, whole.bottom + 1u, whole.top);
	area->left = limit(rcasti_parameter(sequence, at + 1), whole.left, whole.right + 1u, whole.left);
	area->bottom = limit(rcasti_parameter(sequence, at + 2), whole.top, whole.bottom, whole.bottom);
	area->right = limit(rcasti_parameter(sequence, at + 3), whole.left, whole.right, whole.right);
	return area->top <= area->bottom && area->left <= area->right;
}

/* ── Filling and erasing ─────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_cell(struct rcast_screen *screen, unsigned x, unsigned y, const struct rcasti_cell *cell)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	rcasti_row_fill(buffer, &buffer->rows[y], x, x + 1, cell);
}

/* With the pen; a glyph of 0 erases. */
static void fill(struct rcast_screen *screen, const struct rcasti_area *area, uint32_t glyph)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);
	struct rcasti_cell cell = {.glyph = glyph, .width = 1, .pen = screen->pen};
	bool has_colours = cell.pen.fg != 0 || cell.pen.bg != 0;

	cell.pen.link = 0;
	for (unsigned y = area->top; y <= area->bottom; y++) {
		for (unsigned x = area->left; x <= area->right; x++) {
			const struct rcasti_pen *old = &buffer->rows[y].cells[x].pen;
			cell.pen.fg = has_colours ? cell.pen.fg : old->fg;
			cell.pen.bg = has_colours ? cell.pen.bg : old->bg;
			put_cell(screen, x, y, &cell);
		}
	}
}

static bool is_graphic(uint32_t character)
{
	return (character >= 0x20 && character <= 0x7e) || (character >= 0xa0 && character <= 0xff);
}

/* The characters alone, and only those that are not protected. */
static void wipe(struct rcast_screen *screen, const struct rcasti_area *area)
{
	const struct rcasti_buffer *buffer = rcasti_shown(screen);

	for (unsigned y = area->top; y <= area->bottom; y++) {
		for (unsigned x = area->left; x <= area->right; x++) {
			struct rcasti_cell wiped = rcasti_erased_cell(&buffer->rows[y].cells[x].pen);
			if (!(wiped.pen.attributes & PEN_PROTECTED))
				put_cell(screen, x, y, &wiped);
		}
	}
}

/* ── Copying ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void copy_row(struct rcast_screen *screen, const struct rcasti_area *from, const struct rcasti_area *to, unsigned i)
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	rcasti_row_replace(buffer, &buffer->rows[to->top + i], to->left, buffer->rows[from->top + i].cells + from->left,
			   to->right - to->left + 1u);
}

/* Rows in such an order that none is overwritten before it was copied. */
static void copy_rows(struct rcast_screen *screen, const struct rcasti_area *from, const struct rcasti_area *to)
{
	unsigned n_rows = to->bottom - to->top + 1u;

	for (unsigned i = 0; i < n_rows; i++)
		copy_row(screen, from, to, to->top > from->top ? n_rows - 1 - i : i);
}

/* The first line and column of where to are behind the source and its page. What does not fit there is left out. */
static void copy(struct rcast_screen *screen, const struct rcasti_sequence *sequence, const struct rcasti_area *from)
{
	struct rcasti_area whole = whole_area(screen), to;
	unsigned right, bottom;

	to.top = limit(rcasti_parameter(sequence, 5), whole.top, whole.bottom + 1u, whole.top);
	to.left = limit(rcasti_parameter(sequence, 6), whole.left, whole.right + 1u, whole.left);
	if (to.top > whole.bottom || to.left > whole.right)
		return;
	bottom = to.top + (unsigned)(from->bottom - from->top);
	right = to.left + (unsigned)(from->right - from->left);
	to.bottom = bottom < whole.bottom ? (uint16_t)bottom : whole.bottom;
	to.right = right < whole.right ? (uint16_t)right : whole.right;
	copy_rows(screen, from, &to);
}

/* ── Marking ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What an SGR parameter is about, whether it sets or ends it; 0: nothing that can be marked. */
static uint16_t attribute_of(uint32_t parameter)
{
	switch (parameter < 20 ? parameter : parameter - 20) {
	case 1:
		return parameter < 20 ? PEN_BOLD : 0;
	case 2:
		return parameter < 20 ? 0 : PEN_BOLD;
	case 4:
		return PEN_UNDERLINE_MASK;
	case 5:
		return PEN_BLINK;
	case 7:
		return PEN_INVERSE;
	case 8:
		return PEN_INVISIBLE;
	}
	return 0;
}

static void set_attribute(struct rcasti_pen *pen, uint32_t parameter)
{
	uint16_t attribute = attribute_of(parameter);

	if (parameter == 0)
		attribute = PEN_BOLD | PEN_UNDERLINE_MASK | PEN_BLINK | PEN_INVERSE | PEN_INVISIBLE;
	pen->attributes &= (uint16_t)~attribute;
	if (attribute == PEN_UNDERLINE_MASK)
		attribute = 1 << PEN_UNDERLINE_SHIFT;
	if (parameter > 0 && parameter < 20)
		pen->attributes |= attribute;
}

static void reverse_attribute(struct rcasti_pen *pen, uint32_t parameter)
{
	uint16_t attribute = parameter < 20 ? attribute_of(parameter) : 0;

	if (attribute == PEN_UNDERLINE_MASK && !(pen->attributes & PEN_UNDERLINE_MASK))
		attribute = 1 << PEN_UNDERLINE_SHIFT;
	else if (attribute == PEN_UNDERLINE_MASK)
		attribute &= pen->attributes;
	pen->attributes ^= attribute;
}

/* A wide character looks as its first half does, wherever the edge goes through it. */
static void agree_at_edges(struct rcasti_row *row, unsigned left, unsigned right)
{
	if (row->cells[left].width == 0 && left > 0)
		row->cells[left].pen = row->cells[left - 1].pen;
	if (row->cells[right].width == 2)
		row->cells[right + 1].pen = row->cells[right].pen;
}

static void mark_cells(struct rcasti_row *row, unsigned left, unsigned right, const struct rcasti_sequence *sequence,
		       void (*change)(struct rcasti_pen *pen, uint32_t parameter))
{
	for (unsigned x = left; x <= right; x++) {
		for (unsigned i = 4; i < sequence->n_parameters; i++)
			change(&row->cells[x].pen, sequence->parameters[i].value);
	}
	agree_at_edges(row, left, right);
	if (row->n_written < right + 1)
		row->n_written = (uint16_t)(right + 1);
}

/* A rectangle, or all the text from its first cell to its last one. */
static void mark(struct rcast_screen *screen, const struct rcasti_area *area, const struct rcasti_sequence *sequence,
		 void (*change)(struct rcasti_pen *pen, uint32_t parameter))
{
	struct rcasti_buffer *buffer = rcasti_shown(screen);

	for (unsigned y = area->top; y <= area->bottom; y++) {
		bool is_whole_left = !screen->modes.extent_is_rectangle && y > area->top;
		bool is_whole_right = !screen->modes.extent_is_rectangle && y < area->bottom;
		mark_cells(&buffer->rows[y], is_whole_left ? 0 : area->left,
			   is_whole_right ? buffer->n_cols - 1u : area->right, sequence, change);
	}
}

void rcasti_select_extent(struct rcast_screen *screen, uint32_t extent)
{
	if (extent > 2)
		return;
	screen->modes.extent_is_rectangle = extent == 2;
	screen->modes.extent_touched = true;
}

/* ── Dispatch ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_rectangle(struct rcast_screen *screen, const struct rcasti_sequence *sequence, uint8_t final)
{
	uint32_t character = rcasti_parameter(sequence, 0);
	struct rcasti_area area;

	if (!parse_area(screen, sequence, final == 'x' ? 1 : 0, &area))
		return;
	switch (final) {
	case 'r':
		mark(screen, &area, sequence, set_attribute);
		break;
	case 't':
		mark(screen, &area, sequence, reverse_attribute);
		break;
	case 'v':
		copy(screen, sequence, &area);
		break;
	case 'x':
		if (is_graphic(character))
			fill(screen, &area, character);
		break;
	case 'z':
		fill(screen, &area, 0);
		break;
	case '{':
		wipe(screen, &area);
		break;
	}
}
