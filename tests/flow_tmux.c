/* SPDX-License-Identifier: MIT */
/*
 * tmux in a terminal that answers as xterm does: it scrolls its panes between margins and clears them by filling rectangles,
 * and a screen that follows its output must show in each pane what tmux itself says is there.
 *
 * The panes' programs copy what is written into a FIFO each, so that the test decides what is printed where, and when. tmux does
 * not redraw a pane without a reason: what goes wrong once stays wrong.
 */
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utmp.h>

#include <ringcast/screen.h>

enum { N_PANES = 2, N_QUESTIONS = 3, MAX_STREAM = 1 << 20, MAX_COLS = 120 };

struct scene {
	int pty;
	int fifos[N_PANES];
	struct rcast_screen *screen;
	char *stream; /* all that tmux has written, terminated */
	size_t n_stream;
	unsigned n_answers[N_QUESTIONS];
	unsigned n_steps;
};

/* ── The terminal ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void answer(struct scene *scene)
{
	static const char *const texts[N_QUESTIONS][2] = {
		{"\033[c", "\033[?64;1;2;6;9;15;16;17;18;21;22;28c"},
		{"\033[>c", "\033[>41;379;0c"},
		{"\033[>q", "\033P>|XTerm(379)\033\\"},
	};

	for (unsigned i = 0; i < N_QUESTIONS; i++) {
		const char *at = scene->stream, *text = texts[i][1];
		unsigned n_asked = 0;
		for (; (at = strstr(at, texts[i][0])); at++)
			n_asked++;
		for (; scene->n_answers[i] < n_asked; scene->n_answers[i]++)
			cr_assert_eq(write(scene->pty, text, strlen(text)), (ssize_t)strlen(text));
	}
}

/* Show what tmux has written by now. */
static void pump(struct scene *scene)
{
	struct pollfd pollfd = {.fd = scene->pty, .events = POLLIN};

	while (poll(&pollfd, 1, 0) > 0) {
		char *bytes = scene->stream + scene->n_stream;
		ssize_t n = read(scene->pty, bytes, MAX_STREAM - scene->n_stream);
		cr_assert_gt(n, 0, "tmux has ended, or writes without end");
		scene->n_stream += (size_t)n;
		rcast_screen_feed(scene->screen, bytes, (size_t)n);
		answer(scene);
	}
}

static bool has_written(struct scene *scene, const char *text)
{
	pump(scene);
	return strstr(scene->stream, text);
}

/* CSI left ; right s, of a pane and not of the whole screen, which is said without numbers. */
static bool has_set_margins(const struct scene *scene)
{
	unsigned left, right;
	char final;

	for (const char *at = scene->stream; (at = strstr(at, "\033[")); at++) {
		if (sscanf(at, "\033[%u;%u%c", &left, &right, &final) == 3 && final == 's')
			return true;
	}
	return false;
}

static void resize(struct scene *scene, uint16_t cols, uint16_t rows)
{
	struct winsize size = {.ws_col = cols, .ws_row = rows};

	pump(scene);
	cr_assert_eq(rcast_screen_resize(scene->screen, cols, rows), 0);
	cr_assert_eq(ioctl(scene->pty, TIOCSWINSZ, &size), 0);
}

/* ── tmux ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *copying_fifo(unsigned pane)
{
	static char command[N_PANES][256];

	snprintf(command[pane], sizeof(command[pane]), "exec cat %s", harness_path("fifo%u", pane));
	return command[pane];
}

/* What a command of tmux prints; free() it. NULL: it failed. */
static char *ask_tmux(const char *const command[], size_t n)
{
	const char *argv[16] = {"tmux", "-S", harness_path("tmux")};
	struct harness_result result;

	memcpy(argv + 3, command, n * sizeof(*command));
	result = harness_run(argv, NULL);
	free(result.err);
	if (result.status == 0)
		return result.out;
	free(result.out);
	return NULL;
}

#define ASK_TMUX(...) \
	ask_tmux((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void run_tmux(int pty)
{
	char *const argv[] = {
		"tmux", "-u", "-f", "/dev/null", "-S", (char *)harness_path("tmux"), "new-session", (char *)copying_fifo(0),
		NULL};

	setenv("TERM", "xterm-256color", 1);
	setenv("SHELL", "/bin/sh", 1);
	unsetenv("TMUX");
	if (login_tty(pty) == 0)
		execvp(argv[0], argv);
	_exit(127);
}

static struct scene *start(uint16_t cols, uint16_t rows)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct winsize size = {.ws_col = cols, .ws_row = rows};
	int child_end;
	char *out;

	cr_assert_not_null(scene);
	scene->stream = calloc(1, MAX_STREAM + 1);
	cr_assert_eq(rcast_screen_create(cols, rows, &scene->screen), 0);
	for (unsigned i = 0; i < N_PANES; i++) {
		cr_assert_eq(mkfifo(harness_path("fifo%u", i), 0600), 0);
		scene->fifos[i] = open(harness_path("fifo%u", i), O_RDWR | O_CLOEXEC);
		cr_assert_geq(scene->fifos[i], 0);
	}
	cr_assert_eq(openpty(&scene->pty, &child_end, NULL, NULL, &size), 0);
	fcntl(scene->pty, F_SETFD, FD_CLOEXEC);
	if (fork() == 0)
		run_tmux(child_end);
	close(child_end);
	/* Its features follow the answers. */
	harness_await(has_written(scene, "\033[?69h"));
	out = ASK_TMUX("set", "-g", "status", "off", ";", "split-window", "-h", copying_fifo(1));
	cr_assert_not_null(out);
	free(out);
	return scene;
}

static void finish(struct scene *scene)
{
	free(ASK_TMUX("kill-server"));
	for (unsigned i = 0; i < N_PANES; i++)
		close(scene->fifos[i]);
	close(scene->pty);
	rcast_screen_free(scene->screen);
	free(scene->stream);
	free(scene);
}

/* ── What is in a pane ───────────────────────────────────────────────────────────────────────────────────────────────── */

struct place {
	unsigned left, top, cols, rows;
};

static bool find_pane(unsigned pane, struct place *place)
{
	char target[16], *out;
	int n;

	snprintf(target, sizeof(target), "%%%u", pane);
	out = ASK_TMUX("display-message", "-p", "-t", target, "#{pane_left} #{pane_top} #{pane_width} #{pane_height}");
	n = out ? sscanf(out, "%u %u %u %u", &place->left, &place->top, &place->cols, &place->rows) : 0;
	free(out);
	return n == 4;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

/* The columns of a line, each a character, without blanks at the end. The border between panes is the only one outside of ASCII. */
static void cut_columns(const char *line, unsigned left, unsigned n_cols, char *out)
{
	unsigned col = 0, n = 0;

	for (; *line && *line != '\n'; line++) {
		if ((*line & 0xc0) == 0x80)
			continue;
		if (col >= left && col < left + n_cols)
			out[n++] = *line;
		col++;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* Does the screen show in this pane what tmux has in it, and is the marker there? */
static bool shows_pane(const struct rcast_screen *screen, unsigned pane, const char *marker)
{
	char target[16], *captured, *text, ours[MAX_COLS + 1], theirs[MAX_COLS + 1];
	const char *line, *captured_line;
	struct place place;
	size_t n_bytes;
	bool is_equal;

	snprintf(target, sizeof(target), "%%%u", pane);
	if (!find_pane(pane, &place) || !(captured = ASK_TMUX("capture-pane", "-p", "-t", target)))
		return false;
	cr_assert_eq(rcast_screen_text(screen, &text, &n_bytes), 0);
	line = text;
	for (unsigned y = 0; y < place.top; y++)
		line = next_line(line);
	captured_line = captured;
	is_equal = strstr(captured, marker);
	for (unsigned y = 0; y < place.rows && is_equal; y++) {
		cut_columns(line, place.left, place.cols, ours);
		cut_columns(captured_line, 0, place.cols, theirs);
		is_equal = strcmp(ours, theirs) == 0;
		line = next_line(line);
		captured_line = next_line(captured_line);
	}
	free(captured);
	free(text);
	return is_equal;
}

static bool shows_panes(struct scene *scene, unsigned pane, const char *marker)
{
	pump(scene);
	return shows_pane(scene->screen, pane, marker) && shows_pane(scene->screen, 1 - pane, "");
}

/* Who joins now sees the same. */
static void expect_snapshot_restores(const struct rcast_screen *screen)
{
	struct rcast_screen *joined;
	uint16_t cols, rows;
	char *snapshot, *again;
	size_t n_bytes;

	rcast_screen_get_size(screen, &cols, &rows);
	cr_assert_eq(rcast_screen_create(cols, rows, &joined), 0);
	cr_assert_eq(rcast_screen_snapshot(screen, &snapshot, &n_bytes), 0);
	rcast_screen_feed(joined, snapshot, n_bytes);
	cr_assert_eq(rcast_screen_snapshot(joined, &again, &n_bytes), 0);
	cr_expect_str_eq(again, snapshot);
	free(again);
	free(snapshot);
	rcast_screen_free(joined);
}

/* The pane's program prints this, and then a marker in the pane's upper left, where the cursor stays. */
static void print(struct scene *scene, unsigned pane, const char *text)
{
	char marker[16];

	snprintf(marker, sizeof(marker), "<%u>", scene->n_steps++);
	cr_assert_eq(write(scene->fifos[pane], text, strlen(text)), (ssize_t)strlen(text));
	dprintf(scene->fifos[pane], "\033[m\033[H%s", marker);
	harness_await(shows_panes(scene, pane, marker));
	expect_snapshot_restores(scene->screen);
}

/* ── Tests ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void print_lines(struct scene *scene, unsigned pane, const char *word, unsigned n)
{
	char text[4000];
	int n_bytes = 0;

	for (unsigned i = 0; i < n; i++)
		n_bytes += snprintf(text + n_bytes, sizeof(text) - (size_t)n_bytes, "\033[99H\n%s %u%.*s", word, i,
				    (int)(i % 20), " of some length, and more");
	print(scene, pane, text);
}

static const char *const drawings[] = {
	"\033[5;9r\033[9;1H\n\none\n\ntwo\033[5;1H\033M\033Mthree\033[r",
	"\033[3;1H\033[2Lfour\033[8;1H\033[3Mfive",
	"\033[4;3H\033[5@XX\033[6;1H\033[4P\033[7;5H\033[9X",
	"\033[S\033[S\033[T",
	"\033[10;1Ha line that is much longer than the pane is wide, so that it goes on in the next one, at its left edge",
	"\033[44m\033[3;1H\033[K\033[6;5H\033[J",
	"\033[42m\033[2J",
	"\033[5;9r\033[9;1H\n\n\n\033[r",
};

static void print_all(struct scene *scene)
{
	print_lines(scene, 0, "left", 30);
	print_lines(scene, 1, "right", 30);
	for (size_t i = 0; i < sizeof(drawings) / sizeof(drawings[0]); i++) {
		print(scene, i % 2, drawings[i]);
		print_lines(scene, 1 - i % 2, "more", 5);
		print(scene, 1 - i % 2, drawings[i]);
	}
}

HARNESS_TEST(tmux, panes_are_what_tmux_says)
{
	struct scene *scene;

	if (access("/usr/bin/tmux", X_OK) < 0)
		cr_skip_test("tmux is not installed");
	scene = start(80, 24);
	print_all(scene);
	cr_expect(has_set_margins(scene));
	cr_expect(has_written(scene, "$x"));
	resize(scene, 101, 31);
	print_all(scene);
	finish(scene);
}
