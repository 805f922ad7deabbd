/* SPDX-License-Identifier: MIT */
/*
 * The list of a session's readers. Control changes it, and three others walk it meanwhile: the notifier and the pump to ring those
 * that sleep, the owner of an owned session for the same purpose, the pump to honour leases. So it is an RCU list: a walk never
 * waits, a removal never waits for a walk, and what was removed is freed only after synchronize_rcu. Control gathers removals of
 * a turn and pays for one grace period. Walks are short and make no call that blocks (a pipe end of our own is written
 * without blocking), so a grace period is short too.
 *
 * Rings. The fence comes before the walk, not only before the episodes are looked at: then a reader that attaches meanwhile, and
 * that the walk misses, has been told of its attachment behind that fence, and its own look before sleeping sees what was
 * published. Several threads may ring one reader; one of them writes the byte.
 *
 * Leases. The writer is held at the slowest reader that has a lease and still stands on bytes that exist: one that is lapped
 * already has nothing to protect. The time that the writer waits is charged to the slowest; when the sum has reached its
 * lease, the lease is lost and the next slowest counts. The sum starts anew when the reader is back within half a ring
 * of the writer, or has read half a ring since it last did; so a reader that crawls, one record a lease, gets no more than one
 * that does not move, and one that is only slower than the writer keeps its lease. A lost lease is earned again by reading up
 * to the writer, at its full speed and unprotected. What a reader says about its position may be a lie, and another one each
 * time that it is looked at. So for leases it stands at the furthest that it has ever said: "I am behind" can take it its lease;
 * "I am not" costs it the protection of all before, for good.
 */
#include "engine/readers.h"

#include <errno.h>
#include <stdlib.h>

#include <urcu-bp.h>
#include <urcu/rculist.h>

#include "engine/delivery.h"
#include "engine/stall.h"

enum {
	EARNED_PART = 32, /* a reader tells its position each 1/64 of the ring */
	FEW = 2,
	BATCH_PART = 8,
};

void rcasti_readers_add(struct rcasti_attachment *attachment)
{
	struct rcast_session *session = attachment->session;

	if (!attachment->is_keyframer)
		atomic_fetch_add_explicit(&session->n_attached, 1, memory_order_relaxed);
	/* It is not lapped before it was seen not to be: its page may not say yet where it stands. */
	atomic_store_explicit(&attachment->is_lapped, true, memory_order_relaxed);
	if (attachment->lease_ms > 0) {
		atomic_store_explicit(&attachment->has_lease, true, memory_order_relaxed);
		atomic_fetch_add_explicit(&session->n_leased, 1, memory_order_relaxed);
	}
	cds_list_add_tail_rcu(&attachment->node, &session->readers);
}

void rcasti_readers_remove(struct rcasti_attachment *attachment, struct cds_list_head *condemned)
{
	if (!attachment->is_keyframer)
		atomic_fetch_sub_explicit(&attachment->session->n_attached, 1, memory_order_relaxed);
	if (attachment->lease_ms > 0)
		atomic_fetch_sub_explicit(&attachment->session->n_leased, 1, memory_order_relaxed);
	cds_list_del_rcu(&attachment->node);
	cds_list_add_tail(&attachment->condemned, condemned);
}

void rcasti_readers_free(struct cds_list_head *condemned)
{
	struct rcasti_attachment *attachment, *next;

	cds_list_for_each_entry_safe (attachment, next, condemned, condemned) {
		cds_list_del(&attachment->condemned);
		rcast_follower_free(attachment->follower);
		free(attachment);
	}
}

/*
 * As long as the session is in the first lap of a ring that it has moved to, a reader that stands before it may be reading the
 * ring before, and is behind but not lapped.
 */
static bool is_first_lap(const struct rcast_session *session, uint64_t first_pos)
{
	return first_pos == atomic_load_explicit(&session->counts.base_pos, memory_order_relaxed);
}

/* What the positions of readers are compared with: the same for all of one walk. */
struct bounds {
	bool counts_laps;
	uint64_t lapped_pos, stalled_pos; /* who stands before is lapped, or far behind */
	uint64_t due_pos;                 /* what the keyframer has not read before is worth waking it */
};

static struct bounds make_bounds(const struct rcast_session *session)
{
	uint64_t first_pos = atomic_load_explicit(&session->counts.first_pos, memory_order_relaxed);
	uint64_t next_pos = atomic_load_explicit(&session->counts.next_pos, memory_order_relaxed);
	uint64_t batch_bytes = atomic_load_explicit(&session->counts.ring_bytes, memory_order_relaxed) / BATCH_PART;

	return (struct bounds){
		.counts_laps = !is_first_lap(session, first_pos),
		.lapped_pos = first_pos,
		.stalled_pos = rcasti_stall_pos(session),
		.due_pos = next_pos > batch_bytes ? next_pos - batch_bytes : 0,
	};
}

/* Laps are counted where the reader is looked at anyway. Its own count of its own gaps is the exact one. */
static void count_lap(struct rcasti_attachment *attachment, bool is_lapped)
{
	if (is_lapped == atomic_load_explicit(&attachment->is_lapped, memory_order_relaxed))
		return;
	if (!atomic_exchange_explicit(&attachment->is_lapped, is_lapped, memory_order_relaxed) && is_lapped)
		atomic_fetch_add_explicit(&attachment->n_laps, 1, memory_order_relaxed);
}

/*
 * Takes notice of where it stands. True: it is to be rung. The keyframer has time until it is asked, which wakes it by itself. So
 * it is woken only for a batch that is worth it: it costs a program that prints little, or a session at which somebody types,
 * nothing.
 */
static bool look_at(struct rcasti_attachment *attachment, const struct bounds *bounds, struct rcasti_readers_news *news)
{
	uint64_t pos;
	bool wants_ring = rcast_follower_look(attachment->follower, &pos);

	if (bounds->counts_laps)
		count_lap(attachment, pos < bounds->lapped_pos);
	if (pos < bounds->stalled_pos)
		news->any_stalled |= rcasti_stall_observe(attachment);
	return wants_ring && (!attachment->is_keyframer || pos < bounds->due_pos);
}

static void ring(struct rcasti_attachment *attachment, struct rcasti_readers_news *news)
{
	int rung = rcast_follower_ring(attachment->follower);

	if (rung > 0)
		atomic_fetch_add_explicit(&attachment->n_rings, 1, memory_order_relaxed);
	if (rung == -EPIPE) {
		atomic_store_explicit(&attachment->is_gone, true, memory_order_relaxed);
		news->any_gone = true;
	}
}

struct rcasti_readers_news rcasti_readers_ring(struct rcast_session *session)
{
	struct bounds bounds = make_bounds(session);
	struct rcasti_readers_news news = {0};
	struct rcasti_attachment *attachment;

	rcast_notify_fence();
	cds_list_for_each_entry_rcu (attachment, &session->readers, node) {
		if (look_at(attachment, &bounds, &news))
			ring(attachment, &news);
	}
	return news;
}

struct rcasti_readers_news rcasti_readers_ring_few(struct rcast_session *session)
{
	struct bounds bounds = make_bounds(session);
	struct rcasti_attachment *attachment, *asleep[FEW];
	struct rcasti_readers_news news = {0};
	uint32_t n = 0;

	rcast_notify_fence();
	cds_list_for_each_entry_rcu (attachment, &session->readers, node) {
		if (!look_at(attachment, &bounds, &news))
			continue;
		news.too_many = n == FEW;
		if (news.too_many)
			return news;
		asleep[n++] = attachment;
	}
	for (uint32_t i = 0; i < n; i++)
		ring(asleep[i], &news);
	return news;
}

/* Where it stands as far as leases go. */
static uint64_t leased_pos(struct rcasti_attachment *attachment)
{
	uint64_t pos = rcast_follower_pos(attachment->follower);

	if (pos > attachment->furthest_pos)
		attachment->furthest_pos = pos;
	return attachment->furthest_pos;
}

static struct rcasti_attachment *slowest_leased(const struct rcast_session *session, uint64_t first_pos, uint64_t *pos)
{
	struct rcasti_attachment *attachment, *slowest = NULL;

	*pos = RCAST_NO_HOLD;
	cds_list_for_each_entry_rcu (attachment, &session->readers, node) {
		uint64_t at = leased_pos(attachment);

		if (at < first_pos && is_first_lap(session, first_pos))
			at = first_pos;
		if (!atomic_load_explicit(&attachment->has_lease, memory_order_relaxed) || at < first_pos || at >= *pos)
			continue;
		slowest = attachment;
		*pos = at;
	}
	return slowest;
}

/* Half a ring further than when its time last started anew. */
static bool has_got_on(const struct rcasti_attachment *attachment, const struct rcast_writer_state *state, uint64_t pos)
{
	return pos >= attachment->forgiven_pos + state->capacity_bytes / 2;
}

/* A lease that was lost is had again once nearly all was read. */
static void forgive(const struct rcast_session *session, const struct rcast_writer_state *state)
{
	struct rcasti_attachment *attachment;

	cds_list_for_each_entry_rcu (attachment, &session->readers, node) {
		uint64_t pos = leased_pos(attachment), behind = state->next_pos - pos;

		if (pos > state->next_pos)
			continue;
		if (has_got_on(attachment, state, pos)) {
			attachment->forgiven_pos = pos;
			attachment->held_ns = 0;
		}
		if (behind <= state->capacity_bytes / 2)
			attachment->held_ns = 0;
		if (behind <= state->capacity_bytes / EARNED_PART && attachment->lease_ms > 0)
			atomic_store_explicit(&attachment->has_lease, true, memory_order_relaxed);
	}
}

bool rcasti_readers_hold(struct rcast_session *session)
{
	struct rcast_writer_state state;
	uint64_t pos;

	bool waits_for_keyframer = rcasti_keyframes_wait(session); /* before we walk the list, in which it then is */

	rcast_writer_get_state(session->writer, &state);
	rcu_read_lock();
	forgive(session, &state);
	slowest_leased(session, state.first_pos, &pos);
	rcu_read_unlock();
	if (waits_for_keyframer && pos > state.first_pos)
		pos = state.first_pos;
	if (pos == session->pump.hold_pos)
		return false;
	rcast_writer_hold(session->writer, pos);
	session->pump.hold_pos = pos;
	return true;
}

void rcasti_readers_charge(struct rcast_session *session, uint64_t elapsed_ns)
{
	struct rcasti_attachment *slowest;
	struct rcast_writer_state state;
	uint64_t pos;

	rcast_writer_get_state(session->writer, &state);
	rcu_read_lock();
	slowest = slowest_leased(session, state.first_pos, &pos);
	if (slowest) {
		slowest->held_ns += elapsed_ns;
		if (slowest->held_ns >= slowest->lease_ms * RCASTI_NS_PER_MS) {
			atomic_store_explicit(&slowest->has_lease, false, memory_order_relaxed);
			atomic_fetch_add_explicit(&session->counts.n_leases_lost, 1, memory_order_relaxed);
		}
	}
	rcu_read_unlock();
}
