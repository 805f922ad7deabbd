/* SPDX-License-Identifier: MIT */
/*
 * What a process has in hand: a number in memory that it shares with who has started it. It says the number before it begins a
 * piece of work, and 0 when that is done; so who survives it knows what it was at, be it killed, crashed or hung, at whatever
 * instruction. That number is what the process said, and no more: who is in somebody else's hands may say any.
 *
 * The worker maps the memory. The other one only reads, by pread: whatever the worker does to the file, there is nothing mapped
 * that could go away. No order is needed between the number and anything else in memory; it only must not be moved by the
 * compiler into or behind the work.
 */
#ifndef RCASTI_KERNEL_IN_HAND_H
#define RCASTI_KERNEL_IN_HAND_H

#include <stdatomic.h>
#include <stdint.h>

#include "kernel/facility.h"

/* The memory; nothing is in hand. Returns its descriptor, yours, or -errno. */
static inline int rcasti_in_hand_create(void)
{
	int fd = rcasti_kernel_memfd("ringcast-in-hand"), error;

	if (fd < 0)
		return fd;
	if (ftruncate(fd, sizeof(uint32_t)) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* 0 also if nothing can be read. */
static inline uint32_t rcasti_in_hand_read(int fd)
{
	uint32_t number;

	return pread(fd, &number, sizeof number, 0) == sizeof number ? number : 0;
}

/* The worker's. NULL: errno says why. */
static inline _Atomic uint32_t *rcasti_in_hand_map(int fd)
{
	void *memory = mmap(NULL, sizeof(_Atomic uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static inline void rcasti_in_hand_say(_Atomic uint32_t *in_hand, uint32_t number)
{
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(in_hand, number, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
}

#endif
