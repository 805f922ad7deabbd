/* SPDX-License-Identifier: MIT */
/*
 * One keyframe, and how a client gets it: as a descriptor, in one reply, or in pieces on its circuit.
 *
 * It is shared by the session, which keeps the latest, and by the exchanges that are still being sent it in pieces. Who is sent it
 * as a descriptor gets a file description of its own, so that none can set flags that another one reads by.
 *
 * Called by keyframes.c; calls exchange.c to send, quota.c and connection.c for what a client that does not read has us keep.
 */
#include "engine/keyframe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/connection.h"
#include "engine/exchange.h"
#include "kernel/sealed.h"

enum {
	MAX_PIECE_BYTES = 32 << 10,
	PIECE_OVERHEAD_BYTES = 256, /* more than all other fields of the reply take */
};

struct rcasti_keyframe *rcasti_keyframe_create_take(const Ringcast__Wire__KeyframeInfo *info, uint64_t reach_pos,
						    int memory_fd)
{
	struct rcasti_keyframe *made = NULL;

	if (memory_fd >= 0 && rcasti_sealed_is_sound(memory_fd, info->n_bytes))
		made = calloc(1, sizeof *made);
	if (!made) {
		if (memory_fd >= 0)
			close(memory_fd);
		return NULL;
	}
	made->n_users = 1;
	made->memory_fd = memory_fd;
	made->reach_pos = reach_pos;
	made->info = *info;
	made->info.data = (ProtobufCBinaryData){0};
	made->info.base.n_unknown_fields = 0;
	made->info.base.unknown_fields = NULL;
	return made;
}

void rcasti_keyframe_release(struct rcasti_keyframe *keyframe)
{
	if (!keyframe || --keyframe->n_users > 0)
		return;
	close(keyframe->memory_fd);
	free(keyframe);
}

static void hand_out_descriptor(struct rcasti_exchange *exchange, struct rcasti_keyframe *keyframe)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	char path[32];
	int fd;

	if (rcasti_connection_take_fds(exchange->connection, 1, NULL) != 0) {
		rcasti_exchange_refuse(exchange, -ENOBUFS,
				       "too many descriptors are on their way to this connection already");
		return;
	}
	snprintf(path, sizeof path, "/proc/self/fd/%d", keyframe->memory_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		rcasti_connection_return_fds(exchange->connection, 1);
		rcasti_exchange_refuse(exchange, -errno, "the keyframe cannot be handed out: %s", strerrordesc_np(errno));
		return;
	}
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_KEYFRAME;
	reply.keyframe = &keyframe->info;
	rcasti_exchange_send_take(exchange, &reply, RCAST_LAST, &fd, 1);
}

static bool send_piece(struct rcasti_exchange *exchange)
{
	size_t most = rcast_link_max_message(exchange->connection->link) - PIECE_OVERHEAD_BYTES;
	Ringcast__Wire__KeyframeInfo piece = exchange->keyframe->info;
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	size_t left = piece.n_bytes - exchange->n_sent_bytes;
	uint8_t data[MAX_PIECE_BYTES];

	most = most < sizeof data ? most : sizeof data;
	piece.data = (ProtobufCBinaryData){.data = data, .len = left < most ? left : most};
	if (rcasti_sealed_read(exchange->keyframe->memory_fd, exchange->n_sent_bytes, data, piece.data.len) != 0) {
		rcasti_exchange_refuse(exchange, -EPROTO, "the keyframe cannot be read");
		return false;
	}
	exchange->n_sent_bytes += piece.data.len;
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_KEYFRAME;
	reply.keyframe = &piece;
	rcasti_exchange_send_take(exchange, &reply, piece.data.len == left ? RCAST_LAST : 0, NULL, 0);
	return piece.data.len < left;
}

/* What a client that does not read has us keep: a piece that waits, and the keyframe with its descriptor. */
static uint32_t kept_bytes(const struct rcasti_keyframe *keyframe)
{
	return MAX_PIECE_BYTES + (uint32_t)keyframe->info.n_bytes;
}

static int take_quota(struct rcasti_exchange *exchange, const struct rcasti_keyframe *keyframe)
{
	struct rcasti_account *account = exchange->connection->account;
	struct rcasti_cost cost = {RCASTI_QUEUED_BYTES, kept_bytes(keyframe)}, missing;
	char why[128];

	if (rcasti_account_take_all(account, &cost, 1, &missing) == 0) {
		if (rcasti_connection_keep_fd(exchange->connection, &missing) == 0)
			return 0;
		rcasti_account_give_all(account, &cost, 1);
	}
	rcasti_account_explain(account, missing.resource, missing.n, why, sizeof why);
	return rcasti_exchange_refuse(exchange, -ENOBUFS, "%s", why);
}

static void return_quota(struct rcasti_exchange *exchange)
{
	rcasti_connection_keep_fd_no_more(exchange->connection);
	rcasti_account_give(exchange->connection->account, RCASTI_QUEUED_BYTES, kept_bytes(exchange->keyframe));
}

void rcasti_keyframe_hand_out(struct rcasti_exchange *exchange, struct rcasti_keyframe *keyframe)
{
	if (!exchange->keyframe_by_circuit) {
		hand_out_descriptor(exchange, keyframe);
		return;
	}
	if (take_quota(exchange, keyframe) != 0)
		return;
	keyframe->n_users++;
	exchange->keyframe = keyframe;
	exchange->more = send_piece;
	rcasti_exchange_go_on(exchange);
}

void rcasti_keyframe_take_back(struct rcasti_exchange *exchange)
{
	if (exchange->keyframe)
		return_quota(exchange);
	rcasti_keyframe_release(exchange->keyframe);
}
