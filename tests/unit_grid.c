/* SPDX-License-Identifier: MIT */
/* Rows and buffers: what moves where, and that no half of a wide character is ever left. */
#include "harness.h"

#include <string.h>

#include "keyframe/grid.h"

static const struct rcasti_pen plain;

/* Letters are themselves; W is a wide character and takes the next letter's place too. */
static void write_row(struct rcasti_row *row, const char *text)
{
	for (unsigned x = 0; text[x]; x++) {
		bool second_half = x > 0 && text[x - 1] == 'W';
		row->cells[x] = (struct rcasti_cell){.glyph = second_half ? 0 : (uint32_t)text[x],
						     .width = second_half      ? 0
							      : text[x] == 'W' ? 2
									       : 1};
		row->n_written = (uint16_t)(x + 1);
	}
}

static const char *read_row(const struct rcasti_buffer *buffer, const struct rcasti_row *row)
{
	static char text[32];

	for (unsigned x = 0; x < buffer->n_cols; x++) {
		const struct rcasti_cell *cell = &row->cells[x];
		bool second_half = x > 0 && row->cells[x - 1].width == 2;
		cr_assert_eq(cell->width == 0, second_half, "column %u", x);
		text[x] = second_half ? '>' : cell->glyph ? (char)cell->glyph : '.';
	}
	text[buffer->n_cols] = '\0';
	return text;
}

HARNESS_TEST(grid, rows)
{
	static const struct {
		char act;
		uint32_t start, n;
		const char *before, *after;
	} cases[] = {
		{'e', 1, 2, "abcdef", "a..def"},  {'e', 0, 6, "abcdef", "......"},  {'e', 5, 900, "abcdef", "abcde."},
		{'e', 6, 3, "abcdef", "abcdef"},  {'e', 1, 1, "W>cdef", "..cdef"},  {'e', 2, 1, "abW>ef", "ab..ef"},
		{'i', 1, 2, "abcdef", "a..bcd"},  {'i', 0, 99, "abcdef", "......"}, {'i', 1, 1, "W>cdef", "...cde"},
		{'i', 0, 1, "abcdW>", ".abcd."},  {'i', 2, 1, "abW>ef", "ab.W>e"},  {'d', 1, 2, "abcdef", "adef.."},
		{'d', 0, 99, "abcdef", "......"}, {'d', 1, 1, "W>cdef", ".cdef."},  {'d', 0, 1, "W>cdef", ".cdef."},
		{'d', 1, 2, "abW>ef", "a.ef.."},
	};
	struct rcasti_buffer buffer;

	cr_assert_eq(rcasti_buffer_init(&buffer, 6, 1), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_row(&buffer.rows[0], cases[i].before);
		if (cases[i].act == 'e')
			rcasti_row_erase(&buffer, &buffer.rows[0], cases[i].start, cases[i].start + cases[i].n, &plain,
					 false);
		else if (cases[i].act == 'i')
			rcasti_row_insert(&buffer, &buffer.rows[0], cases[i].start, buffer.n_cols, cases[i].n, &plain);
		else
			rcasti_row_delete(&buffer, &buffer.rows[0], cases[i].start, buffer.n_cols, cases[i].n, &plain);
		cr_expect_str_eq(read_row(&buffer, &buffer.rows[0]), cases[i].after, "case %zu: %s", i,
				 read_row(&buffer, &buffer.rows[0]));
	}
	rcasti_buffer_destroy(&buffer);
}

/* In the columns from `start` to before `end`, of 8; a wide character across an edge is erased on both sides. */
HARNESS_TEST(grid, what_is_outside_of_margins_stays)
{
	static const struct {
		char act;
		uint32_t start, end, n;
		const char *before, *after;
	} cases[] = {
		{'i', 2, 6, 1, "abcdefgh", "ab.cdegh"}, {'i', 2, 6, 99, "abcdefgh", "ab....gh"},
		{'i', 2, 6, 1, "aW>deW>h", "a...de.h"}, {'i', 2, 6, 1, "abcdW>gh", "ab.cd.gh"},
		{'d', 2, 6, 1, "abcdefgh", "abdef.gh"}, {'d', 2, 6, 99, "abcdefgh", "ab....gh"},
		{'d', 2, 6, 1, "aW>deW>h", "a.de...h"}, {'d', 2, 6, 1, "abW>efgh", "ab.ef.gh"},
		{'f', 2, 6, 0, "abcdefgh", "abxxxxgh"}, {'f', 2, 6, 0, "aW>deW>h", "a.xxxx.h"},
		{'f', 0, 8, 0, "W>cdefW>", "xxxxxxxx"}, {'r', 2, 6, 0, "abcdefgh", "abABCDgh"},
		{'r', 2, 6, 0, "aW>deW>h", "a.ABCD.h"}, {'R', 2, 6, 0, "abcdefgh", "ab.BC.gh"},
	};
	struct rcasti_buffer buffer;

	cr_assert_eq(rcasti_buffer_init(&buffer, 8, 2), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const struct rcasti_cell x = {.glyph = 'x', .width = 1};
		struct rcasti_row *row = &buffer.rows[0];

		write_row(row, cases[i].before);
		write_row(&buffer.rows[1], cases[i].act == 'R' ? "W>BCW>GH" : "ABCDEFGH");
		if (cases[i].act == 'i')
			rcasti_row_insert(&buffer, row, cases[i].start, cases[i].end, cases[i].n, &plain);
		else if (cases[i].act == 'd')
			rcasti_row_delete(&buffer, row, cases[i].start, cases[i].end, cases[i].n, &plain);
		else if (cases[i].act == 'f')
			rcasti_row_fill(&buffer, row, cases[i].start, cases[i].end, &x);
		else
			rcasti_row_replace(&buffer, row, cases[i].start, buffer.rows[1].cells + (cases[i].act == 'R'), 4);
		cr_expect_str_eq(read_row(&buffer, row), cases[i].after, "case %zu: %s", i, read_row(&buffer, row));
	}
	rcasti_buffer_destroy(&buffer);
}

HARNESS_TEST(grid, an_area_scrolls_alone)
{
	static const struct {
		bool up;
		struct rcasti_area area;
		uint32_t n;
		const char *after[4];
	} cases[] = {
		{true, {1, 0, 2, 3}, 1, {"afgd", "ejkh", "inol", "m..p"}},
		{true, {1, 1, 3, 2}, 1, {"abcd", "ejkl", "i...", "mnop"}},
		{true, {0, 1, 1, 3}, 99, {"abcd", "..gh", "..kl", "..op"}},
		{false, {1, 0, 2, 3}, 1, {"a..d", "ebch", "ifgl", "mjkp"}},
		{false, {2, 1, 3, 3}, 2, {"abcd", "ef..", "ij..", "mngh"}},
		{false, {0, 2, 2, 2}, 1, {"abcd", "efgh", "...l", "mnop"}},
	};
	static const char *const before[] = {"abcd", "efgh", "ijkl", "mnop"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcasti_buffer buffer;

		cr_assert_eq(rcasti_buffer_init(&buffer, 4, 4), 0);
		for (unsigned y = 0; y < 4; y++)
			write_row(&buffer.rows[y], before[y]);
		(cases[i].up ? rcasti_area_scroll_up : rcasti_area_scroll_down)(&buffer, &cases[i].area, cases[i].n, &plain);
		for (unsigned y = 0; y < 4; y++)
			cr_expect_str_eq(read_row(&buffer, &buffer.rows[y]), cases[i].after[y], "case %zu, row %u: %s", i, y,
					 read_row(&buffer, &buffer.rows[y]));
		rcasti_buffer_destroy(&buffer);
	}
}

HARNESS_TEST(grid, scrolling_moves_only_the_region)
{
	static const struct {
		bool up;
		uint16_t top, bottom;
		uint32_t n;
		const char *after;
	} cases[] = {
		{true, 0, 4, 1, "bcde."},  {true, 1, 3, 1, "acd.e"},  {true, 1, 3, 2, "ad..e"},   {true, 1, 3, 99, "a...e"},
		{false, 0, 4, 1, ".abcd"}, {false, 1, 3, 2, "a..be"}, {false, 1, 3, 99, "a...e"}, {false, 2, 2, 1, "ab.de"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcasti_buffer buffer;
		char column[6] = "";

		cr_assert_eq(rcasti_buffer_init(&buffer, 2, 5), 0);
		for (unsigned y = 0; y < 5; y++)
			write_row(&buffer.rows[y], (char[]){(char)('a' + y), '\0'});
		if (cases[i].up)
			rcasti_buffer_scroll_up(&buffer, cases[i].top, cases[i].bottom, cases[i].n, &plain);
		else
			rcasti_buffer_scroll_down(&buffer, cases[i].top, cases[i].bottom, cases[i].n, &plain);
		for (unsigned y = 0; y < 5; y++)
			column[y] = buffer.rows[y].cells[0].glyph ? (char)buffer.rows[y].cells[0].glyph : '.';
		cr_expect_str_eq(column, cases[i].after, "case %zu: %s", i, column);
		rcasti_buffer_destroy(&buffer);
	}
}

HARNESS_TEST(grid, a_copy_cuts_wide_characters_at_the_edge)
{
	struct rcasti_buffer from, to;

	cr_assert_eq(rcasti_buffer_init(&from, 6, 2), 0);
	cr_assert_eq(rcasti_buffer_init(&to, 3, 1), 0);
	write_row(&from.rows[1], "abW>ef");
	rcasti_buffer_copy(&to, &from, 1);
	cr_assert_str_eq(read_row(&to, &to.rows[0]), "ab.");
	rcasti_buffer_destroy(&from);
	rcasti_buffer_destroy(&to);
}

HARNESS_TEST(grid, both_halves_of_a_wide_character_that_an_insertion_parts_are_filled)
{
	static const struct rcasti_pen fill = {.attributes = PEN_BOLD};
	struct rcasti_buffer buffer;

	cr_assert_eq(rcasti_buffer_init(&buffer, 6, 1), 0);
	write_row(&buffer.rows[0], "aW>def");
	rcasti_row_insert(&buffer, &buffer.rows[0], 2, buffer.n_cols, 1, &fill);
	cr_assert_str_eq(read_row(&buffer, &buffer.rows[0]), "a...de");
	for (unsigned x = 0; x < 6; x++)
		cr_expect_eq(buffer.rows[0].cells[x].pen.attributes == PEN_BOLD, x >= 1 && x <= 3, "column %u", x);
	rcasti_buffer_destroy(&buffer);
}

HARNESS_TEST(grid, a_change_of_width_moves_no_tab_stop)
{
	static const struct {
		const char *before, *after; /* a character a column; | is a stop */
	} cases[] = {
		{"|.......|...", "|.......|.......|..."}, /* columns that come have a stop every eight */
		{"|..|.......", "|..|............|..."},  {"............", "................|..."},
		{"|.......|.......|...", "|.......|..."}, {"|...............|", "|..........."},
		{"|...........", "|..........."},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t n_before = (uint16_t)strlen(cases[i].before), n_after = (uint16_t)strlen(cases[i].after);
		struct rcasti_buffer from, to;

		cr_assert_eq(rcasti_buffer_init(&from, n_before, 1), 0);
		cr_assert_eq(rcasti_buffer_init(&to, n_after, 1), 0);
		for (unsigned x = 0; x < n_before; x++)
			from.tabs[x] = cases[i].before[x] == '|';
		rcasti_buffer_copy(&to, &from, 0);
		for (unsigned x = 0; x < n_after; x++)
			cr_expect_eq(to.tabs[x], cases[i].after[x] == '|', "case %zu, column %u", i, x);
		rcasti_buffer_destroy(&from);
		rcasti_buffer_destroy(&to);
	}
}
