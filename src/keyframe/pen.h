/* SPDX-License-Identifier: MIT */
/* How a cell looks: colours and attributes, read from SGR and written as SGR. */
#ifndef RCASTI_KEYFRAME_PEN_H
#define RCASTI_KEYFRAME_PEN_H

#include <stdbool.h>
#include <stdint.h>

#include "keyframe/output.h"
#include "keyframe/parser.h"

/* A colour: its kind in the top byte, below it an index or red, green and blue. 0 is the default colour. */
enum colour_kind {
	COLOUR_DEFAULT = 0,
	COLOUR_16 = UINT32_C(1) << 24,
	COLOUR_256 = UINT32_C(2) << 24,
	COLOUR_RGB = UINT32_C(3) << 24,
};
#define COLOUR_KIND_MASK (UINT32_C(3) << 24)

enum pen_attribute {
	PEN_BOLD = 1 << 0,
	PEN_DIM = 1 << 1,
	PEN_ITALIC = 1 << 2,
	PEN_BLINK = 1 << 3,
	PEN_INVERSE = 1 << 4,
	PEN_INVISIBLE = 1 << 5,
	PEN_STRUCK = 1 << 6,
	PEN_OVERLINE = 1 << 7,
	PEN_PROTECTED = 1 << 8, /* DECSCA, not SGR */
	PEN_UNDERLINE_SHIFT = 9,
	PEN_UNDERLINE_MASK = 7 << PEN_UNDERLINE_SHIFT, /* 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed */
};

struct rcasti_pen {
	uint32_t fg, bg, underline_colour;
	uint16_t attributes;
	uint16_t link; /* see hyperlink.c; 0: none */
};

static inline bool rcasti_pen_equal(const struct rcasti_pen *a, const struct rcasti_pen *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->underline_colour == b->underline_colour &&
	       a->attributes == b->attributes && a->link == b->link;
}

void rcasti_pen_apply_sgr(struct rcasti_pen *pen, const struct rcasti_sequence *sequence);

/* From the pen that the terminal has to this one; nothing if they are equal. Links apart. */
void rcasti_pen_write(const struct rcasti_pen *pen, const struct rcasti_pen *current, struct rcasti_output *output);

#endif
