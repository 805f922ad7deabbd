/* SPDX-License-Identifier: MIT */
/* Modes that are on or off, and the few that are one of several. The model is in modes.c. */
#ifndef RCASTI_KEYFRAME_MODES_H
#define RCASTI_KEYFRAME_MODES_H

#include <stdbool.h>
#include <stdint.h>

#include "keyframe/output.h"

enum rcasti_mode {
	MODE_CURSOR_KEYS,
	MODE_REVERSE_VIDEO,
	MODE_ORIGIN,
	MODE_WRAP,
	MODE_CURSOR_BLINK,
	MODE_CURSOR_VISIBLE,
	MODE_NATIONAL,
	MODE_REVERSE_WRAP,
	MODE_KEYPAD,
	MODE_MARGINS,
	MODE_BACKARROW,
	MODE_FOCUS_EVENTS,
	MODE_ALTERNATE_SCROLL,
	MODE_BRACKETED_PASTE,
	MODE_SYNCHRONIZED,
	MODE_GRAPHEMES,
	MODE_COLOUR_SCHEME,
	MODE_RESIZE_REPORTS,
	N_MODES,
};

struct rcasti_modes {
	uint32_t set;     /* bit of enum rcasti_mode */
	uint32_t touched; /* was ever set or reset */
	bool insert, new_line;
	uint16_t mouse_tracking; /* 0, 9, 1000, 1002, 1003 */
	uint16_t mouse_encoding; /* 0, 1005, 1006, 1015, 1016 */
	uint8_t cursor_style;    /* DECSCUSR: 0 the terminal's own, 1–6 */
	bool modify_other_keys_touched;
	uint8_t modify_other_keys; /* XTMODKEYS 4 */
	bool extent_touched;
	bool extent_is_rectangle; /* DECSACE: of what changes attributes; else it is a run of text */
};

static inline bool rcasti_mode(const struct rcasti_modes *modes, enum rcasti_mode mode)
{
	return modes->set >> mode & 1;
}

void rcasti_modes_init(struct rcasti_modes *modes);
void rcasti_modes_soft_reset(struct rcasti_modes *modes);
void rcasti_modes_full_reset(struct rcasti_modes *modes);

/* DECSET and DECRST of a mode that is only remembered. False: it is none of those. */
bool rcasti_modes_set_private(struct rcasti_modes *modes, uint32_t number, bool on);
void rcasti_modes_put(struct rcasti_modes *modes, enum rcasti_mode mode, bool on);

/* Every mode to what it is in a fresh terminal; then those that are otherwise. Origin, insert mode and margins are the caller's. */
void rcasti_modes_write_defaults(const struct rcasti_modes *modes, struct rcasti_output *output);
void rcasti_modes_write(const struct rcasti_modes *modes, struct rcasti_output *output);

#endif
