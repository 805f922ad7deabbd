/* SPDX-License-Identifier: MIT */
/* What is found in output, wherever reads cut it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/scanner.h"
#include "harness.h"

#define ESC "\033"
#define N(array) (sizeof array / sizeof array[0])

/* Scan in pieces of `cut` bytes, as so many reads; what was found adds up. */
static struct rcasti_scanner *scan(const char *output, size_t n_bytes, size_t cut)
{
	static struct rcasti_scanner scanner;

	rcasti_scanner_init(&scanner);
	for (size_t at = 0; at < n_bytes; at += cut)
		rcasti_scan(&scanner, output + at, n_bytes - at < cut ? n_bytes - at : cut);
	return &scanner;
}

/* ── Titles ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *output, *title; /* NULL: none was completed */
} titles[] = {
	{"plain text", NULL},
	{ESC "]0;bell\a", "bell"},
	{ESC "]2;string terminator" ESC "\\", "string terminator"},
	{ESC "]02;leading zero\a", "leading zero"},
	{ESC "];no number\a", "no number"},
	{ESC "]1;icon only\a", NULL},
	{ESC "]22;other\a", NULL},
	{ESC "]2x;other\a", NULL},
	{ESC "]99999999999999999992;overflow\a", NULL},
	{ESC "]52;c;secret\a", NULL},
	{ESC "]8;;http://x" ESC "]0;broken off\a", "broken off"},
	{ESC "P]0;in a string\a" ESC "\\", NULL},
	{ESC "]0;never closed", NULL},
	{ESC "]0;cancelled\x18 text\a", NULL},
	{ESC "]0;substituted\x1a text\a", NULL},
	{ESC "]0;broken" ESC "[31m red\a", NULL},
	{ESC "]0;first" ESC "]0;second\a", "second"},
	{ESC ESC "]0;two escapes\a", "two escapes"},
	{ESC "]0;one\a and " ESC "]2;two\a", "two"},
	{ESC "]0;tab\tand\nline\a", "taband"
				    "line"},
	{ESC "]0;del\x7f c1\xc2\x9b!\a", "del c1!"},
	{ESC "]0;ümlaut €\a", "ümlaut €"},
	{ESC "]0;bad\xff\xc3( end\a", "bad( end"},
	{ESC "]0;surrogate\xed\xa0\x80 overlong\xc0\xaf too far\xf4\x90\x80\x80.\a", "surrogate overlong too far."},
	{ESC "]0;\a", NULL}, /* as empty as it was before */
};

HARNESS_TEST(scanner, titles)
{
	for (size_t i = 0; i < N(titles); i++) {
		size_t n_bytes = strlen(titles[i].output);

		for (size_t cut = 1; cut <= n_bytes; cut++) {
			struct rcasti_events *events = &scan(titles[i].output, n_bytes, cut)->events;
			const char *title = titles[i].title ? titles[i].title : "";

			cr_expect_eq((events->owed & RCASTI_OWES_TITLE) != 0, titles[i].title != NULL, "%zu", i);
			cr_expect_str_eq(events->texts.title, title, "case %zu cut by %zu", i, cut);
		}
	}
}

/* A title without end costs nothing, and is cut between characters. */
HARNESS_TEST(scanner, a_title_is_bounded)
{
	struct rcasti_scanner *scanner = scan(ESC "]0;x", 5, 5);

	for (int i = 0; i < 100000; i++)
		rcasti_scan(scanner, "ü", 2);
	cr_expect_eq(scanner->events.owed, 0);
	rcasti_scan(scanner, "\a", 1);
	cr_expect_eq(scanner->events.owed, RCASTI_OWES_TITLE);
	cr_expect_eq(strlen(scanner->events.texts.title), 255);
	cr_expect_str_eq(scanner->events.texts.title + 251, "üü");
}

/* ── Bells ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *output;
	unsigned int n_bells;
} bells[] = {
	{"a\ab\a\a", 3},
	{ESC "]0;title\a", 0},
	{ESC "]0;title\a\a", 1},
	{ESC "]8;;http://x\alink" ESC "]8;;\a", 0},
	{ESC "]0\a", 0},
	{ESC "]\a", 0},
	{ESC "Pq\a\a" ESC "\\\a", 1},
	{ESC "_x\a" ESC "\\", 0},
	{ESC "Xx\a\x18\a", 1},
	{ESC "]52;c;x\x18\a", 1},
	{ESC "]0;x" ESC "[m\a", 1},
	{ESC "[3\a1m" ESC "[?1\a004h" ESC "\a[m", 3},
};

HARNESS_TEST(scanner, bells)
{
	for (size_t i = 0; i < N(bells); i++) {
		for (size_t cut = 1; cut <= strlen(bells[i].output); cut++) {
			struct rcasti_events *events = &scan(bells[i].output, strlen(bells[i].output), cut)->events;

			cr_expect_eq(events->bell.n_bells, bells[i].n_bells, "case %zu cut by %zu: %u", i, cut,
				     events->bell.n_bells);
			cr_expect_eq(events->n_bells, bells[i].n_bells);
		}
	}
}

/* ── Modes ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum {
	ALTERNATE = RCAST_MODE_ALTERNATE_SCREEN,
	PASTE = RCAST_MODE_BRACKETED_PASTE,
	MOUSE = RCAST_MODE_MOUSE,
	CURSOR = RCAST_MODE_APPLICATION_CURSOR,
	FOCUS = RCAST_MODE_FOCUS_EVENTS,
};

static const struct {
	const char *output;
	uint32_t set;
} modes[] = {
	{ESC "[?1049h", ALTERNATE},
	{ESC "[?47h" ESC "[?1047l", 0},
	{ESC "[?2004h", PASTE},
	{ESC "[?1;1004;1049;2004h", CURSOR | FOCUS | ALTERNATE | PASTE},
	{ESC "[?1000h" ESC "[?1002h", MOUSE},
	{ESC "[?1003h" ESC "[?1006h", MOUSE},
	{ESC "[?1003h" ESC "[?1000l", 0},
	{ESC "[?1006h", 0},
	{ESC "[?25l" ESC "[?7h", 0},
	{ESC "[1h" ESC "[>1h", 0},
	{ESC "[?1$h" ESC "[?2004 h", 0},
	{ESC "[?12004h", 0},
	{ESC "[?99999999999999992004h", 0},
	{ESC "[?;;1;;h", CURSOR},
	{ESC "[?2004\nh", PASTE},
	{ESC "[?2004\x18h", 0},
	{ESC "[?2004" ESC "[?1h", CURSOR},
	{ESC "[?1;1000;1004;1049;2004h" ESC "[!p", MOUSE | ALTERNATE},
	{ESC "[?1;1000;1004;1049;2004h" ESC "c", 0},
	{ESC "[?1;1000;1004;1049;2004h" ESC "(c" ESC "[c", CURSOR | MOUSE | FOCUS | ALTERNATE | PASTE},
	{ESC "]0;" ESC "[?1h", CURSOR},
	{ESC "P[?1h" ESC "\\", 0},
};

HARNESS_TEST(scanner, modes)
{
	for (size_t i = 0; i < N(modes); i++) {
		for (size_t cut = 1; cut <= strlen(modes[i].output); cut++) {
			struct rcasti_events *events = &scan(modes[i].output, strlen(modes[i].output), cut)->events;

			cr_expect_eq(events->modes.set, modes[i].set, "case %zu cut by %zu: %x", i, cut, events->modes.set);
			cr_expect_eq(events->owed, modes[i].set ? RCASTI_OWES_MODES : 0, "case %zu", i);
		}
	}
}

/* A sequence of parameters without end is bounded too. */
HARNESS_TEST(scanner, parameters_are_bounded)
{
	struct rcasti_scanner *scanner = scan(ESC "[?1", 4, 4);

	for (int i = 0; i < 100000; i++)
		rcasti_scan(scanner, ";2004", 5);
	rcasti_scan(scanner, "h", 1);
	cr_expect_eq(scanner->events.modes.set, CURSOR | PASTE);
}

/* ── Folders ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *url, *directory; /* HOST is this machine's name */
} directories[] = {
	{"file:///tmp", "/tmp"},
	{"file://localhost/tmp", "/tmp"},
	{"file://HOST/home/me", "/home/me"},
	{"FILE://host/home/me", ""},
	{"file://elsewhere.example/home/me", ""},
	{"file:///a%20b%C3%BC%25", "/a bü%"},
	{"file:///100%", "/100%"},
	{"file:///100%2", "/100%2"},
	{"file:///%zz%2Fx", "/%zz/x"},
	{"file:///a%1b%5b31mred", ""},
	{"file:///a%00b", ""},
	{"file:///a\xff", ""},
	{"file:///a%ff", ""},
	{"file:///a\tb", ""},
	{"/tmp", ""},
	{"http://localhost/tmp", ""},
	{"file://", ""},
	{"", ""},
};

HARNESS_TEST(scanner, directories)
{
	char host[64], output[512];

	gethostname(host, sizeof host);
	for (size_t i = 0; i < N(directories); i++) {
		const char *place = strstr(directories[i].url, "HOST");
		struct rcasti_events *events;
		int n_before = place ? (int)(place - directories[i].url) : (int)strlen(directories[i].url);
		int n = snprintf(output, sizeof output, ESC "]7;%.*s%s%s" ESC "\\", n_before, directories[i].url,
				 place ? host : "", place ? place + 4 : "");

		for (int cut = 1; cut <= n; cut++) {
			events = &scan(output, (size_t)n, (size_t)cut)->events;
			cr_expect_str_eq(events->texts.directory, directories[i].directory, "%s cut by %d", output, cut);
		}
	}
}

/* A path that was cut names another folder: rather none, and that is news. */
HARNESS_TEST(scanner, a_long_directory_is_unknown)
{
	static const char before[] = ESC "]7;file:///tmp\a" ESC "]7;file:///";
	struct rcasti_scanner *scanner = scan(before, sizeof before - 1, sizeof before);

	for (int i = 0; i < 2000; i++)
		rcasti_scan(scanner, "x", 1);
	cr_expect_str_eq(scanner->events.texts.directory, "/tmp");
	rcasti_scan(scanner, "\a", 1);
	cr_expect_str_eq(scanner->events.texts.directory, "");
}

/* ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *text;
	unsigned int step; /* 0: none */
	int status;
} marks[] = {
	{"A", RCAST_STEP_PROMPT, -1},
	{"A;cl=m;aid=3", RCAST_STEP_PROMPT, -1},
	{"A;k=i", RCAST_STEP_PROMPT, -1},
	{"A;k=s", 0, -1},
	{"A;aid=1;k=r", 0, -1},
	{"A;k=", RCAST_STEP_PROMPT, -1},
	{"B", RCAST_STEP_INPUT, -1},
	{"C", RCAST_STEP_OUTPUT, -1},
	{"C;cmdline=x", RCAST_STEP_OUTPUT, -1},
	{"D", RCAST_STEP_DONE, -1},
	{"D;", RCAST_STEP_DONE, -1},
	{"D;0", RCAST_STEP_DONE, 0},
	{"D;130;aid=x", RCAST_STEP_DONE, 130},
	{"D;aid=x", RCAST_STEP_DONE, -1},
	{"D;-1", RCAST_STEP_DONE, -1},
	{"D;99999999999999", RCAST_STEP_DONE, -1},
	{"E", 0, -1},
	{"AB", 0, -1},
	{"", 0, -1},
};

HARNESS_TEST(scanner, commands)
{
	for (size_t i = 0; i < N(marks); i++) {
		char output[64];
		int n = snprintf(output, sizeof output, "abc" ESC "]133;%s\a" ESC "]0;x\a", marks[i].text);

		for (int cut = 1; cut <= n; cut++) {
			struct rcasti_events *events = &scan(output, (size_t)n, (size_t)cut)->events;

			cr_expect_eq(events->n_marks, marks[i].step ? 1 : 0, "%s", marks[i].text);
			cr_expect_eq(events->latest_step, marks[i].step, "%s", marks[i].text);
			cr_expect_eq(events->latest_status, marks[i].status, "%s", marks[i].text);
			if (marks[i].step) {
				cr_expect_eq(events->marks[0].status, marks[i].status, "%s", marks[i].text);
				cr_expect_eq(events->marks[0].output_pos, 3 + 6 + strlen(marks[i].text) + 1);
			}
		}
	}
}

/* ── Floods ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static unsigned int pay_all(struct rcasti_events *events, struct rcasti_event *last_mark, uint64_t *n_left_out)
{
	struct rcasti_event event;
	unsigned int n_records = 0;

	for (; rcasti_events_first(events, &event); rcasti_events_paid(events, &event)) {
		n_records++;
		if (event.kind == RCAST_COMMAND) {
			*last_mark = event;
			*n_left_out += ((const struct rcast_command *)event.data)->n_left_out;
		}
	}
	return n_records;
}

/* One read of everything at once, again and again, costs a dozen records, and the newest of it is what is told. */
HARNESS_TEST(scanner, a_flood_is_a_few_records)
{
	static const char piece[] = "\a" ESC "[?1h" ESC "[?2004h" ESC "[?1l" ESC "]133;A\a" ESC "]133;D;7\a" ESC "]0;t\a" ESC
				    "]7;file:///x\a" ESC "[c";
	char *flood = malloc(1000 * sizeof piece);
	struct rcasti_scanner *scanner;
	struct rcasti_event mark = {0};
	uint64_t n_left_out = 0;

	for (size_t i = 0; i < 1000; i++)
		memcpy(flood + i * (sizeof piece - 1), piece, sizeof piece - 1);
	scanner = scan(flood, 1000 * (sizeof piece - 1), 1000 * sizeof piece);
	cr_expect_eq(scanner->events.n_bells, 1000);
	cr_expect_eq(scanner->events.n_commands, 1000);
	cr_expect_eq(scanner->n_questions, RCASTI_MAX_QUESTIONS);
	cr_expect_eq(pay_all(&scanner->events, &mark, &n_left_out), 4 + RCASTI_MAX_MARKS);
	cr_expect_eq(n_left_out, 2000 - RCASTI_MAX_MARKS);
	cr_expect_eq(((const struct rcast_command *)mark.data)->step, RCAST_STEP_DONE);
	cr_expect_eq(scanner->events.owed, 0);
	free(flood);
}

/* What is as it was is no news. */
HARNESS_TEST(scanner, the_same_again_is_no_news)
{
	static const char again[] = ESC "[?2004h" ESC "[?2004l" ESC "]0;same\a" ESC "]7;file:///x\a";
	struct rcasti_scanner *scanner = scan(again, sizeof again - 1, 1);
	struct rcasti_event mark;
	uint64_t n_left_out;

	cr_expect_eq(pay_all(&scanner->events, &mark, &n_left_out), 2);
	rcasti_scan(scanner, again, sizeof again - 1);
	cr_expect_eq(scanner->events.owed, 0);
}

/* ── Questions ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *output;
	enum rcasti_question question; /* 0: none */
} questions[] = {
	{ESC "[c", RCASTI_ASKS_ATTRIBUTES},
	{ESC "[0c", RCASTI_ASKS_ATTRIBUTES},
	{ESC "[00c", RCASTI_ASKS_ATTRIBUTES},
	{ESC "Z", RCASTI_ASKS_ATTRIBUTES},
	{ESC "[>c", RCASTI_ASKS_MORE_ATTRIBUTES},
	{ESC "[>0c", RCASTI_ASKS_MORE_ATTRIBUTES},
	{ESC "[5n", RCASTI_ASKS_STATUS},
	{ESC "[\r5\x7fn", RCASTI_ASKS_STATUS},
	{ESC "[6n", RCASTI_ASKS_CURSOR},
	{ESC "[?6n", RCASTI_ASKS_CURSOR_PRIVATELY},
	{ESC "[>q", RCASTI_ASKS_VERSION},
	{ESC "[>0q", RCASTI_ASKS_VERSION},
	{ESC "[1c", 0},
	{ESC "[>1c", 0},
	{ESC "[=c", 0},
	{ESC "[?c", 0},
	{ESC "[?62;22c", 0}, /* an answer */
	{ESC "[0n", 0},
	{ESC "[56n", 0},
	{ESC "[5;6n", 0},
	{ESC "[5 n", 0},
	{ESC "[?5;6n", 0},
	{ESC "[>4;1m", 0},
	{ESC "[2 q", 0},
	{ESC "]0;" ESC "P[c" ESC "\\", 0},
	{ESC "[\x18"
	     "c",
	 0},
	{ESC "(Z", 0},
};

HARNESS_TEST(scanner, questions)
{
	for (size_t i = 0; i < N(questions); i++) {
		size_t n_bytes = strlen(questions[i].output);

		for (size_t cut = 1; cut <= n_bytes; cut++) {
			struct rcasti_scanner *scanner = scan(questions[i].output, n_bytes, cut);

			cr_expect_eq(scanner->n_questions, questions[i].question ? 1 : 0, "case %zu cut by %zu", i, cut);
			if (questions[i].question)
				cr_expect_eq(scanner->questions[0], questions[i].question, "case %zu", i);
		}
	}
}

/* Any bytes, cut anywhere, are the same as in one piece. */
HARNESS_TEST(scanner, any_bytes)
{
	static const char alphabet[] = "\x1b\x1b\x1b[]]?!>P_;0267133ABCD\a\a\x18\x1a\\hlnpcq2004100file:///%7f\xc3\xff";
	struct rcasti_scanner whole;
	char text[4096];

	srand(1);
	for (int round = 0; round < 400; round++) {
		size_t n = (size_t)rand() % sizeof text;
		struct rcasti_scanner *pieces;

		for (size_t i = 0; i < n; i++)
			text[i] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
		whole = *scan(text, n, sizeof text);
		pieces = scan(text, n, 1 + (size_t)rand() % 64);
		cr_expect_eq(whole.state, pieces->state);
		cr_expect_eq(whole.events.n_bells, pieces->events.n_bells);
		cr_expect_eq(whole.events.n_commands, pieces->events.n_commands);
		cr_expect_eq(whole.events.modes.set, pieces->events.modes.set);
		cr_expect_eq(whole.n_questions, pieces->n_questions);
		cr_expect_str_eq(whole.events.texts.title, pieces->events.texts.title);
		cr_expect_str_eq(whole.events.texts.directory, pieces->events.texts.directory);
	}
}
