/* SPDX-License-Identifier: MIT */
/*
 * For a consumer that cannot map memory the engine is the reader: it opens the ring with a cursor page of its own, is rung by
 * the notifier like any reader, and sends what it reads as Pieces. So such a consumer gets the same records and the same gaps,
 * and being slow it is lapped like any other; nobody waits for it.
 *
 *   something to read ─ copied, still intact → sent ─ and so on, TURN_BYTES a turn
 *   nothing           → asleep, until the wake pipe is readable
 *   no credit         → one message waits in the exchange, until the circuit is writable
 *   the end           → Notice.ended, and nothing more
 *   moved             → Notice.moved, and on in the next ring; stranded until control has it
 *
 * A piece is copied out of the ring before it is packed, and only then is the reader asked whether the record was intact until
 * now. The last piece asks by rcast_reader_release, which goes on to the next record; so a record whose pieces are all sent is
 * never part of a gap, and a record that is overwritten in its middle is in the gap from its start.
 *
 * All of this is control's.
 */
#include "engine/delivery.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/attach.h"
#include "engine/connection.h"
#include "engine/exchange.h"

enum {
	MAX_PIECE_BYTES = 32 << 10,
	PIECE_OVERHEAD_BYTES = 256, /* more than all other fields of a Piece take */
	TURN_BYTES = 128 << 10,
	MESSAGES_A_TURN = 64,
};

static void send_gap(struct rcasti_delivery *delivery)
{
	struct rcast_gap lost = rcast_reader_get_gap(delivery->reader);
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Gap gap = RINGCAST__WIRE__GAP__INIT;

	delivery->n_sent_bytes = 0;
	gap.from_pos = lost.from_pos;
	gap.to_pos = lost.to_pos;
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_GAP;
	notice.gap = &gap;
	rcasti_exchange_notice(delivery->attachment->exchange, &notice, 0);
}

static void send_ended(struct rcasti_delivery *delivery)
{
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;

	delivery->ended = true;
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_ENDED;
	notice.ended = &done;
	rcasti_exchange_notice(delivery->attachment->exchange, &notice, 0);
}

static void send_piece(struct rcasti_delivery *delivery, const struct rcast_record *record, uint32_t offset, size_t n_bytes)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__Piece piece = RINGCAST__WIRE__PIECE__INIT;

	piece.pos = record->pos;
	piece.next_pos = record->next_pos;
	piece.kind = record->kind;
	piece.stamped = record->stamped;
	piece.time_ns = record->time_ns;
	piece.sequence = record->sequence;
	piece.output_pos = record->output_pos;
	piece.total_bytes = record->n_bytes;
	piece.offset = offset;
	piece.data = (ProtobufCBinaryData){.len = n_bytes, .data = delivery->piece};
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_PIECE;
	reply.piece = &piece;
	rcasti_exchange_send_take(delivery->attachment->exchange, &reply, 0, NULL, 0);
}

static void send_moved(struct rcasti_delivery *delivery, uint64_t ring_bytes)
{
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Moved moved = RINGCAST__WIRE__MOVED__INIT;

	moved.ring_bytes = ring_bytes;
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_MOVED;
	notice.moved = &moved;
	rcasti_exchange_notice(delivery->attachment->exchange, &notice, 0);
}

static struct rcasti_next_ring take_next_ring(struct rcasti_delivery *delivery)
{
	struct rcasti_next_ring next = delivery->next[0];

	delivery->n_next--;
	memmove(delivery->next, delivery->next + 1, (size_t)delivery->n_next * sizeof next);
	return next;
}

/* On in the next ring. False: it is not there yet, or cannot be read. */
static bool change_rings(struct rcasti_delivery *delivery)
{
	struct rcasti_next_ring next;

	delivery->stranded = delivery->n_next == 0;
	if (delivery->stranded)
		return false;
	next = take_next_ring(delivery);
	if (rcast_reader_move_take(delivery->reader, next.fd) != 0) {
		rcasti_attachment_evict(delivery->attachment, "the session has moved and its ring could not be opened");
		return false;
	}
	send_moved(delivery, next.ring_bytes);
	return true;
}

/* Returns how many bytes of payload went out. */
static size_t deliver_record(struct rcasti_delivery *delivery, const struct rcast_record *record)
{
	uint32_t offset = delivery->n_sent_bytes;
	size_t rest = record->n_bytes - offset,
	       n_bytes = rest < delivery->max_piece_bytes ? rest : delivery->max_piece_bytes;
	int outcome;

	memcpy(delivery->piece, (const char *)record->data + offset, n_bytes);
	outcome = n_bytes == rest ? rcast_reader_release(delivery->reader) : rcast_reader_intact(delivery->reader);
	if (outcome != RCAST_RECORD) {
		send_gap(delivery);
		return 0;
	}
	delivery->n_sent_bytes = n_bytes == rest ? 0 : offset + (uint32_t)n_bytes;
	send_piece(delivery, record, offset, n_bytes);
	return n_bytes;
}

/* One message further. False: nothing more to do until something happens. */
static bool deliver_one(struct rcasti_delivery *delivery, size_t *n_bytes)
{
	struct rcast_record record;
	int outcome = rcast_reader_peek(delivery->reader, &record);

	switch (outcome) {
	case RCAST_RECORD:
		*n_bytes += deliver_record(delivery, &record);
		return true;
	case RCAST_LAPPED:
		send_gap(delivery);
		return true;
	case RCAST_EMPTY:
		delivery->asleep = rcast_reader_sleep(delivery->reader) == RCAST_EMPTY;
		return !delivery->asleep;
	case RCAST_ENDED:
		if (record.kind == RCAST_MOVED)
			return change_rings(delivery);
		send_ended(delivery);
		return false;
	default:
		rcasti_attachment_evict(delivery->attachment, "the ring could not be read");
		return false;
	}
}

static bool can_send(const struct rcasti_delivery *delivery)
{
	return !delivery->ended && !delivery->asleep && !delivery->stranded &&
	       !rcasti_exchange_is_blocked(delivery->attachment->exchange);
}

void rcasti_delivery_run(struct rcasti_delivery *delivery)
{
	size_t n_bytes = 0;

	for (int i = 0; i < MESSAGES_A_TURN && n_bytes < TURN_BYTES; i++) {
		if (!can_send(delivery) || !deliver_one(delivery, &n_bytes))
			return;
	}
	rcasti_loop_set_timer(delivery->loop, &delivery->next_turn, 0);
}

/* Who is so slow that several rings wait, is not worth more of them: what the oldest holds and the next does not is a gap. */
void rcasti_delivery_move(struct rcasti_delivery *delivery)
{
	struct rcast_session *session = delivery->attachment->session;
	int fd = rcast_writer_dup_fd(session->control.rotation.ring);

	if (fd < 0) {
		rcasti_attachment_evict(delivery->attachment, "the session has moved and descriptors are short");
		return;
	}
	if (delivery->n_next == RCASTI_MAX_NEXT_RINGS)
		close(take_next_ring(delivery).fd);
	delivery->next[delivery->n_next++] = (struct rcasti_next_ring){.fd = fd, .ring_bytes = session->control.ring_bytes};
	if (delivery->stranded)
		rcasti_loop_set_timer(delivery->loop, &delivery->next_turn, 0);
	delivery->stranded = false;
}

static void on_wake(struct rcasti_source *source, uint32_t events)
{
	struct rcasti_delivery *delivery = rcasti_owner(source, struct rcasti_delivery, wake);

	delivery->asleep = false;
	rcast_reader_wake(delivery->reader);
	rcasti_delivery_run(delivery);
}

static void on_next_turn(struct rcasti_timer *timer)
{
	rcasti_delivery_run(rcasti_owner(timer, struct rcasti_delivery, next_turn));
}

static int open_reader(struct rcasti_delivery *delivery, uint32_t from, uint64_t from_pos)
{
	int ring_fd = rcast_writer_dup_fd(delivery->attachment->session->control.rotation.ring), error;

	if (ring_fd < 0)
		return ring_fd;
	error = rcast_reader_open_take(ring_fd, &delivery->reader);
	if (error) {
		delivery->reader = NULL;
		return error;
	}
	return rcast_reader_seek(delivery->reader, (enum rcast_from)from, from_pos);
}

static int follow(struct rcasti_delivery *delivery)
{
	struct rcast_cursor *cursor;
	int error = rcast_cursor_create(&cursor), cursor_fd, wake_fd;

	if (error)
		return error;
	cursor_fd = rcast_cursor_dup_fd(cursor);
	error = cursor_fd < 0 ? cursor_fd : rcast_follower_create_take(cursor_fd, &delivery->attachment->follower, &wake_fd);
	if (error) {
		rcast_cursor_free(cursor);
		return error;
	}
	error = rcast_reader_follow_take(delivery->reader, cursor, wake_fd);
	return error ? error
		     : rcasti_loop_watch(delivery->loop, &delivery->wake, rcast_reader_fd(delivery->reader), EPOLLIN);
}

static size_t piece_size(const struct rcasti_attachment *attachment)
{
	size_t most = rcast_link_max_message(rcast_circuit_link(attachment->exchange->circuit)) - PIECE_OVERHEAD_BYTES;

	return most < MAX_PIECE_BYTES ? most : MAX_PIECE_BYTES;
}

int rcasti_delivery_open(struct rcasti_attachment *attachment, struct rcasti_loop *loop, uint32_t from, uint64_t from_pos)
{
	size_t max_piece_bytes = piece_size(attachment);
	struct rcasti_delivery *delivery = calloc(1, sizeof *delivery + max_piece_bytes);
	int error;

	if (!delivery)
		return -ENOMEM;
	delivery->attachment = attachment;
	delivery->loop = loop;
	delivery->wake.ready = on_wake;
	delivery->max_piece_bytes = max_piece_bytes;
	rcasti_timer_init(&delivery->next_turn, on_next_turn);
	error = open_reader(delivery, from, from_pos);
	if (!error)
		error = follow(delivery);
	if (error) {
		rcasti_delivery_close(delivery);
		return error;
	}
	attachment->delivery = delivery;
	rcasti_loop_set_timer(loop, &delivery->next_turn, 0);
	return 0;
}

void rcasti_delivery_close(struct rcasti_delivery *delivery)
{
	rcasti_loop_forget(delivery->loop, &delivery->wake);
	rcasti_timer_cancel(&delivery->next_turn);
	if (delivery->reader)
		rcast_reader_close(delivery->reader);
	while (delivery->n_next > 0)
		close(delivery->next[--delivery->n_next].fd);
	free(delivery);
}
