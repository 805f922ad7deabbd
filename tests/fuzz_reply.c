/* SPDX-License-Identifier: MIT */
/*
 * Replies of any bytes from an engine to a client: to its commands, and to views of each kind, over a real socket, with descriptors
 * of the right kind, the wrong kind, or none.
 *
 * The engine is in scripted_engine.h; here is the client, and what must hold.
 *
 * Each call comes to an end; what is told of sessions can be printed; a record is no longer than it can be; an
 * outcome that is for good stays; and when the client is freed, nothing is left.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "control/schema.h"
#include "scripted_engine.h"

#include <ringcast/client.h>
#include <ringcast/ring.h>

enum { MAX_STEPS = 200, MAX_KEYFRAME_BYTES = 8 << 20 };

/* What the client asks, of the script's first byte; its second has the options of a view. */
enum question { LIST, DESCRIBE, STATS, RESIZE, KEYFRAME, VIEW, N_QUESTIONS };

enum view_option { BY_CIRCUIT = 4, REJOINS = 8, TYPES = 16, ANSWERS = 32 }; /* the two lowest bits: enum rcast_from */

/* ── The client ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void check_text(const char *text, size_t room)
{
	size_t n_bytes = strnlen(text, room);

	must(n_bytes < room);
	for (size_t i = 0; i < n_bytes; i++)
		must((uint8_t)text[i] >= 0x20 && text[i] != 0x7f);
}

static int check_session(void *user, const struct rcast_session_info *info)
{
	check_text(info->name, sizeof info->name);
	check_text(info->title, sizeof info->title);
	check_text(info->command, sizeof info->command);
	check_text(info->directory, sizeof info->directory);
	must(info->first_pos <= info->next_pos && info->ring_bytes <= RCAST_RING_MAX_BYTES);
	return 0;
}

static void describe(struct rcast_client *client)
{
	struct rcast_session_info info;

	if (rcast_client_describe(client, "s", &info) == 0)
		check_session(NULL, &info);
}

static void ask_stats(struct rcast_client *client)
{
	struct rcast_session_stats stats;
	uint64_t sum = 0;

	if (rcast_client_stats(client, "s", &stats) != 0)
		return;
	check_session(NULL, &stats.info);
	for (size_t i = 0; i < stats.n_readers; i++)
		sum += stats.readers[i].id;
	must(sum == sum + 0);
}

static void check_keyframe(const struct rcast_keyframe *keyframe)
{
	uint64_t sum = 0;

	must(keyframe->cols > 0 && keyframe->rows > 0 && keyframe->n_bytes <= MAX_KEYFRAME_BYTES && keyframe->bytes);
	for (size_t i = 0; i < keyframe->n_bytes; i++)
		sum += (uint8_t)keyframe->bytes[i];
	must(sum <= keyframe->n_bytes * 255);
}

static void ask_keyframe(struct rcast_client *client)
{
	struct rcast_keyframe keyframe;

	if (rcast_client_get_keyframe(client, "s", &keyframe) == 0)
		check_keyframe(&keyframe);
	else
		must(!keyframe.bytes);
	free(keyframe.bytes);
}

static void check_record(const struct rcast_view *view, const struct rcast_record *record)
{
	const uint8_t *data = record->data;
	uint64_t sum = 0;

	if (record->kind == RCAST_KEYFRAME && rcast_view_keyframe(view) && record->data == rcast_view_keyframe(view)->bytes)
		check_keyframe(rcast_view_keyframe(view));
	else
		must(record->n_bytes <= RCAST_RING_MAX_BYTES / 4);
	for (size_t i = 0; i < record->n_bytes; i++)
		sum += data[i];
	must(sum <= (uint64_t)record->n_bytes * 255);
	rcast_view_answers(view, record);
}

static void follow(struct rcast_view *view)
{
	struct rcast_record record;
	int outcome = RCAST_EMPTY, n_idle = 0;

	for (int i = 0; i < MAX_STEPS && outcome >= 0 && outcome != RCAST_ENDED; i++) {
		outcome = rcast_view_next(view, &record);
		if (outcome == RCAST_RECORD)
			check_record(view, &record);
		if (outcome == RCAST_LAPPED)
			must(rcast_view_get_loss(view).n_gaps > 0);
		if (outcome == RCAST_EMPTY && engine->link)
			take_turn();
		else if (outcome == RCAST_EMPTY)
			must(++n_idle < MAX_STEPS / 2); /* nobody is there any more, and that is told */
	}
	if (outcome < 0 || outcome == RCAST_ENDED)
		must(rcast_view_next(view, &record) == outcome);
}

static void attach(struct rcast_client *client, uint8_t how)
{
	struct rcast_view_options options = {.from = how % 4,
					     .by_circuit = how & BY_CIRCUIT,
					     .rejoin = how & REJOINS,
					     .input = how & TYPES,
					     .answers = how & ANSWERS ? RCAST_ANSWERS_FROM_NOW : RCAST_ANSWERS_NOTHING};

	if (rcast_view_open(client, "s", &options, &engine->view) != 0)
		return;
	check_session(NULL, rcast_view_info(engine->view));
	follow(engine->view);
	rcast_view_close(engine->view);
	engine->view = NULL;
}

static void ask(struct rcast_client *client, enum question question, uint8_t how)
{
	switch (question) {
	case LIST:
		rcast_client_list(client, check_session, NULL);
		break;
	case DESCRIBE:
		describe(client);
		break;
	case STATS:
		ask_stats(client);
		break;
	case RESIZE:
		rcast_client_resize(client, "s", 80, 24);
		break;
	case KEYFRAME:
		ask_keyframe(client);
		break;
	default:
		attach(client, how);
	}
	check_text(rcast_client_error(client), 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static const struct rcast_link_ops link_ops = {.begun = on_begun};
	struct engine made = {.fuzz = {.at = data, .n_left = n_bytes}};
	enum question question = fuzz_u8(&made.fuzz) % N_QUESTIONS;
	uint8_t how = fuzz_u8(&made.fuzz);
	int ends[2], lowest_fd = fuzz_lowest_fd();
	struct rcast_client *client;

	engine = &made;
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	must(rcast_link_open_take(ends[0], RCAST_ACCEPTED, NULL, &link_ops, NULL, &made.link) == 0);
	must(rcast_client_open_take(ends[1], &client) == 0);
	ask(client, question, how);
	rcast_client_free(client);
	if (made.link)
		hang_up();
	rcast_writer_free(made.writer);
	rcast_writer_free(made.next_writer);
	engine = NULL;
	must(fuzz_lowest_fd() == lowest_fd);
	return 0;
}

/* ── Seeds ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_question(struct fuzz_seed *seed, enum question question, uint8_t how)
{
	fuzz_put_u8(seed, (uint8_t)question);
	fuzz_put_u8(seed, how);
}

static void put_reply(struct fuzz_seed *seed, unsigned int flags, uint8_t circuit, enum handed handed,
		      const Ringcast__Wire__Reply *reply)
{
	uint8_t packed[1024];
	size_t n_bytes = ringcast__wire__reply__get_packed_size(reply);

	must(n_bytes <= sizeof packed);
	ringcast__wire__reply__pack(reply, packed);
	fuzz_put_u8(seed, (uint8_t)(SAY | flags));
	fuzz_put_u8(seed, (uint8_t)(handed * N_CIRCUITS + circuit));
	if (handed == SEALED || handed == UNSEALED)
		fuzz_put_u8(seed, 10);
	fuzz_put_u16(seed, (uint16_t)n_bytes);
	fuzz_put(seed, packed, n_bytes);
}

static void put_publish(struct fuzz_seed *seed, bool is_once, uint8_t kind, uint16_t n_bytes)
{
	fuzz_put_u8(seed, PUBLISH);
	fuzz_put_u8(seed, (uint8_t)(kind * 2 + is_once));
	fuzz_put_u16(seed, n_bytes);
}

/* A reply, and what it says, both initialised. */
#define REPLY(field, FIELD, Type, type)                            \
	Ringcast__Wire__Reply reply;                               \
	Ringcast__Wire__##Type what;                               \
	ringcast__wire__reply__init(&reply);                       \
	ringcast__wire__##type##__init(&what);                     \
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_##FIELD; \
	reply.field = &what

static Ringcast__Wire__SessionInfo session_info(void)
{
	Ringcast__Wire__SessionInfo info = RINGCAST__WIRE__SESSION_INFO__INIT;

	info.name = "s";
	info.kind = RCAST_SESSION_PTY;
	info.cols = 80;
	info.rows = 24;
	info.ring_bytes = RCAST_RING_MIN_BYTES;
	info.title = "title \x1b[31m\xc3\xa9\xff";
	info.directory = "/tmp";
	return info;
}

static void put_done(struct fuzz_seed *seed)
{
	REPLY(done, DONE, Done, done);

	put_reply(seed, LAST, 0, NOTHING, &reply);
}

static void put_session(struct fuzz_seed *seed)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__SessionInfo info = session_info();

	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_SESSION;
	reply.session = &info;
	put_reply(seed, 0, 0, NOTHING, &reply);
}

static void put_error(struct fuzz_seed *seed, uint8_t circuit, int error)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;

	reply.error = error;
	reply.message = "why \x1b[31m";
	put_reply(seed, LAST, circuit, NOTHING, &reply);
}

static void put_stats(struct fuzz_seed *seed)
{
	Ringcast__Wire__SessionInfo info = session_info();
	REPLY(stats, STATS, SessionStats, session_stats);

	what.session = &info;
	put_reply(seed, 0, 0, NOTHING, &reply);
}

static void put_reader(struct fuzz_seed *seed)
{
	REPLY(reader, READER, ReaderInfo, reader_info);

	what.id = 7;
	put_reply(seed, 0, 0, NOTHING, &reply);
}

static void put_attached(struct fuzz_seed *seed, enum handed handed)
{
	Ringcast__Wire__SessionInfo info = session_info();
	REPLY(attached, ATTACHED, Attached, attached);

	what.session = &info;
	what.reader = 1;
	put_reply(seed, 0, 0, handed, &reply);
}

static void put_keyframe(struct fuzz_seed *seed, unsigned int flags, uint8_t circuit, enum handed handed, uint64_t pos,
			 const char *data)
{
	REPLY(keyframe, KEYFRAME, KeyframeInfo, keyframe_info);

	what.pos = pos;
	what.cols = 80;
	what.rows = 24;
	what.n_bytes = 10;
	what.data = (ProtobufCBinaryData){.data = (uint8_t *)data, .len = strlen(data)};
	put_reply(seed, flags, circuit, handed, &reply);
}

static void put_piece(struct fuzz_seed *seed, uint64_t sequence, uint32_t offset, const char *text)
{
	REPLY(piece, PIECE, Piece, piece);

	what.pos = sequence * 64;
	what.next_pos = what.pos + 64;
	what.kind = RCAST_MARKER;
	what.stamped = true;
	what.sequence = sequence;
	what.total_bytes = 6;
	what.offset = offset;
	what.data = (ProtobufCBinaryData){.data = (uint8_t *)text, .len = strlen(text)};
	put_reply(seed, 0, 0, NOTHING, &reply);
}

static void put_notice(struct fuzz_seed *seed, unsigned int flags, enum handed handed, Ringcast__Wire__Notice__WhatCase says)
{
	Ringcast__Wire__Gap gap = {
		.base = PROTOBUF_C_MESSAGE_INIT(&ringcast__wire__gap__descriptor), .from_pos = 128, .to_pos = 640};
	Ringcast__Wire__Moved moved = RINGCAST__WIRE__MOVED__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;
	REPLY(notice, NOTICE, Notice, notice);

	what.what_case = says;
	moved.ring_bytes = 2 * RCAST_RING_MIN_BYTES;
	if (says == RINGCAST__WIRE__NOTICE__WHAT_GAP)
		what.gap = &gap;
	else if (says == RINGCAST__WIRE__NOTICE__WHAT_MOVED)
		what.moved = &moved;
	else if (says == RINGCAST__WIRE__NOTICE__WHAT_EVICTED)
		what.evicted = "kicked";
	else
		what.ended = &done;
	put_reply(seed, flags, 0, handed, &reply);
}

static void put_by_circuit(struct fuzz_seed *seed)
{
	put_attached(seed, NOTHING);
	put_piece(seed, 0, 0, "whole.");
	put_piece(seed, 1, 0, "one");
	put_piece(seed, 1, 3, "two");
	put_notice(seed, 0, NOTHING, RINGCAST__WIRE__NOTICE__WHAT_GAP);
	put_piece(seed, 10, 0, "behind");
	put_notice(seed, 0, NOTHING, RINGCAST__WIRE__NOTICE__WHAT_MOVED);
	put_notice(seed, LAST, NOTHING, RINGCAST__WIRE__NOTICE__WHAT_ENDED);
}

static void put_by_ring(struct fuzz_seed *seed)
{
	put_attached(seed, RING_AND_PIPE);
	put_publish(seed, true, RCAST_OUTPUT, 100);
	put_publish(seed, true, RCAST_RESIZE, 4);
	put_notice(seed, 0, NEXT_RING, RINGCAST__WIRE__NOTICE__WHAT_MOVED);
	fuzz_put_u16(seed, MOVE);
	put_publish(seed, true, RCAST_ANSWERER, 8);
	fuzz_put_u16(seed, TYPE | 3 << 8);
	put_publish(seed, false, RCAST_OUTPUT, 16000);
	put_notice(seed, LAST, NOTHING, RINGCAST__WIRE__NOTICE__WHAT_EVICTED);
}

bool fuzz_make_seed(unsigned int number, struct fuzz_seed *seed)
{
	static const uint8_t screen = RCAST_FROM_SCREEN;

	switch (number) {
	case 0:
		put_question(seed, LIST, 0);
		put_session(seed);
		put_session(seed);
		put_done(seed);
		return true;
	case 1:
		put_question(seed, DESCRIBE, 0);
		put_session(seed);
		put_done(seed);
		return true;
	case 2:
		put_question(seed, STATS, 0);
		put_stats(seed);
		put_reader(seed);
		put_done(seed);
		return true;
	case 3:
		put_question(seed, RESIZE, 0);
		put_error(seed, 0, EPERM);
		return true;
	case 4:
		put_question(seed, KEYFRAME, 0);
		put_keyframe(seed, LAST, 0, SEALED, 0, "");
		return true;
	case 5:
		put_question(seed, KEYFRAME, 0);
		put_keyframe(seed, LAST, 0, UNSEALED, 0, "");
		return true;
	case 6:
		put_question(seed, VIEW, BY_CIRCUIT);
		put_by_circuit(seed);
		return true;
	case 7:
		put_question(seed, VIEW, REJOINS | TYPES | ANSWERS);
		put_by_ring(seed);
		return true;
	case 8:
		put_question(seed, VIEW, screen);
		put_attached(seed, RING_AND_PIPE);
		put_publish(seed, true, RCAST_OUTPUT, 20);
		put_keyframe(seed, LAST, 1, SEALED, 0, "");
		put_publish(seed, false, RCAST_OUTPUT, 16000);
		put_error(seed, 1, EAGAIN);
		put_error(seed, 1, EOPNOTSUPP);
		put_notice(seed, LAST, NOTHING, RINGCAST__WIRE__NOTICE__WHAT_REMOVED);
		return true;
	case 9:
		put_question(seed, VIEW, screen | BY_CIRCUIT | REJOINS);
		put_attached(seed, NOTHING);
		put_piece(seed, 0, 0, "before");
		put_keyframe(seed, 0, 1, NOTHING, 64, "01234");
		put_keyframe(seed, LAST, 1, NOTHING, 64, "56789");
		put_piece(seed, 1, 0, "behind");
		put_notice(seed, 0, NOTHING, RINGCAST__WIRE__NOTICE__WHAT_GAP);
		put_keyframe(seed, LAST, 1, NOTHING, 640, "0123456789");
		put_notice(seed, LAST, NOTHING, RINGCAST__WIRE__NOTICE__WHAT_ENDED);
		return true;
	default:
		return false;
	}
}
