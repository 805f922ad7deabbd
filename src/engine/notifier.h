/* SPDX-License-Identifier: MIT */
/* Ringing the readers of sessions that have published. The model is in notifier.c. */
#ifndef RCASTI_ENGINE_NOTIFIER_H
#define RCASTI_ENGINE_NOTIFIER_H

#include "engine/session.h"

/* Ring the readers of all sessions that were marked. Returns how many sessions there were. */
int rcasti_notifier_answer(struct rcast_engine *engine);

/* The same, or wait for a mark at most timeout_ms and then do it. */
void rcasti_notifier_run(struct rcast_engine *engine, int timeout_ms);

/* Ring the readers of one session. */
void rcasti_notifier_ring(struct rcast_session *session);

/* The same if that is quickly done. False: there is so much to do that the session should be marked instead. */
bool rcasti_notifier_ring_few(struct rcast_session *session);

#endif
