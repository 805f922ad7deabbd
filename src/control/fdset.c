/* SPDX-License-Identifier: MIT */
/*
 * The two system calls that move descriptors.
 *
 * recvmsg installs descriptors before it says whether all fitted: with MSG_CTRUNC some are open here and others are gone for
 * good, so the message that they belong to can never be whole. The control buffer therefore holds the most that the kernel
 * sends at once, and truncation means that this process has no descriptors left or that somebody plays with control
 * messages. Whatever else comes in a control message (credentials, time stamps) is nothing we asked for and is passed over.
 *
 * CMSG_SPACE rounds up to eight bytes, so that space for one descriptor has room for two: how many came is found out
 * from cmsg_len alone.
 *
 * Called by the socket transports only.
 */
#include "control/fdset.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control_buffer {
	struct cmsghdr header;
	/* The kernel may put a second small message in front of the descriptors; that must not push any of them out. */
	char bytes[CMSG_SPACE(RCASTI_FDSET_MAX * sizeof(int)) + 256];
};

void rcasti_fds_close(const int *fds, int n)
{
	for (int i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

void rcasti_fdset_close(struct rcasti_fdset *set)
{
	rcasti_fds_close(set->fds, set->n);
	set->n = 0;
}

void rcasti_fdset_move(struct rcasti_fdset *set, int *fds, int n)
{
	memcpy(fds, set->fds, (size_t)n * sizeof *fds);
	set->n -= n;
	memmove(set->fds, set->fds + n, (size_t)set->n * sizeof *fds);
}

ssize_t rcasti_fdset_send(int socket_fd, const void *bytes, size_t n_bytes, const int *fds, int n_fds)
{
	union control_buffer control;
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = n_bytes};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	size_t fds_bytes = (size_t)n_fds * sizeof *fds;
	ssize_t n_sent;

	if (n_fds > 0) {
		control.header =
			(struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(fds_bytes)};
		memcpy(CMSG_DATA(&control.header), fds, fds_bytes);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fds_bytes);
	}
	n_sent = sendmsg(socket_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n_sent >= 0 ? n_sent : -errno;
}

/* Move one control message's descriptors into the set. False: they do not fit, and those that did not are closed. */
static bool take_rights(struct rcasti_fdset *set, const struct cmsghdr *header)
{
	size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	bool fits = true;
	int fd;

	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
		if (set->n < RCASTI_FDSET_MAX) {
			set->fds[set->n++] = fd;
		} else {
			close(fd);
			fits = false;
		}
	}
	return fits;
}

static bool take_all_rights(struct rcasti_fdset *set, struct msghdr *message)
{
	bool fits = true;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
			fits &= take_rights(set, header);
	}
	return fits;
}

ssize_t rcasti_fdset_receive(int socket_fd, void *bytes, size_t n_bytes, struct rcasti_fdset *set, bool *truncated,
			     const char **what)
{
	union control_buffer control;
	struct iovec iov = {.iov_base = bytes, .iov_len = n_bytes};
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n_received = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n_received < 0)
		return -errno;
	if (!take_all_rights(set, &message) || (message.msg_flags & MSG_CTRUNC)) {
		rcasti_fdset_close(set);
		*what = message.msg_flags & MSG_CTRUNC ? "descriptors were lost on the way" : "too many descriptors at once";
		return -EPROTO;
	}
	*truncated = message.msg_flags & MSG_TRUNC;
	return n_received;
}
