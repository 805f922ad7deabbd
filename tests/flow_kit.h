/* SPDX-License-Identifier: MIT */
/*
 * Sessions, viewers and terminals for the tests of the ringcast command.
 */
#ifndef RINGCAST_TESTS_FLOW_KIT_H
#define RINGCAST_TESTS_FLOW_KIT_H

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "harness.h"

/* Start a shell script as a detached session. `ring` as --ring takes it. */
static inline void flow_start(const char *name, const char *ring, const char *script)
{
	struct harness_result result =
		harness_ringcast_run("run", "--detached", "--name", name, "--ring", ring, "--", "sh", "-c", script, NULL);

	cr_assert_eq(result.status, 0, "run %s: %s", name, result.err);
	harness_result_free(&result);
}

/* The number of this key in the session's JSON; -1: no such session or key. */
static inline long flow_stat(const char *name, const char *key)
{
	struct harness_result result = harness_ringcast_run("stat", "--json", name, NULL);
	char pattern[64];
	const char *found;
	long value = -1;

	snprintf(pattern, sizeof pattern, "\"%s\":", key);
	found = strstr(result.out, pattern);
	if (result.status == 0 && found)
		value = strncmp(found + strlen(pattern), "true", 4) == 0 ? 1 : strtol(found + strlen(pattern), NULL, 10);
	harness_result_free(&result);
	return value;
}

static inline void flow_send(const char *name, const char *text)
{
	struct harness_result result = harness_ringcast_run("send", name, text, NULL);

	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
}

static inline void flow_await_end(const char *name)
{
	harness_await(flow_stat(name, "ended") == 1);
}

static inline pid_t flow_parent(pid_t of)
{
	char path[64], line[512];
	int pid = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)of);
	file = fopen(path, "re");
	cr_assert(file != NULL);
	cr_assert(fgets(line, sizeof line, file) != NULL);
	fclose(file);
	cr_assert_eq(sscanf(strrchr(line, ')') + 1, " %*c %d", &pid), 1);
	return pid;
}

/* The process of the engine that hosts a running program's session: the program's parent. */
static inline pid_t flow_engine_pid(const char *name)
{
	return flow_parent((pid_t)flow_stat(name, "pid"));
}

/* Start a ringcast command with its output in a file of the scratch folder. */
static inline pid_t flow_spawn_to_file(const char *const *arguments, const char *file)
{
	const char *argv[16] = {harness_ringcast()};
	int fd = open(harness_path("%s", file), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600), n = 1;
	pid_t pid;

	cr_assert(fd >= 0);
	while (arguments[n - 1] && n < 15) {
		argv[n] = arguments[n - 1];
		n++;
	}
	pid = harness_spawn(argv, -1, fd, -1);
	close(fd);
	return pid;
}

static inline size_t flow_file_size(const char *file)
{
	struct stat info;

	return stat(harness_path("%s", file), &info) == 0 ? (size_t)info.st_size : 0;
}

/* What `seq 1 last` prints through a terminal. */
static inline char *flow_seq(int last, size_t *n_bytes)
{
	char *text = malloc((size_t)last * 10 + 16);

	*n_bytes = 0;
	for (int i = 1; i <= last; i++)
		*n_bytes += (size_t)sprintf(text + *n_bytes, "%d\r\n", i);
	return text;
}

/* ── Gates ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * A script waits with `read x <PATH` until the gate is opened. One gate a test. Who waits there more than once may come back so
 * early that it meets the end of the last opening, and reads nothing: `until read x <PATH; do :; done`.
 */
static inline const char *flow_gate(void)
{
	const char *path = harness_path("gate");

	cr_assert_eq(mkfifo(path, 0600), 0);
	return path;
}

static inline void flow_open_gate(void)
{
	int fd = open(harness_path("gate"), O_WRONLY | O_CLOEXEC);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, "\n", 1), 1);
	close(fd);
}

/* ── A terminal of the test's own, with a ringcast command on it ─────────────────────────────────────────────────────── */

struct flow_terminal {
	int master, slave;
	struct termios before;
	pid_t pid;
	char *screen; /* what was drawn so far, terminated */
	size_t n_screen;
};

static inline struct flow_terminal flow_open_terminal_sized(const char *const *arguments, uint16_t cols, uint16_t rows)
{
	struct winsize size = {.ws_col = cols, .ws_row = rows};
	const char *argv[16] = {harness_ringcast()};
	struct flow_terminal terminal = {.screen = calloc(1, 1)};

	cr_assert_eq(openpty(&terminal.master, &terminal.slave, NULL, NULL, &size), 0);
	fcntl(terminal.master, F_SETFD, FD_CLOEXEC);
	fcntl(terminal.slave, F_SETFD, FD_CLOEXEC);
	fcntl(terminal.master, F_SETFL, O_NONBLOCK);
	tcgetattr(terminal.slave, &terminal.before);
	for (int n = 0; arguments[n] && n < 14; n++)
		argv[n + 1] = arguments[n];
	terminal.pid = harness_spawn(argv, terminal.slave, terminal.slave, terminal.slave);
	return terminal;
}

static inline struct flow_terminal flow_open_terminal(const char *const *arguments)
{
	return flow_open_terminal_sized(arguments, 91, 33);
}

static inline void flow_close_terminal(struct flow_terminal *terminal)
{
	close(terminal->master);
	close(terminal->slave);
	free(terminal->screen);
}

static inline bool flow_is_raw(const struct flow_terminal *terminal)
{
	struct termios now;

	return tcgetattr(terminal->slave, &now) == 0 && !(now.c_lflag & (ICANON | ECHO));
}

static inline bool flow_is_as_before(const struct flow_terminal *terminal)
{
	struct termios now;

	return tcgetattr(terminal->slave, &now) == 0 && now.c_lflag == terminal->before.c_lflag &&
	       now.c_iflag == terminal->before.c_iflag && now.c_oflag == terminal->before.c_oflag &&
	       now.c_cflag == terminal->before.c_cflag;
}

static inline bool flow_shows(struct flow_terminal *terminal, const char *text)
{
	char piece[4096];
	ssize_t n;

	while ((n = read(terminal->master, piece, sizeof piece)) > 0) {
		terminal->screen = realloc(terminal->screen, terminal->n_screen + (size_t)n + 1);
		memcpy(terminal->screen + terminal->n_screen, piece, (size_t)n);
		terminal->n_screen += (size_t)n;
		terminal->screen[terminal->n_screen] = 0;
	}
	return memmem(terminal->screen, terminal->n_screen, text, strlen(text)) != NULL;
}

static inline void flow_type(const struct flow_terminal *terminal, const char *keys)
{
	cr_assert_eq(write(terminal->master, keys, strlen(keys)), (ssize_t)strlen(keys));
}

#endif
