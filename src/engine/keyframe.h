/* SPDX-License-Identifier: MIT */
/* One keyframe, as the keyframer has made it and clients get it. */
#ifndef RCASTI_ENGINE_KEYFRAME_H
#define RCASTI_ENGINE_KEYFRAME_H

#include <stdint.h>

#include "ringcast.pb-c.h"

struct rcasti_exchange;

/* An answer. Shared by all who are still being sent it, and the session. */
struct rcasti_keyframe {
	unsigned int n_users;
	int memory_fd;      /* sealed */
	uint64_t reach_pos; /* everything before this is drawn in it, but for how the session ended */
	Ringcast__Wire__KeyframeInfo info;
};

/*
 * Takes memory_fd, whatever it returns. NULL: that is no sealed memory of the stated size, or there is no memory for it. The first
 * user is the caller.
 */
struct rcasti_keyframe *rcasti_keyframe_create_take(const Ringcast__Wire__KeyframeInfo *info, uint64_t reach_pos,
						    int memory_fd);

/* One user less. NULL is fine. */
void rcasti_keyframe_release(struct rcasti_keyframe *keyframe);

/* Answer the exchange with it, as its request wants it, or refuse. */
void rcasti_keyframe_hand_out(struct rcasti_exchange *exchange, struct rcasti_keyframe *keyframe);

/* The exchange is over: it needs no more pieces. */
void rcasti_keyframe_take_back(struct rcasti_exchange *exchange);

#endif
