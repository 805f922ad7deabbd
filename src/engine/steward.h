/* SPDX-License-Identifier: MIT */
/* Control's care for sessions, from the moment they exist. The model is in steward.c. */
#ifndef RCASTI_ENGINE_STEWARD_H
#define RCASTI_ENGINE_STEWARD_H

#include "engine/session.h"

/* Let a session be found and read. It was checked that the table has room. */
void rcasti_session_admit(struct rcast_session *session);

/* Kill it, forget its name, detach its readers; free it when nobody uses it any more. */
void rcasti_session_remove(struct rcast_session *session);

/* Its stream has ended: from now on it lingers. */
void rcasti_session_end(struct rcast_session *session);

/* PTY sessions. -ENODATA: it has ended. */
int rcasti_session_resize(struct rcast_session *session, uint16_t cols, uint16_t rows);
int rcasti_session_signal(struct rcast_session *session, int signal);

/* The child's exit, for rcasti_child_set_owner; `user` is the session. */
void rcasti_session_on_exit(void *user, const struct rcast_exit *how);

/* Letters from the pump, and news of readers that are gone; `source` is engine->mail_source. */
void rcasti_steward_on_mail(struct rcasti_source *source, uint32_t events);

/* The end of a turn: free what was removed in it, after one grace period for all. */
void rcasti_steward_sweep(struct rcast_engine *engine);

#endif
