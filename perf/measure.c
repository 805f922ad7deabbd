/* SPDX-License-Identifier: MIT */
/*
 * The common part of all measuring programs: see measure.h for the words.
 *
 * The state here is what the command line said and is written only by measure_start.
 */
#include "perf/measure.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
	bool quick;
	unsigned int n_rounds;
	const char *program;
	FILE *json;
	int cpus[2];
	cpu_set_t all_cpus;
} settings = {.n_rounds = 11};

/* ── The program ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

void measure_fail(int error, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s: ", settings.program);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	if (error != 0)
		fprintf(stderr, ": %s", strerror(abs(error)));
	fputc('\n', stderr);
	exit(1);
}

/* The first two CPUs that we may use. On a machine with one the programs run, and measure little but its scheduler. */
static void find_cpus(void)
{
	int n = 0;

	measure_check(sched_getaffinity(0, sizeof settings.all_cpus, &settings.all_cpus) == 0 ? 0 : -errno,
		      "sched_getaffinity");
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, &settings.all_cpus))
			settings.cpus[n++] = cpu;
	if (n == 1) {
		settings.cpus[1] = settings.cpus[0];
		fprintf(stderr, "%s: only one CPU: writer and reader share it, and no ratio below means much\n",
			settings.program);
	}
}

static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void measure_start(int argc, char **argv)
{
	settings.program = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0) {
			settings.quick = true;
			settings.n_rounds = 7;
		} else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
			settings.json = fopen(argv[++i], "ae");
			if (!settings.json)
				measure_fail(errno, "%s", argv[i]);
		} else {
			measure_fail(0, "usage: %s [--quick] [--json FILE]", settings.program);
		}
	}
	find_cpus();
	allow_many_files();
	measure_pin(MEASURE_CPU_0);
}

bool measure_is_quick(void)
{
	return settings.quick;
}

uint64_t measure_run_ns(void)
{
	return settings.quick ? UINT64_C(8000000) : UINT64_C(50000000);
}

/* ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0)
		measure_fail(errno, "clock_gettime");
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t measure_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t measure_worked_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t measure_cpu_ns(pid_t pid)
{
	clockid_t clock;
	int error = clock_getcpuclockid(pid, &clock);

	if (error != 0)
		measure_fail(error, "the processor time of process %d", (int)pid);
	return clock_ns(clock);
}

double measure_ns_per_tick(void)
{
	static double ratio;

	if (ratio == 0) {
		uint64_t ticks = measure_ticks(), start = measure_now_ns(), now;

		do
			now = measure_now_ns();
		while (now - start < 10000000);
		ratio = (double)(now - start) / (double)(measure_ticks() - ticks);
	}
	return ratio;
}

/* ── Processes ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

void measure_pin(enum measure_cpu cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (cpu == MEASURE_ANY_CPU)
		set = settings.all_cpus;
	else
		CPU_SET(settings.cpus[cpu], &set);
	measure_check(sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno, "sched_setaffinity");
}

int measure_cpu_number(enum measure_cpu cpu)
{
	return cpu == MEASURE_ANY_CPU ? -1 : settings.cpus[cpu];
}

pid_t measure_fork(enum measure_cpu cpu, void (*body)(void *argument), void *argument)
{
	pid_t parent = getpid(), child;

	fflush(NULL);
	child = fork();
	if (child < 0)
		measure_fail(errno, "fork");
	if (child > 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	measure_pin(cpu);
	body(argument);
	_exit(0);
}

void measure_join(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			measure_fail(errno, "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		measure_fail(0, "a process of the measurement failed (wait status 0x%x)", status);
}

void measure_kill(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

void *measure_share(size_t n_bytes)
{
	void *memory = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		measure_fail(errno, "mmap");
	return memory;
}

void measure_unshare(void *memory, size_t n_bytes)
{
	munmap(memory, n_bytes);
}

/* ── Probes ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void measure_run_rounds(struct measure_probe *probes, size_t n_probes, unsigned int n_rounds)
{
	for (unsigned int round = 0; round < n_rounds; round++) {
		for (size_t i = 0; i < n_probes; i++) {
			double values[MEASURE_N_VALUES] = {0};

			probes[i].run(probes[i].context, values);
			for (size_t v = 0; v < MEASURE_N_VALUES; v++)
				probes[i].series[v].values[probes[i].series[v].n++] = values[v];
		}
	}
}

void measure_run(struct measure_probe *probes, size_t n_probes)
{
	measure_run_rounds(probes, n_probes, settings.n_rounds);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double measure_percentile(double *values, size_t n, double percent)
{
	size_t rank = (size_t)ceil(percent / 100 * (double)n);

	if (n == 0)
		measure_fail(0, "nothing was measured");
	qsort(values, n, sizeof *values, compare);
	return values[rank > 0 ? rank - 1 : 0];
}

static double series_percentile(const struct measure_series *series, double percent)
{
	struct measure_series sorted = *series;

	return measure_percentile(sorted.values, sorted.n, percent);
}

double measure_median(const struct measure_series *series)
{
	return series_percentile(series, 50);
}

/* ── Results ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static double median_ratio(const struct measure_series *ours, const struct measure_series *floor)
{
	struct measure_series ratios = {.n = ours->n < floor->n ? ours->n : floor->n};

	for (unsigned int i = 0; i < ratios.n; i++)
		ratios.values[i] = ours->values[i] / floor->values[i];
	return measure_median(&ratios);
}

struct verdict {
	double value, low, high, floor, ratio;
	char goal[32];
	const char *met;
};

static bool is_met(const struct measure_row *row, const struct verdict *verdict)
{
	switch (row->goal) {
	case MEASURE_RATIO_AT_MOST:
		return verdict->ratio <= row->limit;
	case MEASURE_RATIO_AT_LEAST:
		return verdict->ratio >= row->limit;
	case MEASURE_VALUE_AT_MOST:
		return verdict->value <= row->limit;
	case MEASURE_VALUE_AT_LEAST:
		return verdict->value >= row->limit;
	case MEASURE_NO_GOAL:
		break;
	}
	return true;
}

static struct verdict judge(const struct measure_row *row)
{
	static const char *const forms[] = {
		[MEASURE_NO_GOAL] = "-",           [MEASURE_RATIO_AT_MOST] = "<= %g x", [MEASURE_RATIO_AT_LEAST] = ">= %g x",
		[MEASURE_VALUE_AT_MOST] = "<= %g", [MEASURE_VALUE_AT_LEAST] = ">= %g",
	};
	struct verdict verdict = {.value = measure_median(row->ours),
				  .low = series_percentile(row->ours, 25),
				  .high = series_percentile(row->ours, 75),
				  .floor = row->floor ? measure_median(row->floor) : NAN,
				  .ratio = row->floor ? median_ratio(row->ours, row->floor) : NAN};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(verdict.goal, sizeof verdict.goal, forms[row->goal], row->limit);
#pragma GCC diagnostic pop
	verdict.met = row->goal == MEASURE_NO_GOAL ? "-" : is_met(row, &verdict) ? "yes" : "MISSED";
	return verdict;
}

/* Four digits that count, and no exponent. */
static const char *number(char *text, size_t text_bytes, double value)
{
	double size = fabs(value);

	if (isnan(value))
		snprintf(text, text_bytes, "-");
	else
		snprintf(text, text_bytes, "%.*f",
			 size >= 1000 || size == 0 ? 0
			 : size >= 100             ? 1
			 : size >= 10              ? 2
						   : 3,
			 value);
	return text;
}

static void print_row(const struct measure_row *row, const struct verdict *verdict)
{
	char value[32], low[32], high[32], floor[32], ratio[32], spread[72];

	snprintf(spread, sizeof spread, "%s..%s", number(low, sizeof low, verdict->low),
		 number(high, sizeof high, verdict->high));
	printf("%-58s %10s %-9s %-17s %10s %8s %9s  %s\n", row->name, number(value, sizeof value, verdict->value), row->unit,
	       spread, number(floor, sizeof floor, verdict->floor), number(ratio, sizeof ratio, verdict->ratio),
	       verdict->goal, verdict->met);
	fflush(stdout);
}

static const char *json_number(char *text, size_t text_bytes, double value)
{
	if (isfinite(value))
		snprintf(text, text_bytes, "%.6g", value);
	else
		snprintf(text, text_bytes, "null");
	return text;
}

/* On the table an indented row belongs to the one above it; here it says so in its name. */
static void write_row(const struct measure_row *row, const struct verdict *verdict, const char *above)
{
	const char *met = row->goal == MEASURE_NO_GOAL ? "null" : is_met(row, verdict) ? "true" : "false";
	char floor[32], ratio[32];

	fprintf(settings.json,
		"{\"name\":\"%s%s%s\",\"value\":%.6g,\"unit\":\"%s\",\"floor\":%s,\"ratio\":%s,\"goal\":\"%s\",\"met\":%s,"
		"\"low\":%.6g,\"high\":%.6g}\n",
		above, *above ? ": " : "", row->name + strspn(row->name, " "), verdict->value, row->unit,
		json_number(floor, sizeof floor, verdict->floor), json_number(ratio, sizeof ratio, verdict->ratio),
		verdict->goal, met, verdict->low, verdict->high);
	fflush(settings.json);
}

void measure_report(const struct measure_row *rows, size_t n_rows)
{
	const char *above = "";

	for (size_t i = 0; i < n_rows; i++) {
		struct verdict verdict = judge(&rows[i]);
		bool indented = rows[i].name[0] == ' ';

		print_row(&rows[i], &verdict);
		if (settings.json)
			write_row(&rows[i], &verdict, indented ? above : "");
		if (!indented)
			above = rows[i].name;
	}
}

void measure_point(const char *plot, const char *curve, double x, const char *unit, const struct measure_series *measured)
{
	if (!settings.json)
		return;
	fprintf(settings.json, "{\"plot\":\"%s\",\"curve\":\"%s\",\"x\":%.9g,\"value\":%.6g,\"unit\":\"%s\"}\n", plot, curve,
		x, measure_median(measured), unit);
	fflush(settings.json);
}
