/* SPDX-License-Identifier: MIT */
/* The pen: SGR in, SGR out, and that what comes out means the same. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "keyframe/pen.h"

static struct rcasti_pen pen;

static void on_csi(void *user, const struct rcasti_sequence *sequence, uint8_t final)
{
	if (final == 'm')
		rcasti_pen_apply_sgr(&pen, sequence);
	else if (final == 'q')
		pen.attributes =
			(pen.attributes & ~(uint32_t)PEN_PROTECTED) | (rcasti_parameter(sequence, 0) ? PEN_PROTECTED : 0);
}

static struct rcasti_pen pen_after(const char *bytes)
{
	static const struct rcasti_parser_events events = {.csi = on_csi};
	struct rcasti_parser *parser = malloc(sizeof(*parser));

	pen = (struct rcasti_pen){0};
	rcasti_parser_init(parser, &events, NULL);
	rcasti_parser_feed(parser, (const uint8_t *)bytes, strlen(bytes));
	free(parser);
	return pen;
}

#define UNDERLINE(style) ((style) << PEN_UNDERLINE_SHIFT)

static const struct {
	const char *sgr;
	struct rcasti_pen pen;
} cases[] = {
	{"\033[m", {0}},
	{"\033[31;42m", {.fg = COLOUR_16 | 1, .bg = COLOUR_16 | 2}},
	{"\033[97;100m", {.fg = COLOUR_16 | 15, .bg = COLOUR_16 | 8}},
	{"\033[38;5;200;48;2;1;2;3m", {.fg = COLOUR_256 | 200, .bg = COLOUR_RGB | 0x010203}},
	{"\033[38:5:200;48:2:1:2:3m", {.fg = COLOUR_256 | 200, .bg = COLOUR_RGB | 0x010203}},
	{"\033[48:2::1:2:3;58:5:9;4m",
	 {.bg = COLOUR_RGB | 0x010203, .underline_colour = COLOUR_256 | 9, .attributes = UNDERLINE(1)}},
	{"\033[1;2;3;5;7;8;9;53m", {.attributes = 0xff}},
	{"\033[1;2;3;5;7;8;9;53m\033[22;23;25;27;28;29;55m", {0}},
	{"\033[4:3m", {.attributes = UNDERLINE(3)}},
	{"\033[4:9m", {.attributes = UNDERLINE(1)}},
	{"\033[21m", {.attributes = UNDERLINE(2)}},
	{"\033[4:3;24m", {0}},
	{"\033[31;42;58;5;1m\033[39;49;59m", {0}},
	{"\033[31;38m", {.fg = COLOUR_16 | 1}},
	{"\033[31;1m\033[0;3m", {.attributes = PEN_ITALIC}},
	{"\033[1\"q\033[31m\033[0m", {.attributes = PEN_PROTECTED}},
};

HARNESS_TEST(pen, reads)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcasti_pen found = pen_after(cases[i].sgr);
		cr_expect(rcasti_pen_equal(&found, &cases[i].pen), "case %zu: %x %x %x %x", i, found.fg, found.bg,
			  found.underline_colour, found.attributes);
	}
}

HARNESS_TEST(pen, writes_what_it_reads)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcasti_output output = {0};
		struct rcasti_pen found;
		char *bytes;
		size_t n_bytes;

		rcasti_pen_write(&cases[i].pen, &(struct rcasti_pen){.fg = COLOUR_16 | 7, .attributes = PEN_PROTECTED},
				 &output);
		cr_assert_eq(rcasti_output_finish(&output, &bytes, &n_bytes), 0);
		found = pen_after(bytes);
		cr_expect(rcasti_pen_equal(&found, &cases[i].pen), "case %zu: %s", i, bytes + 1);
		free(bytes);
	}
}
