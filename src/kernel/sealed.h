/* SPDX-License-Identifier: MIT */
/*
 * Memory that is filled once, sealed and handed on: whoever gets it reads what was written, and nobody can change it any more.
 *
 * Who receives such memory verifies it before reading: a file of tmpfs, so that reading neither blocks nor reaches a device;
 * sealed against all change, so that what was verified is what is read; of exactly the size that was said. Then it reads by
 * pread into memory of its own.
 */
#ifndef RCASTI_KERNEL_SEALED_H
#define RCASTI_KERNEL_SEALED_H

#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "kernel/facility.h"

#define RCASTI_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static inline int rcasti_sealed_fill(int fd, const char *bytes, size_t n_bytes)
{
	size_t n_written = 0;
	ssize_t n;

	while (n_written < n_bytes) {
		n = write(fd, bytes + n_written, n_bytes - n_written);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		n_written += (size_t)n;
	}
	return fcntl(fd, F_ADD_SEALS, RCASTI_SEALS) == 0 ? 0 : -errno;
}

/* Sealed memory that holds these bytes. Returns its descriptor, yours, or -errno. */
static inline int rcasti_sealed_create(const char *name, const char *bytes, size_t n_bytes)
{
	int fd = rcasti_kernel_memfd(name), error;

	if (fd < 0)
		return fd;
	error = rcasti_sealed_fill(fd, bytes, n_bytes);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

/* Is it that, and of this size? The seals come first: under them nothing can change after we have looked. */
static inline bool rcasti_sealed_is_sound(int fd, size_t n_bytes)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct statfs filesystem;
	struct stat info;

	return seals >= 0 && (seals & RCASTI_SEALS) == RCASTI_SEALS && fstatfs(fd, &filesystem) == 0 &&
	       filesystem.f_type == TMPFS_MAGIC && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
	       info.st_size == (off_t)n_bytes;
}

/* n_bytes from `offset` on. -EPROTO: they cannot be had. */
static inline int rcasti_sealed_read(int fd, size_t offset, void *bytes, size_t n_bytes)
{
	size_t n_read = 0;
	ssize_t n;

	while (n_read < n_bytes) {
		n = pread(fd, (char *)bytes + n_read, n_bytes - n_read, (off_t)(offset + n_read));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPROTO;
		n_read += (size_t)n;
	}
	return 0;
}

#endif
