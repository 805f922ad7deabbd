/* SPDX-License-Identifier: MIT */
/*
 * Frames that wait to be sent on one link, within the link's caps on bytes and descriptors.
 */
#ifndef RCASTI_CONTROL_QUEUE_H
#define RCASTI_CONTROL_QUEUE_H

#include <sys/queue.h>

#include <ringcast/circuit.h>

/* The queue owns it, its descriptors included. */
struct rcasti_outgoing {
	STAILQ_ENTRY(rcasti_outgoing) next;
	size_t n_bytes, n_sent;
	int n_fds;
	int fds[RCAST_MESSAGE_MAX_FDS];
	uint8_t bytes[];
};

struct rcasti_queue {
	STAILQ_HEAD(, rcasti_outgoing) frames;
	size_t n_bytes, max_bytes;
	unsigned int n_fds, max_fds;
};

void rcasti_queue_open(struct rcasti_queue *queue, size_t max_bytes, unsigned int max_fds);
void rcasti_queue_clear(struct rcasti_queue *queue);

/* Is there room? An empty queue takes any one frame, so that nothing that is legal at all waits for ever. */
bool rcasti_queue_has_room(const struct rcasti_queue *queue, size_t n_bytes, unsigned int n_fds);

/* Room for a frame of this length; fill it in, then push it or free() it. NULL: no memory. */
struct rcasti_outgoing *rcasti_queue_new_frame(size_t n_bytes);
void rcasti_queue_push_take(struct rcasti_queue *queue, struct rcasti_outgoing *frame);

/* The frame to send next, or NULL; it stays the queue's. pop closes its descriptors: they are sent. */
struct rcasti_outgoing *rcasti_queue_head(const struct rcasti_queue *queue);
void rcasti_queue_pop(struct rcasti_queue *queue);

#endif
