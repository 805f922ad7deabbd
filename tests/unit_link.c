/* SPDX-License-Identifier: MIT */
/*
 * Links: options, the first hello, what ends a link, what its owner polls for.
 */
#include "raw_peer.h"

/* ── Opening ── */

HARNESS_TEST(link, options_out_of_range_are_refused_and_the_socket_closed)
{
	static const struct rcast_link_options wrong[] = {
		{.id_bytes = 3},
		{.id_bytes = 8},
		{.n_reserved = RCAST_LINK_MAX_RESERVED + 1},
		{.max_message_bytes = RCAST_LINK_MIN_MESSAGE - 1},
		{.max_message_bytes = RCAST_LINK_MAX_MESSAGE + 1},
		{.window_bytes = RCAST_LINK_MIN_WINDOW - 1},
		{.window_bytes = RCAST_LINK_MAX_WINDOW + 1},
	};
	void *users[2] = {NULL, NULL};
	struct rcast_link *links[2];
	int fds[2];

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		carrier_sockets(SEQPACKET, fds);
		cr_assert_eq(rcast_link_open_take(fds[0], RCAST_DIALLED, &wrong[i], NULL, NULL, &links[0]), -EINVAL);
		cr_assert_lt(fcntl(fds[0], F_GETFD), 0);
		close(fds[1]);
		cr_assert_eq(rcast_link_open_memory_pair(&wrong[i], NULL, users, links), -EINVAL);
	}
}

HARNESS_TEST(link, a_socket_of_another_kind_is_refused_and_closed)
{
	struct rcast_link *link;
	int fds[2] = {socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), open("/dev/null", O_RDWR | O_CLOEXEC)};

	cr_assert_eq(rcast_link_open_take(fds[0], RCAST_DIALLED, NULL, NULL, NULL, &link), -EINVAL);
	cr_assert_eq(rcast_link_open_take(fds[1], RCAST_DIALLED, NULL, NULL, NULL, &link), -ENOTSOCK);
	cr_assert_eq(rcast_link_open_take(-1, RCAST_DIALLED, NULL, NULL, NULL, &link), -EBADF);
	rcast_link_free(NULL);
}

HARNESS_TEST(link, says_what_it_is)
{
	struct pair pair;

	for (enum carrier carrier = SEQPACKET; carrier < N_CARRIERS; carrier++) {
		pair_open(&pair, carrier, NULL);
		cr_assert_eq(rcast_link_user(pair.links[0]), &pair);
		cr_assert_str_empty(rcast_link_reason(pair.links[0]));
		cr_assert_eq(rcast_link_carries_fds(pair.links[0]), carrier == SEQPACKET || carrier == STREAM);
		cr_assert_eq(rcast_link_max_message(pair.links[0]), RCAST_LINK_MIN_MESSAGE);
		pair_await(&pair, pair.links[0]->greeted);
		cr_assert_eq(rcast_link_max_message(pair.links[0]), 64 * 1024);
		cr_assert_eq(rcast_link_events(pair.links[0]), POLLIN);
		cr_assert_eq(rcast_link_fd(pair.links[0]) < 0, carrier == MEMORY);
		if (carrier != MEMORY) {
			cr_assert(fcntl(rcast_link_fd(pair.links[0]), F_GETFL) & O_NONBLOCK);
			cr_assert(fcntl(rcast_link_fd(pair.links[0]), F_GETFD) & FD_CLOEXEC);
		}
		pair_close(&pair);
	}
}

/* A seqpacket socket sends no packet longer than its buffer, whatever the peer would take. */
HARNESS_TEST(link, the_largest_message_is_one_that_can_be_sent)
{
	struct rcast_link_options options = {
		.max_message_bytes = 1 << 20, .window_bytes = 1 << 22, .max_queued_bytes = 1 << 22};
	struct talk sending = {0}, taking = {0};
	static const char large[1 << 20];
	struct pair pair;

	pair_open(&pair, SEQPACKET, &options);
	pair_expect(&pair, 1, &taking, 1);
	pair_await(&pair, pair.links[0]->greeted);
	cr_assert(rcast_link_max_message(pair.links[0]) > 64 * 1024 && rcast_link_max_message(pair.links[0]) <= 1 << 20);
	talk_begin(&sending, pair.links[0]);
	cr_assert_eq(talk_send(&sending, large, rcast_link_max_message(pair.links[0]), 0), 0);
	pair_await(&pair, taking.n_bytes == rcast_link_max_message(pair.links[0]));
	pair_close(&pair);
}

/* ── Hello ── */

struct disagreement {
	const char *what;
	const char *reason;
	struct rcasti_hello hello;
};

EVERYWHERE(link, sides_that_disagree_say_so)
{
	const struct disagreement table[] = {
		{"version", "version 2 of the circuit protocol, this side 1", {2, id_bytes, false, 65536, 16384, 1, 0}},
		{"width", "ids have 3 bytes, this side's", {1, 3, false, 65536, 16384, 1, 0}},
		{"reserved", "reserves 7 circuits, this side 0", {1, id_bytes, false, 65536, 16384, 1, 7}},
		{"window", "out of range", {1, id_bytes, false, 65535, 16384, 1, 0}},
		{"large window", "out of range", {1, id_bytes, false, UINT32_MAX, 16384, 1, 0}},
		{"message", "out of range", {1, id_bytes, false, 65536, 16383, 1, 0}},
		{"message past window", "out of range", {1, id_bytes, false, 65536, 65505, 1, 0}},
		{"busy", "out of range", {1, id_bytes, false, 65536, 16384, 0, 0}},
	};
	struct rcast_link_options options = {.id_bytes = id_bytes};
	struct raw raw;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		raw_open(&raw, carrier, &options);
		raw_send_hello(&raw, &table[i].hello);
		raw_await_end(&raw, -EPROTO, table[i].reason, table[i].what);
		raw_close(&raw);
	}
}

EVERYWHERE(link, whoever_does_not_say_hello_is_no_peer)
{
	static const uint8_t frames[][32] = {{RCASTI_FRAME_MESSAGE, 0, 0, 4},
					     {RCASTI_FRAME_HELLO, 0, 0, 'R', 'C', 'S', 'T', 1},
					     "GET / HTTP/1.1\r\n\r\n",
					     {0}};
	struct rcast_link_options options = {.id_bytes = id_bytes};
	struct raw raw;

	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		raw_open(&raw, carrier, &options);
		raw_send(&raw, frames[i], sizeof frames[i], 0);
		raw_await_end(&raw, -EPROTO, "", "no hello");
		raw_close(&raw);
	}
}

/* ── Endings ── */

EVERYWHERE(link, what_was_sent_before_a_hang_up_is_delivered)
{
	struct talk sending = {0}, taking = {0};
	struct rcast_link_options options = {.id_bytes = id_bytes, .max_queued_bytes = 1 << 20};
	struct pair pair;
	int n = 0;

	pair_open(&pair, carrier, &options);
	pair_expect(&pair, 1, &taking, 1);
	pair_await(&pair, pair.links[0]->greeted);
	talk_begin(&sending, pair.links[0]);
	/* More than one dispatch takes, and nothing that was unread at the sender. */
	while (n < 200 && !rcasti_queue_head(&pair.links[0]->queue) && talk_send(&sending, "0123456789", 10, 0) == 0)
		n++;
	rcast_link_free(pair.links[0]);
	pair.links[0] = NULL;
	cr_assert_eq(sending.reason, -EPIPE);
	pair_await(&pair, pair.errors[1] != 0);
	cr_assert_eq(pair.errors[1], -EPIPE);
	cr_assert_str_eq(rcast_link_reason(pair.links[1]), "the peer is gone");
	cr_assert(taking.n_messages >= n - 1 && n > 10);
	pair_close(&pair);
}

/* The peer leaves without reading: our sends fail first, then comes a reset, and still what it said is to be delivered. */
HARNESS_TEST(link, a_reset_does_not_eat_what_came_before_it)
{
	struct rcasti_hello hello;
	struct talk asking = {0}, taking = {0};
	struct raw raw;

	for (enum carrier carrier = SEQPACKET; carrier <= STREAM; carrier++) {
		uint8_t frame[16];
		struct rcasti_frame message = {.kind = RCASTI_FRAME_MESSAGE, .last = true, .id = 2};

		taking = asking = (struct talk){0};
		raw_open(&raw, carrier, NULL);
		pair_expect(&raw.pair, 1, &taking, 1);
		talk_begin(&asking, raw.pair.links[1]);
		hello = raw_hello(&raw);
		raw_send_hello(&raw, &hello);
		raw_send(&raw, frame, rcasti_frame_encode(frame, 4, &message), 0);
		raw.end->ops->free(raw.end);
		raw.end = NULL;
		cr_assert_eq(talk_send(&asking, "unread", 6, 0), 0, "nobody knows yet");
		cr_assert_eq(talk_send(&asking, "unread", 6, 0), -EPIPE);
		raw_await_end(&raw, -EPIPE, "the peer is gone", "reset");
		cr_assert(taking.got_last);
		raw_close(&raw);
		cr_assert(taking.reason == -EPIPE && asking.reason == -EPIPE);
	}
}

/* It stays connected but has shut its ears: that is gone, too. */
HARNESS_TEST(link, a_peer_that_takes_nothing_more_is_gone)
{
	for (enum carrier carrier = SEQPACKET; carrier <= STREAM; carrier++) {
		struct talk asking = {0};
		struct rcasti_hello hello;
		struct raw raw;

		raw_open(&raw, carrier, NULL);
		hello = raw_hello(&raw);
		raw_send_hello(&raw, &hello);
		talk_begin(&asking, raw.pair.links[1]);
		pair_await(&raw.pair, raw.pair.links[1]->greeted);
		cr_assert_eq(shutdown(raw.end->fd, SHUT_RD), 0);
		cr_assert_eq(talk_send(&asking, "hello", 5, 0), 0);
		raw_await_end(&raw, -EPIPE, "takes nothing more", "shutdown");
		raw_close(&raw);
		cr_assert_eq(asking.reason, -EPIPE);
	}
}

HARNESS_TEST(link, an_abort_needs_an_error)
{
	struct pair pair;

	pair_open(&pair, MEMORY, NULL);
	rcast_link_abort(pair.links[0], 0, NULL);
	cr_assert_eq(rcast_link_dispatch(pair.links[0]), -EPIPE);
	pair_close(&pair);
}

/* ── Sends that fail ── */

static int send_error;

static ssize_t failing_send(struct rcasti_transport *transport, const uint8_t *bytes, size_t n_bytes, const int *fds,
			    int n_fds)
{
	return send_error;
}

/* Whether it waits or ends, a message that was accepted is never sent by halves and never sent twice. */
static void fail_once(int error, bool is_passing)
{
	const struct rcasti_transport_ops *working;
	struct rcasti_transport_ops failing;
	struct talk sending = {0}, taking = {0};
	struct pair pair;

	pair_open(&pair, SEQPACKET, NULL);
	pair_expect(&pair, 1, &taking, 1);
	pair_await(&pair, pair.links[0]->greeted);
	talk_begin(&sending, pair.links[0]);
	working = pair.links[0]->transport->ops;
	failing = *working;
	failing.send = failing_send;
	send_error = error;
	pair.links[0]->transport->ops = &failing;
	cr_assert_eq(talk_send_fd(&sending, fcntl(0, F_DUPFD_CLOEXEC, 0), 0), 0);
	cr_assert_eq(rcast_link_dispatch(pair.links[0]), is_passing ? 0 : error);
	pair.links[0]->transport->ops = working;
	if (is_passing) {
		cr_assert(rcast_link_events(pair.links[0]) & POLLOUT || rcast_link_timeout_ms(pair.links[0]) > 0);
		cr_assert(error == -EAGAIN || !(rcast_link_events(pair.links[0]) & POLLOUT), "a loop would spin");
		pair_await(&pair, taking.n_messages == 1);
	} else {
		cr_assert(strstr(rcast_link_reason(pair.links[0]), "sending failed"));
		cr_assert_eq(talk_send(&sending, NULL, 0, 0), -EPIPE);
	}
	pair_close(&pair);
	cr_assert_eq(sending.reason, is_passing ? -EPIPE : error);
}

HARNESS_TEST(link, a_send_that_fails_for_now_is_tried_again)
{
	fail_once(-EAGAIN, true);
	fail_once(-ETOOMANYREFS, true);
	fail_once(-ENOBUFS, true);
	fail_once(-EPERM, false);
	fail_once(-EMSGSIZE, false);
}

/* ── Refusing descriptors ── */

HARNESS_TEST(link, a_peer_that_was_told_sends_no_descriptors)
{
	struct rcast_link_options refusing = {.refuse_fds = true};
	struct talk sending = {0};
	struct pair pair = {0};
	int fds[2];

	for (enum carrier carrier = SEQPACKET; carrier <= STREAM; carrier++) {
		carrier_sockets(carrier, fds);
		cr_assert_eq(rcast_link_open_take(fds[0], RCAST_DIALLED, NULL, &pair_ops, &pair, &pair.links[0]), 0);
		cr_assert_eq(rcast_link_open_take(fds[1], RCAST_ACCEPTED, &refusing, &pair_ops, &pair, &pair.links[1]), 0);
		cr_assert(rcast_link_carries_fds(pair.links[0]));
		pair_await(&pair, pair.links[0]->greeted);
		cr_assert(!rcast_link_carries_fds(pair.links[0]) && rcast_link_carries_fds(pair.links[1]));
		talk_begin(&sending, pair.links[0]);
		cr_assert_eq(talk_send_fd(&sending, 0, 0), -EOPNOTSUPP);
		pair_close(&pair);
	}
}

/* Whether the kernel refuses them at the sender or lets them come, the link that refuses them never has one. */
HARNESS_TEST(link, descriptors_are_refused)
{
	struct rcast_link_options refusing = {.refuse_fds = true};
	struct rcasti_hello hello;
	struct talk taking = {0};
	struct raw raw;

	for (enum carrier carrier = SEQPACKET; carrier <= STREAM; carrier++) {
		uint8_t frame[32];
		struct rcasti_frame message = {.kind = RCASTI_FRAME_MESSAGE, .id = 2, .n_fds = 1};
		size_t n_prefix = carrier == STREAM ? RCASTI_FRAME_LENGTH_BYTES : 0, n;
		int fd = 0;
		ssize_t sent;

		raw_open(&raw, carrier, &refusing);
		pair_expect(&raw.pair, 1, &taking, 1);
		hello = raw_hello(&raw);
		raw_send_hello(&raw, &hello);
		n = rcasti_frame_encode(frame + n_prefix, 4, &message);
		if (n_prefix)
			rcasti_frame_encode_length(frame, (uint32_t)n);
		sent = raw.end->ops->send(raw.end, frame, n_prefix + n, &fd, 1);
		cr_assert(sent == -EPERM || sent == (ssize_t)(n_prefix + n));
		if (sent > 0)
			raw_await_end(&raw, -EPROTO, "refused here", "descriptor");
		cr_assert_eq(taking.n_messages, 0);
		raw_close(&raw);
	}
}

/* ── Work per call ── */

/* But what a stream has buffered makes no poll return, so no dispatch may leave a whole frame behind. */
HARNESS_TEST(link, one_dispatch_does_a_bounded_amount_of_work)
{
	static const struct {
		enum carrier carrier;
		int n_messages;
	} rows[] = {{SEQPACKET, 64}, {STREAM, 200}};
	struct rcast_link_options options = {.window_bytes = 1 << 20};

	for (int i = 0; i < 2; i++) {
		struct talk sending = {0}, taking = {0};
		struct pair pair;

		pair_open(&pair, rows[i].carrier, &options);
		pair_expect(&pair, 1, &taking, 1);
		pair_await(&pair, pair.links[0]->greeted && pair.links[1]->greeted);
		talk_begin(&sending, pair.links[0]);
		for (int n = 0; n < 200; n++)
			cr_assert_eq(talk_send(&sending, NULL, 0, 0), 0);
		cr_assert_eq(rcast_link_dispatch(pair.links[1]), 0);
		cr_assert_eq(taking.n_messages, rows[i].n_messages);
		pair_await(&pair, taking.n_messages == 200);
		pair_close(&pair);
	}
}
