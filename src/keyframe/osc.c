/* SPDX-License-Identifier: MIT */
/*
 * Operating system commands: title, palette, hyperlinks. All others concern the terminal's surroundings and not its screen.
 *
 * Called by the parser through screen.c; calls title.c, palette.c, hyperlink.c.
 */
#include "keyframe/state.h"

#define FIRST_DYNAMIC 10
#define FIRST_DYNAMIC_RESET 110

void rcasti_osc(void *user, uint32_t number, const char *text, size_t n_bytes)
{
	struct rcast_screen *screen = user;

	screen->last_width = 0;
	switch (number) {
	case 0:
	case 2:
		rcasti_title_set(screen, text, n_bytes);
		break;
	case 4:
		rcasti_palette_set_indexed(&screen->palette, text);
		break;
	case 104:
		rcasti_palette_reset_indexed(&screen->palette, text);
		break;
	case 8:
		rcasti_link_use(screen, text, n_bytes);
		break;
	default:
		if (number >= FIRST_DYNAMIC && number < FIRST_DYNAMIC + PALETTE_N_DYNAMIC)
			rcasti_palette_set_dynamic(&screen->palette, number - FIRST_DYNAMIC, text);
		else if (number >= FIRST_DYNAMIC_RESET && number < FIRST_DYNAMIC_RESET + PALETTE_N_DYNAMIC)
			rcasti_palette_reset_dynamic(&screen->palette, number - FIRST_DYNAMIC_RESET);
	}
}
