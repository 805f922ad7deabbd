/* SPDX-License-Identifier: MIT */
/*
 * The cursor page: one page of memory that a reader makes, writes and hands to the publisher, which only reads it.
 *
 *   pos      everything before it has been read
 *   episode  counts falling asleep and waking up, so it is odd exactly while the reader sleeps
 *
 * The reader makes it and not the publisher, because whoever makes a sealed memfd keeps the only writable mapping: so the
 * publisher cannot be asked to map memory that somebody else may still cut or punch.
 */
#include "ring/cursor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct rcast_cursor {
	struct rcasti_cursor_page *page;
	struct rcasti_cursor_words *words; /* of the page */
	uint64_t episode;                  /* our own copy: the page is never read here */
	int memory_fd;
};

/* Different ones for the readers of one process, and for those of different processes. */
static uint32_t choose_place(const void *mapping)
{
	return (uint32_t)(((uintptr_t)mapping / RCASTI_CURSOR_BYTES + (uintptr_t)getpid()) % RCASTI_N_PLACES);
}

int rcast_cursor_create(struct rcast_cursor **result)
{
	struct rcast_cursor *cursor = calloc(1, sizeof *cursor);
	void *mapping;
	int fd;

	*result = NULL;
	if (!cursor)
		return -ENOMEM;
	fd = rcasti_memory_create("ringcast-cursor", RCASTI_CURSOR_BYTES, &mapping);
	if (fd < 0) {
		free(cursor);
		return fd;
	}
	cursor->memory_fd = fd;
	cursor->page = mapping;
	cursor->page->magic = RCASTI_CURSOR_MAGIC;
	atomic_init(&cursor->page->place, choose_place(mapping));
	cursor->words = &cursor->page->words[choose_place(mapping)];
	*result = cursor;
	return 0;
}

void rcasti_cursor_handed_over(struct rcast_cursor *cursor)
{
	if (cursor->memory_fd >= 0)
		close(cursor->memory_fd);
	cursor->memory_fd = -1;
}

void rcast_cursor_free(struct rcast_cursor *cursor)
{
	if (!cursor)
		return;
	munmap(cursor->page, RCASTI_CURSOR_BYTES);
	rcasti_cursor_handed_over(cursor);
	free(cursor);
}

int rcast_cursor_dup_fd(const struct rcast_cursor *cursor)
{
	return rcasti_memory_dup_readonly(cursor->memory_fd);
}

void rcasti_cursor_set_pos(struct rcast_cursor *cursor, uint64_t pos)
{
	rcasti_tell_pos(cursor->words, pos);
}

void rcasti_cursor_fall_asleep(struct rcast_cursor *cursor)
{
	cursor->episode += 1 + (cursor->episode & 1);
	rcasti_fall_asleep(cursor->words, cursor->episode);
}

void rcasti_cursor_wake_up(struct rcast_cursor *cursor)
{
	cursor->episode += cursor->episode & 1;
	rcasti_wake_up(cursor->words, cursor->episode);
}
