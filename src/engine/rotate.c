/* SPDX-License-Identifier: MIT */
/*
 * A session moves to another ring to shut somebody out of what comes, or to have a ring of another size. Memory that a reader has
 * mapped cannot be taken away from it; but what is published elsewhere it does not see.
 *
 *   control   makes the new ring, all its memory included, and posts it with the letter ROTATE
 *   pump      rcast_writer_move: the newest records are copied, the old ring ends with MOVED, publishing goes on in the new one
 *   control   has the letter back: hands the new ring to everybody who is attached, frees its own mapping of the old one,
 *             and answers those who asked
 *
 * So the program waits for the copy only, KEEP_BYTES at most, and for no allocation and no system call. Positions, stamps and the
 * reader's cursor page and pipe are the same before and behind; the reader needs the new descriptor and nothing else.
 *
 * Who is shut out is detached before the rotation that shuts it out is asked for, or while one is under way: what decides is who is
 * in the list when the new ring is handed out. So a kick that comes during a rotation waits for that one, and needs none of its
 * own. A change of size that comes during a rotation needs another one after it.
 *
 * Rings wait for slow readers, a few of them. Who is slower than that finds, at the end of its old ring, one that is not the
 * next but a later one. Behind a kick that holds the same records at the same positions, so it makes no difference; behind a
 * change of size it may be a gap, which is told as such.
 *
 * The keyframer follows sessions late (keyframes.c). Where a rotation would take away what it has not drawn yet, the letter waits
 * until it has attached, to the old ring, PATIENCE_MS at most.
 *
 * Rings belong to control, two at most: the one that is handed out, and `next` while it is with the pump. session->writer is the
 * publisher's view of the one to publish in. The owner of an owned session makes its rotation by itself, on its own thread, and
 * puts the ring into session->owned_next; it makes no other before control has taken that.
 */
#include "engine/rotate.h"

#include <errno.h>
#include <string.h>

#include "engine/attach.h"
#include "engine/connection.h"
#include "engine/engine.h"
#include "engine/notifier.h"

enum { KEEP_BYTES = 8 << 20, PATIENCE_MS = 500 };

/* ── Publishers ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void publish_duration(struct rcasti_counts *counts, uint64_t duration_ns)
{
	atomic_store_explicit(&counts->last_rotation_ns, duration_ns, memory_order_relaxed);
	if (duration_ns > atomic_load_explicit(&counts->max_rotation_ns, memory_order_relaxed))
		atomic_store_explicit(&counts->max_rotation_ns, duration_ns, memory_order_relaxed);
	atomic_fetch_add_explicit(&counts->n_rotations, 1, memory_order_relaxed);
}

/*
 * A ring that holds nothing cannot say where the session stands: not to whoever begins there, and not to whoever has read the one
 * before up to padding, of which no record came. So its first record is one of no output.
 */
static void mark_place(struct rcast_writer *to)
{
	struct rcast_writer_state state;

	rcast_writer_get_state(to, &state);
	if (state.first_pos == state.next_pos && state.next_pos > 0)
		rcast_writer_put(to, RCAST_OUTPUT, NULL, 0);
}

int rcasti_rotate_publish_in(struct rcast_session *session, struct rcast_writer *to)
{
	uint64_t began_ns = rcasti_now_ns();
	int error = rcast_writer_move(session->writer, to, KEEP_BYTES);
	struct rcast_writer_state state;

	if (error)
		return error;
	session->writer = to;
	mark_place(to);
	rcast_writer_get_state(to, &state);
	atomic_store_explicit(&session->counts.ring_bytes, state.capacity_bytes, memory_order_relaxed);
	atomic_store_explicit(&session->counts.base_pos, state.first_pos, memory_order_relaxed);
	rcasti_keyframes_move(session, state.first_pos, state.capacity_bytes);
	rcasti_session_count(session);
	publish_duration(&session->counts, rcasti_now_ns() - began_ns);
	return 0;
}

int rcast_session_rotate(struct rcast_session *session, uint64_t ring_bytes)
{
	struct rcast_engine *engine = session->engine;
	struct rcast_writer *made;
	int error;

	if (session->kind != RCASTI_OWNED)
		return -EOPNOTSUPP;
	/* acquire: pairs with the release in take_owned() */
	if (atomic_load_explicit(&session->owned_next, memory_order_acquire))
		return -EAGAIN;
	if (!ring_bytes)
		ring_bytes = atomic_load_explicit(&session->counts.ring_bytes, memory_order_relaxed);
	error = rcasti_session_make_ring(ring_bytes, &made);
	if (error)
		return error;
	error = rcasti_rotate_publish_in(session, made);
	if (error) {
		rcast_writer_free(made);
		return error;
	}
	atomic_store_explicit(&session->wants_rotation, false, memory_order_relaxed);
	/* release: pairs with the acquire in take_owned() */
	atomic_store_explicit(&session->owned_next, made, memory_order_release);
	rcasti_notifier_ring(session);
	/* release: pairs with the exchange in rcasti_steward_on_mail() */
	atomic_store_explicit(&engine->any_moved, true, memory_order_release);
	rcasti_mailbox_poke(&engine->mail);
	return 0;
}

bool rcast_session_wants_rotation(const struct rcast_session *session)
{
	return atomic_load_explicit(&session->wants_rotation, memory_order_relaxed);
}

/* ── Control ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Does the move cost history that whoever draws the screen from the beginning would need? */
static bool loses_history(const struct rcast_session *session, uint64_t ring_bytes)
{
	return (ring_bytes && ring_bytes != session->control.ring_bytes) ||
	       atomic_load_explicit(&session->counts.next_pos, memory_order_relaxed) > KEEP_BYTES;
}

static void hand_to_pump(struct rcast_session *session)
{
	struct rcasti_letter *letter = &session->letters[RCASTI_ROTATE];

	letter->rotation.to = session->control.rotation.next;
	rcasti_mailbox_post(&session->engine->pump.inbox, letter);
}

static void on_patience(struct rcasti_timer *timer)
{
	hand_to_pump(rcasti_owner(timer, struct rcast_session, control.rotation.patience));
}

void rcasti_rotate_go_on(struct rcast_session *session)
{
	struct rcasti_timer *patience = &session->control.rotation.patience;

	if (!rcasti_timer_is_set(patience))
		return;
	rcasti_timer_cancel(patience);
	hand_to_pump(session);
}

/* Have what would be lost drawn first. False: there is nothing to wait for. */
static bool await_keyframer(struct rcast_session *session)
{
	rcasti_keyframes_want(session);
	if (!rcasti_keyframes_is_coming(session))
		return false;
	rcasti_loop_set_timer(&session->engine->control, &session->control.rotation.patience,
			      rcasti_now_ns() + PATIENCE_MS * RCASTI_NS_PER_MS);
	return true;
}

static int begin(struct rcast_session *session, uint64_t ring_bytes)
{
	struct rcasti_rotation *rotation = &session->control.rotation;
	int error = rcasti_session_make_ring(ring_bytes ? ring_bytes : session->control.ring_bytes, &rotation->next);

	if (error)
		return error;
	if (!loses_history(session, ring_bytes) || !await_keyframer(session))
		hand_to_pump(session);
	return 0;
}

static void await(struct rcasti_exchange *exchange, struct rcasti_rotation *rotation, uint64_t round, bool wants_ring_bytes)
{
	exchange->awaits_round = round;
	exchange->wants_ring_bytes = wants_ring_bytes;
	cds_list_add_tail(&exchange->rotation_waiter, &rotation->waiters);
}

int rcasti_rotate(struct rcast_session *session, uint64_t ring_bytes, struct rcasti_exchange *exchange)
{
	struct rcasti_rotation *rotation = &session->control.rotation;
	bool is_under_way = rotation->next != NULL;
	int error = is_under_way ? 0 : begin(session, ring_bytes);

	if (error)
		return error;
	if (is_under_way && ring_bytes)
		rotation->wanted_bytes = ring_bytes;
	await(exchange, rotation, rotation->n_rounds + (is_under_way && ring_bytes ? 2 : 1), ring_bytes != 0);
	return 0;
}

/* The ring in which is published now is the one to hand out. */
static void take_over(struct rcast_session *session, struct rcast_writer *ring)
{
	struct rcasti_rotation *rotation = &session->control.rotation;
	struct rcasti_attachment *attachment, *next;

	rcast_writer_free(rotation->ring);
	rotation->ring = ring;
	rotation->n_rings++;
	session->control.ring_bytes = atomic_load_explicit(&session->counts.ring_bytes, memory_order_relaxed);
	cds_list_for_each_entry_safe (attachment, next, &session->readers, node)
		rcasti_attachment_move(attachment);
}

/* A session that has ended meanwhile publishes nothing more: who was to be shut out is. */
static void answer(struct rcasti_exchange *exchange, int error)
{
	cds_list_del_init(&exchange->rotation_waiter);
	if (error && exchange->wants_ring_bytes)
		rcasti_exchange_refuse(exchange, error, "the session's ring stays as it is: %s",
				       error == -ENODATA ? "it has ended" : strerrordesc_np(-error));
	else
		rcasti_exchange_done(exchange);
}

/* Those whose round is over; with an error there is no other round, for anybody. */
static void answer_waiters(struct rcasti_rotation *rotation, int error)
{
	struct rcasti_exchange *exchange, *next;

	cds_list_for_each_entry_safe (exchange, next, &rotation->waiters, rotation_waiter) {
		if (error || exchange->awaits_round <= rotation->n_rounds)
			answer(exchange, error);
	}
}

void rcasti_rotate_finish(struct rcast_session *session, const struct rcasti_letter *letter)
{
	struct rcasti_rotation *rotation = &session->control.rotation;
	uint64_t wanted_bytes = rotation->wanted_bytes;
	int error = 0;

	if (letter->rotation.done)
		take_over(session, rotation->next);
	else
		rcast_writer_free(rotation->next);
	rotation->next = NULL;
	rotation->wanted_bytes = 0;
	rotation->n_rounds++;
	answer_waiters(rotation, letter->rotation.done ? 0 : -ENODATA);
	if (wanted_bytes)
		error = session->control.removing ? -ENODATA : begin(session, wanted_bytes);
	if (error)
		answer_waiters(rotation, error);
}

static void take_owned(struct rcast_session *session)
{
	/* acquire: pairs with the release in rcast_session_rotate() */
	struct rcast_writer *ring = atomic_load_explicit(&session->owned_next, memory_order_acquire);

	if (!ring)
		return;
	take_over(session, ring);
	/* release: pairs with the acquire in rcast_session_rotate() */
	atomic_store_explicit(&session->owned_next, NULL, memory_order_release);
}

void rcasti_rotate_take_owned(struct rcast_engine *engine)
{
	struct rcast_session *session = NULL;

	while ((session = rcasti_table_after(&engine->table, session ? session->name : "")) != NULL)
		take_owned(session);
}

void rcasti_rotate_init(struct rcast_session *session)
{
	CDS_INIT_LIST_HEAD(&session->control.rotation.waiters);
	rcasti_timer_init(&session->control.rotation.patience, on_patience);
	session->control.rotation.ring = session->writer;
	session->control.ring_bytes = atomic_load_explicit(&session->counts.ring_bytes, memory_order_relaxed);
	atomic_init(&session->counts.base_pos, UINT64_MAX);
}

void rcasti_rotate_free(struct rcast_session *session)
{
	rcast_writer_free(session->control.rotation.ring);
	rcast_writer_free(session->control.rotation.next);
	rcast_writer_free(atomic_load_explicit(&session->owned_next, memory_order_relaxed));
}
