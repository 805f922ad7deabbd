/* SPDX-License-Identifier: MIT */
/* Sessions from start to end, seen through raw circuits and the ring. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "scene.h"

static void expect_output(const struct tap *tap, const char *text)
{
	cr_assert_eq(tap->n_output, strlen(text), "%zu bytes, not %zu: %.*s", tap->n_output, strlen(text),
		     (int)tap->n_output, tap->output);
	cr_assert(memcmp(tap->output, text, tap->n_output) == 0);
}

WIRE_TEST(engine, a_program_from_start_to_exit)
{
	struct tap tap;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "echo one; exit 3"), 0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	tap_await(&tap, tap.ended);
	expect_output(&tap, "one\r\n");
	cr_assert_str_eq(tap.trace, "resize 80x24; output; exit 3/0; ended; ");
	wire_await(&wire, wire_info(&wire, "t", ended));
	cr_assert_eq(wire_info(&wire, "t", exit_status), 3);
	cr_assert_eq(wire_info(&wire, "t", pid), 0);
	tap_close(&tap);
	scene_finish();
}

WIRE_TEST(engine, nothing_is_lost_at_the_end)
{
	char *expected = malloc(4 << 20);
	size_t n_expected = 0;
	struct tap tap;

	scene_begin(threaded, (struct rcast_engine_options){0});
	for (int i = 1; i <= 200000; i++)
		n_expected += (size_t)sprintf(expected + n_expected, "%d\r\n", i);
	cr_assert_eq(wire_start_shell(&wire, "t", "seq 1 200000"), 0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	tap_await(&tap, tap.ended);
	cr_assert_eq(tap.n_output, n_expected);
	cr_assert(memcmp(tap.output, expected, n_expected) == 0);
	cr_assert_eq(wire_info(&wire, "t", n_output), n_expected);
	free(expected);
	tap_close(&tap);
	scene_finish();
}

/* The program is gone; a child in a session of its own keeps the terminal open and has said something. */
WIRE_TEST(engine, a_background_child_is_heard_but_not_waited_for)
{
	struct tap tap;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t",
				      "setsid sh -c 'echo child; >$XDG_RUNTIME_DIR/said; exec sleep 600' &"
				      " until [ -e $XDG_RUNTIME_DIR/said ]; do sleep 0.01; done; echo parent"),
		     0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	tap_await(&tap, tap.ended);
	cr_assert(tap_saw(&tap, "child\r\n"));
	cr_assert(tap_saw(&tap, "parent\r\n"));
	tap_close(&tap);
	scene_finish();
}

/* Its terminal closed on purpose and opened again: the session goes on. */
WIRE_TEST(engine, a_program_may_close_and_reopen_its_terminal)
{
	struct tap tap;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t",
				      "T=$(tty); echo a; exec 0<&- 1>&- 2>&-; sleep 0.2; echo b >$T; sleep 0.2; echo c >$T"),
		     0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	tap_await(&tap, tap.ended);
	expect_output(&tap, "a\r\nb\r\nc\r\n");
	tap_close(&tap);
	scene_finish();
}

static void expect_order(const char *trace, const char *const *parts)
{
	const char *at = trace;

	for (; *parts; parts++) {
		at = strstr(at, *parts);
		cr_assert(at != NULL, "no %sin its place: %s", *parts, trace);
		at += strlen(*parts);
	}
}

WIRE_TEST(engine, sizes_titles_and_output_keep_their_order)
{
	struct tap tap;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t",
				      "trap 'stty size' WINCH; printf '\\033]0;first\\007'; echo ready;"
				      "while [ \"$line\" != quit ]; do read line; done; printf '\\033]2;second\\033\\\\'"),
		     0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){.input = true}), 0);
	tap_await(&tap, tap_saw(&tap, "ready"));
	cr_assert_eq(talk_resize(&tap.talk, 100, 40), 0);
	/* The trap runs when read returns, and read fails when the signal comes: the script does not mind. */
	tap_await(&tap, wire_input(&wire, "t", "\n") == 0 && tap_saw(&tap, "40 100"));
	cr_assert_eq(wire_input(&wire, "t", "quit\n"), 0);
	tap_await(&tap, tap.ended);
	expect_order(tap.trace, (const char *[]){"resize 80x24; ", "output; ", "title first; ", "resize 100x40; ",
						 "output; ", "title second; ", "exit 0/0; ", "ended; ", NULL});
	cr_assert_eq(wire_info(&wire, "t", cols), 100);
	tap_close(&tap);
	scene_finish();
}

HARNESS_TEST(engine, the_latest_title_is_described)
{
	struct wire_reply *reply;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t",
				      "for i in 1 2 3 4 5; do printf '\\033]0;title %d\\007' $i; done; echo; sleep 600"),
		     0);
	wire_await(&wire, (reply = wire_describe(&wire, "t"), strcmp(reply->reply->session->title, "title 5") == 0
								      ? (wire_reply_free(reply), true)
								      : (wire_reply_free(reply), false)));
	scene_finish();
}

static int start_argv(char **argv, size_t n_argv, const char *name, const char *cwd, uint64_t ring_bytes)
{
	WIRE_REQUEST(request, start, START, Start, start);

	request_start.name = (char *)name;
	request_start.argv = argv;
	request_start.n_argv = n_argv;
	request_start.cwd = (char *)cwd;
	request_start.ring_bytes = ring_bytes;
	return wire_ask(&wire, &request);
}

HARNESS_TEST(engine, bad_starts_leave_nothing_behind)
{
	static const struct {
		const char *name, *program, *cwd;
		uint64_t ring_bytes;
		int error;
		const char *says;
	} cases[] = {
		{"t", "/nonexistent/program", "", 0, -ENOENT, "/nonexistent/program: No such file"},
		{"t", "/etc/passwd", "", 0, -EACCES, "/etc/passwd: Permission denied"},
		{"t", "true", "/nonexistent", 0, -ENOENT, "/nonexistent: No such file"},
		{"a b", "true", "", 0, -EINVAL, "session name \"a b\""},
		{"..", "true", "", 0, -EINVAL, "session name"},
		{"", "true", "", 0, -EINVAL, "session name"},
		{"t", "true", "", 100000, -EINVAL, "a power of two from 65536"},
		{"there", "true", "", 0, -EEXIST, "session there exists already"},
	};
	int n_fds;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "there", "sleep 600"), 0);
	n_fds = harness_count_fds();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *argv[] = {(char *)cases[i].program};

		cr_expect_eq(start_argv(argv, 1, cases[i].name, cases[i].cwd, cases[i].ring_bytes), cases[i].error,
			     "case %zu: %s", i, wire_said);
		cr_expect(strstr(wire_said, cases[i].says), "case %zu: %s", i, wire_said);
	}
	cr_assert(!wire_has(&wire, "t"));
	cr_assert_eq(rcast_engine_n_sessions(host.engine), 1);
	cr_assert_eq(harness_count_fds(), n_fds);
	scene_finish();
}

HARNESS_TEST(engine, the_table_has_an_end)
{
	scene_begin(false, (struct rcast_engine_options){.max_sessions = 2});
	cr_assert_eq(wire_start_shell(&wire, "a", "sleep 600"), 0);
	cr_assert_eq(wire_start_shell(&wire, "b", "sleep 600"), 0);
	cr_assert_eq(wire_start_shell(&wire, "c", "sleep 600"), -ENOBUFS);
	cr_assert_eq(wire_kill(&wire, "a"), 0);
	wire_await(&wire, wire_start_shell(&wire, "c", "sleep 600") == 0);
	scene_finish();
}

static int start_pipe(const char *name, int take_fd)
{
	WIRE_REQUEST(request, start, START, Start, start);

	request_start.name = (char *)name;
	return wire_ask_fds(&wire, &request, &take_fd, 1);
}

/* Every way in which bytes may come: what arrives is what was written. */
WIRE_TEST(engine, pipes_sockets_and_files_are_byte_exact)
{
	static char data[300000];
	const char *names[] = {"pipe", "socket", "file"};
	int ends[2], sockets[2], file_fd = open(harness_path("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	size_t n_written[2] = {0, 0};
	struct tap taps[3];

	scene_begin(threaded, (struct rcast_engine_options){0});
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 7 + i / 251);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	cr_assert_eq(write(file_fd, data, sizeof data), (ssize_t)sizeof data);
	cr_assert_eq(lseek(file_fd, 0, SEEK_SET), 0);
	cr_assert_eq(start_pipe("pipe", ends[0]), 0);
	cr_assert_eq(start_pipe("socket", sockets[0]), 0);
	cr_assert_eq(start_pipe("file", file_fd), 0);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	fcntl(sockets[1], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(tap_open(&taps[i], &wire, names[i], (struct tap_options){0}), 0);
	while (n_written[0] < sizeof data || n_written[1] < sizeof data) {
		ssize_t n = write(ends[1], data + n_written[0], sizeof data - n_written[0]);
		ssize_t m = write(sockets[1], data + n_written[1], sizeof data - n_written[1]);

		n_written[0] += n > 0 ? (size_t)n : 0;
		n_written[1] += m > 0 ? (size_t)m : 0;
		wire_turn(&wire);
	}
	close(ends[1]);
	close(sockets[1]);
	for (int i = 0; i < 3; i++) {
		tap_await(&taps[i], taps[i].ended);
		cr_assert_eq(taps[i].n_output, sizeof data);
		cr_assert(memcmp(taps[i].output, data, sizeof data) == 0);
		cr_assert_str_eq(taps[i].trace, "output; ended; ");
		tap_close(&taps[i]);
	}
	scene_finish();
}

/* A pipe whose other owner clears O_NONBLOCK must not stop the pump. */
HARNESS_TEST(engine, a_shared_pipe_cannot_block_the_others)
{
	struct tap tap;
	int ends[2], kept_fd;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	kept_fd = dup(ends[0]);
	cr_assert_eq(start_pipe("pipe", ends[0]), 0);
	cr_assert_eq(fcntl(kept_fd, F_SETFL, 0), 0);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	cr_assert_eq(wire_start_shell(&wire, "t", "echo alive"), 0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	tap_await(&tap, tap.ended);
	expect_output(&tap, "alive\r\n");
	tap_close(&tap);
	close(kept_fd);
	close(ends[1]);
	scene_finish();
}

WIRE_TEST(engine, kill_removes_at_once_and_ends_the_program)
{
	struct tap tap;
	pid_t pid;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "trap '' HUP; echo up; while :; do sleep 1; done"), 0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	tap_await(&tap, tap_saw(&tap, "up"));
	pid = (pid_t)wire_info(&wire, "t", pid);
	cr_assert_eq(wire_kill(&wire, "t"), 0);
	cr_assert(!wire_has(&wire, "t"));
	tap_await(&tap, tap.removed);
	/* The name is free at once, whatever the old program does; and it is killed, for it does not heed SIGHUP. */
	cr_assert_eq(wire_start_shell(&wire, "t", "sleep 600"), 0);
	wire_await(&wire, kill(pid, 0) != 0);
	tap_close(&tap);
	scene_finish();
}

WIRE_TEST(engine, signals_reach_the_program)
{
	struct tap tap;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "echo up; exec sleep 600"), 0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	tap_await(&tap, tap_saw(&tap, "up"));
	cr_assert_eq(wire_signal(&wire, "t", 0), -EINVAL);
	cr_assert_eq(wire_signal(&wire, "t", 9999), -EINVAL);
	cr_assert_eq(wire_signal(&wire, "t", SIGTERM), 0);
	tap_await(&tap, tap.ended);
	cr_assert(strstr(tap.trace, "exit 0/15; "), "%s", tap.trace);
	wire_await(&wire, wire_info(&wire, "t", ended));
	cr_assert_eq(wire_signal(&wire, "t", SIGTERM), -ENODATA);
	tap_close(&tap);
	scene_finish();
}

static int start_lingering(const char *name, uint32_t linger_ms)
{
	char *argv[] = {"true"};
	WIRE_REQUEST(request, start, START, Start, start);

	request_start.name = (char *)name;
	request_start.argv = argv;
	request_start.n_argv = 1;
	request_start.linger_ms = linger_ms;
	return wire_ask(&wire, &request);
}

WIRE_TEST(engine, ended_sessions_linger_as_long_as_was_asked)
{
	struct tap tap;

	scene_begin(threaded, (struct rcast_engine_options){0});
	cr_assert_eq(start_lingering("none", RCAST_NO_LINGER), 0);
	cr_assert_eq(start_lingering("short", 300), 0);
	cr_assert_eq(start_lingering("long", 0), 0);
	wire_await(&wire, wire_info(&wire, "long", ended));
	wire_await(&wire, !wire_has(&wire, "none"));
	wire_await(&wire, !wire_has(&wire, "short"));
	cr_assert(wire_has(&wire, "long"));
	cr_assert_eq(tap_open(&tap, &wire, "long", (struct tap_options){0}), 0);
	tap_await(&tap, tap.ended);
	cr_assert_str_eq(tap.trace, "resize 80x24; exit 0/0; ended; ");
	cr_assert_eq(wire_input(&wire, "long", "x"), -ENODATA);
	cr_assert_eq(wire_resize(&wire, "long", 10, 10), -ENODATA);
	cr_assert_eq(wire_kill(&wire, "long"), 0);
	tap_await(&tap, tap.removed);
	tap_close(&tap);
	scene_finish();
}

HARNESS_TEST(engine, an_owner_publishes_its_own_session)
{
	struct rcast_session *session;
	struct tap tap;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(rcast_engine_start_owned(host.engine, &(struct rcast_session_options){.name = "mine"}, &session), 0);
	cr_assert_str_eq(rcast_session_name(session), "mine");
	cr_assert_eq(tap_open(&tap, &wire, "mine", (struct tap_options){.by_circuit = true}), 0);
	cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, "hello", 5), 0);
	rcast_session_notify(session);
	tap_await(&tap, tap.n_output == 5);
	cr_assert_eq(wire_kill(&wire, "mine"), -EOPNOTSUPP);
	cr_assert_eq(rcast_writer_end(rcast_session_writer(session)), 0);
	rcast_session_notify(session);
	rcast_session_close(session);
	tap_await(&tap, tap.ended);
	cr_assert_eq(wire_kill(&wire, "mine"), 0);
	tap_await(&tap, tap.removed);
	tap_close(&tap);
	scene_finish();
}

HARNESS_TEST(engine, a_second_engine_on_the_same_socket_is_refused)
{
	struct rcast_engine *second;
	struct rcast_engine_options options = {.path = host.path};

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(rcast_engine_create(&options, &second), -EEXIST);
	options.path = NULL;
	cr_assert_eq(rcast_engine_create(&options, &second), -EINVAL);
	options.name = "no/slash";
	cr_assert_eq(rcast_engine_create(&options, &second), -EINVAL);
	options.name = "other";
	cr_assert_eq(rcast_engine_create(&options, &second), 0);
	rcast_engine_free(second);
	cr_assert_neq(access(harness_path("ringcast/other"), F_OK), 0);
	scene_finish();
}

/* An idle engine shows nothing to do. */
HARNESS_TEST(engine, freeing_ends_programs_and_tells_clients)
{
	struct tap tap;
	pid_t pid;

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(wire_start_shell(&wire, "t", "echo up; sleep 600"), 0);
	cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){0}), 0);
	tap_await(&tap, tap_saw(&tap, "up"));
	pid = (pid_t)wire_info(&wire, "t", pid);
	rcast_engine_free(host.engine);
	cr_assert_neq(kill(pid, 0), 0);
	while (!wire.error)
		wire.error = rcast_link_dispatch(wire.link);
	cr_assert_eq(wire.error, -EPIPE);
	cr_assert_neq(tap.talk.first, NULL);
	cr_assert_eq(tap.talk.first->reply->notice->what_case, RINGCAST__WIRE__NOTICE__WHAT_REMOVED);
	wire_reply_free(talk_take(&tap.talk));
	tap_read_ring(&tap);
	cr_assert(tap.ended);
	tap_close(&tap);
	wire_close(&wire);
}
