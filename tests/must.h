/* SPDX-License-Identifier: MIT */
/*
 * For programs without Criterion: what must hold, or the program ends at once, where a debugger and a fuzzer can see it.
 */
#ifndef RINGCAST_TESTS_MUST_H
#define RINGCAST_TESTS_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define must(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

#endif
