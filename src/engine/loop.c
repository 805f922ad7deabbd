/* SPDX-License-Identifier: MIT */
/*
 * One epoll set and one timerfd in it. The control thread has one loop, the pump has another; each belongs to its thread
 * alone. In a single-loop program both epoll descriptors lie in a third, and since the timers are a descriptor too, polling
 * that one is enough to know of everything.
 *
 * Sources and timers are embedded in their owners: nothing is allocated, so setting a timer and changing what is watched
 * cannot fail. An owner may be freed from within any callback: rcasti_loop_forget blots a source out of the batch that is
 * being worked on, and a timer is in one list or in none.
 *
 * The timer list is sorted by insertion from its end: most timers are a constant time ahead, so the walk is short. Timers
 * that are due are first moved to a list of their own: one that sets itself anew waits for the next turn, after the
 * descriptors, so "in the next turn" (due 0) is how long work is cut into fair slices.
 *
 * An idle loop sleeps without a timeout of its own.
 */
#include "engine/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

uint64_t rcasti_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

int rcasti_loop_open(struct rcasti_loop *loop)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int error;

	CDS_INIT_LIST_HEAD(&loop->timers);
	loop->armed_ns = 0;
	loop->n_events = 0;
	loop->timer_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		goto fail;
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->timer_fd < 0)
		goto fail;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event) == 0)
		return 0;
fail:
	error = -errno;
	rcasti_loop_close(loop);
	return error;
}

void rcasti_loop_close(struct rcasti_loop *loop)
{
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->timer_fd = loop->epoll_fd = -1;
}

static struct rcasti_timer *earliest(const struct rcasti_loop *loop)
{
	if (loop->timers.next == &loop->timers)
		return NULL;
	return cds_list_entry(loop->timers.next, struct rcasti_timer, node);
}

static void arm(struct rcasti_loop *loop)
{
	const struct rcasti_timer *first = earliest(loop);
	uint64_t due_ns = !first ? 0 : first->due_ns ? first->due_ns : 1;
	struct itimerspec spec = {
		.it_value = {.tv_sec = (time_t)(due_ns / 1000000000), .tv_nsec = (long)(due_ns % 1000000000)}};

	if (due_ns == loop->armed_ns)
		return;
	loop->armed_ns = due_ns;
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void call_sources(struct rcasti_loop *loop)
{
	for (int i = 0; i < loop->n_events; i++) {
		struct rcasti_source *source = loop->events[i].data.ptr;

		if (source)
			source->ready(source, loop->events[i].events);
	}
	loop->n_events = 0;
}

static void call_timers(struct rcasti_loop *loop)
{
	struct rcasti_timer *timer = earliest(loop);
	uint64_t now_ns = timer ? rcasti_now_ns() : 0;
	CDS_LIST_HEAD(due);

	for (; timer && timer->due_ns <= now_ns; timer = earliest(loop)) {
		cds_list_del(&timer->node);
		cds_list_add_tail(&timer->node, &due);
	}
	while (!cds_list_empty(&due)) {
		timer = cds_list_entry(due.next, struct rcasti_timer, node);
		rcasti_timer_cancel(timer);
		timer->expired(timer);
	}
}

int rcasti_loop_run(struct rcasti_loop *loop, int timeout_ms)
{
	int n = epoll_wait(loop->epoll_fd, loop->events, 64, timeout_ms);
	uint64_t n_expired;

	if (n < 0 && errno != EINTR)
		return -errno;
	loop->n_events = n > 0 ? n : 0;
	for (int i = 0; i < loop->n_events; i++)
		if (!loop->events[i].data.ptr && read(loop->timer_fd, &n_expired, sizeof n_expired) > 0)
			loop->armed_ns = 0;
	call_sources(loop);
	call_timers(loop);
	arm(loop);
	return 0;
}

int rcasti_loop_watch(struct rcasti_loop *loop, struct rcasti_source *source, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	int what = source->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (events == source->events)
		return 0;
	if (events == 0) {
		rcasti_loop_forget(loop, source);
		return 0;
	}
	if (epoll_ctl(loop->epoll_fd, what, fd, &event) != 0)
		return -errno;
	source->fd = fd;
	source->events = events;
	return 0;
}

void rcasti_loop_forget(struct rcasti_loop *loop, struct rcasti_source *source)
{
	if (!source->events)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->events = 0;
	for (int i = 0; i < loop->n_events; i++)
		if (loop->events[i].data.ptr == source)
			loop->events[i].data.ptr = NULL;
}

void rcasti_timer_init(struct rcasti_timer *timer, void (*expired)(struct rcasti_timer *timer))
{
	timer->expired = expired;
	timer->due_ns = 0;
	CDS_INIT_LIST_HEAD(&timer->node);
}

void rcasti_loop_set_timer(struct rcasti_loop *loop, struct rcasti_timer *timer, uint64_t due_ns)
{
	struct cds_list_head *before;

	rcasti_timer_cancel(timer);
	timer->due_ns = due_ns;
	for (before = loop->timers.prev; before != &loop->timers; before = before->prev)
		if (cds_list_entry(before, struct rcasti_timer, node)->due_ns <= due_ns)
			break;
	cds_list_add(&timer->node, before);
	/* Outside a turn nobody else arms it; within one, the end of the turn would have. */
	if (loop->timers.next == &timer->node)
		arm(loop);
}

void rcasti_timer_cancel(struct rcasti_timer *timer)
{
	cds_list_del_init(&timer->node);
}

bool rcasti_timer_is_set(const struct rcasti_timer *timer)
{
	return timer->node.next != &timer->node;
}
