/* SPDX-License-Identifier: MIT */
/*
 * A link whose peer is the test itself, which sends frames that no link would send.
 */
#ifndef RINGCAST_TESTS_RAW_PEER_H
#define RINGCAST_TESTS_RAW_PEER_H

#include "circuit_kit.h"

#include "control/fdset.h"
#include "control/link.h"

struct raw {
	struct pair pair;             /* pair.links[1] is the link under test; the peer dials */
	struct rcasti_transport *end; /* the peer's */
	struct rcast_link_options options;
};

static inline void raw_send_bytes(struct raw *raw, const void *bytes, size_t n_bytes, const int *fds, int n_fds)
{
	ssize_t n;

	harness_await((n = raw->end->ops->send(raw->end, bytes, n_bytes, fds, n_fds)) != -EAGAIN);
	cr_assert_eq(n, (ssize_t)n_bytes);
}

/* Send a frame of these bytes, with its length where the carrier wants it, and n_fds real descriptors. */
static inline void raw_send(struct raw *raw, const uint8_t *frame, size_t n_bytes, int n_fds)
{
	static uint8_t out[RCAST_LINK_MAX_MESSAGE];
	size_t n_prefix = raw->end->prefixes_length ? RCASTI_FRAME_LENGTH_BYTES : 0;
	int fds[RCASTI_FDSET_MAX];

	for (int i = 0; i < n_fds; i++)
		fds[i] = 0;
	if (n_prefix)
		rcasti_frame_encode_length(out, (uint32_t)n_bytes);
	memcpy(out + n_prefix, frame, n_bytes);
	raw_send_bytes(raw, out, n_prefix + n_bytes, fds, n_fds);
}

static inline struct rcasti_hello raw_hello(const struct raw *raw)
{
	return (struct rcasti_hello){.version = RCASTI_FRAME_VERSION,
				     .id_bytes = raw->options.id_bytes,
				     .window_bytes = RCAST_LINK_MIN_WINDOW,
				     .max_message_bytes = RCAST_LINK_MIN_MESSAGE,
				     .max_busy = 100,
				     .n_reserved = raw->options.n_reserved};
}

static inline void raw_send_hello(struct raw *raw, const struct rcasti_hello *hello)
{
	uint8_t frame[RCASTI_FRAME_HELLO_BYTES];

	raw_send(raw, frame, rcasti_frame_encode_hello(frame, hello), 0);
}

static inline void raw_open(struct raw *raw, enum carrier carrier, const struct rcast_link_options *options)
{
	struct rcasti_transport *ends[2];
	int fds[2];

	raw->pair = (struct pair){0};
	cr_assert_eq(rcasti_link_resolve_options(options, &raw->options), 0);
	if (carrier == MEMORY) {
		cr_assert_eq(rcasti_transport_open_memory(rcasti_link_max_frame_bytes(&raw->options), 1 << 20, ends), 0);
		raw->end = ends[0];
		cr_assert_eq(rcasti_link_open_take(ends[1], RCAST_ACCEPTED, &raw->options, &pair_ops, &raw->pair,
						   &raw->pair.links[1]),
			     0);
		return;
	}
	carrier_sockets(carrier, fds);
	cr_assert_eq(rcasti_transport_open_socket(fds[0], RCAST_LINK_MAX_MESSAGE, &raw->end), 0);
	cr_assert_eq(rcast_link_open_take(fds[1], RCAST_ACCEPTED, options, &pair_ops, &raw->pair, &raw->pair.links[1]), 0);
}

static inline void raw_close(struct raw *raw)
{
	rcast_link_free(raw->pair.links[1]);
	if (raw->end)
		raw->end->ops->free(raw->end);
}

/* The next frame that the link sent. */
static inline struct rcasti_packet raw_receive(struct raw *raw)
{
	struct rcasti_packet packet;
	bool got = false;

	pair_await(&raw->pair, got || (got = raw->end->ops->receive(raw->end, &packet) == 0));
	return packet;
}

/* The link must end so, with a reason that contains this. */
static inline void raw_await_end(struct raw *raw, int error, const char *reason, const char *what)
{
	pair_await(&raw->pair, raw->pair.errors[1] != 0);
	cr_assert_eq(raw->pair.errors[1], error, "%s: %d", what, raw->pair.errors[1]);
	cr_assert(strstr(rcast_link_reason(raw->pair.links[1]), reason), "%s: \"%s\" does not say \"%s\"", what,
		  rcast_link_reason(raw->pair.links[1]), reason);
}

#endif
