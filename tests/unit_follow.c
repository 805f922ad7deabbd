/* SPDX-License-Identifier: MIT */
/*
 * The loop that the viewers of the command share: how it hears of input.
 */
#include "fake_engine.h"

#include <fcntl.h>
#include <pty.h>
#include <termios.h>

#include <ringcast/ring.h>

#include "cli/follow.h"
#include "cli/signals.h"

#define TYPED "keys"

static void attach_to_silence(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			      struct rcast_message *message)
{
	struct rcast_writer_options options = {.capacity_bytes = 65536, .stamped = true};
	struct rcast_follower *follower;
	struct rcast_writer *writer;
	int fds[2];

	rcast_writer_create(&options, &writer);
	fds[0] = rcast_writer_dup_fd(writer);
	rcast_follower_create_take(rcast_message_take_fd(message, 0), &follower, &fds[1]);
	fake_reply_attached(circuit, fds, 2);
}

struct reading {
	struct follow follow;
	size_t n_at_once, n_read, n_calls;
	char text[16];
};

/* Leaves at the end of the input, or with all that was typed. */
static bool read_input(void *user)
{
	struct reading *reading = user;
	ssize_t n = read(reading->follow.input_fd, reading->text + reading->n_read, reading->n_at_once);

	reading->n_calls++;
	reading->n_read += n > 0 ? (size_t)n : 0;
	reading->follow.has_more_input = (size_t)n == reading->n_at_once;
	return n > 0 && reading->n_read < strlen(TYPED);
}

static int ignore_record(void *user, const struct rcast_record *record)
{
	return 0;
}

/* What a follower of a session that says nothing reads from there. */
static struct reading follow_silence(int input_fd, size_t n_at_once)
{
	static const struct follow_ops ops = {.record = ignore_record, .input = read_input};
	struct rcast_client *client = fake_connect(attach_to_silence);
	struct reading reading = {.n_at_once = n_at_once};

	reading.follow =
		(struct follow){.session = "fake", .client = client, .ops = &ops, .user = &reading, .input_fd = input_fd};
	cr_assert_eq(rcast_view_open(client, "fake", NULL, &reading.follow.view), 0);
	cr_expect_eq(follow_run(&reading.follow), FOLLOW_LEFT);
	rcast_view_close(reading.follow.view);
	rcast_client_free(client);
	return reading;
}

/* A terminal tells of input once; what was not read then has to be told again. */
HARNESS_TEST(follow, input_that_was_left_in_a_terminal_is_told_again)
{
	struct reading reading;
	struct termios raw;
	int master, slave;

	cr_assert_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	cr_assert_eq(write(master, TYPED, strlen(TYPED)), (ssize_t)strlen(TYPED));
	reading = follow_silence(slave, 1);
	cr_expect_eq(reading.n_calls, strlen(TYPED));
	cr_expect_str_eq(reading.text, TYPED);
	close(master);
	close(slave);
}

HARNESS_TEST(follow, input_from_a_pipe_is_read_to_its_end)
{
	struct reading reading;
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(write(ends[1], "key", 3), 3);
	close(ends[1]);
	reading = follow_silence(ends[0], 2);
	cr_expect_eq(reading.n_calls, 3, "two bytes, one, none");
	cr_expect_str_eq(reading.text, "key");
	close(ends[0]);
}

/* A file can be read, and not watched. */
HARNESS_TEST(follow, input_from_a_file_is_read_to_its_end)
{
	int fd = open(harness_path("input"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	struct reading reading;

	cr_assert_eq(write(fd, "key", 3), 3);
	lseek(fd, 0, SEEK_SET);
	reading = follow_silence(fd, 2);
	cr_expect_eq(reading.n_calls, 3);
	cr_expect_str_eq(reading.text, "key");
	close(fd);
}
