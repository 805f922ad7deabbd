/* SPDX-License-Identifier: MIT */
/*
 * kitty's keyboard protocol: a stack of flags for each of the two screens, so that a program leaves to its parent what that had.
 *
 * The lowest level is always there and can be changed but not removed; popping it clears it. A stack that is full forgets its
 * lowest level. Which flags there are, only the terminal and the program know: five bits are kept.
 *
 * Called by control.c, snapshot.c and draw.c.
 */
#include "keyframe/keyboard.h"

#include <string.h>

#define ALL_FLAGS 0x1f

void rcasti_keyboard_push(struct rcasti_keyboard *keyboard, uint32_t flags)
{
	if (keyboard->level + 1 < KEYBOARD_MAX_LEVELS)
		keyboard->level++;
	else
		memmove(keyboard->flags, keyboard->flags + 1, KEYBOARD_MAX_LEVELS - 1);
	keyboard->flags[keyboard->level] = flags & ALL_FLAGS;
}

void rcasti_keyboard_pop(struct rcasti_keyboard *keyboard, uint32_t n_levels)
{
	while (n_levels > 0 && keyboard->level > 0) {
		keyboard->level--;
		n_levels--;
	}
	if (n_levels > 0)
		keyboard->flags[0] = 0;
}

void rcasti_keyboard_change(struct rcasti_keyboard *keyboard, uint32_t flags, uint32_t change)
{
	uint8_t *current = &keyboard->flags[keyboard->level];

	flags &= ALL_FLAGS;
	if (change == KEYBOARD_SET)
		*current = (uint8_t)flags;
	else if (change == KEYBOARD_ADD)
		*current |= (uint8_t)flags;
	else if (change == KEYBOARD_REMOVE)
		*current &= (uint8_t)~flags;
}

void rcasti_keyboard_write(const struct rcasti_keyboard *keyboard, struct rcasti_output *output)
{
	rcasti_output_print(output, "\033[<%uu\033[=%uu", KEYBOARD_MAX_LEVELS + 1, keyboard->flags[0]);
	for (unsigned i = 1; i <= keyboard->level; i++)
		rcasti_output_print(output, "\033[>%uu", keyboard->flags[i]);
}
