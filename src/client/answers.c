/* SPDX-License-Identifier: MIT */
/*
 * The stream says from where on which reader answers (RCAST_ANSWERER); all that a view does is compare ids as it reads. The engine
 * has said so in one order for everybody, however far apart the readers are.
 *
 *   not ours ── ANSWERER, our id ──► ours ── ANSWERER, another id ──► not ours
 *
 * Who jumps, over a gap or to a keyframe, may have jumped over such a record, so it is not ours until one says so; and we claim,
 * which makes the engine say it. To be silent once too often is harmless: two answers would be typed into the program.
 *
 * An answer that comes too late is typed into whatever runs by then, so what was asked long ago is not answered.
 *
 * Called by view.c.
 */
#include "client/answers.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "client/view.h"
#include "control/schema.h"

#define LATE_NS UINT64_C(2000000000)

/* Tell the engine; what cannot be sent now is sent at the next look, and once we are no longer attached never. */
static void claim(struct rcast_view *view)
{
	Ringcast__Wire__AttachedRequest request;

	view->answers.claim_due = false;
	if (!view->circuit || view->client->down || view->fate)
		return;
	ringcast__wire__attached_request__init(&request);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_ANSWERS;
	request.answers = view->answers.wanted;
	view->answers.claim_due = rcasti_view_send(view, &request) == -EAGAIN;
}

static bool names_us(const struct rcast_view *view, const struct rcast_record *record)
{
	struct rcast_answerer answerer;

	if (record->n_bytes < sizeof answerer)
		return false;
	memcpy(&answerer, record->data, sizeof answerer);
	return answerer.reader == view->answers.reader;
}

void rcasti_answers_look(struct rcast_view *view, int outcome, const struct rcast_record *record)
{
	struct rcasti_answers *answers = &view->answers;

	if (outcome == RCAST_RECORD && record->kind == RCAST_ANSWERER) {
		answers->is_ours = answers->wanted && names_us(view, record);
	} else if (outcome == RCAST_LAPPED || (outcome == RCAST_RECORD && record->kind == RCAST_KEYFRAME)) {
		answers->is_ours = false;
		answers->claim_due = answers->claim_due || answers->wanted;
	}
	if (answers->claim_due)
		claim(view);
}

bool rcast_view_answers(const struct rcast_view *view, const struct rcast_record *record)
{
	struct timespec now;

	if (!view->answers.is_ours || record->kind != RCAST_OUTPUT)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec < record->time_ns + LATE_NS;
}

int rcast_view_set_answers(struct rcast_view *view, bool answers)
{
	if (!view->may_input)
		return rcasti_client_fail(view->client, -EPERM, "attached without the right to send input");
	if (view->answers.wanted == answers)
		return 0;
	view->answers.wanted = answers;
	view->answers.is_ours = false;
	claim(view);
	return 0;
}
