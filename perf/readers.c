/* SPDX-License-Identifier: MIT */
/*
 * What many readers cost whoever publishes, while they read nothing.
 *
 * All readers live in one process on the other CPU. Stopped ones have said that they sleep, are rung once, and never come
 * back; awake ones never say so. Publishing knows of none of them: it is notify that walks the list.
 */
#include <ringcast/ring.h>

#include <stdatomic.h>
#include <unistd.h>

#include "perf/measure.h"

#define MAX_READERS 1000

enum { PUBLISH_NS, NOTIFY_NS, BOTH_NS, ALONE_NS };

struct crowd {
	size_t n;
	bool awake;
};

struct stage {
	const struct crowd *crowd;
	struct rcast_writer *writer;
	struct rcast_reader *readers[MAX_READERS];
	struct rcast_follower *followers[MAX_READERS];
	atomic_bool *ready;
};

static void fall_asleep(const struct stage *stage)
{
	for (size_t i = 0; i < stage->crowd->n; i++) {
		measure_check(rcast_reader_seek(stage->readers[i], RCAST_FROM_NEWEST, 0), "rcast_reader_seek");
		if (rcast_reader_sleep(stage->readers[i]) != RCAST_EMPTY)
			measure_fail(0, "a reader of a quiet ring does not fall asleep");
	}
}

static void be_read_by_nobody(void *argument)
{
	struct stage *stage = argument;

	if (!stage->crowd->awake)
		fall_asleep(stage);
	atomic_store(stage->ready, true);
	for (;;)
		pause();
}

static void add_reader(struct stage *stage, size_t i)
{
	struct rcast_cursor *cursor;
	int wake_fd;

	measure_check(rcast_reader_open_take(rcast_writer_dup_fd(stage->writer), &stage->readers[i]),
		      "rcast_reader_open_take");
	measure_check(rcast_cursor_create(&cursor), "rcast_cursor_create");
	measure_check(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &stage->followers[i], &wake_fd),
		      "rcast_follower_create_take");
	measure_check(rcast_reader_follow_take(stage->readers[i], cursor, wake_fd), "rcast_reader_follow_take");
}

/* Laps enough to touch the memory. */
static void warm_up(const struct stage *stage)
{
	static const char data[64];

	for (uint64_t n = 0; n < 2 * RCAST_RING_DEFAULT_BYTES; n += sizeof data)
		measure_check(rcast_writer_put(stage->writer, RCAST_OUTPUT, data, sizeof data), "rcast_writer_put");
}

static double time_each(struct stage *stage, bool publishes, bool notifies)
{
	static const char data[64];
	size_t step = 1 + 4000 / (1 + (notifies ? stage->crowd->n : 0));
	uint64_t start = measure_now_ns(), worked = measure_worked_ns(), n = 0;

	do {
		for (size_t i = 0; i < step; i++) {
			if (publishes)
				rcast_writer_put(stage->writer, RCAST_OUTPUT, data, sizeof data);
			if (notifies)
				rcast_notify(stage->followers, stage->crowd->n);
		}
		n += step;
	} while (measure_now_ns() - start < measure_run_ns());
	return (double)(measure_worked_ns() - worked) / (double)n;
}

static pid_t open_readers(struct stage *stage)
{
	pid_t readers;

	for (size_t i = 0; i < stage->crowd->n; i++)
		add_reader(stage, i);
	readers = measure_fork(MEASURE_CPU_1, be_read_by_nobody, stage);
	while (!atomic_load(stage->ready))
		measure_relax();
	return readers;
}

static void close_readers(struct stage *stage, pid_t readers)
{
	measure_kill(readers);
	for (size_t i = 0; i < stage->crowd->n; i++) {
		rcast_reader_close(stage->readers[i]);
		rcast_follower_free(stage->followers[i]);
	}
}

/* Before and after the crowd the same writer publishes to nobody: the same memory, and hardly a moment apart. */
static void run(const void *context, double values[MEASURE_N_VALUES])
{
	struct stage stage = {.crowd = context, .ready = measure_share(sizeof *stage.ready)};
	pid_t readers;

	measure_check(rcast_writer_create(NULL, &stage.writer), "rcast_writer_create");
	warm_up(&stage);
	values[ALONE_NS] = time_each(&stage, true, false) / 2;
	readers = open_readers(&stage);
	warm_up(&stage);
	rcast_notify(stage.followers, stage.crowd->n);
	values[PUBLISH_NS] = time_each(&stage, true, false);
	values[NOTIFY_NS] = time_each(&stage, false, true);
	values[BOTH_NS] = time_each(&stage, true, true);
	close_readers(&stage, readers);
	values[ALONE_NS] += time_each(&stage, true, false) / 2;
	rcast_writer_free(stage.writer);
	measure_unshare(stage.ready, sizeof *stage.ready);
}

#define STOPPED(number)                                      \
	{                                                    \
		.run = run, .context = &(const struct crowd) \
		{                                            \
			.n = (number)                        \
		}                                            \
	}
#define AWAKE(number)                                        \
	{                                                    \
		.run = run, .context = &(const struct crowd) \
		{                                            \
			.n = (number), .awake = true         \
		}                                            \
	}

int main(int argc, char **argv)
{
	static const size_t counts[] = {0, 1, 3, 10, 30, 100, 300, 1000};
	enum { N_COUNTS = sizeof counts / sizeof *counts, AWAKE_64 = N_COUNTS, N };
	struct measure_probe p[N] = {STOPPED(0),   STOPPED(1),   STOPPED(3),    STOPPED(10), STOPPED(30),
				     STOPPED(100), STOPPED(300), STOPPED(1000), AWAKE(64)};
	const struct measure_series *none = p[0].series, *thousand = p[N_COUNTS - 1].series, *awake = p[AWAKE_64].series;
	const struct measure_row rows[] = {
		{"publish 64 B, 1,000 stopped readers", "ns", &thousand[PUBLISH_NS], &none[PUBLISH_NS],
		 MEASURE_RATIO_AT_MOST, 1.02},
		{"publish and notify, 1,000 stopped readers", "ns", &thousand[BOTH_NS], &none[BOTH_NS], MEASURE_NO_GOAL, 0},
		{"notify, 64 readers awake", "ns", &awake[NOTIFY_NS], NULL, MEASURE_VALUE_AT_MOST, 100},
		{"notify, no reader (the fence alone)", "ns", &none[NOTIFY_NS], NULL, MEASURE_NO_GOAL, 0},
	};

	measure_start(argc, argv);
	measure_run(p, N);
	measure_report(rows, sizeof rows / sizeof *rows);
	for (size_t i = 1; i < N_COUNTS; i++) {
		measure_point("cost-readers", "publish", (double)counts[i], "ns", &p[i].series[PUBLISH_NS]);
		measure_point("cost-readers", "publish + notify", (double)counts[i], "ns", &p[i].series[BOTH_NS]);
	}
	return 0;
}
