/* SPDX-License-Identifier: MIT */
/*
 * A keyframer is a child process with two sockets: over one it is a client like any other, with the view right and a lease; on
 * the other we dial and it answers (keyframes.c says what). It is started when a session first needs it, and has nothing but
 * these sockets once it is in its sandbox, and a word of memory in which it says which session it has in hand.
 *
 *   none ── a session needs it: launch ──► running ── link broken, wrong answer, out of patience: lost ──► dying (SIGKILL)
 *     ▲                                       └──────────────── it exits ───────────────────────┐              │
 *     └── no session needs it ── rest is over ◄───────────────────── resting ◄──────────────────┴──────────────┘
 *                                     └── else: launch, and all that were followed are again
 *
 * Sessions do not notice: while it is away they publish, and its lease is gone with it. Who waits for a keyframe gets -EAGAIN. It
 * rests longer after each death (100 ms, doubled, up to 30 s), unless it had lived for a while, or is rid of the session that it
 * has died of (cells.c): what makes it crash may come with every start, in the output of one session, and is not to burn the
 * machine.
 *
 * Patience is counted in ticks of a timer of our own loop, at most one a turn: a loop that comes late accuses nobody.
 *
 * All of this is control's. Called by keyframes.c, cells.c, engine.c; calls child.c, connection.c, cells.c, <ringcast/circuit.h>.
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

#include "engine/cells.h"
#include "engine/connection.h"
#include "kernel/in_hand.h"

/* Where it finds what it is given: src/keyframer/main.c. */
enum { CLIENT_FD = 3, LINK_FD = 4, IN_HAND_FD = 5, FIRST_FREE_FD = 6 };

enum {
	TICK_MS = 250,
	MIN_REST_MS = 100,
	MAX_REST_MS = 30000,
	LONG_REST_MS = 1000,  /* longer than who asks should wait */
	GOOD_LIFE_MS = 60000, /* longer than it takes to find out on a busy machine that it hangs */
};

/* ── The process ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Its ends; each can be moved to any of its numbers without hitting another one. */
struct gifts {
	int client_fd, link_fd, in_hand_fd;
};

static int plan_fds(posix_spawn_file_actions_t *actions, const struct gifts *gifts)
{
	int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (!error)
		error = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(actions, gifts->client_fd, CLIENT_FD);
	if (!error)
		error = posix_spawn_file_actions_adddup2(actions, gifts->link_fd, LINK_FD);
	if (!error)
		error = posix_spawn_file_actions_adddup2(actions, gifts->in_hand_fd, IN_HAND_FD);
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

static int spawn(const char *path, const struct gifts *gifts, pid_t *pid)
{
	char *argv[] = {(char *)path, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return -error;
	error = posix_spawnattr_init(&attributes);
	if (!error) {
		error = plan_fds(&actions, gifts);
		if (!error)
			error = plan_signals(&attributes);
		if (!error)
			error = posix_spawn(pid, path, &actions, &attributes, argv, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

/* ── Losing it ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Not from within a handler of its link. */
static void part_from(struct rcasti_keyframer *keyframer)
{
	struct rcast_link *link = keyframer->link;

	keyframer->link = NULL;
	rcasti_loop_forget(&keyframer->engine->control, &keyframer->socket);
	rcasti_timer_cancel(&keyframer->patience);
	rcast_link_free(link);
	if (keyframer->child)
		kill(-keyframer->child->pid, SIGKILL);
}

/* Whoever it has died of is told apart while it is still known by its circuit. */
static void lose(struct rcasti_keyframer *keyframer, const char *why)
{
	struct rcast_session *confined = rcasti_cells_confine(keyframer);

	keyframer->is_rid = confined != NULL;
	part_from(keyframer);
	rcasti_keyframes_lose_all(keyframer, -EAGAIN, why);
	if (confined)
		rcasti_keyframer_start(confined->keyframes.keyframer);
}

void rcasti_keyframer_dismiss(struct rcasti_keyframer *keyframer)
{
	if (keyframer->link)
		part_from(keyframer);
	rcasti_timer_cancel(&keyframer->rest);
	keyframer->rest_ms = 0;
}

static void set_rest(struct rcasti_keyframer *keyframer)
{
	rcasti_loop_set_timer(&keyframer->engine->control, &keyframer->rest,
			      rcasti_now_ns() + keyframer->rest_ms * RCASTI_NS_PER_MS);
}

static void lengthen_rest(struct rcasti_keyframer *keyframer)
{
	uint32_t longer_ms = keyframer->rest_ms ? keyframer->rest_ms * 2 : MIN_REST_MS;

	keyframer->rest_ms = longer_ms < MAX_REST_MS ? longer_ms : MAX_REST_MS;
}

static void forget_process(struct rcasti_keyframer *keyframer)
{
	keyframer->child = NULL;
	close(keyframer->in_hand_fd);
	keyframer->in_hand_fd = -1;
}

static void on_exit_of_child(void *user, const struct rcast_exit *how)
{
	struct rcasti_keyframer *keyframer = user;

	if (keyframer->link)
		lose(keyframer, "the keyframer has died and is started anew; ask again");
	forget_process(keyframer);
	if (keyframer->is_rid || rcasti_now_ns() - keyframer->started_ns > GOOD_LIFE_MS * RCASTI_NS_PER_MS)
		keyframer->rest_ms = 0;
	else
		lengthen_rest(keyframer);
	set_rest(keyframer);
}

static void on_tick(struct rcasti_timer *timer)
{
	struct rcasti_keyframer *keyframer = rcasti_owner(timer, struct rcasti_keyframer, patience);
	enum rcasti_patience patience = rcasti_keyframes_tick(keyframer);

	if (rcast_link_reason(keyframer->link)[0] != 0 || patience == RCASTI_OUT_OF_PATIENCE)
		lose(keyframer, "the keyframer does not answer and is started anew; ask again");
	else if (patience == RCASTI_STILL_PATIENT)
		rcasti_keyframer_expect(keyframer);
}

/* ── Speaking to it ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static void watch_link(struct rcasti_keyframer *keyframer)
{
	short events = rcast_link_events(keyframer->link);

	rcasti_loop_watch(&keyframer->engine->control, &keyframer->socket, rcast_link_fd(keyframer->link),
			  (events & POLLIN ? (uint32_t)EPOLLIN : 0) | (events & POLLOUT ? (uint32_t)EPOLLOUT : 0));
}

static void on_socket(struct rcasti_source *source, uint32_t events)
{
	struct rcasti_keyframer *keyframer = rcasti_owner(source, struct rcasti_keyframer, socket);

	if (rcast_link_dispatch(keyframer->link) != 0) {
		lose(keyframer, "the keyframer has died and is started anew; ask again");
		return;
	}
	if (keyframer->any_unfollowed)
		rcasti_keyframes_follow_all(keyframer);
	watch_link(keyframer);
}

void rcasti_keyframer_expect(struct rcasti_keyframer *keyframer)
{
	watch_link(keyframer);
	if (!rcasti_timer_is_set(&keyframer->patience))
		rcasti_loop_set_timer(&keyframer->engine->control, &keyframer->patience,
				      rcasti_now_ns() + TICK_MS * RCASTI_NS_PER_MS);
}

/* ── Starting it ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Moves the descriptor out of the way of the child's numbers, or closes it. Returns where it is now. */
static int move_take(int fd)
{
	int moved_fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD), error = -errno;

	close(fd);
	return moved_fd >= 0 ? moved_fd : error;
}

/* Our end, or -errno; the child's in *child_fd. */
static int make_socketpair(int *child_fd)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	*child_fd = move_take(ends[1]);
	if (*child_fd >= 0)
		return ends[0];
	close(ends[0]);
	return *child_fd;
}

static int open_client(const struct rcasti_keyframer *keyframer, struct gifts *gifts)
{
	int fd = make_socketpair(&gifts->client_fd);

	return fd < 0 ? fd : rcasti_connection_open_keyframer_take(keyframer, fd);
}

static int open_link(struct rcasti_keyframer *keyframer, struct gifts *gifts)
{
	static const struct rcast_link_ops ops;
	struct rcast_link_options options = {.max_busy = keyframer->engine->table.max_sessions};
	int fd = make_socketpair(&gifts->link_fd), error;

	if (fd < 0)
		return fd;
	error = rcast_link_open_take(fd, RCAST_DIALLED, &options, &ops, keyframer->engine, &keyframer->link);
	if (error)
		keyframer->link = NULL;
	return error;
}

static int open_in_hand(struct rcasti_keyframer *keyframer, struct gifts *gifts)
{
	int fd = rcasti_in_hand_create();

	if (fd < 0)
		return fd;
	keyframer->in_hand_fd = fd;
	gifts->in_hand_fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	return gifts->in_hand_fd >= 0 ? 0 : -errno;
}

/* On an error, too, the child's ends are yours. A client's end of ours closes by itself when nobody has the other one. */
static int open_all(struct rcasti_keyframer *keyframer, struct gifts *gifts)
{
	int error = open_client(keyframer, gifts);

	if (!error)
		error = open_link(keyframer, gifts);
	if (!error)
		error = open_in_hand(keyframer, gifts);
	return error;
}

static void close_gifts(const struct gifts *gifts)
{
	if (gifts->client_fd >= 0)
		close(gifts->client_fd);
	if (gifts->link_fd >= 0)
		close(gifts->link_fd);
	if (gifts->in_hand_fd >= 0)
		close(gifts->in_hand_fd);
}

/* What was opened before it turned out that there will be no process. */
static void close_ours(struct rcasti_keyframer *keyframer)
{
	if (keyframer->link)
		rcast_link_free(keyframer->link);
	keyframer->link = NULL;
	if (keyframer->in_hand_fd >= 0)
		close(keyframer->in_hand_fd);
	keyframer->in_hand_fd = -1;
}

static int launch(struct rcasti_keyframer *keyframer)
{
	struct gifts gifts = {.client_fd = -1, .link_fd = -1, .in_hand_fd = -1};
	struct rcast_engine *engine = keyframer->engine;
	int error = open_all(keyframer, &gifts);
	pid_t pid;

	if (!error)
		error = spawn(engine->keyframers.path, &gifts, &pid);
	close_gifts(&gifts);
	if (!error)
		error = rcasti_child_watch(&engine->control, pid, &keyframer->child);
	if (error) {
		close_ours(keyframer);
		return error;
	}
	rcasti_child_set_owner(keyframer->child, &engine->children, on_exit_of_child, keyframer);
	keyframer->started_ns = rcasti_now_ns();
	keyframer->accused = keyframer->late = 0;
	keyframer->is_rid = false;
	watch_link(keyframer);
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

int rcasti_keyframer_start(struct rcasti_keyframer *keyframer)
{
	int error;

	if (keyframer->link)
		return 0;
	if (is_resting(keyframer))
		return keyframer->rest_ms > LONG_REST_MS ? -EAGAIN : 0;
	error = launch(keyframer);
	if (error)
		return is_shortage(error) ? -EAGAIN : -EOPNOTSUPP;
	rcasti_keyframes_follow_all(keyframer);
	return 0;
}

static void on_rested(struct rcasti_timer *timer)
{
	struct rcasti_keyframer *keyframer = rcasti_owner(timer, struct rcasti_keyframer, rest);

	if (!rcasti_keyframes_any_wanted(keyframer))
		return;
	if (launch(keyframer) == 0) {
		rcasti_keyframes_follow_all(keyframer);
		return;
	}
	rcasti_keyframes_lose_all(keyframer, -EAGAIN, "the keyframer cannot be started; ask again");
	lengthen_rest(keyframer);
	set_rest(keyframer);
}

/* ── The engine's ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void init(struct rcasti_keyframer *keyframer, struct rcast_engine *engine)
{
	keyframer->engine = engine;
	keyframer->in_hand_fd = -1;
	keyframer->socket.ready = on_socket;
	rcasti_timer_init(&keyframer->patience, on_tick);
	rcasti_timer_init(&keyframer->rest, on_rested);
}

void rcasti_keyframers_init(struct rcast_engine *engine)
{
	init(&engine->keyframers.common, engine);
	for (int i = 0; i < RCASTI_N_CELLS; i++)
		init(&engine->keyframers.cells[i], engine);
}

int rcasti_keyframers_set_path(struct rcast_engine *engine, const char *path)
{
	engine->keyframers.path = strdup(path);
	return engine->keyframers.path ? 0 : -ENOMEM;
}

static void close_one(struct rcasti_keyframer *keyframer)
{
	rcasti_loop_forget(&keyframer->engine->control, &keyframer->socket);
	rcasti_timer_cancel(&keyframer->patience);
	rcasti_timer_cancel(&keyframer->rest);
	close_ours(keyframer);
}

void rcasti_keyframers_close(struct rcast_engine *engine)
{
	close_one(&engine->keyframers.common);
	for (int i = 0; i < RCASTI_N_CELLS; i++)
		close_one(&engine->keyframers.cells[i]);
	free(engine->keyframers.path);
	engine->keyframers.path = NULL;
}
