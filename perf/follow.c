/* SPDX-License-Identifier: MIT */
/*
 * One run: make the ring, fork the reader, wait until it is ready, warm up for two laps, publish for the time of a run, end
 * the stream, wait for the reader's count.
 *
 * A paced writer holds itself back with rcast_writer_hold at the position that the reader's cursor page tells; it is what an
 * engine does for a reader that has a lease.
 */
#include "perf/follow.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RECORD_BYTES (64u << 10)

struct meeting {
	alignas(128) atomic_bool ready;
	alignas(128) uint64_t n_delivered;
};

struct stage {
	const struct follow_workload *workload;
	struct meeting *meeting;
	struct rcast_writer *writer;
	struct rcast_reader *reader;
	struct rcast_follower *follower; /* of the reader, if the writer is paced */
};

/* ── The reader ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int take_copy(struct rcast_reader *reader, struct rcast_record *record)
{
	static char buffer[MAX_RECORD_BYTES];
	int outcome = rcast_reader_read(reader, buffer, sizeof buffer, record);

	measure_keep(buffer);
	return outcome;
}

static uint64_t sum(const void *data, size_t n_bytes)
{
	uint64_t total = 0;

	for (size_t at = 0; at + sizeof total <= n_bytes; at += sizeof total) {
		uint64_t word;

		memcpy(&word, (const char *)data + at, sizeof word);
		total += word;
	}
	return total;
}

static int take_in_place(struct rcast_reader *reader, struct rcast_record *record)
{
	int outcome = rcast_reader_peek(reader, record);
	uint64_t total;

	if (outcome != RCAST_RECORD)
		return outcome;
	total = sum(record->data, record->n_bytes);
	measure_keep(&total);
	return rcast_reader_release(reader);
}

static uint64_t count_until_end(struct rcast_reader *reader, int (*take)(struct rcast_reader *, struct rcast_record *))
{
	uint64_t n_delivered = 0;
	struct rcast_record record;
	int outcome;

	while ((outcome = take(reader, &record)) != RCAST_ENDED) {
		measure_check(outcome, "reading the ring");
		n_delivered += outcome == RCAST_RECORD && record.kind == RCAST_OUTPUT;
	}
	return n_delivered;
}

static uint64_t count_until_end_inlined(struct rcast_reader *reader)
{
	static char buffer[MAX_RECORD_BYTES];
	struct rcast_fast_reader fast = rcast_fast_reader_begin(reader);
	uint64_t n_delivered = 0;
	struct rcast_record record;
	int outcome;

	while ((outcome = rcast_fast_read(&fast, buffer, sizeof buffer, &record)) != RCAST_ENDED) {
		measure_keep(buffer);
		measure_check(outcome, "reading the ring");
		n_delivered += outcome == RCAST_RECORD && record.kind == RCAST_OUTPUT;
	}
	rcast_fast_reader_end(&fast);
	return n_delivered;
}

static uint64_t count(const struct stage *stage)
{
	if (stage->workload->inlined)
		return count_until_end_inlined(stage->reader);
	return count_until_end(stage->reader, stage->workload->reader == FOLLOW_IN_PLACE ? take_in_place : take_copy);
}

static void follow(void *argument)
{
	struct stage *stage = argument;

	atomic_store(&stage->meeting->ready, true);
	stage->meeting->n_delivered = count(stage);
}

/* ── The writer ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void wait_for_room(const struct stage *stage)
{
	measure_relax();
	rcast_writer_hold(stage->writer, rcast_follower_pos(stage->follower));
}

static void publish(const struct stage *stage, uint8_t kind, const void *data, unsigned int n)
{
	size_t n_bytes = stage->workload->n_bytes;
	int error;

	for (unsigned int i = 0; i < n; i++) {
		while ((error = rcast_writer_put(stage->writer, kind, data, n_bytes)) == -EAGAIN)
			wait_for_room(stage);
		measure_check(error, "publishing");
	}
}

static void publish_batch(const struct stage *stage, uint8_t kind, const void *data, unsigned int n)
{
	rcast_writer_begin_batch(stage->writer);
	publish(stage, kind, data, n);
	rcast_writer_end_batch(stage->writer);
}

/* About 16 KiB at a time, so that looking at the clock does not count; whole batches. */
static unsigned int count_between_clocks(const struct follow_workload *workload)
{
	unsigned int n = 1 + (unsigned int)((16u << 10) / (workload->n_bytes + 8)), batch = workload->batch;

	return batch > 0 ? (n + batch - 1) / batch * batch : n;
}

static uint64_t publish_some(const struct stage *stage, uint8_t kind, const void *data)
{
	unsigned int n = count_between_clocks(stage->workload), batch = stage->workload->batch;

	if (batch == 0)
		publish(stage, kind, data, n);
	else
		for (unsigned int done = 0; done < n; done += batch)
			publish_batch(stage, kind, data, batch);
	return n;
}

static void warm_up(const struct stage *stage, const void *data)
{
	uint64_t end = 2 * stage->workload->ring_bytes, n_bytes = 0;

	while (n_bytes < end)
		n_bytes += publish_some(stage, RCAST_APPLICATION, data) * stage->workload->n_bytes;
}

static uint64_t publish_until(const struct stage *stage, const void *data, uint64_t end_ns)
{
	uint64_t n = 0;

	do
		n += publish_some(stage, RCAST_OUTPUT, data);
	while (measure_now_ns() < end_ns);
	return n;
}

static inline __attribute__((always_inline)) void put_inlined(const struct stage *stage, struct rcast_fast_writer *fast,
							      const void *data, size_t n_bytes)
{
	int error;

	while ((error = rcast_fast_put(fast, RCAST_OUTPUT, data, n_bytes)) == -EAGAIN)
		wait_for_room(stage);
	measure_check(error, "publishing");
}

static inline __attribute__((always_inline)) void publish_batches_inlined(const struct stage *stage,
									  struct rcast_fast_writer *fast, const void *data,
									  unsigned int n, size_t n_bytes)
{
	unsigned int batch = stage->workload->batch;

	for (unsigned int done = 0; done < n; done += batch) {
		rcast_fast_begin_batch(fast);
		for (unsigned int i = 0; i < batch; i++)
			put_inlined(stage, fast, data, n_bytes);
		rcast_fast_end_batch(fast);
	}
}

static inline __attribute__((always_inline)) uint64_t publish_inlined_until(const struct stage *stage, const void *data,
									    uint64_t end_ns, size_t n_bytes)
{
	struct rcast_fast_writer fast = rcast_fast_writer_begin(stage->writer);
	unsigned int step = count_between_clocks(stage->workload);
	uint64_t n = 0;

	do {
		if (stage->workload->batch > 0)
			publish_batches_inlined(stage, &fast, data, step, n_bytes);
		else
			for (unsigned int i = 0; i < step; i++)
				put_inlined(stage, &fast, data, n_bytes);
		n += step;
	} while (measure_now_ns() < end_ns);
	rcast_fast_writer_end(&fast);
	return n;
}

struct effort {
	uint64_t n_published;
	double elapsed_ns, worked_ns;
};

/* The lengths that goals are about are constants for the compiler, as they are in the floors. */
static struct effort publish_for_a_run(const struct stage *stage, const void *data)
{
	uint64_t start = measure_now_ns(), worked = measure_worked_ns(), end_ns = start + measure_run_ns(), n;

	if (!stage->workload->inlined)
		n = publish_until(stage, data, end_ns);
	else if (stage->workload->n_bytes == 64)
		n = publish_inlined_until(stage, data, end_ns, 64);
	else if (stage->workload->n_bytes == 4096)
		n = publish_inlined_until(stage, data, end_ns, 4096);
	else
		n = publish_inlined_until(stage, data, end_ns, stage->workload->n_bytes);
	return (struct effort){n, (double)(measure_now_ns() - start), (double)(measure_worked_ns() - worked)};
}

/* ── A run ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void make_follower(struct stage *stage)
{
	struct rcast_cursor *cursor;
	int wake_fd;

	measure_check(rcast_cursor_create(&cursor), "rcast_cursor_create");
	measure_check(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &stage->follower, &wake_fd),
		      "rcast_follower_create_take");
	measure_check(rcast_reader_follow_take(stage->reader, cursor, wake_fd), "rcast_reader_follow_take");
	rcast_writer_hold(stage->writer, 0);
}

static void set_stage(struct stage *stage)
{
	struct rcast_writer_options options = {.capacity_bytes = stage->workload->ring_bytes};

	measure_check(rcast_writer_create(&options, &stage->writer), "rcast_writer_create");
	if (stage->workload->reader == FOLLOW_NOBODY)
		return;
	measure_check(rcast_reader_open_take(rcast_writer_dup_fd(stage->writer), &stage->reader), "rcast_reader_open_take");
	if (stage->workload->paced)
		make_follower(stage);
}

static void clear_stage(struct stage *stage)
{
	rcast_reader_close(stage->reader);
	rcast_follower_free(stage->follower);
	rcast_writer_free(stage->writer);
}

static pid_t start_reader(struct stage *stage)
{
	pid_t reader = measure_fork(MEASURE_CPU_1, follow, stage);

	while (!atomic_load(&stage->meeting->ready))
		measure_relax();
	return reader;
}

struct follow_result follow_run(const struct follow_workload *workload)
{
	struct meeting *meeting = measure_share(sizeof *meeting);
	struct stage stage = {.workload = workload, .meeting = meeting};
	struct follow_result result;
	char *data = aligned_alloc(64, (workload->n_bytes + 63) / 64 * 64);
	struct effort effort;
	pid_t reader = 0;

	set_stage(&stage);
	if (stage.reader)
		reader = start_reader(&stage);
	warm_up(&stage, data);
	effort = publish_for_a_run(&stage, data);
	measure_check(rcast_writer_end(stage.writer), "rcast_writer_end");
	if (reader)
		measure_join(reader);
	result = (struct follow_result){
		.ns_a_record = effort.worked_ns / (double)effort.n_published,
		.delivered = 100.0 * (double)meeting->n_delivered / (double)effort.n_published,
		.delivered_a_second = (double)meeting->n_delivered / effort.elapsed_ns * 1e9,
	};
	free(data);
	clear_stage(&stage);
	measure_unshare(meeting, sizeof *meeting);
	return result;
}
