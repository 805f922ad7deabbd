/* SPDX-License-Identifier: MIT */
/*
 * `ringcast engine`: an engine in the foreground, for many sessions.
 */

#include "cli/engine_flags.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/serve.h"

enum { OPTION_NAME = 256 };

static const struct option options[] = {{"name", required_argument, NULL, OPTION_NAME}, ENGINE_FLAGS, {0}};

static int host(const struct rcast_engine_options *engine_options)
{
	struct rcast_engine *engine;
	int result;

	serve_unseen();
	result = rcast_engine_create(engine_options, &engine);
	if (result < 0)
		return message_engine_not_made(engine_options->name, engine_options->view_path, result);
	message_line("engine '%s' is ready", engine_options->name);
	result = serve_engine(engine, false);
	rcast_engine_free(engine);
	if (result == 0)
		return EXIT_CODE_OK;
	message_line("engine '%s' cannot go on: %s", engine_options->name, message_errno(result));
	return EXIT_CODE_FAILURE;
}

static int engine_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct engine_flags flags;
	int option;

	engine_flags_init(&flags);
	flags.options.name = "engine";
	while ((option = options_next(&line)) >= 0) {
		if (option == OPTION_NAME)
			flags.options.name = optarg;
		else if (!engine_flags_take(verb, &flags, option, optarg))
			return EXIT_CODE_USAGE;
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	if (!options_operands(&line, 0) || !message_check_name(verb, "engine", flags.options.name))
		return EXIT_CODE_USAGE;
	return host(&flags.options);
}

const struct verb verb_engine = {
	.name = "engine",
	.arguments = "[OPTIONS]",
	.summary = "Host many sessions in the foreground, until SIGTERM or Ctrl-C",
	.help = "  --name N         the engine's name, for --engine of run and publish (engine)\n" ENGINE_FLAGS_HELP "\n"
		"Ends its sessions when it ends.\n",
	.run = engine_verb,
};
