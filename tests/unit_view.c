/* SPDX-License-Identifier: MIT */
/*
 * Views, against engines that lie, throw them out, die, and serve several on one connection.
 */
#include "fake_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include <ringcast/ring.h>

static struct rcast_client *connect_fake(fake_answer *answer)
{
	struct rcast_client *client;
	const char *path = fake_engine_path("fake");

	fake_engine_start(path, answer);
	cr_assert_eq(rcast_client_connect(path, &client), 0);
	return client;
}

static void await_readable(const struct rcast_view *view)
{
	struct pollfd polled = {.fd = rcast_view_fd(view), .events = POLLIN};

	cr_assert_eq(poll(&polled, 1, HARNESS_BOUND_MS), 1, "nothing woke the view");
}

/* The next thing that is not "nothing yet". */
static int next(struct rcast_view *view, struct rcast_record *record)
{
	int outcome;

	while ((outcome = rcast_view_next(view, record)) == RCAST_EMPTY)
		await_readable(view);
	return outcome;
}

static void expect_record(struct rcast_view *view, const char *text)
{
	struct rcast_record record;

	cr_assert_eq(next(view, &record), RCAST_RECORD);
	cr_expect_eq(record.n_bytes, strlen(text));
	cr_expect_eq(memcmp(record.data, text, strlen(text)), 0, "%s", text);
}

/* ── By ring ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A ring of the fake session, and all that a reader needs to follow it. */
static struct rcast_writer *make_ring(struct rcast_message *message, uint64_t capacity, int fds[2])
{
	struct rcast_writer_options options = {.capacity_bytes = capacity, .stamped = true};
	struct rcast_follower *follower;
	struct rcast_writer *writer;

	rcast_writer_create(&options, &writer);
	fds[0] = rcast_writer_dup_fd(writer);
	rcast_follower_create_take(rcast_message_take_fd(message, 0), &follower, &fds[1]);
	return writer;
}

static struct rcast_writer *make_ring_with_records(struct rcast_message *message, int fds[2])
{
	struct rcast_writer *writer = make_ring(message, 65536, fds);

	rcast_writer_put(writer, RCAST_OUTPUT, "one", 3);
	rcast_writer_put(writer, RCAST_OUTPUT, "two", 3);
	return writer;
}

static struct rcast_writer *attach_with_records(struct rcast_circuit *circuit, struct rcast_message *message)
{
	int fds[2];
	struct rcast_writer *writer = make_ring_with_records(message, fds);

	fake_reply_attached(circuit, fds, 2);
	return writer;
}

static void attach_and_evict(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			     struct rcast_message *message)
{
	struct rcast_writer *writer = attach_with_records(circuit, message);

	rcast_writer_put(writer, RCAST_OUTPUT, "three", 5);
	fake_send_evicted(circuit, "too\a loud");
}

HARNESS_TEST(view, evicted_after_all_was_read)
{
	struct rcast_client *client = connect_fake(attach_and_evict);
	struct rcast_record record;
	struct rcast_view *view;

	cr_assert_eq(rcast_view_open(client, "fake", NULL, &view), 0);
	expect_record(view, "one");
	expect_record(view, "two");
	expect_record(view, "three");
	cr_expect_eq(next(view, &record), -ECONNABORTED);
	cr_expect_str_eq(rcast_client_error(client), "detached by the engine: too? loud");
	cr_expect_eq(next(view, &record), -ECONNABORTED);
	cr_expect_eq(rcast_view_send_input(view, "x", 1), -EPERM);
	rcast_view_close(view);
	rcast_client_free(client);
}

static void attach_and_flood(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			     struct rcast_message *message)
{
	struct rcast_writer *writer = attach_with_records(circuit, message);

	fake_send_evicted(circuit, "no reason");
	while (rcast_writer_put(writer, RCAST_OUTPUT, "flood", 5) == 0)
		continue;
}

HARNESS_TEST(view, evicted_though_the_ring_never_empties)
{
	struct rcast_client *client = connect_fake(attach_and_flood);
	struct rcast_record record;
	struct rcast_view *view;
	int outcome;

	cr_assert_eq(rcast_view_open(client, "fake", NULL, &view), 0);
	do {
		outcome = next(view, &record);
	} while (outcome >= 0);
	cr_expect_eq(outcome, -ECONNABORTED);
	rcast_view_close(view);
	rcast_client_free(client);
}

static void attach_and_die(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			   struct rcast_message *message)
{
	attach_with_records(circuit, message);
	_exit(0);
}

HARNESS_TEST(view, gone_after_all_was_read)
{
	struct rcast_client *client = connect_fake(attach_and_die);
	struct rcast_record record;
	struct rcast_view *view;

	cr_assert_eq(rcast_view_open(client, "fake", NULL, &view), 0);
	expect_record(view, "one");
	expect_record(view, "two");
	cr_expect_eq(next(view, &record), -EPIPE);
	await_readable(view);
	cr_expect_eq(rcast_view_next(view, &record), -EPIPE, "and stays so, visibly");
	rcast_view_close(view);
	rcast_client_free(client);
}

static void send_removed(struct rcast_circuit *circuit)
{
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;

	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_REMOVED;
	notice.removed = &done;
	fake_send_notice(circuit, &notice, RCAST_LAST);
}

static void attach_and_remove(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			      struct rcast_message *message)
{
	if (request->attach->by_circuit)
		fake_reply_attached(circuit, NULL, 0);
	else
		attach_with_records(circuit, message);
	send_removed(circuit);
}

/* By ring everything can be read all the same; over the circuit nobody knows what would have come. */
HARNESS_TEST(view, removed)
{
	struct rcast_client *client = connect_fake(attach_and_remove);
	struct rcast_view_options options = {.by_circuit = true};
	struct rcast_record record;
	struct rcast_view *view;

	cr_assert_eq(rcast_view_open(client, "fake", NULL, &view), 0);
	expect_record(view, "one");
	expect_record(view, "two");
	cr_expect_eq(next(view, &record), RCAST_ENDED);
	rcast_view_close(view);
	cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
	cr_expect_eq(next(view, &record), -ECONNABORTED);
	cr_expect_eq(next(view, &record), -ECONNABORTED);
	rcast_view_close(view);
	rcast_client_free(client);
}

static void attach_and_end(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			   struct rcast_message *message)
{
	int fds[2];

	rcast_writer_end(make_ring_with_records(message, fds));
	fake_reply_attached(circuit, fds, 2);
	_exit(0);
}

HARNESS_TEST(view, end_of_the_ring_counts_more_than_that_of_the_engine)
{
	struct rcast_client *client = connect_fake(attach_and_end);
	struct rcast_record record;
	struct rcast_view *view;

	cr_assert_eq(rcast_view_open(client, "fake", NULL, &view), 0);
	expect_record(view, "one");
	expect_record(view, "two");
	cr_expect_eq(next(view, &record), RCAST_ENDED);
	cr_expect_eq(rcast_view_next(view, &record), RCAST_ENDED);
	rcast_view_close(view);
	rcast_client_free(client);
}

static void attach_ended(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			 struct rcast_message *message)
{
	int fds[2];

	rcast_writer_end(make_ring_with_records(message, fds));
	fake_reply_attached(circuit, fds, 2);
}

HARNESS_TEST(view, positions_to_start_from)
{
	struct rcast_client *client = connect_fake(attach_ended);
	struct rcast_view_options options = {.from = RCAST_FROM_NEWEST};
	struct rcast_record record;
	struct rcast_view *view;

	cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
	cr_expect_eq(next(view, &record), RCAST_ENDED);
	rcast_view_close(view);
	options = (struct rcast_view_options){.from = RCAST_FROM_POS, .from_pos = 8};
	cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
	expect_record(view, "two");
	rcast_view_close(view);
	options.from_pos = 1 << 20;
	cr_expect_eq(rcast_view_open(client, "fake", &options, &view), -EINVAL);
	cr_expect_null(view);
	cr_expect(strstr(rcast_client_error(client), "ahead"));
	rcast_client_free(client);
}

/* ── Lies about the ring ─────────────────────────────────────────────────────────────────────────────────────────────── */

enum ring_lie { NO_FDS, ONE_FD, THREE_FDS, OTHER_CAPACITY, NO_RING, UNSEALED_RING, WAKE_FILE, LAST_WORD, N_RING_LIES };
static enum ring_lie ring_lie;

static void attach_with_lie(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			    struct rcast_message *message)
{
	int fds[3], n_fds = 2;

	make_ring(message, ring_lie == OTHER_CAPACITY ? 131072 : 65536, fds);
	fds[2] = open("/dev/null", O_RDONLY);
	if (ring_lie == NO_FDS || ring_lie == ONE_FD || ring_lie == THREE_FDS)
		n_fds = ring_lie == NO_FDS ? 0 : ring_lie == ONE_FD ? 1 : 3;
	if (ring_lie == NO_RING)
		fds[0] = open("/dev/zero", O_RDONLY);
	if (ring_lie == UNSEALED_RING) {
		fds[0] = memfd_create("ring", MFD_CLOEXEC);
		ftruncate(fds[0], 65536 + 4096);
	}
	if (ring_lie == WAKE_FILE)
		fds[1] = open("/etc/passwd", O_RDONLY);
	if (ring_lie == LAST_WORD)
		return fake_reply_session(circuit, "fake", RCAST_LAST);
	fake_reply_attached(circuit, fds, n_fds);
}

HARNESS_TEST(view, lies_about_the_ring_are_refused)
{
	for (ring_lie = 0; ring_lie < N_RING_LIES; ring_lie++) {
		const char *path = fake_engine_path("lie");
		struct rcast_client *client;
		struct rcast_view *view;
		int result;

		kill(fake_engine_start(path, attach_with_lie), 0);
		cr_assert_eq(rcast_client_connect(path, &client), 0);
		result = rcast_view_open(client, "fake", NULL, &view);
		cr_expect(result < 0 && result != -ETIMEDOUT, "lie %d got %d", ring_lie, result);
		cr_expect_neq(rcast_client_error(client)[0], 0, "lie %d", ring_lie);
		cr_expect_null(view);
		rcast_client_free(client);
		unlink(path);
	}
}

/* ── By circuit ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum stream_lie {
	BACKWARDS,
	BAD_GAP,
	MISSING_RECORD,
	NO_RESULT,
	SESSION_AGAIN,
	DETACHED_UNASKED,
	SILENT_LAST,
	RUBBISH,
	EMPTY_MESSAGE,
	N_STREAM_LIES
};
static enum stream_lie stream_lie;

static void stream_with_lie(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			    struct rcast_message *message)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;
	Ringcast__Wire__Gap gap = RINGCAST__WIRE__GAP__INIT;
	struct iovec rubbish = {.iov_base = (char *)"\xff\xff\xff", .iov_len = stream_lie == RUBBISH ? 3 : 0};

	fake_reply_attached(circuit, NULL, 0);
	fake_send_piece(circuit, 0, 128, "truth");
	switch (stream_lie) {
	case BACKWARDS:
		return fake_send_piece(circuit, 1, 64, "lie");
	case MISSING_RECORD:
		return fake_send_piece(circuit, 2, 192, "lie");
	case SESSION_AGAIN:
		return fake_reply_session(circuit, "fake", 0);
	case BAD_GAP:
		notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_GAP;
		notice.gap = &gap;
		gap.from_pos = 300;
		gap.to_pos = 200;
		return fake_send_notice(circuit, &notice, 0);
	case DETACHED_UNASKED:
		notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_DETACHED;
		notice.detached = &done;
		return fake_send_notice(circuit, &notice, RCAST_LAST);
	case SILENT_LAST:
		reply.message = (char *)"bye";
		reply.error = EIO;
		rcasti_schema_send(circuit, &reply.base, RCAST_LAST, NULL, 0);
		return;
	case NO_RESULT:
		rcasti_schema_send(circuit, &reply.base, 0, NULL, 0);
		return;
	default:
		rcast_circuit_send(circuit, &rubbish, 1, 0);
	}
}

HARNESS_TEST(view, lies_in_the_stream_are_refused)
{
	struct rcast_view_options options = {.by_circuit = true};

	for (stream_lie = 0; stream_lie < N_STREAM_LIES; stream_lie++) {
		const char *path = fake_engine_path("lie");
		struct rcast_record record;
		struct rcast_client *client;
		struct rcast_view *view;

		fake_engine_start(path, stream_with_lie);
		cr_assert_eq(rcast_client_connect(path, &client), 0);
		cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
		expect_record(view, "truth");
		cr_expect_eq(next(view, &record), -EPROTO, "lie %d", stream_lie);
		cr_expect_eq(next(view, &record), -EPROTO, "lie %d is not forgotten", stream_lie);
		rcast_view_close(view);
		rcast_client_free(client);
		unlink(path);
	}
}

static void stream_gap_and_end(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			       struct rcast_message *message)
{
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;
	Ringcast__Wire__Gap gap = RINGCAST__WIRE__GAP__INIT;

	fake_reply_attached(circuit, NULL, 0);
	fake_send_piece(circuit, 0, 0, "first");
	gap.from_pos = 64;
	gap.to_pos = 640;
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_GAP;
	notice.gap = &gap;
	fake_send_notice(circuit, &notice, 0);
	fake_send_piece(circuit, 10, 640, "second");
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_ENDED;
	notice.ended = &done;
	fake_send_notice(circuit, &notice, 0);
	fake_send_evicted(circuit, "afterwards");
}

HARNESS_TEST(view, gaps_and_the_end_come_over_the_circuit)
{
	struct rcast_client *client = connect_fake(stream_gap_and_end);
	struct rcast_view_options options = {.by_circuit = true};
	struct rcast_record record;
	struct rcast_view *view;
	struct rcast_loss loss;

	cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
	expect_record(view, "first");
	cr_expect_eq(next(view, &record), RCAST_LAPPED);
	expect_record(view, "second");
	loss = rcast_view_get_loss(view);
	cr_expect_eq(loss.n_gaps, 1);
	cr_expect_eq(loss.lost_bytes, 576);
	cr_expect_eq(loss.lost_records, 9);
	cr_expect_eq(next(view, &record), RCAST_ENDED);
	cr_expect_eq(next(view, &record), RCAST_ENDED, "what comes after the end changes nothing");
	rcast_view_close(view);
	rcast_client_free(client);
}

/* Once the second view has attached: something for the second, then something for the first. */
static void serve_two(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	static struct rcast_circuit *first;

	fake_reply_attached(circuit, NULL, 0);
	if (!first) {
		first = circuit;
		return;
	}
	fake_send_piece(circuit, 0, 0, "for the second");
	fake_send_piece(first, 0, 0, "for the first");
}

HARNESS_TEST(view, what_one_view_takes_from_the_link_wakes_the_other)
{
	struct rcast_client *client = connect_fake(serve_two);
	struct rcast_view_options options = {.by_circuit = true};
	struct rcast_record record;
	struct rcast_view *first, *second;

	cr_assert_eq(rcast_view_open(client, "fake", &options, &first), 0);
	cr_assert_eq(rcast_view_open(client, "fake", &options, &second), 0);
	expect_record(first, "for the first");
	cr_expect_eq(rcast_view_next(first, &record), RCAST_EMPTY);
	await_readable(second);
	expect_record(second, "for the second");
	cr_expect_eq(rcast_view_next(second, &record), RCAST_EMPTY);
	cr_expect_eq(poll(&(struct pollfd){.fd = rcast_view_fd(second), .events = POLLIN}, 1, 0), 0, "and it sleeps again");
	rcast_view_close(first);
	rcast_view_close(second);
	rcast_client_free(client);
}

static void refuse(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	fake_reply_error(circuit, ENOENT, "no such session");
}

HARNESS_TEST(view, refusal_says_why)
{
	struct rcast_client *client = connect_fake(refuse);
	struct rcast_view *view;

	cr_expect_eq(rcast_view_open(client, "x", NULL, &view), -ENOENT);
	cr_expect_str_eq(rcast_client_error(client), "no such session");
	rcast_client_free(client);
}
