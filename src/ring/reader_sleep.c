/* SPDX-License-Identifier: MIT */
/*
 * A reader that has nothing to read sleeps: it says so on its cursor page, looks once more, and polls its pipe. The publisher's
 * half is follower.c; that no wake-up is lost between the two is argued in protocol.h, at rcasti_fall_asleep.
 */
#include "ring/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The pipe's read end, opened anew: whoever handed it to us keeps the other one, and could clear the O_NONBLOCK that both
 * share. In a sandbox that opens nothing, it is kept as it is: who lives in one trusts the publisher, and not the reverse.
 * -EPROTO: no pipe, or not for us to read.
 */
static int reopen_pipe(int fd)
{
	struct stat info;
	char path[32];
	int own_fd;

	if (fstat(fd, &info) != 0 || !S_ISFIFO(info.st_mode))
		return -EPROTO;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	own_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (own_fd < 0 && errno == EPERM)
		own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own_fd < 0)
		return errno == EACCES ? -EPROTO : -errno;
	return own_fd;
}

int rcast_reader_follow_take(struct rcast_reader *reader, struct rcast_cursor *take_cursor, int take_wake_fd)
{
	int own_fd = reader->cursor ? -EINVAL : reopen_pipe(take_wake_fd);

	close(take_wake_fd);
	if (own_fd < 0) {
		rcast_cursor_free(take_cursor);
		return own_fd;
	}
	rcasti_cursor_handed_over(take_cursor);
	reader->cursor = take_cursor;
	reader->wake_fd = own_fd;
	rcasti_reader_tell_pos(reader);
	return 0;
}

int rcast_reader_fd(const struct rcast_reader *reader)
{
	return reader->wake_fd;
}

int rcast_reader_sleep(struct rcast_reader *reader)
{
	if (!reader->cursor)
		return -EINVAL;
	rcasti_reader_tell_pos(reader);
	rcasti_reader_has_waited(reader);
	rcasti_cursor_fall_asleep(reader->cursor);
	if (!rcasti_reader_has_news(reader))
		return RCAST_EMPTY;
	rcasti_cursor_wake_up(reader->cursor);
	return RCAST_RECORD;
}

int rcast_reader_wake(struct rcast_reader *reader)
{
	char bytes[64];
	ssize_t n;

	if (!reader->cursor)
		return -EINVAL;
	rcasti_cursor_wake_up(reader->cursor);
	n = read(reader->wake_fd, bytes, sizeof bytes);
	return n == 0 ? -EPIPE : 0;
}

int rcast_reader_wait(struct rcast_reader *reader, int timeout_ms)
{
	struct pollfd wake = {.fd = reader->wake_fd, .events = POLLIN};
	int outcome = rcast_reader_sleep(reader), error;

	if (outcome != RCAST_EMPTY)
		return outcome;
	poll(&wake, 1, timeout_ms);
	error = rcast_reader_wake(reader);
	if (rcasti_reader_has_news(reader))
		return RCAST_RECORD;
	return error;
}
