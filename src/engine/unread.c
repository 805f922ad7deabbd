/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that were sent and never read stay in flight for as long as the other end of the socket is open, though this end be
 * closed. A client that connects, has itself sent descriptors, hangs up half, and does it again would get past any count of
 * connections that exist; and when too many are in flight, the kernel lets nobody of our uid send any. So the account of such
 * a connection stays open, and with it our end of the socket, which says when it is over: nothing of what was sent is left.
 * The client is hung up on all the same.
 *
 * Nothing tells of that moment, so it is looked for: by a timer, and whenever a user has no descriptors left. All of this
 * is control's.
 */
#include "engine/unread.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 100 };

struct unread_socket {
	struct cds_list_head node;
	struct rcasti_account *account;
	int fd;
};

bool rcasti_unread_is_drained(int socket_fd)
{
	int n_bytes;

	return ioctl(socket_fd, SIOCOUTQ, &n_bytes) == 0 && n_bytes == 0;
}

static void close_account(struct rcasti_account *account)
{
	rcasti_account_give_fds(account, account->held[RCASTI_FDS_IN_FLIGHT]);
	rcasti_account_close(account);
}

static void forget(struct unread_socket *socket)
{
	close(socket->fd);
	close_account(socket->account);
	cds_list_del(&socket->node);
	free(socket);
}

void rcasti_unread_settle(struct rcasti_unread *unread)
{
	struct unread_socket *socket, *next;

	cds_list_for_each_entry_safe (socket, next, &unread->sockets, node)
		if (rcasti_unread_is_drained(socket->fd))
			forget(socket);
}

static void on_timer(struct rcasti_timer *timer)
{
	struct rcasti_unread *unread = rcasti_owner(timer, struct rcasti_unread, timer);

	rcasti_unread_settle(unread);
	if (!cds_list_empty(&unread->sockets))
		rcasti_loop_set_timer(unread->loop, timer, rcasti_now_ns() + LOOK_EVERY_MS * RCASTI_NS_PER_MS);
}

void rcasti_unread_init(struct rcasti_unread *unread, struct rcasti_loop *loop)
{
	unread->loop = loop;
	rcasti_timer_init(&unread->timer, on_timer);
	CDS_INIT_LIST_HEAD(&unread->sockets);
}

/* Without memory it is not counted on: once. */
void rcasti_unread_keep_take(struct rcasti_unread *unread, int socket_fd, struct rcasti_account *take_account)
{
	struct unread_socket *kept = malloc(sizeof *kept);

	shutdown(socket_fd, SHUT_RDWR);
	if (!kept) {
		close(socket_fd);
		close_account(take_account);
		return;
	}
	*kept = (struct unread_socket){.account = take_account, .fd = socket_fd};
	cds_list_add_tail(&kept->node, &unread->sockets);
	if (!rcasti_timer_is_set(&unread->timer))
		rcasti_loop_set_timer(unread->loop, &unread->timer, rcasti_now_ns() + LOOK_EVERY_MS * RCASTI_NS_PER_MS);
}

void rcasti_unread_close(struct rcasti_unread *unread)
{
	struct unread_socket *socket, *next;

	cds_list_for_each_entry_safe (socket, next, &unread->sockets, node)
		forget(socket);
	rcasti_timer_cancel(&unread->timer);
}
