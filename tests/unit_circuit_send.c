/* SPDX-License-Identifier: MIT */
/*
 * The outgoing direction: credit to the byte, waiting, caps, descriptors, and a random walk over all of it.
 */
#include "circuit_kit.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "control/link.h"

static const char block[RCAST_LINK_MIN_MESSAGE];

static const struct rcast_link_options *small_window(uint8_t id_bytes)
{
	static struct rcast_link_options options;

	options = (struct rcast_link_options){.id_bytes = id_bytes, .window_bytes = RCAST_LINK_MIN_WINDOW};
	return &options;
}

static int send_until_refused(struct talk *talk, size_t n_bytes)
{
	int n = 0, error;

	while ((error = talk_send(talk, block, n_bytes, 0)) == 0)
		n++;
	cr_assert_eq(error, -EAGAIN);
	return n;
}

/* ── Credit ── */

EVERYWHERE(circuit_send, credit_is_exact)
{
	static const size_t sizes[] = {0, 1, 1000, RCAST_LINK_MIN_MESSAGE};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		int n_fit = (int)(RCAST_LINK_MIN_WINDOW / (sizes[i] + RCAST_MESSAGE_OVERHEAD));
		struct talk sending = {0}, holding = {.verdict = RCAST_HELD};
		struct pair pair;

		pair_open(&pair, carrier, small_window(id_bytes));
		pair_expect(&pair, 1, &holding, 1);
		talk_begin(&sending, pair.links[0]);
		cr_assert_eq(send_until_refused(&sending, sizes[i]), n_fit);
		pair_await(&pair, holding.n_messages == n_fit);
		pair_idle(&pair);
		cr_assert_eq(sending.n_writable, 0);
		cr_assert_eq(talk_send(&sending, block, sizes[i], 0), -EAGAIN);
		for (int k = 0; k < n_fit; k++)
			rcast_circuit_consumed(holding.circuit, sizes[i]);
		rcast_circuit_consumed(holding.circuit, sizes[i]); /* one too many changes nothing */
		pair_await(&pair, sending.n_writable == 1);
		pair_await(&pair, pair.links[1]->circuits.ids.n_used == 1 && sending.circuit->outstanding_bytes == 0);
		cr_assert_eq(send_until_refused(&sending, sizes[i]), n_fit);
		pair_close(&pair);
	}
}

HARNESS_TEST(circuit_send, the_peers_hello_opens_its_whole_window)
{
	struct rcast_link_options options = {.window_bytes = 1 << 20, .max_message_bytes = 1 << 19};
	struct talk sending = {0}, holding = {.verdict = RCAST_HELD};
	static const char large[1 << 19];
	struct pair pair;

	for (enum carrier carrier = STREAM; carrier < N_CARRIERS; carrier++) {
		sending = (struct talk){0};
		holding = (struct talk){.verdict = RCAST_HELD};
		pair_open(&pair, carrier, &options);
		pair_expect(&pair, 1, &holding, 1);
		talk_begin(&sending, pair.links[0]);
		cr_assert_eq(rcast_circuit_credit(sending.circuit), RCAST_LINK_MIN_MESSAGE);
		cr_assert_eq(talk_send(&sending, large, (1 << 20) + 1, 0), -EMSGSIZE);
		cr_assert_eq(talk_send(&sending, large, 1 << 19, 0), -EAGAIN, "who knows what the peer takes");
		pair_await(&pair, sending.n_writable == 1);
		cr_assert_eq(rcast_circuit_credit(sending.circuit), 1 << 19);
		cr_assert_eq(talk_send(&sending, large, (1 << 19) + 1, 0), -EMSGSIZE);
		cr_assert_eq(talk_send(&sending, large, 1 << 19, 0), 0);
		pair_await(&pair, holding.n_bytes == 1 << 19);
		cr_assert_eq(rcast_circuit_credit(sending.circuit), (1 << 19) - 2 * RCAST_MESSAGE_OVERHEAD);
		pair_close(&pair);
	}
}

EVERYWHERE(circuit_send, a_message_that_is_too_long_is_refused_once_that_is_known)
{
	static const char long_message[RCAST_LINK_MAX_MESSAGE];
	struct talk sending = {0};
	struct pair pair;

	pair_open(&pair, carrier, small_window(id_bytes));
	talk_begin(&sending, pair.links[0]);
	cr_assert_eq(talk_send(&sending, long_message, sizeof long_message, 0), -EAGAIN);
	pair_await(&pair, sending.n_writable == 1);
	cr_assert_eq(talk_send(&sending, long_message, sizeof long_message, 0), -EMSGSIZE);
	cr_assert_eq(rcast_link_max_message(pair.links[0]), RCAST_LINK_MIN_WINDOW - RCAST_MESSAGE_OVERHEAD);
	pair_close(&pair);
}

EVERYWHERE(circuit_send, a_stalled_stream_holds_up_nobody)
{
	struct talk stalled = {0}, holding = {.verdict = RCAST_HELD}, flowing = {0}, taking = {0}, *takers;
	struct talk both[2];
	struct pair pair;

	pair_open(&pair, carrier, small_window(id_bytes));
	both[0] = holding;
	both[1] = taking;
	takers = both;
	pair_expect(&pair, 1, takers, 2);
	talk_begin(&stalled, pair.links[0]);
	send_until_refused(&stalled, sizeof block);
	pair_await(&pair, takers[0].n_messages == 3);
	talk_begin(&flowing, pair.links[0]);
	for (int i = 0; i < 100; i++) {
		int error = talk_send(&flowing, block, sizeof block, 0);

		cr_assert(error == 0 || error == -EAGAIN);
		if (error == -EAGAIN)
			pair_await(&pair, flowing.n_writable > 0);
		flowing.n_writable = 0;
		i -= error == -EAGAIN;
	}
	pair_await(&pair, takers[1].n_messages == 100);
	cr_assert_eq(stalled.n_writable, 0);
	pair_close(&pair);
}

EVERYWHERE(circuit_send, what_was_held_goes_back_when_the_exchange_ends)
{
	struct talk sending = {0}, holding = {.verdict = RCAST_HELD};
	struct pair pair;

	pair_open(&pair, carrier, small_window(id_bytes));
	pair_expect(&pair, 1, &holding, 1);
	for (int i = 1; i <= 10; i++) {
		talk_begin(&sending, pair.links[0]);
		cr_assert_eq(talk_send(&sending, block, sizeof block, 0), 0);
		cr_assert_eq(talk_send(&sending, block, sizeof block, RCAST_LAST), 0);
		pair_await(&pair, holding.n_messages == 2 * i);
		cr_assert_eq(talk_send(&holding, NULL, 0, RCAST_LAST), 0);
		rcast_circuit_consumed(holding.circuit, sizeof block);
		pair_await(&pair, sending.n_ended == i && holding.n_ended == i);
	}
	pair_await(&pair, pair.links[0]->circuits.ids.n_used == 0 && pair.links[1]->circuits.ids.n_used == 0);
	pair_close(&pair);
}

/* ── Caps ── */

static void send_more(struct talk *talk)
{
	int *n_left = talk->more;

	while (*n_left > 0 && talk_send(talk, block, 8000, *n_left == 1 ? RCAST_LAST : 0) == 0)
		--*n_left;
}

/* Ten streams share a queue that holds two messages: none fails, none is forgotten. */
EVERYWHERE(circuit_send, a_full_queue_is_waited_for)
{
	struct rcast_link_options options = {.id_bytes = id_bytes, .max_queued_bytes = 20000};
	struct talk sending[10] = {0}, taking[10] = {0};
	int n_left[10], n_messages = 0;
	struct pair pair;

	pair_open(&pair, carrier, &options);
	pair_expect(&pair, 1, taking, 10);
	for (int i = 0; i < 10; i++) {
		n_left[i] = 100;
		sending[i].more = &n_left[i];
		sending[i].on_writable = send_more;
		talk_begin(&sending[i], pair.links[0]);
		send_more(&sending[i]);
		cr_assert_leq(pair.links[0]->queue.n_bytes, 20000);
	}
	pair_await(&pair, ({
		n_messages = 0;
		for (int i = 0; i < 10; i++)
			n_messages += taking[i].n_messages;
		n_messages == 1000;
	}));
	pair_close(&pair);
}

HARNESS_TEST(circuit_send, descriptors_that_wait_are_capped)
{
	struct rcast_link_options options = {.max_queued_fds = 8};
	struct talk sending = {0}, taking = {0};
	struct pair pair;
	int n = 0, error, fd;

	pair_open(&pair, STREAM, &options);
	pair_expect(&pair, 1, &taking, 1);
	talk_begin(&sending, pair.links[0]);
	/* The socket takes some; the others wait here. */
	while ((error = talk_send_fd(&sending, fd = open("/dev/null", O_RDONLY | O_CLOEXEC), 0)) == 0)
		n++;
	close(fd);
	cr_assert_eq(error, -EAGAIN);
	cr_assert_eq(pair.links[0]->queue.n_fds, 8);
	cr_assert_eq(talk_send(&sending, "x", 1, 0), 0, "a message without descriptors still has room");
	pair_await(&pair, taking.n_messages == n + 1);
	pair_close(&pair);
}

/* ── Descriptors ── */

static void take_and_compare(struct talk *talk, struct rcast_message *message)
{
	struct stat *sent = talk->more, got;
	int fd = rcast_message_take_fd(message, 1);

	cr_assert_eq(message->n_fds, 3);
	cr_assert(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	cr_assert_eq(fstat(fd, &got), 0);
	cr_assert(got.st_ino == sent->st_ino && got.st_dev == sent->st_dev);
	cr_assert_eq(rcast_message_take_fd(message, 1), -ENOENT);
	cr_assert_eq(rcast_message_take_fd(message, 3), -ENOENT);
	cr_assert_eq(rcast_message_take_fd(message, -1), -ENOENT);
	close(fd);
}

EVERYWHERE(circuit_send, descriptors_go_both_ways_where_the_link_carries_them)
{
	struct talk talks[2] = {{.on_message = take_and_compare}, {.on_message = take_and_compare}};
	struct stat sent;
	struct pair pair;

	pair_open(&pair, carrier, small_window(id_bytes));
	pair_expect(&pair, 1, &talks[1], 1);
	talk_begin(&talks[0], pair.links[0]);
	for (int i = 0; i < 20; i++) {
		int fds[3] = {open("/", O_RDONLY | O_CLOEXEC), open(harness_folder(), O_RDONLY | O_CLOEXEC),
			      open("/", O_RDONLY | O_CLOEXEC)};
		struct talk *from = &talks[i % 2], *to = &talks[1 - i % 2];
		int error, n_before = to->n_messages;

		fstat(fds[1], &sent);
		to->more = &sent;
		error = rcast_circuit_send_take_fds(from->circuit, NULL, 0, 0, fds, 3);
		if (carrier == TCP || carrier == MEMORY) {
			cr_assert_eq(error, -EOPNOTSUPP);
			cr_assert(!rcast_link_carries_fds(pair.links[0]));
			for (int k = 0; k < 3; k++)
				cr_assert_eq(close(fds[k]), 0);
			break;
		}
		cr_assert_eq(error, 0);
		cr_assert(fcntl(fds[1], F_GETFD) < 0, "moved");
		pair_await(&pair, to->n_messages == n_before + 1);
	}
	pair_close(&pair);
}

HARNESS_TEST(circuit_send, what_cannot_be_sent_stays_the_callers)
{
	int fds[RCAST_MESSAGE_MAX_FDS + 1];
	struct talk sending = {0};
	struct pair pair;

	pair_open(&pair, SEQPACKET, NULL);
	talk_begin(&sending, pair.links[0]);
	for (int i = 0; i <= RCAST_MESSAGE_MAX_FDS; i++)
		fds[i] = dup(0);
	cr_assert_eq(rcast_circuit_send_take_fds(sending.circuit, NULL, 0, 0, fds, RCAST_MESSAGE_MAX_FDS + 1), -EINVAL);
	cr_assert_eq(rcast_circuit_send_take_fds(sending.circuit, NULL, 0, 0, fds, -1), -EINVAL);
	cr_assert_eq(rcast_circuit_send_take_fds(sending.circuit, NULL, 0, 2, fds, 1), -EINVAL);
	cr_assert_eq(rcast_circuit_send_take_fds(sending.circuit, NULL, -1, 0, fds, 1), -EINVAL);
	cr_assert_eq(rcast_circuit_send_take_fds(sending.circuit, NULL, 0, RCAST_LAST, fds, RCAST_MESSAGE_MAX_FDS), 0);
	cr_assert_eq(rcast_circuit_send_take_fds(sending.circuit, NULL, 0, 0, fds + RCAST_MESSAGE_MAX_FDS, 1), -ENODATA);
	close(fds[RCAST_MESSAGE_MAX_FDS]);
	pair_close(&pair);
}

/* ── A random walk ── */

struct walker {
	struct talk talk;
	size_t held[64];
	int n_held;
};

static void hold(struct talk *talk, struct rcast_message *message)
{
	struct walker *walker = (struct walker *)talk;

	talk->verdict = walker->n_held < 64 && rand() % 2 ? RCAST_HELD : RCAST_CONSUMED;
	if (talk->verdict == RCAST_HELD)
		walker->held[walker->n_held++] = message->n_bytes;
	for (size_t i = 0; i < message->n_bytes; i++)
		cr_assert_eq(((const uint8_t *)message->data)[i], (uint8_t)(message->n_bytes + i));
}

static void walk(struct walker *walker, struct rcast_link *link)
{
	static uint8_t bytes[RCAST_LINK_MIN_MESSAGE];
	size_t n_bytes = (size_t)rand() % (rand() % 8 ? 200 : sizeof bytes);
	int error;

	if (!walker->talk.circuit) {
		walker->n_held = 0;
		if (rand() % 2 || rcast_circuit_begin(link, &talk_ops, &walker->talk, &walker->talk.circuit) != 0)
			return;
	}
	if (walker->n_held > 0 && rand() % 2)
		rcast_circuit_consumed(walker->talk.circuit, walker->held[--walker->n_held]);
	for (size_t i = 0; i < n_bytes; i++)
		bytes[i] = (uint8_t)(n_bytes + i);
	error = talk_send(&walker->talk, bytes, n_bytes, rand() % 6 ? 0 : RCAST_LAST);
	cr_assert(error == 0 || error == -EAGAIN || error == -ENODATA);
}

static bool all_silent(struct walker walkers[2][20])
{
	for (int i = 0; i < 40; i++) {
		if (walkers[i / 20][i % 20].talk.circuit)
			return false;
	}
	return true;
}

EVERYWHERE(circuit_send, a_random_walk_leaves_nothing_behind)
{
	struct rcast_link_options options = {
		.id_bytes = id_bytes, .max_busy = 6, .window_bytes = RCAST_LINK_MIN_WINDOW, .max_queued_bytes = 40000};
	static struct walker walkers[2][20];
	static struct talk expected[2][40];
	struct pair pair;

	memset(walkers, 0, sizeof walkers);
	memset(expected, 0, sizeof expected);
	srand(id_bytes);
	pair_open(&pair, carrier, &options);
	for (int i = 0; i < 40; i++) {
		walkers[i / 20][i % 20].talk.on_message = hold;
		expected[i / 20][i % 20].verdict = RCAST_HELD;
	}
	pair_expect(&pair, 0, expected[0], 20);
	pair_expect(&pair, 1, expected[1], 20);
	for (int i = 0; i < 20000; i++) {
		int side = rand() % 2;

		walk(&walkers[side][rand() % 20], pair.links[side]);
		if (rand() % 4 == 0)
			cr_assert_eq(link_turn(pair.links[rand() % 2]), 0);
		for (int k = 0; k < 20 && rand() % 4 == 0; k++) {
			struct talk *talk = &expected[side][k];

			if (talk->circuit && (talk->got_last || rand() % 4 == 0) &&
			    talk_send(talk, "\1", 1, RCAST_LAST) == 0)
				talk->got_last = false;
		}
	}
	for (int i = 0; i < 40; i++) {
		struct talk *talk = &walkers[i / 20][i % 20].talk;

		talk->on_message = NULL;
		talk->verdict = RCAST_CONSUMED;
		expected[i / 20][i % 20].verdict = RCAST_CONSUMED;
	}
	pair_await(&pair, ({
		for (int i = 0; i < 40; i++) {
			if (walkers[i / 20][i % 20].talk.circuit)
				talk_send(&walkers[i / 20][i % 20].talk, NULL, 0, RCAST_LAST);
			if (expected[i / 20][i % 20].circuit)
				talk_send(&expected[i / 20][i % 20], NULL, 0, RCAST_LAST);
		}
		all_silent(walkers);
	}));
	pair_await(&pair, pair.links[0]->circuits.ids.n_used == 0 && pair.links[1]->circuits.ids.n_used == 0);
	cr_assert(pair.errors[0] == 0 && pair.errors[1] == 0);
	pair_close(&pair);
}
