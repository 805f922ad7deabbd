/* SPDX-License-Identifier: MIT */
/*
 * How long a key takes to come back from the terminal of `cat`: to an attached client of ours, to one of dtach, and to a program
 * that holds the PTY itself. Once as programs that speak to the server directly (our client library, dtach's protocol on its
 * socket), once as a person has it: the attach command in a terminal.
 *
 * Servers and cat have one CPU, we the other. Everybody sleeps between two keys.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "perf/host.h"
#include "perf/measure.h"
#include "perf/scratch.h"
#include "perf/terminal.h"

#define KEYS_A_LINE 32
#define MAX_KEYS 1024
#define BETWEEN_KEYS_NS 300000
#define BETWEEN_LINES_NS 5000000

enum { P50, P99 };

struct desk {
	void (*press)(struct desk *desk, char key);
	bool (*sees)(struct desk *desk, char key,
		     bool waits); /* the key, in what came; waits for it, or takes what there is */
	int fd;
	struct rcast_view *view;
};

static size_t n_keys(void)
{
	return measure_is_quick() ? 64 : MAX_KEYS;
}

static void rest(long ns)
{
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static void wait_for_input(int fd)
{
	if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 5000) != 1)
		measure_fail(0, "a key did not come back within five seconds");
}

static double press_and_see(struct desk *desk, char key)
{
	uint64_t start = measure_now_ns();

	desk->press(desk, key);
	while (!desk->sees(desk, key, true))
		;
	return (double)(measure_now_ns() - start) / 1e3;
}

/* cat repeats each line: let it, so that no later key is taken for its own echo. */
static void end_line(struct desk *desk)
{
	desk->press(desk, '\n');
	rest(BETWEEN_LINES_NS);
	desk->sees(desk, 0, false);
}

static void type(struct desk *desk, double values[MEASURE_N_VALUES])
{
	double samples[MAX_KEYS];

	end_line(desk);
	for (size_t i = 0; i < n_keys(); i++) {
		samples[i] = press_and_see(desk, (char)('a' + i % 26));
		rest(BETWEEN_KEYS_NS);
		if (i % KEYS_A_LINE == KEYS_A_LINE - 1)
			end_line(desk);
	}
	values[P50] = measure_percentile(samples, n_keys(), 50);
	values[P99] = measure_percentile(samples, n_keys(), 99);
}

/* ── A file descriptor ───────────────────────────────────────────────────────────────────────────────────────────────── */

static bool sees_on_fd(struct desk *desk, char key, bool waits)
{
	char data[4096];
	bool seen = false;
	ssize_t n;

	if (waits)
		wait_for_input(desk->fd);
	while (!seen && (n = read(desk->fd, data, sizeof data)) > 0)
		seen = memchr(data, key, (size_t)n) != NULL && key != 0;
	return seen;
}

static void press_on_fd(struct desk *desk, char key)
{
	if (write(desk->fd, &key, 1) != 1)
		measure_fail(errno, "write");
}

static void type_in_terminal(const char *const *argv, double values[MEASURE_N_VALUES])
{
	struct desk desk = {.press = press_on_fd, .sees = sees_on_fd};
	struct terminal terminal;

	terminal_open(&terminal, MEASURE_CPU_1, argv);
	desk.fd = terminal.master_fd;
	rest(100000000);
	type(&desk, values);
	terminal_close(&terminal);
}

static const char *const cat[] = {"cat", NULL};

static void run_bare(const void *context, double values[MEASURE_N_VALUES])
{
	type_in_terminal(cat, values);
}

/* ── Ours ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void press_on_view(struct desk *desk, char key)
{
	measure_check(rcast_view_send_input(desk->view, &key, 1), "rcast_view_send_input");
}

/* Only a view that has said RCAST_EMPTY may be polled. */
static bool sees_on_view(struct desk *desk, char key, bool waits)
{
	struct rcast_record record;
	int outcome;

	while ((outcome = rcast_view_next(desk->view, &record)) == RCAST_RECORD)
		if (key != 0 && record.kind == RCAST_OUTPUT && memchr(record.data, key, record.n_bytes))
			return true;
	measure_check(outcome, "rcast_view_next");
	if (waits)
		wait_for_input(rcast_view_fd(desk->view));
	return false;
}

static void run_ours(const void *context, double values[MEASURE_N_VALUES])
{
	struct rcast_view_options options = {.input = true};
	struct desk desk = {.press = press_on_view, .sees = sees_on_view};
	struct rcast_client *client;
	struct host host;

	host_open(&host, MEASURE_CPU_1);
	host_start(&host, "echo", cat, 0);
	host_view(&host, "echo", &options, &client, &desk.view);
	type(&desk, values);
	rcast_view_close(desk.view);
	rcast_client_free(client);
	host_close(&host);
}

static void run_our_command(const void *context, double values[MEASURE_N_VALUES])
{
	struct host host;

	host_open(&host, MEASURE_CPU_1);
	host_start(&host, "echo", cat, 0);
	type_in_terminal((const char *const[]){scratch_program("ringcast"), "attach", "echo", NULL}, values);
	host_close(&host);
}

/* ── dtach ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What a client of dtach 0.9 sends, all of it each time. */
struct dtach_packet {
	unsigned char type, n_bytes;
	unsigned char data[8];
};
enum { DTACH_PUSH = 0, DTACH_ATTACH = 1 };

static void send_packet(int fd, unsigned char type, char key)
{
	struct dtach_packet packet = {.type = type, .n_bytes = type == DTACH_PUSH, .data = {(unsigned char)key}};

	if (send(fd, &packet, sizeof packet, MSG_NOSIGNAL) != sizeof packet)
		measure_fail(errno, "dtach's socket");
}

static void press_on_dtach(struct desk *desk, char key)
{
	send_packet(desk->fd, DTACH_PUSH, key);
}

static int dial_dtach(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof address.sun_path - 1);
	for (int i = 0; connect(fd, (struct sockaddr *)&address, sizeof address) != 0; i++) {
		if (i == 1000)
			measure_fail(errno, "dtach does not answer");
		rest(5000000);
	}
	return fd;
}

static pid_t start_dtach(const char *path)
{
	return terminal_run(MEASURE_CPU_1, (const char *const[]){"dtach", "-N", path, "cat", NULL});
}

static bool sees_on_socket(struct desk *desk, char key, bool waits)
{
	char data[4096];
	ssize_t n;

	if (waits)
		wait_for_input(desk->fd);
	n = recv(desk->fd, data, sizeof data, MSG_DONTWAIT);
	return n > 0 && key != 0 && memchr(data, key, (size_t)n);
}

static void run_dtach(const void *context, double values[MEASURE_N_VALUES])
{
	const char *path = scratch_path("dtach");
	pid_t server = start_dtach(path);
	struct desk desk = {.press = press_on_dtach, .sees = sees_on_socket, .fd = dial_dtach(path)};

	send_packet(desk.fd, DTACH_ATTACH, 0);
	type(&desk, values);
	close(desk.fd);
	measure_kill(server);
	unlink(path);
}

static void run_dtach_command(const void *context, double values[MEASURE_N_VALUES])
{
	const char *path = scratch_path("dtach");
	pid_t server = start_dtach(path);

	close(dial_dtach(path));
	type_in_terminal((const char *const[]){"dtach", "-a", path, "-r", "none", "-E", "-z", NULL}, values);
	measure_kill(server);
	unlink(path);
}

int main(int argc, char **argv)
{
	enum { BARE, OURS, DTACH, OUR_COMMAND, DTACH_COMMAND, N };
	struct measure_probe p[N] = {
		[BARE] = {.run = run_bare},
		[OURS] = {.run = run_ours},
		[DTACH] = {.run = run_dtach},
		[OUR_COMMAND] = {.run = run_our_command},
		[DTACH_COMMAND] = {.run = run_dtach_command},
	};
	const struct measure_series *bare = p[BARE].series, *ours = p[OURS].series, *command = p[OUR_COMMAND].series;
	const struct measure_row rows[] = {
		{"key to echo, our client, p50, against the bare PTY", "us", &ours[P50], &bare[P50], MEASURE_RATIO_AT_MOST,
		 1.5},
		{"key to echo, our client, p50, against dtach's socket", "us", &ours[P50], &p[DTACH].series[P50],
		 MEASURE_RATIO_AT_MOST, 1},
		{"key to echo, our client, p99, against dtach's socket", "us", &ours[P99], &p[DTACH].series[P99],
		 MEASURE_NO_GOAL, 0},
		{"key to echo, ringcast attach, p50, against dtach -a", "us", &command[P50], &p[DTACH_COMMAND].series[P50],
		 MEASURE_RATIO_AT_MOST, 1},
		{"key to echo, ringcast attach, p50, against the bare PTY", "us", &command[P50], &bare[P50], MEASURE_NO_GOAL,
		 0},
	};

	measure_start(argc, argv);
	measure_run(p, N);
	measure_report(rows, sizeof rows / sizeof *rows);
	return 0;
}
