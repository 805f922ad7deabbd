/* SPDX-License-Identifier: MIT */
/*
 * Frames over a connected socket. What the socket is decides how:
 *
 *   UNIX SOCK_SEQPACKET   a packet is a frame; its descriptors come with it, all or nothing
 *   UNIX SOCK_STREAM      length in front; descriptors queue up as they come and belong to frames in order, by their n_fds
 *   TCP                   the same without descriptors
 *
 * On a stream a frame's descriptors travel with its first byte, and the kernel never glues bytes behind those onto the same
 * recvmsg. So when no whole frame is left in the buffer, what waits in `arrived` can only be the descriptors of the one
 * frame that has begun there: anything more was announced by nobody. This also bounds how many can wait.
 *
 * The buffer holds one frame of the largest size. Frames that came together are handed out one by one and the rest moves to
 * the front before the next recvmsg.
 *
 * A reset is reported once and, on seqpacket sockets, before what was sent earlier; so the call is made again, and
 * the end is only believed when recvmsg says 0.
 */
#include "control/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/fdset.h"
#include "control/frame.h"

struct socket {
	struct rcasti_transport base;
	struct rcasti_fdset arrived; /* descriptors not yet given to a frame */
	size_t max_frame_bytes;
	size_t buffer_bytes;
	size_t start, end; /* what the buffer of a stream holds */
	uint8_t buffer[];
};

static int fault(struct socket *sock, int error, const char *what)
{
	snprintf(sock->base.fault, sizeof sock->base.fault, "%s", what);
	return error;
}

static int frame_too_long(struct socket *sock)
{
	snprintf(sock->base.fault, sizeof sock->base.fault, "a frame longer than %zu bytes", sock->max_frame_bytes);
	return -EPROTO;
}

static ssize_t socket_send(struct rcasti_transport *transport, const uint8_t *bytes, size_t n_bytes, const int *fds,
			   int n_fds)
{
	return rcasti_fdset_send(transport->fd, bytes, n_bytes, fds, n_fds);
}

/* recvmsg into the buffer from `end`. Returns bytes, > 0, or -errno. */
static ssize_t receive_bytes(struct socket *sock, bool *truncated)
{
	const char *what = "";
	ssize_t n;

	do {
		n = rcasti_fdset_receive(sock->base.fd, sock->buffer + sock->end, sock->buffer_bytes - sock->end,
					 &sock->arrived, truncated, &what);
	} while (n == -ECONNRESET || n == -EINTR);
	if (n > 0 || n == -EAGAIN)
		return n;
	if (n == -EPROTO)
		return fault(sock, -EPROTO, what);
	if (n == 0)
		return fault(sock, -EPIPE, sock->end > 0 ? "hung up in the middle of a frame" : "");
	return fault(sock, -EPIPE, strerrordesc_np((int)-n));
}

static int seqpacket_receive(struct rcasti_transport *transport, struct rcasti_packet *packet)
{
	struct socket *sock = (struct socket *)transport;
	bool truncated = false;
	ssize_t n = receive_bytes(sock, &truncated);

	if (n < 0)
		return (int)n;
	if (truncated)
		return frame_too_long(sock);
	if (sock->arrived.n > RCAST_MESSAGE_MAX_FDS)
		return fault(sock, -EPROTO, "more descriptors than a frame may have");
	packet->bytes = sock->buffer;
	packet->n_bytes = (size_t)n;
	packet->n_fds = sock->arrived.n;
	rcasti_fdset_move(&sock->arrived, packet->fds, packet->n_fds);
	return 0;
}

static bool seqpacket_is_buffered(const struct rcasti_transport *transport)
{
	return false;
}

/* Length of the frame at the front of the buffer; 0: too little is here to tell. */
static size_t front_bytes(const struct socket *sock)
{
	if (sock->end - sock->start < RCASTI_FRAME_LENGTH_BYTES)
		return 0;
	return rcasti_frame_decode_length(sock->buffer + sock->start);
}

static bool stream_is_buffered(const struct rcasti_transport *transport)
{
	const struct socket *sock = (const struct socket *)transport;
	size_t n_bytes = front_bytes(sock);

	return n_bytes > 0 && sock->end - sock->start - RCASTI_FRAME_LENGTH_BYTES >= n_bytes;
}

/* No whole frame is at the front: can what is there become one, with the descriptors that came? */
static int check_partial_frame(struct socket *sock)
{
	size_t here = sock->end - sock->start, n_bytes = front_bytes(sock);
	int allowed = here > 0 ? RCAST_MESSAGE_MAX_FDS : 0;

	if (here >= RCASTI_FRAME_LENGTH_BYTES && n_bytes < RCASTI_FRAME_START_BYTES)
		return fault(sock, -EPROTO, "a frame shorter than its header");
	if (n_bytes > sock->max_frame_bytes)
		return frame_too_long(sock);
	if (here >= RCASTI_FRAME_LENGTH_BYTES + RCASTI_FRAME_START_BYTES)
		allowed = rcasti_frame_n_fds(sock->buffer + sock->start + RCASTI_FRAME_LENGTH_BYTES);
	if (sock->arrived.n > allowed)
		return fault(sock, -EPROTO, "descriptors that no frame announces");
	return 0;
}

static int fill_buffer(struct socket *sock)
{
	bool truncated = false;
	ssize_t n;

	sock->end -= sock->start;
	memmove(sock->buffer, sock->buffer + sock->start, sock->end);
	sock->start = 0;
	n = receive_bytes(sock, &truncated);
	if (n < 0)
		return (int)n;
	sock->end += (size_t)n;
	return 0;
}

static int stream_receive(struct rcasti_transport *transport, struct rcasti_packet *packet)
{
	struct socket *sock = (struct socket *)transport;
	int error = 0;

	while (!error && !stream_is_buffered(transport)) {
		error = check_partial_frame(sock);
		if (!error)
			error = fill_buffer(sock);
	}
	if (error)
		return error;
	packet->n_bytes = front_bytes(sock);
	if (packet->n_bytes < RCASTI_FRAME_START_BYTES)
		return fault(sock, -EPROTO, "a frame shorter than its header");
	packet->bytes = sock->buffer + sock->start + RCASTI_FRAME_LENGTH_BYTES;
	packet->n_fds = rcasti_frame_n_fds(packet->bytes);
	if (packet->n_fds > sock->arrived.n || packet->n_fds > RCAST_MESSAGE_MAX_FDS)
		return fault(sock, -EPROTO, "fewer descriptors than the frame announces");
	rcasti_fdset_move(&sock->arrived, packet->fds, packet->n_fds);
	sock->start += RCASTI_FRAME_LENGTH_BYTES + packet->n_bytes;
	return 0;
}

static void socket_free(struct rcasti_transport *transport)
{
	struct socket *sock = (struct socket *)transport;

	rcasti_fdset_close(&sock->arrived);
	close(transport->fd);
	free(sock);
}

static const struct rcasti_transport_ops seqpacket_ops = {
	.send = socket_send,
	.receive = seqpacket_receive,
	.is_buffered = seqpacket_is_buffered,
	.free = socket_free,
};

static const struct rcasti_transport_ops stream_ops = {
	.send = socket_send,
	.receive = stream_receive,
	.is_buffered = stream_is_buffered,
	.free = socket_free,
};

static int socket_option(int socket_fd, int option, int *value)
{
	socklen_t n_bytes = sizeof *value;

	return getsockopt(socket_fd, SOL_SOCKET, option, value, &n_bytes) == 0 ? 0 : -errno;
}

/* A UNIX packet must fit into the send buffer as a whole, with what the kernel keeps for itself. */
static int seqpacket_max_send(int socket_fd, size_t *max_bytes)
{
	int buffer_bytes, error = socket_option(socket_fd, SO_SNDBUF, &buffer_bytes);

	*max_bytes = error ? 0 : (size_t)buffer_bytes - 32;
	return error;
}

/* Find out what the socket is. -EINVAL: none of those that links run over. */
static int describe(int socket_fd, struct rcasti_transport *base)
{
	int domain, type, error = socket_option(socket_fd, SO_DOMAIN, &domain), one = 1;

	if (!error)
		error = socket_option(socket_fd, SO_TYPE, &type);
	if (error)
		return error;
	*base = (struct rcasti_transport){
		.ops = &stream_ops, .fd = socket_fd, .prefixes_length = true, .max_send_bytes = SIZE_MAX};
	if (type == SOCK_STREAM && (domain == AF_INET || domain == AF_INET6))
		return setsockopt(socket_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0 ? 0 : -errno;
	if (domain != AF_UNIX || (type != SOCK_STREAM && type != SOCK_SEQPACKET))
		return -EINVAL;
	base->carries_fds = true;
	if (type == SOCK_STREAM)
		return 0;
	base->ops = &seqpacket_ops;
	base->prefixes_length = false;
	return seqpacket_max_send(socket_fd, &base->max_send_bytes);
}

int rcasti_transport_open_socket(int socket_fd, size_t max_frame_bytes, struct rcasti_transport **transport)
{
	struct rcasti_transport base;
	int error = describe(socket_fd, &base), flags;
	struct socket *sock;

	if (error)
		return error;
	flags = fcntl(socket_fd, F_GETFL);
	if (flags < 0 || fcntl(socket_fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(socket_fd, F_SETFD, FD_CLOEXEC) != 0)
		return -errno;
	sock = malloc(sizeof *sock + RCASTI_FRAME_LENGTH_BYTES + max_frame_bytes);
	if (!sock)
		return -ENOMEM;
	sock->base = base;
	sock->arrived.n = 0;
	sock->max_frame_bytes = max_frame_bytes;
	sock->buffer_bytes = max_frame_bytes + (base.prefixes_length ? RCASTI_FRAME_LENGTH_BYTES : 0);
	sock->start = sock->end = 0;
	*transport = &sock->base;
	return 0;
}
