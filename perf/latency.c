/* SPDX-License-Identifier: MIT */
/*
 * How long it takes from a publish until the reader has the record.
 *
 * Spinning: two rings, one each way, and half of a round trip, because time stamps of two CPUs are good for microseconds
 * only. The floor is the same with one cache line each way.
 *
 * Sleeping: one way, by the clock that both processes share. The writer sends when the reader is known to have been in the
 * kernel for a while. The floor is a pipe with a process blocked in read(2) on it.
 */
#include <ringcast/ring.h>

#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/measure.h"

enum { P50, P99 };

#define N_TRIPS_QUICK 4000
#define N_TRIPS 40000
#define N_WAKES_QUICK 60
#define N_WAKES 400
#define SETTLE_NS 100000 /* how long the reader is given to fall asleep */

static size_t n_trips(void)
{
	return measure_is_quick() ? N_TRIPS_QUICK : N_TRIPS;
}

static size_t n_wakes(void)
{
	return measure_is_quick() ? N_WAKES_QUICK : N_WAKES;
}

static void give_percentiles(double *samples, size_t n, double values[MEASURE_N_VALUES])
{
	values[P50] = measure_percentile(samples, n, 50);
	values[P99] = measure_percentile(samples, n, 99);
	free(samples);
}

/* ── Spinning ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* One side of a table: it hits, and it waits for the ball. */
struct player {
	void (*hit)(void *table, int side);
	void (*wait)(void *table, int side);
	void *table;
};

static void play_back(void *argument)
{
	struct player *player = argument;

	for (size_t i = 0; i < n_trips(); i++) {
		player->wait(player->table, 1);
		player->hit(player->table, 1);
	}
}

static void play(struct player *player, double values[MEASURE_N_VALUES])
{
	double *samples = calloc(n_trips(), sizeof *samples), ns_per_tick = measure_ns_per_tick();
	pid_t other = measure_fork(MEASURE_CPU_1, play_back, player);

	for (size_t i = 0; i < n_trips(); i++) {
		uint64_t start = measure_ticks();

		player->hit(player->table, 0);
		player->wait(player->table, 0);
		samples[i] = (double)(measure_ticks() - start) * ns_per_tick / 2;
	}
	measure_join(other);
	give_percentiles(samples, n_trips(), values);
}

struct lines {
	struct {
		alignas(128) _Atomic uint64_t value;
		alignas(128) uint64_t sent, seen; /* private to either side */
	} side[2];
};

static void hit_line(void *table, int side)
{
	struct lines *lines = table;

	atomic_store_explicit(&lines->side[side].value, ++lines->side[side].sent, memory_order_release);
}

static void wait_for_line(void *table, int side)
{
	struct lines *lines = table;
	uint64_t next = ++lines->side[side].seen;

	while (atomic_load_explicit(&lines->side[!side].value, memory_order_acquire) != next)
		;
}

static void run_lines(const void *context, double values[MEASURE_N_VALUES])
{
	struct lines *lines = measure_share(sizeof *lines);

	play(&(struct player){hit_line, wait_for_line, lines}, values);
	measure_unshare(lines, sizeof *lines);
}

struct rings {
	size_t n_bytes;
	struct rcast_writer *writer[2];
	struct rcast_reader *reader[2]; /* of the other side's writer */
};

static void hit_ring(void *table, int side)
{
	static const char data[4096];
	struct rings *rings = table;

	measure_check(rcast_writer_put(rings->writer[side], RCAST_OUTPUT, data, rings->n_bytes), "rcast_writer_put");
}

static void wait_for_ring(void *table, int side)
{
	static char data[4096];
	struct rings *rings = table;
	struct rcast_record record;
	int outcome;

	do
		outcome = rcast_reader_read(rings->reader[side], data, sizeof data, &record);
	while (outcome == RCAST_EMPTY);
	measure_keep(data);
	if (outcome != RCAST_RECORD)
		measure_fail(outcome, "a reader that waits for each record did not get one");
}

static void run_rings(const void *context, double values[MEASURE_N_VALUES])
{
	struct rings rings = {.n_bytes = *(const size_t *)context};

	for (int side = 0; side < 2; side++) {
		measure_check(rcast_writer_create(NULL, &rings.writer[side]), "rcast_writer_create");
		measure_check(rcast_reader_open_take(rcast_writer_dup_fd(rings.writer[side]), &rings.reader[!side]),
			      "rcast_reader_open_take");
	}
	play(&(struct player){hit_ring, wait_for_ring, &rings}, values);
	for (int side = 0; side < 2; side++) {
		rcast_reader_close(rings.reader[side]);
		rcast_writer_free(rings.writer[side]);
	}
}

/* ── Sleeping ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* How the one wakes the other. */
struct alarm_clock {
	void (*send)(struct alarm_clock *alarm_clock);
	void (*sleep)(struct alarm_clock *alarm_clock); /* returns when it got what was sent */
	int pipe[2];
	struct rcast_writer *writer;
	struct rcast_reader *reader;
	struct rcast_follower *follower;
	struct beat {
		alignas(128) _Atomic uint64_t n_awaited; /* the reader goes to sleep for this one */
		alignas(128) _Atomic uint64_t sent_ns;
		uint64_t taken_ns[N_WAKES];
	} * beat;
};

static void sleep_and_wake(void *argument)
{
	struct alarm_clock *alarm_clock = argument;

	for (size_t i = 0; i < n_wakes(); i++) {
		atomic_store(&alarm_clock->beat->n_awaited, i + 1);
		alarm_clock->sleep(alarm_clock);
		alarm_clock->beat->taken_ns[i] = measure_now_ns() - atomic_load(&alarm_clock->beat->sent_ns);
	}
}

static void pass_time(uint64_t ns)
{
	uint64_t start = measure_now_ns();

	while (measure_now_ns() - start < ns)
		measure_relax();
}

static void wake_again_and_again(struct alarm_clock *alarm_clock, double values[MEASURE_N_VALUES])
{
	double *samples = calloc(n_wakes(), sizeof *samples);
	pid_t sleeper = measure_fork(MEASURE_CPU_1, sleep_and_wake, alarm_clock);

	for (size_t i = 0; i < n_wakes(); i++) {
		while (atomic_load(&alarm_clock->beat->n_awaited) != i + 1)
			measure_relax();
		pass_time(SETTLE_NS);
		atomic_store(&alarm_clock->beat->sent_ns, measure_now_ns());
		alarm_clock->send(alarm_clock);
	}
	measure_join(sleeper);
	for (size_t i = 0; i < n_wakes(); i++)
		samples[i] = (double)alarm_clock->beat->taken_ns[i] / 1e3;
	give_percentiles(samples, n_wakes(), values);
}

static void write_pipe(struct alarm_clock *alarm_clock)
{
	if (write(alarm_clock->pipe[1], "", 1) != 1)
		measure_fail(errno, "write");
}

static void read_pipe(struct alarm_clock *alarm_clock)
{
	char byte;

	if (read(alarm_clock->pipe[0], &byte, 1) != 1)
		measure_fail(errno, "read");
}

static void poll_pipe(struct alarm_clock *alarm_clock)
{
	poll(&(struct pollfd){.fd = alarm_clock->pipe[0], .events = POLLIN}, 1, -1);
	read_pipe(alarm_clock);
}

static void run_pipe(void (*sleeper)(struct alarm_clock *), double values[MEASURE_N_VALUES])
{
	struct alarm_clock alarm_clock = {
		.send = write_pipe, .sleep = sleeper, .beat = measure_share(sizeof *alarm_clock.beat)};

	if (pipe(alarm_clock.pipe) != 0)
		measure_fail(errno, "pipe");
	wake_again_and_again(&alarm_clock, values);
	close(alarm_clock.pipe[0]);
	close(alarm_clock.pipe[1]);
	measure_unshare(alarm_clock.beat, sizeof *alarm_clock.beat);
}

static void run_pipe_read(const void *context, double values[MEASURE_N_VALUES])
{
	run_pipe(read_pipe, values);
}

static void run_pipe_poll(const void *context, double values[MEASURE_N_VALUES])
{
	run_pipe(poll_pipe, values);
}

static void publish_and_notify(struct alarm_clock *alarm_clock)
{
	static const char data[48];

	measure_check(rcast_writer_put(alarm_clock->writer, RCAST_OUTPUT, data, sizeof data), "rcast_writer_put");
	rcast_notify(&alarm_clock->follower, 1);
}

static void wait_for_record(struct alarm_clock *alarm_clock)
{
	char data[48];
	struct rcast_record record;
	int outcome;

	while ((outcome = rcast_reader_read(alarm_clock->reader, data, sizeof data, &record)) == RCAST_EMPTY)
		measure_check(rcast_reader_wait(alarm_clock->reader, -1), "rcast_reader_wait");
	if (outcome != RCAST_RECORD)
		measure_fail(outcome, "rcast_reader_read");
}

static void run_sleeping_ring(const void *context, double values[MEASURE_N_VALUES])
{
	struct alarm_clock alarm_clock = {
		.send = publish_and_notify, .sleep = wait_for_record, .beat = measure_share(sizeof *alarm_clock.beat)};
	struct rcast_cursor *cursor;
	int wake_fd;

	measure_check(rcast_writer_create(NULL, &alarm_clock.writer), "rcast_writer_create");
	measure_check(rcast_reader_open_take(rcast_writer_dup_fd(alarm_clock.writer), &alarm_clock.reader),
		      "rcast_reader_open_take");
	measure_check(rcast_cursor_create(&cursor), "rcast_cursor_create");
	measure_check(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &alarm_clock.follower, &wake_fd),
		      "rcast_follower_create_take");
	measure_check(rcast_reader_follow_take(alarm_clock.reader, cursor, wake_fd), "rcast_reader_follow_take");
	wake_again_and_again(&alarm_clock, values);
	rcast_reader_close(alarm_clock.reader);
	rcast_follower_free(alarm_clock.follower);
	rcast_writer_free(alarm_clock.writer);
	measure_unshare(alarm_clock.beat, sizeof *alarm_clock.beat);
}

int main(int argc, char **argv)
{
	enum { LINES, RING_8, RING_48, RING_4K, PIPE_READ, PIPE_POLL, ASLEEP, N };
	struct measure_probe p[N] = {
		[LINES] = {.run = run_lines},
		[RING_8] = {.run = run_rings, .context = &(const size_t){8}},
		[RING_48] = {.run = run_rings, .context = &(const size_t){48}},
		[RING_4K] = {.run = run_rings, .context = &(const size_t){4096}},
		[PIPE_READ] = {.run = run_pipe_read},
		[PIPE_POLL] = {.run = run_pipe_poll},
		[ASLEEP] = {.run = run_sleeping_ring},
	};
	const struct measure_series *line = p[LINES].series, *raw = p[PIPE_READ].series;
	const struct measure_row rows[] = {
		{"one way, spinning reader, 8 B, p50", "ns", &p[RING_8].series[P50], &line[P50], MEASURE_RATIO_AT_MOST, 1.2},
		{"one way, spinning reader, 48 B, p50", "ns", &p[RING_48].series[P50], &line[P50], MEASURE_RATIO_AT_MOST,
		 1.2},
		{"one way, spinning reader, 48 B, p99", "ns", &p[RING_48].series[P99], &line[P99], MEASURE_NO_GOAL, 0},
		{"one way, spinning reader, 4 KiB, p50", "ns", &p[RING_4K].series[P50], &line[P50], MEASURE_NO_GOAL, 0},
		{"one way, sleeping reader, p50", "us", &p[ASLEEP].series[P50], &raw[P50], MEASURE_RATIO_AT_MOST, 1.15},
		{"  against a pipe that is polled and read", "us", &p[ASLEEP].series[P50], &p[PIPE_POLL].series[P50],
		 MEASURE_NO_GOAL, 0},
		{"one way, sleeping reader, p99", "us", &p[ASLEEP].series[P99], &raw[P99], MEASURE_NO_GOAL, 0},
	};

	measure_start(argc, argv);
	measure_run(p, N);
	measure_report(rows, sizeof rows / sizeof *rows);
	return 0;
}
