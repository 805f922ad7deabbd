/* SPDX-License-Identifier: MIT */
#include "engine/attach.h"
#include "engine/connection.h"
#include "engine/exchange.h"
#include "scene.h"

static void begin(void)
{
	scene_begin(false, (struct rcast_engine_options){0});
}

static struct rcasti_exchange *only_exchange(void)
{
	struct rcasti_connection *connection = cds_list_entry(host.engine->connections.next, struct rcasti_connection, node);

	return cds_list_entry(connection->exchanges.next, struct rcasti_exchange, node);
}

static bool has_exchanges(void)
{
	struct rcasti_connection *connection = cds_list_entry(host.engine->connections.next, struct rcasti_connection, node);

	return !cds_list_empty(&connection->exchanges);
}

/* What comes behind our answer is passed over, and the exchange is over when the client says so. */
HARNESS_TEST(exchange, one_request_one_answer)
{
	WIRE_REQUEST(request, kill, KILL, Kill, kill);
	struct wire_reply *reply;
	struct talk talk;

	begin();
	cr_assert_eq(wire_start_shell(&wire, "t", "sleep 600"), 0);
	request_kill.session = "u";
	talk_begin(&talk, &wire, &request, 0, NULL, 0);
	reply = talk_next(&talk);
	cr_assert_eq(reply->reply->error, ENOENT);
	wire_reply_free(reply);
	request_kill.session = "t";
	cr_assert_eq(rcasti_schema_send(talk.circuit, &request.base, 0, NULL, 0), 0);
	for (int i = 0; i < 10; i++)
		wire_turn(&wire);
	cr_assert_null(talk.first);
	cr_assert(has_exchanges());
	talk_close(&talk);
	wire_await(&wire, !has_exchanges());
	cr_assert(wire_has(&wire, "t"), "it was not a request");
	scene_finish();
}

/* A stalled client costs one message; the last word takes its place. */
HARNESS_TEST(exchange, one_message_waits_and_the_last_replaces_it)
{
	static const char data[60000];
	struct rcast_session *session;
	struct tap tap;

	begin();
	cr_assert_eq(rcast_engine_start_owned(host.engine, &(struct rcast_session_options){.name = "mine"}, &session), 0);
	cr_assert_eq(tap_open(&tap, &wire, "mine", (struct tap_options){.by_circuit = true}), 0);
	wire.stalled = true;
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, data, sizeof data), 0);
		rcast_session_notify(session);
		wire_turn(&wire);
	}
	cr_assert(rcasti_exchange_is_blocked(only_exchange()));
	cr_assert(!only_exchange()->answered);
	rcasti_attachment_evict(only_exchange()->attachment, "because");
	cr_assert(only_exchange()->answered);
	cr_assert_null(only_exchange()->attachment);
	cr_assert_lt(only_exchange()->waiting.n_bytes, 100, "it went out, or waits where the piece did");
	wire.stalled = false;
	tap_await(&tap, tap.evicted);
	tap_close(&tap);
	scene_finish();
}

/* The connection goes while something waits: nothing leaks. */
HARNESS_TEST(exchange, what_waits_goes_with_the_connection)
{
	static const char data[60000];
	struct rcast_session *session;
	struct wire other;
	struct tap tap;

	begin();
	cr_assert_eq(rcast_engine_start_owned(host.engine, &(struct rcast_session_options){.name = "mine"}, &session), 0);
	wire_open(&other, &host);
	cr_assert_eq(tap_open(&tap, &other, "mine", (struct tap_options){.by_circuit = true}), 0);
	other.stalled = true;
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, data, sizeof data), 0);
		rcast_session_notify(session);
		wire_turn(&other);
	}
	wire_close(&other);
	free(tap.output);
	wire_await(&wire, host.engine->quota.all.held[RCASTI_CONNECTIONS] == 1);
	cr_assert_eq(host.engine->quota.all.held[RCASTI_READERS], 0);
	scene_finish();
}
