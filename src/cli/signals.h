/* SPDX-License-Identifier: MIT */
/*
 * Signals as something to poll: a verb that has changed the terminal must get to put it back.
 */
#ifndef RINGCAST_CLI_SIGNALS_H
#define RINGCAST_CLI_SIGNALS_H

#include <stdbool.h>

/* Catch SIGTERM, SIGHUP, SIGINT and SIGQUIT from now on, but not those that whoever started us wanted ignored. 0 or -errno. */
int signals_open(void);

/* And those that concern a terminal that we have changed: SIGWINCH, SIGTSTP and SIGCONT. */
int signals_open_for_terminal(void);

/* Readable when a signal has come; -1 before signals_open. */
int signals_fd(void);

/* Take note of all that have come. */
void signals_read(void);

/* The signal that wants us to end, of those read; 0: none. */
int signals_ending(void);

/* Was there one of these, of those read, since the last time this was asked? */
bool signals_take_resize(void);
bool signals_take_stop(void);
bool signals_take_continue(void);

/* Stop as Ctrl-Z would stop us; returns when we are continued, at once if nobody is there to do that. */
void signals_stop_self(void);

#endif
