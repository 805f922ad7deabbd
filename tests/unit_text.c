/* SPDX-License-Identifier: MIT */
/* Rows as runs of cells that look the same. */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

/* The first row, each run as "column+columns'text'", and what makes it other than plain. */
static void describe(const struct rcast_screen *screen, char *out, size_t size)
{
	struct rcast_run *runs;
	size_t n_runs, n = 0;

	cr_assert_eq(rcast_screen_row(screen, 0, &runs, &n_runs), 0);
	out[0] = '\0';
	for (size_t i = 0; i < n_runs; i++) {
		const struct rcast_style *style = &runs[i].style;
		cr_expect_eq(runs[i].n_bytes, strlen(runs[i].text));
		n += (size_t)snprintf(out + n, size - n, "%s%u+%u'%s'", i ? " " : "", runs[i].col, runs[i].n_cols,
				      runs[i].text);
		if (style->foreground.kind)
			n += (size_t)snprintf(out + n, size - n, "f%u:%x", style->foreground.kind, style->foreground.value);
		if (style->background.kind)
			n += (size_t)snprintf(out + n, size - n, "b%u:%x", style->background.kind, style->background.value);
		if (style->underline)
			n += (size_t)snprintf(out + n, size - n, "u%u:%x", style->underline, style->underline_colour.value);
		if (style->flags)
			n += (size_t)snprintf(out + n, size - n, "s%x", style->flags);
	}
	free(runs);
}

static const struct {
	const char *fed, *runs;
} cases[] = {
	{"", ""},
	{"abc", "0+3'abc'"},
	{"abc  ", "0+5'abc  '"},
	{"a\033[5Gb", "0+5'a   b'"},
	{"a\033[31mb\033[38;5;200mc\033[38;2;1;2;3md\033[me", "0+1'a' 1+1'b'f1:1 2+1'c'f2:c8 3+1'd'f3:10203 4+1'e'"},
	{"\033[104mab\033[K", "0+10'ab        'b1:c"},
	{"漢字x", "0+5'漢字x'"},
	{"漢\033[1m字\033[mx", "0+2'漢' 2+2'字's1 4+1'x'"},
	{"e\xcc\x81\xcc\xa3!", "0+2'e\xcc\x81\xcc\xa3!'"},
	{"\033[4;58:5:9ma\033[4:3mb\033[0;1;2;3;5;7;8;9;53mc", "0+1'a'u1:9 1+1'b'u3:9 2+1'c'sff"},
	{"a\033[1\"qb", "0+1'a' 1+1'b'"},
	{"0123456789", "0+10'0123456789'"},
};

HARNESS_TEST(text, runs)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcast_screen *screen;
		char found[256];

		cr_assert_eq(rcast_screen_create(10, 2, &screen), 0);
		rcast_screen_feed(screen, cases[i].fed, strlen(cases[i].fed));
		describe(screen, found, sizeof(found));
		cr_expect_str_eq(found, cases[i].runs, "case %zu: %s", i, found);
		rcast_screen_free(screen);
	}
}

HARNESS_TEST(text, no_such_row)
{
	struct rcast_screen *screen;
	struct rcast_run *runs;
	size_t n_runs;

	cr_assert_eq(rcast_screen_create(10, 2, &screen), 0);
	cr_expect_eq(rcast_screen_row(screen, 2, &runs, &n_runs), -EINVAL);
	cr_assert_eq(rcast_screen_row(screen, 1, &runs, &n_runs), 0);
	cr_expect_eq(n_runs, 0);
	free(runs);
	rcast_screen_free(screen);
}
