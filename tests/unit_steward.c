/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/start.h"
#include "engine/steward.h"
#include "harness.h"

static struct rcast_engine *engine;
static struct rcast_session *session;

static void begin(const char *script, uint32_t linger_ms)
{
	struct rcast_engine_options options = {.name = "e"};
	struct rcast_session_options wanted = {.name = "t", .linger_ms = linger_ms};
	const char *argv[] = {"sh", "-c", script, NULL}, *failed;
	struct rcast_program program = {.argv = argv};

	cr_assert_eq(rcast_engine_create(&options, &engine), 0);
	cr_assert_eq(rcasti_start_pty(engine, &engine->quota.all, &wanted, &program, &session, &failed), 0);
}

#define engine_await(condition) harness_await((rcast_engine_dispatch(engine), (condition)))

static uint64_t n_records(void)
{
	return atomic_load(&session->counts.n_records);
}

/* However many are asked for while the pump is busy: it sees the first and the last. */
HARNESS_TEST(steward, sizes_in_a_row_become_few)
{
	begin("sleep 600", 0);
	engine_await(n_records() == 1);
	for (uint16_t i = 1; i <= 100; i++)
		cr_assert_eq(rcasti_session_resize(session, i, i), 0);
	engine_await(!session->control.resize_in_flight && !session->control.resize_wanted);
	engine_await(n_records() == 3);
	cr_assert_eq(session->letters[RCASTI_RESIZE].size.cols, 100);
	cr_assert_eq(rcasti_session_resize(session, 100, 100), 0, "the same again is nothing");
	cr_assert(!session->control.resize_in_flight);
	rcast_engine_free(engine);
}

/* The name at once, the slot when the pump has let go, the memory after a grace period. */
HARNESS_TEST(steward, removal_has_stages)
{
	begin("sleep 600", 0);
	engine_await(n_records() == 1);
	rcasti_session_remove(session);
	rcasti_session_remove(session);
	cr_assert_eq(rcast_engine_n_sessions(engine), 0);
	cr_assert_eq(engine->table.slots[0], session);
	engine_await(engine->table.slots[0] == NULL);
	cr_assert(cds_list_empty(&engine->retired));
	engine_await(cds_list_empty(&engine->children));
	rcast_engine_free(engine);
}

/* Letters of the pump that cross a REMOVE on their way. */
HARNESS_TEST(steward, crossing_letters_do_no_harm)
{
	begin("while :; do printf '\\033]0;%s\\a' $(date +%N); done", 0);
	engine_await(session->control.texts.title[0] != 0);
	for (int i = 0; i < 3; i++) {
		rcasti_session_resize(session, (uint16_t)(10 + i), 10);
		rcast_engine_pump(engine, 5);
	}
	rcasti_session_remove(session);
	rcast_engine_pump(engine, 5);
	engine_await(engine->table.slots[0] == NULL);
	rcast_engine_free(engine);
}

HARNESS_TEST(steward, an_ended_session_takes_nothing_and_goes_in_time)
{
	begin("exit 3", 100);
	engine_await(session->control.ended);
	cr_assert_eq(session->control.exit.status, 3);
	cr_assert_eq(rcasti_session_resize(session, 9, 9), -ENODATA);
	cr_assert_eq(rcasti_session_signal(session, 15), -ENODATA);
	cr_assert_eq(rcasti_input_push(&session->control.input, "x", 1, NULL, 0), -ENODATA);
	engine_await(rcast_engine_n_sessions(engine) == 0);
	engine_await(engine->table.slots[0] == NULL);
	rcast_engine_free(engine);
}

/* Freed with letters and a program still under way: nothing leaks, which the sanitizers see. */
HARNESS_TEST(steward, an_engine_may_end_at_any_moment)
{
	for (int n_turns = 0; n_turns < 6; n_turns++) {
		begin("echo x; exit 0", 0);
		for (int i = 0; i < n_turns; i++)
			rcast_engine_dispatch(engine);
		if (n_turns % 2)
			rcasti_session_remove(session);
		rcast_engine_free(engine);
	}
}
