/* SPDX-License-Identifier: MIT */
/*
 * A keyframe is asked for in an exchange of its own. The answer is a sealed memfd, or pieces on the circuit:
 *
 *   begin ──► asked ── reply: told, its memfd kept ──► done ── take: verified and copied ──►
 *                  └── replies: told, each with a piece ──┘
 *
 * It came out of a process that parses hostile bytes, so nothing about it is believed: the numbers are checked, and the memory is
 * verified and copied (kernel/sealed.h). What the bytes do to a terminal is for whoever writes them to one; they do there what
 * the session's program could do anyway.
 *
 * Replies are noted while the link is dispatched; copying waits until the caller takes the keyframe.
 *
 * Called by programs, and by views; calls connection.c.
 */
#include "client/keyframe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/schema.h"
#include "kernel/sealed.h"

/* ── The answer ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_sound(const Ringcast__Wire__KeyframeInfo *wire)
{
	return wire->n_bytes <= RCASTI_MAX_KEYFRAME_BYTES && wire->cols >= 1 && wire->cols <= UINT16_MAX &&
	       wire->rows >= 1 && wire->rows <= UINT16_MAX && wire->cursor_col < wire->cols &&
	       wire->cursor_row < wire->rows && wire->output_pos <= wire->pos && wire->sequence <= wire->pos;
}

static void tell(struct rcasti_keyframe_request *request, const Ringcast__Wire__KeyframeInfo *wire)
{
	request->told = true;
	request->keyframe = (struct rcast_keyframe){
		.pos = wire->pos,
		.output_pos = wire->output_pos,
		.sequence = wire->sequence,
		.cols = (uint16_t)wire->cols,
		.rows = (uint16_t)wire->rows,
		.cursor_col = (uint16_t)wire->cursor_col,
		.cursor_row = (uint16_t)wire->cursor_row,
		.stale = wire->stale,
		.n_bytes = wire->n_bytes,
	};
}

/* Memory grows with the bytes that have come, never with those that were promised. */
static int append(struct rcasti_keyframe_request *request, const ProtobufCBinaryData *data)
{
	size_t room = request->room ? request->room : 16384;
	char *grown;

	if (data->len == 0 || data->len > request->keyframe.n_bytes - request->n_held)
		return -EPROTO;
	while (room < request->n_held + data->len)
		room *= 2;
	if (room > request->room) {
		grown = realloc(request->keyframe.bytes, room);
		if (!grown)
			return -ENOMEM;
		request->keyframe.bytes = grown;
		request->room = room;
	}
	memcpy(request->keyframe.bytes + request->n_held, data->data, data->len);
	request->n_held += data->len;
	return 0;
}

static int keyframe_reply(void *user, const Ringcast__Wire__Reply *reply, struct rcast_message *message)
{
	struct rcasti_keyframe_request *request = user;

	if (reply->result_case != RINGCAST__WIRE__REPLY__RESULT_KEYFRAME || !is_sound(reply->keyframe) ||
	    (request->told && !request->by_circuit))
		return -EPROTO;
	if (!request->told)
		tell(request, reply->keyframe);
	if (request->by_circuit)
		return append(request, &reply->keyframe->data);
	request->memory_fd = rcast_message_take_fd(message, 0);
	request->has_memory = request->memory_fd >= 0;
	return request->has_memory ? 0 : -EPROTO;
}

static int copy_memory(struct rcasti_keyframe_request *request)
{
	struct rcast_keyframe *keyframe = &request->keyframe;

	if (!rcasti_sealed_is_sound(request->memory_fd, keyframe->n_bytes))
		return -EPROTO;
	keyframe->bytes = malloc(keyframe->n_bytes + 1);
	if (!keyframe->bytes)
		return -ENOMEM;
	return rcasti_sealed_read(request->memory_fd, 0, keyframe->bytes, keyframe->n_bytes);
}

static int judge(struct rcasti_keyframe_request *request)
{
	int result = request->exchange.result;

	if (result == 0 && !request->told)
		result = -EPROTO;
	if (result == 0 && request->by_circuit)
		return request->n_held == request->keyframe.n_bytes ? 0 : -EPROTO;
	return result < 0 ? result : copy_memory(request);
}

/* ── The request ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void keyframe_over(void *user)
{
	struct rcasti_keyframe_request *request = user;

	if (request->over)
		request->over(request->owner);
}

int rcasti_keyframe_begin(struct rcasti_keyframe_request *request, struct rcast_client *client, const char *session,
			  bool by_circuit)
{
	Ringcast__Wire__Keyframe keyframe = RINGCAST__WIRE__KEYFRAME__INIT;
	Ringcast__Wire__Request wire = RINGCAST__WIRE__REQUEST__INIT;

	wire.command_case = RINGCAST__WIRE__REQUEST__COMMAND_KEYFRAME;
	wire.keyframe = &keyframe;
	keyframe.session = (char *)session;
	keyframe.by_circuit = by_circuit;
	request->by_circuit = by_circuit;
	request->exchange =
		(struct rcasti_exchange){.client = client, .reply = keyframe_reply, .over = keyframe_over, .user = request};
	return rcasti_exchange_begin(&request->exchange, &wire, -1);
}

int rcasti_keyframe_take(struct rcasti_keyframe_request *request, struct rcast_keyframe *keyframe)
{
	int result = judge(request);

	if (result == 0) {
		*keyframe = request->keyframe;
		request->keyframe.bytes = NULL;
	} else if (result == -EPROTO) {
		rcasti_client_fail(request->exchange.client, result,
				   "the keyframe that the engine sent is not what it said");
	}
	rcasti_keyframe_abandon(request);
	return result;
}

void rcasti_keyframe_abandon(struct rcasti_keyframe_request *request)
{
	rcasti_exchange_abandon(&request->exchange);
	free(request->keyframe.bytes);
	if (request->has_memory)
		close(request->memory_fd);
	*request = (struct rcasti_keyframe_request){.over = request->over, .owner = request->owner};
}

int rcast_client_get_keyframe(struct rcast_client *client, const char *session, struct rcast_keyframe *keyframe)
{
	struct rcasti_keyframe_request request = {0};
	int result = rcasti_keyframe_begin(&request, client, session, !rcast_link_carries_fds(client->link));

	*keyframe = (struct rcast_keyframe){0};
	if (result < 0)
		return result;
	result = rcasti_exchange_wait(&request.exchange);
	if (result == 0)
		return rcasti_keyframe_take(&request, keyframe);
	rcasti_keyframe_abandon(&request);
	return result;
}
