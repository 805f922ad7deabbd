/* SPDX-License-Identifier: MIT */
/* A stream that goes on in another ring: rcast_writer_move and rcast_reader_move_take. */
#include "harness.h"

#include <ringcast/ring.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { KEEP_ALL = 1 << 30 };

static struct rcast_writer *writer;
static struct rcast_writer_state state;

static struct rcast_writer *make(uint64_t capacity)
{
	struct rcast_writer_options options = {.capacity_bytes = capacity, .stamped = true};
	struct rcast_writer *made;

	cr_assert_eq(rcast_writer_create(&options, &made), 0);
	return made;
}

/* The writer is another one now. */
static void move(uint64_t capacity, uint64_t keep_bytes)
{
	struct rcast_writer *next = make(capacity);

	cr_assert_eq(rcast_writer_move(writer, next, keep_bytes), 0);
	rcast_writer_free(writer);
	writer = next;
}

static struct rcast_reader *open_reader(void)
{
	struct rcast_reader *reader;

	cr_assert_eq(rcast_reader_open_take(rcast_writer_dup_fd(writer), &reader), 0);
	return reader;
}

/* A record that its number tells. */
static void put(uint64_t number, size_t n_bytes)
{
	static char data[1 << 20];

	memset(data, (int)(number * 31 & 0xff), n_bytes);
	cr_assert_eq(rcast_writer_put(writer, RCAST_OUTPUT, data, n_bytes), 0);
}

/* All that is to be had: whole records whose numbers follow each other. Returns what peek said at last. */
static int follow(struct rcast_reader *reader, uint64_t *number)
{
	static char data[1 << 20];
	struct rcast_record record;
	int outcome;

	while ((outcome = rcast_reader_read(reader, data, sizeof data, &record)) == RCAST_RECORD) {
		cr_assert_eq(record.sequence, *number, "record %llu where %llu was due", (unsigned long long)record.sequence,
			     (unsigned long long)*number);
		for (size_t i = 0; i < record.n_bytes; i++)
			cr_assert_eq((uint8_t)data[i], (uint8_t)(*number * 31));
		++*number;
	}
	if (outcome == RCAST_ENDED)
		cr_assert_eq(record.kind, RCAST_MOVED);
	return outcome;
}

HARNESS_TEST(move, counts_and_positions_go_on)
{
	struct rcast_writer_state before;

	writer = make(0);
	for (uint64_t i = 0; i < 10; i++)
		put(i, 100);
	rcast_writer_get_state(writer, &before);
	move(0, KEEP_ALL);
	rcast_writer_get_state(writer, &state);
	cr_assert_eq(state.next_pos, before.next_pos);
	cr_assert_eq(state.first_pos, before.first_pos);
	cr_assert_eq(state.n_records, 10);
	cr_assert_eq(state.n_output, 1000);
	cr_assert(!state.ended);
	rcast_writer_free(writer);
}

/* Many moves at random moments, to rings alike and to others; who follows loses nothing, who joins finds whole records. */
static void expect_nothing_lost(const uint64_t *capacities, size_t n_capacities, size_t max_bytes, uint64_t keep_bytes)
{
	uint64_t written = 0, read = 0, joined;
	struct rcast_reader *reader, *late;

	writer = make(capacities[0]);
	reader = open_reader();
	for (int round = 1; round < 400; round++) {
		for (int n = rand() % 40; n > 0; n--) {
			put(written++, (size_t)rand() % max_bytes);
			/* Behind, but never by a lap of the smallest ring. */
			if ((written - read + 2) * (max_bytes + 32) > RCAST_RING_MIN_BYTES / 2)
				cr_assert_eq(follow(reader, &read), RCAST_EMPTY);
		}
		cr_assert_eq(follow(reader, &read), RCAST_EMPTY);
		move(capacities[(size_t)round % n_capacities], keep_bytes);
		late = open_reader();
		rcast_writer_get_state(writer, &state);
		cr_assert_eq(rcast_reader_pos(late), state.first_pos);
		if (state.first_pos < state.next_pos) {
			struct rcast_record record;

			cr_assert_eq(rcast_reader_peek(late, &record), RCAST_RECORD);
			joined = record.sequence;
			cr_assert_eq(follow(late, &joined), RCAST_EMPTY);
			cr_assert_eq(joined, written);
		}
		rcast_reader_close(late);
		put(written++, (size_t)rand() % max_bytes);
		cr_assert_eq(follow(reader, &read), RCAST_ENDED);
		cr_assert_eq(rcast_reader_move_take(reader, rcast_writer_dup_fd(writer)), 0);
	}
	cr_assert_eq(follow(reader, &read), RCAST_EMPTY);
	cr_assert_eq(read, written);
	cr_assert_eq(rcast_reader_lost_bytes(reader), 0);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

HARNESS_TEST(move, rings_alike_keep_their_records)
{
	expect_nothing_lost((uint64_t[]){RCAST_RING_MIN_BYTES}, 1, 3000, KEEP_ALL);
}

HARNESS_TEST(move, a_part_can_be_kept)
{
	expect_nothing_lost((uint64_t[]){RCAST_RING_MIN_BYTES}, 1, 3000, 10000);
	expect_nothing_lost((uint64_t[]){RCAST_RING_MIN_BYTES}, 1, 300, 0);
	expect_nothing_lost((uint64_t[]){RCAST_RING_MIN_BYTES}, 1, 15000, 100);
}

HARNESS_TEST(move, rings_of_all_sizes)
{
	expect_nothing_lost((uint64_t[]){RCAST_RING_MIN_BYTES, RCAST_RING_MIN_BYTES * 4, RCAST_RING_MIN_BYTES * 2}, 3, 1500,
			    KEEP_ALL);
}

/*
 * Behind a move, at whatever place of a chunk: a reader that stands still must be told that it was lapped before it can see
 * anything else, record by record.
 */
HARNESS_TEST(move, a_lap_after_a_move_is_noticed)
{
	struct rcast_record record;
	static char data[1 << 16];

	for (int lead = 0; lead < 200; lead++) {
		uint64_t first, number = 0;
		struct rcast_reader *reader;
		int outcome = RCAST_RECORD;

		writer = make(RCAST_RING_MIN_BYTES);
		for (int i = 0; i < lead; i++)
			put(number++, 40);
		move(RCAST_RING_MIN_BYTES * 2, KEEP_ALL);
		reader = open_reader();
		first = number;
		while (outcome == RCAST_RECORD && number - first < 10000) {
			put(number++, 40);
			outcome = rcast_reader_peek(reader, &record);
			if (outcome == RCAST_RECORD)
				cr_assert_eq(record.sequence, first);
		}
		cr_assert_eq(outcome, RCAST_LAPPED);
		cr_assert_eq(rcast_reader_read(reader, data, sizeof data, &record), RCAST_RECORD);
		cr_assert_eq(record.pos, rcast_reader_get_gap(reader).to_pos);
		rcast_reader_close(reader);
		rcast_writer_free(writer);
	}
}

/* What the new ring does not hold is a gap, told exactly. */
HARNESS_TEST(move, positions_before_the_first_are_lost)
{
	struct rcast_reader *reader;
	struct rcast_record record;
	uint64_t first;

	writer = make(RCAST_RING_MIN_BYTES);
	for (uint64_t i = 0; i < 10; i++)
		put(i, 100);
	move(RCAST_RING_MIN_BYTES, 300);
	rcast_writer_get_state(writer, &state);
	first = state.first_pos;
	cr_assert_gt(first, 0);
	for (uint64_t pos = 0; pos < first; pos += 8) {
		reader = open_reader();
		cr_assert_eq(rcast_reader_seek(reader, RCAST_FROM_POS, pos), 0);
		cr_assert_eq(rcast_reader_peek(reader, &record), RCAST_LAPPED);
		cr_assert_eq(rcast_reader_get_gap(reader).from_pos, pos);
		cr_assert_eq(rcast_reader_get_gap(reader).to_pos, first);
		rcast_reader_close(reader);
	}
	rcast_writer_free(writer);
}

HARNESS_TEST(move, refuses_what_cannot_be)
{
	struct rcast_writer *used = make(0), *plain, *next = make(0);
	struct rcast_reader *reader;

	writer = make(0);
	cr_assert_eq(rcast_writer_create(NULL, &plain), 0);
	cr_assert_eq(rcast_writer_put(used, RCAST_OUTPUT, "x", 1), 0);
	cr_assert_eq(rcast_writer_move(writer, writer, 0), -EINVAL);
	cr_assert_eq(rcast_writer_move(writer, used, 0), -EINVAL);
	cr_assert_eq(rcast_writer_move(writer, plain, 0), -EINVAL);
	put(0, 10);
	reader = open_reader();
	cr_assert_eq(rcast_reader_move_take(reader, open("/dev/null", O_RDONLY | O_CLOEXEC)), -EPROTO);
	cr_assert_eq(rcast_reader_move_take(reader, -1), -EPROTO);
	cr_assert_eq(follow(reader, &(uint64_t){0}), RCAST_EMPTY, "it stands where it stood");
	cr_assert_eq(rcast_writer_end(writer), 0);
	cr_assert_eq(rcast_writer_move(writer, next, 0), -ENODATA);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
	rcast_writer_free(used);
	rcast_writer_free(plain);
	rcast_writer_free(next);
}

/* From the first record on each ring takes records of a quarter of its own length, whatever the one before it took. */
HARNESS_TEST(move, the_longest_record_is_that_of_the_ring_at_hand)
{
	const uint64_t capacities[] = {RCAST_RING_MIN_BYTES, RCAST_RING_MIN_BYTES << 4, RCAST_RING_MIN_BYTES << 2};
	struct rcast_reader *reader;
	uint64_t number = 0, expected = 0;

	writer = make(capacities[0]);
	reader = open_reader();
	for (size_t i = 0; i < 3; i++) {
		if (i > 0) {
			move(capacities[i], 0);
			cr_assert_eq(follow(reader, &expected), RCAST_ENDED);
			cr_assert_eq(rcast_reader_move_take(reader, rcast_writer_dup_fd(writer)), 0);
		}
		for (int k = 0; k < 12; k++) {
			put(number++, k % 2 ? 100 : rcast_writer_max_bytes(writer));
			cr_assert_eq(follow(reader, &expected), RCAST_EMPTY);
			cr_assert_eq(expected, number);
		}
	}
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

/* The writer rests behind padding, whose record has not come, and the reader before it. */
static struct rcast_reader *rest_behind_padding(uint64_t *read)
{
	struct rcast_reader *reader;
	uint64_t written = 0;
	void *space;

	writer = make(RCAST_RING_MIN_BYTES);
	reader = open_reader();
	do {
		put(written++, 1000);
		cr_assert_eq(follow(reader, read), RCAST_EMPTY);
		cr_assert_eq(rcast_writer_reserve(writer, rcast_writer_max_bytes(writer), &space), 0);
		rcast_writer_get_state(writer, &state);
	} while (state.next_pos < RCAST_RING_MIN_BYTES - rcast_writer_max_bytes(writer));
	cr_assert_eq(rcast_reader_pos(reader), state.next_pos);
	return reader;
}

/* Who joins there stands where the ring begins, and is level with who has followed once there is a record. */
static void expect_level(struct rcast_reader *reader, uint64_t read, uint64_t capacity, uint64_t keep_bytes)
{
	uint64_t stood = rcast_reader_pos(reader), joined;
	struct rcast_reader *late;
	struct rcast_record record;

	move(capacity, keep_bytes);
	cr_assert_eq(follow(reader, &read), RCAST_ENDED);
	cr_assert_eq(rcast_reader_move_take(reader, rcast_writer_dup_fd(writer)), 0);
	late = open_reader();
	rcast_writer_get_state(writer, &state);
	cr_expect_eq(rcast_reader_pos(late), state.first_pos);
	cr_expect(state.first_pos == state.next_pos || (state.first_pos < state.next_pos && state.next_pos == stood));

	put(read, 0);
	rcast_writer_get_state(writer, &state);
	cr_assert_eq(rcast_reader_peek(reader, &record), RCAST_RECORD);
	cr_expect_eq(record.pos, stood);
	cr_assert_eq(follow(reader, &read), RCAST_EMPTY);
	cr_expect_eq(rcast_reader_pos(reader), state.next_pos);
	cr_expect_eq(rcast_reader_lost_bytes(reader), 0);
	cr_assert_eq(rcast_reader_peek(late, &record), RCAST_RECORD);
	joined = record.sequence;
	cr_assert_eq(follow(late, &joined), RCAST_EMPTY);
	cr_expect_eq(rcast_reader_pos(late), state.next_pos);
	rcast_reader_close(late);
}

HARNESS_TEST(move, padding_without_a_record_may_be_left_behind)
{
	static const struct {
		uint64_t capacity, keep_bytes;
	} moves[] = {
		{RCAST_RING_MIN_BYTES, KEEP_ALL}, {RCAST_RING_MIN_BYTES, 5000},         {RCAST_RING_MIN_BYTES, 0},
		{RCAST_RING_MIN_BYTES * 2, 0},    {RCAST_RING_MIN_BYTES * 8, KEEP_ALL},
	};

	for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
		uint64_t read = 0;
		struct rcast_reader *reader = rest_behind_padding(&read);

		expect_level(reader, read, moves[i].capacity, moves[i].keep_bytes);
		rcast_reader_close(reader);
		rcast_writer_free(writer);
	}
}
