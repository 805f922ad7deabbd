/* SPDX-License-Identifier: MIT */
/*
 * A recording of a session, in a file: asciicast version 3 or 2, or the bytes alone.
 */
#ifndef RINGCAST_CLI_CAST_H
#define RINGCAST_CLI_CAST_H

#include <stdbool.h>
#include <sys/types.h>

#include <ringcast/client.h>

enum cast_format { CAST_V3, CAST_V2, CAST_RAW };

struct cast {
	enum cast_format format;               /* this and info are the caller's to set before cast_open */
	const struct rcast_session_info *info; /* what is known about the session; borrowed until cast_close */

	int fd;                    /* -1: not open */
	off_t n_whole;             /* bytes of whole lines in the file; what is behind them is cut off on an error */
	bool has_failed;           /* nothing more can be written */
	bool has_begun;            /* is the header written? */
	uint64_t lost_before;      /* bytes of output, before there was a header */
	uint64_t begin_ns, now_ns; /* of the first record, and of the latest */
	uint64_t written_ms;       /* the sum of all intervals written */
	unsigned char carried[4];  /* a character whose end has not come yet */
	unsigned n_carried;
	bool is_behind_return; /* was the latest byte a carriage return? */
};

/* Make the file. -EEXIST: it is there already, and not to be overwritten. Or -errno. */
int cast_open(struct cast *cast, const char *path, bool overwrite);

/* Each 0 or -errno; after an error the file ends with the last whole line. */
int cast_write(struct cast *cast, const struct rcast_record *record);
/* The whole screen as it was at time_ns (CLOCK_MONOTONIC), its size first. Nothing in a raw recording. */
int cast_write_screen(struct cast *cast, const struct rcast_keyframe *screen, uint64_t time_ns);

int cast_write_gap(struct cast *cast, const struct rcast_loss *lost);

/* Write the header if nothing came, and what was still carried over; and close. After an error: close only. */
int cast_close(struct cast *cast);

#endif
