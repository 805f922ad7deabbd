/* SPDX-License-Identifier: MIT */
/* One exchange with a client, and what could not be sent in it yet. The model is in exchange.c. */
#ifndef RCASTI_ENGINE_EXCHANGE_H
#define RCASTI_ENGINE_EXCHANGE_H

#include <ringcast/circuit.h>

#include "engine/session.h"
#include "ringcast.pb-c.h"

struct rcasti_connection;
struct rcasti_attachment;

/* A packed Reply that the circuit did not take. */
struct rcasti_waiting {
	uint8_t *data; /* NULL: nothing waits */
	size_t n_bytes;
	unsigned int flags;
	int fds[2];
	int n_fds;
};

struct rcasti_exchange {
	struct rcasti_connection *connection;
	struct rcast_circuit *circuit;
	struct cds_list_head node; /* of the connection's */
	bool begun;                /* its request has come */
	bool answered;             /* our last was sent, or waits */
	struct rcasti_waiting waiting;

	/* Sends the next message of an answer of several. False: that was the last, the exchange may be gone. */
	bool (*more)(struct rcasti_exchange *exchange);
	char walked_name[RCAST_NAME_MAX + 1]; /* how far it got */
	uint64_t walked_id;

	struct rcasti_attachment *attachment; /* NULL: none, or detached */

	struct cds_list_head rotation_waiter; /* of a session's rotation, or alone */
	uint64_t awaits_round;
	bool wants_ring_bytes; /* and not only to shut somebody out */

	struct cds_list_head keyframe_waiter; /* of a session's keyframes, or alone */
	uint64_t awaits_pos;
	bool keyframe_by_circuit;
	struct rcasti_keyframe *keyframe; /* being sent in pieces; n_sent_bytes are on their way */
	size_t n_sent_bytes;
};

/* -ENOBUFS: the client has begun as many as it may. rcasti_exchange_turn_away answers on such a circuit that it is so. */
int rcasti_exchange_open(struct rcasti_connection *connection, struct rcast_circuit *circuit);
void rcasti_exchange_turn_away(struct rcasti_connection *connection, struct rcast_circuit *circuit);

/*
 * Send a reply; what does not go out now waits, and rcasti_exchange_is_blocked says so. Takes the descriptors, which were
 * counted by rcasti_connection_take_fds before. Only when nothing waits, but for a last, which takes the place of what waits.
 * An error: the link is going down; do no more.
 */
int rcasti_exchange_send_take(struct rcasti_exchange *exchange, const Ringcast__Wire__Reply *reply, unsigned int flags,
			      const int *take_fds, int n_fds);
bool rcasti_exchange_is_blocked(const struct rcasti_exchange *exchange);

/* The common answers. */
void rcasti_exchange_done(struct rcasti_exchange *exchange);
void rcasti_exchange_notice(struct rcasti_exchange *exchange, Ringcast__Wire__Notice *notice, unsigned int flags);

/*
 * An error (negative) and what to say about it. The first ends the exchange and returns the error, the second is one of a
 * stream.
 */
int rcasti_exchange_refuse(struct rcasti_exchange *exchange, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void rcasti_exchange_complain(struct rcasti_exchange *exchange, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Send messages of an answer of several, as long as they go out. */
void rcasti_exchange_go_on(struct rcasti_exchange *exchange);

#endif
