/* SPDX-License-Identifier: MIT */
/* The readers attached to a session, as the engine sees them. Who may touch what: readers.c. */
#ifndef RCASTI_ENGINE_READERS_H
#define RCASTI_ENGINE_READERS_H

#include <stdatomic.h>
#include <sys/types.h>

#include <ringcast/ring.h>

#include "engine/session.h"

struct rcasti_exchange;
struct rcasti_delivery;

/* One reader of one session, from attach to detach. */
struct rcasti_attachment {
	struct cds_list_head node; /* RCU: in session->readers */

	/* Fixed from before it is in the list. */
	struct rcast_session *session;
	uint64_t id;
	pid_t pid;
	bool may_input;
	bool is_keyframer; /* the engine's own reader: not counted, not listed, and woken rarely */
	uint32_t lease_ms; /* 0: none was granted */
	struct rcast_follower *follower;

	/* Whoever rings the session's readers: the pump, the notifier, or the owner of an owned session. */
	_Atomic bool is_lapped;
	_Atomic uint64_t n_laps, n_rings;

	/* The pump's. */
	uint64_t held_ns;      /* for how long it has held the writer, since its time last started anew … */
	uint64_t forgiven_pos; /* … the latest for having read on to here */
	uint64_t furthest_pos; /* that it has said to stand at */

	/* Shared. */
	_Atomic bool has_lease;  /* the pump's; cleared when it runs out, set again when it was earned */
	_Atomic bool is_gone;    /* set by whoever rings it: it has closed its pipe */
	_Atomic bool is_watched; /* set by whoever rings it: it is far behind; cleared by control */

	/* Control's. */
	struct rcasti_exchange *exchange;
	struct rcasti_delivery *delivery; /* NULL: it has mapped the ring */
	uint64_t n_ring;         /* by ring: which of the session's rings it was sent, as rotation.n_rings counts them */
	uint64_t claim;          /* when it claimed to answer questions, as a count of claims; 0: it does not */
	uint64_t still_since_ns; /* while it is watched: since when it stands … */
	uint64_t still_pos;      /* … here; 0: not looked at yet */
	struct cds_list_head condemned; /* among those to be freed after a grace period */
};

/* Control: add it to session->readers, and count it. */
void rcasti_readers_add(struct rcasti_attachment *attachment);

/* Control: take it out; it is freed by rcasti_readers_free after a grace period. */
void rcasti_readers_remove(struct rcasti_attachment *attachment, struct cds_list_head *condemned);
void rcasti_readers_free(struct cds_list_head *condemned);

/* What was seen while ringing, for control to look after. */
struct rcasti_readers_news {
	bool any_gone, any_stalled;
	bool too_many;
};

/* Ring all that sleep, after publishing. Called within an RCU read-side section. */
struct rcasti_readers_news rcasti_readers_ring(struct rcast_session *session);

/* The same, but nobody (too_many) if more sleep than the caller should spend its time on. */
struct rcasti_readers_news rcasti_readers_ring_few(struct rcast_session *session);

/*
 * The pump: hold the writer at the slowest reader with a lease. True: the writer may go further than before.
 */
bool rcasti_readers_hold(struct rcast_session *session);

/* The pump, while the writer is held: charge the time to the slowest, and take its lease if its time is up. */
void rcasti_readers_charge(struct rcast_session *session, uint64_t elapsed_ns);

#endif
