/* SPDX-License-Identifier: MIT */
/*
 * perf_flood: the program that runs under the PTYs that are measured. What it does stands in a file that whoever measures
 * has mapped too, so it needs no connection but the PTY.
 *
 *   perf_flood FILE CPU      writes what the file asks for, says so there, and waits to be asked for more, or for SIGHUP
 */
#ifndef PERF_FLOOD_H
#define PERF_FLOOD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "perf/measure.h"

enum flood_mode {
	FLOOD_LINES, /* lines of text as fast as they are taken */
	FLOOD_TICKS, /* every interval_ns a line that says when it was written: "@" and CLOCK_MONOTONIC in ns, 20 digits */
};

struct flood {
	enum flood_mode mode;
	uint64_t interval_ns;
	_Atomic uint64_t n_asked;    /* how many bytes it is to write in all; UINT64_MAX: without end */
	_Atomic uint64_t n_written;  /* grows as it writes */
	_Atomic uint64_t elapsed_ns; /* that it has spent writing: brought up to date when it has written what was asked */
	_Atomic uint64_t n_done;     /* n_written when that happened last */
};

/* The other side's view: a scratch file, mapped. */
struct flood *flood_create(const char *path, enum flood_mode mode);
void flood_free(struct flood *flood, const char *path);
void flood_start(struct flood *flood, uint64_t n_bytes); /* so many more lines; UINT64_MAX: lines, or ticks, without end */
void flood_wait(struct flood *flood);                    /* until all that was asked for is written */

/* argv for it, pinned to that CPU. Borrowed until the next call. */
const char *const *flood_argv(const char *path, enum measure_cpu cpu);

/* A process on `cpu` that runs it under a bare PTY, on the second CPU, and reads what it prints: the floor of every engine. */
pid_t flood_drain(const char *path, enum measure_cpu cpu);

#endif
