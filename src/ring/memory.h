/* SPDX-License-Identifier: MIT */
/* Shared memory between sides that need not trust each other: made, sealed and verified. */
#ifndef RCASTI_RING_MEMORY_H
#define RCASTI_RING_MEMORY_H

#include <stdatomic.h>

#include "ring/protocol.h"

#define RCASTI_RING_MAGIC UINT64_C(0x676e697274736163)
#define RCASTI_RING_VERSION 1u
#define RCASTI_RING_HEADER_BYTES 4096u

#define RCASTI_CURSOR_MAGIC UINT64_C(0x72756f7374736163)
#define RCASTI_CURSOR_BYTES 4096u

/* The first page of a ring. The data area follows it. */
struct rcasti_ring_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_bytes;
	uint64_t capacity_bytes;
	struct rcasti_shared shared;
};

/*
 * A cursor page. The reader writes it; the publisher only reads it and believes nothing in it. Were the words at the same
 * place in every page, those of all readers would fall into one set of the cache, which has room for eight: so each reader
 * takes one place of several. A round of notify over 64 readers takes half the time for it.
 */
#define RCASTI_N_PLACES 15u
struct rcasti_cursor_page {
	uint64_t magic;
	_Atomic uint32_t place; /* which of the words are used */
	struct rcasti_cursor_words words[RCASTI_N_PLACES];
};

/*
 * A new memfd of n_bytes, all allocated, mapped writable at *address, then sealed so that this mapping stays the only
 * writable one and the size can never change. Returns the fd (yours) or -errno.
 */
int rcasti_memory_create(const char *name, size_t n_bytes, void **address);

/* A read-only open of such a memfd with a file description of its own: what others may be handed. Yours, or -errno. */
int rcasti_memory_dup_readonly(int memory_fd);

/*
 * Map a memfd that came from outside, after making sure that it is as rcasti_memory_create makes them: reading the mapping
 * can then never fault. -EPROTO if anything is not as it must be. Does not take the fd, which is no longer needed.
 */
int rcasti_memory_map_readonly(int memory_fd, void **address, size_t *n_bytes);

#endif
