/* SPDX-License-Identifier: MIT */
/* The engine object. Who owns what: engine.c. */
#ifndef RCASTI_ENGINE_ENGINE_H
#define RCASTI_ENGINE_ENGINE_H

#include <ringcast/engine.h>

#include "engine/doorbell.h"
#include "engine/keyframer.h"
#include "engine/listener.h"
#include "engine/loop.h"
#include "engine/mailbox.h"
#include "engine/pump.h"
#include "engine/quota.h"
#include "engine/session.h"
#include "engine/stall.h"
#include "engine/unread.h"

struct rcast_engine {
	/* Fixed. */
	uint32_t max_lease_ms;

	/* Control's. */
	struct rcasti_loop control;
	struct rcasti_table table;
	struct rcasti_listener listeners[2]; /* its own, and the view socket */
	struct rcasti_source mail_source;
	struct cds_list_head connections;
	struct cds_list_head touched; /* connections whose links may want other events than before */
	struct cds_list_head children;
	struct cds_list_head condemned; /* attachments to free after a grace period */
	struct cds_list_head retired;   /* sessions likewise */
	struct rcasti_quota quota;
	struct rcasti_unread unread;
	uint64_t last_reader_id;
	struct rcasti_stall_watch stall;
	struct rcasti_keyframers keyframers;

	/* Shared. */
	struct rcasti_mailbox mail; /* the pump's letters; any thread may poke it */
	_Atomic bool any_gone;      /* somebody who was rung is gone: look who */
	_Atomic bool any_moved;     /* owners have moved their sessions: look which */
	_Atomic bool any_stalled;   /* somebody is far behind: watch it */
	_Atomic bool any_filling;   /* a ring is filling: have its session followed */
	_Atomic bool stopped;
	struct rcasti_doorbell doorbell;

	/* The pump's. */
	struct rcasti_pump pump;

	/* Both loops in one descriptor, for a single loop. */
	int both_fd;
	int stop_fd; /* readable for ever once stopped; in both loops */
	struct rcasti_source stop_sources[2];
};

#endif
