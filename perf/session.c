/* SPDX-License-Identifier: MIT */
/*
 * A program floods a real PTY, and an engine takes its output into a ring while viewers watch. The engine has the first CPU
 * for itself; the program and the viewers share the second. The floor is a loop that does nothing but poll and read a PTY.
 *
 * The program measures the throughput: what it could write. The kernel measures the engine's processor time.
 */
#include "perf/flood.h"
#include "perf/host.h"
#include "perf/measure.h"
#include "perf/scratch.h"
#include "perf/viewers.h"

#include <stdio.h>
#include <ringcast/ring.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (double)(1u << 20)
#define SETTLE_US 20000 /* for all to fall asleep before, and for the engine to take the rest from the PTY after */

enum { THROUGHPUT, CPU_TIME };
enum { P50, P99 };

struct audience {
	int n;
	bool live;
	int n_beside; /* stopped ones beside them */
};

static uint64_t flood_bytes(void)
{
	return measure_is_quick() ? UINT64_C(2) << 20 : UINT64_C(32) << 20;
}

/* ── The raw loop ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Flood and see what the process that reads the PTY needs for it. */
static void measure_reader(struct flood *flood, pid_t pid, double values[MEASURE_N_VALUES])
{
	uint64_t cpu_ns;

	usleep(SETTLE_US);
	cpu_ns = measure_cpu_ns(pid);
	flood_start(flood, flood_bytes());
	flood_wait(flood);
	usleep(SETTLE_US);
	cpu_ns = measure_cpu_ns(pid) - cpu_ns;
	values[THROUGHPUT] = (double)flood->n_written / MIB / ((double)flood->elapsed_ns / 1e9);
	values[CPU_TIME] = (double)cpu_ns / 1e6 / ((double)flood->n_written / MIB);
}

static void run_raw(const void *context, double values[MEASURE_N_VALUES])
{
	const char *path = scratch_path("flood");
	struct flood *flood = flood_create(path, FLOOD_LINES);
	pid_t reader = flood_drain(path, MEASURE_CPU_0);

	measure_reader(flood, reader, values);
	measure_kill(reader);
	flood_free(flood, path);
}

/* ── The engine ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void run_engine(const void *context, double values[MEASURE_N_VALUES])
{
	const struct audience *audience = context;
	const char *path = scratch_path("flood");
	struct flood *flood = flood_create(path, FLOOD_LINES);
	struct viewers viewers;
	struct host host;

	host_open(&host, MEASURE_CPU_0);
	host_start(&host, "flooded", flood_argv(path, MEASURE_CPU_1), 0);
	viewers_start(&viewers, &host, audience->n, audience->live);
	measure_reader(flood, host.pid, values);
	viewers_stop(&viewers);
	host_close(&host);
	flood_free(flood, path);
}

static void run_ticks(const void *context, double values[MEASURE_N_VALUES])
{
	const struct audience *audience = context;
	const char *path = scratch_path("flood");
	struct flood *flood = flood_create(path, FLOOD_TICKS);
	struct viewers beside, viewers;
	int n = measure_is_quick() ? 30 : VIEWERS_MAX_TICKS;
	struct host host;

	host_open(&host, MEASURE_CPU_0);
	host_start(&host, "flooded", flood_argv(path, MEASURE_CPU_1), 0);
	viewers_start(&beside, &host, audience->n_beside, false);
	viewers_start(&viewers, &host, audience->n, audience->live);
	flood_start(flood, 0);
	while (atomic_load(&viewers.ticks->n) < n)
		usleep(1000);
	values[P50] = measure_percentile(viewers.ticks->taken_us, (size_t)n, 50);
	values[P99] = measure_percentile(viewers.ticks->taken_us, (size_t)n, 99);
	viewers_stop(&viewers);
	viewers_stop(&beside);
	host_close(&host);
	flood_free(flood, path);
}

/* ── Attaching ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static double attach_once(const struct host *host)
{
	uint64_t start = measure_now_ns();
	struct rcast_client *client;
	struct rcast_record record;
	struct rcast_view *opened;
	double taken_us;

	host_view(host, "flooded", NULL, &client, &opened);
	while (host_next(opened, &record) != RCAST_RECORD)
		;
	taken_us = (double)(measure_now_ns() - start) / 1e3;
	rcast_view_close(opened);
	rcast_client_free(client);
	return taken_us;
}

static void run_attach(const void *context, double values[MEASURE_N_VALUES])
{
	const char *path = scratch_path("flood");
	struct flood *flood = flood_create(path, FLOOD_LINES);
	double samples[VIEWERS_MAX_TICKS];
	size_t n = measure_is_quick() ? 20 : 100;
	struct host host;

	host_open(&host, MEASURE_CPU_1);
	host_start(&host, "flooded", flood_argv(path, MEASURE_CPU_1), 0);
	flood_start(flood, 64 << 10);
	flood_wait(flood);
	for (size_t i = 0; i < n; i++)
		samples[i] = attach_once(&host);
	values[P50] = measure_percentile(samples, n, 50);
	values[P99] = measure_percentile(samples, n, 99);
	host_close(&host);
	flood_free(flood, path);
}

/* ── Results ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define ENGINE(...)                                            \
	.run = run_engine, .context = &(const struct audience) \
	{                                                      \
		__VA_ARGS__                                    \
	}
#define TICKS(...)                                            \
	.run = run_ticks, .context = &(const struct audience) \
	{                                                     \
		__VA_ARGS__                                   \
	}

enum {
	RAW,
	ALONE,
	LIVE_1,
	LIVE_4,
	LIVE_16,
	LIVE_64,
	STOPPED_1,
	STOPPED_4,
	STOPPED_16,
	STOPPED_64,
	ATTACH,
	TICKS_1,
	TICKS_4,
	TICKS_16,
	TICKS_64,
	TICKS_BESIDE,
	N
};

static void give_points(const struct measure_probe *p)
{
	static const int counts[] = {1, 4, 16, 64};

	for (int i = 0; i < 4; i++) {
		measure_point("viewers-engine", "live viewers", counts[i], "ms/MiB", &p[LIVE_1 + i].series[CPU_TIME]);
		measure_point("viewers-engine", "stopped viewers", counts[i], "ms/MiB", &p[STOPPED_1 + i].series[CPU_TIME]);
		measure_point("viewers-engine", "raw read loop", counts[i], "ms/MiB", &p[RAW].series[CPU_TIME]);
	}
}

int main(int argc, char **argv)
{
	struct measure_probe p[N] = {
		[RAW] = {.run = run_raw},
		[ALONE] = {ENGINE(0)},
		[LIVE_1] = {ENGINE(.n = 1, .live = true)},
		[LIVE_4] = {ENGINE(.n = 4, .live = true)},
		[LIVE_16] = {ENGINE(.n = 16, .live = true)},
		[LIVE_64] = {ENGINE(.n = 64, .live = true)},
		[STOPPED_1] = {ENGINE(.n = 1)},
		[STOPPED_4] = {ENGINE(.n = 4)},
		[STOPPED_16] = {ENGINE(.n = 16)},
		[STOPPED_64] = {ENGINE(.n = 64)},
		[ATTACH] = {.run = run_attach},
		[TICKS_1] = {TICKS(.n = 1, .live = true)},
		[TICKS_4] = {TICKS(.n = 4, .live = true)},
		[TICKS_16] = {TICKS(.n = 16, .live = true)},
		[TICKS_64] = {TICKS(.n = 64, .live = true)},
		[TICKS_BESIDE] = {TICKS(.n = 1, .live = true, .n_beside = 64)},
	};
	const struct measure_series *raw = p[RAW].series, *alone = p[ALONE].series, *stopped = p[STOPPED_64].series;
	const struct measure_row rows[] = {
		{"PTY into the ring, no viewer", "MiB/s", &alone[THROUGHPUT], &raw[THROUGHPUT], MEASURE_RATIO_AT_LEAST,
		 0.97},
		{"engine CPU, no viewer", "ms/MiB", &alone[CPU_TIME], &raw[CPU_TIME], MEASURE_RATIO_AT_MOST, 1.1},
		{"engine CPU, 64 stopped viewers", "ms/MiB", &stopped[CPU_TIME], &raw[CPU_TIME], MEASURE_RATIO_AT_MOST, 1.1},
		{"  against no viewer", "ms/MiB", &stopped[CPU_TIME], &alone[CPU_TIME], MEASURE_RATIO_AT_MOST, 1.05},
		{"engine CPU, 1 stopped viewer", "ms/MiB", &p[STOPPED_1].series[CPU_TIME], &raw[CPU_TIME], MEASURE_NO_GOAL,
		 0},
		{"engine CPU, 4 stopped viewers", "ms/MiB", &p[STOPPED_4].series[CPU_TIME], &raw[CPU_TIME], MEASURE_NO_GOAL,
		 0},
		{"engine CPU, 16 stopped viewers", "ms/MiB", &p[STOPPED_16].series[CPU_TIME], &raw[CPU_TIME],
		 MEASURE_NO_GOAL, 0},
		{"engine CPU, 1 live viewer", "ms/MiB", &p[LIVE_1].series[CPU_TIME], &raw[CPU_TIME], MEASURE_NO_GOAL, 0},
		{"engine CPU, 4 live viewers", "ms/MiB", &p[LIVE_4].series[CPU_TIME], &raw[CPU_TIME], MEASURE_NO_GOAL, 0},
		{"engine CPU, 16 live viewers", "ms/MiB", &p[LIVE_16].series[CPU_TIME], &raw[CPU_TIME], MEASURE_NO_GOAL, 0},
		{"engine CPU, 64 live viewers", "ms/MiB", &p[LIVE_64].series[CPU_TIME], &raw[CPU_TIME], MEASURE_NO_GOAL, 0},
		{"PTY into the ring, 64 stopped viewers", "MiB/s", &p[STOPPED_64].series[THROUGHPUT], &raw[THROUGHPUT],
		 MEASURE_NO_GOAL, 0},
		{"PTY into the ring, 1 live viewer", "MiB/s", &p[LIVE_1].series[THROUGHPUT], &raw[THROUGHPUT],
		 MEASURE_NO_GOAL, 0},
		{"PTY into the ring, 64 live viewers on the program's CPU", "MiB/s", &p[LIVE_64].series[THROUGHPUT],
		 &raw[THROUGHPUT], MEASURE_NO_GOAL, 0},
		{"attach, connect to first byte, p50", "us", &p[ATTACH].series[P50], NULL, MEASURE_VALUE_AT_MOST, 1000},
		{"attach, connect to first byte, p99", "us", &p[ATTACH].series[P99], NULL, MEASURE_NO_GOAL, 0},
		{"program's write to viewer's read, 1 viewer, p50", "us", &p[TICKS_1].series[P50], NULL, MEASURE_NO_GOAL, 0},
		{"program's write to viewer's read, 1 viewer, p99", "us", &p[TICKS_1].series[P99], NULL, MEASURE_NO_GOAL, 0},
		{"program's write to viewer's read, 64 stopped beside, p50", "us", &p[TICKS_BESIDE].series[P50],
		 &p[TICKS_1].series[P50], MEASURE_NO_GOAL, 0},
		{"program's write to viewer's read, 4 viewers, p50", "us", &p[TICKS_4].series[P50], NULL, MEASURE_NO_GOAL,
		 0},
		{"program's write to viewer's read, 16 viewers, p50", "us", &p[TICKS_16].series[P50], NULL, MEASURE_NO_GOAL,
		 0},
		{"program's write to viewer's read, 64 viewers, p50", "us", &p[TICKS_64].series[P50], NULL, MEASURE_NO_GOAL,
		 0},
		{"program's write to viewer's read, 64 viewers, p99", "us", &p[TICKS_64].series[P99], NULL, MEASURE_NO_GOAL,
		 0},
	};

	measure_start(argc, argv);
	measure_run(p, N);
	measure_report(rows, sizeof rows / sizeof *rows);
	give_points(p);
	return 0;
}
