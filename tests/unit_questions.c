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
	"\x05",           "\x1bZ",           "\x1b[c",         "\x1b[0c",           "\x1b[>c",
	"\x1b[=c",        "\x1b[5n",         "\x1b[6n",        "\x1b[?6n",          "\x1b[?996n",
	"\x1b[x",         "\x1b[1x",         "\x1b[?2026$p",   "\x1b[4$p",          "\x1b[>q",
	"\x1b[>0q",       "\x1b[?u",         "\x1b[?4m",       "\x1b[?1;1;0S",      "\x1b[1;1;2;3;4*y",
	"\x1b[14t",       "\x1b[18t",        "\x1b[21t",       "\x1b]10;?\x07",     "\x1b]11;?\x1b\\",
	"\x1b]4;1;?\x07", "\x1b]52;c;?\x07", "\x1bP$qm\x1b\\", "\x1bP+q544e\x1b\\",
};

static const char *const others[] = {
	"plain text\r\n",
	"gr\xc3\xbc\xc3\x9f",
	"\x1b[31;1m",
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
	"\x1b[22;0t",        /* push the title */
	"\x1b[8;24;80t",     /* resize */
	"\x1b]0;what?\x07",
	"\x1b]0;title\x1b\\",
	"\x1bPq#0;2;0;0;0\x1b\\",
	"\x1b"
	"7\x1b"
	"8\x1b(B\x1b=\x1b>",
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
	static const char *const beginnings[] = {"\x1b]52;c;", "\x1b[", "\x1bPq", "\x1b[?1;"};
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
