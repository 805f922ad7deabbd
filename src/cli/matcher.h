/* SPDX-License-Identifier: MIT */
/*
 * A wait for a line that stands on a session's screen.
 */
#ifndef RINGCAST_CLI_MATCHER_H
#define RINGCAST_CLI_MATCHER_H

#include <regex.h>

#include <ringcast/client.h>
#include <ringcast/screen.h>

struct matcher {
	const struct rcast_view *view; /* the one that is waited on; set before the wait */
	struct rcast_screen *screen;
	regex_t pattern;
	uint64_t next_look_ns;
	bool changed; /* since the last look */
};

/* False: that is no extended regular expression. */
bool matcher_open(struct matcher *matcher, const char *pattern);
void matcher_close(struct matcher *matcher);

/* The judge of a RCAST_WAIT_JUDGE, with the matcher as its user, on a view from RCAST_FROM_SCREEN. */
bool matcher_judge(void *matcher, const struct rcast_record *record);

#endif
