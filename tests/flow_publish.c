/* SPDX-License-Identifier: MIT */
/*
 * Standard input as a session: byte for byte, and no longer than its publisher.
 */
#include "flow_kit.h"

static struct harness_result publish(const char *name, const char *input)
{
	const char *const argv[] = {harness_ringcast(), "publish", name, NULL};

	return harness_run(argv, input);
}

HARNESS_TEST(publish, every_byte_and_then_the_end)
{
	size_t n_text;
	char *text = flow_seq(100000, &n_text);
	struct harness_result result = publish("t", text);

	cr_expect_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	cr_expect_eq(flow_stat("t", "ended"), 1, "it has ended when publish returns");
	result = harness_ringcast_run("tail", "--raw", "t", NULL);
	cr_expect_eq(result.status, 0);
	cr_expect(result.n_out == n_text && memcmp(result.out, text, n_text) == 0);
	harness_result_free(&result);
	free(text);
}

HARNESS_TEST(publish, empty_input)
{
	struct harness_result result = publish("t", "");

	cr_expect_eq(result.status, 0);
	harness_result_free(&result);
	result = harness_ringcast_run("tail", "t", NULL);
	cr_expect_eq(result.status, 0);
	cr_expect_eq(result.n_out, 0);
	harness_result_free(&result);
}

HARNESS_TEST(publish, without_linger)
{
	const char *const argv[] = {harness_ringcast(), "publish", "--linger", "0", "t", NULL};
	struct harness_result result = harness_run(argv, "words");

	cr_expect_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	harness_await(access(harness_path("ringcast/t"), F_OK) != 0);
}

struct live {
	pid_t publisher, viewer;
	int input_fd;
};

static struct live start_live(void)
{
	const char *argv[] = {harness_ringcast(), "publish", "t", NULL};
	const char *const tail[] = {"tail", "t", NULL};
	struct live live;
	int pipe_fds[2];

	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	live.publisher = harness_spawn(argv, pipe_fds[0], -1, -1);
	live.input_fd = pipe_fds[1];
	close(pipe_fds[0]);
	harness_await(flow_stat("t", "ended") == 0);
	live.viewer = flow_spawn_to_file(tail, "out");
	cr_assert_eq(write(live.input_fd, "live\n", 5), 5);
	harness_await(flow_file_size("out") == 5);
	return live;
}

HARNESS_TEST(publish, viewers_see_it_live)
{
	struct live live = start_live();

	close(live.input_fd);
	cr_expect_eq(harness_wait(live.publisher), 0);
	cr_expect_eq(harness_wait(live.viewer), 0);
}

HARNESS_TEST(publish, ends_with_its_publisher_however_that_dies)
{
	struct live live = start_live();

	kill(live.publisher, SIGKILL);
	cr_expect_eq(harness_wait(live.publisher), 137);
	cr_expect_eq(harness_wait(live.viewer), 0);
	cr_expect_eq(flow_stat("t", "ended"), 1);
	close(live.input_fd);
}

HARNESS_TEST(publish, signal_ends_it)
{
	struct live live = start_live();

	kill(live.publisher, SIGTERM);
	cr_expect_eq(harness_wait(live.publisher), 143);
	cr_expect_eq(harness_wait(live.viewer), 0);
	close(live.input_fd);
}

HARNESS_TEST(publish, session_killed_under_its_publisher)
{
	struct live live = start_live();
	struct harness_result result = harness_ringcast_run("kill", "t", NULL);

	cr_expect_eq(result.status, 0);
	harness_result_free(&result);
	harness_await(access(harness_path("ringcast/t"), F_OK) != 0);
	cr_assert_eq(write(live.input_fd, "more\n", 5), 5);
	cr_expect_eq(harness_wait(live.publisher), 1);
	harness_wait(live.viewer);
	close(live.input_fd);
}
