/* SPDX-License-Identifier: MIT */
/*
 * Views by ring, against engines that lie, throw them out, remove their session, die.
 */
#include "fake_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include <ringcast/ring.h>

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

/* The viewer's side of attach_with_records. */
static struct rcast_view *open_and_read(struct rcast_client *client)
{
	struct rcast_view *view;

	cr_assert_eq(rcast_view_open(client, "fake", NULL, &view), 0);
	fake_expect_record(view, "one");
	fake_expect_record(view, "two");
	return view;
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
	struct rcast_client *client = fake_connect(attach_and_evict);
	struct rcast_record record;
	struct rcast_view *view;

	view = open_and_read(client);
	fake_expect_record(view, "three");
	cr_expect_eq(fake_next(view, &record), -ECONNABORTED);
	cr_expect_str_eq(rcast_client_error(client), "detached by the engine: too? loud");
	cr_expect_eq(fake_next(view, &record), -ECONNABORTED);
	cr_expect_eq(rcast_view_send_input(view, "x", 1), -EPERM);
	rcast_view_close(view);
	rcast_client_free(client);
}

static void attach_with_an_empty_record(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
					struct rcast_message *message)
{
	int fds[2];
	struct rcast_writer *writer = make_ring(message, 65536, fds);

	rcast_writer_put(writer, RCAST_OUTPUT, NULL, 0);
	fake_reply_attached(circuit, fds, 2);
}

HARNESS_TEST(view, the_data_of_an_empty_record_are_somewhere)
{
	struct rcast_client *client = fake_connect(attach_with_an_empty_record);
	struct rcast_record record;
	struct rcast_view *view;

	cr_assert_eq(rcast_view_open(client, "fake", NULL, &view), 0);
	cr_assert_eq(fake_next(view, &record), RCAST_RECORD);
	cr_expect(record.n_bytes == 0 && record.data != NULL);
	rcast_view_close(view);
	rcast_client_free(client);
}

/* The ring belongs to the test here, which publishes faster than it reads. */
static struct rcast_writer *flooded;

static void attach_and_evict_from_flood(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
					struct rcast_message *message)
{
	struct rcast_follower *follower;
	int fds[2] = {rcast_writer_dup_fd(flooded)};

	rcast_follower_create_take(rcast_message_take_fd(message, 0), &follower, &fds[1]);
	fake_reply_attached(circuit, fds, 2);
	fake_send_evicted(circuit, "no reason");
}

HARNESS_TEST(view, evicted_though_the_ring_never_empties)
{
	struct rcast_writer_options options = {.capacity_bytes = 65536, .stamped = true};
	struct rcast_client *client;
	struct rcast_record record;
	struct rcast_view *view;
	int outcome, n_looks = 0;

	cr_assert_eq(rcast_writer_create(&options, &flooded), 0);
	client = fake_connect(attach_and_evict_from_flood);
	cr_assert_eq(rcast_view_open(client, "fake", NULL, &view), 0);
	fake_await_readable(view);
	do {
		rcast_writer_put(flooded, RCAST_OUTPUT, "flood", 5);
		rcast_writer_put(flooded, RCAST_OUTPUT, "flood", 5);
		outcome = rcast_view_next(view, &record);
	} while (outcome >= 0 && ++n_looks < 100000);
	cr_expect_eq(outcome, -ECONNABORTED, "%d after %d looks", outcome, n_looks);
	rcast_view_close(view);
	rcast_client_free(client);
	rcast_writer_free(flooded);
}

static void attach_and_die(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			   struct rcast_message *message)
{
	attach_with_records(circuit, message);
	_exit(0);
}

HARNESS_TEST(view, gone_after_all_was_read)
{
	struct rcast_client *client = fake_connect(attach_and_die);
	struct rcast_record record;
	struct rcast_view *view;

	view = open_and_read(client);
	cr_expect_eq(fake_next(view, &record), -EPIPE);
	fake_await_readable(view);
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
	struct rcast_client *client = fake_connect(attach_and_remove);
	struct rcast_view_options options = {.by_circuit = true};
	struct rcast_record record;
	struct rcast_view *view;

	view = open_and_read(client);
	cr_expect_eq(fake_next(view, &record), RCAST_ENDED);
	rcast_view_close(view);
	cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
	cr_expect_eq(fake_next(view, &record), -ECONNABORTED);
	cr_expect_eq(fake_next(view, &record), -ECONNABORTED);
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
	struct rcast_client *client = fake_connect(attach_and_end);
	struct rcast_record record;
	struct rcast_view *view;

	view = open_and_read(client);
	cr_expect_eq(fake_next(view, &record), RCAST_ENDED);
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
	struct rcast_client *client = fake_connect(attach_ended);
	struct rcast_view_options options = {.from = RCAST_FROM_NEWEST};
	struct rcast_record record;
	struct rcast_view *view;

	cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
	cr_expect_eq(fake_next(view, &record), RCAST_ENDED);
	rcast_view_close(view);
	options = (struct rcast_view_options){.from = RCAST_FROM_POS, .from_pos = 8};
	cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
	fake_expect_record(view, "two");
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

static void refuse(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	fake_reply_error(circuit, ENOENT, "no such session");
}

HARNESS_TEST(view, refusal_says_why)
{
	struct rcast_client *client = fake_connect(refuse);
	struct rcast_view *view;

	cr_expect_eq(rcast_view_open(client, "x", NULL, &view), -ENOENT);
	cr_expect_str_eq(rcast_client_error(client), "no such session");
	rcast_client_free(client);
}

static void attach_then_rubbish(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
				struct rcast_message *message)
{
	struct iovec rubbish = {.iov_base = (char *)"\xff", .iov_len = 1};

	if (request->command_case == RINGCAST__WIRE__REQUEST__COMMAND_ATTACH)
		attach_with_records(circuit, message);
	else
		rcast_circuit_send(circuit, &rubbish, 1, 0);
}

HARNESS_TEST(view, connection_given_up_elsewhere_wakes_it)
{
	struct rcast_client *client = fake_connect(attach_then_rubbish);
	struct rcast_record record;
	struct rcast_view *view;

	view = open_and_read(client);
	cr_expect_eq(rcast_view_next(view, &record), RCAST_EMPTY);
	cr_expect_eq(rcast_client_kill(client, "fake"), -EPROTO);
	fake_await_readable(view);
	cr_expect_eq(rcast_view_next(view, &record), -EPROTO);
	rcast_view_close(view);
	rcast_client_free(client);
}
