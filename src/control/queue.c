/* SPDX-License-Identifier: MIT */
/*
 * A list of whole frames, oldest first, each an allocation of its own.
 *
 * A frame's descriptors are the queue's from push to pop. They count against their cap until the frame is sent as a whole,
 * although on a stream they have left with its first byte: what matters is how many can be open here.
 *
 * Filled by circuits, emptied by the link.
 */
#include "control/queue.h"

#include <stdlib.h>

#include "control/fdset.h"

void rcasti_queue_open(struct rcasti_queue *queue, size_t max_bytes, unsigned int max_fds)
{
	*queue = (struct rcasti_queue){.max_bytes = max_bytes, .max_fds = max_fds};
	STAILQ_INIT(&queue->frames);
}

void rcasti_queue_clear(struct rcasti_queue *queue)
{
	while (rcasti_queue_head(queue))
		rcasti_queue_pop(queue);
}

/* What a frame weighs against the cap: its memory, so that empty messages count too. */
static size_t weight(size_t n_bytes)
{
	return sizeof(struct rcasti_outgoing) + n_bytes;
}

bool rcasti_queue_has_room(const struct rcasti_queue *queue, size_t n_bytes, unsigned int n_fds)
{
	if (STAILQ_EMPTY(&queue->frames))
		return true;
	return queue->n_bytes + weight(n_bytes) <= queue->max_bytes && (!n_fds || queue->n_fds + n_fds <= queue->max_fds);
}

struct rcasti_outgoing *rcasti_queue_new_frame(size_t n_bytes)
{
	struct rcasti_outgoing *frame = malloc(weight(n_bytes));

	if (frame) {
		frame->n_bytes = n_bytes;
		frame->n_sent = 0;
		frame->n_fds = 0;
	}
	return frame;
}

void rcasti_queue_push_take(struct rcasti_queue *queue, struct rcasti_outgoing *frame)
{
	STAILQ_INSERT_TAIL(&queue->frames, frame, next);
	queue->n_bytes += weight(frame->n_bytes);
	queue->n_fds += (unsigned int)frame->n_fds;
}

struct rcasti_outgoing *rcasti_queue_head(const struct rcasti_queue *queue)
{
	return STAILQ_FIRST(&queue->frames);
}

void rcasti_queue_pop(struct rcasti_queue *queue)
{
	struct rcasti_outgoing *frame = STAILQ_FIRST(&queue->frames);

	STAILQ_REMOVE_HEAD(&queue->frames, next);
	queue->n_bytes -= weight(frame->n_bytes);
	queue->n_fds -= (unsigned int)frame->n_fds;
	rcasti_fds_close(frame->fds, frame->n_fds);
	free(frame);
}
