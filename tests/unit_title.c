/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "engine/title.h"
#include "harness.h"

#define ESC "\033"

static const struct {
	const char *output, *title; /* NULL: none was completed */
} cases[] = {
	{"plain text", NULL},
	{ESC "]0;bell\a", "bell"},
	{ESC "]2;string terminator" ESC "\\", "string terminator"},
	{ESC "]02;leading zero\a", "leading zero"},
	{ESC "];no number\a", "no number"},
	{ESC "]1;icon only\a", NULL},
	{ESC "]22;other\a", NULL},
	{ESC "]2x;other\a", NULL},
	{ESC "]99999999999999999992;overflow\a", NULL},
	{ESC "]52;c;secret\a", NULL},
	{ESC "]0;never closed", NULL},
	{ESC "]0;cancelled\x18 text\a", NULL},
	{ESC "]0;substituted\x1a text\a", NULL},
	{ESC "]0;broken" ESC "[31m red\a", NULL},
	{ESC "]0;first" ESC "]0;second\a", "second"},
	{ESC ESC "]0;two escapes\a", "two escapes"},
	{ESC "]0;one\a and " ESC "]2;two\a", "two"},
	{ESC "]0;tab\tand\nline\a", "taband"
				    "line"},
	{ESC "]0;del\x7f c1\xc2\x9b!\a", "del c1!"},
	{ESC "]0;ümlaut €\a", "ümlaut €"},
	{ESC "]0;bad\xff\xc3( end\a", "bad( end"},
	{ESC "]0;surrogate\xed\xa0\x80 overlong\xc0\xaf too far\xf4\x90\x80\x80.\a", "surrogate overlong too far."},
	{ESC "]0;\a", NULL}, /* as empty as it was before */
};

HARNESS_TEST(title, is_found_whole)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rcasti_title_scanner scanner = {0};
		bool found = rcasti_title_scan(&scanner, cases[i].output, strlen(cases[i].output));

		cr_expect_eq(found, cases[i].title != NULL, "case %zu", i);
		cr_expect_str_eq(scanner.title, cases[i].title ? cases[i].title : "", "case %zu", i);
	}
}

/* However the reads cut it. */
HARNESS_TEST(title, is_found_in_pieces)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t cut = 1; cut < 4; cut++) {
			struct rcasti_title_scanner scanner = {0};
			size_t n_bytes = strlen(cases[i].output);

			for (size_t at = 0; at < n_bytes; at += cut)
				rcasti_title_scan(&scanner, cases[i].output + at, n_bytes - at < cut ? n_bytes - at : cut);
			cr_expect_str_eq(scanner.title, cases[i].title ? cases[i].title : "", "case %zu cut by %zu", i, cut);
		}
	}
}

HARNESS_TEST(title, is_news_only_when_it_differs)
{
	struct rcasti_title_scanner scanner = {0};

	cr_assert(rcasti_title_scan(&scanner, ESC "]0;same\a", 9));
	cr_assert(!rcasti_title_scan(&scanner, ESC "]0;same\a", 9));
	cr_assert(rcasti_title_scan(&scanner, ESC "]0;other\a", 10));
	cr_assert(rcasti_title_scan(&scanner, ESC "]0;\a", 5));
	cr_assert_str_eq(scanner.title, "");
}

/* A title without end costs nothing, and is cut between characters. */
HARNESS_TEST(title, is_bounded)
{
	struct rcasti_title_scanner scanner = {0};

	rcasti_title_scan(&scanner, ESC "]0;x", 5);
	for (int i = 0; i < 100000; i++)
		cr_assert(!rcasti_title_scan(&scanner, "ü", 2));
	cr_assert(rcasti_title_scan(&scanner, "\a", 1));
	cr_assert_eq(strlen(scanner.title), 255);
	cr_assert_str_eq(scanner.title + 251, "üü");
}

HARNESS_TEST(title, text_is_cleaned_to_fit)
{
	char clean[8];

	cr_assert_eq(rcasti_text_clean(clean, sizeof clean, "abc\033[31mdef", 11), 7);
	cr_assert_str_eq(clean, "abc[31m");
	cr_assert_eq(rcasti_text_clean(clean, 3, "a€", 4), 1, "no half a character");
	cr_assert_str_eq(clean, "a");
	cr_assert_eq(rcasti_text_clean(clean, 1, "abc", 3), 0);
	cr_assert_str_eq(clean, "");
}
