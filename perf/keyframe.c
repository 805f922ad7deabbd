/* SPDX-License-Identifier: MIT */
/*
 * How soon a viewer has the screen, and what it costs that somebody keeps it: an engine with its keyframer, asked by a client as a
 * viewer asks.
 *
 * Level: a program prints a line, we have seen it, and ask; the keyframer sleeps and has that line to draw. Late: a program
 * floods its terminal without end, and viewers join meanwhile. Then two engines flood by turns, with a keyframer and without;
 * the floor is the slower of the flood without one and of what the emulator can draw, since with its lease the keyframer
 * holds back the program.
 *
 * Where we ask, engine and keyframer have the second CPU; where a program floods, it has that one, and they take what they get.
 */
#include "perf/flood.h"
#include "perf/host.h"
#include "perf/measure.h"
#include "perf/process.h"
#include "perf/scratch.h"

#include <ringcast/screen.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (double)(1u << 20)
#define MAX_SAMPLES 512
#define N_SESSIONS 64
#define SETTLE_US 100000
#define KEYFRAMER "ringcast-keyfra"

enum { LEVEL_P50, LEVEL_P99, AGAIN_P50, JOIN_P50, JOIN_P99 };
enum { LATE_P50, LATE_P95, N_STALE };
enum { WITH, WITHOUT, EMULATOR, SLOWER };
enum { SESSION_KIB };

static size_t n_samples(void)
{
	return measure_is_quick() ? 64 : MAX_SAMPLES;
}

/* ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static double ask(struct rcast_client *client, const char *session, bool *is_stale)
{
	uint64_t start = measure_now_ns();
	struct rcast_keyframe keyframe;
	int error = rcast_client_get_keyframe(client, session, &keyframe);

	if (error)
		measure_fail(error, "the keyframe of %s: %s", session, rcast_client_error(client));
	free(keyframe.bytes);
	*is_stale = keyframe.stale;
	return (double)(measure_now_ns() - start) / 1e3;
}

/* From nothing to a screen. */
static double join(const struct host *host, const char *session, bool *is_stale)
{
	struct rcast_view_options options = {.from = RCAST_FROM_SCREEN};
	uint64_t start = measure_now_ns(), end;
	struct rcast_record record;
	struct rcast_client *client;
	struct rcast_view *view;

	host_view(host, session, &options, &client, &view);
	while (host_next(view, &record) != RCAST_RECORD)
		;
	end = measure_now_ns();
	if (record.kind != RCAST_KEYFRAME)
		measure_fail(0, "a viewer of %s joined without its screen", session);
	*is_stale = rcast_view_keyframe(view)->stale;
	rcast_view_close(view);
	rcast_client_free(client);
	return (double)(end - start) / 1e3;
}

/* ── Level ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *const screenful_and_cat[] = {"sh", "-c", "seq 1 100; exec cat", NULL};

/* The terminal echoes it. */
static void have_a_line_printed(struct rcast_view *view)
{
	struct rcast_record record;

	measure_check(rcast_view_send_input(view, "line\n", 5), "rcast_view_send_input");
	while (host_next(view, &record) != RCAST_RECORD || record.kind != RCAST_OUTPUT)
		;
	usleep(1000); /* and cat says it again */
	while (rcast_view_next(view, &record) == RCAST_RECORD)
		;
}

static void run_level(const void *context, double values[MEASURE_N_VALUES])
{
	static double level[MAX_SAMPLES], again[MAX_SAMPLES], joined[MAX_SAMPLES];
	struct rcast_view_options options = {.input = true};
	struct rcast_client *client;
	struct rcast_view *view;
	struct host host;
	bool is_stale;

	host_open_with_keyframes(&host, MEASURE_CPU_1);
	host_start(&host, "level", screenful_and_cat, 0);
	host_view(&host, "level", &options, &client, &view);
	ask(host.client, "level", &is_stale);
	for (size_t i = 0; i < n_samples(); i++) {
		have_a_line_printed(view);
		level[i] = ask(host.client, "level", &is_stale);
		again[i] = ask(host.client, "level", &is_stale);
		have_a_line_printed(view);
		joined[i] = join(&host, "level", &is_stale);
	}
	rcast_view_close(view);
	rcast_client_free(client);
	host_close(&host);
	values[LEVEL_P50] = measure_percentile(level, n_samples(), 50);
	values[LEVEL_P99] = measure_percentile(level, n_samples(), 99);
	values[AGAIN_P50] = measure_percentile(again, n_samples(), 50);
	values[JOIN_P50] = measure_percentile(joined, n_samples(), 50);
	values[JOIN_P99] = measure_percentile(joined, n_samples(), 99);
}

/* ── Late ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void run_late(const void *context, double values[MEASURE_N_VALUES])
{
	static double joined[MAX_SAMPLES];
	const char *path = scratch_path("late");
	struct flood *flood = flood_create(path, FLOOD_LINES);
	struct host host;
	bool is_stale;

	values[N_STALE] = 0;
	host_open_with_keyframes(&host, MEASURE_ANY_CPU);
	host_start(&host, "flooded", flood_argv(path, MEASURE_CPU_1), 0);
	flood_start(flood, UINT64_MAX);
	usleep(SETTLE_US);
	for (size_t i = 0; i < n_samples() / 4; i++) {
		joined[i] = join(&host, "flooded", &is_stale);
		values[N_STALE] += is_stale;
		usleep(5000);
	}
	host_close(&host);
	flood_free(flood, path);
	values[LATE_P50] = measure_percentile(joined, n_samples() / 4, 50);
	values[LATE_P95] = measure_percentile(joined, n_samples() / 4, 95);
}

/* ── Floods with and without ─────────────────────────────────────────────────────────────────────────────────────────── */

struct party {
	char path[108];
	struct flood *flood;
	struct host host;
	uint64_t n_before, elapsed_before_ns; /* the first slice that counts */
};

static uint64_t slice_bytes(void)
{
	return measure_is_quick() ? UINT64_C(2) << 20 : UINT64_C(8) << 20;
}

static void take_slice(const struct party *party)
{
	flood_start(party->flood, slice_bytes());
	flood_wait(party->flood);
	usleep(20000);
}

static void open_party(struct party *party, const char *name, void (*open)(struct host *host, enum measure_cpu cpu))
{
	strcpy(party->path, scratch_path("%s", name));
	party->flood = flood_create(party->path, FLOOD_LINES);
	open(&party->host, MEASURE_ANY_CPU);
	host_start(&party->host, "flooded", flood_argv(party->path, MEASURE_CPU_1), 0);
	take_slice(party);
	party->n_before = party->flood->n_written;
	party->elapsed_before_ns = party->flood->elapsed_ns;
}

static double close_party(struct party *party)
{
	double n_mib = (double)(party->flood->n_written - party->n_before) / MIB;
	double rate = n_mib / ((double)(party->flood->elapsed_ns - party->elapsed_before_ns) / 1e9);

	host_close(&party->host);
	flood_free(party->flood, party->path);
	return rate;
}

/* The flood's lines, as they come out of a terminal, a PTY's read at a time. */
static double draw_lines(void)
{
	static char page[4096];
	struct rcast_screen *screen;
	uint64_t start, n_bytes = 0;

	for (size_t i = 0; i < sizeof page; i++)
		page[i] = i % 81 == 79 ? '\r' : i % 81 == 80 ? '\n' : (char)('a' + i % 26);
	measure_check(rcast_screen_create(80, 24, &screen), "rcast_screen_create");
	start = measure_now_ns();
	for (; measure_now_ns() - start < measure_run_ns(); n_bytes += sizeof page)
		rcast_screen_feed(screen, page, sizeof page);
	rcast_screen_free(screen);
	return (double)n_bytes / MIB / ((double)(measure_now_ns() - start) / 1e9);
}

static void run_flood(const void *context, double values[MEASURE_N_VALUES])
{
	struct party with, without;
	bool is_stale;

	open_party(&with, "with", host_open_with_keyframes);
	open_party(&without, "without", host_open);
	ask(with.host.client, "flooded", &is_stale);
	for (int i = 0; i < 4; i++) {
		take_slice(&with);
		take_slice(&without);
	}
	ask(with.host.client, "flooded", &is_stale);
	if (is_stale)
		measure_fail(0, "the keyframer has lost its lease");
	values[WITH] = close_party(&with);
	values[WITHOUT] = close_party(&without);
	values[EMULATOR] = draw_lines();
	values[SLOWER] = values[EMULATOR] < values[WITHOUT] ? values[EMULATOR] : values[WITHOUT];
}

/* ── Memory ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void start_and_draw(struct host *host, int n)
{
	char name[16];
	bool is_stale;

	snprintf(name, sizeof name, "s%d", n);
	host_start(host, name, screenful_and_cat, 1 << 16);
	usleep(20000);
	ask(host->client, name, &is_stale);
}

static void run_memory(const void *context, double values[MEASURE_N_VALUES])
{
	struct host host;
	double before_kib;
	pid_t keyframer;

	host_open_with_keyframes(&host, MEASURE_CPU_1);
	start_and_draw(&host, 0);
	keyframer = process_child(host.pid, KEYFRAMER);
	if (!keyframer)
		measure_fail(0, "there is no keyframer");
	before_kib = process_private_kib(keyframer);
	for (int i = 1; i <= N_SESSIONS; i++)
		start_and_draw(&host, i);
	values[SESSION_KIB] = (process_private_kib(keyframer) - before_kib) / N_SESSIONS;
	host_close(&host);
}

/* ── All of it ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum { LEVEL, LATE, FLOOD, MEMORY, N };

int main(int argc, char **argv)
{
	struct measure_probe p[N] = {
		[LEVEL] = {.run = run_level},
		[LATE] = {.run = run_late},
		[FLOOD] = {.run = run_flood},
		[MEMORY] = {.run = run_memory},
	};
	const struct measure_series *level = p[LEVEL].series, *late = p[LATE].series, *flood = p[FLOOD].series;
	const struct measure_row rows[] = {
		{"keyframe of 80x24, keyframer level, p50", "us", &level[LEVEL_P50], NULL, MEASURE_VALUE_AT_MOST, 1000},
		{"keyframe of 80x24, keyframer level, p99", "us", &level[LEVEL_P99], NULL, MEASURE_NO_GOAL, 0},
		{"keyframe of 80x24, asked for again, p50", "us", &level[AGAIN_P50], NULL, MEASURE_NO_GOAL, 0},
		{"connect to the first full screen, p50", "us", &level[JOIN_P50], NULL, MEASURE_VALUE_AT_MOST, 5000},
		{"connect to the first full screen, p99", "us", &level[JOIN_P99], NULL, MEASURE_NO_GOAL, 0},
		{"connect to the first full screen in a flood, p50", "us", &late[LATE_P50], NULL, MEASURE_NO_GOAL, 0},
		{"connect to the first full screen in a flood, p95", "us", &late[LATE_P95], NULL, MEASURE_VALUE_AT_MOST,
		 100000},
		{"stale screens in a flood", "", &late[N_STALE], NULL, MEASURE_VALUE_AT_MOST, 0},
		{"flood with keyframes, against PTY or emulator alone", "MiB/s", &flood[WITH], &flood[SLOWER],
		 MEASURE_RATIO_AT_LEAST, 0.9},
		{"flood with keyframes, against without", "MiB/s", &flood[WITH], &flood[WITHOUT], MEASURE_NO_GOAL, 0},
		{"the emulator alone, the flood's lines", "MiB/s", &flood[EMULATOR], NULL, MEASURE_NO_GOAL, 0},
		{"keyframer's own memory, a session of 80x24", "KiB", &p[MEMORY].series[SESSION_KIB], NULL,
		 MEASURE_VALUE_AT_MOST, 1024},
	};

	measure_start(argc, argv);
	measure_run(p, N);
	measure_report(rows, sizeof rows / sizeof *rows);
	return 0;
}
