/* SPDX-License-Identifier: MIT */
/* Keyframers: processes that keep the sessions' screens. The model is in keyframer.c, a session's part in keyframes.c. */
#ifndef RCASTI_ENGINE_KEYFRAMER_H
#define RCASTI_ENGINE_KEYFRAMER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/child.h"
#include "engine/loop.h"

struct rcast_engine;
struct rcast_link;

enum { RCASTI_N_CELLS = 8 };

/* Control's. */
struct rcasti_keyframer {
	struct rcast_engine *engine;
	struct rcasti_child *child; /* NULL: there is no process */
	struct rcast_link *link;    /* NULL: it is not, or no longer, spoken to */
	struct rcasti_source socket;
	struct rcasti_timer patience; /* set while something is expected of it */
	struct rcasti_timer rest;     /* set while it may not be started */
	bool any_unfollowed;          /* sessions wait until it has said how many it takes */
	uint64_t started_ns;
	uint32_t rest_ms;    /* after the latest death */
	int in_hand_fd;      /* where it says which session it has in hand: kernel/in_hand.h. -1: there is no such memory */
	uint32_t accused;    /* of this one, by a number as there, it has answered what cannot be */
	uint32_t late;       /* this one waits in vain, whoever is the cause */
	bool is_rid;         /* what it has died of, or is dying of, is not its business any more */
	uint32_t n_confined; /* a cell's: sessions that are followed from here */
};

/* Control's. */
struct rcasti_keyframers {
	char *path;                     /* of the program that each is; NULL: this engine has no keyframes */
	struct rcasti_keyframer common; /* of all sessions but those in … */
	struct rcasti_keyframer cells[RCASTI_N_CELLS];
};

void rcasti_keyframers_init(struct rcast_engine *engine);

/* The program; copied. -ENOMEM. */
int rcasti_keyframers_set_path(struct rcast_engine *engine, const char *path);

/* Say nothing more to any. Their processes are ended with the engine's other children. */
void rcasti_keyframers_close(struct rcast_engine *engine);

/*
 * See to it that it runs. 0: it does, or will soon; whoever is followed then is followed by itself. -EAGAIN: not before a rest of
 * more than a second. -EOPNOTSUPP: there is no such program, or it cannot be run.
 */
int rcasti_keyframer_start(struct rcasti_keyframer *keyframer);

/* Something was sent to it, and an answer is expected. */
void rcasti_keyframer_expect(struct rcasti_keyframer *keyframer);

/* Nobody needs it any more: end it, and what its past was is forgotten. */
void rcasti_keyframer_dismiss(struct rcasti_keyframer *keyframer);

#endif
