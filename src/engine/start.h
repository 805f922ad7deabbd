/* SPDX-License-Identifier: MIT */
/* Starting sessions: all or nothing. The model is in start.c. */
#ifndef RCASTI_ENGINE_START_H
#define RCASTI_ENGINE_START_H

#include "engine/quota.h"
#include "engine/session.h"

/*
 * As the public functions of the same names in engine.h. *failed is a name or path that the error is about, borrowed from
 * the arguments, or NULL if it is not about one. The session counts in `account` until it is freed. -ENOBUFS: there it is one
 * too many.
 */
int rcasti_start_pty(struct rcast_engine *engine, struct rcasti_account *account,
		     const struct rcast_session_options *options, const struct rcast_program *program,
		     struct rcast_session **session, const char **failed);
int rcasti_start_pipe_take(struct rcast_engine *engine, struct rcasti_account *account,
			   const struct rcast_session_options *options, int fd, struct rcast_session **session);
int rcasti_start_owned(struct rcast_engine *engine, const struct rcast_session_options *options,
		       struct rcast_session **session);

#endif
