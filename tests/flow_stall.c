/* SPDX-License-Identifier: MIT */
/* Readers that have stopped reading are detached when they are far behind for the grace, and told why; nobody else is. */
#include "scene.h"

static struct rcast_session *session;

static void begin(struct rcast_engine_options options)
{
	struct rcast_session_options mine = {.name = "mine", .ring_bytes = RCAST_RING_MIN_BYTES};

	scene_begin(false, options);
	cr_assert_eq(rcast_engine_start_owned(host.engine, &mine, &session), 0);
}

static void publish(size_t n_bytes)
{
	static const char data[1000];

	for (size_t n = 0; n < n_bytes; n += sizeof data) {
		cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, data, sizeof data), 0);
		rcast_session_notify(session);
		wire_engine_turn(&host);
	}
}

/* Turn everything for so long, with `tap` reading. */
static void pass(struct tap *tap, uint64_t time_ms)
{
	for (uint64_t end_ms = harness_now_ms() + time_ms; harness_now_ms() < end_ms; harness_pause())
		tap_turn(tap);
}

HARNESS_TEST(stall, who_stands_still_is_told_and_who_reads_stays)
{
	struct rcast_reader *reader;
	struct tap still, reads;
	double seconds, laps;
	int n_fds;

	begin((struct rcast_engine_options){.evict_after_ms = 200});
	cr_assert_eq(tap_open(&reads, &wire, "mine", (struct tap_options){0}), 0);
	tap_turn(&reads);
	n_fds = harness_count_fds();
	cr_assert_eq(tap_open(&still, &wire, "mine", (struct tap_options){0}), 0);
	reader = still.reader;
	still.reader = NULL;
	publish(3 * RCAST_RING_MIN_BYTES);
	wire_await(&wire, (tap_turn(&reads), tap_turn(&still), still.evicted));
	cr_assert_eq(sscanf(still.why, "no progress for %lf s, %lf laps behind", &seconds, &laps), 2, "%s", still.why);
	cr_assert(seconds >= 0.2 && laps > 3 && laps < 3.3, "%s", still.why);
	cr_assert_eq(wire_stat(&wire, "mine", n_evicted), 1);
	cr_assert_eq(wire_info(&wire, "mine", n_readers), 1);
	rcast_reader_close(reader);
	tap_close(&still);
	wire_await(&wire, harness_count_fds() == n_fds);
	cr_assert(!reads.evicted);
	tap_close(&reads);
	scene_finish();
}

/*
 * Once it has caught up again it is as good as anyone, and its grace starts anew. False: we did not get to run for so long that it has
 * stood still indeed.
 */
static bool is_left_alone_while_it_moves(void)
{
	uint64_t moved_ms = harness_now_ms(), longest_ms = 0;
	struct rcast_record record;
	struct tap slow;
	struct rcast_reader *reader;

	begin((struct rcast_engine_options){.evict_after_ms = 1000});
	cr_assert_eq(tap_open(&slow, &wire, "mine", (struct tap_options){0}), 0);
	reader = slow.reader;
	slow.reader = NULL;
	for (int i = 0; i < 12; i++) {
		publish(2 * RCAST_RING_MIN_BYTES);
		pass(&slow, 100);
		cr_assert_eq(rcast_reader_peek(reader, &record), RCAST_LAPPED, "each lap is progress, of a kind");
		longest_ms = harness_now_ms() - moved_ms > longest_ms ? harness_now_ms() - moved_ms : longest_ms;
		moved_ms = harness_now_ms();
	}
	cr_assert(!slow.evicted || longest_ms >= 1000, "%s, %lu ms at the longest", slow.why, longest_ms);
	publish(2 * RCAST_RING_MIN_BYTES);
	tap_await(&slow, slow.evicted);
	rcast_reader_close(reader);
	tap_close(&slow);
	scene_finish();
	return longest_ms < 1000;
}

HARNESS_TEST(stall, who_moves_is_left_alone_however_far_behind)
{
	harness_await(is_left_alone_while_it_moves());
}

HARNESS_TEST(stall, a_stalled_circuit_is_detached_too)
{
	struct wire stuck;
	struct tap still;

	begin((struct rcast_engine_options){.evict_after_ms = 100});
	wire_open(&stuck, &host);
	cr_assert_eq(tap_open(&still, &stuck, "mine", (struct tap_options){.by_circuit = true}), 0);
	stuck.stalled = true;
	publish(40 * RCAST_RING_MIN_BYTES);
	wire_await(&wire, wire_info(&wire, "mine", n_readers) == 0);
	cr_assert_eq(wire_stat(&wire, "mine", n_evicted), 1);
	stuck.stalled = false;
	tap_await(&still, still.evicted);
	cr_assert(strstr(still.why, "no progress"), "%s", still.why);
	tap_close(&still);
	wire_close(&stuck);
	scene_finish();
}

/* How far is too far can be said; and that nobody is ever too late. */
HARNESS_TEST(stall, the_limits_are_the_engines)
{
	static const struct {
		uint32_t evict_after_ms;
		uint64_t max_behind_bytes;
		size_t published;
		bool is_evicted;
	} cases[] = {
		{50, 0, RCAST_RING_MIN_BYTES / 2, false},
		{50, 10000, RCAST_RING_MIN_BYTES / 2, true},
		{50, 10 * RCAST_RING_MIN_BYTES, 5 * RCAST_RING_MIN_BYTES, false},
		{RCAST_NEVER, 1, 5 * RCAST_RING_MIN_BYTES, false},
		{0, 0, 5 * RCAST_RING_MIN_BYTES, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rcast_reader *reader;
		struct tap still;

		begin((struct rcast_engine_options){.evict_after_ms = cases[i].evict_after_ms,
						    .max_behind_bytes = cases[i].max_behind_bytes});
		cr_assert_eq(tap_open(&still, &wire, "mine", (struct tap_options){0}), 0);
		reader = still.reader;
		still.reader = NULL;
		publish(cases[i].published);
		pass(&still, 200);
		if (cases[i].is_evicted)
			tap_await(&still, still.evicted);
		cr_assert_eq(still.evicted, cases[i].is_evicted, "case %zu: %s", i, still.why);
		rcast_reader_close(reader);
		tap_close(&still);
		scene_finish();
	}
}

/* Many that have stopped: all are detached, and what they held is given back. */
HARNESS_TEST(stall, hundreds_go_and_leave_nothing)
{
	enum { N = 200 };
	static struct tap taps[N];
	static struct rcast_reader *readers[N];
	int n_fds;

	begin((struct rcast_engine_options){.evict_after_ms = 100});
	wire_turn(&wire);
	n_fds = harness_count_fds();
	for (int i = 0; i < N; i++) {
		cr_assert_eq(tap_open(&taps[i], &wire, "mine", (struct tap_options){0}), 0);
		readers[i] = taps[i].reader;
		taps[i].reader = NULL;
	}
	publish(2 * RCAST_RING_MIN_BYTES);
	wire_await(&wire, wire_info(&wire, "mine", n_readers) == 0);
	for (int i = 0; i < N; i++) {
		tap_await(&taps[i], taps[i].evicted);
		rcast_reader_close(readers[i]);
		tap_close(&taps[i]);
	}
	wire_await(&wire, harness_count_fds() == n_fds);
	cr_assert_eq(wire_stat(&wire, "mine", n_evicted), N);
	scene_finish();
}
