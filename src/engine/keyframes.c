/* SPDX-License-Identifier: MIT */
/*
 * A session's keyframes, from the side of control. The keyframer follows the session as a reader, and has one exchange with us
 * for as long as it does; in it questions and answers take turns.
 *
 *   not wanted ── somebody asks, or half of the ring is filled ──► wanted ── keyframer runs: Follow ──► followed
 *                                                                    ▲                                   │
 *                                                                    └── it died, or gave the session up ┘
 *   followed:    level ── waiters ──► asked ── answer: those who are served by it are answered ──► level, or asked again
 *
 * Following starts late because until then nothing is lost by it: position 0 is still in the ring. So sessions that nobody looks
 * at and that print little cost no process. Until the keyframer has attached, the pump holds the writer at the beginning of
 * the ring as if for a lease (rcasti_keyframes_wait), for HOLD_TICKS at most.
 *
 * A waiter is served by any answer that is not before where the session stood when it asked. So all that wait when a question
 * is sent share it; who comes later waits for the next, unless the session has not moved on. The latest answer is kept: as long
 * as the session has not moved on it is handed out again.
 *
 * Which of them it has died of is found out, and that one gets a keyframer of its own: cells.c.
 *
 * The keyframer parses what hostile programs print, and may be theirs. What it answers is believed no further than that it is sealed
 * memory of the stated size, for a position that can be; an answer that is not ends it. What is in it is for the screen that it
 * is written to, and no worse than what the program could have written there.
 *
 * Called by commands.c, keyframer.c, the publisher, and those who end sessions and exchanges; calls keyframe.c to hand out.
 */
#include "engine/keyframes.h"

#include <errno.h>

#include "control/schema.h"
#include "engine/answer.h"
#include "engine/cells.h"
#include "engine/connection.h"
#include "engine/exchange.h"
#include "engine/keyframe.h"
#include "engine/readers.h"
#include "engine/rotate.h"

enum {
	HOLD_TICKS = 2,
	MAX_TICKS = 4,      /* without progress */
	MAX_ALL_TICKS = 16, /* at all, and to begin with: programs may start slowly */
	END_BYTES = 8,      /* the word that ends a stream */
	EXIT_BYTES = 96,    /* with the record before it that says how the program ended, and the padding there may be */
};

static uint64_t count(const _Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

/*
 * Everything before this is drawn in it. How a stream ended is counted as published, but whoever joins behind that would not
 * learn of it: a keyframe lies before it. No record is as short as the word that ends a stream.
 */
static uint64_t find_reach(const Ringcast__Wire__KeyframerAnswer *answer)
{
	return answer->keyframe->pos + (answer->before_exit ? EXIT_BYTES : END_BYTES);
}

/* ── Waiters ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void hand_out_to_waiters(struct rcasti_keyframes *mine)
{
	struct rcasti_exchange *exchange, *next;

	cds_list_for_each_entry_safe (exchange, next, &mine->waiters, keyframe_waiter) {
		if (mine->latest->reach_pos < exchange->awaits_pos)
			continue;
		cds_list_del_init(&exchange->keyframe_waiter);
		rcasti_keyframe_hand_out(exchange, mine->latest);
	}
}

static void refuse_waiters(struct rcast_session *session, int error, const char *why)
{
	struct rcasti_exchange *exchange, *next;

	session->keyframes.cursor_pos = 0;
	cds_list_for_each_entry_safe (exchange, next, &session->keyframes.waiters, keyframe_waiter) {
		cds_list_del_init(&exchange->keyframe_waiter);
		rcasti_exchange_refuse(exchange, error, "no keyframe of session %s: %s", session->name, why);
	}
}

/* ── Following and asking ────────────────────────────────────────────────────────────────────────────────────────────── */

/* release: pairs with the acquire in rcasti_keyframes_wait(); who then walks the list of readers finds the keyframer there */
static void hold_no_more(struct rcasti_keyframes *mine)
{
	atomic_store_explicit(&mine->is_filling, false, memory_order_release);
}

static void go_on(struct rcast_session *session);
static enum rcast_consumed on_answer(struct rcast_circuit *circuit, void *user, struct rcast_message *message);

static void on_writable(struct rcast_circuit *circuit, void *user)
{
	go_on(user);
}

static void on_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	struct rcast_session *session = user;

	session->keyframes.circuit = NULL;
	session->keyframes.asked = session->keyframes.awaits_reader = false;
	session->keyframes.n_ticks = session->keyframes.n_all_ticks = 0;
	hold_no_more(&session->keyframes);
	refuse_waiters(session, -EAGAIN,
		       reason == 0 ? "it could not be followed; ask again"
				   : "the keyframer has died and is started anew; ask again");
}

/* By which its keyframer says that it has it in hand. It is followed. */
static uint32_t number_of(const struct rcast_session *session)
{
	return 1 + rcast_circuit_id(session->keyframes.circuit);
}

static const struct rcast_circuit_ops followed_ops = {.message = on_answer, .writable = on_writable, .ended = on_ended};

/* It is judged by what it answers: a request that cannot be sent is the end of it, too. */
static void give_up(struct rcast_session *session, int error)
{
	rcast_link_abort(session->keyframes.keyframer->link, error, "the keyframer cannot be asked");
}

static bool follow(struct rcast_session *session)
{
	struct rcasti_keyframes *mine = &session->keyframes;
	struct rcasti_keyframer *keyframer = mine->keyframer;
	Ringcast__Wire__KeyframerRequest request = RINGCAST__WIRE__KEYFRAMER_REQUEST__INIT;
	Ringcast__Wire__Follow follow = RINGCAST__WIRE__FOLLOW__INIT;
	int error;

	/* Until its first frame has come, we do not know how many it takes. */
	if (rcast_circuit_begin(keyframer->link, &followed_ops, session, &mine->circuit) != 0) {
		keyframer->any_unfollowed = true;
		return false;
	}
	request.request_case = RINGCAST__WIRE__KEYFRAMER_REQUEST__REQUEST_FOLLOW;
	request.follow = &follow;
	follow.session = session->name;
	follow.lease_ms = RCASTI_KEYFRAMER_LEASE_MS;
	mine->n_ticks = mine->n_all_ticks = 0;
	mine->awaits_reader = true;
	error = rcasti_schema_send(mine->circuit, &request.base, 0, NULL, 0);
	if (error)
		give_up(session, error);
	return error == 0;
}

static uint64_t last_awaited(const struct rcasti_keyframes *mine)
{
	const struct rcasti_exchange *exchange;
	uint64_t last = mine->cursor_pos;

	cds_list_for_each_entry (exchange, &mine->waiters, keyframe_waiter)
		last = exchange->awaits_pos > last ? exchange->awaits_pos : last;
	return last;
}

static void ask(struct rcast_session *session)
{
	struct rcasti_keyframes *mine = &session->keyframes;
	Ringcast__Wire__KeyframerRequest request = RINGCAST__WIRE__KEYFRAMER_REQUEST__INIT;
	Ringcast__Wire__Question question = RINGCAST__WIRE__QUESTION__INIT;
	int error;

	request.request_case = RINGCAST__WIRE__KEYFRAMER_REQUEST__REQUEST_QUESTION;
	request.question = &question;
	mine->asked_pos = question.at_least_pos = last_awaited(mine);
	question.cols = session->control.size.cols;
	question.rows = session->control.size.rows;
	error = rcasti_schema_send(mine->circuit, &request.base, 0, NULL, 0);
	mine->asked = error == 0;
	if (!error)
		mine->n_ticks = mine->n_all_ticks = 0;
	if (error && error != -EAGAIN)
		give_up(session, error);
}

static bool is_waited_for(struct rcasti_keyframes *mine)
{
	return mine->cursor_pos > 0 || !cds_list_empty(&mine->waiters);
}

/* Do what can be done for the session now. Whoever starts the keyframer comes here for all sessions. */
static void go_on(struct rcast_session *session)
{
	struct rcasti_keyframes *mine = &session->keyframes;

	if (!mine->keyframer->link)
		return;
	if ((mine->circuit || follow(session)) && !mine->asked && is_waited_for(mine))
		ask(session);
	rcasti_keyframer_expect(mine->keyframer);
}

/* ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_screen(const Ringcast__Wire__KeyframeInfo *info)
{
	return info->cols >= 1 && info->cols <= UINT16_MAX && info->rows >= 1 && info->rows <= UINT16_MAX &&
	       info->cursor_col < info->cols && info->cursor_row < info->rows && info->n_bytes <= RCASTI_MAX_KEYFRAME_BYTES;
}

/* It may be ahead of what the publisher has counted, but not by more than there is room for. */
static bool is_possible(const struct rcast_session *session, const Ringcast__Wire__KeyframerAnswer *answer)
{
	const Ringcast__Wire__KeyframeInfo *info = answer->keyframe;

	return find_reach(answer) >= session->keyframes.asked_pos &&
	       info->pos <= count(&session->counts.next_pos) + count(&session->counts.ring_bytes) &&
	       info->output_pos <= info->pos && info->sequence <= info->pos;
}

static int take_keyframe(struct rcast_session *session, const Ringcast__Wire__KeyframerAnswer *answer,
			 struct rcast_message *message)
{
	const Ringcast__Wire__KeyframeInfo *info = answer->keyframe;
	struct rcasti_keyframes *mine = &session->keyframes;
	struct rcasti_keyframe *made = NULL;

	if (info && is_screen(info) && is_possible(session, answer))
		made = rcasti_keyframe_create_take(info, find_reach(answer), rcast_message_take_fd(message, 0));
	if (!made)
		return -EPROTO;
	rcasti_keyframe_release(mine->latest);
	mine->latest = made;
	hand_out_to_waiters(mine);
	if (mine->cursor_pos > 0 && made->reach_pos >= mine->cursor_pos) {
		mine->cursor_pos = 0;
		rcasti_answer_go_on(session);
	}
	return 0;
}

static int take_error(struct rcast_session *session, int error)
{
	if (error == EOPNOTSUPP)
		refuse_waiters(session, -EOPNOTSUPP, "its terminal is larger than a screen can be");
	else
		refuse_waiters(session, -EAGAIN, "it is in the middle of something that is not drawn yet; ask again");
	return 0;
}

static int take_answer(struct rcast_session *session, struct rcast_message *message)
{
	Ringcast__Wire__KeyframerAnswer *answer =
		ringcast__wire__keyframer_answer__unpack(NULL, message->n_bytes, message->data);
	int error = -EPROTO;

	session->keyframes.asked = false;
	hold_no_more(&session->keyframes); /* who can answer has read, or never will */
	if (answer && answer->error)
		error = take_error(session, answer->error);
	else if (answer)
		error = take_keyframe(session, answer, message);
	ringcast__wire__keyframer_answer__free_unpacked(answer, NULL);
	return error;
}

/* An empty last message gives the session up. */
static enum rcast_consumed on_answer(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	struct rcast_session *session = user;
	struct rcasti_keyframes *mine = &session->keyframes;
	int error = 0;

	if (message->last)
		rcast_circuit_send(circuit, NULL, 0, RCAST_LAST);
	else
		error = mine->asked ? take_answer(session, message) : -EPROTO;
	if (error) {
		mine->keyframer->accused = number_of(session);
		rcast_link_abort(rcast_circuit_link(circuit), error, "the keyframer has answered what cannot be");
	} else if (!message->last) {
		go_on(session);
	}
	return RCAST_CONSUMED;
}

/* ── The keyframer's life ────────────────────────────────────────────────────────────────────────────────────────────── */

/* The first of its sessions in order of name, or the next one. */
static struct rcast_session *next_of(const struct rcasti_keyframer *keyframer, const struct rcast_session *session)
{
	struct rcast_session *next;

	do
		next = rcasti_table_after(&keyframer->engine->table, session ? session->name : "");
	while ((session = next) != NULL && next->keyframes.keyframer != keyframer);
	return next;
}

bool rcasti_keyframes_any_wanted(const struct rcasti_keyframer *keyframer)
{
	const struct rcast_session *session = NULL;

	while ((session = next_of(keyframer, session)) != NULL)
		if (session->keyframes.wanted)
			return true;
	return false;
}

struct rcast_session *rcasti_keyframes_find(const struct rcasti_keyframer *keyframer, uint32_t number)
{
	struct rcast_session *session = NULL;

	while ((session = next_of(keyframer, session)) != NULL)
		if (number > 0 && session->keyframes.circuit && number_of(session) == number)
			return session;
	return NULL;
}

void rcasti_keyframes_follow_all(struct rcasti_keyframer *keyframer)
{
	struct rcast_session *session = NULL;

	keyframer->any_unfollowed = false;
	while ((session = next_of(keyframer, session)) != NULL) {
		if (session->keyframes.wanted && !session->keyframes.circuit)
			go_on(session);
	}
}

void rcasti_keyframes_lose_all(const struct rcasti_keyframer *keyframer, int error, const char *why)
{
	struct rcast_session *session = NULL;

	while ((session = next_of(keyframer, session)) != NULL) {
		hold_no_more(&session->keyframes);
		session->keyframes.n_ticks = session->keyframes.n_all_ticks = 0;
		refuse_waiters(session, error, why);
	}
}

/*
 * That it takes the session, attaches, takes a question, answers. What it has no room for is late like an answer: else it would do
 * to make no room.
 */
static bool is_expected(struct rcasti_keyframes *mine)
{
	return mine->asked || is_waited_for(mine) || (mine->circuit && !mine->reader);
}

static enum rcasti_patience tick(struct rcasti_keyframes *mine)
{
	uint64_t pos = mine->reader ? rcast_follower_pos(mine->reader->follower) : 0;

	if (!is_expected(mine)) {
		mine->n_ticks = mine->n_all_ticks = 0;
		return RCASTI_NOTHING_EXPECTED;
	}
	mine->n_all_ticks++;
	mine->n_ticks = pos == mine->seen_pos ? mine->n_ticks + 1 : 0;
	mine->seen_pos = pos;
	if (mine->n_all_ticks >= HOLD_TICKS)
		hold_no_more(mine);
	if (mine->n_all_ticks >= MAX_ALL_TICKS || (mine->reader && mine->n_ticks >= MAX_TICKS))
		return RCASTI_OUT_OF_PATIENCE;
	return RCASTI_STILL_PATIENT;
}

enum rcasti_patience rcasti_keyframes_tick(struct rcasti_keyframer *keyframer)
{
	enum rcasti_patience worst = RCASTI_NOTHING_EXPECTED, one;
	struct rcast_session *session = NULL;

	while ((session = next_of(keyframer, session)) != NULL) {
		one = tick(&session->keyframes);
		worst = one > worst ? one : worst;
		/* one that it has never attached to is not why it does not get on */
		if (one == RCASTI_OUT_OF_PATIENCE && session->keyframes.reader)
			keyframer->late = number_of(session);
	}
	return worst;
}

void rcasti_keyframes_attached(struct rcast_session *session, const struct rcasti_attachment *reader)
{
	session->keyframes.reader = reader;
	session->keyframes.awaits_reader = false;
	session->keyframes.seen_pos = 0;
	hold_no_more(&session->keyframes);
	rcasti_rotate_go_on(session);
}

void rcasti_keyframes_detached(struct rcast_session *session, const struct rcasti_attachment *reader)
{
	if (session->keyframes.reader == reader)
		session->keyframes.reader = NULL;
}

/* ── A session's life ────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool has_screen(const struct rcast_session *session)
{
	return session->kind != RCASTI_PIPE && session->engine->keyframers.path;
}

void rcasti_keyframes_init(struct rcast_session *session)
{
	CDS_INIT_LIST_HEAD(&session->keyframes.waiters);
	session->keyframes.keyframer = &session->engine->keyframers.common;
	session->keyframes.want_pos = has_screen(session) ? count(&session->counts.ring_bytes) / 2 : UINT64_MAX;
}

/* The keyframer answers our last with its own, after an answer that may be under way. */
static enum rcast_consumed drain_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	return RCAST_CONSUMED;
}

static void drain_writable(struct rcast_circuit *circuit, void *user)
{
	rcast_circuit_send(circuit, NULL, 0, RCAST_LAST);
}

void rcasti_keyframes_close(struct rcast_session *session)
{
	static const struct rcast_circuit_ops drain_ops = {.message = drain_message, .writable = drain_writable};
	struct rcasti_keyframes *mine = &session->keyframes;

	refuse_waiters(session, -ENOENT, "it was removed");
	if (mine->circuit) {
		rcast_circuit_set_handler(mine->circuit, &drain_ops, NULL);
		rcast_circuit_send(mine->circuit, NULL, 0, RCAST_LAST);
		rcasti_keyframer_expect(mine->keyframer);
	}
	mine->circuit = NULL;
	rcasti_cells_leave(session);
	rcasti_keyframe_release(mine->latest);
	mine->latest = NULL;
}

void rcasti_keyframes_want(struct rcast_session *session)
{
	int error;

	if (!has_screen(session))
		return;
	session->keyframes.wanted = true;
	error = rcasti_keyframer_start(session->keyframes.keyframer);
	if (!session->keyframes.keyframer->link)
		hold_no_more(&session->keyframes);
	if (!error)
		go_on(session);
	else
		refuse_waiters(session, error,
			       error == -EOPNOTSUPP ? "the keyframer cannot be run"
						    : "the keyframer keeps dying, and rests; ask again");
}

bool rcasti_keyframes_is_coming(const struct rcast_session *session)
{
	const struct rcasti_keyframes *mine = &session->keyframes;

	return mine->wanted && mine->keyframer->link && !mine->reader;
}

void rcasti_keyframes_ask(struct rcasti_exchange *exchange, struct rcast_session *session, bool by_circuit)
{
	struct rcasti_keyframes *mine = &session->keyframes;
	uint64_t next_pos = count(&session->counts.next_pos);

	if (!has_screen(session)) {
		rcasti_exchange_refuse(exchange, -EOPNOTSUPP, "no keyframe of session %s: %s", session->name,
				       session->kind == RCASTI_PIPE ? "it has no terminal, and so no screen"
								    : "this engine has no keyframer");
		return;
	}
	exchange->keyframe_by_circuit = by_circuit;
	if (mine->latest && mine->latest->reach_pos >= next_pos) {
		rcasti_keyframe_hand_out(exchange, mine->latest);
		return;
	}
	exchange->awaits_pos = next_pos;
	cds_list_add_tail(&exchange->keyframe_waiter, &mine->waiters);
	rcasti_keyframes_want(session);
}

int rcasti_keyframes_get_cursor(struct rcast_session *session, uint64_t pos, const Ringcast__Wire__KeyframeInfo **info)
{
	struct rcasti_keyframes *mine = &session->keyframes;

	if (mine->latest && mine->latest->reach_pos >= pos) {
		*info = &mine->latest->info;
		return 0;
	}
	if (!has_screen(session))
		return -EOPNOTSUPP;
	mine->cursor_pos = pos;
	rcasti_keyframes_want(session);
	return mine->cursor_pos > 0 ? -EAGAIN : -EOPNOTSUPP;
}

void rcasti_keyframes_drop(struct rcasti_exchange *exchange)
{
	cds_list_del(&exchange->keyframe_waiter);
	rcasti_keyframe_take_back(exchange);
}

void rcasti_keyframes_observe(struct rcast_session *session, uint64_t next_pos)
{
	if (next_pos < session->keyframes.want_pos)
		return;
	session->keyframes.want_pos = UINT64_MAX;
	atomic_store_explicit(&session->keyframes.is_filling, true, memory_order_relaxed);
	/* release: pairs with the exchange in rcasti_steward_on_mail(), which then looks for is_filling */
	atomic_store_explicit(&session->engine->any_filling, true, memory_order_release);
	rcasti_mailbox_poke(&session->engine->mail);
}

void rcasti_keyframes_move(struct rcast_session *session, uint64_t first_pos, uint64_t ring_bytes)
{
	uint64_t half_pos = first_pos + ring_bytes / 2;

	if (session->keyframes.want_pos != UINT64_MAX && session->keyframes.want_pos > half_pos)
		session->keyframes.want_pos = half_pos;
}

bool rcasti_keyframes_wait(const struct rcast_session *session)
{
	/* acquire: pairs with the release in hold_no_more() */
	return session->keyframes.want_pos != UINT64_MAX ||
	       atomic_load_explicit(&session->keyframes.is_filling, memory_order_acquire);
}

void rcasti_keyframes_take_filling(struct rcast_engine *engine)
{
	struct rcast_session *session = NULL;

	while ((session = rcasti_table_after(&engine->table, session ? session->name : "")) != NULL) {
		if (!atomic_load_explicit(&session->keyframes.is_filling, memory_order_relaxed))
			continue;
		rcasti_keyframes_want(session);
		if (session->keyframes.reader)
			hold_no_more(&session->keyframes);
	}
}
