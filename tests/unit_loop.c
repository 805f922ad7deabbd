/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <unistd.h>

#include "engine/loop.h"
#include "harness.h"

static struct rcasti_loop loop;

static struct part {
	struct rcasti_source source;
	struct rcasti_timer timer;
	int ends[2];
	int n_ready, n_expired;
	struct part *victim; /* forgotten when we are called */
	uint64_t again_ns;   /* set the timer anew, this far ahead */
} parts[8];

static int order[64], n_order;

static void on_ready(struct rcasti_source *source, uint32_t events)
{
	struct part *part = rcasti_owner(source, struct part, source);

	part->n_ready++;
	if (part->victim)
		rcasti_loop_forget(&loop, &part->victim->source);
}

static void on_expired(struct rcasti_timer *timer)
{
	struct part *part = rcasti_owner(timer, struct part, timer);

	part->n_expired++;
	if (n_order < 64)
		order[n_order++] = (int)(part - parts);
	if (part->victim)
		rcasti_timer_cancel(&part->victim->timer);
	if (part->again_ns != UINT64_MAX)
		rcasti_loop_set_timer(&loop, timer, part->again_ns);
}

static void begin(void)
{
	cr_assert_eq(rcasti_loop_open(&loop), 0);
	for (int i = 0; i < 8; i++) {
		parts[i] = (struct part){.source = {.ready = on_ready}, .again_ns = UINT64_MAX};
		cr_assert_eq(pipe2(parts[i].ends, O_CLOEXEC | O_NONBLOCK), 0);
		rcasti_timer_init(&parts[i].timer, on_expired);
	}
}

static void finish(void)
{
	for (int i = 0; i < 8; i++) {
		close(parts[i].ends[0]);
		close(parts[i].ends[1]);
	}
	rcasti_loop_close(&loop);
}

HARNESS_TEST(loop, sources_are_called_while_watched)
{
	struct rcasti_source *source = &parts[0].source;

	begin();
	cr_assert_eq(rcasti_loop_watch(&loop, source, parts[0].ends[0], EPOLLIN), 0);
	cr_assert_eq(rcasti_loop_run(&loop, 0), 0);
	cr_assert_eq(parts[0].n_ready, 0);
	cr_assert_eq(write(parts[0].ends[1], "x", 1), 1);
	for (int i = 0; i < 3; i++)
		rcasti_loop_run(&loop, -1);
	cr_assert_eq(parts[0].n_ready, 3, "level-triggered");
	rcasti_loop_watch(&loop, source, parts[0].ends[0], EPOLLIN | EPOLLET);
	for (int i = 0; i < 3; i++)
		rcasti_loop_run(&loop, 0);
	cr_assert_eq(parts[0].n_ready, 4, "edge-triggered, told once when it is changed");
	rcasti_loop_watch(&loop, source, parts[0].ends[0], 0);
	rcasti_loop_run(&loop, 0);
	cr_assert_eq(parts[0].n_ready, 4);
	rcasti_loop_watch(&loop, source, parts[0].ends[0], EPOLLIN);
	rcasti_loop_run(&loop, 0);
	cr_assert_eq(parts[0].n_ready, 5);
	finish();
}

HARNESS_TEST(loop, files_cannot_be_watched)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	begin();
	cr_assert_eq(rcasti_loop_watch(&loop, &parts[0].source, fd, EPOLLIN), -EPERM);
	cr_assert_eq(parts[0].source.events, 0);
	close(fd);
	finish();
}

/* Whoever is called first takes the other one out: the other is not called, though it was ready in the same batch. */
HARNESS_TEST(loop, a_forgotten_source_is_not_called_in_the_same_turn)
{
	begin();
	for (int i = 0; i < 2; i++) {
		parts[i].victim = &parts[1 - i];
		cr_assert_eq(write(parts[i].ends[1], "x", 1), 1);
		cr_assert_eq(rcasti_loop_watch(&loop, &parts[i].source, parts[i].ends[0], EPOLLIN), 0);
	}
	rcasti_loop_run(&loop, -1);
	cr_assert_eq(parts[0].n_ready + parts[1].n_ready, 1);
	finish();
}

HARNESS_TEST(loop, timers_expire_in_order)
{
	static const uint64_t delay_ms[8] = {5, 1, 4, 9, 3, 2, 6, 8};
	static const int expected[8] = {1, 5, 4, 2, 0, 6, 7, 3};
	uint64_t now_ns = rcasti_now_ns();

	begin();
	n_order = 0;
	for (int i = 0; i < 8; i++)
		rcasti_loop_set_timer(&loop, &parts[i].timer, now_ns + delay_ms[i] * RCASTI_NS_PER_MS);
	while (n_order < 8)
		cr_assert_eq(rcasti_loop_run(&loop, -1), 0);
	for (int i = 0; i < 8; i++)
		cr_assert_eq(order[i], expected[i]);
	cr_assert_geq(rcasti_now_ns() - now_ns, 9 * RCASTI_NS_PER_MS);
	finish();
}

HARNESS_TEST(loop, timers_can_be_moved_and_cancelled)
{
	begin();
	rcasti_loop_set_timer(&loop, &parts[0].timer, UINT64_C(1) << 60);
	rcasti_loop_set_timer(&loop, &parts[0].timer, 0);
	rcasti_loop_set_timer(&loop, &parts[1].timer, 0);
	cr_assert(rcasti_timer_is_set(&parts[1].timer));
	rcasti_timer_cancel(&parts[1].timer);
	rcasti_timer_cancel(&parts[1].timer);
	cr_assert(!rcasti_timer_is_set(&parts[1].timer));
	rcasti_loop_run(&loop, -1);
	cr_assert_eq(parts[0].n_expired, 1);
	cr_assert_eq(parts[1].n_expired, 0);
	finish();
}

/* Due in the same turn, and cancelled by the one before it. */
HARNESS_TEST(loop, a_timer_may_cancel_one_that_is_due)
{
	begin();
	parts[0].victim = &parts[1];
	rcasti_loop_set_timer(&loop, &parts[0].timer, 0);
	rcasti_loop_set_timer(&loop, &parts[1].timer, 0);
	rcasti_loop_run(&loop, -1);
	rcasti_loop_run(&loop, 0);
	cr_assert_eq(parts[0].n_expired, 1);
	cr_assert_eq(parts[1].n_expired, 0);
	finish();
}

/* "In the next turn", again and again, is once a turn, and others get theirs. */
HARNESS_TEST(loop, work_in_slices_is_fair)
{
	begin();
	parts[0].again_ns = 0;
	cr_assert_eq(write(parts[1].ends[1], "x", 1), 1);
	cr_assert_eq(rcasti_loop_watch(&loop, &parts[1].source, parts[1].ends[0], EPOLLIN), 0);
	rcasti_loop_set_timer(&loop, &parts[0].timer, 0);
	for (int i = 1; i <= 5; i++) {
		rcasti_loop_run(&loop, -1);
		cr_assert_eq(parts[0].n_expired, i);
		cr_assert_eq(parts[1].n_ready, i);
	}
	rcasti_timer_cancel(&parts[0].timer);
	finish();
}

/* The epoll descriptor alone tells of timers, and of nothing when there is nothing. */
HARNESS_TEST(loop, is_readable_when_a_timer_is_due)
{
	struct pollfd poller = {.events = POLLIN};

	begin();
	poller.fd = loop.epoll_fd;
	cr_assert_eq(poll(&poller, 1, 0), 0);
	rcasti_loop_set_timer(&loop, &parts[0].timer, rcasti_now_ns() + 2 * RCASTI_NS_PER_MS);
	cr_assert_eq(poll(&poller, 1, -1), 1);
	rcasti_loop_run(&loop, 0);
	cr_assert_eq(parts[0].n_expired, 1);
	cr_assert_eq(poll(&poller, 1, 0), 0);
	finish();
}
