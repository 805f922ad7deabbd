/* SPDX-License-Identifier: MIT */
/*
 * The circuits of a link that are not as good as new, found by id.
 */
#ifndef RCASTI_CONTROL_IDS_H
#define RCASTI_CONTROL_IDS_H

#include <ringcast/ringcast.h>

struct rcast_circuit;

/* An open-addressed hash. Zeroed is empty. Does not own the circuits. */
struct rcasti_ids {
	struct rcast_circuit **slots;
	uint32_t n_slots; /* a power of two, or 0 */
	uint32_t n_used;
};

void rcasti_ids_close(struct rcasti_ids *ids);

struct rcast_circuit *rcasti_ids_find(const struct rcasti_ids *ids, uint32_t id);

/* The id must not be there. -ENOMEM. */
int rcasti_ids_insert(struct rcasti_ids *ids, struct rcast_circuit *circuit);

/* The id must be there. */
void rcasti_ids_remove(struct rcasti_ids *ids, uint32_t id);

/* All of them, in no order: start with *cursor 0, NULL at the end. Nothing may be inserted or removed meanwhile. */
struct rcast_circuit *rcasti_ids_next(const struct rcasti_ids *ids, uint32_t *cursor);

#endif
