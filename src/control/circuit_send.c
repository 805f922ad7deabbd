/* SPDX-License-Identifier: MIT */
/*
 * The outgoing direction of a circuit.
 *
 * The sender does not count credit down; it counts what is outstanding, and credit is the peer's window less that. So when
 * the peer's hello tells a larger window, nothing needs to be corrected.
 *
 * A send that gets -EAGAIN leaves its cost in wanted_bytes. Lack of credit is mended by a CREDIT frame, lack of room by the
 * queue running down; a circuit whose credit suffices is on the link's `waiting` list, and rcasti_circuits_wake calls those in
 * the order in which they came, while there is room.
 */
#include "control/circuit.h"

#include <errno.h>
#include <string.h>

#include "control/link.h"

static uint32_t credit_left(const struct rcast_circuit *circuit)
{
	return circuit->link->peer.window_bytes - circuit->outstanding_bytes;
}

/* The most that one message can cost. */
static uint32_t max_cost(const struct rcast_link *link)
{
	return rcast_link_max_message(link) + RCAST_MESSAGE_OVERHEAD;
}

static bool peer_allows(const struct rcast_circuit *circuit, uint32_t cost)
{
	return cost <= credit_left(circuit) && cost <= max_cost(circuit->link);
}

/* ── Waiting ── */

/* If it waits for anything, and for the queue only. */
static void join_waiting_list(struct rcast_circuit *circuit)
{
	struct rcasti_circuits *circuits = &circuit->link->circuits;

	if (circuit->is_waiting || circuit->wanted_bytes == 0 || !peer_allows(circuit, circuit->wanted_bytes))
		return;
	circuit->is_waiting = true;
	TAILQ_INSERT_TAIL(&circuits->waiting, circuit, by_wait);
	circuits->n_waiting++;
}

static void leave_waiting_list(struct rcast_circuit *circuit)
{
	struct rcasti_circuits *circuits = &circuit->link->circuits;

	if (!circuit->is_waiting)
		return;
	circuit->is_waiting = false;
	TAILQ_REMOVE(&circuits->waiting, circuit, by_wait);
	circuits->n_waiting--;
}

void rcasti_circuit_stop_waiting(struct rcast_circuit *circuit)
{
	leave_waiting_list(circuit);
	circuit->wanted_bytes = 0;
}

static int wait_for(struct rcast_circuit *circuit, uint32_t cost, int n_fds)
{
	circuit->wanted_bytes = cost;
	circuit->wanted_fds = (uint8_t)n_fds;
	join_waiting_list(circuit);
	return -EAGAIN;
}

bool rcasti_circuit_repaid(struct rcast_circuit *circuit, uint32_t n_bytes)
{
	if (n_bytes > circuit->outstanding_bytes)
		return false;
	circuit->outstanding_bytes -= n_bytes;
	join_waiting_list(circuit);
	return true;
}

void rcasti_circuits_reconsider(struct rcast_link *link)
{
	uint32_t most = max_cost(link), cursor = 0;
	struct rcast_circuit *circuit;

	while ((circuit = rcasti_ids_next(&link->circuits.ids, &cursor))) {
		/* Whoever waits with a message that turns out to be too long is to be told so by its next send. */
		if (circuit->wanted_bytes > most)
			circuit->wanted_bytes = most;
		join_waiting_list(circuit);
	}
}

void rcasti_circuits_wake(struct rcast_link *link)
{
	struct rcast_circuit *circuit;

	/* Each at most about once, since a handler may at once wait again. */
	for (uint32_t n = link->circuits.n_waiting; n > 0 && !rcasti_link_is_down(link); n--) {
		circuit = TAILQ_FIRST(&link->circuits.waiting);
		if (!circuit || !rcasti_queue_has_room(&link->queue, circuit->wanted_bytes, circuit->wanted_fds))
			return;
		leave_waiting_list(circuit);
		if (!peer_allows(circuit, circuit->wanted_bytes))
			continue;
		circuit->wanted_bytes = 0;
		if (circuit->ops->writable)
			circuit->ops->writable(circuit, circuit->user);
	}
}

/* ── Sending ── */

static int sum_iov(const struct iovec *iov, int n_iov, size_t *n_bytes)
{
	*n_bytes = 0;
	for (int i = 0; i < n_iov; i++) {
		if (__builtin_add_overflow(*n_bytes, iov[i].iov_len, n_bytes))
			return -EMSGSIZE;
	}
	return n_iov < 0 ? -EINVAL : 0;
}

/* May a message of this kind be sent on this circuit at all? */
static int check_send(const struct rcast_circuit *circuit, unsigned int flags, int n_fds)
{
	if (rcasti_link_is_down(circuit->link))
		return -EPIPE;
	if (circuit->sent_last)
		return -ENODATA;
	if ((flags & ~(unsigned int)RCAST_LAST) || n_fds < 0 || n_fds > RCAST_MESSAGE_MAX_FDS)
		return -EINVAL;
	return n_fds > 0 && !rcast_link_carries_fds(circuit->link) ? -EOPNOTSUPP : 0;
}

/* May it be sent now? Before the peer's hello nobody knows whether a long message is too long. */
static int check_room(struct rcast_circuit *circuit, size_t n_bytes, int n_fds)
{
	struct rcast_link *link = circuit->link;
	uint32_t cost;

	if (n_bytes > (link->greeted ? rcast_link_max_message(link) : RCAST_LINK_MAX_MESSAGE))
		return -EMSGSIZE;
	cost = (uint32_t)n_bytes + RCAST_MESSAGE_OVERHEAD;
	if (!peer_allows(circuit, cost) || !rcasti_queue_has_room(&link->queue, cost, (unsigned int)n_fds))
		return wait_for(circuit, cost, n_fds);
	return 0;
}

static struct rcasti_outgoing *encode_message(const struct rcast_circuit *circuit, const struct iovec *iov, int n_iov,
					      size_t n_bytes, unsigned int flags, int n_fds)
{
	const struct rcast_link *link = circuit->link;
	size_t header_bytes = rcasti_frame_header_bytes(link->options.id_bytes);
	size_t prefix_bytes = link->transport->prefixes_length ? RCASTI_FRAME_LENGTH_BYTES : 0;
	struct rcasti_frame frame = {
		.kind = RCASTI_FRAME_MESSAGE, .last = flags & RCAST_LAST, .n_fds = (uint8_t)n_fds, .id = circuit->id};
	struct rcasti_outgoing *outgoing = rcasti_queue_new_frame(prefix_bytes + header_bytes + n_bytes);
	uint8_t *at;

	if (!outgoing)
		return NULL;
	at = outgoing->bytes;
	if (prefix_bytes)
		rcasti_frame_encode_length(at, (uint32_t)(header_bytes + n_bytes));
	at += prefix_bytes;
	at += rcasti_frame_encode(at, link->options.id_bytes, &frame);
	for (int i = 0; i < n_iov; i++) {
		if (iov[i].iov_len > 0)
			memcpy(at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	return outgoing;
}

int rcast_circuit_send_take_fds(struct rcast_circuit *circuit, const struct iovec *iov, int n_iov, unsigned int flags,
				const int *take_fds, int n_fds)
{
	struct rcasti_outgoing *outgoing;
	size_t n_bytes;
	int error = check_send(circuit, flags, n_fds);

	if (!error)
		error = sum_iov(iov, n_iov, &n_bytes);
	if (!error)
		error = check_room(circuit, n_bytes, n_fds);
	if (error)
		return error;
	outgoing = encode_message(circuit, iov, n_iov, n_bytes, flags, n_fds);
	if (!outgoing)
		return -ENOMEM;
	for (outgoing->n_fds = 0; outgoing->n_fds < n_fds; outgoing->n_fds++)
		outgoing->fds[outgoing->n_fds] = take_fds[outgoing->n_fds];
	rcasti_queue_push_take(&circuit->link->queue, outgoing);
	circuit->outstanding_bytes += (uint32_t)n_bytes + RCAST_MESSAGE_OVERHEAD;
	circuit->sent_any = true;
	circuit->sent_last = flags & RCAST_LAST;
	rcasti_circuit_check_over(circuit);
	rcasti_link_flush(circuit->link);
	return 0;
}

int rcast_circuit_send(struct rcast_circuit *circuit, const struct iovec *iov, int n_iov, unsigned int flags)
{
	return rcast_circuit_send_take_fds(circuit, iov, n_iov, flags, NULL, 0);
}

size_t rcast_circuit_credit(const struct rcast_circuit *circuit)
{
	const struct rcast_link *link = circuit->link;
	uint32_t n_bytes = credit_left(circuit);

	if (rcasti_link_is_down(link) || circuit->sent_last || n_bytes < RCAST_MESSAGE_OVERHEAD)
		return 0;
	n_bytes -= RCAST_MESSAGE_OVERHEAD;
	if (n_bytes > rcast_link_max_message(link))
		n_bytes = rcast_link_max_message(link);
	return rcasti_queue_has_room(&link->queue, n_bytes + RCAST_MESSAGE_OVERHEAD, 0) ? n_bytes : 0;
}
