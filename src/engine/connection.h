/* SPDX-License-Identifier: MIT */
/* One client's connection: its link, its rights, its life. The model is in connection.c. */
#ifndef RCASTI_ENGINE_CONNECTION_H
#define RCASTI_ENGINE_CONNECTION_H

#include <sys/types.h>

#include <ringcast/circuit.h>

#include "engine/engine.h"

enum rcasti_right {
	RCASTI_VIEW = 1,  /* list, describe, stats, attach */
	RCASTI_INPUT = 2, /* write to programs, resize */
	RCASTI_ADMIN = 4, /* start, signal, kick, kill, leases */
};

struct rcasti_connection {
	struct rcast_engine *engine;
	struct cds_list_head node;    /* of the engine's connections */
	struct cds_list_head touched; /* on the engine's list of that name, or alone */
	struct rcast_link *link;
	struct rcasti_source socket;
	struct rcasti_source peer; /* its process, by pidfd */
	int peer_pidfd;            /* -1: this kernel cannot say */
	pid_t pid;                 /* as it was when it connected */
	unsigned int rights;       /* of enum rcasti_right */
	struct cds_list_head exchanges;
};

/* Somebody connects; `source` is engine->listen_source. */
void rcasti_connection_on_listen(struct rcasti_source *source, uint32_t events);
void rcasti_connection_accept_again(struct rcasti_timer *timer);

/* Ends all of its exchanges, detaches its readers. Not from within a handler of its link. */
void rcasti_connection_free(struct rcasti_connection *connection);

/* Something was sent or consumed outside a dispatch of this link: look at its events again at the end of the turn. */
void rcasti_connection_touch(struct rcasti_connection *connection);
void rcasti_connection_touch_circuit(const struct rcast_circuit *circuit);
void rcasti_connections_refresh(struct rcast_engine *engine);

#endif
