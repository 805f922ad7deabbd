/* SPDX-License-Identifier: MIT */
/*
 * An engine in the test process, and clients that speak raw circuits and the schema to it.
 *
 *   struct wire_engine   runs by dispatch (the test's own loop turns it) or on three threads
 *   struct wire          one connection
 *   struct talk          one exchange: requests out, a queue of replies in
 *
 * Everything that waits turns the loop: wire_await looks at the condition between turns.
 */
#ifndef RINGCAST_TESTS_WIRE_H
#define RINGCAST_TESTS_WIRE_H

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ringcast/circuit.h>
#include <ringcast/engine.h>

#include "control/schema.h"
#include "harness.h"

struct wire_engine {
	struct rcast_engine *engine;
	bool threaded;
	pthread_t threads[3];
	char path[128];
};

struct wire {
	struct wire_engine *host;
	struct rcast_link *link;
	bool stalled; /* do not read: be a client that hangs */
	int error;    /* what ended the link */
};

struct wire_reply {
	struct wire_reply *next;
	Ringcast__Wire__Reply *reply;
	bool last;
	int n_fds, fds[2];
};

struct talk {
	struct wire *wire;
	struct rcast_circuit *circuit;
	struct wire_reply *first, **end;
	bool over;
	int reason;
};

/* Define the test twice: `threaded` false and true. */
#define WIRE_TEST(suite, name)                     \
	static void suite##_##name(bool threaded); \
	HARNESS_TEST(suite, name##_single)         \
	{                                          \
		suite##_##name(false);             \
	}                                          \
	HARNESS_TEST(suite, name##_threads)        \
	{                                          \
		suite##_##name(true);              \
	}                                          \
	static void suite##_##name(bool threaded)

static inline void *wire_control(void *engine)
{
	while (rcast_engine_control(engine, -1) == 0)
		continue;
	return NULL;
}

static inline void *wire_pump(void *engine)
{
	while (rcast_engine_pump(engine, -1) == 0)
		continue;
	return NULL;
}

static inline void *wire_notify(void *engine)
{
	while (rcast_engine_notify(engine, -1) == 0)
		continue;
	return NULL;
}

static inline void wire_engine_open(struct wire_engine *host, struct rcast_engine_options options, bool threaded)
{
	void *(*steps[3])(void *) = {wire_control, wire_pump, wire_notify};

	snprintf(host->path, sizeof host->path, "%s", harness_path("engine"));
	options.path = host->path;
	cr_assert_eq(rcast_engine_create(&options, &host->engine), 0);
	host->threaded = threaded;
	for (int i = 0; i < 3 && threaded; i++)
		cr_assert_eq(pthread_create(&host->threads[i], NULL, steps[i], host->engine), 0);
}

static inline void wire_engine_close(struct wire_engine *host)
{
	if (host->threaded)
		rcast_engine_stop(host->engine);
	for (int i = 0; i < 3 && host->threaded; i++)
		pthread_join(host->threads[i], NULL);
	rcast_engine_free(host->engine);
}

static inline void wire_engine_turn(struct wire_engine *host)
{
	if (!host->threaded)
		cr_assert_eq(rcast_engine_dispatch(host->engine), 0);
}

static inline void wire_turn(struct wire *wire)
{
	wire_engine_turn(wire->host);
	if (!wire->stalled && !wire->error)
		wire->error = rcast_link_dispatch(wire->link);
}

/* As harness_await, turning the loop between two looks. */
#define wire_await(turned, condition)                                                                      \
	do {                                                                                               \
		struct wire *wire_turned = (turned);                                                       \
		uint64_t wire_deadline = harness_now_ms() + HARNESS_BOUND_MS;                              \
		while (wire_turn(wire_turned), !(condition)) {                                             \
			cr_assert(harness_now_ms() < wire_deadline, "waited in vain for: %s", #condition); \
			if (wire_turned->host->threaded)                                                   \
				harness_pause();                                                           \
		}                                                                                          \
	} while (0)

static inline void wire_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	cr_assert_fail("the engine begins no exchanges");
}

static const struct rcast_link_ops wire_link_ops = {.begun = wire_begun};

static inline void wire_open(struct wire *wire, struct wire_engine *host)
{
	int fd = rcast_socket_dial(host->path);

	cr_assert(fd >= 0, "dial: %s", strerror(-fd));
	*wire = (struct wire){.host = host};
	cr_assert_eq(rcast_link_open_take(fd, RCAST_DIALLED, NULL, &wire_link_ops, wire, &wire->link), 0);
}

static inline void wire_close(struct wire *wire)
{
	rcast_link_free(wire->link);
}

static inline enum rcast_consumed talk_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	struct talk *talk = user;
	struct wire_reply *made = calloc(1, sizeof *made);

	made->reply = rcasti_schema_unpack_reply(message);
	cr_assert(made->reply != NULL);
	made->last = message->last;
	for (made->n_fds = 0; made->n_fds < message->n_fds; made->n_fds++)
		made->fds[made->n_fds] = rcast_message_take_fd(message, made->n_fds);
	*talk->end = made;
	talk->end = &made->next;
	return RCAST_CONSUMED;
}

static inline void talk_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	struct talk *talk = user;

	talk->over = true;
	talk->reason = reason;
}

static const struct rcast_circuit_ops talk_ops = {.message = talk_message, .ended = talk_ended};

static inline void talk_begin_raw(struct talk *talk, struct wire *wire, const void *data, size_t n_bytes, unsigned int flags,
				  const int *take_fds, int n_fds)
{
	struct iovec iov = {.iov_base = (void *)data, .iov_len = n_bytes};
	int error = -EAGAIN;

	*talk = (struct talk){.wire = wire, .end = &talk->first};
	cr_assert_eq(rcast_circuit_begin(wire->link, &talk_ops, talk, &talk->circuit), 0);
	wire_await(wire, (error = rcast_circuit_send_take_fds(talk->circuit, &iov, 1, flags, take_fds, n_fds)) != -EAGAIN);
	cr_assert_eq(error, 0);
}

static inline void talk_begin(struct talk *talk, struct wire *wire, const Ringcast__Wire__Request *request,
			      unsigned int flags, const int *take_fds, int n_fds)
{
	uint8_t *packed = malloc(ringcast__wire__request__get_packed_size(request) + 1);
	size_t n_bytes = ringcast__wire__request__pack(request, packed);

	talk_begin_raw(talk, wire, packed, n_bytes, flags, take_fds, n_fds);
	free(packed);
}

/* An AttachedRequest. */
static inline int talk_say(struct talk *talk, const Ringcast__Wire__AttachedRequest *request, unsigned int flags)
{
	return rcasti_schema_send(talk->circuit, &request->base, flags, NULL, 0);
}

static inline int talk_input(struct talk *talk, const void *data, size_t n_bytes)
{
	Ringcast__Wire__AttachedRequest request;

	ringcast__wire__attached_request__init(&request);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_INPUT;
	request.input = (ProtobufCBinaryData){.data = (uint8_t *)data, .len = n_bytes};
	return talk_say(talk, &request, 0);
}

static inline int talk_resize(struct talk *talk, uint32_t cols, uint32_t rows)
{
	Ringcast__Wire__AttachedRequest request;
	Ringcast__Wire__Window window;

	ringcast__wire__attached_request__init(&request);
	ringcast__wire__window__init(&window);
	window.cols = cols;
	window.rows = rows;
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_RESIZE;
	request.resize = &window;
	return talk_say(talk, &request, 0);
}

static inline void wire_reply_free(struct wire_reply *reply)
{
	for (int i = 0; i < reply->n_fds; i++)
		if (reply->fds[i] >= 0)
			close(reply->fds[i]);
	ringcast__wire__reply__free_unpacked(reply->reply, NULL);
	free(reply);
}

static inline struct wire_reply *talk_take(struct talk *talk)
{
	struct wire_reply *first = talk->first;

	if (!first)
		return NULL;
	talk->first = first->next;
	if (!talk->first)
		talk->end = &talk->first;
	return first;
}

static inline struct wire_reply *talk_next(struct talk *talk)
{
	wire_await(talk->wire, talk->first != NULL);
	return talk_take(talk);
}

/* End it from our side, wait until it is over, forget what came. */
static inline void talk_close(struct talk *talk)
{
	struct wire_reply *reply;

	if (!talk->over)
		rcast_circuit_send(talk->circuit, NULL, 0, RCAST_LAST);
	wire_await(talk->wire, talk->over || talk->wire->error);
	while ((reply = talk_take(talk)) != NULL)
		wire_reply_free(reply);
}

/* A request with one answer: its error as errno, 0 if it was done. The message is kept in `said`. */
static char wire_said[512];

static inline int wire_ask_fds(struct wire *wire, const Ringcast__Wire__Request *request, const int *take_fds, int n_fds)
{
	struct wire_reply *reply;
	struct talk talk;
	int error;

	talk_begin(&talk, wire, request, RCAST_LAST, take_fds, n_fds);
	reply = talk_next(&talk);
	error = reply->reply->error;
	snprintf(wire_said, sizeof wire_said, "%s", reply->reply->message);
	cr_assert(reply->last);
	cr_assert(error == 0 || strlen(wire_said) > 0, "an error without a word");
	wire_reply_free(reply);
	talk_close(&talk);
	return -error;
}

static inline int wire_ask(struct wire *wire, const Ringcast__Wire__Request *request)
{
	return wire_ask_fds(wire, request, NULL, 0);
}

/* A Request variable with the command filled in as variable_field, ready to be completed. */
#define WIRE_REQUEST(variable, field, FIELD, Type, type)                  \
	Ringcast__Wire__Request variable;                                 \
	Ringcast__Wire__##Type variable##_##field;                        \
	ringcast__wire__request__init(&variable);                         \
	ringcast__wire__##type##__init(&variable##_##field);              \
	variable.command_case = RINGCAST__WIRE__REQUEST__COMMAND_##FIELD; \
	variable.field = &variable##_##field

static inline int wire_start_shell(struct wire *wire, const char *name, const char *script)
{
	char *argv[] = {"sh", "-c", (char *)script};
	WIRE_REQUEST(request, start, START, Start, start);

	request_start.name = (char *)name;
	request_start.argv = argv;
	request_start.n_argv = 3;
	return wire_ask(wire, &request);
}

static inline int wire_input(struct wire *wire, const char *name, const char *text)
{
	WIRE_REQUEST(request, input, INPUT, Input, input);

	request_input.session = (char *)name;
	request_input.data = (ProtobufCBinaryData){.data = (uint8_t *)text, .len = strlen(text)};
	return wire_ask(wire, &request);
}

static inline int wire_resize(struct wire *wire, const char *name, uint32_t cols, uint32_t rows)
{
	WIRE_REQUEST(request, resize, RESIZE, Resize, resize);

	request_resize.session = (char *)name;
	request_resize.cols = cols;
	request_resize.rows = rows;
	return wire_ask(wire, &request);
}

static inline int wire_signal(struct wire *wire, const char *name, int number)
{
	WIRE_REQUEST(request, signal, SIGNAL, Signal, signal);

	request_signal.session = (char *)name;
	request_signal.signal = number;
	return wire_ask(wire, &request);
}

static inline int wire_kill(struct wire *wire, const char *name)
{
	WIRE_REQUEST(request, kill, KILL, Kill, kill);

	request_kill.session = (char *)name;
	return wire_ask(wire, &request);
}

static inline int wire_kick(struct wire *wire, const char *name, uint64_t reader)
{
	WIRE_REQUEST(request, kick, KICK, Kick, kick);

	request_kick.session = (char *)name;
	request_kick.reader = reader;
	return wire_ask(wire, &request);
}

static inline int wire_resize_ring(struct wire *wire, const char *name, uint64_t ring_bytes)
{
	WIRE_REQUEST(request, resize_ring, RESIZE_RING, ResizeRing, resize_ring);

	request_resize_ring.session = (char *)name;
	request_resize_ring.ring_bytes = ring_bytes;
	return wire_ask(wire, &request);
}

static inline int wire_restrict(struct wire *wire)
{
	WIRE_REQUEST(request, restrict_to_view, RESTRICT_TO_VIEW, Restrict, restrict);

	return wire_ask(wire, &request);
}

/* The session as the engine describes it; free with wire_reply_free. NULL: there is none. */
static inline struct wire_reply *wire_describe(struct wire *wire, const char *name)
{
	WIRE_REQUEST(request, describe, DESCRIBE, Describe, describe);
	struct wire_reply *reply;
	struct talk talk;

	request_describe.session = (char *)name;
	talk_begin(&talk, wire, &request, RCAST_LAST, NULL, 0);
	reply = talk_next(&talk);
	talk_close(&talk);
	if (reply->reply->error == 0)
		return reply;
	cr_assert_eq(reply->reply->error, ENOENT);
	wire_reply_free(reply);
	return NULL;
}

static inline bool wire_has(struct wire *wire, const char *name)
{
	struct wire_reply *reply = wire_describe(wire, name);

	if (reply)
		wire_reply_free(reply);
	return reply != NULL;
}

/* The session's statistics, without those of its readers; free with wire_reply_free. */
static inline struct wire_reply *wire_stats(struct wire *wire, const char *name)
{
	WIRE_REQUEST(request, stats, STATS, Stats, stats);
	struct wire_reply *reply;
	struct talk talk;

	request_stats.session = (char *)name;
	talk_begin(&talk, wire, &request, RCAST_LAST, NULL, 0);
	reply = talk_next(&talk);
	cr_assert_eq(reply->reply->result_case, RINGCAST__WIRE__REPLY__RESULT_STATS);
	talk_close(&talk);
	return reply;
}

/* One number of them. */
#define wire_stat(wire, name, field)                                               \
	({                                                                         \
		struct wire_reply *wire_counted = wire_stats(wire, name);          \
		uint64_t wire_value = (uint64_t)wire_counted->reply->stats->field; \
		wire_reply_free(wire_counted);                                     \
		wire_value;                                                        \
	})

/* One number of a session's description. */
#define wire_info(wire, name, field)                                                   \
	({                                                                             \
		struct wire_reply *wire_described = wire_describe(wire, name);         \
		cr_assert(wire_described != NULL);                                     \
		uint64_t wire_value = (uint64_t)wire_described->reply->session->field; \
		wire_reply_free(wire_described);                                       \
		wire_value;                                                            \
	})

#endif
