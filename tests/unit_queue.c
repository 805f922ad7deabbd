/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <fcntl.h>

#include "control/queue.h"

static void push(struct rcasti_queue *queue, size_t n_bytes, int n_fds)
{
	struct rcasti_outgoing *frame = rcasti_queue_new_frame(n_bytes);

	for (frame->n_fds = 0; frame->n_fds < n_fds; frame->n_fds++)
		frame->fds[frame->n_fds] = fcntl(0, F_DUPFD_CLOEXEC, 0);
	rcasti_queue_push_take(queue, frame);
}

HARNESS_TEST(queue, the_oldest_goes_first_and_descriptors_are_closed)
{
	struct rcasti_queue queue;
	int n_fds = harness_count_fds();

	rcasti_queue_open(&queue, 10000, 10);
	cr_assert_null(rcasti_queue_head(&queue));
	for (size_t i = 1; i <= 3; i++)
		push(&queue, i, (int)i);
	cr_assert_eq(harness_count_fds(), n_fds + 6);
	cr_assert_eq(queue.n_fds, 6);
	cr_assert_eq(rcasti_queue_head(&queue)->n_bytes, 1);
	rcasti_queue_pop(&queue);
	cr_assert_eq(rcasti_queue_head(&queue)->n_bytes, 2);
	cr_assert_eq(harness_count_fds(), n_fds + 5);
	rcasti_queue_clear(&queue);
	cr_assert(queue.n_bytes == 0 && queue.n_fds == 0 && !rcasti_queue_head(&queue));
	cr_assert_eq(harness_count_fds(), n_fds);
}

HARNESS_TEST(queue, caps_hold_but_never_for_a_single_frame)
{
	struct rcasti_queue queue;

	rcasti_queue_open(&queue, 1000, 2);
	cr_assert(rcasti_queue_has_room(&queue, 100000, 16));
	push(&queue, 400, 1);
	cr_assert(rcasti_queue_has_room(&queue, 10, 1));
	cr_assert(!rcasti_queue_has_room(&queue, 10, 2));
	cr_assert(!rcasti_queue_has_room(&queue, 600, 0));
	push(&queue, 10, 1);
	cr_assert(!rcasti_queue_has_room(&queue, 10, 1));
	cr_assert(rcasti_queue_has_room(&queue, 10, 0));
	rcasti_queue_clear(&queue);
	cr_assert(rcasti_queue_has_room(&queue, 100000, 16));
}

/* Empty messages are not free. */
HARNESS_TEST(queue, empty_frames_reach_the_cap_too)
{
	struct rcasti_queue queue;
	int n = 0;

	rcasti_queue_open(&queue, 10000, 2);
	for (; rcasti_queue_has_room(&queue, 0, 0); n++)
		push(&queue, 0, 0);
	cr_assert_leq(n, 200);
	rcasti_queue_clear(&queue);
}
