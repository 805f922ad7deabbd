/* SPDX-License-Identifier: MIT */
/*
 * Modes: what a viewer's terminal must be told besides what is on its screen.
 *
 * A table says of each mode its number, what a fresh terminal has, and what DECSTR does to it. A snapshot first resets every
 * mode one by one, then sets those that are on: DECSTR would be shorter and wrong, since it leaves out some (mouse) and
 * resets for good, in some terminals, what it should not (bracketed paste). Modes whose default differs between terminals
 * are spoken of only if the program did.
 *
 * Mouse tracking is one of several, and so is the encoding of its reports: setting one ends the other.
 *
 * Called by control.c and snapshot.c.
 */
#include "keyframe/modes.h"

static const struct {
	uint16_t number;
	bool is_default;
	bool is_soft_reset;    /* DECSTR gives it its default */
	bool differs;          /* terminals disagree on the default */
	bool is_written_apart; /* by snapshot.c, in its place */
} table[N_MODES] = {
	[MODE_CURSOR_KEYS] = {.number = 1, .is_soft_reset = true},
	[MODE_REVERSE_VIDEO] = {.number = 5},
	[MODE_ORIGIN] = {.number = 6, .is_soft_reset = true, .is_written_apart = true},
	[MODE_WRAP] = {.number = 7, .is_default = true, .is_soft_reset = true},
	[MODE_CURSOR_BLINK] = {.number = 12, .differs = true},
	[MODE_CURSOR_VISIBLE] = {.number = 25, .is_default = true, .is_soft_reset = true},
	[MODE_NATIONAL] = {.number = 42, .differs = true},
	[MODE_REVERSE_WRAP] = {.number = 45, .is_soft_reset = true},
	[MODE_KEYPAD] = {.number = 66, .is_soft_reset = true},
	[MODE_MARGINS] = {.number = 69, .is_soft_reset = true, .is_written_apart = true},
	[MODE_BACKARROW] = {.number = 67, .differs = true},
	[MODE_FOCUS_EVENTS] = {.number = 1004, .is_soft_reset = true},
	[MODE_ALTERNATE_SCROLL] = {.number = 1007, .differs = true},
	[MODE_BRACKETED_PASTE] = {.number = 2004, .is_soft_reset = true},
	[MODE_SYNCHRONIZED] = {.number = 2026, .is_soft_reset = true, .is_written_apart = true},
	[MODE_GRAPHEMES] = {.number = 2027, .differs = true},
	[MODE_COLOUR_SCHEME] = {.number = 2031, .differs = true},
	[MODE_RESIZE_REPORTS] = {.number = 2048, .differs = true},
};

static void put_defaults(struct rcasti_modes *modes, bool soft)
{
	for (unsigned i = 0; i < N_MODES; i++) {
		if (soft && !table[i].is_soft_reset)
			continue;
		modes->set &= ~(UINT32_C(1) << i);
		modes->set |= (uint32_t)table[i].is_default << i;
	}
}

void rcasti_modes_init(struct rcasti_modes *modes)
{
	*modes = (struct rcasti_modes){0};
	put_defaults(modes, false);
}

void rcasti_modes_soft_reset(struct rcasti_modes *modes)
{
	put_defaults(modes, true);
	modes->insert = false;
	modes->extent_is_rectangle = false;
	modes->cursor_style = 0;
}

void rcasti_modes_full_reset(struct rcasti_modes *modes)
{
	struct rcasti_modes touched = {.touched = modes->touched,
				       .modify_other_keys_touched = modes->modify_other_keys_touched,
				       .extent_touched = modes->extent_touched};

	*modes = touched;
	put_defaults(modes, false);
}

void rcasti_modes_put(struct rcasti_modes *modes, enum rcasti_mode mode, bool on)
{
	modes->set &= ~(UINT32_C(1) << mode);
	modes->set |= (uint32_t)on << mode;
	modes->touched |= UINT32_C(1) << mode;
}

static bool set_mouse(struct rcasti_modes *modes, uint32_t number, bool on)
{
	switch (number) {
	case 9:
	case 1000:
	case 1002:
	case 1003:
		modes->mouse_tracking = on ? (uint16_t)number : 0;
		return true;
	case 1005:
	case 1006:
	case 1015:
	case 1016:
		if (on)
			modes->mouse_encoding = (uint16_t)number;
		else if (modes->mouse_encoding == number || number == 1006 || number == 1016)
			modes->mouse_encoding = 0;
		return true;
	}
	return false;
}

bool rcasti_modes_set_private(struct rcasti_modes *modes, uint32_t number, bool on)
{
	if (set_mouse(modes, number, on))
		return true;
	for (unsigned i = 0; i < N_MODES; i++) {
		if (table[i].number == number) {
			rcasti_modes_put(modes, (enum rcasti_mode)i, on);
			return true;
		}
	}
	return false;
}

/* ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_modes_write_defaults(const struct rcasti_modes *modes, struct rcasti_output *output)
{
	rcasti_output_print(output, "\033[4;20l\033[?6;9;69;1000;1002;1003;1005;1006;1015;1016;2026l\033>");
	for (unsigned i = 0; i < N_MODES; i++) {
		bool is_said = table[i].differs ? modes->touched >> i & 1 : true;
		if (is_said && !table[i].is_written_apart)
			rcasti_output_print(output, "\033[?%u%c", table[i].number, table[i].is_default ? 'h' : 'l');
	}
}

void rcasti_modes_write(const struct rcasti_modes *modes, struct rcasti_output *output)
{
	for (unsigned i = 0; i < N_MODES; i++) {
		bool on = modes->set >> i & 1;
		if (on != table[i].is_default && !table[i].is_written_apart)
			rcasti_output_print(output, "\033[?%u%c", table[i].number, on ? 'h' : 'l');
	}
	if (rcasti_mode(modes, MODE_KEYPAD))
		rcasti_output_print(output, "\033=");
	if (modes->new_line)
		rcasti_output_print(output, "\033[20h");
	if (modes->mouse_tracking)
		rcasti_output_print(output, "\033[?%uh", modes->mouse_tracking);
	if (modes->mouse_encoding)
		rcasti_output_print(output, "\033[?%uh", modes->mouse_encoding);
	rcasti_output_print(output, "\033[%u q", modes->cursor_style);
	if (modes->modify_other_keys_touched)
		rcasti_output_print(output, "\033[>4;%um", modes->modify_other_keys);
	if (modes->extent_touched)
		rcasti_output_print(output, "\033[%u*x", modes->extent_is_rectangle ? 2 : 1);
}
