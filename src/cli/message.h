/* SPDX-License-Identifier: MIT */
/*
 * What the command says when something is wrong: one line on standard error, and the exit code that goes with it.
 */
#ifndef RINGCAST_CLI_MESSAGE_H
#define RINGCAST_CLI_MESSAGE_H

#include <stddef.h>

#include <ringcast/client.h>

#include "cli/verb.h"

/* "ringcast: …". Control characters, which may come from a name on the command line, are replaced. */
void message_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A wrong command line: the same with where to read on. Returns EXIT_CODE_USAGE. */
int message_usage(const struct verb *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Say why a call on this client failed. Returns the exit code for that error. */
int message_client(const struct rcast_client *client, const char *session, int error);

/* Say why there is no connection: `error` of connect_session or connect_list. `session` may be NULL. */
int message_no_connection(const char *session, int error);

/* The same for the engine of this name. */
int message_no_engine(const char *engine, int error);

/* Say why an engine of this name, with a view socket or without (NULL), could not be made. */
int message_engine_not_made(const char *engine, const char *view_path, int error);

/* "No such file or directory (ENOENT)". Borrowed until the next call. */
const char *message_errno(int error);

/* Is this a valid name? If not, say so. `what` is "session" or "engine". */
bool message_check_name(const struct verb *verb, const char *what, const char *name);

#endif
