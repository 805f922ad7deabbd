/* SPDX-License-Identifier: MIT */
/*
 * A recording, read event by event: asciicast version 3 or 2, or bytes alone.
 */
#ifndef RINGCAST_CLI_CAST_READ_H
#define RINGCAST_CLI_CAST_READ_H

#include <jansson.h>

#include "cli/cast.h"

#define CAST_MAX_LINE_BYTES (1u << 20)                            /* what parses it may take 80 times as much */
#define CAST_MAX_INTERVAL_NS (UINT64_C(365) * 86400 * 1000000000) /* longer ones are taken for this */
#define CAST_NO_LIMIT_NS UINT64_MAX

/* What the file says of itself, good once the first event is there. */
struct cast_header {
	uint16_t cols, rows;    /* 0: it does not say */
	uint64_t idle_limit_ns; /* no pause is to be longer; or CAST_NO_LIMIT_NS */
};

struct cast_event {
	uint64_t interval_ns; /* since the event before it */
	char code;            /* o r m x i; other codes are passed over */
	const char *data;     /* UTF-8, unless the file is raw; borrowed until the next call */
	size_t n_bytes;
};

struct cast_reader {
	enum cast_format format;
	struct cast_header header;
	char error[256]; /* what was wrong, with the line's number */

	int fd;
	bool has_header, is_at_end;
	char *buffer; /* of the file: [begin, end) is not taken yet, [begin, searched) has no line end */
	size_t begin, searched, end, room;
	unsigned long n_lines;
	uint64_t time_ns; /* of the latest event, in version 2 */
	json_t *event;    /* the latest, which owns its data */
};

enum cast_outcome {
	CAST_EVENT,
	CAST_HUNGRY, /* poll the descriptor for POLLIN, then cast_reader_fill */
	CAST_END,
};

/* Reads from fd, which it takes; wait for it before each fill if it may block. `is_raw`: there is no header to find. */
void cast_reader_open_take(struct cast_reader *reader, int fd, bool is_raw);
void cast_reader_close(struct cast_reader *reader);

/* One read(2). 0 or -errno, with `error` saying why. */
int cast_reader_fill(struct cast_reader *reader);

/* An enum cast_outcome; or an error, with `error` saying what is wrong where: -EPROTO, -EMSGSIZE, -ENOMEM. */
int cast_reader_next(struct cast_reader *reader, struct cast_event *event);

#endif
