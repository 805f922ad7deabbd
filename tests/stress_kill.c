/* SPDX-License-Identifier: MIT */
/*
 * stress_kill [PER_POINT [AT_RANDOM]]: writers die by SIGKILL, at each named point of their path (this program is built with
 * RCAST_KILL_POINTS) and at random moments, while a reader follows them. Prints what the readers saw.
 *
 * Each writer is a process of its own, which alone holds its mapping and the write end of its reader's pipe. It publishes in
 * every way there is, each record a function of its sequence number, and tells in a page beside the ring how many of them it
 * knows to be committed. After each death:
 *
 *   the reader finds all those records, or states a gap, and at most what was in hand beyond them; nothing torn, ever
 *   a reader that comes late finds all that the ring still holds, which is nearly a ring full, up to the same end
 *   the pipe hangs up; how soon is printed, not asserted
 *
 * Learning of a death is the kernel's work (it ends the process and closes the pipe) and the scheduler's (it lets us run). How
 * long that takes when nothing of ours has a part in it is shown by processes that hold a pipe and count.
 */
#include <ringcast/ring.h>

#include "ring/protocol.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "must.h"

#define N_RECORDS 4000u
#define IN_HAND 3u /* records that may be committed before we are told of it: a batch */
#define SLOW_RECORDS 200
#define MANY_RECORDS 1000 /* a reader that is always lapped again would read for ever */
#define CHUNK_BYTES (RCAST_RING_MIN_BYTES / RCASTI_N_CHUNKS)

/* The points, and how often each is passed at least in a writer's life. */
static const struct point {
	const char *name;
	unsigned int n_passed;
} points[] = {
	{"about to claim", 400},     {"first is stored", 400},
	{"recent is stored", 400},   {"claimed", 400},
	{"reserved", 300},           {"half filled", 300},
	{"payload is stored", 2000}, {"next header is zero", 2000},
	{"committed", 2000},         {"batch is started", 260},
	{"lap is closed", 8},        {"about to ring", 20},
	{"about to end", 1},         {"ended", 1},
};
enum { N_POINTS = sizeof points / sizeof points[0] };

static struct {
	_Atomic uint64_t n_committed; /* records that readers must be able to see */
	_Atomic uint64_t death_ns;
} * told; /* by the writer; shared */

static const char *armed;
static unsigned int countdown;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void rcasti_kill_point(const char *name)
{
	if (!armed || strcmp(name, armed) != 0 || --countdown > 0)
		return;
	atomic_store(&told->death_ns, now_ns());
	kill(getpid(), SIGKILL);
}

/* ── The writer ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint32_t length_of(uint64_t sequence)
{
	return (uint32_t)(sequence * 2654435761u % 301);
}

static void fill(char *data, uint64_t sequence, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		data[i] = (char)(sequence * 31 + i);
}

static void put(struct rcast_writer *writer, uint64_t sequence)
{
	char data[512];

	fill(data, sequence, 0, length_of(sequence));
	must(rcast_writer_put(writer, RCAST_OUTPUT, data, length_of(sequence)) == 0);
}

static void publish(struct rcast_writer *writer, uint64_t sequence)
{
	uint32_t n_bytes = length_of(sequence);
	char data[512];
	struct iovec iov[2] = {{data, n_bytes / 3}, {data + n_bytes / 3, n_bytes - n_bytes / 3}};

	fill(data, sequence, 0, n_bytes);
	must(rcast_writer_publish(writer, RCAST_OUTPUT, iov, 2) == 0);
}

static void fill_in_place(struct rcast_writer *writer, uint64_t sequence)
{
	uint32_t n_bytes = length_of(sequence);
	void *space;

	must(rcast_writer_reserve(writer, 400, &space) == 0);
	fill(space, sequence, 0, n_bytes / 2);
	rcasti_kill_point("half filled");
	fill(space, sequence, n_bytes / 2, n_bytes);
	must(rcast_writer_commit(writer, RCAST_OUTPUT, n_bytes) == 0);
}

static void put_batch(struct rcast_writer *writer, uint64_t sequence)
{
	rcast_writer_begin_batch(writer);
	for (uint64_t i = 0; i < IN_HAND; i++)
		put(writer, sequence + i);
	rcast_writer_end_batch(writer);
}

/* Write in one of the ways, and go on behind it. */
static uint64_t write_some(struct rcast_writer *writer, uint64_t sequence)
{
	static void (*const ways[])(struct rcast_writer *, uint64_t) = {put, put, publish, fill_in_place, put_batch};
	unsigned int way = (unsigned int)(sequence / IN_HAND % 5);

	ways[way](writer, sequence);
	return sequence + (ways[way] == put_batch ? IN_HAND : 1);
}

static bool is_asleep(const struct rcast_follower *follower)
{
	uint64_t pos;

	return rcast_follower_look(follower, &pos);
}

/* Who is to die while ringing needs a reader that sleeps; otherwise it depends on the machine's load whether there is one. */
static void notify(struct rcast_follower *follower)
{
	while (armed && strcmp(armed, "about to ring") == 0 && !is_asleep(follower))
		sched_yield();
	rcast_notify(&follower, 1);
}

static _Noreturn void be_writer(struct rcast_writer *writer, struct rcast_follower *follower)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (uint64_t sequence = 0; armed == NULL || sequence < N_RECORDS;) {
		sequence = write_some(writer, sequence);
		atomic_store(&told->n_committed, sequence);
		if (sequence % 4 == 0)
			notify(follower);
	}
	rcast_writer_end(writer);
	_exit(0);
}

/* ── The reader ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct seen {
	struct rcast_reader *reader;
	uint64_t n_records, first_pos, next_sequence;
	bool lapped, ended;
};

static void check(struct seen *seen, const struct rcast_record *record, const char *data)
{
	must(record->stamped && record->kind == RCAST_OUTPUT && record->n_bytes == length_of(record->sequence));
	for (uint32_t i = 0; i < record->n_bytes; i++)
		must(data[i] == (char)(record->sequence * 31 + i));
	must(seen->lapped ? record->sequence >= seen->next_sequence : record->sequence == seen->next_sequence);
	seen->first_pos = seen->n_records++ == 0 ? record->pos : seen->first_pos;
	seen->next_sequence = record->sequence + 1;
	seen->lapped = false;
}

/* Read what is there, up to so many records. */
static void read_on(struct seen *seen, uint64_t n_most)
{
	struct rcast_record record;
	char buffer[512];
	int outcome = RCAST_RECORD;

	while (n_most-- > 0 && (outcome == RCAST_RECORD || outcome == RCAST_LAPPED)) {
		outcome = rcast_reader_read(seen->reader, buffer, sizeof buffer, &record);
		must(outcome >= 0);
		if (outcome == RCAST_RECORD)
			check(seen, &record, buffer);
		seen->lapped |= outcome == RCAST_LAPPED;
	}
	seen->ended = outcome == RCAST_ENDED;
}

struct life {
	struct seen seen;
	pid_t writer;
	int ring_fd; /* for the reader that comes late */
};

static void begin_life(struct life *life)
{
	struct rcast_writer_options options = {.capacity_bytes = RCAST_RING_MIN_BYTES, .stamped = true};
	struct rcast_follower *follower;
	struct rcast_cursor *cursor;
	struct rcast_writer *writer;
	int wake_fd;

	must(rcast_writer_create(&options, &writer) == 0 && rcast_cursor_create(&cursor) == 0);
	*life = (struct life){.ring_fd = rcast_writer_dup_fd(writer)};
	must(rcast_reader_open_take(rcast_writer_dup_fd(writer), &life->seen.reader) == 0);
	must(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &follower, &wake_fd) == 0);
	must(rcast_reader_follow_take(life->seen.reader, cursor, wake_fd) == 0);
	atomic_store(&told->n_committed, 0);
	atomic_store(&told->death_ns, 0);
	life->writer = fork();
	must(life->writer >= 0);
	if (life->writer == 0)
		be_writer(writer, follower);
	rcast_writer_free(writer);
	rcast_follower_free(follower);
}

/* Follow until the pipe hangs up. Slow readers are lapped. If `kill_after` records were read, the writer is killed.
 * Returns how long after the death it was learnt, of readers that had nothing else to do; or 0. */
static uint64_t follow_to_death(struct life *life, bool slow, uint64_t kill_after)
{
	int outcome = 0;

	while (outcome != -EPIPE) {
		read_on(&life->seen, slow ? SLOW_RECORDS : MANY_RECORDS);
		if (kill_after > 0 && atomic_load(&told->death_ns) == 0 && life->seen.n_records >= kill_after) {
			atomic_store(&told->death_ns, now_ns());
			kill(life->writer, SIGKILL);
		}
		if (slow)
			poll(NULL, 0, 1);
		if (life->seen.ended) /* nothing to sleep for */
			return 0;
		outcome = rcast_reader_wait(life->seen.reader, 1000);
	}
	return slow ? 0 : now_ns() - atomic_load(&told->death_ns);
}

static void check_late_reader(const struct life *life)
{
	uint64_t kept_bytes = RCAST_RING_MIN_BYTES - 3 * CHUNK_BYTES, n_bytes;
	struct seen late = {.lapped = true};

	must(rcast_reader_open_take(life->ring_fd, &late.reader) == 0);
	read_on(&late, UINT64_MAX);
	must(late.n_records == 0 || late.next_sequence == life->seen.next_sequence);
	must(late.ended == life->seen.ended);
	n_bytes = rcast_reader_pos(late.reader) - late.first_pos;
	must(rcast_reader_pos(late.reader) <= kept_bytes ? late.first_pos == 0 : n_bytes >= kept_bytes);
	rcast_reader_close(late.reader);
}

/* Returns whether the writer was killed, rather than ended before. */
static bool end_life(struct life *life)
{
	uint64_t n_committed = atomic_load(&told->n_committed);
	int status;

	must(waitpid(life->writer, &status, 0) == life->writer);
	must(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
	read_on(&life->seen, UINT64_MAX);
	must(life->seen.lapped || life->seen.next_sequence >= n_committed);
	must(life->seen.next_sequence <= n_committed + IN_HAND);
	check_late_reader(life);
	rcast_reader_close(life->seen.reader);
	return WIFSIGNALED(status);
}

/* ── All lives ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct tally {
	uint64_t *learnt_ns;
	size_t n_deaths, n_learnt;
	uint64_t n_records;
};

static bool live_once(struct tally *tally, uint64_t number, uint64_t kill_after)
{
	struct life life;
	uint64_t learnt_ns;

	begin_life(&life);
	learnt_ns = follow_to_death(&life, number % 8 == 7, kill_after);
	if (!end_life(&life))
		return false;
	tally->n_deaths++;
	tally->n_records += life.seen.n_records;
	if (learnt_ns > 0)
		tally->learnt_ns[tally->n_learnt++] = learnt_ns;
	return true;
}

/* A process that is as busy as a writer, but writes nothing. */
static void die_holding_a_pipe(struct tally *tally)
{
	struct pollfd end = {.events = POLLIN};
	int ends[2];
	pid_t pid;

	must(pipe(ends) == 0);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		for (;;)
			atomic_fetch_add(&told->n_committed, 1);
	}
	close(ends[1]);
	end.fd = ends[0];
	poll(NULL, 0, 2);
	atomic_store(&told->death_ns, now_ns());
	kill(pid, SIGKILL);
	must(poll(&end, 1, -1) == 1);
	tally->learnt_ns[tally->n_learnt++] = now_ns() - atomic_load(&told->death_ns);
	tally->n_deaths++;
	close(ends[0]);
	must(waitpid(pid, NULL, 0) == pid);
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void report(const char *what, struct tally *tally)
{
	uint64_t *ns = tally->learnt_ns;
	size_t n = tally->n_learnt;

	if (tally->n_deaths == 0)
		return;
	qsort(ns, n, sizeof *ns, compare);
	printf("%-20s %6zu deaths", what, tally->n_deaths);
	if (tally->n_records > 0)
		printf(", %9llu records read, none torn, none missing", (unsigned long long)tally->n_records);
	if (n > 0)
		printf("; learnt in %.2f ms (p50), %.2f ms (p99), %.2f ms (most)", (double)ns[n / 2] / 1e6,
		       (double)ns[n * 99 / 100] / 1e6, (double)ns[n - 1] / 1e6);
	putchar('\n');
	fflush(stdout);
	*tally = (struct tally){.learnt_ns = ns};
}

int main(int argc, char **argv)
{
	unsigned int per_point = argc > 1 ? (unsigned int)atoi(argv[1]) : 20,
		     at_random = argc > 2 ? (unsigned int)atoi(argv[2]) : 200;
	struct tally tally = {.learnt_ns = calloc(per_point + at_random + 1, sizeof(uint64_t))};

	srandom(1);
	told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(told != MAP_FAILED);
	for (int i = 0; i < N_POINTS; i++) {
		armed = points[i].name;
		for (unsigned int n = 0; n < per_point; n++) {
			countdown = 1 + (unsigned int)random() % points[i].n_passed;
			must(live_once(&tally, n, 0)); /* else it did not come past this point so often */
		}
		report(points[i].name, &tally);
	}
	armed = NULL;
	for (unsigned int i = 0; i < at_random; i++)
		must(live_once(&tally, i, 1 + (uint64_t)random() % 3000));
	report("at random", &tally);
	for (unsigned int i = 0; i < at_random / 2; i++)
		die_holding_a_pipe(&tally);
	report("of a bare process", &tally);
	free(tally.learnt_ns);
	return 0;
}
