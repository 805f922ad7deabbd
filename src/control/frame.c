/* SPDX-License-Identifier: MIT */
/*
 * Encoding and decoding of frames: bytes to values and back, no I/O and no state.
 *
 * Decoding accepts exactly what encoding can produce. Whether a frame is allowed at this moment (parity, window, order) is
 * for link.c and the circuits to say; whether it came whole is for the transports.
 */
#include "control/frame.h"

#include <string.h>

#include <ringcast/circuit.h>

static const uint8_t magic[4] = {'r', 'c', 's', 't'};

static void put(uint8_t *out, unsigned int n_bytes, uint32_t value)
{
	for (unsigned int i = 0; i < n_bytes; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get(const uint8_t *bytes, unsigned int n_bytes)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < n_bytes; i++)
		value |= (uint32_t)bytes[i] << (8 * i);
	return value;
}

void rcasti_frame_encode_length(uint8_t *out, uint32_t n_bytes)
{
	put(out, RCASTI_FRAME_LENGTH_BYTES, n_bytes);
}

uint32_t rcasti_frame_decode_length(const uint8_t *bytes)
{
	return get(bytes, RCASTI_FRAME_LENGTH_BYTES);
}

size_t rcasti_frame_header_bytes(unsigned int id_bytes)
{
	return RCASTI_FRAME_START_BYTES + id_bytes;
}

int rcasti_frame_n_fds(const uint8_t *bytes)
{
	return bytes[2];
}

static void encode_start(uint8_t *out, enum rcasti_frame_kind kind, uint8_t flags, uint8_t n_fds)
{
	out[0] = (uint8_t)kind;
	out[1] = flags;
	out[2] = n_fds;
}

size_t rcasti_frame_encode(uint8_t *out, unsigned int id_bytes, const struct rcasti_frame *frame)
{
	size_t n = rcasti_frame_header_bytes(id_bytes);

	encode_start(out, frame->kind, frame->last ? RCASTI_FRAME_LAST : 0, frame->n_fds);
	put(out + RCASTI_FRAME_START_BYTES, id_bytes, frame->id);
	if (frame->kind != RCASTI_FRAME_CREDIT)
		return n;
	put(out + n, 4, frame->credit_bytes);
	return n + 4;
}

size_t rcasti_frame_encode_hello(uint8_t *out, const struct rcasti_hello *hello)
{
	uint8_t *body = out + RCASTI_FRAME_START_BYTES;

	encode_start(out, RCASTI_FRAME_HELLO, 0, 0);
	memcpy(body, magic, sizeof magic);
	body[4] = hello->version;
	body[5] = hello->id_bytes;
	body[6] = hello->refuses_fds;
	body[7] = 0;
	put(body + 8, 4, hello->window_bytes);
	put(body + 12, 4, hello->max_message_bytes);
	put(body + 16, 4, hello->max_busy);
	put(body + 20, 4, hello->n_reserved);
	return RCASTI_FRAME_HELLO_BYTES;
}

static const char *decode_message(struct rcasti_frame *frame, uint8_t flags)
{
	if (flags & ~RCASTI_FRAME_LAST)
		return "a message with unknown flags";
	if (frame->n_fds > RCAST_MESSAGE_MAX_FDS)
		return "a message that announces too many descriptors";
	frame->last = flags & RCASTI_FRAME_LAST;
	return NULL;
}

static const char *decode_credit(struct rcasti_frame *frame, uint8_t flags)
{
	if (flags || frame->n_fds)
		return "credit with flags or descriptors";
	if (frame->n_bytes != 4)
		return "credit of the wrong length";
	frame->credit_bytes = get(frame->payload, 4);
	return frame->credit_bytes ? NULL : "credit of nothing";
}

const char *rcasti_frame_decode(const uint8_t *bytes, size_t n_bytes, unsigned int id_bytes, struct rcasti_frame *frame)
{
	size_t header_bytes = rcasti_frame_header_bytes(id_bytes);

	if (n_bytes < header_bytes)
		return "a frame shorter than its header";
	*frame = (struct rcasti_frame){
		.kind = bytes[0],
		.n_fds = bytes[2],
		.id = get(bytes + RCASTI_FRAME_START_BYTES, id_bytes),
		.payload = bytes + header_bytes,
		.n_bytes = n_bytes - header_bytes,
	};
	switch (bytes[0]) {
	case RCASTI_FRAME_MESSAGE:
		return decode_message(frame, bytes[1]);
	case RCASTI_FRAME_CREDIT:
		return decode_credit(frame, bytes[1]);
	case RCASTI_FRAME_HELLO:
		return "a second hello";
	default:
		return "a frame of unknown kind";
	}
}

const char *rcasti_frame_decode_hello(const uint8_t *bytes, size_t n_bytes, struct rcasti_hello *hello)
{
	const uint8_t *body = bytes + RCASTI_FRAME_START_BYTES;

	*hello = (struct rcasti_hello){0};
	if (n_bytes < RCASTI_FRAME_START_BYTES + sizeof magic + 1 || bytes[0] != RCASTI_FRAME_HELLO ||
	    memcmp(body, magic, sizeof magic) != 0)
		return "no hello: this is no circuit link";
	hello->version = body[4];
	if (hello->version != RCASTI_FRAME_VERSION)
		return NULL;
	if (n_bytes != RCASTI_FRAME_HELLO_BYTES || bytes[1] || bytes[2] || body[6] > 1 || body[7])
		return "a malformed hello";
	hello->id_bytes = body[5];
	hello->refuses_fds = body[6];
	hello->window_bytes = get(body + 8, 4);
	hello->max_message_bytes = get(body + 12, 4);
	hello->max_busy = get(body + 16, 4);
	hello->n_reserved = get(body + 20, 4);
	return NULL;
}
