/* SPDX-License-Identifier: MIT */
/* Keyframers for sessions that are not to share one with others. The model is in cells.c. */
#ifndef RCASTI_ENGINE_CELLS_H
#define RCASTI_ENGINE_CELLS_H

struct rcast_session;
struct rcasti_keyframer;

/*
 * The keyframer has died, or is about to be killed; its link is still there. If it is the common one and a session of it is to
 * blame, that is moved to a cell and returned, to be followed from there. Else NULL.
 */
struct rcast_session *rcasti_cells_confine(struct rcasti_keyframer *dying);

/* The session is going, and needs no cell any more. */
void rcasti_cells_leave(struct rcast_session *session);

#endif
