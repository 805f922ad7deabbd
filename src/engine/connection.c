/* SPDX-License-Identifier: MIT */
/*
 * A connection is a link that we accepted, and the rights of whoever is at its other end. All of this is control's.
 *
 * Who may connect: the engine's own user, and root. The socket's mode says so too; SO_PEERCRED says it again for a socket that
 * somebody has made accessible. A connection starts with all rights and can give them up, for good, and hand the socket on to
 * a process that is trusted less.
 *
 * A connection ends when its socket does, and also when the process that made it dies: a child of a dead viewer that still holds
 * the socket does not keep the viewer attached. Where the kernel has no SO_PEERPIDFD the socket alone decides.
 *
 * A link wants other events after a send, and may have come to its end in one, and sends happen anywhere (a kick, a timer, a
 * delivery). So a link that was used is touched, and the touched are looked at once, at the end of the turn.
 *
 * When descriptors run out, accepting stops for a while: the listening socket stays readable, and to look at it again and
 * again would be a busy loop. Those who are connected are served on.
 */
#include "engine/connection.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/exchange.h"
#include "kernel/facility.h"

enum { ACCEPT_PAUSE_MS = 250, ACCEPTS_A_TURN = 16 };

static uint32_t poll_events(const struct rcast_link *link)
{
	short events = rcast_link_events(link);

	return (events & POLLIN ? (uint32_t)EPOLLIN : 0) | (events & POLLOUT ? (uint32_t)EPOLLOUT : 0);
}

static int watch_link(struct rcasti_connection *connection)
{
	if (rcast_link_reason(connection->link)[0] != 0)
		return -EPIPE;
	return rcasti_loop_watch(&connection->engine->control, &connection->socket, rcast_link_fd(connection->link),
				 poll_events(connection->link));
}

void rcasti_connection_touch(struct rcasti_connection *connection)
{
	if (cds_list_empty(&connection->touched))
		cds_list_add_tail(&connection->touched, &connection->engine->touched);
}

void rcasti_connection_touch_circuit(const struct rcast_circuit *circuit)
{
	rcasti_connection_touch(rcast_link_user(rcast_circuit_link(circuit)));
}

void rcasti_connections_refresh(struct rcast_engine *engine)
{
	struct rcasti_connection *connection, *next;

	cds_list_for_each_entry_safe (connection, next, &engine->touched, touched) {
		cds_list_del_init(&connection->touched);
		if (watch_link(connection) != 0)
			rcasti_connection_free(connection);
	}
}

void rcasti_connection_free(struct rcasti_connection *connection)
{
	struct rcast_engine *engine = connection->engine;

	rcasti_loop_forget(&engine->control, &connection->socket);
	rcasti_loop_forget(&engine->control, &connection->peer);
	if (connection->link)
		rcast_link_free(connection->link);
	if (connection->peer_pidfd >= 0)
		close(connection->peer_pidfd);
	cds_list_del(&connection->touched);
	cds_list_del(&connection->node);
	engine->n_connections--;
	free(connection);
}

static void on_socket(struct rcasti_source *source, uint32_t events)
{
	struct rcasti_connection *connection = rcasti_owner(source, struct rcasti_connection, socket);

	if (rcast_link_dispatch(connection->link) != 0)
		rcasti_connection_free(connection);
	else
		rcasti_connection_touch(connection);
}

static void on_peer_death(struct rcasti_source *source, uint32_t events)
{
	struct rcasti_connection *connection = rcasti_owner(source, struct rcasti_connection, peer);

	/* What it said before it died counts. */
	rcast_link_dispatch(connection->link);
	rcasti_connection_free(connection);
}

static void on_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	if (rcasti_exchange_open(user, circuit) != 0)
		rcast_link_abort(link, -ENOMEM, "no memory for another exchange");
}

static const struct rcast_link_ops link_ops = {.begun = on_begun};

static bool may_connect(int fd, struct ucred *peer)
{
	socklen_t length = sizeof *peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &length) != 0)
		return false;
	return peer->uid == geteuid() || peer->uid == 0;
}

static void watch_peer(struct rcasti_connection *connection, int fd)
{
	connection->peer_pidfd = rcasti_kernel_peer_pidfd(fd);
	if (connection->peer_pidfd >= 0)
		rcasti_loop_watch(&connection->engine->control, &connection->peer, connection->peer_pidfd, EPOLLIN);
}

static void open_connection_take(struct rcast_engine *engine, int fd, const struct ucred *peer)
{
	struct rcasti_connection *connection = calloc(1, sizeof *connection);

	if (!connection) {
		close(fd);
		return;
	}
	connection->engine = engine;
	connection->socket.ready = on_socket;
	connection->peer.ready = on_peer_death;
	connection->pid = peer->pid;
	connection->rights = RCASTI_VIEW | RCASTI_INPUT | RCASTI_ADMIN;
	CDS_INIT_LIST_HEAD(&connection->exchanges);
	CDS_INIT_LIST_HEAD(&connection->touched);
	cds_list_add_tail(&connection->node, &engine->connections);
	engine->n_connections++;
	watch_peer(connection, fd);
	if (rcast_link_open_take(fd, RCAST_ACCEPTED, NULL, &link_ops, connection, &connection->link) != 0) {
		connection->link = NULL;
		rcasti_connection_free(connection);
		return;
	}
	rcasti_connection_touch(connection);
}

static void pause_accepting(struct rcast_engine *engine)
{
	rcasti_loop_forget(&engine->control, &engine->listen_source);
	rcasti_loop_set_timer(&engine->control, &engine->accept_again, rcasti_now_ns() + ACCEPT_PAUSE_MS * RCASTI_NS_PER_MS);
}

void rcasti_connection_accept_again(struct rcasti_timer *timer)
{
	struct rcast_engine *engine = rcasti_owner(timer, struct rcast_engine, accept_again);

	if (rcasti_loop_watch(&engine->control, &engine->listen_source, engine->listen_fd, EPOLLIN) != 0)
		pause_accepting(engine);
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Whoever is one too many, or not one of us, is hung up on: what they meet is a peer that is gone. */
void rcasti_connection_on_listen(struct rcasti_source *source, uint32_t events)
{
	struct rcast_engine *engine = rcasti_owner(source, struct rcast_engine, listen_source);
	struct ucred peer;

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(engine->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && is_shortage(errno))
			pause_accepting(engine);
		if (fd < 0)
			return;
		if (engine->n_connections < engine->max_connections && may_connect(fd, &peer))
			open_connection_take(engine, fd, &peer);
		else
			close(fd);
	}
}
