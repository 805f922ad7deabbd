/* SPDX-License-Identifier: MIT */
/* Moving sessions to other rings. The model is in rotate.c. */
#ifndef RCASTI_ENGINE_ROTATE_H
#define RCASTI_ENGINE_ROTATE_H

#include "engine/exchange.h"
#include "engine/session.h"

/* From when the session is made, with its writer, until it is freed. All of its rings are freed then. */
void rcasti_rotate_init(struct rcast_session *session);
void rcasti_rotate_free(struct rcast_session *session);

/*
 * Move a session that has a pump to a ring of this size (0: as it is), and answer the exchange when that is done. On an error
 * nothing was changed, and the exchange is still to be answered.
 */
int rcasti_rotate(struct rcast_session *session, uint64_t ring_bytes, struct rcasti_exchange *exchange);

/* What a rotation may have waited for has come, or never will: the keyframer has attached, or the session is going. */
void rcasti_rotate_go_on(struct rcast_session *session);

/* The pump's letter is back. */
void rcasti_rotate_finish(struct rcast_session *session, const struct rcasti_letter *letter);

/* Owners have moved some of their sessions: look which. */
void rcasti_rotate_take_owned(struct rcast_engine *engine);

/* The publisher, whichever it is: go on in `to` from here on. -ENODATA: the session has ended; `to` is still the caller's. */
int rcasti_rotate_publish_in(struct rcast_session *session, struct rcast_writer *to);

#endif
