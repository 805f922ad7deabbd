/* SPDX-License-Identifier: MIT */
/* Sockets of clients that have gone without reading the descriptors they were sent. The model is in unread.c. */
#ifndef RCASTI_ENGINE_UNREAD_H
#define RCASTI_ENGINE_UNREAD_H

#include <urcu/list.h>

#include "engine/loop.h"
#include "engine/quota.h"

struct rcasti_unread {
	struct rcasti_loop *loop;
	struct rcasti_timer timer;
	struct cds_list_head sockets;
};

void rcasti_unread_init(struct rcasti_unread *unread, struct rcasti_loop *loop);

/* Hang up on this socket, and close the account when what was sent on it is read or gone. Takes both. */
void rcasti_unread_keep_take(struct rcasti_unread *unread, int socket_fd, struct rcasti_account *take_account);

/* Look now. */
void rcasti_unread_settle(struct rcasti_unread *unread);

/* Forget all of them. */
void rcasti_unread_close(struct rcasti_unread *unread);

/* Has all that was sent on this socket been read, or dropped with the other end? */
bool rcasti_unread_is_drained(int socket_fd);

#endif
