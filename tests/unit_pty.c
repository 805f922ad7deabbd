/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/pty.h"
#include "harness.h"

/* Run the script to its end: what it printed (without CR), and its exit status by harness_wait. */
static const char *output_of(const char *script, const char *const *envp, const char *cwd, int *status)
{
	static char output[8192];
	const char *argv[] = {"sh", "-c", script, NULL}, *failed;
	struct rcasti_spawn spawn = {.argv = argv, .envp = envp, .cwd = cwd, .session = "name"};
	int master_fd = rcasti_pty_open(101, 37);
	size_t n_output = 0;
	ssize_t n = 1;
	pid_t pid;

	cr_assert(master_fd >= 0);
	pid = rcasti_pty_spawn(master_fd, &spawn, &failed);
	cr_assert(pid > 0, "%s: %s", failed, strerror(-pid));
	fcntl(master_fd, F_SETFL, 0);
	while (n > 0) {
		n = read(master_fd, output + n_output, sizeof output - 1 - n_output);
		n_output += n > 0 ? (size_t)n : 0;
	}
	output[n_output] = 0;
	for (char *cr; (cr = strchr(output, '\r')) != NULL;)
		memmove(cr, cr + 1, strlen(cr));
	*status = harness_wait(pid);
	close(master_fd);
	return output;
}

HARNESS_TEST(pty, a_program_finds_a_terminal_of_its_own)
{
	int status;

	cr_assert_str_eq(
		output_of("stty size; test -t 0 && test -t 1 && test -t 2 && echo terminals; exit 5", NULL, NULL, &status),
		"37 101\nterminals\n");
	cr_assert_eq(status, 5);
	/* It leads a session whose controlling terminal this is. */
	cr_assert_str_eq(
		output_of("test $(ps -o sid= -p $$) -eq $$ && echo leads; echo works >/dev/tty", NULL, NULL, &status),
		"leads\nworks\n");
}

HARNESS_TEST(pty, the_environment_is_completed)
{
	const char *given[] = {"A=b", "PATH=/usr/bin:/bin", NULL}, *full[] = {"TERM=mine", "RINGCAST_SESSION=other", NULL};
	int status;

	cr_assert_str_eq(output_of("echo $A $TERM $RINGCAST_SESSION", given, NULL, &status), "b xterm-256color name\n");
	cr_assert_str_eq(output_of("echo $A $TERM $RINGCAST_SESSION", full, NULL, &status), "mine other\n");
	setenv("FROM_HERE", "yes", 1);
	cr_assert_str_eq(output_of("echo $FROM_HERE", NULL, NULL, &status), "yes\n");
}

HARNESS_TEST(pty, the_folder_is_entered)
{
	int status;

	cr_assert_str_eq(output_of("pwd", NULL, "/usr", &status), "/usr\n");
}

/* Descriptors that were not marked, blocked and ignored signals: none of it is inherited. */
HARNESS_TEST(pty, nothing_leaks_into_the_program)
{
	int leaky_fd = dup2(0, 77), status;
	sigset_t some;
	const char *output;

	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	sigprocmask(SIG_BLOCK, &some, NULL);
	signal(SIGPIPE, SIG_IGN);
	output = output_of(
		"ls /proc/$$/fd | grep -v '^[0-9]$' | grep -v '^1[0-9]$'; grep -E 'SigBlk|SigIgn' /proc/self/status", NULL,
		NULL, &status);
	cr_assert_str_eq(output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	close(leaky_fd);
}

HARNESS_TEST(pty, what_cannot_be_run_is_said_by_name)
{
	static const struct {
		const char *program, *cwd;
		int error;
		bool cwd_failed;
	} cases[] = {
		{"/nonexistent", NULL, -ENOENT, false},
		{"no-such-program-in-path", NULL, -ENOENT, false},
		{"/etc", NULL, -EACCES, false},
		{"/etc/passwd", NULL, -EACCES, false},
		{"", NULL, -ENOENT, false},
		{"true", "/nonexistent", -ENOENT, true},
		{"true", "/etc/passwd", -ENOTDIR, true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *argv[] = {cases[i].program, NULL}, *failed = NULL;
		struct rcasti_spawn spawn = {.argv = argv, .cwd = cases[i].cwd, .session = "name"};
		int master_fd = rcasti_pty_open(80, 24);

		cr_expect_eq(rcasti_pty_spawn(master_fd, &spawn, &failed), cases[i].error, "case %zu", i);
		cr_expect_eq(failed, cases[i].cwd_failed ? cases[i].cwd : cases[i].program, "case %zu: %s", i, failed);
		close(master_fd);
	}
	cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "no process is left");
}

HARNESS_TEST(pty, sizes_reach_the_terminal)
{
	int master_fd = rcasti_pty_open(80, 24);
	struct winsize size;

	cr_assert_eq(rcasti_pty_resize(master_fd, 65535, 1), 0);
	cr_assert_eq(ioctl(master_fd, TIOCGWINSZ, &size), 0);
	cr_assert_eq(size.ws_col, 65535);
	cr_assert_eq(size.ws_row, 1);
	close(master_fd);
	cr_assert_eq(rcasti_pty_resize(-1, 80, 24), -EBADF);
}
