/* SPDX-License-Identifier: MIT */
/*
 * A view from inside: the attachment that both kinds of delivery share, the two sources that records come from, and what stands
 * between them and the program when the view is of the screen.
 */
#ifndef RCASTI_CLIENT_VIEW_H
#define RCASTI_CLIENT_VIEW_H

#include <ringcast/ring.h>

#include "client/answers.h"
#include "client/connection.h"
#include "client/loss.h"
#include "client/pieces.h"
#include "client/rejoin.h"

#define RCASTI_MAX_NEXT_RINGS 8

/* Messages of the stream that have come and were not looked at yet. Their credit is still ours to give back. */
struct rcasti_inbox {
	struct rcasti_letter *first, **end;
};

struct rcast_view {
	struct rcast_client *client;
	struct rcast_circuit *circuit; /* NULL once the exchange is over */
	struct rcast_session_info info;
	uint32_t lease_ms;
	bool may_input, by_circuit;

	bool attached; /* the engine has said yes */
	bool entered;  /* we are inside rcast_view_next: whoever takes notes need not call us */
	bool called;   /* ready_fd is readable */
	bool corrupt;  /* -EPROTO was told, and is the answer from now on */
	int fate;      /* 0, or what rcast_view_next says once everything that can be read was read */

	int epoll_fd; /* watches the three below */
	int ready_fd; /* an eventfd: somebody else's dispatch brought us something */
	uint32_t link_events;
	int ring_fd, wake_fd; /* on their way from the reply to the reader, else -1 */
	int next_fds[RCASTI_MAX_NEXT_RINGS];
	int n_next; /* rings in which the stream goes on, in order, when this one was read to its end */

	struct rcast_gap gap; /* of the source's latest RCAST_LAPPED, or of the one that is told */
	struct rcasti_loss_account account;
	struct rcasti_rejoin rejoin;
	struct rcasti_answers answers;

	struct rcast_reader *reader; /* by ring */
	void *buffer;
	size_t buffer_bytes;
	unsigned int n_reads;
	bool asleep;
	bool stranded;     /* at the end of a ring, and the next one has not come yet */
	bool unrung;       /* nobody will ring us any more: the publisher has closed our pipe */
	uint64_t stop_pos; /* with a fate: do not read beyond this */

	struct rcasti_inbox inbox; /* by circuit */
	struct rcasti_pieces pieces;
	bool ended; /* the engine said that everything was sent */
};

/* ── By ring ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The request's descriptor: our cursor page. Yours. */
int rcasti_ring_source_prepare(struct rcast_cursor **cursor, int *cursor_fd);

/* Read the ring that came with the reply, from where the options say. Takes the cursor, whatever it returns. */
int rcasti_ring_source_open(struct rcast_view *view, struct rcast_cursor *take_cursor,
			    const struct rcast_view_options *options);
void rcasti_ring_source_close(struct rcast_view *view);

/* Go elsewhere, as rcast_reader_seek. */
int rcasti_ring_source_seek(struct rcast_view *view, enum rcast_from from, uint64_t pos);

/* The next record. RCAST_LAPPED fills view->gap. */
int rcasti_ring_source_next(struct rcast_view *view, struct rcast_record *record);

/* ── By circuit ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_circuit_source_open(struct rcast_view *view);
void rcasti_circuit_source_close(struct rcast_view *view);

/* As rcasti_ring_source_next. */
int rcasti_circuit_source_next(struct rcast_view *view, struct rcast_record *record);

/* A message of the stream, for later. From inside the link's dispatch. */
enum rcast_consumed rcasti_circuit_source_keep(struct rcast_view *view, const struct rcast_message *message);

/* Nobody will look at what waits: give its credit back, which the engine needs to say its last. */
void rcasti_circuit_source_settle(struct rcast_view *view);

/* ── Shared ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The next of the source, whichever that is. */
int rcasti_view_source_next(struct rcast_view *view, struct rcast_record *record);

/* To the engine, on the view's circuit. -EPIPE, -EPERM, -EAGAIN: as rcast_view_send_input. */
int rcasti_view_send(struct rcast_view *view, const Ringcast__Wire__AttachedRequest *request);

/* Make rcast_view_fd readable, unless we are looking anyway. `view` is a struct rcast_view. */
void rcasti_view_call(void *view);

/*
 * One Reply of the stream: RCAST_RECORD and RCAST_LAPPED fill *record or view->gap, RCAST_ENDED; RCAST_EMPTY: no record, but
 * perhaps the view's fate. -EPROTO: nothing that this view may be sent.
 */
int rcasti_view_take_reply(struct rcast_view *view, const Ringcast__Wire__Reply *reply, struct rcast_record *record);

#endif
