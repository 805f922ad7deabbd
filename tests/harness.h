/* SPDX-License-Identifier: MIT */
/*
 * What every Criterion test stands on.
 *
 *   HARNESS_TEST(suite, name) { … }
 *
 * Before the test: a scratch folder that is XDG_RUNTIME_DIR, and a count of open descriptors. After it: everything that the
 * test started is killed, daemons included; the folder is removed; the count must be what it was.
 *
 * Nothing here sleeps for a time and hopes: harness_await looks until the condition holds, or fails the test after a
 * generous bound.
 */
#ifndef RINGCAST_TESTS_HARNESS_H
#define RINGCAST_TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <criterion/criterion.h>

void harness_begin(void);
void harness_end(void);

#define HARNESS_TEST(suite, name, ...) \
	Test(suite, name, .init = harness_begin, .fini = harness_end, .timeout = 500, ##__VA_ARGS__)

/* For a machine that is slow, busy and runs sanitizers; what hangs, hangs longer than that too. */
#define HARNESS_BOUND_MS 100000

/* Wait until the expression is true; the test fails after HARNESS_BOUND_MS. */
#define harness_await(condition)                                                                              \
	do {                                                                                                  \
		uint64_t harness_deadline = harness_now_ms() + HARNESS_BOUND_MS;                              \
		while (!(condition)) {                                                                        \
			cr_assert(harness_now_ms() < harness_deadline, "waited in vain for: %s", #condition); \
			harness_pause();                                                                      \
		}                                                                                             \
	} while (0)

uint64_t harness_now_ms(void);
void harness_pause(void); /* about a millisecond between two looks at a condition */

int harness_count_fds(void);

/* The scratch folder of this test (also $XDG_RUNTIME_DIR). Borrowed. */
const char *harness_folder(void);

/* A path in the scratch folder; one of 8 rotating buffers. */
const char *harness_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The ringcast command of this build. */
const char *harness_ringcast(void);

struct harness_result {
	int status;      /* exit status, or 128 + signal */
	char *out, *err; /* what was printed, terminated; free with harness_result_free */
	size_t n_out, n_err;
};

/* Run argv (ends with NULL) to its end, with standard input from `input` (NULL: /dev/null). */
struct harness_result harness_run(const char *const *argv, const char *input);
void harness_result_free(struct harness_result *result);

/* harness_run of the ringcast command: harness_ringcast_run("ls", "--json", NULL). */
struct harness_result harness_ringcast_run(const char *verb, ...) __attribute__((sentinel));

/* Start argv with its three standard descriptors (-1: /dev/null); they stay the caller's. It dies with the test. */
pid_t harness_spawn(const char *const *argv, int in_fd, int out_fd, int err_fd);

/* Wait for a child: exit status, or 128 + signal. */
int harness_wait(pid_t pid);

/* A line for the table of scripts/torture: into the file that $RINGCAST_FIGURES names, if it does. */
void harness_figure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* All of a file, terminated; free() it. */
char *harness_read_file(const char *path, size_t *n_bytes);

#endif
