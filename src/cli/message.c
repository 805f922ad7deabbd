/* SPDX-License-Identifier: MIT */
/*
 * Errors arrive as an errno of the table in <ringcast/ringcast.h> and, from a client, as a line that the library made. Here
 * they become what a person reads: what was wrong, and what would be right. Every verb goes through here.
 */
#include "cli/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ringcast/circuit.h>

#include "cli/character.h"
#include "cli/connect.h"
#include "cli/output.h"

/* There may be names and pieces of recordings in it, and what a terminal would make of them is none of a message's business. */
static void clean(char *line)
{
	size_t n_left = strlen(line), n;
	uint32_t point = 0;

	for (char *at = line; n_left > 0; at += n, n_left -= n) {
		n = character_decode((const unsigned char *)at, n_left, &point);
		if (n == 0 || character_is_control(point))
			memset(at, '?', n ? n : 1);
		n = n ? n : 1;
	}
}

static void print_line(const char *verb, const char *format, va_list list, const char *hint)
{
	char line[1024], whole[1200];

	vsnprintf(line, sizeof line, format, list);
	clean(line);
	snprintf(whole, sizeof whole, "ringcast: %s%s%s%s\n", verb, *verb ? ": " : "", line, hint);
	output_try(STDERR_FILENO, whole);
}

void message_line(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	print_line("", format, list, "");
	va_end(list);
}

int message_usage(const struct verb *verb, const char *format, ...)
{
	char hint[64];
	va_list list;

	snprintf(hint, sizeof hint, "; see 'ringcast %s --help'", verb->name);
	va_start(list, format);
	print_line(verb->name, format, list, hint);
	va_end(list);
	return EXIT_CODE_USAGE;
}

const char *message_errno(int error)
{
	static char text[128];
	const char *name = strerrorname_np(error < 0 ? -error : error);

	snprintf(text, sizeof text, "%s (%s)", strerror(error < 0 ? -error : error), name ? name : "?");
	return text;
}

int message_client(const struct rcast_client *client, const char *session, int error)
{
	const char *line = rcast_client_error(client);
	char named[RCAST_NAME_MAX + 16];

	snprintf(named, sizeof named, "session %s ", session);
	if (!line[0])
		line = message_errno(error);
	if (strstr(line, named))
		message_line("%s", line);
	else
		message_line("%s: %s", session, line);
	if (error == -ENOENT)
		return EXIT_CODE_NOT_FOUND;
	return error == -EPIPE ? EXIT_CODE_GONE : EXIT_CODE_FAILURE;
}

/* Errors of the folder that all sockets live in; false: it is none of those. */
static bool say_folder_error(int error)
{
	char folder[4096] = "?";
	int result = rcast_socket_folder(folder, sizeof folder);

	if (error == -EACCES)
		message_line(
			"%.200s, where control sockets live, must be a folder of yours that only you can enter (mode 0700)",
			folder);
	else if (error == -ENAMETOOLONG)
		message_line(
			"the path of a control socket in %.200s is too long: it may have 107 bytes; set XDG_RUNTIME_DIR to a shorter one",
			folder);
	else if (result < 0)
		message_line("the folder of control sockets %.200s: %s", folder, message_errno(result));
	return error == -EACCES || error == -ENAMETOOLONG || result < 0;
}

/* Who is hung up on at once is not meant to come there, or one too many. */
static int say_socket_error(const char *path, int error)
{
	if (error == -ECONNREFUSED)
		message_line("nobody listens at the socket %.200s", path);
	else if (error == -EPIPE)
		message_line("the engine at %.200s hangs up: it does not take you, or has as many connections as it takes",
			     path);
	else
		message_line("the socket %.200s: %s", path, message_errno(error));
	return error == -ECONNREFUSED ? EXIT_CODE_NOT_FOUND : EXIT_CODE_FAILURE;
}

int message_no_connection(const char *session, int error)
{
	if (!connect_path() && say_folder_error(error))
		return EXIT_CODE_FAILURE;
	if (error == -ENOENT && session) {
		message_line("%s: no such session; 'ringcast ls' lists those there are", session);
		return EXIT_CODE_NOT_FOUND;
	}
	if (connect_path())
		return say_socket_error(connect_path(), error);
	message_line("cannot look for sessions: %s", message_errno(error));
	return EXIT_CODE_FAILURE;
}

int message_no_engine(const char *engine, int error)
{
	if (error == -ENOENT) {
		message_line("no engine '%s' is running; 'ringcast engine --name %s' starts one", engine, engine);
		return EXIT_CODE_NOT_FOUND;
	}
	if (!say_folder_error(error))
		message_line("engine '%s': %s", engine, message_errno(error));
	return EXIT_CODE_FAILURE;
}

int message_engine_not_made(const char *engine, const char *view_path, int error)
{
	if (view_path)
		message_line("the engine '%s' with its view socket %.200s cannot be started: %s", engine, view_path,
			     message_errno(error));
	else if (error == -EEXIST)
		message_line("an engine '%s' is running already; choose another --name", engine);
	else if (!say_folder_error(error))
		message_line("the engine '%s' cannot be started: %s", engine, message_errno(error));
	return EXIT_CODE_FAILURE;
}

bool message_check_name(const struct verb *verb, const char *what, const char *name)
{
	if (rcast_name_is_valid(name))
		return true;
	message_usage(verb, "'%.80s' is no name of a %s: 1 to %d of A-Z a-z 0-9 . _ -, and not . or ..", name, what,
		      RCAST_NAME_MAX);
	return false;
}
