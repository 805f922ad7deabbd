/* SPDX-License-Identifier: MIT */
/*
 * The terminal multiplexers that people use, beside ringcast, as their commands are: a program prints without end, viewers
 * are attached in terminals, all read at first, and then viewer B stops. What does viewer A get before and after that, and how much
 * memory does the server take meanwhile? And what does the server's processor time come to for each MiB that the program prints,
 * with one viewer and with sixteen?
 *
 * dtach passes bytes on, as we do; screen and tmux draw a screen of their own, so their viewers get fewer bytes than the
 * program prints. Nothing is pinned here.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf/flood.h"
#include "perf/measure.h"
#include "perf/process.h"
#include "perf/scratch.h"
#include "perf/terminal.h"

#define MAX_VIEWERS 16
#define MAX_WORDS 16
#define MIB (double)(1u << 20)

enum { BEFORE, AFTER, GROWTH };
enum { CPU_TIME };

/* Words of a command line. "SOCKET" stands for a path, "FLOOD" for the flooding program with its arguments. */
struct multiplexer {
	const char *name;
	const char *server[MAX_WORDS];
	const char *session[MAX_WORDS]; /* starts the program in the server; none: the server does so itself */
	const char *viewer[MAX_WORDS];
	const char *stopping_viewer[MAX_WORDS]; /* the viewer that stops, if it is of another kind */
};

static const struct multiplexer ringcast = {
	.name = "ringcast",
	.server = {"ringcast", "engine", "--name", "perf"},
	.session = {"ringcast", "run", "--engine", "perf", "--detached", "--name", "flooded", "--", "FLOOD"},
	.viewer = {"ringcast", "attach", "flooded"},
};
static const struct multiplexer dtach = {
	.name = "dtach",
	.server = {"dtach", "-N", "SOCKET", "FLOOD"},
	.viewer = {"dtach", "-a", "SOCKET", "-r", "none", "-E", "-z"},
};
static const struct multiplexer screen = {
	.name = "GNU screen",
	.server = {"screen", "-D", "-m", "-c", "/dev/null", "-S", "flooded", "FLOOD"},
	.viewer = {"screen", "-x", "flooded"},
};
static const struct multiplexer tmux = {
	.name = "tmux",
	.server = {"tmux", "-f", "/dev/null", "-S", "SOCKET", "-D"},
	.session = {"tmux", "-N", "-S", "SOCKET", "new-session", "-d", "-x", "80", "-y", "24", "FLOOD"},
	.viewer = {"tmux", "-S", "SOCKET", "attach"},
};
static const struct multiplexer tmux_control = {
	.name = "tmux, B in control mode",
	.server = {"tmux", "-f", "/dev/null", "-S", "SOCKET", "-D"},
	.session = {"tmux", "-N", "-S", "SOCKET", "new-session", "-d", "-x", "80", "-y", "24", "FLOOD"},
	.viewer = {"tmux", "-S", "SOCKET", "attach"},
	.stopping_viewer = {"tmux", "-S", "SOCKET", "-C", "attach"},
};

/* Is this one listed only for the viewer that stops? */
static bool is_another_viewer(const struct multiplexer *multiplexer)
{
	return multiplexer->stopping_viewer[0] != NULL;
}

static uint64_t settle_ns(void)
{
	return measure_is_quick() ? UINT64_C(100000000) : UINT64_C(500000000);
}

static uint64_t window_ns(void)
{
	return measure_is_quick() ? UINT64_C(200000000) : UINT64_C(2000000000);
}

static uint64_t standstill_ns(void)
{
	return measure_is_quick() ? UINT64_C(300000000) : UINT64_C(10000000000);
}

/* ── A show ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct show {
	const struct multiplexer *multiplexer;
	char flood_path[108], socket_path[108];
	struct flood *flood;
	pid_t server;
	struct terminal viewers[MAX_VIEWERS];
	uint64_t n_seen[MAX_VIEWERS]; /* bytes that the viewer printed */
	int n_viewers;
};

static void write_out(const struct show *show, const char *const *words, const char **argv)
{
	size_t n = 0;

	for (; *words; words++) {
		if (strcmp(*words, "FLOOD") == 0)
			for (const char *const *word = flood_argv(show->flood_path, MEASURE_ANY_CPU); *word; word++)
				argv[n++] = *word;
		else if (strcmp(*words, "SOCKET") == 0)
			argv[n++] = show->socket_path;
		else
			argv[n++] = *words;
	}
	argv[n] = NULL;
	if (strcmp(argv[0], "ringcast") == 0)
		argv[0] = scratch_program("ringcast");
}

static bool succeeds(const char *const *argv)
{
	pid_t pid = terminal_run(MEASURE_ANY_CPU, argv);
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A server needs a moment before it can be spoken to. */
static void start_session(const struct show *show)
{
	const char *argv[2 * MAX_WORDS];
	uint64_t start = measure_now_ns();

	write_out(show, show->multiplexer->session, argv);
	while (argv[0] && !succeeds(argv)) {
		if (measure_now_ns() - start > UINT64_C(5000000000))
			measure_fail(0, "%s does not take a session", show->multiplexer->name);
		usleep(20000);
	}
}

static void open_show(struct show *show, const struct multiplexer *multiplexer)
{
	const char *argv[2 * MAX_WORDS];

	*show = (struct show){.multiplexer = multiplexer};
	strcpy(show->flood_path, scratch_path("flood"));
	strcpy(show->socket_path, scratch_path("socket"));
	show->flood = flood_create(show->flood_path, FLOOD_LINES);
	write_out(show, multiplexer->server, argv);
	show->server = terminal_run(MEASURE_ANY_CPU, argv);
	if (multiplexer->session[0])
		start_session(show);
	else
		usleep(150000);
}

static void add_viewer(struct show *show, const char *const *words)
{
	const char *argv[2 * MAX_WORDS];

	write_out(show, words, argv);
	terminal_open(&show->viewers[show->n_viewers++], MEASURE_ANY_CPU, argv);
}

static void close_show(struct show *show)
{
	for (int i = 0; i < show->n_viewers; i++)
		terminal_close(&show->viewers[i]);
	measure_kill(show->server);
	flood_free(show->flood, show->flood_path);
	unlink(show->socket_path);
}

/* Read what the first n viewers print, for that long. */
static void watch(struct show *show, int n, uint64_t ns)
{
	static char buffer[64 << 10];
	struct pollfd polled[MAX_VIEWERS];
	uint64_t start = measure_now_ns();

	for (int i = 0; i < n; i++)
		polled[i] = (struct pollfd){.fd = show->viewers[i].master_fd, .events = POLLIN};
	while (measure_now_ns() - start < ns) {
		poll(polled, (nfds_t)n, 10);
		for (int i = 0; i < n; i++) {
			ssize_t n_bytes = polled[i].revents ? read(polled[i].fd, buffer, sizeof buffer) : 0;

			show->n_seen[i] += n_bytes > 0 ? (uint64_t)n_bytes : 0;
		}
	}
}

static void begin_show(struct show *show)
{
	watch(show, show->n_viewers, settle_ns());
	flood_start(show->flood, UINT64_MAX);
	watch(show, show->n_viewers, settle_ns());
	for (int i = 0; i < show->n_viewers; i++)
		if (show->n_seen[i] == 0)
			measure_fail(0, "%s: viewer %d sees nothing", show->multiplexer->name, i + 1);
}

/* ── One viewer stops ────────────────────────────────────────────────────────────────────────────────────────────────── */

static double rate_of_a(struct show *show, int n_watched)
{
	uint64_t start_ns = measure_now_ns(), n_seen = show->n_seen[0];

	watch(show, n_watched, window_ns());
	return (double)(show->n_seen[0] - n_seen) / 1e6 / ((double)(measure_now_ns() - start_ns) / 1e9);
}

static double memory(const struct show *show)
{
	return process_private_kib(show->server) + process_shared_kib(show->server);
}

static void run_stop(const void *context, double values[MEASURE_N_VALUES])
{
	const struct multiplexer *multiplexer = context;
	struct show show;
	double kib;

	open_show(&show, multiplexer);
	add_viewer(&show, multiplexer->viewer);
	add_viewer(&show, is_another_viewer(multiplexer) ? multiplexer->stopping_viewer : multiplexer->viewer);
	begin_show(&show);
	values[BEFORE] = rate_of_a(&show, 2);
	kib = memory(&show);
	watch(&show, 1, standstill_ns());
	values[AFTER] = rate_of_a(&show, 1);
	values[GROWTH] = (memory(&show) - kib) / 1024;
	close_show(&show);
}

/* ── Processor time ──────────────────────────────────────────────────────────────────────────────────────────────────── */

struct cost {
	const struct multiplexer *multiplexer;
	int n_viewers;
};

static void run_cost(const void *context, double values[MEASURE_N_VALUES])
{
	const struct cost *cost = context;
	uint64_t cpu_ns, n_written;
	struct show show;

	if (is_another_viewer(cost->multiplexer))
		return;
	open_show(&show, cost->multiplexer);
	for (int i = 0; i < cost->n_viewers; i++)
		add_viewer(&show, cost->multiplexer->viewer);
	begin_show(&show);
	cpu_ns = measure_cpu_ns(show.server);
	n_written = show.flood->n_written;
	watch(&show, show.n_viewers, window_ns());
	cpu_ns = measure_cpu_ns(show.server) - cpu_ns;
	values[CPU_TIME] = (double)cpu_ns / 1e6 / ((double)(show.flood->n_written - n_written) / MIB);
	close_show(&show);
}

/* ── Results ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_installed(const struct multiplexer *multiplexer)
{
	const char *name = multiplexer->server[0];
	char command[64];

	snprintf(command, sizeof command, "command -v %s >/dev/null", name);
	return multiplexer == &ringcast || system(command) == 0;
}

enum { STOP, COST_1, COST_16, PROBES_EACH };

static void report(const struct multiplexer *multiplexer, const struct measure_probe *p)
{
	char after[96], growth[96], one[96], sixteen[96];

	snprintf(after, sizeof after, "%s: viewer A after viewer B stops, against before", multiplexer->name);
	snprintf(growth, sizeof growth, "  server memory growth in the %g s since", (double)standstill_ns() / 1e9);
	snprintf(one, sizeof one, "%s: server CPU, 1 viewer", multiplexer->name);
	snprintf(sixteen, sizeof sixteen, "%s: server CPU, 16 viewers, against 1", multiplexer->name);
	measure_report(
		(const struct measure_row[]){
			{after, "MB/s", &p[STOP].series[AFTER], &p[STOP].series[BEFORE], MEASURE_NO_GOAL, 0},
			{growth, "MiB", &p[STOP].series[GROWTH], NULL, MEASURE_NO_GOAL, 0},
			{one, "ms/MiB", &p[COST_1].series[CPU_TIME], NULL, MEASURE_NO_GOAL, 0},
			{sixteen, "ms/MiB", &p[COST_16].series[CPU_TIME], &p[COST_1].series[CPU_TIME], MEASURE_NO_GOAL, 0},
		},
		is_another_viewer(multiplexer) ? 2 : 4);
}

static void set_environment(void)
{
	const char *screens = scratch_path("screens");

	mkdir(screens, 0700);
	setenv("SCREENDIR", screens, 1);
	setenv("TERM", "xterm", 1);
	unsetenv("TMUX");
	unsetenv("STY");
}

int main(int argc, char **argv)
{
	static const struct multiplexer *const all[] = {&ringcast, &dtach, &screen, &tmux, &tmux_control};
	enum { N = sizeof all / sizeof *all };
	struct measure_probe probes[N * PROBES_EACH];
	struct cost costs[N][2];
	size_t n = 0;

	measure_start(argc, argv);
	measure_pin(MEASURE_ANY_CPU);
	set_environment();
	for (size_t i = 0; i < N; i++) {
		struct measure_probe *p = &probes[n * PROBES_EACH];

		if (!is_installed(all[i])) {
			printf("%s is not installed\n", all[i]->name);
			continue;
		}
		costs[n][0] = (struct cost){all[i], 1};
		costs[n][1] = (struct cost){all[i], MAX_VIEWERS};
		p[STOP] = (struct measure_probe){.run = run_stop, .context = all[i]};
		p[COST_1] = (struct measure_probe){.run = run_cost, .context = &costs[n][0]};
		p[COST_16] = (struct measure_probe){.run = run_cost, .context = &costs[n][1]};
		n++;
	}
	measure_run_rounds(probes, n * PROBES_EACH, measure_is_quick() ? 1 : 3);
	for (size_t i = 0; i < n; i++)
		report(costs[i][0].multiplexer, &probes[i * PROBES_EACH]);
	return 0;
}
