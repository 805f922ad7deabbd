/* SPDX-License-Identifier: MIT */
/*
 * Which session a keyframer has died of, and what that costs the others: nothing, but for one restart.
 *
 * Some keyframers here are this very program, as in unit_keyframes.c; what one does when it is asked about a session is said by
 * the session's name. The screen that it answers with is its process id, so that one sees whose keyframer is whose, and which
 * have been started anew. Others are touchy_keyframer.c, the true one with an emulator that can be crashed.
 */
#include "wire.h"

#include <poll.h>

#include <ringcast/client.h>
#include <ringcast/ring.h>

#include "engine/engine.h"
#include "kernel/in_hand.h"
#include "kernel/sealed.h"

/* ── Being a keyframer ───────────────────────────────────────────────────────────────────────────────────────────────── */

static _Atomic uint32_t *in_hand;

/* The numbers of the sessions that are followed, as far as these tests ask for them. */
static uint32_t number_of_good;

static uint32_t number_of(const struct rcast_circuit *circuit)
{
	return 1 + rcast_circuit_id(circuit);
}

static void answer(struct rcast_circuit *circuit, uint64_t pos, int number)
{
	Ringcast__Wire__KeyframerAnswer message = RINGCAST__WIRE__KEYFRAMER_ANSWER__INIT;
	Ringcast__Wire__KeyframeInfo info = RINGCAST__WIRE__KEYFRAME_INFO__INIT;
	char text[16];
	int fd;

	info.n_bytes = (uint64_t)snprintf(text, sizeof text, "%d", number);
	fd = rcasti_sealed_create("fake", text, info.n_bytes);
	info.pos = pos;
	info.cols = 80;
	info.rows = 24;
	message.keyframe = &info;
	rcasti_schema_send(circuit, &message.base, 0, &fd, 1);
}

static void crash(uint32_t with)
{
	rcasti_in_hand_say(in_hand, with);
	_exit(1);
}

/* Once it is where nobody else's sessions are, it tries to be the reader of one of them, and says what came of that. */
static void steal(struct rcast_circuit *circuit, uint64_t pos)
{
	struct rcast_client *client;
	struct rcast_view *view;

	if (number_of_good > 0)
		crash(number_of(circuit));
	if (rcast_client_open_take(3, &client) != 0)
		_exit(1);
	answer(circuit, pos, -rcast_view_open(client, "good", NULL, &view));
}

/* And have this one in hand when that is found out. */
static void be_wrong(struct rcast_circuit *circuit, uint32_t with)
{
	rcasti_in_hand_say(in_hand, with);
	rcast_circuit_send(circuit, NULL, 0, 0);
}

static void be_asked(const char *session, struct rcast_circuit *circuit, uint64_t pos)
{
	if (strncmp(session, "crash", 5) == 0)
		crash(number_of(circuit));
	else if (strcmp(session, "liar") == 0)
		crash(number_of_good);
	else if (strcmp(session, "liar-of-nobody") == 0)
		crash(123456);
	else if (strcmp(session, "silent") == 0)
		crash(0);
	else if (strcmp(session, "thief") == 0)
		steal(circuit, pos);
	else if (strncmp(session, "wrong", 5) == 0)
		be_wrong(circuit, strcmp(session, "wrong-then-busy") == 0 ? number_of_good : 0);
	else
		answer(circuit, pos, getpid());
}

static enum rcast_consumed on_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	Ringcast__Wire__KeyframerRequest *request =
		ringcast__wire__keyframer_request__unpack(NULL, message->n_bytes, message->data);
	char *session = user;

	if (message->last)
		rcast_circuit_send(circuit, NULL, 0, RCAST_LAST);
	else if (request->request_case == RINGCAST__WIRE__KEYFRAMER_REQUEST__REQUEST_FOLLOW)
		snprintf(session, RCAST_NAME_MAX + 1, "%s", request->follow->session);
	else
		be_asked(session, circuit, request->question->at_least_pos);
	if (strcmp(session, "good") == 0)
		number_of_good = number_of(circuit);
	ringcast__wire__keyframer_request__free_unpacked(request, NULL);
	return RCAST_CONSUMED;
}

static void on_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	static const struct rcast_circuit_ops ops = {.message = on_message};

	rcast_circuit_set_handler(circuit, &ops, calloc(1, RCAST_NAME_MAX + 1));
}

__attribute__((constructor)) static void be_what_the_environment_says(void)
{
	static const struct rcast_link_ops ops = {.begun = on_begun};
	struct rcast_link *link;

	if (!getenv("RINGCAST_KEYFRAMER"))
		return;
	in_hand = rcasti_in_hand_map(5);
	if (!in_hand || rcast_link_open_take(4, RCAST_ACCEPTED, NULL, &ops, NULL, &link) != 0)
		_exit(1);
	do
		poll(&(struct pollfd){.fd = 4, .events = rcast_link_events(link)}, 1, -1);
	while (rcast_link_dispatch(link) == 0);
	_exit(0);
}

/* ── An engine with some ─────────────────────────────────────────────────────────────────────────────────────────────── */

static struct wire_engine host;
static struct wire wire;

static void begin_with(const char *keyframer)
{
	wire_engine_open(&host, (struct rcast_engine_options){.keyframer = keyframer}, false);
	wire_open(&wire, &host);
}

static void begin(void)
{
	setenv("RINGCAST_KEYFRAMER", "yes", 1);
	begin_with("/proc/self/exe");
}

static void begin_touchy(void)
{
	char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);

	cr_assert(n > 0);
	path[n] = 0;
	strcpy(strrchr(path, '/'), "/touchy_keyframer");
	begin_with(path);
}

static void finish(void)
{
	wire_close(&wire);
	wire_engine_close(&host);
	unsetenv("RINGCAST_KEYFRAMER");
}

static void print(struct rcast_session *session, const char *text)
{
	rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, text, strlen(text));
	rcast_session_notify(session);
}

static struct rcast_session *start(const char *name)
{
	struct rcast_session_options options = {.name = name, .ring_bytes = RCAST_RING_MIN_BYTES};
	struct rcast_session *session;

	cr_assert_eq(rcast_engine_start_owned(host.engine, &options, &session), 0);
	print(session, "some output");
	return session;
}

static void end(struct rcast_session *session)
{
	char name[RCAST_NAME_MAX + 1];

	strcpy(name, rcast_session_name(session));
	rcast_writer_end(rcast_session_writer(session));
	rcast_session_close(session);
	cr_assert_eq(wire_kill(&wire, name), 0);
}

static void begin_ask(struct talk *talk, const char *name)
{
	WIRE_REQUEST(request, keyframe, KEYFRAME, Keyframe, keyframe);

	request_keyframe.session = (char *)name;
	talk_begin(talk, &wire, &request, RCAST_LAST, NULL, 0);
}

/* The screen, as a number; or -errno. */
static int hear(struct talk *talk)
{
	struct wire_reply *reply = talk_next(talk);
	int result = -reply->reply->error;
	char text[16] = "";

	if (result == 0 && reply->reply->keyframe->n_bytes < sizeof text) {
		cr_assert_eq(rcasti_sealed_read(reply->fds[0], 0, text, reply->reply->keyframe->n_bytes), 0);
		result = atoi(text);
	}
	wire_reply_free(reply);
	talk_close(talk);
	return result;
}

static int ask(const char *name)
{
	struct talk talk;

	begin_ask(&talk, name);
	return hear(&talk);
}

/* Of a session that has moved on: what was answered before does not do. */
static int ask_anew(struct rcast_session *session)
{
	print(session, ".");
	return ask(rcast_session_name(session));
}

static uint64_t n_deaths(const char *name)
{
	return wire_stat(&wire, name, n_keyframer_deaths);
}

/* ── Who is to blame ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Its own keyframer dies again and again, and theirs does not. */
HARNESS_TEST(cells, who_crashes_it_costs_the_others_one_restart)
{
	struct rcast_session *good, *other, *crashing;
	int first, second;

	begin();
	good = start("good");
	other = start("other");
	crashing = start("crash");
	first = ask_anew(good);
	cr_assert_gt(first, 0);
	cr_expect_eq(ask_anew(other), first);
	cr_expect_eq(ask_anew(crashing), -EAGAIN);
	second = ask_anew(good);
	cr_expect(second > 0 && second != first);
	for (int i = 0; i < 20; i++) {
		cr_expect_eq(ask_anew(crashing), -EAGAIN);
		cr_expect_eq(ask_anew(good), second);
		cr_expect_eq(ask_anew(other), second);
	}
	cr_expect_eq(n_deaths("good") + n_deaths("other"), 0);
	cr_expect_geq(n_deaths("crash"), 2, "it is tried again");
	finish();
}

/* As many as there are: the others' rest grows by none of them. */
HARNESS_TEST(cells, twenty_that_crash_it_cost_the_others_twenty_restarts)
{
	struct rcast_session *good;
	char name[16];
	int last, now;

	begin();
	good = start("good");
	last = ask_anew(good);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "crash%d", i);
		cr_expect_eq(ask_anew(start(name)), -EAGAIN);
		now = ask_anew(good);
		cr_assert(now > 0 && now != last, "after %d: %d", i + 1, now);
		last = now;
	}
	finish();
}

/* One that cannot say whom it had in hand, since it did not crash, but was killed for what it answered. */
HARNESS_TEST(cells, who_is_answered_what_cannot_be_is_to_blame)
{
	struct rcast_session *good, *wrong;
	int served;

	begin();
	good = start("good");
	wrong = start("wrong");
	cr_assert_gt(ask_anew(good), 0);
	cr_expect_eq(ask_anew(wrong), -EAGAIN);
	served = ask_anew(good);
	cr_expect_gt(served, 0);
	for (int i = 0; i < 20; i++) {
		cr_expect_eq(ask_anew(wrong), -EAGAIN);
		cr_expect_eq(ask_anew(good), served);
	}
	finish();
}

/* A keyframer in somebody else's hands names whom it likes. That one is served by a keyframer of its own, whatever goes on. */
HARNESS_TEST(cells, who_is_named_by_a_liar_is_served)
{
	struct rcast_session *good, *liar;
	int served;

	begin();
	good = start("good");
	liar = start("liar");
	cr_assert_gt(ask_anew(good), 0);
	cr_expect_eq(ask_anew(liar), -EAGAIN);
	cr_expect_eq(n_deaths("good"), 1);
	served = ask_anew(good);
	cr_expect_gt(served, 0);
	for (int i = 0; i < 20; i++) {
		cr_expect_eq(ask_anew(liar), -EAGAIN);
		cr_expect_eq(ask_anew(good), served);
	}
	cr_expect_eq(n_deaths("good"), 1);
	finish();
}

/* It went on to the next one meanwhile, who has nothing to do with it. */
HARNESS_TEST(cells, who_was_answered_what_cannot_be_is_to_blame_whoever_is_in_hand)
{
	struct rcast_session *good, *wrong;

	begin();
	good = start("good");
	wrong = start("wrong-then-busy");
	cr_assert_gt(ask_anew(good), 0);
	cr_expect_eq(ask_anew(wrong), -EAGAIN);
	cr_expect_eq(n_deaths("good"), 0);
	cr_expect_eq(n_deaths("wrong-then-busy"), 1);
	finish();
}

static void expect_nobody_blamed(const char *name)
{
	struct rcast_session *session;

	begin();
	start("good");
	session = start(name);
	cr_assert_gt(ask("good"), 0);
	cr_expect_eq(ask_anew(session), -EAGAIN);
	cr_expect_eq(n_deaths("good") + n_deaths(name), 0);
	cr_expect_gt(ask("good"), 0);
	finish();
}

HARNESS_TEST(cells, nobody_is_blamed_if_nobody_is_known)
{
	expect_nobody_blamed("silent");
	expect_nobody_blamed("liar-of-nobody");
}

/* ── Cells ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* More of them than there are cells, one after the other. */
HARNESS_TEST(cells, who_goes_leaves_an_empty_cell)
{
	struct rcast_session *good, *crashing;
	int n_fds;

	begin();
	good = start("good");
	cr_assert_gt(ask_anew(good), 0);
	n_fds = harness_count_fds();
	for (int i = 0; i < 20; i++) {
		crashing = start("crash");
		cr_expect_eq(ask_anew(crashing), -EAGAIN);
		cr_expect_gt(ask_anew(good), 0);
		end(crashing);
		wire_await(&wire, harness_count_fds() == n_fds);
	}
	finish();
}

/* The keyframer in a cell has nothing to do with who is not there. */
HARNESS_TEST(cells, who_is_in_one_has_no_say_elsewhere)
{
	struct rcast_session *good, *thief;

	begin();
	good = start("good");
	thief = start("thief");
	cr_assert_gt(ask_anew(good), 0);
	cr_expect_eq(ask_anew(thief), -EAGAIN);
	cr_expect_eq(ask_anew(thief), EPERM);
	cr_expect_gt(ask_anew(good), 0);
	finish();
}

/* ── The true keyframer ──────────────────────────────────────────────────────────────────────────────────────────────── */

static void expect_only_it_suffers(const char *output)
{
	struct rcast_session *good, *bad;
	struct talk talks[2];

	begin_touchy();
	good = start("good");
	bad = start("bad");
	cr_assert(ask_anew(good) >= 0 && ask_anew(bad) >= 0);
	print(bad, output);
	begin_ask(&talks[0], "bad");
	wire_turn(&wire);
	print(good, ".");
	begin_ask(&talks[1], "good");
	cr_expect_eq(hear(&talks[0]), -EAGAIN);
	hear(&talks[1]);
	for (int i = 0; i < 20; i++)
		cr_expect_eq(ask_anew(good), 0, "%d", i);
	cr_expect_eq(n_deaths("good"), 0);
	cr_expect_geq(n_deaths("bad"), 1);
	finish();
}

HARNESS_TEST(cells, output_that_crashes_the_emulator_is_its_own_sessions_business)
{
	expect_only_it_suffers("CRASH");
}

/* The question about the other one goes unanswered, too. */
HARNESS_TEST(cells, output_that_hangs_the_emulator_is_its_own_sessions_business)
{
	expect_only_it_suffers("HANG");
}

static void print_much(struct rcast_session *session, size_t n_bytes)
{
	static const char line[] = "a line that is no harm to anybody\r\n";

	for (size_t n_printed = 0; n_printed < n_bytes; n_printed += sizeof line - 1)
		print(session, line);
}

/* It hangs as it reads along. So it would go on for ever, and take a processor. */
HARNESS_TEST(cells, who_hangs_it_is_found_out_with_nobody_asking)
{
	struct rcast_session *good, *bad;

	begin_touchy();
	good = start("good");
	bad = start("bad");
	cr_assert(ask_anew(good) >= 0 && ask_anew(bad) >= 0);
	print(bad, "HANG");
	print_much(bad, RCAST_RING_MIN_BYTES / 4);
	wire_await(&wire, n_deaths("bad") > 0);
	cr_expect_eq(n_deaths("good"), 0);
	wire_await(&wire, ask_anew(good) == 0);
	finish();
}

/* Then there is nobody to blame. */
HARNESS_TEST(cells, who_hangs_it_and_goes_leaves_the_blame_to_nobody)
{
	struct rcast_session *good, *bad;
	struct talk talk;

	begin_touchy();
	good = start("good");
	bad = start("bad");
	cr_assert(ask_anew(good) >= 0 && ask_anew(bad) >= 0);
	print(bad, "HANG");
	begin_ask(&talk, "bad");
	wire_await(&wire, rcasti_in_hand_read(host.engine->keyframers.common.in_hand_fd) != 0);
	end(bad);
	hear(&talk);
	wire_await(&wire, ask_anew(good) == 0);
	cr_expect_eq(n_deaths("good"), 0);
	finish();
}

/* It is offered again, and once what it could not bear is out of the ring, it goes on; from where the screen is known, exactly. */
HARNESS_TEST(cells, who_was_to_blame_comes_back)
{
	struct rcast_session *bad;
	struct wire_reply *reply;
	struct talk talk;

	begin_touchy();
	bad = start("bad");
	cr_assert_geq(ask_anew(bad), 0);
	print(bad, "CRASH");
	wire_await(&wire, ask("bad") == -EAGAIN && n_deaths("bad") >= 3);
	print_much(bad, 2 * RCAST_RING_MIN_BYTES);
	print(bad, "\033c");
	wire_await(&wire, ask_anew(bad) == 0);
	print(bad, "known again");
	begin_ask(&talk, "bad");
	reply = talk_next(&talk);
	cr_expect(reply->reply->error == 0 && !reply->reply->keyframe->stale);
	wire_reply_free(reply);
	talk_close(&talk);
	finish();
}

/* ── Output without end ──────────────────────────────────────────────────────────────────────────────────────────────── */

static _Atomic bool flooding;

/* Faster than it can be read, in a ring that takes a while to read: so the keyframer never has all of it. */
static void *flood(void *session)
{
	static char text[4000];

	memset(text, 'x', sizeof text - 1);
	memcpy(text, "\033]2;", 4);
	while (atomic_load_explicit(&flooding, memory_order_relaxed))
		print(session, text);
	return NULL;
}

/* A place between two sequences never comes, and nobody can hold its owner up. It is answered as it stands. */
HARNESS_TEST(cells, a_sequence_without_end_is_answered_in_the_middle)
{
	struct rcast_session_options options = {.name = "endless", .ring_bytes = 16 << 20};
	struct rcast_session *endless;
	pthread_t thread;

	begin_touchy();
	cr_assert_eq(rcast_engine_start_owned(host.engine, &options, &endless), 0);
	atomic_store(&flooding, true);
	cr_assert_eq(pthread_create(&thread, NULL, flood, endless), 0);
	for (int i = 0; i < 20; i++)
		cr_expect_geq(ask("endless"), 0);
	atomic_store(&flooding, false);
	pthread_join(thread, NULL);
	cr_expect_eq(n_deaths("endless"), 0);
	finish();
}
