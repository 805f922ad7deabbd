/* SPDX-License-Identifier: MIT */
/*
 * An engine in a process of its own, as the daemon runs it: three threads, control, pump and notify. And a client of it.
 */
#ifndef PERF_HOST_H
#define PERF_HOST_H

#include <ringcast/client.h>

#include "perf/measure.h"

struct host {
	pid_t pid;
	char path[108]; /* of its socket */
	struct rcast_client *client;
};

void host_open(struct host *host, enum measure_cpu cpu);
void host_open_with_keyframes(struct host *host, enum measure_cpu cpu);
void host_close(struct host *host);

/* A session that runs argv. ring_bytes 0: the default. */
void host_start(struct host *host, const char *name, const char *const *argv, uint64_t ring_bytes);

/* A connection and a view of its own. */
void host_view(const struct host *host, const char *session, const struct rcast_view_options *options,
	       struct rcast_client **client, struct rcast_view **view);

/* Sleeps until a view may have something, then takes it: an enum rcast_outcome, never RCAST_EMPTY. */
int host_next(struct rcast_view *view, struct rcast_record *record);

#endif
