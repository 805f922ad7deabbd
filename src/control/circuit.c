/* SPDX-License-Identifier: MIT */
/*
 * The life of circuits: which are known, which are busy, which id comes next.
 *
 * A circuit that is idle and owes nothing in either direction is not known at all: it is one of up to 2^32 equals.
 *
 *   unknown ──begun by us, or by the peer's first message──► BUSY ──both have sent their last──► OVER ──ended() returned──►
 *     ▲                                                       ▲                                                           │
 *     └──────────── all credit is back ◄──────────────────── IDLE ◄───────────────────────────────────────────────────────┘
 *
 * OVER lets a handler send its last without pulling the circuit from under its own feet: ended() comes later, from
 * rcasti_circuits_finish, and only then is the memory given up. It always comes before the next frame is looked at, so a
 * frame never meets an OVER circuit.
 *
 * How many can be known is bounded, also by a peer that breaks every rule. Ours: fresh ids are picked only below the limit,
 * then idle ones that wait for credit are taken again. Theirs: a peer that keeps the rules has at most the limit busy, and
 * of those that are OVER at its end or whose CREDIT is on its way at most as many again.
 *
 * circuit_send.c and circuit_receive.c hold the two directions of an exchange.
 */
#include "control/circuit.h"

#include <errno.h>
#include <stdlib.h>

#include "control/link.h"

void rcasti_circuits_open(struct rcasti_circuits *circuits)
{
	TAILQ_INIT(&circuits->idle);
	TAILQ_INIT(&circuits->over);
	TAILQ_INIT(&circuits->waiting);
	TAILQ_INIT(&circuits->due);
}

/* ── Known and unknown ── */

enum rcasti_side rcasti_circuit_side(const struct rcast_link *link, uint32_t id)
{
	bool is_odd = id & 1;

	if (id < link->options.n_reserved)
		return RCASTI_RESERVED;
	return is_odd == (link->role == RCAST_ACCEPTED) ? RCASTI_OURS : RCASTI_THEIRS;
}

struct rcast_circuit *rcasti_circuit_know(struct rcast_link *link, uint32_t id)
{
	struct rcast_circuit *circuit = rcasti_ids_find(&link->circuits.ids, id);

	if (circuit)
		return circuit;
	circuit = calloc(1, sizeof *circuit);
	if (!circuit)
		return NULL;
	circuit->link = link;
	circuit->id = id;
	circuit->side = rcasti_circuit_side(link, id);
	if (rcasti_ids_insert(&link->circuits.ids, circuit) != 0) {
		free(circuit);
		return NULL;
	}
	link->circuits.n_known[circuit->side]++;
	if (circuit->side == RCASTI_OURS)
		TAILQ_INSERT_TAIL(&link->circuits.idle, circuit, by_state);
	return circuit;
}

static void forget(struct rcast_circuit *circuit)
{
	struct rcasti_circuits *circuits = &circuit->link->circuits;

	if (circuit->side == RCASTI_OURS)
		TAILQ_REMOVE(&circuits->idle, circuit, by_state);
	circuits->n_known[circuit->side]--;
	rcasti_ids_remove(&circuits->ids, circuit->id);
	free(circuit);
}

void rcasti_circuit_check_settled(struct rcast_circuit *circuit)
{
	if (circuit->state == RCASTI_CIRCUIT_IDLE && !circuit->outstanding_bytes && !circuit->owed_bytes)
		forget(circuit);
}

/* ── Busy, over, idle ── */

void rcasti_circuit_make_busy(struct rcast_circuit *circuit, const struct rcast_circuit_ops *ops, void *user)
{
	struct rcasti_circuits *circuits = &circuit->link->circuits;

	if (circuit->side == RCASTI_OURS)
		TAILQ_REMOVE(&circuits->idle, circuit, by_state);
	circuits->n_busy[circuit->side]++;
	circuit->state = RCASTI_CIRCUIT_BUSY;
	circuit->sent_any = circuit->sent_last = circuit->received_last = false;
	circuit->ops = ops;
	circuit->user = user;
}

void rcasti_circuit_check_over(struct rcast_circuit *circuit)
{
	struct rcasti_circuits *circuits = &circuit->link->circuits;

	if (circuit->state != RCASTI_CIRCUIT_BUSY || !circuit->sent_last || !circuit->received_last)
		return;
	circuits->n_busy[circuit->side]--;
	circuit->state = RCASTI_CIRCUIT_OVER;
	TAILQ_INSERT_TAIL(&circuits->over, circuit, by_state);
	rcasti_circuit_stop_waiting(circuit);
	rcasti_circuit_release_held(circuit);
	rcasti_circuit_check_due(circuit);
}

static void make_idle(struct rcast_circuit *circuit)
{
	circuit->state = RCASTI_CIRCUIT_IDLE;
	circuit->ops = NULL;
	if (circuit->side == RCASTI_OURS)
		TAILQ_INSERT_TAIL(&circuit->link->circuits.idle, circuit, by_state);
	rcasti_circuit_check_settled(circuit);
}

static void call_ended(struct rcast_circuit *circuit, int reason)
{
	if (circuit->ops && circuit->ops->ended)
		circuit->ops->ended(circuit, circuit->user, reason);
}

void rcasti_circuits_finish(struct rcast_link *link)
{
	struct rcast_circuit *circuit;

	while (!link->error && (circuit = TAILQ_FIRST(&link->circuits.over))) {
		TAILQ_REMOVE(&link->circuits.over, circuit, by_state);
		call_ended(circuit, 0);
		make_idle(circuit);
	}
}

void rcasti_circuits_close(struct rcast_link *link)
{
	struct rcast_circuit *circuit;
	uint32_t cursor = 0;

	while ((circuit = rcasti_ids_next(&link->circuits.ids, &cursor))) {
		if (circuit->state != RCASTI_CIRCUIT_IDLE)
			call_ended(circuit, circuit->state == RCASTI_CIRCUIT_OVER ? 0 : link->error);
	}
	cursor = 0;
	while ((circuit = rcasti_ids_next(&link->circuits.ids, &cursor)))
		free(circuit);
	rcasti_ids_close(&link->circuits.ids);
}

/* ── Beginning ── */

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The lowest id that only we may begin on; past the end if all ids are reserved. */
static uint64_t first_own_id(const struct rcast_link *link)
{
	uint64_t first = link->options.n_reserved;

	return (first & 1) == (link->role == RCAST_ACCEPTED) ? first : first + 1;
}

static uint32_t n_own_ids(const struct rcast_link *link)
{
	uint64_t first = first_own_id(link), end = UINT64_C(1) << (8 * link->options.id_bytes);

	return first < end ? (uint32_t)((end - first + 1) / 2) : 0;
}

/* Go round our ids until one is not busy. Of n known + 1 different ids one is unknown, so this ends soon. */
static int64_t find_idle_id(struct rcast_link *link)
{
	struct rcasti_circuits *circuits = &link->circuits;
	uint32_t n_ids = n_own_ids(link), n_tries = min_u32(n_ids, circuits->n_known[RCASTI_OURS] + 1);

	while (n_tries-- > 0) {
		uint32_t id = (uint32_t)(first_own_id(link) + UINT64_C(2) * circuits->next_own);
		struct rcast_circuit *circuit = rcasti_ids_find(&circuits->ids, id);

		circuits->next_own = (circuits->next_own + 1) % n_ids;
		if (!circuit || circuit->state == RCASTI_CIRCUIT_IDLE)
			return id;
	}
	return -ENOBUFS;
}

static int64_t pick_id(struct rcast_link *link)
{
	struct rcasti_circuits *circuits = &link->circuits;
	uint32_t limit = min_u32(link->options.max_busy, link->peer.max_busy);
	struct rcast_circuit *longest_idle = TAILQ_FIRST(&circuits->idle);

	if (circuits->n_busy[RCASTI_OURS] >= limit)
		return -ENOBUFS;
	if (circuits->n_known[RCASTI_OURS] >= limit && longest_idle)
		return longest_idle->id;
	return find_idle_id(link);
}

static int begin_on(struct rcast_link *link, uint32_t id, const struct rcast_circuit_ops *ops, void *user,
		    struct rcast_circuit **circuit)
{
	struct rcast_circuit *known = rcasti_circuit_know(link, id);

	if (!known)
		return -ENOMEM;
	rcasti_circuit_make_busy(known, ops, user);
	*circuit = known;
	return 0;
}

int rcast_circuit_begin(struct rcast_link *link, const struct rcast_circuit_ops *ops, void *user,
			struct rcast_circuit **circuit)
{
	int64_t id;

	if (!ops || !ops->message)
		return -EINVAL;
	if (rcasti_link_is_down(link))
		return -EPIPE;
	id = pick_id(link);
	return id < 0 ? (int)id : begin_on(link, (uint32_t)id, ops, user, circuit);
}

int rcast_circuit_begin_reserved(struct rcast_link *link, uint32_t id, const struct rcast_circuit_ops *ops, void *user,
				 struct rcast_circuit **circuit)
{
	const struct rcast_circuit *known = rcasti_ids_find(&link->circuits.ids, id);

	if (id >= link->options.n_reserved || !ops || !ops->message)
		return -EINVAL;
	if (rcasti_link_is_down(link))
		return -EPIPE;
	if (known && known->state != RCASTI_CIRCUIT_IDLE)
		return -EEXIST;
	return begin_on(link, id, ops, user, circuit);
}

void rcast_circuit_set_handler(struct rcast_circuit *circuit, const struct rcast_circuit_ops *ops, void *user)
{
	circuit->ops = ops;
	circuit->user = user;
}

uint32_t rcast_circuit_id(const struct rcast_circuit *circuit)
{
	return circuit->id;
}

struct rcast_link *rcast_circuit_link(const struct rcast_circuit *circuit)
{
	return circuit->link;
}
