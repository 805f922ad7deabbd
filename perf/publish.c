/* SPDX-License-Identifier: MIT */
/*
 * What publishing costs, with nobody looking, with one reader that follows, and with a reader that gets everything because
 * the writer waits for it. The floors are a plain copy into memory of the same kind and size, and such a copy with a reader
 * on the other CPU. A ring whose reader is being lapped looks fast: so what was delivered always stands beside the cost.
 */
#include "perf/follow.h"
#include "perf/measure.h"
#include "perf/raw.h"

#define RING_BYTES RCAST_RING_DEFAULT_BYTES
#define GIB (double)(1u << 30)

enum { COST, DELIVERED, RATE, BANDWIDTH }; /* BANDWIDTH: of what was delivered, where somebody reads */

static double bandwidth(size_t n_bytes, double ns)
{
	return (double)n_bytes / ns * 1e9 / GIB;
}

static void run_ours(const void *context, double values[MEASURE_N_VALUES])
{
	const struct follow_workload *workload = context;
	struct follow_result result = follow_run(workload);

	values[COST] = result.ns_a_record;
	values[DELIVERED] = result.delivered;
	values[RATE] = result.delivered_a_second / 1e6;
	values[BANDWIDTH] = bandwidth(workload->n_bytes, result.ns_a_record);
	if (workload->reader != FOLLOW_NOBODY)
		values[BANDWIDTH] *= result.delivered / 100;
}

static void run_copy(const void *context, double values[MEASURE_N_VALUES])
{
	const size_t *n_bytes = context;

	values[COST] = raw_copy_ns(*n_bytes, RING_BYTES);
	values[BANDWIDTH] = bandwidth(*n_bytes, values[COST]);
}

static void run_call(const void *context, double values[MEASURE_N_VALUES])
{
	const size_t *n_bytes = context;

	values[COST] = raw_call_ns(*n_bytes, RING_BYTES);
}

static void run_stream(const void *context, double values[MEASURE_N_VALUES])
{
	const size_t *n_bytes = context;

	values[COST] = raw_stream_ns(*n_bytes, RING_BYTES);
	values[BANDWIDTH] = bandwidth(*n_bytes, values[COST]);
}

#define OURS(...)                                                   \
	.run = run_ours, .context = &(const struct follow_workload) \
	{                                                           \
		.ring_bytes = RING_BYTES, __VA_ARGS__               \
	}
#define COPY(bytes)                                 \
	.run = run_copy, .context = &(const size_t) \
	{                                           \
		bytes                               \
	}
#define CALL(bytes)                                 \
	.run = run_call, .context = &(const size_t) \
	{                                           \
		bytes                               \
	}
#define STREAM(bytes)                                 \
	.run = run_stream, .context = &(const size_t) \
	{                                             \
		bytes                                 \
	}

int main(int argc, char **argv)
{
	enum {
		COPY_64,
		CALL_64,
		ALONE_64,
		READ_64,
		PEEKED_64,
		INLINED_64,
		READ_INLINED_64,
		BATCHED_INLINED_64,
		PACED_INLINED_64,
		BATCHED_64,
		PACED_64,
		COPY_4K,
		ALONE_4K,
		STREAM_4K,
		READ_4K,
		PACED_4K,
		INLINED_4K,
		READ_INLINED_4K,
		PACED_INLINED_4K,
		N
	};
	struct measure_probe p[N] = {
		[COPY_64] = {COPY(64)},
		[CALL_64] = {CALL(64)},
		[ALONE_64] = {OURS(.n_bytes = 64)},
		[READ_64] = {OURS(.n_bytes = 64, .reader = FOLLOW_COPYING)},
		[PEEKED_64] = {OURS(.n_bytes = 64, .reader = FOLLOW_IN_PLACE)},
		[BATCHED_64] = {OURS(.n_bytes = 64, .reader = FOLLOW_COPYING, .batch = 16)},
		[PACED_64] = {OURS(.n_bytes = 64, .reader = FOLLOW_COPYING, .paced = true)},
		[INLINED_64] = {OURS(.n_bytes = 64, .inlined = true)},
		[READ_INLINED_64] = {OURS(.n_bytes = 64, .inlined = true, .reader = FOLLOW_COPYING)},
		[BATCHED_INLINED_64] = {OURS(.n_bytes = 64, .inlined = true, .reader = FOLLOW_COPYING, .batch = 16)},
		[PACED_INLINED_64] = {OURS(.n_bytes = 64, .inlined = true, .reader = FOLLOW_COPYING, .paced = true)},
		[COPY_4K] = {COPY(4096)},
		[ALONE_4K] = {OURS(.n_bytes = 4096)},
		[STREAM_4K] = {STREAM(4096)},
		[READ_4K] = {OURS(.n_bytes = 4096, .reader = FOLLOW_COPYING)},
		[PACED_4K] = {OURS(.n_bytes = 4096, .reader = FOLLOW_COPYING, .paced = true)},
		[INLINED_4K] = {OURS(.n_bytes = 4096, .inlined = true)},
		[READ_INLINED_4K] = {OURS(.n_bytes = 4096, .inlined = true, .reader = FOLLOW_COPYING)},
		[PACED_INLINED_4K] = {OURS(.n_bytes = 4096, .inlined = true, .reader = FOLLOW_COPYING, .paced = true)},
	};
	const struct measure_series *copy_64 = &p[COPY_64].series[COST], *copy_4k = &p[COPY_4K].series[BANDWIDTH],
				    *stream_4k = &p[STREAM_4K].series[BANDWIDTH];
	const struct measure_row rows[] = {
		{"publish 64 B, no reader, inlined", "ns", &p[INLINED_64].series[COST], copy_64, MEASURE_RATIO_AT_MOST, 1.4},
		{"  called", "ns", &p[ALONE_64].series[COST], copy_64, MEASURE_NO_GOAL, 0},
		{"  called, against a memcpy that is called", "ns", &p[ALONE_64].series[COST], &p[CALL_64].series[COST],
		 MEASURE_NO_GOAL, 0},
		{"publish 64 B, 1 reader copies out, inlined", "ns", &p[READ_INLINED_64].series[COST], copy_64,
		 MEASURE_RATIO_AT_MOST, 2.1},
		{"  delivered", "%", &p[READ_INLINED_64].series[DELIVERED], NULL, MEASURE_VALUE_AT_LEAST, 60},
		{"  delivered a second", "M/s", &p[READ_INLINED_64].series[RATE], NULL, MEASURE_NO_GOAL, 0},
		{"publish 64 B, 1 reader copies out, called", "ns", &p[READ_64].series[COST], copy_64, MEASURE_NO_GOAL, 0},
		{"  delivered", "%", &p[READ_64].series[DELIVERED], NULL, MEASURE_NO_GOAL, 0},
		{"  delivered a second", "M/s", &p[READ_64].series[RATE], NULL, MEASURE_NO_GOAL, 0},
		{"publish 64 B, 1 reader looks in place, called", "ns", &p[PEEKED_64].series[COST], copy_64, MEASURE_NO_GOAL,
		 0},
		{"  delivered", "%", &p[PEEKED_64].series[DELIVERED], NULL, MEASURE_NO_GOAL, 0},
		{"  delivered a second", "M/s", &p[PEEKED_64].series[RATE], NULL, MEASURE_NO_GOAL, 0},
		{"publish 64 B, batches of 16, 1 reader, inlined", "ns", &p[BATCHED_INLINED_64].series[COST], copy_64,
		 MEASURE_RATIO_AT_MOST, 3},
		{"  delivered", "%", &p[BATCHED_INLINED_64].series[DELIVERED], NULL, MEASURE_VALUE_AT_LEAST, 95},
		{"  delivered a second", "M/s", &p[BATCHED_INLINED_64].series[RATE], NULL, MEASURE_NO_GOAL, 0},
		{"publish 64 B, batches of 16, 1 reader, called", "ns", &p[BATCHED_64].series[COST], copy_64,
		 MEASURE_NO_GOAL, 0},
		{"  delivered", "%", &p[BATCHED_64].series[DELIVERED], NULL, MEASURE_NO_GOAL, 0},
		{"  delivered a second", "M/s", &p[BATCHED_64].series[RATE], NULL, MEASURE_NO_GOAL, 0},
		{"publish 64 B, paced by a lease, inlined", "ns", &p[PACED_INLINED_64].series[COST], copy_64,
		 MEASURE_RATIO_AT_MOST, 5.7},
		{"  delivered", "%", &p[PACED_INLINED_64].series[DELIVERED], NULL, MEASURE_VALUE_AT_LEAST, 100},
		{"  called", "ns", &p[PACED_64].series[COST], copy_64, MEASURE_NO_GOAL, 0},
		{"publish 4 KiB, no reader, inlined", "GiB/s", &p[INLINED_4K].series[BANDWIDTH], copy_4k,
		 MEASURE_RATIO_AT_LEAST, 0.92},
		{"  called", "GiB/s", &p[ALONE_4K].series[BANDWIDTH], copy_4k, MEASURE_NO_GOAL, 0},
		{"publish 4 KiB, 1 reader, inlined: delivered", "GiB/s", &p[READ_INLINED_4K].series[BANDWIDTH], stream_4k,
		 MEASURE_RATIO_AT_LEAST, 0.97},
		{"  delivered", "%", &p[READ_INLINED_4K].series[DELIVERED], NULL, MEASURE_VALUE_AT_LEAST, 99},
		{"  called", "GiB/s", &p[READ_4K].series[BANDWIDTH], stream_4k, MEASURE_NO_GOAL, 0},
		{"  called: delivered", "%", &p[READ_4K].series[DELIVERED], NULL, MEASURE_NO_GOAL, 0},
		{"publish 4 KiB, paced by a lease, inlined: delivered", "GiB/s", &p[PACED_INLINED_4K].series[BANDWIDTH],
		 stream_4k, MEASURE_NO_GOAL, 0},
		{"  called", "GiB/s", &p[PACED_4K].series[BANDWIDTH], stream_4k, MEASURE_NO_GOAL, 0},
	};

	measure_start(argc, argv);
	measure_run(p, N);
	measure_report(rows, sizeof rows / sizeof *rows);
	return 0;
}
