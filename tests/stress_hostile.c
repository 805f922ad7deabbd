/* SPDX-License-Identifier: MIT */
/*
 * stress_hostile [READS]: a writer that scribbles over its ring while a reader looks, copies and seeks in it. Prints how often
 * it did which, and how long the longest call took.
 *
 * The scribbler knows where the reader stands and lies about exactly that: headers, frontier, first and recent, laps without
 * end, padding, and now and then enough honesty that the reader gets on. The ring lies between guards and copies go to memory of
 * their own, so that a byte too far is a fault at once; under AddressSanitizer also in the copy. What is asserted is what
 * <ringcast/ring.h> says of outcomes and bounds.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "guarded.h"
#include "must.h"

#include <ringcast/ring.h>

#define CAPACITY RCAST_RING_MIN_BYTES
#define N_WORDS (CAPACITY / RCASTI_WORD)
#define TIME_EVERY 16

static struct rcasti_ring_header *header;
static uint64_t *words;
static int ring_fd;
static _Atomic uint64_t stands_at; /* the reader */
static _Atomic bool over;

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ── The scribbler ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static void store(uint64_t *word, uint64_t value)
{
	rcasti_store(word, value, __ATOMIC_RELAXED);
}

static void scribble_words(uint64_t *state, uint64_t pos)
{
	store(&words[next_random(state) % N_WORDS], next_random(state));
	store(rcasti_word(words, CAPACITY - 1, pos), next_random(state));
}

/* Headers as an honest writer makes them, but for where they are and how long. */
static void scribble_headers(uint64_t *state, uint64_t pos)
{
	uint64_t random = next_random(state);
	uint32_t n_bytes = random & 1 ? (uint32_t)(random >> 32) % CAPACITY : (uint32_t)(random >> 32) % 256;
	uint8_t kind = random & 6 ? RCAST_OUTPUT : (uint8_t)(random >> 16) % 16;

	store(rcasti_word(words, CAPACITY - 1, pos + (random & 8 ? 0 : random >> 8)),
	      rcasti_header(n_bytes, kind, (random >> 4) & RCASTI_FLAG_STAMPED));
}

static void lie_about_positions(uint64_t *state, uint64_t pos)
{
	uint64_t random = next_random(state);

	store(&header->shared.frontier, random & 1 ? next_random(state) : pos + random % (2 * CAPACITY));
	store(&header->shared.first, random & 2 ? next_random(state) : (pos + random % CAPACITY) & ~UINT64_C(7));
	store(&header->shared.recent, random & 4 ? next_random(state) : (pos + random % 512) & ~UINT64_C(7));
}

static void lap_without_end(uint64_t *state, uint64_t pos)
{
	store(&header->shared.first, pos + RCASTI_WORD);
	store(&header->shared.recent, pos + RCASTI_WORD);
	store(&header->shared.frontier, pos + CAPACITY + 4096);
}

static void pad_without_end(uint64_t *state, uint64_t pos)
{
	uint64_t at = pos & (CAPACITY - 1);

	store(rcasti_word(words, CAPACITY - 1, pos),
	      rcasti_header((uint32_t)(CAPACITY - at - RCASTI_WORD), RCAST_PADDING, 0));
	store(&header->shared.frontier, pos + CAPACITY);
}

static void be_honest(uint64_t *state, uint64_t pos)
{
	uint64_t size = RCASTI_WORD * (2 + next_random(state) % 16);

	store(&header->shared.first, pos);
	store(&header->shared.recent, pos);
	store(&header->shared.frontier, pos + 2048);
	for (uint64_t at = pos; at < pos + 1024; at += size)
		store(rcasti_word(words, CAPACITY - 1, at), rcasti_header((uint32_t)size - RCASTI_WORD, RCAST_OUTPUT, 0));
}

static void *scribble(void *unused)
{
	static void (*const ways[])(uint64_t *, uint64_t) = {scribble_words,  scribble_headers, lie_about_positions,
							     lap_without_end, pad_without_end,  be_honest,
							     be_honest};
	uint64_t state = 42;

	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		uint64_t random = next_random(&state);

		for (uint64_t i = random >> 8 & 63; i > 0; i--)
			ways[random % 7](&state, atomic_load_explicit(&stands_at, memory_order_relaxed));
	}
	return unused;
}

/* ── The reader ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct victim {
	struct rcast_reader *reader;
	uint64_t n_reads, n_records, n_laps, n_refused, n_seeks, n_reopened, longest_ns;
	uint64_t random, sum;
	char *buffers[2]; /* of exactly the room that the reader is told of */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* A consumer drops a ring that is refused. It takes it up again here until the header passes. */
static void open_again(struct victim *victim)
{
	int error;

	if (victim->reader)
		rcast_reader_close(victim->reader);
	victim->n_reopened++;
	do {
		error = rcast_reader_open_take(rcasti_memory_dup_readonly(ring_fd), &victim->reader);
		must(error == 0 || error == -EPROTO);
	} while (error != 0);
}

/* One in TIME_EVERY is timed: the clock costs more than most seeks. */
static void seek(struct victim *victim)
{
	bool is_timed = victim->n_seeks % TIME_EVERY == 0;
	uint64_t before = is_timed ? now_ns() : 0, took_ns;
	uint64_t pos = atomic_load_explicit(&stands_at, memory_order_relaxed) + (victim->random >> 32) % 65536;
	int error = rcast_reader_seek(victim->reader, (enum rcast_from)(victim->random >> 8) % 3, pos);

	took_ns = is_timed ? now_ns() - before : 0;
	must(error == 0 || error == -EINVAL || error == -EPROTO || error == -EAGAIN);
	victim->n_seeks++;
	if (took_ns > victim->longest_ns)
		victim->longest_ns = took_ns;
}

static void look(struct victim *victim, const struct rcast_record *record)
{
	const char *data = record->data;

	must(guarded_contains(data, record->n_bytes, CAPACITY));
	if (record->n_bytes > 0)
		victim->sum += (uint64_t)data[0] + (uint64_t)data[record->n_bytes - 1];
}

static int read_once(struct victim *victim)
{
	size_t room = victim->random >> 16 & 1 ? 128 : CAPACITY / 4;
	struct rcast_record record;
	char *buffer = victim->buffers[room > 128];
	int outcome;

	if (victim->random & 1) {
		outcome = rcast_reader_peek(victim->reader, &record);
		if (outcome == RCAST_RECORD) {
			look(victim, &record);
			outcome = rcast_reader_release(victim->reader);
		}
		return outcome;
	}
	outcome = rcast_reader_read(victim->reader, buffer, room, &record);
	must(outcome != RCAST_RECORD || (record.n_bytes <= room && record.data == buffer));
	return outcome;
}

static void suffer(struct victim *victim)
{
	uint64_t pos = rcast_reader_pos(victim->reader);
	int outcome;

	atomic_store_explicit(&stands_at, pos, memory_order_relaxed);
	next_random(&victim->random);
	outcome = read_once(victim);
	victim->n_reads++;
	victim->n_records += outcome == RCAST_RECORD;
	victim->n_laps += outcome == RCAST_LAPPED;
	victim->n_refused += outcome == -EPROTO;
	must((outcome >= RCAST_EMPTY && outcome <= RCAST_ENDED) || outcome == -EPROTO || outcome == -EMSGSIZE);
	must(outcome != RCAST_RECORD || rcast_reader_pos(victim->reader) > pos);
	must(outcome == RCAST_RECORD || outcome == RCAST_LAPPED || rcast_reader_pos(victim->reader) == pos);
	if (victim->n_reads % 10000 == 0)
		open_again(victim);
	else if (outcome == -EPROTO || victim->n_reads % 64 == 0)
		seek(victim);
}

/* Which lies are met is a matter of how the two threads take turns: on one CPU that takes a while. */
static bool has_met_all(const struct victim *victim)
{
	return victim->n_records > 0 && victim->n_laps > 0 && victim->n_refused > 0;
}

static void make_ring(void)
{
	void *mapping;

	ring_fd = rcasti_memory_create("hostile", RCASTI_RING_HEADER_BYTES + CAPACITY, &mapping);
	must(ring_fd >= 0);
	header = mapping;
	words = (uint64_t *)((char *)mapping + RCASTI_RING_HEADER_BYTES);
	header->magic = RCASTI_RING_MAGIC;
	header->version = RCASTI_RING_VERSION;
	header->header_bytes = RCASTI_RING_HEADER_BYTES;
	header->capacity_bytes = CAPACITY;
}

int main(int argc, char **argv)
{
	uint64_t n_reads = argc > 1 ? strtoull(argv[1], NULL, 10) : 500000;
	struct victim victim = {.random = 7, .buffers = {malloc(128), malloc(CAPACITY / 4)}};
	pthread_t scribbler;

	make_ring();
	open_again(&victim);
	must(pthread_create(&scribbler, NULL, scribble, NULL) == 0);
	while (victim.n_reads < n_reads || !has_met_all(&victim))
		suffer(&victim);
	atomic_store(&over, true);
	pthread_join(scribbler, NULL);
	printf("%llu reads, none out of bounds: %llu records, %llu laps, %llu refusals, %llu seeks, opened %llu times; "
	       "longest "
	       "seek %llu us\n",
	       (unsigned long long)victim.n_reads, (unsigned long long)victim.n_records, (unsigned long long)victim.n_laps,
	       (unsigned long long)victim.n_refused, (unsigned long long)victim.n_seeks,
	       (unsigned long long)victim.n_reopened, (unsigned long long)victim.longest_ns / 1000);
	rcast_reader_close(victim.reader);
	free(victim.buffers[0]);
	free(victim.buffers[1]);
	return 0;
}
