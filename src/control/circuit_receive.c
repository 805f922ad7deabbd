/* SPDX-License-Identifier: MIT */
/*
 * The incoming direction of a circuit. Every check on what a peer may do with ids, order and credit is here.
 *
 * A message's cost is held from its arrival, then owed to the peer once it was consumed, then given back by a CREDIT frame.
 * held + owed is what the peer has used up of the window that it was given: a message that does not fit into the rest ends
 * the link.
 *
 * CREDIT is coalesced. It is due when a quarter of the window is owed, when the peer may be stalled (less of its window is
 * left than the largest message costs), and when the exchange is over. Being due is a place on a list, not a frame in a
 * queue: however long the peer takes to read, a circuit has one CREDIT waiting, and it needs no memory.
 */
#include "control/circuit.h"

#include <errno.h>
#include <inttypes.h>

#include "control/link.h"

/* ── Credit that goes back ── */

static bool is_time_to_repay(const struct rcast_circuit *circuit)
{
	const struct rcast_link_options *options = &circuit->link->options;
	uint32_t left_bytes = options->window_bytes - circuit->held_bytes - circuit->owed_bytes;

	return circuit->state != RCASTI_CIRCUIT_BUSY || circuit->owed_bytes >= options->window_bytes / 4 ||
	       left_bytes < options->max_message_bytes + RCAST_MESSAGE_OVERHEAD;
}

void rcasti_circuit_check_due(struct rcast_circuit *circuit)
{
	if (circuit->is_due || circuit->owed_bytes == 0 || !is_time_to_repay(circuit))
		return;
	circuit->is_due = true;
	TAILQ_INSERT_TAIL(&circuit->link->circuits.due, circuit, by_credit);
}

static void release(struct rcast_circuit *circuit, uint32_t cost)
{
	if (cost > circuit->held_bytes)
		cost = circuit->held_bytes;
	circuit->held_bytes -= cost;
	circuit->owed_bytes += cost;
}

void rcasti_circuit_release_held(struct rcast_circuit *circuit)
{
	release(circuit, circuit->held_bytes);
}

void rcast_circuit_consumed(struct rcast_circuit *circuit, size_t n_bytes)
{
	if (n_bytes > circuit->link->options.max_message_bytes)
		n_bytes = circuit->link->options.max_message_bytes;
	release(circuit, (uint32_t)n_bytes + RCAST_MESSAGE_OVERHEAD);
	rcasti_circuit_check_due(circuit);
	rcasti_link_flush(circuit->link);
}

bool rcasti_circuits_next_credit(struct rcast_link *link, struct rcasti_frame *frame)
{
	struct rcast_circuit *circuit = TAILQ_FIRST(&link->circuits.due);

	if (!circuit)
		return false;
	TAILQ_REMOVE(&link->circuits.due, circuit, by_credit);
	circuit->is_due = false;
	*frame = (struct rcasti_frame){.kind = RCASTI_FRAME_CREDIT, .id = circuit->id, .credit_bytes = circuit->owed_bytes};
	circuit->owed_bytes = 0;
	rcasti_circuit_check_settled(circuit);
	return true;
}

static void receive_credit(struct rcast_link *link, const struct rcasti_frame *frame)
{
	struct rcast_circuit *circuit = rcasti_ids_find(&link->circuits.ids, frame->id);

	if (!circuit || !rcasti_circuit_repaid(circuit, frame->credit_bytes)) {
		rcasti_link_fail(link, -EPROTO, "circuit %" PRIu32 ": more credit came back than was used", frame->id);
		return;
	}
	rcasti_circuit_check_settled(circuit);
}

/* ── Messages ── */

int rcast_message_take_fd(struct rcast_message *message, int index)
{
	int fd;

	if (index < 0 || index >= message->n_fds || message->fds[index] < 0)
		return -ENOENT;
	fd = message->fds[index];
	message->fds[index] = -1;
	return fd;
}

/* A peer cannot know our limit before our hello reached it; until then it keeps to the minimum. */
static uint32_t most_begun_by_peer(const struct rcast_link *link)
{
	return link->options.max_busy > RCAST_LINK_MIN_BUSY ? link->options.max_busy : RCAST_LINK_MIN_BUSY;
}

/* Why the peer may not begin an exchange on this id, or NULL. */
static const char *refuse_begin(const struct rcast_link *link, uint32_t id)
{
	const struct rcasti_circuits *circuits = &link->circuits;
	enum rcasti_side side = rcasti_circuit_side(link, id);

	if (side == RCASTI_OURS)
		return "the peer begins on an id that is ours to begin on";
	if (side == RCASTI_RESERVED)
		return NULL;
	if (circuits->n_busy[side] >= most_begun_by_peer(link))
		return "the peer begins more exchanges at once than we take";
	if (circuits->n_known[side] >= 2 * most_begun_by_peer(link) && !rcasti_ids_find(&circuits->ids, id))
		return "the peer keeps the credit of too many circuits";
	return NULL;
}

/* The peer's first message on an idle circuit. NULL: the link was ended. */
static struct rcast_circuit *begin_by_peer(struct rcast_link *link, uint32_t id)
{
	const char *refusal = refuse_begin(link, id);
	struct rcast_circuit *circuit;

	if (refusal) {
		rcasti_link_fail(link, -EPROTO, "circuit %" PRIu32 ": %s", id, refusal);
		return NULL;
	}
	circuit = rcasti_circuit_know(link, id);
	if (!circuit) {
		rcasti_link_fail(link, -ENOMEM, "no memory for another circuit");
		return NULL;
	}
	rcasti_circuit_make_busy(circuit, NULL, NULL);
	if (link->ops && link->ops->begun)
		link->ops->begun(link, link->user, circuit);
	if (!circuit->ops || !circuit->ops->message)
		rcasti_link_fail(link, -EPROTO, "circuit %" PRIu32 ": the peer begins an exchange that nobody expects", id);
	return link->error ? NULL : circuit;
}

/* What is wrong with this message on a busy circuit, or NULL. */
static const char *refuse_message(const struct rcast_circuit *circuit, uint32_t cost)
{
	uint32_t used_bytes = circuit->held_bytes + circuit->owed_bytes;

	if (circuit->received_last)
		return "a message after the last one";
	if (circuit->side == RCASTI_OURS && !circuit->sent_any)
		return "the peer begins on an id that is ours to begin on";
	if (cost > circuit->link->options.window_bytes - used_bytes)
		return "a message past the window";
	return NULL;
}

static void deliver(struct rcast_circuit *circuit, const struct rcasti_frame *frame, int *fds, uint32_t cost)
{
	struct rcast_message message = {
		.data = frame->payload, .n_bytes = frame->n_bytes, .last = frame->last, .n_fds = frame->n_fds, .fds = fds};

	circuit->held_bytes += cost;
	circuit->received_last = frame->last;
	if (circuit->ops->message(circuit, circuit->user, &message) == RCAST_CONSUMED)
		release(circuit, cost);
	rcasti_circuit_check_over(circuit);
	rcasti_circuit_check_due(circuit);
}

static void receive_message(struct rcast_link *link, const struct rcasti_frame *frame, int *fds)
{
	struct rcast_circuit *circuit = rcasti_ids_find(&link->circuits.ids, frame->id);
	uint32_t cost = (uint32_t)frame->n_bytes + RCAST_MESSAGE_OVERHEAD;
	const char *refusal;

	if (!circuit || circuit->state == RCASTI_CIRCUIT_IDLE)
		circuit = begin_by_peer(link, frame->id);
	if (!circuit)
		return;
	refusal = refuse_message(circuit, cost);
	if (refusal)
		rcasti_link_fail(link, -EPROTO, "circuit %" PRIu32 ": %s", frame->id, refusal);
	else
		deliver(circuit, frame, fds, cost);
}

void rcasti_circuits_receive(struct rcast_link *link, const struct rcasti_frame *frame, int *fds)
{
	if (frame->kind == RCASTI_FRAME_CREDIT)
		receive_credit(link, frame);
	else
		receive_message(link, frame, fds);
}
