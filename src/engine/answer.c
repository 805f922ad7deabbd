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
 * may await that: for RESERVE_MS its questions wait here. If the claim comes in that time, and is one for all that was asked, it
 * is told that there is nobody before it, and the waiting questions are dropped; so are those that the pump has still to tell us
 * of, until its record is in the stream.
 *
 * A program that asks without reading the answers gets no more of them when ENOUGH_BYTES wait: they must not be in the way of what
 * people type. All of this is control's.
 */
#include "engine/answer.h"

#include <stdio.h>
#include <string.h>

#include "engine/engine.h"

#define RESERVE_MS 1000
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

static void answer(struct rcast_session *session, const uint8_t *questions, unsigned int n_questions)
{
	struct rcasti_input *input = &session->control.input;

	session->control.answering.is_settled = session->control.answering.is_settled || n_questions > 0;
	for (unsigned int i = 0; i < n_questions && input->n_waiting_bytes < ENOUGH_BYTES; i++) {
		const char *text = answer_to(questions[i]);

		if (*text)
			rcasti_input_push(input, text, strlen(text), NULL, 0);
	}
}

/* ── What waits for the first to attach ──────────────────────────────────────────────────────────────────────────────── */

static void end_reserve(struct rcasti_answering *answering)
{
	answering->is_reserved = false;
	rcasti_timer_cancel(&answering->reserve);
}

static void answer_waiting(struct rcast_session *session)
{
	struct rcasti_answering *answering = &session->control.answering;

	end_reserve(answering);
	answer(session, answering->waiting, answering->n_waiting);
	answering->n_waiting = 0;
}

static void on_reserve(struct rcasti_timer *timer)
{
	answer_waiting(rcasti_owner(timer, struct rcast_session, control.answering.reserve));
}

static void keep_waiting(struct rcasti_answering *answering, const uint8_t *questions, unsigned int n_questions)
{
	unsigned int room = RCASTI_MAX_QUESTIONS - answering->n_waiting;
	unsigned int n = n_questions < room ? n_questions : room;

	memcpy(answering->waiting + answering->n_waiting, questions, n);
	answering->n_waiting += n;
}

void rcasti_answer_init(struct rcast_session *session)
{
	struct rcasti_answering *answering = &session->control.answering;

	rcasti_timer_init(&answering->reserve, on_reserve);
	if (answering->is_reserved)
		rcasti_loop_set_timer(&session->engine->control, &answering->reserve,
				      rcasti_now_ns() + RESERVE_MS * RCASTI_NS_PER_MS);
}

void rcasti_answer_close(struct rcast_session *session)
{
	end_reserve(&session->control.answering);
	session->control.answering.n_waiting = 0;
}

void rcasti_answer_asked(struct rcast_session *session, const struct rcasti_letter *letter)
{
	struct rcasti_answering *answering = &session->control.answering;

	if (answering->drops_asked)
		return;
	if (answering->is_reserved)
		keep_waiting(answering, letter->asked.questions, letter->asked.n_questions);
	else
		answer(session, letter->asked.questions, letter->asked.n_questions);
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
		end_reserve(answering);
		answering->n_waiting = 0;
		answering->drops_asked = true;
	} else {
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
