/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include <ringcast/engine.h>

#include "harness.h"

static struct rcast_engine *engine;

static bool is_readable(void)
{
	return poll(&(struct pollfd){.fd = rcast_engine_fd(engine), .events = POLLIN}, 1, 0) == 1;
}

HARNESS_TEST(engine_object, options_are_checked)
{
	static char long_path[300];
	const struct {
		struct rcast_engine_options options;
		int error;
	} cases[] = {
		{{0}, -EINVAL},
		{{.name = "a", .path = "/tmp/b"}, -EINVAL},
		{{.name = "a/b"}, -EINVAL},
		{{.name = ".."}, -EINVAL},
		{{.path = long_path}, -ENAMETOOLONG},
		{{.path = "/nonexistent/socket"}, -ENOENT},
		{{.name = "a", .max_sessions = 4097}, -EINVAL},
	};

	memset(long_path, 'x', sizeof long_path - 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		cr_expect_eq(rcast_engine_create(&cases[i].options, &engine), cases[i].error, "case %zu", i);
		cr_expect_null(engine);
	}
}

/* A folder that others can enter is no place for a socket. */
HARNESS_TEST(engine_object, the_folder_must_be_ours_alone)
{
	struct rcast_engine_options options = {.name = "e"};

	cr_assert_eq(mkdir(harness_path("ringcast"), 0700), 0);
	cr_assert_eq(chmod(harness_path("ringcast"), 0777), 0);
	cr_assert_eq(rcast_engine_create(&options, &engine), -EACCES);
}

/* Nothing to do, nothing to see; a timer shows as readability. */
HARNESS_TEST(engine_object, is_silent_when_idle)
{
	struct rcast_engine_options options = {.name = "e"};
	struct rcast_session_options wanted = {.name = "s", .linger_ms = 50};
	struct rcast_session *session;

	cr_assert_eq(rcast_engine_create(&options, &engine), 0);
	cr_assert(!is_readable());
	cr_assert_eq(rcast_engine_start_owned(engine, &wanted, &session), 0);
	cr_assert(!is_readable());
	rcast_session_close(session);
	harness_await((rcast_engine_dispatch(engine), !is_readable()) || rcast_engine_n_sessions(engine) == 0);
	while (rcast_engine_n_sessions(engine) > 0) {
		cr_assert_eq(poll(&(struct pollfd){.fd = rcast_engine_fd(engine), .events = POLLIN}, 1, HARNESS_BOUND_MS),
			     1);
		cr_assert_eq(rcast_engine_dispatch(engine), 0);
	}
	cr_assert(!is_readable());
	rcast_engine_free(engine);
}

static void on_alarm(int number)
{
	rcast_engine_stop(engine);
}

HARNESS_TEST(engine_object, stops_from_a_signal_handler)
{
	struct rcast_engine_options options = {.name = "e"};

	cr_assert_eq(rcast_engine_create(&options, &engine), 0);
	signal(SIGALRM, on_alarm);
	ualarm(1000, 0);
	while (rcast_engine_control(engine, -1) == 0)
		continue;
	cr_assert(is_readable());
	cr_assert_eq(rcast_engine_pump(engine, -1), -ENODATA);
	cr_assert_eq(rcast_engine_notify(engine, -1), -ENODATA);
	cr_assert_eq(rcast_engine_control(engine, -1), -ENODATA);
	cr_assert_eq(rcast_engine_dispatch(engine), -ENODATA);
	rcast_engine_free(engine);
	rcast_engine_free(NULL);
}

/* Two engines in one process share nothing. */
HARNESS_TEST(engine_object, several_live_side_by_side)
{
	struct rcast_engine_options options = {.name = "one"};
	struct rcast_session_options wanted = {.name = "same"};
	struct rcast_engine *one, *two;
	struct rcast_session *session;

	cr_assert_eq(rcast_engine_create(&options, &one), 0);
	options.name = "two";
	cr_assert_eq(rcast_engine_create(&options, &two), 0);
	cr_assert_eq(rcast_engine_start_owned(one, &wanted, &session), 0);
	cr_assert_eq(rcast_engine_start_owned(two, &wanted, &session), 0);
	rcast_engine_free(one);
	cr_assert_eq(rcast_engine_n_sessions(two), 1);
	cr_assert_eq(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, "x", 1), 0);
	rcast_session_notify(session);
	rcast_engine_free(two);
}
