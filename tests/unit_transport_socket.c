/* SPDX-License-Identifier: MIT */
/*
 * Frames as they come in pieces, glued together, cut off, and with descriptors in the wrong places.
 */
#include "raw_peer.h"

#include <stdlib.h>

static struct rcasti_transport *open_end(int fd)
{
	struct rcasti_transport *end;

	cr_assert_eq(rcasti_transport_open_socket(fd, 100, &end), 0);
	return end;
}

static int receive(struct rcasti_transport *end, struct rcasti_packet *packet)
{
	int error;

	harness_await((error = end->ops->receive(end, packet)) != -EAGAIN);
	return error;
}

/* Send bytes by hand, with n descriptors. */
static void send_by_hand(int fd, const void *bytes, size_t n_bytes, int n_fds)
{
	int fds[RCASTI_FDSET_MAX] = {0};

	cr_assert_eq(rcasti_fdset_send(fd, bytes, n_bytes, fds, n_fds), (ssize_t)n_bytes);
}

/* A frame of `n` bytes that announces n_fds, with its length in front. */
static size_t stream_frame(uint8_t *out, uint32_t n, uint8_t n_fds)
{
	rcasti_frame_encode_length(out, n);
	for (uint32_t i = 0; i < n; i++)
		out[RCASTI_FRAME_LENGTH_BYTES + i] = i == 2 ? n_fds : (uint8_t)(n + i);
	return RCASTI_FRAME_LENGTH_BYTES + n;
}

HARNESS_TEST(transport_socket, a_stream_cut_anywhere_gives_the_same_frames)
{
	static const uint32_t lengths[] = {3, 100, 7, 64, 3, 99};
	uint8_t bytes[400];
	struct rcasti_packet packet;
	struct rcasti_transport *end;
	size_t n_bytes = 0;
	int fds[2];

	for (size_t i = 0; i < 6; i++)
		n_bytes += stream_frame(bytes + n_bytes, lengths[i], 0);
	for (enum carrier carrier = STREAM; carrier <= TCP; carrier++) {
		for (size_t piece = 1; piece <= n_bytes; piece++) {
			size_t n_sent = 0, n_frames = 0;

			carrier_sockets(carrier, fds);
			end = open_end(fds[1]);
			while (n_frames < 6) {
				size_t n = n_bytes - n_sent < piece ? n_bytes - n_sent : piece;

				if (n > 0)
					send_by_hand(fds[0], bytes + n_sent, n, 0);
				n_sent += n;
				while (end->ops->receive(end, &packet) == 0) {
					cr_assert_eq(packet.n_bytes, lengths[n_frames]);
					cr_assert_eq(packet.bytes[packet.n_bytes - 1],
						     packet.n_bytes == 3 ? 0 : (uint8_t)(2 * packet.n_bytes - 1));
					n_frames++;
				}
			}
			end->ops->free(end);
			close(fds[0]);
			piece += piece / 8;
		}
	}
}

struct breach {
	const char *what;
	uint8_t bytes[12];
	size_t n_bytes;
	int n_fds;
	int error;
	const char *fault;
};

/* Sent on a stream; then the sender hangs up. */
static const struct breach breaches[] = {
	{"nothing", {0}, 0, 0, -EPIPE, ""},
	{"half a length", {3, 0}, 2, 0, -EPIPE, "middle of a frame"},
	{"half a frame", {7, 0, 0, 0, 2, 0, 0, 4}, 8, 0, -EPIPE, "middle of a frame"},
	{"length nought", {0, 0, 0, 0, 2, 0, 0}, 7, 0, -EPROTO, "shorter than its header"},
	{"length two", {2, 0, 0, 0, 2, 0}, 6, 0, -EPROTO, "shorter than its header"},
	{"too long by one", {101, 0, 0, 0}, 4, 0, -EPROTO, "longer than 100"},
	{"far too long", {255, 255, 255, 255}, 4, 0, -EPROTO, "longer than 100"},
	{"text", "GET / HTTP", 10, 0, -EPROTO, "longer than 100"},
	{"a descriptor on a whole frame", {3, 0, 0, 0, 2, 0, 0}, 7, 1, -EPROTO, "no frame announces"},
	{"one too many on half a frame", {9, 0, 0, 0, 2, 0, 1}, 7, 2, -EPROTO, "no frame announces"},
	{"too many on half a length", {9}, 1, 17, -EPROTO, "no frame announces"},
	{"one too few", {3, 0, 0, 0, 2, 0, 2}, 7, 1, -EPROTO, "fewer descriptors"},
	{"none at all", {3, 0, 0, 0, 2, 0, 16}, 7, 0, -EPROTO, "fewer descriptors"},
	{"17 announced and sent", {3, 0, 0, 0, 2, 0, 17}, 7, 17, -EPROTO, ""},
	{"a flood", {9}, 1, RCASTI_FDSET_MAX, -EPROTO, "no frame announces"},
};

HARNESS_TEST(transport_socket, a_broken_stream_is_found_out)
{
	int fds[2], error;

	for (size_t i = 0; i < sizeof breaches / sizeof *breaches; i++) {
		const struct breach *breach = &breaches[i];
		struct rcasti_transport *end;
		struct rcasti_packet packet;

		carrier_sockets(STREAM, fds);
		end = open_end(fds[1]);
		if (breach->n_bytes)
			send_by_hand(fds[0], breach->bytes, breach->n_bytes, breach->n_fds);
		close(fds[0]);
		while ((error = receive(end, &packet)) == 0)
			rcasti_fds_close(packet.fds, packet.n_fds);
		cr_assert_eq(error, breach->error, "%s: %d", breach->what, error);
		cr_assert(strstr(end->fault, breach->fault), "%s: %s", breach->what, end->fault);
		end->ops->free(end);
	}
}

/* Each frame gets its own descriptors, even if several frames come in one go. */
HARNESS_TEST(transport_socket, descriptors_stay_with_their_frames)
{
	uint8_t bytes[64];
	struct rcasti_packet packet;
	struct rcasti_transport *end;
	int fds[2];

	carrier_sockets(STREAM, fds);
	end = open_end(fds[1]);
	for (uint8_t i = 0; i < 10; i++)
		send_by_hand(fds[0], bytes, stream_frame(bytes, 5, i % 4), i % 4);
	for (int i = 0; i < 10; i++) {
		cr_assert_eq(receive(end, &packet), 0);
		cr_assert_eq(packet.n_fds, i % 4);
		rcasti_fds_close(packet.fds, packet.n_fds);
	}
	cr_assert_eq(end->ops->receive(end, &packet), -EAGAIN);
	close(fds[0]);
	end->ops->free(end);
}

HARNESS_TEST(transport_socket, a_packet_too_long_is_found_out)
{
	static const uint8_t bytes[101];
	struct rcasti_packet packet;
	struct rcasti_transport *end;
	int fds[2];

	carrier_sockets(SEQPACKET, fds);
	end = open_end(fds[1]);
	send_by_hand(fds[0], bytes, 100, 0);
	cr_assert_eq(receive(end, &packet), 0);
	cr_assert_eq(packet.n_bytes, 100);
	send_by_hand(fds[0], bytes, 101, 2);
	cr_assert_eq(receive(end, &packet), -EPROTO);
	cr_assert_str_eq(end->fault, "a frame longer than 100 bytes");
	close(fds[0]);
	end->ops->free(end);
}

/* Random bytes in random pieces with random descriptors: it ends, and all are closed. */
HARNESS_TEST(transport_socket, random_streams_leak_nothing)
{
	struct rcasti_packet packet;
	uint8_t bytes[60];
	int fds[2];

	srand(1);
	for (int i = 0; i < 3000; i++) {
		struct rcasti_transport *end;

		carrier_sockets(i % 3 ? STREAM : SEQPACKET, fds);
		end = open_end(fds[1]);
		for (int k = 0; k < 5; k++) {
			size_t n = 1 + (size_t)rand() % sizeof bytes;

			for (size_t b = 0; b < n; b++)
				bytes[b] = (uint8_t)(rand() % 8 ? rand() % 6 : rand());
			if (rand() % 2)
				rcasti_frame_encode_length(bytes, (uint32_t)n - 4);
			send_by_hand(fds[0], bytes, n, rand() % 3 ? 0 : rand() % 20);
		}
		close(fds[0]);
		while (receive(end, &packet) == 0)
			rcasti_fds_close(packet.fds, packet.n_fds);
		end->ops->free(end);
	}
}
