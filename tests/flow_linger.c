/* SPDX-License-Identifier: MIT */
/*
 * An ended session stays readable until its linger is over or somebody kills it, and its engine goes with it.
 */
#include "flow_kit.h"

static bool engine_is_gone(const char *name)
{
	return access(harness_path("ringcast/%s", name), F_OK) != 0;
}

static int tail_status(const char *name)
{
	struct harness_result result = harness_ringcast_run("tail", name, NULL);
	int status = result.status;

	harness_result_free(&result);
	return status;
}

HARNESS_TEST(linger, ended_session_stays_until_it_is_killed)
{
	struct harness_result result;

	flow_start("t", "64K", "echo words");
	flow_await_end("t");
	cr_expect_eq(tail_status("t"), 0);
	cr_expect_eq(tail_status("t"), 0, "as often as one likes");
	result = harness_ringcast_run("kill", "t", NULL);
	cr_expect_eq(result.status, 0);
	harness_result_free(&result);
	cr_expect_eq(tail_status("t"), 3);
	harness_await(engine_is_gone("t"));
}

HARNESS_TEST(linger, of_a_second)
{
	struct harness_result result =
		harness_ringcast_run("run", "--detached", "--linger", "1", "--name", "t", "--", "true", NULL);

	harness_result_free(&result);
	harness_await(engine_is_gone("t"));
	cr_expect_eq(tail_status("t"), 3);
}

HARNESS_TEST(linger, of_nothing)
{
	struct harness_result result =
		harness_ringcast_run("run", "--detached", "--linger", "0", "--name", "t", "--", "true", NULL);

	cr_expect_eq(result.status, 0);
	harness_result_free(&result);
	harness_await(engine_is_gone("t"));
}

/* A viewer that is attached when the session goes without linger has all of it by then. */
HARNESS_TEST(linger, viewers_lose_nothing_when_there_is_none)
{
	const char *const arguments[] = {"tail", "t", NULL};
	char script[256], *text;
	struct harness_result result;
	pid_t pid;

	snprintf(script, sizeof script, "read x <%s; seq 1 3", flow_gate());
	result = harness_ringcast_run("run", "--detached", "--linger", "0", "--name", "t", "--", "sh", "-c", script, NULL);
	harness_result_free(&result);
	pid = flow_spawn_to_file(arguments, "out");
	harness_await(flow_stat("t", "readers") == 1);
	flow_open_gate();
	cr_expect_eq(harness_wait(pid), 0);
	text = harness_read_file(harness_path("out"), NULL);
	cr_expect_str_eq(text, "1\r\n2\r\n3\r\n");
	free(text);
}

HARNESS_TEST(linger, name_is_free_again_afterwards)
{
	struct harness_result result;

	flow_start("t", "64K", "exit 1");
	flow_await_end("t");
	result = harness_ringcast_run("run", "--name", "t", "--", "true", NULL);
	cr_expect_eq(result.status, 125);
	harness_result_free(&result);
	result = harness_ringcast_run("kill", "t", NULL);
	harness_result_free(&result);
	harness_await(engine_is_gone("t"));
	result = harness_ringcast_run("run", "--name", "t", "--", "true", NULL);
	cr_expect_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
}
