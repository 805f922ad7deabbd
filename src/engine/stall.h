/* SPDX-License-Identifier: MIT */
/* Readers that make no progress. The model is in stall.c. */
#ifndef RCASTI_ENGINE_STALL_H
#define RCASTI_ENGINE_STALL_H

#include "engine/readers.h"

struct rcasti_stall_watch {
	uint64_t grace_ns;         /* UINT64_MAX: nobody is ever too late */
	uint64_t max_behind_bytes; /* 0: a whole ring */
	struct rcasti_timer timer;
};

void rcasti_stall_init(struct rcasti_stall_watch *watch, uint32_t grace_ms, uint64_t max_behind_bytes);

/* A reader that stands before this position is far behind. 0: nobody is. */
uint64_t rcasti_stall_pos(const struct rcast_session *session);

/* Whoever finds a reader far behind: does it need watching from now on? Then control is to call rcasti_stall_begin. */
bool rcasti_stall_observe(struct rcasti_attachment *attachment);

/* Control: somebody needs watching. */
void rcasti_stall_begin(struct rcast_engine *engine);

#endif
