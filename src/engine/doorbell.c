/* SPDX-License-Identifier: MIT */
/*
 * The doorbell says which sessions have published something: one bit a session, and a ck_ec event count on which the
 * listener sleeps. While the listener is awake, ringing is one atomic addition and no system call.
 *
 *   pump                                     notifier
 *   commit records (release)                 value = ck_ec_value
 *   mark: fetch_or(bit, release)             answer: exchange(word, 0, acquire) → for each bit: fence, look at its readers
 *   ring: ck_ec_inc                          nothing was dirty: ck_ec_wait(value)
 *
 * No wake-up is lost. The listener takes the value before it looks at the bits: a mark that it did not see is followed by an
 * increment that it did not see either, so ck_ec_wait returns at once.
 *
 * Why mark is always a read-modify-write, never "skip if the bit is set". Both fetch_or and exchange act on the latest value
 * of the word, so they have an order. If the fetch_or comes first, the exchange reads from it, or from a later one of its
 * release sequence, and the records are seen behind the listener's fence. If the exchange comes first, our bit survives it
 * and the next round finds it. A plain load could see a bit that the listener has already taken, and it releases nothing:
 * our records, still in the store buffer, would be announced by nobody.
 *
 * The wait functions are given to ck as a table; the event count is in multi-producer mode, whose waiter flag is set by an
 * atomic operation and never lost, so that the backoff that ck makes for its single-producer mode is not needed here: the first
 * wait is made so long that an idle engine is woken at most once by it, and then never.
 */
#include "engine/doorbell.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int ec_gettime(const struct ck_ec_ops *ops, struct timespec *now)
{
	return clock_gettime(CLOCK_MONOTONIC, now);
}

/* FUTEX_WAIT_BITSET takes an absolute deadline on CLOCK_MONOTONIC, as ck gives it. */
static void ec_wait32(const struct ck_ec_wait_state *state, const uint32_t *address, uint32_t expected,
		      const struct timespec *deadline)
{
	syscall(SYS_futex, address, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void ec_wake32(const struct ck_ec_ops *ops, const uint32_t *address)
{
	int saved = errno;

	syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
	errno = saved;
}

static const struct ck_ec_ops futex_ops = {
	.gettime = ec_gettime,
	.wait32 = ec_wait32,
	.wake32 = ec_wake32,
	.initial_wait_ns = UINT32_MAX,
};
static const struct ck_ec_mode mode = {.ops = &futex_ops, .single_producer = false};

void rcasti_doorbell_init(struct rcasti_doorbell *doorbell, uint32_t n_slots)
{
	ck_ec32_init(&doorbell->count, 0);
	doorbell->n_words = (n_slots + 63) / 64;
	for (uint32_t i = 0; i < RCASTI_DOORBELL_SLOTS / 64; i++)
		atomic_init(&doorbell->dirty[i], 0);
}

void rcasti_doorbell_mark(struct rcasti_doorbell *doorbell, uint32_t slot)
{
	/* release: pairs with the exchange in rcasti_doorbell_answer() */
	atomic_fetch_or_explicit(&doorbell->dirty[slot / 64], UINT64_C(1) << (slot % 64), memory_order_release);
}

void rcasti_doorbell_ring(struct rcasti_doorbell *doorbell)
{
	ck_ec32_inc(&doorbell->count, &mode);
}

uint32_t rcasti_doorbell_value(const struct rcasti_doorbell *doorbell)
{
	return ck_ec32_value(&doorbell->count);
}

void rcasti_doorbell_wait(struct rcasti_doorbell *doorbell, uint32_t value, int timeout_ms)
{
	struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
	struct timespec deadline;

	if (timeout_ms < 0)
		ck_ec32_wait(&doorbell->count, &mode, value, NULL);
	else if (ck_ec_deadline(&deadline, &mode, &timeout) == 0)
		ck_ec32_wait(&doorbell->count, &mode, value, &deadline);
}

int rcasti_doorbell_answer(struct rcasti_doorbell *doorbell, void (*answer)(void *user, uint32_t slot), void *user)
{
	int n = 0;

	for (uint32_t i = 0; i < doorbell->n_words; i++) {
		/* acquire: pairs with the fetch_or in rcasti_doorbell_mark() */
		uint64_t bits = atomic_exchange_explicit(&doorbell->dirty[i], 0, memory_order_acquire);

		for (; bits; bits &= bits - 1, n++)
			answer(user, i * 64 + (uint32_t)__builtin_ctzll(bits));
	}
	return n;
}
