/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>

#include "control/transport.h"

static struct rcasti_transport *ends[2];

static ssize_t send_frame(int from, const char *bytes, size_t n_bytes)
{
	return ends[from]->ops->send(ends[from], (const uint8_t *)bytes, n_bytes, NULL, 0);
}

HARNESS_TEST(transport_memory, frames_cross_whole_and_in_order)
{
	struct rcasti_packet packet;

	cr_assert_eq(rcasti_transport_open_memory(100, 1000, ends), 0);
	for (int to = 0; to < 2; to++) {
		cr_assert_eq(ends[to]->ops->receive(ends[to], &packet), -EAGAIN);
		cr_assert_eq(send_frame(1 - to, "one", 3), 3);
		cr_assert_eq(send_frame(1 - to, "three", 5), 5);
		cr_assert_eq(ends[to]->ops->receive(ends[to], &packet), 0);
		cr_assert(packet.n_bytes == 3 && packet.n_fds == 0);
		cr_assert_arr_eq(packet.bytes, "one", 3);
		cr_assert_eq(ends[to]->ops->receive(ends[to], &packet), 0);
		cr_assert_arr_eq(packet.bytes, "three", 5);
	}
	ends[0]->ops->free(ends[0]);
	ends[1]->ops->free(ends[1]);
}

HARNESS_TEST(transport_memory, a_full_inbox_is_waited_for)
{
	static const char bytes[100];
	struct rcasti_packet packet;

	cr_assert_eq(rcasti_transport_open_memory(5000, 250, ends), 0);
	cr_assert_eq(send_frame(0, bytes, 100), 100);
	cr_assert_eq(send_frame(0, bytes, 100), 100);
	cr_assert_eq(send_frame(0, bytes, 100), -EAGAIN);
	cr_assert_eq(ends[1]->ops->receive(ends[1], &packet), 0);
	cr_assert_eq(send_frame(0, bytes, 100), 100);
	ends[0]->ops->free(ends[0]);
	cr_assert_eq(send_frame(1, bytes, 1), -EPIPE);
	cr_assert_eq(ends[1]->ops->receive(ends[1], &packet), 0);
	cr_assert_eq(ends[1]->ops->receive(ends[1], &packet), 0);
	cr_assert_eq(ends[1]->ops->receive(ends[1], &packet), -EPIPE);
	ends[1]->ops->free(ends[1]);
}

HARNESS_TEST(transport_memory, a_frame_too_long_is_a_breach)
{
	static const char bytes[101];
	struct rcasti_packet packet;

	cr_assert_eq(rcasti_transport_open_memory(100, 1000, ends), 0);
	cr_assert_eq(send_frame(0, bytes, 101), 101);
	cr_assert_eq(ends[1]->ops->receive(ends[1], &packet), -EPROTO);
	cr_assert_str_eq(ends[1]->fault, "a frame longer than 100 bytes");
	ends[0]->ops->free(ends[0]);
	ends[1]->ops->free(ends[1]);
}
