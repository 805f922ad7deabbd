/* SPDX-License-Identifier: MIT */
/*
 * An engine listens at one socket or two. Through its own comes the engine's user, and root, with all rights. Through the
 * other, the view socket, one can look and nothing else, whoever one is; if the engine's owner says so it takes other uids too.
 *
 * Who may connect is said by the mode of the socket, and once more by SO_PEERCRED: a folder or mode that somebody has changed
 * does not let in who was not meant.
 *
 * When descriptors run out, accepting stops for a while: the listening socket stays readable, and to look at it again and
 * again would be a busy loop. Those who are connected are served on.
 */
#include "engine/listener.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ringcast/circuit.h>

#include "engine/connection.h"
#include "engine/engine.h"

enum { ACCEPT_PAUSE_MS = 250, ACCEPTS_A_TURN = 16 };

static void pause_accepting(struct rcasti_listener *listener)
{
	struct rcasti_loop *loop = &listener->engine->control;

	rcasti_loop_forget(loop, &listener->source);
	rcasti_loop_set_timer(loop, &listener->accept_again, rcasti_now_ns() + ACCEPT_PAUSE_MS * RCASTI_NS_PER_MS);
}

static void accept_again(struct rcasti_timer *timer)
{
	struct rcasti_listener *listener = rcasti_owner(timer, struct rcasti_listener, accept_again);

	if (rcasti_loop_watch(&listener->engine->control, &listener->source, listener->fd, EPOLLIN) != 0)
		pause_accepting(listener);
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static bool may_connect(const struct rcasti_listener *listener, int fd)
{
	struct ucred peer;
	socklen_t length = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
		return false;
	return listener->takes_others || peer.uid == geteuid() || peer.uid == 0;
}

/* Whoever is one too many, or not meant, is hung up on: what they meet is a peer that is gone. */
static void on_listen(struct rcasti_source *source, uint32_t events)
{
	struct rcasti_listener *listener = rcasti_owner(source, struct rcasti_listener, source);

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && is_shortage(errno))
			pause_accepting(listener);
		if (fd < 0)
			return;
		if (may_connect(listener, fd))
			rcasti_connection_open_take(listener->engine, fd, listener->rights, true);
		else
			close(fd);
	}
}

void rcasti_listener_init(struct rcasti_listener *listener, struct rcast_engine *engine, unsigned int rights,
			  bool takes_others)
{
	*listener = (struct rcasti_listener){
		.engine = engine, .rights = rights, .takes_others = takes_others, .fd = -1, .source.ready = on_listen};
	rcasti_timer_init(&listener->accept_again, accept_again);
}

int rcasti_listener_open(struct rcasti_listener *listener, const char *path)
{
	int error = 0;

	if (strlen(path) >= sizeof listener->path)
		return -ENAMETOOLONG;
	listener->fd = rcast_socket_listen(path);
	if (listener->fd < 0)
		return listener->fd;
	strcpy(listener->path, path);
	if (listener->takes_others && chmod(path, 0666) != 0)
		error = -errno;
	if (!error)
		error = rcasti_loop_watch(&listener->engine->control, &listener->source, listener->fd, EPOLLIN);
	if (error)
		rcasti_listener_close(listener);
	return error;
}

void rcasti_listener_close(struct rcasti_listener *listener)
{
	if (!listener->path[0])
		return;
	unlink(listener->path);
	rcasti_loop_forget(&listener->engine->control, &listener->source);
	rcasti_timer_cancel(&listener->accept_again);
	close(listener->fd);
	listener->path[0] = 0;
}
