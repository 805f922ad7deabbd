/* SPDX-License-Identifier: MIT */
/*
 * Starting a session, for run and publish: in a background engine of its own, or in one that runs already.
 */
#ifndef RINGCAST_CLI_START_H
#define RINGCAST_CLI_START_H

#include <ringcast/client.h>

#include "cli/daemon.h"

/*
 * 0: the session exists, and *client is connected to its engine; or NULL, if the session is left to itself. Else the exit
 * code, after saying what was wrong. `engine` is the name of the running engine that is to host it; NULL: one of its own.
 */
int start_session(const struct daemon_order *order, const char *engine, struct rcast_client **client);

#endif
