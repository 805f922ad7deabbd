/* SPDX-License-Identifier: MIT */
/* A reader attached to a session over a wire, and what it collects: output, and a trace of all records in order. */
#ifndef RINGCAST_TESTS_TAP_H
#define RINGCAST_TESTS_TAP_H

#include <fcntl.h>

#include <ringcast/ring.h>

#include "wire.h"

struct tap {
	struct talk talk;
	struct rcast_reader *reader; /* NULL: delivery by circuit */
	int ring_fd;                 /* a duplicate of what the reader was given, if it was asked for */
	uint64_t id;
	uint32_t lease_ms;
	int error; /* of the attach */

	char *output;
	size_t n_output, n_room;
	char trace[4096]; /* "resize 80x24; output; title x; exit 0/0; ended; " with neighbouring outputs as one */
	uint64_t expected_pos, n_lost_bytes;
	bool has_begun; /* until then it may start anywhere */
	uint32_t piece_offset;
	uint64_t n_gaps;
	bool ended, evicted, removed, detached;
	int next_fds[16], n_next; /* rings to go on in */
	uint64_t n_moves;
	char why[128]; /* it was evicted */
	int complaint; /* the latest error reply in the stream */
};

static inline void tap_trace(struct tap *tap, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void tap_trace(struct tap *tap, const char *format, ...)
{
	size_t used = strlen(tap->trace);
	va_list list;

	va_start(list, format);
	vsnprintf(tap->trace + used, sizeof tap->trace - used, format, list);
	va_end(list);
}

static inline void tap_output(struct tap *tap, const void *data, size_t n_bytes)
{
	if (tap->n_output + n_bytes > tap->n_room) {
		tap->n_room = (tap->n_output + n_bytes) * 2;
		tap->output = realloc(tap->output, tap->n_room);
	}
	if (n_bytes > 0)
		memcpy(tap->output + tap->n_output, data, n_bytes);
	tap->n_output += n_bytes;
	if (strlen(tap->trace) < 8 || strcmp(tap->trace + strlen(tap->trace) - 8, "output; ") != 0)
		tap_trace(tap, "output; ");
}

static inline void tap_record(struct tap *tap, unsigned int kind, const void *data, size_t n_bytes)
{
	struct rcast_resize size;
	struct rcast_exit how;

	if (kind == RCAST_OUTPUT) {
		tap_output(tap, data, n_bytes);
	} else if (kind == RCAST_RESIZE) {
		cr_assert_eq(n_bytes, sizeof size);
		memcpy(&size, data, sizeof size);
		tap_trace(tap, "resize %ux%u; ", size.cols, size.rows);
	} else if (kind == RCAST_EXIT) {
		cr_assert_eq(n_bytes, sizeof how);
		memcpy(&how, data, sizeof how);
		tap_trace(tap, "exit %d/%d; ", how.status, how.signal);
	} else if (kind == RCAST_TITLE) {
		tap_trace(tap, "title %.*s; ", (int)n_bytes, (const char *)data);
	} else if (kind < RCAST_BELL || kind > RCAST_MODES) { /* what lies between are events that any output may hold */
		tap_trace(tap, "kind %u; ", kind);
	}
}

static inline void tap_gap(struct tap *tap, uint64_t from_pos, uint64_t to_pos)
{
	if (!tap->has_begun)
		tap->expected_pos = from_pos;
	tap->has_begun = true;
	/* Padding at the end of a lap is nobody's loss: it may lie between. */
	cr_assert(from_pos == tap->expected_pos || (from_pos > tap->expected_pos && from_pos % RCAST_RING_MIN_BYTES == 0),
		  "a gap from %" PRIu64 " where %" PRIu64 " was due", from_pos, tap->expected_pos);
	cr_assert_gt(to_pos, from_pos);
	tap->n_lost_bytes += to_pos - from_pos;
	tap->expected_pos = to_pos;
	tap->piece_offset = 0;
	tap->n_gaps++;
}

static inline void tap_end(struct tap *tap)
{
	if (!tap->ended)
		tap_trace(tap, "ended; ");
	tap->ended = true;
}

/* On in the next ring. False: it has not come yet. */
static inline bool tap_move(struct tap *tap)
{
	if (tap->n_next == 0)
		return false;
	cr_assert_eq(rcast_reader_move_take(tap->reader, tap->next_fds[0]), 0);
	memmove(tap->next_fds, tap->next_fds + 1, (size_t)--tap->n_next * sizeof tap->next_fds[0]);
	tap->n_moves++;
	return true;
}

static inline void tap_read_ring(struct tap *tap)
{
	struct rcast_record record;
	struct rcast_gap gap;
	static char buffer[1 << 20];
	int outcome;

	while (!tap->ended && (outcome = rcast_reader_read(tap->reader, buffer, sizeof buffer, &record)) != RCAST_EMPTY) {
		cr_assert_geq(outcome, 0);
		if (outcome == RCAST_LAPPED) {
			gap = rcast_reader_get_gap(tap->reader);
			tap_gap(tap, gap.from_pos, gap.to_pos);
		} else if (outcome == RCAST_ENDED && record.kind == RCAST_MOVED) {
			if (!tap_move(tap))
				return;
		} else if (outcome == RCAST_ENDED) {
			tap_end(tap);
		} else {
			cr_assert_geq(record.pos, tap->expected_pos);
			tap->expected_pos = record.next_pos;
			tap->has_begun = true;
			tap_record(tap, record.kind, record.data, record.n_bytes);
		}
	}
}

/* Pieces of one record must follow each other without a hole; padding between records is the only jump. */
static inline void tap_piece(struct tap *tap, const Ringcast__Wire__Piece *piece)
{
	cr_assert_eq(piece->offset, tap->piece_offset);
	cr_assert_geq(piece->pos, tap->expected_pos);
	tap->has_begun = true;
	tap->piece_offset += (uint32_t)piece->data.len;
	if (piece->kind == RCAST_OUTPUT || piece->data.len == piece->total_bytes)
		tap_record(tap, piece->kind, piece->data.data, piece->data.len);
	if (tap->piece_offset < piece->total_bytes) {
		tap->expected_pos = piece->pos;
		return;
	}
	tap->expected_pos = piece->next_pos;
	tap->piece_offset = 0;
}

static inline void tap_notice(struct tap *tap, struct wire_reply *reply)
{
	const Ringcast__Wire__Notice *notice = reply->reply->notice;

	switch (notice->what_case) {
	case RINGCAST__WIRE__NOTICE__WHAT_GAP:
		tap_gap(tap, notice->gap->from_pos, notice->gap->to_pos);
		break;
	case RINGCAST__WIRE__NOTICE__WHAT_ENDED:
		cr_assert(!tap->ended);
		tap_end(tap);
		break;
	case RINGCAST__WIRE__NOTICE__WHAT_EVICTED:
		tap->evicted = true;
		snprintf(tap->why, sizeof tap->why, "%s", notice->evicted);
		break;
	case RINGCAST__WIRE__NOTICE__WHAT_REMOVED:
		tap->removed = true;
		break;
	case RINGCAST__WIRE__NOTICE__WHAT_MOVED:
		cr_assert_eq(reply->n_fds, tap->reader ? 1 : 0);
		cr_assert_lt(tap->n_next, 16);
		if (tap->reader)
			tap->next_fds[tap->n_next++] = reply->fds[0];
		else
			tap->n_moves++;
		reply->n_fds = 0;
		break;
	default:
		tap->detached = true;
		break;
	}
}

/* Take in all that has come. */
static inline void tap_turn(struct tap *tap)
{
	struct wire_reply *reply;

	wire_turn(tap->talk.wire);
	while ((reply = talk_take(&tap->talk)) != NULL) {
		if (reply->reply->error)
			tap->complaint = reply->reply->error;
		else if (reply->reply->result_case == RINGCAST__WIRE__REPLY__RESULT_PIECE)
			tap_piece(tap, reply->reply->piece);
		else if (reply->reply->result_case == RINGCAST__WIRE__REPLY__RESULT_NOTICE)
			tap_notice(tap, reply);
		wire_reply_free(reply);
	}
	if (tap->reader)
		tap_read_ring(tap);
}

#define tap_await(tap, condition) wire_await((tap)->talk.wire, (tap_turn(tap), (condition)))

static inline bool tap_saw(const struct tap *tap, const char *text)
{
	return tap->output && memmem(tap->output, tap->n_output, text, strlen(text)) != NULL;
}

struct tap_options {
	bool by_circuit, input, keep_ring_fd;
	uint32_t lease_ms, from;
	uint64_t from_pos;
};

static inline int tap_open(struct tap *tap, struct wire *wire, const char *session, struct tap_options options)
{
	WIRE_REQUEST(request, attach, ATTACH, Attach, attach);
	struct rcast_cursor *cursor = NULL;
	struct wire_reply *reply;
	int cursor_fd = -1;

	*tap = (struct tap){0};
	request_attach.session = (char *)session;
	request_attach.by_circuit = options.by_circuit;
	request_attach.input = options.input;
	request_attach.lease_ms = options.lease_ms;
	request_attach.from = options.from;
	request_attach.from_pos = options.from_pos;
	if (!options.by_circuit) {
		cr_assert_eq(rcast_cursor_create(&cursor), 0);
		cursor_fd = rcast_cursor_dup_fd(cursor);
	}
	talk_begin(&tap->talk, wire, &request, 0, &cursor_fd, options.by_circuit ? 0 : 1);
	reply = talk_next(&tap->talk);
	tap->error = -reply->reply->error;
	if (tap->error) {
		snprintf(wire_said, sizeof wire_said, "%s", reply->reply->message);
		if (cursor)
			rcast_cursor_free(cursor);
		wire_reply_free(reply);
		talk_close(&tap->talk);
		return tap->error;
	}
	tap->id = reply->reply->attached->reader;
	tap->lease_ms = reply->reply->attached->lease_ms;
	cr_assert_eq(reply->n_fds, options.by_circuit ? 0 : 2);
	if (options.keep_ring_fd)
		tap->ring_fd = fcntl(reply->fds[0], F_DUPFD_CLOEXEC, 3);
	if (!options.by_circuit) {
		cr_assert_eq(rcast_reader_open_take(reply->fds[0], &tap->reader), 0);
		cr_assert_eq(rcast_reader_follow_take(tap->reader, cursor, reply->fds[1]), 0);
		tap->expected_pos = rcast_reader_pos(tap->reader);
		tap->has_begun = true;
		reply->n_fds = 0;
	}
	wire_reply_free(reply);
	return 0;
}

static inline void tap_close(struct tap *tap)
{
	if (!tap->talk.wire->error)
		talk_close(&tap->talk);
	if (tap->reader)
		rcast_reader_close(tap->reader);
	while (tap->n_next > 0)
		close(tap->next_fds[--tap->n_next]);
	free(tap->output);
}

#endif
