/* SPDX-License-Identifier: MIT */
/*
 * Standard output, written to the last byte or with a clear reason why not.
 */
#ifndef RINGCAST_CLI_OUTPUT_H
#define RINGCAST_CLI_OUTPUT_H

#include <stddef.h>

/*
 * 0: everything was written. -EINTR: a signal wants us to end (see signals_ending). Else why it cannot be written. A standard
 * output that is non-blocking, or takes nothing for a while, is waited for.
 */
int output_write(const void *data, size_t n_bytes);

/* From one to the other a terminal is written at once, and waited for only if it is full. */
void output_open(void);
void output_close(void);

/* Wait until fd takes something. -EINTR: a signal wants us to end. */
int output_await_room(int fd);

/*
 * The last words to a terminal, or about an error: as much of it as `fd` takes now. One that takes nothing is stopped or gone, and
 * must not hold up our end.
 */
void output_try(int fd, const char *text);

/* Bring what stdio was given to standard output. Returns the exit code, and says why if it cannot be written. */
int output_flush(void);

/* Say that output_write failed. Returns the exit code. */
int output_failed(int error);

#endif
