/* SPDX-License-Identifier: MIT */
/* When events are due: at a speed, with pauses cut short, and with the user holding them up. */
#include "harness.h"

#include "cli/pace.h"

#define SECOND UINT64_C(1000000000)
#define START (1000 * SECOND)

static struct pace begin(double speed, uint64_t idle_limit_ns)
{
	struct pace pace = {.speed = speed, .idle_limit_ns = idle_limit_ns};

	pace_begin(&pace, START);
	return pace;
}

HARNESS_TEST(pace, events_keep_their_times)
{
	struct pace pace = begin(1, UINT64_MAX);

	cr_expect_eq(pace_left_ns(&pace, START), 0);
	pace_add(&pace, 2 * SECOND);
	cr_expect_eq(pace_left_ns(&pace, START), 2 * SECOND);
	cr_expect_eq(pace_left_ns(&pace, START + SECOND), SECOND);
	cr_expect_eq(pace_left_ns(&pace, START + 3 * SECOND), 0);
	pace_add(&pace, 2 * SECOND);
	cr_expect_eq(pace_left_ns(&pace, START + 3 * SECOND), SECOND, "an event that was late must not delay the next");
}

HARNESS_TEST(pace, speed_and_idle_limit)
{
	struct pace pace = begin(2, 4 * SECOND);

	pace_add(&pace, SECOND);
	cr_expect_eq(pace_left_ns(&pace, START), SECOND / 2);
	pace_add(&pace, 100 * SECOND);
	cr_expect_eq(pace_left_ns(&pace, START), SECOND / 2 + 2 * SECOND);
}

HARNESS_TEST(pace, time_stands_still_in_a_pause)
{
	struct pace pace = begin(1, UINT64_MAX);

	pace_add(&pace, 3 * SECOND);
	pace_pause(&pace, START + SECOND);
	cr_expect_eq(pace_left_ns(&pace, START + 50 * SECOND), PACE_NEVER);
	pace_pause(&pace, START + 60 * SECOND);
	pace_go_on(&pace, START + 70 * SECOND);
	cr_expect_eq(pace_left_ns(&pace, START + 70 * SECOND), 2 * SECOND);
	pace_go_on(&pace, START + 71 * SECOND);
	cr_expect_eq(pace_left_ns(&pace, START + 71 * SECOND), SECOND);
}

HARNESS_TEST(pace, steps_in_a_pause)
{
	struct pace pace = begin(1, UINT64_MAX);

	pace_add(&pace, 3 * SECOND);
	pace_pause(&pace, START + SECOND);
	pace_jump(&pace, START + 2 * SECOND);
	cr_expect_eq(pace_left_ns(&pace, START + 2 * SECOND), PACE_NEVER);
	pace_add(&pace, 5 * SECOND);
	pace_go_on(&pace, START + 10 * SECOND);
	cr_expect_eq(pace_left_ns(&pace, START + 10 * SECOND), 5 * SECOND);
}

HARNESS_TEST(pace, a_jump_without_a_pause)
{
	struct pace pace = begin(1, UINT64_MAX);

	pace_add(&pace, 3 * SECOND);
	pace_jump(&pace, START);
	cr_expect_eq(pace_left_ns(&pace, START), 0);
	pace_add(&pace, SECOND);
	cr_expect_eq(pace_left_ns(&pace, START), SECOND);
}

HARNESS_TEST(pace, no_sum_of_intervals_overflows)
{
	struct pace pace = begin(PACE_MIN_SPEED, UINT64_MAX);

	for (int i = 0; i < 1000; i++)
		pace_add(&pace, UINT64_C(365) * 86400 * SECOND);
	cr_expect_gt(pace_left_ns(&pace, START), UINT64_MAX / 2);
	cr_expect_lt(pace_left_ns(&pace, START), PACE_NEVER);
}
