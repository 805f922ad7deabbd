/* SPDX-License-Identifier: MIT */
/*
 * `ringcast watch`: look at a session without any right to disturb it. The connection gives up all rights but viewing before
 * it does anything else.
 *
 * Keys are read only to know when to leave. Should the terminal answer a question all the same, the answer starts with ESC, so
 * only what does not is taken for a key.
 */
#include <unistd.h>

#include "cli/connect.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/show.h"
#include "cli/signals.h"

enum { OPTION_INLINE = 256 };

#define KEY_CTRL_C 0x03
#define KEY_CTRL_Z 0x1a
#define KEY_ESCAPE 0x1b

static bool watch_input(void *user)
{
	struct show *show = user;
	unsigned char keys[4096];
	ssize_t n = read(show->follow.input_fd, keys, sizeof keys);

	show->follow.has_more_input = n < 0 || n == sizeof keys;
	if (n == 0)
		return false;
	for (ssize_t i = 0; i < n && keys[0] != KEY_ESCAPE; i++) {
		if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == KEY_CTRL_C)
			return false;
		if (keys[i] == KEY_CTRL_Z)
			stage_suspend(&show->stage);
	}
	return true;
}

static int watch_record(void *user, const struct rcast_record *record)
{
	return show_record(user, record);
}

static int watch_gap(void *user, const struct rcast_loss *lost)
{
	return show_gap(user, lost);
}

static int watch_pause(void *user)
{
	return show_pause(user);
}

static int watch_session(const char *session, struct rcast_client *client, bool is_inline)
{
	static const struct rcast_view_options from_screen = {.from = RCAST_FROM_SCREEN, .rejoin = true};
	static const struct follow_ops ops = {
		.record = watch_record, .gap = watch_gap, .input = watch_input, .pause = watch_pause};
	struct show show = {.stage.canvas = {.is_inline = is_inline},
			    .follow = {.session = session, .client = client, .ops = &ops, .user = &show}};
	enum follow_end end;
	int result;

	result = rcast_client_restrict_to_view(client);
	if (result == 0)
		result = rcast_view_open(client, session, &from_screen, &show.follow.view);
	if (result < 0)
		return message_client(client, session, result);
	terminal_open(&show.stage.terminal, STDIN_FILENO, STDOUT_FILENO);
	show.follow.input_fd = show.stage.terminal.has_keys ? STDIN_FILENO : -1;
	end = show_follow(&show);
	rcast_view_close(show.follow.view);
	return follow_exit_code(&show.follow, end);
}

static int watch_verb(const struct verb *verb, int argc, char **argv)
{
	static const struct option options[] = {{"inline", no_argument, NULL, OPTION_INLINE}, {0}};
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct rcast_client *client;
	bool is_inline = false;
	char **operands;
	int option, result;

	while ((option = options_next(&line)) >= 0)
		is_inline = true;
	if (option == OPTIONS_OVER)
		return line.exit_code;
	operands = options_session(&line, 1);
	if (!operands)
		return EXIT_CODE_USAGE;
	signals_open_for_terminal();
	result = connect_session(operands[0], &client);
	if (result < 0)
		return message_no_connection(operands[0], result);
	result = watch_session(operands[0], client, is_inline);
	rcast_client_free(client);
	return result;
}

const struct verb verb_watch = {
	.name = "watch",
	.arguments = "[--inline] NAME",
	.summary = "Look at a session, without disturbing it",
	.help = "  --inline   not in the alternate screen of this terminal: what was shown stays\n"
		"\n"
		"Shows the session's screen as it is now, then follows until the session has ended. Where this window is of another\n"
		"size, part of the screen is shown, and the last line says so. 'q' or Ctrl-C leaves.\n",
	.run = watch_verb,
};
