/* SPDX-License-Identifier: MIT */
/* Drawing a screen on a terminal of another size, which is another screen here. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

#include "keyframe/state.h"

/* A screen, a terminal, and the drawing of the one on the other. */
struct pair {
	struct rcast_screen *screen, *terminal;
	struct rcast_drawing *drawing;
};

static struct pair make_pair(uint16_t cols, uint16_t rows, uint16_t terminal_cols, uint16_t terminal_rows)
{
	struct pair pair;

	cr_assert_eq(rcast_screen_create(cols, rows, &pair.screen), 0);
	cr_assert_eq(rcast_screen_create(terminal_cols, terminal_rows, &pair.terminal), 0);
	cr_assert_eq(rcast_drawing_create(&pair.drawing), 0);
	return pair;
}

static void free_pair(struct pair *pair)
{
	rcast_screen_free(pair->screen);
	rcast_screen_free(pair->terminal);
	rcast_drawing_free(pair->drawing);
}

static void feed(struct rcast_screen *screen, const char *bytes)
{
	rcast_screen_feed(screen, bytes, strlen(bytes));
}

/* The frame, which the terminal has then been sent. free() it. */
static char *draw(struct pair *pair)
{
	uint16_t cols, rows;
	size_t n_bytes;
	char *bytes;

	rcast_screen_get_size(pair->terminal, &cols, &rows);
	cr_assert_eq(rcast_screen_draw(pair->screen, pair->drawing, cols, rows, &bytes, &n_bytes), 0);
	cr_assert_eq(strlen(bytes), n_bytes);
	feed(pair->terminal, bytes);
	return bytes;
}

static char *text_of(const struct rcast_screen *screen)
{
	size_t n_bytes;
	char *text;

	cr_assert_eq(rcast_screen_text(screen, &text, &n_bytes), 0);
	return text;
}

/* Screen and terminal sizes, what the screen is fed, what the terminal shows, the corner and the terminal's cursor. */
static const struct {
	const char *what;
	uint16_t cols, rows, terminal_cols, terminal_rows;
	const char *fed, *shown;
	uint16_t left, top, col, row;
} cases[] = {
	{"the same size", 6, 2, 6, 2, "abc\r\ndef", "abc\ndef\n", 0, 0, 3, 1},
	{"a larger terminal", 4, 2, 8, 4, "abc\r\ndef", "abc\ndef\n\n\n", 0, 0, 3, 1},
	{"cropped at the right", 8, 1, 4, 1, "abcdefgh\r", "abcd\n", 0, 0, 0, 0},
	{"the cursor leads to the right", 8, 1, 4, 1, "abcdefg", "efg\n", 4, 0, 3, 0},
	{"a full line", 8, 1, 4, 1, "abcdefgh", "efgh\n", 4, 0, 3, 0},
	{"the cursor leads down", 3, 4, 3, 2, "a\r\nb\r\nc\r\nd", "c\nd\n", 0, 2, 1, 1},
	{"a hidden cursor leads nowhere", 3, 4, 3, 2, "a\r\nb\r\nc\r\nd\033[?25l", "a\nb\n", 0, 0, 0, 0},
	{"half a character at the right", 6, 1, 3, 1, "ab漢d\r", "ab\n", 0, 0, 0, 0},
	{"half a character at the left", 6, 1, 3, 1, "漢cdef", "def\n", 3, 0, 2, 0},
	{"half a character at the left, cut", 5, 1, 4, 1, "漢cde", " cde\n", 1, 0, 3, 0},
	{"narrower than a character", 4, 1, 1, 1, "漢\r", "\n", 0, 0, 0, 0},
	{"marks", 4, 1, 3, 1, "e\xcc\x81x\r", "e\xcc\x81x\n", 0, 0, 0, 0},
	{"the alternate screen", 4, 2, 4, 1, "one\033[?1049h\033[Htwo", "two\n", 0, 0, 3, 0},
	{"a region, an origin and insert mode", 4, 3, 4, 3, "\033[2;3r\033[?6h\033[4hab\033[?7l", "\nab\n\n", 0, 0, 2, 1},
};

HARNESS_TEST(draw, shows_what_fits)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair pair = make_pair(cases[i].cols, cases[i].rows, cases[i].terminal_cols, cases[i].terminal_rows);
		uint16_t left, top, col, row;
		bool visible;
		char *shown;

		feed(pair.terminal, "left\033[?1049h\033[2;3r\033[4h\033[?6h\033[44mbehind\033(0");
		feed(pair.screen, cases[i].fed);
		free(draw(&pair));
		shown = text_of(pair.terminal);
		cr_expect_str_eq(shown, cases[i].shown, "%s: shows \"%s\"", cases[i].what, shown);
		free(shown);
		rcast_drawing_get_corner(pair.drawing, &left, &top);
		cr_expect(left == cases[i].left && top == cases[i].top, "%s: corner %u, %u", cases[i].what, left, top);
		rcast_screen_get_cursor(pair.terminal, &col, &row, &visible);
		cr_expect(!visible || (col == cases[i].col && row == cases[i].row), "%s: cursor %u, %u", cases[i].what, col,
			  row);
		cr_expect_eq(visible, !strstr(cases[i].fed, "?25l"), "%s", cases[i].what);
		free_pair(&pair);
	}
}

/* As a snapshot does: nobody knows what the terminal is in the middle of. */
HARNESS_TEST(draw, begins_by_ending_what_is_half_read)
{
	struct pair pair = make_pair(4, 1, 4, 1);
	char *frame = draw(&pair);

	cr_expect_eq(strncmp(frame, "\x18\x1b\\", 3), 0);
	free(frame);
	free_pair(&pair);
}

HARNESS_TEST(draw, the_corner_moves_no_more_than_it_must)
{
	static const struct {
		const char *fed;
		uint16_t left, top;
	} steps[] = {
		{"\033[1;1H", 0, 0},   {"\033[4;10H", 0, 0}, {"\033[5;11H", 1, 1},           {"\033[4;10H", 1, 1},
		{"\033[2;2H", 1, 1},   {"\033[1;2H", 1, 0},  {"\033[?25l\033[10;20H", 1, 0}, {"\033[?25h", 10, 6},
		{"\033[1;20H", 10, 0},
	};
	struct pair pair = make_pair(20, 10, 10, 4);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint16_t left, top;
		feed(pair.screen, steps[i].fed);
		free(draw(&pair));
		rcast_drawing_get_corner(pair.drawing, &left, &top);
		cr_expect(left == steps[i].left && top == steps[i].top, "step %zu: corner %u, %u", i, left, top);
	}
	free_pair(&pair);
}

HARNESS_TEST(draw, sends_only_what_changed)
{
	struct pair pair = make_pair(20, 4, 15, 3);
	char *frame;

	feed(pair.screen, "first\r\nsecond\r\nthird\033]2;title\007\033[H");
	frame = draw(&pair);
	cr_expect(strstr(frame, "first") && strstr(frame, "second") && strstr(frame, "third") && strstr(frame, "title"));
	free(frame);
	frame = draw(&pair);
	cr_expect_str_eq(frame, "");
	free(frame);
	feed(pair.screen, "\033[2Hchanged");
	frame = draw(&pair);
	cr_expect(strstr(frame, "changed") && !strstr(frame, "first") && !strstr(frame, "third") && !strstr(frame, "title"));
	free(frame);
	feed(pair.screen, "\033[3;3H");
	frame = draw(&pair);
	cr_expect_str_eq(frame, "\033[3;3H\033[?25h");
	free(frame);
	feed(pair.screen, "\033[?1000;1006h");
	frame = draw(&pair);
	cr_expect(strstr(frame, "\033[?1000h") && !strstr(frame, "changed"));
	free(frame);
	cr_assert_eq(rcast_screen_resize(pair.terminal, 15, 2), 0);
	frame = draw(&pair);
	cr_expect(strstr(frame, "changed") && !strstr(frame, "first"));
	free(frame);
	free_pair(&pair);
}

HARNESS_TEST(draw, does_not_rely_on_the_width_of_what_is_not_simple)
{
	struct pair pair = make_pair(20, 1, 15, 1);
	char *frame;

	feed(pair.screen, "ab漢e\xcc\x81xy");
	frame = draw(&pair);
	cr_expect(strstr(frame, "ab漢\033[5Ge\xcc\x81\033[6Gxy"), "%s", frame);
	free(frame);
	free_pair(&pair);
}

HARNESS_TEST(draw, leaves_other_rows_alone)
{
	struct pair pair = make_pair(10, 4, 10, 3);
	size_t n_bytes;
	char *frame, *text;

	feed(pair.terminal, "\033[3;1Hnotice");
	feed(pair.screen, "1\r\n2\r\n3\r\n4");
	cr_assert_eq(rcast_screen_draw(pair.screen, pair.drawing, 10, 2, &frame, &n_bytes), 0);
	feed(pair.terminal, frame);
	free(frame);
	text = text_of(pair.terminal);
	cr_expect_str_eq(text, "3\n4\nnotice\n");
	free(text);
	free_pair(&pair);
}

HARNESS_TEST(draw, sets_the_modes_of_who_types)
{
	struct pair pair = make_pair(10, 4, 12, 5);
	const struct rcasti_modes *modes = &pair.terminal->modes;

	feed(pair.screen, "\033[?1;5;1004;2004;1003;1006h\033=\033[4 q\033[>4;2m");
	free(draw(&pair));
	cr_expect(modes->mouse_tracking == 1003 && modes->mouse_encoding == 1006 && modes->cursor_style == 4);
	cr_expect(rcasti_mode(modes, MODE_CURSOR_KEYS) && rcasti_mode(modes, MODE_KEYPAD) &&
		  rcasti_mode(modes, MODE_BRACKETED_PASTE) && rcasti_mode(modes, MODE_FOCUS_EVENTS) &&
		  rcasti_mode(modes, MODE_REVERSE_VIDEO) && modes->modify_other_keys == 2);
	feed(pair.screen, "\033c");
	free(draw(&pair));
	cr_expect(modes->mouse_tracking == 0 && !rcasti_mode(modes, MODE_BRACKETED_PASTE) && modes->modify_other_keys == 0);
	free_pair(&pair);
}

HARNESS_TEST(draw, needs_a_terminal_of_some_size)
{
	struct pair pair = make_pair(10, 4, 12, 5);
	size_t n_bytes;
	char *bytes;

	cr_expect_eq(rcast_screen_draw(pair.screen, pair.drawing, 0, 5, &bytes, &n_bytes), -EINVAL);
	cr_expect_eq(rcast_screen_draw(pair.screen, pair.drawing, 5, 0, &bytes, &n_bytes), -EINVAL);
	free_pair(&pair);
}

/* ── Random streams: after every piece the terminal shows exactly the part that the corner says ─────────────────────── */

static const char *const pieces[] = {
	"abc",
	"hello world",
	"\r\n",
	"\r\n",
	"\n",
	"\r",
	"\b",
	"\t",
	"漢字",
	"e\xcc\x81",
	"\033[m",
	"\033[31m",
	"\033[1;44m",
	"\033[7m",
	"\033[H",
	"\033[2;13H",
	"\033[9;29H",
	"\033[J",
	"\033[2J",
	"\033[K",
	"\033[1K",
	"\033[L",
	"\033[2M",
	"\033[@",
	"\033[2P",
	"\033[3X",
	"\033[S",
	"\033[T",
	"\033M",
	"\033[5b",
	"\033[?1049h",
	"\033[?1049l",
	"\033[?25l",
	"\033[?25h",
	"\033[2;5r",
	"\033[r",
	"\033[4h",
	"\033[4l",
	"\033[?6h",
	"\033[?6l",
	"\033(0qqx\033(B",
	"\033[1\"qz\033[0\"q",
	"\033[?7l",
	"\033[?7h",
	"\033#8",
	"\033]2;t\007",
	"\033[4:3;58:5:9m",
	"\033c",
	"\0337\033[3Hx\0338",
};
#define N_PIECES (sizeof(pieces) / sizeof(pieces[0]))

static bool looks_equal(const struct pair *pair, const struct rcasti_cell *wanted, unsigned n_left,
			const struct rcasti_cell *found)
{
	uint32_t wanted_characters[CLUSTER_MAX_CHARACTERS] = {0}, found_characters[CLUSTER_MAX_CHARACTERS] = {0};
	bool is_cut = wanted->width > n_left;
	unsigned n_wanted = is_cut ? 0 : rcasti_cell_characters(pair->screen, wanted, wanted_characters);
	unsigned n_found = rcasti_cell_characters(pair->terminal, found, found_characters);
	struct rcasti_pen pen = wanted->pen;

	pen.attributes &= ~(uint32_t)PEN_PROTECTED;
	if (n_wanted == 0 && n_found == 1 && found_characters[0] == ' ')
		n_found = 0;
	return n_wanted == n_found && memcmp(wanted_characters, found_characters, n_wanted * 4) == 0 &&
	       rcasti_pen_equal(&pen, &found->pen);
}

static bool is_cursor_shown(const struct pair *pair)
{
	uint16_t left, top, x, y, terminal_x, terminal_y;
	bool visible, terminal_visible;

	rcast_drawing_get_corner(pair->drawing, &left, &top);
	rcast_screen_get_cursor(pair->screen, &x, &y, &visible);
	rcast_screen_get_cursor(pair->terminal, &terminal_x, &terminal_y, &terminal_visible);
	return visible == terminal_visible && (!visible || (left + terminal_x == x && top + terminal_y == y));
}

static bool is_shown(const struct pair *pair)
{
	const struct rcasti_buffer *from = rcasti_shown_const(pair->screen), *to = rcasti_shown_const(pair->terminal);
	static const struct rcasti_cell blank = {.width = 1};
	uint16_t left, top;

	rcast_drawing_get_corner(pair->drawing, &left, &top);
	for (unsigned y = 0; y < to->n_rows; y++) {
		for (unsigned x = 0; x < to->n_cols; x++) {
			bool is_inside = left + x < from->n_cols && top + y < from->n_rows;
			const struct rcasti_cell *cell = is_inside ? &from->rows[top + y].cells[left + x] : &blank;
			if (!looks_equal(pair, cell, to->n_cols - x, &to->rows[y].cells[x]))
				return false;
		}
	}
	return true;
}

HARNESS_TEST(draw, random_streams)
{
	for (unsigned number = 0; number < 400; number++) {
		unsigned seed = number;
		uint16_t cols = (uint16_t)(1 + rand_r(&seed) % 40), rows = (uint16_t)(1 + rand_r(&seed) % 12);
		struct pair pair = make_pair(30, 8, cols, rows);

		for (unsigned i = 0; i < 150; i++) {
			feed(pair.screen, pieces[(unsigned)rand_r(&seed) % N_PIECES]);
			if (i % 50 == 49)
				cr_assert_eq(rcast_screen_resize(pair.screen, (uint16_t)(1 + rand_r(&seed) % 40),
								 (uint16_t)(1 + rand_r(&seed) % 12)),
					     0);
			free(draw(&pair));
			cr_assert(is_shown(&pair) && is_cursor_shown(&pair), "stream %u, piece %u", number, i);
		}
		free_pair(&pair);
	}
}
