/* SPDX-License-Identifier: MIT */
/*
 * fork, and the child becomes the engine. It reports through a pipe when the session exists, or why it does not; only then does it
 * let go of standard input, output and error, so that a fault of the program's start could still be seen.
 *
 *   parent   fork ─► read the report ─────────────────────────► returns
 *   child    setsid ─► close what was inherited ─► engine ─► session ─► report ─► /dev/null ─► serve until empty ─► _exit
 *
 * The child never returns to the caller. It has inherited no thread, because the command starts none before.
 */
#include "cli/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/serve.h"

static void close_between(int first, unsigned last)
{
	unsigned from = (unsigned)(first > STDERR_FILENO ? first : STDERR_FILENO + 1);

	if (from <= last)
		close_range(from, last, 0);
}

/*
 * Only the report pipe and what the session reads stay open: a pipe kept open would keep its reader waiting. They stay where they
 * are, so that this cannot fail. -1: there is no session_fd.
 */
static void keep_only(int report_fd, int session_fd)
{
	int low = session_fd >= 0 && session_fd < report_fd ? session_fd : report_fd;
	int high = session_fd > report_fd ? session_fd : report_fd;

	if (low > 0)
		close_between(0, (unsigned)low - 1);
	close_between(low + 1, (unsigned)high - 1);
	close_between(high + 1, ~0u);
}

static struct daemon_report make_session(const struct daemon_order *order, struct rcast_engine **engine)
{
	struct rcast_engine_options engine_options = order->engine ? *order->engine : (struct rcast_engine_options){0};
	struct rcast_session_options options = {.name = order->name,
						.ring_bytes = order->ring_bytes,
						.linger_ms = order->linger_ms,
						.cols = order->cols,
						.rows = order->rows,
						.awaits_attach = order->awaits_attach};
	struct rcast_program program = {.argv = order->argv};
	struct daemon_report report = {.stage = DAEMON_ENGINE};
	struct rcast_session *session;

	engine_options.name = order->name;
	report.error = rcast_engine_create(&engine_options, engine);
	if (report.error < 0)
		return report;
	report.stage = DAEMON_SESSION;
	if (order->argv)
		report.error = rcast_engine_start_pty(*engine, &options, &program, &session);
	else
		report.error = rcast_engine_start_pipe_take(*engine, &options, order->fd, &session);
	return report;
}

static void let_go_of_terminal(void)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && null_fd >= 0; fd++)
		dup2(null_fd, fd);
	if (null_fd > STDERR_FILENO)
		close(null_fd);
	if (chdir("/") != 0)
		return; /* then the folder that we were started in stays in use */
}

static void send_report_take(int report_fd, struct daemon_report report)
{
	ssize_t written = write(report_fd, &report, sizeof report);

	(void)written; /* nobody there to hear it: then nobody needs it */
	close(report_fd);
}

static void be_daemon(const struct daemon_order *order, int report_fd)
{
	struct rcast_engine *engine = NULL;
	struct daemon_report report;
	int result = 0;

	setsid();
	serve_unseen();
	keep_only(report_fd, order->argv ? -1 : order->fd);
	report = make_session(order, &engine);
	send_report_take(report_fd, report);
	if (report.error == 0) {
		let_go_of_terminal();
		result = serve_engine(engine, true);
	}
	if (engine)
		rcast_engine_free(engine);
	_exit(report.error == 0 && result == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static struct daemon_report read_report(int fd)
{
	struct daemon_report report;
	ssize_t n;

	do {
		n = read(fd, &report, sizeof report);
	} while (n < 0 && errno == EINTR);
	if (n != sizeof report)
		report = (struct daemon_report){.stage = DAEMON_FORKED, .error = -ECHILD};
	return report;
}

struct daemon_report daemon_start(const struct daemon_order *order)
{
	struct daemon_report report = {.stage = DAEMON_FORKED};
	int report_pipe[2];
	pid_t pid;

	if (pipe2(report_pipe, O_CLOEXEC) != 0) {
		report.error = -errno;
		return report;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_daemon(order, report_pipe[1]);
	report.error = -errno;
	close(report_pipe[1]);
	if (pid > 0)
		report = read_report(report_pipe[0]);
	close(report_pipe[0]);
	if (pid > 0 && report.error < 0)
		waitpid(pid, NULL, 0);
	return report;
}
