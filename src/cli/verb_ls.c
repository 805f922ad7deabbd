/* SPDX-License-Identifier: MIT */
/*
 * `ringcast ls`: the sessions of all engines of this user.
 */
#include <stdio.h>
#include <string.h>

#include "cli/connect.h"
#include "cli/describe.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/output.h"

struct ls {
	bool as_json;
	bool header_printed;
	int error; /* of output */
	struct json json;
};

static int print_row(struct ls *ls, const struct rcast_session_info *info)
{
	static const char header[] = "NAME             KIND  STATE     SIZE     READERS  WRITTEN  AGE   TITLE OR COMMAND\n";
	char row[1024], state[32], size[16], written[16], age[16];
	int n;

	describe_state(info, state, sizeof state);
	describe_bytes(info->n_output, written, sizeof written);
	describe_age(info->age_ms, age, sizeof age);
	snprintf(size, sizeof size, "%ux%u", info->cols, info->rows);
	n = snprintf(row, sizeof row, "%-16s %-5s %-9s %-8s %7u  %7s  %-4s  %s\n", info->name, describe_kind(info->kind),
		     state, size, info->n_readers, written, age, info->title[0] ? info->title : info->command);
	if (!ls->header_printed)
		ls->error = output_write(header, strlen(header));
	ls->header_printed = true;
	if (ls->error == 0)
		ls->error = output_write(row, (size_t)n);
	return ls->error;
}

static int list_session(void *user, const struct rcast_session_info *info)
{
	struct ls *ls = user;

	if (!ls->as_json)
		return print_row(ls, info);
	json_begin(&ls->json, '{');
	describe_json(&ls->json, info);
	json_end(&ls->json, '}');
	return 0;
}

static int list_all(struct ls *ls)
{
	int result;

	json_begin(&ls->json, '[');
	result = connect_list(list_session, ls);
	json_end(&ls->json, ']');
	if (ls->error == 0 && result < 0)
		return message_no_connection(NULL, result);
	if (ls->as_json)
		ls->error = json_flush_line(&ls->json);
	return ls->error ? output_failed(ls->error) : EXIT_CODE_OK;
}

enum { OPTION_JSON = 256 };

static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON}, {0}};

static int ls_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct ls ls = {0};
	int option, exit_code;

	while ((option = options_next(&line)) >= 0)
		ls.as_json = true;
	if (option == OPTIONS_OVER)
		return line.exit_code;
	if (!options_operands(&line, 0))
		return EXIT_CODE_USAGE;
	exit_code = list_all(&ls);
	json_free(&ls.json);
	return exit_code;
}

const struct verb verb_ls = {
	.name = "ls",
	.arguments = "[--json]",
	.summary = "List the sessions of all engines of this user",
	.help = "  --json   as one array of objects\n"
		"\n"
		"Prints nothing if there are none. Engines that do not answer are left out.\n",
	.run = ls_verb,
};
