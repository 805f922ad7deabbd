/* SPDX-License-Identifier: MIT */
/*
 * How a view gets to the right screen, be it that it joins late or that it was lapped: the one path for both.
 *
 *                    ┌─ died or too slow: once more ─┐
 *   join, lapped ──► ASKING ◄────────────────────────┘
 *                    ├─ keyframe ──► DRAWING ── given ──► FOLLOWING ── lapped ──► ASKING
 *                    └─ none to be had ─────────────────► FOLLOWING or OFF, from the oldest record that there is
 *
 * The keyframe at position P stands for all records before P. It is given as soon as it has come; the records before P that
 * the source still has are dropped on the way to P. If the source loses P before it gets there, that is a lap like any other:
 * the program has seen the screen at P, and is given a later one.
 *
 * While we ask, the source is not read. A ring's reader is sent to the newest record first: the engine's answer lies behind that, so
 * that there is little to drop and a writer at full speed needs a whole ring to lap us. By circuit the engine sends from the oldest,
 * since it cannot be told to go elsewhere later, and that is dropped. The keyframe of an ended session may lie before the newest
 * record, so that who joins learns how the session ended.
 *
 * A gap is from where the program stands, which after a keyframe is P, to the next keyframe. What the source lost of the
 * records that would have been dropped is no loss.
 *
 * The position comes from outside: one that the stream cannot have is -EPROTO, and dropping comes back to the program now and then.
 *
 * Called by view.c; calls keyframe.c and the view's source.
 */
#include "client/rejoin.h"

#include <errno.h>
#include <stdlib.h>

#include "client/view.h"

#define MAX_FAILURES 3
#define DROPS_A_CALL 1024

static void forget_keyframe(struct rcasti_rejoin *rejoin)
{
	free(rejoin->latest.bytes);
	rejoin->latest = (struct rcast_keyframe){0};
}

/* ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int go_to_newest(struct rcast_view *view)
{
	int result = view->by_circuit ? 0 : rcasti_ring_source_seek(view, RCAST_FROM_NEWEST, 0);

	return result == -EAGAIN ? 0 : result; /* then we are lapped a little sooner */
}

/* From the oldest record on, as a view that is not of the screen. RCAST_LAPPED, or RCAST_EMPTY: look at the source. */
static int go_without(struct rcast_view *view, int error)
{
	struct rcasti_rejoin *rejoin = &view->rejoin;
	int result = view->by_circuit ? 0 : rcasti_ring_source_seek(view, RCAST_FROM_OLDEST, 0);

	rejoin->state = error == -EOPNOTSUPP ? RCASTI_REJOIN_OFF : RCASTI_REJOIN_FOLLOWING;
	rejoin->from_pos = 0;
	forget_keyframe(rejoin);
	if (result < 0)
		return result;
	view->gap = rejoin->missed;
	if (!view->by_circuit)
		view->gap.to_pos = rcast_reader_pos(view->reader);
	return rejoin->lapped ? RCAST_LAPPED : RCAST_EMPTY;
}

/* RCAST_EMPTY: asked, or gone without. */
static int ask(struct rcast_view *view)
{
	struct rcasti_rejoin *rejoin = &view->rejoin;
	int result = go_to_newest(view);

	if (result < 0)
		return result;
	result = rcasti_keyframe_begin(&rejoin->request, view->client, view->info.name, view->by_circuit);
	if (result < 0)
		return go_without(view, result);
	rejoin->state = RCASTI_REJOIN_ASKING;
	return RCAST_EMPTY;
}

static int ask_once_more(struct rcast_view *view, int error)
{
	if (error == -EAGAIN && ++view->rejoin.n_failed < MAX_FAILURES)
		return ask(view);
	return go_without(view, error);
}

/* The program gets it next, behind the gap if there is one. */
static int take_keyframe(struct rcast_view *view, const struct rcast_keyframe *keyframe)
{
	struct rcasti_rejoin *rejoin = &view->rejoin;

	forget_keyframe(rejoin);
	rejoin->latest = *keyframe;
	rejoin->from_pos = keyframe->pos;
	rejoin->state = RCASTI_REJOIN_DRAWING;
	view->gap = (struct rcast_gap){.from_pos = rejoin->missed.from_pos, .to_pos = keyframe->pos};
	return rejoin->lapped ? RCAST_LAPPED : RCAST_EMPTY;
}

/* What has become of the request? RCAST_EMPTY: nothing yet, or the state has changed; RCAST_LAPPED: it has, and that is told first. */
static int hear_answer(struct rcast_view *view)
{
	struct rcasti_rejoin *rejoin = &view->rejoin;
	int down = rcasti_client_dispatch(view->client), result;
	struct rcast_keyframe keyframe;

	if (!rejoin->request.exchange.done && down == 0)
		return RCAST_EMPTY;
	if (!rejoin->request.exchange.done) {
		rcasti_keyframe_abandon(&rejoin->request);
		return go_without(view, down);
	}
	result = rcasti_keyframe_take(&rejoin->request, &keyframe);
	return result == 0 ? take_keyframe(view, &keyframe) : ask_once_more(view, result);
}

/* ── Drawing and following ───────────────────────────────────────────────────────────────────────────────────────────── */

static int give_keyframe(struct rcast_view *view, struct rcast_record *record)
{
	const struct rcast_keyframe *keyframe = &view->rejoin.latest;
	int result = 0;

	if (!view->by_circuit && keyframe->pos < rcast_reader_pos(view->reader))
		result = rcasti_ring_source_seek(view, RCAST_FROM_POS, keyframe->pos);
	if (result < 0)
		return -EPROTO; /* of a session that goes on, no keyframe lies so far back that this could fail */
	*record = (struct rcast_record){
		.kind = RCAST_KEYFRAME,
		.pos = keyframe->pos,
		.next_pos = keyframe->pos,
		.data = keyframe->bytes,
		.n_bytes = (uint32_t)keyframe->n_bytes,
		.stamped = true,
		.sequence = keyframe->sequence,
		.output_pos = keyframe->output_pos,
	};
	view->rejoin.state = RCASTI_REJOIN_FOLLOWING;
	return RCAST_RECORD;
}

static int lapped(struct rcast_view *view)
{
	struct rcasti_rejoin *rejoin = &view->rejoin;

	rejoin->missed = view->gap;
	if (rejoin->missed.from_pos < rejoin->from_pos)
		rejoin->missed.from_pos = rejoin->from_pos;
	rejoin->lapped = true;
	rejoin->n_failed = 0;
	return ask(view);
}

/* What was published before the engine answered is in the ring, or in a later one. */
static bool is_ahead_of_ring(const struct rcast_view *view)
{
	return !view->by_circuit && !view->stranded && !view->fate && rcast_reader_pos(view->reader) < view->rejoin.from_pos;
}

static int follow(struct rcast_view *view, struct rcast_record *record)
{
	uint64_t from_pos = view->rejoin.from_pos;

	for (int n_dropped = 0; n_dropped < DROPS_A_CALL; n_dropped++) {
		int result = rcasti_view_source_next(view, record);

		if (result == RCAST_LAPPED && view->gap.to_pos > from_pos)
			return lapped(view);
		if (result == RCAST_EMPTY && is_ahead_of_ring(view))
			return -EPROTO;
		if (result != RCAST_LAPPED && (result != RCAST_RECORD || record->pos >= from_pos))
			return result;
		if (result == RCAST_RECORD && record->next_pos > from_pos)
			return -EPROTO; /* a keyframe lies between two records */
	}
	view->rejoin.interrupted = true;
	return RCAST_EMPTY;
}

/* ── For the view ────────────────────────────────────────────────────────────────────────────────────────────────────── */

int rcasti_rejoin_begin(struct rcast_view *view, const struct rcast_view_options *options)
{
	view->rejoin.request.over = rcasti_view_call;
	view->rejoin.request.owner = view;
	view->rejoin.state = options->rejoin ? RCASTI_REJOIN_FOLLOWING : RCASTI_REJOIN_OFF;
	return options->from == RCAST_FROM_SCREEN ? ask(view) : 0;
}

void rcasti_rejoin_close(struct rcast_view *view)
{
	rcasti_keyframe_abandon(&view->rejoin.request);
	forget_keyframe(&view->rejoin);
}

int rcasti_rejoin_next(struct rcast_view *view, struct rcast_record *record)
{
	struct rcasti_rejoin *rejoin = &view->rejoin;
	int result = RCAST_EMPTY;

	rejoin->interrupted = false;
	if (rejoin->state == RCASTI_REJOIN_ASKING)
		result = hear_answer(view);
	if (result != RCAST_EMPTY || rejoin->state == RCASTI_REJOIN_ASKING)
		return result;
	if (rejoin->state == RCASTI_REJOIN_DRAWING)
		return give_keyframe(view, record);
	return rejoin->state == RCASTI_REJOIN_OFF ? rcasti_view_source_next(view, record) : follow(view, record);
}

const struct rcast_keyframe *rcast_view_keyframe(const struct rcast_view *view)
{
	return view->rejoin.latest.bytes ? &view->rejoin.latest : NULL;
}
