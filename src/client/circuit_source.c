/* SPDX-License-Identifier: MIT */
/*
 * Records that come over the circuit, for a consumer that cannot map memory.
 *
 * Messages are kept as they come, in the inbox, and are looked at when the program asks for its next record. Their credit goes
 * back to the engine only then; so a program that stalls holds the engine's stream, and about one window of memory.
 *
 * Called by view.c; calls pieces.c for the records.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/view.h"

struct rcasti_letter {
	struct rcasti_letter *next;
	size_t n_bytes;
	bool last; /* the engine's last on this circuit */
	uint8_t data[];
};

void rcasti_circuit_source_open(struct rcast_view *view)
{
	rcasti_pieces_init(&view->pieces, view->info.ring_bytes);
}

void rcasti_circuit_source_close(struct rcast_view *view)
{
	struct rcasti_letter *letter;

	while ((letter = view->inbox.first) != NULL) {
		view->inbox.first = letter->next;
		free(letter);
	}
	rcasti_pieces_free(&view->pieces);
}

enum rcast_consumed rcasti_circuit_source_keep(struct rcast_view *view, const struct rcast_message *message)
{
	struct rcasti_inbox *inbox = &view->inbox;
	struct rcasti_letter *letter = malloc(sizeof *letter + message->n_bytes);

	if (!letter) {
		rcast_link_abort(view->client->link, -ENOMEM, "no memory for a message");
		return RCAST_CONSUMED;
	}
	letter->next = NULL;
	letter->n_bytes = message->n_bytes;
	letter->last = message->last;
	if (message->n_bytes)
		memcpy(letter->data, message->data, message->n_bytes);
	if (!inbox->first)
		inbox->end = &inbox->first;
	*inbox->end = letter;
	inbox->end = &letter->next;
	return RCAST_HELD;
}

void rcasti_circuit_source_settle(struct rcast_view *view)
{
	for (const struct rcasti_letter *letter = view->inbox.first; letter; letter = letter->next)
		rcast_circuit_consumed(view->circuit, letter->n_bytes);
}

static int read_letter(struct rcast_view *view, struct rcast_record *record)
{
	struct rcasti_letter *letter = view->inbox.first;
	Ringcast__Wire__Reply *reply = ringcast__wire__reply__unpack(NULL, letter->n_bytes, letter->data);
	int result = reply ? rcasti_view_take_reply(view, reply, record) : -EPROTO;

	if (reply)
		ringcast__wire__reply__free_unpacked(reply, NULL);
	if (letter->last && !view->fate && result != RCAST_ENDED)
		view->fate = -EPROTO; /* to leave without a word is no way to end a stream */
	view->inbox.first = letter->next;
	if (view->circuit)
		rcast_circuit_consumed(view->circuit, letter->n_bytes);
	free(letter);
	return result;
}

static int read_inbox(struct rcast_view *view, struct rcast_record *record)
{
	int result = RCAST_EMPTY;

	while (view->inbox.first && result == RCAST_EMPTY)
		result = read_letter(view, record);
	if (result < 0)
		view->fate = result;
	view->ended = result == RCAST_ENDED;
	return result;
}

int rcasti_circuit_source_next(struct rcast_view *view, struct rcast_record *record)
{
	int result;

	if (view->ended)
		return RCAST_ENDED;
	result = read_inbox(view, record);
	if (result != RCAST_EMPTY)
		return result;
	if (rcasti_client_dispatch(view->client) == 0 && !view->inbox.first && view->circuit && !view->fate)
		return RCAST_EMPTY;
	result = read_inbox(view, record);
	if (result != RCAST_EMPTY)
		return result;
	if (view->fate)
		return view->fate;
	if (view->client->down)
		return view->client->down;
	return view->circuit ? RCAST_EMPTY : -EPIPE;
}
