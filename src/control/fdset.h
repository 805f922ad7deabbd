/* SPDX-License-Identifier: MIT */
/*
 * Descriptors on their way through a UNIX socket, each with one owner at every moment.
 */
#ifndef RCASTI_CONTROL_FDSET_H
#define RCASTI_CONTROL_FDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The most that the kernel puts into one message (SCM_MAX_FD). */
#define RCASTI_FDSET_MAX 253

/* The set owns what is in it. Zeroed is empty. */
struct rcasti_fdset {
	int n;
	int fds[RCASTI_FDSET_MAX];
};

void rcasti_fdset_close(struct rcasti_fdset *set);

/* Move the first n out of the set, to the caller. There must be that many. */
void rcasti_fdset_move(struct rcasti_fdset *set, int *fds, int n);

/* Close an array's descriptors, those that are -1 excepted. */
void rcasti_fds_close(const int *fds, int n);

/* sendmsg without blocking and without SIGPIPE; the descriptors are lent. Returns bytes sent or -errno. */
ssize_t rcasti_fdset_send(int socket_fd, const void *bytes, size_t n_bytes, const int *fds, int n_fds);

/*
 * recvmsg without blocking. What came is added to the set. Returns bytes received or -errno; -EPROTO: more descriptors than
 * can be held here, or some of them are lost, and *what says so; then all are closed, those of the set too. A packet longer
 * than n_bytes sets *truncated.
 */
ssize_t rcasti_fdset_receive(int socket_fd, void *bytes, size_t n_bytes, struct rcasti_fdset *set, bool *truncated,
			     const char **what);

#endif
