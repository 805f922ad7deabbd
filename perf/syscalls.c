/* SPDX-License-Identifier: MIT */
/*
 * System calls for each MiB that a program prints under a PTY, counted by strace: of an engine, with nobody looking and with
 * viewers, and of a loop that only polls and reads. strace slows whom it counts, so more waits in the PTY at each look than it
 * would otherwise: the numbers compare with each other, and are no lower bound of anything.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf/flood.h"
#include "perf/measure.h"
#include "perf/process.h"
#include "perf/scratch.h"
#include "perf/terminal.h"
#include "perf/viewers.h"

#define FLOOD_BYTES (UINT64_C(1) << 20)

static pid_t start_strace(pid_t pid, const char *report)
{
	char text[16];
	uint64_t start = measure_now_ns();
	pid_t strace;

	snprintf(text, sizeof text, "%d", (int)pid);
	strace = terminal_run(MEASURE_ANY_CPU, (const char *const[]){"strace", "-f", "-c", "-o", report, "-p", text, NULL});
	while (process_tracer(pid) == 0) {
		if (waitpid(strace, NULL, WNOHANG) != 0 || measure_now_ns() - start > UINT64_C(5000000000))
			measure_fail(0, "strace does not attach: is it installed, and may one process trace another here?");
		usleep(1000);
	}
	usleep(50000);
	return strace;
}

/* The last line of strace's report: share, seconds, time a call, calls, errors if any, "total". */
static double read_total(const char *report)
{
	FILE *file = fopen(report, "re");
	char line[256];
	double calls = -1;

	if (!file)
		measure_fail(errno, "%s", report);
	while (fgets(line, sizeof line, file))
		if (strstr(line, " total"))
			sscanf(line, "%*s %*s %*s %lf", &calls);
	fclose(file);
	if (calls < 0)
		measure_fail(0, "strace's report has no total");
	return calls;
}

static double count_calls(struct flood *flood, pid_t pid)
{
	const char *report = scratch_path("strace");
	pid_t strace = start_strace(pid, report);

	flood_start(flood, FLOOD_BYTES);
	flood_wait(flood);
	usleep(100000);
	kill(strace, SIGINT);
	waitpid(strace, NULL, 0);
	return read_total(report) / ((double)flood->n_written / (1 << 20));
}

static void run_raw(const void *context, double values[MEASURE_N_VALUES])
{
	const char *path = scratch_path("flood");
	struct flood *flood = flood_create(path, FLOOD_LINES);
	pid_t reader = flood_drain(path, MEASURE_CPU_0);

	values[0] = count_calls(flood, reader);
	measure_kill(reader);
	flood_free(flood, path);
}

struct audience {
	int n;
	bool live;
};

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
	values[0] = count_calls(flood, host.pid);
	viewers_stop(&viewers);
	host_close(&host);
	flood_free(flood, path);
}

int main(int argc, char **argv)
{
	enum { RAW, ALONE, STOPPED_16, LIVE_1, LIVE_16, N };
	struct measure_probe p[N] = {
		[RAW] = {.run = run_raw},
		[ALONE] = {.run = run_engine, .context = &(const struct audience){0, false}},
		[STOPPED_16] = {.run = run_engine, .context = &(const struct audience){16, false}},
		[LIVE_1] = {.run = run_engine, .context = &(const struct audience){1, true}},
		[LIVE_16] = {.run = run_engine, .context = &(const struct audience){16, true}},
	};
	const struct measure_series *raw = p[RAW].series;
	const struct measure_row rows[] = {
		{"system calls a MiB, engine, no viewer", "calls", p[ALONE].series, raw, MEASURE_NO_GOAL, 0},
		{"system calls a MiB, engine, 16 stopped viewers", "calls", p[STOPPED_16].series, raw, MEASURE_NO_GOAL, 0},
		{"system calls a MiB, engine, 1 live viewer", "calls", p[LIVE_1].series, raw, MEASURE_NO_GOAL, 0},
		{"system calls a MiB, engine, 16 live viewers", "calls", p[LIVE_16].series, raw, MEASURE_NO_GOAL, 0},
	};

	measure_start(argc, argv);
	measure_run_rounds(p, N, measure_is_quick() ? 1 : 7);
	measure_report(rows, sizeof rows / sizeof *rows);
	return 0;
}
