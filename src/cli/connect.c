/* SPDX-License-Identifier: MIT */
/*
 * Sessions are looked for among the engines whose sockets are in this user's folder. Somebody else's engine is not there; who is
 * allowed to look at its sessions is told the path of its view socket, and says it with --socket.
 *
 * Every verb that takes the name of a session goes through here.
 */
#include "cli/connect.h"

#include <errno.h>
#include <stddef.h>

static const char *named_path; /* NULL: none was named */

void connect_through(const char *socket_path)
{
	named_path = socket_path;
}

const char *connect_path(void)
{
	return named_path;
}

/* That nobody listens is another thing than that there is no such session. */
static int connect_named(struct rcast_client **client)
{
	int result = rcast_client_connect(named_path, client);

	return result == -ENOENT ? -ECONNREFUSED : result;
}

int connect_session(const char *session, struct rcast_client **client)
{
	struct rcast_session_info info;
	int result;

	if (!named_path)
		return rcast_client_connect_session(session, client);
	result = connect_named(client);
	if (result < 0)
		return result;
	result = rcast_client_describe(*client, session, &info);
	if (result == 0)
		return 0;
	rcast_client_free(*client);
	*client = NULL;
	return result;
}

int connect_list(rcast_session_callback *callback, void *user)
{
	struct rcast_client *client;
	int result;

	if (!named_path)
		return rcast_find_sessions(callback, user);
	result = connect_named(&client);
	if (result < 0)
		return result;
	result = rcast_client_list(client, callback, user);
	rcast_client_free(client);
	return result;
}
