/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <stdlib.h>

#include "control/circuit.h"

/* Against the plainest model there is: an array of flags. Few ids, so that runs meet, close and are torn often. */
static void compare_with_model(uint32_t stride, int n_ids)
{
	struct rcast_circuit *circuits = calloc((size_t)n_ids, sizeof *circuits);
	bool *is_in = calloc((size_t)n_ids, sizeof *is_in);
	struct rcasti_ids ids = {0};
	uint32_t n_in = 0;

	for (int i = 0; i < n_ids; i++)
		circuits[i].id = (uint32_t)i * stride;
	for (int i = 0; i < 20000; i++) {
		int k = rand() % n_ids;

		cr_assert_eq(rcasti_ids_find(&ids, circuits[k].id), is_in[k] ? &circuits[k] : NULL);
		if (is_in[k])
			rcasti_ids_remove(&ids, circuits[k].id);
		else
			cr_assert_eq(rcasti_ids_insert(&ids, &circuits[k]), 0);
		is_in[k] = !is_in[k];
		n_in += is_in[k] ? 1 : UINT32_MAX;
		cr_assert_eq(ids.n_used, n_in);
	}
	for (int i = 0; i < n_ids; i++)
		cr_assert_eq(rcasti_ids_find(&ids, circuits[i].id), is_in[i] ? &circuits[i] : NULL);
	rcasti_ids_close(&ids);
	free(is_in);
	free(circuits);
}

HARNESS_TEST(ids, behaves_as_a_set)
{
	static const uint32_t strides[] = {1, 2, 16, 4096, 65536, 0x01000001};

	srand(1);
	for (size_t i = 0; i < sizeof strides / sizeof *strides; i++) {
		compare_with_model(strides[i], 10);
		compare_with_model(strides[i], 60);
		compare_with_model(strides[i], 200);
	}
}

HARNESS_TEST(ids, all_are_visited_once)
{
	struct rcast_circuit circuits[100] = {0};
	struct rcasti_ids ids = {0};
	uint32_t cursor = 0, n = 0, sum = 0;
	const struct rcast_circuit *circuit;

	cr_assert_null(rcasti_ids_next(&ids, &cursor));
	for (uint32_t i = 0; i < 100; i++) {
		circuits[i].id = UINT32_MAX - i;
		cr_assert_eq(rcasti_ids_insert(&ids, &circuits[i]), 0);
	}
	for (cursor = 0; (circuit = rcasti_ids_next(&ids, &cursor)); n++)
		sum += UINT32_MAX - circuit->id;
	cr_assert(n == 100 && sum == 4950);
	rcasti_ids_close(&ids);
}
