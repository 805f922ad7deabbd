/* SPDX-License-Identifier: MIT */
/*
 * Entering the sandbox, in the order in which each step can still be done: descriptors, then what the process is, then Landlock,
 * then the filter, behind which none of the others would be possible.
 *
 * One thread only: Landlock and no_new_privs hold for the thread that asks, and those that it makes later.
 *
 * Called by the consumer, through <ringcast/sandbox.h>; calls landlock.c and filter.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ringcast/sandbox.h>

#include "sandbox/filter.h"
#include "sandbox/landlock.h"

/* The folder has one link for each thread, and two of its own. */
static int refuse_threads(void)
{
	struct stat info;

	if (stat("/proc/self/task", &info) != 0)
		return -errno;
	return info.st_nlink == 3 ? 0 : -EBUSY;
}

static int refuse_closed(const int *keep_fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++)
		if (keep_fds[i] < 0 || fcntl(keep_fds[i], F_GETFD) < 0)
			return -EINVAL;
	return 0;
}

static int by_number(const void *left, const void *right)
{
	int a = *(const int *)left, b = *(const int *)right;

	return (a > b) - (a < b);
}

static int close_between(unsigned int first, unsigned int last)
{
	return first > last || syscall(SYS_close_range, first, last, 0) == 0 ? 0 : -errno;
}

/* `kept` ascends. */
static int close_others(const int *kept, size_t n_kept)
{
	unsigned int from = STDERR_FILENO + 1;
	int error = 0;

	for (size_t i = 0; i < n_kept && error == 0; i++) {
		if ((unsigned int)kept[i] < from)
			continue;
		error = close_between(from, (unsigned int)kept[i] - 1);
		from = (unsigned int)kept[i] + 1;
	}
	return error == 0 ? close_between(from, UINT_MAX) : error;
}

/* A descriptor that is received later must never become standard output. */
static int silence_standard(const int *kept, size_t n_kept)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), error = null_fd < 0 ? -errno : 0;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && error == 0; fd++)
		if (!bsearch(&fd, kept, n_kept, sizeof fd, by_number) && fd != null_fd && dup2(null_fd, fd) < 0)
			error = -errno;
	if (null_fd > STDERR_FILENO)
		close(null_fd);
	return error;
}

static int keep_only(const int *keep_fds, size_t n_fds)
{
	int *kept = malloc((n_fds + 1) * sizeof *kept), error;

	if (!kept)
		return -ENOMEM;
	if (n_fds > 0)
		memcpy(kept, keep_fds, n_fds * sizeof *kept);
	qsort(kept, n_fds, sizeof *kept, by_number);
	error = silence_standard(kept, n_fds);
	if (error == 0)
		error = close_others(kept, n_fds);
	free(kept);
	return error;
}

static int give_up_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -errno;
	return 0;
}

int rcast_sandbox_enter(const int *keep_fds, size_t n_fds, unsigned int may)
{
	int error = may & ~(unsigned int)RCAST_SANDBOX_MAY_ATTACH ? -EINVAL : refuse_threads(), in_force;

	if (error == 0)
		error = refuse_closed(keep_fds, n_fds);
	if (error == 0)
		error = keep_only(keep_fds, n_fds);
	if (error == 0)
		error = give_up_privileges();
	if (error != 0)
		return error;
	in_force = rcasti_landlock_enter();
	if (in_force < 0)
		return in_force;
	error = rcasti_filter_load(may);
	return error != 0 ? error : in_force;
}
