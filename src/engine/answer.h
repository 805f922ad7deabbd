/* SPDX-License-Identifier: MIT */
/* Who answers what a program asks its terminal. The model is in answer.c. */
#ifndef RCASTI_ENGINE_ANSWER_H
#define RCASTI_ENGINE_ANSWER_H

#include "engine/readers.h"

/* As in client.h and the schema. */
enum rcasti_claim { RCASTI_CLAIMS_NOTHING = 0, RCASTI_CLAIMS_FROM_NOW = 1, RCASTI_CLAIMS_FROM_START = 2 };

/* A session that is being admitted. */
void rcasti_answer_init(struct rcast_session *session);

/* It takes no input any more. */
void rcasti_answer_close(struct rcast_session *session);

/*
 * The reader's terminal answers from now on, as the latest that wanted to. True: also what was asked before, since the
 * stream began; nobody has answered that.
 */
bool rcasti_answer_claim(struct rcasti_attachment *attachment, enum rcasti_claim claim);

/* It does no longer; the one that claimed before it does. */
void rcasti_answer_give_up(struct rcasti_attachment *attachment);

/* Somebody types there: if its terminal can answer, it is the one. */
void rcasti_answer_typed(struct rcasti_attachment *attachment);

/* Letters from the pump: it has published who answers from there on; and what was asked while that was us. */
void rcasti_answer_told(struct rcast_session *session);
void rcasti_answer_asked(struct rcast_session *session, const struct rcasti_letter *letter);

/* Where the cursor stands is known. */
void rcasti_answer_go_on(struct rcast_session *session);

#endif
