/* SPDX-License-Identifier: MIT */
/*
 * A session's name is unique over all engines of the user, as far as can be known: who starts one looks first. Two that start at
 * the same moment meet in the name of the engine, which is a socket and can exist but once.
 */
#include "cli/start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ringcast/circuit.h>

#include "cli/message.h"

static int check_is_new(const char *name)
{
	struct rcast_client *client;
	int result = rcast_client_connect_session(name, &client);

	if (result == -ENOENT)
		return EXIT_CODE_OK;
	if (result < 0)
		return message_no_connection(name, result);
	rcast_client_free(client);
	message_line("a session '%s' exists already; choose another --name, or 'ringcast kill %s' removes it", name, name);
	return EXIT_CODE_FAILURE;
}

/* Errors that have nothing to do with the program: there is no room for the ring or for one more descriptor or process. */
static bool is_shortage(int error)
{
	return error == -ENOSPC || error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EFBIG ||
	       error == -EAGAIN || error == -ENOBUFS;
}

/* What execve says of a file that is there. */
static bool is_not_executable(int error)
{
	return error == -EACCES || error == -ENOEXEC || error == -EISDIR || error == -ENOTDIR || error == -ELOOP ||
	       error == -ETXTBSY || error == -ENAMETOOLONG || error == -E2BIG;
}

static int program_exit_code(int error)
{
	if (error == -ENOENT)
		return EXIT_CODE_NO_PROGRAM;
	return is_not_executable(error) ? EXIT_CODE_NOT_EXECUTABLE : EXIT_CODE_FAILURE;
}

static int say_not_started(const struct daemon_order *order, int error)
{
	if (error == -EEXIST)
		message_line("a session '%s' exists already; choose another --name", order->name);
	else if (is_shortage(error))
		message_line("no room for the session '%s' and its ring: %s", order->name, message_errno(error));
	else if (order->argv)
		message_line("cannot run '%s': %s", order->argv[0], message_errno(error));
	else
		message_line("cannot read standard input: %s", message_errno(error));
	return order->argv ? program_exit_code(error) : EXIT_CODE_FAILURE;
}

static int connect_engine(const char *name, struct rcast_client **client)
{
	char path[4096];
	int n, result = rcast_socket_folder(path, sizeof path);

	if (result < 0)
		return result;
	n = (int)strlen(path);
	if (snprintf(path + n, sizeof path - (size_t)n, "/%s", name) >= (int)sizeof path - n)
		return -ENAMETOOLONG;
	return rcast_client_connect(path, client);
}

static int start_in_own_engine(const struct daemon_order *order, struct rcast_client **client)
{
	struct daemon_report report = daemon_start(order);
	int result;

	if (report.error < 0 && report.stage == DAEMON_SESSION)
		return say_not_started(order, report.error);
	if (report.error < 0)
		return message_engine_not_made(order->name, order->engine ? order->engine->view_path : NULL, report.error);
	if (order->is_left)
		return EXIT_CODE_OK;
	result = connect_engine(order->name, client);
	return result < 0 ? message_no_engine(order->name, result) : EXIT_CODE_OK;
}

static int start_in_engine(const struct daemon_order *order, const char *engine, struct rcast_client **client)
{
	char cwd[4096];
	struct rcast_start_options options = {.name = order->name,
					      .argv = order->argv,
					      .envp = (const char *const *)environ,
					      .cwd = getcwd(cwd, sizeof cwd),
					      .ring_bytes = order->ring_bytes,
					      .linger_ms = order->linger_ms,
					      .cols = order->cols,
					      .rows = order->rows,
					      .awaits_attach = order->awaits_attach};
	int result = connect_engine(engine, client);

	if (result < 0)
		return message_no_engine(engine, result);
	if (!order->argv)
		options.take_fd = dup(order->fd);
	result = rcast_client_start(*client, &options);
	if (result == 0)
		return EXIT_CODE_OK;
	message_client(*client, order->name, result);
	rcast_client_free(*client);
	*client = NULL;
	if (result == -EPIPE)
		return EXIT_CODE_GONE;
	return order->argv ? program_exit_code(result) : EXIT_CODE_FAILURE;
}

int start_session(const struct daemon_order *order, const char *engine, struct rcast_client **client)
{
	int result = check_is_new(order->name);

	*client = NULL;
	if (result != EXIT_CODE_OK)
		return result;
	unsetenv(
		"RINGCAST_SESSION"); /* it names the session that we run in, if any; the new one's program is to have its own */
	return engine ? start_in_engine(order, engine, client) : start_in_own_engine(order, client);
}
