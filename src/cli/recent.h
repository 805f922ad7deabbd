/* SPDX-License-Identifier: MIT */
/*
 * The latest part of what a session's ring holds, as a recording that begins with the screen of then.
 */
#ifndef RINGCAST_CLI_RECENT_H
#define RINGCAST_CLI_RECENT_H

#include <ringcast/screen.h>

#include "cli/cast.h"

struct recent {
	struct cast *cast;
	uint64_t since_ns, until_ns; /* CLOCK_MONOTONIC */
	uint64_t until_pos;          /* where the session stood at until_ns */
	uint64_t held_since_ns;      /* the first record's time; UINT64_MAX: there was none */
	struct rcast_screen *screen; /* as of the latest record before since_ns; NULL: none was kept */
	bool has_begun;              /* has since_ns been reached? */
};

/* What was published in the last_ns up to now, of the session that cast->info tells of. */
void recent_open(struct recent *recent, struct cast *cast, uint64_t last_ns);
void recent_close(struct recent *recent);

/* The ring's records and gaps, from the oldest on. 0 or -errno; -ECANCELED: this was the last one that is wanted. */
int recent_write(struct recent *recent, const struct rcast_record *record);
int recent_write_gap(struct recent *recent, const struct rcast_loss *lost);

/* After the last one. */
int recent_finish(struct recent *recent);

/* Is something missing at the beginning, because the ring had dropped it? */
bool recent_is_cut(const struct recent *recent);

#endif
