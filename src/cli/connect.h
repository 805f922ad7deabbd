/* SPDX-License-Identifier: MIT */
/*
 * Reaching the engine of a session: any of this user's, or the one that --socket names.
 */
#ifndef RINGCAST_CLI_CONNECT_H
#define RINGCAST_CLI_CONNECT_H

#include <ringcast/client.h>

/* From now on, the engine at this socket and no other. Borrowed for good. */
void connect_through(const char *socket_path);

/* Its path, or NULL. */
const char *connect_path(void);

/* As rcast_client_connect_session and rcast_find_sessions. -ECONNREFUSED: nobody listens at the socket that was named. */
int connect_session(const char *session, struct rcast_client **client);
int connect_list(rcast_session_callback *callback, void *user);

#endif
