/* SPDX-License-Identifier: MIT */
/*
 * A request of 64 B and its reply of 64 B over one SEQPACKET socket: as an exchange on a circuit, and as two plain messages.
 * Both sides wait in poll(2), as programs with more than one thing to do; the plain side blocked in recv(2) is the lowest
 * floor, and the goal is set against that.
 */
#include <ringcast/circuit.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "perf/measure.h"

#define N_BYTES 64

enum { P50, P99 };

static size_t n_trips(void)
{
	return measure_is_quick() ? 300 : 3000;
}

/* ── Plain messages ──────────────────────────────────────────────────────────────────────────────────────────────────── */

struct plain {
	int sockets[2];
	bool polls;
};

static bool receive(const struct plain *plain, int side)
{
	char data[N_BYTES];

	if (plain->polls)
		poll(&(struct pollfd){.fd = plain->sockets[side], .events = POLLIN}, 1, -1);
	return recv(plain->sockets[side], data, sizeof data, 0) == sizeof data;
}

static void transmit(const struct plain *plain, int side)
{
	static const char data[N_BYTES];

	if (send(plain->sockets[side], data, sizeof data, MSG_NOSIGNAL) != sizeof data)
		measure_fail(errno, "send");
}

static void answer_plainly(void *argument)
{
	const struct plain *plain = argument;

	close(plain->sockets[0]);
	while (receive(plain, 1))
		transmit(plain, 1);
}

static void ask_plainly(void *argument)
{
	const struct plain *plain = argument;

	transmit(plain, 0);
	if (!receive(plain, 0))
		measure_fail(errno, "no reply");
}

/* ── Circuits ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct asker {
	struct rcast_link *link;
	bool answered;
};

static void send_last(struct rcast_circuit *circuit)
{
	static char data[N_BYTES];

	measure_check(rcast_circuit_send(circuit, &(struct iovec){data, sizeof data}, 1, RCAST_LAST), "rcast_circuit_send");
}

static enum rcast_consumed take_request(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	send_last(circuit);
	return RCAST_CONSUMED;
}

static enum rcast_consumed take_reply(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	struct asker *asker = user;

	asker->answered = message->n_bytes == N_BYTES;
	return RCAST_CONSUMED;
}

static void take_exchange(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	static const struct rcast_circuit_ops ops = {.message = take_request};

	rcast_circuit_set_handler(circuit, &ops, NULL);
}

static int wait_and_dispatch(struct rcast_link *link)
{
	poll(&(struct pollfd){.fd = rcast_link_fd(link), .events = rcast_link_events(link)}, 1, rcast_link_timeout_ms(link));
	return rcast_link_dispatch(link);
}

static void answer_circuits(void *argument)
{
	static const struct rcast_link_ops ops = {.begun = take_exchange};
	const int *sockets = argument;
	struct rcast_link *link;
	int error;

	close(sockets[0]);
	measure_check(rcast_link_open_take(sockets[1], RCAST_ACCEPTED, NULL, &ops, NULL, &link), "rcast_link_open_take");
	while ((error = wait_and_dispatch(link)) == 0)
		;
	if (error != -EPIPE)
		measure_fail(error, "%s", rcast_link_reason(link));
	rcast_link_free(link);
}

static void ask_on_a_circuit(void *argument)
{
	static const struct rcast_circuit_ops ops = {.message = take_reply};
	struct asker *asker = argument;
	struct rcast_circuit *circuit;

	asker->answered = false;
	measure_check(rcast_circuit_begin(asker->link, &ops, asker, &circuit), "rcast_circuit_begin");
	send_last(circuit);
	while (!asker->answered)
		measure_check(wait_and_dispatch(asker->link), "rcast_link_dispatch");
}

/* ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void ask_again_and_again(void (*ask)(void *), void *argument, double values[MEASURE_N_VALUES])
{
	double *samples = calloc(n_trips(), sizeof *samples);

	for (size_t i = 0; i < n_trips(); i++) {
		uint64_t start = measure_now_ns();

		ask(argument);
		samples[i] = (double)(measure_now_ns() - start) / 1e3;
	}
	values[P50] = measure_percentile(samples, n_trips(), 50);
	values[P99] = measure_percentile(samples, n_trips(), 99);
	free(samples);
}

static void open_sockets(int sockets[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
		measure_fail(errno, "socketpair");
}

static void run_plain(const void *context, double values[MEASURE_N_VALUES])
{
	struct plain plain = {.polls = context != NULL};
	pid_t other;

	open_sockets(plain.sockets);
	other = measure_fork(MEASURE_CPU_1, answer_plainly, &plain);
	close(plain.sockets[1]);
	ask_again_and_again(ask_plainly, &plain, values);
	close(plain.sockets[0]);
	measure_join(other);
}

static void run_circuits(const void *context, double values[MEASURE_N_VALUES])
{
	static const struct rcast_link_ops ops = {0};
	struct asker asker;
	int sockets[2];
	pid_t other;

	open_sockets(sockets);
	other = measure_fork(MEASURE_CPU_1, answer_circuits, sockets);
	close(sockets[1]);
	measure_check(rcast_link_open_take(sockets[0], RCAST_DIALLED, NULL, &ops, NULL, &asker.link),
		      "rcast_link_open_take");
	ask_again_and_again(ask_on_a_circuit, &asker, values);
	rcast_link_free(asker.link);
	measure_join(other);
}

int main(int argc, char **argv)
{
	enum { BLOCKED, POLLED, CIRCUITS, N };
	struct measure_probe p[N] = {
		[BLOCKED] = {.run = run_plain},
		[POLLED] = {.run = run_plain, .context = ""},
		[CIRCUITS] = {.run = run_circuits},
	};
	const struct measure_row rows[] = {
		{"request and reply of 64 B on a circuit, p50", "us", &p[CIRCUITS].series[P50], &p[BLOCKED].series[P50],
		 MEASURE_RATIO_AT_MOST, 1.15},
		{"  against plain messages, both sides polling", "us", &p[CIRCUITS].series[P50], &p[POLLED].series[P50],
		 MEASURE_NO_GOAL, 0},
		{"request and reply of 64 B on a circuit, p99", "us", &p[CIRCUITS].series[P99], &p[BLOCKED].series[P99],
		 MEASURE_NO_GOAL, 0},
	};

	measure_start(argc, argv);
	measure_run(p, N);
	measure_report(rows, sizeof rows / sizeof *rows);
	return 0;
}
