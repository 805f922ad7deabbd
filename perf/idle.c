/* SPDX-License-Identifier: MIT */
/*
 * An engine with many sessions in which nothing happens: does it ever wake up, and how much memory does it take. And what many
 * idle sessions cost the one that is used: attaching to it, and the engine's time for what it prints.
 *
 * Memory is what the engine's process has for itself, page tables included. A ring is shared memory and counts as its size.
 */
#include <stdio.h>
#include <unistd.h>

#include <ringcast/ring.h>

#include "perf/flood.h"
#include "perf/host.h"
#include "perf/measure.h"
#include "perf/process.h"
#include "perf/scratch.h"

#define MAX_SESSIONS 1000
#define N_ATTACHES 15

enum { WAKE_UPS, MEMORY_KIB, CPU_TIME, ATTACH };

/* ── A run ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void start_sleepers(struct host *host, unsigned int n)
{
	static const char *const argv[] = {"sleep", "1000", NULL};
	char name[32];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "idle-%u", i);
		host_start(host, name, argv, RCAST_RING_MIN_BYTES);
	}
}

static double count_wake_ups(const struct host *host)
{
	double before;

	usleep(200000);
	before = process_switches(host->pid);
	usleep(measure_is_quick() ? 500000 : 5000000);
	return process_switches(host->pid) - before;
}

static double time_flood(const struct host *host, struct flood *flood)
{
	uint64_t cpu_ns = measure_cpu_ns(host->pid);

	flood_start(flood, measure_is_quick() ? 1 << 20 : 16 << 20);
	flood_wait(flood);
	usleep(20000);
	return (double)(measure_cpu_ns(host->pid) - cpu_ns) / (double)flood->n_written * 1.048576;
}

static double time_attaching(const struct host *host)
{
	double samples[N_ATTACHES];

	for (int i = 0; i < N_ATTACHES; i++) {
		uint64_t start = measure_now_ns();
		struct rcast_client *client;
		struct rcast_record record;
		struct rcast_view *view;

		host_view(host, "used", NULL, &client, &view);
		while (host_next(view, &record) != RCAST_RECORD)
			;
		samples[i] = (double)(measure_now_ns() - start) / 1e3;
		rcast_view_close(view);
		rcast_client_free(client);
	}
	return measure_percentile(samples, N_ATTACHES, 50);
}

static void run(const void *context, double values[MEASURE_N_VALUES])
{
	const unsigned int *n_sessions = context;
	const char *path = scratch_path("flood");
	struct flood *flood = flood_create(path, FLOOD_LINES);
	struct host host;
	double kib;

	host_open(&host, MEASURE_CPU_0);
	kib = process_private_kib(host.pid);
	start_sleepers(&host, *n_sessions);
	if (*n_sessions == MAX_SESSIONS)
		values[WAKE_UPS] = count_wake_ups(&host);
	values[MEMORY_KIB] = (process_private_kib(host.pid) - kib) / *n_sessions;
	host_start(&host, "used", flood_argv(path, MEASURE_CPU_1), 0);
	values[CPU_TIME] = time_flood(&host, flood);
	values[ATTACH] = time_attaching(&host);
	host_close(&host);
	flood_free(flood, path);
}

int main(int argc, char **argv)
{
	static const unsigned int counts[] = {1, 10, 100, MAX_SESSIONS};
	enum { N = sizeof counts / sizeof *counts };
	struct measure_probe p[N];
	const struct measure_series *most = p[N - 1].series, *one = p[0].series;
	const struct measure_row rows[] = {
		{"1,000 idle sessions: times that the engine woke up", "times", &most[WAKE_UPS], NULL, MEASURE_VALUE_AT_MOST,
		 0},
		{"  memory a session beside its ring", "KiB", &most[MEMORY_KIB], NULL, MEASURE_VALUE_AT_MOST, 64},
		{"  engine CPU for a busy one, against 1 idle session", "ms/MiB", &most[CPU_TIME], &one[CPU_TIME],
		 MEASURE_NO_GOAL, 0},
		{"  attach, connect to first byte, against 1 idle session", "us", &most[ATTACH], &one[ATTACH],
		 MEASURE_NO_GOAL, 0},
	};

	measure_start(argc, argv);
	for (size_t i = 0; i < N; i++)
		p[i] = (struct measure_probe){.run = run, .context = &counts[i]};
	measure_run_rounds(p, N, measure_is_quick() ? 1 : 7);
	measure_report(rows, sizeof rows / sizeof *rows);
	for (size_t i = 0; i < N; i++) {
		measure_point("cost-sessions", "engine CPU, ms/MiB", counts[i], "ms/MiB", &p[i].series[CPU_TIME]);
		measure_point("attach-sessions", "attach", counts[i], "us", &p[i].series[ATTACH]);
	}
	return 0;
}
