/* SPDX-License-Identifier: MIT */
/*
 * run and attach end with the status of the program; run leaves the session as it was asked to.
 */
#include "flow_kit.h"

static int run_status(const char *script)
{
	struct harness_result result = harness_ringcast_run("run", "--linger", "0", "--", "sh", "-c", script, NULL);
	int status = result.status;

	harness_result_free(&result);
	return status;
}

HARNESS_TEST(exit, status_of_the_program)
{
	cr_expect_eq(run_status("exit 0"), 0);
	cr_expect_eq(run_status("exit 1"), 1);
	cr_expect_eq(run_status("exit 77"), 77);
	cr_expect_eq(run_status("exit 255"), 255);
	cr_expect_eq(run_status("kill -TERM $$"), 128 + SIGTERM);
	cr_expect_eq(run_status("kill -KILL $$"), 128 + SIGKILL);
	cr_expect_eq(run_status("seq 1 100000; exit 5"), 5);
}

HARNESS_TEST(exit, output_is_complete_before_the_end)
{
	struct harness_result result = harness_ringcast_run("run", "--name", "all", "--", "seq", "1", "20000", NULL);
	size_t n_text;
	char *text = flow_seq(20000, &n_text);

	cr_expect_eq(result.status, 0);
	cr_expect(result.n_out == n_text && memcmp(result.out, text, n_text) == 0);
	cr_expect_str_eq(result.err, "[all ended: exit status 0]\n");
	harness_result_free(&result);
	free(text);
}

HARNESS_TEST(exit, attach_after_the_end_still_knows)
{
	struct harness_result result;

	flow_start("done", "64K", "printf 'last words'; exit 42");
	flow_await_end("done");
	result = harness_ringcast_run("attach", "done", NULL);
	cr_expect_eq(result.status, 42);
	cr_expect(strstr(result.out, "last words"), "in the screen that it left: %s", result.out);
	harness_result_free(&result);
}

HARNESS_TEST(exit, default_name_is_the_program_and_a_number)
{
	struct harness_result result = harness_ringcast_run("run", "--detached", "--", "/bin/sleep", "1000", NULL);
	int number = 0;

	cr_expect_eq(result.status, 0);
	cr_expect_eq(sscanf(result.out, "sleep-%d\n", &number), 1, "%s", result.out);
	harness_result_free(&result);
}

HARNESS_TEST(exit, program_gets_folder_environment_and_its_options)
{
	struct harness_result result;
	char expected[512];

	cr_assert_eq(chdir(harness_folder()), 0);
	setenv("FLOW_TEST", "from here", 1);
	setenv("RINGCAST_SESSION", "outer", 1);
	result = harness_ringcast_run("run", "--name", "env", "--", "sh", "-c",
				      "pwd; echo \"$FLOW_TEST/$RINGCAST_SESSION/$1\"; trap | cat; kill -PIPE $$", "sh",
				      "--detached", NULL);
	snprintf(expected, sizeof expected, "%s\r\nfrom here/env/--detached\r\n", harness_folder());
	cr_expect_str_eq(result.out, expected);
	cr_expect_eq(result.status, 128 + SIGPIPE,
		     "the program's signals are as usual, whatever ringcast does with its own");
	harness_result_free(&result);
}

/* Whoever waits for a pipe of ours to close must not wait for the daemon. */
HARNESS_TEST(exit, daemon_keeps_nothing_of_ours_open)
{
	const char *argv[] = {"sh", "-c", "exec 9>&1; \"$0\" run --detached --name t -- sleep 1000", harness_ringcast(),
			      NULL};
	int pipe_fds[2];
	char text[16];

	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	cr_expect_eq(harness_wait(harness_spawn(argv, -1, pipe_fds[1], pipe_fds[1])), 0);
	close(pipe_fds[1]);
	cr_expect_eq(read(pipe_fds[0], text, sizeof text), 2);
	cr_expect_eq(read(pipe_fds[0], text, sizeof text), 0);
	close(pipe_fds[0]);
}

HARNESS_TEST(exit, sessions_of_one_engine)
{
	const char *const engine[] = {"engine", "--name", "host", NULL};
	pid_t pid = flow_spawn_to_file(engine, "out");
	static char long_text[100000];
	struct harness_result result;

	memset(long_text, 'x', sizeof long_text - 1);
	harness_await(access(harness_path("ringcast/host"), F_OK) == 0);
	result = harness_ringcast_run("run", "--engine", "host", "--name", "a", "--", "sh", "-c", "echo hi; exit 6", NULL);
	cr_expect_eq(result.status, 6);
	cr_expect_str_eq(result.out, "hi\r\n");
	harness_result_free(&result);
	result = harness_ringcast_run("run", "--engine", "host", "--detached", "--name", "b", "--", "sleep", "1000", NULL);
	cr_expect_eq(result.status, 0);
	harness_result_free(&result);
	cr_expect_eq(flow_engine_pid("b"), pid);
	result = harness_ringcast_run("run", "--engine", "host", "--name", "c", "--", "no-such-program", NULL);
	cr_expect_eq(result.status, 127);
	harness_result_free(&result);
	setenv("FLOW_TEST", long_text, 1);
	result = harness_ringcast_run("run", "--engine", "host", "--name", "d", "--", "true", NULL);
	cr_expect_eq(result.status, 125);
	cr_expect(strstr(result.err, "too long"), "%s", result.err);
	harness_result_free(&result);
	kill(pid, SIGTERM);
	cr_expect_eq(harness_wait(pid), 0);
	cr_expect_neq(access(harness_path("ringcast/host"), F_OK), 0);
}
