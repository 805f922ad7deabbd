/* SPDX-License-Identifier: MIT */
/*
 * A connection is one link to one engine. Everything on it is an exchange on a circuit of its own, so commands and any number
 * of views share it without knowing of each other.
 *
 * There is no thread. The link moves when somebody dispatches it: a command that waits for its reply, or a view that is asked
 * for its next record. Whoever dispatches serves all: the handlers of the others are called too, and take notes. When the
 * link fails, its socket is shut down at once; that makes it readable for good, so every view that polls it learns of it.
 *
 * An exchange that runs out of time leaves its circuit to the drain: the late reply finds nobody's stack in its way.
 *
 * Called by command.c, find.c and view.c; calls <ringcast/circuit.h> and protobuf-c.
 */
#include "client/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/info.h"
#include "control/schema.h"

#define DEFAULT_TIMEOUT_MS 5000
#define MAX_ERRNO 4095 /* the kernel's own bound */

uint64_t rcasti_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int rcasti_client_fail(struct rcast_client *client, int error, const char *format, ...)
{
	char line[sizeof client->error];
	va_list list;

	va_start(list, format);
	vsnprintf(line, sizeof line, format, list);
	va_end(list);
	rcasti_info_clean_text(client->error, sizeof client->error, line);
	return error;
}

/* ── The link ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* An engine has no reason to begin an exchange with a client: with nobody to handle it, that breaks the protocol. */
static const struct rcast_link_ops link_ops;

int rcast_client_open_take(int socket_fd, struct rcast_client **client)
{
	struct rcast_client *made = calloc(1, sizeof *made);
	int result;

	*client = NULL;
	if (!made) {
		close(socket_fd);
		return -ENOMEM;
	}
	made->timeout_ms = DEFAULT_TIMEOUT_MS;
	result = rcast_link_open_take(socket_fd, RCAST_DIALLED, NULL, &link_ops, made, &made->link);
	if (result < 0) {
		free(made);
		return result;
	}
	*client = made;
	return 0;
}

int rcast_client_connect(const char *path, struct rcast_client **client)
{
	int fd = rcast_socket_dial(path);

	*client = NULL;
	return fd < 0 ? fd : rcast_client_open_take(fd, client);
}

void rcast_client_free(struct rcast_client *client)
{
	if (!client)
		return;
	rcast_link_free(client->link);
	free(client->readers);
	free(client);
}

const char *rcast_client_error(const struct rcast_client *client)
{
	return client->error;
}

void rcast_client_set_timeout(struct rcast_client *client, int timeout_ms)
{
	client->timeout_ms = timeout_ms > 0 ? timeout_ms : 0;
}

static int went_down(struct rcast_client *client, int error)
{
	if (error == -EPROTO)
		rcasti_client_fail(client, error, "the engine broke the protocol: %s", rcast_link_reason(client->link));
	else
		rcasti_client_fail(client, error, "the engine is gone");
	client->down = error == -EPROTO ? -EPROTO : -EPIPE;
	shutdown(rcast_link_fd(client->link), SHUT_RDWR);
	return client->down;
}

int rcasti_client_dispatch(struct rcast_client *client)
{
	int result;

	if (client->down)
		return client->down;
	result = rcast_link_dispatch(client->link);
	return result < 0 ? went_down(client, result) : 0;
}

int rcasti_client_turn(struct rcast_client *client, uint64_t deadline_ms)
{
	struct pollfd polled = {.fd = rcast_link_fd(client->link), .events = rcast_link_events(client->link)};
	int retry_ms = rcast_link_timeout_ms(client->link), n = 0;
	uint64_t now_ms = rcasti_clock_ms(), left_ms = now_ms < deadline_ms ? deadline_ms - now_ms : 0;
	bool is_retry = retry_ms >= 0 && (uint64_t)retry_ms < left_ms;

	if (client->down)
		return client->down;
	if (left_ms > 0)
		n = poll(&polled, 1, is_retry ? retry_ms : (int)left_ms);
	if (n < 0)
		return errno == EINTR ? 0 : rcasti_client_fail(client, -errno, "poll: %s", strerror(errno));
	if (n == 0 && !is_retry)
		return rcasti_client_fail(client, -ETIMEDOUT, "the engine did not answer in time (%d ms)",
					  client->timeout_ms);
	return rcasti_client_dispatch(client);
}

int rcasti_client_refused(struct rcast_client *client, const Ringcast__Wire__Reply *reply)
{
	int error = reply->error > 0 && reply->error <= MAX_ERRNO ? -reply->error : -EPROTO;

	if (reply->message[0])
		return rcasti_client_fail(client, error, "%s", reply->message);
	return rcasti_client_fail(client, error, "the engine refused: %s", strerror(-error));
}

/* ── Circuits that nobody listens to ─────────────────────────────────────────────────────────────────────────────────── */

static enum rcast_consumed drain_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	return RCAST_CONSUMED;
}

/* A detach found no room before: an empty last message says the same. */
static void drain_writable(struct rcast_circuit *circuit, void *user)
{
	rcast_circuit_send(circuit, NULL, 0, RCAST_LAST);
}

void rcasti_circuit_drain(struct rcast_circuit *circuit)
{
	static const struct rcast_circuit_ops ops = {.message = drain_message, .writable = drain_writable};

	rcast_circuit_set_handler(circuit, &ops, NULL);
}

/* ── Exchanges ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int judge_reply(struct rcasti_exchange *exchange, const Ringcast__Wire__Reply *reply, struct rcast_message *message)
{
	int error;

	if (reply->error != 0)
		return rcasti_client_refused(exchange->client, reply);
	error = exchange->reply ? exchange->reply(exchange->user, reply, message) : 0;
	if (error == -ENOMEM)
		return rcasti_client_fail(exchange->client, error, "no memory for what the engine answered");
	return error;
}

static enum rcast_consumed exchange_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	struct rcasti_exchange *exchange = user;
	Ringcast__Wire__Reply *reply = rcasti_schema_unpack_reply(message);

	if (!reply) {
		rcast_link_abort(rcast_circuit_link(circuit), -EPROTO, "a reply that the schema does not know");
		return RCAST_CONSUMED;
	}
	if (exchange->result == 0)
		exchange->result = judge_reply(exchange, reply, message);
	exchange->done = message->last;
	ringcast__wire__reply__free_unpacked(reply, NULL);
	return RCAST_CONSUMED;
}

static void exchange_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	struct rcasti_exchange *exchange = user;

	exchange->circuit = NULL;
	if (!exchange->done)
		exchange->result = reason < 0 ? reason : -EPROTO;
	exchange->done = true;
	if (exchange->over)
		exchange->over(exchange->user);
}

static int send_request(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, int take_fd)
{
	uint64_t deadline_ms = rcasti_clock_ms() + (uint64_t)exchange->client->timeout_ms;
	int result;

	while ((result = rcasti_schema_send(exchange->circuit, &request->base, RCAST_LAST, &take_fd, take_fd >= 0)) ==
	       -EAGAIN) {
		result = rcasti_client_turn(exchange->client, deadline_ms);
		if (result < 0)
			return result;
	}
	if (result == -EMSGSIZE)
		return rcasti_client_fail(exchange->client, result,
					  "the request is too long: the engine takes at most %u bytes",
					  rcast_link_max_message(exchange->client->link));
	if (result < 0)
		return rcasti_client_fail(exchange->client, result, "the request could not be sent: %s", strerror(-result));
	return 0;
}

int rcasti_exchange_begin(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, int take_fd)
{
	static const struct rcast_circuit_ops ops = {.message = exchange_message, .ended = exchange_ended};
	struct rcast_client *client = exchange->client;
	int result = client->down;

	if (!result)
		result = rcast_circuit_begin(client->link, &ops, exchange, &exchange->circuit);
	if (result == 0) {
		result = send_request(exchange, request, take_fd);
		if (result == 0)
			return 0;
		rcasti_exchange_abandon(exchange);
	} else {
		rcasti_client_fail(client, result, "no circuit to the engine: %s", strerror(-result));
	}
	if (take_fd >= 0)
		close(take_fd);
	return result;
}

int rcasti_exchange_wait(struct rcasti_exchange *exchange)
{
	uint64_t deadline_ms = rcasti_clock_ms() + (uint64_t)exchange->client->timeout_ms;
	int result = 0;

	while (!exchange->done && result == 0)
		result = rcasti_client_turn(exchange->client, deadline_ms);
	rcasti_exchange_abandon(exchange);
	return exchange->done ? exchange->result : result;
}

void rcasti_exchange_abandon(struct rcasti_exchange *exchange)
{
	if (exchange->circuit)
		rcasti_circuit_drain(exchange->circuit);
	exchange->circuit = NULL;
}
