/* SPDX-License-Identifier: MIT */
/*
 * Two ends joined in memory. Each end owns the packets that wait to be received at it and knows the other while that lives.
 *
 * It behaves as a seqpacket socket does: packets stay whole, a full inbox is -EAGAIN, and what was sent before one end was
 * freed can still be received at the other. Both ends belong to one thread.
 */
#include "control/transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct parcel {
	STAILQ_ENTRY(parcel) next;
	size_t n_bytes;
	uint8_t bytes[];
};

struct memory {
	struct rcasti_transport base;
	struct memory *other; /* NULL once it was freed */
	STAILQ_HEAD(, parcel) inbox;
	size_t inbox_bytes;
	size_t capacity_bytes;
	size_t max_frame_bytes;
	struct parcel *lent; /* what the last receive handed out */
};

static ssize_t memory_send(struct rcasti_transport *transport, const uint8_t *bytes, size_t n_bytes, const int *fds,
			   int n_fds)
{
	struct memory *to = ((struct memory *)transport)->other;
	struct parcel *parcel;

	if (!to)
		return -EPIPE;
	if (!STAILQ_EMPTY(&to->inbox) && to->inbox_bytes + n_bytes > to->capacity_bytes)
		return -EAGAIN;
	parcel = malloc(sizeof *parcel + n_bytes);
	if (!parcel)
		return -ENOMEM;
	parcel->n_bytes = n_bytes;
	memcpy(parcel->bytes, bytes, n_bytes);
	STAILQ_INSERT_TAIL(&to->inbox, parcel, next);
	to->inbox_bytes += n_bytes;
	return (ssize_t)n_bytes;
}

static int memory_receive(struct rcasti_transport *transport, struct rcasti_packet *packet)
{
	struct memory *memory = (struct memory *)transport;
	struct parcel *parcel = STAILQ_FIRST(&memory->inbox);

	if (!parcel)
		return memory->other ? -EAGAIN : -EPIPE;
	STAILQ_REMOVE_HEAD(&memory->inbox, next);
	memory->inbox_bytes -= parcel->n_bytes;
	free(memory->lent);
	memory->lent = parcel;
	if (parcel->n_bytes > memory->max_frame_bytes) {
		snprintf(transport->fault, sizeof transport->fault, "a frame longer than %zu bytes",
			 memory->max_frame_bytes);
		return -EPROTO;
	}
	packet->bytes = parcel->bytes;
	packet->n_bytes = parcel->n_bytes;
	packet->n_fds = 0;
	return 0;
}

static bool memory_is_buffered(const struct rcasti_transport *transport)
{
	return false;
}

static void memory_free(struct rcasti_transport *transport)
{
	struct memory *memory = (struct memory *)transport;
	struct parcel *parcel;

	while ((parcel = STAILQ_FIRST(&memory->inbox))) {
		STAILQ_REMOVE_HEAD(&memory->inbox, next);
		free(parcel);
	}
	if (memory->other)
		memory->other->other = NULL;
	free(memory->lent);
	free(memory);
}

static const struct rcasti_transport_ops memory_ops = {
	.send = memory_send,
	.receive = memory_receive,
	.is_buffered = memory_is_buffered,
	.free = memory_free,
};

static struct memory *new_end(size_t max_frame_bytes, size_t capacity_bytes)
{
	struct memory *memory = calloc(1, sizeof *memory);

	if (!memory)
		return NULL;
	memory->base = (struct rcasti_transport){.ops = &memory_ops, .fd = -1, .max_send_bytes = SIZE_MAX};
	STAILQ_INIT(&memory->inbox);
	memory->max_frame_bytes = max_frame_bytes;
	memory->capacity_bytes = capacity_bytes;
	return memory;
}

int rcasti_transport_open_memory(size_t max_frame_bytes, size_t capacity_bytes, struct rcasti_transport *ends[2])
{
	struct memory *first = new_end(max_frame_bytes, capacity_bytes), *second = new_end(max_frame_bytes, capacity_bytes);

	if (!first || !second) {
		free(first);
		free(second);
		return -ENOMEM;
	}
	first->other = second;
	second->other = first;
	ends[0] = &first->base;
	ends[1] = &second->base;
	return 0;
}
