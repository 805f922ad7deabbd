/* SPDX-License-Identifier: MIT */
/*
 * How long a key takes to come back from the terminal of `cat`: to an attached client of ours, to one of dtach, and to a program
 * that holds the PTY itself. Once as programs that speak to the server directly (our client library, dtach's protocol on its
 * socket), once as a person has it: the attach command in a terminal. Beside them a relay, which does nothing but poll, read and
 * write: what it costs that there is a process in between at all.
 *
 * Servers and cat have one CPU, we the other. Everybody sleeps between two keys, and has read all that came, as an event loop has
 * that goes to sleep: to find out that there is no more is no part of what is measured. The desks that are compared are all open
 * at once, and we type at them by turns, a line each: how long a wake-up takes changes from second to second.
 */
#include <errno.h>
#include <poll.h>
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
#define MAX_DESKS 4
#define BETWEEN_KEYS_NS 300000
#define BETWEEN_LINES_NS 5000000
#define SETTLE_NS 100000000

enum { P50, P99, VALUES_A_DESK };

struct desk;

struct desk_kind {
	void (*open)(struct desk *desk);
	void (*close)(struct desk *desk);
	void (*press)(struct desk *desk, char key);
	bool (*sees)(struct desk *desk, char key, bool waits); /* the key, in what comes next; or takes what is there */
};

struct desk {
	const struct desk_kind *kind;
	int fd;
	struct terminal terminal;
	struct host host;
	struct rcast_client *client;
	struct rcast_view *view;
	pid_t server;     /* dtach, or the relay */
	const char *path; /* of dtach's socket */
	double samples[MAX_KEYS];
	size_t n;
};

static size_t n_keys(void)
{
	return measure_is_quick() ? 2 * KEYS_A_LINE : MAX_KEYS;
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

	desk->kind->press(desk, key);
	while (!desk->kind->sees(desk, key, true))
		;
	return (double)(measure_now_ns() - start) / 1e3;
}

/* cat repeats each line: let it, so that no later key is taken for its own echo. */
static void end_line(struct desk *desk)
{
	desk->kind->press(desk, '\n');
	rest(BETWEEN_LINES_NS);
	desk->kind->sees(desk, 0, false);
}

static void type_line(struct desk *desk)
{
	for (size_t i = 0; i < KEYS_A_LINE; i++, desk->n++) {
		desk->samples[desk->n] = press_and_see(desk, (char)('a' + i % 26));
		desk->kind->sees(desk, 0, false);
		rest(BETWEEN_KEYS_NS);
	}
	end_line(desk);
}

/* context: kinds, up to NULL. Values: P50 and P99 of each in turn. */
static void run(const void *context, double values[MEASURE_N_VALUES])
{
	static struct desk desks[MAX_DESKS];
	const struct desk_kind *const *kinds = context;
	size_t n = 0;

	for (; kinds[n]; n++) {
		desks[n] = (struct desk){.kind = kinds[n]};
		kinds[n]->open(&desks[n]);
	}
	rest(SETTLE_NS);
	for (size_t i = 0; i < n; i++)
		end_line(&desks[i]);
	while (desks[0].n < n_keys())
		for (size_t i = 0; i < n; i++)
			type_line(&desks[i]);
	for (size_t i = 0; i < n; i++) {
		values[i * VALUES_A_DESK + P50] = measure_percentile(desks[i].samples, desks[i].n, 50);
		values[i * VALUES_A_DESK + P99] = measure_percentile(desks[i].samples, desks[i].n, 99);
		desks[i].kind->close(&desks[i]);
	}
}

/* ── Terminals ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void open_terminal(struct desk *desk, const char *const *argv)
{
	terminal_open(&desk->terminal, MEASURE_CPU_1, argv);
	desk->fd = desk->terminal.master_fd;
}

static bool sees_in_terminal(struct desk *desk, char key, bool waits)
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

static const char *const cat[] = {"cat", NULL};

static void open_bare(struct desk *desk)
{
	open_terminal(desk, cat);
}

static void close_bare(struct desk *desk)
{
	terminal_close(&desk->terminal);
}

static const struct desk_kind bare = {open_bare, close_bare, press_on_fd, sees_in_terminal};

/* ── Ours ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void open_our_command(struct desk *desk)
{
	host_open(&desk->host, MEASURE_CPU_1);
	host_start(&desk->host, "echo", cat, 0);
	open_terminal(desk, (const char *const[]){scratch_program("ringcast"), "attach", "echo", NULL});
}

static void close_our_command(struct desk *desk)
{
	terminal_close(&desk->terminal);
	host_close(&desk->host);
}

static void open_ours(struct desk *desk)
{
	struct rcast_view_options options = {.input = true};

	host_open(&desk->host, MEASURE_CPU_1);
	host_start(&desk->host, "echo", cat, 0);
	host_view(&desk->host, "echo", &options, &desk->client, &desk->view);
}

static void close_ours(struct desk *desk)
{
	rcast_view_close(desk->view);
	rcast_client_free(desk->client);
	host_close(&desk->host);
}

static void press_on_view(struct desk *desk, char key)
{
	measure_check(rcast_view_send_input(desk->view, &key, 1), "rcast_view_send_input");
}

/* Only a view that has said RCAST_EMPTY may be polled: who waits has come here before, and taken what was there. */
static bool sees_on_view(struct desk *desk, char key, bool waits)
{
	struct rcast_record record;
	int outcome;

	if (waits)
		wait_for_input(rcast_view_fd(desk->view));
	while ((outcome = rcast_view_next(desk->view, &record)) == RCAST_RECORD)
		if (key != 0 && record.kind == RCAST_OUTPUT && memchr(record.data, key, record.n_bytes))
			return true;
	measure_check(outcome, "rcast_view_next");
	return false;
}

static const struct desk_kind ours = {open_ours, close_ours, press_on_view, sees_on_view};
static const struct desk_kind our_command = {open_our_command, close_our_command, press_on_fd, sees_in_terminal};

/* ── The relay ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void pass_on(int from_fd, int to_fd)
{
	char data[4096];
	ssize_t n = read(from_fd, data, sizeof data);

	if (n <= 0 || write(to_fd, data, (size_t)n) != n)
		_exit(0);
}

static void relay_keys(void *argument)
{
	int client_fd = *(int *)argument;
	struct terminal terminal;

	terminal_open(&terminal, MEASURE_CPU_1, cat);
	for (;;) {
		struct pollfd polled[] = {{.fd = client_fd, .events = POLLIN}, {.fd = terminal.master_fd, .events = POLLIN}};

		poll(polled, 2, -1);
		if (polled[0].revents)
			pass_on(client_fd, terminal.master_fd);
		if (polled[1].revents)
			pass_on(terminal.master_fd, client_fd);
	}
}

static void open_relay(struct desk *desk)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		measure_fail(errno, "socketpair");
	desk->server = measure_fork(MEASURE_CPU_1, relay_keys, &ends[1]);
	desk->fd = ends[0];
	close(ends[1]);
}

static void close_relay(struct desk *desk)
{
	close(desk->fd);
	measure_kill(desk->server);
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

static const struct desk_kind relay = {open_relay, close_relay, press_on_fd, sees_on_socket};

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

static void start_dtach(struct desk *desk)
{
	desk->path = scratch_path("dtach");
	desk->server = terminal_run(MEASURE_CPU_1, (const char *const[]){"dtach", "-N", desk->path, "cat", NULL});
}

static void open_dtach(struct desk *desk)
{
	start_dtach(desk);
	desk->fd = dial_dtach(desk->path);
	send_packet(desk->fd, DTACH_ATTACH, 0);
}

static void close_dtach(struct desk *desk)
{
	close(desk->fd);
	measure_kill(desk->server);
	unlink(desk->path);
}

static void open_dtach_command(struct desk *desk)
{
	start_dtach(desk);
	close(dial_dtach(desk->path));
	open_terminal(desk, (const char *const[]){"dtach", "-a", desk->path, "-r", "none", "-E", "-z", NULL});
}

static void close_dtach_command(struct desk *desk)
{
	terminal_close(&desk->terminal);
	measure_kill(desk->server);
	unlink(desk->path);
}

static const struct desk_kind dtach = {open_dtach, close_dtach, press_on_dtach, sees_on_socket};
static const struct desk_kind dtach_command = {open_dtach_command, close_dtach_command, press_on_fd, sees_in_terminal};

int main(int argc, char **argv)
{
	static const struct desk_kind *const programs[] = {&ours, &dtach, &bare, &relay, NULL};
	static const struct desk_kind *const commands[] = {&our_command, &dtach_command, &bare, NULL};
	enum { OURS = 0, DTACH = VALUES_A_DESK, BARE = 2 * VALUES_A_DESK, RELAY = 3 * VALUES_A_DESK };
	struct measure_probe p[] = {{.run = run, .context = programs}, {.run = run, .context = commands}};
	const struct measure_series *program = p[0].series, *command = p[1].series;
	const struct measure_row rows[] = {
		{"key to echo, our client, p50, against the bare PTY", "us", &program[OURS + P50], &program[BARE + P50],
		 MEASURE_RATIO_AT_MOST, 1.5},
		{"key to echo, our client, p50, against dtach's socket", "us", &program[OURS + P50], &program[DTACH + P50],
		 MEASURE_RATIO_AT_MOST, 1},
		{"key to echo, our client, p50, against a relay", "us", &program[OURS + P50], &program[RELAY + P50],
		 MEASURE_NO_GOAL, 0},
		{"key to echo, our client, p99, against dtach's socket", "us", &program[OURS + P99], &program[DTACH + P99],
		 MEASURE_NO_GOAL, 0},
		{"key to echo, ringcast attach, p50, against dtach -a", "us", &command[OURS + P50], &command[DTACH + P50],
		 MEASURE_RATIO_AT_MOST, 1},
		{"key to echo, ringcast attach, p50, against the bare PTY", "us", &command[OURS + P50], &command[BARE + P50],
		 MEASURE_NO_GOAL, 0},
	};

	measure_start(argc, argv);
	measure_run(p, sizeof p / sizeof *p);
	measure_report(rows, sizeof rows / sizeof *rows);
	return 0;
}
