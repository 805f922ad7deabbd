/* SPDX-License-Identifier: MIT */
/*
 * One circuit of a link, and all that a link knows of its circuits.
 */
#ifndef RCASTI_CONTROL_CIRCUIT_H
#define RCASTI_CONTROL_CIRCUIT_H

#include <sys/queue.h>

#include <ringcast/circuit.h>

#include "control/frame.h"
#include "control/ids.h"

enum rcasti_circuit_state {
	RCASTI_CIRCUIT_IDLE, /* kept only because credit is still owed in one direction */
	RCASTI_CIRCUIT_BUSY,
	RCASTI_CIRCUIT_OVER, /* both have sent their last; ended() was not called yet */
};

/* Who may begin on an id. */
enum rcasti_side { RCASTI_RESERVED, RCASTI_OURS, RCASTI_THEIRS, RCASTI_N_SIDES };

struct rcast_circuit {
	struct rcast_link *link;
	uint32_t id;
	enum rcasti_side side;
	enum rcasti_circuit_state state;
	const struct rcast_circuit_ops *ops; /* NULL: nobody handles this exchange (yet) */
	void *user;

	bool sent_any, sent_last, received_last; /* in this exchange */

	uint32_t outstanding_bytes; /* sent, and not given back by the peer */
	uint32_t wanted_bytes;      /* not 0: a send of this cost, with wanted_fds, got -EAGAIN */
	uint8_t wanted_fds;

	uint32_t held_bytes; /* received, and not consumed */
	uint32_t owed_bytes; /* consumed, and not given back to the peer */

	bool is_waiting, is_due;             /* on these lists */
	TAILQ_ENTRY(rcast_circuit) by_state; /* idle or over */
	TAILQ_ENTRY(rcast_circuit) by_wait;
	TAILQ_ENTRY(rcast_circuit) by_credit;
};

TAILQ_HEAD(rcasti_circuit_list, rcast_circuit);

struct rcasti_circuits {
	struct rcasti_ids ids;
	uint32_t n_known[RCASTI_N_SIDES]; /* in `ids` */
	uint32_t n_busy[RCASTI_N_SIDES];
	uint32_t next_own; /* where the search for an idle id of ours goes on, counted in such ids */

	struct rcasti_circuit_list idle;    /* ours, longest idle first */
	struct rcasti_circuit_list over;    /* ended() is to be called */
	struct rcasti_circuit_list waiting; /* writable() is to be called once the queue has room */
	struct rcasti_circuit_list due;     /* CREDIT is to be sent */
	uint32_t n_waiting;
};

/* ── For the link ── */

void rcasti_circuits_open(struct rcasti_circuits *circuits);

/* Ends every exchange and forgets all. The link is down by then. */
void rcasti_circuits_close(struct rcast_link *link);

/* Take one frame and its descriptors, of which those left over are the caller's to close (-1: taken). Calls handlers. */
void rcasti_circuits_receive(struct rcast_link *link, const struct rcasti_frame *frame, int *fds);

/* Call ended() of each exchange that is over. */
void rcasti_circuits_finish(struct rcast_link *link);

/* Call writable() of those that wait, as long as the queue has room. */
void rcasti_circuits_wake(struct rcast_link *link);

/* The peer has said hello: its window and its largest message have grown. */
void rcasti_circuits_reconsider(struct rcast_link *link);

/* The next CREDIT to send; false: none is due. */
bool rcasti_circuits_next_credit(struct rcast_link *link, struct rcasti_frame *frame);

/* ── Between the two directions of a circuit ── */

/* Look up, or make known. NULL: no memory. */
struct rcast_circuit *rcasti_circuit_know(struct rcast_link *link, uint32_t id);
enum rcasti_side rcasti_circuit_side(const struct rcast_link *link, uint32_t id);
void rcasti_circuit_make_busy(struct rcast_circuit *circuit, const struct rcast_circuit_ops *ops, void *user);

/* Make the exchange over, if both have sent their last. */
void rcasti_circuit_check_over(struct rcast_circuit *circuit);

/* Forget the circuit, if it is as good as any other: idle, and nothing owed. */
void rcasti_circuit_check_settled(struct rcast_circuit *circuit);

/* Give back all that is held. */
void rcasti_circuit_release_held(struct rcast_circuit *circuit);

/* Put on the list of those to be sent CREDIT, if it is time. */
void rcasti_circuit_check_due(struct rcast_circuit *circuit);

/* The peer has given back credit. False: more than it owed. */
bool rcasti_circuit_repaid(struct rcast_circuit *circuit, uint32_t n_bytes);

void rcasti_circuit_stop_waiting(struct rcast_circuit *circuit);

#endif
