/* SPDX-License-Identifier: MIT */
/* How keys are to be reported, by kitty's protocol. The model is in keyboard.c. */
#ifndef RCASTI_KEYFRAME_KEYBOARD_H
#define RCASTI_KEYFRAME_KEYBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "keyframe/output.h"

#define KEYBOARD_MAX_LEVELS 8

struct rcasti_keyboard {
	uint8_t flags[KEYBOARD_MAX_LEVELS]; /* those of the current level, and of the ones below it */
	uint8_t level;
};

enum rcasti_keyboard_change { KEYBOARD_SET = 1, KEYBOARD_ADD, KEYBOARD_REMOVE };

void rcasti_keyboard_push(struct rcasti_keyboard *keyboard, uint32_t flags);
void rcasti_keyboard_pop(struct rcasti_keyboard *keyboard, uint32_t n_levels);
void rcasti_keyboard_change(struct rcasti_keyboard *keyboard, uint32_t flags, uint32_t change);

/* From any state to this one. */
void rcasti_keyboard_write(const struct rcasti_keyboard *keyboard, struct rcasti_output *output);

static inline uint8_t rcasti_keyboard_flags(const struct rcasti_keyboard *keyboard)
{
	return keyboard->flags[keyboard->level];
}

#endif
