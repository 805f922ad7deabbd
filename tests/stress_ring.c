/* SPDX-License-Identifier: MIT */
/*
 * The library's ring at full speed between threads: one writer, readers that peek, readers that copy, readers that sleep,
 * one that keeps falling asleep over its work and is lapped. Every record is a function of its sequence number, so any torn,
 * lost, doubled or invented byte shows. It goes on until each reader has read many records, and the slow one was lapped
 * often; then the writer ends the stream and every reader must reach the end with its accounts in balance:
 * bytes delivered + bytes of the gaps = bytes written, and no record missing but in a gap.
 *
 * Under ThreadSanitizer this shows races in the library's own state. It cannot show those of the shared memory, of which there
 * is a mapping for each reader.
 */
#include <ringcast/ring.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "must.h"

#define N_READERS 4
#define ENOUGH_RECORDS 50000u
#define ENOUGH_LAPS 20u
#define END_BYTES 8u /* the record that ends the stream */

struct follower_of {
	const char *name;
	void (*take)(struct follower_of *self);
	struct rcast_reader *reader;
	struct rcast_follower *follower;
	uint64_t delivered_bytes; /* of ring */
	uint64_t expected_pos, next_sequence;
	_Atomic uint64_t n_records, n_laps;
	bool just_lapped, ended;
};

static uint32_t length_of(uint64_t sequence)
{
	return (uint32_t)(sequence * 2654435761u % 301);
}

static char byte_of(uint64_t sequence, uint32_t at)
{
	return (char)(sequence * 31 + at);
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void check_bytes(const char *data, uint32_t n_bytes, uint64_t sequence)
{
	must(n_bytes == length_of(sequence));
	for (uint32_t i = 0; i < n_bytes; i++)
		must(data[i] == byte_of(sequence, i));
}

static void account(struct follower_of *self, const struct rcast_record *record)
{
	must(self->just_lapped ? record->sequence >= self->next_sequence : record->sequence == self->next_sequence);
	must(record->pos == self->expected_pos);
	self->just_lapped = false;
	self->next_sequence = record->sequence + 1;
	self->delivered_bytes += record->next_pos - record->pos;
	self->expected_pos = record->next_pos;
	count(&self->n_records);
}

static void sleep_or_end(struct follower_of *self, int outcome)
{
	if (outcome == RCAST_LAPPED) {
		struct rcast_gap gap = rcast_reader_get_gap(self->reader);

		must(gap.from_pos == self->expected_pos && gap.to_pos > gap.from_pos);
		self->expected_pos = gap.to_pos;
		self->just_lapped = true;
		count(&self->n_laps);
	} else if (outcome == RCAST_EMPTY)
		rcast_reader_wait(self->reader, 1000);
	else
		must(outcome == RCAST_ENDED);
	self->ended = outcome == RCAST_ENDED;
}

static void take_a_copy(struct follower_of *self)
{
	struct rcast_record record;
	char buffer[512];
	int outcome = rcast_reader_read(self->reader, buffer, sizeof buffer, &record);

	if (outcome != RCAST_RECORD) {
		sleep_or_end(self, outcome);
		return;
	}
	check_bytes(buffer, record.n_bytes, record.sequence);
	account(self, &record);
}

/* What is seen in place counts only once it was released. */
static void take_in_place(struct follower_of *self)
{
	struct rcast_record record;
	char copy[512];
	int outcome = rcast_reader_peek(self->reader, &record);

	if (outcome == RCAST_RECORD) {
		uint32_t n_bytes = record.n_bytes < sizeof copy ? record.n_bytes : sizeof copy;

		memcpy(copy, record.data, n_bytes);
		outcome = rcast_reader_release(self->reader);
	}
	if (outcome != RCAST_RECORD) {
		sleep_or_end(self, outcome);
		return;
	}
	check_bytes(copy, record.n_bytes, record.sequence);
	account(self, &record);
}

static void take_now_and_then(struct follower_of *self)
{
	for (int i = 0; i < 100 && !self->ended; i++)
		take_a_copy(self);
	poll(NULL, 0, 1);
}

static void *run_reader(void *argument)
{
	struct follower_of *self = argument;

	while (!self->ended)
		self->take(self);
	return NULL;
}

static struct follower_of readers[N_READERS] = {
	{.name = "copying", .take = take_a_copy},
	{.name = "in place", .take = take_in_place},
	{.name = "copying too", .take = take_a_copy},
	{.name = "slow", .take = take_now_and_then},
};

static void open_reader(struct follower_of *self, struct rcast_writer *writer)
{
	struct rcast_cursor *cursor;
	int wake_fd;

	must(rcast_reader_open_take(rcast_writer_dup_fd(writer), &self->reader) == 0);
	must(rcast_cursor_create(&cursor) == 0);
	must(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &self->follower, &wake_fd) == 0);
	must(rcast_reader_follow_take(self->reader, cursor, wake_fd) == 0);
}

static bool have_seen_enough(void)
{
	for (int i = 0; i < N_READERS; i++)
		if (atomic_load(&readers[i].n_records) < ENOUGH_RECORDS)
			return false;
	return atomic_load(&readers[N_READERS - 1].n_laps) >= ENOUGH_LAPS;
}

static void write_record(struct rcast_writer *writer, uint64_t sequence)
{
	uint32_t n_bytes = length_of(sequence);
	char data[512];

	for (uint32_t i = 0; i < n_bytes; i++)
		data[i] = byte_of(sequence, i);
	must(rcast_writer_put(writer, RCAST_APPLICATION, data, n_bytes) == 0);
}

static void write_all(struct rcast_writer *writer)
{
	struct rcast_follower *followers[N_READERS];

	for (int i = 0; i < N_READERS; i++)
		followers[i] = readers[i].follower;
	for (uint64_t sequence = 0; sequence % 64 != 0 || !have_seen_enough(); sequence++) {
		if (sequence % 64 == 0)
			rcast_writer_begin_batch(writer);
		write_record(writer, sequence);
		if (sequence % 64 == 15)
			rcast_writer_end_batch(writer);
		if (sequence % 4 == 3)
			rcast_notify(followers, N_READERS);
	}
	must(rcast_writer_end(writer) == 0);
	rcast_notify(followers, N_READERS);
}

int main(void)
{
	struct rcast_writer_options options = {.capacity_bytes = RCAST_RING_MIN_BYTES, .stamped = true};
	struct rcast_writer_state state;
	struct rcast_writer *writer;
	pthread_t threads[N_READERS];

	must(rcast_writer_create(&options, &writer) == 0);
	for (int i = 0; i < N_READERS; i++)
		open_reader(&readers[i], writer);
	for (int i = 0; i < N_READERS; i++)
		pthread_create(&threads[i], NULL, run_reader, &readers[i]);
	write_all(writer);
	rcast_writer_get_state(writer, &state);
	for (int i = 0; i < N_READERS; i++) {
		struct follower_of *self = &readers[i];
		uint64_t lost = 0;

		pthread_join(threads[i], NULL);
		lost = rcast_reader_lost_bytes(self->reader);
		printf("%s: %llu records, lapped %llu times, %llu bytes lost\n", self->name,
		       (unsigned long long)self->n_records, (unsigned long long)self->n_laps, (unsigned long long)lost);
		must(self->next_sequence == state.n_records);
		must(self->delivered_bytes + lost + END_BYTES == state.next_pos);
		rcast_reader_close(self->reader);
		rcast_follower_free(self->follower);
	}
	rcast_writer_free(writer);
	return 0;
}
