/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <urcu-bp.h>

#include "engine/engine.h"
#include "engine/session.h"
#include "harness.h"

static struct rcasti_table table;

static struct rcast_session *named(const char *name)
{
	struct rcast_session *session = calloc(1, sizeof *session);

	strcpy(session->name, name);
	return session;
}

static void remove_and_free(struct rcast_session *session)
{
	rcasti_table_unname(&table, session);
	rcasti_table_vacate(&table, session);
	free(session);
}

HARNESS_TEST(session, names_are_found_and_walked_in_order)
{
	static const char *const names[] = {"m", "b", "z", "a", "mm", "B"}, *const sorted[] = {"B", "a",  "b",
											       "m", "mm", "z"};
	struct rcast_session *session = NULL;

	cr_assert_eq(rcasti_table_open(&table, 6), 0);
	cr_assert_null(rcasti_table_find(&table, "m"));
	cr_assert_null(rcasti_table_after(&table, ""));
	for (int i = 0; i < 6; i++)
		cr_assert_eq(rcasti_table_add(&table, named(names[i])), 0);
	for (int i = 0; i < 6; i++) {
		session = rcasti_table_after(&table, session ? session->name : "");
		cr_assert_str_eq(session->name, sorted[i]);
		cr_assert_eq(rcasti_table_find(&table, sorted[i]), session);
	}
	cr_assert_null(rcasti_table_after(&table, "z"));
	/* A walk goes on behind a name that is gone. */
	remove_and_free(rcasti_table_find(&table, "b"));
	cr_assert_str_eq(rcasti_table_after(&table, "b")->name, "m");
	cr_assert_null(rcasti_table_find(&table, "b"));
	while ((session = rcasti_table_after(&table, "")) != NULL)
		remove_and_free(session);
	cr_assert_eq(table.n_sessions, 0);
	rcasti_table_close(&table);
}

/* The name is free as soon as it is given up, the slot only when nobody uses the session any more. */
HARNESS_TEST(session, names_and_slots_are_freed_apart)
{
	struct rcast_session *old = named("same"), *fresh = named("same");

	cr_assert_eq(rcasti_table_open(&table, 1), 0);
	cr_assert_eq(rcasti_table_add(&table, old), 0);
	cr_assert_eq(rcasti_table_add(&table, fresh), -EEXIST);
	rcasti_table_unname(&table, old);
	cr_assert_null(rcasti_table_find(&table, "same"));
	cr_assert_eq(rcasti_table_add(&table, fresh), -ENOBUFS);
	rcu_read_lock();
	cr_assert_eq(rcasti_table_at(&table, 0), old);
	rcu_read_unlock();
	rcasti_table_vacate(&table, old);
	rcu_read_lock();
	cr_assert_null(rcasti_table_at(&table, 0));
	rcu_read_unlock();
	cr_assert_eq(rcasti_table_add(&table, fresh), 0);
	free(old);
	remove_and_free(fresh);
	rcasti_table_close(&table);
}

HARNESS_TEST(session, creation_checks_and_fills_in)
{
	static struct rcast_engine engine;
	struct rcast_session_options options = {.name = "x"};
	struct rcast_session *session;

	cr_assert_eq(rcasti_session_create(&engine, &options, RCASTI_PTY, &session), 0);
	cr_assert_eq(session->control.ring_bytes, RCAST_RING_DEFAULT_BYTES);
	cr_assert_eq(session->linger_ms, 60000);
	cr_assert_eq(session->control.size.cols, 80);
	cr_assert_eq(session->control.size.rows, 24);
	rcasti_session_free(session);
	options.ring_bytes = 1000;
	cr_assert_eq(rcasti_session_create(&engine, &options, RCASTI_PTY, &session), -EINVAL);
	options.name = NULL;
	cr_assert_eq(rcasti_session_create(&engine, &options, RCASTI_PTY, &session), -EINVAL);
	options.name = "/";
	cr_assert_eq(rcasti_session_create(&engine, &options, RCASTI_PTY, &session), -EINVAL);
}

HARNESS_TEST(session, counts_are_what_the_writer_says)
{
	static struct rcast_engine engine;
	struct rcast_session_options options = {.name = "x", .ring_bytes = RCAST_RING_MIN_BYTES};
	struct rcast_writer_state state;
	struct rcast_session *session;

	cr_assert_eq(rcasti_session_create(&engine, &options, RCASTI_OWNED, &session), 0);
	for (int i = 0; i < 100; i++)
		rcast_writer_put(session->writer, RCAST_OUTPUT, "ab", 2);
	rcasti_session_count(session);
	rcast_writer_get_state(session->writer, &state);
	cr_assert_eq(atomic_load(&session->counts.n_output), 200);
	cr_assert_eq(atomic_load(&session->counts.n_records), 100);
	cr_assert_eq(atomic_load(&session->counts.next_pos), state.next_pos);
	rcasti_session_free(session);
}
