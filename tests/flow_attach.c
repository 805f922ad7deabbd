/* SPDX-License-Identifier: MIT */
/* Readers of a session: both deliveries, gaps, leases, eviction, death. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "scene.h"

static int start_ring(const char *name, const char *script, uint64_t ring_bytes)
{
	char *argv[] = {"sh", "-c", (char *)script};
	WIRE_REQUEST(request, start, START, Start, start);

	request_start.name = (char *)name;
	request_start.argv = argv;
	request_start.n_argv = 3;
	request_start.ring_bytes = ring_bytes;
	return wire_ask(&wire, &request);
}

WIRE_TEST(attach, both_deliveries_give_the_same)
{
	struct tap by_ring, by_circuit;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "printf '\\033]0;counting\\007'; seq 1 100000; exit 7"), 0);
	cr_assert_eq(tap_open(&by_ring, &wire, "t", (struct tap_options){0}), 0);
	cr_assert_eq(tap_open(&by_circuit, &wire, "t", (struct tap_options){.by_circuit = true}), 0);
	tap_await(&by_circuit, (tap_turn(&by_ring), by_circuit.ended && by_ring.ended));
	cr_assert_eq(by_circuit.n_output, by_ring.n_output);
	cr_assert(memcmp(by_circuit.output, by_ring.output, by_ring.n_output) == 0);
	cr_assert_str_eq(by_circuit.trace, by_ring.trace);
	cr_assert(strstr(by_ring.trace, "title counting; "));
	cr_assert_eq(by_circuit.expected_pos, by_ring.expected_pos);
	tap_close(&by_ring);
	tap_close(&by_circuit);
	scene_finish();
}

/* Records longer than any message, empty ones, and the embedder's own kinds. */
HARNESS_TEST(attach, long_records_come_in_pieces)
{
	static char data[200000];
	struct rcast_session_options options = {.name = "mine", .ring_bytes = 1 << 20};
	struct rcast_session *session;
	struct tap tap;

	scene_begin(false, (struct rcast_engine_options){0});
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i / 3);
	cr_assert_eq(rcast_engine_start_owned(host.engine, &options, &session), 0);
	cr_assert_eq(tap_open(&tap, &wire, "mine", (struct tap_options){.by_circuit = true}), 0);
	cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, data, sizeof data), 0);
	cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_APPLICATION + 5, "", 0), 0);
	cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, data, 1), 0);
	rcast_session_notify(session);
	tap_await(&tap, tap.n_output == sizeof data + 1);
	cr_assert(memcmp(tap.output, data, sizeof data) == 0);
	cr_assert_str_eq(tap.trace, "output; kind 69; output; ");
	tap_close(&tap);
	scene_finish();
}

/* Publish `n` records of `n_bytes` each, numbered; the reader can tell what it got from what it missed. */
static void flood(struct rcast_session *session, int n, size_t n_bytes)
{
	char *record = calloc(1, n_bytes);

	for (int i = 0; i < n; i++) {
		snprintf(record, n_bytes, "record %d", i);
		cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, record, n_bytes), 0);
		rcast_session_notify(session);
		wire_engine_turn(&host);
	}
	free(record);
}

/*
 * A consumer that stops reading is lapped, many times; when it goes on, what it gets and what it is told that it missed add up
 * to everything, position by position (tap_gap and tap_piece see to that), and nobody waited.
 */
static void expect_exact_gaps(size_t n_bytes)
{
	struct rcast_session_options options = {.name = "mine", .ring_bytes = RCAST_RING_MIN_BYTES};
	struct rcast_session *session;
	struct tap tap;
	struct wire slow;

	scene_begin(false, (struct rcast_engine_options){0});
	wire_open(&slow, &host);
	cr_assert_eq(rcast_engine_start_owned(host.engine, &options, &session), 0);
	cr_assert_eq(tap_open(&tap, &slow, "mine", (struct tap_options){.by_circuit = true}), 0);
	slow.stalled = true;
	flood(session, (int)(4000000 / n_bytes), n_bytes);
	slow.stalled = false;
	cr_assert_eq(rcast_writer_end(rcast_session_writer(session)), 0);
	rcast_session_notify(session);
	tap_await(&tap, tap.ended);
	cr_assert_geq(tap.n_gaps, 1);
	cr_assert_gt(tap.n_lost_bytes, RCAST_RING_MIN_BYTES);
	cr_assert_gt(tap.n_output, 0);
	tap_close(&tap);
	wire_close(&slow);
	scene_finish();
}

HARNESS_TEST(attach, a_stalled_circuit_knows_its_gaps)
{
	expect_exact_gaps(100);
}

HARNESS_TEST(attach, a_stalled_circuit_may_lose_the_rest_of_a_record)
{
	expect_exact_gaps(16000);
}

/* One viewer hangs; the program and the others do not notice. */
WIRE_TEST(attach, a_stalled_viewer_disturbs_nobody)
{
	struct tap stalled, good;
	struct wire slow;

	scene_begin(threaded, (struct rcast_engine_options){0});
	wire_open(&slow, &host);
	cr_assert_eq(wire_start_shell(&wire, "t", "seq 1 300000"), 0);
	cr_assert_eq(tap_open(&stalled, &slow, "t", (struct tap_options){.by_circuit = true}), 0);
	slow.stalled = true;
	cr_assert_eq(tap_open(&good, &wire, "t", (struct tap_options){.by_circuit = true}), 0);
	tap_await(&good, good.ended);
	cr_assert_eq(good.n_gaps, 0);
	slow.stalled = false;
	tap_await(&stalled, stalled.ended);
	cr_assert_eq(stalled.expected_pos, good.expected_pos);
	tap_close(&stalled);
	tap_close(&good);
	wire_close(&slow);
	scene_finish();
}

HARNESS_TEST(attach, a_circuit_starts_where_it_was_asked_to)
{
	struct rcast_session *session;
	struct tap newest, at;
	uint64_t pos;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(rcast_engine_start_owned(host.engine, &(struct rcast_session_options){.name = "mine"}, &session), 0);
	flood(session, 1, 100);
	pos = wire_info(&wire, "mine", next_pos);
	flood(session, 2, 100);
	cr_assert_eq(tap_open(&newest, &wire, "mine", (struct tap_options){.by_circuit = true, .from = RCAST_FROM_NEWEST}),
		     0);
	cr_assert_eq(tap_open(&at, &wire, "mine",
			      (struct tap_options){.by_circuit = true, .from = RCAST_FROM_POS, .from_pos = pos}),
		     0);
	at.expected_pos = pos;
	flood(session, 1, 50);
	tap_await(&newest, (tap_turn(&at), newest.n_output == 50 && at.n_output == 250));
	tap_close(&newest);
	tap_close(&at);
	cr_assert_eq(tap_open(&at, &wire, "mine",
			      (struct tap_options){.by_circuit = true, .from = RCAST_FROM_POS, .from_pos = 1 << 30}),
		     -EINVAL);
	cr_assert(strstr(wire_said, "1073741824"), "%s", wire_said);
	cr_assert_eq(tap_open(&at, &wire, "mine", (struct tap_options){.by_circuit = true, .from = 9}), -EINVAL);
	scene_finish();
}

/* ── Sleeping ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

WIRE_TEST(attach, sleeping_readers_are_rung)
{
	struct tap tap;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "stty -echo; echo ready; read x; echo done $x; sleep 600"), 0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	tap_await(&tap, tap_saw(&tap, "ready"));
	tap_await(&tap, rcast_reader_sleep(tap.reader) == RCAST_EMPTY);
	cr_assert_eq(wire_input(&wire, "t", "now\n"), 0);
	wire_await(&wire, poll(&(struct pollfd){.fd = rcast_reader_fd(tap.reader), .events = POLLIN}, 1, 0) == 1);
	cr_assert_eq(rcast_reader_wake(tap.reader), 0);
	tap_await(&tap, tap_saw(&tap, "done now"));
	tap_close(&tap);
	scene_finish();
}

WIRE_TEST(attach, a_reader_without_its_pipe_is_evicted)
{
	struct tap tap;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "echo ready; read x; echo done; sleep 600"), 0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	tap_await(&tap, tap_saw(&tap, "ready"));
	tap_await(&tap, rcast_reader_sleep(tap.reader) == RCAST_EMPTY);
	rcast_reader_close(tap.reader);
	tap.reader = NULL;
	cr_assert_eq(wire_input(&wire, "t", "\n"), 0);
	tap_await(&tap, tap.evicted);
	cr_assert_eq(wire_info(&wire, "t", n_readers), 0);
	tap_close(&tap);
	scene_finish();
}

/* ── Leases ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

WIRE_TEST(attach, a_lease_holds_and_is_lost_after_its_time)
{
	struct tap leased, other;
	uint64_t held_at, started_ms;

	scene_begin(threaded, (struct rcast_engine_options){.max_lease_ms = 1000});
	cr_assert_eq(start_ring("t", "read x; seq 1 100000; sleep 600", RCAST_RING_MIN_BYTES), 0);
	cr_assert_eq(tap_open(&leased, &wire, "t", (struct tap_options){.lease_ms = 5000}), 0);
	cr_assert_eq(leased.lease_ms, 1000, "granted up to the engine's most");
	started_ms = harness_now_ms();
	cr_assert_eq(wire_input(&wire, "t", "\n"), 0);
	wire_await(&wire, wire_info(&wire, "t", next_pos) > RCAST_RING_MIN_BYTES / 2);
	/* It holds: nothing that the reader has not seen is overwritten, until its time is over. */
	held_at = wire_info(&wire, "t", first_pos);
	cr_assert(held_at == 0 || harness_now_ms() - started_ms >= 1000);
	/* Meanwhile another session runs from start to end. */
	cr_assert_eq(wire_start_shell(&wire, "u", "seq 1 50000"), 0);
	cr_assert_eq(tap_open(&other, &wire, "u", (struct tap_options){0}), 0);
	tap_await(&other, other.ended);
	cr_assert_eq(other.n_gaps, 0);
	wire_await(&wire, wire_stat(&wire, "t", n_leases_lost) == 1);
	cr_assert_geq(harness_now_ms() - started_ms, 1000);
	wire_await(&wire, wire_info(&wire, "t", first_pos) > 0);
	tap_await(&leased, tap_saw(&leased, "\n100000\r\n"));
	cr_assert_geq(leased.n_gaps, 1);
	tap_close(&leased);
	tap_close(&other);
	scene_finish();
}

WIRE_TEST(attach, whoever_keeps_reading_keeps_the_lease_and_misses_nothing)
{
	struct tap leased;

	scene_begin(threaded, (struct rcast_engine_options){.max_lease_ms = 20000});
	cr_assert_eq(start_ring("t", "read x; seq 1 200000", RCAST_RING_MIN_BYTES), 0);
	cr_assert_eq(tap_open(&leased, &wire, "t", (struct tap_options){.lease_ms = 20000, .by_circuit = threaded}), 0);
	cr_assert_eq(wire_input(&wire, "t", "\n"), 0);
	tap_await(&leased, leased.ended);
	cr_assert_eq(leased.n_gaps, 0);
	cr_assert_eq(wire_stat(&wire, "t", n_leases_lost), 0);
	tap_close(&leased);
	scene_finish();
}

/* A lease ends with its reader. */
HARNESS_TEST(attach, a_held_session_goes_on_when_the_reader_leaves)
{
	struct tap leased;

	scene_begin(false, (struct rcast_engine_options){.max_lease_ms = 600000});
	cr_assert_eq(start_ring("t", "seq 1 100000", RCAST_RING_MIN_BYTES), 0);
	cr_assert_eq(tap_open(&leased, &wire, "t", (struct tap_options){.lease_ms = 600000}), 0);
	wire_await(&wire, wire_info(&wire, "t", next_pos) > RCAST_RING_MIN_BYTES / 2);
	tap_close(&leased);
	wire_await(&wire, wire_info(&wire, "t", ended));
	cr_assert_eq(wire_stat(&wire, "t", n_leases_lost), 0);
	scene_finish();
}

HARNESS_TEST(attach, leases_are_for_those_who_may_have_them)
{
	struct rcast_session *session;
	struct tap tap;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "sleep 600"), 0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){.lease_ms = 10}), -EPERM);
	cr_assert(strstr(wire_said, "this engine grants none"), "%s", wire_said);
	scene_finish();
	scene_begin(false, (struct rcast_engine_options){.max_lease_ms = 100});
	cr_assert_eq(rcast_engine_start_owned(host.engine, &(struct rcast_session_options){.name = "mine"}, &session), 0);
	cr_assert_eq(tap_open(&tap, &wire, "mine", (struct tap_options){.lease_ms = 10}), -EOPNOTSUPP);
	scene_finish();
}

/* ── Leaving ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

WIRE_TEST(attach, kicked_readers_are_told)
{
	struct tap one, two, stalled;
	struct wire slow;

	scene_begin(threaded, (struct rcast_engine_options){0});
	wire_open(&slow, &host);
	cr_assert_eq(wire_start_shell(&wire, "t", "seq 1 200000; sleep 600"), 0);
	cr_assert_eq(tap_open(&one, &wire, "t", (struct tap_options){0}), 0);
	cr_assert_eq(tap_open(&two, &wire, "t", (struct tap_options){0}), 0);
	cr_assert_eq(tap_open(&stalled, &slow, "t", (struct tap_options){.by_circuit = true}), 0);
	slow.stalled = true;
	tap_await(&two, tap_saw(&two, "\n200000\r\n"));
	cr_assert_eq(wire_kick(&wire, "t", 12345), -ENOENT);
	cr_assert(strstr(wire_said, "12345"), "%s", wire_said);
	cr_assert_eq(wire_kick(&wire, "t", one.id), 0);
	tap_await(&one, one.evicted);
	cr_assert(!two.evicted);
	cr_assert_eq(wire_info(&wire, "t", n_readers), 2);
	cr_assert_eq(wire_kick(&wire, "t", UINT64_MAX), 0);
	cr_assert_eq(wire_info(&wire, "t", n_readers), 0);
	tap_await(&two, two.evicted);
	slow.stalled = false;
	tap_await(&stalled, stalled.evicted);
	tap_close(&one);
	tap_close(&two);
	tap_close(&stalled);
	wire_close(&slow);
	scene_finish();
}

HARNESS_TEST(attach, detaching_is_answered)
{
	Ringcast__Wire__AttachedRequest request;
	Ringcast__Wire__Done done;
	struct tap tap;

	scene_begin(false, (struct rcast_engine_options){0});
	ringcast__wire__attached_request__init(&request);
	ringcast__wire__done__init(&done);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_DETACH;
	request.detach = &done;
	cr_assert_eq(wire_start_shell(&wire, "t", "sleep 600"), 0);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
		if (i == 0)
			cr_assert_eq(talk_say(&tap.talk, &request, RCAST_LAST), 0);
		else
			cr_assert_eq(rcast_circuit_send(tap.talk.circuit, NULL, 0, RCAST_LAST), 0);
		tap_await(&tap, tap.detached && tap.talk.over);
		cr_assert_eq(wire_info(&wire, "t", n_readers), 0);
		tap_close(&tap);
	}
	scene_finish();
}

/* A viewer that dies while a child of it still holds its socket. */
WIRE_TEST(attach, the_dead_do_not_stay_attached)
{
	int socket_fd, pid_pipe[2];
	char has_forked;
	pid_t viewer;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "sleep 600"), 0);
	cr_assert_eq(pipe(pid_pipe), 0);
	viewer = fork();
	if (viewer == 0) {
		struct wire_engine far = {.threaded = true};
		struct tap tap;
		struct wire mine;

		memcpy(far.path, host.path, sizeof far.path);
		wire_open(&mine, &far);
		tap_open(&tap, &mine, "t", (struct tap_options){.by_circuit = true});
		socket_fd = fork();
		if (socket_fd != 0)
			_exit(write(pid_pipe[1], "x", 1) == 1 && pause() == 0);
		pause();
		_exit(0);
	}
	wire_await(&wire, wire_info(&wire, "t", n_readers) == 1);
	close(pid_pipe[1]);
	cr_assert_eq(read(pid_pipe[0], &has_forked, 1), 1);
	cr_assert_eq(kill(viewer, SIGKILL), 0);
#ifdef RCAST_KERNEL_5_15
	/* Only the socket can tell: it takes the end of all who hold it, which harness_end would bring. */
	cr_assert_eq(wire_info(&wire, "t", n_readers), 1);
#else
	wire_await(&wire, wire_info(&wire, "t", n_readers) == 0);
#endif
	waitpid(viewer, NULL, 0);
	close(pid_pipe[0]);
	scene_finish();
}

HARNESS_TEST(attach, bad_requests_are_refused)
{
	WIRE_REQUEST(request, attach, ATTACH, Attach, attach);
	struct tap tap;

	scene_begin(false, (struct rcast_engine_options){.max_readers = 1});
	cr_assert_eq(wire_start_shell(&wire, "t", "sleep 600"), 0);
	cr_assert_eq(tap_open(&tap, &wire, "nobody", (struct tap_options){0}), -ENOENT);
	cr_assert(strstr(wire_said, "nobody"), "%s", wire_said);
	request_attach.session = "t";
	cr_assert_eq(wire_ask(&wire, &request), -EINVAL, "no cursor page");
	cr_assert_eq(wire_ask_fds(&wire, &request, (int[]){open("/dev/null", O_RDONLY | O_CLOEXEC)}, 1), -EINVAL,
		     "it says last");
	cr_assert(strstr(wire_said, "last"), "%s", wire_said);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	cr_assert_eq(wire_info(&wire, "t", n_readers), 1);
	tap_close(&tap);
	scene_finish();
}
