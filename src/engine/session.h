/* SPDX-License-Identifier: MIT */
/* A session, and the table of all of them. Lifetimes and who touches what: session.c. */
#ifndef RCASTI_ENGINE_SESSION_H
#define RCASTI_ENGINE_SESSION_H

#include <stdatomic.h>

#include <ringcast/engine.h>

#include "engine/child.h"
#include "engine/input.h"
#include "engine/keyframes.h"
#include "engine/loop.h"
#include "engine/scanner.h"

struct rcasti_account;

/* As in client.h and the schema. */
enum rcasti_session_kind { RCASTI_PTY = 1, RCASTI_PIPE = 2, RCASTI_OWNED = 3 };

/* What control and pump say to each other about a session; see pump.c, owed.c and steward.c for what is done with them. */
enum rcasti_letter_kind {
	RCASTI_ADD,      /* control → pump: begin to read it */
	RCASTI_RESIZE,   /* control → pump, and back when it was done */
	RCASTI_EXITED,   /* control → pump: the program is gone, drain */
	RCASTI_REMOVE,   /* control → pump, and back when the pump no longer touches the session */
	RCASTI_TEXTS,    /* pump → control: title or folder have changed; and back when they were taken over */
	RCASTI_FINISHED, /* pump → control: the end was published */
	RCASTI_ANSWERER, /* control → pump: publish who answers, and back when it was done */
	RCASTI_ASKED,    /* pump → control: the program has asked, and we are to answer; and back when that was seen to */
	RCASTI_ROTATE,   /* control → pump: publish in another ring, and back when it was done or cannot be any more */
	RCASTI_N_LETTERS,
};

/* In flight at most once; belongs to whoever has it. */
struct rcasti_letter {
	enum rcasti_letter_kind kind;
	struct rcast_session *session;
	union {
		struct rcast_resize size;
		struct rcast_exit exit;
		struct rcasti_texts *texts; /* session->sent_texts, which belongs to whoever has the letter */
		struct {
			struct rcast_writer *to;
			bool done;
		} rotation;
		struct {
			uint64_t reader; /* 0: the engine */
			bool from_start; /* what was asked before is none of ours */
		} answerer;
		struct {
			uint64_t pos; /* of the ring, behind them */
			uint8_t questions[RCASTI_MAX_QUESTIONS];
			unsigned int n_questions;
		} asked;
	};
};

/* What the publisher has done, for others to look at: written by it with relaxed stores, each count true by itself. */
struct rcasti_counts {
	_Atomic uint64_t first_pos, next_pos, n_records, n_output, n_reads, n_leases_lost;
	_Atomic uint64_t ring_bytes;
	_Atomic uint64_t n_bells, n_commands, modes;
	_Atomic uint64_t command_step; /* enum rcast_command_step << 32 | the latest exit status */
	_Atomic uint64_t step_ns;      /* when that was said */
	_Atomic uint64_t base_pos;     /* what first_pos was when it moved to this ring; UINT64_MAX: it never moved */
	_Atomic uint64_t n_rotations, last_rotation_ns, max_rotation_ns;
};

/* Control's: see rotate.c. */
struct rcasti_rotation {
	struct rcast_writer *ring;    /* whose descriptor is handed out */
	struct rcast_writer *next;    /* with the pump, or soon; NULL: no rotation is under way */
	struct rcasti_timer patience; /* set: it waits for the keyframer to attach, and not for longer than this */
	uint64_t n_rings;             /* how many came before `ring` */
	uint64_t n_rounds;            /* rotations over, whether done or given up */
	uint64_t wanted_bytes;        /* of another rotation, after the one under way; 0: none */
	struct cds_list_head waiters;
};

/* Control's: see answer.c. */
struct rcasti_answering {
	uint64_t reader; /* who is to answer; 0: we are */
	uint64_t n_claims;
	bool in_flight, again; /* the letter ANSWERER; and it is to go out anew when it is back */
	bool is_settled;       /* somebody has answered or claimed: nobody can have all from the start any more */
	bool drops_asked;      /* what we are told was asked is for who claimed it from the start */
	uint8_t waiting[RCASTI_MAX_QUESTIONS]; /* questions that we have not answered yet, in order */
	unsigned int n_waiting;
	uint64_t waiting_pos;         /* of the ring, behind the latest of them */
	bool is_reserved;             /* they wait for a claim from the start */
	bool awaits_cursor;           /* the first of them waits for where the cursor stands */
	struct rcasti_timer patience; /* with either, until then */
};

/* Control's. */
struct rcasti_session_control {
	bool ended, removing;
	bool has_exit;
	struct rcast_exit exit;
	struct rcast_resize size; /* asked for last */
	bool resize_in_flight, resize_wanted;
	struct rcasti_texts texts;
	struct rcasti_child *child; /* NULL: none, or reaped */
	struct rcasti_input input;  /* PTY only; input.fd is a duplicate of the master */
	struct rcasti_timer linger;
	struct rcasti_rotation rotation;
	struct rcasti_answering answering;
	uint64_t ring_bytes; /* of rotation.ring */
	uint64_t n_kicked, n_evicted;
	struct cds_list_head retired; /* among those to be freed */
};

enum rcasti_flow {
	RCASTI_FLOWING,
	RCASTI_HELD, /* a lease holds the writer; looked at again by the timer */
	RCASTI_SHUT, /* the slave is closed and the program lives on: only an edge of the master wakes us */
	RCASTI_OVER, /* the end was published */
};

/* The pump's. */
struct rcasti_session_pump {
	int fd; /* master, pipe or socket; -1: closed */
	bool is_socket, always_ready;
	enum rcasti_flow flow;
	bool exited, silent, end_wanted; /* the program is gone; the grace is over; nothing more will come */
	bool exit_owed, texts_in_flight;
	struct rcasti_letter *resize_owed, *answerer_owed;
	uint64_t answerer; /* the reader whose business questions are; 0: control's */
	bool asked_in_flight;
	struct rcast_exit exit;
	uint64_t hold_pos;      /* what the writer was told last */
	uint64_t held_since_ns; /* when the hold was last looked at */
	uint64_t n_reads;
	bool published; /* in this turn */
	struct rcasti_source source;
	struct rcasti_timer timer;
	struct rcasti_scanner scanner;
};

struct rcast_session {
	/* Fixed from before anyone else sees it. */
	struct rcast_engine *engine;
	struct rcasti_account *account; /* in which it counts; NULL: in none */
	uint32_t slot;
	enum rcasti_session_kind kind;
	uint32_t linger_ms;
	uint64_t born_ns;
	char name[RCAST_NAME_MAX + 1];
	char command[256];

	/* Shared. */
	struct cds_list_head readers; /* RCU: changed by control, walked by whoever rings and by the pump */
	_Atomic uint32_t n_attached;  /* readers in the list; changed by control */
	_Atomic uint32_t n_leased;    /* readers that were granted a lease; changed by control */
	struct rcasti_counts counts;
	struct rcasti_letter letters[RCASTI_N_LETTERS];
	struct rcasti_texts sent_texts;            /* goes with the letter about them */
	_Atomic bool wants_rotation;               /* asks the owner of an owned session */
	_Atomic(struct rcast_writer *) owned_next; /* from the owner to control: the ring that it has moved to */

	struct rcast_writer *writer; /* the publisher's: the pump's or the embedder's */

	struct rcasti_keyframes keyframes;
	struct rcasti_session_control control;
	struct rcasti_session_pump pump;
};

/* The sessions that can be found. `slots` is for any thread under RCU, the rest is control's. */
struct rcasti_table {
	uint32_t max_sessions, n_sessions;
	struct rcast_session **slots;
	struct rcast_session **by_name; /* sorted, n_sessions of them */
};

int rcasti_table_open(struct rcasti_table *table, uint32_t max_sessions);
void rcasti_table_close(struct rcasti_table *table);

/* Give the session a slot and let it be found. -EEXIST: the name is taken. -ENOBUFS: the table is full. */
int rcasti_table_add(struct rcasti_table *table, struct rcast_session *session);

/* Its name is free again; the slot is not, until vacated. */
void rcasti_table_unname(struct rcasti_table *table, struct rcast_session *session);

/* The slot is free again; free the session only after a grace period. */
void rcasti_table_vacate(struct rcasti_table *table, struct rcast_session *session);

struct rcast_session *rcasti_table_find(const struct rcasti_table *table, const char *name);

/* The first in order of name that comes after `name`; "": the first of all. */
struct rcast_session *rcasti_table_after(const struct rcasti_table *table, const char *name);

/* Any thread, within an RCU read-side section. */
struct rcast_session *rcasti_table_at(const struct rcasti_table *table, uint32_t slot);

/* Make a session that nobody sees yet. -EINVAL: its name or size. */
int rcasti_session_create(struct rcast_engine *engine, const struct rcast_session_options *options,
			  enum rcasti_session_kind kind, struct rcast_session **session);
void rcasti_session_free(struct rcast_session *session);

/* A ring as sessions have them. 0 bytes: the default. */
int rcasti_session_make_ring(uint64_t ring_bytes, struct rcast_writer **writer);

/* The publisher: make its counts visible. */
void rcasti_session_count(struct rcast_session *session);

#endif
