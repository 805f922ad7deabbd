/* SPDX-License-Identifier: MIT */
/*
 * hostile_clients [CLIENTS [STOPPED]]: crowds that mean no good, or do nothing at all. Prints what an innocent client and the
 * program in the session notice of them.
 *
 *   CLIENTS   connect, attach, send descriptors with every message, and never read a byte
 *   STOPPED   attach, fall asleep and never wake up again, as readers do that were sent SIGSTOP; in the end they are evicted
 *
 * The engine is a process of its own with a thread for each of its parts, so that its descriptors and memory can be counted.
 * Its limit of descriptors is what the crowd needs at the most, and must never be reached.
 */
#include <ringcast/circuit.h>
#include <ringcast/client.h>
#include <ringcast/engine.h>
#include <ringcast/ring.h>

#include "control/schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "must.h"

enum {
	ATTACHES = 4,
	LISTS = 2,
	FDS_EACH = 12,
	BOUND_MS = 300000,
	MEASURE_MS = 300,
	FEW_ROUNDS = 2,
	MAX_ROUNDS = 15,
	GRACE_MS = 4000
};

static char path[64];
static pid_t engine_pid;
static unsigned int fd_limit;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* ── The engine ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

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

static _Noreturn void be_engine(void)
{
	struct rcast_engine_options options = {.path = path, .max_connections = 2048, .evict_after_ms = GRACE_MS};
	struct rlimit limit = {fd_limit, fd_limit};
	struct rcast_engine *engine;
	pthread_t pump, notifier;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	must(rcast_engine_create(&options, &engine) == 0);
	must(pthread_create(&pump, NULL, run_pump, engine) == 0);
	must(pthread_create(&notifier, NULL, run_notifier, engine) == 0);
	while (rcast_engine_control(engine, -1) == 0)
		continue;
	_exit(1);
}

static struct rcast_client *connect_to_engine(void)
{
	struct rcast_client *client;
	uint64_t until_ns = now_ns() + BOUND_MS * UINT64_C(1000000);
	int error;

	while ((error = rcast_client_connect(path, &client)) != 0) {
		must(now_ns() < until_ns && (error == -ENOENT || error == -EAGAIN));
		poll(NULL, 0, 1);
	}
	rcast_client_set_timeout(client, BOUND_MS);
	return client;
}

static unsigned int count_engine_fds(void)
{
	unsigned int n = 0;
	char folder_path[32];
	DIR *folder;

	snprintf(folder_path, sizeof folder_path, "/proc/%d/fd", (int)engine_pid);
	folder = opendir(folder_path);
	must(folder != NULL);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n - 2;
}

static long engine_kilobytes(void)
{
	char line[256], file_path[32];
	long anonymous = 0;
	FILE *file;

	snprintf(file_path, sizeof file_path, "/proc/%d/status", (int)engine_pid);
	file = fopen(file_path, "re");
	must(file != NULL);
	while (fgets(line, sizeof line, file))
		sscanf(line, "RssAnon: %ld", &anonymous);
	fclose(file);
	return anonymous;
}

/* ── Clients that never read ─────────────────────────────────────────────────────────────────────────────────────────── */

static enum rcast_consumed ignore_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	return RCAST_CONSUMED;
}

static const struct rcast_circuit_ops deaf_ops = {.message = ignore_message};
static const struct rcast_link_ops link_ops = {.begun = NULL};

/* On a new exchange, with descriptors. What the link does not take any more is let go. */
static bool shout(struct rcast_link *link, const Ringcast__Wire__Request *request, int fd, int n_fds)
{
	struct rcast_circuit *circuit;
	int fds[FDS_EACH], error = rcast_circuit_begin(link, &deaf_ops, NULL, &circuit);

	for (int i = 0; i < n_fds; i++)
		fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (error == 0)
		error = rcasti_schema_send(circuit, &request->base, 0, fds, n_fds);
	for (int i = 0; i < n_fds && error != 0; i++)
		close(fds[i]);
	return error == 0;
}

static struct rcast_link *send_deaf_client(int cursor_fd)
{
	Ringcast__Wire__Request request;
	Ringcast__Wire__Attach attach;
	Ringcast__Wire__List list;
	struct rcast_link *link;
	int fd = rcast_socket_dial(path);

	if (fd == -EAGAIN)
		return NULL; /* the engine's queue of connections is full for now */
	must(fd >= 0 && rcast_link_open_take(fd, RCAST_DIALLED, NULL, &link_ops, NULL, &link) == 0);
	ringcast__wire__request__init(&request);
	ringcast__wire__attach__init(&attach);
	ringcast__wire__list__init(&list);
	attach.session = "s";
	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_ATTACH;
	request.attach = &attach;
	for (int i = 0; i < ATTACHES; i++)
		shout(link, &request, cursor_fd, 1);
	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_LIST;
	request.list = &list;
	for (int i = 0; i < LISTS; i++)
		shout(link, &request, cursor_fd, FDS_EACH);
	return link;
}

static double time_innocent_ms(void)
{
	uint64_t start_ns = now_ns();
	struct rcast_client *client = connect_to_engine();
	struct rcast_view *view;
	double took_ms;

	must(rcast_view_open(client, "s", NULL, &view) == 0);
	took_ms = (double)(now_ns() - start_ns) / 1e6;
	rcast_view_close(view);
	rcast_client_free(client);
	return took_ms;
}

static void await_fds(unsigned int n)
{
	uint64_t until_ns = now_ns() + BOUND_MS * UINT64_C(1000000);

	while (count_engine_fds() > n) {
		must(now_ns() < until_ns);
		poll(NULL, 0, 5);
	}
}

static void suffer_deaf_clients(unsigned int n_clients)
{
	struct rcast_link **links = calloc(n_clients, sizeof *links);
	unsigned int before = count_engine_fds(), most = 0;
	struct rcast_cursor *cursor;
	double longest_ms = 0;
	int cursor_fd;

	must(rcast_cursor_create(&cursor) == 0);
	cursor_fd = rcast_cursor_dup_fd(cursor);
	for (unsigned int i = 0; i < n_clients; i++) {
		while (!(links[i] = send_deaf_client(cursor_fd)))
			poll(NULL, 0, 1);
		if (i % 64 == 63 || i + 1 == n_clients) {
			double took_ms = time_innocent_ms();

			longest_ms = took_ms > longest_ms ? took_ms : longest_ms;
			most = count_engine_fds() > most ? count_engine_fds() : most;
		}
	}
	must(most < fd_limit);
	for (unsigned int i = 0; i < n_clients; i++)
		rcast_link_free(links[i]);
	await_fds(before);
	printf("%u clients that send descriptors and never read: an innocent one attached in %.1f ms at the longest; the "
	       "engine "
	       "held %u descriptors of %u, then %u, as before\n",
	       n_clients, longest_ms, most, fd_limit, before);
	fflush(stdout);
	rcast_cursor_free(cursor);
	close(cursor_fd);
	free(links);
}

/* ── Readers that are stopped ────────────────────────────────────────────────────────────────────────────────────────── */

/* What a program that prints without end gets through its terminal. */
static double measure_rate(struct rcast_client *client)
{
	struct rcast_session_info before, after;
	uint64_t start_ns = now_ns();

	must(rcast_client_describe(client, "s", &before) == 0);
	poll(NULL, 0, MEASURE_MS);
	must(rcast_client_describe(client, "s", &after) == 0);
	return (double)(after.n_output - before.n_output) / (double)(now_ns() - start_ns) * 1e9 / (1 << 20);
}

/* Until what stood anywhere in the ring has been overwritten. */
static void await_lap(struct rcast_client *client)
{
	uint64_t until_ns = now_ns() + BOUND_MS * UINT64_C(1000000), from_pos;
	struct rcast_session_info info;

	must(rcast_client_describe(client, "s", &info) == 0);
	from_pos = info.next_pos;
	while (info.next_pos < from_pos + 2 * info.ring_bytes) {
		must(now_ns() < until_ns);
		poll(NULL, 0, 1);
		must(rcast_client_describe(client, "s", &info) == 0);
	}
}

struct stopped {
	struct rcast_client *client;
	struct rcast_view *view;
};

/* Attached, and asleep as soon as there is nothing more: from then on nobody calls it. */
static void attach_stopped(struct stopped *stopped)
{
	struct rcast_view_options options = {.from = RCAST_FROM_NEWEST};

	stopped->client = connect_to_engine();
	must(rcast_view_open(stopped->client, "s", &options, &stopped->view) == 0);
}

/* It is let go on: what it gets and what it is told that it lost are all that was written since it attached. */
static void account_for(struct stopped *stopped)
{
	struct rcast_record record = {.next_pos = 0};
	uint64_t delivered = 0, first_pos = 0, next_pos = 0;
	int outcome, n_records = 0;

	do {
		outcome = rcast_view_next(stopped->view, &record);
		if (outcome == RCAST_RECORD) {
			first_pos = delivered == 0 && rcast_view_get_loss(stopped->view).lost_bytes == 0 ? record.pos
													 : first_pos;
			delivered += record.next_pos - record.pos;
			next_pos = record.next_pos;
		} else if (outcome == RCAST_LAPPED && first_pos == 0 && delivered == 0) {
			first_pos = rcast_view_get_loss(stopped->view).gap.from_pos;
		}
	} while ((outcome == RCAST_RECORD || outcome == RCAST_LAPPED) && n_records++ < 100000);
	must(rcast_view_get_loss(stopped->view).lost_bytes > 0);
	must(next_pos - first_pos == delivered + rcast_view_get_loss(stopped->view).lost_bytes);
}

static void let_go(struct stopped *stopped)
{
	rcast_view_close(stopped->view);
	rcast_client_free(stopped->client);
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* Without and with them in turns, since machines drift: each round with them beside those before and after it. */
static void suffer_stopped_readers(struct rcast_client *client, struct stopped *stopped, unsigned int n_stopped,
				   int n_rounds)
{
	double without[MAX_ROUNDS + 1], with[MAX_ROUNDS], kept[MAX_ROUNDS];
	unsigned int fds_before = count_engine_fds();

	without[0] = measure_rate(client);
	for (int round = 0; round < n_rounds; round++) {
		for (unsigned int i = 0; i < n_stopped; i++)
			attach_stopped(&stopped[i]);
		with[round] = measure_rate(client);
		await_lap(client);
		for (unsigned int i = 0; i < n_stopped && round + 1 == n_rounds; i += 50)
			account_for(&stopped[i]);
		for (unsigned int i = 0; i < n_stopped; i++)
			let_go(&stopped[i]);
		await_fds(fds_before);
		without[round + 1] = measure_rate(client);
		kept[round] = with[round] / (without[round] + without[round + 1]) * 2;
	}
	qsort(without, (size_t)n_rounds + 1, sizeof *without, compare);
	qsort(with, (size_t)n_rounds, sizeof *with, compare);
	qsort(kept, (size_t)n_rounds, sizeof *kept, compare);
	printf("%u stopped readers: %.0f MiB/s without them, %.0f with; each round beside its neighbours %+.1f %% (medians "
	       "of "
	       "%d); gaps exact\n",
	       n_stopped, without[n_rounds / 2], with[n_rounds / 2], (kept[n_rounds / 2] - 1) * 100, n_rounds);
	fflush(stdout);
}

static uint64_t count_evicted(struct rcast_client *client, size_t *n_readers)
{
	struct rcast_session_stats stats;

	must(rcast_client_stats(client, "s", &stats) == 0);
	*n_readers = stats.n_readers;
	return stats.n_evicted;
}

/* Nobody lets them go: the engine does, and has by then what it had before. */
static void await_eviction(struct rcast_client *client, struct stopped *stopped, unsigned int n_stopped)
{
	unsigned int fds_before = count_engine_fds();
	uint64_t start_ns = now_ns(), first_ns = 0, n_evicted, n_before;
	long attached_kb, later_kb;
	size_t n_readers;

	n_before = count_evicted(client, &n_readers); /* where all takes long, some of those that were let go since */
	for (unsigned int i = 0; i < n_stopped; i++)
		attach_stopped(&stopped[i]);
	attached_kb = engine_kilobytes();
	do {
		n_evicted = count_evicted(client, &n_readers) - n_before;
		if (n_evicted > 0 && first_ns == 0)
			first_ns = now_ns();
		must(now_ns() - start_ns < BOUND_MS * UINT64_C(1000000));
		poll(NULL, 0, 5);
	} while (n_readers > 0);
	later_kb = engine_kilobytes();
	must(n_evicted == n_stopped);
	printf("%u stopped readers, left alone: all detached between %.1f and %.1f s after the first attached, of a grace "
	       "of "
	       "%.1f s; the engine's memory went from %ld to %ld KiB\n",
	       n_stopped, (double)(first_ns - start_ns) / 1e9, (double)(now_ns() - start_ns) / 1e9, GRACE_MS / 1e3,
	       attached_kb, later_kb);
	for (unsigned int i = 0; i < n_stopped; i++)
		let_go(&stopped[i]);
	await_fds(fds_before);
}

/* ── Both ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static unsigned int raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
	setrlimit(RLIMIT_NOFILE, &limit);
	return (unsigned int)limit.rlim_cur;
}

int main(int argc, char **argv)
{
	unsigned int n_clients = argc > 1 ? (unsigned int)atoi(argv[1]) : 64;
	unsigned int n_stopped = argc > 2 ? (unsigned int)atoi(argv[2]) : 100, own_limit = raise_limit();
	static const char *const flood[] = {"cat", "/dev/zero", NULL};
	struct rcast_start_options session = {.name = "s", .argv = flood, .take_fd = -1};
	struct rcast_client *client;
	struct stopped *stopped;

	if (n_clients * (2 + ATTACHES + LISTS * FDS_EACH) > own_limit || n_stopped * 6 > own_limit) {
		printf("left out: %u descriptors are too few for so many\n", own_limit);
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	/* A connection takes two, an attachment three until its answer is read, and the engine counts up to 3/4 of its limit. */
	fd_limit = 64 + n_clients * (4 * ATTACHES + 4) + n_stopped * 4;
	snprintf(path, sizeof path, "/tmp/hostile_clients.%d", (int)getpid());
	engine_pid = fork();
	if (engine_pid == 0)
		be_engine();
	client = connect_to_engine();
	must(rcast_client_start(client, &session) == 0);
	suffer_deaf_clients(n_clients);
	stopped = calloc(n_stopped, sizeof *stopped);
	suffer_stopped_readers(client, stopped, n_stopped, argc > 2 ? MAX_ROUNDS : FEW_ROUNDS);
	await_eviction(client, stopped, n_stopped);
	free(stopped);
	must(rcast_client_kill(client, "s") == 0);
	rcast_client_free(client);
	kill(engine_pid, SIGKILL);
	waitpid(engine_pid, NULL, 0);
	unlink(path);
	return 0;
}
