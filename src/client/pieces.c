/* SPDX-License-Identifier: MIT */
/*
 * Two states: between records, or inside one that is *open*. A piece at offset 0 opens a record, also in the middle of another
 * one, which was then lost; a later piece must go on exactly where the one before it stopped.
 *
 * The engine is not believed: positions only grow, a record is no longer than a ring of the announced size can hold, and memory
 * grows with the bytes that have come, never with those that were promised.
 *
 * Called by circuit_source.c. Calls nothing.
 */
#include "client/pieces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void rcasti_pieces_init(struct rcasti_pieces *pieces, uint64_t ring_bytes)
{
	*pieces = (struct rcasti_pieces){.max_record_bytes = ring_bytes / 4};
}

void rcasti_pieces_free(struct rcasti_pieces *pieces)
{
	free(pieces->buffer);
	pieces->buffer = NULL;
}

static bool is_delivered_kind(uint32_t kind)
{
	return kind >= RCAST_OUTPUT && kind <= UINT8_MAX;
}

static int open_record(struct rcasti_pieces *pieces, const Ringcast__Wire__Piece *piece)
{
	if (!is_delivered_kind(piece->kind) || piece->pos < pieces->min_pos || piece->next_pos <= piece->pos ||
	    piece->total_bytes > pieces->max_record_bytes || piece->total_bytes > piece->next_pos - piece->pos)
		return -EPROTO;
	pieces->record = (struct rcast_record){
		.pos = piece->pos,
		.next_pos = piece->next_pos,
		.n_bytes = piece->total_bytes,
		.kind = (uint8_t)piece->kind,
		.stamped = piece->stamped,
		.time_ns = piece->time_ns,
		.sequence = piece->sequence,
		.output_pos = piece->output_pos,
	};
	pieces->n_held = 0;
	pieces->open = true;
	return 0;
}

static int make_room(struct rcasti_pieces *pieces, size_t n_bytes)
{
	size_t room = pieces->room ? pieces->room : 4096;
	uint8_t *grown;

	while (room < n_bytes)
		room *= 2;
	if (room == pieces->room)
		return 0;
	grown = realloc(pieces->buffer, room);
	if (!grown)
		return -ENOMEM;
	pieces->buffer = grown;
	pieces->room = room;
	return 0;
}

static int append(struct rcasti_pieces *pieces, const Ringcast__Wire__Piece *piece)
{
	int result = make_room(pieces, pieces->n_held + piece->data.len);

	if (result < 0)
		return result;
	if (piece->data.len)
		memcpy(pieces->buffer + pieces->n_held, piece->data.data, piece->data.len);
	pieces->n_held += piece->data.len;
	return 0;
}

static bool goes_on(const struct rcasti_pieces *pieces, const Ringcast__Wire__Piece *piece)
{
	return pieces->open && piece->pos == pieces->record.pos && piece->total_bytes == pieces->record.n_bytes &&
	       piece->offset == pieces->n_held && piece->data.len > 0;
}

int rcasti_pieces_add(struct rcasti_pieces *pieces, const Ringcast__Wire__Piece *piece, struct rcast_record *record)
{
	int result = 0;

	if (piece->offset == 0)
		result = open_record(pieces, piece);
	else if (!goes_on(pieces, piece))
		result = -EPROTO;
	if (result < 0)
		return result;
	if (piece->data.len > pieces->record.n_bytes - pieces->n_held)
		return -EPROTO;
	result = append(pieces, piece);
	if (result < 0 || pieces->n_held < pieces->record.n_bytes)
		return result < 0 ? result : RCAST_EMPTY;
	pieces->open = false;
	pieces->min_pos = pieces->record.next_pos;
	*record = pieces->record;
	record->data = pieces->buffer;
	return RCAST_RECORD;
}

int rcasti_pieces_gap(struct rcasti_pieces *pieces, uint64_t pos)
{
	pieces->open = false;
	if (pos < pieces->min_pos)
		return -EPROTO;
	pieces->min_pos = pos;
	return 0;
}
