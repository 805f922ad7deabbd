/* SPDX-License-Identifier: MIT */
/*
 * The pen: what SGR sets and every cell carries.
 *
 * Colours are written in all the forms that programs use: 38;5;n and 38;2;r;g;b with semicolons, 38:5:n, 38:2:r:g:b and
 * 38:2::r:g:b with colons. The sixteen named colours are kept apart from the same indexes of the 256: some terminals
 * brighten the former when bold.
 *
 * Used by control.c (reading) and snapshot.c (writing).
 */
#include "keyframe/pen.h"

#include <string.h>

#define MAX_UNDERLINE 5

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* SGR 1–9 and what turns each off again. */
static const struct {
	uint8_t set, reset;
	uint32_t attribute;
} simple_attributes[] = {
	{1, 22, PEN_BOLD},    {2, 22, PEN_DIM},       {3, 23, PEN_ITALIC}, {5, 25, PEN_BLINK},
	{7, 27, PEN_INVERSE}, {8, 28, PEN_INVISIBLE}, {9, 29, PEN_STRUCK}, {53, 55, PEN_OVERLINE},
};
#define N_SIMPLE_ATTRIBUTES (sizeof(simple_attributes) / sizeof(simple_attributes[0]))

static void set_underline(struct rcasti_pen *pen, uint32_t style)
{
	pen->attributes &= ~(uint32_t)PEN_UNDERLINE_MASK;
	pen->attributes |= style << PEN_UNDERLINE_SHIFT;
}

static unsigned count_subs(const struct rcasti_sequence *sequence, unsigned index)
{
	unsigned n = 0;

	while (index + 1 + n < sequence->n_parameters && sequence->parameters[index + 1 + n].is_sub)
		n++;
	return n;
}

static uint32_t rgb(const struct rcasti_sequence *sequence, unsigned index)
{
	return COLOUR_RGB | (rcasti_parameter(sequence, index) & 0xff) << 16 |
	       (rcasti_parameter(sequence, index + 1) & 0xff) << 8 | (rcasti_parameter(sequence, index + 2) & 0xff);
}

/* The colour that follows a 38, 48 or 58 at `index`. Returns how many parameters it took. */
static unsigned read_colour(const struct rcasti_sequence *sequence, unsigned index, uint32_t *colour)
{
	unsigned n_subs = count_subs(sequence, index);
	uint32_t kind = rcasti_parameter(sequence, index + 1);

	if (n_subs > 0) {
		if (kind == 5)
			*colour = COLOUR_256 | (n_subs >= 2 ? rcasti_parameter(sequence, index + 2) & 0xff : 0);
		else if (kind == 2) /* five and more: a colour space stands before red */
			*colour = rgb(sequence, index + (n_subs >= 5 ? 3 : 2));
		return n_subs;
	}
	if (kind == 5) {
		*colour = COLOUR_256 | (rcasti_parameter(sequence, index + 2) & 0xff);
		return 2;
	}
	if (kind == 2) {
		*colour = rgb(sequence, index + 2);
		return 4;
	}
	return 1;
}

static bool apply_simple_attribute(struct rcasti_pen *pen, uint32_t code)
{
	bool found = false;

	for (unsigned i = 0; i < N_SIMPLE_ATTRIBUTES; i++) {
		if (simple_attributes[i].set == code)
			pen->attributes |= simple_attributes[i].attribute;
		else if (simple_attributes[i].reset == code)
			pen->attributes &= ~simple_attributes[i].attribute;
		else
			continue;
		found = true;
	}
	return found;
}

static void apply_named_colour(struct rcasti_pen *pen, uint32_t code)
{
	if (code >= 30 && code <= 37)
		pen->fg = COLOUR_16 | (code - 30);
	else if (code >= 40 && code <= 47)
		pen->bg = COLOUR_16 | (code - 40);
	else if (code >= 90 && code <= 97)
		pen->fg = COLOUR_16 | (code - 90 + 8);
	else if (code >= 100 && code <= 107)
		pen->bg = COLOUR_16 | (code - 100 + 8);
}

/* One code of an SGR. Returns how many further parameters belonged to it. */
static unsigned apply_code(struct rcasti_pen *pen, const struct rcasti_sequence *sequence, unsigned index)
{
	uint32_t code = sequence->parameters[index].value;
	unsigned n_subs = count_subs(sequence, index);
	uint32_t style;

	switch (code) {
	case 0:
		*pen = (struct rcasti_pen){.attributes = pen->attributes & PEN_PROTECTED, .link = pen->link};
		break;
	case 4:
		style = n_subs > 0 && sequence->parameters[index + 1].is_given ? sequence->parameters[index + 1].value : 1;
		set_underline(pen, style <= MAX_UNDERLINE ? style : 1);
		break;
	case 21:
		set_underline(pen, 2);
		break;
	case 24:
		set_underline(pen, 0);
		break;
	case 38:
		return read_colour(sequence, index, &pen->fg);
	case 48:
		return read_colour(sequence, index, &pen->bg);
	case 58:
		return read_colour(sequence, index, &pen->underline_colour);
	case 39:
		pen->fg = COLOUR_DEFAULT;
		break;
	case 49:
		pen->bg = COLOUR_DEFAULT;
		break;
	case 59:
		pen->underline_colour = COLOUR_DEFAULT;
		break;
	default:
		if (!apply_simple_attribute(pen, code))
			apply_named_colour(pen, code);
	}
	return n_subs;
}

void rcasti_pen_apply_sgr(struct rcasti_pen *pen, const struct rcasti_sequence *sequence)
{
	for (unsigned i = 0; i < sequence->n_parameters; i++)
		i += apply_code(pen, sequence, i);
}

/* ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* `base` is 30 for the foreground, 40 for the background. */
static void write_colour(uint32_t colour, unsigned base, struct rcasti_output *output)
{
	uint32_t value = colour & 0xffffff;

	switch (colour & COLOUR_KIND_MASK) {
	case COLOUR_16:
		rcasti_output_print(output, ";%u", value < 8 ? base + value : base + 60 + value - 8);
		break;
	case COLOUR_256:
		rcasti_output_print(output, ";%u;5;%u", base + 8, value);
		break;
	case COLOUR_RGB:
		rcasti_output_print(output, ";%u;2;%u;%u;%u", base + 8, value >> 16, value >> 8 & 0xff, value & 0xff);
		break;
	}
}

/* Colons, which only terminals that know of underline colours can meet here. */
static void write_underline_colour(uint32_t colour, struct rcasti_output *output)
{
	uint32_t value = colour & 0xffffff;

	if ((colour & COLOUR_KIND_MASK) == COLOUR_256)
		rcasti_output_print(output, ";58:5:%u", value);
	else if ((colour & COLOUR_KIND_MASK) == COLOUR_RGB)
		rcasti_output_print(output, ";58:2::%u:%u:%u", value >> 16, value >> 8 & 0xff, value & 0xff);
}

void rcasti_pen_write(const struct rcasti_pen *pen, const struct rcasti_pen *current, struct rcasti_output *output)
{
	uint32_t underline = (pen->attributes & PEN_UNDERLINE_MASK) >> PEN_UNDERLINE_SHIFT;

	struct rcasti_pen relinked = *current;

	relinked.link = pen->link;
	if (rcasti_pen_equal(pen, &relinked))
		return;
	rcasti_output_print(output, "\033[0");
	for (unsigned i = 0; i < N_SIMPLE_ATTRIBUTES; i++) {
		if (pen->attributes & simple_attributes[i].attribute)
			rcasti_output_print(output, ";%u", simple_attributes[i].set);
	}
	if (underline == 1)
		rcasti_output_print(output, ";4");
	else if (underline > 1)
		rcasti_output_print(output, ";4:%u", underline);
	write_colour(pen->fg, 30, output);
	write_colour(pen->bg, 40, output);
	write_underline_colour(pen->underline_colour, output);
	rcasti_output_print(output, "m");
	/* Behind the SGR: some terminals take its 0 for an end of protection too. */
	if (pen->attributes & PEN_PROTECTED)
		rcasti_output_print(output, "\033[1\"q");
	else if (current->attributes & PEN_PROTECTED)
		rcasti_output_print(output, "\033[0\"q");
}
