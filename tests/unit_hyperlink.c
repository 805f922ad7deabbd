/* SPDX-License-Identifier: MIT */
/* Hyperlinks: which cells have which, and that they take bounded memory. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

#include "keyframe/state.h"

static struct rcast_screen *make(void)
{
	struct rcast_screen *screen;

	cr_assert_eq(rcast_screen_create(80, 24, &screen), 0);
	return screen;
}

static void feed(struct rcast_screen *screen, const char *bytes)
{
	rcast_screen_feed(screen, bytes, strlen(bytes));
}

static const char *link_at(const struct rcast_screen *screen, unsigned x)
{
	const char *text = rcasti_link_text(screen, screen->primary.rows[0].cells[x].pen.link);

	return text ? text : "";
}

HARNESS_TEST(hyperlink, cells)
{
	static const struct {
		const char *fed, *first, *second;
	} cases[] = {
		{"\033]8;;x:y\033\\ab", ";x:y", ";x:y"},
		{"\033]8;;x:y\007a\033]8;;\007b", ";x:y", ""},
		{"\033]8;;x:y\007a\033]8;id=3;x:y\007b", ";x:y", "id=3;x:y"},
		{"\033]8;;x:y;z\007a\033[mb", ";x:y;z", ";x:y;z"},
		{"\033]8;;x:y\007a\033[!pb", ";x:y", ""},
		{"\033]8;;x:y\007a\033]8\007\033]8;\007b", ";x:y", ";x:y"},
		{"\033]8;;x:y\007ab\033[H\033[K", "", ""},
		{"\033]8;;x:y\007\0337\033]8;;\007a\0338\033[Cb", "", ";x:y"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcast_screen *screen = make();

		feed(screen, cases[i].fed);
		cr_expect_str_eq(link_at(screen, 0), cases[i].first, "case %zu", i);
		cr_expect_str_eq(link_at(screen, 1), cases[i].second, "case %zu", i);
		rcast_screen_free(screen);
	}
}

HARNESS_TEST(hyperlink, is_told_with_a_run)
{
	struct rcast_screen *screen = make();
	struct rcast_run *runs;
	size_t n_runs;

	feed(screen, "a\033]8;id=1;http://b.c/;d\007bc\033]8;;\007d");
	cr_assert_eq(rcast_screen_row(screen, 0, &runs, &n_runs), 0);
	cr_assert_eq(n_runs, 3);
	cr_expect(!runs[0].style.link && !runs[2].style.link);
	cr_expect_str_eq(runs[1].style.link, "http://b.c/;d");
	free(runs);
	rcast_screen_free(screen);
}

HARNESS_TEST(hyperlink, numbers_of_what_is_gone_are_used_again)
{
	struct rcast_screen *screen = make();
	char sequence[64];

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(sequence, sizeof(sequence), "\033[H\033]8;;http://%u\007x", i);
		feed(screen, sequence);
		snprintf(sequence, sizeof(sequence), ";http://%u", i);
		cr_assert_str_eq(link_at(screen, 0), sequence);
	}
	rcast_screen_free(screen);
}

HARNESS_TEST(hyperlink, memory_is_bounded)
{
	struct rcast_screen *screen = make();
	char sequence[3000];

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(sequence, sizeof(sequence), "\033]8;;http://%u/%0*u\007x", i, (int)(i % 2600), 7);
		feed(screen, sequence);
	}
	cr_expect_leq(screen->links.n_bytes, 65536);
	cr_expect_gt(screen->links.n_bytes, 30000);
	rcast_screen_free(screen);
}
