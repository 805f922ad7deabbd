/* SPDX-License-Identifier: MIT */
/*
 * A session is made completely before anyone can find it: name checked, ring allocated, PTY opened, program executed. Only then,
 * when nothing can fail any more, is it admitted. So an error leaves nothing behind: no name, no child, no descriptor.
 *
 * A descriptor that somebody passes to us comes with a description that they still share. They could clear its O_NONBLOCK
 * and let the pump, and with it every session, wait in read(2). So pipes and terminals are opened anew through /proc, which
 * gives a description of our own; sockets cannot be, and are received from with MSG_DONTWAIT.
 */
#include "engine/start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/pty.h"
#include "engine/steward.h"
#include "engine/clean.h"

/* The account of all has as many sessions as there are slots, so there is one for this. */
static int create(struct rcast_engine *engine, struct rcasti_account *account, const struct rcast_session_options *options,
		  enum rcasti_session_kind kind, struct rcast_session **session)
{
	bool is_taken = options->name && rcasti_table_find(&engine->table, options->name);
	int error = is_taken ? -EEXIST : rcasti_account_take(account, RCASTI_SESSIONS, 1);

	*session = NULL;
	if (error)
		return error;
	error = rcasti_session_create(engine, options, kind, session);
	if (error)
		rcasti_account_give(account, RCASTI_SESSIONS, 1);
	else
		(*session)->account = rcasti_account_ref(account);
	return error;
}

static void admit(struct rcast_session *made, struct rcast_session **session)
{
	rcasti_session_admit(made);
	if (session)
		*session = made;
}

static void describe_command(struct rcast_session *session, const char *const *argv)
{
	char text[4 * sizeof session->command];
	size_t used = 0;

	for (int i = 0; argv[i] && used < sizeof text; i++) {
		int n = snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "", argv[i]);

		used += n > 0 ? (size_t)n : 0;
	}
	rcasti_text_clean(session->command, sizeof session->command, text, strnlen(text, sizeof text));
}

static int open_terminal(struct rcast_session *session)
{
	int master_fd = rcasti_pty_open(session->control.size.cols, session->control.size.rows);

	if (master_fd < 0)
		return master_fd;
	session->pump.fd = master_fd;
	session->control.input.fd = fcntl(master_fd, F_DUPFD_CLOEXEC, 3);
	return session->control.input.fd >= 0 ? 0 : -errno;
}

static int run(struct rcast_session *session, const struct rcast_program *program, const char **failed)
{
	struct rcasti_spawn spawn = {
		.argv = program->argv, .envp = program->envp, .cwd = program->cwd, .session = session->name};
	pid_t pid = rcasti_pty_spawn(session->pump.fd, &spawn, failed);
	int error;

	if (pid < 0)
		return pid;
	*failed = NULL;
	error = rcasti_child_watch(&session->engine->control, pid, &session->control.child);
	if (!error)
		rcasti_child_set_owner(session->control.child, &session->engine->children, rcasti_session_on_exit, session);
	return error;
}

int rcasti_start_pty(struct rcast_engine *engine, struct rcasti_account *account,
		     const struct rcast_session_options *options, const struct rcast_program *program,
		     struct rcast_session **session, const char **failed)
{
	struct rcast_session *made = NULL;
	int error;

	*failed = NULL;
	if (!program->argv || !program->argv[0])
		return -EINVAL;
	error = create(engine, account, options, RCASTI_PTY, &made);
	if (error)
		return error;
	describe_command(made, program->argv);
	error = open_terminal(made);
	if (!error)
		error = run(made, program, failed);
	if (error) {
		rcasti_session_free(made);
		return error;
	}
	admit(made, session);
	return 0;
}

/* Takes fd. Returns one whose O_NONBLOCK is nobody's but ours, or that of a kind for which it does not matter. */
static int make_private(int fd, bool *is_socket)
{
	struct stat status;
	char path[32];
	int private_fd;

	if (fstat(fd, &status) != 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	*is_socket = S_ISSOCK(status.st_mode);
	if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode) && !S_ISREG(status.st_mode) && !*is_socket) {
		close(fd);
		return -EINVAL;
	}
	if (*is_socket || S_ISREG(status.st_mode))
		return fd;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	private_fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (private_fd < 0)
		private_fd = -errno;
	close(fd);
	return private_fd;
}

int rcasti_start_pipe_take(struct rcast_engine *engine, struct rcasti_account *account,
			   const struct rcast_session_options *options, int fd, struct rcast_session **session)
{
	struct rcast_session *made = NULL;
	bool is_socket = false;
	int private_fd = make_private(fd, &is_socket), error;

	if (private_fd < 0)
		return private_fd;
	error = create(engine, account, options, RCASTI_PIPE, &made);
	if (error) {
		close(private_fd);
		return error;
	}
	made->pump.fd = private_fd;
	made->pump.is_socket = is_socket;
	admit(made, session);
	return 0;
}

int rcasti_start_owned(struct rcast_engine *engine, const struct rcast_session_options *options,
		       struct rcast_session **session)
{
	struct rcast_session *made = NULL;
	int error = create(engine, &engine->quota.all, options, RCASTI_OWNED, &made);

	if (!error)
		admit(made, session);
	return error;
}
