/* SPDX-License-Identifier: MIT */
/*
 * A program floods a real PTY, and an engine takes its output into a ring while viewers watch. The engine has the first CPU
 * for itself; the program and the viewers share the second. The floor is a loop that does nothing but poll and read a PTY.
 *
 * How fast a PTY is hangs on where the kernel runs its work queue, and changes by a third within a second. So a probe is a
 * contest: both parties stand ready, each with a program of its own, and their programs flood by turns, a slice at a time.
 *
 * The program measures the throughput: what it could write. The kernel measures the processor time of who reads it.
 */
#include "perf/flood.h"
#include "perf/host.h"
#include "perf/measure.h"
#include "perf/scratch.h"
#include "perf/viewers.h"

#include <ringcast/ring.h>

#include <string.h>
#include <unistd.h>

#define MIB (double)(1u << 20)
#define SETTLE_US 20000
#define TAIL_US \
	2000 /* to take what is still in the PTY when the program has written it, and for a live viewer in addition: */
#define VIEWER_TAIL_US 300

enum { THROUGHPUT, CPU_TIME, RIVAL_THROUGHPUT, RIVAL_CPU_TIME };
enum { P50, P99 };

struct audience {
	int n;
	bool live;
	int n_beside; /* stopped ones beside them */
};

static uint64_t slice_bytes(void)
{
	return measure_is_quick() ? UINT64_C(1) << 19 : UINT64_C(2) << 20;
}

static int n_slices(void)
{
	return measure_is_quick() ? 6 : 8;
}

/* ── Contests ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Somebody who takes a program's output: an engine with viewers, or, without an audience, the raw loop. */
struct party {
	const struct audience *audience;
	const char *path;
	struct flood *flood;
	pid_t pid;
	struct expense {
		uint64_t n_written, elapsed_ns, cpu_ns;
	} before; /* the first slice that counts */
	struct host host;
	struct viewers viewers;
};

static void open_party(struct party *party, const struct audience *audience, const char *path)
{
	*party = (struct party){.audience = audience, .path = path, .flood = flood_create(path, FLOOD_LINES)};
	if (!audience) {
		party->pid = flood_drain(path, MEASURE_CPU_0);
		return;
	}
	host_open(&party->host, MEASURE_CPU_0);
	host_start(&party->host, "flooded", flood_argv(path, MEASURE_CPU_1), 0);
	viewers_start(&party->viewers, &party->host, audience->n, audience->live);
	party->pid = party->host.pid;
}

static void close_party(struct party *party)
{
	if (party->audience) {
		viewers_stop(&party->viewers);
		host_close(&party->host);
	} else {
		measure_kill(party->pid);
	}
	flood_free(party->flood, party->path);
}

static void take_slice(const struct party *party)
{
	flood_start(party->flood, slice_bytes());
	flood_wait(party->flood);
	usleep(TAIL_US + (party->audience && party->audience->live ? party->audience->n * VIEWER_TAIL_US : 0));
}

static struct expense add_up(const struct party *party)
{
	return (struct expense){party->flood->n_written, party->flood->elapsed_ns, measure_cpu_ns(party->pid)};
}

/* A slice that does not count: there is memory to touch, and each sleeper is rung, once. */
static void warm_up(struct party *party)
{
	take_slice(party);
	party->before = add_up(party);
}

static void judge(const struct party *party, double values[2])
{
	struct expense after = add_up(party);
	double n_mib = (double)(after.n_written - party->before.n_written) / MIB;

	values[THROUGHPUT] = n_mib / ((double)(after.elapsed_ns - party->before.elapsed_ns) / 1e9);
	values[CPU_TIME] = (double)(after.cpu_ns - party->before.cpu_ns) / 1e6 / n_mib;
}

static void compete(struct party *ours, struct party *rival, double values[MEASURE_N_VALUES])
{
	usleep(SETTLE_US);
	warm_up(ours);
	warm_up(rival);
	for (int i = 0; i < n_slices(); i++) {
		take_slice(i % 2 ? rival : ours);
		take_slice(i % 2 ? ours : rival);
	}
	judge(ours, values);
	judge(rival, values + RIVAL_THROUGHPUT);
}

struct contest {
	const struct audience *ours, *rival;
};

static void run_contest(const void *context, double values[MEASURE_N_VALUES])
{
	const struct contest *contest = context;
	struct party ours, rival;

	open_party(&ours, contest->ours, scratch_path("flood-ours"));
	open_party(&rival, contest->rival, scratch_path("flood-rival"));
	compete(&ours, &rival, values);
	close_party(&rival);
	close_party(&ours);
}

/* ── Ticks ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

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
	flood_start(flood, UINT64_MAX);
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

#define AUDIENCE(...)            \
	&(const struct audience) \
	{                        \
		__VA_ARGS__      \
	}
#define RAW_LOOP NULL
#define CONTEST(ours, rival)                                   \
	.run = run_contest, .context = &(const struct contest) \
	{                                                      \
		ours, rival                                    \
	}
#define TICKS(...) .run = run_ticks, .context = AUDIENCE(__VA_ARGS__)

/* Those that goals hang on, and those that only inform, of which a quick look is enough to be quick. */
enum {
	ALONE,
	STOPPED_64,
	FLATNESS,
	ATTACH,
	N_JUDGED,
	LIVE_1 = N_JUDGED,
	LIVE_4,
	LIVE_16,
	LIVE_64,
	STOPPED_1,
	STOPPED_4,
	STOPPED_16,
	TICKS_1,
	TICKS_4,
	TICKS_16,
	TICKS_64,
	TICKS_BESIDE,
	N
};

static void give_points(const struct measure_probe *p)
{
	static const int counts[] = {1, 4, 16, 64}, live[] = {LIVE_1, LIVE_4, LIVE_16, LIVE_64},
			 stopped[] = {STOPPED_1, STOPPED_4, STOPPED_16, STOPPED_64};

	for (int i = 0; i < 4; i++) {
		measure_point("viewers-engine", "live viewers", counts[i], "ms/MiB", &p[live[i]].series[CPU_TIME]);
		measure_point("viewers-engine", "stopped viewers", counts[i], "ms/MiB", &p[stopped[i]].series[CPU_TIME]);
		measure_point("viewers-engine", "raw read loop", counts[i], "ms/MiB", &p[stopped[i]].series[RIVAL_CPU_TIME]);
	}
}

static struct measure_row cpu_row(const char *name, const struct measure_probe *probe, enum measure_goal goal)
{
	return (struct measure_row){name, "ms/MiB", &probe->series[CPU_TIME], &probe->series[RIVAL_CPU_TIME], goal, 1.1};
}

static struct measure_row throughput_row(const char *name, const struct measure_probe *probe, enum measure_goal goal)
{
	return (struct measure_row){name, "MiB/s", &probe->series[THROUGHPUT], &probe->series[RIVAL_THROUGHPUT], goal, 0.97};
}

static struct measure_row latency_row(const char *name, const struct measure_probe *probe, int percentile)
{
	return (struct measure_row){name, "us", &probe->series[percentile], NULL, MEASURE_NO_GOAL, 0};
}

int main(int argc, char **argv)
{
	struct measure_probe p[N] = {
		[ALONE] = {CONTEST(AUDIENCE(0), RAW_LOOP)},
		[LIVE_1] = {CONTEST(AUDIENCE(.n = 1, .live = true), RAW_LOOP)},
		[LIVE_4] = {CONTEST(AUDIENCE(.n = 4, .live = true), RAW_LOOP)},
		[LIVE_16] = {CONTEST(AUDIENCE(.n = 16, .live = true), RAW_LOOP)},
		[LIVE_64] = {CONTEST(AUDIENCE(.n = 64, .live = true), RAW_LOOP)},
		[STOPPED_1] = {CONTEST(AUDIENCE(.n = 1), RAW_LOOP)},
		[STOPPED_4] = {CONTEST(AUDIENCE(.n = 4), RAW_LOOP)},
		[STOPPED_16] = {CONTEST(AUDIENCE(.n = 16), RAW_LOOP)},
		[STOPPED_64] = {CONTEST(AUDIENCE(.n = 64), RAW_LOOP)},
		[FLATNESS] = {CONTEST(AUDIENCE(.n = 64), AUDIENCE(0))},
		[ATTACH] = {.run = run_attach},
		[TICKS_1] = {TICKS(.n = 1, .live = true)},
		[TICKS_4] = {TICKS(.n = 4, .live = true)},
		[TICKS_16] = {TICKS(.n = 16, .live = true)},
		[TICKS_64] = {TICKS(.n = 64, .live = true)},
		[TICKS_BESIDE] = {TICKS(.n = 1, .live = true, .n_beside = 64)},
	};
	const struct measure_series *flatness = p[FLATNESS].series;
	const struct measure_row rows[] = {
		throughput_row("PTY into the ring, no viewer", &p[ALONE], MEASURE_RATIO_AT_LEAST),
		cpu_row("engine CPU, no viewer", &p[ALONE], MEASURE_RATIO_AT_MOST),
		cpu_row("engine CPU, 64 stopped viewers", &p[STOPPED_64], MEASURE_RATIO_AT_MOST),
		{"  against no viewer", "ms/MiB", &flatness[CPU_TIME], &flatness[RIVAL_CPU_TIME], MEASURE_RATIO_AT_MOST,
		 1.05},
		cpu_row("engine CPU, 1 stopped viewer", &p[STOPPED_1], MEASURE_NO_GOAL),
		cpu_row("engine CPU, 4 stopped viewers", &p[STOPPED_4], MEASURE_NO_GOAL),
		cpu_row("engine CPU, 16 stopped viewers", &p[STOPPED_16], MEASURE_NO_GOAL),
		cpu_row("engine CPU, 1 live viewer", &p[LIVE_1], MEASURE_NO_GOAL),
		cpu_row("engine CPU, 4 live viewers", &p[LIVE_4], MEASURE_NO_GOAL),
		cpu_row("engine CPU, 16 live viewers", &p[LIVE_16], MEASURE_NO_GOAL),
		cpu_row("engine CPU, 64 live viewers", &p[LIVE_64], MEASURE_NO_GOAL),
		throughput_row("PTY into the ring, 1 stopped viewer", &p[STOPPED_1], MEASURE_NO_GOAL),
		throughput_row("PTY into the ring, 4 stopped viewers", &p[STOPPED_4], MEASURE_NO_GOAL),
		throughput_row("PTY into the ring, 16 stopped viewers", &p[STOPPED_16], MEASURE_NO_GOAL),
		throughput_row("PTY into the ring, 64 stopped viewers", &p[STOPPED_64], MEASURE_NO_GOAL),
		throughput_row("PTY into the ring, 1 live viewer", &p[LIVE_1], MEASURE_NO_GOAL),
		throughput_row("PTY into the ring, 4 live viewers", &p[LIVE_4], MEASURE_NO_GOAL),
		throughput_row("PTY into the ring, 16 live viewers", &p[LIVE_16], MEASURE_NO_GOAL),
		throughput_row("PTY into the ring, 64 live viewers on the program's CPU", &p[LIVE_64], MEASURE_NO_GOAL),
		{"attach, connect to first byte, p50", "us", &p[ATTACH].series[P50], NULL, MEASURE_VALUE_AT_MOST, 1000},
		latency_row("attach, connect to first byte, p99", &p[ATTACH], P99),
		latency_row("program's write to viewer's read, 1 viewer, p50", &p[TICKS_1], P50),
		latency_row("program's write to viewer's read, 1 viewer, p99", &p[TICKS_1], P99),
		{"program's write to viewer's read, 64 stopped beside, p50", "us", &p[TICKS_BESIDE].series[P50],
		 &p[TICKS_1].series[P50], MEASURE_NO_GOAL, 0},
		latency_row("program's write to viewer's read, 4 viewers, p50", &p[TICKS_4], P50),
		latency_row("program's write to viewer's read, 16 viewers, p50", &p[TICKS_16], P50),
		latency_row("program's write to viewer's read, 64 viewers, p50", &p[TICKS_64], P50),
		latency_row("program's write to viewer's read, 64 viewers, p99", &p[TICKS_64], P99),
	};

	measure_start(argc, argv);
	measure_run(p, N_JUDGED);
	measure_run_rounds(p + N_JUDGED, N - N_JUDGED, measure_is_quick() ? 3 : 11);
	measure_report(rows, sizeof rows / sizeof *rows);
	give_points(p);
	return 0;
}
