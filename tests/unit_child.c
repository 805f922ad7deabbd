/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/child.h"
#include "harness.h"

static struct rcasti_loop loop;
static struct cds_list_head children;
static struct rcast_exit told;
static int n_told;

static void on_exit_told(void *user, const struct rcast_exit *how)
{
	cr_assert_eq(user, &told);
	told = *how;
	n_told++;
}

static void begin(void)
{
	CDS_INIT_LIST_HEAD(&children);
	cr_assert_eq(rcasti_loop_open(&loop), 0);
}

/* A process that leads its group, as every program under a PTY does, and is ready when this returns. */
static struct rcasti_child *start(const char *script)
{
	struct rcasti_child *child;
	int ready[2];
	pid_t pid;
	char byte;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		setsid();
		dup2(ready[1], 3);
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(127);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	cr_assert_eq(rcasti_child_watch(&loop, pid, &child), 0);
	rcasti_child_set_owner(child, &children, on_exit_told, &told);
	return child;
}

#define loop_await(condition) harness_await((rcasti_loop_run(&loop, 0), (condition)))

HARNESS_TEST(child, its_owner_is_told_how_it_ended)
{
	begin();
	start("printf x >&3; exit 42");
	loop_await(n_told == 1);
	cr_assert_eq(told.status, 42);
	cr_assert_eq(told.signal, 0);
	start("printf x >&3; kill -KILL $$");
	loop_await(n_told == 2);
	cr_assert_eq(told.status, 0);
	cr_assert_eq(told.signal, SIGKILL);
	cr_assert(cds_list_empty(&children));
	rcasti_loop_close(&loop);
}

/* Reaped by somebody else: how it ended cannot be known, and that is said. */
HARNESS_TEST(child, somebody_else_may_have_reaped_it)
{
	struct rcasti_child *child;

	begin();
	child = start("printf x >&3; exit 0");
	harness_await(waitpid(child->pid, NULL, WNOHANG) == child->pid);
	loop_await(n_told == 1);
	cr_assert_eq(told.status, -1);
	rcasti_loop_close(&loop);
}

HARNESS_TEST(child, abandoned_it_goes_with_its_group)
{
	int pipe_fds[2];
	char byte;

	begin();
	cr_assert_eq(pipe2(pipe_fds, O_NONBLOCK), 0);
	rcasti_child_abandon(start("sleep 600 & printf x >&3; wait"));
	close(pipe_fds[1]);
	loop_await(cds_list_empty(&children));
	cr_assert_eq(n_told, 0, "nobody asks any more");
	/* The background process had the pipe's other end too. */
	harness_await(read(pipe_fds[0], &byte, 1) == 0);
	close(pipe_fds[0]);
	rcasti_loop_close(&loop);
}

HARNESS_TEST(child, abandoned_it_is_killed_if_it_does_not_listen)
{
	begin();
	rcasti_child_abandon(start("trap '' HUP; printf x >&3; while :; do sleep 1; done"));
	loop_await(cds_list_empty(&children));
	rcasti_loop_close(&loop);
}

HARNESS_TEST(child, all_are_ended_at_once)
{
	uint64_t started_ms = harness_now_ms();

	begin();
	start("printf x >&3; sleep 600");
	start("trap '' HUP; printf x >&3; while :; do sleep 1; done");
	start("trap '' HUP; printf x >&3; kill -STOP $$; sleep 600");
	rcasti_children_end(&children);
	cr_assert(cds_list_empty(&children));
	cr_assert_eq(n_told, 0);
	cr_assert_lt(harness_now_ms() - started_ms, 20000, "one patience for all of them, not one each");
	rcasti_loop_close(&loop);
}
