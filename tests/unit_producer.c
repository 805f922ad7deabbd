/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <ringcast/ring.h>

#include <errno.h>
#include <string.h>

static struct rcast_writer *open_writer(uint64_t capacity, bool stamped)
{
	struct rcast_writer_options options = {.capacity_bytes = capacity, .stamped = stamped};
	struct rcast_writer *writer;

	cr_assert_eq(rcast_writer_create(&options, &writer), 0);
	return writer;
}

static struct rcast_reader *open_reader(struct rcast_writer *writer)
{
	struct rcast_reader *reader;

	cr_assert_eq(rcast_reader_open_take(rcast_writer_dup_fd(writer), &reader), 0);
	return reader;
}

static void expect_record(struct rcast_reader *reader, uint8_t kind, const void *data, size_t n_bytes)
{
	struct rcast_record record;

	cr_assert_eq(rcast_reader_peek(reader, &record), RCAST_RECORD);
	cr_assert_eq(record.kind, kind);
	cr_assert_eq(record.n_bytes, n_bytes);
	cr_assert_arr_eq(record.data, data, n_bytes);
	cr_assert_eq(rcast_reader_release(reader), RCAST_RECORD);
}

static void expect_empty(struct rcast_reader *reader)
{
	struct rcast_record record;

	cr_assert_eq(rcast_reader_peek(reader, &record), RCAST_EMPTY);
}

HARNESS_TEST(producer, refuses_bad_capacities)
{
	const uint64_t bad[] = {1, 4096, 65535, 65537, 98304, UINT64_C(1) << 31, UINT64_MAX};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct rcast_writer_options options = {.capacity_bytes = bad[i]};
		struct rcast_writer *writer = (void *)1;

		cr_expect_eq(rcast_writer_create(&options, &writer), -EINVAL);
		cr_expect_null(writer);
	}
}

HARNESS_TEST(producer, what_is_put_is_read)
{
	struct rcast_writer *writer = open_writer(0, false);
	struct rcast_reader *reader = open_reader(writer);
	struct iovec pieces[3] = {{(void *)"ab", 2}, {NULL, 0}, {(void *)"cdefghijk", 9}};

	expect_empty(reader);
	cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, "hello", 5), 0);
	cr_assert_eq(rcast_writer_put(writer, RCAST_MARKER, "", 0), 0);
	cr_assert_eq(rcast_writer_publish(writer, 255, pieces, 3), 0);
	expect_record(reader, RCAST_OUTPUT, "hello", 5);
	expect_record(reader, RCAST_MARKER, "", 0);
	expect_record(reader, 255, "abcdefghijk", 11);
	expect_empty(reader);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

/* Short records are copied by a path of their own: every length, every alignment of the source, and no byte beside it. */
HARNESS_TEST(producer, records_of_every_short_length_are_exact)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, false);
	struct rcast_reader *reader = open_reader(writer);
	char data[256];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 7 + 1);
	for (int round = 0; round < 40; round++) {
		for (size_t n_bytes = 0; n_bytes < 160; n_bytes++) {
			const char *from = data + (size_t)round % 9;

			cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, from, n_bytes), 0);
			expect_record(reader, RCAST_OUTPUT, from, n_bytes);
			expect_empty(reader);
		}
	}
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, kinds_of_the_ring_itself_cannot_be_published)
{
	struct rcast_writer *writer = open_writer(0, false);

	for (uint8_t kind = 0; kind < RCAST_OUTPUT; kind++)
		cr_expect_eq(rcast_writer_put(writer, kind, "x", 1), -EINVAL);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, a_record_may_fill_a_quarter_of_the_ring_and_no_more)
{
	for (int stamped = 0; stamped < 2; stamped++) {
		struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, stamped);
		struct rcast_reader *reader = open_reader(writer);
		static char longest[RCAST_RING_MIN_BYTES / 4 + 1];
		size_t max = rcast_writer_max_bytes(writer);

		memset(longest, 'x', sizeof longest);
		cr_expect_eq(max, RCAST_RING_MIN_BYTES / 4 - (stamped ? 32 : 8));
		cr_expect_eq(rcast_writer_put(writer, RCAST_OUTPUT, longest, max + 1), -EMSGSIZE);
		for (int i = 0; i < 100; i++) {
			cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, longest, max), 0);
			expect_record(reader, RCAST_OUTPUT, longest, max);
		}
		rcast_reader_close(reader);
		rcast_writer_free(writer);
	}
}

/* Records of every length go round the ring many times: each must come out whole, whatever the lap end cut off. */
HARNESS_TEST(producer, laps_end_with_padding_that_nobody_sees)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, true);
	struct rcast_reader *reader = open_reader(writer);
	static char data[5000];

	for (int i = 0; i < 20000; i++) {
		size_t n_bytes = (size_t)(i * 37) % sizeof data;

		memset(data, i, n_bytes);
		cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, data, n_bytes), 0);
		expect_record(reader, RCAST_OUTPUT, data, n_bytes);
	}
	cr_expect_eq(rcast_reader_lost_bytes(reader), 0);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

/* A reservation claims more than is used, and may claim past the end of the lap: the next record must still close it. */
HARNESS_TEST(producer, reservations_larger_than_their_use_keep_the_ring_in_order)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, false);
	struct rcast_reader *reader = open_reader(writer);
	char data[4096];

	for (int i = 0; i < 50000; i++) {
		size_t used = (size_t)(i * 29) % 97 * 8;
		size_t to_lap_end = RCAST_RING_MIN_BYTES - (size_t)rcast_reader_pos(reader) % RCAST_RING_MIN_BYTES;
		size_t max = to_lap_end - 8 < sizeof data && to_lap_end - 8 >= used ? to_lap_end - 8 : used;
		void *space;

		memset(data, i, used);
		cr_assert_eq(rcast_writer_reserve(writer, max, &space), 0);
		memcpy(space, data, used);
		cr_assert_eq(rcast_writer_commit(writer, RCAST_OUTPUT, used), 0);
		expect_record(reader, RCAST_OUTPUT, data, used);
	}
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, an_uncommitted_reservation_leaves_no_trace)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, false);
	struct rcast_reader *reader = open_reader(writer);
	void *space;

	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(rcast_writer_reserve(writer, 10000, &space), 0);
		memset(space, 0xff, 10000);
		expect_empty(reader);
		cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, "kept", 4), 0);
		expect_record(reader, RCAST_OUTPUT, "kept", 4);
		expect_empty(reader);
	}
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, a_batch_becomes_visible_at_once)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, true);
	struct rcast_reader *reader = open_reader(writer);

	for (int round = 0; round < 2000; round++) {
		rcast_writer_begin_batch(writer);
		for (int i = 0; i < 10; i++) {
			cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, "0123456789ab", (size_t)i), 0);
			expect_empty(reader);
		}
		rcast_writer_end_batch(writer);
		for (int i = 0; i < 10; i++)
			expect_record(reader, RCAST_OUTPUT, "0123456789ab", (size_t)i);
		expect_empty(reader);
	}
	rcast_writer_begin_batch(writer);
	rcast_writer_end_batch(writer);
	expect_empty(reader);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, a_batch_takes_a_quarter_of_the_ring_and_no_more)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, false);
	struct rcast_reader *reader = open_reader(writer);
	char data[1000] = {0};

	for (int round = 0; round < 20; round++) {
		int n = 0, error;

		rcast_writer_begin_batch(writer);
		while ((error = rcast_writer_put(writer, RCAST_OUTPUT, data, sizeof data)) == 0)
			n++;
		cr_assert_eq(error, -EMSGSIZE);
		cr_assert(n >= 1 && n <= 16, "%d records in a batch", n);
		rcast_writer_end_batch(writer);
		for (int i = 0; i < n; i++)
			expect_record(reader, RCAST_OUTPUT, data, sizeof data);
		expect_empty(reader);
	}
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, a_hold_stops_the_writer_before_what_is_held)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, false);
	struct rcast_reader *reader = open_reader(writer);
	struct rcast_record record;
	char data[1000] = {0};
	int n = 0, n_read = 0;

	rcast_writer_hold(writer, 0);
	while (rcast_writer_put(writer, RCAST_OUTPUT, data, sizeof data) == 0)
		n++;
	cr_expect_eq(rcast_writer_put(writer, RCAST_OUTPUT, data, sizeof data), -EAGAIN);
	cr_expect_gt(n, 60, "only %d KB fit into the ring", n);
	while (rcast_reader_peek(reader, &record) == RCAST_RECORD && rcast_reader_release(reader) == RCAST_RECORD)
		n_read++;
	cr_expect_eq(n_read, n);
	rcast_writer_hold(writer, rcast_reader_pos(reader));
	cr_expect_eq(rcast_writer_put(writer, RCAST_OUTPUT, data, sizeof data), 0);
	expect_record(reader, RCAST_OUTPUT, data, sizeof data);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, a_hold_counts_in_every_lap)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, true);
	struct rcast_reader *reader = open_reader(writer);
	struct rcast_record record;
	uint64_t n_put = 0, n_read = 0;
	char data[777] = {0};

	while (n_put < 5000) {
		rcast_writer_hold(writer, rcast_reader_pos(reader));
		while (rcast_writer_put(writer, RCAST_OUTPUT, data, n_put % sizeof data) == 0)
			n_put++;
		for (int i = 0; i < 7; i++, n_read++) {
			cr_assert_eq(rcast_reader_peek(reader, &record), RCAST_RECORD);
			cr_assert_eq(record.sequence, n_read);
			cr_assert_eq(rcast_reader_release(reader), RCAST_RECORD);
		}
	}
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

/* Read to the end; the number of records. */
static int read_all(struct rcast_reader *reader, uint8_t *end_kind)
{
	struct rcast_record record;
	int n = 0, outcome;

	while ((outcome = rcast_reader_peek(reader, &record)) == RCAST_RECORD) {
		cr_assert_eq(rcast_reader_release(reader), RCAST_RECORD);
		n++;
	}
	cr_assert_eq(outcome, RCAST_ENDED);
	cr_assert_eq(record.pos, rcast_reader_pos(reader));
	*end_kind = record.kind;
	return n;
}

HARNESS_TEST(producer, the_end_is_final_needs_no_room_and_breaks_no_hold)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, true);
	struct rcast_reader *reader = open_reader(writer);
	struct rcast_writer_state state;
	uint8_t kind;
	void *space;
	int n = 0;

	rcast_writer_hold(writer, 0);
	while (rcast_writer_put(writer, RCAST_OUTPUT, "0123456789abcdef", 16) == 0)
		n++;
	cr_assert_eq(rcast_writer_end(writer), 0);
	cr_expect_eq(rcast_writer_end(writer), -ENODATA);
	cr_expect_eq(rcast_writer_put(writer, RCAST_OUTPUT, "x", 1), -ENODATA);
	cr_expect_eq(rcast_writer_put(writer, RCAST_OUTPUT, "", 0), -ENODATA);
	cr_expect_eq(rcast_writer_reserve(writer, 1, &space), -ENODATA);
	cr_expect_eq(read_all(reader, &kind), n, "nothing that was held is lost by the end");
	cr_expect_eq(kind, RCAST_END);
	rcast_writer_get_state(writer, &state);
	cr_expect(state.ended);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, the_end_completes_a_batch_and_no_batch_revives_it)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, false);
	struct rcast_reader *reader = open_reader(writer);
	uint8_t kind;

	rcast_writer_begin_batch(writer);
	cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, "x", 1), 0);
	cr_assert_eq(rcast_writer_end_moved(writer), 0);
	rcast_writer_end_batch(writer);
	cr_expect_eq(rcast_writer_put(writer, RCAST_OUTPUT, "x", 1), -ENODATA);
	rcast_writer_begin_batch(writer);
	cr_expect_eq(rcast_writer_put(writer, RCAST_OUTPUT, "x", 1), -ENODATA);
	cr_expect_eq(read_all(reader, &kind), 1);
	cr_expect_eq(kind, RCAST_MOVED);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, an_empty_stream_can_end)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, true);
	struct rcast_reader *reader = open_reader(writer);
	uint8_t kind;

	cr_assert_eq(rcast_writer_end(writer), 0);
	cr_expect_eq(read_all(reader, &kind), 0);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, commits_of_what_was_not_reserved_are_refused)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, false);
	struct rcast_reader *reader = open_reader(writer);
	void *space;

	cr_expect_eq(rcast_writer_commit(writer, RCAST_OUTPUT, 1), -EINVAL);
	cr_assert_eq(rcast_writer_reserve(writer, 100, &space), 0);
	cr_expect_eq(rcast_writer_commit(writer, RCAST_OUTPUT, 101), -EINVAL);
	cr_expect_eq(rcast_writer_commit(writer, RCAST_PADDING, 1), -EINVAL);
	cr_expect_eq(rcast_writer_commit(writer, 0, 0), -EINVAL);
	memset(space, 'y', 100);
	cr_expect_eq(rcast_writer_commit(writer, RCAST_OUTPUT, 100), 0);
	cr_expect_eq(rcast_writer_commit(writer, RCAST_OUTPUT, 100), -EINVAL);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

/* The padding that a lap needs before the first record of a batch does not count against the batch. */
HARNESS_TEST(producer, the_longest_record_fits_into_any_empty_batch)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, false);
	struct rcast_reader *reader = open_reader(writer);
	static char longest[RCAST_RING_MIN_BYTES / 4];
	size_t max = rcast_writer_max_bytes(writer);

	for (int i = 0; i < 200; i++) {
		cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, longest, (size_t)i * 8), 0);
		expect_record(reader, RCAST_OUTPUT, longest, (size_t)i * 8);
		rcast_writer_begin_batch(writer);
		cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, longest, max), 0);
		rcast_writer_end_batch(writer);
		expect_record(reader, RCAST_OUTPUT, longest, max);
	}
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(producer, stamps_count_records_and_output)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, true);
	struct rcast_reader *reader = open_reader(writer);
	struct rcast_writer_state state;
	struct rcast_record record;
	uint64_t output = 0, time_ns = 0;

	for (uint64_t i = 0; i < 5000; i++) {
		uint8_t kind = i % 3 ? RCAST_OUTPUT : RCAST_MARKER;

		cr_assert_eq(rcast_writer_put(writer, kind, "0123456789", i % 10), 0);
		uint64_t before = rcast_reader_pos(reader);

		cr_assert_eq(rcast_reader_peek(reader, &record), RCAST_RECORD);
		cr_assert_eq(record.pos, before, "each record starts where the one before it ended");
		cr_assert(record.stamped);
		cr_assert_eq(record.sequence, i);
		cr_assert_eq(record.output_pos, output);
		cr_assert(record.time_ns >= time_ns);
		cr_assert_eq(rcast_reader_release(reader), RCAST_RECORD);
		cr_assert_eq(rcast_reader_pos(reader), record.next_pos);
		time_ns = record.time_ns;
		output += kind == RCAST_OUTPUT ? i % 10 : 0;
	}
	rcast_writer_get_state(writer, &state);
	cr_expect_eq(state.n_records, 5000);
	cr_expect_eq(state.n_output, output);
	cr_expect_eq(state.next_pos, rcast_reader_pos(reader));
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

/* Padding belongs to the record behind it: a reader that has read everything stands where the writer says that it stands. */
HARNESS_TEST(producer, stands_where_a_level_reader_does_also_when_a_reservation_was_given_up)
{
	struct rcast_writer *writer = open_writer(RCAST_RING_MIN_BYTES, false);
	struct rcast_reader *reader = open_reader(writer);
	size_t max = rcast_writer_max_bytes(writer);
	struct rcast_writer_state state;
	struct rcast_record record;
	uint64_t n_given_up_at_the_end = 0;
	char bytes[1000] = {0};
	void *space;

	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(rcast_writer_reserve(writer, max, &space), 0);
		rcast_writer_get_state(writer, &state);
		cr_assert_eq(state.next_pos, rcast_reader_pos(reader));
		cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, bytes, sizeof bytes), 0);
		cr_assert_eq(rcast_reader_peek(reader, &record), RCAST_RECORD);
		cr_assert_eq(rcast_reader_release(reader), RCAST_RECORD);
		rcast_writer_get_state(writer, &state);
		cr_assert_eq(state.next_pos, rcast_reader_pos(reader));
		n_given_up_at_the_end += record.next_pos - record.pos > sizeof bytes + 8;
	}
	cr_expect_gt(n_given_up_at_the_end, 5);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}
