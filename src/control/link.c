/* SPDX-License-Identifier: MIT */
/*
 * A link: hello, what goes out, what comes in, and the one reason for which it ends.
 *
 *   circuits ──frames──► queue ──┐
 *   CREDIT that is due ─────────►├─ flush ──► transport ──► peer
 *   hello, first of all ─────────┘
 *   peer ──► transport ──► rcast_link_dispatch: hello, then circuits ──► handlers
 *
 * The hello and CREDIT frames are built in `control` when the transport can take them; they go before the queue, though
 * never into the middle of a frame that a stream has taken in part. A peer that does not read can therefore make nothing
 * here grow but the queue, which is capped.
 *
 * Ending. `error` is set once, by rcasti_link_fail; from then on nothing is sent, received or delivered, and what is left
 * is rcast_link_free, which tells every circuit that was busy. A peer that hung up shows first when we send: then it is only
 * deaf (peer_is_deaf), since what it had sent before is still to be read and delivered; the link ends when that is done.
 *
 * A message that was queued is accepted: if the transport then fails, it is the link that ends, not the send.
 * -ETOOMANYREFS, which says that too many descriptors of this user are on their way, is no failure but a reason to wait, and so is
 * a kernel without memory. No poll tells when that is over: the socket is writable all the time, and a loop that waited for that
 * would spin. So the owner is told to look again after RETRY_MS, and each dispatch tries again.
 *
 * Called by the owner's loop, and by circuits from within handlers: rcasti_link_flush calls no handler.
 */
#include "control/link.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/fdset.h"
#include "kernel/facility.h"

enum {
	FRAMES_PER_DISPATCH = 64,
	MEMORY_PAIR_BYTES = 256 * 1024,
	RETRY_MS = 10,
	DEFAULT_MAX_BUSY = 1024,
	DEFAULT_MAX_MESSAGE_BYTES = 64 * 1024,
	DEFAULT_WINDOW_BYTES = 256 * 1024,
	DEFAULT_MAX_QUEUED_BYTES = 1024 * 1024,
	DEFAULT_MAX_QUEUED_FDS = 64,
};

/* ── Options ── */

static void set_default(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static bool is_in_range(uint32_t value, uint32_t least, uint32_t most)
{
	return value >= least && value <= most;
}

int rcasti_link_resolve_options(const struct rcast_link_options *given, struct rcast_link_options *options)
{
	*options = given ? *given : (struct rcast_link_options){0};
	if (options->id_bytes == 0)
		options->id_bytes = 4;
	set_default(&options->max_busy, DEFAULT_MAX_BUSY);
	set_default(&options->max_message_bytes, DEFAULT_MAX_MESSAGE_BYTES);
	set_default(&options->window_bytes, DEFAULT_WINDOW_BYTES);
	set_default(&options->max_queued_bytes, DEFAULT_MAX_QUEUED_BYTES);
	set_default(&options->max_queued_fds, DEFAULT_MAX_QUEUED_FDS);
	if ((options->id_bytes != 1 && options->id_bytes != 2 && options->id_bytes != 4) ||
	    options->n_reserved > RCAST_LINK_MAX_RESERVED ||
	    !is_in_range(options->max_message_bytes, RCAST_LINK_MIN_MESSAGE, RCAST_LINK_MAX_MESSAGE) ||
	    !is_in_range(options->window_bytes, RCAST_LINK_MIN_WINDOW, RCAST_LINK_MAX_WINDOW))
		return -EINVAL;
	if (options->max_message_bytes > options->window_bytes - RCAST_MESSAGE_OVERHEAD)
		options->max_message_bytes = options->window_bytes - RCAST_MESSAGE_OVERHEAD;
	return 0;
}

size_t rcasti_link_max_frame_bytes(const struct rcast_link_options *options)
{
	return rcasti_frame_header_bytes(options->id_bytes) + options->max_message_bytes;
}

/* ── Opening and freeing ── */

static void set_hello(struct rcast_link *link)
{
	struct rcasti_hello hello = {
		.version = RCASTI_FRAME_VERSION,
		.id_bytes = link->options.id_bytes,
		.refuses_fds = link->options.refuse_fds,
		.window_bytes = link->options.window_bytes,
		.max_message_bytes = link->options.max_message_bytes,
		.max_busy = link->options.max_busy,
		.n_reserved = link->options.n_reserved,
	};
	size_t prefix_bytes = link->transport->prefixes_length ? RCASTI_FRAME_LENGTH_BYTES : 0;

	rcasti_frame_encode_length(link->control.bytes, RCASTI_FRAME_HELLO_BYTES);
	link->control.n_bytes = prefix_bytes + rcasti_frame_encode_hello(link->control.bytes + prefix_bytes, &hello);
}

int rcasti_link_open_take(struct rcasti_transport *transport, enum rcast_link_role role,
			  const struct rcast_link_options *options, const struct rcast_link_ops *ops, void *user,
			  struct rcast_link **opened)
{
	struct rcast_link *link = calloc(1, sizeof *link);

	if (!link) {
		transport->ops->free(transport);
		return -ENOMEM;
	}
	link->transport = transport;
	link->role = role;
	link->options = *options;
	link->ops = ops;
	link->user = user;
	link->peer = (struct rcasti_hello){.window_bytes = RCAST_LINK_MIN_WINDOW,
					   .max_message_bytes = RCAST_LINK_MIN_MESSAGE,
					   .max_busy = RCAST_LINK_MIN_BUSY};
	rcasti_queue_open(&link->queue, options->max_queued_bytes, options->max_queued_fds);
	rcasti_circuits_open(&link->circuits);
	set_hello(link);
	rcasti_link_flush(link);
	*opened = link;
	return 0;
}

int rcast_link_open_take(int socket_fd, enum rcast_link_role role, const struct rcast_link_options *given,
			 const struct rcast_link_ops *ops, void *user, struct rcast_link **link)
{
	struct rcast_link_options options;
	struct rcasti_transport *transport;
	int error = rcasti_link_resolve_options(given, &options);

	*link = NULL;
	if (!error)
		error = rcasti_transport_open_socket(socket_fd, rcasti_link_max_frame_bytes(&options), &transport);
	if (error) {
		rcasti_fds_close(&socket_fd, 1);
		return error;
	}
	/* Where the kernel cannot, receive_frame below ends the link of a peer that sends any. */
	if (options.refuse_fds)
		(void)rcasti_kernel_refuse_rights(socket_fd);
	return rcasti_link_open_take(transport, role, &options, ops, user, link);
}

int rcast_link_open_memory_pair(const struct rcast_link_options *given, const struct rcast_link_ops *ops, void *users[2],
				struct rcast_link *links[2])
{
	struct rcast_link_options options;
	struct rcasti_transport *ends[2];
	int error = rcasti_link_resolve_options(given, &options);

	links[0] = links[1] = NULL;
	if (!error)
		error = rcasti_transport_open_memory(rcasti_link_max_frame_bytes(&options), MEMORY_PAIR_BYTES, ends);
	if (error)
		return error;
	error = rcasti_link_open_take(ends[0], RCAST_DIALLED, &options, ops, users[0], &links[0]);
	if (error) {
		ends[1]->ops->free(ends[1]);
		return error;
	}
	error = rcasti_link_open_take(ends[1], RCAST_ACCEPTED, &options, ops, users[1], &links[1]);
	if (error) {
		rcast_link_free(links[0]);
		links[0] = NULL;
	}
	return error;
}

void rcast_link_free(struct rcast_link *link)
{
	if (!link)
		return;
	rcasti_link_fail(link, -EPIPE, "closed on this side");
	rcasti_circuits_close(link);
	rcasti_queue_clear(&link->queue);
	link->transport->ops->free(link->transport);
	free(link);
}

/* ── Ending ── */

void rcasti_link_fail(struct rcast_link *link, int error, const char *format, ...)
{
	va_list list;

	if (link->error)
		return;
	link->error = error;
	va_start(list, format);
	vsnprintf(link->reason, sizeof link->reason, format, list);
	va_end(list);
}

void rcast_link_abort(struct rcast_link *link, int error, const char *reason)
{
	rcasti_link_fail(link, error < 0 ? error : -EPIPE, "%s", reason ? reason : "");
}

bool rcasti_link_is_down(const struct rcast_link *link)
{
	return link->error || link->peer_is_deaf;
}

/* ── What goes out ── */

static bool is_hang_up(int error)
{
	return error == -EPIPE || error == -ECONNRESET || error == -ENOTCONN || error == -ETIMEDOUT;
}

static bool is_held_up(int error)
{
	return error == -ETOOMANYREFS || error == -ENOBUFS || error == -ENOMEM;
}

static bool is_passing(int error)
{
	return error == -EAGAIN || error == -EINTR || is_held_up(error);
}

static void fail_to_send(struct rcast_link *link, int error)
{
	if (is_passing(error))
		return;
	if (is_hang_up(error)) {
		link->peer_is_deaf = true;
		rcasti_queue_clear(&link->queue);
	} else {
		rcasti_link_fail(link, error, "sending failed: %s", strerrordesc_np(-error));
	}
}

static int send_control(struct rcast_link *link)
{
	const uint8_t *rest = link->control.bytes + link->control.n_sent;
	ssize_t n = link->transport->ops->send(link->transport, rest, link->control.n_bytes - link->control.n_sent, NULL, 0);

	if (n < 0)
		return (int)n;
	link->control.n_sent += (size_t)n;
	if (link->control.n_sent == link->control.n_bytes)
		link->control.n_bytes = link->control.n_sent = 0;
	return 0;
}

static int send_head(struct rcast_link *link)
{
	struct rcasti_outgoing *head = rcasti_queue_head(&link->queue);
	int n_fds = head->n_sent == 0 ? head->n_fds : 0;
	ssize_t n = link->transport->ops->send(link->transport, head->bytes + head->n_sent, head->n_bytes - head->n_sent,
					       head->fds, n_fds);

	if (n < 0)
		return (int)n;
	head->n_sent += (size_t)n;
	if (head->n_sent == head->n_bytes)
		rcasti_queue_pop(&link->queue);
	return 0;
}

/* Is there a control frame to send? Builds the next CREDIT when there is room for it. */
static bool has_control(struct rcast_link *link)
{
	size_t prefix_bytes = link->transport->prefixes_length ? RCASTI_FRAME_LENGTH_BYTES : 0, n_bytes;
	struct rcasti_frame credit;

	if (link->control.n_bytes > 0)
		return true;
	if (!rcasti_circuits_next_credit(link, &credit))
		return false;
	n_bytes = rcasti_frame_encode(link->control.bytes + prefix_bytes, link->options.id_bytes, &credit);
	if (prefix_bytes)
		rcasti_frame_encode_length(link->control.bytes, (uint32_t)n_bytes);
	link->control.n_bytes = prefix_bytes + n_bytes;
	return true;
}

void rcasti_link_flush(struct rcast_link *link)
{
	int error = 0;

	link->is_held_up = false;
	while (!error && !rcasti_link_is_down(link)) {
		const struct rcasti_outgoing *head = rcasti_queue_head(&link->queue);
		bool head_is_torn = head && head->n_sent > 0;

		if (!head_is_torn && has_control(link))
			error = send_control(link);
		else if (head)
			error = send_head(link);
		else
			return;
	}
	link->is_held_up = is_held_up(error);
	if (error)
		fail_to_send(link, error);
}

/* ── What comes in ── */

/* Do both sides mean the same thing by a frame? */
static bool agrees(struct rcast_link *link, const struct rcasti_hello *hello)
{
	const struct rcast_link_options *ours = &link->options;

	if (hello->version != RCASTI_FRAME_VERSION)
		rcasti_link_fail(link, -EPROTO, "the peer speaks version %u of the circuit protocol, this side %u",
				 hello->version, RCASTI_FRAME_VERSION);
	else if (hello->id_bytes != ours->id_bytes)
		rcasti_link_fail(link, -EPROTO, "the peer's circuit ids have %u bytes, this side's %u", hello->id_bytes,
				 ours->id_bytes);
	else if (hello->n_reserved != ours->n_reserved)
		rcasti_link_fail(link, -EPROTO, "the peer reserves %u circuits, this side %u", hello->n_reserved,
				 ours->n_reserved);
	else if (!is_in_range(hello->window_bytes, RCAST_LINK_MIN_WINDOW, RCAST_LINK_MAX_WINDOW) ||
		 !is_in_range(hello->max_message_bytes, RCAST_LINK_MIN_MESSAGE, RCAST_LINK_MAX_MESSAGE) ||
		 hello->max_message_bytes > hello->window_bytes - RCAST_MESSAGE_OVERHEAD || hello->max_busy == 0)
		rcasti_link_fail(link, -EPROTO, "the peer's hello has limits out of range");
	return link->error == 0;
}

static void receive_hello(struct rcast_link *link, const struct rcasti_packet *packet)
{
	struct rcasti_hello hello;
	const char *wrong = rcasti_frame_decode_hello(packet->bytes, packet->n_bytes, &hello);

	if (wrong) {
		rcasti_link_fail(link, -EPROTO, "%s", wrong);
	} else if (agrees(link, &hello)) {
		link->peer = hello;
		link->greeted = true;
		rcasti_circuits_reconsider(link);
	}
}

static void receive_frame(struct rcast_link *link, struct rcasti_packet *packet)
{
	struct rcasti_frame frame;
	const char *wrong = rcasti_frame_decode(packet->bytes, packet->n_bytes, link->options.id_bytes, &frame);

	if (wrong)
		rcasti_link_fail(link, -EPROTO, "%s", wrong);
	else if (frame.n_fds > 0 && link->options.refuse_fds)
		rcasti_link_fail(link, -EPROTO, "descriptors from the peer are refused here");
	else if (frame.n_bytes > link->options.max_message_bytes)
		rcasti_link_fail(link, -EPROTO, "a message longer than %u bytes", link->options.max_message_bytes);
	else
		rcasti_circuits_receive(link, &frame, packet->fds);
}

static void fail_to_receive(struct rcast_link *link, int error)
{
	const char *fault = link->transport->fault;

	if (error == -EPIPE)
		rcasti_link_fail(link, error, "the peer is gone%s%s", fault[0] ? ": " : "", fault);
	else if (error != -EAGAIN)
		rcasti_link_fail(link, error, "%s", fault);
	else if (link->peer_is_deaf)
		rcasti_link_fail(link, -EPIPE, "the peer is gone: it takes nothing more");
}

/* What is wrong with a packet whatever is in it, or NULL. */
static const char *refuse_packet(const struct rcasti_packet *packet)
{
	if (packet->n_bytes < RCASTI_FRAME_START_BYTES)
		return "a frame shorter than its header";
	if (packet->n_fds != rcasti_frame_n_fds(packet->bytes))
		return "not the descriptors that the frame announces";
	return NULL;
}

static int receive_one(struct rcast_link *link)
{
	struct rcasti_packet packet = {.n_fds = 0};
	const char *wrong;
	int error = link->transport->ops->receive(link->transport, &packet);

	if (error) {
		fail_to_receive(link, error);
		return error;
	}
	wrong = refuse_packet(&packet);
	if (wrong)
		rcasti_link_fail(link, -EPROTO, "%s", wrong);
	else if (link->greeted)
		receive_frame(link, &packet);
	else
		receive_hello(link, &packet);
	rcasti_fds_close(packet.fds, packet.n_fds);
	rcasti_circuits_finish(link);
	return link->error;
}

/* Frames that are buffered here would not make the owner's poll return, so they are not left for the next call. */
static void receive_some(struct rcast_link *link)
{
	const struct rcasti_transport *transport = link->transport;

	for (int n = 0; n < FRAMES_PER_DISPATCH || transport->ops->is_buffered(transport); n++) {
		if (receive_one(link) != 0)
			return;
	}
}

int rcast_link_dispatch(struct rcast_link *link)
{
	if (link->error)
		return link->error;
	rcasti_link_flush(link);
	rcasti_circuits_finish(link);
	if (!link->error)
		receive_some(link);
	rcasti_link_flush(link);
	rcasti_circuits_wake(link);
	rcasti_circuits_finish(link);
	return link->error;
}

/* ── What the owner asks ── */

int rcast_link_fd(const struct rcast_link *link)
{
	return link->transport->fd;
}

/* POLLOUT also brings the owner here when a handler is to be called though nothing came. */
short rcast_link_events(const struct rcast_link *link)
{
	const struct rcasti_circuits *circuits = &link->circuits;
	bool has_output = rcasti_queue_head(&link->queue) || link->control.n_bytes > 0 || !TAILQ_EMPTY(&circuits->waiting);
	bool has_work = (has_output && !link->is_held_up) || !TAILQ_EMPTY(&circuits->due) || !TAILQ_EMPTY(&circuits->over);

	return !link->error && (has_work || link->peer_is_deaf) ? POLLIN | POLLOUT : POLLIN;
}

int rcast_link_timeout_ms(const struct rcast_link *link)
{
	return link->is_held_up && !link->error ? RETRY_MS : -1;
}

const char *rcast_link_reason(const struct rcast_link *link)
{
	return link->reason;
}

bool rcast_link_carries_fds(const struct rcast_link *link)
{
	return link->transport->carries_fds && !link->peer.refuses_fds;
}

uint32_t rcast_link_max_message(const struct rcast_link *link)
{
	size_t most = link->transport->max_send_bytes - rcasti_frame_header_bytes(link->options.id_bytes);

	return most < link->peer.max_message_bytes ? (uint32_t)most : link->peer.max_message_bytes;
}

void *rcast_link_user(const struct rcast_link *link)
{
	return link->user;
}
