/* SPDX-License-Identifier: MIT */
/*
 * `ringcast watch`: look at a session without any right to disturb it. The connection gives up all rights but viewing before
 * it does anything else.
 *
 * Keys are read only to know when to leave. The session's output may ask the terminal questions, and the answers arrive as keys
 * too; they start with ESC, so only what does not is taken for a key.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/options.h"
#include "cli/show.h"
#include "cli/signals.h"

#define KEY_CTRL_C 0x03
#define KEY_CTRL_Z 0x1a
#define KEY_ESCAPE 0x1b

struct watch {
	struct terminal terminal;
	struct follow follow;
};

static bool watch_input(void *user)
{
	struct watch *watch = user;
	unsigned char keys[4096];
	ssize_t n = read(watch->follow.input_fd, keys, sizeof keys);

	if (n == 0)
		return false;
	for (ssize_t i = 0; i < n && keys[0] != KEY_ESCAPE; i++) {
		if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == KEY_CTRL_C)
			return false;
		if (keys[i] == KEY_CTRL_Z)
			terminal_suspend(&watch->terminal);
	}
	return true;
}

static void watch_pause(void *user)
{
	struct watch *watch = user;

	show_handle_signals(&watch->terminal);
}

static int watch_session(const char *session, struct rcast_client *client)
{
	static const struct follow_ops ops = {
		.record = show_record, .gap = show_gap, .input = watch_input, .pause = watch_pause};
	struct watch watch = {.follow = {.session = session, .client = client, .ops = &ops, .user = &watch}};
	enum follow_end end;
	int result;

	result = rcast_client_restrict_to_view(client);
	if (result == 0)
		result = rcast_view_open(client, session, NULL, &watch.follow.view);
	if (result < 0)
		return message_client(client, session, result);
	terminal_open(&watch.terminal, STDIN_FILENO, STDOUT_FILENO);
	watch.follow.input_fd = watch.terminal.has_keys ? STDIN_FILENO : -1;
	end = show_follow(&watch.follow, &watch.terminal);
	rcast_view_close(watch.follow.view);
	return follow_exit_code(&watch.follow, end);
}

static int watch_verb(const struct verb *verb, int argc, char **argv)
{
	static const struct option options[] = {{0}};
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct rcast_client *client;
	char **operands;
	int result;

	if (options_next(&line) == OPTIONS_OVER)
		return line.exit_code;
	operands = options_operands(&line, 1);
	if (!operands || !message_check_name(verb, "session", operands[0]))
		return EXIT_CODE_USAGE;
	signals_open();
	result = rcast_client_connect_session(operands[0], &client);
	if (result < 0)
		return message_no_connection(operands[0], result);
	result = watch_session(operands[0], client);
	rcast_client_free(client);
	return result;
}

const struct verb verb_watch = {
	.name = "watch",
	.arguments = "NAME",
	.summary = "Look at a session, without disturbing it",
	.help = "Draws what the ring still holds, then follows until the session has ended. A viewer that is too slow "
		"misses\n"
		"output, and says how much. 'q' or Ctrl-C leaves.\n",
	.run = watch_verb,
};
