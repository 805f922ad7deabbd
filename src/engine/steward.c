/* SPDX-License-Identifier: MIT */
/*
 * What control does with sessions that exist: sends letters to the pump and opens the pump's, lets ended sessions linger,
 * removes them, and frees what nobody can reach any more. The stages of a session's life are in session.c.
 *
 * A letter that is in flight is not ours. So a size that is asked for while the last one is under way only becomes the wanted
 * one, and goes out when the letter is back: of many sizes in a row, the pump sees the first and the last.
 */
#include "engine/steward.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <urcu-bp.h>

#include "engine/answer.h"
#include "engine/attach.h"
#include "engine/engine.h"
#include "engine/readers.h"
#include "engine/rotate.h"

enum { LAST_WORDS_MS = 1000 };

static void post(struct rcasti_letter *letter)
{
	rcasti_mailbox_post(&letter->session->engine->pump.inbox, letter);
}

static void on_linger(struct rcasti_timer *timer)
{
	rcasti_session_remove(rcasti_owner(timer, struct rcast_session, control.linger));
}

void rcasti_session_admit(struct rcast_session *session)
{
	rcasti_timer_init(&session->control.linger, on_linger);
	rcasti_answer_init(session);
	rcasti_table_add(&session->engine->table, session);
	if (session->kind == RCASTI_OWNED)
		return;
	session->letters[RCASTI_ADD].size = session->control.size;
	post(&session->letters[RCASTI_ADD]);
}

static void retire(struct rcast_session *session)
{
	rcasti_table_vacate(&session->engine->table, session);
	cds_list_add_tail(&session->control.retired, &session->engine->retired);
}

void rcasti_session_remove(struct rcast_session *session)
{
	if (session->control.removing)
		return;
	session->control.removing = true;
	rcasti_table_unname(&session->engine->table, session);
	rcasti_timer_cancel(&session->control.linger);
	rcasti_keyframes_close(session);
	rcasti_rotate_go_on(session);
	rcasti_answer_close(session);
	rcasti_attachments_end(session);
	rcasti_input_close(&session->control.input);
	if (session->control.child)
		rcasti_child_abandon(session->control.child);
	session->control.child = NULL;
	if (session->kind == RCASTI_OWNED)
		retire(session);
	else
		post(&session->letters[RCASTI_REMOVE]);
}

/* No linger is for those who come later; whoever is attached may take in the rest. */
static uint64_t linger_ms(const struct rcast_session *session)
{
	return session->linger_ms == RCAST_NO_LINGER ? LAST_WORDS_MS : session->linger_ms;
}

void rcasti_session_end(struct rcast_session *session)
{
	if (session->control.ended || session->control.removing)
		return;
	session->control.ended = true;
	rcasti_answer_close(session);
	rcasti_input_close(&session->control.input);
	if (session->linger_ms == RCAST_NO_LINGER && atomic_load_explicit(&session->n_attached, memory_order_relaxed) == 0)
		rcasti_session_remove(session);
	else
		rcasti_loop_set_timer(&session->engine->control, &session->control.linger,
				      rcasti_now_ns() + linger_ms(session) * RCASTI_NS_PER_MS);
}

static void send_size(struct rcast_session *session)
{
	struct rcasti_letter *letter = &session->letters[RCASTI_RESIZE];

	session->control.resize_wanted = session->control.resize_in_flight;
	if (session->control.resize_in_flight || session->control.removing)
		return;
	session->control.resize_in_flight = true;
	rcasti_input_pause(&session->control.input);
	letter->size = session->control.size;
	post(letter);
}

int rcasti_session_resize(struct rcast_session *session, uint16_t cols, uint16_t rows)
{
	if (session->kind != RCASTI_PTY)
		return -EOPNOTSUPP;
	if (session->control.ended)
		return -ENODATA;
	if (session->control.size.cols == cols && session->control.size.rows == rows)
		return 0;
	session->control.size.cols = cols;
	session->control.size.rows = rows;
	send_size(session);
	return 0;
}

int rcasti_session_signal(struct rcast_session *session, int signal)
{
	if (session->kind != RCASTI_PTY)
		return -EOPNOTSUPP;
	if (!session->control.child)
		return -ENODATA;
	return kill(-session->control.child->pid, signal) == 0 ? 0 : -errno;
}

void rcasti_session_on_exit(void *user, const struct rcast_exit *how)
{
	struct rcast_session *session = user;

	session->control.child = NULL;
	session->control.has_exit = true;
	session->control.exit = *how;
	session->letters[RCASTI_EXITED].exit = *how;
	post(&session->letters[RCASTI_EXITED]);
}

static void open_letter(struct rcasti_letter *letter)
{
	struct rcast_session *session = letter->session;

	switch (letter->kind) {
	case RCASTI_RESIZE:
		session->control.resize_in_flight = false;
		if (session->control.resize_wanted)
			send_size(session);
		if (!session->control.resize_in_flight)
			rcasti_input_resume(&session->control.input);
		break;
	case RCASTI_REMOVE:
		retire(session);
		break;
	case RCASTI_TEXTS:
		session->control.texts = *letter->texts;
		if (!session->control.removing)
			post(letter);
		break;
	case RCASTI_ANSWERER:
		rcasti_answer_told(session);
		break;
	case RCASTI_ASKED:
		rcasti_answer_asked(session, letter);
		if (!session->control.removing)
			post(letter);
		break;
	case RCASTI_FINISHED:
		rcasti_session_end(session);
		break;
	case RCASTI_ROTATE:
		rcasti_rotate_finish(session, letter);
		break;
	case RCASTI_ADD:
	case RCASTI_EXITED:
	case RCASTI_N_LETTERS:
		break;
	}
}

/* Rare, so all are looked at. */
static void detach_gone(struct rcast_engine *engine)
{
	struct rcast_session *session = NULL;

	while ((session = rcasti_table_after(&engine->table, session ? session->name : "")) != NULL)
		rcasti_attachments_end_gone(session);
}

void rcasti_steward_on_mail(struct rcasti_source *source, uint32_t events)
{
	struct rcast_engine *engine = rcasti_owner(source, struct rcast_engine, mail_source);
	struct rcasti_letter *letter;

	rcasti_mailbox_clear(&engine->mail);
	while ((letter = rcasti_mailbox_take(&engine->mail)) != NULL)
		open_letter(letter);
	/* acquire: pairs with the release in rcast_session_rotate() */
	if (atomic_exchange_explicit(&engine->any_moved, false, memory_order_acquire))
		rcasti_rotate_take_owned(engine);
	/* acquire, both: pair with the releases in ring_within_rcu() */
	if (atomic_exchange_explicit(&engine->any_gone, false, memory_order_acquire))
		detach_gone(engine);
	if (atomic_exchange_explicit(&engine->any_stalled, false, memory_order_acquire))
		rcasti_stall_begin(engine);
	/* acquire: pairs with the release in rcasti_keyframes_observe() */
	if (atomic_exchange_explicit(&engine->any_filling, false, memory_order_acquire))
		rcasti_keyframes_take_filling(engine);
}

void rcasti_steward_sweep(struct rcast_engine *engine)
{
	struct rcast_session *session, *next;

	if (cds_list_empty(&engine->condemned) && cds_list_empty(&engine->retired))
		return;
	synchronize_rcu();
	rcasti_readers_free(&engine->condemned);
	cds_list_for_each_entry_safe (session, next, &engine->retired, control.retired) {
		cds_list_del(&session->control.retired);
		rcasti_session_free(session);
	}
}
