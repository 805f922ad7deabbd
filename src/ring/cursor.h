/* SPDX-License-Identifier: MIT */
/* The reader's own side of sleeping and waking; the public side is in <ringcast/ring.h>. */
#ifndef RCASTI_RING_CURSOR_H
#define RCASTI_RING_CURSOR_H

#include "ring/memory.h"

#include <ringcast/ring.h>

/* The publisher has been given its descriptor: ours is needed no more, and a sandbox need not know of it. */
void rcasti_cursor_handed_over(struct rcast_cursor *cursor);

/* Say where the reader stands: everything before `pos` has been read and may be overwritten. */
void rcasti_cursor_set_pos(struct rcast_cursor *cursor, uint64_t pos);

/* Say that we sleep, with the full fence after it that makes one more look at the ring decisive. */
void rcasti_cursor_fall_asleep(struct rcast_cursor *cursor);
void rcasti_cursor_wake_up(struct rcast_cursor *cursor);

#endif
