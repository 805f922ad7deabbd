/* SPDX-License-Identifier: MIT */
/* A running program: its exit and its end. The model is in child.c. */
#ifndef RCASTI_ENGINE_CHILD_H
#define RCASTI_ENGINE_CHILD_H

#include <sys/types.h>

#include <ringcast/ringcast.h>

#include "engine/loop.h"

struct rcasti_child {
	pid_t pid; /* the leader of its process group */
	int pidfd;
	struct rcasti_loop *loop;
	struct rcasti_source source;
	struct rcasti_timer impatience;
	void (*exited)(void *user, const struct rcast_exit *how); /* NULL: nobody asks any more */
	void *user;
	struct cds_list_head node; /* among the engine's children */
};

/* Watch a process that was just forked. On an error it is killed and reaped. */
int rcasti_child_watch(struct rcasti_loop *loop, pid_t pid, struct rcasti_child **child);

/* Who is told of the exit, after which the child frees itself. */
void rcasti_child_set_owner(struct rcasti_child *child, struct cds_list_head *children,
			    void (*exited)(void *user, const struct rcast_exit *how), void *user);

/* Hang up on it; kill it if that does not help; free it when it is gone. Nobody is told. */
void rcasti_child_abandon(struct rcasti_child *child);

/* Abandon all in the list, and be rid of them before returning, within about a second. */
void rcasti_children_end(struct cds_list_head *children);

#endif
