/* SPDX-License-Identifier: MIT */
/*
 * A verb is one entry of the table in main.c: what `ringcast NAME …` does, and what it says of itself.
 */
#ifndef RINGCAST_CLI_VERB_H
#define RINGCAST_CLI_VERB_H

#include "cli/exit_code.h"

struct verb {
	const char *name;
	const char *arguments; /* the rest of the usage line */
	const char *summary;   /* in one line */
	const char *help;      /* the options, and what is worth knowing */

	/* argv[0] is the verb's name. Returns the exit code. */
	int (*run)(const struct verb *verb, int argc, char **argv);
};

extern const struct verb verb_run, verb_engine, verb_ls, verb_watch, verb_attach, verb_tail, verb_publish, verb_send,
	verb_resize, verb_kick, verb_kill, verb_stat, verb_record, verb_play, verb_wait, verb_screen;

#endif
