/* SPDX-License-Identifier: MIT */
/*
 * The ring protocol as a closed program: the shipped header, one writer, readers that check every record they accept, one
 * mapping, no library. It is built several times.
 *
 *   model_ring      a stress test, also under ThreadSanitizer
 *   model_lease     the same with MODEL_LOSSLESS: the writer is held by what the reader's cursor tells, so there is no lap, and
 *                   the shipped plain copy of payload must be free of races; under ThreadSanitizer that tells whether the commit
 *                   and the cursor order it
 *   explore_ring_*  small configurations (MODEL_RECORDS and the others given), which explore.c takes through every execution
 *
 * With MODEL_EASY both sides go as far as they can with what <ringcast/ring_inline.h> puts into callers.
 *
 * What must hold: a record that a reader accepts is the one that was written at that position, of its length and its words;
 * a payload word that looks like a header is never taken for one; resuming leads ahead and to a record; a held writer laps
 * nobody; and the stress goes on until every reader has accepted many records and was lapped often.
 */
#ifdef MODEL_LOSSLESS
#define RCASTI_PLAIN 1
#endif
#if !defined(MODEL_LOSSLESS) || defined(MODEL_RECORDS)
#define RCASTI_WORDWISE 1
#endif
#include "ring/protocol.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "must.h"

#ifndef MODEL_CAPACITY_WORDS
#define MODEL_CAPACITY_WORDS 512u
#endif
#ifndef MODEL_RECORDS
#define MODEL_STRESS 1
#define MODEL_RECORDS UINT64_C(4000000000) /* a bound: the writer stops when every reader has seen enough */
#define MODEL_STEPS UINT64_MAX
#endif
#ifndef MODEL_READERS
#ifdef MODEL_LOSSLESS
#define MODEL_READERS 1
#else
#define MODEL_READERS 2
#endif
#endif
/* When a reader goes to `recent`, as one that attaches does. One that holds the writer must not go back. */
#if defined(MODEL_LOSSLESS)
#define JUMPS(step) false
#elif defined(MODEL_STRESS)
#define JUMPS(step) ((step) % 1024 == 1023)
#elif defined(MODEL_JUMPS_AT)
#define JUMPS(step) ((step) == MODEL_JUMPS_AT)
#else
#define JUMPS(step) false
#endif
#ifndef MODEL_TRIES
#define MODEL_TRIES UINT64_MAX /* how often a held writer asks before it gives up */
#endif
#ifndef MODEL_BATCH
#define MODEL_BATCH 4u /* every so many records come as one batch */
#endif
#define CAPACITY (MODEL_CAPACITY_WORDS * (uint64_t)RCASTI_WORD)
#define MASK (CAPACITY - 1)
#define MAX_BATCH (CAPACITY / (MODEL_CAPACITY_WORDS > 16 ? 4 : 2))
#define KIND 8u
#define PADDING 1u
#define LAST 2u

#ifndef witness
#define witness(what) ((void)0)
#endif

static struct rcasti_shared shared;
static uint64_t words[MODEL_CAPACITY_WORDS];
#ifdef MODEL_LOSSLESS
static struct rcasti_cursor_words cursor;
static uint64_t written_pos, read_pos; /* where the two threads ended */
#endif

#ifdef MODEL_LOSSLESS
static const uint64_t enough_laps = 0;
#else
static const uint64_t enough_laps = 100;
#endif

/* What a reader has seen so far. Written by the reader, looked at by the writer. */
struct tally {
	_Atomic uint64_t accepted, laps;
};

static struct tally tallies[MODEL_READERS];

static void count(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

#ifdef MODEL_STRESS
static bool all_have_seen_enough(void)
{
	for (int i = 0; i < MODEL_READERS; i++)
		if (atomic_load_explicit(&tallies[i].accepted, memory_order_relaxed) < 200000 ||
		    atomic_load_explicit(&tallies[i].laps, memory_order_relaxed) < enough_laps)
			return false;
	return true;
}
#endif

/* One to three words, header included, as the position has it. */
static uint32_t payload_bytes_at(uint64_t pos)
{
	return (uint32_t)(pos / RCASTI_WORD * 7 % 3) * RCASTI_WORD;
}

/* Payload that would pass for the header of a record. */
static uint64_t payload_word_at(uint64_t pos)
{
	return rcasti_header(RCASTI_WORD, KIND, 0) | (pos & 0xffff) << 8;
}

#ifdef MODEL_LOSSLESS
/* As the owner of a ring does it: ask where the holder stands only when the hold that is known is met. */
static bool claim(struct rcasti_producer *producer, uint64_t end)
{
	for (uint64_t tries = 0; !rcasti_claim(producer, end); tries++) {
		if (tries == MODEL_TRIES)
			return false;
		witness("held");
		producer->hold = rcasti_told_pos(&cursor);
	}
	return true;
}

static void tell(uint64_t pos)
{
	rcasti_tell_pos(&cursor, pos);
}
#else
static bool claim(struct rcasti_producer *producer, uint64_t end)
{
	return rcasti_claim(producer, end);
}

static void tell(uint64_t pos)
{
	(void)pos;
}
#endif

#ifdef MODEL_EASY
/* The library's part of the inlined functions, which has no part here. */
int rcasti_put_any(struct rcast_fast_writer *fast, uint8_t kind, const void *data, size_t n_bytes)
{
	must(fast == NULL);
	return 0;
}

/* What the library does at begin and end, for one record that is easy. */
static bool put_easy(struct rcasti_producer *producer, const uint64_t *payload, uint32_t n_bytes)
{
	uint64_t size = rcasti_plain_size(n_bytes), end = rcasti_find_easy_end(producer);
	char *at = (char *)rcasti_producer_word(producer, producer->pos);
	struct rcast_fast_writer fast = {.at = at, .easy_end = at + (end - producer->pos)};

	if (n_bytes == 0 || producer->pos + size >= end)
		return false;
	if (producer->batching && producer->batch_header == 0)
		rcast_fast_begin_batch(&fast);
	must(rcast_fast_put(&fast, KIND, payload, n_bytes) == 0 && fast.at == at + size);
	if (fast.batch_header != 0) {
		producer->batch_header = fast.batch_header;
		producer->batch_pos = producer->pos;
		witness("batched");
	}
	producer->pos += size;
	rcasti_set_easy_end(producer);
	witness("easy");
	return true;
}
#else
static bool put_easy(struct rcasti_producer *producer, const uint64_t *payload, uint32_t n_bytes)
{
	return false;
}
#endif

static bool write_record(struct rcasti_producer *producer, uint32_t n_bytes)
{
	uint64_t payload[3];

	if (!claim(producer, producer->pos + rcasti_record_size(rcasti_header(n_bytes, KIND, 0))))
		return false;
	for (uint32_t at = 0; at < n_bytes; at += RCASTI_WORD)
		payload[at / RCASTI_WORD] = payload_word_at(producer->pos + RCASTI_WORD + at);
	if (put_easy(producer, payload, n_bytes))
		return true;
	rcasti_copy_in(rcasti_word(words, MASK, producer->pos + RCASTI_WORD), payload, n_bytes);
	if (producer->batch_header != 0)
		witness("batched");
	rcasti_commit(producer, rcasti_header(n_bytes, KIND, 0));
	return true;
}

static bool close_lap_before(struct rcasti_producer *producer, uint32_t n_bytes)
{
	uint64_t lap_end = (producer->pos | MASK) + 1;

	if (producer->pos + RCASTI_WORD + n_bytes <= lap_end)
		return true;
	if (!claim(producer, lap_end))
		return false;
	rcasti_commit_padding(producer, rcasti_header((uint32_t)(lap_end - producer->pos - RCASTI_WORD), PADDING, 0));
	return true;
}

/* As in the library, a batch is much shorter than the ring. */
static void end_batch_before(struct rcasti_producer *producer, uint64_t n_bytes)
{
	uint64_t lap_end = (producer->pos | MASK) + 1, end = producer->pos + RCASTI_WORD + n_bytes;

	if (end > lap_end)
		end = lap_end + RCASTI_WORD + payload_bytes_at(lap_end);
	if (producer->batch_header != 0 && end - producer->batch_pos > MAX_BATCH)
		rcasti_commit_batch(producer);
}

static void write_all(struct rcasti_producer *producer)
{
	for (uint64_t k = 0; k < MODEL_RECORDS; k++) {
		if (MODEL_BATCH > 1 && k % (2 * MODEL_BATCH) == MODEL_BATCH)
			rcasti_begin_batch(producer);
		end_batch_before(producer, payload_bytes_at(producer->pos));
		if (!close_lap_before(producer, payload_bytes_at(producer->pos)) ||
		    !write_record(producer, payload_bytes_at(producer->pos)))
			return;
		if (producer->batching && k % MODEL_BATCH == MODEL_BATCH - 1)
			rcasti_commit_batch(producer);
#ifdef MODEL_STRESS
		if (k % 1024 == 0 && all_have_seen_enough())
			break;
#endif
	}
	rcasti_commit_batch(producer);
	rcasti_commit_last(producer, rcasti_header(0, LAST, 0));
}

static void *writer(void *unused)
{
	struct rcasti_producer producer;

	rcasti_producer_init(&producer, &shared, words, CAPACITY);
#ifdef MODEL_LOSSLESS
	producer.hold = 0;
#endif
	write_all(&producer);
#ifdef MODEL_LOSSLESS
	written_pos = producer.pos;
#endif
	return unused;
}

static void check_payload(uint64_t pos, const uint64_t *payload, uint32_t n_bytes)
{
	must(n_bytes == payload_bytes_at(pos));
	for (uint32_t at = 0; at < n_bytes; at += RCASTI_WORD)
		must(payload[at / RCASTI_WORD] == payload_word_at(pos + RCASTI_WORD + at));
}

#ifdef MODEL_EASY
static bool take_easy(uint64_t *pos, struct tally *tally)
{
	const char *at = (const char *)rcasti_word(words, MASK, *pos);
	struct rcast_fast_reader fast = {.at = at,
					 .easy_end = (const char *)words + CAPACITY,
					 .pos_of_zero = *pos - (uintptr_t)at,
					 .capacity = CAPACITY,
					 .frontier = &shared.frontier};
	uint64_t payload[3] = {0}, header = rcasti_take_easy(&fast, payload, sizeof payload);
	struct rcast_record record;

	if (header == 0)
		return false;
	rcasti_accept_easy(&fast, header, payload, &record);
	must(record.pos == *pos && record.next_pos == *pos + rcasti_record_size(header));
	check_payload(*pos, payload, record.n_bytes);
	witness("taken");
	count(&tally->accepted);
	*pos = record.next_pos;
	tell(*pos);
	return true;
}
#else
static bool take_easy(uint64_t *pos, struct tally *tally)
{
	return false;
}
#endif

/* Look at `*pos` and go on. False: that was the last record. */
static bool step_any(uint64_t *pos, struct tally *tally)
{
	uint64_t header = rcasti_look(rcasti_word(words, MASK, *pos)), payload[3] = {0},
		 n_bytes = rcasti_header_bytes(header);
	bool is_data =
		rcasti_header_kind(header) == KIND && n_bytes <= 2 * RCASTI_WORD && (*pos & MASK) + n_bytes < CAPACITY;

	if (is_data)
		rcasti_copy_out(payload, rcasti_word(words, MASK, *pos + RCASTI_WORD), n_bytes, sizeof payload);
	if (rcasti_overtaken(&shared.frontier, CAPACITY, *pos)) {
		uint64_t first = rcasti_resume(&shared);

		must(enough_laps > 0 && first > *pos);
		witness("lapped");
		count(&tally->laps);
		*pos = first;
		return true;
	}
	if (header == 0 || rcasti_header_kind(header) == LAST)
		return header == 0;
	if (rcasti_header_kind(header) == PADDING) {
		must(((*pos + rcasti_record_size(header)) & MASK) == 0);
		witness("padding");
	} else {
		must(is_data);
		check_payload(*pos, payload, (uint32_t)n_bytes);
		witness("accepted");
		count(&tally->accepted);
	}
	*pos += rcasti_record_size(header);
	tell(*pos);
	return true;
}

static bool step(uint64_t *pos, struct tally *tally)
{
	return take_easy(pos, tally) || step_any(pos, tally);
}

static void *reader(void *result)
{
	uint64_t pos = 0;

	for (uint64_t steps = 0; steps < MODEL_STEPS; steps++) {
		if (JUMPS(steps))
			pos = rcasti_recent(&shared);
		if (!step(&pos, result))
			break;
	}
#ifdef MODEL_LOSSLESS
	read_pos = pos;
#endif
	return result;
}

#ifdef MODEL_LOSSLESS
/* What the reader has not come to is all there. */
static void check_the_rest(void)
{
	uint64_t pos = read_pos, before;
	bool ended;

	do {
		before = pos;
		ended = !step(&pos, &tallies[0]);
	} while (!ended && pos > before);
	must(pos + (ended ? RCASTI_WORD : 0) == written_pos);
}
#endif

int main(void)
{
	pthread_t writer_thread, reader_threads[MODEL_READERS];

	for (int i = 0; i < MODEL_READERS; i++)
		pthread_create(&reader_threads[i], NULL, reader, &tallies[i]);
	pthread_create(&writer_thread, NULL, writer, NULL);
	pthread_join(writer_thread, NULL);
	for (int i = 0; i < MODEL_READERS; i++)
		pthread_join(reader_threads[i], NULL);
#ifdef MODEL_LOSSLESS
	check_the_rest();
#endif
#ifdef MODEL_STRESS
	must(all_have_seen_enough());
	for (int i = 0; i < MODEL_READERS; i++)
		printf("reader %d: %llu records accepted, lapped %llu times\n", i, (unsigned long long)tallies[i].accepted,
		       (unsigned long long)tallies[i].laps);
#endif
	return 0;
}
