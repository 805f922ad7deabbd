/* SPDX-License-Identifier: MIT */
/*
 * What carries frames from one link to the other: a seqpacket socket, a stream socket, or memory.
 */
#ifndef RCASTI_CONTROL_TRANSPORT_H
#define RCASTI_CONTROL_TRANSPORT_H

#include <sys/types.h>

#include <ringcast/circuit.h>

/* One frame as it came. The bytes are borrowed until the next receive; the descriptors are the receiver's. */
struct rcasti_packet {
	const uint8_t *bytes;
	size_t n_bytes;
	int n_fds;
	int fds[RCAST_MESSAGE_MAX_FDS];
};

struct rcasti_transport {
	const struct rcasti_transport_ops *ops;
	int fd; /* to poll, or -1 */
	bool carries_fds;
	bool prefixes_length;  /* frames are sent with their length in front */
	size_t max_send_bytes; /* the longest frame that send can ever take */
	char fault[120];       /* with -EPROTO or -EPIPE from receive: what happened; empty if there is no more to say */
};

struct rcasti_transport_ops {
	/*
	 * Send a frame, or what is left of it; descriptors, which are lent, go with its first byte. Returns how many bytes
	 * went, or -errno; -EAGAIN: poll for POLLOUT.
	 */
	ssize_t (*send)(struct rcasti_transport *transport, const uint8_t *bytes, size_t n_bytes, const int *fds, int n_fds);

	/* One whole frame. -EAGAIN: none yet. -EPIPE: the peer is gone and all it sent was received. -EPROTO. */
	int (*receive)(struct rcasti_transport *transport, struct rcasti_packet *packet);

	/* Is a whole frame here already, of which poll would not tell? */
	bool (*is_buffered)(const struct rcasti_transport *transport);

	void (*free)(struct rcasti_transport *transport);
};

/* Over a connected socket, taken on success only. Frames of at most max_frame_bytes are received. */
int rcasti_transport_open_socket(int socket_fd, size_t max_frame_bytes, struct rcasti_transport **transport);

/* Two ends that hold at most capacity_bytes on their way in each direction. */
int rcasti_transport_open_memory(size_t max_frame_bytes, size_t capacity_bytes, struct rcasti_transport *ends[2]);

#endif
