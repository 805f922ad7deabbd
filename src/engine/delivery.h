/* SPDX-License-Identifier: MIT */
/* A session's records sent on a circuit. The model is in delivery.c. */
#ifndef RCASTI_ENGINE_DELIVERY_H
#define RCASTI_ENGINE_DELIVERY_H

#include "engine/loop.h"
#include "engine/readers.h"

#define RCASTI_MAX_NEXT_RINGS 4

struct rcasti_next_ring {
	int fd;
	uint64_t ring_bytes;
};

/* What one delivery keeps at the most: a piece, and a message of one that waits. */
#define RCASTI_DELIVERY_BYTES (65u << 10)

struct rcasti_delivery {
	struct rcasti_attachment *attachment;
	struct rcasti_loop *loop;
	struct rcast_reader *reader;
	struct rcasti_source wake;
	struct rcasti_timer next_turn;
	bool asleep;   /* until `wake` is readable */
	bool stranded; /* at the end of a ring, until the next one is there */
	struct rcasti_next_ring next[RCASTI_MAX_NEXT_RINGS];
	int n_next;            /* rings to go on in, in order */
	bool ended;            /* the notice of it is out */
	uint32_t n_sent_bytes; /* of the record that the reader stands on */
	size_t max_piece_bytes;
	uint8_t piece[];
};

/*
 * Make a reader of the attachment's session and the follower that rings it, which becomes the attachment's. It begins to
 * send in the next turn. -EINVAL: `from_pos` lies ahead of the writer. -EAGAIN: the writer was faster than the seek.
 */
int rcasti_delivery_open(struct rcasti_attachment *attachment, struct rcasti_loop *loop, uint32_t from, uint64_t from_pos);
void rcasti_delivery_close(struct rcasti_delivery *delivery);

/* The session has another ring, to be read behind the one that is being read. */
void rcasti_delivery_move(struct rcasti_delivery *delivery);

/* Send what can be sent, a bounded amount. */
void rcasti_delivery_run(struct rcasti_delivery *delivery);

#endif
