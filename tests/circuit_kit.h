/* SPDX-License-Identifier: MIT */
/*
 * Two links joined by each of the carriers, and the conversations on them, for the tests of circuits.
 *
 * A link over a socket is only dispatched when poll says so for the events that it asks for, as its owner would: a test
 * that ends proves also that no wake-up was missed.
 */
#ifndef RINGCAST_TESTS_CIRCUIT_KIT_H
#define RINGCAST_TESTS_CIRCUIT_KIT_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ringcast/circuit.h>

#include "harness.h"

enum carrier { SEQPACKET, STREAM, TCP, MEMORY, N_CARRIERS };

/* One circuit's exchanges as one side sees them. */
struct talk {
	struct rcast_circuit *circuit; /* NULL while there is none */
	int n_messages, n_writable, n_begun, n_ended;
	size_t n_bytes;
	bool got_last;
	int reason;                                                           /* of the latest ended */
	enum rcast_consumed verdict;                                          /* what the handler returns */
	void (*on_message)(struct talk *talk, struct rcast_message *message); /* may be NULL */
	void (*on_writable)(struct talk *talk);
	void (*on_ended)(struct talk *talk);
	void *more;
};

struct pair {
	struct rcast_link *links[2]; /* [0] dialled, [1] accepted */
	struct talk *expected[2];    /* who takes what the peer begins: the first that is idle */
	int n_expected[2];
	int errors[2]; /* what dispatch said last */
};

static inline enum rcast_consumed talk_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	struct talk *talk = user;

	cr_assert_eq(talk->circuit, circuit);
	talk->n_messages++;
	talk->n_bytes += message->n_bytes;
	talk->got_last |= message->last;
	if (talk->on_message)
		talk->on_message(talk, message);
	return talk->verdict;
}

static inline void talk_writable(struct rcast_circuit *circuit, void *user)
{
	struct talk *talk = user;

	cr_assert_eq(talk->circuit, circuit);
	talk->n_writable++;
	if (talk->on_writable)
		talk->on_writable(talk);
}

static inline void talk_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	struct talk *talk = user;

	cr_assert_eq(talk->circuit, circuit);
	talk->n_ended++;
	talk->reason = reason;
	talk->circuit = NULL;
	if (talk->on_ended)
		talk->on_ended(talk);
}

static const struct rcast_circuit_ops talk_ops = {talk_message, talk_writable, talk_ended};

/* The first idle talk of those expected takes the circuit. */
static inline void pair_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	struct pair *pair = user;
	int side = link == pair->links[1];

	for (int i = 0; i < pair->n_expected[side]; i++) {
		struct talk *talk = &pair->expected[side][i];

		if (talk->circuit)
			continue;
		talk->circuit = circuit;
		talk->n_begun++;
		rcast_circuit_set_handler(circuit, &talk_ops, talk);
		return;
	}
}

static const struct rcast_link_ops pair_ops = {pair_begun};

static inline void tcp_pair(int fds[2])
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof address;

	cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &n), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(fds[0], (struct sockaddr *)&address, sizeof address), 0);
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	cr_assert(fds[1] >= 0);
	close(listener);
}

static inline void carrier_sockets(enum carrier carrier, int fds[2])
{
	if (carrier == TCP)
		tcp_pair(fds);
	else
		cr_assert_eq(
			socketpair(AF_UNIX, (carrier == SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0, fds),
			0);
}

static inline void pair_open(struct pair *pair, enum carrier carrier, const struct rcast_link_options *options)
{
	void *users[2] = {pair, pair};
	int fds[2];

	*pair = (struct pair){0};
	if (carrier == MEMORY) {
		cr_assert_eq(rcast_link_open_memory_pair(options, &pair_ops, users, pair->links), 0);
		return;
	}
	carrier_sockets(carrier, fds);
	cr_assert_eq(rcast_link_open_take(fds[0], RCAST_DIALLED, options, &pair_ops, pair, &pair->links[0]), 0);
	cr_assert_eq(rcast_link_open_take(fds[1], RCAST_ACCEPTED, options, &pair_ops, pair, &pair->links[1]), 0);
}

static inline void pair_close(struct pair *pair)
{
	rcast_link_free(pair->links[0]);
	rcast_link_free(pair->links[1]);
}

/* What the owner of a link does when its loop goes round. */
static inline int link_turn(struct rcast_link *link)
{
	struct pollfd look = {.fd = rcast_link_fd(link), .events = rcast_link_events(link)};

	if (look.fd >= 0 && poll(&look, 1, 0) == 0 && rcast_link_timeout_ms(link) < 0)
		return 0;
	return rcast_link_dispatch(link);
}

static inline void pair_turn(struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		if (pair->links[i] && pair->errors[i] == 0)
			pair->errors[i] = link_turn(pair->links[i]);
	}
}

/* Turn both links until it holds. */
#define pair_await(pair, condition)                                         \
	do {                                                                \
		for (int pair_n = 0; pair_n < 64 && !(condition); pair_n++) \
			pair_turn(pair);                                    \
		harness_await((pair_turn(pair), (condition)));              \
	} while (0)

/* Turn for a while, to see that something does not happen. What a test waits for it waits for with pair_await. */
static inline void pair_idle(struct pair *pair)
{
	for (int n = 0; n < 16; n++) {
		pair_turn(pair);
		harness_pause();
	}
}

/* A test whose body runs over every carrier and at every width of ids. */
#define EVERYWHERE(suite, name)                                                           \
	static void name##_over(enum carrier carrier, uint8_t id_bytes);                  \
	HARNESS_TEST(suite, name)                                                         \
	{                                                                                 \
		for (enum carrier carrier = SEQPACKET; carrier < N_CARRIERS; carrier++) { \
			name##_over(carrier, 1);                                          \
			name##_over(carrier, 2);                                          \
			name##_over(carrier, 4);                                          \
		}                                                                         \
	}                                                                                 \
	static void name##_over(enum carrier carrier, uint8_t id_bytes)

static inline void pair_expect(struct pair *pair, int side, struct talk *talks, int n)
{
	pair->expected[side] = talks;
	pair->n_expected[side] = n;
}

static inline int talks_ended(const struct talk *talks, int n)
{
	int n_ended = 0;

	for (int i = 0; i < n; i++)
		n_ended += talks[i].n_ended;
	return n_ended;
}

static inline void talk_begin(struct talk *talk, struct rcast_link *link)
{
	cr_assert_eq(rcast_circuit_begin(link, &talk_ops, talk, &talk->circuit), 0);
	talk->n_begun++;
}

static inline int talk_send(struct talk *talk, const void *bytes, size_t n_bytes, unsigned int flags)
{
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = n_bytes};

	return rcast_circuit_send(talk->circuit, &iov, 1, flags);
}

static inline int talk_send_fd(struct talk *talk, int fd, unsigned int flags)
{
	return rcast_circuit_send_take_fds(talk->circuit, NULL, 0, flags, &fd, 1);
}

#endif
