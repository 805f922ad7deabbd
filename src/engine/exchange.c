/* SPDX-License-Identifier: MIT */
/*
 * An exchange is what a client began on a circuit: a request, then our answer of one message, of several, or a stream. It lives
 * from the circuit's first message until the circuit says ended.
 *
 * Sending may meet the end of the circuit's credit or of the link's queue. Then the packed message waits here, one at most;
 * whoever produces more looks at rcasti_exchange_is_blocked and stops, and goes on when `writable` has got it out. So a
 * client that does not read costs one message and its place in a list, however much there is to say. The last message takes the
 * place of the one that waits: who is kicked while stalled needs no more of the stream.
 *
 * Who has begun as many exchanges as it may is answered so on the circuit, without an exchange: it costs nothing that would have to be
 * counted.
 *
 * Circuits never call `ended` from within a send, so an exchange stays valid until we return to the link.
 */
#include "engine/exchange.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/attach.h"
#include "engine/commands.h"
#include "engine/connection.h"
#include "engine/clean.h"

static void drop_waiting(struct rcasti_waiting *waiting)
{
	for (int i = 0; i < waiting->n_fds; i++)
		close(waiting->fds[i]);
	free(waiting->data);
	*waiting = (struct rcasti_waiting){0};
}

/* They go out, or are dropped: see connection.c. */
static void fds_wait_no_more(struct rcasti_exchange *exchange)
{
	exchange->connection->n_fds_waiting -= (uint32_t)exchange->waiting.n_fds;
}

/* Who is owed a reply that cannot be sent would wait for it for ever: it is hung up on, and knows. */
static int give_up(struct rcasti_exchange *exchange, int error, const char *reason)
{
	rcast_link_abort(rcast_circuit_link(exchange->circuit), error, reason);
	rcasti_connection_touch(exchange->connection);
	return error;
}

/* 0: it is out, and nothing waits. */
static int send_waiting(struct rcasti_exchange *exchange)
{
	struct rcasti_waiting *waiting = &exchange->waiting;
	struct iovec iov = {.iov_base = waiting->data, .iov_len = waiting->n_bytes};
	int error = rcast_circuit_send_take_fds(exchange->circuit, &iov, 1, waiting->flags, waiting->fds, waiting->n_fds);

	rcasti_connection_touch(exchange->connection);
	if (error == -EAGAIN)
		return error;
	fds_wait_no_more(exchange);
	if (!error)
		waiting->n_fds = 0;
	drop_waiting(waiting);
	if (error && error != -EPIPE && error != -ENODATA)
		return give_up(exchange, error, "a reply could not be sent");
	return error;
}

int rcasti_exchange_send_take(struct rcasti_exchange *exchange, const Ringcast__Wire__Reply *reply, unsigned int flags,
			      const int *take_fds, int n_fds)
{
	struct rcasti_waiting *waiting = &exchange->waiting;
	int error;

	fds_wait_no_more(exchange);
	drop_waiting(waiting);
	/* Never NULL, not even for an empty message: NULL says that nothing waits. */
	waiting->data = malloc(ringcast__wire__reply__get_packed_size(reply) + 1);
	waiting->flags = flags;
	for (waiting->n_fds = 0; waiting->n_fds < n_fds; waiting->n_fds++)
		waiting->fds[waiting->n_fds] = take_fds[waiting->n_fds];
	exchange->connection->n_fds_waiting += (uint32_t)n_fds;
	if (!waiting->data) {
		fds_wait_no_more(exchange);
		drop_waiting(waiting);
		return give_up(exchange, -ENOMEM, "no memory for a reply");
	}
	waiting->n_bytes = ringcast__wire__reply__pack(reply, waiting->data);
	exchange->answered = exchange->answered || flags & RCAST_LAST;
	error = send_waiting(exchange);
	return error == -EAGAIN ? 0 : error;
}

bool rcasti_exchange_is_blocked(const struct rcasti_exchange *exchange)
{
	return exchange->waiting.data != NULL;
}

void rcasti_exchange_done(struct rcasti_exchange *exchange)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;

	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_DONE;
	reply.done = &done;
	rcasti_exchange_send_take(exchange, &reply, RCAST_LAST, NULL, 0);
}

void rcasti_exchange_notice(struct rcasti_exchange *exchange, Ringcast__Wire__Notice *notice, unsigned int flags)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;

	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_NOTICE;
	reply.notice = notice;
	rcasti_exchange_send_take(exchange, &reply, flags, NULL, 0);
}

/* What clients sent comes back in messages: a line that is valid UTF-8 and has no control characters. */
static void say_error(struct rcasti_exchange *exchange, int error, unsigned int flags, const char *format, va_list list)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	char text[512], clean[512];

	vsnprintf(text, sizeof text, format, list);
	rcasti_text_clean(clean, sizeof clean, text, strlen(text));
	reply.error = -error;
	reply.message = clean;
	rcasti_exchange_send_take(exchange, &reply, flags, NULL, 0);
}

int rcasti_exchange_refuse(struct rcasti_exchange *exchange, int error, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say_error(exchange, error, RCAST_LAST, format, list);
	va_end(list);
	return error;
}

/* A client that does not read what we send gets no complaints either. */
void rcasti_exchange_complain(struct rcasti_exchange *exchange, int error, const char *format, ...)
{
	va_list list;

	if (rcasti_exchange_is_blocked(exchange))
		return;
	va_start(list, format);
	say_error(exchange, error, 0, format, list);
	va_end(list);
}

void rcasti_exchange_go_on(struct rcasti_exchange *exchange)
{
	while (exchange->more && !rcasti_exchange_is_blocked(exchange))
		if (!exchange->more(exchange))
			exchange->more = NULL;
}

static enum rcast_consumed on_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	struct rcasti_exchange *exchange = user;

	/* Whatever comes behind our last was sent before it was seen. */
	if (exchange->answered)
		return RCAST_CONSUMED;
	if (exchange->attachment)
		return rcasti_attached_request(exchange, message);
	if (!exchange->begun) {
		exchange->begun = true;
		rcasti_command_run(exchange, message);
	}
	return RCAST_CONSUMED;
}

static void on_writable(struct rcast_circuit *circuit, void *user)
{
	struct rcasti_exchange *exchange = user;

	if (rcasti_exchange_is_blocked(exchange) && send_waiting(exchange) != 0)
		return;
	rcasti_exchange_go_on(exchange);
	if (exchange->attachment)
		rcasti_attachment_go_on(exchange->attachment);
}

static void on_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	struct rcasti_exchange *exchange = user;

	rcasti_exchange_detach(exchange);
	cds_list_del(&exchange->rotation_waiter);
	fds_wait_no_more(exchange);
	rcasti_keyframes_drop(exchange);
	drop_waiting(&exchange->waiting);
	cds_list_del(&exchange->node);
	rcasti_account_give(exchange->connection->account, RCASTI_EXCHANGES, 1);
	free(exchange);
}

static const struct rcast_circuit_ops exchange_ops = {.message = on_message, .writable = on_writable, .ended = on_ended};

int rcasti_exchange_open(struct rcasti_connection *connection, struct rcast_circuit *circuit)
{
	struct rcasti_exchange *exchange;
	int error = rcasti_account_take(connection->account, RCASTI_EXCHANGES, 1);

	if (error)
		return error;
	exchange = calloc(1, sizeof *exchange);
	if (!exchange) {
		rcasti_account_give(connection->account, RCASTI_EXCHANGES, 1);
		return -ENOMEM;
	}
	exchange->connection = connection;
	exchange->circuit = circuit;
	CDS_INIT_LIST_HEAD(&exchange->rotation_waiter);
	CDS_INIT_LIST_HEAD(&exchange->keyframe_waiter);
	cds_list_add_tail(&exchange->node, &connection->exchanges);
	rcast_circuit_set_handler(circuit, &exchange_ops, exchange);
	return 0;
}

static enum rcast_consumed ignore_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	return RCAST_CONSUMED;
}

static const struct rcast_circuit_ops turned_away_ops = {.message = ignore_message};

static enum rcast_consumed turn_away(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	struct rcasti_exchange brief = {.connection = user, .circuit = circuit};
	char why[128];

	rcast_circuit_set_handler(circuit, &turned_away_ops, user);
	rcasti_account_explain(brief.connection->account, RCASTI_EXCHANGES, 1, why, sizeof why);
	rcasti_exchange_refuse(&brief, -ENOBUFS, "%s", why);
	if (rcasti_exchange_is_blocked(&brief)) {
		drop_waiting(&brief.waiting);
		give_up(&brief, -ENOBUFS, "too many exchanges, and the answers are not read");
	}
	return RCAST_CONSUMED;
}

static const struct rcast_circuit_ops one_too_many_ops = {.message = turn_away};

void rcasti_exchange_turn_away(struct rcasti_connection *connection, struct rcast_circuit *circuit)
{
	rcast_circuit_set_handler(circuit, &one_too_many_ops, connection);
}
