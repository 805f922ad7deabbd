/* SPDX-License-Identifier: MIT */
/*
 * Our own terminal: made raw to show another's, and put back whatever happens.
 */
#ifndef RINGCAST_CLI_TERMINAL_H
#define RINGCAST_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

struct terminal {
	int in_fd, out_fd;
	bool has_keys;   /* in_fd is a terminal */
	bool has_screen; /* out_fd is a terminal */
	bool raw;
	bool keeps_newlines;
	struct termios before;
};

/* Find out what there is; changes nothing. */
void terminal_open(struct terminal *terminal, int in_fd, int out_fd);

/* What is written to its screen may be a question; does the answer come from its keys? */
bool terminal_can_answer(const struct terminal *terminal);

/*
 * Keys one by one and unseen, signals by key off. With keep_newlines the terminal still returns at each line feed, for streams
 * that never went through a terminal of their own. 0 or -errno; nothing to do is 0.
 */
int terminal_enter_raw(struct terminal *terminal, bool keep_newlines);

/*
 * As it was before, and the screen out of any mode that a program may have left it in, be that its alternate screen. Any number of
 * times.
 */
void terminal_restore(struct terminal *terminal, bool is_in_alternate_screen);

/* Restore, stop ourselves as Ctrl-Z does, and be raw again when we are continued. */
void terminal_suspend(struct terminal *terminal, bool is_in_alternate_screen);

/* Somebody else had the terminal while we were stopped: raw again, if we were. */
void terminal_continue(struct terminal *terminal);

/* False: no terminal, or it does not know its size. */
bool terminal_size(const struct terminal *terminal, uint16_t *cols, uint16_t *rows);

#endif
