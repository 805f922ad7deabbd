/* SPDX-License-Identifier: MIT */
/* Cursor pages, wake pipes and notify: both sides of sleeping and waking. */
#include "harness.h"

#include "ring/memory.h"

#include <ringcast/ring.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

struct followed {
	struct rcast_writer *writer;
	struct rcast_reader *reader;
	struct rcast_follower *follower;
};

static struct followed follow(void)
{
	struct rcast_writer_options options = {.capacity_bytes = RCAST_RING_MIN_BYTES};
	struct rcast_cursor *cursor;
	struct followed followed;
	int wake_fd;

	cr_assert_eq(rcast_writer_create(&options, &followed.writer), 0);
	cr_assert_eq(rcast_reader_open_take(rcast_writer_dup_fd(followed.writer), &followed.reader), 0);
	cr_assert_eq(rcast_cursor_create(&cursor), 0);
	cr_assert_eq(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &followed.follower, &wake_fd), 0);
	cr_assert_eq(rcast_reader_follow_take(followed.reader, cursor, wake_fd), 0);
	return followed;
}

static void unfollow(struct followed followed)
{
	rcast_reader_close(followed.reader);
	rcast_follower_free(followed.follower);
	rcast_writer_free(followed.writer);
}

static int bytes_in_pipe(struct followed followed)
{
	int n;

	cr_assert_eq(ioctl(rcast_reader_fd(followed.reader), FIONREAD, &n), 0);
	return n;
}

static bool is_readable(struct followed followed)
{
	struct pollfd wake = {.fd = rcast_reader_fd(followed.reader), .events = POLLIN};

	return poll(&wake, 1, 0) == 1;
}

HARNESS_TEST(follower, one_byte_a_sleep_however_often_it_is_rung)
{
	struct followed followed = follow();

	cr_expect_eq(rcast_notify(&followed.follower, 1), 0, "awake: nothing to do");
	for (int sleep_number = 0; sleep_number < 100; sleep_number++) {
		struct rcast_record record;

		cr_assert_eq(rcast_reader_sleep(followed.reader), RCAST_EMPTY);
		cr_assert_not(is_readable(followed));
		for (int i = 0; i < 5; i++) {
			cr_assert_eq(rcast_writer_put(followed.writer, RCAST_OUTPUT, "x", 1), 0);
			cr_assert_eq(rcast_notify(&followed.follower, 1), i == 0);
		}
		cr_assert_eq(bytes_in_pipe(followed), 1);
		cr_assert_eq(rcast_reader_wake(followed.reader), 0);
		cr_assert_not(is_readable(followed));
		cr_assert_eq(rcast_notify(&followed.follower, 1), 0, "awake again");
		cr_assert_eq(bytes_in_pipe(followed), 0);
		while (rcast_reader_peek(followed.reader, &record) == RCAST_RECORD)
			rcast_reader_release(followed.reader);
	}
	unfollow(followed);
}

HARNESS_TEST(follower, whoever_has_something_to_read_does_not_fall_asleep)
{
	struct followed followed = follow();

	rcast_writer_put(followed.writer, RCAST_OUTPUT, "x", 1);
	cr_expect_eq(rcast_reader_sleep(followed.reader), RCAST_RECORD);
	cr_expect_eq(rcast_notify(&followed.follower, 1), 0);
	cr_expect_eq(rcast_reader_wait(followed.reader, -1), RCAST_RECORD);
	unfollow(followed);
}

HARNESS_TEST(follower, a_wait_ends_with_its_time)
{
	struct followed followed = follow();

	cr_expect_eq(rcast_reader_wait(followed.reader, 0), RCAST_EMPTY);
	cr_expect_eq(rcast_reader_wait(followed.reader, 5), RCAST_EMPTY);
	unfollow(followed);
}

HARNESS_TEST(follower, the_position_is_told_at_each_sleep_and_each_64th_of_the_ring)
{
	struct followed followed = follow();
	struct rcast_record record;
	uint64_t step = RCAST_RING_MIN_BYTES / 64;

	for (int i = 0; i < 1000; i++) {
		rcast_writer_put(followed.writer, RCAST_OUTPUT, "0123456789abcdef", 16);
		cr_assert_eq(rcast_reader_peek(followed.reader, &record), RCAST_RECORD);
		rcast_reader_release(followed.reader);
		cr_assert_leq(rcast_reader_pos(followed.reader) - rcast_follower_pos(followed.follower), step + 24);
	}
	cr_assert_eq(rcast_reader_sleep(followed.reader), RCAST_EMPTY);
	cr_expect_eq(rcast_follower_pos(followed.follower), rcast_reader_pos(followed.reader));
	unfollow(followed);
}

HARNESS_TEST(follower, a_reader_that_is_gone_is_an_error_and_not_a_signal)
{
	struct followed followed = follow();

	signal(SIGPIPE, SIG_DFL);
	cr_assert_eq(rcast_reader_sleep(followed.reader), RCAST_EMPTY);
	rcast_reader_close(followed.reader);
	cr_expect_eq(rcast_follower_ring(followed.follower), -EPIPE);
	cr_expect_eq(rcast_follower_ring(followed.follower), -EPIPE, "and it stays so");
	rcast_follower_free(followed.follower);
	rcast_writer_free(followed.writer);
}

HARNESS_TEST(follower, a_publisher_that_is_gone_is_noticed)
{
	struct followed followed = follow();

	rcast_follower_free(followed.follower);
	cr_expect_eq(rcast_reader_wait(followed.reader, -1), -EPIPE);
	rcast_reader_close(followed.reader);
	rcast_writer_free(followed.writer);
}

/* The reader scribbles on its page and never drains its pipe: the publisher must not block. */
HARNESS_TEST(follower, a_hostile_cursor_page_costs_no_more_than_a_failed_write)
{
	struct rcast_follower *follower;
	struct rcasti_cursor_page *page;
	void *mapping;
	int wake_fd, fd = rcasti_memory_create("hostile", RCASTI_CURSOR_BYTES, &mapping);

	page = mapping;
	page->magic = RCASTI_CURSOR_MAGIC;
	page->place = 3;
	cr_assert_eq(rcast_follower_create_take(rcasti_memory_dup_readonly(fd), &follower, &wake_fd), 0);
	fcntl(wake_fd, F_SETFL, 0);
	for (uint64_t i = 0; i < 100000; i++) {
		page->words[3].episode = 2 * i + 1;
		page->words[3].pos = UINT64_MAX - i;
		page->place = (uint32_t)i;
		cr_assert_eq(rcast_notify(&follower, 1), 1);
	}
	cr_expect_eq(rcast_follower_pos(follower), UINT64_MAX - 99999);
	rcast_follower_free(follower);
	munmap(mapping, RCASTI_CURSOR_BYTES);
	close(wake_fd);
	close(fd);
}

HARNESS_TEST(follower, refuses_what_is_no_cursor_page)
{
	struct rcast_follower *follower;
	int ends[2], wake_fd, fd;
	void *mapping;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_expect_eq(rcast_follower_create_take(ends[0], &follower, &wake_fd), -EPROTO);
	close(ends[1]);
	fd = rcasti_memory_create("no magic", RCASTI_CURSOR_BYTES, &mapping);
	munmap(mapping, RCASTI_CURSOR_BYTES);
	cr_expect_eq(rcast_follower_create_take(fd, &follower, &wake_fd), -EPROTO);
	fd = rcasti_memory_create("too large", 2 * RCASTI_CURSOR_BYTES, &mapping);
	((struct rcasti_cursor_page *)mapping)->magic = RCASTI_CURSOR_MAGIC;
	munmap(mapping, 2 * RCASTI_CURSOR_BYTES);
	cr_expect_eq(rcast_follower_create_take(fd, &follower, &wake_fd), -EPROTO);
	fd = rcasti_memory_create("words outside", RCASTI_CURSOR_BYTES, &mapping);
	((struct rcasti_cursor_page *)mapping)->magic = RCASTI_CURSOR_MAGIC;
	((struct rcasti_cursor_page *)mapping)->place = RCASTI_N_PLACES;
	munmap(mapping, RCASTI_CURSOR_BYTES);
	cr_expect_eq(rcast_follower_create_take(fd, &follower, &wake_fd), -EPROTO);
}

HARNESS_TEST(follower, a_second_cursor_is_refused_and_nothing_leaks)
{
	struct followed followed = follow();
	struct rcast_cursor *cursor;
	int ends[2];

	cr_assert_eq(rcast_cursor_create(&cursor), 0);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_expect_eq(rcast_reader_follow_take(followed.reader, cursor, ends[0]), -EINVAL);
	close(ends[1]);
	unfollow(followed);
}

/* The publisher keeps a duplicate of the read end that it hands out, and makes it blocking. */
HARNESS_TEST(follower, a_hostile_publisher_cannot_block_its_reader)
{
	struct rcast_writer *writer;
	struct rcast_reader *reader;
	struct rcast_follower *follower;
	struct rcast_cursor *cursor;
	int wake_fd, kept_fd;

	cr_assert_eq(rcast_writer_create(NULL, &writer), 0);
	cr_assert_eq(rcast_reader_open_take(rcast_writer_dup_fd(writer), &reader), 0);
	cr_assert_eq(rcast_cursor_create(&cursor), 0);
	cr_assert_eq(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &follower, &wake_fd), 0);
	kept_fd = fcntl(wake_fd, F_DUPFD_CLOEXEC, 0);
	cr_assert_eq(rcast_reader_follow_take(reader, cursor, wake_fd), 0);
	cr_assert_eq(fcntl(kept_fd, F_SETFL, 0), 0);
	cr_expect_eq(rcast_reader_wait(reader, 1), RCAST_EMPTY);
	close(kept_fd);
	rcast_reader_close(reader);
	rcast_follower_free(follower);
	rcast_writer_free(writer);
}

HARNESS_TEST(follower, what_is_no_pipe_is_refused)
{
	struct rcast_writer *writer;
	struct rcast_reader *reader;
	struct rcast_cursor *cursor;

	cr_assert_eq(rcast_writer_create(NULL, &writer), 0);
	cr_assert_eq(rcast_reader_open_take(rcast_writer_dup_fd(writer), &reader), 0);
	cr_assert_eq(rcast_cursor_create(&cursor), 0);
	cr_expect_eq(rcast_reader_follow_take(reader, cursor, rcast_writer_dup_fd(writer)), -EPROTO);
	rcast_reader_close(reader);
	rcast_writer_free(writer);
}

/* A reader that has only the padding of a lap before it has nothing to read. */
HARNESS_TEST(follower, padding_is_no_news)
{
	struct followed followed = follow();
	struct rcast_record record;
	void *space;

	do {
		cr_assert_eq(rcast_writer_put(followed.writer, RCAST_OUTPUT, "0123456789abcdef", 16), 0);
		cr_assert_eq(rcast_reader_peek(followed.reader, &record), RCAST_RECORD);
		cr_assert_eq(rcast_reader_release(followed.reader), RCAST_RECORD);
	} while (RCAST_RING_MIN_BYTES - rcast_reader_pos(followed.reader) > 1000);
	cr_assert_eq(rcast_writer_reserve(followed.writer, 2000, &space), 0);
	cr_expect_eq(rcast_reader_sleep(followed.reader), RCAST_EMPTY);
	cr_expect_eq(rcast_reader_peek(followed.reader, &record), RCAST_EMPTY);
	unfollow(followed);
}

/* Seeking where there is nothing must not give away, by the cursor page, what a lease protects. */
HARNESS_TEST(follower, a_refused_seek_tells_nothing)
{
	struct followed followed = follow();
	struct rcast_writer_state state;

	for (int i = 0; i < 1000; i++)
		cr_assert_eq(rcast_writer_put(followed.writer, RCAST_OUTPUT, "0123456789abcdef", 16), 0);
	rcast_writer_get_state(followed.writer, &state);
	cr_expect_eq(rcast_reader_seek(followed.reader, RCAST_FROM_POS, state.next_pos + 8), -EINVAL);
	cr_expect_eq(rcast_reader_pos(followed.reader), 0);
	cr_expect_eq(rcast_follower_pos(followed.follower), 0);
	unfollow(followed);
}
