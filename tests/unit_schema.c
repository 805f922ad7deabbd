/* SPDX-License-Identifier: MIT */
/*
 * Commands and replies on circuits: what arrives is what was sent, and what nobody knows is refused.
 */
#include "circuit_kit.h"

#include <stdlib.h>

#include "control/schema.h"

typedef Ringcast__Wire__Request Request;
typedef Ringcast__Wire__Reply Reply;

static struct pair pair;
static struct talk sending, taking;

static void open_talk(void)
{
	pair_open(&pair, SEQPACKET, NULL);
	pair_expect(&pair, 1, &taking, 1);
	pair_await(&pair, rcast_link_max_message(pair.links[0]) > RCAST_LINK_MIN_MESSAGE);
	talk_begin(&sending, pair.links[0]);
}

/* ── Sending ── */

static void take_start(struct talk *talk, struct rcast_message *message)
{
	const char *wrong = "?";
	Request *request = rcasti_schema_unpack_request(message, &wrong);

	cr_assert_null(wrong);
	cr_assert_eq(request->command_case, RINGCAST__WIRE__REQUEST__COMMAND_START);
	cr_assert_str_eq(request->start->name, "build");
	cr_assert(request->start->n_argv == 2 && request->start->cols == 80 && message->n_fds == 1 && message->last);
	cr_assert_eq(strlen(request->start->argv[1]), *(size_t *)talk->more);
	ringcast__wire__request__free_unpacked(request, NULL);
}

HARNESS_TEST(schema, a_request_arrives_as_it_was_sent)
{
	static char argument[20000];
	size_t lengths[] = {1, sizeof argument - 1};
	char *argv[] = {"echo", argument};
	Ringcast__Wire__Start start = RINGCAST__WIRE__START__INIT;
	Request request = RINGCAST__WIRE__REQUEST__INIT;

	start.name = "build";
	start.n_argv = 2;
	start.argv = argv;
	start.cols = 80;
	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_START;
	request.start = &start;
	taking.on_message = take_start;
	for (int i = 0; i < 2; i++) {
		int fd = fcntl(0, F_DUPFD_CLOEXEC, 0);

		memset(argument, 'x', lengths[i]);
		taking.more = &lengths[i];
		open_talk();
		cr_assert_eq(rcasti_schema_send(sending.circuit, &request.base, RCAST_LAST, &fd, 1), 0);
		pair_await(&pair, taking.n_messages == i + 1);
		pair_close(&pair);
	}
}

HARNESS_TEST(schema, what_cannot_be_sent_is_an_error_and_nothing_more)
{
	static uint8_t bytes[RCAST_LINK_MAX_MESSAGE + 1];
	Ringcast__Wire__Input input = RINGCAST__WIRE__INPUT__INIT;
	Request request = RINGCAST__WIRE__REQUEST__INIT;

	input.session = "s";
	input.data = (ProtobufCBinaryData){.data = bytes, .len = sizeof bytes};
	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_INPUT;
	request.input = &input;
	open_talk();
	cr_assert_eq(rcasti_schema_send(sending.circuit, &request.base, 0, NULL, 0), -EMSGSIZE);
	input.data.len = 100000;
	cr_assert_eq(rcasti_schema_send(sending.circuit, &request.base, 0, NULL, 0), -EMSGSIZE);
	input.data.len = 10;
	cr_assert_eq(rcasti_schema_send(sending.circuit, &request.base, RCAST_LAST, NULL, 0), 0);
	cr_assert_eq(rcasti_schema_send(sending.circuit, &request.base, 0, NULL, 0), -ENODATA);
	pair_close(&pair);
}

/* ── Unpacking ── */

struct wire {
	const char *wrong; /* NULL: accepted */
	const char *bytes;
	size_t n_bytes;
};

#define WIRE(wrong, text)                     \
	{                                     \
		wrong, text, sizeof(text) - 1 \
	}

/* Tag bytes: field number * 8 + wire type (0 number, 2 length in front). */
static const struct wire requests[] = {
	WIRE(NULL, "\x0a\x00"),                                /* list */
	WIRE(NULL, "\x12\x03\x0a\x01s"),                       /* describe "s" */
	WIRE(NULL, "\x12\x03\x0a\x01s\x0a\x00"),               /* twice: the last one counts */
	WIRE("names no command", ""),                          /* nothing */
	WIRE("does not know", "\x0a\x02\x08\x01"),             /* list, with a field */
	WIRE("does not know", "\x12\x05\x0a\x01s\x50\x01"),    /* describe, with a field 10 */
	WIRE("does not know", "\x0a\x00\xa0\x06\x01"),         /* list, beside a field 100 */
	WIRE("does not know", "\x7a\x00"),                     /* command 15 */
	WIRE("malformed", "\x0a"),                             /* torn */
	WIRE("malformed", "\x0a\x05\x01"),                     /* torn inside */
	WIRE("malformed", "\x12\xff\xff\xff\xff\x0f\x0a"),     /* a length past everything */
	WIRE("malformed", "\xff\xff\xff\xff\xff\xff\xff\xff"), /* no tag */
};

HARNESS_TEST(schema, a_request_is_known_entirely_or_refused)
{
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		struct rcast_message message = {.data = requests[i].bytes, .n_bytes = requests[i].n_bytes};
		const char *wrong = "?";
		Request *request = rcasti_schema_unpack_request(&message, &wrong);

		cr_assert_eq(request != NULL, requests[i].wrong == NULL, "%zu: %s", i, wrong ? wrong : "accepted");
		cr_assert_eq(wrong == NULL, requests[i].wrong == NULL, "%zu", i);
		cr_assert(!wrong || strstr(wrong, requests[i].wrong), "%zu: %s", i, wrong);
		if (request)
			ringcast__wire__request__free_unpacked(request, NULL);
	}
}

static const struct wire attached_requests[] = {
	WIRE(NULL, "\x0a\x02hi"),               /* input */
	WIRE(NULL, "\x12\x04\x08\x50\x10\x18"), /* resize 80x24 */
	WIRE(NULL, "\x1a\x00"),                 /* detach */
	WIRE("names no command", ""),
	WIRE("does not know", "\x12\x02\x18\x01"), /* resize, with a field 3 */
	WIRE("does not know", "\x1a\x02\x08\x01"), /* detach, with a field */
	WIRE("malformed", "\x0a\x09x"),
};

HARNESS_TEST(schema, so_is_what_an_attached_client_says)
{
	for (size_t i = 0; i < sizeof attached_requests / sizeof *attached_requests; i++) {
		const struct wire *wire = &attached_requests[i];
		struct rcast_message message = {.data = wire->bytes, .n_bytes = wire->n_bytes};
		const char *wrong = "?";
		Ringcast__Wire__AttachedRequest *request = rcasti_schema_unpack_attached_request(&message, &wrong);

		cr_assert_eq(request != NULL, wire->wrong == NULL, "%zu", i);
		cr_assert(wire->wrong ? wrong && strstr(wrong, wire->wrong) : !wrong, "%zu: %s", i,
			  wrong ? wrong : "accepted");
		if (request)
			ringcast__wire__attached_request__free_unpacked(request, NULL);
	}
}

HARNESS_TEST(schema, a_reply_may_say_more_than_we_know)
{
	/* error 2, message "no", a field 100, and done with a field in it */
	static const char bytes[] = "\x08\x02\x12\x02no\xa0\x06\x01\x1a\x02\x08\x01";
	struct rcast_message message = {.data = bytes, .n_bytes = sizeof bytes - 1};
	Reply *reply = rcasti_schema_unpack_reply(&message);

	cr_assert(reply && reply->error == 2 && reply->result_case == RINGCAST__WIRE__REPLY__RESULT_DONE);
	cr_assert_str_eq(reply->message, "no");
	ringcast__wire__reply__free_unpacked(reply, NULL);
	message.n_bytes = 5;
	cr_assert_null(rcasti_schema_unpack_reply(&message));
}

HARNESS_TEST(schema, random_bytes_are_refused_or_understood)
{
	static uint8_t bytes[200];
	const char *wrong;

	srand(1);
	for (int i = 0; i < 50000; i++) {
		struct rcast_message message = {.data = bytes, .n_bytes = (size_t)rand() % sizeof bytes};
		Request *request;
		Reply *reply;

		for (size_t k = 0; k < message.n_bytes; k++)
			bytes[k] = (uint8_t)(rand() % 4 ? rand() % 100 : rand());
		request = rcasti_schema_unpack_request(&message, &wrong);
		cr_assert_eq(request != NULL, wrong == NULL);
		reply = rcasti_schema_unpack_reply(&message);
		ringcast__wire__request__free_unpacked(request, NULL);
		ringcast__wire__reply__free_unpacked(reply, NULL);
	}
}
