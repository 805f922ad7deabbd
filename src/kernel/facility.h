/* SPDX-License-Identifier: MIT */
/*
 * What newer kernels offer on top of 5.15, used where it is there and done without where it is not.
 *
 * Callers try the facility and go on without it when the kernel says no; there is no probing and no version check. The
 * build with RCAST_KERNEL_5_15 makes each of these answer as Linux 5.15 does, so that the test suite proves the "without".
 */
#ifndef RCASTI_KERNEL_FACILITY_H
#define RCASTI_KERNEL_FACILITY_H

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x0100
#endif

/* A memfd that can be sealed, and where the kernel can (6.3) is sealed against execution from the start. Returns the fd. */
static inline int rcasti_kernel_memfd(const char *name)
{
	int fd = -1;

#ifndef RCAST_KERNEL_5_15
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd >= 0 || errno != EINVAL)
		return fd >= 0 ? fd : -errno;
#endif
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd >= 0 ? fd : -errno;
}

/* A pidfd of the process at the other end of a UNIX socket (6.5). Yours. -ENOPROTOOPT: this kernel cannot say. */
static inline int rcasti_kernel_peer_pidfd(int socket_fd)
{
#ifdef RCAST_KERNEL_5_15
	(void)socket_fd;
	return -ENOPROTOOPT;
#else
	int pidfd = -1;
	socklen_t length = sizeof pidfd;

	if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length) != 0)
		return -errno;
	return pidfd;
#endif
}

/* Let the kernel refuse descriptors at the sender (6.16). -ENOPROTOOPT: it cannot; the receiver must close them itself. */
static inline int rcasti_kernel_refuse_rights(int socket_fd)
{
#ifdef RCAST_KERNEL_5_15
	(void)socket_fd;
	return -ENOPROTOOPT;
#else
	int zero = 0;

	return setsockopt(socket_fd, SOL_SOCKET, SO_PASSRIGHTS, &zero, sizeof zero) == 0 ? 0 : -errno;
#endif
}

/*
 * A byte into a pipe, and no SIGPIPE if it has no reader (6.18). -EAGAIN: it is full. -EPIPE. -EOPNOTSUPP: this kernel would raise
 * the signal; nothing was written.
 */
static inline int rcasti_kernel_write_byte_quietly(int pipe_fd)
{
#ifdef RCAST_KERNEL_5_15
	(void)pipe_fd;
	return -EOPNOTSUPP;
#else
	struct iovec byte = {.iov_base = "", .iov_len = 1};

	if (pwritev2(pipe_fd, &byte, 1, -1, RWF_NOSIGNAL) == 1)
		return 0;
	return errno == EAGAIN || errno == EPIPE ? -errno : -EOPNOTSUPP;
#endif
}

/* The version of Landlock: 5.15 has 1. 0 or less: none. */
static inline int rcasti_kernel_landlock_abi(void)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

#ifdef RCAST_KERNEL_5_15
	return abi < 1 ? abi : 1;
#else
	return abi;
#endif
}

#endif
