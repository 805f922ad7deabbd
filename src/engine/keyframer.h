/* SPDX-License-Identifier: MIT */
/* The keyframer: the process that keeps the sessions' screens. The model is in keyframer.c, a session's part in keyframes.c. */
#ifndef RCASTI_ENGINE_KEYFRAMER_H
#define RCASTI_ENGINE_KEYFRAMER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/child.h"
#include "engine/loop.h"

struct rcast_engine;
struct rcast_link;

/* Control's. */
struct rcasti_keyframer {
	char *path;                 /* of the program; NULL: this engine has no keyframes */
	struct rcasti_child *child; /* NULL: there is no process */
	struct rcast_link *link;    /* NULL: it is not, or no longer, spoken to */
	struct rcasti_source socket;
	struct rcasti_timer patience; /* set while something is expected of it */
	struct rcasti_timer rest;     /* set while it may not be started */
	bool any_unfollowed;          /* sessions wait until it has said how many it takes */
	uint64_t started_ns;
	uint32_t rest_ms; /* after the latest death */
};

void rcasti_keyframer_init(struct rcast_engine *engine);

/* The program that it is; copied. -ENOMEM. */
int rcasti_keyframer_set_path(struct rcast_engine *engine, const char *path);

/* Say nothing more to it. Its process is ended with the engine's other children. */
void rcasti_keyframer_close(struct rcast_engine *engine);

/*
 * See to it that it runs. 0: it does, or will soon; whoever is followed then is followed by itself. -EAGAIN: not before a rest of
 * more than a second. -EOPNOTSUPP: there is no such program, or it cannot be run.
 */
int rcasti_keyframer_start(struct rcast_engine *engine);

/* Something was sent to it, and an answer is expected. */
void rcasti_keyframer_expect(struct rcast_engine *engine);

#endif
