/* SPDX-License-Identifier: MIT */
/*
 * A child is a process that we forked and must reap. It belongs to the control thread. Its exit shows on a pidfd in
 * control's loop; waitid(P_PIDFD) then reaps this process and no other, so an embedder's own children are left alone.
 *
 *   watched ─ exit → owner told, freed
 *      └ abandoned (SIGHUP to the group) ─ exit → freed
 *                      └ still there after PATIENCE_MS → SIGKILL ─ exit → freed
 *
 * It outlives its session: a session that was killed is gone at once, its program gets its time. Until it is reaped its pid
 * cannot be used again, so signals to the process group reach nobody else.
 *
 * If somebody else has reaped it (an embedder that waits for everything), how it ended is unknown and said as status -1.
 */
#include "engine/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 };

static void child_free(struct rcasti_child *child)
{
	rcasti_loop_forget(child->loop, &child->source);
	rcasti_timer_cancel(&child->impatience);
	cds_list_del(&child->node);
	close(child->pidfd);
	free(child);
}

static struct rcast_exit reap(const struct rcasti_child *child)
{
	struct rcast_exit how = {.status = -1};
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED) != 0)
		return how;
	if (info.si_code == CLD_EXITED)
		how.status = info.si_status;
	else
		how = (struct rcast_exit){.signal = info.si_status};
	return how;
}

static void on_pidfd(struct rcasti_source *source, uint32_t events)
{
	struct rcasti_child *child = rcasti_owner(source, struct rcasti_child, source);
	struct rcast_exit how = reap(child);

	if (child->exited)
		child->exited(child->user, &how);
	child_free(child);
}

static void on_impatience(struct rcasti_timer *timer)
{
	const struct rcasti_child *child = rcasti_owner(timer, struct rcasti_child, impatience);

	kill(-child->pid, SIGKILL);
}

static int give_up(pid_t pid, int pidfd, struct rcasti_child *child, int error)
{
	kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (pidfd >= 0)
		close(pidfd);
	free(child);
	return error;
}

int rcasti_child_watch(struct rcasti_loop *loop, pid_t pid, struct rcasti_child **child)
{
	struct rcasti_child *made = calloc(1, sizeof *made);
	int pidfd = pidfd_open(pid, 0), error;

	if (!made || pidfd < 0)
		return give_up(pid, pidfd, made, made ? -errno : -ENOMEM);
	made->pid = pid;
	made->pidfd = pidfd;
	made->loop = loop;
	made->source.ready = on_pidfd;
	rcasti_timer_init(&made->impatience, on_impatience);
	CDS_INIT_LIST_HEAD(&made->node);
	error = rcasti_loop_watch(loop, &made->source, pidfd, EPOLLIN);
	if (error)
		return give_up(pid, pidfd, made, error);
	*child = made;
	return 0;
}

void rcasti_child_set_owner(struct rcasti_child *child, struct cds_list_head *children,
			    void (*exited)(void *user, const struct rcast_exit *how), void *user)
{
	child->exited = exited;
	child->user = user;
	cds_list_add_tail(&child->node, children);
}

void rcasti_child_abandon(struct rcasti_child *child)
{
	child->exited = NULL;
	kill(-child->pid, SIGHUP);
	kill(-child->pid, SIGCONT);
	rcasti_loop_set_timer(child->loop, &child->impatience, rcasti_now_ns() + PATIENCE_MS * RCASTI_NS_PER_MS);
}

static void await(const struct rcasti_child *child, uint64_t deadline_ns)
{
	struct pollfd poller = {.fd = child->pidfd, .events = POLLIN};
	uint64_t now_ns = rcasti_now_ns();

	while (now_ns < deadline_ns && poll(&poller, 1, (int)((deadline_ns - now_ns) / RCASTI_NS_PER_MS) + 1) < 0 &&
	       errno == EINTR)
		now_ns = rcasti_now_ns();
}

void rcasti_children_end(struct cds_list_head *children)
{
	uint64_t deadline_ns = rcasti_now_ns() + PATIENCE_MS * RCASTI_NS_PER_MS;
	struct rcasti_child *child, *next;

	cds_list_for_each_entry (child, children, node)
		rcasti_child_abandon(child);
	cds_list_for_each_entry_safe (child, next, children, node) {
		await(child, deadline_ns);
		kill(-child->pid, SIGKILL);
		reap(child);
		child_free(child);
	}
}
