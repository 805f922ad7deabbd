/* SPDX-License-Identifier: MIT */
/* A socket at which clients connect, and what they may do then. The model is in listener.c. */
#ifndef RCASTI_ENGINE_LISTENER_H
#define RCASTI_ENGINE_LISTENER_H

#include <sys/un.h>

#include <ringcast/engine.h>

#include "engine/loop.h"

struct rcasti_listener {
	struct rcast_engine *engine;
	char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* "": not open */
	unsigned int rights;                                  /* of who connects here */
	bool takes_others;                                    /* other uids, too */
	int fd;
	struct rcasti_source source;
	struct rcasti_timer accept_again;
};

void rcasti_listener_init(struct rcasti_listener *listener, struct rcast_engine *engine, unsigned int rights,
			  bool takes_others);

/* Listen at `path`. Errors as of rcast_socket_listen. */
int rcasti_listener_open(struct rcasti_listener *listener, const char *path);

/* Nothing to do if it is not open. */
void rcasti_listener_close(struct rcasti_listener *listener);

#endif
