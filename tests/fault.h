/* SPDX-License-Identifier: MIT */
/*
 * System calls and allocations of the library that fail when they are told to: the n-th that is made from within
 * fault_try(…), and only that one. For programs linked with --wrap for each of them (tests/CMakeLists.txt has the list; a call
 * that the list has and this file has not does not link).
 *
 * close never fails, but closing what is not open is found out: it is how descriptors of others get closed.
 */
#ifndef RINGCAST_TESTS_FAULT_H
#define RINGCAST_TESTS_FAULT_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_LEAK_CHECK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_LEAK_CHECK 1
#endif
#endif
#ifdef HAS_LEAK_CHECK
#include <sanitizer/lsan_interface.h>
#endif

#define must(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			fprintf(stderr, "call %u, %s, had failed\n", fault.n, fault.what);      \
			abort();                                                                \
		}                                                                               \
	} while (0)

static _Thread_local struct {
	bool trying;
	unsigned int n;      /* which call is to fail */
	unsigned int n_left; /* calls until then; 0: it has failed */
	const char *what;    /* the one that did */
} fault;

/* Evaluate with calls counted. What handlers of ours do meanwhile counts too. */
#define fault_try(expression)                                       \
	({                                                          \
		bool fault_before = fault.trying;                   \
		fault.trying = true;                                \
		__typeof__(expression) fault_result = (expression); \
		fault.trying = fault_before;                        \
		fault_result;                                       \
	})

static inline bool fault_fails(const char *what, int error)
{
	if (!fault.trying || fault.n_left == 0 || --fault.n_left > 0)
		return false;
	fault.what = what;
	errno = error;
	return true;
}

#define FAULT(type, name, error, failed, parameters, ...) \
	type __real_##name parameters;                    \
	type __wrap_##name parameters;                    \
	type __wrap_##name parameters                     \
	{                                                 \
		if (fault_fails(#name, error))            \
			return failed;                    \
		return __real_##name(__VA_ARGS__);        \
	}

FAULT(void *, malloc, ENOMEM, NULL, (size_t n_bytes), n_bytes)
FAULT(void *, calloc, ENOMEM, NULL, (size_t n, size_t n_bytes), n, n_bytes)
FAULT(void *, realloc, ENOMEM, NULL, (void *old, size_t n_bytes), old, n_bytes)
FAULT(void *, mmap, ENOMEM, MAP_FAILED, (void *at, size_t n, int protection, int flags, int fd, off_t offset), at, n,
      protection, flags, fd, offset)
FAULT(int, madvise, ENOMEM, -1, (void *at, size_t n, int advice), at, n, advice)
FAULT(int, memfd_create, EMFILE, -1, (const char *name, unsigned int flags), name, flags)
FAULT(int, ftruncate, ENOSPC, -1, (int fd, off_t n), fd, n)
FAULT(int, fchmod, EPERM, -1, (int fd, mode_t mode), fd, mode)
FAULT(int, fstat, EOVERFLOW, -1, (int fd, struct stat *info), fd, info)
FAULT(int, fstatfs, ENOSYS, -1, (int fd, struct statfs *info), fd, info)
FAULT(off_t, lseek, EOVERFLOW, -1, (int fd, off_t at, int whence), fd, at, whence)
FAULT(int, pipe2, EMFILE, -1, (int ends[2], int flags), ends, flags)
FAULT(int, socket, EMFILE, -1, (int domain, int type, int protocol), domain, type, protocol)
FAULT(int, bind, ENOMEM, -1, (int fd, const struct sockaddr *to, socklen_t n), fd, to, n)
FAULT(int, listen, EADDRINUSE, -1, (int fd, int n), fd, n)
FAULT(int, connect, EAGAIN, -1, (int fd, const struct sockaddr *to, socklen_t n), fd, to, n)
FAULT(int, accept4, ENFILE, -1, (int fd, struct sockaddr *from, socklen_t *n, int flags), fd, from, n, flags)
FAULT(int, getsockopt, ENOPROTOOPT, -1, (int fd, int level, int option, void *value, socklen_t *n), fd, level, option, value,
      n)
FAULT(int, setsockopt, ENOPROTOOPT, -1, (int fd, int level, int option, const void *value, socklen_t n), fd, level, option,
      value, n)
FAULT(ssize_t, sendmsg, ENOBUFS, -1, (int fd, const struct msghdr *message, int flags), fd, message, flags)
FAULT(ssize_t, recvmsg, ENOMEM, -1, (int fd, struct msghdr *message, int flags), fd, message, flags)
FAULT(ssize_t, read, EIO, -1, (int fd, void *to, size_t n), fd, to, n)
FAULT(int, poll, ENOMEM, -1, (struct pollfd * looks, nfds_t n, int timeout_ms), looks, n, timeout_ms)
FAULT(int, epoll_create1, EMFILE, -1, (int flags), flags)
FAULT(int, epoll_ctl, ENOSPC, -1, (int epoll_fd, int what, int fd, struct epoll_event *event), epoll_fd, what, fd, event)
FAULT(int, epoll_wait, EINTR, -1, (int epoll_fd, struct epoll_event *events, int n, int timeout_ms), epoll_fd, events, n,
      timeout_ms)
FAULT(int, eventfd, EMFILE, -1, (unsigned int value, int flags), value, flags)
FAULT(int, timerfd_create, EMFILE, -1, (int clock, int flags), clock, flags)
FAULT(int, timerfd_settime, EINVAL, -1, (int fd, int flags, const struct itimerspec *to, struct itimerspec *before), fd,
      flags, to, before)
FAULT(pid_t, fork, EAGAIN, -1, (void), )
FAULT(int, mkdir, EROFS, -1, (const char *path, mode_t mode), path, mode)
FAULT(int, lstat, EACCES, -1, (const char *path, struct stat *info), path, info)
FAULT(int, flock, ENOLCK, -1, (int fd, int what), fd, what)
FAULT(int, scandir, ENOMEM, -1,
      (const char *path, struct dirent ***entries, int (*filter)(const struct dirent *),
       int (*order)(const struct dirent **, const struct dirent **)),
      path, entries, filter, order)
FAULT(int, posix_openpt, ENOSPC, -1, (int flags), flags)
FAULT(int, unlockpt, ENOTTY, -1, (int fd), fd)

/* Adding to an eventfd fails only when it is so full that it is readable anyway: who is to be woken is. */
static inline bool fault_is_eventfd(int fd)
{
	char path[32], target[32] = "";

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof target - 1) > 0 && strcmp(target, "anon_inode:[eventfd]") == 0;
}

ssize_t __real_write(int fd, const void *from, size_t n);
ssize_t __wrap_write(int fd, const void *from, size_t n);

ssize_t __wrap_write(int fd, const void *from, size_t n)
{
	return !fault_is_eventfd(fd) && fault_fails("write", EIO) ? -1 : __real_write(fd, from, n);
}

/* Those with an argument more or less. */
#define FAULT_VARIADIC(name, error, first, second)                                      \
	int __real_##name(first one, second two, ...);                                  \
	int __wrap_##name(first one, second two, ...);                                  \
	int __wrap_##name(first one, second two, ...)                                   \
	{                                                                               \
		va_list list;                                                           \
		void *three;                                                            \
                                                                                        \
		va_start(list, two);                                                    \
		three = va_arg(list, void *);                                           \
		va_end(list);                                                           \
		return fault_fails(#name, error) ? -1 : __real_##name(one, two, three); \
	}

FAULT_VARIADIC(open, EMFILE, const char *, int)
FAULT_VARIADIC(fcntl, EINVAL, int, int)
FAULT_VARIADIC(ioctl, EIO, int, unsigned long)

int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
	int result = __real_close(fd);

	must(result == 0 || fd < 0 || errno != EBADF);
	return result;
}

/* ── Running ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A result that a caller can work with. */
static inline int fault_plausible(int result)
{
	must(result >= -4095);
	return result;
}

static inline int fault_count_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int n = 0;

	must(folder != NULL);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

static inline void fault_check_leaks(void)
{
#ifdef HAS_LEAK_CHECK
	must(__lsan_do_recoverable_leak_check() == 0);
#endif
}

/* An engine in another thread takes and lets go of a connection's descriptors a little later; so one look that is right will do. */
static inline void fault_check_fds(int before)
{
	for (int n_looks = 0; n_looks < 100000; n_looks++) {
		if (fault_count_fds() == before)
			return;
		poll(NULL, 0, 1);
	}
	must(!"descriptors are left open");
}

/* The scenario with its first call failing, then its second, until it ran through without reaching the one that was to fail. */
static inline void fault_run(const char *name, int (*scenario)(void))
{
	unsigned int n_told = 0;
	int before = fault_count_fds(), result;

	for (fault.n = 1;; fault.n++) {
		fault.n_left = fault.n;
		fault.what = "none";
		result = scenario();
		if (getenv("FAULT_TRACE"))
			fprintf(stderr, "%s %u %s: %d\n", name, fault.n, fault.what, result);
		if (fault.n_left > 0 && result == 0) /* else it failed in a child between fork and exec */
			break;
		n_told += result < 0;
		fault_check_fds(before);
		fault_check_leaks();
	}
	printf("%-10s %4u calls failed, one at a time: %u told of it, the others did without\n", name, fault.n - 1, n_told);
	fflush(stdout);
}

#endif
