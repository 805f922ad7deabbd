/* SPDX-License-Identifier: MIT */
/*
 * A reader that has stopped reading costs the session nothing but a pipe, a page and a place among the readers. Even these are
 * taken back from one that is far behind (max_behind_bytes, or a whole ring) and has not moved for the grace: it is detached,
 * and told why. A slow reader that moves, however slowly, stays; so does one that sleeps with nothing, or little, to read.
 *
 *   near ─ whoever rings it sees it far behind: flag, poke ─► watched ─ moved ──────────► watched, the grace starts anew
 *                                                                     ─ no longer far ──► near
 *                                                                     ─ grace is over ──► evicted
 *
 * While nobody is watched this costs a comparison where readers are looked at anyway. While somebody is, control looks at all
 * watched readers TICKS times a grace, by one timer for the whole engine. So who has stopped is detached at most 1/TICKS of a
 * grace late.
 *
 * What a reader says about its position may be a lie: with it, it keeps its pipe, its page and its place, no more.
 */
#include "engine/stall.h"

#include <stdio.h>

#include "engine/attach.h"
#include "engine/engine.h"

enum { DEFAULT_GRACE_MS = 60000, TICKS = 8 };

static uint64_t max_behind_bytes(const struct rcast_session *session)
{
	uint64_t most = session->engine->stall.max_behind_bytes;

	return most ? most : atomic_load_explicit(&session->counts.ring_bytes, memory_order_relaxed);
}

static uint64_t behind_bytes(const struct rcast_session *session, uint64_t pos)
{
	uint64_t next_pos = atomic_load_explicit(&session->counts.next_pos, memory_order_relaxed);

	return pos < next_pos ? next_pos - pos : 0;
}

uint64_t rcasti_stall_pos(const struct rcast_session *session)
{
	uint64_t next_pos = atomic_load_explicit(&session->counts.next_pos, memory_order_relaxed);
	uint64_t most = max_behind_bytes(session);

	return next_pos > most && session->engine->stall.grace_ns != UINT64_MAX ? next_pos - most : 0;
}

bool rcasti_stall_observe(struct rcasti_attachment *attachment)
{
	return !atomic_load_explicit(&attachment->is_watched, memory_order_relaxed) &&
	       !atomic_exchange_explicit(&attachment->is_watched, true, memory_order_relaxed);
}

static void evict(struct rcasti_attachment *attachment, uint64_t still_ns, uint64_t behind)
{
	struct rcast_session *session = attachment->session;
	char why[96];

	snprintf(why, sizeof why, "no progress for %.1f s, %.1f laps behind", (double)still_ns / 1e9,
		 (double)behind / (double)session->control.ring_bytes);
	session->control.n_evicted++;
	rcasti_attachment_evict(attachment, why);
}

/* True: it is to be looked at again. */
static bool look_at_reader(struct rcasti_attachment *attachment, uint64_t now_ns)
{
	const struct rcast_session *session = attachment->session;
	uint64_t pos = rcast_follower_pos(attachment->follower), behind = behind_bytes(session, pos);

	if (behind <= max_behind_bytes(session)) {
		attachment->still_since_ns = 0;
		atomic_store_explicit(&attachment->is_watched, false, memory_order_relaxed);
		return false;
	}
	if (!attachment->still_since_ns || pos > attachment->still_pos) {
		attachment->still_since_ns = now_ns;
		attachment->still_pos = pos;
	}
	if (now_ns - attachment->still_since_ns < session->engine->stall.grace_ns)
		return true;
	evict(attachment, now_ns - attachment->still_since_ns, behind);
	return false;
}

static bool look_at_session(struct rcast_session *session, uint64_t now_ns)
{
	struct rcasti_attachment *attachment, *next;
	bool any = false;

	cds_list_for_each_entry_safe (attachment, next, &session->readers, node) {
		if (atomic_load_explicit(&attachment->is_watched, memory_order_relaxed))
			any |= look_at_reader(attachment, now_ns);
	}
	return any;
}

static void set_timer(struct rcast_engine *engine, uint64_t now_ns)
{
	rcasti_loop_set_timer(&engine->control, &engine->stall.timer, now_ns + engine->stall.grace_ns / TICKS + 1);
}

static void look(struct rcast_engine *engine)
{
	struct rcast_session *session = NULL;
	uint64_t now_ns = rcasti_now_ns();
	bool any = false;

	while ((session = rcasti_table_after(&engine->table, session ? session->name : "")) != NULL)
		any |= look_at_session(session, now_ns);
	if (any)
		set_timer(engine, now_ns);
}

static void on_tick(struct rcasti_timer *timer)
{
	look(rcasti_owner(timer, struct rcast_engine, stall.timer));
}

void rcasti_stall_init(struct rcasti_stall_watch *watch, uint32_t grace_ms, uint64_t most_behind_bytes)
{
	watch->grace_ns = grace_ms == RCAST_NEVER ? UINT64_MAX : (grace_ms ? grace_ms : DEFAULT_GRACE_MS) * RCASTI_NS_PER_MS;
	watch->max_behind_bytes = most_behind_bytes;
	rcasti_timer_init(&watch->timer, on_tick);
}

/* It has stood still since now at the latest: the first look is at once, and starts its grace. */
void rcasti_stall_begin(struct rcast_engine *engine)
{
	look(engine);
}
