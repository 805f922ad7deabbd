/* SPDX-License-Identifier: MIT */
/*
 * One writer and N readers that live: our ring beside what most programs use, one UNIX socket a reader. Each reader is a
 * process on the other CPU and copies every message out. The writer sends 64 B or 4 KiB as fast as it can; on the ring it
 * also notifies after each record, so readers may sleep, as those of the sockets do.
 *
 * The sockets make the writer wait for the slowest reader, and so deliver everything. The ring never waits: how much it
 * delivered is given beside what it cost.
 */
#include <ringcast/ring.h>

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "perf/measure.h"

#define MAX_READERS 64
#define MAX_BYTES 4096

enum { COST, DELIVERED };

struct fan {
	int n_readers;
	size_t n_bytes;
	int socket_type; /* 0: our ring */
};

struct count {
	alignas(128) atomic_bool ready;
	alignas(128) uint64_t n_messages;
};

struct outlet {
	size_t n_bytes;
	struct count *count;
	int sockets[2]; /* writer's, reader's */
	struct rcast_reader *reader;
};

struct stage {
	const struct fan *fan;
	struct count *counts;
	struct outlet outlets[MAX_READERS];
	pid_t pids[MAX_READERS];
	struct rcast_writer *writer;
	struct rcast_follower *followers[MAX_READERS];
};

/* ── Readers ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void read_ring(void *argument)
{
	struct outlet *outlet = argument;
	struct rcast_record record;
	char data[MAX_BYTES];
	int outcome;

	atomic_store(&outlet->count->ready, true);
	while ((outcome = rcast_reader_read(outlet->reader, data, sizeof data, &record)) != RCAST_ENDED) {
		if (outcome == RCAST_EMPTY)
			outcome = rcast_reader_wait(outlet->reader, -1);
		else
			outlet->count->n_messages += outcome == RCAST_RECORD;
		measure_check(outcome, "reading the ring");
	}
}

/* A stream may give parts of messages: bytes are counted and divided. */
static void read_socket(void *argument)
{
	struct outlet *outlet = argument;
	uint64_t n_bytes = 0;
	char data[MAX_BYTES];
	ssize_t n;

	close(outlet->sockets[0]);
	atomic_store(&outlet->count->ready, true);
	while ((n = recv(outlet->sockets[1], data, outlet->n_bytes, 0)) > 0)
		n_bytes += (uint64_t)n;
	outlet->count->n_messages = n_bytes / outlet->n_bytes;
}

/* ── The writer ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void send_all(int fd, const char *data, size_t n_bytes)
{
	while (n_bytes > 0) {
		ssize_t n = send(fd, data, n_bytes, MSG_NOSIGNAL);

		if (n < 0)
			measure_fail(errno, "send");
		data += n;
		n_bytes -= (size_t)n;
	}
}

static void send_message(struct stage *stage, const char *data)
{
	if (stage->fan->socket_type == 0) {
		measure_check(rcast_writer_put(stage->writer, RCAST_OUTPUT, data, stage->fan->n_bytes), "rcast_writer_put");
		rcast_notify(stage->followers, (size_t)stage->fan->n_readers);
		return;
	}
	for (int i = 0; i < stage->fan->n_readers; i++)
		send_all(stage->outlets[i].sockets[0], data, stage->fan->n_bytes);
}

static uint64_t send_for_a_run(struct stage *stage, double *elapsed)
{
	static const char data[MAX_BYTES];
	uint64_t start = measure_now_ns(), now, n = 0;

	do {
		for (int i = 0; i < 16; i++)
			send_message(stage, data);
		n += 16;
		now = measure_now_ns();
	} while (now - start < measure_run_ns());
	*elapsed = (double)(now - start);
	return n;
}

/* ── A run ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void open_ring_outlet(struct stage *stage, int i)
{
	struct outlet *outlet = &stage->outlets[i];
	struct rcast_cursor *cursor;
	int wake_fd;

	measure_check(rcast_reader_open_take(rcast_writer_dup_fd(stage->writer), &outlet->reader), "rcast_reader_open_take");
	measure_check(rcast_cursor_create(&cursor), "rcast_cursor_create");
	measure_check(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &stage->followers[i], &wake_fd),
		      "rcast_follower_create_take");
	measure_check(rcast_reader_follow_take(outlet->reader, cursor, wake_fd), "rcast_reader_follow_take");
}

/* A reader gets hold only of its own socket, or a stream would never end for those forked before. */
static void open_outlet(struct stage *stage, int i)
{
	struct outlet *outlet = &stage->outlets[i];

	outlet->n_bytes = stage->fan->n_bytes;
	outlet->count = &stage->counts[i];
	if (stage->fan->socket_type == 0) {
		open_ring_outlet(stage, i);
		stage->pids[i] = measure_fork(MEASURE_CPU_1, read_ring, outlet);
		return;
	}
	if (socketpair(AF_UNIX, stage->fan->socket_type | SOCK_CLOEXEC, 0, outlet->sockets) != 0)
		measure_fail(errno, "socketpair");
	stage->pids[i] = measure_fork(MEASURE_CPU_1, read_socket, outlet);
	close(outlet->sockets[1]);
}

static void end_stream(struct stage *stage)
{
	if (stage->fan->socket_type == 0) {
		measure_check(rcast_writer_end(stage->writer), "rcast_writer_end");
		rcast_notify(stage->followers, (size_t)stage->fan->n_readers);
		return;
	}
	for (int i = 0; i < stage->fan->n_readers; i++)
		shutdown(stage->outlets[i].sockets[0], SHUT_WR);
}

static double close_outlets(struct stage *stage)
{
	double n_messages = 0;

	for (int i = 0; i < stage->fan->n_readers; i++) {
		measure_join(stage->pids[i]);
		n_messages += (double)stage->counts[i].n_messages;
		if (stage->fan->socket_type == 0) {
			rcast_reader_close(stage->outlets[i].reader);
			rcast_follower_free(stage->followers[i]);
		} else {
			close(stage->outlets[i].sockets[0]);
		}
	}
	return n_messages;
}

static void run(const void *context, double values[MEASURE_N_VALUES])
{
	struct stage stage = {.fan = context, .counts = measure_share(MAX_READERS * sizeof *stage.counts)};
	double elapsed, n_delivered;
	uint64_t n_sent;

	if (stage.fan->socket_type == 0)
		measure_check(rcast_writer_create(NULL, &stage.writer), "rcast_writer_create");
	for (int i = 0; i < stage.fan->n_readers; i++)
		open_outlet(&stage, i);
	for (int i = 0; i < stage.fan->n_readers; i++)
		while (!atomic_load(&stage.counts[i].ready))
			measure_relax();
	n_sent = send_for_a_run(&stage, &elapsed);
	end_stream(&stage);
	n_delivered = close_outlets(&stage);
	values[COST] = elapsed / (double)n_sent;
	values[DELIVERED] = 100.0 * n_delivered / (double)n_sent / stage.fan->n_readers;
	rcast_writer_free(stage.writer);
	measure_unshare(stage.counts, MAX_READERS * sizeof *stage.counts);
}

#define FAN(n, bytes, type)                                \
	{                                                  \
		.run = run, .context = &(const struct fan) \
		{                                          \
			(n), (bytes), (type)               \
		}                                          \
	}
#define ALL_KINDS(n, bytes) FAN(n, bytes, 0), FAN(n, bytes, SOCK_SEQPACKET), FAN(n, bytes, SOCK_STREAM)

static void report(const struct measure_probe *p, int n_readers, size_t n_bytes)
{
	char ours[80], plot[32];

	snprintf(ours, sizeof ours, "publish + notify %zu B, %d live reader%s, against SEQPACKET", n_bytes, n_readers,
		 n_readers == 1 ? "" : "s");
	measure_report(
		(const struct measure_row[]){
			{ours, "ns", &p[0].series[COST], &p[1].series[COST], MEASURE_NO_GOAL, 0},
			{"  against SOCK_STREAM", "ns", &p[0].series[COST], &p[2].series[COST], MEASURE_NO_GOAL, 0},
			{"  delivered", "%", &p[0].series[DELIVERED], &p[1].series[DELIVERED], MEASURE_NO_GOAL, 0},
		},
		3);
	snprintf(plot, sizeof plot, "viewers-%zu", n_bytes);
	measure_point(plot, "ring: publish + notify", n_readers, "ns", &p[0].series[COST]);
	measure_point(plot, "SEQPACKET sockets", n_readers, "ns", &p[1].series[COST]);
	measure_point(plot, "STREAM sockets", n_readers, "ns", &p[2].series[COST]);
}

int main(int argc, char **argv)
{
	static const int counts[] = {1, 4, 16, 64};
	static const size_t lengths[] = {64, 4096};
	struct measure_probe p[] = {ALL_KINDS(1, 64),   ALL_KINDS(4, 64),   ALL_KINDS(16, 64),   ALL_KINDS(64, 64),
				    ALL_KINDS(1, 4096), ALL_KINDS(4, 4096), ALL_KINDS(16, 4096), ALL_KINDS(64, 4096)};
	enum { KINDS = 3 };

	measure_start(argc, argv);
	measure_run_rounds(p, sizeof p / sizeof *p, measure_is_quick() ? 3 : 11);
	for (size_t i = 0; i < sizeof p / sizeof *p / KINDS; i++)
		report(&p[i * KINDS], counts[i % 4], lengths[i / 4]);
	return 0;
}
