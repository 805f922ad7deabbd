/* SPDX-License-Identifier: MIT */
/*
 * `ringcast publish`: standard input becomes a session.
 *
 * The engine reads a pipe of ours, and we copy standard input into it. Giving it standard input itself would be one copy less, but
 * the engine would have to make it non-blocking, for everyone who shares it, and would go on reading it when we are gone: from a
 * terminal, that is typing stolen from the shell. So the session ends when we do, however we do.
 *
 * When the input is over we wait until the session has ended, so that whoever comes after us finds it complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "cli/follow.h"
#include "cli/keyframer.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "cli/start.h"

/* ── Copying ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Wait for `events` on fd. -EINTR: a signal wants us to end. */
static int await(int fd, short events)
{
	struct pollfd polled[] = {{.fd = fd, .events = events}, {.fd = signals_fd(), .events = POLLIN}};

	if (poll(polled, 2, -1) < 0 && errno != EINTR)
		return -errno;
	signals_read();
	return signals_ending() ? -EINTR : 0;
}

static int write_all(int fd, const char *data, size_t n_bytes)
{
	while (n_bytes > 0) {
		int result = await(fd, POLLOUT);
		ssize_t n;

		if (result < 0)
			return result;
		n = write(fd, data, n_bytes);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		n_bytes -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Until standard input ends: 0. */
static int copy_input(int to_fd)
{
	static char buffer[65536];

	for (;;) {
		int result = await(STDIN_FILENO, POLLIN);
		ssize_t n;

		if (result < 0)
			return result;
		n = read(STDIN_FILENO, buffer, sizeof buffer);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		result = n > 0 ? write_all(to_fd, buffer, (size_t)n) : 0;
		if (result < 0)
			return result;
	}
}

/* ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int ignore_record(void *user, const struct rcast_record *record)
{
	return 0;
}

/* Is the session over by this? Without linger it goes at its end, and an engine of its own goes with it. */
static bool is_over(enum follow_end end, bool lingers)
{
	return end == FOLLOW_ENDED || end == FOLLOW_DETACHED || (end == FOLLOW_GONE && !lingers);
}

static int await_end(struct rcast_client *client, const char *session, bool lingers)
{
	static const struct follow_ops ops = {.record = ignore_record};
	struct rcast_view_options options = {.from = RCAST_FROM_NEWEST};
	struct follow follow = {.session = session, .client = client, .ops = &ops, .input_fd = -1};
	enum follow_end end;
	int result = rcast_view_open(client, session, &options, &follow.view);

	if (result == -ENOENT || (result == -EPIPE && !lingers))
		return EXIT_CODE_OK;
	if (result < 0)
		return message_client(client, session, result);
	end = follow_run(&follow);
	if (!is_over(end, lingers))
		follow_say_end(&follow, end);
	rcast_view_close(follow.view);
	return is_over(end, lingers) ? EXIT_CODE_OK : follow_exit_code(&follow, end);
}

static int say_copy_error(const char *session, int error)
{
	if (error == -EINTR)
		return EXIT_CODE_SIGNAL + signals_ending();
	if (error == -EPIPE) {
		message_line("%s: the session was ended before its input was", session);
		return EXIT_CODE_FAILURE;
	}
	message_line("standard input cannot be read: %s", message_errno(error));
	return EXIT_CODE_FAILURE;
}

static int publish(struct daemon_order *order, const char *engine)
{
	struct rcast_client *client;
	int input_pipe[2], copied, result;

	if (pipe2(input_pipe, O_CLOEXEC) != 0) {
		message_line("no pipe for the session: %s", message_errno(errno));
		return EXIT_CODE_FAILURE;
	}
	order->fd = input_pipe[0];
	result = start_session(order, engine, &client);
	close(input_pipe[0]);
	if (result != EXIT_CODE_OK) {
		close(input_pipe[1]);
		return result;
	}
	signals_open();
	fcntl(input_pipe[1], F_SETFL, O_NONBLOCK); /* this end is ours alone */
	copied = copy_input(input_pipe[1]);
	close(input_pipe[1]);
	result = copied < 0 ? say_copy_error(order->name, copied)
			    : await_end(client, order->name, order->linger_ms != RCAST_NO_LINGER);
	rcast_client_free(client);
	return result;
}

/* ── The verb ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum { OPTION_RING = 256, OPTION_LINGER, OPTION_ENGINE };

static const struct option options[] = {{"ring", required_argument, NULL, OPTION_RING},
					{"linger", required_argument, NULL, OPTION_LINGER},
					{"engine", required_argument, NULL, OPTION_ENGINE},
					{0}};

static int publish_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct rcast_engine_options engine_options = {.keyframer = keyframer_find()}; /* for who uses --engine later */
	struct daemon_order order = {.engine = &engine_options};
	const char *engine = NULL;
	char **operands;
	int option;

	while ((option = options_next(&line)) >= 0) {
		if (option == OPTION_ENGINE)
			engine = optarg;
		else if (option == OPTION_RING && !parse_ring_bytes(optarg, &order.ring_bytes))
			return message_usage(verb, "--ring takes a power of two from 64K to 1G, not '%.40s'", optarg);
		else if (option == OPTION_LINGER && !parse_linger(optarg, &order.linger_ms))
			return message_usage(verb, "--linger takes whole seconds, not '%.40s'", optarg);
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	operands = options_session(&line, 1);
	if (!operands || (engine && !message_check_name(verb, "engine", engine)))
		return EXIT_CODE_USAGE;
	order.name = operands[0];
	return publish(&order, engine);
}

const struct verb verb_publish = {
	.name = "publish",
	.arguments = "[--ring SIZE] [--linger S] [--engine NAME] NAME",
	.summary = "Make standard input a session",
	.help = "  --ring SIZE     how much is held: a power of two from 64K to 1G (4M)\n"
		"  --linger S      seconds for which the session stays readable after its end (60; 0: not at all)\n"
		"  --engine NAME   host it in the engine of that name, which runs already, instead of one of its own\n"
		"\n"
		"Returns when standard input is over and the session has all of it.\n",
	.run = publish_verb,
};
