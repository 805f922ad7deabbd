/* SPDX-License-Identifier: MIT */
/*
 * Following a session on our terminal, for watch and attach.
 */
#ifndef RINGCAST_CLI_SHOW_H
#define RINGCAST_CLI_SHOW_H

#include <ringcast/client.h>

#include "cli/follow.h"
#include "cli/stage.h"

struct show {
	struct stage stage;
	struct follow follow;
	bool begun; /* the first record has come */
};

/* The record and gap operations of the follow. */
int show_record(struct show *show, const struct rcast_record *record);
int show_gap(struct show *show, const struct rcast_loss *lost);

/* Run the follow with the terminal raw, restore it, say how it ended. The view is open, the terminal too. */
enum follow_end show_follow(struct show *show);

/* The pause of the follow: what signals ask of the terminal, and frames that are due. */
int show_pause(struct show *show);

#endif
