/* SPDX-License-Identifier: MIT */
/*
 * stress_cursors [ROUNDS]: a writer whose followers are hostile. Their cursor pages are scribbled on without a pause, their
 * pipes are full, closed, made blocking, or drained as fast as they fill. Meanwhile an honest reader must get every byte, or a
 * stated gap, and be woken whenever there is something; and the writer must never wait. Prints what a publish cost without and with
 * them, in alternating rounds.
 */
#include "ring/memory.h"

#include <ringcast/ring.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "must.h"

enum { N_HOSTILE = 16, PUTS_PER_SAMPLE = 16, SAMPLES_PER_ROUND = 4000, RECORD_BYTES = 64, RING_EVERY = 64 };

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* ── The hostile ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct hostile {
	struct rcasti_cursor_page *page;
	struct rcast_follower *follower;
	int wake_fd; /* -1: closed */
} hostile[N_HOSTILE];

static _Atomic bool scribbling, over;

/* Of four kinds: never drained, closed, made blocking, drained. */
static void open_hostile(int i)
{
	struct hostile *self = &hostile[i];
	void *mapping;
	int fd = rcasti_memory_create("hostile", RCASTI_CURSOR_BYTES, &mapping);

	must(fd >= 0);
	self->page = mapping;
	self->page->magic = RCASTI_CURSOR_MAGIC;
	must(rcast_follower_create_take(fd, &self->follower, &self->wake_fd) == 0);
	if (i % 4 == 1) {
		close(self->wake_fd);
		self->wake_fd = -1;
	} else if (i % 4 == 2) {
		must(fcntl(self->wake_fd, F_SETFL, 0) == 0);
	}
}

static void close_hostile(struct hostile *self)
{
	rcast_follower_free(self->follower);
	munmap(self->page, RCASTI_CURSOR_BYTES);
	if (self->wake_fd >= 0)
		close(self->wake_fd);
}

/* Always another sleep, always another lie about where it stands. */
static void *scribble(void *unused)
{
	char bytes[4096];

	for (uint64_t n = 1; !atomic_load(&over); n += 2) {
		for (int i = 0; i < N_HOSTILE && atomic_load(&scribbling); i++) {
			for (unsigned int place = 0; place < RCASTI_N_PLACES; place++) {
				hostile[i].page->words[place].episode = n;
				hostile[i].page->words[place].pos = n * UINT64_C(0x9e3779b97f4a7c15);
			}
			hostile[i].page->place = (uint32_t)n;
			if (i % 4 == 3 && n % 64 == 1)
				(void)!read(hostile[i].wake_fd, bytes, sizeof bytes);
		}
	}
	return unused;
}

/* ── The honest ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct honest {
	struct rcast_reader *reader;
	struct rcast_follower *follower;
	uint64_t n_records, n_gaps, next_sequence;
};

static void open_honest(struct honest *honest, struct rcast_writer *writer)
{
	struct rcast_cursor *cursor;
	int wake_fd;

	*honest = (struct honest){.reader = NULL};
	must(rcast_reader_open_take(rcast_writer_dup_fd(writer), &honest->reader) == 0);
	must(rcast_cursor_create(&cursor) == 0);
	must(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &honest->follower, &wake_fd) == 0);
	must(rcast_reader_follow_take(honest->reader, cursor, wake_fd) == 0);
}

static void fill(unsigned char *bytes, uint64_t sequence)
{
	memset(bytes, (int)(sequence % 251), RECORD_BYTES);
	memcpy(bytes, &sequence, sizeof sequence);
}

static void check(struct honest *honest, const unsigned char *bytes, bool lapped)
{
	unsigned char expected[RECORD_BYTES];
	uint64_t sequence;

	memcpy(&sequence, bytes, sizeof sequence);
	fill(expected, sequence);
	must(memcmp(bytes, expected, sizeof expected) == 0);
	must(lapped ? sequence >= honest->next_sequence : sequence == honest->next_sequence);
	honest->next_sequence = sequence + 1;
	honest->n_records++;
}

/* A wake-up that was lost would leave it waiting for ever. */
static void *read_all(void *argument)
{
	struct honest *honest = argument;
	unsigned char bytes[RECORD_BYTES];
	struct rcast_record record;
	bool lapped = false;
	int outcome;

	while ((outcome = rcast_reader_read(honest->reader, bytes, sizeof bytes, &record)) != RCAST_ENDED) {
		must(outcome >= 0);
		if (outcome == RCAST_RECORD)
			check(honest, bytes, lapped);
		else if (outcome == RCAST_EMPTY)
			rcast_reader_wait(honest->reader, -1);
		honest->n_gaps += outcome == RCAST_LAPPED;
		lapped = outcome == RCAST_LAPPED || (lapped && outcome != RCAST_RECORD);
	}
	return NULL;
}

/* ── The writer ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct publisher {
	struct rcast_writer *writer;
	struct rcast_follower *followers[N_HOSTILE + 1]; /* the honest one is the last */
	uint64_t sequence;
};

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* The median of a put, in picoseconds, of a round in which all are rung now and then. */
static uint64_t publish_round(struct publisher *publisher)
{
	static uint64_t samples_ns[SAMPLES_PER_ROUND];
	unsigned char bytes[RECORD_BYTES];

	for (int i = 0; i < SAMPLES_PER_ROUND; i++) {
		uint64_t start_ns = now_ns();

		for (int n = 0; n < PUTS_PER_SAMPLE; n++) {
			fill(bytes, publisher->sequence++);
			must(rcast_writer_put(publisher->writer, RCAST_OUTPUT, bytes, sizeof bytes) == 0);
		}
		samples_ns[i] = now_ns() - start_ns;
		if (i % (RING_EVERY / PUTS_PER_SAMPLE) == 0)
			rcast_notify(publisher->followers, N_HOSTILE + 1);
	}
	qsort(samples_ns, SAMPLES_PER_ROUND, sizeof samples_ns[0], compare);
	return samples_ns[SAMPLES_PER_ROUND / 2] * 1000 / PUTS_PER_SAMPLE;
}

int main(int argc, char **argv)
{
	int n_rounds = argc > 1 ? atoi(argv[1]) : 40;
	uint64_t *medians[2] = {calloc((size_t)n_rounds, 8), calloc((size_t)n_rounds, 8)};
	struct publisher publisher = {.sequence = 0};
	struct honest honest;
	pthread_t scribbler, reader;

	alarm(1400);
	must(rcast_writer_create(NULL, &publisher.writer) == 0);
	open_honest(&honest, publisher.writer);
	for (int i = 0; i < N_HOSTILE; i++) {
		open_hostile(i);
		publisher.followers[i] = hostile[i].follower;
	}
	publisher.followers[N_HOSTILE] = honest.follower;
	must(pthread_create(&scribbler, NULL, scribble, NULL) == 0 && pthread_create(&reader, NULL, read_all, &honest) == 0);
	for (int round = 0; round < 2 * n_rounds; round++) {
		atomic_store(&scribbling, round % 2 == 1);
		medians[round % 2][round / 2] = publish_round(&publisher);
	}
	must(rcast_writer_end(publisher.writer) == 0);
	rcast_notify(publisher.followers, N_HOSTILE + 1);
	pthread_join(reader, NULL);
	atomic_store(&over, true);
	pthread_join(scribbler, NULL);
	must(honest.n_gaps > 0 || honest.n_records == publisher.sequence);
	for (int i = 0; i < 2; i++)
		qsort(medians[i], (size_t)n_rounds, 8, compare);
	printf("%d hostile cursor pages and pipes: an honest reader got %llu of %llu records whole and %llu gaps; a put "
	       "took %.1f ns "
	       "without them, %.1f ns with (p50: %+.1f %%)\n",
	       N_HOSTILE, (unsigned long long)honest.n_records, (unsigned long long)publisher.sequence,
	       (unsigned long long)honest.n_gaps, (double)medians[0][n_rounds / 2] / 1000,
	       (double)medians[1][n_rounds / 2] / 1000,
	       ((double)medians[1][n_rounds / 2] / (double)medians[0][n_rounds / 2] - 1) * 100);
	rcast_reader_close(honest.reader);
	rcast_follower_free(honest.follower);
	for (int i = 0; i < N_HOSTILE; i++)
		close_hostile(&hostile[i]);
	rcast_writer_free(publisher.writer);
	free(medians[0]);
	free(medians[1]);
	return 0;
}
