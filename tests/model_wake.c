/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking as a closed program: the shipped header, one publisher, one reader.
 *
 *   model_wake      a stress test: round after round, both start at once
 *   explore_wake    one round (MODEL_ROUNDS=1), which explore.c takes through every execution
 *
 * In a round the publisher publishes records and after each rings the reader, if it sleeps and was not rung for this sleep. The
 * reader says that it sleeps and looks; if it finds a record it wakes, takes it, and tries again.
 *
 * What must hold: if the reader has gone to sleep and something was published behind where it stands, it was rung for this
 * very sleep. This is a matter of the two full fences, so ThreadSanitizer, which does not know them, has nothing to say here.
 */
#define RCASTI_WORDWISE 1
#include "ring/protocol.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "must.h"

#ifndef MODEL_ROUNDS
#define MODEL_STRESS 1
#define MODEL_ROUNDS 50000
#endif
#ifndef MODEL_RECORDS
#define MODEL_RECORDS 1
#endif
#define CAPACITY_WORDS 64u
#define CAPACITY (CAPACITY_WORDS * (uint64_t)RCASTI_WORD)
#define MASK (CAPACITY - 1)
#define KIND 8u
#ifndef witness
#define witness(what) ((void)0)
#endif

static struct rcasti_shared shared;
static uint64_t words[CAPACITY_WORDS];
static struct rcasti_cursor_words cursor;

/* What each side knows at the end of a round. */
static struct {
	uint64_t pos, episode;
	bool sleeps;
} reader;
static struct {
	struct rcasti_producer producer;
	uint64_t rung_episode;
} publisher;

#ifdef MODEL_STRESS
static _Atomic uint64_t n_arrived;

/* Both sides leave at nearly the same moment. What was stored before is seen behind it. */
static void meet(uint64_t n_meetings)
{
	atomic_fetch_add(&n_arrived, 1);
	for (int i = 0; atomic_load(&n_arrived) < 2 * n_meetings; i++)
		if (i > 1000)
			sched_yield();
}
#else
static void meet(uint64_t n_meetings)
{
	(void)n_meetings;
}
#endif

static void publish_and_ring(void)
{
	uint64_t header = rcasti_header(0, KIND, 0), episode;

	must(rcasti_claim(&publisher.producer, publisher.producer.pos + rcasti_record_size(header)));
	rcasti_commit(&publisher.producer, header);
	rcasti_fence_before_ringing();
	episode = rcasti_episode(&cursor);
	if ((episode & 1) != 0)
		publisher.rung_episode = episode;
}

static bool is_there_anything(void)
{
	uint64_t header = rcasti_look(rcasti_word(words, MASK, reader.pos));

	return rcasti_overtaken(&shared.frontier, CAPACITY, reader.pos) || header != 0;
}

static void read_until_asleep(uint64_t end)
{
	reader.sleeps = true;
	for (; reader.sleeps && reader.pos < end; reader.pos += RCASTI_WORD) {
		rcasti_fall_asleep(&cursor, ++reader.episode);
		if (!is_there_anything())
			return;
		rcasti_wake_up(&cursor, ++reader.episode);
	}
	reader.sleeps = false;
}

static void check_round(uint64_t end)
{
	if (reader.sleeps)
		must(publisher.rung_episode == reader.episode);
	if (reader.sleeps)
		witness("rung");
	else
		witness("awake");
	reader.pos = end;
	reader.episode += reader.episode & 1;
}

static void *run_publisher(void *unused)
{
	for (uint64_t round = 0; round < MODEL_ROUNDS; round++) {
		meet(2 * round + 1);
		for (int i = 0; i < MODEL_RECORDS; i++)
			publish_and_ring();
		meet(2 * round + 2);
	}
	return unused;
}

static void *run_reader(void *unused)
{
	for (uint64_t round = 0; round < MODEL_ROUNDS; round++) {
		uint64_t end = (round + 1) * MODEL_RECORDS * RCASTI_WORD;

		meet(2 * round + 1);
		read_until_asleep(end);
		meet(2 * round + 2);
#ifdef MODEL_STRESS
		check_round(end);
#endif
	}
	return unused;
}

int main(void)
{
	pthread_t publisher_thread, reader_thread;

	reader.pos = reader.episode = publisher.rung_episode = 0;
	rcasti_producer_init(&publisher.producer, &shared, words, CAPACITY);
	pthread_create(&reader_thread, NULL, run_reader, NULL);
	pthread_create(&publisher_thread, NULL, run_publisher, NULL);
	pthread_join(publisher_thread, NULL);
	pthread_join(reader_thread, NULL);
#ifndef MODEL_STRESS
	check_round(MODEL_RECORDS * RCASTI_WORD);
#endif
	return 0;
}
