/* SPDX-License-Identifier: MIT */
/*
 * Kicked out for good: what is published after a kick is in no memory that the kicked reader has mapped, and everybody else
 * loses nothing. The same when a session's ring changes its size.
 */
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <ringcast/client.h>

#include "scene.h"

enum { N_FOLLOWERS = 16 };

/* A program that prints 1 to `last` when it is told to, behind a line number 0, and ends when it is told again. */
static void start_flood(uint64_t ring_bytes, int last)
{
	WIRE_REQUEST(request, start, START, Start, start);
	char script[64];
	char *argv[] = {"sh", "-c", script};

	snprintf(script, sizeof script, "stty -echo; echo 0; read x; seq 1 %d; read x", last);
	request_start.name = "t";
	request_start.argv = argv;
	request_start.n_argv = 3;
	request_start.ring_bytes = ring_bytes;
	cr_assert_eq(wire_ask(&wire, &request), 0);
	wire_await(&wire, wire_info(&wire, "t", n_output) > 0);
}

static void go(void)
{
	cr_assert_eq(wire_input(&wire, "t", "\n"), 0);
}

/* ── Followers: processes with a view each ───────────────────────────────────────────────────────────────────────────── */

struct expected {
	int number, at; /* of the line; how many of its characters have come */
	char line[16];
};

static bool is_expected(struct expected *expected, const char *data, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++) {
		if (!expected->line[expected->at]) {
			snprintf(expected->line, sizeof expected->line, "%d\r\n", ++expected->number);
			expected->at = 0;
		}
		if (data[i] != expected->line[expected->at++])
			return false;
	}
	return true;
}

/* Everything, in order, to the end: 0. Another number says what went wrong. */
static int follow(bool by_circuit, uint32_t lease_ms, int last)
{
	struct rcast_view_options options = {.by_circuit = by_circuit, .lease_ms = lease_ms};
	struct expected expected = {.number = -1};
	struct rcast_client *client;
	struct rcast_record record;
	struct rcast_view *view;
	int outcome;

	while (rcast_client_connect(harness_path("engine"), &client) != 0)
		harness_pause();
	while ((outcome = rcast_view_open(client, "t", &options, &view)) == -ENOENT)
		harness_pause();
	if (outcome != 0)
		return 2;
	while ((outcome = rcast_view_next(view, &record)) != RCAST_ENDED) {
		if (outcome == RCAST_EMPTY)
			poll(&(struct pollfd){.fd = rcast_view_fd(view), .events = POLLIN}, 1, -1);
		else if (outcome != RCAST_RECORD)
			return outcome == RCAST_LAPPED ? 3 : 4;
		else if (record.kind == RCAST_OUTPUT && !is_expected(&expected, record.data, record.n_bytes))
			return 5;
	}
	if (rcast_view_get_loss(view).n_gaps > 0)
		return 6;
	rcast_view_close(view);
	rcast_client_free(client);
	return expected.number == last ? 0 : 7;
}

/* Before there is an engine, whose threads would not survive a fork. They come when there is a session. */
static void spawn_followers(pid_t pids[N_FOLLOWERS], uint32_t lease_ms, int last)
{
	for (int i = 0; i < N_FOLLOWERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(follow(i % 4 == 3, lease_ms, last));
	}
}

static void await_followers(void)
{
	wire_await(&wire, wire_info(&wire, "t", n_readers) == N_FOLLOWERS);
}

static void expect_all_is_read(const pid_t pids[N_FOLLOWERS])
{
	go();
	for (int i = 0; i < N_FOLLOWERS; i++) {
		int status = -1;

		wire_await(&wire, waitpid(pids[i], &status, WNOHANG) == pids[i]);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "follower %d: status %x", i, (unsigned int)status);
	}
}

/* ── Kicks ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What a kicked reader still has mapped, as it was when the kick was answered. */
struct frozen {
	const char *mapping;
	char *before;
	size_t n_bytes;
};

static struct frozen freeze(int take_ring_fd)
{
	struct frozen frozen = {.n_bytes = (size_t)lseek(take_ring_fd, 0, SEEK_END)};
	void *mapping = mmap(NULL, frozen.n_bytes, PROT_READ, MAP_SHARED, take_ring_fd, 0);

	cr_assert_neq(mapping, MAP_FAILED);
	frozen.mapping = mapping;
	frozen.before = malloc(frozen.n_bytes);
	memcpy(frozen.before, mapping, frozen.n_bytes);
	close(take_ring_fd);
	return frozen;
}

static void expect_frozen(struct frozen *frozen)
{
	cr_assert(memcmp(frozen->mapping, frozen->before, frozen->n_bytes) == 0, "something was written after the kick");
	munmap((void *)frozen->mapping, frozen->n_bytes);
	free(frozen->before);
}

static void kick_one(struct frozen *frozen)
{
	struct tap victim;

	cr_assert_eq(tap_open(&victim, &wire, "t", (struct tap_options){.keep_ring_fd = true}), 0);
	cr_assert_eq(wire_kick(&wire, "t", victim.id), 0);
	*frozen = freeze(victim.ring_fd);
	tap_await(&victim, victim.evicted);
	cr_assert_eq(victim.n_next, 0, "the kicked is handed no ring");
	tap_close(&victim);
}

/* Between kicks the flood goes on for a while. */
static void await_output(uint64_t n_bytes)
{
	wire_await(&wire, wire_info(&wire, "t", n_output) >= n_bytes);
}

static void kick_during_a_flood(bool threaded, uint64_t ring_bytes, uint32_t lease_ms, int last)
{
	enum { N_KICKS = 10 };
	struct frozen frozen[N_KICKS];
	pid_t pids[N_FOLLOWERS];

	spawn_followers(pids, lease_ms, last);
	scene_begin(threaded, (struct rcast_engine_options){.max_lease_ms = 60000});
	start_flood(ring_bytes, last);
	await_followers();
	go();
	for (int i = 0; i < N_KICKS; i++) {
		await_output((uint64_t)(i + 1) * (uint64_t)last / 4);
		kick_one(&frozen[i]);
	}
	expect_all_is_read(pids);
	for (int i = 0; i < N_KICKS; i++)
		expect_frozen(&frozen[i]);
	cr_assert_eq(wire_stat(&wire, "t", n_rotations), N_KICKS);
	harness_figure("%d kicks while %d followers read all of a flood%s, %s: they lost 0 bytes, the kicked got 0 bytes "
		       "after; the "
		       "program waited %.2f ms at the longest",
		       N_KICKS, N_FOLLOWERS, lease_ms ? " that their leases hold back" : "",
		       threaded ? "three threads" : "one loop", (double)wire_stat(&wire, "t", max_rotation_ns) / 1e6);
	scene_finish();
}

/* A ring that holds all: nobody can be lapped, however slow the machine is. */
WIRE_TEST(kick, followers_lose_nothing)
{
	kick_during_a_flood(threaded, 8 << 20, 0, 700000);
}

/* A small ring, in which leases hold the program back for all. */
WIRE_TEST(kick, leases_survive_it)
{
	kick_during_a_flood(threaded, 256 << 10, 60000, 300000);
}

WIRE_TEST(kick, a_ring_changes_its_size_during_a_flood)
{
	static const uint64_t sizes[] = {8 << 20, 64 << 10, 1 << 20, 128 << 10, 4 << 20};
	const int last = 300000;
	pid_t pids[N_FOLLOWERS];

	spawn_followers(pids, 60000, last);
	scene_begin(threaded, (struct rcast_engine_options){.max_lease_ms = 60000});
	start_flood(256 << 10, last);
	await_followers();
	go();
	for (int i = 0; i < 5; i++) {
		await_output((uint64_t)(i + 1) * (uint64_t)last / 2);
		cr_assert_eq(wire_resize_ring(&wire, "t", sizes[i]), 0);
		cr_assert_eq(wire_info(&wire, "t", ring_bytes), sizes[i]);
	}
	expect_all_is_read(pids);
	scene_finish();
}

/* Who joins after a kick finds what who joined before it would have found. */
WIRE_TEST(kick, history_survives_it)
{
	struct tap before, after, other;

	scene_begin(threaded, (struct rcast_engine_options){0});
	start_flood(1 << 20, 50000);
	cr_assert_eq(tap_open(&before, &wire, "t", (struct tap_options){0}), 0);
	cr_assert_eq(tap_open(&other, &wire, "t", (struct tap_options){0}), 0);
	go();
	await_output(100000);
	cr_assert_eq(wire_kick(&wire, "t", other.id), 0);
	cr_assert_eq(tap_open(&after, &wire, "t", (struct tap_options){.by_circuit = true}), 0);
	go();
	tap_await(&after, (tap_turn(&before), before.ended && after.ended));
	cr_assert_eq(before.n_moves, 1);
	cr_assert_eq(after.n_moves, 0);
	cr_assert_eq(before.n_output, after.n_output);
	cr_assert(memcmp(before.output, after.output, after.n_output) == 0);
	tap_close(&before);
	tap_close(&after);
	tap_close(&other);
	scene_finish();
}

/* `all` also shuts out those who have left and kept their mapping. */
WIRE_TEST(kick, all_means_those_who_have_left_too)
{
	struct frozen frozen;
	struct tap gone;

	scene_begin(threaded, (struct rcast_engine_options){0});
	start_flood(RCAST_RING_MIN_BYTES, 50000);
	cr_assert_eq(tap_open(&gone, &wire, "t", (struct tap_options){.keep_ring_fd = true}), 0);
	tap_close(&gone);
	cr_assert_eq(wire_info(&wire, "t", n_readers), 0);
	cr_assert_eq(wire_kick(&wire, "t", UINT64_MAX), 0);
	frozen = freeze(gone.ring_fd);
	go();
	await_output(300000);
	expect_frozen(&frozen);
	scene_finish();
}

/* Several at once, and a change of size with them: all are answered, in however many rotations. */
WIRE_TEST(kick, many_at_once)
{
	enum { N = 12 };
	WIRE_REQUEST(kick, kick, KICK, Kick, kick);
	WIRE_REQUEST(resize, resize_ring, RESIZE_RING, ResizeRing, resize_ring);
	struct tap taps[N], stays;
	struct talk talks[N + 1];

	scene_begin(threaded, (struct rcast_engine_options){0});
	start_flood(1 << 20, 50000);
	for (int i = 0; i < N; i++)
		cr_assert_eq(tap_open(&taps[i], &wire, "t", (struct tap_options){0}), 0);
	cr_assert_eq(tap_open(&stays, &wire, "t", (struct tap_options){0}), 0);
	go();
	kick_kick.session = resize_resize_ring.session = "t";
	resize_resize_ring.ring_bytes = 2 << 20;
	for (int i = 0; i < N; i++) {
		kick_kick.reader = taps[i].id;
		talk_begin(&talks[i], &wire, &kick, RCAST_LAST, NULL, 0);
		if (i == N / 2)
			talk_begin(&talks[N], &wire, &resize, RCAST_LAST, NULL, 0);
	}
	for (int i = 0; i <= N; i++) {
		struct wire_reply *reply = talk_next(&talks[i]);

		cr_assert_eq(reply->reply->result_case, RINGCAST__WIRE__REPLY__RESULT_DONE, "%d: %s", i,
			     reply->reply->message);
		wire_reply_free(reply);
		talk_close(&talks[i]);
	}
	cr_assert_eq(wire_info(&wire, "t", ring_bytes), 2 << 20);
	cr_assert_eq(wire_info(&wire, "t", n_readers), 1);
	cr_assert_leq(wire_stat(&wire, "t", n_rotations), N + 1);
	go();
	tap_await(&stays, stays.ended);
	cr_assert_eq(stays.n_gaps, 0);
	for (int i = 0; i < N; i++)
		tap_close(&taps[i]);
	tap_close(&stays);
	scene_finish();
}

/* A reader that takes nothing from its socket finds the way when it does, with every gap told. */
WIRE_TEST(kick, a_stalled_client_finds_the_latest_ring)
{
	struct tap slow;
	struct wire other;

	scene_begin(threaded, (struct rcast_engine_options){0});
	start_flood(1 << 20, 50000);
	wire_open(&other, &host);
	cr_assert_eq(tap_open(&slow, &other, "t", (struct tap_options){0}), 0);
	other.stalled = true;
	go();
	for (int i = 0; i < 12; i++)
		cr_assert_eq(wire_kick(&wire, "t", UINT64_MAX - 1), -ENOENT);
	for (int i = 0; i < 12; i++) {
		struct frozen frozen;

		kick_one(&frozen);
		expect_frozen(&frozen);
	}
	cr_assert_eq(wire_stat(&wire, "t", n_rotations), 12);
	go();
	wire_await(&wire, wire_info(&wire, "t", ended));
	other.stalled = false;
	tap_await(&slow, slow.ended);
	cr_assert_eq(slow.n_moves, 12);
	cr_assert_eq(slow.n_gaps, 0);
	tap_close(&slow);
	wire_close(&other);
	scene_finish();
}

HARNESS_TEST(kick, ended_sessions_need_not_move)
{
	struct tap tap;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "echo words"), 0);
	wire_await(&wire, wire_info(&wire, "t", ended));
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	cr_assert_eq(wire_kick(&wire, "t", tap.id), 0);
	cr_assert_eq(wire_resize_ring(&wire, "t", 1 << 20), -ENODATA);
	cr_assert_eq(wire_resize_ring(&wire, "t", 1000), -ENODATA);
	cr_assert_eq(wire_stat(&wire, "t", n_rotations), 0);
	tap_close(&tap);
	scene_finish();
}

HARNESS_TEST(kick, sizes_of_rings_have_a_range)
{
	static const uint64_t bad[] = {0, 1, 65535, 98304, UINT64_C(1) << 31, UINT64_MAX};

	scene_begin(false, (struct rcast_engine_options){0});
	start_flood(RCAST_RING_MIN_BYTES, 1);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_eq(wire_resize_ring(&wire, "t", bad[i]), -EINVAL);
	cr_assert(strstr(wire_said, "power of two"), "%s", wire_said);
	cr_assert_eq(wire_resize_ring(&wire, "nobody", 1 << 20), -ENOENT);
	scene_finish();
}

/* ── Owned sessions ──────────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(kick, owners_rotate_by_themselves)
{
	struct rcast_session_options options = {.name = "t", .ring_bytes = RCAST_RING_MIN_BYTES};
	struct rcast_writer_state state;
	struct rcast_session *session;
	struct tap stays, circuit, goes;
	struct frozen frozen;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(rcast_engine_start_owned(host.engine, &options, &session), 0);
	cr_assert_eq(tap_open(&stays, &wire, "t", (struct tap_options){0}), 0);
	cr_assert_eq(tap_open(&circuit, &wire, "t", (struct tap_options){.by_circuit = true}), 0);
	cr_assert_eq(tap_open(&goes, &wire, "t", (struct tap_options){.keep_ring_fd = true}), 0);
	cr_assert(!rcast_session_wants_rotation(session));
	cr_assert_eq(wire_resize_ring(&wire, "t", 1 << 20), -EOPNOTSUPP);
	cr_assert_eq(wire_kick(&wire, "t", goes.id), 0);
	cr_assert(rcast_session_wants_rotation(session));
	cr_assert_eq(rcast_session_rotate(session, 1000), -EINVAL);
	cr_assert_eq(rcast_session_rotate(session, 0), 0);
	cr_assert(!rcast_session_wants_rotation(session));
	cr_assert_eq(rcast_session_rotate(session, 0), -EAGAIN);
	frozen = freeze(goes.ring_fd);
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, "words", 5), 0);
		rcast_session_notify(session);
		if (i != 50)
			continue;
		wire_await(&wire, rcast_session_rotate(session, 1 << 20) == 0);
		rcast_writer_get_state(rcast_session_writer(session), &state);
		cr_assert_lt(state.first_pos, state.next_pos,
			     "a ring says where the session stands before anything is printed");
	}
	tap_await(&stays, (tap_turn(&circuit), stays.n_output == 500 && circuit.n_output == 500));
	cr_assert_eq(stays.n_moves, 2);
	cr_assert_eq(circuit.n_moves, 2);
	cr_assert_eq(wire_info(&wire, "t", ring_bytes), 1 << 20);
	expect_frozen(&frozen);
	cr_assert_eq(rcast_writer_end(rcast_session_writer(session)), 0);
	rcast_session_notify(session);
	cr_assert_eq(rcast_session_rotate(session, 0), -ENODATA);
	rcast_session_close(session);
	tap_close(&stays);
	tap_close(&circuit);
	tap_close(&goes);
	scene_finish();
}
