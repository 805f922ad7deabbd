/* SPDX-License-Identifier: MIT */
/*
 * The incoming direction, against a peer that keeps no rule: each breach ends the link with one reason, on every carrier and
 * at every width of ids. Also when credit goes back.
 */
#include "raw_peer.h"

#include <stdlib.h>

enum { MESSAGE = RCASTI_FRAME_MESSAGE, CREDIT = RCASTI_FRAME_CREDIT, HELLO = RCASTI_FRAME_HELLO, LAST = RCASTI_FRAME_LAST };

/* One frame of an attack, sent `times` times, each on the next id of the same parity if `spread`. */
struct step {
	uint8_t kind, flags, n_fds;
	uint32_t id;
	uint32_t value; /* of credit */
	size_t n_bytes; /* of payload, all zero, behind the value */
	int real_fds;
	int times;
	bool spread;
};

static void play(struct raw *raw, const struct step *step)
{
	static uint8_t frame[RCAST_LINK_MAX_MESSAGE];
	unsigned int id_bytes = raw->options.id_bytes;

	for (int i = 0; i < (step->times ? step->times : 1) && raw->pair.errors[1] == 0; i++) {
		struct rcasti_frame header = {.kind = RCASTI_FRAME_CREDIT,
					      .id = step->id + (step->spread ? 2 * (uint32_t)i : 0),
					      .credit_bytes = step->value};
		size_t n = rcasti_frame_encode(frame, id_bytes, &header) - (step->kind == CREDIT ? 0 : 4);

		frame[0] = step->kind;
		frame[1] = step->flags;
		frame[2] = step->n_fds;
		memset(frame + n, 0, step->n_bytes);
		raw_send(raw, frame, n + step->n_bytes, step->real_fds);
		pair_turn(&raw->pair);
	}
}

struct attack {
	const char *what;
	const char *reason;
	bool needs_fds;
	struct step steps[3];
};

static const struct attack attacks[] = {
	{"begins where we do", "ours to begin on", .steps = {{MESSAGE, .id = 5}}},
	{"begins where we do, with its last", "ours to begin on", .steps = {{MESSAGE, LAST, .id = 255}}},
	{"goes on after its last", "after the last", .steps = {{MESSAGE, LAST, .id = 4}, {MESSAGE, .id = 4}}},
	{"two lasts", "after the last", .steps = {{MESSAGE, LAST, .id = 4}, {MESSAGE, LAST, .id = 4}}},
	{"overruns its window", "past the window", .steps = {{MESSAGE, .id = 4, .n_bytes = 16000, .times = 5}}},
	{"overruns it with nothing", "past the window", .steps = {{MESSAGE, .id = 4, .times = 2049}}},
	{"overruns it on a reserved id", "past the window", .steps = {{MESSAGE, .id = 1, .n_bytes = 16000, .times = 5}}},
	{"a message too long", "longer than", .steps = {{MESSAGE, .id = 4, .n_bytes = RCAST_LINK_MIN_MESSAGE + 1}}},
	{"a message far too long", "longer than", .steps = {{MESSAGE, .id = 4, .n_bytes = 100000}}},
	{"credit for nothing sent", "more credit", .steps = {{CREDIT, .id = 4, .value = 1}}},
	{"credit on what it began", "more credit", .steps = {{MESSAGE, .id = 4}, {CREDIT, .id = 4, .value = UINT32_MAX}}},
	{"credit of nothing", "credit of nothing", .steps = {{CREDIT, .id = 4}}},
	{"credit of five bytes", "wrong length", .steps = {{CREDIT, .id = 4, .value = 9, .n_bytes = 1}}},
	{"credit with a flag", "flags or descriptors", .steps = {{CREDIT, LAST, .id = 4, .value = 1}}},
	{"an unknown flag", "unknown flags", .steps = {{MESSAGE, 2, .id = 4}}},
	{"an unknown kind", "unknown kind", .steps = {{9, .id = 4}}},
	{"kind nought", "unknown kind", .steps = {{0, .id = 4}}},
	{"a second hello", "second hello", .steps = {{HELLO, .n_bytes = 24}}},
	{"too many at once", "more exchanges", .steps = {{MESSAGE, .id = 4, .times = 17, .spread = true}}},
	{"descriptors that did not come", "descriptors", .steps = {{MESSAGE, .n_fds = 1, .id = 4}}},
	{"more than may be announced", "descriptors", true, {{MESSAGE, .n_fds = 17, .id = 4, .real_fds = 17}}},
	{"more than were announced", "descriptors", true, {{MESSAGE, .n_fds = 2, .id = 4, .real_fds = 3}}},
	{"fewer than were announced", "descriptors", true, {{MESSAGE, .n_fds = 3, .id = 4, .real_fds = 2}}},
	{"as many as the kernel sends", "descriptors", true, {{MESSAGE, .n_fds = 253, .id = 4, .real_fds = 253}}},
	{"unannounced", "descriptors", true, {{MESSAGE, .id = 4, .real_fds = 1}}},
};

static void open_attacked(struct raw *raw, enum carrier carrier, uint8_t id_bytes, struct talk *victims)
{
	struct rcast_link_options options = {.id_bytes = id_bytes,
					     .n_reserved = 4,
					     .max_busy = 2,
					     .max_message_bytes = RCAST_LINK_MIN_MESSAGE,
					     .window_bytes = RCAST_LINK_MIN_WINDOW};
	struct rcasti_hello hello;

	for (int i = 0; i < 20; i++)
		victims[i] = (struct talk){.verdict = RCAST_HELD};
	raw_open(raw, carrier, &options);
	pair_expect(&raw->pair, 1, victims, 20);
	hello = raw_hello(raw);
	raw_send_hello(raw, &hello);
}

EVERYWHERE(circuit_receive, a_breach_ends_the_link_with_its_reason)
{
	struct talk victims[20];
	struct raw raw;

	for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
		const struct attack *attack = &attacks[i];

		if (attack->needs_fds && (carrier == TCP || carrier == MEMORY))
			continue;
		open_attacked(&raw, carrier, id_bytes, victims);
		for (const struct step *step = attack->steps; step < attack->steps + 3 && (step->kind || step->id); step++)
			play(&raw, step);
		raw_await_end(&raw, -EPROTO, attack->reason, attack->what);
		raw_close(&raw);
		for (int k = 0; k < 20; k++)
			cr_assert(victims[k].n_ended == victims[k].n_begun &&
				  (!victims[k].n_ended || victims[k].reason == -EPROTO));
	}
}

EVERYWHERE(circuit_receive, nothing_is_begun_that_nobody_expects)
{
	struct raw raw;
	struct talk victims[20];

	open_attacked(&raw, carrier, id_bytes, victims);
	raw.pair.n_expected[1] = 0;
	play(&raw, &(struct step){MESSAGE, .id = 4});
	raw_await_end(&raw, -EPROTO, "nobody expects", "no handler");
	raw_close(&raw);
}

EVERYWHERE(circuit_receive, an_answer_to_what_was_only_begun_is_a_breach)
{
	struct talk victims[20], silent = {0};
	struct raw raw;

	open_attacked(&raw, carrier, id_bytes, victims);
	talk_begin(&silent, raw.pair.links[1]);
	play(&raw, &(struct step){MESSAGE, .id = rcast_circuit_id(silent.circuit)});
	raw_await_end(&raw, -EPROTO, "ours to begin on", "begun, not sent");
	raw_close(&raw);
	cr_assert(silent.n_ended == 1 && silent.n_messages == 0);
}

static void answer(struct talk *talk, struct rcast_message *message)
{
	cr_assert_eq(talk_send(talk, NULL, 0, RCAST_LAST), 0);
}

/* A peer that never gives credit back must not make us remember more and more circuits. */
EVERYWHERE(circuit_receive, a_peer_that_keeps_our_credit_is_dropped)
{
	struct talk victims[20];
	struct raw raw;

	open_attacked(&raw, carrier, id_bytes, victims);
	for (int i = 0; i < 20; i++)
		victims[i].on_message = answer;
	play(&raw, &(struct step){MESSAGE, LAST, .id = 4, .times = 33, .spread = true});
	raw_await_end(&raw, -EPROTO, "keeps the credit", "no credit");
	cr_assert_eq(raw.pair.links[1]->circuits.ids.n_used, 32);
	raw_close(&raw);
}

/* ── Credit that goes back ── */

static uint32_t credit_of(struct raw *raw, uint32_t id)
{
	struct rcasti_packet packet = raw_receive(raw);
	struct rcasti_frame frame;

	while (packet.bytes[0] != CREDIT)
		packet = raw_receive(raw);
	cr_assert_null(rcasti_frame_decode(packet.bytes, packet.n_bytes, raw->options.id_bytes, &frame));
	cr_assert_eq(frame.id, id);
	return frame.credit_bytes;
}

EVERYWHERE(circuit_receive, credit_is_given_back_in_quarters_and_at_the_end)
{
	struct talk victims[20];
	struct raw raw;

	open_attacked(&raw, carrier, id_bytes, victims);
	victims[0].verdict = RCAST_CONSUMED;
	play(&raw, &(struct step){MESSAGE, .id = 4, .n_bytes = 1000, .times = 16});
	cr_assert_eq(credit_of(&raw, 4), 16 * 1032);
	play(&raw, &(struct step){MESSAGE, LAST, .id = 4, .n_bytes = 10});
	pair_await(&raw.pair, victims[0].got_last);
	cr_assert_eq(talk_send(&victims[0], NULL, 0, RCAST_LAST), 0);
	cr_assert_eq(credit_of(&raw, 4), 42);
	pair_await(&raw.pair, victims[0].n_ended == 1);
	cr_assert_eq(raw.pair.links[1]->circuits.ids.n_used, 1, "our last is not paid back yet");
	play(&raw, &(struct step){CREDIT, .id = 4, .value = RCAST_MESSAGE_OVERHEAD});
	pair_await(&raw.pair, raw.pair.links[1]->circuits.ids.n_used == 0);
	raw_close(&raw);
}

/* Much is held and little is owed: the peer may wait for room for one large message, so the little must go back. */
EVERYWHERE(circuit_receive, a_peer_that_may_be_stalled_gets_its_credit_at_once)
{
	struct talk victims[20];
	struct raw raw;

	open_attacked(&raw, carrier, id_bytes, victims);
	play(&raw, &(struct step){MESSAGE, .id = 4, .n_bytes = RCAST_LINK_MIN_MESSAGE, .times = 3});
	play(&raw, &(struct step){MESSAGE, .id = 4, .n_bytes = 5});
	pair_await(&raw.pair, victims[0].n_messages == 4);
	rcast_circuit_consumed(victims[0].circuit, 5);
	cr_assert_eq(credit_of(&raw, 4), 37);
	raw_close(&raw);
}

/* ── Anything at all ── */

HARNESS_TEST(circuit_receive, random_frames_never_do_worse_than_end_the_link)
{
	struct talk victims[20];
	struct raw raw;

	srand(1);
	for (int i = 0; i < 3000; i++) {
		open_attacked(&raw, (enum carrier)(i % N_CARRIERS), (uint8_t)(1 << (i % 3)), victims);
		for (int k = 0; k < 20; k++) {
			victims[k].verdict = k % 2 ? RCAST_HELD : RCAST_CONSUMED;
			victims[k].on_message = k % 3 ? NULL : answer;
		}
		for (int k = 0; k < 30 && raw.pair.errors[1] == 0; k++) {
			struct step step = {.kind = (uint8_t)(rand() % 20 ? 2 + rand() % 2 : rand()),
					    .flags = (uint8_t)(rand() % 20 ? rand() % 2 : rand()),
					    .id = (uint32_t)(rand() % 20 ? rand() % 4 * 2 : rand()),
					    .value = (uint32_t)(rand() % 4 ? 32 : rand()),
					    .n_bytes = (size_t)(rand() % 9 == 0 ? rand() % 5000 : 0)};

			/* A handler that answers twice would be the test's fault, not the peer's. */
			for (int n = 0; n < 20; n++)
				victims[n].on_message = victims[n].n_messages ? NULL : victims[n].on_message;
			play(&raw, &step);
		}
		pair_turn(&raw.pair);
		cr_assert(raw.pair.errors[1] == 0 || raw.pair.errors[1] == -EPROTO);
		raw_close(&raw);
	}
}
