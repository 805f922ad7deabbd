/* SPDX-License-Identifier: MIT */
/*
 * The engine's side of keyframes, with keyframers that are this very program: the engine starts it anew, and what it then is
 * says the environment, before any test begins. Most are hostile: whatever they answer, who asks is told to ask again, and the
 * engine and its sessions go on.
 */
#include "wire.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include <ringcast/ring.h>

#include "kernel/sealed.h"

#define TEXT "the screen"
#define N_TEXT (sizeof TEXT - 1)
#define N_BIG 300000

/* ── Keyframers ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t n_questions;

static int sealed(size_t n_bytes)
{
	char *bytes = calloc(1, n_bytes + N_TEXT);
	int fd;

	memcpy(bytes, TEXT, N_TEXT);
	fd = rcasti_sealed_create("fake", bytes, n_bytes);
	free(bytes);
	return fd;
}

static int unsealed(void)
{
	int fd = memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return write(fd, TEXT, N_TEXT) == (ssize_t)N_TEXT ? fd : -1;
}

static Ringcast__Wire__KeyframeInfo good_info(uint64_t pos)
{
	Ringcast__Wire__KeyframeInfo info = RINGCAST__WIRE__KEYFRAME_INFO__INIT;

	info.pos = pos;
	info.output_pos = info.sequence = pos < n_questions ? 0 : n_questions;
	info.cols = 80;
	info.rows = 24;
	info.n_bytes = N_TEXT;
	return info;
}

static void answer(struct rcast_circuit *circuit, Ringcast__Wire__KeyframeInfo info, int take_fd)
{
	Ringcast__Wire__KeyframerAnswer message = RINGCAST__WIRE__KEYFRAMER_ANSWER__INIT;

	message.keyframe = &info;
	rcasti_schema_send(circuit, &message.base, 0, &take_fd, take_fd >= 0);
}

static void be_good(struct rcast_circuit *circuit, uint64_t pos)
{
	answer(circuit, good_info(pos), sealed(N_TEXT));
}

/* And ends no exchange when the engine does: on_message. */
static void be_endless(struct rcast_circuit *circuit, uint64_t pos)
{
	be_good(circuit, pos);
}

static void be_big(struct rcast_circuit *circuit, uint64_t pos)
{
	Ringcast__Wire__KeyframeInfo info = good_info(pos);

	info.n_bytes = N_BIG;
	answer(circuit, info, sealed(N_BIG));
}

static void send_unsealed(struct rcast_circuit *circuit, uint64_t pos)
{
	answer(circuit, good_info(pos), unsealed());
}

static void send_short(struct rcast_circuit *circuit, uint64_t pos)
{
	answer(circuit, good_info(pos), sealed(N_TEXT - 1));
}

static void send_a_pipe(struct rcast_circuit *circuit, uint64_t pos)
{
	int ends[2];

	answer(circuit, good_info(pos), pipe(ends) == 0 ? ends[0] : -1);
}

static void send_no_descriptor(struct rcast_circuit *circuit, uint64_t pos)
{
	answer(circuit, good_info(pos), -1);
}

static void send_too_much(struct rcast_circuit *circuit, uint64_t pos)
{
	Ringcast__Wire__KeyframeInfo info = good_info(pos);

	info.n_bytes = RCASTI_MAX_KEYFRAME_BYTES + 1;
	answer(circuit, info, sealed(info.n_bytes));
}

static void send_early(struct rcast_circuit *circuit, uint64_t pos)
{
	answer(circuit, good_info(pos - 100), sealed(N_TEXT));
}

static void send_from_the_future(struct rcast_circuit *circuit, uint64_t pos)
{
	answer(circuit, good_info(pos + (1u << 30)), sealed(N_TEXT));
}

static void send_from_the_end_of_time(struct rcast_circuit *circuit, uint64_t pos)
{
	answer(circuit, good_info(UINT64_MAX - 3), sealed(N_TEXT));
}

static void send_no_columns(struct rcast_circuit *circuit, uint64_t pos)
{
	Ringcast__Wire__KeyframeInfo info = good_info(pos);

	info.cols = 0;
	answer(circuit, info, sealed(N_TEXT));
}

static void send_lost_cursor(struct rcast_circuit *circuit, uint64_t pos)
{
	Ringcast__Wire__KeyframeInfo info = good_info(pos);

	info.cursor_row = 24;
	answer(circuit, info, sealed(N_TEXT));
}

static void send_nothing_in_it(struct rcast_circuit *circuit, uint64_t pos)
{
	rcast_circuit_send(circuit, NULL, 0, 0);
}

static void send_rubbish(struct rcast_circuit *circuit, uint64_t pos)
{
	rcast_circuit_send(circuit, &(struct iovec){"\xff\xff\xff\xff", 4}, 1, 0);
}

static void give_up(struct rcast_circuit *circuit, uint64_t pos)
{
	rcast_circuit_send(circuit, NULL, 0, RCAST_LAST);
}

static void begin_exchange(struct rcast_circuit *circuit, uint64_t pos)
{
	static const struct rcast_circuit_ops ops;
	struct rcast_circuit *begun;

	if (rcast_circuit_begin(rcast_circuit_link(circuit), &ops, NULL, &begun) == 0)
		rcast_circuit_send(begun, NULL, 0, 0);
}

static void die(struct rcast_circuit *circuit, uint64_t pos)
{
	_exit(1);
}

static const struct keyframer {
	const char *name;
	void (*question)(struct rcast_circuit *circuit, uint64_t pos);
} hostile[] = {
	{"unsealed memory", send_unsealed},
	{"memory that is shorter than said", send_short},
	{"a pipe", send_a_pipe},
	{"no descriptor", send_no_descriptor},
	{"too much", send_too_much},
	{"a position before the one that was asked for", send_early},
	{"a position that is not published yet", send_from_the_future},
	{"a position beside the last that there is", send_from_the_end_of_time},
	{"no columns", send_no_columns},
	{"a cursor below the screen", send_lost_cursor},
	{"nothing in it", send_nothing_in_it},
	{"no message", send_rubbish},
	{"its last", give_up},
	{"an exchange of its own", begin_exchange},
	{"death", die},
};
#define N_HOSTILE (sizeof hostile / sizeof hostile[0])

static const struct keyframer good = {"good", be_good}, big = {"big", be_big}, endless = {"endless", be_endless};

/* ── Being one ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static enum rcast_consumed on_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	const struct keyframer *is = user;
	Ringcast__Wire__KeyframerRequest *request =
		ringcast__wire__keyframer_request__unpack(NULL, message->n_bytes, message->data);

	if (message->last && is->question != be_endless)
		rcast_circuit_send(circuit, NULL, 0, RCAST_LAST);
	else if (request && request->request_case == RINGCAST__WIRE__KEYFRAMER_REQUEST__REQUEST_QUESTION) {
		n_questions++;
		is->question(circuit, request->question->at_least_pos);
	}
	ringcast__wire__keyframer_request__free_unpacked(request, NULL);
	return RCAST_CONSUMED;
}

static void on_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	static const struct rcast_circuit_ops ops = {.message = on_message};

	rcast_circuit_set_handler(circuit, &ops, user);
}

static void be(const struct keyframer *what)
{
	static const struct rcast_link_ops ops = {.begun = on_begun};
	struct rcast_link *link;

	if (rcast_link_open_take(4, RCAST_ACCEPTED, NULL, &ops, (void *)what, &link) != 0)
		_exit(1);
	do
		poll(&(struct pollfd){.fd = 4, .events = rcast_link_events(link)}, 1, -1);
	while (rcast_link_dispatch(link) == 0);
	_exit(0);
}

__attribute__((constructor)) static void be_what_the_environment_says(void)
{
	const char *name = getenv("RINGCAST_KEYFRAMER");

	for (size_t i = 0; name && i < N_HOSTILE; i++)
		if (strcmp(name, hostile[i].name) == 0)
			be(&hostile[i]);
	if (name)
		be(strcmp(name, "big") == 0 ? &big : strcmp(name, "endless") == 0 ? &endless : &good);
}

/* ── An engine with one ──────────────────────────────────────────────────────────────────────────────────────────────── */

static struct wire_engine host;
static struct wire wire;
static struct rcast_session *session;

static void start(void)
{
	struct rcast_session_options options = {.name = "t", .ring_bytes = RCAST_RING_MIN_BYTES};

	cr_assert_eq(rcast_engine_start_owned(host.engine, &options, &session), 0);
}

static void begin_with(const struct keyframer *keyframer, struct rcast_engine_options options)
{
	options.keyframer = "/proc/self/exe";
	setenv("RINGCAST_KEYFRAMER", keyframer->name, 1);
	wire_engine_open(&host, options, false);
	wire_open(&wire, &host);
	start();
}

static void begin(const struct keyframer *keyframer)
{
	begin_with(keyframer, (struct rcast_engine_options){0});
}

static void print(const char *text)
{
	rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, text, strlen(text));
	rcast_session_notify(session);
}

static void finish(void)
{
	wire_close(&wire);
	wire_engine_close(&host);
	unsetenv("RINGCAST_KEYFRAMER");
}

static void ask_over(struct wire *over, struct talk *talk, bool by_circuit)
{
	WIRE_REQUEST(request, keyframe, KEYFRAME, Keyframe, keyframe);

	request_keyframe.session = (char *)"t";
	request_keyframe.by_circuit = by_circuit;
	talk_begin(talk, over, &request, RCAST_LAST, NULL, 0);
}

static void ask(struct talk *talk, bool by_circuit)
{
	ask_over(&wire, talk, by_circuit);
}

/* The reply's error, and which question it was the answer to. */
static int hear(struct talk *talk, uint64_t *n_question)
{
	struct wire_reply *reply = talk_next(talk);
	int error = reply->reply->error;

	cr_assert(reply->last);
	if (!error) {
		cr_assert_eq(reply->n_fds, 1);
		cr_assert(rcasti_sealed_is_sound(reply->fds[0], N_TEXT));
		cr_assert_eq(fcntl(reply->fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
		*n_question = reply->reply->keyframe->sequence;
	}
	wire_reply_free(reply);
	talk_close(talk);
	return -error;
}

/* ── The tests ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(keyframes, who_asks_at_once_shares_the_answer)
{
	struct talk talks[3];
	uint64_t n_question;

	begin(&good);
	print("some output, longer than the number of questions");
	for (int i = 0; i < 3; i++)
		ask(&talks[i], false);
	for (int i = 0; i < 3; i++)
		cr_assert(hear(&talks[i], &n_question) == 0 && n_question == 1);
	ask(&talks[0], false);
	cr_assert(hear(&talks[0], &n_question) == 0 && n_question == 1, "it has not moved on");
	print("more");
	ask(&talks[0], false);
	cr_assert(hear(&talks[0], &n_question) == 0 && n_question == 2);
	finish();
}

/* Who leaves before the answer leaves nothing behind; the others get it. */
HARNESS_TEST(keyframes, who_asks_may_leave)
{
	struct wire other;
	struct talk talk;
	uint64_t n_question;

	begin(&good);
	print("some output");
	ask(&talk, false);
	wire_turn(&wire);
	wire_close(&wire);
	wire_open(&other, &host);
	wire = other;
	ask(&talk, false);
	cr_assert_eq(hear(&talk, &n_question), 0);
	finish();
}

HARNESS_TEST(keyframes, long_ones_go_by_circuit_in_pieces)
{
	size_t n_bytes = 0, n_pieces = 0;
	struct wire_reply *reply;
	struct talk talk;
	bool last = false;

	begin(&big);
	print("some output");
	ask(&talk, true);
	for (; !last; n_pieces++) {
		reply = talk_next(&talk);
		cr_assert_eq(reply->reply->error, 0);
		cr_assert(n_bytes > 0 || memcmp(reply->reply->keyframe->data.data, TEXT, N_TEXT) == 0);
		n_bytes += reply->reply->keyframe->data.len;
		last = reply->last;
		wire_reply_free(reply);
	}
	cr_expect_eq(n_bytes, N_BIG);
	cr_expect_gt(n_pieces, 5);
	talk_close(&talk);
	finish();
}

static void close_session(void)
{
	rcast_writer_end(rcast_session_writer(session));
	rcast_session_close(session);
	cr_assert_eq(wire_kill(&wire, "t"), 0);
}

/* Each time another one, since the session has moved on; until an answer has come back to who reads it, all are made. */
static void move_on(void)
{
	struct wire_reply *reply;
	struct talk talk;

	print("more");
	ask(&talk, true);
	do
		reply = talk_next(&talk);
	while (!reply->last && (wire_reply_free(reply), true));
	wire_reply_free(reply);
	talk_close(&talk);
}

/* What is kept for who does not read, memory and descriptors, is counted. */
static void expect_few_kept(struct rcast_quota quota)
{
	enum { MOST = 3, ASKED = 6 };
	struct talk talks[ASKED];
	struct wire_reply *reply;
	struct wire greedy;
	int n_served = 0, n_fds;

	begin_with(&big, (struct rcast_engine_options){.per_connection = quota});
	wire_open(&greedy, &host);
	cr_assert(wire_has(&greedy, "t"));
	move_on();
	n_fds = harness_count_fds();
	greedy.stalled = true;
	for (int i = 0; i < ASKED; i++) {
		ask_over(&greedy, &talks[i], true);
		wire_turn(&wire);
		move_on();
		move_on();
	}
	cr_expect_leq(harness_count_fds(), n_fds + MOST);
	greedy.stalled = false;
	for (int i = 0; i < ASKED; i++) {
		reply = talk_next(&talks[i]);
		n_served += reply->reply->error == 0;
		cr_expect(reply->reply->error == 0 || reply->reply->error == ENOBUFS);
		wire_reply_free(reply);
	}
	cr_expect_eq(n_served, MOST);
	for (int i = 0; i < ASKED; i++)
		talk_close(&talks[i]);
	wire_close(&greedy);
	finish();
}

HARNESS_TEST(keyframes, who_does_not_read_has_few_descriptors_kept)
{
	expect_few_kept((struct rcast_quota){.max_fds_in_flight = 3});
}

HARNESS_TEST(keyframes, who_does_not_read_has_little_memory_kept)
{
	expect_few_kept((struct rcast_quota){.max_queued_bytes = (256 << 10) + 3 * ((32 << 10) + N_BIG) + 1000});
}

/* It ends no exchange, until none can be begun any more: then it is started anew, and whoever waits is told so. */
HARNESS_TEST(keyframes, one_that_ends_no_exchange_is_started_anew)
{
	uint64_t n_question;
	struct talk talk;

	begin_with(&endless, (struct rcast_engine_options){.max_sessions = 2});
	for (int i = 0; i < 2; i++) {
		print("some output");
		ask(&talk, false);
		cr_assert_eq(hear(&talk, &n_question), 0);
		close_session();
		wire_await(&wire, rcast_engine_n_sessions(host.engine) == 0);
		wire_turn(&wire);
		start();
	}
	print("some output");
	ask(&talk, false);
	cr_expect_eq(hear(&talk, &n_question), -EAGAIN);
	ask(&talk, false);
	cr_expect_eq(hear(&talk, &n_question), 0);
	finish();
}

static void expect_harmless(const struct keyframer *keyframer)
{
	uint64_t n_question;
	struct talk talk;

	begin(keyframer);
	print("some output, of a hundred bytes and more, so that there are positions before it. And so on, and so on.");
	ask(&talk, false);
	cr_expect_eq(hear(&talk, &n_question), -EAGAIN, "%s", keyframer->name);
	print("more");
	cr_expect_gt(wire_info(&wire, "t", next_pos), 100, "%s", keyframer->name);
	finish();
}

HARNESS_TEST(keyframes, what_cannot_be_is_not_passed_on)
{
	for (size_t i = 0; i < N_HOSTILE; i++)
		expect_harmless(&hostile[i]);
}

/* It dies of every question: it is started less and less often, and who asks then is told so at once. */
HARNESS_TEST(keyframes, one_that_keeps_dying_rests)
{
	const struct keyframer dying = {"death", die};
	uint64_t began_ms = harness_now_ms();
	struct wire_reply *reply;
	struct talk talk;
	bool rests = false;

	begin(&dying);
	print("some output");
	while (!rests) {
		cr_assert_lt(harness_now_ms() - began_ms, HARNESS_BOUND_MS);
		ask(&talk, false);
		reply = talk_next(&talk);
		cr_assert_eq(reply->reply->error, EAGAIN);
		rests = strstr(reply->reply->message, "rests") != NULL;
		wire_reply_free(reply);
		talk_close(&talk);
	}
	finish();
}

HARNESS_TEST(keyframes, a_program_that_is_not_there_is_no_keyframer)
{
	uint64_t n_question;
	struct talk talk;

	wire_engine_open(&host, (struct rcast_engine_options){.keyframer = "/nonexistent/keyframer"}, false);
	wire_open(&wire, &host);
	cr_assert_eq(rcast_engine_start_owned(host.engine, &(struct rcast_session_options){.name = "t"}, &session), 0);
	print("some output");
	ask(&talk, false);
	cr_expect_eq(hear(&talk, &n_question), -EOPNOTSUPP);
	finish();
}

HARNESS_TEST(keyframes, of_a_session_that_goes_there_are_none)
{
	uint64_t n_question;
	struct talk talk;

	begin(&good);
	ask(&talk, false);
	wire_turn(&wire);
	rcast_writer_end(rcast_session_writer(session));
	rcast_session_notify(session);
	rcast_session_close(session);
	cr_assert_eq(wire_kill(&wire, "t"), 0);
	cr_expect(hear(&talk, &n_question) <= 0);
	finish();
}

static void start_program(void)
{
	WIRE_REQUEST(request, start, START, Start, start);
	char *argv[] = {"sh", "-c", "echo ready; exec sleep 1000"};

	request_start.name = "program";
	request_start.argv = argv;
	request_start.n_argv = 3;
	request_start.ring_bytes = RCAST_RING_MIN_BYTES;
	cr_assert_eq(wire_ask(&wire, &request), 0);
	wire_await(&wire, wire_info(&wire, "program", n_output) == 7);
}

/* None of these keyframers ever attaches. */
HARNESS_TEST(keyframes, a_move_waits_for_one_to_attach_but_not_for_ever)
{
	begin(&good);
	start_program();
	cr_expect_eq(wire_resize_ring(&wire, "program", RCAST_RING_MIN_BYTES * 2), 0);
	cr_expect_eq(wire_info(&wire, "program", ring_bytes), RCAST_RING_MIN_BYTES * 2);
	cr_expect_gt(wire_info(&wire, "program", next_pos), wire_info(&wire, "program", first_pos));
	finish();
}

HARNESS_TEST(keyframes, a_move_that_waits_is_answered_when_its_session_goes)
{
	WIRE_REQUEST(request, resize_ring, RESIZE_RING, ResizeRing, resize_ring);
	struct wire_reply *reply;
	struct talk talk;

	begin(&good);
	start_program();
	request_resize_ring.session = (char *)"program";
	request_resize_ring.ring_bytes = RCAST_RING_MIN_BYTES * 2;
	talk_begin(&talk, &wire, &request, RCAST_LAST, NULL, 0);
	wire_turn(&wire);
	cr_expect_eq(wire_kill(&wire, "program"), 0);
	reply = talk_next(&talk);
	cr_expect(reply->last);
	wire_reply_free(reply);
	talk_close(&talk);
	finish();
}
