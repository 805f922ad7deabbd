/* SPDX-License-Identifier: MIT */
/*
 * Circuits, over every carrier and at every width of ids: each test body below runs twelve times.
 */
#include "circuit_kit.h"

#define EVERYWHERE(name)                                                                  \
	static void name##_over(enum carrier carrier, uint8_t id_bytes);                  \
	HARNESS_TEST(circuit, name)                                                       \
	{                                                                                 \
		for (enum carrier carrier = SEQPACKET; carrier < N_CARRIERS; carrier++) { \
			name##_over(carrier, 1);                                          \
			name##_over(carrier, 2);                                          \
			name##_over(carrier, 4);                                          \
		}                                                                         \
	}                                                                                 \
	static void name##_over(enum carrier carrier, uint8_t id_bytes)

static void open_pair(struct pair *pair, enum carrier carrier, uint8_t id_bytes)
{
	struct rcast_link_options options = {.id_bytes = id_bytes, .n_reserved = 4};

	pair_open(pair, carrier, &options);
}

static void expect(struct pair *pair, int side, struct talk *talks, int n)
{
	pair->expected[side] = talks;
	pair->n_expected[side] = n;
}

/* ── Exchanges ── */

static void echo(struct talk *talk, struct rcast_message *message)
{
	cr_assert_eq(talk_send(talk, message->data, message->n_bytes, message->last ? RCAST_LAST : 0), 0);
}

EVERYWHERE(a_request_gets_its_reply)
{
	struct talk asking = {0}, answering = {.on_message = echo};
	struct pair pair;

	open_pair(&pair, carrier, id_bytes);
	expect(&pair, 1, &answering, 1);
	for (int i = 1; i <= 300; i++) {
		talk_begin(&asking, pair.links[0]);
		cr_assert_eq(rcast_circuit_id(asking.circuit) % 2, 0);
		cr_assert_geq(rcast_circuit_id(asking.circuit), 4);
		cr_assert_eq(talk_send(&asking, "hello", 5, RCAST_LAST), 0);
		pair_await(&pair, asking.n_ended == i && answering.n_ended == i);
		cr_assert_eq(asking.n_bytes, 5 * (size_t)i);
	}
	cr_assert_eq(asking.reason, 0);
	pair_close(&pair);
}

/* Each side answers n with n - 1, and 1 with its last, which the other answers with its own. */
static void count_down(struct talk *talk, struct rcast_message *message)
{
	uint8_t next = message->last ? 0 : (uint8_t)(*(const uint8_t *)message->data - 1);
	int error = talk_send(talk, &next, next ? 1 : 0, next ? 0 : RCAST_LAST);

	cr_assert(error == 0 || (message->last && error == -ENODATA));
}

EVERYWHERE(a_dialogue_has_as_many_stages_as_it_likes)
{
	struct talk first = {.on_message = count_down}, second = {.on_message = count_down};
	struct pair pair;
	uint8_t start = 101;

	open_pair(&pair, carrier, id_bytes);
	expect(&pair, 0, &second, 1);
	talk_begin(&first, pair.links[1]);
	cr_assert_eq(rcast_circuit_id(first.circuit) % 2, 1);
	cr_assert_eq(talk_send(&first, &start, 1, 0), 0);
	pair_await(&pair, first.n_ended == 1 && second.n_ended == 1);
	cr_assert_eq(first.n_messages + second.n_messages, 103);
	pair_close(&pair);
}

EVERYWHERE(both_sides_begin_at_once)
{
	struct talk asking[2][20] = {0}, answering[2][20] = {0};
	struct pair pair;
	int n_ended;

	open_pair(&pair, carrier, id_bytes);
	for (int side = 0; side < 2; side++) {
		expect(&pair, side, answering[side], 20);
		for (int i = 0; i < 16; i++) {
			answering[side][i].on_message = echo;
			talk_begin(&asking[side][i], pair.links[side]);
			cr_assert_eq(talk_send(&asking[side][i], "x", 1, RCAST_LAST), 0);
		}
	}
	pair_await(&pair, ({
		n_ended = 0;
		for (int i = 0; i < 16; i++)
			n_ended += asking[0][i].n_ended + asking[1][i].n_ended;
		n_ended == 32;
	}));
	pair_close(&pair);
}
