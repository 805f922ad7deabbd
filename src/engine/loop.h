/* SPDX-License-Identifier: MIT */
/* One thread's waiting place: descriptors, timers, nothing else. The model is in loop.c. */
#ifndef RCASTI_ENGINE_LOOP_H
#define RCASTI_ENGINE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <urcu/list.h>

#define RCASTI_NS_PER_MS UINT64_C(1000000)

/* A descriptor and who is told. Embedded in its owner, which fills `ready` and zeroes the rest. */
struct rcasti_source {
	void (*ready)(struct rcasti_source *source, uint32_t events);
	int fd;          /* borrowed */
	uint32_t events; /* watched now; 0: not in the loop */
};

/* A point in time and who is told. Embedded in its owner; made by rcasti_timer_init. */
struct rcasti_timer {
	void (*expired)(struct rcasti_timer *timer);
	uint64_t due_ns;
	struct cds_list_head node;
};

struct rcasti_loop {
	int epoll_fd, timer_fd;
	struct cds_list_head timers; /* in order of due_ns */
	uint64_t armed_ns;           /* what timer_fd is set to; 0: disarmed */
	int n_events;                /* of the batch being worked on */
	struct epoll_event events[64];
};

#define rcasti_owner(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

uint64_t rcasti_now_ns(void);

int rcasti_loop_open(struct rcasti_loop *loop);
void rcasti_loop_close(struct rcasti_loop *loop);

/* Wait at most timeout_ms (-1: for ever), then call everyone whose turn it is, once. */
int rcasti_loop_run(struct rcasti_loop *loop, int timeout_ms);

/*
 * Watch `fd` for exactly `events` (EPOLLIN, EPOLLOUT, EPOLLET…; 0: no longer). Only a first call can fail; -EPERM: a file of
 * a kind that is always ready and cannot be watched.
 */
int rcasti_loop_watch(struct rcasti_loop *loop, struct rcasti_source *source, int fd, uint32_t events);

/* No longer watched, and not called either if it is in the batch being worked on. */
void rcasti_loop_forget(struct rcasti_loop *loop, struct rcasti_source *source);

void rcasti_timer_init(struct rcasti_timer *timer, void (*expired)(struct rcasti_timer *timer));

/* Call once at due_ns (CLOCK_MONOTONIC); 0: in the next turn. Replaces an earlier time. */
void rcasti_loop_set_timer(struct rcasti_loop *loop, struct rcasti_timer *timer, uint64_t due_ns);
void rcasti_timer_cancel(struct rcasti_timer *timer);
bool rcasti_timer_is_set(const struct rcasti_timer *timer);

#endif
