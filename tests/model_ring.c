/* SPDX-License-Identifier: MIT */
/*
 * The ring protocol as a closed program: the shipped header, one writer, readers that check every record they accept, one
 * mapping, no library. As it stands it is a stress test, also under ThreadSanitizer; with
 *
 *   -DMODEL_CAPACITY_WORDS=4 -DRCASTI_N_CHUNKS=4 -DMODEL_RECORDS=5 -DMODEL_STEPS=4 -DMODEL_READERS=1 -DMODEL_BATCH=1
 *
 * it is small enough for a model checker of C11 atomics to go through every execution. -DRCASTI_ORDER_COMMIT=… and its like
 * weaken one ordering.
 *
 * What must hold: a record that a reader accepts is the one that was written at that position, of its length and its words;
 * a payload word that looks like a header is never taken for one; resuming leads ahead and to a record; and the stress goes
 * on until every reader has accepted many records and was lapped often.
 */
#define RCASTI_WORDWISE 1
#include "ring/protocol.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef MODEL_CAPACITY_WORDS
#define MODEL_CAPACITY_WORDS 512u
#endif
#ifndef MODEL_RECORDS
#define MODEL_STRESS 1
#define MODEL_RECORDS UINT64_C(4000000000) /* a bound: the writer stops when every reader has seen enough */
#define MODEL_STEPS UINT64_MAX
#endif
#ifndef MODEL_READERS
#define MODEL_READERS 2
#endif
#ifndef MODEL_BATCH
#define MODEL_BATCH 4u /* every so many records come as one batch */
#endif
#define CAPACITY (MODEL_CAPACITY_WORDS * (uint64_t)RCASTI_WORD)
#define MASK (CAPACITY - 1)
#define KIND 8u
#define PADDING 1u
#define LAST 2u

#define must(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

static struct rcasti_shared shared;
static _Atomic uint64_t words[MODEL_CAPACITY_WORDS];

/* What a reader has seen so far. Written by the reader, looked at by the writer. */
struct tally {
	_Atomic uint64_t accepted, laps;
};

static struct tally tallies[MODEL_READERS];

static void count(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

static bool all_have_seen_enough(void)
{
	for (int i = 0; i < MODEL_READERS; i++)
		if (atomic_load_explicit(&tallies[i].accepted, memory_order_relaxed) < 200000 ||
		    atomic_load_explicit(&tallies[i].laps, memory_order_relaxed) < 100)
			return false;
	return true;
}

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

static void write_record(struct rcasti_producer *producer, uint8_t kind, uint32_t n_bytes)
{
	uint64_t payload[3];

	must(rcasti_claim(producer, producer->pos + rcasti_record_size(rcasti_header(n_bytes, kind, 0))));
	for (uint32_t at = 0; kind == KIND && at < n_bytes; at += RCASTI_WORD)
		payload[at / RCASTI_WORD] = payload_word_at(producer->pos + RCASTI_WORD + at);
	if (kind == KIND)
		rcasti_copy_in(rcasti_word(words, MASK, producer->pos + RCASTI_WORD), payload, n_bytes);
	rcasti_commit(producer, rcasti_header(n_bytes, kind, 0));
}

static void close_lap_before(struct rcasti_producer *producer, uint32_t n_bytes)
{
	uint64_t lap_end = (producer->pos | MASK) + 1;

	if (producer->pos + RCASTI_WORD + n_bytes > lap_end)
		write_record(producer, PADDING, (uint32_t)(lap_end - producer->pos - RCASTI_WORD));
}

static void *writer(void *unused)
{
	struct rcasti_producer producer;

	rcasti_producer_init(&producer, &shared, words, CAPACITY);
	for (uint64_t k = 0; k < MODEL_RECORDS; k++) {
		if (MODEL_BATCH > 1 && k % (2 * MODEL_BATCH) == MODEL_BATCH)
			rcasti_begin_batch(&producer);
		close_lap_before(&producer, payload_bytes_at(producer.pos));
		write_record(&producer, KIND, payload_bytes_at(producer.pos));
		if (producer.batching && k % MODEL_BATCH == MODEL_BATCH - 1)
			rcasti_commit_batch(&producer);
#ifdef MODEL_STRESS
		if (k % 1024 == 0 && all_have_seen_enough())
			break;
#endif
	}
	rcasti_commit_batch(&producer);
	close_lap_before(&producer, 0);
	write_record(&producer, LAST, 0);
	return unused;
}

static void check_payload(uint64_t pos, const uint64_t *payload, uint32_t n_bytes)
{
	must(n_bytes == payload_bytes_at(pos));
	for (uint32_t at = 0; at < n_bytes; at += RCASTI_WORD)
		must(payload[at / RCASTI_WORD] == payload_word_at(pos + RCASTI_WORD + at));
}

/* Look at `*pos` and go on. False: that was the last record. */
static bool step(uint64_t *pos, struct tally *tally)
{
	uint64_t header = rcasti_look(words, MASK, *pos), payload[3] = {0}, n_bytes = rcasti_header_bytes(header);
	bool is_data =
		rcasti_header_kind(header) == KIND && n_bytes <= 2 * RCASTI_WORD && (*pos & MASK) + n_bytes < CAPACITY;

	if (is_data)
		rcasti_copy_out(payload, rcasti_word(words, MASK, *pos + RCASTI_WORD), n_bytes);
	if (rcasti_overtaken(&shared, MASK, *pos)) {
		uint64_t first = rcasti_resume(&shared);

		must(first > *pos);
		count(&tally->laps);
		*pos = first;
		return true;
	}
	if (header == 0 || rcasti_header_kind(header) == LAST)
		return header == 0;
	if (rcasti_header_kind(header) == PADDING) {
		must(((*pos + rcasti_record_size(header)) & MASK) == 0);
	} else {
		must(is_data);
		check_payload(*pos, payload, (uint32_t)n_bytes);
		count(&tally->accepted);
	}
	*pos += rcasti_record_size(header);
	return true;
}

static void *reader(void *result)
{
	uint64_t pos = 0;

	for (uint64_t steps = 0; steps < MODEL_STEPS && step(&pos, result); steps++)
		continue;
	return result;
}

int main(void)
{
	pthread_t writer_thread, reader_threads[MODEL_READERS];

	for (int i = 0; i < MODEL_READERS; i++)
		pthread_create(&reader_threads[i], NULL, reader, &tallies[i]);
	pthread_create(&writer_thread, NULL, writer, NULL);
	pthread_join(writer_thread, NULL);
	for (int i = 0; i < MODEL_READERS; i++)
		pthread_join(reader_threads[i], NULL);
#ifdef MODEL_STRESS
	must(all_have_seen_enough());
	for (int i = 0; i < MODEL_READERS; i++)
		printf("reader %d: %llu records accepted, lapped %llu times\n", i, (unsigned long long)tallies[i].accepted,
		       (unsigned long long)tallies[i].laps);
#endif
	return 0;
}
