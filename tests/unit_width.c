/* SPDX-License-Identifier: MIT */
/* Widths at the edges of the tables, and against the C library's where that has a UTF-8 locale. */
#include "harness.h"

#include <locale.h>
#include <wchar.h>

#include "keyframe/width.h"

HARNESS_TEST(width, known_characters)
{
	static const struct {
		uint32_t character;
		unsigned width;
	} cases[] = {
		{'a', 1},     {0xad, 1},    {0x2ff, 1},   {0x300, 0},    {0x36f, 0},  {0x370, 1},  {0x10ff, 1},
		{0x1100, 2},  {0x115f, 2},  {0x1160, 0},  {0x200b, 0},   {0x200d, 0}, {0x2500, 1}, {0x3000, 2},
		{0x4e00, 2},  {0xac00, 2},  {0xfe0f, 0},  {0xff01, 2},   {0xff61, 1}, {0xfffd, 1}, {0x1f389, 2},
		{0x1f3fb, 2}, {0x20000, 2}, {0xe0100, 0}, {0x10ffff, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(rcasti_width(cases[i].character), cases[i].width, "U+%04X", cases[i].character);
}

/* Later versions of Unicode change a few: within one in a hundred. */
HARNESS_TEST(width, agrees_with_the_c_library)
{
	unsigned n_compared = 0, n_different = 0;

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		cr_skip_test("no UTF-8 locale");
	for (uint32_t c = 0xa0; c < 0x20000; c++) {
		int width = wcwidth((wchar_t)c);
		if (width < 0)
			continue;
		n_compared++;
		n_different += (unsigned)width != rcasti_width(c);
	}
	cr_assert(n_compared > 50000 && n_different * 100 < n_compared, "%u of %u differ", n_different, n_compared);
}
