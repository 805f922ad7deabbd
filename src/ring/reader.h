/* SPDX-License-Identifier: MIT */
/* A reader, as reader.c follows the ring with it and reader_sleep.c sleeps with it. */
#ifndef RCASTI_RING_READER_H
#define RCASTI_RING_READER_H

#include "ring/cursor.h"

struct rcast_reader {
	struct rcasti_shared *shared;
	uint64_t *words;
	uint64_t mask;
	uint64_t max_record_bytes; /* 0: there can be none */
	uint64_t pos, at;
	uint64_t current_header; /* of the record that peek found; 0: none */
	uint64_t caught_up_pos;  /* where there was nothing to read the last time … */
	unsigned int n_looks;    /* … so many looks … */
	unsigned int flow;       /* … and how often in a row before that only a few */
	struct rcast_gap gap;
	uint64_t lost_bytes;
	uint64_t tell_pos; /* the cursor page hears of us when we get here; without one, it is the end of positions */
	uint64_t easy_end; /* a record that ends before it ends neither the lap, nor gets us to tell_pos */
	struct rcast_cursor *cursor;
	int wake_fd;
	void *mapping;
	size_t mapping_bytes;
};

/* Tell the cursor page, if there is one, where the reader stands. */
void rcasti_reader_tell_pos(struct rcast_reader *reader);

/* Is there anything to peek, be it a gap or a fault? */
bool rcasti_reader_has_news(struct rcast_reader *reader);

/* The reader is about to wait: when it has caught up the next time, that is no sign of a writer in full flow. */
void rcasti_reader_has_waited(struct rcast_reader *reader);

#endif
