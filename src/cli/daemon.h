/* SPDX-License-Identifier: MIT */
/*
 * An engine of its own for one session, in the background.
 */
#ifndef RINGCAST_CLI_DAEMON_H
#define RINGCAST_CLI_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include <ringcast/engine.h>

struct daemon_order {
	const char *name;        /* of the session and of its engine */
	const char *const *argv; /* the program, ends with NULL; or NULL, and */
	int fd;                  /* what to read; stays the caller's */
	uint64_t ring_bytes;
	uint32_t linger_ms;
	const struct rcast_engine_options *engine; /* but for its name, which is the session's */
	uint16_t cols, rows;
	bool awaits_attach; /* our terminal is about to answer what the program asks */
	bool is_left;       /* nobody of ours attaches: it may be over, and gone, before anybody could */
};

enum daemon_stage { DAEMON_FORKED, DAEMON_ENGINE, DAEMON_SESSION };

/* How the start went: 0, or the error of the stage that failed. */
struct daemon_report {
	enum daemon_stage stage;
	int error;
};

/*
 * Start it. When this returns without an error the session exists. The daemon ends by itself when its last session is gone; it
 * keeps nothing of ours open and is in a session (setsid) of its own.
 */
struct daemon_report daemon_start(const struct daemon_order *order);

#endif
