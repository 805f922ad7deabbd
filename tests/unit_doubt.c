/* SPDX-License-Identifier: MIT */
/* What a screen is sure of after output was lost: never of what is wrong, and soon of what is right. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

#include "screen_difference.h"

static struct rcast_screen *make(uint16_t cols, uint16_t rows)
{
	struct rcast_screen *screen;

	cr_assert_eq(rcast_screen_create(cols, rows, &screen), 0);
	return screen;
}

static void feed(struct rcast_screen *screen, const char *bytes)
{
	rcast_screen_feed(screen, bytes, strlen(bytes));
}

#define FOUR_LINES "1\r\n2\r\n3\r\n4\r\n"
#define HIDDEN_CLEARED "\033[m\033[H\033[2J\033[?1049h\033[?1049l"

/* Each is fed to a screen of 10 × 4 that is marked after "lost\033[?1049h". */
static const struct {
	const char *what, *fed;
	bool is_known;
} cases[] = {
	{"nothing", "", false},
	{"text", "text", false},
	{"a reset", "\033c", true},
	{"a reset inside what looks like text", "1;31mab\033c", true},
	{"a reset that is cut off", "c", false},
	{"home and clear, with unknown colours", "\033[H\033[2J", false},
	{"home and clear", "\033[m\033[H\033[2J", true},
	{"home and clear below", "\033[m\033[H\033[J", true},
	{"clear and home", "\033[m\033[2J\033[H", true},
	{"colours come too late", "\033[H\033[2J\033[m", false},
	{"position comes too late", "\033[m\033[2Jx\033[H", false},
	{"only below", "\033[m\033[2;1H\033[J", false},
	{"all lines, one by one", "\033[0;1m\033[H\033[K\r\n\033[K\r\n\033[K\r\n\033[2K", true},
	{"all lines but one", "\033[m\033[H\033[K\r\n\033[K\r\n\033[K\r\n x\033[K", false},
	{"a line not from its first column", "\033[m\033[H\033[K\r\n\033[K\r\n\033[K\r\n\033[2G\033[K", false},
	{"row and column alone", "\033[m\033[d\033[G\033[J", true},
	{"a wrap that may have been", "\033[m\033[dabc\r\033[J", false},
	{"two screenfuls of lines", "\033[m" FOUR_LINES FOUR_LINES, true},
	{"one screenful of lines", "\033[m" FOUR_LINES, false},
	{"lines in unknown colours", "\033[?2004h" FOUR_LINES FOUR_LINES FOUR_LINES, false},
	{"lines, perhaps of a string", FOUR_LINES FOUR_LINES FOUR_LINES, false},
	{"lines without carriage returns", "\033[m1\n2\n3\n4\n1\n2\n3\n4\n", false},
	{"lines, and up in between", "\033[m" FOUR_LINES "\033[A" FOUR_LINES, false},
	{"a doubtful line scrolls down", "\033[m\033[2H\033[J\033[M", false},
	{"a doubtful line scrolls out", "\033[m\033[2H\033[J\033[S", true},
	{"the alternate screen, which may have been there", "\033[m\033[H\033[?1049h", false},
	{"the alternate screen, which was not", "\033[?1049l\033[m\033[H\033[?1049h", true},
	{"back to what nobody knows", "\033[m\033[H\033[2J\033[?1049l", false},
	{"a sure screen that was left and entered again", "\033[?1049l" HIDDEN_CLEARED, true},
	{"a cursor that was saved before", "\033[m\033[H\033[2J\0338", false},
	{"a cursor that was saved since", "\033[m\033[H\033[2J\0337ab\0338", true},
	{"pattern", "\033[m\033#8", true},
};

HARNESS_TEST(doubt, ends_when_nothing_can_be_wrong)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcast_screen *screen = make(10, 4);

		feed(screen, "lost\033[?1049h");
		cr_assert(rcast_screen_is_known(screen));
		rcast_screen_mark_unknown(screen);
		cr_expect_not(rcast_screen_is_known(screen));
		feed(screen, cases[i].fed);
		cr_expect_eq(rcast_screen_is_known(screen), cases[i].is_known, "%s", cases[i].what);
		rcast_screen_free(screen);
	}
}

HARNESS_TEST(doubt, momentary_modes_are_taken_for_off)
{
	struct rcast_screen *screen = make(10, 4);
	char *text;
	size_t n_bytes;

	feed(screen, "\033[4h\033[2;3r\033[?6h\033[?7l\033[3g\033(0\033[?2004h\033]2;title\007\033]2;half");
	rcast_screen_mark_unknown(screen);
	feed(screen, "\033[m\033[H\033[2Jqqqqqqqqqqq\tx\033[1;1Hy");
	cr_assert(rcast_screen_is_known(screen));
	cr_assert_eq(rcast_screen_text(screen, &text, &n_bytes), 0);
	cr_expect_str_eq(text, "yqqqqqqqqq\nq       x\n\n\n");
	free(text);
	cr_expect(rcasti_mode(&screen->modes, MODE_BRACKETED_PASTE));
	cr_expect_str_eq(rcast_screen_title(screen), "title");
	rcast_screen_free(screen);
}

/* ── Random streams, cut: what is said to be known is compared with a screen that lost nothing ───────────────────────── */

static const char *const pieces[] = {
	"abc",
	"x",
	"hello world",
	"\r\n",
	"\r\n",
	"\n",
	"\r",
	"\b",
	"\t",
	"\xe6\xbc\xa2",
	"e\xcc\x81",
	"\033[m",
	"\033[0;31m",
	"\033[1;44m",
	"\033[H",
	"\033[2;3H",
	"\033[9;9H",
	"\033[3d",
	"\033[5G",
	"\033[A",
	"\033[2B",
	"\033[C",
	"\033[3D",
	"\033[E",
	"\033[2F",
	"\033[J",
	"\033[1J",
	"\033[2J",
	"\033[K",
	"\033[1K",
	"\033[2K",
	"\033[L",
	"\033[2M",
	"\033[@",
	"\033[2P",
	"\033[3X",
	"\033[S",
	"\033[T",
	"\033D",
	"\033M",
	"\0337",
	"\0338",
	"\033[?1049h",
	"\033[?1049l",
	"\033[?47h",
	"\033[?1047l",
	"\033[?1048h",
	"\033[?1048l",
	"\033[2b",
	"\033[?25l",
	"\033]2;t\007",
	"\033#8",
	"\033[!p",
	"\033P1\r\n2\033\\",
	"\033[m\033[H\033[2J",
	"\033[m\033[H",
	"1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n",
};
#define N_PIECES (sizeof(pieces) / sizeof(pieces[0]))

static void make_stream(unsigned *seed, char *stream, size_t n_bytes)
{
	stream[0] = '\0';
	for (;;) {
		const char *piece = pieces[(unsigned)rand_r(seed) % N_PIECES];
		if (strlen(stream) + strlen(piece) >= n_bytes)
			return;
		strcat(stream, piece);
	}
}

static bool pictures_equal(struct rcast_screen *a, struct rcast_screen *b)
{
	const struct rcasti_buffer *shown_a = rcasti_shown(a), *shown_b = rcasti_shown(b);

	for (unsigned y = 0; y < shown_a->n_rows; y++) {
		for (unsigned x = 0; x < shown_a->n_cols; x++) {
			if (!screen_cell_equal(a, &shown_a->rows[y].cells[x], b, &shown_b->rows[y].cells[x]))
				return false;
		}
	}
	return screen_cursor_equal(&a->cursor, &b->cursor) && rcasti_pen_equal(&a->pen, &b->pen);
}

/* Returns how many bytes it took after the loss to know the screen again; 0: it never came to that. */
static size_t lose_some(unsigned number)
{
	unsigned seed = number;
	struct rcast_screen *whole = make(10, 5), *cut = make(10, 5);
	char stream[600];
	size_t first, second, n_bytes, known_after = 0;

	make_stream(&seed, stream, sizeof(stream));
	n_bytes = strlen(stream);
	first = (unsigned)rand_r(&seed) % n_bytes;
	second = first + (unsigned)rand_r(&seed) % 100;
	if (second > n_bytes)
		second = n_bytes;
	rcast_screen_feed(cut, stream, first);
	rcast_screen_mark_unknown(cut);
	rcast_screen_feed(whole, stream, second);
	for (size_t i = second; i < n_bytes; i++) {
		rcast_screen_feed(whole, stream + i, 1);
		rcast_screen_feed(cut, stream + i, 1);
		if (!rcast_screen_is_known(cut))
			continue;
		known_after = known_after ? known_after : i - second + 1;
		cr_assert(pictures_equal(whole, cut), "stream %u: lost %zu to %zu, wrong at %zu", number, first, second, i);
	}
	rcast_screen_free(whole);
	rcast_screen_free(cut);
	return known_after;
}

HARNESS_TEST(doubt, never_ends_too_early)
{
	unsigned n_known = 0;

	for (unsigned seed = 0; seed < 20000; seed++)
		n_known += lose_some(seed) > 0;
	cr_assert_gt(n_known, 5000, "only %u", n_known);
}
