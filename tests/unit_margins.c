/* SPDX-License-Identifier: MIT */
/*
 * Left and right margins, and rectangles: what each operation leaves on the screen. xterm.js, which judges the rest of the screen, knows
 * neither, so these pictures were taken from xterm 379, which was fed the same and printed its screen.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

#define FILL "abcdefghij\r\nklmnopqrst\r\nABCDEFGHIJ\r\nKLMNOPQRST"
#define MARGINS "\033[?69h\033[3;7s"

/* Each is fed to a screen of 10 × 4; what it shows, blanks at ends of rows left out, and blank rows at the end. */
static const struct {
	const char *what, *fed, *shown;
} pictures[] = {
	{"printing wraps from the right margin to the left one", MARGINS "\033[1;3HabcdefgX", "  abcde\n  fgX"},
	{"left of the margins it stops at the right one too", MARGINS "abcdefghX", "abcdefg\n  hX"},
	{"right of them it goes to the edge, and on at the left one", MARGINS "\033[1;8HabcdX", "       abc\n  dX"},
	{"a due wrap at the margin is no wrap yet", MARGINS "\033[1;3Habcde\rX", "  Xbcde"},
	{"without DECAWM the margin is where it stays", MARGINS "\033[?7l\033[1;3HabcdefX", "  abcdX"},
	{"wrapping at the last line scrolls what is between the margins", FILL MARGINS "\033[4;7Hxy",
	 "abmnopqhij\nklCDEFGrst\nABMNOPxHIJ\nKLy    RST"},
	{"and not if it comes from right of them", FILL MARGINS "\033[4;10Hxy",
	 "abcdefghij\nklmnopqrst\nABCDEFGHIJ\nKLyNOPQRSx"},
	{"a wide character does not part at the margin", MARGINS "\033[1;7H漢x", "\n  漢x"},
	{"a carriage return goes to the left margin", MARGINS "\033[1;5Ha\rX", "  X a"},
	{"from left of it to the edge", MARGINS "\033[1;2Ha\033[1;2H\rX", "Xa"},
	{"in origin mode always to the margin", MARGINS "\033[?6h\rX", "  X"},
	{"backspace stops at the left margin", MARGINS "\033[1;4H\b\b\bX", "  X"},
	{"left of it at the edge", MARGINS "\033[1;2H\b\b\bX", "X"},
	{"reverse wrap goes to the right margin", MARGINS "\033[1;3Habcdef\033[?45h\b\bX", "  abcdX\n  f"},
	{"CUB and CUF stop at margins", MARGINS "\033[1;5H\033[9CX\033[1;5H\033[9DY", "  Y   X"},
	{"outside of them at the edges", MARGINS "\033[1;8H\033[9CX\033[1;2H\033[9DY", "Y        X"},
	{"CUB from right of the margins stops at the left one", MARGINS "\033[1;9H\033[9DX", "  X"},
	{"CUF from left of them stops at the right one", MARGINS "\033[1;1H\033[9CX", "      X"},
	{"HPR does not know of them", MARGINS "\033[1;5H\033[9aX", "         X"},
	{"positions count from the origin", MARGINS "\033[2;3r\033[?6h\033[2;2HX\033[1dY\033[1GZ", "\n  Z Y\n   X"},
	{"and end at the margins", MARGINS "\033[2;3r\033[?6h\033[9;9HX", "\n\n      X"},
	{"CNL and CPL begin lines at the margin", MARGINS "\033[1;5H\033[EX\033[2FY", "  Y\n  X"},
	{"tabs stop at the right margin", MARGINS "\tX", "      X"},
	{"from right of it they go back there, as in xterm", MARGINS "\033[1;9H\tX", "      X"},
	{"back tabs stop at the left one in origin mode", MARGINS "\033[1;5H\033[ZX\033[?6h\033[1;3H\033[ZY", "X Y"},
	{"a line feed scrolls between the margins", FILL MARGINS "\033[4;5H\n",
	 "abmnopqhij\nklCDEFGrst\nABMNOPQHIJ\nKL     RST"},
	{"outside of them not at all", FILL MARGINS "\033[4;2H\n\033[4;9H\n",
	 "abcdefghij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"nor does a reverse index", FILL MARGINS "\033[1;2H\033M\033[1;9H\033M",
	 "abcdefghij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"which scrolls between them", FILL MARGINS "\033[1;5H\033M", "ab     hij\nklcdefgrst\nABmnopqHIJ\nKLCDEFGRST"},
	{"within a region too", FILL MARGINS "\033[2;3r\033[3;5H\033D", "abcdefghij\nklCDEFGrst\nAB     HIJ\nKLMNOPQRST"},
	{"NEL scrolls and goes to the margin", FILL MARGINS "\033[4;5H\033EX",
	 "abmnopqhij\nklCDEFGrst\nABMNOPQHIJ\nKLX    RST"},
	{"SU and SD scroll wherever the cursor is", FILL MARGINS "\033[1;1H\033[S\033[2T",
	 "ab     hij\nkl     rst\nABmnopqHIJ\nKLCDEFGRST"},
	{"inserted lines", FILL MARGINS "\033[2;5H\033[LX", "abcdefghij\nklX    rst\nABmnopqHIJ\nKLCDEFGRST"},
	{"deleted lines", FILL MARGINS "\033[2;5H\033[MX", "abcdefghij\nklXDEFGrst\nABMNOPQHIJ\nKL     RST"},
	{"no lines outside of them", FILL MARGINS "\033[2;2H\033[L\033[2;9H\033[M",
	 "abcdefghij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"inserted characters", FILL MARGINS "\033[1;4H\033[2@", "abc  dehij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"deleted characters", FILL MARGINS "\033[1;4H\033[2P", "abcfg  hij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"no characters outside of them", FILL MARGINS "\033[1;2H\033[@\033[1;9H\033[P",
	 "abcdefghij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"erased ones everywhere", FILL MARGINS "\033[1;5H\033[9X", "abcd\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"insert mode", FILL MARGINS "\033[4h\033[1;4HXY", "abcXYdehij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"insert mode outside overwrites", FILL MARGINS "\033[4h\033[1;2HX\033[1;9HY",
	 "aXcdefghYj\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"erasing in lines and on the screen does not know of margins",
	 FILL MARGINS "\033[1;5H\033[K\033[2;5H\033[1K\033[3;5H\033[J", "abcd\n     pqrst\nABCD"},
	{"DECIC", FILL MARGINS "\033[2;5H\033[2'}", "abcd  ehij\nklmn  orst\nABCD  EHIJ\nKLMN  ORST"},
	{"DECDC", FILL MARGINS "\033[2;5H\033[2'~", "abcdg  hij\nklmnq  rst\nABCDG  HIJ\nKLMNQ  RST"},
	{"neither from outside", FILL MARGINS "\033[2;2H\033['}\033[2;9H\033['~",
	 "abcdefghij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"SL and SR", FILL MARGINS "\033[2;5H\033[ @\033[2 A", "ab  defhij\nkl  noprst\nAB  DEFHIJ\nKL  NOPRST"},
	{"DECBI moves back", MARGINS "\033[1;5H\0336X", "   X"},
	{"and scrolls at the margin", FILL MARGINS "\033[1;3H\0336", "ab cdefhij\nkl mnoprst\nAB CDEFHIJ\nKL MNOPRST"},
	{"DECFI moves on", MARGINS "\033[1;5H\0339X", "     X"},
	{"and scrolls at the margin", FILL MARGINS "\033[1;7H\0339", "abdefg hij\nklnopq rst\nABDEFG HIJ\nKLNOPQ RST"},
	{"without margins at the edges", FILL "\033[1;1H\0336\033[1;10H\0339\0339",
	 "bcdefghi\nlmnopqrs\nBCDEFGHI\nLMNOPQRS"},
	{"the alignment pattern ends margins, not their mode", MARGINS "\033#8\033[1;7HXX\033[sab\033[uY",
	 "YbEEEEXXEE\nEEEEEEEEEE\nEEEEEEEEEE\nEEEEEEEEEE"},
	{"a soft reset ends them", MARGINS "\033[!p\033[1;7HXX", "      XX"},
	{"so does a full one", MARGINS "\033c\033[1;7HXX", "      XX"},
	{"so does ending their mode", MARGINS "\033[?69l\033[1;7HXX", "      XX"},
	{"and with the mode comes the whole line back", MARGINS "\033[?69l\033[?69h\033[1;7HXX", "      XX"},
	{"CSI s saves the cursor while the mode is off", FILL "\033[1;5H\033[s\033[H\033[uX",
	 "abcdXfghij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"and sets margins while it is on", MARGINS "\033[1;5H\033[sX\033[1;7HYY", "X     YY"},
	{"which must have two columns", FILL MARGINS "\033[2;2H\033[5;5s\033[7;3sX\033[1;7HYY",
	 "abcdefYhij\nkXYnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"and end at the edge", MARGINS "\033[9;99s\033[1;9HXYZ", "        XY\n        Z"},
	{"the saved cursor comes back between them", MARGINS "\033[2;3r\033[?6h\033[2;2H\0337\033[H\0338X", "\n\n   X"},
	{"a due wrap at the margin is saved", MARGINS "\033[1;3Habcde\0337\033[H\0338X", "  abcde\n  X"},
	{"repetition wraps", MARGINS "\033[1;3Ha\033[6b", "  aaaaa\n  aa"},
	{"DECFRA", FILL "\033[88;2;3;3;5$x", "abcdefghij\nklXXXpqrst\nABXXXFGHIJ\nKLMNOPQRST"},
	{"does not know of margins", FILL MARGINS "\033[88;1;1;2;10$x", "XXXXXXXXXX\nXXXXXXXXXX\nABCDEFGHIJ\nKLMNOPQRST"},
	{"counts from the origin", FILL MARGINS "\033[2;3r\033[?6h\033[88;1;1;9;2$x",
	 "abcdefghij\nklXXopqrst\nABXXEFGHIJ\nKLMNOPQRST"},
	{"needs a character", FILL "\033[7;1;1;2;2$x\033[;1;1;2;2$x", "abcdefghij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"and cells", FILL "\033[88;3;3;2;5$x\033[88;5;1;9;9$x\033[88;1;11;9;12$x",
	 "abcdefghij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"parts wide characters at its edges",
	 "漢字漢字"
	 "\033[88;1;2;1;7$x",
	 " XXXXXX"},
	{"DECERA", FILL "\033[2;3;3;5$z", "abcdefghij\nkl   pqrst\nAB   FGHIJ\nKLMNOPQRST"},
	{"by itself erases all", FILL "\033[$z", ""},
	{"DECSERA spares what is protected",
	 "\033[1\"qab\033[0\"qcd"
	 "\033[1;2;1;3${",
	 "ab d"},
	{"DECCRA", FILL "\033[1;1;2;3;1;2;5;1$v", "abcdefghij\nklmnabcrst\nABCDklmHIJ\nKLMNOPQRST"},
	{"to where it overlaps", FILL "\033[1;1;3;9;1;2;2;1$v", "abcdefghij\nkabcdefghi\nAklmnopqrs\nKABCDEFGHI"},
	{"and back", FILL "\033[2;2;4;10;1;1;1;1$v", "lmnopqrstj\nBCDEFGHIJt\nLMNOPQRSTJ\nKLMNOPQRST"},
	{"as far as there is room", FILL "\033[1;1;2;3;1;4;9;1$v", "abcdefghij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRab"},
	{"and only to where there is any", FILL "\033[1;1;2;3;1;5;1;1$v\033[1;1;2;3;1;1;11;1$v",
	 "abcdefghij\nklmnopqrst\nABCDEFGHIJ\nKLMNOPQRST"},
	{"from the origin to the margins", FILL MARGINS "\033[2;3r\033[?6h\033[1;1;1;3;1;2;4;1$v",
	 "abcdefghij\nklmnopqrst\nABCDEmnHIJ\nKLMNOPQRST"},
};

static struct rcast_screen *make_after(const char *fed)
{
	struct rcast_screen *screen;

	cr_assert_eq(rcast_screen_create(10, 4, &screen), 0);
	rcast_screen_feed(screen, fed, strlen(fed));
	return screen;
}

static char *shown_by(const struct rcast_screen *screen)
{
	size_t n;
	char *text;

	cr_assert_eq(rcast_screen_text(screen, &text, &n), 0);
	for (; n > 0 && text[n - 1] == '\n'; n--)
		text[n - 1] = '\0';
	return text;
}

HARNESS_TEST(margins, show)
{
	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
		struct rcast_screen *screen = make_after(pictures[i].fed);
		char *text = shown_by(screen);

		cr_expect_str_eq(text, pictures[i].shown, "%s: shows \"%s\"", pictures[i].what, text);
		free(text);
		rcast_screen_free(screen);
	}
}

/* ── What is not seen in the text ────────────────────────────────────────────────────────────────────────────────────── */

/* The style of one cell; the runs are the caller's to free. */
static const struct rcast_style *style_at(const struct rcast_screen *screen, uint16_t col, uint16_t row,
					  struct rcast_run **runs)
{
	static const struct rcast_style plain;
	size_t n_runs;

	cr_assert_eq(rcast_screen_row(screen, row, runs, &n_runs), 0);
	for (size_t i = 0; i < n_runs; i++) {
		if (col >= (*runs)[i].col && col < (*runs)[i].col + (*runs)[i].n_cols)
			return &(*runs)[i].style;
	}
	return &plain;
}

/* Red is 1, blue 4. As xterm has it, on a screen of letters on blue. */
HARNESS_TEST(margins, rectangles_have_styles)
{
	static const struct {
		const char *what, *fed;
		uint16_t col, row;
		int fg, bg; /* -1: the default */
		uint32_t flags;
		enum rcast_underline underline;
	} cases[] = {
		{"DECFRA has the pen", "\033[0;1;31;41m\033[88;1;1;2;2$x", 1, 1, 1, 1, RCAST_STYLE_BOLD, 0},
		{"of which one colour is enough", "\033[0;31m\033[88;1;1;2;2$x", 1, 1, 1, -1, 0, 0},
		{"but not none", "\033[0;1m\033[88;1;1;2;2$x", 1, 1, -1, 4, RCAST_STYLE_BOLD, 0},
		{"so does DECERA", "\033[0;41m\033[1;1;2;2$z", 1, 1, -1, 1, 0, 0},
		{"and leaves colours for none", "\033[m\033[1;1;2;2$z", 1, 1, -1, 4, 0, 0},
		{"DECSERA leaves all", "\033[0;41m\033[1;1;2;2${", 1, 1, -1, 4, 0, 0},
		{"DECCRA copies it", "\033[31m\033[88;1;1;1;1$x\033[1;1;1;1;1;4;9;1$v", 8, 3, 1, 4, 0, 0},
		{"DECCARA in all of a line", "\033[2;3;3;4;1;4$r", 9, 1, -1, 4, RCAST_STYLE_BOLD, RCAST_UNDERLINE_SINGLE},
		{"up to the last cell", "\033[2;3;3;4;1$r", 4, 2, -1, 4, 0, 0},
		{"and from the first", "\033[2;3;3;4;1$r", 1, 1, -1, 4, 0, 0},
		{"or in a rectangle", "\033[2*x\033[2;3;3;4;1$r", 4, 1, -1, 4, 0, 0},
		{"which is not for long", "\033[2*x\033[1*x\033[2;3;3;4;1$r", 4, 1, -1, 4, RCAST_STYLE_BOLD, 0},
		{"taking attributes away", "\033[1;1;4;9;1;4;7$r\033[2*x\033[1;1;2;2;22;24$r", 0, 0, -1, 4,
		 RCAST_STYLE_INVERSE, 0},
		{"and all of them", "\033[1;1;4;9;1;4;7;5;8$r\033[2*x\033[1;1;2;2;0$r", 0, 0, -1, 4, 0, 0},
		{"DECRARA", "\033[1;1;4;9;7$r\033[2*x\033[1;1;2;2;7;1;4$t", 0, 0, -1, 4, RCAST_STYLE_BOLD,
		 RCAST_UNDERLINE_SINGLE},
		{"and back", "\033[2*x\033[1;1;2;2;4$t\033[1;1;2;2;4$t", 0, 0, -1, 4, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcast_screen *screen = make_after("\033[44m" FILL);
		const struct rcast_style *style;
		struct rcast_run *runs;

		rcast_screen_feed(screen, cases[i].fed, strlen(cases[i].fed));
		style = style_at(screen, cases[i].col, cases[i].row, &runs);
		cr_expect(style->foreground.kind == RCAST_COLOUR_DEFAULT ? cases[i].fg == -1
									 : style->foreground.value == (uint32_t)cases[i].fg,
			  "%s: foreground", cases[i].what);
		cr_expect(style->background.kind == RCAST_COLOUR_DEFAULT ? cases[i].bg == -1
									 : style->background.value == (uint32_t)cases[i].bg,
			  "%s: background", cases[i].what);
		cr_expect_eq(style->flags, cases[i].flags, "%s: flags %x", cases[i].what, style->flags);
		cr_expect_eq(style->underline, cases[i].underline, "%s: underline %d", cases[i].what, style->underline);
		free(runs);
		rcast_screen_free(screen);
	}
}

HARNESS_TEST(margins, a_cursor_at_a_full_margin_stands_on_it)
{
	struct rcast_screen *screen = make_after(MARGINS "\033[1;3Habcde");
	uint16_t col, row;
	bool visible;

	rcast_screen_get_cursor(screen, &col, &row, &visible);
	cr_expect(col == 6 && row == 0, "%u, %u", col, row);
	rcast_screen_free(screen);
}

HARNESS_TEST(margins, a_change_of_size_ends_them_and_not_their_mode)
{
	static const char after[] = "12345678\033[2;4sX";
	struct rcast_screen *screen = make_after(MARGINS "\033[1;3Habcde");
	char *text;

	cr_assert_eq(rcast_screen_resize(screen, 12, 4), 0);
	rcast_screen_feed(screen, after, strlen(after));
	text = shown_by(screen);
	cr_expect_str_eq(text, "X abcd123456\n78");
	free(text);
	rcast_screen_free(screen);
}

/* A part of a line that leaves is nobody's scrollback. */
HARNESS_TEST(margins, what_scrolls_between_them_is_not_kept)
{
	static const char before[] = FILL MARGINS "\033[4;5H";
	struct rcast_screen *screen = make_after("");
	size_t n_before, n_after;
	char *bytes;

	cr_assert_eq(rcast_screen_keep_scrollback(screen, 10), 0);
	rcast_screen_feed(screen, before, strlen(before));
	cr_assert_eq(rcast_screen_snapshot(screen, &bytes, &n_before), 0);
	free(bytes);
	rcast_screen_feed(screen, "\n", 1);
	cr_assert_eq(rcast_screen_snapshot(screen, &bytes, &n_after), 0);
	free(bytes);
	cr_expect_lt(n_after, n_before);
	rcast_screen_free(screen);
}

/* A viewer's terminal that has no margins takes CSI s for saving the cursor. */
HARNESS_TEST(margins, a_snapshot_speaks_of_them_only_in_their_mode)
{
	static const struct {
		const char *fed;
		bool says_mode, says_margins;
	} cases[] = {
		{"ab", false, false},
		{"\033[?69h", true, false},
		{MARGINS, true, true},
		{MARGINS "\033[?69l", false, false},
		{MARGINS "\033[s", true, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rcast_screen *screen = make_after(cases[i].fed);
		size_t n_bytes;
		char *bytes;

		cr_assert_eq(rcast_screen_snapshot(screen, &bytes, &n_bytes), 0);
		cr_expect_eq(strstr(bytes, "\033[?69h") != NULL, cases[i].says_mode, "case %zu", i);
		cr_expect_eq(strstr(bytes, "\033[3;7s") != NULL, cases[i].says_margins, "case %zu", i);
		free(bytes);
		rcast_screen_free(screen);
	}
}
