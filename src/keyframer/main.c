/* SPDX-License-Identifier: MIT */
/*
 * The keyframer: keeps the screens of an engine's sessions. The engine starts it with two sockets:
 *
 *   CLIENT_FD   it is a client here, and attaches to sessions as any reader does
 *   LINK_FD     the engine dials and this process answers: one exchange a session (src/control/ringcast.proto)
 *
 * and with memory, IN_HAND_FD, in which it says which session it works on (kernel/in_hand.h): 1 + the id of its exchange's circuit.
 * That is how the engine learns of which one it has died. If it hangs it ends itself (watchdog.c).
 *
 * It parses whatever programs print and must be assumed to be taken over some day. So before the first byte of that it enters the
 * sandbox, in which it can reach these two sockets and what comes over them, and nothing else. Without its sandbox it does
 * not run.
 *
 * One thread, one epoll set: the link, and each view that may get more to read. The engine rings us when a batch is worth it,
 * and wakes us by a question; while all is read and nobody asks, this process sleeps. Sessions for which somebody waits go
 * before all others.
 *
 * It ends when the engine hangs up.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ringcast/sandbox.h>

#include "kernel/in_hand.h"
#include "keyframer/followed.h"
#include "keyframer/watchdog.h"

/* As the engine has it: src/engine/keyframer.c. */
enum { CLIENT_FD = 3, LINK_FD = 4, IN_HAND_FD = 5 };

enum { MAX_SESSIONS = 4096, EVENTS_A_TURN = 64, SOON_MS = 1 };

struct keyframer {
	struct rcast_client *client;
	struct rcast_link *link;
	int epoll_fd;
	_Atomic uint32_t *in_hand;
	TAILQ_HEAD(, followed) all;
};

/* ── Sessions ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void take_in_hand(const struct keyframer *keyframer, const struct rcast_circuit *circuit)
{
	rcasti_in_hand_say(keyframer->in_hand, 1 + rcast_circuit_id(circuit));
}

static void lay_down(const struct keyframer *keyframer)
{
	rcasti_in_hand_say(keyframer->in_hand, 0);
}

static enum rcast_consumed on_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	const struct keyframer *keyframer = rcast_link_user(rcast_circuit_link(circuit));
	enum rcast_consumed consumed;

	take_in_hand(keyframer, circuit);
	consumed = followed_message(user, message);
	lay_down(keyframer);
	return consumed;
}

static void on_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	struct followed *followed = user;
	struct keyframer *keyframer = rcast_link_user(rcast_circuit_link(circuit));

	TAILQ_REMOVE(&keyframer->all, followed, node);
	take_in_hand(keyframer, circuit);
	followed_free(followed);
	lay_down(keyframer);
}

static void on_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	static const struct rcast_circuit_ops ops = {.message = on_message, .ended = on_ended};
	struct followed *made = calloc(1, sizeof *made);
	struct keyframer *keyframer = user;

	if (!made) {
		rcast_link_abort(link, -ENOMEM, "no memory for another session");
		return;
	}
	made->client = keyframer->client;
	made->epoll_fd = keyframer->epoll_fd;
	made->circuit = circuit;
	TAILQ_INSERT_TAIL(&keyframer->all, made, node);
	rcast_circuit_set_handler(circuit, &ops, made);
}

/* ── Turns ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_any_urgent(const struct keyframer *keyframer)
{
	const struct followed *followed;

	TAILQ_FOREACH(followed, &keyframer->all, node)
	if (followed_is_urgent(followed))
		return true;
	return false;
}

static bool is_next(const struct followed *followed, bool any_urgent)
{
	return followed_is_urgent(followed) == any_urgent;
}

static void advance(const struct keyframer *keyframer, struct followed *followed)
{
	take_in_hand(keyframer, followed->circuit);
	followed_advance(followed);
	lay_down(keyframer);
}

static void advance_all(struct keyframer *keyframer)
{
	bool any_urgent = is_any_urgent(keyframer);
	struct followed *followed;

	TAILQ_FOREACH(followed, &keyframer->all, node)
	if (is_next(followed, any_urgent))
		advance(keyframer, followed);
}

/* For how long to wait for more. Who is urgent and has read everything looks again soon; so does an answer that the kernel holds up. */
static int choose_timeout_ms(const struct keyframer *keyframer)
{
	bool any_urgent = is_any_urgent(keyframer);
	const struct followed *followed;

	TAILQ_FOREACH(followed, &keyframer->all, node)
	if (is_next(followed, any_urgent) && followed->has_more)
		return 0;
	return any_urgent ? SOON_MS : rcast_link_timeout_ms(keyframer->link);
}

/* What is watched for changes as the link's queue fills and drains. */
static int watch_link(const struct keyframer *keyframer, int operation)
{
	short wanted = rcast_link_events(keyframer->link);
	struct epoll_event event = {.events = (wanted & EPOLLIN ? EPOLLIN : 0u) | (wanted & EPOLLOUT ? EPOLLOUT : 0u)};

	return epoll_ctl(keyframer->epoll_fd, operation, LINK_FD, &event) == 0 ? 0 : -errno;
}

/* Wait for work, unless there is some. The link comes last: it may free what the events of the others point to. */
static int turn(struct keyframer *keyframer)
{
	struct epoll_event events[EVENTS_A_TURN];
	int n = epoll_wait(keyframer->epoll_fd, events, EVENTS_A_TURN, choose_timeout_ms(keyframer));

	if (n < 0 && errno != EINTR)
		return -errno;
	watchdog_feed();
	for (int i = 0; i < n; i++)
		if (events[i].data.ptr)
			((struct followed *)events[i].data.ptr)->has_more = true;
	n = rcast_link_dispatch(keyframer->link);
	if (n < 0)
		return n;
	advance_all(keyframer);
	return watch_link(keyframer, EPOLL_CTL_MOD);
}

/* ── Starting ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A view takes a few descriptors. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int enter_sandbox(const struct keyframer *keyframer)
{
	const int keep[] = {CLIENT_FD, LINK_FD, keyframer->epoll_fd};

	return rcast_sandbox_enter(keep, sizeof keep / sizeof keep[0], RCAST_SANDBOX_MAY_ATTACH);
}

static int start(struct keyframer *keyframer)
{
	static const struct rcast_link_ops link_ops = {.begun = on_begun};
	struct rcast_link_options options = {.max_busy = MAX_SESSIONS, .refuse_fds = true};
	int error = rcast_client_open_take(CLIENT_FD, &keyframer->client);

	if (error)
		return error;
	TAILQ_INIT(&keyframer->all);
	keyframer->in_hand = rcasti_in_hand_map(IN_HAND_FD);
	if (!keyframer->in_hand)
		return -errno;
	close(IN_HAND_FD);
	keyframer->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (keyframer->epoll_fd < 0)
		return -errno;
	error = rcast_link_open_take(LINK_FD, RCAST_ACCEPTED, &options, &link_ops, keyframer, &keyframer->link);
	if (error)
		return error;
	error = watch_link(keyframer, EPOLL_CTL_ADD);
	if (error)
		return error;
	raise_descriptor_limit();
	error = watchdog_start();
	if (error)
		return error;
	error = enter_sandbox(keyframer);
	return error < 0 ? error : 0;
}

/* What it holds goes with the process. */
int main(void)
{
	struct keyframer keyframer = {0};
	int error = start(&keyframer);

	while (!error)
		error = turn(&keyframer);
	_exit(error == -EPIPE ? EXIT_SUCCESS : EXIT_FAILURE);
}
