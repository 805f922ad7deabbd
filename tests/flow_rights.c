/* SPDX-License-Identifier: MIT */
/* What clients may do, and what those get who ask for what they may not have, or for nonsense. */
#include "scene.h"

/* A program that repeats each line it is given in brackets. */
static void start_echo(struct tap *tap, struct tap_options options)
{
	cr_assert_eq(wire_start_shell(&wire, "t", "stty -echo; echo ready; while read x; do echo \"[$x]\"; done"), 0);
	cr_assert_eq(tap_open(tap, &wire, "t", options), 0);
	tap_await(tap, tap_saw(tap, "ready"));
}

WIRE_TEST(rights, input_goes_in_with_the_right)
{
	struct tap tap;

	scene_begin(threaded, (struct rcast_engine_options){0});
	start_echo(&tap, (struct tap_options){.input = true});
	cr_assert_eq(talk_input(&tap.talk, "attached\n", 9), 0);
	tap_await(&tap, tap_saw(&tap, "[attached]"));
	cr_assert_eq(wire_input(&wire, "t", "asked\n"), 0);
	tap_await(&tap, tap_saw(&tap, "[asked]"));
	cr_assert_eq(tap.complaint, 0);
	tap_close(&tap);
	scene_finish();
}

/* Attached without it, nothing that is sent reaches the program or its size. */
WIRE_TEST(rights, no_byte_goes_in_without_it)
{
	struct tap viewer;

	scene_begin(threaded, (struct rcast_engine_options){0});
	start_echo(&viewer, (struct tap_options){.by_circuit = true});
	for (int i = 0; i < 50; i++)
		cr_assert_eq(talk_input(&viewer.talk, "evil\n", 5), 0);
	cr_assert_eq(talk_resize(&viewer.talk, 7, 7), 0);
	tap_await(&viewer, viewer.complaint == EPERM);
	cr_assert_eq(wire_input(&wire, "t", "good\n"), 0);
	tap_await(&viewer, tap_saw(&viewer, "[good]"));
	cr_assert(!tap_saw(&viewer, "evil"));
	cr_assert_eq(wire_info(&wire, "t", cols), 80);
	/* It is still attached, and watches on. */
	cr_assert_eq(wire_info(&wire, "t", n_readers), 1);
	tap_close(&viewer);
	scene_finish();
}

/* Who has given up the right has given it up on what is open, too, and everything else but looking. */
WIRE_TEST(rights, a_restricted_connection_can_only_view)
{
	struct wire watcher;
	struct tap before, after;

	scene_begin(threaded, (struct rcast_engine_options){.max_lease_ms = 1000});
	wire_open(&watcher, &host);
	start_echo(&after, (struct tap_options){0});
	tap_close(&after);
	cr_assert_eq(tap_open(&before, &watcher, "t", (struct tap_options){.input = true}), 0);
	cr_assert_eq(wire_restrict(&watcher), 0);
	cr_assert_eq(talk_input(&before.talk, "evil\n", 5), 0);
	tap_await(&before, before.complaint == EPERM);

	cr_assert_eq(wire_input(&watcher, "t", "evil\n"), -EPERM);
	cr_assert(strstr(wire_said, "input needs the input right"), "%s", wire_said);
	cr_assert_eq(wire_resize(&watcher, "t", 10, 10), -EPERM);
	cr_assert_eq(wire_signal(&watcher, "t", 9), -EPERM);
	cr_assert_eq(wire_kick(&watcher, "t", UINT64_MAX), -EPERM);
	cr_assert_eq(wire_kill(&watcher, "t"), -EPERM);
	cr_assert(strstr(wire_said, "kill needs the admin right"), "%s", wire_said);
	cr_assert_eq(wire_start_shell(&watcher, "u", "true"), -EPERM);
	cr_assert_eq(tap_open(&after, &watcher, "t", (struct tap_options){.input = true}), -EPERM);
	cr_assert_eq(tap_open(&after, &watcher, "t", (struct tap_options){.lease_ms = 5}), -EPERM);

	cr_assert_eq(wire_restrict(&watcher), 0, "asking twice does no harm");
	cr_assert_eq(tap_open(&after, &watcher, "t", (struct tap_options){0}), 0);
	cr_assert_eq(wire_input(&wire, "t", "good\n"), 0);
	tap_await(&after, tap_saw(&after, "[good]"));
	cr_assert(!tap_saw(&after, "evil"));
	tap_close(&before);
	tap_close(&after);
	wire_close(&watcher);
	scene_finish();
}

HARNESS_TEST(rights, only_terminals_take_input)
{
	struct rcast_session *session;
	struct tap tap;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(rcast_engine_start_owned(host.engine, &(struct rcast_session_options){.name = "mine"}, &session), 0);
	cr_assert_eq(wire_input(&wire, "mine", "x"), -EOPNOTSUPP);
	cr_assert_eq(wire_resize(&wire, "mine", 10, 10), -EOPNOTSUPP);
	cr_assert_eq(wire_signal(&wire, "mine", 1), -EOPNOTSUPP);
	cr_assert_eq(tap_open(&tap, &wire, "mine", (struct tap_options){.input = true}), -EOPNOTSUPP);
	cr_assert(strstr(wire_said, "mine"), "%s", wire_said);
	scene_finish();
}

HARNESS_TEST(rights, sizes_have_a_range)
{
	struct tap tap;

	scene_begin(false, (struct rcast_engine_options){0});
	start_echo(&tap, (struct tap_options){.input = true});
	cr_assert_eq(wire_resize(&wire, "t", 0, 24), -EINVAL);
	cr_assert_eq(wire_resize(&wire, "t", 80, 65536), -EINVAL);
	cr_assert(strstr(wire_said, "65536"), "%s", wire_said);
	cr_assert_eq(talk_resize(&tap.talk, 0, 0), 0);
	tap_await(&tap, tap.complaint == EINVAL);
	cr_assert_eq(wire_resize(&wire, "t", 65535, 1), 0);
	tap_await(&tap, strstr(tap.trace, "resize 65535x1; "));
	tap_close(&tap);
	scene_finish();
}

/* ── Flow control ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * A program that does not read: who pours into it runs out of credit, and that is all that happens. When it does read,
 * every byte that was accepted arrives, in order.
 */
WIRE_TEST(rights, input_waits_for_the_program_and_nobody_else_does)
{
	enum { CHUNK_BYTES = 4096 };
	static char chunk[CHUNK_BYTES];
	struct tap pourer, other;
	size_t n_sent = 0;
	char script[256], expected[32];

	scene_begin(threaded, (struct rcast_engine_options){0});
	memset(chunk, 'x', sizeof chunk);
	snprintf(script, sizeof script,
		 "stty raw -echo; echo ready; while [ ! -e %s ]; do sleep 0.02; done; n=$(cat %s); head -c $n | tr -d x | "
		 "wc -c; "
		 "echo all $n",
		 harness_path("go"), harness_path("go"));
	cr_assert_eq(wire_start_shell(&wire, "t", script), 0);
	cr_assert_eq(tap_open(&pourer, &wire, "t", (struct tap_options){.input = true}), 0);
	tap_await(&pourer, tap_saw(&pourer, "ready"));
	for (int error = 0, n_refused = 0; n_refused < 100; n_refused = error == -EAGAIN ? n_refused + 1 : 0) {
		error = talk_input(&pourer.talk, chunk, sizeof chunk);
		n_sent += error == 0 ? sizeof chunk : 0;
		tap_turn(&pourer);
		if (threaded)
			harness_pause();
	}
	cr_assert_geq(n_sent, 200000, "a window at least");
	cr_assert_leq(n_sent, 1 << 20);

	cr_assert_eq(wire_start_shell(&wire, "u", "echo alive"), 0);
	cr_assert_eq(tap_open(&other, &wire, "u", (struct tap_options){.by_circuit = true}), 0);
	tap_await(&other, other.ended);
	cr_assert(tap_saw(&other, "alive"));

	snprintf(script, sizeof script, "echo %zu >%s.new && mv %s.new %s", n_sent, harness_path("go"), harness_path("go"),
		 harness_path("go"));
	cr_assert_eq(system(script), 0);
	snprintf(expected, sizeof expected, "all %zu", n_sent);
	tap_await(&pourer, tap_saw(&pourer, expected));
	cr_assert(tap_saw(&pourer, "0\n"), "%.*s", (int)pourer.n_output, pourer.output);
	tap_close(&pourer);
	tap_close(&other);
	scene_finish();
}

/* ── Nonsense ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(rights, nonsense_is_answered_and_the_connection_lives)
{
	static const struct {
		const char *bytes;
		size_t n_bytes;
		const char *says;
	} cases[] = {
		{"", 0, "names no command"},
		{"\xff\xff\xff\xff", 4, "malformed"},
		{"\x0a\x05", 2, "malformed"},
		{"\xa2\x06\x00", 3, "does not know"},              /* command 100 */
		{"\x12\x04\x0a\x01t\x78", 6, "malformed"},         /* a describe cut short */
		{"\x12\x05\x0a\x01t\x78\x01", 7, "does not know"}, /* describe with a field 15 */
	};

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "sleep 600"), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct wire_reply *reply;
		struct talk talk;

		talk_begin_raw(&talk, &wire, cases[i].bytes, cases[i].n_bytes, RCAST_LAST, NULL, 0);
		reply = talk_next(&talk);
		cr_expect_eq(reply->reply->error, EINVAL, "case %zu", i);
		cr_expect(strstr(reply->reply->message, cases[i].says), "case %zu: %s", i, reply->reply->message);
		wire_reply_free(reply);
		talk_close(&talk);
	}
	cr_assert(wire_has(&wire, "t"));
	scene_finish();
}

HARNESS_TEST(rights, nonsense_while_attached_is_answered_too)
{
	struct iovec iov = {.iov_base = "\xff\xff", .iov_len = 2};
	struct tap tap;

	scene_begin(false, (struct rcast_engine_options){0});
	start_echo(&tap, (struct tap_options){.input = true});
	cr_assert_eq(rcast_circuit_send(tap.talk.circuit, &iov, 1, 0), 0);
	tap_await(&tap, tap.complaint == EINVAL);
	cr_assert_eq(talk_input(&tap.talk, "on\n", 3), 0);
	tap_await(&tap, tap_saw(&tap, "[on]"));
	tap_close(&tap);
	scene_finish();
}

/* More than fits into the window at once: it goes on when we have read some. Sorted, each once. */
HARNESS_TEST(rights, a_long_list_comes_whole_and_in_order)
{
	enum { N_SESSIONS = 300 };
	struct rcast_link_options options = {.window_bytes = RCAST_LINK_MIN_WINDOW};
	WIRE_REQUEST(request, list, LIST, List, list);
	struct rcast_session *session;
	char name[RCAST_NAME_MAX + 1], before[RCAST_NAME_MAX + 1] = "";
	struct wire_reply *reply;
	struct talk talk;
	struct wire narrow = {.host = &host};
	int n = 0;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(rcast_link_open_take(rcast_socket_dial(host.path), RCAST_DIALLED, &options, &wire_link_ops, &narrow,
					  &narrow.link),
		     0);
	for (int i = 0; i < N_SESSIONS; i++) {
		snprintf(name, sizeof name, "%0*d", RCAST_NAME_MAX, i * 7 % N_SESSIONS);
		cr_assert_eq(rcast_engine_start_owned(
				     host.engine,
				     &(struct rcast_session_options){.name = name, .ring_bytes = RCAST_RING_MIN_BYTES},
				     &session),
			     0);
	}
	/* The engine has nothing to wait for but us, who do not read yet. */
	talk_begin(&talk, &narrow, &request, RCAST_LAST, NULL, 0);
	narrow.stalled = true;
	for (int i = 0; i < 50; i++)
		wire_turn(&narrow);
	narrow.stalled = false;
	while (reply = talk_next(&talk), reply->reply->result_case == RINGCAST__WIRE__REPLY__RESULT_SESSION) {
		cr_assert_lt(strcmp(before, reply->reply->session->name), 0);
		strcpy(before, reply->reply->session->name);
		wire_reply_free(reply);
		n++;
	}
	cr_assert_eq(reply->reply->result_case, RINGCAST__WIRE__REPLY__RESULT_DONE);
	cr_assert(reply->last);
	wire_reply_free(reply);
	cr_assert_eq(n, N_SESSIONS);
	talk_close(&talk);
	wire_close(&narrow);
	scene_finish();
}

HARNESS_TEST(rights, stats_tell_of_each_reader)
{
	WIRE_REQUEST(request, stats, STATS, Stats, stats);
	struct wire_reply *replies[4];
	struct tap ring, circuit;
	struct talk talk;

	scene_begin(false, (struct rcast_engine_options){0});
	start_echo(&ring, (struct tap_options){.input = true});
	cr_assert_eq(tap_open(&circuit, &wire, "t", (struct tap_options){.by_circuit = true}), 0);
	cr_assert_eq(talk_input(&ring.talk, "12345\n", 6), 0);
	tap_await(&circuit, tap_saw(&circuit, "[12345]"));
	request_stats.session = "t";
	talk_begin(&talk, &wire, &request, RCAST_LAST, NULL, 0);
	for (int i = 0; i < 4; i++)
		replies[i] = talk_next(&talk);
	cr_assert_eq(replies[0]->reply->stats->n_input, 6);
	cr_assert_gt(replies[0]->reply->stats->n_reads, 0);
	cr_assert_eq(replies[0]->reply->stats->session->n_readers, 2);
	cr_assert_eq(replies[1]->reply->reader->id, ring.id);
	cr_assert(replies[1]->reply->reader->may_input);
	cr_assert(!replies[1]->reply->reader->by_circuit);
	cr_assert_eq(replies[1]->reply->reader->pid, getpid());
	cr_assert_eq(replies[2]->reply->reader->id, circuit.id);
	cr_assert(replies[2]->reply->reader->by_circuit);
	cr_assert(!replies[2]->reply->reader->may_input);
	cr_assert_eq(replies[2]->reply->reader->n_laps, 0);
	cr_assert_eq(replies[3]->reply->result_case, RINGCAST__WIRE__REPLY__RESULT_DONE);
	for (int i = 0; i < 4; i++)
		wire_reply_free(replies[i]);
	talk_close(&talk);
	tap_close(&ring);
	tap_close(&circuit);
	scene_finish();
}

/* One too many is hung up on; when one leaves there is room again. */
HARNESS_TEST(rights, connections_are_capped)
{
	struct wire second, third;

	scene_begin(false, (struct rcast_engine_options){.max_connections = 2});
	wire_open(&second, &host);
	cr_assert(!wire_has(&second, "t"));
	wire_open(&third, &host);
	wire_await(&third, third.error == -EPIPE);
	wire_close(&third);
	wire_close(&second);
	for (int i = 0; i < 10; i++)
		wire_turn(&wire);
	wire_open(&third, &host);
	cr_assert(!wire_has(&third, "t"));
	wire_close(&third);
	scene_finish();
}
