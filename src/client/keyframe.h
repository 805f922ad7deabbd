/* SPDX-License-Identifier: MIT */
/*
 * One request for a keyframe, for who waits for it and for a view that does not wait.
 */
#ifndef RCASTI_CLIENT_KEYFRAME_H
#define RCASTI_CLIENT_KEYFRAME_H

#include "client/connection.h"

/* Zeroed, with nothing asked; `over` and `owner` are the owner's to set. */
struct rcasti_keyframe_request {
	void (*over)(void *owner); /* it is done; called while the link is dispatched. May be NULL */
	void *owner;
	struct rcasti_exchange exchange; /* its `done`: take it now */
	struct rcast_keyframe keyframe;  /* as told so far; its bytes too, if they come by circuit */
	size_t n_held, room;             /* of those bytes */
	bool by_circuit;
	bool told; /* the first reply has come */
	bool has_memory;
	int memory_fd;
};

/* Ask, `by_circuit` on a link that carries no descriptors. Nothing may be on its way. On an error nothing is. */
int rcasti_keyframe_begin(struct rcasti_keyframe_request *request, struct rcast_client *client, const char *session,
			  bool by_circuit);

/* Once it is done: the answer, whose bytes are yours, or the error. Then another may be begun. */
int rcasti_keyframe_take(struct rcasti_keyframe_request *request, struct rcast_keyframe *keyframe);

/* Give up on it, whether it was begun, done, or neither. */
void rcasti_keyframe_abandon(struct rcasti_keyframe_request *request);

#endif
