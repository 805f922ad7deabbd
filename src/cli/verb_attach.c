/* SPDX-License-Identifier: MIT */
/*
 * `ringcast attach`: use a session.
 */
#include "cli/attached.h"
#include "cli/connect.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/signals.h"

enum { OPTION_DETACH_KEY = 256, OPTION_INLINE };

static const struct option options[] = {
	{"detach-key", required_argument, NULL, OPTION_DETACH_KEY}, {"inline", no_argument, NULL, OPTION_INLINE}, {0}};

static int attach_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct attached_options attached = {.detach_key = DETACH_KEY_DEFAULT};
	struct rcast_client *client;
	char **operands;
	int option, result;

	while ((option = options_next(&line)) >= 0) {
		if (option == OPTION_INLINE)
			attached.is_inline = true;
		else if (!parse_key(optarg, &attached.detach_key))
			return message_usage(verb, "--detach-key takes one character or ^X, not '%.40s'", optarg);
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	operands = options_session(&line, 1);
	if (!operands)
		return EXIT_CODE_USAGE;
	signals_open_for_terminal();
	result = connect_session(operands[0], &client);
	if (result < 0)
		return attached_exit_code(message_no_connection(operands[0], result));
	result = attached_run(client, operands[0], &attached);
	rcast_client_free(client);
	return result;
}

const struct verb verb_attach = {
	.name = "attach",
	.arguments = "[--detach-key K] [--inline] NAME",
	.summary = "Use a session: its output here, our keys and window size there",
	.help = "  --detach-key K   leaves the session running: one character, or ^X for Ctrl-X (^\\)\n"
		"  --inline         not in the alternate screen of this terminal: what was shown stays\n"
		"\n"
		"Ends by itself when the session has ended, with the exit status of its program (128 + N: killed by signal N).\n",
	.run = attach_verb,
};
