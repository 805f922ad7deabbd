/* SPDX-License-Identifier: MIT */
/*
 * Drawing a session on our terminal, for watch and attach.
 */
#ifndef RINGCAST_CLI_SHOW_H
#define RINGCAST_CLI_SHOW_H

#include <ringcast/client.h>

#include "cli/follow.h"
#include "cli/questions.h"
#include "cli/terminal.h"

struct show {
	struct terminal terminal;
	struct follow follow;
	uint64_t silent_until_ns; /* questions in output older than this are not put to our terminal */
	struct questions questions;
};

#define SHOW_ALWAYS_SILENT UINT64_MAX

/* The record and gap operations of the follow. */
int show_record(struct show *show, const struct rcast_record *record);
int show_gap(struct show *show, const struct rcast_loss *lost);

/* Run the follow with the terminal raw, restore it, say how it ended. */
enum follow_end show_follow(struct show *show);

/* What signals ask of the terminal between two looks: stop, go on. */
void show_handle_signals(struct show *show);

#endif
