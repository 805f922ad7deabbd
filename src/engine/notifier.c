/* SPDX-License-Identifier: MIT */
/*
 * The notifier answers the doorbell: for each session that was marked it rings the readers that sleep. It exists so that the pump
 * does not spend its time on wake-ups, which cost a hundred times what publishing costs.
 *
 * The readers of PTY and pipe sessions are rung by the notifier, or by the pump itself if hardly any of them sleeps; those of
 * an owned session by its owner, whose session is never marked.
 *
 * A session is found by its slot under RCU, and so are its readers. A slot that was vacated meanwhile is empty, or has a new
 * session, whose readers are then looked at once for nothing.
 *
 * The notifier sends no letters, it has no mailbox: a reader found gone, or far behind, leaves a flag, and control's mailbox is poked.
 */
#include "engine/notifier.h"

#include <time.h>

#include <urcu-bp.h>

#include "engine/engine.h"
#include "engine/readers.h"

enum {
	MOST_LOOKED_AT = 128, /* by the pump, in some 600 ns; a read of a PTY takes twenty times that */
	NAP_FACTOR = 15,
	MIN_NAP_NS = 50000,
	MAX_NAP_NS = 1000000,
};

static void tell_control(struct rcast_engine *engine, struct rcasti_readers_news news)
{
	/* release, both: pair with the exchanges in rcasti_steward_on_mail(), which then looks for is_gone, is_watched */
	if (news.any_gone)
		atomic_store_explicit(&engine->any_gone, true, memory_order_release);
	if (news.any_stalled)
		atomic_store_explicit(&engine->any_stalled, true, memory_order_release);
	if (news.any_gone || news.any_stalled)
		rcasti_mailbox_poke(&engine->mail);
}

static void ring_within_rcu(struct rcast_session *session)
{
	tell_control(session->engine, rcasti_readers_ring(session));
}

void rcasti_notifier_ring(struct rcast_session *session)
{
	rcu_read_lock();
	ring_within_rcu(session);
	rcu_read_unlock();
}

bool rcasti_notifier_ring_few(struct rcast_session *session)
{
	struct rcasti_readers_news news;

	if (atomic_load_explicit(&session->n_attached, memory_order_relaxed) > MOST_LOOKED_AT)
		return false;
	rcu_read_lock();
	news = rcasti_readers_ring_few(session);
	rcu_read_unlock();
	tell_control(session->engine, news);
	return !news.too_many;
}

static void answer(void *user, uint32_t slot)
{
	struct rcast_engine *engine = user;
	struct rcast_session *session;

	rcu_read_lock();
	session = rcasti_table_at(&engine->table, slot);
	if (session && session->kind != RCASTI_OWNED)
		ring_within_rcu(session);
	rcu_read_unlock();
}

int rcasti_notifier_answer(struct rcast_engine *engine)
{
	return rcasti_doorbell_answer(&engine->doorbell, answer, engine);
}

/*
 * With a thousand readers a round takes longer than a pump's turn, and finds the same readers stopped or awake again and
 * again. So no more than one part in NAP_FACTOR + 1 of the time goes into such rounds: after each comes a nap, in
 * proportion. A reader that falls asleep meanwhile is rung that much later, at most a millisecond. Rounds over a few readers
 * are too short to nap for. While we nap the pump rings a doorbell that nobody waits at, which is no system call.
 */
static void nap_after(uint64_t round_ns)
{
	uint64_t nap_ns = round_ns * NAP_FACTOR;
	struct timespec nap;

	if (nap_ns < MIN_NAP_NS)
		return;
	if (nap_ns > MAX_NAP_NS)
		nap_ns = MAX_NAP_NS;
	nap = (struct timespec){.tv_nsec = (long)nap_ns};
	clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
}

void rcasti_notifier_run(struct rcast_engine *engine, int timeout_ms)
{
	uint32_t value = rcasti_doorbell_value(&engine->doorbell);
	uint64_t start_ns = rcasti_now_ns();

	if (rcasti_notifier_answer(engine) > 0 || timeout_ms == 0) {
		if (timeout_ms != 0)
			nap_after(rcasti_now_ns() - start_ns);
		return;
	}
	rcasti_doorbell_wait(&engine->doorbell, value, timeout_ms);
	start_ns = rcasti_now_ns();
	rcasti_notifier_answer(engine);
	nap_after(rcasti_now_ns() - start_ns);
}
