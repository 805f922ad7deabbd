/* SPDX-License-Identifier: MIT */
/*
 * An engine on three threads, until a signal or its last session ends it.
 */
#ifndef RINGCAST_CLI_SERVE_H
#define RINGCAST_CLI_SERVE_H

#include <stdbool.h>

#include <ringcast/engine.h>

/* Before there is an engine: nobody but root may trace this process or read its memory. */
void serve_unseen(void);

/*
 * Run the engine: control on this thread, pump and notify on threads of their own. Returns when SIGTERM, SIGINT or SIGHUP came,
 * or with until_empty when the last session is gone: 0, or -errno if it could not go on. The engine stays the caller's.
 */
int serve_engine(struct rcast_engine *engine, bool until_empty);

#endif
