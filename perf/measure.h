/* SPDX-License-Identifier: MIT */
/*
 * What all measuring programs here share.
 *
 * A *probe* is one thing that can be run once and gives a few numbers. measure_run runs all probes of a program round
 * after round, each once a round, so that what the machine does meanwhile meets ours and the floor alike. A *row* then sets
 * one probe's number against another's: the value is the median over the rounds, the ratio the median of the ratios within
 * each round. A *point* is a value on a plot.
 *
 * Rows go to standard output as a table and, with --json FILE, as JSON lines to the end of FILE. A goal that is missed is
 * said to be missed; it is no failure. A program fails, by measure_fail, only when it cannot measure.
 */
#ifndef PERF_MEASURE_H
#define PERF_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MEASURE_MAX_ROUNDS 15
#define MEASURE_N_VALUES 8

/* ── The program ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Reads --quick and --json FILE, pins to the first CPU. Call first. */
void measure_start(int argc, char **argv);

bool measure_is_quick(void);
uint64_t measure_run_ns(void); /* how long one run of a probe should last */

/* Say why on standard error and exit. `error` is an errno, either sign, or 0. */
__attribute__((noreturn, format(printf, 2, 3))) void measure_fail(int error, const char *format, ...);

/* Fails if `result` is negative (-errno), and gives it back otherwise. Inline, as it stands in loops of a few nanoseconds. */
static inline int measure_check(int result, const char *what)
{
	if (result < 0)
		measure_fail(result, "%s", what);
	return result;
}

/* ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

uint64_t measure_now_ns(void);      /* CLOCK_MONOTONIC */
uint64_t measure_worked_ns(void);   /* this thread's processor time: for loops that never sleep, whoever else is busy */
uint64_t measure_cpu_ns(pid_t pid); /* processor time that a whole process has used */

/* A counter for intervals of nanoseconds. Loads before it are done before it counts, and those after it begin after it. */
static inline uint64_t measure_ticks(void)
{
#ifdef __x86_64__
	uint32_t low, high;

	__asm__ volatile("rdtscp\n\tlfence" : "=a"(low), "=d"(high) : : "rcx", "memory");
	return (uint64_t)high << 32 | low;
#else
	return measure_now_ns();
#endif
}
double measure_ns_per_tick(void);

static inline void measure_relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield" : : : "memory");
#endif
}

/* Take `data` for used: the compiler has to have it in memory, or read from there, by here. */
static inline void measure_keep(const void *data)
{
	__asm__ volatile("" : : "r"(data) : "memory");
}

/* ── Processes ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum measure_cpu { MEASURE_CPU_0, MEASURE_CPU_1, MEASURE_ANY_CPU };

void measure_pin(enum measure_cpu cpu);
int measure_cpu_number(enum measure_cpu cpu); /* as the kernel counts them; -1 for any */

/* A process that runs body(argument) on that CPU and dies with us. */
pid_t measure_fork(enum measure_cpu cpu, void (*body)(void *argument), void *argument);

/* Waits for it; if it failed, so do we. */
void measure_join(pid_t pid);

/* Ends it, whatever it is doing. */
void measure_kill(pid_t pid);

/* Memory that is shared with processes forked later, zeroed. */
void *measure_share(size_t n_bytes);
void measure_unshare(void *memory, size_t n_bytes);

/* ── Probes ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct measure_series {
	unsigned int n;
	double values[MEASURE_MAX_ROUNDS];
};

struct measure_probe {
	void (*run)(const void *context, double values[MEASURE_N_VALUES]);
	const void *context;
	struct measure_series series[MEASURE_N_VALUES]; /* series[i] collects values[i] */
};

void measure_run(struct measure_probe *probes, size_t n_probes);
void measure_run_rounds(struct measure_probe *probes, size_t n_probes, unsigned int n_rounds);

double measure_median(const struct measure_series *series);

/* The value that `percent` of the n are at or below. Sorts them. */
double measure_percentile(double *values, size_t n, double percent);

/* ── Results ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum measure_goal {
	MEASURE_NO_GOAL,
	MEASURE_RATIO_AT_MOST,
	MEASURE_RATIO_AT_LEAST,
	MEASURE_VALUE_AT_MOST,
	MEASURE_VALUE_AT_LEAST,
};

struct measure_row {
	const char *name; /* indented by two: belongs to the row above that is not */
	const char *unit;
	const struct measure_series *ours;
	const struct measure_series *floor; /* NULL: there is none */
	enum measure_goal goal;
	double limit;
};

void measure_report(const struct measure_row *rows, size_t n_rows);

/* One point of the curve `curve` in the plot `plot`: x and the median of what was measured there. */
void measure_point(const char *plot, const char *curve, double x, const char *unit, const struct measure_series *measured);

#endif
