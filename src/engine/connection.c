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
 * Descriptors that were sent and not received are in flight: the kernel charges them to our user, and when they are too many,
 * nobody of that uid can send any. So they are counted (quota.c). Nothing tells when one is received; but when the socket has
 * delivered all that was sent, all were. That is looked at when the next are to be sent. What a client leaves unread when it
 * goes is unread.c's.
 *
 * A link wants other events after a send, and may have come to its end in one, and sends happen anywhere (a kick, a timer, a
 * delivery). So a link that was used is touched, and the touched are looked at once, at the end of the turn.
 */
#include "engine/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/attach.h"
#include "engine/exchange.h"
#include "kernel/facility.h"

enum { LOOK_AGAIN_MS = 10 };

static uint32_t poll_events(const struct rcast_link *link)
{
	short events = rcast_link_events(link);

	return (events & POLLIN ? (uint32_t)EPOLLIN : 0) | (events & POLLOUT ? (uint32_t)EPOLLOUT : 0);
}

static int watch_link(struct rcasti_connection *connection)
{
	if (rcast_link_reason(connection->link)[0] != 0)
		return -EPIPE;
	if (rcast_link_timeout_ms(connection->link) >= 0)
		rcasti_connection_look_again(connection);
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

/* The socket, if there is more to be known of it. */
static int dup_unread_fd(const struct rcasti_connection *connection)
{
	int fd = connection->link ? rcast_link_fd(connection->link) : -1;

	return fd >= 0 && connection->account->held[RCASTI_FDS_IN_FLIGHT] > 0 && !rcasti_unread_is_drained(fd)
		       ? fcntl(fd, F_DUPFD_CLOEXEC, 3)
		       : -1;
}

static void close_account(struct rcasti_connection *connection, int unread_fd)
{
	if (unread_fd >= 0) {
		rcasti_unread_keep_take(&connection->engine->unread, unread_fd, connection->account);
		return;
	}
	rcasti_connection_return_fds(connection, connection->account->held[RCASTI_FDS_IN_FLIGHT]);
	rcasti_account_close(connection->account);
}

void rcasti_connection_free(struct rcasti_connection *connection)
{
	struct rcast_engine *engine = connection->engine;
	int unread_fd = dup_unread_fd(connection);

	rcasti_loop_forget(&engine->control, &connection->socket);
	rcasti_loop_forget(&engine->control, &connection->peer);
	if (connection->link)
		rcast_link_free(connection->link);
	if (connection->peer_pidfd >= 0)
		close(connection->peer_pidfd);
	rcasti_timer_cancel(&connection->look_again);
	cds_list_del(&connection->touched);
	cds_list_del(&connection->node);
	close_account(connection, unread_fd);
	free(connection);
}

/* ── Descriptors in flight ───────────────────────────────────────────────────────────────────────────────────────────── */

/* Has the client received all that the link has sent? */
static bool is_drained(const struct rcasti_connection *connection)
{
	return !(rcast_link_events(connection->link) & POLLOUT) && rcast_link_timeout_ms(connection->link) < 0 &&
	       rcasti_unread_is_drained(rcast_link_fd(connection->link));
}

static void settle(struct rcasti_connection *connection)
{
	uint32_t n_sent = connection->account->held[RCASTI_FDS_IN_FLIGHT] - connection->n_fds_waiting;

	if (n_sent > 0 && is_drained(connection))
		rcasti_connection_return_fds(connection, n_sent);
}

static void settle_user(struct rcasti_connection *asking)
{
	struct rcasti_connection *connection;

	rcasti_unread_settle(&asking->engine->unread);
	cds_list_for_each_entry (connection, &asking->engine->connections, node)
		if (connection->link && connection->account->over == asking->account->over)
			settle(connection);
}

int rcasti_connection_take_fds(struct rcasti_connection *connection, uint32_t n, struct rcasti_cost *missing)
{
	settle(connection);
	if (rcasti_account_take_fds(connection->account, n, missing) == 0)
		return 0;
	settle_user(connection);
	return rcasti_account_take_fds(connection->account, n, missing);
}

void rcasti_connection_return_fds(struct rcasti_connection *connection, uint32_t n)
{
	rcasti_account_give_fds(connection->account, n);
}

int rcasti_connection_keep_fd(struct rcasti_connection *connection, struct rcasti_cost *missing)
{
	int error = rcasti_connection_take_fds(connection, 1, missing);

	if (!error)
		connection->n_fds_waiting++;
	return error;
}

void rcasti_connection_keep_fd_no_more(struct rcasti_connection *connection)
{
	connection->n_fds_waiting--;
	rcasti_connection_return_fds(connection, 1);
}

static void on_socket(struct rcasti_source *source, uint32_t events)
{
	struct rcasti_connection *connection = rcasti_owner(source, struct rcasti_connection, socket);

	if (rcast_link_dispatch(connection->link) != 0)
		rcasti_connection_free(connection);
	else
		rcasti_connection_touch(connection);
}

static void on_look_again(struct rcasti_timer *timer)
{
	struct rcasti_connection *connection = rcasti_owner(timer, struct rcasti_connection, look_again);
	struct rcasti_exchange *exchange, *next;

	cds_list_for_each_entry_safe (exchange, next, &connection->exchanges, node)
		if (exchange->attachment)
			rcasti_attachment_go_on(exchange->attachment);
	on_socket(&connection->socket, 0);
}

void rcasti_connection_look_again(struct rcasti_connection *connection)
{
	if (!rcasti_timer_is_set(&connection->look_again))
		rcasti_loop_set_timer(&connection->engine->control, &connection->look_again,
				      rcasti_now_ns() + LOOK_AGAIN_MS * RCASTI_NS_PER_MS);
}

/* ── What the link and the socket say ────────────────────────────────────────────────────────────────────────────────── */

static void on_peer_death(struct rcasti_source *source, uint32_t events)
{
	struct rcasti_connection *connection = rcasti_owner(source, struct rcasti_connection, peer);

	/* What it said before it died counts. */
	rcast_link_dispatch(connection->link);
	rcasti_connection_free(connection);
}

static void on_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	int error = rcasti_exchange_open(user, circuit);

	if (error == -ENOBUFS)
		rcasti_exchange_turn_away(user, circuit);
	else if (error)
		rcast_link_abort(link, error, "no memory for another exchange");
}

static const struct rcast_link_ops link_ops = {.begun = on_begun};

static void watch_peer(struct rcasti_connection *connection, int fd)
{
	connection->peer_pidfd = rcasti_kernel_peer_pidfd(fd);
	if (connection->peer_pidfd >= 0)
		rcasti_loop_watch(&connection->engine->control, &connection->peer, connection->peer_pidfd, EPOLLIN);
}

/* What a keyframer holds, sessions hold. */
static int open_account(struct rcast_engine *engine, uid_t uid, const struct rcasti_keyframer *keyframer,
			struct rcasti_account **account)
{
	if (keyframer)
		return rcasti_account_open_boundless(account);
	return rcasti_account_open(&engine->quota, uid, account);
}

static int make(struct rcast_engine *engine, const struct ucred *peer, const struct rcasti_keyframer *keyframer,
		struct rcasti_connection **connection)
{
	struct rcasti_connection *made = calloc(1, sizeof *made);
	int error = made ? open_account(engine, peer->uid, keyframer, &made->account) : -ENOMEM;

	if (error) {
		free(made);
		return error;
	}
	made->engine = engine;
	made->socket.ready = on_socket;
	made->peer.ready = on_peer_death;
	made->peer_pidfd = -1;
	made->pid = peer->pid;
	made->keyframer = keyframer;
	rcasti_timer_init(&made->look_again, on_look_again);
	CDS_INIT_LIST_HEAD(&made->exchanges);
	CDS_INIT_LIST_HEAD(&made->touched);
	cds_list_add_tail(&made->node, &engine->connections);
	*connection = made;
	return 0;
}

/* A keyframer has one for each session. */
static uint32_t max_exchanges(const struct rcast_engine *engine, const struct rcasti_keyframer *keyframer)
{
	return keyframer ? engine->table.max_sessions : engine->quota.per_connection.max_exchanges;
}

static int open_take(struct rcast_engine *engine, int fd, const struct rcasti_keyframer *keyframer,
		     struct rcasti_connection **opened)
{
	struct rcast_link_options options = {.max_busy = max_exchanges(engine, keyframer),
					     .max_queued_bytes = RCASTI_LINK_QUEUE_BYTES};
	struct rcasti_connection *connection;
	struct ucred peer = {.uid = geteuid()};
	socklen_t length = sizeof peer;
	int error;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
	error = make(engine, &peer, keyframer, &connection);
	if (error) {
		close(fd);
		return error;
	}
	error = rcast_link_open_take(fd, RCAST_ACCEPTED, &options, &link_ops, connection, &connection->link);
	if (error) {
		connection->link = NULL;
		rcasti_connection_free(connection);
		return error;
	}
	rcasti_connection_touch(connection);
	*opened = connection;
	return 0;
}

int rcasti_connection_open_take(struct rcast_engine *engine, int fd, unsigned int rights, bool is_peers_own)
{
	struct rcasti_connection *connection;
	int error = open_take(engine, fd, NULL, &connection);

	if (error)
		return error;
	connection->rights = rights;
	if (is_peers_own)
		watch_peer(connection, fd);
	return 0;
}

int rcasti_connection_open_keyframer_take(const struct rcasti_keyframer *keyframer, int fd)
{
	struct rcasti_connection *connection;
	int error = open_take(keyframer->engine, fd, keyframer, &connection);

	if (!error)
		connection->rights = RCAST_RIGHT_VIEW;
	return error;
}
