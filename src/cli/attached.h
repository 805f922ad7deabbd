/* SPDX-License-Identifier: MIT */
/*
 * Our terminal as the session's terminal: what attach does, and run after it has started a session.
 */
#ifndef RINGCAST_CLI_ATTACHED_H
#define RINGCAST_CLI_ATTACHED_H

#include <ringcast/client.h>

#define DETACH_KEY_DEFAULT 0x1c /* Ctrl-\ */

struct attached_options {
	unsigned char detach_key;
	bool is_first;  /* nobody was attached before: what the program has asked its terminal is for ours to answer */
	bool is_inline; /* not in our terminal's alternate screen */
};

/* Returns the exit code: the program's own if it ended while we were attached. Once in a process. */
int attached_run(struct rcast_client *client, const char *session, const struct attached_options *options);

/* A general failure of ringcast as an exit code that a program's own seldom is. */
int attached_exit_code(int exit_code);

#endif
