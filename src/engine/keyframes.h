/* SPDX-License-Identifier: MIT */
/* Keyframes of one session: following it, questions, waiters, and the latest answer. The model is in keyframes.c. */
#ifndef RCASTI_ENGINE_KEYFRAMES_H
#define RCASTI_ENGINE_KEYFRAMES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <urcu/list.h>

#include "ringcast.pb-c.h"

struct rcast_circuit;
struct rcast_engine;
struct rcast_session;
struct rcasti_attachment;
struct rcasti_exchange;
struct rcasti_keyframe;
struct rcasti_keyframer;

/* For how long it may hold a program. */
#define RCASTI_KEYFRAMER_LEASE_MS 500u

/* Of a session. */
struct rcasti_keyframes {
	/* Control's. */
	struct rcasti_keyframer *keyframer;     /* whose it is */
	bool wanted;                            /* it is followed, or is to be as soon as that can be done */
	struct rcast_circuit *circuit;          /* to the keyframer; NULL: not followed */
	const struct rcasti_attachment *reader; /* the keyframer's; NULL: it has not attached yet */
	bool awaits_reader;                     /* it was asked to follow, and has not attached since */
	bool asked;                             /* a question is with it, for … */
	uint64_t asked_pos;                     /* … this position */
	unsigned int n_ticks;                   /* for how long we have waited without seeing it get on … */
	unsigned int n_all_ticks;               /* … and at all */
	uint64_t seen_pos;                      /* where it was seen to stand */
	struct rcasti_keyframe *latest;
	struct cds_list_head waiters; /* exchanges */
	uint64_t cursor_pos;          /* answer.c waits for where the cursor is here; 0: it does not */
	uint64_t n_deaths;            /* of keyframers that had it in hand */

	uint64_t
		want_pos; /* the publisher's: from here on the session is to be followed. UINT64_MAX: that was said, or is moot */
	_Atomic bool is_filling; /* the publisher says so */
};

void rcasti_keyframes_init(struct rcast_session *session);

/* The session is going: refuse who waits, and let the keyframer forget it. */
void rcasti_keyframes_close(struct rcast_session *session);

/* The Keyframe command. */
void rcasti_keyframes_ask(struct rcasti_exchange *exchange, struct rcast_session *session, bool by_circuit);

/*
 * Where the cursor stands, at this position or behind it: *info is borrowed. -EAGAIN: rcasti_answer_go_on is called when it is known,
 * and never if that fails. -EOPNOTSUPP: it cannot be known.
 */
int rcasti_keyframes_get_cursor(struct rcast_session *session, uint64_t pos, const Ringcast__Wire__KeyframeInfo **info);

/* The exchange is over. */
void rcasti_keyframes_drop(struct rcasti_exchange *exchange);

/* Have the session followed from now on, if it has a screen. */
void rcasti_keyframes_want(struct rcast_session *session);

/* It is wanted, and the keyframer runs, but has not attached to it. */
bool rcasti_keyframes_is_coming(const struct rcast_session *session);

/* The publisher, after publishing: have the session followed before its beginning is overwritten. */
void rcasti_keyframes_observe(struct rcast_session *session, uint64_t next_pos);

/* The publisher, in another ring now: its beginning is to be kept, too, and the ring may be smaller. */
void rcasti_keyframes_move(struct rcast_session *session, uint64_t first_pos, uint64_t ring_bytes);

/* The publisher: is the beginning of the ring to be kept, for half a second at most, until the keyframer has attached? */
bool rcasti_keyframes_wait(const struct rcast_session *session);

/* Control: want the sessions of which their publishers said so. */
void rcasti_keyframes_take_filling(struct rcast_engine *engine);

/* The keyframer has attached to it as a reader, or is no longer. */
void rcasti_keyframes_attached(struct rcast_session *session, const struct rcasti_attachment *reader);
void rcasti_keyframes_detached(struct rcast_session *session, const struct rcasti_attachment *reader);

/* ── For keyframer.c ─────────────────────────────────────────────────────────────────────────────────────────────────── */

bool rcasti_keyframes_any_wanted(const struct rcasti_keyframer *keyframer);

/* Which of its sessions it means by a number that it says it has in hand. NULL: none. */
struct rcast_session *rcasti_keyframes_find(const struct rcasti_keyframer *keyframer, uint32_t number);

/* Follow what is wanted and is not followed, and ask what is waited for. */
void rcasti_keyframes_follow_all(struct rcasti_keyframer *keyframer);

/* The keyframer is gone, and what it was asked will not be answered. */
void rcasti_keyframes_lose_all(const struct rcasti_keyframer *keyframer, int error, const char *why);

/* A tick of patience has gone by. */
enum rcasti_patience { RCASTI_NOTHING_EXPECTED, RCASTI_STILL_PATIENT, RCASTI_OUT_OF_PATIENCE };
enum rcasti_patience rcasti_keyframes_tick(struct rcasti_keyframer *keyframer);

#endif
