/* SPDX-License-Identifier: MIT */
/*
 * Raw bytes into a link, over memory and sockets, at each width of ids, with descriptors that were announced or not. At the
 * other end sits an owner that answers, holds messages back and begins exchanges of its own.
 *
 * What must hold: the link ends with an error that <ringcast/circuit.h> names and a reason, or stays up; no descriptor and no
 * memory is left; what it queues for a peer that does not read stays under the cap.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "control/fdset.h"
#include "control/link.h"
#include "fuzz.h"

enum carrier { MEMORY, SEQPACKET, STREAM, N_CARRIERS };

enum { FLAG_HELLO = 1, FLAG_ACCEPTED = 2, FLAG_REFUSE_FDS = 4, FLAG_RESERVED = 8 };

enum { N_HELD = 8 };

struct owner {
	struct rcast_link *link;
	struct {
		struct rcast_circuit *circuit;
		size_t n_bytes;
	} held[N_HELD];
	unsigned int n_messages;
};

static void forget(struct owner *owner, struct rcast_circuit *circuit)
{
	for (int i = 0; i < N_HELD; i++)
		if (owner->held[i].circuit == circuit)
			owner->held[i].circuit = NULL;
}

static bool hold(struct owner *owner, struct rcast_circuit *circuit, size_t n_bytes)
{
	for (int i = 0; i < N_HELD; i++) {
		if (!owner->held[i].circuit) {
			owner->held[i].circuit = circuit;
			owner->held[i].n_bytes = n_bytes;
			return true;
		}
	}
	return false;
}

static void give_back(struct owner *owner)
{
	for (int i = 0; i < N_HELD; i++) {
		if (owner->held[i].circuit)
			rcast_circuit_consumed(owner->held[i].circuit, owner->held[i].n_bytes);
		owner->held[i].circuit = NULL;
	}
}

/* Answers with what came, and ends when the peer does; every third message is held, every fifth loses a descriptor to us. */
static enum rcast_consumed on_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	struct iovec iov = {.iov_base = (void *)message->data, .iov_len = message->n_bytes};
	struct owner *owner = user;
	int fd;

	owner->n_messages++;
	if (owner->n_messages % 5 == 0 && (fd = rcast_message_take_fd(message, 0)) >= 0)
		close(fd);
	rcast_circuit_send(circuit, &iov, 1, message->last ? RCAST_LAST : 0);
	return owner->n_messages % 3 == 0 && hold(owner, circuit, message->n_bytes) ? RCAST_HELD : RCAST_CONSUMED;
}

static void on_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	must(reason <= 0);
	forget(user, circuit);
}

static const struct rcast_circuit_ops circuit_ops = {.message = on_message, .ended = on_ended};

static void on_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	rcast_circuit_set_handler(circuit, &circuit_ops, user);
}

static const struct rcast_link_ops link_ops = {.begun = on_begun};

/* ── The peer ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct peer {
	enum carrier carrier;
	int fd;                       /* of a socket */
	struct rcasti_transport *end; /* of memory */
	struct rcast_link_options options;
};

static void send_bytes(struct peer *peer, const uint8_t *bytes, size_t n_bytes, int n_fds)
{
	int fds[RCASTI_FDSET_MAX];

	for (int i = 0; i < n_fds; i++)
		fds[i] = STDERR_FILENO;
	if (peer->carrier == MEMORY)
		peer->end->ops->send(peer->end, bytes, n_bytes, NULL, 0);
	else if (n_bytes > 0)
		rcasti_fdset_send(peer->fd, bytes, n_bytes, fds, n_fds);
}

static void send_hello(struct peer *peer)
{
	struct rcasti_hello hello = {.version = RCASTI_FRAME_VERSION,
				     .id_bytes = peer->options.id_bytes,
				     .window_bytes = RCAST_LINK_MIN_WINDOW,
				     .max_message_bytes = RCAST_LINK_MIN_MESSAGE,
				     .max_busy = 20,
				     .n_reserved = peer->options.n_reserved};
	uint8_t bytes[RCASTI_FRAME_LENGTH_BYTES + RCASTI_FRAME_HELLO_BYTES];
	size_t n_prefix = peer->carrier == STREAM ? RCASTI_FRAME_LENGTH_BYTES : 0;

	rcasti_frame_encode_length(bytes, RCASTI_FRAME_HELLO_BYTES);
	rcasti_frame_encode_hello(bytes + n_prefix, &hello);
	send_bytes(peer, bytes, n_prefix + RCASTI_FRAME_HELLO_BYTES, 0);
}

static void read_some(struct peer *peer)
{
	static uint8_t sink[1 << 17];
	struct rcasti_packet packet;

	if (peer->carrier != MEMORY)
		while (recv(peer->fd, sink, sizeof sink, MSG_DONTWAIT) > 0)
			continue;
	else
		while (peer->end->ops->receive(peer->end, &packet) == 0)
			continue;
}

static void open_link(struct peer *peer, struct owner *owner, uint8_t flags)
{
	enum rcast_link_role role = flags & FLAG_ACCEPTED ? RCAST_ACCEPTED : RCAST_DIALLED;
	struct rcasti_transport *ends[2];
	int fds[2];

	if (peer->carrier == MEMORY) {
		must(rcasti_transport_open_memory(rcasti_link_max_frame_bytes(&peer->options), 1 << 18, ends) == 0);
		peer->end = ends[0];
		must(rcasti_link_open_take(ends[1], role, &peer->options, &link_ops, owner, &owner->link) == 0);
		return;
	}
	must(socketpair(AF_UNIX, (peer->carrier == STREAM ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_NONBLOCK, 0, fds) == 0);
	peer->fd = fds[0];
	must(rcast_link_open_take(fds[1], role, &peer->options, &link_ops, owner, &owner->link) == 0);
}

static void begin_exchange(struct owner *owner)
{
	struct iovec iov = {.iov_base = "hello", .iov_len = 5};
	struct rcast_circuit *circuit;

	if (rcast_circuit_begin(owner->link, &circuit_ops, owner, &circuit) == 0)
		rcast_circuit_send(circuit, &iov, 1, 0);
}

static int dispatch(struct owner *owner)
{
	int error = rcast_link_dispatch(owner->link);

	must(error == 0 || error == -EPIPE || error == -EPROTO);
	must((error == 0) == (rcast_link_reason(owner->link)[0] == 0));
	return error;
}

/* One step: a kind byte, then for bytes to send their number and how many descriptors come along. */
static int step(struct fuzz *fuzz, struct peer *peer, struct owner *owner)
{
	uint8_t what = fuzz_u8(fuzz), *bytes;
	size_t n_bytes;

	switch (what % 8) {
	case 5:
		begin_exchange(owner);
		break;
	case 6:
		read_some(peer);
		break;
	case 7:
		give_back(owner);
		break;
	default:
		n_bytes = fuzz_u16(fuzz) % 40000;
		bytes = fuzz_copy(fuzz, &n_bytes);
		send_bytes(peer, bytes, n_bytes, what / 8 % (RCASTI_FDSET_MAX + 1));
		free(bytes);
	}
	return dispatch(owner);
}

static void hang_up(struct peer *peer)
{
	if (peer->carrier == MEMORY)
		peer->end->ops->free(peer->end);
	else
		close(peer->fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static const uint8_t widths[] = {1, 2, 4};
	struct fuzz fuzz = {.at = data, .n_left = n_bytes};
	struct owner owner = {.link = NULL};
	int lowest_fd = fuzz_lowest_fd(), error = 0;
	uint8_t shape = fuzz_u8(&fuzz), flags = fuzz_u8(&fuzz);
	struct peer peer = {.carrier = shape % N_CARRIERS};

	peer.options = (struct rcast_link_options){.id_bytes = widths[shape / N_CARRIERS % 3],
						   .n_reserved = flags & FLAG_RESERVED ? 4 : 0,
						   .refuse_fds = flags & FLAG_REFUSE_FDS,
						   .max_busy = 20,
						   .window_bytes = RCAST_LINK_MIN_WINDOW,
						   .max_queued_bytes = 100000};
	must(rcasti_link_resolve_options(&peer.options, &peer.options) == 0);
	open_link(&peer, &owner, flags);
	if (flags & FLAG_HELLO)
		send_hello(&peer);
	for (int n = 0; fuzz.n_left > 0 && error == 0 && n < 64; n++)
		error = step(&fuzz, &peer, &owner);
	hang_up(&peer);
	for (int n = 0; n < 100 && error == 0; n++)
		error = dispatch(&owner);
	rcast_link_free(owner.link);
	must(fuzz_lowest_fd() == lowest_fd);
	return 0;
}

/* ── Seeds ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct shape {
	enum carrier carrier;
	unsigned int width; /* 0–2 */
	uint8_t flags;
};

static void put_frame(struct fuzz_seed *seed, const struct shape *shape, const uint8_t *frame, size_t n_bytes, int n_fds)
{
	uint8_t length[RCASTI_FRAME_LENGTH_BYTES];
	size_t n_prefix = shape->carrier == STREAM ? sizeof length : 0;

	rcasti_frame_encode_length(length, (uint32_t)n_bytes);
	fuzz_put_u8(seed, (uint8_t)(n_fds * 8));
	fuzz_put_u16(seed, (uint16_t)(n_prefix + n_bytes));
	fuzz_put(seed, length, n_prefix);
	fuzz_put(seed, frame, n_bytes);
}

static void put_message(struct fuzz_seed *seed, const struct shape *shape, uint32_t id, bool last, int n_fds, size_t n_bytes)
{
	struct rcasti_frame message = {.kind = RCASTI_FRAME_MESSAGE, .last = last, .n_fds = (uint8_t)n_fds, .id = id};
	uint8_t frame[2048] = {0};
	size_t n = rcasti_frame_encode(frame, 1u << shape->width, &message);

	put_frame(seed, shape, frame, n + n_bytes, n_fds);
}

static void put_credit(struct fuzz_seed *seed, const struct shape *shape, uint32_t id, uint32_t bytes)
{
	struct rcasti_frame credit = {.kind = RCASTI_FRAME_CREDIT, .id = id, .credit_bytes = bytes};
	uint8_t frame[16];

	put_frame(seed, shape, frame, rcasti_frame_encode(frame, 1u << shape->width, &credit), 0);
}

/* The ids that are the peer's to begin depend on the role of the link. */
static void put_conversation(struct fuzz_seed *seed, const struct shape *shape)
{
	uint32_t own = shape->flags & FLAG_ACCEPTED ? 4 : 5, other = own ^ 1;

	put_message(seed, shape, own, false, shape->carrier != MEMORY && !(shape->flags & FLAG_REFUSE_FDS) ? 2 : 0, 10);
	put_message(seed, shape, own, false, 0, 1000);
	put_message(seed, shape, own, true, 0, 0);
	put_message(seed, shape, own + 2, true, 0, 1);
	if (shape->flags & FLAG_RESERVED)
		put_message(seed, shape, 0, true, 0, 3);
	fuzz_put_u8(seed, 6);
	put_credit(seed, shape, own, 1000);
	fuzz_put_u8(seed, 5);
	put_message(seed, shape, other, true, 0, 5);
	fuzz_put_u8(seed, 7);
	put_credit(seed, shape, own + 4, UINT32_MAX);
}

bool fuzz_make_seed(unsigned int number, struct fuzz_seed *seed)
{
	static const uint8_t flags[] = {FLAG_HELLO, FLAG_HELLO | FLAG_ACCEPTED | FLAG_RESERVED,
					FLAG_HELLO | FLAG_ACCEPTED | FLAG_REFUSE_FDS, 0};
	struct shape shape = {.carrier = number % N_CARRIERS, .width = number / N_CARRIERS % 3};

	if (number >= N_CARRIERS * 3 * sizeof flags)
		return false;
	shape.flags = flags[number / (N_CARRIERS * 3)];
	fuzz_put_u8(seed, (uint8_t)(shape.carrier + shape.width * N_CARRIERS));
	fuzz_put_u8(seed, shape.flags);
	put_conversation(seed, &shape);
	return true;
}
