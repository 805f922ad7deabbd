/* SPDX-License-Identifier: MIT */
/*
 * A view is one attach exchange: a circuit that stays busy, and a source of records, which is a mapped ring (ring_source.c) or
 * the circuit itself (circuit_source.c).
 *
 *   attaching ── Attached ──► attached ── notice, or the link fails ──► fate ── all is read ──► the fate is told
 *
 * A view may be asked for records long after its engine has died or has thrown it out: its *fate* is noted at once, and told
 * only when the source has nothing more to give.
 *
 * One fd for any event loop: an epoll set of the link, the wake pipe, and an eventfd for what another view's dispatch left
 * with us, because that has emptied the link's socket and nothing else would wake us. The set owns none of them.
 *
 * Called by programs; calls connection.c for the link, a source for records, loss.c for the account. A view of the screen has
 * rejoin.c between itself and the source.
 */
#include "client/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "client/info.h"
#include "control/schema.h"

/* ── What the engine says on our circuit ─────────────────────────────────────────────────────────────────────────────── */

void rcasti_view_call(void *called)
{
	struct rcast_view *view = called;

	if (view->entered || view->called)
		return;
	view->called = eventfd_write(view->ready_fd, 1) == 0;
}

static int take_attached(struct rcast_view *view, const Ringcast__Wire__Reply *reply, struct rcast_message *message)
{
	int n_fds = view->by_circuit ? 0 : 2, result;

	if (reply->error != 0)
		return rcasti_client_refused(view->client, reply);
	if (reply->result_case != RINGCAST__WIRE__REPLY__RESULT_ATTACHED || message->n_fds != n_fds)
		return -EPROTO;
	result = rcasti_info_from_wire(&view->info, reply->attached->session);
	if (result < 0)
		return result;
	view->lease_ms = reply->attached->lease_ms;
	view->answers.reader = reply->attached->reader;
	view->answers.is_ours = view->answers.wanted && reply->attached->answers_from_start;
	if (!view->by_circuit) {
		view->ring_fd = rcast_message_take_fd(message, 0);
		view->wake_fd = rcast_message_take_fd(message, 1);
	}
	view->attached = true;
	return 0;
}

/* What was removed has ended, and its ring can be read to the end; what was not sent on a circuit is lost. */
static int removed(struct rcast_view *view)
{
	if (!view->by_circuit)
		return RCAST_ENDED;
	return rcasti_client_fail(view->client, -ECONNABORTED, "the session was removed before all of it was sent");
}

static int take_moved(struct rcast_view *view, const Ringcast__Wire__Moved *moved)
{
	uint64_t ring_bytes = moved->ring_bytes;

	if (!view->by_circuit || ring_bytes < RCAST_RING_MIN_BYTES || ring_bytes > RCAST_RING_MAX_BYTES)
		return -EPROTO;
	view->info.ring_bytes = ring_bytes;
	view->pieces.max_record_bytes = ring_bytes / 4;
	return RCAST_EMPTY;
}

/*
 * A ring to go on in. Of more than we keep the oldest is left out: nothing is lost by that if the next one holds the same
 * records, and else it is a gap.
 */
static int take_next_ring(struct rcast_view *view, struct rcast_message *message)
{
	int fd = rcast_message_take_fd(message, 0);

	if (fd < 0)
		return -EPROTO;
	if (view->n_next == RCASTI_MAX_NEXT_RINGS) {
		close(view->next_fds[0]);
		view->n_next--;
		memmove(view->next_fds, view->next_fds + 1, (size_t)view->n_next * sizeof view->next_fds[0]);
	}
	view->next_fds[view->n_next++] = fd;
	return 0;
}

static int take_notice(struct rcast_view *view, const Ringcast__Wire__Notice *notice)
{
	switch (notice->what_case) {
	case RINGCAST__WIRE__NOTICE__WHAT_GAP:
		if (!view->by_circuit || rcasti_pieces_gap(&view->pieces, notice->gap->to_pos) < 0)
			return -EPROTO;
		view->gap = (struct rcast_gap){.from_pos = notice->gap->from_pos, .to_pos = notice->gap->to_pos};
		return RCAST_LAPPED;
	case RINGCAST__WIRE__NOTICE__WHAT_ENDED:
		return view->by_circuit ? RCAST_ENDED : -EPROTO;
	case RINGCAST__WIRE__NOTICE__WHAT_EVICTED:
		view->fate = rcasti_client_fail(view->client, -ECONNABORTED, "detached by the engine: %s", notice->evicted);
		return RCAST_EMPTY;
	case RINGCAST__WIRE__NOTICE__WHAT_REMOVED:
		view->fate = removed(view);
		return RCAST_EMPTY;
	case RINGCAST__WIRE__NOTICE__WHAT_MOVED:
		return take_moved(view, notice->moved);
	default:
		return -EPROTO;
	}
}

int rcasti_view_take_reply(struct rcast_view *view, const Ringcast__Wire__Reply *reply, struct rcast_record *record)
{
	if (reply->error != 0) { /* a refused input or resize: the stream goes on, the line is there for who asks */
		rcasti_client_refused(view->client, reply);
		return RCAST_EMPTY;
	}
	if (reply->result_case == RINGCAST__WIRE__REPLY__RESULT_NOTICE)
		return take_notice(view, reply->notice);
	if (reply->result_case == RINGCAST__WIRE__REPLY__RESULT_PIECE && view->by_circuit)
		return rcasti_pieces_add(&view->pieces, reply->piece, record);
	return -EPROTO;
}

static bool is_moved(const Ringcast__Wire__Reply *reply)
{
	return reply->result_case == RINGCAST__WIRE__REPLY__RESULT_NOTICE &&
	       reply->notice->what_case == RINGCAST__WIRE__NOTICE__WHAT_MOVED;
}

static int take_now(struct rcast_view *view, struct rcast_message *message)
{
	Ringcast__Wire__Reply *reply = rcasti_schema_unpack_reply(message);
	struct rcast_record none;
	int result;

	if (!reply)
		return -EPROTO;
	if (!view->attached)
		result = take_attached(view, reply, message);
	else if (!view->by_circuit && is_moved(reply))
		result = take_next_ring(view, message);
	else
		result = rcasti_view_take_reply(view, reply, &none);
	ringcast__wire__reply__free_unpacked(reply, NULL);
	return result;
}

static enum rcast_consumed view_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	struct rcast_view *view = user;
	int result;

	rcasti_view_call(view);
	if (view->attached && view->by_circuit)
		return rcasti_circuit_source_keep(view, message);
	result = take_now(view, message);
	if (result < 0)
		view->fate = result;
	else if (message->last && !view->fate)
		view->fate = -EPROTO;
	return RCAST_CONSUMED;
}

static void view_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	struct rcast_view *view = user;

	view->circuit = NULL;
	rcasti_view_call(view);
}

/* ── Opening and closing ─────────────────────────────────────────────────────────────────────────────────────────────── */

static int begin_attach(struct rcast_view *view, const char *session, const struct rcast_view_options *options,
			int cursor_fd)
{
	static const struct rcast_circuit_ops ops = {.message = view_message, .ended = view_ended};
	Ringcast__Wire__Attach attach = RINGCAST__WIRE__ATTACH__INIT;
	Ringcast__Wire__Request request = RINGCAST__WIRE__REQUEST__INIT;
	int result;

	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_ATTACH;
	request.attach = &attach;
	attach.session = (char *)session;
	attach.input = options->input;
	attach.answers = options->answers;
	attach.lease_ms = options->lease_ms;
	attach.by_circuit = options->by_circuit;
	if (options->by_circuit) {
		attach.from = options->from == RCAST_FROM_SCREEN ? RCAST_FROM_OLDEST : options->from;
		attach.from_pos = options->from == RCAST_FROM_POS ? options->from_pos : 0;
	}
	result = view->client->down;
	if (result == 0)
		result = rcast_circuit_begin(view->client->link, &ops, view, &view->circuit);
	if (result == 0)
		result = rcasti_schema_send(view->circuit, &request.base, 0, &cursor_fd, cursor_fd >= 0);
	if (result < 0) {
		if (cursor_fd >= 0)
			close(cursor_fd);
		return rcasti_client_fail(view->client, result, "the attach request could not be sent: %s",
					  strerror(-result));
	}
	return 0;
}

static int await_attached(struct rcast_view *view)
{
	uint64_t deadline_ms = rcasti_clock_ms() + (uint64_t)view->client->timeout_ms;
	int result = 0;

	while (result == 0 && !view->attached && !view->fate && view->circuit)
		result = rcasti_client_turn(view->client, deadline_ms);
	if (view->attached) /* and if the engine has died since, the records that it left can be read */
		return 0;
	if (result < 0)
		return result;
	if (view->fate == -EPROTO || !view->fate)
		return rcasti_client_fail(view->client, -EPROTO, "the engine's answer to the attach request makes no sense");
	return view->fate;
}

static int watch_fd(struct rcast_view *view, int operation, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events};

	return epoll_ctl(view->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

/*
 * What the link waits for, in epoll's words. One that the kernel holds up wants to be looked at again soon, and a view has no timer
 * for that; but it sends no descriptors outside of calls that block, so only a kernel without memory can make it spin.
 */
static uint32_t wanted_events(const struct rcast_view *view)
{
	const struct rcast_link *link = view->client->link;
	short events = rcast_link_events(link);
	bool is_held_up = rcast_link_timeout_ms(link) >= 0;

	return (events & EPOLLIN ? EPOLLIN : 0u) | (events & EPOLLOUT || is_held_up ? EPOLLOUT : 0u);
}

/* That changes as its queue fills and drains. */
static void watch_link(struct rcast_view *view)
{
	uint32_t events = wanted_events(view);

	if (events == view->link_events)
		return;
	if (watch_fd(view, EPOLL_CTL_MOD, rcast_link_fd(view->client->link), events) == 0)
		view->link_events = events;
}

static int watch_all(struct rcast_view *view)
{
	int result;

	view->link_events = wanted_events(view);
	result = watch_fd(view, EPOLL_CTL_ADD, rcast_link_fd(view->client->link), view->link_events);
	if (result == 0)
		result = watch_fd(view, EPOLL_CTL_ADD, view->ready_fd, EPOLLIN);
	if (result == 0 && view->reader)
		result = watch_fd(view, EPOLL_CTL_ADD, rcast_reader_fd(view->reader), EPOLLIN);
	if (result < 0)
		return rcasti_client_fail(view->client, result, "the view cannot be polled: %s", strerror(-result));
	return 0;
}

static struct rcast_view *create_view(struct rcast_client *client, const struct rcast_view_options *options)
{
	struct rcast_view *view = calloc(1, sizeof *view);

	if (!view)
		return NULL;
	view->client = client;
	view->may_input = options->input;
	view->answers.wanted = options->answers != RCAST_ANSWERS_NOTHING;
	view->by_circuit = options->by_circuit;
	view->account.known = options->from == RCAST_FROM_POS && options->from_pos == 0;
	view->ring_fd = view->wake_fd = -1;
	view->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	view->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return view;
}

static int attach(struct rcast_view *view, const char *session, const struct rcast_view_options *options)
{
	struct rcast_cursor *cursor = NULL;
	int cursor_fd = -1, result = 0;

	if (view->epoll_fd < 0 || view->ready_fd < 0)
		return rcasti_client_fail(view->client, -EMFILE, "no descriptors left for a view");
	if (!view->by_circuit)
		result = rcasti_ring_source_prepare(&cursor, &cursor_fd);
	if (result < 0)
		return rcasti_client_fail(view->client, result, "no cursor page for the view: %s", strerror(-result));
	result = begin_attach(view, session, options, cursor_fd);
	if (result == 0)
		result = await_attached(view);
	if (result == 0 && !view->by_circuit)
		return rcasti_ring_source_open(view, cursor, options);
	if (cursor)
		rcast_cursor_free(cursor);
	if (result == 0)
		rcasti_circuit_source_open(view);
	return result;
}

int rcast_view_open(struct rcast_client *client, const char *session, const struct rcast_view_options *options,
		    struct rcast_view **view)
{
	static const struct rcast_view_options from_oldest;
	const struct rcast_view_options *wanted = options ? options : &from_oldest;
	struct rcast_view *made = create_view(client, wanted);
	int result;

	*view = NULL;
	if (!made)
		return rcasti_client_fail(client, -ENOMEM, "no memory for a view");
	result = attach(made, session, wanted);
	if (result == 0)
		result = rcasti_rejoin_begin(made, wanted);
	if (result == 0)
		result = watch_all(made);
	if (result < 0) {
		rcast_view_close(made);
		return result;
	}
	*view = made;
	return 0;
}

/* Leave the exchange: our last is the detach, and what the engine still says goes nowhere. */
static void leave_circuit(struct rcast_view *view)
{
	Ringcast__Wire__Done detach = RINGCAST__WIRE__DONE__INIT;
	Ringcast__Wire__AttachedRequest request;

	if (!view->circuit)
		return;
	rcasti_circuit_source_settle(view);
	rcasti_circuit_drain(view->circuit);
	ringcast__wire__attached_request__init(&request);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_DETACH;
	request.detach = &detach;
	rcasti_schema_send(view->circuit, &request.base, RCAST_LAST, NULL, 0);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void rcast_view_close(struct rcast_view *view)
{
	if (!view)
		return;
	leave_circuit(view);
	rcasti_rejoin_close(view);
	rcasti_ring_source_close(view);
	rcasti_circuit_source_close(view);
	close_fd(view->epoll_fd);
	close_fd(view->ready_fd);
	close_fd(view->ring_fd);
	close_fd(view->wake_fd);
	free(view);
}

/* ── Following ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

int rcast_view_fd(const struct rcast_view *view)
{
	return view->epoll_fd;
}

size_t rcast_view_get_fds(const struct rcast_view *view, int fds[RCAST_VIEW_MAX_FDS])
{
	size_t n_fds = 0;

	fds[n_fds++] = view->epoll_fd;
	fds[n_fds++] = view->ready_fd;
	fds[n_fds++] = rcast_link_fd(view->client->link);
	if (view->reader)
		fds[n_fds++] = rcast_reader_fd(view->reader);
	return n_fds;
}

/* Everything that was brought to us has been looked at. */
static void answer_call(struct rcast_view *view)
{
	eventfd_t n_calls;

	if (view->called)
		eventfd_read(view->ready_fd, &n_calls);
	view->called = false;
}

int rcasti_view_source_next(struct rcast_view *view, struct rcast_record *record)
{
	return view->by_circuit ? rcasti_circuit_source_next(view, record) : rcasti_ring_source_next(view, record);
}

/* The next one, put down to the account. */
static int look(struct rcast_view *view, struct rcast_record *record)
{
	int result = rcasti_rejoin_next(view, record), error = 0;

	if (result == RCAST_LAPPED)
		error = rcasti_loss_gap(&view->account, view->gap);
	else if (result == RCAST_RECORD && record->kind == RCAST_KEYFRAME)
		error = rcasti_loss_arrive(&view->account, record->sequence, record->output_pos);
	else if (result == RCAST_RECORD)
		error = rcasti_loss_record(&view->account, record);
	return error < 0 ? error : result;
}

int rcast_view_next(struct rcast_view *view, struct rcast_record *record)
{
	int result;

	if (view->corrupt)
		return -EPROTO;
	view->entered = true;
	result = look(view, record);
	rcasti_answers_look(view, result, record);
	if (result == -EPROTO) {
		view->corrupt = true;
		rcasti_client_fail(view->client, result, "the stream that the engine sends is corrupt");
	} else if (result == -ENOMEM) {
		rcasti_client_fail(view->client, result, "no memory for the next record");
	}
	if (result != RCAST_RECORD && result != RCAST_LAPPED)
		answer_call(view);
	watch_link(view);
	view->entered = false;
	if (result == RCAST_EMPTY && view->rejoin.interrupted)
		rcasti_view_call(view);
	return result;
}

struct rcast_loss rcast_view_get_loss(const struct rcast_view *view)
{
	return view->account.loss;
}

const struct rcast_session_info *rcast_view_info(const struct rcast_view *view)
{
	return &view->info;
}

uint32_t rcast_view_lease_ms(const struct rcast_view *view)
{
	return view->lease_ms;
}

/* ── Steering what we are attached to ────────────────────────────────────────────────────────────────────────────────── */

int rcasti_view_send(struct rcast_view *view, const Ringcast__Wire__AttachedRequest *request)
{
	int result;

	if (!view->may_input)
		return rcasti_client_fail(view->client, -EPERM, "attached without the right to send input");
	if (!view->circuit || view->client->down || view->fate)
		return rcasti_client_fail(view->client, -EPIPE, "no longer attached");
	result = rcasti_schema_send(view->circuit, &request->base, 0, NULL, 0);
	watch_link(view);
	if (result < 0 && result != -EAGAIN)
		return rcasti_client_fail(view->client, result, "the input could not be sent: %s", strerror(-result));
	return result;
}

int rcast_view_send_input(struct rcast_view *view, const void *data, size_t n_bytes)
{
	Ringcast__Wire__AttachedRequest request;

	if (n_bytes > RCAST_INPUT_MAX)
		return rcasti_client_fail(view->client, -EMSGSIZE, "input of %zu bytes: at most %u at once", n_bytes,
					  RCAST_INPUT_MAX);
	ringcast__wire__attached_request__init(&request);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_INPUT;
	request.input.data = (uint8_t *)data;
	request.input.len = n_bytes;
	return rcasti_view_send(view, &request);
}

int rcast_view_resize(struct rcast_view *view, uint16_t cols, uint16_t rows)
{
	Ringcast__Wire__Window window = RINGCAST__WIRE__WINDOW__INIT;
	Ringcast__Wire__AttachedRequest request;

	window.cols = cols;
	window.rows = rows;
	ringcast__wire__attached_request__init(&request);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_RESIZE;
	request.resize = &window;
	return rcasti_view_send(view, &request);
}
