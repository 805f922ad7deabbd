/* SPDX-License-Identifier: MIT */
/*
 * Readers of an honest writer that laps them, and of a ring whose bytes a hostile writer chose. For the latter the test keeps
 * the writable mapping of a sealed memfd, as only the ring's creator can.
 */
#include "harness.h"

#include "ring/memory.h"

#include <ringcast/ring.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CAPACITY RCAST_RING_MIN_BYTES

struct pair {
	struct rcast_writer *writer;
	struct rcast_reader *reader;
};

static struct pair open_pair(void)
{
	struct rcast_writer_options options = {.capacity_bytes = CAPACITY, .stamped = true};
	struct pair pair;

	cr_assert_eq(rcast_writer_create(&options, &pair.writer), 0);
	cr_assert_eq(rcast_reader_open_take(rcast_writer_dup_fd(pair.writer), &pair.reader), 0);
	return pair;
}

static void close_pair(struct pair pair)
{
	rcast_reader_close(pair.reader);
	rcast_writer_free(pair.writer);
}

static void put_numbers(struct rcast_writer *writer, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, &i, sizeof i), 0);
}

/* Read one record that put_numbers put. */
static uint64_t read_number(struct rcast_reader *reader)
{
	struct rcast_record record;
	uint64_t number;

	cr_assert_eq(rcast_reader_read(reader, &number, sizeof number, &record), RCAST_RECORD);
	cr_assert_eq(record.n_bytes, sizeof number);
	cr_assert_eq(record.sequence, number);
	return number;
}

HARNESS_TEST(reader, a_lap_is_told_once_with_the_exact_gap)
{
	struct pair pair = open_pair();
	struct rcast_writer_state state;
	struct rcast_record record;
	struct rcast_gap gap;
	uint64_t number, buffer;

	put_numbers(pair.writer, 0, 100);
	for (uint64_t i = 0; i < 40; i++)
		cr_assert_eq(read_number(pair.reader), i);
	put_numbers(pair.writer, 100, 10000);
	cr_assert_eq(rcast_reader_read(pair.reader, &buffer, sizeof buffer, &record), RCAST_LAPPED);
	gap = rcast_reader_get_gap(pair.reader);
	rcast_writer_get_state(pair.writer, &state);
	cr_expect_eq(gap.from_pos, 40 * 40);
	cr_expect_eq(gap.to_pos, state.first_pos);
	cr_expect_eq(rcast_reader_lost_bytes(pair.reader), gap.to_pos - gap.from_pos);
	cr_expect_geq(gap.to_pos + CAPACITY, state.next_pos, "more was given up than the ring needed");
	cr_expect_leq(state.next_pos - gap.to_pos, CAPACITY);
	number = read_number(pair.reader);
	cr_expect_gt(number, 40);
	while (++number < 10000)
		cr_assert_eq(read_number(pair.reader), number);
	cr_expect_eq(rcast_reader_peek(pair.reader, &record), RCAST_EMPTY);
	cr_expect_eq(rcast_reader_pos(pair.reader), state.next_pos);
	close_pair(pair);
}

HARNESS_TEST(reader, release_says_whether_what_was_peeked_is_still_there)
{
	struct pair pair = open_pair();
	struct rcast_record record;

	put_numbers(pair.writer, 0, 10);
	cr_assert_eq(rcast_reader_release(pair.reader), -EINVAL);
	cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_RECORD);
	cr_assert_eq(rcast_reader_intact(pair.reader), RCAST_RECORD);
	put_numbers(pair.writer, 10, 5000);
	cr_assert_eq(rcast_reader_intact(pair.reader), RCAST_LAPPED);
	cr_expect_eq(rcast_reader_get_gap(pair.reader).from_pos, 0);
	cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_RECORD);
	put_numbers(pair.writer, 5000, 10000);
	cr_assert_eq(rcast_reader_release(pair.reader), RCAST_LAPPED);
	cr_expect_eq(rcast_reader_get_gap(pair.reader).from_pos, record.pos, "the torn record belongs to the gap");
	close_pair(pair);
}

HARNESS_TEST(reader, a_buffer_too_small_is_no_loss)
{
	struct pair pair = open_pair();
	struct rcast_record record;
	char buffer[8];

	cr_assert_eq(rcast_writer_put(pair.writer, RCAST_OUTPUT, "123456789", 9), 0);
	cr_assert_eq(rcast_reader_read(pair.reader, buffer, sizeof buffer, &record), -EMSGSIZE);
	cr_assert_eq(record.n_bytes, 9);
	cr_assert_eq(rcast_reader_read(pair.reader, (char[9]){0}, 9, &record), RCAST_RECORD);
	close_pair(pair);
}

HARNESS_TEST(reader, seeks_to_the_oldest_the_newest_and_a_position)
{
	struct pair pair = open_pair();
	struct rcast_record record;
	struct rcast_writer_state state;
	uint64_t pos_of_9000;

	put_numbers(pair.writer, 0, 9000);
	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_NEWEST, 0), 0);
	pos_of_9000 = rcast_reader_pos(pair.reader);
	cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_EMPTY);
	put_numbers(pair.writer, 9000, 10000);
	cr_assert_eq(read_number(pair.reader), 9000);

	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_OLDEST, 0), 0);
	rcast_writer_get_state(pair.writer, &state);
	cr_expect_eq(rcast_reader_pos(pair.reader), state.first_pos);

	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_POS, pos_of_9000), 0);
	cr_expect_eq(read_number(pair.reader), 9000);
	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_POS, pos_of_9000 + 1), 0);
	cr_expect_eq(read_number(pair.reader), 9001, "between records: the next one");
	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_POS, state.next_pos), 0);
	cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_EMPTY);

	cr_expect_eq(rcast_reader_seek(pair.reader, RCAST_FROM_POS, state.next_pos + 8), -EINVAL);
	cr_expect_eq(rcast_reader_pos(pair.reader), state.next_pos, "a refused seek moves nothing");
	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_OLDEST, 0), 0);
	cr_expect_eq(rcast_reader_seek(pair.reader, RCAST_FROM_POS, UINT64_MAX), -EINVAL);
	cr_expect_eq(rcast_reader_pos(pair.reader), state.first_pos, "a refused seek moves nothing");

	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_POS, 80), 0);
	cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_LAPPED);
	cr_expect_eq(rcast_reader_get_gap(pair.reader).from_pos, 80);
	cr_expect_eq(rcast_reader_get_gap(pair.reader).to_pos, state.first_pos);
	close_pair(pair);
}

HARNESS_TEST(reader, seeks_in_an_ended_and_in_an_empty_ring)
{
	struct pair pair = open_pair();
	struct rcast_record record;

	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_NEWEST, 0), 0);
	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_POS, 0), 0);
	cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_EMPTY);
	put_numbers(pair.writer, 0, 10);
	cr_assert_eq(rcast_writer_end(pair.writer), 0);
	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_NEWEST, 0), 0);
	cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_ENDED);
	cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_ENDED);
	cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_OLDEST, 0), 0);
	cr_assert_eq(read_number(pair.reader), 0);
	close_pair(pair);
}

/* Where a seek to the newest begins was stored by a claim in the middle of the batch: it must not lie inside. */
HARNESS_TEST(reader, seeks_to_the_newest_while_a_batch_is_open)
{
	struct pair pair = open_pair();
	struct rcast_record record;

	for (int round = 0; round < 50; round++) {
		uint64_t before;

		put_numbers(pair.writer, 0, 10);
		cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_NEWEST, 0), 0);
		before = rcast_reader_pos(pair.reader);
		rcast_writer_begin_batch(pair.writer);
		put_numbers(pair.writer, 10, 200);
		cr_assert_eq(rcast_reader_seek(pair.reader, RCAST_FROM_NEWEST, 0), 0);
		cr_assert_eq(rcast_reader_pos(pair.reader), before);
		cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_EMPTY);
		rcast_writer_end_batch(pair.writer);
		cr_assert_eq(rcast_reader_peek(pair.reader, &record), RCAST_RECORD);
	}
	close_pair(pair);
}

/* ── A hostile writer ────────────────────────────────────────────────────────────────────────────────────────────────── */

struct forged {
	struct rcasti_ring_header *header;
	uint64_t *words;
	int fd;
};

static struct forged forge_ring(size_t capacity)
{
	struct forged forged;
	void *mapping;

	forged.fd = rcasti_memory_create("forged", RCASTI_RING_HEADER_BYTES + capacity, &mapping);
	cr_assert_geq(forged.fd, 0);
	forged.header = mapping;
	forged.words = (uint64_t *)((char *)mapping + RCASTI_RING_HEADER_BYTES);
	forged.header->magic = RCASTI_RING_MAGIC;
	forged.header->version = RCASTI_RING_VERSION;
	forged.header->header_bytes = RCASTI_RING_HEADER_BYTES;
	forged.header->capacity_bytes = capacity;
	forged.header->shared.frontier = 4096;
	return forged;
}

static void unforge(struct forged forged, size_t capacity)
{
	munmap(forged.header, RCASTI_RING_HEADER_BYTES + capacity);
	close(forged.fd);
}

static int open_forged(struct forged forged)
{
	struct rcast_reader *reader;
	int error = rcast_reader_open_take(rcasti_memory_dup_readonly(forged.fd), &reader);

	rcast_reader_close(reader);
	return error;
}

HARNESS_TEST(reader, headers_that_make_no_sense_are_refused_before_use)
{
	struct forged forged = forge_ring(CAPACITY);

	cr_assert_eq(open_forged(forged), 0);
	forged.header->magic ^= 1;
	cr_expect_eq(open_forged(forged), -EPROTO);
	forged.header->magic ^= 1;
	forged.header->version++;
	cr_expect_eq(open_forged(forged), -EPROTO);
	forged.header->version--;
	forged.header->capacity_bytes *= 2;
	cr_expect_eq(open_forged(forged), -EPROTO);
	forged.header->capacity_bytes = CAPACITY;
	forged.header->header_bytes = 8192;
	cr_expect_eq(open_forged(forged), -EPROTO);
	forged.header->header_bytes = RCASTI_RING_HEADER_BYTES;
	forged.header->shared.first = 4;
	cr_expect_eq(open_forged(forged), -EPROTO);
	forged.header->shared.first = UINT64_MAX;
	cr_expect_eq(open_forged(forged), -EPROTO);
	unforge(forged, CAPACITY);
}

HARNESS_TEST(reader, sizes_that_no_ring_has_are_refused)
{
	const size_t sizes[] = {4096, 32768, 98304, 65536 + 4096};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct forged forged = forge_ring(sizes[i]);

		cr_expect_eq(open_forged(forged), -EPROTO, "capacity %zu", sizes[i]);
		unforge(forged, sizes[i]);
	}
}

HARNESS_TEST(reader, malformed_headers_are_protocol_errors_and_nothing_is_read_past_the_ring)
{
	const struct {
		uint64_t pos, header;
	} cases[] = {
		{0, rcasti_header(UINT32_MAX, RCAST_OUTPUT, 0)},
		{0, rcasti_header(CAPACITY / 4, RCAST_OUTPUT, 0)},
		{0, rcasti_header(CAPACITY / 4 - 8, RCAST_OUTPUT, RCASTI_FLAG_STAMPED)},
		{CAPACITY - 64, rcasti_header(57, RCAST_OUTPUT, 0)},
		{CAPACITY - 8, rcasti_header(0, RCAST_OUTPUT, RCASTI_FLAG_STAMPED)},
		{0, rcasti_header(8, RCAST_OUTPUT, 2)},
		{0, rcasti_header(8, 0, 0)},
		{0, rcasti_header(8, 4, 0)},
		{0, rcasti_header(8, RCAST_OUTPUT, 0) | UINT64_C(1) << 63},
		{0, rcasti_header(8, RCAST_PADDING, 0)},
		{CAPACITY - 64, rcasti_header(64, RCAST_PADDING, 0)},
		{CAPACITY / 4, rcasti_header(CAPACITY / 4 * 3 - 8, RCAST_PADDING, 0)},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct forged forged = forge_ring(CAPACITY);
		struct rcast_reader *reader;
		struct rcast_record record;

		forged.header->shared.first = cases[i].pos;
		forged.header->shared.frontier = cases[i].pos;
		forged.words[cases[i].pos / 8] = cases[i].header;
		cr_assert_eq(rcast_reader_open_take(rcasti_memory_dup_readonly(forged.fd), &reader), 0);
		cr_expect_eq(rcast_reader_peek(reader, &record), -EPROTO, "case %zu", i);
		cr_expect_eq(rcast_reader_peek(reader, &record), -EPROTO, "case %zu: and it stays so", i);
		cr_expect_eq(rcast_reader_release(reader), -EINVAL);
		rcast_reader_close(reader);
		unforge(forged, CAPACITY);
	}
}

HARNESS_TEST(reader, frontiers_and_resumes_that_lie_cannot_make_a_loop)
{
	const struct {
		uint64_t frontier, first;
	} lies[] = {{0, 0},
		    {CAPACITY * 4, 0},
		    {CAPACITY * 4, 64},
		    {CAPACITY * 4, 65},
		    {UINT64_MAX, UINT64_MAX},
		    {UINT64_MAX, UINT64_MAX - 7}};

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct forged forged = forge_ring(CAPACITY);
		struct rcast_reader *reader;
		struct rcast_record record;

		forged.header->shared.first = 64;
		forged.header->shared.frontier = 64;
		cr_assert_eq(rcast_reader_open_take(rcasti_memory_dup_readonly(forged.fd), &reader), 0);
		forged.header->shared.frontier = lies[i].frontier;
		forged.header->shared.first = lies[i].first;
		cr_expect_eq(rcast_reader_peek(reader, &record), -EPROTO, "lie %zu", i);
		cr_expect(rcast_reader_seek(reader, RCAST_FROM_POS, UINT64_MAX / 4) < 0 ||
				  rcast_reader_peek(reader, &record) == -EPROTO,
			  "lie %zu", i);
		rcast_reader_close(reader);
		unforge(forged, CAPACITY);
	}
}

/* Every try finds the ring full of tiny records and is overtaken at its end: the tries share one budget. */
HARNESS_TEST(reader, a_seek_looks_at_no_more_headers_than_a_ring_can_hold)
{
	struct forged forged = forge_ring(CAPACITY);
	struct rcast_reader *reader;

	for (size_t i = 0; i < CAPACITY / 8; i++)
		forged.words[i] = rcasti_header(0, RCAST_OUTPUT, 0);
	cr_assert_eq(rcast_reader_open_take(rcasti_memory_dup_readonly(forged.fd), &reader), 0);
	forged.header->shared.frontier = CAPACITY - 16;
	cr_expect_eq(rcast_reader_seek(reader, RCAST_FROM_NEWEST, 0), -EAGAIN);
	cr_expect_eq(rcast_reader_pos(reader), 0);
	rcast_reader_close(reader);
	unforge(forged, CAPACITY);
}

/* Whatever words the ring is filled with, reading ends, within bounds. */
HARNESS_TEST(reader, random_rings_are_read_within_bounds)
{
	struct forged forged = forge_ring(CAPACITY);
	uint64_t random = 88172645463325252u, sum = 0;

	for (int round = 0; round < 300; round++) {
		struct rcast_reader *reader;
		struct rcast_record record;

		for (size_t i = 0; i < CAPACITY / 8; i++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			forged.words[i] =
				random % 3 ? rcasti_header(random >> 20 & 0x3fff, (random >> 40 & 15) + 1, random >> 50 & 1)
					   : random;
		}
		forged.header->shared.first = random % CAPACITY & ~UINT64_C(7);
		forged.header->shared.frontier = forged.header->shared.first;
		cr_assert_eq(rcast_reader_open_take(rcasti_memory_dup_readonly(forged.fd), &reader), 0);
		for (int n = 0; n < 10000 && rcast_reader_peek(reader, &record) == RCAST_RECORD; n++) {
			cr_assert_leq((record.next_pos - 1) % CAPACITY + 1, CAPACITY);
			cr_assert_geq((record.next_pos - 1) % CAPACITY + 1, record.n_bytes + 8u,
				      "it ends behind where it starts");
			for (uint32_t i = 0; i < record.n_bytes; i++)
				sum += ((const unsigned char *)record.data)[i];
			forged.header->shared.frontier = record.next_pos;
			cr_assert_eq(rcast_reader_release(reader), RCAST_RECORD);
		}
		rcast_reader_close(reader);
	}
	cr_expect_neq(sum, 0);
	unforge(forged, CAPACITY);
}

/* Positions have an end, long before they could wrap: records that lead past it are none. */
HARNESS_TEST(reader, positions_that_no_writer_comes_to_are_refused)
{
	const uint64_t limit = UINT64_C(1) << 62;
	struct forged forged = forge_ring(CAPACITY);
	struct rcast_reader *reader;
	struct rcast_record record;
	char byte;

	for (size_t i = 0; i < CAPACITY / 8; i++)
		forged.words[i] = rcasti_header(0, RCAST_OUTPUT, 0);
	forged.header->shared.first = limit;
	forged.header->shared.frontier = limit + CAPACITY;
	cr_assert_eq(rcast_reader_open_take(rcasti_memory_dup_readonly(forged.fd), &reader), 0);
	cr_expect_eq(rcast_reader_read(reader, &byte, 1, &record), RCAST_RECORD);
	cr_expect_eq(rcast_reader_read(reader, &byte, 1, &record), -EPROTO);
	cr_expect_eq(rcast_reader_peek(reader, &record), -EPROTO);
	cr_expect_eq(rcast_reader_move_take(reader, rcasti_memory_dup_readonly(forged.fd)), 0);
	cr_expect_eq(rcast_reader_peek(reader, &record), -EPROTO, "nor in another ring");
	forged.header->shared.first = limit - 16;
	forged.header->shared.frontier = limit;
	cr_expect_eq(rcast_reader_seek(reader, RCAST_FROM_OLDEST, 0), 0);
	cr_expect_eq(rcast_reader_read(reader, &byte, 1, &record), RCAST_RECORD, "before it they are");
	rcast_reader_close(reader);
	unforge(forged, CAPACITY);
}

/* Not from the oldest on, where there is a header in the way. */
HARNESS_TEST(reader, a_seek_to_near_the_writer_begins_there)
{
	const uint64_t recent = CAPACITY / 2;
	struct forged forged = forge_ring(CAPACITY);
	struct rcast_reader *reader;

	for (size_t i = 0; i < CAPACITY / 8; i++)
		forged.words[i] = i < recent / 8 + 4 ? rcasti_header(0, RCAST_OUTPUT, 0) : 0;
	forged.words[1] = UINT64_MAX;
	forged.header->shared.recent = recent;
	forged.header->shared.frontier = CAPACITY;
	cr_assert_eq(rcast_reader_open_take(rcasti_memory_dup_readonly(forged.fd), &reader), 0);
	cr_expect_eq(rcast_reader_seek(reader, RCAST_FROM_POS, recent - 8), -EPROTO);
	cr_expect_eq(rcast_reader_seek(reader, RCAST_FROM_POS, recent), 0);
	cr_expect_eq(rcast_reader_seek(reader, RCAST_FROM_POS, recent + 20), 0);
	cr_expect_eq(rcast_reader_pos(reader), recent + 24);
	cr_expect_eq(rcast_reader_seek(reader, RCAST_FROM_POS, recent + 33), -EINVAL);
	rcast_reader_close(reader);
	unforge(forged, CAPACITY);
}
