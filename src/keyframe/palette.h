/* SPDX-License-Identifier: MIT */
/* Colours that the program gave a new meaning. The model is in palette.c. */
#ifndef RCASTI_KEYFRAME_PALETTE_H
#define RCASTI_KEYFRAME_PALETTE_H

#include <stdbool.h>
#include <stdint.h>

#include "keyframe/output.h"

#define PALETTE_N_DYNAMIC 10 /* OSC 10–19: text, background, cursor, … */
#define PALETTE_IS_SET (UINT32_C(1) << 24)

struct rcasti_palette {
	uint32_t indexed[256]; /* PALETTE_IS_SET and red, green, blue; 0: the terminal's own */
	uint32_t dynamic[PALETTE_N_DYNAMIC];
	bool indexed_touched;
	uint16_t dynamic_touched; /* bit of each */
};

/* `text` is what stands behind the command's number. */
void rcasti_palette_set_indexed(struct rcasti_palette *palette, const char *text);
void rcasti_palette_reset_indexed(struct rcasti_palette *palette, const char *text);
void rcasti_palette_set_dynamic(struct rcasti_palette *palette, unsigned first, const char *text);
void rcasti_palette_reset_dynamic(struct rcasti_palette *palette, unsigned which);

/* From any state to this one. */
void rcasti_palette_write(const struct rcasti_palette *palette, struct rcasti_output *output);

#endif
