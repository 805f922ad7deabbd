/* SPDX-License-Identifier: MIT */
#include "engine/delivery.h"
#include "engine/engine.h"
#include "scene.h"

static struct rcast_session *session;
static struct tap tap;

static void begin(void)
{
	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(rcast_engine_start_owned(host.engine, &(struct rcast_session_options){.name = "mine"}, &session), 0);
	cr_assert_eq(tap_open(&tap, &wire, "mine", (struct tap_options){.by_circuit = true}), 0);
}

static void finish(void)
{
	tap_close(&tap);
	scene_finish();
}

static struct rcasti_delivery *delivery(void)
{
	return cds_list_entry(session->readers.next, struct rcasti_attachment, node)->delivery;
}

static void publish(int n, size_t n_bytes)
{
	static char data[1 << 20];

	for (int i = 0; i < n; i++) {
		memset(data, 'a' + i % 26, n_bytes);
		cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, data, n_bytes), 0);
	}
	rcast_session_notify(session);
}

/* However much there is to send and however eager the client is: others get their turns in between. */
HARNESS_TEST(delivery, a_turn_is_bounded)
{
	uint64_t before = 0;
	int n_turns = 0;

	begin();
	publish(1000, 100);
	publish(100, 10000);
	for (; tap.n_output < 1100000; n_turns++) {
		wire_turn(&wire);
		cr_assert_leq(rcast_reader_pos(delivery()->reader) - before, 2 * (128 << 10) + 64 * 1024);
		before = rcast_reader_pos(delivery()->reader);
		tap_turn(&tap);
	}
	cr_assert_geq(n_turns, 10);
	finish();
}

HARNESS_TEST(delivery, it_sleeps_when_there_is_nothing)
{
	begin();
	publish(1, 10);
	tap_await(&tap, tap.n_output == 10);
	tap_await(&tap, delivery()->asleep);
	for (int i = 0; i < 3; i++) {
		publish(1, 10);
		tap_await(&tap, tap.n_output == 20 + 10 * (size_t)i && delivery()->asleep);
	}
	finish();
}

/* Overwritten between two pieces of one record: the record is in the gap from its start. */
HARNESS_TEST(delivery, a_record_lost_in_its_middle_is_lost_from_its_start)
{
	uint64_t pos;

	begin();
	publish(1, 1 << 19);
	wire_await(&wire, delivery()->n_sent_bytes > 0);
	pos = rcast_reader_pos(delivery()->reader);
	wire.stalled = true;
	for (int i = 0; i < 20; i++) {
		publish(1, 1 << 19);
		wire_turn(&wire);
	}
	wire.stalled = false;
	tap_await(&tap, tap.n_gaps > 0);
	cr_assert_eq(pos, 0);
	cr_assert_eq(rcast_writer_end(rcast_session_writer(session)), 0);
	rcast_session_notify(session);
	tap_await(&tap, tap.ended);
	cr_assert_gt(tap.n_lost_bytes, 1 << 19);
	finish();
}
