/* SPDX-License-Identifier: MIT */
/*
 * The clock that records are stamped with.
 */
#ifndef RINGCAST_CLI_CLOCK_H
#define RINGCAST_CLI_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_A_MS UINT64_C(1000000)
#define NS_A_SECOND UINT64_C(1000000000)

static inline uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_A_SECOND + (uint64_t)now.tv_nsec;
}

#endif
