/* SPDX-License-Identifier: MIT */
/*
 * The wire format of circuits. All numbers are little endian.
 *
 *   stream sockets only:  u32  length of the frame that follows
 *   every frame:          u8   kind
 *                         u8   flags
 *                         u8   n_fds   descriptors that come with the frame's first byte
 *   MESSAGE, CREDIT:      id   1, 2 or 4 bytes, as agreed
 *                         payload
 *
 *   HELLO    the first frame of each side, and only the first
 *            "rcst"  u8 version  u8 id_bytes  u8 refuses_fds  u8 0  u32 window_bytes  u32 max_message_bytes  u32 max_busy
 *            u32 n_reserved
 *   MESSAGE  payload: the message; flag LAST: the sender's last in this exchange
 *   CREDIT   payload: u32, the bytes by which the receiver of this frame may send more on that circuit
 *
 * A side need not wait for the other's hello: until it has come, the RCAST_LINK_MIN_… limits of <ringcast/circuit.h> hold.
 * A message costs its payload and RCAST_MESSAGE_OVERHEAD of the circuit's window. When an exchange is over each side gives
 * back all credit that it still owes, before it sends anything that it queued later.
 */
#ifndef RCASTI_CONTROL_FRAME_H
#define RCASTI_CONTROL_FRAME_H

#include <ringcast/ringcast.h>

#define RCASTI_FRAME_VERSION 1
#define RCASTI_FRAME_LENGTH_BYTES 4 /* of the prefix on streams */
#define RCASTI_FRAME_START_BYTES 3  /* kind, flags, n_fds */
#define RCASTI_FRAME_HELLO_BYTES (RCASTI_FRAME_START_BYTES + 24)

enum rcasti_frame_kind {
	RCASTI_FRAME_HELLO = 1,
	RCASTI_FRAME_MESSAGE = 2,
	RCASTI_FRAME_CREDIT = 3,
};

enum { RCASTI_FRAME_LAST = 1 };

struct rcasti_hello {
	uint8_t version;
	uint8_t id_bytes;
	bool refuses_fds;
	uint32_t window_bytes;
	uint32_t max_message_bytes;
	uint32_t max_busy;
	uint32_t n_reserved;
};

struct rcasti_frame {
	enum rcasti_frame_kind kind; /* MESSAGE or CREDIT */
	bool last;
	uint8_t n_fds;
	uint32_t id;
	uint32_t credit_bytes;  /* of CREDIT */
	const uint8_t *payload; /* of MESSAGE; borrowed */
	size_t n_bytes;
};

void rcasti_frame_encode_length(uint8_t *out, uint32_t n_bytes);
uint32_t rcasti_frame_decode_length(const uint8_t *bytes);

/* Bytes of a frame in front of the payload. */
size_t rcasti_frame_header_bytes(unsigned int id_bytes);

/* All of a CREDIT, or a MESSAGE's header: the payload goes behind it. Returns the bytes written. */
size_t rcasti_frame_encode(uint8_t *out, unsigned int id_bytes, const struct rcasti_frame *frame);
size_t rcasti_frame_encode_hello(uint8_t *out, const struct rcasti_hello *hello);

/* How many descriptors a frame announces, given at least its first RCASTI_FRAME_START_BYTES. */
int rcasti_frame_n_fds(const uint8_t *bytes);

/* NULL, or what is wrong with the frame. A hello of another version has only its version decoded. */
const char *rcasti_frame_decode(const uint8_t *bytes, size_t n_bytes, unsigned int id_bytes, struct rcasti_frame *frame);
const char *rcasti_frame_decode_hello(const uint8_t *bytes, size_t n_bytes, struct rcasti_hello *hello);

#endif
