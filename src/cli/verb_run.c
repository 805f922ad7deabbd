/* SPDX-License-Identifier: MIT */
/*
 * `ringcast run`: start a program as a session, and attach to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ringcast/circuit.h>

#include "cli/attached.h"
#include "cli/engine_flags.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/start.h"
#include "cli/terminal.h"

/* Whoever attaches at once must still find a session whose program ended at once, with its exit status. */
#define MIN_LINGER_MS 5000

struct run {
	struct daemon_order order;
	const char *engine;
	struct engine_flags engine_flags;
	bool detached;
	struct attached_options attached;
	char default_name[RCAST_NAME_MAX + 1];
	const char *default_argv[2];
};

enum { OPTION_NAME = 256, OPTION_RING, OPTION_LINGER, OPTION_DETACHED, OPTION_DETACH_KEY, OPTION_ENGINE };

static const struct option options[] = {{"name", required_argument, NULL, OPTION_NAME},
					{"ring", required_argument, NULL, OPTION_RING},
					{"linger", required_argument, NULL, OPTION_LINGER},
					{"detached", no_argument, NULL, OPTION_DETACHED},
					{"detach-key", required_argument, NULL, OPTION_DETACH_KEY},
					{"engine", required_argument, NULL, OPTION_ENGINE},
					ENGINE_FLAGS,
					{0}};

static bool take_option(const struct verb *verb, struct run *run, int option)
{
	switch (option) {
	case OPTION_NAME:
		run->order.name = optarg;
		return message_check_name(verb, "session", optarg);
	case OPTION_ENGINE:
		run->engine = optarg;
		return message_check_name(verb, "engine", optarg);
	case OPTION_DETACHED:
		run->detached = true;
		return true;
	case OPTION_RING:
		if (parse_ring_bytes(optarg, &run->order.ring_bytes))
			return true;
		message_usage(verb, "--ring takes a power of two from 64K to 1G, not '%.40s'", optarg);
		return false;
	case OPTION_LINGER:
		if (parse_linger(optarg, &run->order.linger_ms))
			return true;
		message_usage(verb, "--linger takes whole seconds, not '%.40s'", optarg);
		return false;
	case OPTION_DETACH_KEY:
		if (parse_key(optarg, &run->attached.detach_key))
			return true;
		message_usage(verb, "--detach-key takes one character or ^X, not '%.40s'", optarg);
		return false;
	default:
		return engine_flags_take(verb, &run->engine_flags, option, optarg);
	}
}

/* The program's own name and a number that no other session started so has. */
static void make_default_name(struct run *run)
{
	const char *slash = strrchr(run->order.argv[0], '/');
	int n = snprintf(run->default_name, sizeof run->default_name, "%.50s-%d", slash ? slash + 1 : run->order.argv[0],
			 (int)getpid());

	for (int i = 0; i < n; i++) {
		char one[] = {'x', run->default_name[i], 0};

		if (!rcast_name_is_valid(one))
			run->default_name[i] = '_';
	}
	run->order.name = run->default_name;
}

static void choose_program(struct run *run, char **operands)
{
	const char *shell = getenv("SHELL");

	run->default_argv[0] = shell && *shell ? shell : "/bin/sh";
	run->order.argv = operands[0] ? (const char *const *)operands : run->default_argv;
}

static int start_and_attach(struct run *run)
{
	struct terminal terminal;
	struct rcast_client *client;
	int result;

	terminal_open(&terminal, STDIN_FILENO, STDOUT_FILENO);
	if (!terminal_size(&terminal, &run->order.cols, &run->order.rows))
		run->order.cols = run->order.rows = 0;
	run->order.awaits_attach = !run->detached && terminal_can_answer(&terminal);
	if (!run->detached && run->order.linger_ms &&
	    (run->order.linger_ms < MIN_LINGER_MS || run->order.linger_ms == RCAST_NO_LINGER))
		run->order.linger_ms = MIN_LINGER_MS;
	run->order.is_left = run->detached;
	result = start_session(&run->order, run->engine, &client);
	if (result != EXIT_CODE_OK)
		return attached_exit_code(result);
	if (run->detached) {
		printf("%s\n", run->order.name);
		result = attached_exit_code(output_flush());
	} else {
		signals_open_for_terminal();
		result = attached_run(client, run->order.name, &run->attached);
	}
	rcast_client_free(client);
	return result;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options, .stops_at_operand = true};
	struct run run = {.attached = {.detach_key = DETACH_KEY_DEFAULT, .is_first = true}};
	int option;

	engine_flags_init(&run.engine_flags);
	while ((option = options_next(&line)) >= 0) {
		if (!take_option(verb, &run, option))
			return EXIT_CODE_USAGE;
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	if (run.engine && run.engine_flags.given)
		return message_usage(verb, "%s is for an engine of its own, and --engine names one that runs already",
				     run.engine_flags.given);
	run.order.engine = &run.engine_flags.options;
	choose_program(&run, argv + optind);
	if (!run.order.name)
		make_default_name(&run);
	return start_and_attach(&run);
}

const struct verb verb_run = {
	.name = "run",
	.arguments = "[OPTIONS] [--] [CMD…]",
	.summary = "Start a program ($SHELL if none is given) as a session, and attach to it",
	.help = "  --name N         the session's name (the program's, with a number)\n"
		"  --ring SIZE      how much output is held: a power of two from 64K to 1G (4M)\n"
		"  --linger S       seconds for which an ended session stays readable (60; 0: not at all). Unless --detached,\n"
		"                   it is at least 5, which is how we learn of its end\n"
		"  --detached       do not attach; print the name\n"
		"  --detach-key K   leaves the session running: one character, or ^X for Ctrl-X (^\\)\n"
		"  --engine NAME    host it in the engine of that name, which runs already, instead of one of its own\n"
		"\n"
		"Of an engine of its own, as of 'ringcast engine':\n" ENGINE_FLAGS_HELP "\n"
		"Ends with the exit status of the program (128 + N: killed by signal N); 125: ringcast itself failed, 126: the\n"
		"program cannot be executed, 127: it was not found.\n",
	.run = run_verb,
};
