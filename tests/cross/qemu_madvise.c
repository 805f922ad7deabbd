/* SPDX-License-Identifier: MIT */
/*
 * qemu-user answers every madvise() with success and does nothing (7.2). MADV_POPULATE_WRITE is more than advice: a ring whose
 * pages are not there is refused by readers as one with holes. So under qemu the pages are touched instead. Linked in the place
 * of madvise by scripts/test-cross.
 */
#include <stddef.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

int __real_madvise(void *address, size_t n_bytes, int advice);
int __wrap_madvise(void *address, size_t n_bytes, int advice);

int __wrap_madvise(void *address, size_t n_bytes, int advice)
{
	if (advice == MADV_POPULATE_WRITE)
		for (size_t at = 0; at < n_bytes; at += 4096)
			__atomic_fetch_add((char *)address + at, 0, __ATOMIC_RELAXED);
	return __real_madvise(address, n_bytes, advice);
}
