/* SPDX-License-Identifier: MIT */
/*
 * Wait for standard output and for signals together, then write no more than PIPE_BUF: a pipe that polls as writable takes as
 * much without blocking, so a signal never finds us stuck. Somebody else may have made standard output non-blocking, since that
 * flag belongs to everyone who shares the open file; then EAGAIN just means to wait again.
 *
 * Who shows a session writes little at a time, and somebody waits for it. So between output_open and output_close a terminal is
 * written through a description of our own, which does not block: what it takes at once need not be waited for.
 */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/signals.h"

#define PATIENCE_MS 100

static int own_fd = -1; /* between output_open and output_close: standard output once more, non-blocking */

int output_await_room(int fd)
{
	struct pollfd polled[] = {{.fd = fd, .events = POLLOUT}, {.fd = signals_fd(), .events = POLLIN}};

	if (poll(polled, 2, -1) < 0 && errno != EINTR)
		return -errno;
	signals_read();
	return signals_ending() ? -EINTR : 0;
}

int output_write(const void *data, size_t n_bytes)
{
	const char *at = data, *end = at + n_bytes;
	bool may_block = own_fd < 0;

	while (at < end) {
		size_t n = (size_t)(end - at) < PIPE_BUF ? (size_t)(end - at) : PIPE_BUF;
		int result = may_block ? output_await_room(STDOUT_FILENO) : 0;
		ssize_t written;

		if (result < 0)
			return result;
		written = write(own_fd < 0 ? STDOUT_FILENO : own_fd, at, n);
		may_block = own_fd < 0 || written < 0;
		if (written >= 0)
			at += written;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return 0;
}

/*
 * A terminal that polls as writable may still block: it has room for one byte, not for all. So open it once more, non-blocking,
 * which concerns nobody else. -1: there is no need to, or no way.
 */
static int open_non_blocking(int fd)
{
	struct stat info;
	char path[32];

	if (fstat(fd, &info) != 0 || !(S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode)))
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void output_open(void)
{
	own_fd = isatty(STDOUT_FILENO) ? open_non_blocking(STDOUT_FILENO) : -1;
}

void output_close(void)
{
	if (own_fd >= 0)
		close(own_fd);
	own_fd = -1;
}

void output_try(int fd, const char *text)
{
	int once_fd = open_non_blocking(fd);
	struct pollfd polled = {.fd = once_fd >= 0 ? once_fd : fd, .events = POLLOUT};
	const char *end = text + strlen(text);
	ssize_t written = 1;

	while (text < end && written > 0 && poll(&polled, 1, PATIENCE_MS) == 1 && (polled.revents & POLLOUT)) {
		written = write(polled.fd, text, (size_t)(end - text));
		text += written > 0 ? written : 0;
	}
	if (once_fd >= 0)
		close(once_fd);
}

int output_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_CODE_OK;
	return output_failed(errno ? -errno : -EIO);
}

int output_failed(int error)
{
	if (error == -EINTR && signals_ending())
		return EXIT_CODE_SIGNAL + signals_ending();
	message_line("standard output cannot be written: %s", message_errno(error));
	return EXIT_CODE_FAILURE;
}
