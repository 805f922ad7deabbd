/* SPDX-License-Identifier: MIT */
/*
 * Records put together from pieces, by an engine that is honest and by one that is not.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "client/pieces.h"

#define RING_BYTES 65536u

struct shape {
	uint64_t pos, next_pos;
	uint32_t kind, total, offset;
	const char *text;
};

static int add(struct rcasti_pieces *pieces, struct shape shape, struct rcast_record *record)
{
	Ringcast__Wire__Piece piece = RINGCAST__WIRE__PIECE__INIT;

	piece.pos = shape.pos;
	piece.next_pos = shape.next_pos;
	piece.kind = shape.kind;
	piece.total_bytes = shape.total;
	piece.offset = shape.offset;
	piece.data.data = (uint8_t *)shape.text;
	piece.data.len = strlen(shape.text);
	return rcasti_pieces_add(pieces, &piece, record);
}

static void expect_text(const struct rcast_record *record, const char *text)
{
	cr_expect_eq(record->n_bytes, strlen(text));
	cr_expect_eq(memcmp(record->data, text, strlen(text)), 0);
}

HARNESS_TEST(pieces, whole_records_and_split_ones)
{
	struct rcasti_pieces pieces;
	struct rcast_record record;

	rcasti_pieces_init(&pieces, RING_BYTES);
	cr_expect_eq(add(&pieces, (struct shape){0, 40, RCAST_OUTPUT, 5, 0, "whole"}, &record), RCAST_RECORD);
	expect_text(&record, "whole");
	cr_expect_eq(record.next_pos, 40);
	cr_expect_eq(add(&pieces, (struct shape){40, 96, RCAST_OUTPUT, 7, 0, "thr"}, &record), RCAST_EMPTY);
	cr_expect_eq(add(&pieces, (struct shape){40, 96, RCAST_OUTPUT, 7, 3, "ee"}, &record), RCAST_EMPTY);
	cr_expect_eq(add(&pieces, (struct shape){40, 96, RCAST_OUTPUT, 7, 5, "pi"}, &record), RCAST_RECORD);
	expect_text(&record, "threepi");
	cr_expect_eq(add(&pieces, (struct shape){96, 104, RCAST_MARKER, 0, 0, ""}, &record), RCAST_RECORD);
	cr_expect_eq(record.n_bytes, 0);
	rcasti_pieces_free(&pieces);
}

HARNESS_TEST(pieces, unfinished_records_are_dropped)
{
	struct rcasti_pieces pieces;
	struct rcast_record record;

	rcasti_pieces_init(&pieces, RING_BYTES);
	add(&pieces, (struct shape){0, 40, RCAST_OUTPUT, 9, 0, "unf"}, &record);
	cr_expect_eq(rcasti_pieces_gap(&pieces, 400), 0);
	cr_expect_eq(add(&pieces, (struct shape){0, 40, RCAST_OUTPUT, 9, 3, "inished"}, &record), -EPROTO);
	cr_expect_eq(add(&pieces, (struct shape){400, 440, RCAST_OUTPUT, 6, 0, "begun"}, &record), RCAST_EMPTY);
	cr_expect_eq(add(&pieces, (struct shape){440, 480, RCAST_OUTPUT, 3, 0, "new"}, &record), RCAST_RECORD);
	expect_text(&record, "new");
	rcasti_pieces_free(&pieces);
}

HARNESS_TEST(pieces, lies_are_refused)
{
	static const struct {
		const char *what;
		struct shape first; /* of another record, or of the same: `total` 0 for none */
		struct shape lie;
	} cases[] = {
		{"padding", {0}, {0, 40, RCAST_PADDING, 1, 0, "x"}},
		{"an end", {0}, {0, 40, RCAST_END, 1, 0, "x"}},
		{"kind 0", {0}, {0, 40, 0, 1, 0, "x"}},
		{"a kind past a byte", {0}, {0, 40, 256 + RCAST_OUTPUT, 1, 0, "x"}},
		{"no length in the ring", {0}, {40, 40, RCAST_OUTPUT, 1, 0, "x"}},
		{"an end before its start", {0}, {40, 0, RCAST_OUTPUT, 1, 0, "x"}},
		{"longer than the ring allows", {0}, {0, 1 << 20, RCAST_OUTPUT, RING_BYTES / 4 + 1, 0, "x"}},
		{"longer than its place", {0}, {0, 8, RCAST_OUTPUT, 9, 0, "x"}},
		{"more bytes than announced", {0}, {0, 40, RCAST_OUTPUT, 1, 0, "xy"}},
		{"a middle without a beginning", {0}, {0, 40, RCAST_OUTPUT, 3, 1, "x"}},
		{"a hole", {0, 40, RCAST_OUTPUT, 6, 0, "ab"}, {0, 40, RCAST_OUTPUT, 6, 3, "d"}},
		{"an overlap", {0, 40, RCAST_OUTPUT, 6, 0, "ab"}, {0, 40, RCAST_OUTPUT, 6, 1, "b"}},
		{"another total", {0, 40, RCAST_OUTPUT, 6, 0, "ab"}, {0, 40, RCAST_OUTPUT, 7, 2, "c"}},
		{"another record's rest", {0, 40, RCAST_OUTPUT, 6, 0, "ab"}, {40, 80, RCAST_OUTPUT, 6, 2, "c"}},
		{"too much at the end", {0, 40, RCAST_OUTPUT, 3, 0, "ab"}, {0, 40, RCAST_OUTPUT, 3, 2, "cd"}},
		{"nothing at all", {0, 40, RCAST_OUTPUT, 3, 0, "ab"}, {0, 40, RCAST_OUTPUT, 3, 2, ""}},
		{"back in time", {80, 120, RCAST_OUTPUT, 2, 0, "ab"}, {0, 40, RCAST_OUTPUT, 2, 0, "ab"}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rcasti_pieces pieces;
		struct rcast_record record;

		rcasti_pieces_init(&pieces, RING_BYTES);
		if (cases[i].first.total)
			cr_expect_geq(add(&pieces, cases[i].first, &record), 0, "%s", cases[i].what);
		cr_expect_eq(add(&pieces, cases[i].lie, &record), -EPROTO, "%s", cases[i].what);
		rcasti_pieces_free(&pieces);
	}
}

HARNESS_TEST(pieces, memory_follows_what_came_not_what_was_promised)
{
	struct rcasti_pieces pieces;
	struct rcast_record record;

	rcasti_pieces_init(&pieces, UINT64_C(1) << 30);
	cr_expect_eq(add(&pieces, (struct shape){0, 1 << 28, RCAST_OUTPUT, (1 << 28) - 64, 0, "tiny"}, &record),
		     RCAST_EMPTY);
	cr_expect_leq(pieces.room, 4096);
	rcasti_pieces_free(&pieces);
}
