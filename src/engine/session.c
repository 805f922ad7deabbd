/* SPDX-License-Identifier: MIT */
/*
 * A session is a name, a ring, and what feeds the ring. Its fields are grouped by the thread that owns them; what two
 * threads need goes between them in letters (mailbox.c), or is one of a few atomics.
 *
 * Its life, which control leads:
 *
 *   created      ring, descriptors, program: nobody sees it, and any failure undoes everything
 *   named        in the table: found by name (control) and by slot (notifier); its pump letter ADD is posted
 *   ended        the pump has published END and said FINISHED: it lingers, readable, attachable
 *   unnamed      killed, or its linger is over: readers are detached, its name is free; the letter REMOVE is with the pump
 *   vacated      REMOVE has come back, so the pump is done with it: its slot is emptied
 *   freed        after a grace period: the notifier may have found it by its slot until then
 *
 * Letters from the pump that are still under way when REMOVE is posted arrive before REMOVE comes back, since mailboxes keep
 * their order. Control sends nothing about a session behind REMOVE. So nobody holds a letter of a freed session.
 *
 * An owned session has no pump: its owner publishes and rings. It is unnamed only after rcast_session_close, and vacated at once.
 *
 * Finding by slot is RCU: rcasti_table_add publishes the pointer with its contents (rcu_assign_pointer, pairs with
 * rcu_dereference in rcasti_table_at), and synchronize_rcu between vacating and freeing waits for those who found it. The
 * names are control's alone, a sorted array: a lookup is a bisection, and a walk over all sessions survives changes by
 * remembering the last name.
 */
#include "engine/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <urcu-bp.h>

#include <ringcast/circuit.h>

#include "engine/engine.h"
#include "engine/rotate.h"

enum { DEFAULT_LINGER_MS = 60000 };

int rcasti_table_open(struct rcasti_table *table, uint32_t max_sessions)
{
	table->n_sessions = 0;
	table->max_sessions = max_sessions;
	table->slots = calloc(max_sessions, sizeof(struct rcast_session *));
	table->by_name = calloc(max_sessions, sizeof(struct rcast_session *));
	if (table->slots && table->by_name)
		return 0;
	rcasti_table_close(table);
	return -ENOMEM;
}

void rcasti_table_close(struct rcasti_table *table)
{
	free(table->slots);
	free(table->by_name);
	table->slots = table->by_name = NULL;
}

/* How many names sort before this one. */
static uint32_t rank(const struct rcasti_table *table, const char *name)
{
	uint32_t low = 0, high = table->n_sessions;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (strcmp(table->by_name[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct rcast_session *rcasti_table_find(const struct rcasti_table *table, const char *name)
{
	uint32_t at = rank(table, name);

	return at < table->n_sessions && strcmp(table->by_name[at]->name, name) == 0 ? table->by_name[at] : NULL;
}

struct rcast_session *rcasti_table_after(const struct rcasti_table *table, const char *name)
{
	uint32_t at = rank(table, name);

	if (at < table->n_sessions && strcmp(table->by_name[at]->name, name) == 0)
		at++;
	return at < table->n_sessions ? table->by_name[at] : NULL;
}

int rcasti_table_add(struct rcasti_table *table, struct rcast_session *session)
{
	uint32_t at = rank(table, session->name), slot = 0;

	if (rcasti_table_find(table, session->name))
		return -EEXIST;
	while (slot < table->max_sessions && table->slots[slot])
		slot++;
	if (slot == table->max_sessions)
		return -ENOBUFS;
	memmove(table->by_name + at + 1, table->by_name + at, (table->n_sessions - at) * sizeof(struct rcast_session *));
	table->by_name[at] = session;
	table->n_sessions++;
	session->slot = slot;
	rcu_assign_pointer(table->slots[slot], session);
	return 0;
}

void rcasti_table_unname(struct rcasti_table *table, struct rcast_session *session)
{
	uint32_t at = rank(table, session->name);

	table->n_sessions--;
	memmove(table->by_name + at, table->by_name + at + 1, (table->n_sessions - at) * sizeof(struct rcast_session *));
}

void rcasti_table_vacate(struct rcasti_table *table, struct rcast_session *session)
{
	rcu_assign_pointer(table->slots[session->slot], NULL);
}

struct rcast_session *rcasti_table_at(const struct rcasti_table *table, uint32_t slot)
{
	return rcu_dereference(table->slots[slot]);
}

static void init_letters(struct rcast_session *session)
{
	for (int kind = 0; kind < RCASTI_N_LETTERS; kind++) {
		session->letters[kind].kind = (enum rcasti_letter_kind)kind;
		session->letters[kind].session = session;
	}
}

int rcasti_session_make_ring(uint64_t ring_bytes, struct rcast_writer **writer)
{
	struct rcast_writer_options ring = {.capacity_bytes = ring_bytes, .stamped = true};

	return rcast_writer_create(&ring, writer);
}

int rcasti_session_create(struct rcast_engine *engine, const struct rcast_session_options *options,
			  enum rcasti_session_kind kind, struct rcast_session **session)
{
	struct rcast_writer_state state;
	struct rcast_session *made;
	int error;

	if (!options->name || !rcast_name_is_valid(options->name))
		return -EINVAL;
	made = calloc(1, sizeof *made);
	if (!made)
		return -ENOMEM;
	error = rcasti_session_make_ring(options->ring_bytes, &made->writer);
	if (error) {
		free(made);
		return error;
	}
	rcast_writer_get_state(made->writer, &state);
	made->engine = engine;
	made->kind = kind;
	made->linger_ms = options->linger_ms ? options->linger_ms : DEFAULT_LINGER_MS;
	made->born_ns = rcasti_now_ns();
	atomic_init(&made->counts.ring_bytes, state.capacity_bytes);
	rcasti_rotate_init(made);
	rcasti_keyframes_init(made);
	made->control.answering.is_reserved = options->awaits_attach;
	made->pump.fd = -1;
	rcasti_scanner_init(&made->pump.scanner);
	made->control.size.cols = options->cols ? options->cols : 80;
	made->control.size.rows = options->rows ? options->rows : 24;
	strcpy(made->name, options->name);
	CDS_INIT_LIST_HEAD(&made->readers);
	init_letters(made);
	rcasti_input_init(&made->control.input, &engine->control);
	*session = made;
	return 0;
}

void rcasti_session_free(struct rcast_session *session)
{
	rcasti_input_close(&session->control.input);
	if (session->pump.fd >= 0)
		close(session->pump.fd);
	/* For readers that still have it mapped: what was killed has ended too. */
	rcast_writer_end(session->writer);
	rcasti_rotate_free(session);
	if (session->account) {
		rcasti_account_give(session->account, RCASTI_SESSIONS, 1);
		rcasti_account_unref(session->account);
	}
	free(session);
}

static void publish_count(_Atomic uint64_t *count, uint64_t value)
{
	atomic_store_explicit(count, value, memory_order_relaxed);
}

static void count_events(struct rcast_session *session)
{
	const struct rcasti_events *events = &session->pump.scanner.events;

	publish_count(&session->counts.n_bells, events->n_bells);
	publish_count(&session->counts.modes, events->modes.set);
	publish_count(&session->counts.n_commands, events->n_commands);
	publish_count(&session->counts.step_ns, events->latest_step_ns);
	publish_count(&session->counts.command_step, (uint64_t)events->latest_step << 32 | (uint32_t)events->latest_status);
}

void rcasti_session_count(struct rcast_session *session)
{
	struct rcast_writer_state state;

	rcast_writer_get_state(session->writer, &state);
	publish_count(&session->counts.first_pos, state.first_pos);
	publish_count(&session->counts.n_records, state.n_records);
	publish_count(&session->counts.n_output, state.n_output);
	publish_count(&session->counts.n_reads, session->pump.n_reads);
	count_events(session);
	/* release: pairs with the acquire in rcasti_describe_session() */
	atomic_store_explicit(&session->counts.next_pos, state.next_pos, memory_order_release);
	rcasti_keyframes_observe(session, state.next_pos);
}
