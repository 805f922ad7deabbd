/* SPDX-License-Identifier: MIT */
/*
 * Commands: each is one request and its reply, made with rcasti_exchange_begin and _wait. Nothing is kept between commands but
 * the reader list that rcast_client_stats lends.
 *
 * The caller's callbacks run after the exchange is over, never inside the link's dispatch, so they may use the client.
 */
#include "client/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/info.h"

#define MAX_SESSIONS 16384 /* more than an engine may have */
#define MAX_READERS 65536

/* Declares `message`, to be filled in, and `request` with it as its command. */
#define REQUEST(field, FIELD, Type)                                       \
	Ringcast__Wire__##Type message = RINGCAST__WIRE__##FIELD##__INIT; \
	Ringcast__Wire__Request request = RINGCAST__WIRE__REQUEST__INIT;  \
	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_##FIELD;  \
	request.field = &message

typedef int reply_function(void *user, const Ringcast__Wire__Reply *reply, struct rcast_message *message);

static int run_exchange(struct rcast_client *client, const Ringcast__Wire__Request *request, int take_fd,
			reply_function *reply, void *user)
{
	struct rcasti_exchange exchange = {.client = client, .reply = reply, .user = user};
	int result = rcasti_exchange_begin(&exchange, request, take_fd);

	return result < 0 ? result : rcasti_exchange_wait(&exchange);
}

/* A request whose whole answer is yes or no. */
static int command(struct rcast_client *client, const Ringcast__Wire__Request *request)
{
	return run_exchange(client, request, -1, NULL, NULL);
}

/* An array that grows by doubling, up to `max` elements; *items is left as it was on an error. */
static int make_room(void **items, size_t *room, size_t n_items, size_t item_bytes, size_t max)
{
	size_t more = *room ? *room * 2 : 16;
	void *grown;

	if (n_items < *room)
		return 0;
	if (n_items >= max)
		return -EPROTO;
	grown = realloc(*items, more * item_bytes);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*room = more;
	return 0;
}

/* ── Sessions ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

int rcasti_session_list_reply(void *user, const Ringcast__Wire__Reply *reply, struct rcast_message *message)
{
	struct rcasti_session_list *list = user;
	void *sessions = list->sessions;
	int result;

	if (reply->result_case != RINGCAST__WIRE__REPLY__RESULT_SESSION)
		return reply->result_case == RINGCAST__WIRE__REPLY__RESULT_DONE ? 0 : -EPROTO;
	result = make_room(&sessions, &list->room, list->n_sessions, sizeof *list->sessions, MAX_SESSIONS);
	list->sessions = sessions;
	if (result == 0)
		result = rcasti_info_from_wire(&list->sessions[list->n_sessions], reply->session);
	if (result == 0)
		list->n_sessions++;
	return result;
}

static int by_name(const void *left, const void *right)
{
	const struct rcast_session_info *a = left, *b = right;

	return strcmp(a->name, b->name);
}

int rcasti_session_list_call(struct rcasti_session_list *list, rcast_session_callback *callback, void *user)
{
	int result = 0;

	if (list->n_sessions)
		qsort(list->sessions, list->n_sessions, sizeof *list->sessions, by_name);
	for (size_t i = 0; i < list->n_sessions && result == 0; i++)
		result = callback(user, &list->sessions[i]);
	return result;
}

int rcast_client_list(struct rcast_client *client, rcast_session_callback *callback, void *user)
{
	REQUEST(list, LIST, List);
	struct rcasti_session_list sessions = {0};
	int result;

	result = run_exchange(client, &request, -1, rcasti_session_list_reply, &sessions);
	if (result == 0)
		result = rcasti_session_list_call(&sessions, callback, user);
	free(sessions.sessions);
	return result;
}

int rcasti_session_reply(void *user, const Ringcast__Wire__Reply *reply, struct rcast_message *message)
{
	if (reply->result_case == RINGCAST__WIRE__REPLY__RESULT_DONE)
		return 0;
	if (reply->result_case != RINGCAST__WIRE__REPLY__RESULT_SESSION)
		return -EPROTO;
	return rcasti_info_from_wire(user, reply->session);
}

int rcast_client_describe(struct rcast_client *client, const char *session, struct rcast_session_info *info)
{
	REQUEST(describe, DESCRIBE, Describe);
	int result;

	message.session = (char *)session;
	info->name[0] = 0;
	result = run_exchange(client, &request, -1, rcasti_session_reply, info);
	if (result == 0 && !info->name[0])
		return rcasti_client_fail(client, -EPROTO, "the engine described nothing");
	return result;
}

static size_t count_strings(const char *const *strings)
{
	size_t n = 0;

	while (strings && strings[n])
		n++;
	return n;
}

int rcast_client_start(struct rcast_client *client, const struct rcast_start_options *options)
{
	REQUEST(start, START, Start);
	int take_fd = options->argv ? -1 : options->take_fd;

	message.name = (char *)options->name;
	message.n_argv = count_strings(options->argv);
	message.argv = (char **)options->argv;
	message.n_env = count_strings(options->envp);
	message.env = (char **)options->envp;
	if (options->cwd)
		message.cwd = (char *)options->cwd;
	message.ring_bytes = options->ring_bytes;
	message.linger_ms = options->linger_ms;
	message.cols = options->cols;
	message.rows = options->rows;
	message.awaits_attach = options->awaits_attach;
	return run_exchange(client, &request, take_fd, NULL, NULL);
}

/* ── Steering ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

int rcast_client_restrict_to_view(struct rcast_client *client)
{
	Ringcast__Wire__Restrict restriction = RINGCAST__WIRE__RESTRICT__INIT;
	Ringcast__Wire__Request request = RINGCAST__WIRE__REQUEST__INIT;

	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_RESTRICT_TO_VIEW;
	request.restrict_to_view = &restriction;
	return command(client, &request);
}

int rcast_client_send_input(struct rcast_client *client, const char *session, const void *data, size_t n_bytes)
{
	REQUEST(input, INPUT, Input);
	const uint8_t *from = data;
	int result = 0;

	message.session = (char *)session;
	do {
		message.data.data = (uint8_t *)from;
		message.data.len = n_bytes < RCAST_INPUT_MAX ? n_bytes : RCAST_INPUT_MAX;
		result = command(client, &request);
		from += message.data.len;
		n_bytes -= message.data.len;
	} while (result == 0 && n_bytes > 0);
	return result;
}

int rcast_client_resize(struct rcast_client *client, const char *session, uint16_t cols, uint16_t rows)
{
	REQUEST(resize, RESIZE, Resize);

	message.session = (char *)session;
	message.cols = cols;
	message.rows = rows;
	return command(client, &request);
}

int rcast_client_resize_ring(struct rcast_client *client, const char *session, uint64_t ring_bytes)
{
	REQUEST(resize_ring, RESIZE_RING, ResizeRing);

	message.session = (char *)session;
	message.ring_bytes = ring_bytes;
	return command(client, &request);
}

int rcast_client_signal(struct rcast_client *client, const char *session, int signal)
{
	REQUEST(signal, SIGNAL, Signal);

	message.session = (char *)session;
	message.signal = signal;
	return command(client, &request);
}

int rcast_client_kick(struct rcast_client *client, const char *session, uint64_t reader_id)
{
	REQUEST(kick, KICK, Kick);

	message.session = (char *)session;
	message.reader = reader_id;
	return command(client, &request);
}

int rcast_client_kill(struct rcast_client *client, const char *session)
{
	REQUEST(kill, KILL, Kill);

	message.session = (char *)session;
	return command(client, &request);
}

/* ── Statistics ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct stats_reply {
	struct rcast_session_stats *stats;
	struct rcast_reader_info *readers;
	size_t room;
};

static int take_totals(struct rcast_session_stats *stats, const Ringcast__Wire__SessionStats *wire)
{
	stats->n_reads = wire->n_reads;
	stats->n_input = wire->n_input;
	stats->n_kicked = wire->n_kicked;
	stats->n_evicted = wire->n_evicted;
	stats->n_leases_lost = wire->n_leases_lost;
	stats->n_rotations = wire->n_rotations;
	stats->last_rotation_ns = wire->last_rotation_ns;
	stats->max_rotation_ns = wire->max_rotation_ns;
	stats->n_keyframer_deaths = wire->n_keyframer_deaths;
	return rcasti_info_from_wire(&stats->info, wire->session);
}

static int take_reader(struct stats_reply *taken, const Ringcast__Wire__ReaderInfo *wire)
{
	void *readers = taken->readers;
	int result = make_room(&readers, &taken->room, taken->stats->n_readers, sizeof *taken->readers, MAX_READERS);

	taken->readers = readers;
	if (result == 0)
		rcasti_reader_info_from_wire(&taken->readers[taken->stats->n_readers++], wire);
	return result;
}

static int stats_reply(void *user, const Ringcast__Wire__Reply *reply, struct rcast_message *message)
{
	struct stats_reply *taken = user;

	switch (reply->result_case) {
	case RINGCAST__WIRE__REPLY__RESULT_STATS:
		return take_totals(taken->stats, reply->stats);
	case RINGCAST__WIRE__REPLY__RESULT_READER:
		return take_reader(taken, reply->reader);
	case RINGCAST__WIRE__REPLY__RESULT_DONE:
		return 0;
	default:
		return -EPROTO;
	}
}

int rcast_client_stats(struct rcast_client *client, const char *session, struct rcast_session_stats *stats)
{
	REQUEST(stats, STATS, Stats);
	struct stats_reply taken = {.stats = stats};
	int result;

	memset(stats, 0, sizeof *stats);
	message.session = (char *)session;
	result = run_exchange(client, &request, -1, stats_reply, &taken);
	if (result == 0 && !stats->info.name[0])
		result = rcasti_client_fail(client, -EPROTO, "the engine told nothing of the session");
	free(client->readers);
	client->readers = taken.readers;
	stats->readers = taken.readers;
	return result;
}
