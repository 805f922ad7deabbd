/* SPDX-License-Identifier: MIT */
/*
 * A program asks its terminal what it is, and waits. With any number of viewers, exactly one must answer, or we must if there is
 * none. Viewers read the same stream, each at its own pace, and come and go; so who answers is written into the stream:
 *
 *   … output … ANSWERER 7 … output … ANSWERER 0 … output …
 *
 * What is asked behind such a record is for the reader of that id to answer, or for the engine (0); a question belongs to the place
 * where its last byte stands. The pump publishes the record and scans the output, so it knows at each question whose it is, and
 * every viewer finds out the same when it gets there. Nothing else decides. So nobody answers what another one does, whoever
 * attaches, detaches, dies or lags; what is asked of a viewer that dies, or is lapped, or comes to it too late stays
 * unanswered, as on a terminal that is switched off. Nobody waits for an answer.
 *
 *   control   claims → the latest of them → letter ANSWERER ─► pump publishes it ─► letter back
 *   pump      asked while it is ours → letter ASKED ─► control answers into the PTY, in order with all other input
 *
 * Readers claim: not all that may type have a terminal. Of those that did, it is the one that claimed or typed last. A reader
 * that jumps (it was lapped, or joins at a screen) may have jumped over its record, and claims anew.
 *
 * From the start. Who starts a program and then attaches wants the program's first questions for its own terminal. So a session
 * may await that: for PATIENCE_MS its questions wait here. If the claim comes in that time, and is one for all that was asked, it
 * is told that there is nobody before it, and the waiting questions are dropped; so are those that the pump has still to tell us
 * of, until its record is in the stream.
 *
 * We answer in the order in which was asked, since programs use an answer that every terminal gives to know that an earlier question
 * is not understood. Where the cursor stands the keyframer knows: the questions behind that one wait for it, for PATIENCE_MS.
 * If it is not known then, or not for sure, there is no answer.
 *
 * A program that asks without reading the answers gets no more of them when ENOUGH_BYTES wait: they must not be in the way of what
 * people type. All of this is control's.
 */
#include "engine/answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"

#define PATIENCE_MS 1000
#define ENOUGH_BYTES 4096

/* ── Our answers ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A VT220 with colours: what can be relied on whoever attaches later. */
static const char *answer_to(uint8_t question)
{
	switch (question) {
	case RCASTI_ASKS_ATTRIBUTES:
		return "\033[?62;22c";
	case RCASTI_ASKS_MORE_ATTRIBUTES:
		return "\033[>1;10;0c";
	case RCASTI_ASKS_STATUS:
		return "\033[0n";
	case RCASTI_ASKS_VERSION:
		return "\033P>|ringcast " RCAST_VERSION "\033\\";
	default:
		return "";
	}
}

static bool is_about_cursor(uint8_t question)
{
	return question == RCASTI_ASKS_CURSOR || question == RCASTI_ASKS_CURSOR_PRIVATELY;
}

static void say(struct rcast_session *session, const char *text)
{
	struct rcasti_input *input = &session->control.input;

	if (*text && input->n_waiting_bytes < ENOUGH_BYTES)
		rcasti_input_push(input, text, strlen(text), NULL, 0);
}

/* -EAGAIN: not known yet. */
static int say_cursor(struct rcast_session *session, uint8_t question)
{
	const Ringcast__Wire__KeyframeInfo *info;
	int error = rcasti_keyframes_get_cursor(session, session->control.answering.waiting_pos, &info);
	char text[40];

	if (error || info->stale)
		return error == -EAGAIN ? error : 0;
	snprintf(text, sizeof text, "\033[%s%u;%uR", question == RCASTI_ASKS_CURSOR_PRIVATELY ? "?" : "",
		 info->cursor_row + 1, info->cursor_col + 1);
	say(session, text);
	return 0;
}

/* ── Questions that wait ─────────────────────────────────────────────────────────────────────────────────────────────── */

static void be_patient(struct rcast_session *session)
{
	rcasti_loop_set_timer(&session->engine->control, &session->control.answering.patience,
			      rcasti_now_ns() + PATIENCE_MS * RCASTI_NS_PER_MS);
}

static void wait_no_more(struct rcasti_answering *answering)
{
	answering->is_reserved = answering->awaits_cursor = false;
	rcasti_timer_cancel(&answering->patience);
}

static void drop_first(struct rcasti_answering *answering)
{
	answering->n_waiting--;
	memmove(answering->waiting, answering->waiting + 1, answering->n_waiting);
}

/* Answer as far as we can. */
static void answer_waiting(struct rcast_session *session)
{
	struct rcasti_answering *answering = &session->control.answering;

	answering->is_settled = answering->is_settled || answering->n_waiting > 0;
	for (; answering->n_waiting > 0; drop_first(answering)) {
		if (!is_about_cursor(answering->waiting[0])) {
			say(session, answer_to(answering->waiting[0]));
		} else if (say_cursor(session, answering->waiting[0]) == -EAGAIN) {
			if (!answering->awaits_cursor)
				be_patient(session);
			answering->awaits_cursor = true;
			return;
		}
	}
}

void rcasti_answer_go_on(struct rcast_session *session)
{
	if (session->control.answering.is_reserved)
		return;
	wait_no_more(&session->control.answering);
	answer_waiting(session);
}

static void on_patience(struct rcasti_timer *timer)
{
	struct rcast_session *session = rcasti_owner(timer, struct rcast_session, control.answering.patience);

	if (session->control.answering.awaits_cursor)
		drop_first(&session->control.answering);
	wait_no_more(&session->control.answering);
	answer_waiting(session);
}

void rcasti_answer_init(struct rcast_session *session)
{
	rcasti_timer_init(&session->control.answering.patience, on_patience);
	if (session->control.answering.is_reserved)
		be_patient(session);
}

void rcasti_answer_close(struct rcast_session *session)
{
	wait_no_more(&session->control.answering);
	session->control.answering.n_waiting = 0;
}

void rcasti_answer_asked(struct rcast_session *session, const struct rcasti_letter *letter)
{
	struct rcasti_answering *answering = &session->control.answering;
	unsigned int room = RCASTI_MAX_QUESTIONS - answering->n_waiting;
	unsigned int n = letter->asked.n_questions < room ? letter->asked.n_questions : room;

	if (answering->drops_asked || session->control.ended || session->control.removing)
		return;
	memcpy(answering->waiting + answering->n_waiting, letter->asked.questions, n);
	answering->n_waiting += n;
	answering->waiting_pos = letter->asked.pos;
	if (!answering->is_reserved && !answering->awaits_cursor)
		answer_waiting(session);
}

/* ── Claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t latest_claimant(const struct rcast_session *session)
{
	struct rcasti_attachment *attachment;
	uint64_t reader = 0, latest = 0;

	cds_list_for_each_entry (attachment, &session->readers, node) {
		if (attachment->claim > latest) {
			latest = attachment->claim;
			reader = attachment->id;
		}
	}
	return reader;
}

/* A letter that is under way is the pump's: then the latest is said when it is back. */
static void tell(struct rcast_session *session, bool from_start)
{
	struct rcasti_answering *answering = &session->control.answering;
	struct rcasti_letter *letter = &session->letters[RCASTI_ANSWERER];

	answering->again = answering->in_flight;
	if (answering->in_flight || session->control.removing)
		return;
	answering->in_flight = true;
	letter->answerer.reader = answering->reader;
	letter->answerer.from_start = from_start;
	rcasti_mailbox_post(&session->engine->pump.inbox, letter);
}

void rcasti_answer_told(struct rcast_session *session)
{
	struct rcasti_answering *answering = &session->control.answering;

	answering->in_flight = answering->drops_asked = false;
	if (answering->again)
		tell(session, false);
}

bool rcasti_answer_claim(struct rcasti_attachment *attachment, enum rcasti_claim claim)
{
	struct rcast_session *session = attachment->session;
	struct rcasti_answering *answering = &session->control.answering;
	bool from_start = claim == RCASTI_CLAIMS_FROM_START && !answering->is_settled;

	if (from_start) {
		wait_no_more(answering);
		answering->n_waiting = 0;
		answering->drops_asked = true;
	} else if (answering->is_reserved) {
		wait_no_more(answering);
		answer_waiting(session);
	}
	answering->is_settled = true;
	attachment->claim = ++answering->n_claims;
	answering->reader = attachment->id;
	tell(session, from_start);
	return from_start;
}

void rcasti_answer_give_up(struct rcasti_attachment *attachment)
{
	struct rcast_session *session = attachment->session;
	struct rcasti_answering *answering = &session->control.answering;

	attachment->claim = 0;
	if (answering->reader != attachment->id)
		return;
	answering->reader = latest_claimant(session);
	tell(session, false);
}

void rcasti_answer_typed(struct rcasti_attachment *attachment)
{
	if (attachment->claim && attachment->session->control.answering.reader != attachment->id)
		rcasti_answer_claim(attachment, RCASTI_CLAIMS_FROM_NOW);
}
