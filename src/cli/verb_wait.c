/* SPDX-License-Identifier: MIT */
/*
 * `ringcast wait`: until a session is silent, has printed something, shows a prompt, or has ended. For scripts, which
 * otherwise sleep and hope.
 *
 * The waiting itself is the library's (rcast_view_wait). There is no terminal to put back and nothing to write to its end, so
 * signals do to us what they do to any program.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/client.h>

#include "cli/connect.h"
#include "cli/matcher.h"
#include "cli/message.h"
#include "cli/options.h"

#define FOR_EVER (-1)

struct wait_order {
	struct rcast_wait_options condition;
	unsigned n_conditions;
	int timeout_ms;
	bool on_screen;          /* the match */
	struct matcher *matcher; /* then */
};

static int judge(const char *session, const struct rcast_client *client, int result)
{
	switch (result) {
	case 0:
		return EXIT_CODE_OK;
	case -ETIMEDOUT:
		message_line("%s: what was waited for did not come in time", session);
		return EXIT_CODE_NOT_COME;
	case -ENODATA:
		message_line("%s has ended, and what was waited for did not come", session);
		return EXIT_CODE_NOT_COME;
	case -ECONNABORTED:
		message_client(client, session, result);
		return EXIT_CODE_DETACHED;
	default:
		return message_client(client, session, result);
	}
}

static int wait_for_session(const struct wait_order *order, struct rcast_wait *wait, const char *session)
{
	static const struct rcast_view_options from_screen = {.from = RCAST_FROM_SCREEN, .rejoin = true};
	struct rcast_client *client;
	struct rcast_view *view = NULL;
	int result = connect_session(session, &client);

	if (result < 0)
		return message_no_connection(session, result);
	result = rcast_client_restrict_to_view(client);
	if (result == 0)
		result = rcast_view_open(client, session, order->on_screen ? &from_screen : NULL, &view);
	if (result == 0 && order->on_screen)
		order->matcher->view = view;
	if (result == 0)
		result = rcast_view_wait(view, wait, order->timeout_ms);
	result = judge(session, client, result);
	rcast_view_close(view);
	rcast_client_free(client);
	return result;
}

enum { OPTION_IDLE = 256, OPTION_MATCH, OPTION_PROMPT, OPTION_EXIT, OPTION_TIMEOUT, OPTION_ON };

static const struct option options[] = {{"idle", required_argument, NULL, OPTION_IDLE},
					{"match", required_argument, NULL, OPTION_MATCH},
					{"prompt", no_argument, NULL, OPTION_PROMPT},
					{"exit", no_argument, NULL, OPTION_EXIT},
					{"timeout", required_argument, NULL, OPTION_TIMEOUT},
					{"on", required_argument, NULL, OPTION_ON},
					{0}};

static int take_place(const struct verb *verb, struct wait_order *order, const char *place)
{
	order->on_screen = strcmp(place, "screen") == 0;
	if (!order->on_screen && strcmp(place, "bytes") != 0)
		return message_usage(verb, "--on takes screen or bytes, not '%.40s'", place);
	return 0;
}

/* 0, or the exit code. */
static int take_option(const struct verb *verb, struct wait_order *order, int option)
{
	struct rcast_wait_options *condition = &order->condition;
	bool is_timeout = option == OPTION_TIMEOUT;
	uint32_t ms = 0;

	if (option == OPTION_ON)
		return take_place(verb, order, optarg);
	order->n_conditions += !is_timeout;
	if ((is_timeout || option == OPTION_IDLE) && !parse_duration(optarg, &ms))
		return message_usage(verb, "--%s takes a time such as 800ms, 2s or 5m, up to a day, not '%.40s'",
				     is_timeout ? "timeout" : "idle", optarg);
	if (is_timeout)
		order->timeout_ms = (int)ms;
	else if (option == OPTION_IDLE)
		*condition = (struct rcast_wait_options){.wait_for = RCAST_WAIT_IDLE, .idle_ms = ms};
	else if (option == OPTION_MATCH)
		*condition = (struct rcast_wait_options){.wait_for = RCAST_WAIT_MATCH, .pattern = optarg};
	else
		*condition = (struct rcast_wait_options){.wait_for = option == OPTION_PROMPT ? RCAST_WAIT_PROMPT
											     : RCAST_WAIT_EXIT};
	return 0;
}

static int refuse_pattern(const struct verb *verb, const struct wait_order *order)
{
	return message_usage(verb, "--match takes an extended regular expression, not '%.40s'", order->condition.pattern);
}

static int create_and_wait(const struct verb *verb, const struct wait_order *order, const char *session)
{
	struct rcast_wait *wait;
	int result = rcast_wait_create(&order->condition, &wait);

	if (result == -EINVAL)
		return refuse_pattern(verb, order);
	if (result < 0) {
		message_line("%s", message_errno(result));
		return EXIT_CODE_FAILURE;
	}
	result = wait_for_session(order, wait, session);
	rcast_wait_free(wait);
	return result;
}

static int match_on_screen(const struct verb *verb, struct wait_order *order, const char *session)
{
	struct matcher matcher;
	int result;

	if (!matcher_open(&matcher, order->condition.pattern))
		return refuse_pattern(verb, order);
	order->matcher = &matcher;
	order->condition =
		(struct rcast_wait_options){.wait_for = RCAST_WAIT_JUDGE, .judge = matcher_judge, .user = &matcher};
	result = create_and_wait(verb, order, session);
	matcher_close(&matcher);
	return result;
}

static int check_and_wait(const struct verb *verb, struct wait_order *order, const char *session)
{
	if (order->n_conditions != 1)
		return message_usage(verb, "it takes one of --idle, --match, --prompt and --exit");
	if (!order->on_screen)
		return create_and_wait(verb, order, session);
	if (order->condition.wait_for != RCAST_WAIT_MATCH)
		return message_usage(verb, "--on says where to look for --match");
	return match_on_screen(verb, order, session);
}

static int wait_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct wait_order order = {.timeout_ms = FOR_EVER};
	char **operands;
	int option, result;

	while ((option = options_next(&line)) >= 0) {
		result = take_option(verb, &order, option);
		if (result != 0)
			return result;
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	operands = options_session(&line, 1);
	if (!operands)
		return EXIT_CODE_USAGE;
	return check_and_wait(verb, &order, operands[0]);
}

const struct verb verb_wait = {
	.name = "wait",
	.arguments = "--idle TIME|--match RE [--on screen|bytes]|--prompt|--exit [--timeout TIME] NAME",
	.summary = "Wait until a session is silent, has printed something, shows a prompt, or has ended",
	.help = "  --idle TIME     until nothing has been printed for that long (800ms, 2s, 5m), or the session has ended\n"
		"  --match RE      until a line matches this extended regular expression. What the ring still holds counts too;\n"
		"                  the line that is being printed counts as far as it has come. Lines are the program's bytes,\n"
		"                  escape sequences among them. With --on screen: a line as it stands on the screen.\n"
		"  --prompt        until the shell shows its prompt and nobody has pressed Enter since. For shells that say so by\n"
		"                  OSC 133, as fish 4 does by itself and others with their shell integration\n"
		"  --exit          until the session has ended\n"
		"  --timeout TIME  but no longer than this\n"
		"\n"
		"Exit status 7: it did not come in time, or the session ended without it.\n",
	.run = wait_verb,
};
