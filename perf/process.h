/* SPDX-License-Identifier: MIT */
/* What the kernel says of a process, its threads taken together. */
#ifndef PERF_PROCESS_H
#define PERF_PROCESS_H

#include <sys/types.h>

/* What it has for itself, page tables included, in KiB. Shared memory is not in it. */
double process_private_kib(pid_t pid);

/* Shared memory that it has touched, in KiB. */
double process_shared_kib(pid_t pid);

/* A child of it that runs the program of this name (15 characters of it), or 0. */
pid_t process_child(pid_t pid, const char *name);

/* The process that traces it, or 0. */
pid_t process_tracer(pid_t pid);

/* How often it went to sleep. */
double process_switches(pid_t pid);

#endif
