/* SPDX-License-Identifier: MIT */
/*
 * Sealed memory. What each measure is for:
 *
 *   populate before use        a full tmpfs or cgroup is an error now, and not a SIGBUS in the middle of a publish
 *   F_SEAL_SHRINK, F_SEAL_GROW nobody can cut the file under a mapping, which would be a SIGBUS
 *   F_SEAL_FUTURE_WRITE        no further writable mapping, no write(2), no hole: only the mapping made here can change it
 *   F_SEAL_SEAL                nobody can add a seal that would break us later
 *   mode 0400                  another uid that was handed the memory cannot reopen it for writing
 *   an open of its own         flags and locks that one reader sets on its file description are not another's
 *
 * The receiver verifies what it relies on and so needs no trust in the sender to map and read: no byte of the mapping can
 * vanish. That says nothing about what the bytes are.
 */
#include "ring/memory.h"

#include "kernel/facility.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static_assert(sizeof(struct rcasti_ring_header) <= RCASTI_RING_HEADER_BYTES, "the header has outgrown its page");
static_assert(sizeof(struct rcasti_cursor_page) <= RCASTI_CURSOR_BYTES, "the cursor has outgrown its page");

/* Growing a file past RLIMIT_FSIZE raises SIGXFSZ, which would end the host. Ask first. */
static bool exceeds_file_limit(size_t n_bytes)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && n_bytes > limit.rlim_cur;
}

/*
 * Touching every page through the mapping allocates it for good and says if it cannot. fallocate would leave pages that a
 * verifier takes for holes, and kernels before 6.10 give up half-way through it at any signal.
 */
static int populate(void *mapping, size_t n_bytes)
{
	if (madvise(mapping, n_bytes, MADV_POPULATE_WRITE) == 0)
		return 0;
	return errno == EFAULT ? -ENOSPC : -errno;
}

static int map_and_seal(int fd, size_t n_bytes, void **address)
{
	void *mapping;
	int error;

	if (exceeds_file_limit(n_bytes))
		return -EFBIG;
	if (ftruncate(fd, (off_t)n_bytes) != 0 || fchmod(fd, 0400) != 0)
		return -errno;
	mapping = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	error = populate(mapping, n_bytes);
	if (error == 0 && fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		error = -errno;
	if (error != 0)
		munmap(mapping, n_bytes);
	*address = mapping;
	return error;
}

int rcasti_memory_create(const char *name, size_t n_bytes, void **address)
{
	int fd = rcasti_kernel_memfd(name), error;

	if (fd < 0)
		return fd;
	error = map_and_seal(fd, n_bytes, address);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

int rcasti_memory_dup_readonly(int memory_fd)
{
	char path[32];
	int fd;

	snprintf(path, sizeof path, "/proc/self/fd/%d", memory_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == EPERM) /* a sandbox that opens nothing: the seals have to do */
		fd = fcntl(memory_fd, F_DUPFD_CLOEXEC, 0);
	return fd >= 0 ? fd : -errno;
}

static bool is_on_tmpfs(int fd)
{
	struct statfs info;

	return fstatfs(fd, &info) == 0 && info.f_type == TMPFS_MAGIC;
}

/* The seals come first: under them neither size nor allocation can change after we have looked at them. */
static int verify(int fd, size_t *n_bytes)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat info;

	if (seals < 0 || (seals & SEALS) != SEALS || !is_on_tmpfs(fd))
		return -EPROTO;
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0)
		return -EPROTO;
	/* Not st_blocks: blocks can be had behind the end of the file, with nothing but holes before it. */
	if (lseek(fd, 0, SEEK_HOLE) != info.st_size)
		return -EPROTO;
	*n_bytes = (size_t)info.st_size;
	return 0;
}

int rcasti_memory_map_readonly(int memory_fd, void **address, size_t *n_bytes)
{
	int error = verify(memory_fd, n_bytes);
	void *mapping;

	if (error != 0)
		return error;
	mapping = mmap(NULL, *n_bytes, PROT_READ, MAP_SHARED, memory_fd, 0);
	if (mapping == MAP_FAILED)
		return errno == EACCES || errno == EPERM ? -EPROTO : -errno;
	*address = mapping;
	return 0;
}
