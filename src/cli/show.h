/* SPDX-License-Identifier: MIT */
/*
 * Drawing a session on our terminal, for watch and attach.
 */
#ifndef RINGCAST_CLI_SHOW_H
#define RINGCAST_CLI_SHOW_H

#include <ringcast/client.h>

#include "cli/follow.h"
#include "cli/terminal.h"

/* The record and gap operations of a follow; its user is not looked at. */
int show_record(void *user, const struct rcast_record *record);
int show_gap(void *user, const struct rcast_loss *lost);

/* Run a follow with the terminal raw, restore it, say how it ended. */
enum follow_end show_follow(struct follow *follow, struct terminal *terminal);

/* What signals ask of the terminal between two looks: stop, go on. */
void show_handle_signals(struct terminal *terminal);

#endif
