/* SPDX-License-Identifier: MIT */
/*
 * Frames to bytes and back: exact bytes, every width, and everything that must be refused.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "control/frame.h"

static const unsigned int widths[] = {1, 2, 4};

HARNESS_TEST(frame, the_bytes_are_as_documented)
{
	static const uint8_t message[] = {2, 1, 3, 0x78, 0x56, 0x34, 0x12}, credit[] = {3, 0, 0, 0x34, 0x12, 4, 3, 2, 1};
	static const uint8_t hello[] = {1, 0, 0, 'r', 'c', 's', 't', 1, 2, 1, 0, 0, 0, 4,
					0, 0, 0, 1,   0,   44,  1,   0, 0, 7, 0, 0, 0};
	uint8_t out[RCASTI_FRAME_HELLO_BYTES];

	cr_assert_eq(rcasti_frame_encode(out, 4,
					 &(struct rcasti_frame){
						 .kind = RCASTI_FRAME_MESSAGE, .last = true, .n_fds = 3, .id = 0x12345678}),
		     sizeof message);
	cr_assert_arr_eq(out, message, sizeof message);
	cr_assert_eq(rcasti_frame_n_fds(out), 3);
	cr_assert_eq(rcasti_frame_encode(
			     out, 2,
			     &(struct rcasti_frame){.kind = RCASTI_FRAME_CREDIT, .id = 0x1234, .credit_bytes = 0x01020304}),
		     sizeof credit);
	cr_assert_arr_eq(out, credit, sizeof credit);
	cr_assert_eq(rcasti_frame_encode_hello(out, &(struct rcasti_hello){.version = 1,
									   .id_bytes = 2,
									   .refuses_fds = true,
									   .window_bytes = 1 << 18,
									   .max_message_bytes = 1 << 16,
									   .max_busy = 300,
									   .n_reserved = 7}),
		     sizeof hello);
	cr_assert_arr_eq(out, hello, sizeof hello);
}

HARNESS_TEST(frame, what_is_encoded_is_decoded)
{
	uint8_t out[64];

	srand(1);
	for (int i = 0; i < 10000; i++) {
		unsigned int width = widths[i % 3];
		size_t n_payload = (size_t)rand() % 20, n;
		struct rcasti_frame in = {.kind = rand() % 2 ? RCASTI_FRAME_MESSAGE : RCASTI_FRAME_CREDIT}, got;

		in.id = (uint32_t)(((uint64_t)rand() << 20 ^ (uint64_t)rand()) & ((UINT64_C(1) << (8 * width)) - 1));
		if (in.kind == RCASTI_FRAME_MESSAGE) {
			in.last = rand() % 2;
			in.n_fds = (uint8_t)(rand() % 17);
		} else {
			in.credit_bytes = 1 + (uint32_t)rand();
			n_payload = 0;
		}
		n = rcasti_frame_encode(out, width, &in);
		cr_assert_null(rcasti_frame_decode(out, n + n_payload, width, &got));
		cr_assert(got.kind == in.kind && got.last == in.last && got.n_fds == in.n_fds && got.id == in.id);
		cr_assert_eq(got.credit_bytes, in.credit_bytes);
		if (in.kind == RCASTI_FRAME_MESSAGE)
			cr_assert(got.payload == out + n && got.n_bytes == n_payload);
	}
}

HARNESS_TEST(frame, the_length_is_four_bytes_little_endian)
{
	uint8_t out[RCASTI_FRAME_LENGTH_BYTES];

	rcasti_frame_encode_length(out, 0xF1020304);
	cr_assert(out[0] == 4 && out[1] == 3 && out[2] == 2 && out[3] == 0xF1);
	cr_assert_eq(rcasti_frame_decode_length(out), 0xF1020304);
}

struct broken {
	const char *wrong;
	uint8_t bytes[12];
	size_t n_bytes;
};

/* At a width of one. */
static const struct broken frames[] = {
	{"shorter than its header", {0}, 0},
	{"shorter than its header", {2, 0, 0}, 3},
	{"unknown kind", {0, 0, 0, 4}, 4},
	{"unknown kind", {4, 0, 0, 4}, 4},
	{"unknown kind", {255, 0, 0, 4}, 4},
	{"second hello", {1, 0, 0, 'r', 'c', 's', 't', 1}, 8},
	{"unknown flags", {2, 2, 0, 4}, 4},
	{"unknown flags", {2, 129, 0, 4}, 4},
	{"too many descriptors", {2, 0, 17, 4}, 4},
	{"flags or descriptors", {3, 1, 0, 4, 1, 0, 0, 0}, 8},
	{"flags or descriptors", {3, 0, 1, 4, 1, 0, 0, 0}, 8},
	{"wrong length", {3, 0, 0, 4, 1, 0, 0}, 7},
	{"wrong length", {3, 0, 0, 4, 1, 0, 0, 0, 0}, 9},
	{"wrong length", {3, 0, 0, 4}, 4},
	{"credit of nothing", {3, 0, 0, 4, 0, 0, 0, 0}, 8},
};

HARNESS_TEST(frame, what_no_encoder_makes_is_refused)
{
	struct rcasti_frame frame;

	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		const char *wrong = rcasti_frame_decode(frames[i].bytes, frames[i].n_bytes, 1, &frame);

		cr_assert(wrong && strstr(wrong, frames[i].wrong), "%zu: %s", i, wrong ? wrong : "accepted");
	}
}

HARNESS_TEST(frame, a_hello_is_exact)
{
	struct rcasti_hello in = {1, 4, false, 65536, 16384, 9, 3}, got;
	uint8_t good[RCASTI_FRAME_HELLO_BYTES + 1] = {0}, bad[sizeof good];
	size_t n = rcasti_frame_encode_hello(good, &in);

	cr_assert_null(rcasti_frame_decode_hello(good, n, &got));
	cr_assert(got.version == 1 && got.id_bytes == 4 && !got.refuses_fds && got.window_bytes == 65536);
	cr_assert(got.max_message_bytes == 16384 && got.max_busy == 9 && got.n_reserved == 3);
	for (size_t short_by = 1; short_by <= n; short_by++)
		cr_assert_not_null(rcasti_frame_decode_hello(good, n - short_by, &got));
	cr_assert_not_null(rcasti_frame_decode_hello(good, n + 1, &got));
	/* Kind, flags, descriptors, magic, the flag byte and the zero: any other value is refused. */
	for (size_t at = 0; at < RCASTI_FRAME_START_BYTES + 8; at++) {
		if (at == 7 || at == 8)
			continue;
		memcpy(bad, good, n);
		bad[at] = (uint8_t)(bad[at] + 2);
		cr_assert_not_null(rcasti_frame_decode_hello(bad, n, &got), "byte %zu", at);
	}
}

/* A later version may say more and mean other things: only its number is read. */
HARNESS_TEST(frame, another_version_is_told_by_its_number)
{
	uint8_t out[] = {1, 9, 9, 'r', 'c', 's', 't', 77};
	struct rcasti_hello hello;

	cr_assert_null(rcasti_frame_decode_hello(out, sizeof out, &hello));
	cr_assert_eq(hello.version, 77);
}
