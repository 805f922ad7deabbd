/* SPDX-License-Identifier: MIT */
/*
 * Which session a keyframer has died of, and where that one is followed from then on.
 *
 *   common ── dies with a session in hand ──► that one has a cell, a keyframer that no innocent shares
 *             ── of nobody that we know ────► rests (keyframer.c)
 *   cell   ── dies ─────────────────────────► rests, and is started again for as long as its session is there
 *
 * So a session whose output the emulator cannot bear costs the others one restart, and what was overwritten in their rings
 * meanwhile; from then on only itself. It is tried again and again, at the pace of any keyframer that dies. And to be moved by
 * mistake (killed by an administrator, or for want of memory, while it happened to be in hand) costs a session nothing: its screen
 * is kept by another process, that is all. It stays there for good: to go back would only cost a restart.
 *
 * To blame is who was answered what cannot be. Else it is whom the keyframer had in hand: its own word, which it keeps up to date
 * for the case that it crashes or hangs. One that has been taken over names whom it likes. That moves innocent sessions to cells,
 * one a death, where they are served as before; the guilty one is left to last. If it had nobody in hand, who was left without an
 * answer is to blame; but not if the one in hand is gone.
 *
 * There are RCASTI_N_CELLS of them at most, started when they are needed. With more sessions than that they share cells, and
 * there they may suffer from each other.
 *
 * All of this is control's. Called by keyframer.c and keyframes.c; calls them.
 */
#include "engine/cells.h"

#include "engine/engine.h"
#include "kernel/in_hand.h"

static struct rcast_session *find_culprit(const struct rcasti_keyframer *dying)
{
	uint32_t number = dying->accused;

	if (number == 0)
		number = rcasti_in_hand_read(dying->in_hand_fd);
	if (number == 0)
		number = dying->late;
	return rcasti_keyframes_find(dying, number);
}

static struct rcasti_keyframer *choose_cell(struct rcast_engine *engine)
{
	struct rcasti_keyframer *best = &engine->keyframers.cells[0];

	for (int i = 1; i < RCASTI_N_CELLS; i++)
		if (engine->keyframers.cells[i].n_confined < best->n_confined)
			best = &engine->keyframers.cells[i];
	return best;
}

static bool is_common(const struct rcasti_keyframer *keyframer)
{
	return keyframer == &keyframer->engine->keyframers.common;
}

struct rcast_session *rcasti_cells_confine(struct rcasti_keyframer *dying)
{
	struct rcast_session *culprit = find_culprit(dying);

	if (culprit)
		culprit->keyframes.n_deaths++;
	if (!culprit || !is_common(dying))
		return NULL;
	culprit->keyframes.keyframer = choose_cell(dying->engine);
	culprit->keyframes.keyframer->n_confined++;
	return culprit;
}

void rcasti_cells_leave(struct rcast_session *session)
{
	struct rcasti_keyframer *keyframer = session->keyframes.keyframer;

	if (!is_common(keyframer) && --keyframer->n_confined == 0)
		rcasti_keyframer_dismiss(keyframer);
}
