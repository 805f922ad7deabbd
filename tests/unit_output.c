/* SPDX-License-Identifier: MIT */
/*
 * Standard output to the last byte; last words as far as they go.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/signals.h"

/* Standard output is `fd` for the length of a test. */
static int saved_stdout;

static void redirect(int fd)
{
	saved_stdout = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 100);
	dup2(fd, STDOUT_FILENO);
}

static void restore(void)
{
	dup2(saved_stdout, STDOUT_FILENO);
	close(saved_stdout);
}

struct slow_reader {
	int fd;
	size_t n_read;
};

static void *read_slowly(void *user)
{
	struct slow_reader *reader = user;
	char piece[777];
	ssize_t n;

	while ((n = read(reader->fd, piece, sizeof piece)) > 0)
		reader->n_read += (size_t)n;
	return NULL;
}

HARNESS_TEST(output, waits_for_a_pipe_that_is_full)
{
	struct slow_reader reader = {0};
	size_t n_bytes = 1 << 20;
	char *text = calloc(1, n_bytes);
	int pipe_fds[2], result;
	pthread_t thread;

	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
	fcntl(pipe_fds[0], F_SETFL, 0);
	reader.fd = pipe_fds[0];
	redirect(pipe_fds[1]);
	close(pipe_fds[1]);
	pthread_create(&thread, NULL, read_slowly, &reader);
	result = output_write(text, n_bytes);
	restore();
	pthread_join(thread, NULL);
	cr_expect_eq(result, 0);
	cr_expect_eq(reader.n_read, n_bytes);
	close(pipe_fds[0]);
	free(text);
}

HARNESS_TEST(output, says_why_not)
{
	int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC), pipe_fds[2], results[3];

	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	close(pipe_fds[0]);
	redirect(full_fd);
	results[0] = output_write("x", 1);
	results[1] = output_write("", 0);
	dup2(pipe_fds[1], STDOUT_FILENO);
	results[2] = output_write("x", 1);
	restore();
	cr_expect_eq(results[0], -ENOSPC);
	cr_expect_eq(results[1], 0);
	cr_expect_eq(results[2], -EPIPE);
	close(full_fd);
	close(pipe_fds[1]);
}

HARNESS_TEST(output, a_signal_gets_through_a_full_pipe)
{
	static char text[1 << 20];
	int signal_fds[2], pipe_fds[2], result;

	cr_assert_eq(pipe2(signal_fds, O_CLOEXEC), 0); /* the numbers that the signals' pipe gets */
	close(signal_fds[0]);
	close(signal_fds[1]);
	cr_assert_eq(signals_open_for_terminal(), 0);
	cr_assert_eq(signals_fd(), signal_fds[0]);
	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	raise(SIGWINCH);
	raise(SIGTERM);
	redirect(pipe_fds[1]);
	result = output_write(text, sizeof text);
	restore();
	cr_expect_eq(result, -EINTR);
	cr_expect_eq(signals_ending(), SIGTERM);
	cr_expect(signals_take_resize());
	cr_expect(!signals_take_resize(), "once taken it is gone");
	cr_expect_eq(output_failed(result), 128 + SIGTERM);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(signal_fds[0]);
	close(signal_fds[1]);
}

HARNESS_TEST(output, last_words_do_not_block)
{
	static char text[1 << 20];
	int master, slave, pipe_fds[2];
	char got[8] = "";

	memset(text, 'x', sizeof text - 1);
	cr_assert_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	output_try(slave, text);
	output_try(pipe_fds[1], text);
	cr_expect_eq(fcntl(slave, F_GETFL) & O_NONBLOCK, 0, "what we share is not changed");
	cr_expect_eq(read(pipe_fds[0], got, 7), 7);
	cr_expect_str_eq(got, "xxxxxxx");
	close(master);
	output_try(slave, "nobody there");
	close(slave);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

HARNESS_TEST(output, last_words_to_a_file_are_appended)
{
	int fd = open(harness_path("log"), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	char *text;

	output_try(fd, "one ");
	output_try(fd, "two");
	close(fd);
	text = harness_read_file(harness_path("log"), NULL);
	cr_expect_str_eq(text, "one two");
	free(text);
}
