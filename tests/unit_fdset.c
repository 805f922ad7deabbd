/* SPDX-License-Identifier: MIT */
/*
 * Sets of descriptors, sent and received. That nothing leaks is what the count around each test says.
 */
#include "circuit_kit.h"

#include <sys/resource.h>

#include "control/fdset.h"

static int sockets[2];

static void open_sockets(void)
{
	carrier_sockets(SEQPACKET, sockets);
}

static void close_sockets(void)
{
	close(sockets[0]);
	close(sockets[1]);
}

static void send_copies(int n)
{
	int fds[RCASTI_FDSET_MAX + 1] = {0};

	cr_assert_eq(rcasti_fdset_send(sockets[0], "x", 1, fds, n), 1);
}

static ssize_t receive(struct rcasti_fdset *set, bool *truncated, const char **what)
{
	char bytes[4];

	return rcasti_fdset_receive(sockets[1], bytes, sizeof bytes, set, truncated, what);
}

HARNESS_TEST(fdset, as_many_as_the_kernel_sends_arrive)
{
	static const int counts[] = {0, 1, 2, 3, RCAST_MESSAGE_MAX_FDS, RCASTI_FDSET_MAX};
	struct rcasti_fdset set = {0};
	const char *what = NULL;
	bool truncated = true;

	open_sockets();
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		send_copies(counts[i]);
		cr_assert_eq(receive(&set, &truncated, &what), 1);
		cr_assert_eq(set.n, counts[i]);
		cr_assert(!truncated);
		for (int k = 0; k < set.n; k++)
			cr_assert(fcntl(set.fds[k], F_GETFD) & FD_CLOEXEC);
		rcasti_fdset_close(&set);
	}
	cr_assert_eq(receive(&set, &truncated, &what), -EAGAIN);
	close_sockets();
}

HARNESS_TEST(fdset, more_than_the_kernel_sends_are_refused)
{
	int fds[RCASTI_FDSET_MAX + 1] = {0};

	open_sockets();
	cr_assert_eq(rcasti_fdset_send(sockets[0], "x", 1, fds, RCASTI_FDSET_MAX + 1), -EINVAL);
	close_sockets();
}

HARNESS_TEST(fdset, moving_takes_the_oldest)
{
	struct rcasti_fdset set = {.n = 5, .fds = {10, 11, 12, 13, 14}};
	int fds[3];

	rcasti_fdset_move(&set, fds, 3);
	cr_assert(fds[0] == 10 && fds[1] == 11 && fds[2] == 12);
	cr_assert(set.n == 2 && set.fds[0] == 13 && set.fds[1] == 14);
	rcasti_fdset_move(&set, fds, 0);
	cr_assert_eq(set.n, 2);
}

HARNESS_TEST(fdset, a_set_that_overflows_is_closed)
{
	struct rcasti_fdset set = {0};
	const char *what = NULL;
	bool truncated;

	open_sockets();
	send_copies(200);
	send_copies(54);
	cr_assert_eq(receive(&set, &truncated, &what), 1);
	cr_assert_eq(receive(&set, &truncated, &what), -EPROTO);
	cr_assert_eq(set.n, 0);
	cr_assert_str_eq(what, "too many descriptors at once");
	close_sockets();
}

/* With few descriptors left the kernel installs some, drops the rest and says MSG_CTRUNC. */
HARNESS_TEST(fdset, descriptors_lost_on_the_way_are_noticed_and_the_others_closed)
{
	struct rlimit before, few;
	struct rcasti_fdset set = {0};
	const char *what = NULL;
	bool truncated;
	int next;

	open_sockets();
	send_copies(8);
	next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &before);
	few = (struct rlimit){(rlim_t)next + 3, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	cr_assert_eq(receive(&set, &truncated, &what), -EPROTO);
	setrlimit(RLIMIT_NOFILE, &before);
	cr_assert_eq(set.n, 0);
	cr_assert_str_eq(what, "descriptors were lost on the way");
	close_sockets();
}

HARNESS_TEST(fdset, credentials_beside_them_are_passed_over)
{
	struct rcasti_fdset set = {0};
	const char *what = NULL;
	bool truncated;
	int one = 1;

	open_sockets();
	cr_assert_eq(setsockopt(sockets[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one), 0);
	cr_assert_eq(setsockopt(sockets[1], SOL_SOCKET, SO_TIMESTAMP, &one, sizeof one), 0);
	send_copies(RCASTI_FDSET_MAX);
	cr_assert_eq(receive(&set, &truncated, &what), 1);
	cr_assert_eq(set.n, RCASTI_FDSET_MAX);
	rcasti_fdset_close(&set);
	close_sockets();
}

HARNESS_TEST(fdset, a_peer_that_is_gone_is_an_error_and_no_signal)
{
	open_sockets();
	close(sockets[1]);
	cr_assert_eq(rcasti_fdset_send(sockets[0], "x", 1, NULL, 0), -EPIPE);
	close(sockets[0]);
}

HARNESS_TEST(fdset, a_long_packet_is_told)
{
	struct rcasti_fdset set = {0};
	const char *what = NULL;
	bool truncated = false;

	open_sockets();
	cr_assert_eq(rcasti_fdset_send(sockets[0], "12345", 5, NULL, 0), 5);
	cr_assert_eq(receive(&set, &truncated, &what), 4);
	cr_assert(truncated);
	close_sockets();
}
