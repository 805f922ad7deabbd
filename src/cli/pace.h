/* SPDX-License-Identifier: MIT */
/*
 * When each event of a recording is due, at a speed, with pauses cut short, and with the user holding it up.
 */
#ifndef RINGCAST_CLI_PACE_H
#define RINGCAST_CLI_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_NEVER UINT64_MAX
#define PACE_MIN_SPEED 0.01
#define PACE_MAX_SPEED 1000.0

struct pace {
	double speed;           /* PACE_MIN_SPEED to PACE_MAX_SPEED */
	uint64_t idle_limit_ns; /* of recorded time; UINT64_MAX: none */
	uint64_t due_ns;        /* of the next event; this and what follows in played time, which stands still in a pause */
	bool is_paused;
	uint64_t paused_at_ns;
	uint64_t zero_ns; /* when played time was 0, unless paused */
};

/* Played time is 0 now. Speed and limit are the caller's to set. */
void pace_begin(struct pace *pace, uint64_t now_ns);

/* The next event is this much later than the one before it. */
void pace_add(struct pace *pace, uint64_t interval_ns);

void pace_pause(struct pace *pace, uint64_t now_ns);
void pace_go_on(struct pace *pace, uint64_t now_ns);

/* The next event is to be now, whenever it was due; those behind it keep their distance. */
void pace_jump(struct pace *pace, uint64_t now_ns);

/* How long until the next event; 0: now. PACE_NEVER: it is paused. */
uint64_t pace_left_ns(const struct pace *pace, uint64_t now_ns);

#endif
