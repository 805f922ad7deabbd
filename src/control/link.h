/* SPDX-License-Identifier: MIT */
/*
 * A link as the circuits see it.
 */
#ifndef RCASTI_CONTROL_LINK_H
#define RCASTI_CONTROL_LINK_H

#include "control/circuit.h"
#include "control/frame.h"
#include "control/queue.h"
#include "control/transport.h"

struct rcast_link {
	struct rcasti_transport *transport;
	enum rcast_link_role role;
	struct rcast_link_options options; /* ours, defaults filled in */
	struct rcasti_hello peer;          /* what the peer allows; the minimum until it has said hello */
	bool greeted;                      /* the peer has said hello */
	bool is_held_up;                   /* by the kernel, and no poll will tell when that is over */
	bool peer_is_deaf;                 /* it takes nothing more; what it sent before may still be here */
	const struct rcast_link_ops *ops;
	void *user;

	int error; /* why the link ended, or 0 */
	char reason[160];

	struct rcasti_queue queue;
	struct {
		uint8_t bytes[RCASTI_FRAME_LENGTH_BYTES + RCASTI_FRAME_HELLO_BYTES];
		size_t n_bytes, n_sent; /* n_bytes 0: unused */
	} control;                      /* the hello or one CREDIT on its way: these need no memory and pass the queue */

	struct rcasti_circuits circuits;
};

/* Carry frames over a transport, taken whatever is returned. `options` with defaults filled in. */
int rcasti_link_open_take(struct rcasti_transport *transport, enum rcast_link_role role,
			  const struct rcast_link_options *options, const struct rcast_link_ops *ops, void *user,
			  struct rcast_link **link);

/* Fill in defaults. -EINVAL: a value out of its range. `given` may be NULL. */
int rcasti_link_resolve_options(const struct rcast_link_options *given, struct rcast_link_options *options);

/* The longest frame that a link with these options takes. */
size_t rcasti_link_max_frame_bytes(const struct rcast_link_options *options);

/* End the link. The first reason stands. */
void rcasti_link_fail(struct rcast_link *link, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Can nothing be sent any more? */
bool rcasti_link_is_down(const struct rcast_link *link);

/* Send what waits, as far as the transport takes it. Calls no handler. */
void rcasti_link_flush(struct rcast_link *link);

#endif
