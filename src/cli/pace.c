/* SPDX-License-Identifier: MIT */
/*
 * Events are due by a clock of their own, played time, which starts at 0, stands still in a pause, and can be set forward. Due
 * times are sums of intervals, so being late with one event delays no other: a terminal that was slow is caught up with.
 *
 * Nothing here looks at a clock; the caller says what time it is. Intervals are bounded by the reader of the recording, so that
 * at the least speed a sum of 5 of them fits; what is more stays at the largest value there is.
 *
 * Called by verb_play.c.
 */
#include "cli/pace.h"

static uint64_t played_ns(const struct pace *pace, uint64_t now_ns)
{
	return pace->is_paused ? pace->paused_at_ns : now_ns - pace->zero_ns;
}

void pace_begin(struct pace *pace, uint64_t now_ns)
{
	pace->zero_ns = now_ns;
	pace->due_ns = 0;
	pace->is_paused = false;
}

void pace_add(struct pace *pace, uint64_t interval_ns)
{
	uint64_t recorded_ns = interval_ns < pace->idle_limit_ns ? interval_ns : pace->idle_limit_ns;

	if (__builtin_add_overflow(pace->due_ns, (uint64_t)((double)recorded_ns / pace->speed), &pace->due_ns))
		pace->due_ns = PACE_NEVER - 1;
}

void pace_pause(struct pace *pace, uint64_t now_ns)
{
	pace->paused_at_ns = played_ns(pace, now_ns);
	pace->is_paused = true;
}

void pace_go_on(struct pace *pace, uint64_t now_ns)
{
	pace->zero_ns = now_ns - played_ns(pace, now_ns);
	pace->is_paused = false;
}

void pace_jump(struct pace *pace, uint64_t now_ns)
{
	pace->paused_at_ns = pace->due_ns;
	pace->zero_ns = now_ns - pace->due_ns;
}

uint64_t pace_left_ns(const struct pace *pace, uint64_t now_ns)
{
	uint64_t played = played_ns(pace, now_ns);

	if (pace->is_paused)
		return PACE_NEVER;
	return pace->due_ns > played ? pace->due_ns - played : 0;
}
