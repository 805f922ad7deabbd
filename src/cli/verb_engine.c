/* SPDX-License-Identifier: MIT */
/*
 * `ringcast engine`: an engine in the foreground, for many sessions.
 */
#include <stdio.h>

#include "cli/message.h"
#include "cli/options.h"
#include "cli/serve.h"

enum { OPTION_NAME = 256, OPTION_LEASE_MAX };

static const struct option options[] = {
	{"name", required_argument, NULL, OPTION_NAME}, {"lease-max", required_argument, NULL, OPTION_LEASE_MAX}, {0}};

static int host(const struct rcast_engine_options *engine_options)
{
	struct rcast_engine *engine;
	int result = rcast_engine_create(engine_options, &engine);

	if (result < 0)
		return message_engine_not_made(engine_options->name, result);
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
	struct rcast_engine_options engine_options = {.name = "engine"};
	uint64_t lease_ms;
	int option;

	while ((option = options_next(&line)) >= 0) {
		if (option == OPTION_NAME) {
			engine_options.name = optarg;
			continue;
		}
		if (!parse_u64(optarg, UINT32_MAX, &lease_ms))
			return message_usage(verb, "--lease-max takes milliseconds, not '%.40s'", optarg);
		engine_options.max_lease_ms = (uint32_t)lease_ms;
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	if (!options_operands(&line, 0) || !message_check_name(verb, "engine", engine_options.name))
		return EXIT_CODE_USAGE;
	return host(&engine_options);
}

const struct verb verb_engine = {
	.name = "engine",
	.arguments = "[--name N] [--lease-max MS]",
	.summary = "Host many sessions in the foreground, until SIGTERM or Ctrl-C",
	.help = "  --name N         the engine's name, for --engine of run and publish (engine)\n"
		"  --lease-max MS   the longest lease that a reader may be granted, in milliseconds (0: none)\n"
		"\n"
		"Ends its sessions when it ends.\n",
	.run = engine_verb,
};
