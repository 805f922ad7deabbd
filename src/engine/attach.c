/* SPDX-License-Identifier: MIT */
/*
 * An attachment joins a session and an exchange: the reader on one side, the client's circuit on the other.
 *
 *   attach   rights and lease are decided, the reader is put in the session's list, Attached goes out (with the ring and the
 *            wake pipe, or followed by Pieces)
 *   detach   the client says so, or its last, or its connection ends
 *   evicted  we say so: kicked, gone, unreadable
 *   removed  the session is gone
 *
 * Whatever ends it takes the reader out of the list first and says the last word after that. The exchange then has no attachment, and
 * lives until the client has sent its last too. The follower and the attachment itself are freed at the end of the turn,
 * after a grace period, which also closes our end of the reader's wake pipe.
 *
 * What an attached client may do was decided when it attached, and is asked again of its connection each time: who has given up
 * the right to input has given it up for its open attachments too. A refusal is an error reply; the attachment goes on.
 */
#include "engine/attach.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/schema.h"
#include "engine/answer.h"
#include "engine/commands.h"
#include "engine/connection.h"
#include "engine/delivery.h"
#include "engine/describe.h"

enum { FDS_TO_ATTACH = 2 }; /* the ring, and the pipe that wakes the reader */

/* ── Ends ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What a reader costs until it is detached: one end of its wake pipe is ours, or both. */
static const struct rcasti_cost ring_costs[] = {{RCASTI_READERS, 1}, {RCASTI_DESCRIPTORS, 1}};
static const struct rcasti_cost circuit_costs[] = {
	{RCASTI_READERS, 1}, {RCASTI_DESCRIPTORS, 2}, {RCASTI_QUEUED_BYTES, RCASTI_DELIVERY_BYTES}};

static const struct rcasti_cost *costs_of(bool is_by_circuit, int *n_costs)
{
	*n_costs = is_by_circuit ? sizeof circuit_costs / sizeof circuit_costs[0] : sizeof ring_costs / sizeof ring_costs[0];
	return is_by_circuit ? circuit_costs : ring_costs;
}

static void give_back(struct rcasti_exchange *exchange, bool is_by_circuit)
{
	int n_costs;
	const struct rcasti_cost *costs = costs_of(is_by_circuit, &n_costs);

	rcasti_account_give_all(exchange->connection->account, costs, n_costs);
}

static void detach(struct rcasti_attachment *attachment)
{
	struct rcasti_exchange *exchange = attachment->exchange;
	bool is_by_circuit = attachment->delivery != NULL;

	rcasti_answer_give_up(attachment);
	if (attachment->delivery)
		rcasti_delivery_close(attachment->delivery);
	attachment->delivery = NULL;
	rcasti_input_forget(&attachment->session->control.input, exchange->circuit);
	exchange->attachment = NULL;
	give_back(exchange, is_by_circuit);
	rcasti_keyframes_detached(attachment->session, attachment);
	rcasti_readers_remove(attachment, &attachment->session->engine->condemned);
}

void rcasti_exchange_detach(struct rcasti_exchange *exchange)
{
	if (exchange->attachment)
		detach(exchange->attachment);
}

void rcasti_attachment_evict(struct rcasti_attachment *attachment, const char *why)
{
	struct rcasti_exchange *exchange = attachment->exchange;
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;

	detach(attachment);
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_EVICTED;
	notice.evicted = (char *)why;
	rcasti_exchange_notice(exchange, &notice, RCAST_LAST);
}

static void end_removed(struct rcasti_attachment *attachment)
{
	struct rcasti_exchange *exchange = attachment->exchange;
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;

	detach(attachment);
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_REMOVED;
	notice.removed = &done;
	rcasti_exchange_notice(exchange, &notice, RCAST_LAST);
}

static void end_detached(struct rcasti_exchange *exchange)
{
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;

	rcasti_exchange_detach(exchange);
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_DETACHED;
	notice.detached = &done;
	rcasti_exchange_notice(exchange, &notice, RCAST_LAST);
}

void rcasti_attachments_end(struct rcast_session *session)
{
	struct rcasti_attachment *attachment, *next;

	cds_list_for_each_entry_safe (attachment, next, &session->readers, node)
		end_removed(attachment);
}

void rcasti_attachments_end_gone(struct rcast_session *session)
{
	struct rcasti_attachment *attachment, *next;

	cds_list_for_each_entry_safe (attachment, next, &session->readers, node) {
		if (atomic_load_explicit(&attachment->is_gone, memory_order_relaxed))
			rcasti_attachment_evict(attachment, "its wake pipe was closed");
	}
}

/* ── Moving ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void send_ring(struct rcasti_attachment *attachment, int take_fd)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Moved moved = RINGCAST__WIRE__MOVED__INIT;

	moved.ring_bytes = attachment->session->control.ring_bytes;
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_MOVED;
	notice.moved = &moved;
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_NOTICE;
	reply.notice = &notice;
	rcasti_exchange_send_take(attachment->exchange, &reply, 0, &take_fd, 1);
}

/* A client that does not take what it is sent gets the ring that is the latest when it does. */
static void move_ring(struct rcasti_attachment *attachment)
{
	const struct rcasti_rotation *rotation = &attachment->session->control.rotation;
	struct rcasti_connection *connection = attachment->exchange->connection;
	int fd;

	if (attachment->n_ring == rotation->n_rings || rcasti_exchange_is_blocked(attachment->exchange))
		return;
	if (rcasti_connection_take_fds(connection, 1, NULL) != 0) {
		rcasti_connection_look_again(connection);
		return;
	}
	fd = rcast_writer_dup_fd(rotation->ring);
	if (fd < 0) {
		rcasti_connection_return_fds(connection, 1);
		rcasti_attachment_evict(attachment, "the session has moved and the engine is short of descriptors");
		return;
	}
	attachment->n_ring = rotation->n_rings;
	send_ring(attachment, fd);
}

void rcasti_attachment_move(struct rcasti_attachment *attachment)
{
	if (attachment->delivery)
		rcasti_delivery_move(attachment->delivery);
	else
		move_ring(attachment);
}

void rcasti_attachment_go_on(struct rcasti_attachment *attachment)
{
	if (attachment->delivery)
		rcasti_delivery_run(attachment->delivery);
	else
		move_ring(attachment);
}

/* ── What may be asked ───────────────────────────────────────────────────────────────────────────────────────────────  */

/* May this be had? If not, it has been refused. */
static int check_input(struct rcasti_exchange *exchange, const struct rcast_session *session)
{
	if (!(exchange->connection->rights & RCAST_RIGHT_INPUT))
		return rcasti_exchange_refuse(exchange, -EPERM,
					      "attach with input: this connection has only the view right");
	if (session->kind != RCASTI_PTY)
		return rcasti_exchange_refuse(exchange, -EOPNOTSUPP, "session %s has no terminal: it takes no input",
					      session->name);
	return 0;
}

static bool is_keyframer(const struct rcasti_exchange *exchange)
{
	return exchange->connection->keyframer != NULL;
}

static int check_lease(struct rcasti_exchange *exchange, const struct rcast_session *session)
{
	if (is_keyframer(exchange))
		return 0;
	if (!(exchange->connection->rights & RCAST_RIGHT_ADMIN))
		return rcasti_exchange_refuse(exchange, -EPERM,
					      "attach with a lease: this connection has only the view right");
	if (session->engine->max_lease_ms == 0)
		return rcasti_exchange_refuse(exchange, -EPERM, "attach with a lease: this engine grants none");
	if (session->kind == RCASTI_OWNED)
		return rcasti_exchange_refuse(exchange, -EOPNOTSUPP,
					      "session %s is published by its owner, whom no lease can hold", session->name);
	return 0;
}

static int check_form(struct rcasti_exchange *exchange, const Ringcast__Wire__Attach *request,
		      const struct rcast_message *message)
{
	int n_fds = request->by_circuit ? 0 : 1;

	if (message->n_fds != n_fds)
		return rcasti_exchange_refuse(exchange, -EINVAL, "attach by %s comes with %d descriptors, not %d",
					      request->by_circuit ? "circuit" : "ring", n_fds, message->n_fds);
	if (message->last)
		return rcasti_exchange_refuse(exchange, -EINVAL, "attach must not be the last message of its exchange");
	if (request->by_circuit && request->from > RCAST_FROM_POS)
		return rcasti_exchange_refuse(exchange, -EINVAL, "attach from %" PRIu32 ": 0 oldest, 1 newest, 2 a position",
					      request->from);
	if (request->answers > RCASTI_CLAIMS_FROM_START || (request->answers && !request->input))
		return rcasti_exchange_refuse(exchange, -EINVAL,
					      "attach to answer questions: that is input, which was not "
					      "asked for");
	return 0;
}

/*
 * Once for each time that it was asked to follow the session. So what it costs is bounded by the number of sessions, whoever it
 * is, and it cannot have its lease anew by coming and going.
 */
static int check_keyframer(struct rcasti_exchange *exchange, const struct rcast_session *session)
{
	if (session->keyframes.keyframer != exchange->connection->keyframer)
		return rcasti_exchange_refuse(exchange, -EPERM, "session %s is not this keyframer's", session->name);
	if (!session->keyframes.awaits_reader)
		return rcasti_exchange_refuse(exchange, -EEXIST, "session %s is followed already, or is not to be",
					      session->name);
	return 0;
}

static int check(struct rcasti_exchange *exchange, const struct rcast_session *session,
		 const Ringcast__Wire__Attach *request, const struct rcast_message *message)
{
	int error = check_form(exchange, request, message);

	if (!error && request->input)
		error = check_input(exchange, session);
	if (!error && request->lease_ms > 0)
		error = check_lease(exchange, session);
	if (!error && is_keyframer(exchange))
		error = check_keyframer(exchange, session);
	return error;
}

/* ── Quotas ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* By ring, also the descriptors that are sent to it now. What is full is said of the account as it is before it is given back. */
static int take_quota(struct rcasti_exchange *exchange, bool is_by_circuit)
{
	struct rcasti_account *account = exchange->connection->account;
	struct rcasti_cost missing;
	int n_costs;
	const struct rcasti_cost *costs = costs_of(is_by_circuit, &n_costs);
	bool is_taken = rcasti_account_take_all(account, costs, n_costs, &missing) == 0;
	char why[128];

	if (is_taken && (is_by_circuit || rcasti_connection_take_fds(exchange->connection, FDS_TO_ATTACH, &missing) == 0))
		return 0;
	rcasti_account_explain(account, missing.resource, missing.n, why, sizeof why);
	if (is_taken)
		give_back(exchange, is_by_circuit);
	return rcasti_exchange_refuse(exchange, -ENOBUFS, "%s", why);
}

static void return_quota(struct rcasti_exchange *exchange, bool is_by_circuit)
{
	if (!is_by_circuit)
		rcasti_connection_return_fds(exchange->connection, FDS_TO_ATTACH);
	give_back(exchange, is_by_circuit);
}

/* ── Attaching ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint32_t grant_lease(const struct rcasti_exchange *exchange, const struct rcast_session *session, uint32_t wanted_ms)
{
	uint32_t max_lease_ms = session->engine->max_lease_ms;

	if (is_keyframer(exchange))
		max_lease_ms = session->kind == RCASTI_OWNED ? 0 : RCASTI_KEYFRAMER_LEASE_MS;
	return wanted_ms < max_lease_ms ? wanted_ms : max_lease_ms;
}

static struct rcasti_attachment *make(struct rcasti_exchange *exchange, struct rcast_session *session,
				      const Ringcast__Wire__Attach *request)
{
	struct rcast_engine *engine = session->engine;
	struct rcasti_attachment *made = calloc(1, sizeof *made);

	if (!made)
		return NULL;
	made->session = session;
	made->exchange = exchange;
	made->id = ++engine->last_reader_id;
	made->pid = exchange->connection->pid;
	made->may_input = request->input;
	made->n_ring = session->control.rotation.n_rings;
	made->is_keyframer = is_keyframer(exchange);
	made->lease_ms = grant_lease(exchange, session, request->lease_ms);
	return made;
}

static int open_ring(struct rcasti_attachment *attachment, struct rcast_message *message, int fds[2])
{
	int cursor_fd = rcast_message_take_fd(message, 0), error;

	if (cursor_fd < 0)
		return cursor_fd;
	error = rcast_follower_create_take(cursor_fd, &attachment->follower, &fds[1]);
	if (error)
		return error;
	fds[0] = rcast_writer_dup_fd(attachment->session->control.rotation.ring);
	if (fds[0] >= 0)
		return 0;
	close(fds[1]);
	return fds[0];
}

static void refuse_open(struct rcasti_exchange *exchange, const Ringcast__Wire__Attach *request, int error)
{
	if (error == -EPROTO)
		rcasti_exchange_refuse(exchange, error, "the descriptor that came with attach is no sealed cursor page");
	else if (error == -EINVAL)
		rcasti_exchange_refuse(exchange, error, "position %" PRIu64 " of session %s is not written yet",
				       request->from_pos, request->session);
	else
		rcasti_exchange_refuse(exchange, error, "session %s cannot be attached to: %s", request->session,
				       strerrordesc_np(-error));
}

static void say_attached(struct rcasti_attachment *attachment, bool answers_from_start, const int *take_fds, int n_fds)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__Attached attached = RINGCAST__WIRE__ATTACHED__INIT;
	Ringcast__Wire__SessionInfo info = RINGCAST__WIRE__SESSION_INFO__INIT;

	rcasti_describe_session(attachment->session, &info);
	attached.session = &info;
	attached.reader = attachment->id;
	attached.lease_ms = attachment->lease_ms;
	attached.answers_from_start = answers_from_start;
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_ATTACHED;
	reply.attached = &attached;
	rcasti_exchange_send_take(attachment->exchange, &reply, 0, take_fds, n_fds);
}

void rcasti_attach(struct rcasti_exchange *exchange, const Ringcast__Wire__Attach *request, struct rcast_message *message)
{
	struct rcast_session *session = rcasti_command_find_session(exchange, request->session);
	struct rcasti_attachment *made;
	int fds[2] = {-1, -1}, error;
	bool from_start = false;

	if (!session || check(exchange, session, request, message) != 0 || take_quota(exchange, request->by_circuit) != 0)
		return;
	made = make(exchange, session, request);
	if (!made)
		error = -ENOMEM;
	else if (request->by_circuit)
		error = rcasti_delivery_open(made, &session->engine->control, request->from, request->from_pos);
	else
		error = open_ring(made, message, fds);
	if (error) {
		return_quota(exchange, request->by_circuit);
		rcast_follower_free(made ? made->follower : NULL);
		free(made);
		refuse_open(exchange, request, error);
		return;
	}
	exchange->attachment = made;
	rcasti_readers_add(made);
	if (made->is_keyframer)
		rcasti_keyframes_attached(session, made);
	if (request->answers != RCASTI_CLAIMS_NOTHING)
		from_start = rcasti_answer_claim(made, (enum rcasti_claim)request->answers);
	say_attached(made, from_start, fds, request->by_circuit ? 0 : 2);
}

/* ── While attached ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool may_steer(const struct rcasti_exchange *exchange)
{
	return exchange->attachment->may_input && exchange->connection->rights & RCAST_RIGHT_INPUT;
}

static enum rcast_consumed attached_input(struct rcasti_exchange *exchange, const ProtobufCBinaryData *data,
					  size_t n_message_bytes)
{
	struct rcast_session *session = exchange->attachment->session;
	int outcome = rcasti_input_push(&session->control.input, data->data, data->len, exchange->circuit, n_message_bytes);

	rcasti_answer_typed(exchange->attachment);
	if (outcome < 0)
		rcasti_command_complain_input(exchange, session, outcome);
	return outcome == RCASTI_INPUT_WAITS ? RCAST_HELD : RCAST_CONSUMED;
}

static void attached_answers(struct rcasti_attachment *attachment, bool answers)
{
	if (answers)
		rcasti_answer_claim(attachment, RCASTI_CLAIMS_FROM_NOW);
	else
		rcasti_answer_give_up(attachment);
}

static void attached_resize(struct rcasti_exchange *exchange, const Ringcast__Wire__Window *window)
{
	struct rcast_session *session = exchange->attachment->session;
	int error = rcasti_command_check_size(window->cols, window->rows);

	if (!error)
		error = rcasti_session_resize(session, (uint16_t)window->cols, (uint16_t)window->rows);
	if (error == -EINVAL)
		rcasti_exchange_complain(exchange, error, RCASTI_SIZE_RULE, window->cols, window->rows);
	else if (error)
		rcasti_exchange_complain(exchange, error, "session %s has ended: it cannot be resized", session->name);
}

static enum rcast_consumed obey(struct rcasti_exchange *exchange, const Ringcast__Wire__AttachedRequest *request,
				size_t n_message_bytes)
{
	if (request->request_case == RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_DETACH) {
		end_detached(exchange);
		return RCAST_CONSUMED;
	}
	if (!may_steer(exchange)) {
		rcasti_exchange_complain(exchange, -EPERM, "attached to session %s without the input right",
					 exchange->attachment->session->name);
		return RCAST_CONSUMED;
	}
	if (request->request_case == RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_INPUT)
		return attached_input(exchange, &request->input, n_message_bytes);
	if (request->request_case == RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_ANSWERS)
		attached_answers(exchange->attachment, request->answers);
	else
		attached_resize(exchange, request->resize);
	return RCAST_CONSUMED;
}

enum rcast_consumed rcasti_attached_request(struct rcasti_exchange *exchange, struct rcast_message *message)
{
	Ringcast__Wire__AttachedRequest *request = NULL;
	enum rcast_consumed consumed = RCAST_CONSUMED;
	const char *wrong = NULL;

	/* An empty last message is how a client hangs up without a word. */
	if (message->n_bytes > 0 || !message->last)
		request = rcasti_schema_unpack_attached_request(message, &wrong);
	if (request)
		consumed = obey(exchange, request, message->n_bytes);
	else if (wrong)
		rcasti_exchange_complain(exchange, -EINVAL, "%s", wrong);
	ringcast__wire__attached_request__free_unpacked(request, NULL);
	if (message->last && exchange->attachment)
		end_detached(exchange);
	return consumed;
}
