/* SPDX-License-Identifier: MIT */
/* See viewers.h. Ticks are passed to whoever measures through memory that both share. */
#include "perf/viewers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/measure.h"

struct viewer {
	const struct host *host;
	struct viewers_ticks *ticks;
	bool live, timed;
};

static void note_tick(struct viewers_ticks *ticks, const struct rcast_record *record)
{
	const char *at = memchr(record->data, '@', record->n_bytes);
	int n = atomic_load(&ticks->n);

	if (!at || n == VIEWERS_MAX_TICKS || record->n_bytes - (size_t)(at - (const char *)record->data) < 21)
		return;
	ticks->taken_us[n] = (double)(measure_now_ns() - strtoull(at + 1, NULL, 10)) / 1e3;
	atomic_store(&ticks->n, n + 1);
}

/* A stopped viewer has read what there was and waits; it just never comes back. */
static void view(void *argument)
{
	struct viewer *viewer = argument;
	struct rcast_client *client;
	struct rcast_record record;
	struct rcast_view *opened;

	host_view(viewer->host, "flooded", NULL, &client, &opened);
	while (!viewer->live && rcast_view_next(opened, &record) != RCAST_EMPTY)
		;
	atomic_fetch_add(&viewer->ticks->n_attached, 1);
	for (;;) {
		if (!viewer->live)
			pause();
		if (host_next(opened, &record) == RCAST_RECORD && viewer->timed)
			note_tick(viewer->ticks, &record);
	}
}

void viewers_start(struct viewers *viewers, const struct host *host, int n, bool live)
{
	*viewers = (struct viewers){.n = n, .ticks = measure_share(sizeof *viewers->ticks)};
	for (int i = 0; i < n; i++) {
		struct viewer viewer = {.host = host, .ticks = viewers->ticks, .live = live, .timed = i == 0};

		viewers->pids[i] = measure_fork(MEASURE_CPU_1, view, &viewer);
	}
	while (atomic_load(&viewers->ticks->n_attached) < n)
		usleep(1000);
}

void viewers_stop(struct viewers *viewers)
{
	for (int i = 0; i < viewers->n; i++)
		measure_kill(viewers->pids[i]);
	measure_unshare(viewers->ticks, sizeof *viewers->ticks);
}
