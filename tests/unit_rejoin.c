/* SPDX-License-Identifier: MIT */
/*
 * Views of the screen, against an engine that answers each request for a keyframe as the test's table says.
 */
#include "fake_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include <ringcast/ring.h>

#define RING_BYTES 65536
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

enum answer {
	HONEST,      /* the screen where the ring stands, which is "screen N", N records */
	LATER,       /* the same, once more records were published than the request could know of */
	OVERTAKEN,   /* the same, but the ring is overwritten before anybody sees it */
	OF_THE_END,  /* the screen before the newest record, which says how the program ended */
	TRY_AGAIN,   /* -EAGAIN */
	UNSUPPORTED, /* -EOPNOTSUPP */
	GONE,        /* -ENOENT */
	DEATH,       /* the engine dies */
	AHEAD,       /* positions that nobody has published */
	IN_A_RECORD, /* a position inside a record */
	MISCOUNTED,  /* right position, wrong counts */
	FROM_BEFORE, /* the screen at position 0 */
	OPEN_MEMORY, /* memory that could still be changed */
	MOVED_ON,    /* the session moves to another ring, in which the keyframe's position is */
};

/* How the requests are answered, in their order; the last of the list goes on. Set before the engine starts. */
static enum answer answers[8];
static int n_answers;

static void set_answers(int n, const enum answer *list)
{
	memcpy(answers, list, (size_t)n * sizeof *list);
	n_answers = n;
}
#define SET_ANSWERS(...) \
	set_answers((int)(sizeof((enum answer[]){__VA_ARGS__}) / sizeof(enum answer)), (const enum answer[]){__VA_ARGS__})

/* ── The engine's side ───────────────────────────────────────────────────────────────────────────────────────────────── */

static struct rcast_writer *writer;
static struct rcast_follower *follower;
static struct rcast_circuit *attachment;
static struct rcast_writer_state before_newest;
static int n_asked;

static void publish(const char *text)
{
	rcast_writer_get_state(writer, &before_newest);
	rcast_writer_put(writer, RCAST_OUTPUT, text, strlen(text));
	if (follower)
		rcast_notify(&follower, 1);
}

static void publish_number(void)
{
	struct rcast_writer_state state;
	char text[32];

	rcast_writer_get_state(writer, &state);
	snprintf(text, sizeof text, "record %llu", (unsigned long long)state.n_records);
	publish(text);
}

static void overwrite(void)
{
	for (int i = 0; i < 2 * RING_BYTES / 32; i++)
		publish_number();
}

static void attach_reader(struct rcast_circuit *circuit, struct rcast_message *message)
{
	int fds[2];

	attachment = circuit;
	fds[0] = rcast_writer_dup_fd(writer);
	rcast_follower_create_take(rcast_message_take_fd(message, 0), &follower, &fds[1]);
	fake_reply_attached(circuit, fds, 2);
}

static int make_memory(const char *text, int seals)
{
	int fd = memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (write(fd, text, strlen(text)) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		_exit(1);
	return fd;
}

static void reply_screen(struct rcast_circuit *circuit, const struct rcast_writer_state *state, int seals)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__KeyframeInfo info = RINGCAST__WIRE__KEYFRAME_INFO__INIT;
	char text[64];
	int fd;

	snprintf(text, sizeof text, "screen %llu", (unsigned long long)state->n_records);
	fd = make_memory(text, seals);
	info.pos = state->next_pos;
	info.output_pos = state->n_output;
	info.sequence = state->n_records;
	info.cols = 80;
	info.rows = 24;
	info.n_bytes = strlen(text);
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_KEYFRAME;
	reply.keyframe = &info;
	rcasti_schema_send(circuit, &reply.base, RCAST_LAST, &fd, 1);
}

static void move_ring(void)
{
	struct rcast_writer_options options = {.capacity_bytes = RING_BYTES, .stamped = true};
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Moved moved = RINGCAST__WIRE__MOVED__INIT;
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	struct rcast_writer *next;
	int fd;

	rcast_writer_create(&options, &next);
	rcast_writer_move(writer, next, 0);
	writer = next;
	fd = rcast_writer_dup_fd(writer);
	moved.ring_bytes = RING_BYTES;
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_MOVED;
	notice.moved = &moved;
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_NOTICE;
	reply.notice = &notice;
	rcasti_schema_send(attachment, &reply.base, 0, &fd, 1);
}

/* What happens in the session before it is answered, or is made up. */
static void prepare(enum answer answer, struct rcast_writer_state *state)
{
	if (answer == LATER || answer == MOVED_ON)
		publish_number();
	if (answer == MOVED_ON)
		move_ring();
	if (answer == MOVED_ON || answer == LATER)
		publish_number();
	rcast_writer_get_state(writer, state);
	if (answer == OF_THE_END)
		*state = before_newest;
	if (answer == AHEAD)
		state->next_pos += 1 << 20;
	if (answer == IN_A_RECORD)
		state->next_pos += 8;
	if (answer == MISCOUNTED)
		state->n_records++;
	if (answer == FROM_BEFORE)
		*state = (struct rcast_writer_state){0};
}

static void answer_keyframe(struct rcast_circuit *circuit)
{
	enum answer answer = answers[n_asked < n_answers ? n_asked : n_answers - 1];
	struct rcast_writer_state state;

	n_asked++;
	if (answer == TRY_AGAIN || answer == UNSUPPORTED || answer == GONE)
		return fake_reply_error(circuit,
					answer == TRY_AGAIN ? EAGAIN
					: answer == GONE    ? ENOENT
							    : EOPNOTSUPP,
					"no keyframe");
	if (answer == DEATH)
		_exit(0);
	prepare(answer, &state);
	if (answer == OVERTAKEN)
		overwrite();
	reply_screen(circuit, &state, answer == OPEN_MEMORY ? SEALS & ~F_SEAL_WRITE : SEALS);
	if (answer == IN_A_RECORD)
		publish_number();
	if (answer == MISCOUNTED)
		publish_number();
}

static void answer_done(struct rcast_circuit *circuit)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;

	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_DONE;
	reply.done = &done;
	rcasti_schema_send(circuit, &reply.base, RCAST_LAST, NULL, 0);
}

/* The test steers the session by input: "overwrite", "end", anything else is printed. */
static void take_input(struct rcast_circuit *circuit, const ProtobufCBinaryData *input)
{
	char text[64];

	snprintf(text, sizeof text, "%.*s", (int)input->len, (const char *)input->data);
	if (strcmp(text, "overwrite") == 0)
		overwrite();
	else if (strcmp(text, "end") == 0)
		rcast_writer_end(writer);
	else
		publish(text);
	answer_done(circuit);
}

static void serve(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	struct rcast_writer_options options = {.capacity_bytes = RING_BYTES, .stamped = true};

	if (!writer) {
		rcast_writer_create(&options, &writer);
		publish_number();
		publish_number();
	}
	if (request->command_case == RINGCAST__WIRE__REQUEST__COMMAND_ATTACH)
		attach_reader(circuit, message);
	else if (request->command_case == RINGCAST__WIRE__REQUEST__COMMAND_KEYFRAME)
		answer_keyframe(circuit);
	else
		take_input(circuit, &request->input->data);
}

/* ── The viewer's side ───────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct rcast_view_options from_screen = {.from = RCAST_FROM_SCREEN};
static struct rcast_client *client;
static struct rcast_view *view;

static void open_view(void)
{
	client = fake_connect(serve);
	cr_assert_eq(rcast_view_open(client, "fake", &from_screen, &view), 0);
}

static void close_view(void)
{
	rcast_view_close(view);
	rcast_client_free(client);
}

static void tell_session(const char *text)
{
	cr_assert_eq(rcast_client_send_input(client, "fake", text, strlen(text)), 0);
}

static void expect_screen(const char *text)
{
	const struct rcast_keyframe *keyframe;
	struct rcast_record record;

	cr_assert_eq(fake_next(view, &record), RCAST_RECORD);
	cr_assert_eq(record.kind, RCAST_KEYFRAME);
	cr_expect_eq(record.pos, record.next_pos);
	keyframe = rcast_view_keyframe(view);
	cr_assert(keyframe);
	cr_expect(keyframe->pos == record.pos && keyframe->cols == 80 && keyframe->rows == 24);
	cr_expect(record.n_bytes == strlen(text) && memcmp(record.data, text, record.n_bytes) == 0, "%s, not %.*s", text,
		  (int)record.n_bytes, (const char *)record.data);
}

static void expect_outcome(int expected)
{
	struct rcast_record record;
	int outcome = fake_next(view, &record);

	cr_assert_eq(outcome, expected, "%d, not %d", outcome, expected);
}

HARNESS_TEST(rejoin, late_joiner_gets_the_screen_and_what_follows)
{
	SET_ANSWERS(HONEST);
	open_view();
	expect_screen("screen 2");
	tell_session("three");
	fake_expect_record(view, "three");
	cr_expect_eq(rcast_view_get_loss(view).n_gaps, 0, "joining late is no gap");
	cr_expect_eq(rcast_view_get_loss(view).lost_records, 0);
	tell_session("end");
	expect_outcome(RCAST_ENDED);
	close_view();
}

HARNESS_TEST(rejoin, records_before_the_keyframe_are_dropped)
{
	SET_ANSWERS(LATER);
	open_view();
	expect_screen("screen 4");
	tell_session("five");
	fake_expect_record(view, "five");
	close_view();
}

HARNESS_TEST(rejoin, keyframe_in_the_next_ring)
{
	SET_ANSWERS(MOVED_ON);
	open_view();
	expect_screen("screen 4");
	tell_session("five");
	fake_expect_record(view, "five");
	close_view();
}

/* So that who joins late learns how the program ended. */
HARNESS_TEST(rejoin, last_word_of_an_ended_session_follows_its_screen)
{
	SET_ANSWERS(OF_THE_END);
	client = fake_connect(serve);
	tell_session("the end");
	tell_session("end");
	cr_assert_eq(rcast_view_open(client, "fake", &from_screen, &view), 0);
	expect_screen("screen 2");
	fake_expect_record(view, "the end");
	expect_outcome(RCAST_ENDED);
	close_view();
}

HARNESS_TEST(rejoin, lapped_view_gets_the_screen_again)
{
	struct rcast_loss loss;

	SET_ANSWERS(HONEST);
	open_view();
	expect_screen("screen 2");
	tell_session("overwrite");
	expect_outcome(RCAST_LAPPED);
	loss = rcast_view_get_loss(view);
	expect_screen("screen 4098");
	cr_expect_eq(loss.gap.to_pos, rcast_view_keyframe(view)->pos, "the gap ends at the keyframe");
	cr_expect_eq(rcast_view_get_loss(view).lost_records, 4096, "which says what was in it");
	tell_session("next");
	fake_expect_record(view, "next");
	cr_expect_eq(rcast_view_get_loss(view).n_gaps, 1);
	cr_expect_eq(rcast_view_get_loss(view).lost_records, 4096);
	close_view();
}

HARNESS_TEST(rejoin, lapped_before_the_keyframe_was_reached)
{
	SET_ANSWERS(OVERTAKEN, OVERTAKEN, HONEST);
	open_view();
	expect_screen("screen 2");
	expect_outcome(RCAST_LAPPED);
	expect_screen("screen 4098");
	expect_outcome(RCAST_LAPPED);
	expect_screen("screen 8194");
	tell_session("next");
	fake_expect_record(view, "next");
	cr_expect_eq(rcast_view_get_loss(view).n_gaps, 2);
	cr_expect_eq(rcast_view_get_loss(view).lost_records, 2 * 4096);
	close_view();
}

HARNESS_TEST(rejoin, asks_again_when_the_keyframer_was_too_slow)
{
	SET_ANSWERS(TRY_AGAIN, TRY_AGAIN, HONEST);
	open_view();
	expect_screen("screen 2");
	close_view();
}

/* ── Without keyframes ───────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(rejoin, without_keyframes_from_the_oldest)
{
	static const enum answer refusals[] = {UNSUPPORTED, TRY_AGAIN, GONE, OPEN_MEMORY};

	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		SET_ANSWERS(refusals[i]);
		open_view();
		fake_expect_record(view, "record 0");
		fake_expect_record(view, "record 1");
		cr_expect_null(rcast_view_keyframe(view));
		cr_expect_eq(rcast_view_get_loss(view).n_gaps, 0);
		close_view();
		unlink(fake_engine_path("fake"));
	}
}

HARNESS_TEST(rejoin, lapped_without_keyframes)
{
	struct rcast_record record;
	struct rcast_loss loss;

	SET_ANSWERS(HONEST, TRY_AGAIN);
	open_view();
	expect_screen("screen 2");
	tell_session("overwrite");
	expect_outcome(RCAST_LAPPED);
	cr_expect_null(rcast_view_keyframe(view));
	cr_assert_eq(fake_next(view, &record), RCAST_RECORD);
	loss = rcast_view_get_loss(view);
	cr_expect(record.kind == RCAST_OUTPUT && record.pos == loss.gap.to_pos);
	cr_expect(loss.lost_records > 0 && loss.lost_records == record.sequence - 2);
	close_view();
}

/* A keyframe that failed once is asked for again at the next lap; an engine that has none is not asked again. */
HARNESS_TEST(rejoin, next_lap_asks_anew)
{
	struct rcast_record record;

	SET_ANSWERS(HONEST, TRY_AGAIN, TRY_AGAIN, TRY_AGAIN, HONEST);
	open_view();
	expect_screen("screen 2");
	tell_session("overwrite");
	expect_outcome(RCAST_LAPPED);
	cr_assert_eq(fake_next(view, &record), RCAST_RECORD);
	tell_session("overwrite");
	expect_outcome(RCAST_LAPPED);
	expect_screen("screen 8194");
	close_view();
}

HARNESS_TEST(rejoin, engine_that_dies_leaves_its_ring)
{
	SET_ANSWERS(DEATH);
	open_view();
	fake_expect_record(view, "record 0");
	fake_expect_record(view, "record 1");
	expect_outcome(-EPIPE);
	close_view();
}

HARNESS_TEST(rejoin, engine_that_dies_when_lapped_leaves_its_ring)
{
	struct rcast_record record;

	SET_ANSWERS(HONEST, DEATH);
	open_view();
	expect_screen("screen 2");
	tell_session("overwrite");
	expect_outcome(RCAST_LAPPED);
	while (fake_next(view, &record) == RCAST_RECORD)
		cr_expect(record.kind == RCAST_OUTPUT);
	expect_outcome(-EPIPE);
	cr_expect_eq(rcast_view_get_loss(view).n_gaps, 1);
	close_view();
}

/* ── Lies ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(rejoin, positions_that_the_stream_cannot_have)
{
	static const enum answer lies[] = {AHEAD, IN_A_RECORD, MISCOUNTED};

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct rcast_record record;

		SET_ANSWERS(lies[i]);
		open_view();
		cr_assert_eq(fake_next(view, &record), RCAST_RECORD);
		cr_expect_eq(record.kind, RCAST_KEYFRAME);
		expect_outcome(-EPROTO);
		expect_outcome(-EPROTO);
		close_view();
		unlink(fake_engine_path("fake"));
	}
}

HARNESS_TEST(rejoin, no_way_back)
{
	SET_ANSWERS(HONEST, FROM_BEFORE);
	open_view();
	expect_screen("screen 2");
	tell_session("overwrite");
	expect_outcome(-EPROTO);
	close_view();
}

/* While it waits for its answer, and when it is closed meanwhile, nothing is left behind (the harness counts). */
HARNESS_TEST(rejoin, closed_while_asking)
{
	SET_ANSWERS(HONEST);
	open_view();
	close_view();
}

/* ── By circuit ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void send_gap(struct rcast_circuit *circuit, uint64_t from_pos, uint64_t to_pos)
{
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Gap gap = RINGCAST__WIRE__GAP__INIT;

	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_GAP;
	notice.gap = &gap;
	gap.from_pos = from_pos;
	gap.to_pos = to_pos;
	fake_send_notice(circuit, &notice, 0);
}

static void reply_screen_by_circuit(struct rcast_circuit *circuit, uint64_t sequence, const char *text)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__KeyframeInfo info = RINGCAST__WIRE__KEYFRAME_INFO__INIT;

	info.pos = sequence * 64;
	info.sequence = sequence;
	info.cols = 80;
	info.rows = 24;
	info.n_bytes = strlen(text);
	info.data.data = (uint8_t *)text;
	info.data.len = strlen(text);
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_KEYFRAME;
	reply.keyframe = &info;
	rcasti_schema_send(circuit, &reply.base, RCAST_LAST, NULL, 0);
}

/* Record N stands at position 64 N. A gap that ends before the first keyframe, one that takes the second with it, and one more. */
static void serve_circuit(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			  struct rcast_message *message)
{
	static const char *const screens[] = {"screen 10", "screen 20", "screen 40"};
	static const uint64_t sequences[] = {10, 20, 40};

	if (request->command_case == RINGCAST__WIRE__REQUEST__COMMAND_ATTACH) {
		attachment = circuit;
		return fake_reply_attached(circuit, NULL, 0);
	}
	reply_screen_by_circuit(circuit, sequences[n_asked], screens[n_asked]);
	if (n_asked == 0) {
		fake_send_piece(attachment, 0, 0, "dropped");
		send_gap(attachment, 64, 9 * 64);
		fake_send_piece(attachment, 9, 9 * 64, "dropped");
		fake_send_piece(attachment, 10, 10 * 64, "ten");
		send_gap(attachment, 11 * 64, 15 * 64);
		fake_send_piece(attachment, 15, 15 * 64, "dropped");
		send_gap(attachment, 16 * 64, 30 * 64);
		fake_send_piece(attachment, 30, 30 * 64, "dropped");
	} else if (n_asked == 2) {
		send_gap(attachment, 31 * 64, 40 * 64);
		fake_send_piece(attachment, 40, 40 * 64, "forty");
	}
	n_asked++;
}

HARNESS_TEST(rejoin, by_circuit)
{
	struct rcast_view_options options = {.from = RCAST_FROM_SCREEN, .by_circuit = true};
	struct rcast_loss loss;

	client = fake_connect(serve_circuit);
	cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
	expect_screen("screen 10");
	fake_expect_record(view, "ten");
	expect_outcome(RCAST_LAPPED);
	expect_screen("screen 20");
	expect_outcome(RCAST_LAPPED);
	expect_screen("screen 40");
	fake_expect_record(view, "forty");
	loss = rcast_view_get_loss(view);
	cr_expect_eq(loss.n_gaps, 2);
	cr_expect_eq(loss.lost_records, 9 + 20);
	cr_expect_eq(loss.lost_bytes, (9 + 20) * 64);
	close_view();
}
