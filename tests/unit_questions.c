/* SPDX-License-Identifier: MIT */
/*
 * Questions are taken out of replayed output, wherever it is cut; nothing else is changed.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/questions.h"

static const char *const questions[] = {
	"\xc2\x9a",
	"\xc2\x9b"
	"c",
	"\xc2\x9b"
	"?6n",
	"\xc2\x9d"
	"11;?\xc2\x9c",
	"\x1b]11;?\xc2\x9c",
	"\x05",
	"\x1bZ",
	"\x1b[c",
	"\x1b[0c",
	"\x1b[>c",
	"\x1b[=c",
	"\x1b[5n",
	"\x1b[6n",
	"\x1b[?6n",
	"\x1b[?996n",
	"\x1b[x",
	"\x1b[1x",
	"\x1b[?2026$p",
	"\x1b[4$p",
	"\x1b[>q",
	"\x1b[>0q",
	"\x1b[?u",
	"\x1b[?4m",
	"\x1b[?1;1;0S",
	"\x1b[1;1;2;3;4*y",
	"\x1b[14t",
	"\x1b[18t",
	"\x1b[21t",
	"\x1b]10;?\x07",
	"\x1b]11;?\x1b\\",
	"\x1b]4;1;?\x07",
	"\x1b]52;c;?\x07",
	"\x1bP$qm\x1b\\",
	"\x1bP+q544e\x1b\\",

	"\x1b[#S",
	"\x1b[#R",
	"\x1b[1;1;2;2#|",
	"\x1b['|",
	"\x1b[\"v",
	"\x1b[1$w",
	"\x1b[2$u",
	"\x1b[&u",
	"\x1b[?1g",
	"\x1b]4;1;?;2;red\x07",
	"\x1b]10;?;#123456\x1b\\",
	"\x1b]21;foreground=?;background=red\x1b\\",
	"\x1b]22;?__current__\x1b\\",
	"\x1b]60\x1b\\",
	"\x1b]61;allowWindowOps\x1b\\",
	"\x1b]99;i=1:p=?;\x1b\\",
	"\x1b]1337;ReportCellSize\x07",
	"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\",

	"\x1b]50;?+1\x07",
	"\x1b]99;i=1:p=alive;\x1b\\",
	"\x1b]1337;RequestUpload=format=tgz\x07",
	"\x1b]5113;ac=send;id=1\x1b\\",
	"\x1b]5522;type=read;dGV4dC9wbGFpbg==\x1b\\",
	"\x1bP+Q666f6e74\x1b\\",
	"\x1bP@kitty-cmd{\"cmd\":\"ls\"}\x1b\\",
	"\xc2\x9fGi=31,s=1,v=1,a=q,t=d,f=24;AAAA\xc2\x9c",
	"\x1b%@",

	/* To a terminal, control characters in a string are not there; a bell ends some strings, and others not. */
	"\x1bP\x01$qm\x1b\\",
	"\x1bP\x07$qm\x1b\\",
	"\x1bP$\x7fqm\x1b\\",
	"\x1bP0;1$qm\x1b\\",
	"\x1b]1\x01"
	"0;?\x07",
	"\x1b]10;\x01?\x01\x1b\\",
	"\x1b]52;c;?\r\n\x07",
};

static const char *const others[] = {
	"plain text\r\n",
	"gr\xc3\xbc\xc3\x9f",
	"\x1b[31;1m",
	"\xc2\xa0\xc2\xbb \xc2\xc2 \xc2\x1b[m",
	"\x1b]0;\xc2\xa0\xc2\x9c",
	"\x1b[2J\x1b[H",
	"\x1b[?1049h",
	"\x1b[2 q",          /* cursor shape */
	"\x1b[!p",           /* soft reset */
	"\x1b[>4;2m",        /* set key modifiers */
	"\x1b[>4n",          /* and reset them */
	"\x1b[=1u",          /* set keyboard flags */
	"\x1b[u",            /* restore the cursor */
	"\x1b[3S",           /* scroll */
	"\x1b[65;1;1;2;2$x", /* fill */
	"\x1b[1;1;2;2*x",    /* what a rectangle is */
	"\x1b[14;1;2;2;7$t", /* invert one */
	"\x1b[22;0t",        /* push the title */
	"\x1b[8;24;80t",     /* resize */
	"\x1b]0;what?\x07",
	"\x1b]0;title\x1b\\",
	"\x1bPq#0;2;0;0;0\x1b\\",
	"\x1bP0$rm\x07\x1b\\",
	"\x1b]0;a;?;b\x07",
	"\x1b]4;1;red;2;#123456\x07",
	"\x1b]21;foreground=red\x1b\\",
	"\x1b]1337;SetMark\x07",
	"\x1b_Gi=31,a=T;a=q\x1b\\",
	"\x1b[#p",
	"\x1b[1;2'w",
	"\x1b[3g",
	"\x1b[1&w",
	"\x1b"
	"7\x1b"
	"8\x1b(B\x1b=\x1b>",
	"\x1b%G",
	"\x1b[12\x18text",   /* cancelled */
	"\x1b[12\x1b[31m",   /* broken off by another */
	"\x1b]0;open\x1b[m", /* a string broken off */
	"\x1b\x1b[m",
};

#define N(array) (sizeof array / sizeof array[0])

static size_t filter_in_pieces(const char *text, size_t n_bytes, size_t piece, unsigned char *out)
{
	struct questions state = {0};
	size_t n_out = 0;

	for (size_t at = 0; at < n_bytes; at += piece)
		n_out += questions_remove(&state, text + at, n_bytes - at < piece ? n_bytes - at : piece, out + n_out);
	return n_out + questions_finish(&state, out + n_out);
}

HARNESS_TEST(questions, are_dropped)
{
	for (size_t i = 0; i < N(questions); i++) {
		char text[64];
		unsigned char out[512];

		snprintf(text, sizeof text, "a%sb", questions[i]);
		for (size_t piece = 1; piece <= strlen(text); piece++) {
			size_t n = filter_in_pieces(text, strlen(text), piece, out);

			cr_expect(n == 2 && memcmp(out, "ab", 2) == 0, "question %zu in pieces of %zu: %.*s", i, piece,
				  (int)n, out);
		}
	}
}

HARNESS_TEST(questions, all_else_is_left_alone)
{
	for (size_t i = 0; i < N(others); i++) {
		unsigned char out[512];

		for (size_t piece = 1; piece <= strlen(others[i]); piece++) {
			size_t n = filter_in_pieces(others[i], strlen(others[i]), piece, out);

			cr_expect(n == strlen(others[i]) && memcmp(out, others[i], n) == 0, "%zu in pieces of %zu", i,
				  piece);
		}
	}
}

/* Sequences without an end, and longer than anything that is held back. */
HARNESS_TEST(questions, long_and_endless_sequences_pass)
{
	static const char *const beginnings[] = {"\x1b]52;c;", "\x1bPq",     "\x1b]0;",
						 "\x1b_",      "\x1b_Ga=T;", "\x1b]1337;File=:"};
	unsigned char *out = malloc(100000 + QUESTIONS_MAX_HELD);
	char *text = malloc(100000);

	for (size_t i = 0; i < N(beginnings); i++) {
		memset(text, '1', 100000);
		memcpy(text, beginnings[i], strlen(beginnings[i]));
		cr_expect_eq(filter_in_pieces(text, 100000, 4096, out), 100000);
		cr_expect_eq(memcmp(out, text, 100000), 0);
	}
	free(text);
	free(out);
}

/* A terminal does not mind how long it is; nor whether a control character comes in between. */
HARNESS_TEST(questions, long_ones_are_dropped_too)
{
	static const struct {
		const char *beginning, *end;
	} cases[] = {
		{"\x1b[", "c"},           {"\x1b[?", "$p"},       {"\x1b]4;1;?;", ";?\x07"},
		{"\x1b]11;", ";?\x1b\\"}, {"\x1bP+q", "\x1b\\"},  {"\x1bP$q", "\x1b\\"},
		{"\x1bP", "$qm\x1b\\"},   {"\x1b]52;", ";?\x07"}, {"\x1b_Gi=1,s=", ",a=q;\x1b\\"},
	};
	unsigned char out[4096];
	char text[1024];

	for (size_t i = 0; i < N(cases); i++) {
		int n = snprintf(text, sizeof text, "a%s%0600d%sb", cases[i].beginning, 0, cases[i].end);

		for (size_t piece = 1; piece <= (size_t)n; piece += 7) {
			size_t n_out = filter_in_pieces(text, (size_t)n, piece, out);

			cr_expect(n_out == 2 && memcmp(out, "ab", 2) == 0, "case %zu in pieces of %zu: %.*s", i, piece,
				  (int)n_out, out);
		}
	}
}

HARNESS_TEST(questions, control_characters_inside_act_at_once)
{
	static const char text[] = "a\x1b[\r0\x07\x7f"
				   "cb\x1b[3\n1md\x1b[0\x1b[c\x1b[0\x18"
				   "c";
	static const char rest[] = "a\r\x07\x7f"
				   "b\n\x1b[31md\x1b[0\x18\x1b[0\x18"
				   "c";
	unsigned char out[512];

	for (size_t piece = 1; piece < sizeof text; piece++) {
		size_t n = filter_in_pieces(text, sizeof text - 1, piece, out);

		cr_expect(n == sizeof rest - 1 && memcmp(out, rest, n) == 0, "in pieces of %zu", piece);
	}
}

/* To some terminals a letter ends a sequence, to others it is not there. To all of them, none is open behind it. */
HARNESS_TEST(questions, are_not_completed_behind_a_letter)
{
	static const char text[] = "a\x1b[\xc3\xbc"
				   "6n\x1b\xff[c\x1b[0\xc2\xa0n\x1b[1\xc2\x9b"
				   "31m";
	static const char rest[] = "a\x18\xc3\xbc"
				   "6n\x18\xff[c\x18\xc2\xa0n\x18\x1b[31m";
	unsigned char out[512];

	for (size_t piece = 1; piece < sizeof text; piece++) {
		size_t n = filter_in_pieces(text, sizeof text - 1, piece, out);

		cr_expect(n == sizeof rest - 1 && memcmp(out, rest, n) == 0, "in pieces of %zu", piece);
	}
}

/* Of DCS $q and +q: how much of it there was, behind this byte. -1: it is another. */
static int count_matched(int n_matched, unsigned int byte)
{
	if (n_matched == 0 && byte >= 0x30 && byte < 0x40)
		return 0;
	if (n_matched == 0)
		return byte == '$' || byte == '+' ? 1 : -1;
	return n_matched == 1 ? (byte == 'q' ? 2 : -1) : n_matched;
}

/* A terminal that is asked DA1, for settings, or for its answerback: how often. Of all else it knows only where it ends. */
static int count_asked(const unsigned char *bytes, size_t n_bytes)
{
	enum { GROUND, ESCAPE, INTERMEDIATE, CONTROL, OSC, STRING } state = GROUND;
	int n = 0, n_matched = -1;
	bool is_da1 = false;

	for (size_t i = 0; i < n_bytes; i++) {
		unsigned int byte = bytes[i];

		if (byte == 0xc2 && i + 1 < n_bytes && bytes[i + 1] >= 0x80 && bytes[i + 1] <= 0x9f) {
			byte = bytes[++i] - 0x40u;
			state = ESCAPE;
		}
		if (byte == 0x1b || byte == 0x18 || byte == 0x1a) {
			n_matched = byte == 0x1b && state == STRING ? n_matched : -1;
			state = byte == 0x1b ? ESCAPE : GROUND;
		} else if (byte == 0x05 && state < OSC) {
			n++;
		} else if (byte == 0x07 && state == OSC) {
			state = GROUND;
		} else if (byte < 0x20 || byte == 0x7f) {
			continue;
		} else if (state == ESCAPE) {
			n += byte == 'Z' || (byte == '\\' && n_matched == 2);
			n_matched = byte == 'P' ? 0 : -1;
			is_da1 = byte == '[';
			state = byte == '['                         ? CONTROL
				: byte == ']'                       ? OSC
				: byte && strchr("PX^_", (int)byte) ? STRING
				: byte < 0x30                       ? INTERMEDIATE
								    : GROUND;
		} else if (state == INTERMEDIATE && byte >= 0x30) {
			state = GROUND;
		} else if (state == CONTROL && byte >= 0x40) {
			n += byte == 'c' && is_da1;
			state = GROUND;
		} else if (state == CONTROL) {
			is_da1 = is_da1 && byte == '0';
		} else if (state == STRING) {
			n_matched = count_matched(n_matched, byte);
		}
	}
	return n;
}

/* Whatever is broken off, cancelled, too long or begun twice: no question is left, and none is made by leaving one out. */
HARNESS_TEST(questions, never_get_through)
{
	static const char alphabet[] = "\x1b\x1b\x1b[[]]P_c0c;?ZZ$$qq\x07\x18\x05\\x7f\xc2\xc2\x9b\x9d\x9a\x9c\x90n\x7f\r ";
	unsigned char out[4096];
	char text[2000];
	int n_asked = 0;

	srand(7);
	for (int round = 0; round < 60000; round++) {
		bool is_long = round % 50 == 0;
		size_t n = (size_t)rand() % (is_long ? sizeof text : 40), n_out;

		for (size_t i = 0; i < n; i++)
			text[i] = is_long && i > 1 && i < 260 && rand() % 40
					  ? '0'
					  : alphabet[(size_t)rand() % (sizeof alphabet - 1)];
		n_asked += count_asked((const unsigned char *)text, n);
		n_out = filter_in_pieces(text, n, 1 + (size_t)rand() % 8, out);
		cr_assert_eq(count_asked(out, n_out), 0, "round %d", round);
		cr_assert_leq(n_out, n);
	}
	cr_assert_gt(n_asked, 10000);
}

/* Whose it is, is asked at the last byte; and the rest of the output can be left out. */
HARNESS_TEST(questions, pass_to_whom_they_are_for)
{
	unsigned char out[512];

	for (size_t i = 0; i < N(questions); i++) {
		size_t n_question = strlen(questions[i]), n;
		struct questions state = {0};

		n = questions_remove(&state, "text", 4, out);
		state.come_alone = true;
		n += questions_remove(&state, "more", 4, out + n);
		n += questions_remove(&state, questions[i], n_question - 1, out + n);
		state.are_ours = true;
		n += questions_remove(&state, questions[i] + n_question - 1, 1, out + n);
		n += questions_remove(&state, "\x1b[m\x1b]0;x\x07", 9, out + n);
		cr_expect_eq(n, 4 + n_question, "question %zu", i);
		cr_expect(questions[i][0] == '\xc2' || memcmp(out + 4, questions[i], n_question) == 0, "question %zu", i);
		state.come_alone = false;
		n = questions_remove(&state, questions[i], n_question - 1, out);
		state.are_ours = false;
		n += questions_remove(&state, questions[i] + n_question - 1, 1, out + n);
		cr_expect_eq(n, 0, "question %zu", i);
	}
}

/* Any bytes at all: never more comes out than went in, and what is no control at all comes out whole. */
HARNESS_TEST(questions, any_bytes)
{
	static const char alphabet[] = "\x1b\x1b[]P?$+q;c\x07\x18\x05\\1xnZ\xff";
	unsigned char out[4096 + QUESTIONS_MAX_HELD];
	char text[4096];

	srand(1);
	for (int round = 0; round < 500; round++) {
		size_t n = (size_t)rand() % sizeof text;

		for (size_t i = 0; i < n; i++)
			text[i] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
		cr_expect_leq(filter_in_pieces(text, n, 1 + (size_t)rand() % 100, out), n);
	}
}
