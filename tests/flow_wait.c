/* SPDX-License-Identifier: MIT */
/* wait: comes back when it should, and says when it never will. */
#include "flow_kit.h"

static int wait_status(const char *option, const char *value, const char *name)
{
	struct harness_result result =
		harness_ringcast_run("wait", "--timeout", "90s", option, value ? value : name, value ? name : NULL, NULL);
	int status = result.status;

	harness_result_free(&result);
	return status;
}

HARNESS_TEST(wait, for_a_line_that_is_there_or_comes)
{
	flow_start("prompt", "64K",
		   "echo early; while ! [ -e \"$XDG_RUNTIME_DIR/go\" ]; do :; done; printf 'ready> '; sleep 100");
	cr_expect_eq(wait_status("--match", "^ear.y$", "prompt"), 0);
	cr_assert(close(open(harness_path("go"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
	cr_expect_eq(wait_status("--match", "^ready> $", "prompt"), 0);
}

HARNESS_TEST(wait, for_a_line_across_records)
{
	flow_start("pieces", "64K", "printf 'he'; sleep 0.05; printf 'll'; sleep 0.05; printf 'o\\n'; sleep 100");
	cr_expect_eq(wait_status("--match", "^hello$", "pieces"), 0);
}

static int match_status(const char *pattern, const char *place, const char *timeout)
{
	struct harness_result result =
		harness_ringcast_run("wait", "--match", pattern, "--on", place, "--timeout", timeout, "drawn", NULL);
	int status = result.status;

	harness_result_free(&result);
	return status;
}

/* What is printed over, erased or coloured is not what stands there. */
HARNESS_TEST(wait, for_a_line_on_the_screen)
{
	flow_start("drawn", "64K", "printf 'ab\\rx\\033[3;5H\\033[31mred\\033[32m and green'; exec cat");
	cr_expect_eq(match_status("^xb$", "screen", "90s"), 0);
	cr_expect_eq(match_status("^    red and green$", "screen", "90s"), 0);
	cr_expect_eq(match_status("ab", "screen", "100ms"), 7);
	cr_expect_eq(match_status("^xb", "bytes", "100ms"), 7);
	cr_expect_eq(match_status("red.*green", "bytes", "90s"), 0);
}

HARNESS_TEST(wait, for_a_line_that_comes_onto_the_screen)
{
	flow_start("drawn", "64K", "printf wait; read line; printf '\\033[2J\\033[Hit is here'; exec cat");
	cr_assert_eq(match_status("^wait", "screen", "90s"), 0);
	flow_send("drawn", "\n");
	cr_expect_eq(match_status("^it is here$", "screen", "90s"), 0);
	flow_send("drawn", "more");
	cr_expect_eq(match_status("^it is heremore$", "screen", "90s"), 0);
}

HARNESS_TEST(wait, for_silence)
{
	flow_start("flood", "64K", "seq 1 100000; echo done; sleep 100");
	cr_expect_eq(wait_status("--idle", "300ms", "flood"), 0);
	cr_expect_eq(wait_status("--match", "^done$", "flood"), 0);
}

HARNESS_TEST(wait, for_the_end)
{
	flow_start("short", "64K", "sleep 0.1; echo over");
	cr_expect_eq(wait_status("--exit", NULL, "short"), 0);
	flow_await_end("short"); /* who reads the ring may know it before the engine says it */
	cr_expect_eq(wait_status("--idle", "1m", "short"), 0);
	cr_expect_eq(wait_status("--match", "never", "short"), 7);
}

/* A shell of a few lines that says where its commands begin and end. */
static const char shell[] = "while printf '\\033]133;A\\007$ \\033]133;B\\007' && read -r line; do "
			    "printf '\\033]133;C\\007'; eval \"$line\"; printf '\\033]133;D;%s\\007' $?; done";

static void enter(const char *line)
{
	struct harness_result result = harness_ringcast_run("send", "--enter", "shell", line, NULL);

	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
}

/* Each time it is the prompt behind the command, however soon we look: what the command did is done. */
HARNESS_TEST(wait, for_a_prompt)
{
	char line[128];

	flow_start("shell", "64K", shell);
	cr_expect_eq(wait_status("--prompt", NULL, "shell"), 0);
	for (int i = 1; i <= 10; i++) {
		snprintf(line, sizeof line, "sleep 0.0%d; touch $XDG_RUNTIME_DIR/%d; (exit %d)", i % 4, i, i);
		enter(line);
		cr_expect_eq(wait_status("--prompt", NULL, "shell"), 0);
		cr_expect_eq(access(harness_path("%d", i), F_OK), 0, "%d is not done", i);
		harness_await(flow_stat("shell", "command_status") == i);
		cr_expect_eq(flow_stat("shell", "commands"), i);
	}
}

/* Who was lapped has not read that the prompt came, and asks. */
HARNESS_TEST(wait, for_a_prompt_that_was_missed)
{
	const char *argv[] = {harness_ringcast(), "wait", "--prompt", "--timeout", "90s", "shell", NULL};
	char line[256];
	pid_t pid;

	flow_start("shell", "64K", shell);
	cr_expect_eq(wait_status("--prompt", NULL, "shell"), 0);
	snprintf(line, sizeof line,
		 "read x <%s; (until [ -e $XDG_RUNTIME_DIR/go ]; do sleep 0.01; done; seq 1 100000; touch "
		 "$XDG_RUNTIME_DIR/done) &",
		 flow_gate());
	enter(line);
	pid = harness_spawn(argv, -1, -1, -1);
	harness_await(flow_stat("shell", "readers") == 1);
	kill(pid, SIGSTOP);
	flow_open_gate();
	harness_await(flow_stat("shell", "at_prompt") == 1);
	cr_assert(close(open(harness_path("go"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
	harness_await(access(harness_path("done"), F_OK) == 0);
	kill(pid, SIGCONT);
	cr_expect_eq(harness_wait(pid), 0);
}

HARNESS_TEST(wait, for_a_prompt_in_vain)
{
	flow_start("shell", "64K", shell);
	cr_expect_eq(wait_status("--prompt", NULL, "shell"), 0);
	enter("sleep 0.1; exit");
	cr_expect_eq(wait_status("--prompt", NULL, "shell"), 7);
}

HARNESS_TEST(wait, no_longer_than_told)
{
	struct harness_result result;

	flow_start("long", "64K", "sleep 100");
	result = harness_ringcast_run("wait", "--exit", "--timeout", "50ms", "long", NULL);
	cr_expect_eq(result.status, 7);
	cr_expect_not_null(strstr(result.err, "did not come in time"), "%s", result.err);
	harness_result_free(&result);
}

HARNESS_TEST(wait, refuses)
{
	flow_start("any", "64K", "true");
	cr_expect_eq(wait_status("--idle", "soon", "any"), 2);
	cr_expect_eq(wait_status("--idle", "99999999m", "any"), 2);
	cr_expect_eq(wait_status("--match", "(", "any"), 2);
	cr_expect_eq(wait_status("--timeout", "1s", "any"), 2);
	cr_expect_eq(wait_status("--exit", NULL, "none"), 3);
}
