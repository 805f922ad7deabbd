/* SPDX-License-Identifier: MIT */
/*
 * Clusters: a character with marks on it, for cells that hold more than one character.
 *
 * A cell names its cluster by index. Clusters never change once made, so that copies of a cell may share one; a further mark
 * makes another. Nobody counts the users: when the table is full, those that no cell names are found by looking at all cells,
 * and the table grows if more than half are in use. So it is never more than four times what the screen can show, and a mark
 * costs a constant on average, whatever the program prints.
 *
 * Called by print.c and all who read cells.
 */
#include "keyframe/state.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CLUSTERS 64

unsigned rcasti_cell_characters(const struct rcast_screen *screen, const struct rcasti_cell *cell,
				uint32_t characters[CLUSTER_MAX_CHARACTERS])
{
	const struct rcasti_cluster *cluster;

	if (cell->glyph & GLYPH_IS_CLUSTER) {
		cluster = &screen->clusters[cell->glyph & ~GLYPH_IS_CLUSTER];
		memcpy(characters, cluster->characters, cluster->n_characters * sizeof(*characters));
		return cluster->n_characters;
	}
	characters[0] = cell->glyph;
	return cell->glyph != 0;
}

static void mark_used(const struct rcasti_buffer *buffer, bool *is_used)
{
	for (size_t i = 0; i < (size_t)buffer->n_cols * buffer->n_rows; i++) {
		if (buffer->memory[i].glyph & GLYPH_IS_CLUSTER)
			is_used[buffer->memory[i].glyph & ~GLYPH_IS_CLUSTER] = true;
	}
}

/* Free what no cell names. Returns how many are left. */
static size_t collect_garbage(struct rcast_screen *screen)
{
	bool *is_used = calloc(screen->n_clusters + 1, sizeof(*is_used));
	size_t n_used = 0;

	if (!is_used)
		return screen->n_clusters;
	mark_used(&screen->primary, is_used);
	mark_used(&screen->alternate, is_used);
	for (size_t i = 0; i < screen->n_clusters; i++) {
		n_used += is_used[i];
		if (!is_used[i])
			screen->clusters[i].n_characters = 0;
	}
	screen->next_cluster = 0;
	free(is_used);
	return n_used;
}

static void grow(struct rcast_screen *screen)
{
	size_t n_clusters = screen->n_clusters ? 2 * screen->n_clusters : FIRST_CLUSTERS;
	struct rcasti_cluster *clusters = realloc(screen->clusters, n_clusters * sizeof(*clusters));

	if (!clusters)
		return;
	memset(clusters + screen->n_clusters, 0, (n_clusters - screen->n_clusters) * sizeof(*clusters));
	screen->clusters = clusters;
	screen->n_clusters = n_clusters;
}

static bool find_free(struct rcast_screen *screen)
{
	while (screen->next_cluster < screen->n_clusters && screen->clusters[screen->next_cluster].n_characters > 0)
		screen->next_cluster++;
	return screen->next_cluster < screen->n_clusters;
}

static bool make_room(struct rcast_screen *screen)
{
	if (find_free(screen))
		return true;
	if (2 * collect_garbage(screen) >= screen->n_clusters)
		grow(screen);
	return find_free(screen);
}

void rcasti_cell_add_mark(struct rcast_screen *screen, struct rcasti_cell *cell, uint32_t mark)
{
	struct rcasti_cluster *cluster;
	uint32_t characters[CLUSTER_MAX_CHARACTERS];
	unsigned n = rcasti_cell_characters(screen, cell, characters);

	if (n == 0) /* a mark on nothing is one on a blank */
		characters[n++] = ' ';
	if (n == CLUSTER_MAX_CHARACTERS || !make_room(screen))
		return;
	characters[n++] = mark;
	cluster = &screen->clusters[screen->next_cluster];
	cluster->n_characters = n;
	memcpy(cluster->characters, characters, n * sizeof(*characters));
	cell->glyph = GLYPH_IS_CLUSTER | (uint32_t)screen->next_cluster;
}
