/* SPDX-License-Identifier: MIT */
/* A program under a PTY of its own, 80 by 24, whose master end we hold: a terminal emulator without a screen. */
#ifndef PERF_TERMINAL_H
#define PERF_TERMINAL_H

#include "perf/measure.h"

struct terminal {
	int master_fd; /* non-blocking */
	pid_t pid;
};

/* argv[0] is looked for in PATH. */
void terminal_open(struct terminal *terminal, enum measure_cpu cpu, const char *const *argv);

/* The program gets a hang-up; if it does not mind, it is killed. */
void terminal_close(struct terminal *terminal);

/* Runs a program without a terminal, its output thrown away. Ends with us; measure_kill ends it before. */
pid_t terminal_run(enum measure_cpu cpu, const char *const *argv);

#endif
