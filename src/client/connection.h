/* SPDX-License-Identifier: MIT */
/*
 * One connection to an engine, and exchanges on it: what commands, searches and views stand on.
 */
#ifndef RCASTI_CLIENT_CONNECTION_H
#define RCASTI_CLIENT_CONNECTION_H

#include <ringcast/circuit.h>
#include <ringcast/client.h>

#include "ringcast.pb-c.h"

struct rcast_client {
	struct rcast_link *link;
	int timeout_ms;
	int down;                          /* 0 while the link is up, then why it ended */
	struct rcast_reader_info *readers; /* what rcast_client_stats lends */
	char error[512];
};

/* Say what went wrong, for rcast_client_error, without control characters. Returns `error`. */
int rcasti_client_fail(struct rcast_client *client, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Move what waits in both directions, without blocking. The first failure is kept in client->down and returned ever after. */
int rcasti_client_dispatch(struct rcast_client *client);

/* The same after waiting for something to move; -ETIMEDOUT once rcasti_clock_ms() has reached the deadline. */
int rcasti_client_turn(struct rcast_client *client, uint64_t deadline_ms);

uint64_t rcasti_clock_ms(void);

/* The error of a Reply as a negative errno, its line kept for rcast_client_error. */
int rcasti_client_refused(struct rcast_client *client, const Ringcast__Wire__Reply *reply);

/* Let what still comes on this circuit fall on the floor: nobody waits for it any more. */
void rcasti_circuit_drain(struct rcast_circuit *circuit);

/*
 * One request and its replies. `reply` sees each Reply that is no error, and in the message the descriptors that came with
 * it; its first failure becomes the result. Both functions are called while the link is dispatched: they may only take notes.
 */
struct rcasti_exchange {
	struct rcast_client *client;
	int (*reply)(void *user, const Ringcast__Wire__Reply *reply, struct rcast_message *message); /* may be NULL */
	void (*over)(void *user); /* it is done; may be NULL */
	void *user;
	struct rcast_circuit *circuit; /* NULL once it is over */
	bool done;
	int result;
};

/* Send the request with a descriptor (-1: none; taken, whatever is returned). */
int rcasti_exchange_begin(struct rcasti_exchange *exchange, const Ringcast__Wire__Request *request, int take_fd);

/* Wait for the last reply, at most the client's timeout. Returns the result. */
int rcasti_exchange_wait(struct rcasti_exchange *exchange);

/* Give up on it, if it is not over: the exchange can go out of scope. */
void rcasti_exchange_abandon(struct rcasti_exchange *exchange);

#endif
