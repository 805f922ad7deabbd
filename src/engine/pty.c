/* SPDX-License-Identifier: MIT */
/*
 * The engine holds masters only. The slave is opened in the child, from the master by TIOCGPTPEER, which needs no path and so
 * works in any mount namespace; when the last process that has it open is gone, reading the master gives EIO.
 *
 * A program that cannot be run must be an error of the command that asked for it, before any session exists. So the child
 * reports over a close-on-exec pipe: end of file means that execve has replaced it, anything else is a struct failure, written
 * before _exit. The parent waits for one of the two; that is the time from fork to exec, and the price of a clear error.
 *
 * Between fork and exec the child of a threaded process may call only what is async-signal-safe. Everything that allocates,
 * the environment above all, is made before. All signals are blocked across the fork, so that no handler of the embedder runs in
 * the child before its dispositions are reset. Descriptors that the embedder forgot to mark close-on-exec are marked here: no
 * socket or PTY of another session leaks into a program.
 */
#include "engine/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

struct failure {
	int error;
	bool in_cwd; /* else in execve */
};

int rcasti_pty_resize(int master_fd, uint16_t cols, uint16_t rows)
{
	struct winsize size = {.ws_col = cols, .ws_row = rows};

	return ioctl(master_fd, TIOCSWINSZ, &size) == 0 ? 0 : -errno;
}

/* Our output is UTF-8: let the line discipline erase whole characters. */
static int expect_utf8(int master_fd)
{
	struct termios termios;

	if (tcgetattr(master_fd, &termios) != 0)
		return -errno;
	termios.c_iflag |= IUTF8;
	return tcsetattr(master_fd, TCSANOW, &termios) == 0 ? 0 : -errno;
}

int rcasti_pty_open(uint16_t cols, uint16_t rows)
{
	int master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	int error;

	if (master_fd < 0)
		return -errno;
	error = unlockpt(master_fd) == 0 ? 0 : -errno;
	if (!error)
		error = expect_utf8(master_fd);
	if (!error)
		error = rcasti_pty_resize(master_fd, cols, rows);
	if (!error)
		return master_fd;
	close(master_fd);
	return error;
}

static bool has_variable(const char *const *envp, const char *name)
{
	size_t length = strlen(name);

	for (; *envp; envp++)
		if (strncmp(*envp, name, length) == 0 && (*envp)[length] == '=')
			return true;
	return false;
}

/* The strings are borrowed but for RINGCAST_SESSION, which lies behind the pointers in the same allocation. */
static const char **make_environment(const struct rcasti_spawn *spawn)
{
	static const char *const none[] = {NULL};
	const char *const *given = spawn->envp ? spawn->envp : environ ? (const char *const *)environ : none;
	size_t n = 0, text_bytes = strlen(spawn->session) + sizeof "RINGCAST_SESSION=";
	const char **made;
	char *text;

	while (given[n])
		n++;
	made = malloc((n + 3) * sizeof *made + text_bytes);
	if (!made)
		return NULL;
	memcpy(made, given, n * sizeof *made);
	text = (char *)(made + n + 3);
	snprintf(text, text_bytes, "RINGCAST_SESSION=%s", spawn->session);
	if (!has_variable(given, "RINGCAST_SESSION"))
		made[n++] = text;
	if (!has_variable(given, "TERM"))
		made[n++] = "TERM=xterm-256color";
	made[n] = NULL;
	return made;
}

static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int take_terminal(int master_fd)
{
	int slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (slave_fd < 0 || setsid() < 0 || ioctl(slave_fd, TIOCSCTTY, 0) != 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++)
		if (slave_fd == fd ? fcntl(fd, F_SETFD, 0) < 0 : dup2(slave_fd, fd) < 0)
			return -errno;
	return 0;
}

static _Noreturn void run_child(int master_fd, int report_fd, const struct rcasti_spawn *spawn, const char *const *envp)
{
	struct failure failure = {0};
	int kept_fd = fcntl(report_fd, F_DUPFD_CLOEXEC, 3);

	if (kept_fd < 0) {
		failure.error = errno;
		kept_fd = report_fd;
	} else {
		failure.error = -take_terminal(master_fd);
	}
	if (!failure.error && spawn->cwd && chdir(spawn->cwd) != 0) {
		failure.error = errno;
		failure.in_cwd = true;
	}
	if (!failure.error) {
		close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
		reset_signals();
		execvpe(spawn->argv[0], (char *const *)spawn->argv, (char *const *)envp);
		failure.error = errno;
	}
	if (write(kept_fd, &failure, sizeof failure) < 0)
		_exit(126);
	_exit(127);
}

/* 0: execve has happened. */
static int await_exec(int report_fd, const struct rcasti_spawn *spawn, const char **failed)
{
	struct failure failure = {0};
	ssize_t n;

	do
		n = read(report_fd, &failure, sizeof failure);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	*failed = failure.in_cwd ? spawn->cwd : spawn->argv[0];
	return n == (ssize_t)sizeof failure && failure.error > 0 ? -failure.error : -EIO;
}

static pid_t fork_quietly(int master_fd, int report_fds[2], const struct rcasti_spawn *spawn, const char *const *envp)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		run_child(master_fd, report_fds[1], spawn, envp);
	if (pid < 0)
		pid = -errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

pid_t rcasti_pty_spawn(int master_fd, const struct rcasti_spawn *spawn, const char **failed)
{
	const char **envp = make_environment(spawn);
	int report_fds[2], error;
	pid_t pid;

	*failed = spawn->argv[0];
	if (!envp)
		return -ENOMEM;
	if (pipe2(report_fds, O_CLOEXEC) != 0) {
		error = -errno;
		free(envp);
		return error;
	}
	pid = fork_quietly(master_fd, report_fds, spawn, envp);
	close(report_fds[1]);
	error = pid < 0 ? pid : await_exec(report_fds[0], spawn, failed);
	if (error && pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	close(report_fds[0]);
	free(envp);
	return error ? error : pid;
}
