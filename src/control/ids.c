/* SPDX-License-Identifier: MIT */
/*
 * An open-addressed hash with linear probing, at most half full, so that every probe meets an empty slot soon.
 *
 * There may be 2^32 ids, nearly all of them idle and all idle ones alike; so only those with a state have a slot. A removal
 * closes the hole by moving later entries of the same run forward: no tombstones, and a table that is used for ever stays
 * as fast as a new one. The peer picks half of the ids and may make them collide; then a look-up visits at most as many
 * entries as the link's max_busy lets it make.
 *
 * Called by circuit.c only.
 */
#include "control/ids.h"

#include <errno.h>
#include <stdlib.h>

#include "control/circuit.h"

enum { FIRST_SLOTS = 16 };

static uint32_t home(const struct rcasti_ids *ids, uint32_t id)
{
	return (uint32_t)((id * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (ids->n_slots - 1);
}

static uint32_t next_slot(const struct rcasti_ids *ids, uint32_t slot)
{
	return (slot + 1) & (ids->n_slots - 1);
}

/* The id's slot, or the empty one where it would go. */
static uint32_t probe(const struct rcasti_ids *ids, uint32_t id)
{
	uint32_t slot = home(ids, id);

	while (ids->slots[slot] && ids->slots[slot]->id != id)
		slot = next_slot(ids, slot);
	return slot;
}

void rcasti_ids_close(struct rcasti_ids *ids)
{
	free(ids->slots);
	*ids = (struct rcasti_ids){0};
}

struct rcast_circuit *rcasti_ids_find(const struct rcasti_ids *ids, uint32_t id)
{
	return ids->n_used > 0 ? ids->slots[probe(ids, id)] : NULL;
}

static int grow(struct rcasti_ids *ids)
{
	uint32_t n_slots = ids->n_slots ? 2 * ids->n_slots : FIRST_SLOTS, cursor = 0;
	struct rcasti_ids larger = {
		.slots = calloc(n_slots, sizeof *larger.slots), .n_slots = n_slots, .n_used = ids->n_used};
	struct rcast_circuit *circuit;

	if (!larger.slots)
		return -ENOMEM;
	while ((circuit = rcasti_ids_next(ids, &cursor)))
		larger.slots[probe(&larger, circuit->id)] = circuit;
	free(ids->slots);
	*ids = larger;
	return 0;
}

int rcasti_ids_insert(struct rcasti_ids *ids, struct rcast_circuit *circuit)
{
	int error = 0;

	if (2 * (ids->n_used + 1) > ids->n_slots)
		error = grow(ids);
	if (error)
		return error;
	ids->slots[probe(ids, circuit->id)] = circuit;
	ids->n_used++;
	return 0;
}

/* Would an entry at `slot` still be found if `hole`, before it in the same run, were empty? */
static bool is_found_across(const struct rcasti_ids *ids, uint32_t hole, uint32_t slot)
{
	uint32_t mask = ids->n_slots - 1;

	return ((slot - home(ids, ids->slots[slot]->id)) & mask) < ((slot - hole) & mask);
}

void rcasti_ids_remove(struct rcasti_ids *ids, uint32_t id)
{
	uint32_t hole = probe(ids, id);

	for (uint32_t slot = next_slot(ids, hole); ids->slots[slot]; slot = next_slot(ids, slot)) {
		if (is_found_across(ids, hole, slot))
			continue;
		ids->slots[hole] = ids->slots[slot];
		hole = slot;
	}
	ids->slots[hole] = NULL;
	ids->n_used--;
}

struct rcast_circuit *rcasti_ids_next(const struct rcasti_ids *ids, uint32_t *cursor)
{
	while (*cursor < ids->n_slots) {
		struct rcast_circuit *circuit = ids->slots[(*cursor)++];

		if (circuit)
			return circuit;
	}
	return NULL;
}
