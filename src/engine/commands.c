/* SPDX-License-Identifier: MIT */
/*
 * One entry a command: its name, the right that it needs, its handler. A request is parsed, its right is checked against the
 * connection, then its handler runs and answers. A handler that refuses says in one line what was wrong and what would be
 * right, and has changed nothing.
 *
 * list and stats answer with several messages. They remember how far they got by name or id, not by pointer, so whatever
 * happens between two messages, each session or reader that is there all the time is told exactly once.
 */
#include "engine/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/schema.h"
#include "engine/answer.h"
#include "engine/attach.h"
#include "engine/connection.h"
#include "engine/describe.h"
#include "engine/rotate.h"
#include "engine/start.h"

struct rcast_session *rcasti_command_find_session(struct rcasti_exchange *exchange, const char *name)
{
	struct rcast_session *session = rcasti_table_find(&exchange->connection->engine->table, name);

	if (!session)
		rcasti_exchange_refuse(exchange, -ENOENT, "no session %s", name);
	return session;
}

int rcasti_command_check_size(uint32_t cols, uint32_t rows)
{
	return cols >= 1 && cols <= UINT16_MAX && rows >= 1 && rows <= UINT16_MAX ? 0 : -EINVAL;
}

/* ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void send_session(struct rcasti_exchange *exchange, struct rcast_session *session, unsigned int flags)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__SessionInfo info = RINGCAST__WIRE__SESSION_INFO__INIT;

	rcasti_describe_session(session, &info);
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_SESSION;
	reply.session = &info;
	rcasti_exchange_send_take(exchange, &reply, flags, NULL, 0);
}

static bool list_next(struct rcasti_exchange *exchange)
{
	struct rcast_session *session = rcasti_table_after(&exchange->connection->engine->table, exchange->walked_name);

	if (!session) {
		rcasti_exchange_done(exchange);
		return false;
	}
	strcpy(exchange->walked_name, session->name);
	send_session(exchange, session, 0);
	return true;
}

static void list(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	exchange->more = list_next;
	rcasti_exchange_go_on(exchange);
}

static void describe(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	struct rcast_session *session = rcasti_command_find_session(exchange, request->describe->session);

	if (session)
		send_session(exchange, session, RCAST_LAST);
}

static struct rcasti_attachment *reader_after(struct rcast_session *session, uint64_t id)
{
	struct rcasti_attachment *attachment;

	/* In order of id, since new ones are put at the end. */
	cds_list_for_each_entry (attachment, &session->readers, node)
		if (attachment->id > id && !attachment->is_keyframer)
			return attachment;
	return NULL;
}

static bool stats_next(struct rcasti_exchange *exchange)
{
	struct rcast_session *session = rcasti_table_find(&exchange->connection->engine->table, exchange->walked_name);
	struct rcasti_attachment *attachment = session ? reader_after(session, exchange->walked_id) : NULL;
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__ReaderInfo info = RINGCAST__WIRE__READER_INFO__INIT;

	if (!attachment) {
		rcasti_exchange_done(exchange);
		return false;
	}
	exchange->walked_id = attachment->id;
	rcasti_describe_reader(attachment, &info);
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_READER;
	reply.reader = &info;
	rcasti_exchange_send_take(exchange, &reply, 0, NULL, 0);
	return true;
}

static void stats(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	struct rcast_session *session = rcasti_command_find_session(exchange, request->stats->session);
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__SessionStats answer = RINGCAST__WIRE__SESSION_STATS__INIT;
	Ringcast__Wire__SessionInfo info = RINGCAST__WIRE__SESSION_INFO__INIT;

	if (!session)
		return;
	rcasti_describe_session(session, &info);
	rcasti_describe_stats(session, &answer);
	answer.session = &info;
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_STATS;
	reply.stats = &answer;
	strcpy(exchange->walked_name, session->name);
	exchange->more = stats_next;
	rcasti_exchange_send_take(exchange, &reply, 0, NULL, 0);
	rcasti_exchange_go_on(exchange);
}

static void keyframe(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	struct rcast_session *session = rcasti_command_find_session(exchange, request->keyframe->session);

	if (session)
		rcasti_keyframes_ask(exchange, session, request->keyframe->by_circuit);
}

static void attach(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	rcasti_attach(exchange, request->attach, message);
}

static void give_up_rights(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request,
			   struct rcast_message *message)
{
	struct rcasti_exchange *other;

	exchange->connection->rights = RCAST_RIGHT_VIEW;
	cds_list_for_each_entry (other, &exchange->connection->exchanges, node) {
		if (other->attachment)
			rcasti_answer_give_up(other->attachment);
	}
	rcasti_exchange_done(exchange);
}

/* ── Starting ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int check_start(struct rcasti_exchange *exchange, const Ringcast__Wire__Start *start,
		       const struct rcast_message *message)
{
	int n_fds = start->n_argv > 0 ? 0 : 1;

	if (!rcast_name_is_valid(start->name))
		return rcasti_exchange_refuse(
			exchange, -EINVAL, "session name \"%s\": 1 to 64 of A-Z a-z 0-9 . _ -, not . nor ..", start->name);
	if (message->n_fds != n_fds)
		return rcasti_exchange_refuse(exchange, -EINVAL, "start of a %s comes with %d descriptors, not %d",
					      n_fds ? "pipe session" : "program", n_fds, message->n_fds);
	if (start->cols > UINT16_MAX || start->rows > UINT16_MAX)
		return rcasti_exchange_refuse(exchange, -EINVAL, RCASTI_SIZE_RULE, start->cols, start->rows);
	return 0;
}

static const char *explain_sessions(const struct rcasti_exchange *exchange, char *why, size_t why_bytes)
{
	rcasti_account_explain(exchange->connection->account, RCASTI_SESSIONS, 1, why, why_bytes);
	return why;
}

static void refuse_start(struct rcasti_exchange *exchange, const Ringcast__Wire__Start *start, int error, const char *failed)
{
	char why[128];

	if (failed)
		rcasti_exchange_refuse(exchange, error, "%s: %s (%s)", failed, strerrordesc_np(-error),
				       strerrorname_np(-error));
	else if (error == -EEXIST)
		rcasti_exchange_refuse(exchange, error, "session %s exists already", start->name);
	else if (error == -ENOBUFS)
		rcasti_exchange_refuse(exchange, error, "%s", explain_sessions(exchange, why, sizeof why));
	else if (error == -EINVAL && start->ring_bytes)
		rcasti_exchange_refuse(exchange, error,
				       "ring of %" PRIu64 " bytes: a power of two from %" PRIu64 " to %" PRIu64,
				       start->ring_bytes, RCAST_RING_MIN_BYTES, RCAST_RING_MAX_BYTES);
	else if (error == -EINVAL)
		rcasti_exchange_refuse(exchange, error, "the descriptor is no pipe, socket, terminal or file");
	else
		rcasti_exchange_refuse(exchange, error, "session %s cannot be started: %s", start->name,
				       strerrordesc_np(-error));
}

/* The schema's arrays have no NULL at their end: these are copies that have. */
static const char **terminated(char *const *strings, size_t n)
{
	const char **copy = calloc(n + 1, sizeof *copy);

	if (copy && n > 0)
		memcpy(copy, strings, n * sizeof *copy);
	return copy;
}

static int start_program(struct rcasti_connection *connection, const struct rcast_session_options *options,
			 const Ringcast__Wire__Start *start, const char **failed)
{
	const char **argv = terminated(start->argv, start->n_argv), **envp = terminated(start->env, start->n_env);
	struct rcast_program program = {
		.argv = argv, .envp = start->n_env ? envp : NULL, .cwd = start->cwd[0] ? start->cwd : NULL};
	int error = argv && envp ? rcasti_start_pty(connection->engine, connection->account, options, &program, NULL, failed)
				 : -ENOMEM;

	/* What failed is one of the strings, which outlive these arrays. */
	free(argv);
	free(envp);
	return error;
}

static void start(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	const Ringcast__Wire__Start *wanted = request->start;
	struct rcast_session_options options = {
		.name = wanted->name,
		.ring_bytes = wanted->ring_bytes,
		.linger_ms = wanted->linger_ms,
		.cols = (uint16_t)wanted->cols,
		.rows = (uint16_t)wanted->rows,
		.awaits_attach = wanted->awaits_attach,
	};
	const char *failed = NULL;
	int error;

	if (check_start(exchange, wanted, message) != 0)
		return;
	if (wanted->n_argv > 0)
		error = start_program(exchange->connection, &options, wanted, &failed);
	else
		error = rcasti_start_pipe_take(exchange->connection->engine, exchange->connection->account, &options,
					       rcast_message_take_fd(message, 0), NULL);
	if (error)
		refuse_start(exchange, wanted, error, failed);
	else
		rcasti_exchange_done(exchange);
}

/* ── Steering ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *why_no_input(int error)
{
	return error == -EOPNOTSUPP ? "has no terminal: it takes no input"
	       : error == -ENODATA  ? "has ended: it takes no input"
	       : error == -EAGAIN   ? "is not reading, and as much input as the engine keeps waits already"
				    : "could not be written to";
}

void rcasti_command_complain_input(struct rcasti_exchange *exchange, const struct rcast_session *session, int error)
{
	rcasti_exchange_complain(exchange, error, "session %s %s", session->name, why_no_input(error));
}

static void input(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	struct rcast_session *session = rcasti_command_find_session(exchange, request->input->session);
	const ProtobufCBinaryData *data = &request->input->data;
	int outcome;

	if (!session)
		return;
	outcome = session->kind != RCASTI_PTY ? -EOPNOTSUPP
					      : rcasti_input_push(&session->control.input, data->data, data->len, NULL, 0);
	if (outcome < 0)
		rcasti_exchange_refuse(exchange, outcome, "session %s %s", session->name, why_no_input(outcome));
	else
		rcasti_exchange_done(exchange);
}

static void resize(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	const Ringcast__Wire__Resize *wanted = request->resize;
	struct rcast_session *session = rcasti_command_find_session(exchange, wanted->session);
	int error;

	if (!session)
		return;
	error = rcasti_command_check_size(wanted->cols, wanted->rows);
	if (!error)
		error = rcasti_session_resize(session, (uint16_t)wanted->cols, (uint16_t)wanted->rows);
	if (error == -EINVAL)
		rcasti_exchange_refuse(exchange, error, RCASTI_SIZE_RULE, wanted->cols, wanted->rows);
	else if (error)
		rcasti_exchange_refuse(exchange, error, "session %s %s", session->name,
				       error == -ENODATA ? "has ended: it cannot be resized"
							 : "has no terminal: it cannot be resized");
	else
		rcasti_exchange_done(exchange);
}

static void signal_program(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request,
			   struct rcast_message *message)
{
	struct rcast_session *session = rcasti_command_find_session(exchange, request->signal->session);
	int number = request->signal->signal, error;

	if (!session)
		return;
	error = number >= 1 && number < NSIG ? rcasti_session_signal(session, number) : -EINVAL;
	if (error == -EINVAL)
		rcasti_exchange_refuse(exchange, error, "signal %d: 1 to %d", number, NSIG - 1);
	else if (error)
		rcasti_exchange_refuse(exchange, error, "session %s %s", session->name,
				       error == -EOPNOTSUPP ? "has no program" : "has no program any more");
	else
		rcasti_exchange_done(exchange);
}

/* Returns how many. *n_mapped of them have the ring mapped. */
static int kick_readers(struct rcast_session *session, uint64_t id, const char *why, int *n_mapped)
{
	struct rcasti_attachment *attachment, *next;
	int n = 0;

	*n_mapped = 0;

	cds_list_for_each_entry_safe (attachment, next, &session->readers, node) {
		if (attachment->is_keyframer || (id != UINT64_MAX && id != attachment->id))
			continue;
		*n_mapped += attachment->delivery == NULL;
		rcasti_attachment_evict(attachment, why);
		n++;
	}
	session->control.n_kicked += (uint64_t)n;
	return n;
}

/*
 * What was mapped cannot be taken back: the session moves to another ring. `all` are also those who have detached before and kept
 * their mapping.
 */
static void shut_out(struct rcasti_exchange *exchange, struct rcast_session *session)
{
	int error = 0;

	if (session->kind == RCASTI_OWNED)
		atomic_store_explicit(&session->wants_rotation, true, memory_order_relaxed);
	if (session->kind == RCASTI_OWNED || session->control.ended)
		rcasti_exchange_done(exchange);
	else
		error = rcasti_rotate(session, 0, exchange);
	if (error)
		rcasti_exchange_refuse(exchange, error,
				       "kicked, but what is mapped can still be read: session %s cannot move: %s",
				       session->name, strerrordesc_np(-error));
}

static void kick(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	struct rcast_session *session = rcasti_command_find_session(exchange, request->kick->session);
	uint64_t id = request->kick->reader;
	int n_kicked, n_mapped;
	char why[64];

	if (!session)
		return;
	snprintf(why, sizeof why, "kicked by process %d", (int)exchange->connection->pid);
	n_kicked = kick_readers(session, id, why, &n_mapped);
	if (n_kicked == 0 && id != UINT64_MAX)
		rcasti_exchange_refuse(exchange, -ENOENT, "session %s has no reader %" PRIu64, session->name, id);
	else if (n_mapped > 0 || id == UINT64_MAX)
		shut_out(exchange, session);
	else
		rcasti_exchange_done(exchange);
}

#define RING_RULE "ring of %" PRIu64 " bytes: a power of two from %" PRIu64 " to %" PRIu64

static void resize_ring(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request,
			struct rcast_message *message)
{
	struct rcast_session *session = rcasti_command_find_session(exchange, request->resize_ring->session);
	uint64_t ring_bytes = request->resize_ring->ring_bytes;
	int error;

	if (!session)
		return;
	error = session->kind == RCASTI_OWNED ? -EOPNOTSUPP
		: session->control.ended      ? -ENODATA
		: ring_bytes < RCAST_RING_MIN_BYTES || ring_bytes > RCAST_RING_MAX_BYTES || (ring_bytes & (ring_bytes - 1))
			? -EINVAL
			: rcasti_rotate(session, ring_bytes, exchange);
	if (error == -EOPNOTSUPP)
		rcasti_exchange_refuse(exchange, error, "session %s is published by its owner, who alone can move it",
				       session->name);
	else if (error == -ENODATA)
		rcasti_exchange_refuse(exchange, error, "session %s has ended: its ring stays as it is", session->name);
	else if (error == -EINVAL)
		rcasti_exchange_refuse(exchange, error, RING_RULE, ring_bytes, RCAST_RING_MIN_BYTES, RCAST_RING_MAX_BYTES);
	else if (error)
		rcasti_exchange_refuse(exchange, error, "session %s cannot move to a ring of %" PRIu64 " bytes: %s",
				       session->name, ring_bytes, strerrordesc_np(-error));
}

static void kill_session(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request,
			 struct rcast_message *message)
{
	struct rcast_session *session = rcasti_command_find_session(exchange, request->kill->session);

	if (!session)
		return;
	if (session->kind == RCASTI_OWNED && !session->control.ended) {
		rcasti_exchange_refuse(exchange, -EOPNOTSUPP, "session %s is published by its owner, who alone can end it",
				       session->name);
		return;
	}
	rcasti_session_remove(session);
	rcasti_exchange_done(exchange);
}

/* ── The table ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

typedef void handler(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request,
		     struct rcast_message *message);

struct command {
	Ringcast__Wire__Request__CommandCase which;
	const char *name;
	enum rcast_right right;
	handler *handler;
};

static const struct command commands[] = {
	{RINGCAST__WIRE__REQUEST__COMMAND_LIST, "list", RCAST_RIGHT_VIEW, list},
	{RINGCAST__WIRE__REQUEST__COMMAND_DESCRIBE, "describe", RCAST_RIGHT_VIEW, describe},
	{RINGCAST__WIRE__REQUEST__COMMAND_STATS, "stats", RCAST_RIGHT_VIEW, stats},
	{RINGCAST__WIRE__REQUEST__COMMAND_KEYFRAME, "keyframe", RCAST_RIGHT_VIEW, keyframe},
	{RINGCAST__WIRE__REQUEST__COMMAND_ATTACH, "attach", RCAST_RIGHT_VIEW, attach},
	{RINGCAST__WIRE__REQUEST__COMMAND_RESTRICT_TO_VIEW, "restrict", RCAST_RIGHT_VIEW, give_up_rights},
	{RINGCAST__WIRE__REQUEST__COMMAND_INPUT, "input", RCAST_RIGHT_INPUT, input},
	{RINGCAST__WIRE__REQUEST__COMMAND_RESIZE, "resize", RCAST_RIGHT_INPUT, resize},
	{RINGCAST__WIRE__REQUEST__COMMAND_START, "start", RCAST_RIGHT_ADMIN, start},
	{RINGCAST__WIRE__REQUEST__COMMAND_SIGNAL, "signal", RCAST_RIGHT_ADMIN, signal_program},
	{RINGCAST__WIRE__REQUEST__COMMAND_KICK, "kick", RCAST_RIGHT_ADMIN, kick},
	{RINGCAST__WIRE__REQUEST__COMMAND_KILL, "kill", RCAST_RIGHT_ADMIN, kill_session},
	{RINGCAST__WIRE__REQUEST__COMMAND_RESIZE_RING, "resize ring", RCAST_RIGHT_ADMIN, resize_ring},
};

static const struct command *find(Ringcast__Wire__Request__CommandCase which)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (commands[i].which == which)
			return &commands[i];
	return NULL;
}

void rcasti_command_run(struct rcasti_exchange *exchange, struct rcast_message *message)
{
	const char *wrong = "";
	Ringcast__Wire__Request *request = rcasti_schema_unpack_request(message, &wrong);
	const struct command *command = request ? find(request->command_case) : NULL;

	if (!request)
		rcasti_exchange_refuse(exchange, -EINVAL, "%s", wrong);
	else if (!command)
		rcasti_exchange_refuse(exchange, -EINVAL, "a command that this engine does not know");
	else if (!(exchange->connection->rights & command->right))
		rcasti_exchange_refuse(exchange, -EPERM, "%s needs the %s right: this connection has only the view right",
				       command->name, command->right == RCAST_RIGHT_INPUT ? "input" : "admin");
	else
		command->handler(exchange, request, message);
	ringcast__wire__request__free_unpacked(request, NULL);
}
