/* SPDX-License-Identifier: MIT */
/*
 * Messages of 64 B from one process to N others, through libraries that one might take instead of ours: ZeroMQ and nng PUB/SUB
 * over their ipc transports, iceoryx through its daemon, libqb's overwriting ring (with no reader: it has no broadcast).
 *
 * Writer and readers are processes that share nothing but a page of counts. Peers make their threads and connections in the
 * process that uses them. Because most of them lose what comes before a reader is there, the writer sends warm-up messages until
 * each reader has seen one, counts what it sends after that, and then says the end until each reader has seen that too.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ringcast/ring.h>

#include <iceoryx_binding_c/enums.h>
#include <iceoryx_binding_c/types.h>
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <qb/qbrb.h>
#include <zmq.h>

#include "perf/measure.h"
#include "perf/scratch.h"
#include "perf/terminal.h"

#define N_BYTES 64
#define MAX_READERS 4

enum { COST, DELIVERED, RATE };

/* What a message is, in its first byte. */
enum tag { WARM_UP = 'w', COUNTED = 'c', LAST = 'l' };

struct peer {
	const char *name;
	void (*prepare)(const char *address, int n_readers); /* before anybody is forked; may be NULL */
	void (*open_writer)(const char *address);
	void (*send)(const char data[N_BYTES]);
	void (*open_reader)(const char *address, int i);
	bool (*receive)(char data[N_BYTES]); /* false: nothing yet; may block */
	void (*dispose)(void);               /* of what prepare made; may be NULL */
	void (*leave)(void);                 /* at the end of a writer or reader; may be NULL */
};

/* ── Ours ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct {
	struct rcast_writer *writer;
	struct rcast_reader *readers[MAX_READERS], *reader;
	struct rcast_follower *followers[MAX_READERS];
	size_t n;
} ours;

static void ours_prepare(const char *address, int n_readers)
{
	measure_check(rcast_writer_create(NULL, &ours.writer), "rcast_writer_create");
	ours.n = (size_t)n_readers;
	for (int i = 0; i < n_readers; i++) {
		struct rcast_cursor *cursor;
		int wake_fd;

		measure_check(rcast_reader_open_take(rcast_writer_dup_fd(ours.writer), &ours.readers[i]),
			      "rcast_reader_open_take");
		measure_check(rcast_cursor_create(&cursor), "rcast_cursor_create");
		measure_check(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &ours.followers[i], &wake_fd),
			      "rcast_follower_create_take");
		measure_check(rcast_reader_follow_take(ours.readers[i], cursor, wake_fd), "rcast_reader_follow_take");
	}
}

static void ours_dispose(void)
{
	for (size_t i = 0; i < ours.n; i++) {
		rcast_reader_close(ours.readers[i]);
		rcast_follower_free(ours.followers[i]);
	}
	rcast_writer_free(ours.writer);
}

static void ours_open_writer(const char *address)
{
}

static void ours_send(const char data[N_BYTES])
{
	rcast_writer_put(ours.writer, RCAST_OUTPUT, data, N_BYTES);
	rcast_notify(ours.followers, ours.n);
}

static void ours_open_reader(const char *address, int i)
{
	ours.reader = ours.readers[i];
}

static bool ours_receive(char data[N_BYTES])
{
	struct rcast_record record;
	int outcome = rcast_reader_read(ours.reader, data, N_BYTES, &record);

	if (outcome == RCAST_EMPTY)
		rcast_reader_wait(ours.reader, -1);
	return outcome == RCAST_RECORD;
}

/* ── ZeroMQ ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void *zeromq;

static void zeromq_open_writer(const char *address)
{
	zeromq = zmq_socket(zmq_ctx_new(), ZMQ_PUB);
	if (!zeromq || zmq_bind(zeromq, address) != 0)
		measure_fail(errno, "zmq_bind %s", address);
}

static void zeromq_send(const char data[N_BYTES])
{
	zmq_send(zeromq, data, N_BYTES, 0);
}

static void zeromq_open_reader(const char *address, int i)
{
	zeromq = zmq_socket(zmq_ctx_new(), ZMQ_SUB);
	if (!zeromq || zmq_connect(zeromq, address) != 0 || zmq_setsockopt(zeromq, ZMQ_SUBSCRIBE, "", 0) != 0)
		measure_fail(errno, "zmq_connect %s", address);
}

static bool zeromq_receive(char data[N_BYTES])
{
	return zmq_recv(zeromq, data, N_BYTES, 0) == N_BYTES;
}

/* ── nng ─────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static nng_socket nng;

static void nng_open_writer(const char *address)
{
	if (nng_pub0_open(&nng) != 0 || nng_listen(nng, address, NULL, 0) != 0)
		measure_fail(0, "nng_listen %s", address);
}

static void nng_send_message(const char data[N_BYTES])
{
	nng_send(nng, (void *)data, N_BYTES, 0);
}

static void nng_open_reader(const char *address, int i)
{
	if (nng_sub0_open(&nng) != 0 || nng_socket_set(nng, NNG_OPT_SUB_SUBSCRIBE, "", 0) != 0 ||
	    nng_dial(nng, address, NULL, NNG_FLAG_NONBLOCK) != 0)
		measure_fail(0, "nng_dial %s", address);
}

static bool nng_receive(char data[N_BYTES])
{
	size_t n_bytes = N_BYTES;

	return nng_recv(nng, data, &n_bytes, 0) == 0 && n_bytes == N_BYTES;
}

/* ── libqb ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static qb_ringbuffer_t *qb;

static void qb_open_writer(const char *address)
{
	char name[64];

	snprintf(name, sizeof name, "ringcast-perf-%d", (int)getpid());
	qb = qb_rb_open(name, RCAST_RING_DEFAULT_BYTES, QB_RB_FLAG_CREATE | QB_RB_FLAG_OVERWRITE | QB_RB_FLAG_NO_SEMAPHORE,
			0);
	if (!qb)
		measure_fail(errno, "qb_rb_open");
}

static void qb_send(const char data[N_BYTES])
{
	qb_rb_chunk_write(qb, data, N_BYTES);
	if (data[0] == LAST)
		qb_rb_close(qb);
}

/* ── iceoryx ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct {
	iox_pub_storage_t publisher_storage;
	iox_sub_storage_t subscriber_storage;
	iox_pub_t publisher;
	iox_sub_t subscriber;
} ice;

/* Its runtime reports on standard output, where the table goes. */
static void ice_join(const char *role)
{
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char name[64];

	dup2(null_fd, STDOUT_FILENO);
	dup2(null_fd, STDERR_FILENO);
	snprintf(name, sizeof name, "ringcast-perf-%s-%d", role, (int)getpid());
	iox_runtime_init(name);
}

static void ice_open_writer(const char *address)
{
	iox_pub_options_t options;

	ice_join("writer");
	iox_pub_options_init(&options);
	ice.publisher = iox_pub_init(&ice.publisher_storage, "ringcast", "perf", "messages", &options);
}

static void ice_send(const char data[N_BYTES])
{
	void *chunk;

	if (iox_pub_loan_chunk(ice.publisher, &chunk, N_BYTES) != AllocationResult_SUCCESS)
		measure_fail(0, "iceoryx has no chunk to lend");
	memcpy(chunk, data, N_BYTES);
	iox_pub_publish_chunk(ice.publisher, chunk);
}

static void ice_open_reader(const char *address, int i)
{
	iox_sub_options_t options;

	ice_join("reader");
	iox_sub_options_init(&options);
	options.queueCapacity = 256;
	ice.subscriber = iox_sub_init(&ice.subscriber_storage, "ringcast", "perf", "messages", &options);
}

static bool ice_receive(char data[N_BYTES])
{
	const void *chunk;

	if (iox_sub_take_chunk(ice.subscriber, &chunk) != ChunkReceiveResult_SUCCESS) {
		measure_relax();
		return false;
	}
	memcpy(data, chunk, N_BYTES);
	iox_sub_release_chunk(ice.subscriber, chunk);
	return true;
}

/* The runtime signs off in a destructor, and the daemon aborts if somebody did not, and leaves its shared memory behind. */
static void ice_leave(void)
{
	if (ice.publisher)
		iox_pub_deinit(ice.publisher);
	if (ice.subscriber)
		iox_sub_deinit(ice.subscriber);
	exit(0);
}

/* Its daemon; what it says goes nowhere. */
static pid_t start_roudi(void)
{
	pid_t roudi = terminal_run(MEASURE_ANY_CPU, (const char *const[]){"iox-roudi", "-m", "off", "-l", "off", NULL});

	usleep(500000);
	return roudi;
}

/* Asked to end, it removes its shared memory. */
static void stop_roudi(pid_t roudi)
{
	kill(roudi, SIGTERM);
	waitpid(roudi, NULL, 0);
}

/* ── A run ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct peer ours_peer = {.name = "ringcast, publish + notify",
				      .prepare = ours_prepare,
				      .open_writer = ours_open_writer,
				      .send = ours_send,
				      .open_reader = ours_open_reader,
				      .receive = ours_receive,
				      .dispose = ours_dispose};
static const struct peer zeromq_peer = {.name = "ZeroMQ",
					.open_writer = zeromq_open_writer,
					.send = zeromq_send,
					.open_reader = zeromq_open_reader,
					.receive = zeromq_receive};
static const struct peer nng_peer = {.name = "nng",
				     .open_writer = nng_open_writer,
				     .send = nng_send_message,
				     .open_reader = nng_open_reader,
				     .receive = nng_receive};
static const struct peer qb_peer = {.name = "libqb", .open_writer = qb_open_writer, .send = qb_send};
static const struct peer ice_peer = {.name = "iceoryx",
				     .open_writer = ice_open_writer,
				     .send = ice_send,
				     .open_reader = ice_open_reader,
				     .receive = ice_receive,
				     .leave = ice_leave};

struct meeting {
	alignas(128) atomic_int n_ready;
	alignas(128) atomic_int n_done;
	alignas(128) double elapsed_ns;
	uint64_t n_sent;
	alignas(128) _Atomic uint64_t n_received;
};

struct run {
	const struct peer *peer;
	int n_readers;
};

struct role {
	const struct run *run;
	const char *address;
	struct meeting *meeting;
	int i;
};

static void send_tagged(const struct peer *peer, enum tag tag)
{
	char data[N_BYTES] = {(char)tag};

	peer->send(data);
}

static void write_messages(void *argument)
{
	const struct role *role = argument;
	const struct peer *peer = role->run->peer;
	uint64_t start, elapsed;

	peer->open_writer(role->address);
	while (atomic_load(&role->meeting->n_ready) < role->run->n_readers) {
		send_tagged(peer, WARM_UP);
		usleep(1000);
	}
	start = measure_now_ns();
	do {
		for (int i = 0; i < 64; i++)
			send_tagged(peer, COUNTED);
		role->meeting->n_sent += 64;
		elapsed = measure_now_ns() - start;
	} while (elapsed < measure_run_ns());
	role->meeting->elapsed_ns = (double)elapsed;
	do {
		send_tagged(peer, LAST);
		usleep(1000);
	} while (atomic_load(&role->meeting->n_done) < role->run->n_readers);
	if (peer->leave)
		peer->leave();
}

static void read_messages(void *argument)
{
	const struct role *role = argument;
	const struct peer *peer = role->run->peer;
	uint64_t n_received = 0;
	char data[N_BYTES];

	peer->open_reader(role->address, role->i);
	while (!peer->receive(data))
		;
	atomic_fetch_add(&role->meeting->n_ready, 1);
	while (data[0] != LAST) {
		if (peer->receive(data))
			n_received += data[0] == COUNTED;
	}
	atomic_fetch_add(&role->meeting->n_received, n_received);
	atomic_fetch_add(&role->meeting->n_done, 1);
	if (peer->leave)
		peer->leave();
}

static void run_peer(const void *context, double values[MEASURE_N_VALUES])
{
	static unsigned int n_runs;
	const struct run *run = context;
	struct meeting *meeting = measure_share(sizeof *meeting);
	char address[128];
	struct role roles[MAX_READERS + 1];
	pid_t pids[MAX_READERS + 1];

	snprintf(address, sizeof address, "ipc://%s", scratch_path("peer-%u", n_runs++));
	if (run->peer->prepare)
		run->peer->prepare(address, run->n_readers);
	for (int i = 0; i <= run->n_readers; i++) {
		roles[i] = (struct role){run, address, meeting, i - 1};
		pids[i] = i == 0 ? measure_fork(MEASURE_CPU_0, write_messages, &roles[i])
				 : measure_fork(MEASURE_CPU_1, read_messages, &roles[i]);
	}
	for (int i = 0; i <= run->n_readers; i++)
		measure_join(pids[i]);
	if (run->peer->dispose)
		run->peer->dispose();
	values[COST] = meeting->elapsed_ns / (double)meeting->n_sent;
	if (run->n_readers > 0) {
		values[DELIVERED] = 100.0 * (double)meeting->n_received / (double)meeting->n_sent / run->n_readers;
		values[RATE] = (double)meeting->n_received / run->n_readers / meeting->elapsed_ns * 1e3;
	}
	measure_unshare(meeting, sizeof *meeting);
}

static void report(const struct run *run, const struct measure_probe *probe, const struct measure_probe *against)
{
	char name[96];

	snprintf(name, sizeof name, "64 B to %d reader%s: %s, against ringcast", run->n_readers,
		 run->n_readers == 1 ? "" : "s", run->peer->name);
	if (probe == against)
		*strrchr(name, ',') = 0;
	measure_report(
		(const struct measure_row[]){
			{name, "ns", &probe->series[COST], probe == against ? NULL : &against->series[COST], MEASURE_NO_GOAL,
			 0},
			{"  delivered", "%", &probe->series[DELIVERED], NULL, MEASURE_NO_GOAL, 0},
			{"  delivered to each", "M/s", &probe->series[RATE], NULL, MEASURE_NO_GOAL, 0},
		},
		run->n_readers > 0 ? 3 : 1);
}

int main(int argc, char **argv)
{
	static const struct run runs[] = {
		{&ours_peer, 0},   {&qb_peer, 0},     {&zeromq_peer, 0}, {&nng_peer, 0}, {&ice_peer, 0},
		{&ours_peer, 1},   {&zeromq_peer, 1}, {&nng_peer, 1},    {&ice_peer, 1}, {&ours_peer, 4},
		{&zeromq_peer, 4}, {&nng_peer, 4},    {&ice_peer, 4},
	};
	enum { N = sizeof runs / sizeof *runs };
	struct measure_probe probes[N];
	size_t against = 0;
	pid_t roudi;

	measure_start(argc, argv);
	roudi = start_roudi();
	for (size_t i = 0; i < N; i++)
		probes[i] = (struct measure_probe){.run = run_peer, .context = &runs[i]};
	measure_run(probes, N);
	for (size_t i = 0; i < N; i++) {
		if (runs[i].peer == &ours_peer)
			against = i;
		report(&runs[i], &probes[i], &probes[against]);
	}
	stop_roudi(roudi);
	return 0;
}
