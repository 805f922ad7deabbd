/* SPDX-License-Identifier: MIT */
/* Screens from outside: what can be read after bytes were fed, and that a snapshot makes the same screen again. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

#include "screen_states.h"

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

static char *text_of(const struct rcast_screen *screen)
{
	char *text;
	size_t n_bytes;

	cr_assert_eq(rcast_screen_text(screen, &text, &n_bytes), 0);
	cr_assert_eq(strlen(text), n_bytes);
	return text;
}

static char *snapshot_of(const struct rcast_screen *screen)
{
	char *bytes;
	size_t n_bytes;

	cr_assert_eq(rcast_screen_snapshot(screen, &bytes, &n_bytes), 0);
	cr_assert_eq(strlen(bytes), n_bytes);
	return bytes;
}

/* Each is fed to a screen of 10 × 4; what it shows, blank rows at the end left out. */
static const struct {
	const char *what, *fed, *shown;
} pictures[] = {
	{"text", "hello", "hello"},
	{"wrap", "0123456789abc", "0123456789\nabc"},
	{"a due wrap is no wrap yet", "0123456789\rx", "x123456789"},
	{"no wrap without DECAWM", "\033[?7l0123456789abc", "012345678c"},
	{"scrolling", "1\r\n2\r\n3\r\n4\r\n5", "2\n3\n4\n5"},
	{"a region scrolls alone", "1\r\n2\r\n3\r\n4\033[2;3r\033[3;1H\n", "1\n3\n\n4"},
	{"reverse index", "1\r\n2\033[H\033M0", "0\n1\n2"},
	{"insert and delete lines", "1\r\n2\r\n3\033[2H\033[L\033[1H\033[M", "\n2\n3"},
	{"insert and delete characters", "abcdef\033[1;3H\033[2@\033[1;1H\033[P", "b  cdef"},
	{"erase characters", "abcdef\033[1;2H\033[3X", "a   ef"},
	{"insert mode", "abc\033[H\033[4hxy", "xyabc"},
	{"wide characters", "漢字x", "漢字x"},
	{"a wide one wraps whole", "012345678漢", "012345678\n漢"},
	{"one without room leaves no half", "\033[?7l01234567漢🙂\033[H\033[P\033[1;10HZ", "1234567  Z"},
	{"half of a wide one goes with the other", "漢\033[1;2Hx", " x"},
	{"a mark joins", "e\xcc\x81x", "e\xcc\x81x"},
	{"a mark joins across feeds and a wrap", "012345678e\xcc\x81y", "012345678e\xcc\x81\ny"},
	{"a mark on nothing can be erased", "\033[5G\xcc\x81\033[H\033[J", ""},
	{"line drawing", "\033(0qx\033(Bq", "─│q"},
	{"national characters", "\033(K[|]~\033(B[\033)C\016]", "ÄöÜß[Å"},
	{"a set that nobody knows", "\033(%5[\033(B\033(n[", "[["},
	{"shifts", "\033)0\016q\017q", "─q"},
	{"repetition", "ab\033[3b", "abbbb"},
	{"no repetition of nothing", "ab\033[m\033[3b", "ab"},
	{"tabs", "\tx", "        x"},
	{"saved cursor", "ab\0337cd\0338x", "abxd"},
	{"saved origin", "\033[2;3r\033[?6h\0337\033[?6l\0338\033[Hx", "\nx"},
	{"saved lack of origin", "\0337\033[2;3r\033[?6h\0338\033[Hx", "x"},
	{"a due wrap is saved", "0123456789\0337\033[H\0338x", "0123456789\nx"},
	{"in origin mode too", "\033[?6h0123456789\0337\033[H\0338x", "0123456789\nx"},
	{"the alternate screen", "primary\033[?1049halt", "       alt"},
	{"and back", "primary\033[?1049halt\033[?1049l!", "primary!"},
	{"origin mode", "\033[2;3r\033[?6h\033[1;1Hx", "\nx"},
	{"control characters act inside sequences", "a\033[\r1mb", "b"},
	{"CAN ends a sequence", "a\033[1\030b", "ab"},
	{"strings are not shown", "a\033Pq#1\033\\b\033_x\033\\c\033]52;;x\007d", "abcd"},
	{"C1 controls as UTF-8",
	 "abc\xc2\x9b"
	 "1Gx",
	 "xbc"},
	{"ill-formed UTF-8", "a\xff\xc3(\xe2\x82z", "a��(�z"},
	{"reset", "abc\033[?1049hx\033cz", "z"},
	{"alignment pattern", "\033#8", "EEEEEEEEEE\nEEEEEEEEEE\nEEEEEEEEEE\nEEEEEEEEEE"},
	{"reverse wrap", "0123456789ab\033[?45h\b\b\bX", "012345678X\nab"},
	{"protected cells stay", "\033[1\"qab\033[0\"qcd\033[?2J", "ab"},
	{"scrolling sideways", "abc\033[ @", "bc"},
};

HARNESS_TEST(screen, shows)
{
	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
		struct rcast_screen *screen = make(10, 4);
		char *text;
		size_t n;

		feed(screen, pictures[i].fed);
		text = text_of(screen);
		for (n = strlen(text); n > 0 && text[n - 1] == '\n'; n--)
			text[n - 1] = '\0';
		cr_expect_str_eq(text, pictures[i].shown, "%s: shows \"%s\"", pictures[i].what, text);
		free(text);
		rcast_screen_free(screen);
	}
}

static char *snapshot_after(const char *first, const char *second)
{
	struct rcast_screen *screen = make(10, 4);
	char *snapshot;

	feed(screen, first);
	feed(screen, second);
	snapshot = snapshot_of(screen);
	rcast_screen_free(screen);
	return snapshot;
}

/* Two screens that are in the same state write the same snapshot. */
HARNESS_TEST(screen, a_snapshot_restores_the_state_whatever_was_there)
{
	for (size_t i = 0; i < N_SCREEN_STATES; i++) {
		char *snapshot = snapshot_after("", screen_states[i]);
		char *again = snapshot_after(SCREEN_LEFT_BEHIND, snapshot);

		cr_expect_str_eq(again, snapshot, "state %zu", i);
		free(again);
		free(snapshot);
	}
}

/* There are terminals that can be inside a string that CAN does not end: in tmux, a DCS. */
HARNESS_TEST(screen, a_snapshot_begins_by_ending_what_is_half_read)
{
	struct rcast_screen *screen = make(10, 4);
	char *snapshot = snapshot_of(screen), *shown;
	size_t n_bytes;

	cr_expect_eq(strncmp(snapshot, "\x18\x1b\\", 3), 0);
	cr_assert_eq(rcast_screen_snapshot_shown(screen, &shown, &n_bytes), 0);
	cr_expect_eq(strncmp(shown, "\x18\x1b\\", 3), 0);
	free(shown);
	free(snapshot);
	rcast_screen_free(screen);
}

/* A terminal in its alternate screen stays there, and shows the same; both screens look alike to who only sees one. */
HARNESS_TEST(screen, a_snapshot_of_the_shown_screen_does_not_switch)
{
	for (size_t i = 0; i < N_SCREEN_STATES; i++) {
		struct rcast_screen *session = make(10, 4), *terminal = make(10, 4);
		uint64_t n_switches;
		char *shown, *again, *bytes;
		size_t n_bytes;

		feed(session, screen_states[i]);
		feed(terminal, "precious" SCREEN_LEFT_BEHIND);
		n_switches = rcast_screen_n_switches(terminal);
		cr_assert_eq(rcast_screen_snapshot_shown(session, &bytes, &n_bytes), 0);
		feed(terminal, bytes);
		cr_expect_eq(rcast_screen_n_switches(terminal), n_switches, "state %zu", i);
		free(bytes);
		cr_assert_eq(rcast_screen_snapshot_shown(session, &shown, &n_bytes), 0);
		cr_assert_eq(rcast_screen_snapshot_shown(terminal, &again, &n_bytes), 0);
		cr_expect_str_eq(again, shown, "state %zu", i);
		free(shown);
		free(again);
		rcast_screen_free(session);
		rcast_screen_free(terminal);
	}
}

HARNESS_TEST(screen, which_one_is_shown_is_known)
{
	struct rcast_screen *screen = make(10, 4);

	cr_expect(!rcast_screen_is_alternate(screen));
	feed(screen, "\033[?1049h");
	cr_expect(rcast_screen_is_alternate(screen));
	feed(screen, "\033[?1049l");
	cr_expect(!rcast_screen_is_alternate(screen));
	feed(screen, "\033[?47h\033c");
	cr_expect(!rcast_screen_is_alternate(screen));
	rcast_screen_free(screen);
}

HARNESS_TEST(screen, switches_are_counted_wherever_they_lead)
{
	static const struct {
		const char *fed;
		uint64_t n;
	} cases[] = {
		{"abc\033[2J\033[!p", 0},     {"\033[?1049h", 1}, {"\033[?1049l", 1},
		{"\033[?47h\033[?47h", 2},    {"\033c", 1},       {"\033[?25;1047h\033[?1047;25l", 2},
		{"\033[?1049h\033[?1049", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcast_screen *screen = make(10, 4);

		feed(screen, cases[i].fed);
		cr_expect_eq(rcast_screen_n_switches(screen), cases[i].n, "case %zu", i);
		rcast_screen_free(screen);
	}
}

HARNESS_TEST(screen, bytes_may_come_one_by_one)
{
	for (size_t i = 0; i < N_SCREEN_STATES; i++) {
		struct rcast_screen *screen = make(10, 4);
		char *whole = snapshot_after("", screen_states[i]), *pieces;

		for (const char *byte = screen_states[i]; *byte; byte++)
			rcast_screen_feed(screen, byte, 1);
		pieces = snapshot_of(screen);
		cr_expect_str_eq(pieces, whole, "state %zu", i);
		free(whole);
		free(pieces);
		rcast_screen_free(screen);
	}
}

HARNESS_TEST(screen, cut_points)
{
	static const struct {
		const char *fed;
		bool is_cut_point;
	} cases[] = {
		{"abc", true},        {"\033", false},         {"\033[", false},         {"\033[1", false},
		{"\033[1m", true},    {"\xe2", false},         {"\xe2\x82", false},      {"\xe2\x82\xac", true},
		{"\033]2;x", false},  {"\033]2;x\033", false}, {"\033]2;x\033\\", true}, {"\033]2;x\007", true},
		{"\033Pq", false},    {"\033Pq\033\\", true},  {"\033(", false},         {"\033(0", true},
		{"\033[1\030", true}, {"\033[\xe2", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcast_screen *screen = make(10, 4);

		feed(screen, cases[i].fed);
		cr_expect_eq(rcast_screen_is_at_cut_point(screen), cases[i].is_cut_point, "case %zu", i);
		rcast_screen_free(screen);
	}
}

HARNESS_TEST(screen, no_snapshot_inside_a_long_string)
{
	struct rcast_screen *screen = make(10, 4);
	char *bytes;
	size_t n_bytes;

	feed(screen, "ab\033Pq");
	for (unsigned i = 0; i < 5000; i++)
		feed(screen, "~");
	cr_assert_eq(rcast_screen_snapshot(screen, &bytes, &n_bytes), -EAGAIN);
	cr_assert_null(bytes);
	feed(screen, "\033\\");
	free(snapshot_of(screen));
	rcast_screen_free(screen);
}

HARNESS_TEST(screen, sizes)
{
	struct rcast_screen *screen;
	uint16_t cols, rows;

	cr_assert_eq(rcast_screen_create(0, 24, &screen), -EINVAL);
	cr_assert_eq(rcast_screen_create(80, RCAST_SCREEN_MAX_ROWS + 1, &screen), -EINVAL);
	screen = make(80, 24);
	cr_assert_eq(rcast_screen_resize(screen, 80, 0), -EINVAL);
	cr_assert_eq(rcast_screen_resize(screen, 1, 1), 0);
	feed(screen, "漢e\xcc\x81x\033[5b\033[3@\033[2P\t\b\033[?45h\b\n\033[L\033[M\033[S\033[T");
	free(snapshot_of(screen));
	cr_assert_eq(rcast_screen_resize(screen, RCAST_SCREEN_MAX_COLS, RCAST_SCREEN_MAX_ROWS), 0);
	rcast_screen_get_size(screen, &cols, &rows);
	cr_assert(cols == RCAST_SCREEN_MAX_COLS && rows == RCAST_SCREEN_MAX_ROWS);
	rcast_screen_free(screen);
}

HARNESS_TEST(screen, resizing_cuts_and_pads)
{
	struct rcast_screen *screen = make(10, 4);
	char *text;

	feed(screen, "1234567890\r\n2\r\n3\r\n4");
	cr_assert_eq(rcast_screen_resize(screen, 4, 2), 0); /* rows above the cursor go, it stays in sight */
	text = text_of(screen);
	cr_expect_str_eq(text, "3\n4\n");
	free(text);
	cr_assert_eq(rcast_screen_resize(screen, 10, 3), 0);
	feed(screen, "x");
	text = text_of(screen);
	cr_expect_str_eq(text, "3\n4x\n\n");
	free(text);
	rcast_screen_free(screen);
}

HARNESS_TEST(screen, title)
{
	struct rcast_screen *screen = make(10, 4);

	cr_assert_str_eq(rcast_screen_title(screen), "");
	feed(screen, "\033]2;a\x01\xc3\xa9\007");
	cr_assert_str_eq(rcast_screen_title(screen), "aé");
	for (unsigned i = 0; i < 2000; i++)
		feed(screen, "\033]2;漢漢漢漢漢漢漢漢漢漢\033\\\033[22t");
	feed(screen, "\033[23t");
	cr_assert_str_eq(rcast_screen_title(screen), "漢漢漢漢漢漢漢漢漢漢");
	rcast_screen_free(screen);
}

/* Garbage of all sorts: nothing to assert but that sanitizers stay silent and that a snapshot still restores. */
HARNESS_TEST(screen, survives_noise)
{
	static const char alphabet[] =
		"\033\033\033[[[]PX^_;:?><!\"'$ 0123456789ABCDHJKLMPSTXZ@bcdghlmnqrsu\r\n\b\t\016\017\030\007"
		"xyz\xe6\xbc\xa2\xcc\x81\xf0\x9f\x8e\x89\xff\xc2\x9b";
	struct rcast_screen *screen = make(20, 6);
	unsigned seed = 7;

	for (unsigned i = 0; i < 300000; i++) {
		char byte = alphabet[rand_r(&seed) % (sizeof(alphabet) - 1)];
		rcast_screen_feed(screen, &byte, 1);
		if (i % 5000 == 0)
			cr_assert_eq(rcast_screen_resize(screen, (uint16_t)(1 + rand_r(&seed) % 40),
							 (uint16_t)(1 + rand_r(&seed) % 20)),
				     0);
		if (i % 1000 == 0) {
			char *bytes;
			size_t n_bytes;
			if (rcast_screen_snapshot(screen, &bytes, &n_bytes) == 0)
				free(bytes);
		}
	}
	rcast_screen_free(screen);
}

HARNESS_TEST(screen, marks_without_end_take_bounded_memory)
{
	struct rcast_screen *screen = make(80, 24);

	for (unsigned i = 0; i < 200000; i++)
		feed(screen, "a\xcc\x81\xcc\x82\xcc\x83");
	for (unsigned i = 0; i < 200000; i++)
		feed(screen, "\xcc\x81");
	free(snapshot_of(screen));
	rcast_screen_free(screen);
}
