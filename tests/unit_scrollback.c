/* SPDX-License-Identifier: MIT */
/* Lines that have left the screen: which are kept, and that a snapshot hands them on. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

#include "keyframe/state.h"

static struct rcast_screen *make(uint32_t n_lines)
{
	struct rcast_screen *screen;

	cr_assert_eq(rcast_screen_create(10, 3, &screen), 0);
	cr_assert_eq(rcast_screen_keep_scrollback(screen, n_lines), 0);
	return screen;
}

/* All lines, each followed by '|'. */
static const char *lines_of(const struct rcast_screen *screen)
{
	const struct rcasti_scrollback *scrollback = &screen->scrollback;
	static char text[4096];

	text[0] = '\0';
	for (uint32_t i = 0; i < scrollback->n_lines; i++) {
		strcat(text, scrollback->lines[(scrollback->first + i) % scrollback->n_max].bytes);
		strcat(text, "|");
	}
	return text;
}

static const struct {
	const char *what, *fed, *kept;
} cases[] = {
	{"nothing has left", "1\r\n2\r\n3", ""},
	{"the newest", "1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9", "3|4|5|6|"},
	{"by a wrap", "1\r\n2\r\n0123456789x", "1|"},
	{"a wrapped line", "0123456789ab\r\n2\r\n3\r\n4", "0123456789|ab|"},
	{"colours", "\033[31mr\033[44m\033[K\033[m\r\n2\r\n3\r\n4", "\033[0;31mr\033[0;44m\033[9X\033[0m|"},
	{"not of the alternate screen", "\033[?1049h1\r\n2\r\n3\r\n4", ""},
	{"not below the top", "\033[2;3r\033[2H1\r\n2\r\n3\r\n4", ""},
	{"of a region at the top", "\033[1;2r1\r\n2\r\n3\r\n4", "1|2|"},
	{"IND", "1\033[3H\033D", "1|"},
	{"erased", "1\r\n2\r\n3\r\n4\033[3J", ""},
	{"not erased", "1\r\n2\r\n3\r\n4\033[2J", "1|"},
	{"reset", "1\r\n2\r\n3\r\n4\033c", ""},
};

HARNESS_TEST(scrollback, keeps)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcast_screen *screen = make(4);

		rcast_screen_feed(screen, cases[i].fed, strlen(cases[i].fed));
		cr_expect_str_eq(lines_of(screen), cases[i].kept, "%s: %s", cases[i].what, lines_of(screen));
		rcast_screen_free(screen);
	}
}

HARNESS_TEST(scrollback, a_snapshot_hands_it_on)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcast_screen *screen = make(4), *joined = make(4);
		char *bytes, *again, kept[4096];
		size_t n_bytes;

		rcast_screen_feed(screen, cases[i].fed, strlen(cases[i].fed));
		cr_assert_eq(rcast_screen_snapshot(screen, &bytes, &n_bytes), 0);
		rcast_screen_feed(joined, bytes, n_bytes);
		strcpy(kept, lines_of(screen));
		cr_expect_str_eq(lines_of(joined), kept, "%s: %s", cases[i].what, lines_of(joined));
		cr_assert_eq(rcast_screen_snapshot(joined, &again, &n_bytes), 0);
		cr_expect_str_eq(again, bytes, "%s", cases[i].what);
		free(bytes);
		free(again);
		rcast_screen_free(screen);
		rcast_screen_free(joined);
	}
}

HARNESS_TEST(scrollback, rows_that_a_smaller_screen_lacks)
{
	struct rcast_screen *screen = make(4);

	rcast_screen_feed(screen, "1\r\n2\r\n3", 7);
	cr_assert_eq(rcast_screen_resize(screen, 10, 1), 0);
	cr_expect_str_eq(lines_of(screen), "1|2|");
	rcast_screen_free(screen);
}

HARNESS_TEST(scrollback, takes_bounded_memory)
{
	struct rcast_screen *screen;

	cr_assert_eq(rcast_screen_create(1000, 3, &screen), 0);
	cr_assert_eq(rcast_screen_keep_scrollback(screen, RCAST_SCREEN_MAX_SCROLLBACK + 1), -EINVAL);
	cr_assert_eq(rcast_screen_keep_scrollback(screen, 10), 0);
	for (unsigned i = 0; i < 20000; i++)
		rcast_screen_feed(screen, "\033[31mx\033[32my", 12);
	cr_expect_leq(screen->scrollback.n_bytes, 10240);
	cr_expect_gt(screen->scrollback.n_lines, 0);
	cr_assert_eq(rcast_screen_keep_scrollback(screen, 0), 0);
	rcast_screen_feed(screen, "\n\n\n\n", 4);
	cr_expect_eq(screen->scrollback.n_lines, 0);
	rcast_screen_free(screen);
}
