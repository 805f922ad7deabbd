/* SPDX-License-Identifier: MIT */
/*
 * The right screen for whoever asks for it, joins late or was lapped, through the command: when the bytes that drew it have long left
 * the ring.
 */
#include "flow_kit.h"

#include <ringcast/screen.h>

/* A heading that is drawn once, then more than a ring can hold below it, then a last line; and modes that are set once. */
#define HEADING "printf '\\033[2J\\033[Hthe heading\\033[?2004h\\033[?1h\\033[2;24r\\033[24H'; "
#define FLOOD "seq 1 200000; "
#define LAST "printf 'last line'; "

static void expect_verb(const char *option, int status, const char *out, const char *err)
{
	struct harness_result result = harness_ringcast_run("screen", option, "t", NULL);

	cr_expect_eq(result.status, status, "%d: %s", result.status, result.err);
	cr_expect(strstr(result.out, out), "no '%s' in '%s'", out, result.out);
	cr_expect(strstr(result.err, err), "no '%s' in '%s'", err, result.err);
	harness_result_free(&result);
}

static void await_flood(void)
{
	harness_await(flow_stat("t", "output_bytes") > 200000 * 6 && flow_stat("t", "bells") == 1);
}

HARNESS_TEST(screen, verb_prints_what_is_shown_now)
{
	flow_start("t", "64K", HEADING FLOOD LAST "printf '\\a'; exec cat");
	await_flood();
	expect_verb("--text", 0, "the heading\n", "");
	expect_verb("--text", 0, "\n199999\n200000\nlast line\n", "");
	expect_verb("--ansi", 0, "\x1b[0mthe heading\x1b[0m\n", "");
}

HARNESS_TEST(screen, verb_prints_colours)
{
	flow_start("t", "64K", "printf 'a\\033[1;31mred\\033[0;48;2;1;2;3;4:3mcurly\\033[m\\033]2;name\\007\\a'; exec cat");
	harness_await(flow_stat("t", "bells") == 1);
	expect_verb("--ansi", 0, "\x1b[0ma\x1b[0;1;31mred\x1b[0;4:3;48:2::1:2:3mcurly\x1b[0m\n", "");
	expect_verb("--json", 0,
		    "\"cols\":80,\"rows\":24,\"cursor\":{\"col\":9,\"row\":0,\"visible\":true},\"title\":\"name\"", "");
	expect_verb("--json", 0, "{\"col\":1,\"cols\":3,\"text\":\"red\",\"foreground\":1,\"bold\":true}", "");
	expect_verb("--json", 0,
		    "{\"col\":4,\"cols\":5,\"text\":\"curly\",\"background\":\"#010203\",\"underline\":\"curly\"}", "");
}

HARNESS_TEST(screen, verb_tells_where_links_lead)
{
	flow_start("t", "64K", "printf '\\033]8;;http://a/b\\007here\\033]8;;\\007\\a'; exec cat");
	harness_await(flow_stat("t", "bells") == 1);
	expect_verb("--json", 0, "{\"col\":0,\"cols\":4,\"text\":\"here\",\"link\":\"http://a/b\"}", "");
}

HARNESS_TEST(screen, verb_of_a_session_that_has_ended)
{
	flow_start("t", "64K", "printf 'the end'");
	flow_await_end("t");
	expect_verb("--text", 0, "the end\n", "");
}

HARNESS_TEST(screen, verb_without_keyframes)
{
	struct harness_result result =
		harness_ringcast_run("run", "--detached", "--no-keyframes", "--name", "t", "--", "cat", NULL);

	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	expect_verb("--text", 1, "", "ringcast: t: ");
}

/* ── Viewers ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Is this what a terminal of 80 × 24 shows that was sent what the viewer's was? */
static bool is_shown(struct flow_terminal *terminal, const char *heading, const char *last)
{
	struct rcast_screen *screen;
	size_t n_bytes;
	char *text;
	bool shown;

	flow_shows(terminal, "");
	cr_assert_eq(rcast_screen_create(80, 24, &screen), 0);
	rcast_screen_feed(screen, terminal->screen, terminal->n_screen);
	cr_assert_eq(rcast_screen_text(screen, &text, &n_bytes), 0);
	shown = strncmp(text, heading, strlen(heading)) == 0 && strstr(text, last);
	free(text);
	rcast_screen_free(screen);
	return shown;
}

static struct flow_terminal open_terminal(const char *verb, const char *option)
{
	const char *const arguments[] = {verb, option ? option : "t", option ? "t" : NULL, NULL};

	return flow_open_terminal_sized(arguments, 80, 24);
}

static void expect_late_viewer(const char *verb, const char *option)
{
	struct flow_terminal terminal = open_terminal(verb, option);

	harness_await(is_shown(&terminal, "the heading\n", "199999\n200000\nlast line\n"));
	cr_expect(flow_shows(&terminal, "\x1b[?2004h") && flow_shows(&terminal, "\x1b[?1h"), "the program's modes");
	cr_expect(!flow_shows(&terminal, "missing"));
	flow_close_terminal(&terminal);
}

HARNESS_TEST(screen, late_viewers_see_what_is_shown)
{
	flow_start("t", "64K", HEADING FLOOD LAST "printf '\\a'; exec cat");
	await_flood();
	expect_late_viewer("watch", NULL);
	expect_late_viewer("watch", "--inline");
	expect_late_viewer("attach", NULL);
	expect_late_viewer("attach", "--inline");
}

HARNESS_TEST(screen, stopped_viewer_comes_back_to_the_right_screen)
{
	struct flow_terminal terminal;
	char script[512];

	snprintf(script, sizeof script, HEADING "read x <%s; " FLOOD LAST "printf '\\a'; exec cat", flow_gate());
	flow_start("t", "64K", script);
	terminal = open_terminal("watch", NULL);
	harness_await(is_shown(&terminal, "the heading\n", ""));
	kill(terminal.pid, SIGSTOP);
	flow_open_gate();
	await_flood();
	kill(terminal.pid, SIGCONT);
	harness_await(is_shown(&terminal, "the heading\n", "199999\n200000\nlast line\n"));
	cr_expect(!flow_shows(&terminal, "missing"), "there is nothing to say about it");
	flow_close_terminal(&terminal);
}

/* Its exit status is what attach ends with, even if nobody was there to see it. */
HARNESS_TEST(screen, late_viewer_of_an_ended_session)
{
	struct flow_terminal terminal;

	flow_start("t", "64K", FLOOD LAST "exit 7");
	flow_await_end("t");
	terminal = open_terminal("attach", NULL);
	cr_expect_eq(harness_wait(terminal.pid), 7);
	cr_expect(flow_shows(&terminal, "last line") && flow_shows(&terminal, "[t ended: exit status 7]"));
	flow_close_terminal(&terminal);
}
