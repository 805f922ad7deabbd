/* SPDX-License-Identifier: MIT */
/* The stack of keyboard flags, as sequences change it. */
#include "harness.h"

#include <string.h>

#include <ringcast/screen.h>

#include "keyframe/state.h"

static const struct {
	const char *fed;
	uint8_t flags, level;
} cases[] = {
	{"", 0, 0},
	{"\033[>1u", 1, 1},
	{"\033[>u", 0, 1},
	{"\033[=5u", 5, 0},
	{"\033[=5u\033[=2;2u", 7, 0},
	{"\033[=5u\033[=4;3u", 1, 0},
	{"\033[=5u\033[=4;9u", 5, 0},
	{"\033[=5;1u\033[>1u\033[<u", 5, 0},
	{"\033[>1u\033[>3u\033[<u", 1, 1},
	{"\033[>1u\033[>3u\033[<2u", 0, 0},
	{"\033[=1u\033[<u", 0, 0},
	{"\033[=1u\033[>3u\033[<9u", 0, 0},
	{"\033[>255u", 31, 1},
	{"\033[>1u\033[>2u\033[>3u\033[>4u\033[>5u\033[>6u\033[>7u\033[>8u\033[>9u\033[<7u", 2, 0},
	{"\033[>1u\033[?1049h", 0, 0},
	{"\033[>1u\033[?1049h\033[>2u\033[?1049l", 1, 1},
	{"\033[>1u\033c", 0, 0},
	{"\033[>1u\033[?u\033[u", 1, 1},
};

HARNESS_TEST(keyboard, stack)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rcasti_keyboard *keyboard;
		struct rcast_screen *screen;

		cr_assert_eq(rcast_screen_create(10, 2, &screen), 0);
		rcast_screen_feed(screen, cases[i].fed, strlen(cases[i].fed));
		keyboard = &rcasti_shown(screen)->keyboard;
		cr_expect(rcasti_keyboard_flags(keyboard) == cases[i].flags && keyboard->level == cases[i].level,
			  "case %zu: %u, %u", i, rcasti_keyboard_flags(keyboard), keyboard->level);
		rcast_screen_free(screen);
	}
}
