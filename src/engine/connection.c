/* SPDX-License-Identifier: MIT */
/*
 * A connection is a link to a client, and the rights of whoever is at its other end. All of this is control's.
 *
 * What one may do is a property of the connection: given by the socket that it came through (listener.c), or by the program
 * that handed us one end of a socketpair. The descriptor is then a capability that can be passed on, to a process that can open
 * nothing by itself. A connection can give up rights, for good, and gets none back.
 *
 * A connection ends when its socket does, and also when the process that made it dies: a child of a dead viewer that still holds
 * the socket does not keep the viewer attached. Where the kernel has no SO_PEERPIDFD the socket alone decides; so it does for
 * one that was handed over, which was made by somebody else.
 *
 * A link wants other events after a send, and may have come to its end in one, and sends happen anywhere (a kick, a timer, a
 * delivery). So a link that was used is touched, and the touched are looked at once, at the end of the turn.
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

static void watch_peer(struct rcasti_connection *connection, int fd)
{
	connection->peer_pidfd = rcasti_kernel_peer_pidfd(fd);
	if (connection->peer_pidfd >= 0)
		rcasti_loop_watch(&connection->engine->control, &connection->peer, connection->peer_pidfd, EPOLLIN);
}

int rcasti_connection_open_take(struct rcast_engine *engine, int fd, unsigned int rights, bool is_peers_own)
{
	struct rcasti_connection *connection = calloc(1, sizeof *connection);
	struct ucred peer = {0};
	socklen_t length = sizeof peer;
	int error;

	if (!connection) {
		close(fd);
		return -ENOMEM;
	}
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
	connection->engine = engine;
	connection->socket.ready = on_socket;
	connection->peer.ready = on_peer_death;
	connection->peer_pidfd = -1;
	connection->pid = peer.pid;
	connection->rights = rights;
	CDS_INIT_LIST_HEAD(&connection->exchanges);
	CDS_INIT_LIST_HEAD(&connection->touched);
	cds_list_add_tail(&connection->node, &engine->connections);
	engine->n_connections++;
	if (is_peers_own)
		watch_peer(connection, fd);
	error = rcast_link_open_take(fd, RCAST_ACCEPTED, NULL, &link_ops, connection, &connection->link);
	if (error) {
		connection->link = NULL;
		rcasti_connection_free(connection);
		return error;
	}
	rcasti_connection_touch(connection);
	return 0;
}
