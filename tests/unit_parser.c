/* SPDX-License-Identifier: MIT */
/* The parser: what it finds in bytes, however they are cut, and what it says is still pending. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyframe/parser.h"

/* What was found, as a line of words. */
static char found[16384];

static void add(const char *format, unsigned long a, unsigned long b)
{
	size_t n = strlen(found);

	snprintf(found + n, sizeof(found) - n, format, a, b);
}

static void on_print_ascii(void *user, const uint8_t *text, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++)
		add("%c ", text[i], 0);
}

static void on_print(void *user, uint32_t character)
{
	add("U+%04lX ", character, 0);
}

static void on_execute(void *user, uint32_t control)
{
	add("C%lu ", control, 0);
}

static void on_escape(void *user, uint32_t collected, uint8_t final)
{
	add("ESC(%lx,%c) ", collected, final);
}

static void on_csi(void *user, const struct rcasti_sequence *sequence, uint8_t final)
{
	add("CSI(%lx,%c", sequence->collected, final);
	for (unsigned i = 0; i < sequence->n_parameters; i++)
		add(sequence->parameters[i].is_sub ? ":%lu" : ",%lu", sequence->parameters[i].value, 0);
	add(") ", 0, 0);
}

static void on_osc(void *user, uint32_t number, const char *text, size_t n_bytes)
{
	size_t n = strlen(found);

	cr_assert_eq(strlen(text), n_bytes);
	snprintf(found + n, sizeof(found) - n, "OSC(%u,%s) ", number, text);
}

static void on_string_end(void *user)
{
	add("END ", 0, 0);
}

static const struct rcasti_parser_events events = {
	.print_ascii = on_print_ascii,
	.print = on_print,
	.execute = on_execute,
	.escape = on_escape,
	.csi = on_csi,
	.osc = on_osc,
	.string_end = on_string_end,
};

static const struct {
	const char *fed, *found;
} cases[] = {
	{"ab\r\n", "a b C13 C10 "},
	{"\033[m\033[1;2H\033[;5;m", "CSI(0,m,0) CSI(0,H,1,2) CSI(0,m,0,5,0) "},
	{"\033[?25h\033[>4;2m\033[!p\033[ q", "CSI(3f,h,25) CSI(3e,m,4,2) CSI(21,p,0) CSI(20,q,0) "},
	{"\033[4:3m\033[38:2::1:2:3m", "CSI(0,m,4:3) CSI(0,m,38:2:0:1:2:3) "},
	{"\033[99999999999m", "CSI(0,m,2147483647) "},
	{"\033[1?h\033[1 2hx", "x "},
	{"\033[1\nm", "C10 CSI(0,m,1) "},
	{"\033[1\0337", "ESC(0,7) "},
	{"\033[1\030x", "C24 x "},
	{"\033[é", ""},
	{"\0337\033(0\033#8\033 !F", "ESC(0,7) ESC(28,0) ESC(23,8) ESC(2021,F) "},
	{"\033]2;t\007\033]0;u\033\\\033]8\007", "OSC(2,t) OSC(0,u) ESC(0,\\) OSC(8,) "},
	{"\033]2;x\ny\007\033]2;\xc3\xa9\xff\007", "OSC(2,xy) OSC(2,é�) "},
	{"\033]x;y\007\033]2;y\030", "END END C24 "},
	{"\033Pq#0\033\\\033_a\033\\\033X\033\\\033^\033\\", "END ESC(0,\\) END ESC(0,\\) END ESC(0,\\) END ESC(0,\\) "},
	{"\xc2\x9b"
	 "5m\xc2\x9d"
	 "2;t\xc2\x9c\xc2\x85",
	 "CSI(0,m,5) OSC(2,t) C133 "},
	{"\xe6\xbc\xa2\xf0\x9f\x8e\x89", "U+6F22 U+1F389 "},
	{"\xc0\x80\xed\xa0\x80\xf5z", "U+FFFD U+FFFD U+FFFD U+FFFD U+FFFD U+FFFD z "},
	{"\xe2\x82\xe2\x82\xac\xf0\x9f", "U+FFFD U+20AC "},
	{"\x7f", ""},
};

static void feed(struct rcasti_parser *parser, const char *bytes, size_t n_bytes, size_t piece)
{
	for (size_t i = 0; i < n_bytes; i += piece)
		rcasti_parser_feed(parser, (const uint8_t *)bytes + i, piece < n_bytes - i ? piece : n_bytes - i);
}

HARNESS_TEST(parser, finds_the_same_however_bytes_are_cut)
{
	struct rcasti_parser *parser = malloc(sizeof(*parser));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 1; piece < 20; piece++) {
			rcasti_parser_init(parser, &events, NULL);
			found[0] = '\0';
			feed(parser, cases[i].fed, strlen(cases[i].fed), piece);
			cr_expect_str_eq(found, cases[i].found, "case %zu in pieces of %zu: %s", i, piece, found);
		}
	}
	free(parser);
}

HARNESS_TEST(parser, parameters_past_the_last_are_dropped)
{
	struct rcasti_parser *parser = malloc(sizeof(*parser));

	rcasti_parser_init(parser, &events, NULL);
	found[0] = '\0';
	rcasti_parser_feed(parser, (const uint8_t *)"\033[", 2);
	for (unsigned i = 0; i < 1000; i++)
		rcasti_parser_feed(parser, (const uint8_t *)"1;", 2);
	rcasti_parser_feed(parser, (const uint8_t *)"7m", 2);
	cr_assert_eq(parser->sequence.n_parameters, PARSER_MAX_PARAMETERS);
	cr_assert_eq(parser->sequence.parameters[PARSER_MAX_PARAMETERS - 1].value, 1);
	free(parser);
}

/* What is pending, fed again, leads to where the parser is, and nothing of it acts twice. */
HARNESS_TEST(parser, pending)
{
	static const struct {
		const char *fed, *pending;
	} pendings[] = {
		{"abc", ""},
		{"abc\033[1;", "\033[1;"},
		{"\033[1\n;2", "\033[1;2"},
		{"\033]2;title", "\033]2;title"},
		{"\033]2;title\033", "\033"},
		{"\033[1\033[2", "\033[2"},
		{"\xe2\x82", "\xe2\x82"},
		{"\xe2\xc3", "\xc3"},
		{"\033[1m\xe2", "\xe2"},
	};
	struct rcasti_parser *parser = malloc(sizeof(*parser));

	for (size_t i = 0; i < sizeof(pendings) / sizeof(pendings[0]); i++) {
		for (size_t piece = 1; piece < 20; piece++) {
			rcasti_parser_init(parser, &events, NULL);
			feed(parser, pendings[i].fed, strlen(pendings[i].fed), piece);
			cr_expect_eq(parser->n_pending, strlen(pendings[i].pending), "case %zu in pieces of %zu", i, piece);
			cr_expect_eq(memcmp(parser->pending, pendings[i].pending, parser->n_pending), 0, "case %zu", i);
		}
	}
	free(parser);
}
