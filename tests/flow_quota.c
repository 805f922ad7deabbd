/* SPDX-License-Identifier: MIT */
/*
 * A greedy client takes all that it can get of one thing, beside an innocent one. It is refused in a line that says why, the
 * innocent one is served as before, and when the greedy one has gone nothing is held for it any more.
 */
#include "engine/connection.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include "tap.h"

static struct wire_engine host;
static struct wire greedy, innocent;
static uint32_t before[RCASTI_N_RESOURCES];
static int n_fds_before;

/* What is on its way is settled when more is to be sent: it may be more or less at any time. */
static void count_held(uint32_t counts[RCASTI_N_RESOURCES])
{
	memcpy(counts, host.engine->quota.all.held, sizeof host.engine->quota.all.held);
	counts[RCASTI_DESCRIPTORS] -= counts[RCASTI_FDS_IN_FLIGHT];
	counts[RCASTI_FDS_IN_FLIGHT] = 0;
}

/* Everything that there was before the greedy one came. */
static void begin(struct rcast_engine_options options)
{
	wire_engine_open(&host, options, false);
	wire_open(&innocent, &host);
	cr_assert_eq(wire_start_shell(&innocent, "t", "while read x; do echo \"[$x]\"; done"), 0);
	count_held(before);
	n_fds_before = harness_count_fds();
	wire_open(&greedy, &host);
}

static uint32_t held(enum rcasti_resource resource)
{
	return host.engine->quota.all.held[resource];
}

/* It may start a session, look at one and type into it, of which the text comes back. */
static void expect_innocent_served(const char *text)
{
	char typed[32], answer[32];
	struct tap tap;

	snprintf(typed, sizeof typed, "%s\n", text);
	snprintf(answer, sizeof answer, "[%s]", text);
	cr_assert_eq(wire_start_shell(&innocent, "brief", "sleep 600"), 0);
	for (int by_circuit = 0; by_circuit < 2; by_circuit++) {
		cr_assert_eq(tap_open(&tap, &innocent, "t", (struct tap_options){.by_circuit = by_circuit}), 0, "%s",
			     wire_said);
		cr_assert_eq(wire_input(&innocent, "t", typed), 0);
		tap_await(&tap, tap_saw(&tap, answer));
		tap_close(&tap);
	}
	cr_assert_eq(wire_kill(&innocent, "brief"), 0);
}

static bool is_as_before(void)
{
	uint32_t now[RCASTI_N_RESOURCES];

	count_held(now);
	return memcmp(now, before, sizeof now) == 0 && harness_count_fds() == n_fds_before;
}

/* The greedy one goes, with whatever it has. */
static void finish(void)
{
	expect_innocent_served("while it is there");
	wire_close(&greedy);
	wire_await(&innocent, is_as_before());
	expect_innocent_served("when it has gone");
	wire_await(&innocent, is_as_before());
	wire_close(&innocent);
	wire_engine_close(&host);
}

static void expect_said(const char *text)
{
	cr_expect(strstr(wire_said, text), "%s", wire_said);
}

/* Attach until it is refused, and once more when one of them has gone. */
static void take_readers(bool by_circuit, int n_most, const char *said)
{
	static struct tap taps[8];
	struct tap_options options = {.by_circuit = by_circuit};

	for (int i = 0; i < n_most; i++)
		cr_assert_eq(tap_open(&taps[i], &greedy, "t", options), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(tap_open(&taps[n_most], &greedy, "t", options), -ENOBUFS);
	expect_said(said);
	cr_expect_eq(held(RCASTI_READERS), (uint32_t)n_most);
	tap_close(&taps[0]);
	cr_assert_eq(tap_open(&taps[0], &greedy, "t", options), 0);
	for (int i = 0; i < n_most; i++)
		if (taps[i].reader)
			rcast_reader_close(taps[i].reader); /* its descriptors are this process's */
	finish();
	for (int i = 0; i < n_most; i++)
		free(taps[i].output);
}

HARNESS_TEST(quota, readers_of_a_connection)
{
	begin((struct rcast_engine_options){.per_connection = {.max_readers = 5}});
	take_readers(false, 5, "this connection has 5 readers, and may have 5 at the most");
}

HARNESS_TEST(quota, bytes_that_may_wait_for_a_connection)
{
	uint32_t most = RCASTI_LINK_QUEUE_BYTES + 3 * (65 << 10) + 1000;

	begin((struct rcast_engine_options){.per_connection = {.max_queued_bytes = most}});
	take_readers(true, 3, "bytes that may wait for it, and may have");
}

HARNESS_TEST(quota, sessions_of_a_connection_and_of_its_user)
{
	struct wire second;

	begin((struct rcast_engine_options){.per_connection = {.max_sessions = 2}, .per_user = {.max_sessions = 5}});
	cr_assert_eq(wire_start_shell(&greedy, "a", "sleep 600"), 0);
	cr_assert_eq(wire_start_shell(&greedy, "b", "sleep 600"), 0);
	cr_assert_eq(wire_start_shell(&greedy, "c", "sleep 600"), -ENOBUFS);
	expect_said("this connection has 2 sessions, and may have 2 at the most");
	cr_assert_eq(wire_kill(&greedy, "a"), 0);
	wire_await(&greedy, wire_start_shell(&greedy, "a", "sleep 600") == 0);
	wire_open(&second, &host);
	cr_assert_eq(wire_start_shell(&second, "c", "sleep 600"), 0);
	cr_assert_eq(wire_start_shell(&second, "d", "sleep 600"), 0);
	wire_close(&second);
	wire_await(&greedy, held(RCASTI_CONNECTIONS) == 2);
	cr_assert_eq(held(RCASTI_SESSIONS), 5, "they stay when the connection goes");
	cr_assert_eq(wire_start_shell(&innocent, "e", "sleep 600"), -ENOBUFS);
	expect_said("has 5 sessions, and may have 5 at the most");
	expect_said("user ");
	for (const char *name = "abcd"; *name; name++)
		cr_assert_eq(wire_kill(&greedy, (char[]){*name, 0}), 0);
	wire_await(&greedy, held(RCASTI_SESSIONS) == 1);
	finish();
}

/* Over two connections, since a client knows what it may begin on one. Each is answered, and goes on. */
HARNESS_TEST(quota, exchanges_of_a_user)
{
	static struct tap taps[12];
	struct wire second;
	int n_refused = 0;

	begin((struct rcast_engine_options){.per_user = {.max_exchanges = 10}});
	wire_open(&second, &host);
	for (int i = 0; i < 9; i++)
		cr_assert_eq(tap_open(&taps[i], i % 2 ? &greedy : &second, "t", (struct tap_options){.by_circuit = true}),
			     0);
	cr_assert_eq(tap_open(&taps[9], &greedy, "t", (struct tap_options){.by_circuit = true}), 0);
	for (int i = 0; i < 5; i++)
		n_refused += tap_open(&taps[10], &second, "t", (struct tap_options){.by_circuit = true}) == -ENOBUFS;
	cr_expect_eq(n_refused, 5);
	expect_said("has 10 open exchanges, and may have 10 at the most");
	cr_expect_eq(held(RCASTI_EXCHANGES), 10);
	cr_expect_eq(held(RCASTI_READERS), 10);
	wire_close(&second);
	wire_await(&greedy, held(RCASTI_EXCHANGES) == 5);
	finish();
}

HARNESS_TEST(quota, a_connection_too_many_is_hung_up_on)
{
	struct wire second, third;

	begin((struct rcast_engine_options){.per_user = {.max_connections = 3}});
	wire_open(&second, &host);
	cr_assert(wire_has(&second, "t"));
	for (int i = 0; i < 5; i++) {
		wire_open(&third, &host);
		wire_await(&third, third.error == -EPIPE);
		wire_close(&third);
	}
	wire_close(&second);
	finish();
}

/* ── Descriptors ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void begin_attach(struct talk *talk)
{
	WIRE_REQUEST(request, attach, ATTACH, Attach, attach);
	struct rcast_cursor *cursor;
	int cursor_fd;

	cr_assert_eq(rcast_cursor_create(&cursor), 0);
	cursor_fd = rcast_cursor_dup_fd(cursor);
	request_attach.session = "t";
	talk_begin(talk, &greedy, &request, 0, &cursor_fd, 1);
	rcast_cursor_free(cursor);
}

/* What is sent and not read is counted; what was read is not, however much it was. */
HARNESS_TEST(quota, descriptors_that_a_connection_does_not_read)
{
	static struct talk talks[9];
	struct wire_reply *reply;

	begin((struct rcast_engine_options){.per_connection = {.max_fds_in_flight = 8}});
	cr_assert(wire_has(&greedy, "t"));
	for (int round = 0; round < 3; round++) {
		uint32_t n_readers = held(RCASTI_READERS);

		greedy.stalled = true;
		for (int i = 0; i < 6; i++)
			begin_attach(&talks[i]);
		for (int i = 0; i < 20; i++)
			wire_turn(&greedy);
		cr_expect_eq(held(RCASTI_FDS_IN_FLIGHT), 8);
		cr_expect_eq(held(RCASTI_READERS), n_readers + 4);
		expect_innocent_served("unread");
		greedy.stalled = false;
		for (int i = 0; i < 6; i++) {
			reply = talk_next(&talks[i]);
			cr_expect_eq(reply->reply->error, i < 4 ? 0 : ENOBUFS);
			cr_expect(i < 4 || strstr(reply->reply->message, "descriptors on their way"), "%s",
				  reply->reply->message);
			wire_reply_free(reply);
		}
	}
	finish();
}

/* Hanging up half leaves them in flight: they stay counted, and so does the connection, until they are read or gone. */
HARNESS_TEST(quota, descriptors_left_unread_by_who_hangs_up)
{
	enum { ROUNDS = 6 };
	struct talk talk;
	int kept_fds[ROUNDS], n_served = 0;

	begin((struct rcast_engine_options){.per_user = {.max_fds_in_flight = 6}});
	for (int i = 0; i < ROUNDS; i++) {
		cr_assert(wire_has(&greedy, "t"));
		begin_attach(&talk);
		wire_await(&innocent, held(RCASTI_EXCHANGES) == 1);
		n_served += held(RCASTI_READERS) == 1;
		kept_fds[i] = dup(rcast_link_fd(greedy.link));
		shutdown(kept_fds[i], SHUT_WR);
		wire_await(&innocent, held(RCASTI_EXCHANGES) == 0);
		wire_close(&greedy);
		wire_open(&greedy, &host);
	}
	cr_expect_eq(n_served, 3);
	cr_expect_eq(held(RCASTI_FDS_IN_FLIGHT), 6);
	wire_await(&innocent, held(RCASTI_CONNECTIONS) == 2 + 3);
	for (int i = 0; i < ROUNDS; i++)
		close(kept_fds[i]);
	wire_await(&innocent, held(RCASTI_CONNECTIONS) == 2);
	finish();
}

/* Many readers on one connection that may have few descriptors unread: all follow their session into its next ring. */
HARNESS_TEST(quota, a_move_waits_for_descriptors_to_be_read)
{
	static struct tap taps[7];
	struct tap kicked;

	begin((struct rcast_engine_options){.per_connection = {.max_fds_in_flight = 2}});
	for (int i = 0; i < 7; i++)
		cr_assert_eq(tap_open(&taps[i], &greedy, "t", (struct tap_options){0}), 0);
	cr_assert_eq(tap_open(&kicked, &innocent, "t", (struct tap_options){0}), 0);
	greedy.stalled = true;
	cr_assert_eq(wire_kick(&innocent, "t", kicked.id), 0);
	for (int i = 0; i < 20; i++)
		wire_turn(&innocent);
	cr_expect_leq(held(RCASTI_FDS_IN_FLIGHT), 2 + 2);
	greedy.stalled = false;
	cr_assert_eq(wire_input(&innocent, "t", "onwards\n"), 0);
	for (int i = 0; i < 7; i++) {
		tap_await(&taps[i], tap_saw(&taps[i], "[onwards]"));
		cr_expect_eq(taps[i].n_moves, 1);
		cr_expect_eq(taps[i].n_lost_bytes, 0);
		tap_close(&taps[i]);
	}
	tap_close(&kicked);
	finish();
}

/* A process that has no descriptors left loses what others send it. */
HARNESS_TEST(quota, descriptors_that_are_kept_open_for_a_connection)
{
	enum { LIMIT = 200, TRIES = 200 };
	static struct talk talks[TRIES];
	struct rlimit before_limit, few;
	struct wire_reply *reply;
	int n_served = 0;

	getrlimit(RLIMIT_NOFILE, &before_limit);
	few = before_limit;
	few.rlim_cur = LIMIT;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	begin((struct rcast_engine_options){0});
	for (int i = 0; i < TRIES; i++) {
		begin_attach(&talks[i]);
		reply = talk_next(&talks[i]);
		n_served += reply->reply->error == 0;
		cr_expect(!reply->reply->error || strstr(reply->reply->message, "75 at the most"), "%s",
			  reply->reply->message);
		wire_reply_free(reply);
	}
	cr_expect(n_served >= 70 && n_served < 75, "%d readers", n_served);
	finish();
	setrlimit(RLIMIT_NOFILE, &before_limit);
}
