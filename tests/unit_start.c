/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/start.h"
#include "harness.h"

static struct rcast_engine *engine;

static void begin(void)
{
	struct rcast_engine_options options = {.name = "e", .max_sessions = 4};

	cr_assert_eq(rcast_engine_create(&options, &engine), 0);
}

static int start(const char *name, const char *const *argv, struct rcast_session **session)
{
	struct rcast_session_options options = {.name = name, .ring_bytes = RCAST_RING_MIN_BYTES};
	struct rcast_program program = {.argv = argv};
	const char *failed;

	return rcasti_start_pty(engine, &engine->quota.all, &options, &program, session, &failed);
}

HARNESS_TEST(start, a_program_needs_arguments)
{
	const char *const none[] = {NULL};

	begin();
	cr_assert_eq(start("t", none, NULL), -EINVAL);
	cr_assert_eq(start("t", NULL, NULL), -EINVAL);
	rcast_engine_free(engine);
}

/* What is shown as the command was chosen by somebody else. */
HARNESS_TEST(start, the_command_is_described_clean_and_cut)
{
	static char long_word[1000];
	const char *const plain[] = {"true", "a", "b c", "\033[31mred\n", NULL}, *const much[] = {"true", long_word, "end",
												  NULL};
	struct rcast_session *session;

	begin();
	cr_assert_eq(start("plain", plain, &session), 0);
	cr_assert_str_eq(session->command, "true a b c [31mred");
	memset(long_word, 'x', sizeof long_word - 1);
	cr_assert_eq(start("much", much, &session), 0);
	cr_assert_eq(strlen(session->command), sizeof session->command - 1);
	rcast_engine_free(engine);
}

/* Our reads do not depend on a flag that somebody else can change. */
HARNESS_TEST(start, pipes_get_a_description_of_our_own)
{
	struct rcast_session_options options = {.name = "pipe"};
	struct rcast_session *session;
	int ends[2], sockets[2], kept_fd;

	begin();
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	kept_fd = dup(ends[0]);
	cr_assert_eq(rcasti_start_pipe_take(engine, &engine->quota.all, &options, ends[0], &session), 0);
	cr_assert(fcntl(session->pump.fd, F_GETFL) & O_NONBLOCK);
	cr_assert_eq(fcntl(kept_fd, F_SETFL, 0), 0);
	cr_assert(fcntl(session->pump.fd, F_GETFL) & O_NONBLOCK);
	cr_assert(fcntl(session->pump.fd, F_GETFD) & FD_CLOEXEC);

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	options.name = "socket";
	cr_assert_eq(rcasti_start_pipe_take(engine, &engine->quota.all, &options, sockets[0], &session), 0);
	cr_assert(session->pump.is_socket);
	close(kept_fd);
	close(ends[1]);
	close(sockets[1]);
	rcast_engine_free(engine);
}

/* Taken whatever is returned: harness_end counts. */
HARNESS_TEST(start, what_cannot_be_read_is_refused_and_closed)
{
	struct rcast_session_options options = {.name = "x"};

	begin();
	cr_assert_eq(rcasti_start_pipe_take(engine, &engine->quota.all, &options, open("/tmp", O_RDONLY | O_CLOEXEC), NULL),
		     -EINVAL);
	cr_assert_eq(rcasti_start_pipe_take(engine, &engine->quota.all, &options, -1, NULL), -EBADF);
	options.name = "bad name";
	cr_assert_eq(
		rcasti_start_pipe_take(engine, &engine->quota.all, &options, open("/dev/null", O_RDONLY | O_CLOEXEC), NULL),
		-EINVAL);
	cr_assert_eq(rcast_engine_n_sessions(engine), 0);
	rcast_engine_free(engine);
}

HARNESS_TEST(start, slots_run_out)
{
	struct rcast_session_options options = {.ring_bytes = RCAST_RING_MIN_BYTES};
	const char *const names[] = {"a", "b", "c", "d"};

	begin();
	for (int i = 0; i < 4; i++) {
		options.name = names[i];
		cr_assert_eq(rcasti_start_owned(engine, &options, NULL), 0);
		cr_assert_eq(rcasti_start_owned(engine, &options, NULL), -EEXIST);
	}
	options.name = "e";
	cr_assert_eq(rcasti_start_owned(engine, &options, NULL), -ENOBUFS);
	rcast_engine_free(engine);
}
