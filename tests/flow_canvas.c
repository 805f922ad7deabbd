/* SPDX-License-Identifier: MIT */
/*
 * What a viewer's terminal shows: the session's screen, whatever the two sizes are, and the terminal's own when it is over. The
 * viewer's terminal is a PTY, and a screen of the test's own is the emulator behind it.
 */
#include "flow_kit.h"

#include <ringcast/screen.h>

struct viewer {
	struct flow_terminal terminal;
	struct rcast_screen *screen;
	size_t n_fed;
	uint16_t cols, rows;
};

static void set_window(struct viewer *viewer, uint16_t cols, uint16_t rows)
{
	struct winsize size = {.ws_col = cols, .ws_row = rows};

	viewer->cols = cols;
	viewer->rows = rows;
	cr_assert_eq(rcast_screen_resize(viewer->screen, cols, rows), 0);
	ioctl(viewer->terminal.master, TIOCSWINSZ, &size);
	kill(viewer->terminal.pid, SIGWINCH);
}

/* A terminal on which somebody has worked, and now runs a verb. */
static struct viewer open_viewer(const char *verb, const char *option, uint16_t cols, uint16_t rows)
{
	const char *const arguments[] = {verb, option ? option : "t", option ? "t" : NULL, NULL};
	struct viewer viewer = {.terminal = flow_open_terminal_sized(arguments, cols, rows), .cols = cols, .rows = rows};

	cr_assert_eq(rcast_screen_create(cols, rows, &viewer.screen), 0);
	rcast_screen_feed(viewer.screen, "precious\r\n", 10);
	return viewer;
}

static void close_viewer(struct viewer *viewer)
{
	flow_close_terminal(&viewer->terminal);
	rcast_screen_free(viewer->screen);
}

/* Is this a row of what the terminal shows, from the row's start? */
static bool shows(struct viewer *viewer, unsigned row, const char *text)
{
	size_t n_bytes;
	char *all, *line;
	bool is_there;

	flow_shows(&viewer->terminal, "");
	rcast_screen_feed(viewer->screen, viewer->terminal.screen + viewer->n_fed,
			  viewer->terminal.n_screen - viewer->n_fed);
	viewer->n_fed = viewer->terminal.n_screen;
	cr_assert_eq(rcast_screen_text(viewer->screen, &all, &n_bytes), 0);
	line = all;
	for (unsigned i = 0; i < row; i++)
		line = strchr(line, '\n') + 1;
	is_there = strncmp(line, text, strlen(text)) == 0 && (*text || *line == '\n');
	free(all);
	return is_there;
}

static void leave(struct viewer *viewer)
{
	flow_type(&viewer->terminal, "q");
	cr_expect_eq(harness_wait(viewer->terminal.pid), 0);
}

/* 24 rows: "row 1" to "row 23", and a last one that waits behind a prompt. */
#define ROWS "i=1; while [ $i -lt 24 ]; do echo \"row $i 456789 123456789 123456789 123456789 end\"; i=$((i+1)); done; "

HARNESS_TEST(canvas, the_terminal_is_as_it_was)
{
	struct viewer viewer;

	flow_start("t", "64K", "printf 'drawn'; exec cat");
	viewer = open_viewer("watch", NULL, 80, 24);
	harness_await(shows(&viewer, 0, "drawn"));
	leave(&viewer);
	cr_expect(shows(&viewer, 0, "precious"), "the session was not drawn over what was there");
	cr_expect(shows(&viewer, 1, "[detached]"));
	close_viewer(&viewer);
}

/* A session that goes to its own alternate screen, and back, and resets everything, does not take us out of ours. */
HARNESS_TEST(canvas, screens_of_the_session_are_not_ours)
{
	struct viewer viewer;
	char script[512];

	snprintf(script, sizeof script,
		 "printf 'primary'; until read x <%1$s; do :; done; printf '\\033[?1049h\\033[Halternate'; until read x "
		 "<%1$s; do :; done;"
		 "printf '\\033[?1049l after'; until read x <%1$s; do :; done; printf '\\033cnew'; exec cat",
		 flow_gate());
	flow_start("t", "64K", script);
	viewer = open_viewer("watch", NULL, 80, 24);
	harness_await(shows(&viewer, 0, "primary"));
	flow_open_gate();
	harness_await(shows(&viewer, 0, "alternate"));
	flow_open_gate();
	harness_await(shows(&viewer, 0, "primary after"));
	flow_open_gate();
	harness_await(shows(&viewer, 0, "new"));
	leave(&viewer);
	cr_expect(shows(&viewer, 0, "precious"));
	close_viewer(&viewer);
}

HARNESS_TEST(canvas, inline_leaves_what_was_shown)
{
	struct viewer viewer;

	flow_start("t", "64K", "printf 'drawn'; exec cat");
	viewer = open_viewer("watch", "--inline", 80, 24);
	harness_await(flow_shows(&viewer.terminal, "drawn") && flow_is_raw(&viewer.terminal));
	leave(&viewer);
	cr_expect(shows(&viewer, 0, "drawn") || shows(&viewer, 1, "drawn"), "%s", viewer.terminal.screen);
	close_viewer(&viewer);
}

HARNESS_TEST(canvas, smaller_window_shows_a_part_and_says_so)
{
	struct viewer viewer;

	flow_start("t", "64K", ROWS "printf '> '; exec cat");
	viewer = open_viewer("watch", NULL, 30, 11);
	harness_await(shows(&viewer, 10, "[80x24 shown in 30x10]"));
	harness_await(shows(&viewer, 9, ">"));
	cr_expect(shows(&viewer, 0, "row 15 456789 123456789 123456"), "the part with the cursor");
	cr_expect(shows(&viewer, 8, "row 23 "));
	leave(&viewer);
	cr_expect(shows(&viewer, 0, "precious"));
	close_viewer(&viewer);
}

/* From a window that is too small to one of the right size, to one that is larger, and back. */
HARNESS_TEST(canvas, window_changes_while_it_is_watched)
{
	struct viewer viewer;

	flow_start("t", "64K", ROWS "printf '> '; exec cat");
	viewer = open_viewer("watch", NULL, 30, 11);
	harness_await(shows(&viewer, 10, "[80x24 shown in 30x10]"));
	set_window(&viewer, 80, 24);
	harness_await(shows(&viewer, 23, ">") && shows(&viewer, 0, "row 1 ") && shows(&viewer, 22, "row 23 "));
	flow_send("t", "typed");
	harness_await(shows(&viewer, 23, "> typed"));
	set_window(&viewer, 100, 40);
	harness_await(shows(&viewer, 39, "[80x24 shown in 100x39]") && shows(&viewer, 0, "row 1 "));
	cr_expect(shows(&viewer, 23, "> typed") && shows(&viewer, 24, ""));
	flow_send("t", " on");
	harness_await(shows(&viewer, 23, "> typed on"));
	set_window(&viewer, 80, 24);
	harness_await(shows(&viewer, 23, "> typed on") && shows(&viewer, 22, "row 23 "));
	leave(&viewer);
	cr_expect(shows(&viewer, 0, "precious"));
	close_viewer(&viewer);
}

HARNESS_TEST(canvas, session_changes_while_it_is_watched)
{
	struct harness_result result;
	struct viewer viewer;

	flow_start("t", "64K", "printf drawn; exec cat");
	viewer = open_viewer("watch", NULL, 80, 24);
	harness_await(shows(&viewer, 0, "drawn"));
	result = harness_ringcast_run("resize", "t", "60x20", NULL);
	harness_result_free(&result);
	harness_await(shows(&viewer, 23, "[60x20 shown in 80x23]") && shows(&viewer, 0, "drawn"));
	result = harness_ringcast_run("resize", "t", "80x24", NULL);
	harness_result_free(&result);
	harness_await(shows(&viewer, 23, "") && shows(&viewer, 0, "drawn"));
	close_viewer(&viewer);
}

/* The session takes the size of who uses it; a watcher whose window is another sees a part. */
HARNESS_TEST(canvas, attaching_gives_the_session_our_size)
{
	struct viewer user, watcher;

	flow_start("t", "64K", "printf drawn; exec cat");
	watcher = open_viewer("watch", NULL, 80, 24);
	harness_await(shows(&watcher, 0, "drawn"));
	user = open_viewer("attach", NULL, 50, 15);
	harness_await(shows(&user, 0, "drawn") && flow_stat("t", "cols") == 50);
	harness_await(shows(&watcher, 23, "[50x15 shown in 80x23]"));
	set_window(&user, 80, 24);
	harness_await(shows(&watcher, 23, "") && shows(&watcher, 0, "drawn"));
	cr_expect(shows(&user, 14, ""), "no notice is left on a terminal that has the session's size");
	close_viewer(&user);
	close_viewer(&watcher);
}

/* Questions are for terminals that have the session; one that shows frames of it is asked nothing. */
HARNESS_TEST(canvas, frames_ask_nothing)
{
	struct viewer viewer;

	flow_start("t", "64K", "printf 'a\\033[6n\\033[c\\005b'; exec cat");
	viewer = open_viewer("watch", NULL, 40, 12);
	harness_await(shows(&viewer, 0, "ab") && shows(&viewer, 11, "[80x24"));
	cr_expect(!flow_shows(&viewer.terminal, "\x1b[6n") && !flow_shows(&viewer.terminal, "\x1b[c"));
	close_viewer(&viewer);
}

HARNESS_TEST(canvas, stopped_and_continued_it_draws_itself_anew)
{
	struct viewer viewer;

	flow_start("t", "64K", "printf drawn; exec cat");
	viewer = open_viewer("watch", NULL, 80, 24);
	harness_await(shows(&viewer, 0, "drawn"));
	kill(viewer.terminal.pid, SIGSTOP);
	rcast_screen_feed(viewer.screen, "\x1b[?1049l\x1b[H\x1b[2Jsomebody else", 26);
	kill(viewer.terminal.pid, SIGCONT);
	harness_await(shows(&viewer, 0, "drawn"));
	leave(&viewer);
	close_viewer(&viewer);
}
