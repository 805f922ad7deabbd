/* SPDX-License-Identifier: MIT */
/*
 * What engines say of sessions: nothing that steers a terminal gets through, and nothing that no session can be.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "client/info.h"

HARNESS_TEST(info, texts_are_cleaned)
{
	static const struct {
		const char *dirty, *clean;
	} cases[] = {
		{"", ""},
		{"vim \xe2\x80\x93 gr\xc3\xbc\xc3\x9f", "vim \xe2\x80\x93 gr\xc3\xbc\xc3\x9f"},
		{"\x1b]0;x\x07\r\n\t\x7f", "?]0;x?????"},
		{"\xc2\x9b"
		 "31m",
		 "?31m"},
		{"a\xff\xfe"
		 "b\xc3",
		 "a??b?"},
		{"\xc0\x80\xed\xa0\x80", "?????"},
		{"abc\xe2\x80\xae"
		 "def\xe2\x81\xa6",
		 "abc?def?"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char clean[64];

		rcasti_info_clean_text(clean, sizeof clean, cases[i].dirty);
		cr_expect_str_eq(clean, cases[i].clean);
	}
}

HARNESS_TEST(info, texts_are_cut_at_whole_characters)
{
	char clean[5];

	rcasti_info_clean_text(clean, sizeof clean, "abcdefg");
	cr_expect_str_eq(clean, "abcd");
	rcasti_info_clean_text(clean, sizeof clean, "ab\xe2\x82\xac");
	cr_expect_str_eq(clean, "ab");
	rcasti_info_clean_text(clean, 1, "a");
	cr_expect_str_eq(clean, "");
}

static void fill_good(Ringcast__Wire__SessionInfo *wire)
{
	ringcast__wire__session_info__init(wire);
	wire->name = (char *)"work";
	wire->kind = RCAST_SESSION_PTY;
	wire->cols = wire->rows = UINT16_MAX;
	wire->ring_bytes = 65536;
	wire->first_pos = 8;
	wire->next_pos = 16;
	wire->title = (char *)"a\x1b[m";
}

HARNESS_TEST(info, good_information_is_taken)
{
	Ringcast__Wire__SessionInfo wire;
	struct rcast_session_info info;

	fill_good(&wire);
	cr_expect_eq(rcasti_info_from_wire(&info, &wire), 0);
	cr_expect_str_eq(info.name, "work");
	cr_expect_str_eq(info.title, "a?[m");
	cr_expect_eq(info.cols, UINT16_MAX);
	cr_expect_eq(info.next_pos, 16);
}

HARNESS_TEST(info, impossible_information_is_refused)
{
	Ringcast__Wire__SessionInfo wires[9];
	struct rcast_session_info info;

	for (size_t i = 0; i < 9; i++)
		fill_good(&wires[i]);
	wires[0].name = (char *)"";
	wires[1].name = (char *)"../../etc";
	wires[2].kind = 0;
	wires[3].kind = 4;
	wires[4].cols = 65536;
	wires[5].ring_bytes = 65537;
	wires[6].ring_bytes = UINT64_C(1) << 62;
	wires[7].first_pos = 17;
	wires[8].ring_bytes = 0;
	for (size_t i = 0; i < 9; i++)
		cr_expect_eq(rcasti_info_from_wire(&info, &wires[i]), -EPROTO, "case %zu", i);
	cr_expect_eq(rcasti_info_from_wire(&info, NULL), -EPROTO);
}
