/* SPDX-License-Identifier: MIT */
/*
 * What a lapped view lost, in bytes of ring, bytes of output and records.
 */
#ifndef RCASTI_CLIENT_LOSS_H
#define RCASTI_CLIENT_LOSS_H

#include <ringcast/client.h>

struct rcasti_loss_account {
	bool known;             /* do we know what should come next? */
	bool in_gap;            /* a gap since the latest record */
	uint64_t next_sequence; /* of the record that should come next */
	uint64_t next_output;
	struct rcast_loss loss;
};

/* A gap was met. -EPROTO: not one that a stream can have. */
int rcasti_loss_gap(struct rcasti_loss_account *account, struct rcast_gap gap);

/* A record was read. -EPROTO: its stamps contradict what was read before. */
int rcasti_loss_record(struct rcasti_loss_account *account, const struct rcast_record *record);

/* At a place that so many records and bytes of output come before: a keyframe's. -EPROTO: that contradicts what was read before. */
int rcasti_loss_arrive(struct rcasti_loss_account *account, uint64_t sequence, uint64_t output_pos);

#endif
