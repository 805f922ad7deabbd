/* SPDX-License-Identifier: MIT */
/* One client's connection: its link, its rights, its life. The model is in connection.c. */
#ifndef RCASTI_ENGINE_CONNECTION_H
#define RCASTI_ENGINE_CONNECTION_H

#include <sys/types.h>

#include <ringcast/circuit.h>

#include "engine/engine.h"

struct rcasti_connection {
	struct rcast_engine *engine;
	struct cds_list_head node;    /* of the engine's connections */
	struct cds_list_head touched; /* on the engine's list of that name, or alone */
	struct rcast_link *link;
	struct rcasti_source socket;
	struct rcasti_source peer; /* its process, by pidfd */
	int peer_pidfd;            /* -1: this kernel cannot say */
	pid_t pid;                 /* as it was when it connected */
	unsigned int rights;       /* of enum rcast_right */
	const struct rcasti_keyframer
		*keyframer; /* it is this one's, with a lease in any case, and no reader; NULL: a client's */
	struct rcasti_account *account;
	uint32_t n_fds_waiting;         /* of those in flight: in replies that the link has not taken, or kept for it */
	struct rcasti_timer look_again; /* something could not be sent yet, and no poll tells when it can */
	struct cds_list_head exchanges;
};

/*
 * Serve a client at the other end of this socket. Takes the fd. `is_peers_own`: whoever made the connection is who speaks on it,
 * so it ends with that process. -ENOBUFS: one connection too many.
 */
int rcasti_connection_open_take(struct rcast_engine *engine, int fd, unsigned int rights, bool is_peers_own);

/* Serve a keyframer as a client: it may look. Takes the fd. */
int rcasti_connection_open_keyframer_take(const struct rcasti_keyframer *keyframer, int fd);

/* Ends all of its exchanges, detaches its readers. Not from within a handler of its link. */
void rcasti_connection_free(struct rcasti_connection *connection);

/*
 * Count n descriptors that are about to be sent. -ENOBUFS: the client, or its user, has been sent as many as it may that it has not
 * received; *missing, which may be NULL, says of what. rcasti_connection_return_fds: they are not sent after all.
 */
int rcasti_connection_take_fds(struct rcasti_connection *connection, uint32_t n, struct rcasti_cost *missing);
void rcasti_connection_return_fds(struct rcasti_connection *connection, uint32_t n);

/* Count one that is not sent, but kept open for the client until it has read. */
int rcasti_connection_keep_fd(struct rcasti_connection *connection, struct rcasti_cost *missing);
void rcasti_connection_keep_fd_no_more(struct rcasti_connection *connection);

/* Have rcasti_attachment_go_on called of what is attached on this connection, in a moment. */
void rcasti_connection_look_again(struct rcasti_connection *connection);

/* Something was sent or consumed outside a dispatch of this link: look at its events again at the end of the turn. */
void rcasti_connection_touch(struct rcasti_connection *connection);
void rcasti_connection_touch_circuit(const struct rcast_circuit *circuit);
void rcasti_connections_refresh(struct rcast_engine *engine);

#endif
