/* SPDX-License-Identifier: MIT */
/*
 * Circuits: many independent conversations over one socket, with file descriptors where the socket can carry them.
 *
 *   socket    rcast_socket_folder, rcast_socket_listen, rcast_socket_dial: where control sockets live
 *   link      rcast_link_open_take: carries frames over one connection, polled by its owner
 *   circuit   rcast_circuit_begin, rcast_circuit_send: one conversation, known to both sides by an id
 *
 * A circuit is an id. All ids are open at all times: there is no open or close message. A circuit is idle or busy. The first
 * message of an exchange, from either side, makes it busy; it is idle again when both sides have sent a message flagged
 * last. In between each side sends as many messages as the two have agreed on: a request and its reply, a stream, a
 * dialogue of any number of stages.
 *
 * Who may begin. The side that dialled begins on even ids, the side that accepted on odd ones, so both can begin at once.
 * Ids below `n_reserved` are left to agreement: either side may begin there by naming the id; if both do at once, it is one
 * exchange. Any other idle circuit is as good as another: rcast_circuit_begin picks one.
 *
 * Credit. Each circuit has a window, in bytes, for each direction: what may be sent and not yet consumed. It belongs to the
 * circuit, not to the exchange, so it needs no reset. A message costs its bytes and RCAST_MESSAGE_OVERHEAD, so that empty
 * messages are bounded too. A stream whose receiver stalls runs out of credit and holds up no other circuit. The window is
 * the receiver's promise of memory; the link's caps are the sender's.
 *
 * Believing nobody. Frames too long, ids out of range or of the wrong parity, messages past the window or after "last",
 * truncated descriptors, more descriptors than announced: each ends the link with -EPROTO and one reason.
 *
 * Sources: idle circuits as equals come from SS7 trunk groups, odd and even ids and windows from HTTP/2, descriptor queues
 * from D-Bus.
 */
#ifndef RINGCAST_CIRCUIT_H
#define RINGCAST_CIRCUIT_H

#include <sys/uio.h>

#include <ringcast/ringcast.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ── Sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Is this a name as RCAST_NAME_MAX describes? */
RCAST_API bool rcast_name_is_valid(const char *name);

/*
 * The folder of this user's control sockets: $XDG_RUNTIME_DIR/ringcast, else /tmp/ringcast-UID. Made with mode 0700 if it
 * is not there. -EACCES: it is there but is not a folder of ours that only we can enter. -ENAMETOOLONG.
 */
RCAST_API int rcast_socket_folder(char *path, size_t path_bytes);

/*
 * Bind and listen at `path` (SOCK_SEQPACKET, close-on-exec, non-blocking, mode 0600). A socket that a dead process left
 * there is replaced; -EEXIST: a live one answers, or something else is there. -ENAMETOOLONG: past what a UNIX socket address
 * holds. -EAGAIN: somebody has kept the folder locked for 5 s. Returns the fd, yours. When done, unlink `path` first and close then: so nobody takes it for a dead one in between.
 */
RCAST_API int rcast_socket_listen(const char *path);

/* Connect to `path`. -ENOENT: nobody listens there (a socket left by a dead process is removed on the way). Yours. */
RCAST_API int rcast_socket_dial(const char *path);

/* ── Links ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct rcast_link;
struct rcast_circuit;

#define RCAST_LINK_MIN_WINDOW 65536u    /* every peer's window is at least this, known before it says its own */
#define RCAST_LINK_MIN_MESSAGE 16384u   /* likewise the largest message */
#define RCAST_LINK_MIN_BUSY 16u         /* likewise the exchanges that one side may begin at once */
#define RCAST_LINK_MAX_WINDOW 16777216u /* the most that the option can be */
#define RCAST_LINK_MAX_MESSAGE 1048576u
#define RCAST_LINK_MAX_RESERVED 4096u
#define RCAST_MESSAGE_OVERHEAD 32u /* what a message costs of the window beyond its bytes */
#define RCAST_MESSAGE_MAX_FDS 16   /* descriptors on one message */

/* Zero means the default in parentheses. */
struct rcast_link_options {
	uint8_t id_bytes;           /* width of ids on the wire: 1, 2 or 4 (4); both sides must agree */
	uint32_t n_reserved;        /* ids left to agreement, from 0, at most 4096 (0); both sides must agree */
	uint32_t max_busy;          /* exchanges that each side may have begun at once, reserved ids apart (1024) */
	uint32_t max_message_bytes; /* the largest message we take, 16 KiB to 1 MiB, within the window (64 KiB) */
	uint32_t window_bytes;      /* the credit we give on each circuit, 64 KiB to 16 MiB (256 KiB) */
	uint32_t max_queued_bytes;  /* what waits to be sent on the link; past it a send gets -EAGAIN (1 MiB) */
	uint32_t max_queued_fds;    /* descriptors in messages that wait to be sent; likewise (64) */
	bool refuse_fds;            /* take no descriptors; where the kernel can, it refuses them at the sender */
};

enum rcast_link_role { RCAST_DIALLED, RCAST_ACCEPTED };

/* A message as it arrives. Everything is borrowed until the handler returns; fds not taken by then are closed. */
struct rcast_message {
	const void *data;
	size_t n_bytes;
	bool last; /* the peer's last in this exchange */
	int n_fds;
	int *fds;
};

/* Move one of the message's descriptors to you. -ENOENT if there is none at that index, or it was taken before. */
RCAST_API int rcast_message_take_fd(struct rcast_message *message, int index);

/* What a link tells its owner. Called from rcast_link_dispatch and rcast_link_free only. */
struct rcast_link_ops {
	/*
	 * The peer begins an exchange. Say who handles it with rcast_circuit_set_handler, before returning. If nobody does,
	 * or begun is NULL, a peer that begins breaks the protocol.
	 */
	void (*begun)(struct rcast_link *link, void *user, struct rcast_circuit *circuit);
};

/*
 * Carry frames over a connected socket: UNIX SOCK_SEQPACKET, UNIX SOCK_STREAM, or TCP, which is found out from the socket.
 * Takes socket_fd, whatever it returns, and makes it non-blocking. `options` may be NULL; `ops` must outlast the link.
 */
RCAST_API int rcast_link_open_take(int socket_fd, enum rcast_link_role role, const struct rcast_link_options *options,
				   const struct rcast_link_ops *ops, void *user, struct rcast_link **link);

/* Two links joined in memory, for tests and fuzzing: [0] dialled, [1] accepted. Carry no descriptors; no fd to poll. */
RCAST_API int rcast_link_open_memory_pair(const struct rcast_link_options *options, const struct rcast_link_ops *ops,
					  void *users[2], struct rcast_link *links[2]);

/* Ends every busy circuit with -EPIPE (or what ended the link), closes the socket. Not from within a handler. */
RCAST_API void rcast_link_free(struct rcast_link *link);

/* What to poll, and for what (POLLIN, POLLOUT or both). The fd stays the link's. -1 for a memory link. */
RCAST_API int rcast_link_fd(const struct rcast_link *link);
RCAST_API short rcast_link_events(const struct rcast_link *link);

/*
 * For how long to poll at most, in ms; -1: for as long as nothing comes. It is not -1 while the kernel holds up a message for a
 * reason whose end no poll tells: it has no memory, or too many descriptors of this user are on their way (ETOOMANYREFS). When the
 * time is over, dispatch.
 */
RCAST_API int rcast_link_timeout_ms(const struct rcast_link *link);

/*
 * Send what waits, take what has come, call the handlers: a bounded amount of work, without blocking. 0: still up.
 * -EPIPE: the peer is gone, and all that it sent before was delivered. -EPROTO: the peer broke the protocol, or this side
 * and it do not agree on it; rcast_link_reason says how. Another errno: what the owner gave to rcast_link_abort, or what the
 * kernel said. After an error only rcast_link_free remains. Not from within a handler.
 */
RCAST_API int rcast_link_dispatch(struct rcast_link *link);

/* Give the link up, from within a handler too: no handler is called any more, and dispatch returns `error` (negative). */
RCAST_API void rcast_link_abort(struct rcast_link *link, int error, const char *reason);

/* Why the link ended: one clear line, or "" while it is up. Borrowed. */
RCAST_API const char *rcast_link_reason(const struct rcast_link *link);

/* Can descriptors be sent on this link, and does the peer take them, as far as it has said? */
RCAST_API bool rcast_link_carries_fds(const struct rcast_link *link);

/* The largest message that the peer takes and the socket can send. It may grow once, when the peer's first frame comes. */
RCAST_API uint32_t rcast_link_max_message(const struct rcast_link *link);

RCAST_API void *rcast_link_user(const struct rcast_link *link);

/* ── Circuits ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum rcast_consumed {
	RCAST_CONSUMED = 0, /* the message's credit goes back to the sender now */
	RCAST_HELD = 1,     /* it goes back with rcast_circuit_consumed, later */
};

struct rcast_circuit_ops {
	/* A message came. It may send on this or other circuits, and begin others. */
	enum rcast_consumed (*message)(struct rcast_circuit *circuit, void *user, struct rcast_message *message);

	/* A send that got -EAGAIN may work now. May be NULL. */
	void (*writable)(struct rcast_circuit *circuit, void *user);

	/*
	 * The exchange is over: reason 0, both sides have sent their last; -EPIPE, -EPROTO or another, the link ended. The
	 * circuit pointer is dead when this returns. May be NULL.
	 */
	void (*ended)(struct rcast_circuit *circuit, void *user, int reason);
};

/*
 * Pick an idle circuit and begin an exchange on it with the first rcast_circuit_send. -ENOBUFS: as many as max_busy, ours or
 * the peer's (RCAST_LINK_MIN_BUSY until its first frame came), are busy, or no id is idle. -EPIPE: the link is down. `ops` must
 * outlast the exchange.
 */
RCAST_API int rcast_circuit_begin(struct rcast_link *link, const struct rcast_circuit_ops *ops, void *user,
				  struct rcast_circuit **circuit);

/* The same on a reserved id. -EINVAL: not a reserved id. -EEXIST: busy. */
RCAST_API int rcast_circuit_begin_reserved(struct rcast_link *link, uint32_t id, const struct rcast_circuit_ops *ops,
					   void *user, struct rcast_circuit **circuit);

RCAST_API void rcast_circuit_set_handler(struct rcast_circuit *circuit, const struct rcast_circuit_ops *ops, void *user);

RCAST_API uint32_t rcast_circuit_id(const struct rcast_circuit *circuit);
RCAST_API struct rcast_link *rcast_circuit_link(const struct rcast_circuit *circuit);

enum { RCAST_LAST = 1 }; /* flag of a send: our last message in this exchange */

/*
 * Queue one message (0 bytes is a message too). It is sent at once if the socket takes it. -EAGAIN: no credit, or the
 * link's queue is full, or the peer has not yet said whether it takes messages so long; `writable` tells when to try again.
 * -EMSGSIZE: longer than rcast_link_max_message. -EPIPE: the link is down. -ENODATA: our last was sent already. On an error
 * nothing was sent.
 */
RCAST_API int rcast_circuit_send(struct rcast_circuit *circuit, const struct iovec *iov, int n_iov, unsigned int flags);

/* The same with descriptors: taken on success, still yours on an error. -EOPNOTSUPP: this link cannot carry them. */
RCAST_API int rcast_circuit_send_take_fds(struct rcast_circuit *circuit, const struct iovec *iov, int n_iov,
					  unsigned int flags, const int *take_fds, int n_fds);

/*
 * Give back the credit of a message that was RCAST_HELD, of `n_bytes` bytes. When an exchange is over this is done for all
 * that were held in it; until `ended` has returned it may still be called, to no effect.
 */
RCAST_API void rcast_circuit_consumed(struct rcast_circuit *circuit, size_t n_bytes);

/* How many bytes could be sent now on this circuit in one message. */
RCAST_API size_t rcast_circuit_credit(const struct rcast_circuit *circuit);

#ifdef __cplusplus
}
#endif

#endif
