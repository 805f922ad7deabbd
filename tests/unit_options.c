/* SPDX-License-Identifier: MIT */
/*
 * Values on the command line: taken whole or refused.
 */
#include "harness.h"

#include <ringcast/ring.h>

#include "cli/options.h"

#define N(array) (sizeof array / sizeof array[0])

HARNESS_TEST(options, ring_sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes; /* 0: refused */
	} cases[] = {
		{"64K", 65536},
		{"65536", 65536},
		{"4M", 4 << 20},
		{"4m", 4 << 20},
		{"1G", 1 << 30},
		{"1048576K", 1 << 30},
		{"32K", 0},
		{"2G", 0},
		{"65537", 0},
		{"3M", 0},
		{"0", 0},
		{"", 0},
		{"K", 0},
		{"4MB", 0},
		{"4T", 0},
		{"-4M", 0},
		{" 4M", 0},
		{"0x10000", 0},
		{"18446744073709551616", 0},
		{"17592186044416M", 0}, /* 2^64 */
	};

	for (size_t i = 0; i < N(cases); i++) {
		uint64_t bytes = 0;
		bool taken = parse_ring_bytes(cases[i].text, &bytes);

		cr_expect_eq(taken, cases[i].bytes != 0, "%s", cases[i].text);
		cr_expect(!taken || bytes == cases[i].bytes, "%s", cases[i].text);
	}
}

HARNESS_TEST(options, linger_times)
{
	uint32_t linger_ms;

	cr_expect(parse_linger("60", &linger_ms) && linger_ms == 60000);
	cr_expect(parse_linger("0", &linger_ms) && linger_ms == RCAST_NO_LINGER);
	cr_expect(parse_linger("4294967", &linger_ms) && linger_ms == 4294967000u);
	cr_expect(!parse_linger("4294968", &linger_ms));
	cr_expect(!parse_linger("1.5", &linger_ms));
	cr_expect(!parse_linger("-1", &linger_ms));
	cr_expect(!parse_linger("", &linger_ms));
}

HARNESS_TEST(options, window_sizes)
{
	uint16_t cols, rows;

	cr_expect(parse_window("80x24", &cols, &rows) && cols == 80 && rows == 24);
	cr_expect(parse_window("65535x1", &cols, &rows) && cols == 65535 && rows == 1);
	for (const char *const *bad = (const char *const[]){"0x24", "80x0", "65536x24", "80x65536", "80", "80x", "x24",
							    "80X24", "80x24x1", "80 x 24", "-80x24", "", NULL};
	     *bad; bad++)
		cr_expect(!parse_window(*bad, &cols, &rows), "%s", *bad);
}

HARNESS_TEST(options, durations)
{
	static const struct {
		const char *text;
		uint32_t ms; /* UINT32_MAX: refused */
	} cases[] = {
		{"0", 0},
		{"800ms", 800},
		{"2s", 2000},
		{"2", 2000},
		{"5m", 300000},
		{"24h", 86400000},
		{"25h", UINT32_MAX},
		{"86400001ms", UINT32_MAX},
		{"1193047h", UINT32_MAX}, /* past 2^32 ms, and small again */
		{"18446744073709551616ms", UINT32_MAX},
		{"1.5s", UINT32_MAX},
		{"-1s", UINT32_MAX},
		{"s", UINT32_MAX},
		{"", UINT32_MAX},
		{"1 s", UINT32_MAX},
		{"1d", UINT32_MAX},
	};

	for (size_t i = 0; i < N(cases); i++) {
		uint32_t ms = 0;
		bool taken = parse_duration(cases[i].text, &ms);

		cr_expect_eq(taken, cases[i].ms != UINT32_MAX, "%s", cases[i].text);
		cr_expect(!taken || ms == cases[i].ms, "%s", cases[i].text);
	}
}

HARNESS_TEST(options, where_to_start)
{
	enum rcast_from from;
	uint64_t pos;

	cr_expect(parse_from("oldest", &from, &pos) && from == RCAST_FROM_OLDEST && pos == 0);
	cr_expect(parse_from("newest", &from, &pos) && from == RCAST_FROM_NEWEST);
	cr_expect(parse_from("18446744073709551615", &from, &pos) && from == RCAST_FROM_POS && pos == UINT64_MAX);
	cr_expect(!parse_from("18446744073709551616", &from, &pos));
	cr_expect(!parse_from("old", &from, &pos));
	cr_expect(!parse_from("-1", &from, &pos));
	cr_expect(!parse_from("", &from, &pos));
}

HARNESS_TEST(options, keys)
{
	static const struct {
		const char *text;
		int key; /* -1: refused */
	} cases[] = {{"^\\", 0x1c}, {"^A", 1},  {"^a", 1},   {"^@", 0},  {"^]", 0x1d}, {"~", '~'},
		     {"^", -1},     {"^1", -1}, {"^AB", -1}, {"ab", -1}, {"", -1}};

	for (size_t i = 0; i < N(cases); i++) {
		unsigned char key = 0xee;
		bool taken = parse_key(cases[i].text, &key);

		cr_expect_eq(taken, cases[i].key >= 0, "%s", cases[i].text);
		cr_expect(!taken || key == cases[i].key, "%s", cases[i].text);
	}
}
