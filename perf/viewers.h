/* SPDX-License-Identifier: MIT */
/*
 * Viewers of the session "flooded", each a process of its own on the second CPU. A live one reads all that comes; a stopped one
 * has read what there was, waits, and never comes back. The first live one notes how old each tick of perf_flood is.
 */
#ifndef PERF_VIEWERS_H
#define PERF_VIEWERS_H

#include <stdatomic.h>

#include "perf/host.h"

#define VIEWERS_MAX 64
#define VIEWERS_MAX_TICKS 512

struct viewers {
	int n;
	pid_t pids[VIEWERS_MAX];
	struct viewers_ticks {
		atomic_int n_attached;
		atomic_int n;
		double taken_us[VIEWERS_MAX_TICKS];
	} * ticks;
};

void viewers_start(struct viewers *viewers, const struct host *host, int n, bool live);
void viewers_stop(struct viewers *viewers);

#endif
