/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include "ring/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES 8192u
#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static int map_it(int fd)
{
	void *mapping;
	size_t n_bytes;
	int error = rcasti_memory_map_readonly(fd, &mapping, &n_bytes);

	if (error == 0)
		munmap(mapping, n_bytes);
	return error;
}

HARNESS_TEST(memory, what_is_made_passes_its_own_check)
{
	void *mapping, *view;
	size_t n_bytes;
	int fd = rcasti_memory_create("test", BYTES, &mapping), copy = rcasti_memory_dup_readonly(fd);

	cr_assert_geq(fd, 0);
	cr_assert_geq(copy, 0);
	cr_assert_eq(rcasti_memory_map_readonly(copy, &view, &n_bytes), 0);
	cr_expect_eq(n_bytes, BYTES);
	strcpy(mapping, "seen");
	cr_expect_str_eq(view, "seen");
	munmap(view, n_bytes);
	munmap(mapping, BYTES);
	close(copy);
	close(fd);
}

HARNESS_TEST(memory, nobody_else_can_change_it)
{
	void *mapping;
	int fd = rcasti_memory_create("test", BYTES, &mapping), copy = rcasti_memory_dup_readonly(fd);
	struct stat info;

	cr_assert_geq(fd, 0);
	for (int i = 0; i < 2; i++) {
		int attacked = i ? copy : fd;
		void *view;

		cr_expect_eq(mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, attacked, 0), MAP_FAILED);
		cr_expect_eq(pwrite(attacked, "x", 1, 0), -1);
		cr_expect_eq(ftruncate(attacked, 0), -1);
		cr_expect_eq(ftruncate(attacked, 2 * BYTES), -1);
		cr_expect_eq(fallocate(attacked, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, BYTES), -1);
		cr_expect_eq(fcntl(attacked, F_ADD_SEALS, F_SEAL_WRITE), -1);
		view = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, attacked, 0);
		cr_assert_neq(view, MAP_FAILED);
		cr_expect_eq(mprotect(view, BYTES, PROT_READ | PROT_WRITE), -1);
		cr_expect_eq(madvise(view, BYTES, MADV_REMOVE), -1);
		munmap(view, BYTES);
	}
	cr_expect_eq(madvise(mapping, BYTES, MADV_REMOVE), -1, "not even its maker can punch a hole");
	cr_expect_eq(fstat(fd, &info), 0);
	cr_expect_eq(info.st_mode & 07777, 0400);
	munmap(mapping, BYTES);
	close(copy);
	close(fd);
}

static int memfd_with(int seals, bool filled)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	static const char zeroes[BYTES];

	cr_assert_eq(ftruncate(fd, BYTES), 0);
	if (filled)
		cr_assert_eq(write(fd, zeroes, BYTES), (ssize_t)BYTES);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* As many blocks as an honest file has, all of them behind its end. */
static int memfd_with_blocks_behind_its_end(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	cr_assert_eq(ftruncate(fd, BYTES), 0);
	cr_assert_eq(fallocate(fd, FALLOC_FL_KEEP_SIZE, BYTES, BYTES), 0);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, ALL_SEALS), 0);
	return fd;
}

HARNESS_TEST(memory, refuses_memfds_that_are_not_fully_sealed_or_have_holes)
{
	const int missing[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL};
	int fd = memfd_with(ALL_SEALS, true);

	cr_expect_eq(map_it(fd), 0);
	close(fd);
	for (size_t i = 0; i < 4; i++) {
		fd = memfd_with(ALL_SEALS & ~missing[i], true);
		cr_expect_eq(map_it(fd), -EPROTO, "without seal %#x", (unsigned int)missing[i]);
		close(fd);
	}
	fd = memfd_with(ALL_SEALS, false);
	cr_expect_eq(map_it(fd), -EPROTO, "a file of holes");
	close(fd);
	fd = memfd_with_blocks_behind_its_end();
	cr_expect_eq(map_it(fd), -EPROTO, "holes, and blocks behind the end");
	close(fd);
}

HARNESS_TEST(memory, refuses_a_descriptor_that_cannot_be_read)
{
	int fd = memfd_with(ALL_SEALS & ~F_SEAL_FUTURE_WRITE, true), write_only;
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	write_only = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert_geq(write_only, 0);
	close(fd);
	cr_expect_eq(map_it(write_only), -EPROTO);
	close(write_only);
}

HARNESS_TEST(memory, refuses_what_is_no_memfd)
{
	int ends[2], file = open(harness_path("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int memory = memfd_with(ALL_SEALS, true), path_only;
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
	path_only = open(path, O_PATH | O_CLOEXEC);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(ftruncate(file, BYTES), 0);
	cr_expect_eq(map_it(ends[0]), -EPROTO, "a pipe");
	cr_expect_eq(map_it(file), -EPROTO, "a file");
	cr_expect_eq(map_it(path_only), -EPROTO, "an O_PATH descriptor");
	cr_expect_eq(map_it(-1), -EPROTO, "nothing");
	close(ends[0]);
	close(ends[1]);
	close(file);
	close(path_only);
	close(memory);
}

HARNESS_TEST(memory, huge_pages_are_refused)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	if (fd < 0 || ftruncate(fd, 2 << 20) != 0)
		cr_skip_test("this kernel has no huge pages to try");
	cr_expect_eq(fcntl(fd, F_ADD_SEALS, ALL_SEALS), 0);
	cr_expect_eq(map_it(fd), -EPROTO);
	close(fd);
}

static int create_under_limit(int resource, rlim_t limit)
{
	struct rlimit before, lowered;
	void *mapping;
	int result;

	getrlimit(resource, &before);
	lowered = before;
	lowered.rlim_cur = limit;
	setrlimit(resource, &lowered);
	result = rcasti_memory_create("test", BYTES, &mapping);
	setrlimit(resource, &before);
	return result;
}

HARNESS_TEST(memory, a_limit_is_an_error_and_no_signal_and_leaks_nothing)
{
	cr_expect_eq(create_under_limit(RLIMIT_NOFILE, 0), -EMFILE);
	cr_expect_eq(create_under_limit(RLIMIT_FSIZE, BYTES - 1), -EFBIG);
}
