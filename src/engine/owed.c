/* SPDX-License-Identifier: MIT */
/*
 * What the pump owes to a session's stream beside what it reads, and what it owes to control about it. All of it is in order with
 * the output, so it is paid before anything more is read:
 *
 *   events      that the output has said (scanner.c, events.c); titles and folders go to control, too
 *   answerer    who answers questions from here on (answer.c)
 *   size        published first and only then told to the kernel, so that no output drawn for it can be in front of it
 *   end         when nothing more will come: how the program ended, and the end of the stream
 *
 * A payment that a lease stops stays owed, and all behind it. A letter that asked for something goes back to control when that is
 * paid. Questions are not published: they are collected while they are ours, and go to control by one letter at a time, as
 * the latest texts do.
 *
 * All of this is the pump's.
 */
#include "engine/owed.h"

#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/pty.h"
#include "engine/readers.h"

int rcasti_owed_put(struct rcast_session *session, uint8_t kind, const void *data, size_t n_bytes)
{
	int error = rcast_writer_put(session->writer, kind, data, n_bytes);

	if (error == -EAGAIN && rcasti_readers_hold(session))
		error = rcast_writer_put(session->writer, kind, data, n_bytes);
	if (!error)
		session->pump.published = true;
	return error;
}

static void post_texts(struct rcast_session *session)
{
	struct rcasti_events *events = &session->pump.scanner.events;
	struct rcasti_letter *letter = &session->letters[RCASTI_TEXTS];

	if (!events->texts_changed || session->pump.texts_in_flight)
		return;
	events->texts_changed = false;
	session->pump.texts_in_flight = true;
	session->sent_texts = events->texts;
	letter->texts = &session->sent_texts;
	rcasti_pump_post(letter);
}

static int pay_events(struct rcast_session *session)
{
	struct rcasti_events *events = &session->pump.scanner.events;
	struct rcasti_event event;
	int error = 0;

	while (!error && rcasti_events_first(events, &event)) {
		error = rcasti_owed_put(session, event.kind, event.data, event.n_bytes);
		if (!error)
			rcasti_events_paid(events, &event);
	}
	post_texts(session);
	return error;
}

static void post_questions(struct rcast_session *session)
{
	struct rcasti_scanner *scanner = &session->pump.scanner;
	struct rcasti_letter *letter = &session->letters[RCASTI_ASKED];
	struct rcast_writer_state state;

	if (scanner->n_questions == 0 || session->pump.asked_in_flight)
		return;
	session->pump.asked_in_flight = true;
	memcpy(letter->asked.questions, scanner->questions, sizeof letter->asked.questions);
	letter->asked.n_questions = scanner->n_questions;
	rcast_writer_get_state(session->writer, &state);
	letter->asked.pos = state.next_pos;
	scanner->n_questions = 0;
	rcasti_pump_post(letter);
}

/* What is asked while another one answers is no business of ours; what was asked before is. */
void rcasti_owed_scan(struct rcast_session *session, const void *data, size_t n_bytes)
{
	struct rcasti_scanner *scanner = &session->pump.scanner;
	unsigned int n_ours = scanner->n_questions;

	rcasti_scan(scanner, data, n_bytes);
	if (session->pump.answerer != 0 || session->kind != RCASTI_PTY)
		scanner->n_questions = n_ours;
	post_questions(session);
}

static int pay_answerer(struct rcast_session *session)
{
	struct rcasti_letter *letter = session->pump.answerer_owed;
	struct rcast_answerer record = {.reader = letter ? letter->answerer.reader : 0};
	int error = letter ? rcasti_owed_put(session, RCAST_ANSWERER, &record, sizeof record) : 0;

	if (!error && letter) {
		session->pump.answerer = letter->answerer.reader;
		session->pump.answerer_owed = NULL;
		if (letter->answerer.from_start)
			session->pump.scanner.n_questions = 0;
		rcasti_pump_post(letter);
	}
	return error;
}

static int pay_resize(struct rcast_session *session)
{
	struct rcasti_letter *letter = session->pump.resize_owed;
	int error = letter ? rcasti_owed_put(session, RCAST_RESIZE, &letter->size, sizeof letter->size) : 0;

	if (!error && letter) {
		rcasti_pty_resize(session->pump.fd, letter->size.cols, letter->size.rows);
		session->pump.resize_owed = NULL;
		rcasti_pump_post(letter);
	}
	return error;
}

static int pay_end(struct rcast_session *session)
{
	int error = 0;

	if (session->pump.exit_owed)
		error = rcasti_owed_put(session, RCAST_EXIT, &session->pump.exit, sizeof session->pump.exit);
	if (error)
		return error;
	session->pump.exit_owed = false;
	rcast_writer_end(session->writer);
	session->pump.published = true;
	session->pump.flow = RCASTI_OVER;
	return 0;
}

int rcasti_owed_pay(struct rcast_session *session)
{
	int error = pay_events(session);

	if (!error)
		error = pay_answerer(session);
	if (!error)
		error = pay_resize(session);
	if (!error && session->pump.end_wanted)
		error = pay_end(session);
	return error;
}

/* ── Letters that are back ───────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_owed_texts_taken(struct rcast_session *session)
{
	session->pump.texts_in_flight = false;
	post_texts(session);
}

void rcasti_owed_questions_taken(struct rcast_session *session)
{
	session->pump.asked_in_flight = false;
	post_questions(session);
}
