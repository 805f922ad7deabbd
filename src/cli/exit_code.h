/* SPDX-License-Identifier: MIT */
/*
 * What the command's exit status says. `ringcast --help` prints the same table.
 */
#ifndef RINGCAST_CLI_EXIT_CODE_H
#define RINGCAST_CLI_EXIT_CODE_H

enum exit_code {
	EXIT_CODE_OK = 0,
	EXIT_CODE_FAILURE = 1,
	EXIT_CODE_USAGE = 2,
	EXIT_CODE_NOT_FOUND = 3, /* no such session or engine */
	EXIT_CODE_GAPS = 4,      /* tail, record, screen: some output was lost */
	EXIT_CODE_DETACHED = 5,  /* the engine detached us */
	EXIT_CODE_GONE = 6,      /* the engine died */
	EXIT_CODE_NOT_COME = 7,  /* wait: not in time, or not before the end */

	/* run and attach end with the program's status, so what is ringcast's own fault keeps away from the low numbers */
	EXIT_CODE_OWN_FAILURE = 125,
	EXIT_CODE_NOT_EXECUTABLE = 126,
	EXIT_CODE_NO_PROGRAM = 127,
	EXIT_CODE_SIGNAL = 128, /* plus the signal's number */
};

#endif
