/* SPDX-License-Identifier: MIT */
/*
 * Rings that are mapped from outside lie in the middle of memory that nobody may touch, so that a read past either end is a
 * fault and no luck. For programs linked with --wrap=rcasti_memory_map_readonly; one reader at a time.
 *
 * A header can claim up to 4 GiB, so no less will do for a guard behind; in front of it positions may lead.
 */
#ifndef RINGCAST_TESTS_GUARDED_H
#define RINGCAST_TESTS_GUARDED_H

#include <errno.h>
#include <sys/mman.h>

#include "ring/memory.h"

#define GUARD_BYTES (UINT64_C(5) << 30)

int __real_rcasti_memory_map_readonly(int memory_fd, void **address, size_t *n_bytes);
int __wrap_rcasti_memory_map_readonly(int memory_fd, void **address, size_t *n_bytes);

static char *guarded_start; /* where the mapping lies between its guards */

static void guard(void)
{
	size_t n_bytes = 2 * GUARD_BYTES + RCASTI_RING_HEADER_BYTES;

	if (guarded_start) /* what was unmapped in the middle becomes a guard again */
		mmap(guarded_start, RCASTI_RING_HEADER_BYTES + (1 << 20), PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	else
		guarded_start = (char *)mmap(NULL, n_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) +
				GUARD_BYTES;
}

int __wrap_rcasti_memory_map_readonly(int memory_fd, void **address, size_t *n_bytes)
{
	int error = __real_rcasti_memory_map_readonly(memory_fd, address, n_bytes);

	if (error != 0 || *n_bytes > RCASTI_RING_HEADER_BYTES + (1 << 20))
		return error;
	guard();
	munmap(*address, *n_bytes);
	*address = mmap(guarded_start, *n_bytes, PROT_READ, MAP_SHARED | MAP_FIXED, memory_fd, 0);
	return *address == MAP_FAILED ? -errno : 0;
}

/* Does all of it lie inside the ring? */
static inline bool guarded_contains(const void *data, size_t n_bytes, size_t ring_bytes)
{
	const char *at = data;

	return at >= guarded_start && at + n_bytes <= guarded_start + RCASTI_RING_HEADER_BYTES + ring_bytes;
}

#endif
