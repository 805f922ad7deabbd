/* SPDX-License-Identifier: MIT */
/* Colours with a new meaning: which specifications are understood, and what changes what. */
#include "harness.h"

#include <string.h>

#include "keyframe/palette.h"

HARNESS_TEST(palette, colours)
{
	static const struct {
		const char *text;
		uint32_t colour; /* 0: not understood */
	} cases[] = {
		{"rgb:12/34/56", 0x123456},
		{"rgb:f/0/8", 0xff0088},
		{"rgb:fff/000/800", 0xff0080},
		{"rgb:ffff/0/7fff", 0xff007f},
		{"#abc", 0xa0b0c0},
		{"#AbCdEf", 0xabcdef},
		{"#abc123def", 0xab12de},
		{"#abcd1234ef56", 0xab12ef},
		{"#ab", 0},
		{"#abcd", 0},
		{"#", 0},
		{"#abg", 0},
		{"rgb:12/34", 0},
		{"rgb:12/34/", 0},
		{"rgb:12/34/56/78", 0},
		{"rgb:12345/1/1", 0},
		{"rgb://", 0},
		{"red", 0},
		{"?", 0},
		{"", 0},
		{"#0123456789abcdef", 0},
		{"rgb:1/2/3x", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcasti_palette palette = {0};

		rcasti_palette_set_dynamic(&palette, 1, cases[i].text);
		cr_expect_eq(palette.dynamic[1], cases[i].colour ? PALETTE_IS_SET | cases[i].colour : 0, "%s: %x",
			     cases[i].text, palette.dynamic[1]);
	}
}

HARNESS_TEST(palette, indexed)
{
	struct rcasti_palette palette = {0};

	rcasti_palette_set_indexed(&palette, "1;#111111;2;?;255;#222222;256;#333333;x;#444444;3");
	cr_expect_eq(palette.indexed[1], PALETTE_IS_SET | 0x111111);
	cr_expect_eq(palette.indexed[255], PALETTE_IS_SET | 0x222222);
	cr_expect_eq(palette.indexed[2], 0);
	cr_expect_eq(palette.indexed[0], 0);
	rcasti_palette_reset_indexed(&palette, "1;999;-1");
	cr_expect_eq(palette.indexed[1], 0);
	cr_expect_eq(palette.indexed[255], PALETTE_IS_SET | 0x222222);
	rcasti_palette_reset_indexed(&palette, "");
	cr_expect_eq(palette.indexed[255], 0);
	rcasti_palette_set_indexed(&palette, "");
	rcasti_palette_set_indexed(&palette, ";;;");
}

HARNESS_TEST(palette, dynamic)
{
	struct rcasti_palette palette = {0};

	rcasti_palette_set_dynamic(&palette, 0, "#100000;?;#300000");
	cr_expect_eq(palette.dynamic[0], PALETTE_IS_SET | 0x100000);
	cr_expect_eq(palette.dynamic[1], 0);
	cr_expect_eq(palette.dynamic[2], PALETTE_IS_SET | 0x300000);
	rcasti_palette_set_dynamic(&palette, 9, "#100000;#200000");
	cr_expect_eq(palette.dynamic[9], PALETTE_IS_SET | 0x100000);
	rcasti_palette_reset_dynamic(&palette, 2);
	cr_expect_eq(palette.dynamic[2], 0);
}
