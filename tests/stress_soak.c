/* SPDX-License-Identifier: MIT */
/*
 * stress_soak [SECONDS]: one program, 32 viewers that stall at random, half of them by ring, half by circuit. Every record carries
 * a checksum and is a function of its number. Meanwhile readers are kicked, so that the session moves from ring to ring, and it
 * changes the size of its ring. When it is over each viewer, by whatever way it got its records, must have come to the same
 * last record, and what it was given and what it was told that it lost must be all that was written: in records, in bytes of
 * output, and in bytes of ring. Prints what they went through.
 *
 *   engine    a process on three threads; a fourth publishes, in bursts and pauses
 *   viewers   a process each
 *   parent    kicks, waits, adds up
 */
#include <ringcast/client.h>
#include <ringcast/engine.h>

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "must.h"

enum { N_VIEWERS = 32, MAX_PAYLOAD_BYTES = 6000, BOUND_MS = 300000, KICK_EVERY_MS = 150, ROTATE_EVERY = 40 };

#define RING_BYTES (UINT64_C(1) << 20)

/* What one viewer went through, and the publisher's truth. In memory that all share. */
struct account {
	uint64_t n_records, n_output, n_ring_bytes; /* given */
	struct rcast_loss lost;
	uint64_t next_sequence, next_pos, next_output; /* behind the last record */
	uint64_t n_stalls;
};

static struct {
	_Atomic unsigned int n_attached;
	_Atomic bool over;
	_Atomic uint64_t n_moves;
	struct account viewers[N_VIEWERS];
	struct rcast_writer_state written;
} * shared;

static char path[64];

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ── Records ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct payload {
	uint64_t number, sum;
	uint32_t n_words;
	uint32_t words[MAX_PAYLOAD_BYTES / sizeof(uint32_t)];
};

#define PAYLOAD_HEAD_BYTES offsetof(struct payload, words)

static uint64_t checksum(const struct payload *payload)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325) ^ payload->number;

	for (uint32_t i = 0; i < payload->n_words; i++)
		sum = (sum ^ payload->words[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static size_t make_payload(struct payload *payload, uint64_t number)
{
	uint64_t state = number * UINT64_C(0x9e3779b97f4a7c15) + 1;

	payload->number = number;
	payload->n_words = (uint32_t)(next_random(&state) % (next_random(&state) % 4 ? 40 : MAX_PAYLOAD_BYTES / 4));
	for (uint32_t i = 0; i < payload->n_words; i++)
		payload->words[i] = (uint32_t)next_random(&state);
	payload->sum = checksum(payload);
	return PAYLOAD_HEAD_BYTES + payload->n_words * sizeof payload->words[0];
}

static void check_payload(const struct rcast_record *record)
{
	struct payload payload;

	must(record->n_bytes >= PAYLOAD_HEAD_BYTES && record->n_bytes <= sizeof payload);
	memcpy(&payload, record->data, record->n_bytes);
	must(payload.number == record->sequence);
	must(record->n_bytes == PAYLOAD_HEAD_BYTES + payload.n_words * sizeof payload.words[0]);
	must(payload.sum == checksum(&payload));
}

/* ── The engine ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void *run_control(void *engine)
{
	while (rcast_engine_control(engine, -1) == 0)
		continue;
	return NULL;
}

static void *run_pump(void *engine)
{
	while (rcast_engine_pump(engine, -1) == 0)
		continue;
	return NULL;
}

static void *run_notifier(void *engine)
{
	while (rcast_engine_notify(engine, -1) == 0)
		continue;
	return NULL;
}

static void move_session(struct rcast_session *session, uint64_t random)
{
	uint64_t ring_bytes = random & 1 ? 0 : RING_BYTES << (random >> 1) % 3;

	if (rcast_session_rotate(session, ring_bytes) == 0)
		atomic_fetch_add(&shared->n_moves, 1);
}

/* How many records were published, those of no output among them that a move puts into an empty ring. */
static uint64_t count_records(struct rcast_session *session)
{
	struct rcast_writer_state state;

	rcast_writer_get_state(rcast_session_writer(session), &state);
	return state.n_records;
}

/* Bursts that lap whoever stalls, and pauses in which all catch up and fall asleep. */
static void publish(struct rcast_session *session)
{
	uint64_t state = 88172645463325252u, number;
	struct payload payload;

	while (!atomic_load(&shared->over)) {
		uint64_t random = next_random(&state);

		number = count_records(session);
		for (uint64_t n = random % 400; n > 0; n--) {
			size_t n_bytes = make_payload(&payload, number++);

			must(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, &payload, n_bytes) == 0);
		}
		if (rcast_session_wants_rotation(session) || (random >> 33) % ROTATE_EVERY == 0)
			move_session(session, random >> 40);
		rcast_session_notify(session);
		poll(NULL, 0, (int)(random >> 20 & 7));
	}
	rcast_writer_get_state(rcast_session_writer(session), &shared->written);
	must(rcast_writer_end(rcast_session_writer(session)) == 0);
	rcast_session_notify(session);
}

static _Noreturn void be_engine(void)
{
	struct rcast_engine_options options = {.path = path, .evict_after_ms = RCAST_NEVER};
	struct rcast_session_options session_options = {.name = "s", .ring_bytes = RING_BYTES};
	void *(*const steps[])(void *) = {run_control, run_pump, run_notifier};
	struct rcast_session *session;
	struct rcast_engine *engine;
	pthread_t threads[3];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(rcast_engine_create(&options, &engine) == 0);
	must(rcast_engine_start_owned(engine, &session_options, &session) == 0);
	for (int i = 0; i < 3; i++)
		must(pthread_create(&threads[i], NULL, steps[i], engine) == 0);
	while (atomic_load(&shared->n_attached) < N_VIEWERS)
		poll(NULL, 0, 1);
	publish(session);
	for (;;)
		pause();
}

static struct rcast_client *connect_to_engine(void)
{
	uint64_t until_ms = now_ms() + BOUND_MS;
	struct rcast_client *client;

	while (rcast_client_connect(path, &client) != 0) {
		must(now_ms() < until_ms);
		poll(NULL, 0, 1);
	}
	rcast_client_set_timeout(client, BOUND_MS);
	return client;
}

/* ── Viewers ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Now and then, for a moment or for several laps. */
static void stall_at_random(struct account *account, uint64_t *state)
{
	uint64_t random = next_random(state);

	if (random % 2000 != 0)
		return;
	account->n_stalls++;
	poll(NULL, 0, (int)(random >> 32 & 15 ? random >> 40 & 7 : random >> 40 & 511));
}

static void take_record(struct account *account, const struct rcast_record *record)
{
	must(record->kind == RCAST_OUTPUT && record->stamped);
	if (record->n_bytes > 0)
		check_payload(record);
	account->n_records++;
	account->n_output += record->n_bytes;
	account->n_ring_bytes += record->next_pos - record->pos;
	account->next_sequence = record->sequence + 1;
	account->next_pos = record->next_pos;
	account->next_output = record->output_pos + record->n_bytes;
}

static _Noreturn void be_viewer(unsigned int number)
{
	struct rcast_view_options options = {.from = RCAST_FROM_POS, .by_circuit = number % 2};
	struct account *account = &shared->viewers[number];
	uint64_t state = number * 1000003 + 7;
	struct rcast_client *client;
	struct rcast_record record;
	struct rcast_view *view;
	int outcome;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	client = connect_to_engine();
	must(rcast_view_open(client, "s", &options, &view) == 0);
	atomic_fetch_add(&shared->n_attached, 1);
	while ((outcome = rcast_view_next(view, &record)) != RCAST_ENDED) {
		must(outcome >= 0);
		if (outcome == RCAST_RECORD)
			take_record(account, &record);
		else if (outcome == RCAST_EMPTY)
			must(poll(&(struct pollfd){.fd = rcast_view_fd(view), .events = POLLIN}, 1, BOUND_MS) == 1);
		stall_at_random(account, &state);
	}
	account->lost = rcast_view_get_loss(view);
	rcast_view_close(view);
	rcast_client_free(client);
	_exit(0);
}

/* ── The parent ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void kick_one(struct rcast_client *client)
{
	struct rcast_session_stats stats;
	struct rcast_view *victim;

	must(rcast_view_open(client, "s", NULL, &victim) == 0);
	must(rcast_client_stats(client, "s", &stats) == 0 && stats.n_readers == N_VIEWERS + 1);
	must(rcast_client_kick(client, "s", stats.readers[N_VIEWERS].id) == 0);
	rcast_view_close(victim);
}

/* Given and lost are all that was written, to the last record. */
static void check_account(const struct account *account)
{
	const struct rcast_writer_state *written = &shared->written;

	must(account->next_sequence == written->n_records && account->next_pos == written->next_pos);
	must(account->next_output == written->n_output);
	must(account->n_records + account->lost.lost_records == written->n_records);
	must(account->n_output + account->lost.lost_output == written->n_output);
	must(account->n_ring_bytes + account->lost.lost_bytes == written->next_pos);
}

static void report(uint64_t n_kicks)
{
	uint64_t n_records = 0, n_gaps = 0, n_lost = 0, n_stalls = 0;

	for (int i = 0; i < N_VIEWERS; i++) {
		check_account(&shared->viewers[i]);
		n_records += shared->viewers[i].n_records;
		n_gaps += shared->viewers[i].lost.n_gaps;
		n_lost += shared->viewers[i].lost.lost_records;
		n_stalls += shared->viewers[i].n_stalls;
	}
	printf("%d viewers, %" PRIu64 " stalls, %" PRIu64 " kicks of another, %" PRIu64 " moves to another ring: %" PRIu64
	       " records written, %" PRIu64 " checksums right, 0 wrong, %" PRIu64 " lost in %" PRIu64
	       " gaps; all accounts balance\n",
	       N_VIEWERS, n_stalls, n_kicks, atomic_load(&shared->n_moves), shared->written.n_records, n_records, n_lost,
	       n_gaps);
}

int main(int argc, char **argv)
{
	uint64_t until_ms = now_ms() + (argc > 1 ? strtoull(argv[1], NULL, 10) : 3) * 1000, n_kicks = 0;
	pid_t viewers[N_VIEWERS], engine;
	struct rcast_client *client;
	int status;

	snprintf(path, sizeof path, "/tmp/stress_soak.%d", (int)getpid());
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED);
	engine = fork();
	if (engine == 0)
		be_engine();
	for (unsigned int i = 0; i < N_VIEWERS; i++) {
		viewers[i] = fork();
		if (viewers[i] == 0)
			be_viewer(i);
	}
	client = connect_to_engine();
	while (now_ms() < until_ms) {
		poll(NULL, 0, KICK_EVERY_MS);
		if (atomic_load(&shared->n_attached) < N_VIEWERS)
			continue;
		kick_one(client);
		n_kicks++;
	}
	atomic_store(&shared->over, true);
	for (int i = 0; i < N_VIEWERS; i++)
		must(waitpid(viewers[i], &status, 0) == viewers[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	report(n_kicks);
	rcast_client_free(client);
	kill(engine, SIGKILL);
	waitpid(engine, NULL, 0);
	unlink(path);
	return 0;
}
