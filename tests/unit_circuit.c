/* SPDX-License-Identifier: MIT */
/*
 * The life of circuits: exchanges, who may begin on which id, what is left behind.
 */
#include "circuit_kit.h"

#include "control/link.h"

static void open_pair(struct pair *pair, enum carrier carrier, uint8_t id_bytes)
{
	struct rcast_link_options options = {.id_bytes = id_bytes, .n_reserved = 4};

	pair_open(pair, carrier, &options);
}

static bool all_forgotten(const struct pair *pair)
{
	return pair->links[0]->circuits.ids.n_used == 0 && pair->links[1]->circuits.ids.n_used == 0;
}

static void echo(struct talk *talk, struct rcast_message *message)
{
	cr_assert_eq(talk_send(talk, message->data, message->n_bytes, message->last ? RCAST_LAST : 0), 0);
}

/* ── Exchanges ── */

EVERYWHERE(circuit, a_request_gets_its_reply)
{
	struct talk asking = {0}, answering = {.on_message = echo};
	struct pair pair;

	open_pair(&pair, carrier, id_bytes);
	pair_expect(&pair, 1, &answering, 1);
	for (int i = 1; i <= 300; i++) {
		talk_begin(&asking, pair.links[0]);
		cr_assert_eq(rcast_circuit_id(asking.circuit) % 2, 0);
		cr_assert_geq(rcast_circuit_id(asking.circuit), 4);
		cr_assert_eq(talk_send(&asking, "hello", 5, RCAST_LAST), 0);
		cr_assert_eq(talk_send(&asking, "more", 4, 0), -ENODATA);
		pair_await(&pair, asking.n_ended == i && answering.n_ended == i);
		cr_assert_eq(asking.n_bytes, 5 * (size_t)i);
	}
	cr_assert_eq(asking.reason, 0);
	pair_await(&pair, all_forgotten(&pair));
	pair_close(&pair);
}

/* Each side answers n with n - 1, and 1 with its last, which the other answers with its own. */
static void count_down(struct talk *talk, struct rcast_message *message)
{
	uint8_t next = message->last ? 0 : (uint8_t)(*(const uint8_t *)message->data - 1);
	int error = talk_send(talk, &next, next ? 1 : 0, next ? 0 : RCAST_LAST);

	cr_assert(error == 0 || (message->last && error == -ENODATA));
}

EVERYWHERE(circuit, a_dialogue_has_as_many_stages_as_it_likes)
{
	struct talk first = {.on_message = count_down}, second = {.on_message = count_down};
	struct pair pair;
	uint8_t start = 101;

	open_pair(&pair, carrier, id_bytes);
	pair_expect(&pair, 0, &second, 1);
	talk_begin(&first, pair.links[1]);
	cr_assert_eq(rcast_circuit_id(first.circuit) % 2, 1);
	cr_assert_eq(talk_send(&first, &start, 1, 0), 0);
	pair_await(&pair, first.n_ended == 1 && second.n_ended == 1);
	cr_assert_eq(first.n_messages + second.n_messages, 103);
	pair_await(&pair, all_forgotten(&pair));
	pair_close(&pair);
}

EVERYWHERE(circuit, both_sides_begin_at_once)
{
	struct talk asking[2][16] = {0}, answering[2][16] = {0};
	struct pair pair;

	open_pair(&pair, carrier, id_bytes);
	for (int side = 0; side < 2; side++) {
		pair_expect(&pair, side, answering[side], 16);
		for (int i = 0; i < 16; i++) {
			answering[side][i].on_message = echo;
			talk_begin(&asking[side][i], pair.links[side]);
			cr_assert_eq(talk_send(&asking[side][i], "x", 1, RCAST_LAST), 0);
		}
	}
	pair_await(&pair, talks_ended(asking[0], 16) == 16 && talks_ended(asking[1], 16) == 16);
	pair_await(&pair, all_forgotten(&pair));
	pair_close(&pair);
}

/* Ask again from within ended, on a circuit that may well be the same, until a count is reached. */
static void ask_again(struct talk *talk)
{
	if (talk->n_begun == 50 || talk->reason != 0)
		return;
	talk_begin(talk, talk->more);
	cr_assert_eq(talk_send(talk, "again", 5, RCAST_LAST), 0);
}

EVERYWHERE(circuit, an_exchange_is_begun_when_another_ends)
{
	struct talk asking = {.on_ended = ask_again}, answering = {.on_message = echo};
	struct rcast_link_options options = {.id_bytes = id_bytes, .max_busy = 1};
	struct pair pair;

	pair_open(&pair, carrier, &options);
	pair_expect(&pair, 1, &answering, 1);
	asking.more = pair.links[0];
	talk_begin(&asking, pair.links[0]);
	cr_assert_eq(talk_send(&asking, "again", 5, RCAST_LAST), 0);
	pair_await(&pair, asking.n_ended == 50 && answering.n_ended == 50);
	pair_await(&pair, all_forgotten(&pair));
	pair_close(&pair);
}

EVERYWHERE(circuit, a_last_sent_outside_of_handlers_ends_the_exchange_too)
{
	struct talk asking = {0}, answering = {0};
	struct pair pair;

	open_pair(&pair, carrier, id_bytes);
	pair_expect(&pair, 1, &answering, 1);
	talk_begin(&asking, pair.links[0]);
	cr_assert_eq(talk_send(&asking, NULL, 0, RCAST_LAST), 0);
	pair_await(&pair, answering.got_last);
	cr_assert_eq(talk_send(&answering, NULL, 0, RCAST_LAST), 0);
	cr_assert_eq(answering.n_ended, 0, "called from dispatch only");
	pair_await(&pair, answering.n_ended == 1 && asking.n_ended == 1);
	pair_close(&pair);
}

/* ── Reserved ids ── */

EVERYWHERE(circuit, a_reserved_id_is_begun_by_either_side)
{
	struct talk asking = {0}, answering = {.on_message = echo};
	struct pair pair;

	open_pair(&pair, carrier, id_bytes);
	for (int i = 0; i < 8; i++) {
		struct rcast_link *link = pair.links[i / 4];

		asking = answering = (struct talk){0};
		answering.on_message = echo;
		pair_expect(&pair, 1 - i / 4, &answering, 1);
		cr_assert_eq(rcast_circuit_begin_reserved(link, (uint32_t)i % 4, &talk_ops, &asking, &asking.circuit), 0);
		cr_assert_eq(rcast_circuit_begin_reserved(link, (uint32_t)i % 4, &talk_ops, NULL, NULL), -EEXIST);
		cr_assert_eq(talk_send(&asking, "abc", 3, RCAST_LAST), 0);
		pair_await(&pair, asking.n_ended == 1 && answering.n_ended == 1);
		cr_assert_eq(asking.n_bytes, 3);
	}
	cr_assert_eq(rcast_circuit_begin_reserved(pair.links[0], 4, &talk_ops, NULL, NULL), -EINVAL);
	pair_close(&pair);
}

EVERYWHERE(circuit, a_reserved_id_begun_by_both_is_one_exchange)
{
	struct talk talks[2] = {0};
	struct pair pair;

	open_pair(&pair, carrier, id_bytes);
	for (int round = 1; round <= 20; round++) {
		for (int side = 0; side < 2; side++) {
			struct rcast_circuit **circuit = &talks[side].circuit;

			cr_assert_eq(rcast_circuit_begin_reserved(pair.links[side], 3, &talk_ops, &talks[side], circuit), 0);
			cr_assert_eq(talk_send(&talks[side], "mine", 4, 0), 0);
			cr_assert_eq(talk_send(&talks[side], "last", 4, RCAST_LAST), 0);
		}
		pair_await(&pair, talks[0].n_ended == round && talks[1].n_ended == round);
		cr_assert(talks[0].n_bytes == (size_t)round * 8 && talks[1].n_bytes == (size_t)round * 8);
	}
	pair_await(&pair, all_forgotten(&pair));
	pair_close(&pair);
}

/* ── Limits ── */

static void begin_until_full(struct rcast_link *link, struct talk *talks, int n)
{
	struct rcast_circuit *none;

	for (int i = 0; i < n; i++) {
		talk_begin(&talks[i], link);
		cr_assert_eq(talk_send(&talks[i], NULL, 0, RCAST_LAST), 0);
	}
	cr_assert_eq(rcast_circuit_begin(link, &talk_ops, NULL, &none), -ENOBUFS);
}

/* All 128 even ids and all 128 odd ones are busy; each that ends can be begun again, and no other. */
HARNESS_TEST(circuit, eight_bits_are_256_circuits)
{
	for (enum carrier carrier = SEQPACKET; carrier < N_CARRIERS; carrier++) {
		struct rcast_link_options options = {.id_bytes = 1, .max_busy = 500};
		static struct talk asking[2][128], answering[2][128];
		struct pair pair;
		bool seen[256] = {false};

		memset(asking, 0, sizeof asking);
		memset(answering, 0, sizeof answering);
		pair_open(&pair, carrier, &options);
		pair_await(&pair, pair.links[0]->greeted && pair.links[1]->greeted);
		for (int side = 0; side < 2; side++) {
			pair_expect(&pair, side, answering[side], 128);
			begin_until_full(pair.links[side], asking[side], 128);
			for (int i = 0; i < 128; i++) {
				cr_assert(!seen[rcast_circuit_id(asking[side][i].circuit)]);
				seen[rcast_circuit_id(asking[side][i].circuit)] = true;
			}
		}
		pair_await(&pair, answering[0][127].got_last && answering[1][127].got_last);
		for (int i = 1; i <= 300; i++) {
			struct talk *ending = &answering[1][i * 7 % 128], *again = NULL;

			cr_assert_eq(talk_send(ending, NULL, 0, RCAST_LAST), 0);
			pair_await(&pair, talks_ended(asking[0], 128) == i);
			for (int k = 0; k < 128; k++)
				again = asking[0][k].circuit ? again : &asking[0][k];
			begin_until_full(pair.links[0], again, 1);
			pair_await(&pair, ending->n_begun == ending->n_ended + 1 && ending->circuit);
		}
		pair_close(&pair);
		cr_assert_eq(talks_ended(asking[1], 128), 128);
	}
}

EVERYWHERE(circuit, the_smaller_limit_of_both_sides_holds)
{
	struct rcast_link_options few = {.id_bytes = id_bytes, .max_busy = 20},
				  many = {.id_bytes = id_bytes, .max_busy = 60};
	struct talk asking[2][20] = {0}, answering[2][20] = {0};
	struct pair pair = {0};
	int fds[2];

	if (carrier == MEMORY)
		return;
	carrier_sockets(carrier, fds);
	cr_assert_eq(rcast_link_open_take(fds[0], RCAST_DIALLED, &few, &pair_ops, &pair, &pair.links[0]), 0);
	cr_assert_eq(rcast_link_open_take(fds[1], RCAST_ACCEPTED, &many, &pair_ops, &pair, &pair.links[1]), 0);
	pair_expect(&pair, 0, answering[0], 20);
	pair_expect(&pair, 1, answering[1], 20);
	begin_until_full(pair.links[1], asking[1], RCAST_LINK_MIN_BUSY);
	pair_await(&pair, pair.links[0]->greeted && pair.links[1]->greeted);
	begin_until_full(pair.links[1], asking[1] + RCAST_LINK_MIN_BUSY, 4);
	begin_until_full(pair.links[0], asking[0], 20);
	pair_await(&pair, answering[0][19].got_last && answering[1][19].got_last);
	pair_close(&pair);
}

/* ── The end ── */

EVERYWHERE(circuit, all_that_was_begun_ends_with_the_link)
{
	struct talk silent = {0}, asking = {0}, answering = {0};
	struct pair pair;

	open_pair(&pair, carrier, id_bytes);
	pair_expect(&pair, 1, &answering, 1);
	talk_begin(&silent, pair.links[0]);
	talk_begin(&asking, pair.links[0]);
	cr_assert_eq(talk_send(&asking, "one", 3, 0), 0);
	pair_await(&pair, answering.n_messages == 1);
	cr_assert_eq(talk_send(&answering, "two", 3, RCAST_LAST), 0);
	rcast_link_free(pair.links[1]);
	pair.links[1] = NULL;
	cr_assert_eq(answering.reason, -EPIPE);
	pair_await(&pair, pair.errors[0] != 0);
	cr_assert_eq(pair.errors[0], -EPIPE);
	cr_assert(asking.got_last, "what was sent before the hang-up comes before its news");
	cr_assert_eq(talk_send(&asking, "more", 4, 0), -EPIPE);
	cr_assert_eq(rcast_circuit_begin(pair.links[0], &talk_ops, NULL, &silent.circuit), -EPIPE);
	rcast_link_free(pair.links[0]);
	cr_assert(silent.n_ended == 1 && silent.reason == -EPIPE);
	cr_assert(asking.n_ended == 1 && asking.reason == -EPIPE);
}

static void give_up(struct talk *talk, struct rcast_message *message)
{
	rcast_link_abort(rcast_circuit_link(talk->circuit), -EPERM, "enough");
	rcast_link_abort(rcast_circuit_link(talk->circuit), -EACCES, "too late");
	cr_assert_eq(talk_send(talk, "no", 2, RCAST_LAST), -EPIPE);
}

EVERYWHERE(circuit, a_handler_can_give_the_link_up)
{
	struct talk asking = {0}, answering = {.on_message = give_up};
	struct pair pair;

	open_pair(&pair, carrier, id_bytes);
	pair_expect(&pair, 1, &answering, 1);
	talk_begin(&asking, pair.links[0]);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(talk_send(&asking, "x", 1, 0), 0);
	pair_await(&pair, pair.errors[1] != 0);
	cr_assert_eq(pair.errors[1], -EPERM);
	cr_assert_str_eq(rcast_link_reason(pair.links[1]), "enough");
	cr_assert_eq(rcast_link_dispatch(pair.links[1]), -EPERM);
	cr_assert(answering.n_messages == 1 && answering.n_ended == 0);
	pair_close(&pair);
	cr_assert_eq(answering.reason, -EPERM);
}

/* Whoever handles one circuit may end others, whatever they wait for. */
static void end_the_others(struct talk *talk, struct rcast_message *message)
{
	struct talk *others = talk->more;

	for (int i = 0; i < 4; i++)
		cr_assert_eq(talk_send(&others[i], NULL, 0, RCAST_LAST), 0);
}

EVERYWHERE(circuit, a_handler_ends_circuits_that_wait)
{
	struct talk asking[4] = {0}, answering[4] = {0}, trigger = {0},
		    pulled = {.on_message = end_the_others, .more = answering};
	struct rcast_link_options options = {.id_bytes = id_bytes, .window_bytes = RCAST_LINK_MIN_WINDOW};
	static const char block[RCAST_LINK_MIN_MESSAGE];
	struct pair pair;

	pair_open(&pair, carrier, &options);
	pair_expect(&pair, 1, answering, 4);
	for (int i = 0; i < 4; i++) {
		talk_begin(&asking[i], pair.links[0]);
		cr_assert_eq(talk_send(&asking[i], NULL, 0, RCAST_LAST), 0);
	}
	pair_await(&pair, answering[3].got_last);
	for (int i = 0; i < 4; i++) {
		asking[i].verdict = RCAST_HELD;
		while (talk_send(&answering[i], block, sizeof block, 0) == 0)
			continue;
	}
	pair_expect(&pair, 1, &pulled, 1);
	talk_begin(&trigger, pair.links[0]);
	cr_assert_eq(talk_send(&trigger, "pull", 4, 0), 0);
	/* Room and credit come back, and the trigger with them. */
	pair_await(&pair, talks_ended(asking, 4) == 4 && talks_ended(answering, 4) == 4);
	cr_assert_eq(pulled.n_ended, 0);
	pair_close(&pair);
}

HARNESS_TEST(circuit, a_handler_is_needed_to_begin)
{
	static const struct rcast_circuit_ops no_message;
	struct rcast_circuit *none;
	struct pair pair;

	open_pair(&pair, MEMORY, 1);
	cr_assert_eq(rcast_circuit_begin(pair.links[0], NULL, NULL, &none), -EINVAL);
	cr_assert_eq(rcast_circuit_begin(pair.links[0], &no_message, NULL, &none), -EINVAL);
	cr_assert_eq(rcast_circuit_begin_reserved(pair.links[0], 1, &no_message, NULL, &none), -EINVAL);
	pair_close(&pair);
}
