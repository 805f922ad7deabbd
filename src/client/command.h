/* SPDX-License-Identifier: MIT */
/*
 * The replies that several commands and the search have in common.
 */
#ifndef RCASTI_CLIENT_COMMAND_H
#define RCASTI_CLIENT_COMMAND_H

#include "client/connection.h"

/* Sessions as they come in, one Reply each. */
struct rcasti_session_list {
	struct rcast_session_info *sessions;
	size_t n_sessions, room;
};

/* An exchange's `reply`, with a struct rcasti_session_list as its user. */
int rcasti_session_list_reply(void *user, const Ringcast__Wire__Reply *reply, struct rcast_message *message);

/* An exchange's `reply`, with a struct rcast_session_info as its user: filled, and its name not "", once there was one. */
int rcasti_session_reply(void *user, const Ringcast__Wire__Reply *reply, struct rcast_message *message);

/* Order by name, then hand them out. The memory stays the list's. */
int rcasti_session_list_call(struct rcasti_session_list *list, rcast_session_callback *callback, void *user);

#endif
