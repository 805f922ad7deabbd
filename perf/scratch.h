/* SPDX-License-Identifier: MIT */
/* Where a measuring program keeps its sockets and files for as long as it runs, and where its sister programs are. */
#ifndef PERF_SCRATCH_H
#define PERF_SCRATCH_H

/* Both give one of four buffers of their own, which are used in turn. */

/* A path in a folder of our own, which goes with the program. */
__attribute__((format(printf, 1, 2))) const char *scratch_path(const char *format, ...);

/* The program of that name that was built beside this one. */
const char *scratch_program(const char *name);

#endif
