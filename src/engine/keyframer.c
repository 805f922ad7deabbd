/* SPDX-License-Identifier: MIT */
/*
 * The keyframer is a child process with two sockets: over one it is a client like any other, with the view right and a lease; on
 * the other we dial and it answers (keyframes.c says what). It is started when a session first needs it, and has nothing but
 * these sockets once it is in its sandbox.
 *
 *   none ── a session needs it: launch ──► running ── link broken, wrong answer, out of patience: lost ──► dying (SIGKILL)
 *     ▲                                       └──────────────── it exits ───────────────────────┐              │
 *     └── no session needs it ── rest is over ◄───────────────────── resting ◄──────────────────┴──────────────┘
 *                                     └── else: launch, and all that were followed are again
 *
 * Sessions do not notice: while it is away they publish, and its lease is gone with it. Who waits for a keyframe gets -EAGAIN. It
 * rests longer after each death (100 ms, doubled, up to 30 s), unless it had lived for a while: what makes it crash may come
 * with every start, in the output of one session, and is not to burn the machine.
 *
 * Patience is counted in ticks of a timer of our own loop, at most one a turn: a loop that comes late accuses nobody.
 *
 * All of this is control's. Called by keyframes.c, engine.c; calls child.c, connection.c, <ringcast/circuit.h>.
 */
#include "engine/keyframer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/connection.h"

/* Where it finds its sockets: src/keyframer/main.c. */
enum { CLIENT_FD = 3, LINK_FD = 4, FIRST_FREE_FD = 5 };

enum {
	TICK_MS = 250,
	MIN_REST_MS = 100,
	MAX_REST_MS = 30000,
	LONG_REST_MS = 1000, /* longer than who asks should wait */
	GOOD_LIFE_MS = 10000,
};

/* ── The process ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int plan_fds(posix_spawn_file_actions_t *actions, int client_fd, int link_fd)
{
	int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (!error)
		error = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(actions, client_fd, CLIENT_FD);
	if (!error)
		error = posix_spawn_file_actions_adddup2(actions, link_fd, LINK_FD);
	if (!error)
		error = posix_spawn_file_actions_addclosefrom_np(actions, FIRST_FREE_FD);
	return error;
}

/* A process group of its own: no Ctrl-C at the engine's terminal reaches it. */
static int plan_signals(posix_spawnattr_t *attributes)
{
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setsigmask(attributes, &none);
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

static int spawn(const char *path, int client_fd, int link_fd, pid_t *pid)
{
	char *argv[] = {(char *)path, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return -error;
	error = posix_spawnattr_init(&attributes);
	if (!error) {
		error = plan_fds(&actions, client_fd, link_fd);
		if (!error)
			error = plan_signals(&attributes);
		if (!error)
			error = posix_spawn(pid, path, &actions, &attributes, argv, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

/* A pair, the second end of which can be moved to any of the child's numbers without hitting another one. */
static int make_socketpair(int ends[2])
{
	int moved_fd;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	moved_fd = fcntl(ends[1], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	close(ends[1]);
	ends[1] = moved_fd;
	if (moved_fd >= 0)
		return 0;
	close(ends[0]);
	return -errno;
}

/* ── Losing it ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Not from within a handler of its link. */
static void lose(struct rcast_engine *engine, const char *why)
{
	struct rcasti_keyframer *keyframer = &engine->keyframer;
	struct rcast_link *link = keyframer->link;

	keyframer->link = NULL;
	rcasti_loop_forget(&engine->control, &keyframer->socket);
	rcasti_timer_cancel(&keyframer->patience);
	rcast_link_free(link);
	if (keyframer->child)
		kill(-keyframer->child->pid, SIGKILL);
	rcasti_keyframes_lose_all(engine, -EAGAIN, why);
}

static void set_rest(struct rcast_engine *engine)
{
	rcasti_loop_set_timer(&engine->control, &engine->keyframer.rest,
			      rcasti_now_ns() + engine->keyframer.rest_ms * RCASTI_NS_PER_MS);
}

static void lengthen_rest(struct rcasti_keyframer *keyframer)
{
	uint32_t longer_ms = keyframer->rest_ms ? keyframer->rest_ms * 2 : MIN_REST_MS;

	keyframer->rest_ms = longer_ms < MAX_REST_MS ? longer_ms : MAX_REST_MS;
}

static void on_exit_of_child(void *user, const struct rcast_exit *how)
{
	struct rcast_engine *engine = user;
	struct rcasti_keyframer *keyframer = &engine->keyframer;

	keyframer->child = NULL;
	if (keyframer->link)
		lose(engine, "the keyframer has died and is started anew; ask again");
	if (rcasti_now_ns() - keyframer->started_ns > GOOD_LIFE_MS * RCASTI_NS_PER_MS)
		keyframer->rest_ms = 0;
	else
		lengthen_rest(keyframer);
	set_rest(engine);
}

static void on_tick(struct rcasti_timer *timer)
{
	struct rcast_engine *engine = rcasti_owner(timer, struct rcast_engine, keyframer.patience);
	enum rcasti_patience patience = rcasti_keyframes_tick(engine);

	if (rcast_link_reason(engine->keyframer.link)[0] != 0 || patience == RCASTI_OUT_OF_PATIENCE)
		lose(engine, "the keyframer does not answer and is started anew; ask again");
	else if (patience == RCASTI_STILL_PATIENT)
		rcasti_keyframer_expect(engine);
}

/* ── Speaking to it ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static void watch_link(struct rcast_engine *engine)
{
	short events = rcast_link_events(engine->keyframer.link);

	rcasti_loop_watch(&engine->control, &engine->keyframer.socket, rcast_link_fd(engine->keyframer.link),
			  (events & POLLIN ? (uint32_t)EPOLLIN : 0) | (events & POLLOUT ? (uint32_t)EPOLLOUT : 0));
}

static void on_socket(struct rcasti_source *source, uint32_t events)
{
	struct rcast_engine *engine = rcasti_owner(source, struct rcast_engine, keyframer.socket);

	if (rcast_link_dispatch(engine->keyframer.link) != 0) {
		lose(engine, "the keyframer has died and is started anew; ask again");
		return;
	}
	if (engine->keyframer.any_unfollowed)
		rcasti_keyframes_follow_all(engine);
	watch_link(engine);
}

void rcasti_keyframer_expect(struct rcast_engine *engine)
{
	struct rcasti_keyframer *keyframer = &engine->keyframer;

	watch_link(engine);
	if (!rcasti_timer_is_set(&keyframer->patience))
		rcasti_loop_set_timer(&engine->control, &keyframer->patience, rcasti_now_ns() + TICK_MS * RCASTI_NS_PER_MS);
}

/* ── Starting it ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int open_link_take(struct rcast_engine *engine, int fd)
{
	static const struct rcast_link_ops ops;
	struct rcast_link_options options = {.max_busy = engine->table.max_sessions};
	int error = rcast_link_open_take(fd, RCAST_DIALLED, &options, &ops, engine, &engine->keyframer.link);

	if (error)
		engine->keyframer.link = NULL;
	return error;
}

/* Our two ends, served; the child's two in child_fds, yours. On an error what was opened closes by itself: nobody is there. */
static int open_sockets(struct rcast_engine *engine, int child_fds[2])
{
	int client[2], link[2], error = make_socketpair(client);

	if (error)
		return error;
	error = make_socketpair(link);
	if (error) {
		close(client[0]);
		close(client[1]);
		return error;
	}
	child_fds[0] = client[1];
	child_fds[1] = link[1];
	error = rcasti_connection_open_take(engine, client[0], RCAST_RIGHT_VIEW | RCASTI_RIGHT_KEYFRAMER, false);
	if (error)
		close(link[0]);
	else
		error = open_link_take(engine, link[0]);
	if (error) {
		close(child_fds[0]);
		close(child_fds[1]);
	}
	return error;
}

static int launch(struct rcast_engine *engine)
{
	struct rcasti_keyframer *keyframer = &engine->keyframer;
	int child_fds[2], error = open_sockets(engine, child_fds);
	pid_t pid;

	if (error)
		return error;
	error = spawn(keyframer->path, child_fds[0], child_fds[1], &pid);
	close(child_fds[0]);
	close(child_fds[1]);
	if (!error)
		error = rcasti_child_watch(&engine->control, pid, &keyframer->child);
	if (error) {
		rcast_link_free(keyframer->link);
		keyframer->link = NULL;
		return error;
	}
	rcasti_child_set_owner(keyframer->child, &engine->children, on_exit_of_child, engine);
	keyframer->started_ns = rcasti_now_ns();
	watch_link(engine);
	return 0;
}

static bool is_shortage(int error)
{
	return error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EAGAIN || error == -ENOBUFS;
}

static bool is_resting(const struct rcasti_keyframer *keyframer)
{
	return keyframer->child || rcasti_timer_is_set(&keyframer->rest);
}

int rcasti_keyframer_start(struct rcast_engine *engine)
{
	struct rcasti_keyframer *keyframer = &engine->keyframer;
	int error;

	if (keyframer->link)
		return 0;
	if (is_resting(keyframer))
		return keyframer->rest_ms > LONG_REST_MS ? -EAGAIN : 0;
	error = launch(engine);
	if (error)
		return is_shortage(error) ? -EAGAIN : -EOPNOTSUPP;
	rcasti_keyframes_follow_all(engine);
	return 0;
}

static void on_rested(struct rcasti_timer *timer)
{
	struct rcast_engine *engine = rcasti_owner(timer, struct rcast_engine, keyframer.rest);

	if (!rcasti_keyframes_any_wanted(engine))
		return;
	if (launch(engine) == 0) {
		rcasti_keyframes_follow_all(engine);
		return;
	}
	rcasti_keyframes_lose_all(engine, -EAGAIN, "the keyframer cannot be started; ask again");
	lengthen_rest(&engine->keyframer);
	set_rest(engine);
}

/* ── The engine's ────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_keyframer_init(struct rcast_engine *engine)
{
	engine->keyframer.socket.ready = on_socket;
	rcasti_timer_init(&engine->keyframer.patience, on_tick);
	rcasti_timer_init(&engine->keyframer.rest, on_rested);
}

int rcasti_keyframer_set_path(struct rcast_engine *engine, const char *path)
{
	engine->keyframer.path = strdup(path);
	return engine->keyframer.path ? 0 : -ENOMEM;
}

void rcasti_keyframer_close(struct rcast_engine *engine)
{
	struct rcasti_keyframer *keyframer = &engine->keyframer;

	rcasti_loop_forget(&engine->control, &keyframer->socket);
	rcasti_timer_cancel(&keyframer->patience);
	rcasti_timer_cancel(&keyframer->rest);
	if (keyframer->link)
		rcast_link_free(keyframer->link);
	keyframer->link = NULL;
	free(keyframer->path);
	keyframer->path = NULL;
}
