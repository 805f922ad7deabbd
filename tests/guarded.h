/* SPDX-License-Identifier: MIT */
/*
 * Rings that are mapped from outside lie in the middle of memory that nobody may touch, so that a read past either end is a
 * fault and no luck. For programs linked with --wrap=rcasti_memory_map_readonly; one reader at a time, which may move to another
 * ring: there are two places, used in turns.
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

#define GUARDED_MOST_BYTES (RCASTI_RING_HEADER_BYTES + (UINT64_C(1) << 20))

static char *guarded_places[2]; /* where mappings lie between their guards */
static unsigned int guarded_next;

static void make_places(void)
{
	char *start = mmap(NULL, 3 * GUARD_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	guarded_places[0] = start + GUARD_BYTES;
	guarded_places[1] = start + 2 * GUARD_BYTES - GUARDED_MOST_BYTES;
}

/* Take the place that was not used last. What was unmapped there is a guard again. */
static char *guarded_take_place(void)
{
	char *place;

	if (!guarded_places[0])
		make_places();
	place = guarded_places[guarded_next++ % 2];
	mmap(place, GUARDED_MOST_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	return place;
}

int __wrap_rcasti_memory_map_readonly(int memory_fd, void **address, size_t *n_bytes)
{
	int error = __real_rcasti_memory_map_readonly(memory_fd, address, n_bytes);

	if (error != 0 || *n_bytes > GUARDED_MOST_BYTES)
		return error;
	munmap(*address, *n_bytes);
	*address = mmap(guarded_take_place(), *n_bytes, PROT_READ, MAP_SHARED | MAP_FIXED, memory_fd, 0);
	return *address == MAP_FAILED ? -errno : 0;
}

static inline bool guarded_is_at(const char *place, const char *at, size_t n_bytes, size_t ring_bytes)
{
	return at >= place && at + n_bytes <= place + RCASTI_RING_HEADER_BYTES + ring_bytes;
}

/* Does all of it lie inside the ring? */
static inline bool guarded_contains(const void *data, size_t n_bytes, size_t ring_bytes)
{
	return guarded_is_at(guarded_places[0], data, n_bytes, ring_bytes) ||
	       guarded_is_at(guarded_places[1], data, n_bytes, ring_bytes);
}

#endif
