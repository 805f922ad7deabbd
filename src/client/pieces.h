/* SPDX-License-Identifier: MIT */
/*
 * Records that come over a circuit, put together again from their pieces.
 */
#ifndef RCASTI_CLIENT_PIECES_H
#define RCASTI_CLIENT_PIECES_H

#include <ringcast/ringcast.h>

#include "ringcast.pb-c.h"

struct rcasti_pieces {
	uint64_t max_record_bytes; /* no record is longer */
	uint64_t min_pos;          /* no record starts before this */
	bool open;                 /* is `record` unfinished? */
	struct rcast_record record;
	uint8_t *buffer; /* n_held of the record's bytes */
	size_t n_held, room;
};

void rcasti_pieces_init(struct rcasti_pieces *pieces, uint64_t ring_bytes);
void rcasti_pieces_free(struct rcasti_pieces *pieces);

/* RCAST_RECORD: that was the last of *record, whose data stays ours. RCAST_EMPTY: there is more to come. -EPROTO, -ENOMEM. */
int rcasti_pieces_add(struct rcasti_pieces *pieces, const Ringcast__Wire__Piece *piece, struct rcast_record *record);

/* The stream goes on at `pos`: what is unfinished was lost. */
int rcasti_pieces_gap(struct rcasti_pieces *pieces, uint64_t pos);

#endif
