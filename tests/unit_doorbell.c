/* SPDX-License-Identifier: MIT */
#include <pthread.h>

#include "engine/doorbell.h"
#include "harness.h"

static struct rcasti_doorbell doorbell;
static uint32_t answered[RCASTI_DOORBELL_SLOTS];

static void answer(void *user, uint32_t slot)
{
	answered[slot]++;
}

HARNESS_TEST(doorbell, each_mark_is_answered_once)
{
	static const uint32_t slots[] = {0, 1, 63, 64, 1000, 4095};

	rcasti_doorbell_init(&doorbell, RCASTI_DOORBELL_SLOTS);
	cr_assert_eq(rcasti_doorbell_answer(&doorbell, answer, NULL), 0);
	for (int i = 0; i < 6; i++)
		rcasti_doorbell_mark(&doorbell, slots[i]);
	rcasti_doorbell_mark(&doorbell, 63);
	cr_assert_eq(rcasti_doorbell_answer(&doorbell, answer, NULL), 6);
	for (int i = 0; i < 6; i++)
		cr_assert_eq(answered[slots[i]], 1);
	cr_assert_eq(rcasti_doorbell_answer(&doorbell, answer, NULL), 0);
}

HARNESS_TEST(doorbell, waiting_ends_by_a_ring_or_in_time)
{
	uint32_t value;

	rcasti_doorbell_init(&doorbell, 1);
	value = rcasti_doorbell_value(&doorbell);
	rcasti_doorbell_wait(&doorbell, value, 0);
	rcasti_doorbell_wait(&doorbell, value, 3);
	cr_assert_eq(rcasti_doorbell_value(&doorbell), value);
	rcasti_doorbell_ring(&doorbell);
	rcasti_doorbell_wait(&doorbell, value, -1);
	cr_assert_neq(rcasti_doorbell_value(&doorbell), value);
}

/* Four publishers and a listener that sleeps whenever it can: the last publication of each is always heard. */
enum { N_PUBLISHERS = 4, N_PUBLISHED = 30000 };

static _Atomic uint32_t published[N_PUBLISHERS], heard[N_PUBLISHERS];

static void *publish(void *number)
{
	uint32_t slot = (uint32_t)(uintptr_t)number;

	for (uint32_t i = 1; i <= N_PUBLISHED; i++) {
		atomic_store_explicit(&published[slot], i, memory_order_relaxed);
		rcasti_doorbell_mark(&doorbell, slot * 50);
		rcasti_doorbell_ring(&doorbell);
		/* Now and then wait to be heard, so that the listener falls asleep. */
		while (i % 1000 == 0 && atomic_load(&heard[slot]) != i)
			harness_pause();
	}
	return NULL;
}

static void hear(void *user, uint32_t slot)
{
	atomic_store(&heard[slot / 50], atomic_load_explicit(&published[slot / 50], memory_order_relaxed));
}

static bool all_heard(void)
{
	for (int i = 0; i < N_PUBLISHERS; i++)
		if (atomic_load(&heard[i]) != N_PUBLISHED)
			return false;
	return true;
}

HARNESS_TEST(doorbell, no_ring_is_lost)
{
	pthread_t threads[N_PUBLISHERS];

	rcasti_doorbell_init(&doorbell, N_PUBLISHERS * 50);
	for (uintptr_t i = 0; i < N_PUBLISHERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, publish, (void *)i), 0);
	while (!all_heard()) {
		uint32_t value = rcasti_doorbell_value(&doorbell);

		if (rcasti_doorbell_answer(&doorbell, hear, NULL) == 0 && !all_heard())
			rcasti_doorbell_wait(&doorbell, value, -1);
	}
	for (int i = 0; i < N_PUBLISHERS; i++)
		pthread_join(threads[i], NULL);
}
