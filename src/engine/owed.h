/* SPDX-License-Identifier: MIT */
/* What the pump owes to a session's stream beside its output. The model is in owed.c. */
#ifndef RCASTI_ENGINE_OWED_H
#define RCASTI_ENGINE_OWED_H

#include "engine/session.h"

/* Publish a record, overwriting whatever no lease protects any more. -EAGAIN: a lease is in the way. */
int rcasti_owed_put(struct rcast_session *session, uint8_t kind, const void *data, size_t n_bytes);

/* All that is owed, in order. -EAGAIN: a lease is in the way, and what is left stays owed. */
int rcasti_owed_pay(struct rcast_session *session);

/* Look through output that was just published for what will then be owed. */
void rcasti_owed_scan(struct rcast_session *session, const void *data, size_t n_bytes);

/* The letter TEXTS, or ASKED, is back. */
void rcasti_owed_texts_taken(struct rcast_session *session);
void rcasti_owed_questions_taken(struct rcast_session *session);

#endif
