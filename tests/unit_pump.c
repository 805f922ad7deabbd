/* SPDX-License-Identifier: MIT */
/* The pump alone: its letters are posted by hand, control does not run. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/pty.h"
#include "engine/readers.h"
#include "engine/pump.h"
#include "harness.h"

static struct rcasti_mailbox to_control;
static struct rcasti_doorbell doorbell;
static struct rcast_engine engine;
static struct rcast_session *session;
static struct rcast_reader *reader;
static int n_letters[RCASTI_N_LETTERS], slave_fd;

static void begin(enum rcasti_session_kind kind, int fd)
{
	struct rcast_session_options options = {.name = "x"};

	rcasti_doorbell_init(&doorbell, 1);
	cr_assert_eq(rcasti_loop_open(&engine.control), 0);
	cr_assert_eq(rcasti_mailbox_open(&to_control, RCASTI_N_LETTERS), 0);
	cr_assert_eq(rcasti_pump_open(&engine.pump, RCASTI_N_LETTERS, &to_control, &doorbell), 0);
	cr_assert_eq(rcasti_session_create(&engine, &options, kind, &session), 0);
	cr_assert_eq(rcast_reader_open_take(rcast_writer_dup_fd(session->writer), &reader), 0);
	session->pump.fd = fd;
	session->letters[RCASTI_ADD].size = session->control.size;
	rcasti_mailbox_post(&engine.pump.inbox, &session->letters[RCASTI_ADD]);
}

/* A PTY whose slave we hold, as the program would. */
static void begin_pty(void)
{
	int master_fd = rcasti_pty_open(80, 24);

	slave_fd = open(ptsname(master_fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	begin(RCASTI_PTY, master_fd);
}

static void finish(void)
{
	rcast_reader_close(reader);
	rcasti_session_free(session);
	rcasti_pump_close(&engine.pump);
	rcasti_mailbox_close(&to_control);
	rcasti_loop_close(&engine.control);
}

static void turn(void)
{
	struct rcasti_letter *letter;

	cr_assert_eq(rcasti_pump_run(&engine.pump, 0), 0);
	while ((letter = rcasti_mailbox_take(&to_control)) != NULL)
		n_letters[letter->kind]++;
}

#define turn_until(condition) harness_await((turn(), (condition)))

static void expect(int kind, const char *data)
{
	struct rcast_record record;

	turn_until(rcast_reader_peek(reader, &record) == RCAST_RECORD);
	cr_assert_eq(record.kind, kind, "kind %d, not %d", record.kind, kind);
	if (data)
		cr_assert(record.n_bytes == strlen(data) && memcmp(record.data, data, record.n_bytes) == 0, "%.*s",
			  (int)record.n_bytes, (const char *)record.data);
	rcast_reader_release(reader);
}

static bool has_ended(void)
{
	struct rcast_record record;

	return rcast_reader_peek(reader, &record) == RCAST_ENDED;
}

static void post(enum rcasti_letter_kind kind)
{
	rcasti_mailbox_post(&engine.pump.inbox, &session->letters[kind]);
}

static bool is_idle(void)
{
	return poll(&(struct pollfd){.fd = engine.pump.loop.epoll_fd, .events = POLLIN}, 1, 0) == 0;
}

HARNESS_TEST(pump, a_turn_is_bounded)
{
	static const char data[400000];
	int fd = open(harness_path("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600), n_turns = 0;
	struct rcast_writer_state before = {0}, after;

	cr_assert_eq(write(fd, data, sizeof data), (ssize_t)sizeof data);
	lseek(fd, 0, SEEK_SET);
	begin(RCASTI_PIPE, fd);
	session->n_attached = 1000; /* so many that looking at them is the notifier's business */
	for (; !n_letters[RCASTI_FINISHED]; n_turns++, before = after) {
		turn();
		rcast_writer_get_state(session->writer, &after);
		cr_assert_leq(after.n_output - before.n_output, 2 * 65536);
	}
	cr_assert_eq(before.n_output, sizeof data);
	cr_assert_geq(n_turns, 4);
	cr_assert_eq(session->pump.fd, -1);
	cr_assert_eq(rcasti_doorbell_value(&doorbell), (uint32_t)n_turns);
	finish();
}

HARNESS_TEST(pump, a_few_readers_are_rung_without_the_notifier)
{
	struct rcast_follower *follower;
	struct rcast_cursor *cursor;
	struct rcasti_attachment attachment = {0};
	int ends[2], wake_fd;

	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	begin(RCASTI_PIPE, ends[0]);
	cr_assert_eq(rcast_cursor_create(&cursor), 0);
	cr_assert_eq(rcast_follower_create_take(rcast_cursor_dup_fd(cursor), &follower, &wake_fd), 0);
	cr_assert_eq(rcast_reader_follow_take(reader, cursor, wake_fd), 0);
	attachment.session = session;
	attachment.follower = follower;
	rcasti_readers_add(&attachment);
	turn();
	cr_assert_eq(rcast_reader_sleep(reader), RCAST_EMPTY);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	turn();
	cr_expect_eq(poll(&(struct pollfd){.fd = rcast_reader_fd(reader), .events = POLLIN}, 1, 0), 1);
	cr_expect_eq(rcasti_doorbell_value(&doorbell), 0);
	cds_list_del(&attachment.node);
	rcast_follower_free(follower);
	close(ends[1]);
	finish();
}

HARNESS_TEST(pump, an_echo_is_published_without_a_second_look)
{
	uint64_t n_reads;

	begin_pty();
	expect(RCAST_RESIZE, NULL);
	turn_until(is_idle());
	n_reads = session->pump.n_reads;
	dprintf(slave_fd, "k");
	harness_await(!is_idle());
	turn();
	cr_expect_eq(session->pump.n_reads, n_reads + 1);
	expect(RCAST_OUTPUT, "k");
	close(slave_fd);
	finish();
}

HARNESS_TEST(pump, a_size_is_published_before_it_is_told)
{
	struct rcast_resize size;
	struct rcast_record record;

	begin_pty();
	expect(RCAST_RESIZE, NULL);
	session->letters[RCASTI_RESIZE].size = (struct rcast_resize){.cols = 10, .rows = 5};
	post(RCASTI_RESIZE);
	turn_until(rcast_reader_peek(reader, &record) == RCAST_RECORD);
	memcpy(&size, record.data, sizeof size);
	cr_assert_eq(size.cols, 10);
	cr_assert_eq(n_letters[RCASTI_RESIZE], 1, "the letter is back");
	close(slave_fd);
	finish();
}

/* A title that changes while the letter about the last one is away goes out when the letter is back. */
HARNESS_TEST(pump, titles_follow_their_output)
{
	begin_pty();
	expect(RCAST_RESIZE, NULL);
	dprintf(slave_fd, "\033]0;one\a");
	expect(RCAST_OUTPUT, "\033]0;one\a");
	expect(RCAST_TITLE, "one");
	dprintf(slave_fd, "\033]0;two\a");
	expect(RCAST_OUTPUT, NULL);
	expect(RCAST_TITLE, "two");
	cr_assert_eq(n_letters[RCASTI_TEXTS], 1);
	cr_assert_str_eq(session->letters[RCASTI_TEXTS].texts->title, "one");
	post(RCASTI_TEXTS);
	turn_until(n_letters[RCASTI_TEXTS] == 2);
	cr_assert_str_eq(session->letters[RCASTI_TEXTS].texts->title, "two");
	close(slave_fd);
	finish();
}

/* Closed by everybody while the program lives: no end, no busy loop, and it is heard when it opens its terminal again. */
HARNESS_TEST(pump, a_closed_terminal_is_not_the_end)
{
	char name[64];

	begin_pty();
	expect(RCAST_RESIZE, NULL);
	snprintf(name, sizeof name, "%s", ptsname(session->pump.fd));
	dprintf(slave_fd, "a");
	close(slave_fd);
	expect(RCAST_OUTPUT, "a");
	turn_until(session->pump.flow == RCASTI_SHUT);
	turn_until(is_idle());
	slave_fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	dprintf(slave_fd, "b");
	expect(RCAST_OUTPUT, "b");
	cr_assert_eq(session->pump.flow, RCASTI_FLOWING);
	close(slave_fd);
	turn_until(session->pump.flow == RCASTI_SHUT);
	session->letters[RCASTI_EXITED].exit.status = 9;
	post(RCASTI_EXITED);
	expect(RCAST_EXIT, NULL);
	turn_until(has_ended());
	cr_assert_eq(n_letters[RCASTI_FINISHED], 1);
	finish();
}

/* The program is gone, its terminal is still open elsewhere: as long as something comes, it is published. */
HARNESS_TEST(pump, silence_after_the_exit_is_the_end)
{
	uint64_t started_ms = harness_now_ms();

	begin_pty();
	expect(RCAST_RESIZE, NULL);
	post(RCASTI_EXITED);
	turn();
	cr_assert(!has_ended(), "one look proves nothing");
	while (harness_now_ms() - started_ms < 400) {
		dprintf(slave_fd, "late");
		expect(RCAST_OUTPUT, "late");
	}
	cr_assert_eq(n_letters[RCASTI_FINISHED], 0, "it was never silent");
	expect(RCAST_EXIT, NULL);
	turn_until(has_ended());
	close(slave_fd);
	finish();
}

HARNESS_TEST(pump, what_is_removed_is_let_go)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	begin(RCASTI_PIPE, ends[0]);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	turn();
	post(RCASTI_REMOVE);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	turn_until(n_letters[RCASTI_REMOVE] == 1);
	cr_assert_eq(session->pump.fd, -1);
	turn_until(is_idle());
	close(ends[1]);
	finish();
}
