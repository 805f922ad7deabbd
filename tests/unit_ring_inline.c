/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <ringcast/ring_inline.h>

#include <errno.h>
#include <string.h>

static struct {
	struct rcast_writer *writer;
	struct rcast_reader *reader;
} ring;

static void open_ring(bool stamped)
{
	struct rcast_writer_options options = {.capacity_bytes = RCAST_RING_MIN_BYTES, .stamped = stamped};

	cr_assert_eq(rcast_writer_create(&options, &ring.writer), 0);
	cr_assert_eq(rcast_reader_open_take(rcast_writer_dup_fd(ring.writer), &ring.reader), 0);
}

static void close_ring(void)
{
	rcast_reader_close(ring.reader);
	rcast_writer_free(ring.writer);
}

static const char *bytes(size_t i)
{
	static char data[4096 + 251];

	for (size_t at = 0; data[1] == 0 && at < sizeof data; at++)
		data[at] = (char)(at * 7 % 251);
	return data + i % 251;
}

/* Lengths of all kinds, the empty one and those that the compiler would not copy by itself among them. */
static size_t length(size_t i)
{
	return i % 97 == 0 ? 4000 : i * 31 % 150;
}

static void expect(const struct rcast_record *record, size_t i, uint64_t pos)
{
	cr_assert_eq(record->pos, pos);
	cr_assert_eq(record->n_bytes, length(i));
	cr_assert_eq(record->kind, i % 2 ? RCAST_OUTPUT : RCAST_APPLICATION + 7);
	cr_assert_arr_eq(record->data, bytes(i), length(i));
}

static int put(struct rcast_fast_writer *fast, size_t i)
{
	return rcast_fast_put(fast, i % 2 ? RCAST_OUTPUT : RCAST_APPLICATION + 7, bytes(i), length(i));
}

/* In loops of changing length, so that they end and begin everywhere; over many laps, each reader reads what either writes. */
static void write_and_read(bool stamped)
{
	uint64_t pos = 0, n_output = 0;
	struct rcast_record record;
	char buffer[4096];

	open_ring(stamped);
	for (size_t i = 0, n; i < 20000; i += n) {
		struct rcast_fast_writer writer = rcast_fast_writer_begin(ring.writer);
		struct rcast_fast_reader reader;

		n = 1 + i % 13;
		for (size_t k = i; k < i + n; k++)
			cr_assert_eq(put(&writer, k), 0);
		rcast_fast_writer_end(&writer);
		cr_assert_eq(rcast_writer_put(ring.writer, RCAST_OUTPUT, bytes(0), length(1)), 0);
		reader = rcast_fast_reader_begin(ring.reader);
		for (size_t k = i; k < i + n; k++) {
			cr_assert_eq(rcast_fast_read(&reader, buffer, sizeof buffer, &record), RCAST_RECORD);
			expect(&record, k, pos);
			cr_assert_eq(record.stamped, stamped);
			cr_assert(!stamped || record.output_pos == n_output);
			n_output += k % 2 ? length(k) : 0;
			pos = record.next_pos;
		}
		rcast_fast_reader_end(&reader);
		cr_assert_eq(rcast_reader_pos(ring.reader), pos);
		cr_assert_eq(rcast_reader_read(ring.reader, buffer, sizeof buffer, &record), RCAST_RECORD);
		n_output += length(1);
		pos = record.next_pos;
		cr_assert_eq(rcast_reader_read(ring.reader, buffer, sizeof buffer, &record), RCAST_EMPTY);
	}
	close_ring();
}

HARNESS_TEST(ring_inline, what_is_put_is_read)
{
	write_and_read(false);
}

HARNESS_TEST(ring_inline, stamped_rings_go_through_the_library)
{
	write_and_read(true);
}

HARNESS_TEST(ring_inline, counts_are_those_of_the_library)
{
	struct rcast_writer_state state;
	struct rcast_fast_writer fast;
	uint64_t n_output = 0;

	open_ring(false);
	fast = rcast_fast_writer_begin(ring.writer);
	for (size_t i = 0; i < 5000; i++) {
		cr_assert_eq(put(&fast, i), 0);
		n_output += i % 2 ? length(i) : 0;
	}
	rcast_fast_writer_end(&fast);
	rcast_writer_get_state(ring.writer, &state);
	cr_expect_eq(state.n_records, 5000);
	cr_expect_eq(state.n_output, n_output);
	close_ring();
}

HARNESS_TEST(ring_inline, what_the_library_refuses_is_refused)
{
	struct rcast_fast_writer fast;

	open_ring(false);
	cr_assert_eq(rcast_writer_put(ring.writer, RCAST_OUTPUT, "x", 1), 0);
	fast = rcast_fast_writer_begin(ring.writer);
	for (uint8_t kind = 0; kind < RCAST_OUTPUT; kind++)
		cr_expect_eq(rcast_fast_put(&fast, kind, "x", 1), -EINVAL);
	for (size_t n_bytes = SIZE_MAX; n_bytes >= SIZE_MAX - 16; n_bytes--)
		cr_expect_eq(rcast_fast_put(&fast, RCAST_OUTPUT, "x", n_bytes), -EMSGSIZE);
	cr_expect_eq(rcast_fast_put(&fast, RCAST_OUTPUT, "x", UINT64_C(1) << 32), -EMSGSIZE);
	rcast_fast_writer_end(&fast);
	rcast_writer_end(ring.writer);
	fast = rcast_fast_writer_begin(ring.writer);
	cr_expect_eq(rcast_fast_put(&fast, RCAST_OUTPUT, "x", 1), -ENODATA);
	rcast_fast_begin_batch(&fast);
	cr_expect_eq(rcast_fast_put(&fast, RCAST_OUTPUT, "x", 1), -ENODATA);
	rcast_fast_writer_end(&fast);
	cr_expect_eq(rcast_writer_put(ring.writer, RCAST_OUTPUT, "x", 1), -ENODATA);
	close_ring();
}

HARNESS_TEST(ring_inline, a_hold_stops_the_loop_and_can_be_moved_within_it)
{
	struct rcast_fast_writer fast;
	size_t n = 0, before;

	open_ring(false);
	rcast_writer_hold(ring.writer, 0);
	fast = rcast_fast_writer_begin(ring.writer);
	while (rcast_fast_put(&fast, RCAST_OUTPUT, bytes(0), 64) == 0)
		n++;
	cr_expect_eq(rcast_fast_put(&fast, RCAST_OUTPUT, bytes(0), 64), -EAGAIN);
	cr_expect(n > 800 && n <= RCAST_RING_MIN_BYTES / 72, "%zu", n);
	rcast_writer_hold(ring.writer, RCAST_RING_MIN_BYTES / 2);
	for (before = n; rcast_fast_put(&fast, RCAST_OUTPUT, bytes(0), 64) == 0;)
		n++;
	cr_expect(n > before + 400, "%zu", n - before);
	rcast_fast_writer_end(&fast);
	close_ring();
}

static void expect_nothing(void)
{
	struct rcast_record record;
	char buffer[4096];

	cr_assert_eq(rcast_reader_read(ring.reader, buffer, sizeof buffer, &record), RCAST_EMPTY);
}

static void expect_all(size_t from, size_t n)
{
	struct rcast_record record;
	char buffer[4096];

	for (size_t i = from; i < from + n; i++) {
		cr_assert_eq(rcast_reader_read(ring.reader, buffer, sizeof buffer, &record), RCAST_RECORD, "record %zu", i);
		expect(&record, i, record.pos);
	}
	expect_nothing();
}

/* Begun and ended by the loop, at every place of a lap, and longer than a chunk of the ring. */
HARNESS_TEST(ring_inline, a_batch_is_seen_as_a_whole)
{
	size_t next = 0;

	open_ring(false);
	for (size_t n = 1; n < 30; n++) {
		for (int round = 0; round < 40; round++, next += n) {
			struct rcast_fast_writer fast = rcast_fast_writer_begin(ring.writer);

			rcast_fast_begin_batch(&fast);
			for (size_t i = next; i < next + n; i++) {
				cr_assert_eq(put(&fast, i), 0);
				expect_nothing();
			}
			rcast_fast_end_batch(&fast);
			expect_all(next, n);
			rcast_fast_writer_end(&fast);
		}
	}
	close_ring();
}

/* Begun here and ended there: `n_before` records by the library, then some by the loop, then some by the library again. */
HARNESS_TEST(ring_inline, a_batch_may_change_hands)
{
	size_t next = 0;

	open_ring(false);
	for (int round = 0; round < 2000; round++) {
		size_t n_before = (size_t)round % 3, n = n_before + (size_t)round % 5, i = next;
		struct rcast_fast_writer fast;

		rcast_writer_begin_batch(ring.writer);
		for (; i < next + n_before; i++)
			cr_assert_eq(rcast_writer_put(ring.writer, i % 2 ? RCAST_OUTPUT : RCAST_APPLICATION + 7, bytes(i),
						      length(i)),
				     0);
		fast = rcast_fast_writer_begin(ring.writer);
		for (; i < next + n; i++)
			cr_assert_eq(put(&fast, i), 0);
		if (round % 2)
			rcast_fast_end_batch(&fast);
		rcast_fast_writer_end(&fast);
		for (; round % 2 == 0 && i < next + n + 2; i++)
			cr_assert_eq(rcast_writer_put(ring.writer, i % 2 ? RCAST_OUTPUT : RCAST_APPLICATION + 7, bytes(i),
						      length(i)),
				     0);
		if (round % 2 == 0) {
			expect_nothing();
			rcast_writer_end_batch(ring.writer);
		}
		expect_all(next, i - next);
		next = i;
	}
	close_ring();
}

/* As with rcast_writer_begin_batch: one that is begun again goes on. */
HARNESS_TEST(ring_inline, a_batch_begun_twice_is_one)
{
	struct rcast_fast_writer fast;
	struct rcast_record record;
	char buffer[8];

	open_ring(false);
	fast = rcast_fast_writer_begin(ring.writer);
	for (char i = 0; i < 2; i++) {
		rcast_fast_begin_batch(&fast);
		cr_assert_eq(rcast_fast_put(&fast, RCAST_OUTPUT, &i, 1), 0);
		cr_assert_eq(rcast_reader_read(ring.reader, buffer, sizeof buffer, &record), RCAST_EMPTY);
	}
	rcast_fast_end_batch(&fast);
	rcast_fast_writer_end(&fast);
	for (char i = 0; i < 2; i++) {
		cr_assert_eq(rcast_reader_read(ring.reader, buffer, sizeof buffer, &record), RCAST_RECORD);
		cr_assert_eq(buffer[0], i);
	}
	close_ring();
}

HARNESS_TEST(ring_inline, a_batch_that_gets_too_long_can_be_ended)
{
	struct rcast_fast_writer fast;
	size_t n = 0;

	open_ring(false);
	fast = rcast_fast_writer_begin(ring.writer);
	rcast_fast_begin_batch(&fast);
	while (put(&fast, n) == 0)
		n++;
	cr_expect_eq(put(&fast, n), -EMSGSIZE);
	expect_nothing();
	rcast_fast_end_batch(&fast);
	expect_all(0, n);
	cr_expect_eq(put(&fast, n), 0);
	expect_all(n, 1);
	rcast_fast_writer_end(&fast);
	close_ring();
}

HARNESS_TEST(ring_inline, a_lapped_reader_is_told_its_gap)
{
	uint64_t delivered = 0, before = 0;
	struct rcast_fast_writer writer;
	struct rcast_fast_reader reader;
	struct rcast_record record;
	char buffer[4096];
	int outcome;

	open_ring(false);
	reader = rcast_fast_reader_begin(ring.reader);
	for (size_t i = 0; i < 3000; i++) {
		writer = rcast_fast_writer_begin(ring.writer);
		cr_assert_eq(put(&writer, i), 0);
		rcast_fast_writer_end(&writer);
		outcome = i % 4 ? rcast_fast_read(&reader, buffer, sizeof buffer, &record) : RCAST_EMPTY;
		delivered += outcome == RCAST_RECORD ? record.next_pos - record.pos : 0;
	}
	rcast_writer_end(ring.writer);
	while ((outcome = rcast_fast_read(&reader, buffer, sizeof buffer, &record)) != RCAST_ENDED) {
		cr_assert(outcome == RCAST_RECORD || outcome == RCAST_LAPPED);
		if (outcome == RCAST_RECORD) {
			cr_assert_geq(record.pos, before);
			delivered += record.next_pos - record.pos;
			before = record.next_pos;
		}
	}
	rcast_fast_reader_end(&reader);
	cr_expect_gt(rcast_reader_lost_bytes(ring.reader), 0);
	cr_expect_eq(delivered + rcast_reader_lost_bytes(ring.reader), rcast_reader_pos(ring.reader));
	close_ring();
}

HARNESS_TEST(ring_inline, a_record_that_is_too_long_for_the_buffer_stays)
{
	struct rcast_fast_reader reader;
	struct rcast_record record;
	char buffer[100];

	open_ring(false);
	cr_assert_eq(rcast_writer_put(ring.writer, RCAST_OUTPUT, bytes(1), sizeof buffer), 0);
	reader = rcast_fast_reader_begin(ring.reader);
	for (size_t room = 0; room < sizeof buffer; room++) {
		cr_assert_eq(rcast_fast_read(&reader, buffer, room, &record), -EMSGSIZE);
		cr_assert_eq(record.n_bytes, sizeof buffer);
	}
	cr_assert_eq(rcast_fast_read(&reader, buffer, sizeof buffer, &record), RCAST_RECORD);
	cr_assert_arr_eq(buffer, bytes(1), sizeof buffer);
	cr_assert_eq(rcast_fast_read(&reader, buffer, sizeof buffer, &record), RCAST_EMPTY);
	rcast_fast_reader_end(&reader);
	close_ring();
}

HARNESS_TEST(ring_inline, the_cursor_page_hears_of_the_loop)
{
	struct rcast_follower *follower;
	struct rcast_fast_reader reader;
	struct rcast_cursor *cursor;
	struct rcast_record record;
	char buffer[4096];
	int wake_fd;

	open_ring(false);
	cr_assert_eq(rcast_cursor_create(&cursor), 0);
	cr_assert_eq(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &follower, &wake_fd), 0);
	cr_assert_eq(rcast_reader_follow_take(ring.reader, cursor, wake_fd), 0);
	reader = rcast_fast_reader_begin(ring.reader);
	for (size_t i = 0; i < 5000; i++) {
		cr_assert_eq(rcast_writer_put(ring.writer, RCAST_OUTPUT, bytes(i), i % 100), 0);
		cr_assert_eq(rcast_fast_read(&reader, buffer, sizeof buffer, &record), RCAST_RECORD);
		cr_assert_leq(record.next_pos - rcast_follower_pos(follower), RCAST_RING_MIN_BYTES / 64 + 128);
	}
	rcast_fast_reader_end(&reader);
	rcast_follower_free(follower);
	close_ring();
}
