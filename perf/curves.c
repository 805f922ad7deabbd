/* SPDX-License-Identifier: MIT */
/* How the cost of a publish grows with the length of a record and with the size of the ring: points for the plots. */
#include "perf/follow.h"
#include "perf/measure.h"
#include "perf/raw.h"

static void run_publish(const void *context, double values[MEASURE_N_VALUES])
{
	values[0] = follow_run(context).ns_a_record;
}

static void run_copy(const void *context, double values[MEASURE_N_VALUES])
{
	const struct follow_workload *workload = context;

	values[0] = raw_call_ns(workload->n_bytes, workload->ring_bytes);
}

#define N_LENGTHS 8
#define N_SIZES 6

enum curve { COPY, PUBLISH, FOLLOWED, N_CURVES };
static const char *const names[] = {[COPY] = "memcpy", [PUBLISH] = "publish", [FOLLOWED] = "publish, 1 reader"};

/* The workloads of one plot; three curves over them: a plain copy, nobody reading, one reader. */
struct plot {
	struct follow_workload alone[N_LENGTHS], followed[N_LENGTHS];
	struct measure_probe probes[N_LENGTHS * N_CURVES];
};

static void add_x(struct plot *plot, size_t i, size_t n_bytes, uint64_t ring_bytes)
{
	struct measure_probe *probes = &plot->probes[i * N_CURVES];

	plot->alone[i] = (struct follow_workload){.n_bytes = n_bytes, .ring_bytes = ring_bytes};
	plot->followed[i] = plot->alone[i];
	plot->followed[i].reader = FOLLOW_COPYING;
	probes[COPY] = (struct measure_probe){.run = run_copy, .context = &plot->alone[i]};
	probes[PUBLISH] = (struct measure_probe){.run = run_publish, .context = &plot->alone[i]};
	probes[FOLLOWED] = (struct measure_probe){.run = run_publish, .context = &plot->followed[i]};
}

static void give_points(const char *name, const struct plot *plot, size_t i, double x)
{
	for (enum curve curve = 0; curve < N_CURVES; curve++)
		measure_point(name, names[curve], x, "ns", plot->probes[i * N_CURVES + curve].series);
}

int main(int argc, char **argv)
{
	static struct plot lengths, sizes;
	unsigned int n_rounds;

	measure_start(argc, argv);
	n_rounds = measure_is_quick() ? 2 : 7;
	for (size_t i = 0; i < N_LENGTHS; i++)
		add_x(&lengths, i, (size_t)8 << i * 13 / 7, RCAST_RING_DEFAULT_BYTES);
	for (size_t i = 0; i < N_SIZES; i++)
		add_x(&sizes, i, 64, UINT64_C(65536) << 2 * i);
	measure_run_rounds(lengths.probes, N_LENGTHS * N_CURVES, n_rounds);
	measure_run_rounds(sizes.probes, N_SIZES * N_CURVES, n_rounds);
	for (size_t i = 0; i < N_LENGTHS; i++)
		give_points("cost-record", &lengths, i, (double)lengths.alone[i].n_bytes);
	for (size_t i = 0; i < N_SIZES; i++)
		give_points("cost-ring", &sizes, i, (double)sizes.alone[i].ring_bytes);
	return 0;
}
