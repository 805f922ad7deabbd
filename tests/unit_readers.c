/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <urcu-bp.h>

#include "engine/engine.h"
#include "engine/readers.h"
#include "harness.h"
#include "ring/reader.h"

static struct rcast_engine engine;
static struct rcast_session *session;
static struct cds_list_head condemned;

/* A reader and how the engine sees it. */
struct pair {
	struct rcast_reader *reader;
	struct rcasti_attachment *attachment;
};

static void begin(void)
{
	struct rcast_session_options options = {.name = "x", .ring_bytes = RCAST_RING_MIN_BYTES};

	CDS_INIT_LIST_HEAD(&condemned);
	cr_assert_eq(rcasti_session_create(&engine, &options, RCASTI_PIPE, &session), 0);
	session->pump.hold_pos = RCAST_NO_HOLD;
}

static void finish(void)
{
	synchronize_rcu();
	rcasti_readers_free(&condemned);
	rcasti_session_free(session);
}

static struct pair attach(uint32_t lease_ms)
{
	struct pair pair = {.attachment = calloc(1, sizeof *pair.attachment)};
	struct rcast_cursor *cursor;
	int wake_fd;

	cr_assert_eq(rcast_reader_open_take(rcast_writer_dup_fd(session->writer), &pair.reader), 0);
	cr_assert_eq(rcast_cursor_create(&cursor), 0);
	cr_assert_eq(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &pair.attachment->follower, &wake_fd), 0);
	cr_assert_eq(rcast_reader_follow_take(pair.reader, cursor, wake_fd), 0);
	pair.attachment->session = session;
	pair.attachment->lease_ms = lease_ms;
	rcasti_readers_add(pair.attachment);
	return pair;
}

static void detach(struct pair pair)
{
	rcasti_readers_remove(pair.attachment, &condemned);
	rcast_reader_close(pair.reader);
}

/* Publish records of 1000 bytes; returns how many went in before a hold stopped it. */
static int publish(int n)
{
	static const char data[1000];
	int i = 0;

	while (i < n && rcast_writer_put(session->writer, RCAST_OUTPUT, data, sizeof data) == 0)
		i++;
	rcasti_session_count(session);
	return i;
}

static bool ring(void)
{
	bool any_gone;

	rcu_read_lock();
	any_gone = rcasti_readers_ring(session).any_gone;
	rcu_read_unlock();
	return any_gone;
}

static void read_all(struct pair pair)
{
	struct rcast_record record;

	while (rcast_reader_peek(pair.reader, &record) == RCAST_RECORD)
		rcast_reader_release(pair.reader);
	cr_assert_eq(rcast_reader_sleep(pair.reader), RCAST_EMPTY);
	rcast_reader_wake(pair.reader);
}

HARNESS_TEST(readers, only_sleepers_are_rung_and_once)
{
	struct pair sleeper, waker;

	begin();
	sleeper = attach(0);
	waker = attach(0);
	cr_assert_eq(session->n_attached, 2);
	cr_assert_eq(rcast_reader_sleep(sleeper.reader), RCAST_EMPTY);
	publish(1);
	for (int i = 0; i < 3; i++)
		cr_assert(!ring());
	cr_assert_eq(sleeper.attachment->n_rings, 1);
	cr_assert_eq(waker.attachment->n_rings, 0);
	detach(sleeper);
	detach(waker);
	cr_assert_eq(session->n_attached, 0);
	finish();
}

static bool ring_few(void)
{
	struct rcasti_readers_news news;

	rcu_read_lock();
	news = rcasti_readers_ring_few(session);
	rcu_read_unlock();
	return !news.too_many;
}

HARNESS_TEST(readers, two_sleepers_are_few_three_are_left_to_the_notifier)
{
	struct pair pairs[5];

	begin();
	for (int i = 0; i < 5; i++)
		pairs[i] = attach(0);
	for (int i = 1; i < 4; i++)
		cr_assert_eq(rcast_reader_sleep(pairs[i].reader), RCAST_EMPTY);
	publish(1);
	cr_assert(!ring_few());
	for (int i = 0; i < 5; i++)
		cr_assert_eq(pairs[i].attachment->n_rings, 0);
	rcast_reader_wake(pairs[1].reader);
	cr_assert(ring_few());
	cr_assert(ring_few());
	for (int i = 0; i < 5; i++)
		cr_assert_eq(pairs[i].attachment->n_rings, i == 2 || i == 3);
	for (int i = 0; i < 5; i++)
		detach(pairs[i]);
	finish();
}

HARNESS_TEST(readers, whoever_closed_its_pipe_is_found)
{
	struct pair pair;

	begin();
	pair = attach(0);
	cr_assert_eq(rcast_reader_sleep(pair.reader), RCAST_EMPTY);
	rcast_reader_close(pair.reader);
	cr_assert(ring());
	cr_assert(pair.attachment->is_gone);
	rcasti_readers_remove(pair.attachment, &condemned);
	finish();
}

HARNESS_TEST(readers, laps_are_counted_when_they_begin)
{
	struct pair pair;

	begin();
	pair = attach(0);
	ring();
	for (unsigned int i = 0; i < 3; i++) {
		publish(200);
		ring();
		ring();
		cr_assert_eq(pair.attachment->n_laps, i + 1);
		cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_NEWEST, 0), 0);
		read_all(pair);
		ring();
	}
	detach(pair);
	finish();
}

/* A reader whose page says nothing yet is not lapped by joining late. */
HARNESS_TEST(readers, joining_late_is_no_lap)
{
	struct pair pair;

	begin();
	publish(200);
	pair = attach(0);
	ring();
	cr_assert_eq(pair.attachment->n_laps, 0);
	detach(pair);
	finish();
}

HARNESS_TEST(readers, the_slowest_with_a_lease_holds_the_writer)
{
	struct pair slow, fast, plain;
	int n;

	begin();
	plain = attach(0);
	slow = attach(1000);
	fast = attach(1000);
	cr_assert_eq(session->n_leased, 2);
	cr_assert(rcasti_readers_hold(session));
	n = publish(1000);
	cr_assert_lt(n, 70);
	read_all(fast);
	cr_assert(!rcasti_readers_hold(session), "the slow one still stands where it stood");
	cr_assert_eq(publish(1), 0);
	read_all(slow);
	cr_assert(rcasti_readers_hold(session));
	cr_assert_gt(publish(1), 0);
	detach(slow);
	detach(fast);
	cr_assert_eq(session->n_leased, 0);
	cr_assert(rcasti_readers_hold(session));
	cr_assert_eq(publish(1000), 1000);
	detach(plain);
	finish();
}

HARNESS_TEST(readers, a_lease_is_used_up_by_holding)
{
	struct pair slow, other;

	begin();
	slow = attach(10);
	publish(30);
	other = attach(5);
	read_all(other);
	rcasti_readers_hold(session);
	publish(1000);
	rcasti_readers_charge(session, 9 * RCASTI_NS_PER_MS);
	cr_assert(slow.attachment->has_lease);
	cr_assert(other.attachment->has_lease, "only the slowest pays");
	rcasti_readers_charge(session, 1 * RCASTI_NS_PER_MS);
	cr_assert(!slow.attachment->has_lease);
	cr_assert_eq(atomic_load(&session->counts.n_leases_lost), 1);
	cr_assert(rcasti_readers_hold(session), "now the other one counts");
	publish(1000);
	rcasti_readers_charge(session, 6 * RCASTI_NS_PER_MS);
	cr_assert(!other.attachment->has_lease);
	cr_assert(rcasti_readers_hold(session));
	cr_assert_eq(publish(1000), 1000);
	detach(slow);
	detach(other);
	cr_assert_eq(session->n_leased, 0);
	finish();
}

/* Whoever catches up starts afresh; whoever was lapped before protects nothing. */
HARNESS_TEST(readers, holding_is_forgiven_when_caught_up)
{
	struct pair pair;

	begin();
	pair = attach(10);
	rcasti_readers_hold(session);
	publish(1000);
	rcasti_readers_charge(session, 9 * RCASTI_NS_PER_MS);
	read_all(pair);
	rcasti_readers_hold(session);
	cr_assert_eq(pair.attachment->held_ns, 0);
	detach(pair);
	rcasti_readers_hold(session);
	pair = attach(10);
	cr_assert_eq(publish(1000), 1000, "nobody has told the writer yet");
	cr_assert(!rcasti_readers_hold(session), "it stands on bytes that are long gone");
	cr_assert_eq(publish(1000), 1000);
	detach(pair);
	finish();
}

static void read_some(struct pair pair, int n_records)
{
	struct rcast_record record;

	for (int i = 0; i < n_records; i++) {
		cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_RECORD);
		cr_assert_eq(rcast_reader_release(pair.reader), RCAST_RECORD);
	}
}

/* Never within half a ring of the writer, but half a ring further now and then. */
HARNESS_TEST(readers, who_is_only_slower_keeps_its_lease)
{
	struct pair slow;

	begin();
	slow = attach(10);
	rcasti_readers_hold(session);
	publish(1000);
	rcasti_readers_charge(session, 4 * RCASTI_NS_PER_MS);
	read_some(slow, 20);
	rcasti_readers_hold(session);
	cr_assert_eq(slow.attachment->held_ns, 4 * RCASTI_NS_PER_MS, "a third of a ring is not enough");
	publish(1000);
	rcasti_readers_charge(session, 4 * RCASTI_NS_PER_MS);
	read_some(slow, 20);
	rcasti_readers_hold(session);
	cr_assert_eq(slow.attachment->held_ns, 0);
	cr_assert(slow.attachment->has_lease);
	detach(slow);
	finish();
}

/* Lost is lost, until all was read; then it can be lost again. */
HARNESS_TEST(readers, a_lost_lease_is_earned_by_reading_up_to_the_writer)
{
	struct rcast_record record;
	struct pair slow;

	begin();
	slow = attach(10);
	rcasti_readers_hold(session);
	for (uint64_t n_lost = 1; n_lost <= 3; n_lost++) {
		cr_assert_lt(publish(1000), 1000, "it holds");
		rcasti_readers_charge(session, 10 * RCASTI_NS_PER_MS);
		cr_assert_eq(atomic_load(&session->counts.n_leases_lost), n_lost);
		cr_assert(rcasti_readers_hold(session));
		cr_assert_eq(publish(1000), 1000, "it holds no more");
		cr_assert_eq(rcast_reader_peek(slow.reader, &record), RCAST_LAPPED);
		for (int i = 0; i < 20 && rcast_reader_peek(slow.reader, &record) == RCAST_RECORD; i++)
			rcast_reader_release(slow.reader);
		rcasti_readers_hold(session);
		cr_assert(!slow.attachment->has_lease, "to read some is not enough");
		cr_assert_eq(publish(1000), 1000);
		cr_assert_eq(rcast_reader_peek(slow.reader, &record), RCAST_LAPPED);
		read_all(slow);
		rcasti_readers_hold(session);
		cr_assert(slow.attachment->has_lease);
	}
	detach(slow);
	finish();
}

/* "I have read all", for the moment of a look, and back to where the writer is held. */
HARNESS_TEST(readers, a_lie_now_and_then_wins_no_lease_anew)
{
	struct rcast_writer_state state;
	struct pair liar;

	begin();
	liar = attach(10);
	rcasti_readers_hold(session);
	cr_assert_lt(publish(1000), 1000, "it holds");
	rcast_writer_get_state(session->writer, &state);
	rcasti_readers_charge(session, 9 * RCASTI_NS_PER_MS);
	rcasti_cursor_set_pos(liar.reader->cursor, state.next_pos);
	rcasti_readers_hold(session);
	rcasti_cursor_set_pos(liar.reader->cursor, 0);
	rcasti_readers_hold(session);
	cr_assert_gt(publish(1), 0, "what it has said to have read is not held for it");
	detach(liar);
	finish();
}
