/* SPDX-License-Identifier: MIT */
/*
 * The verbs that are one command to one session: send, resize, kick, kill.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/connect.h"
#include "cli/message.h"
#include "cli/options.h"

/* One command on its way: what the operands and options came to. */
struct order {
	const char *session;
	char *text; /* send */
	size_t n_text;
	uint16_t cols, rows;
	uint64_t reader;
	uint64_t ring_bytes;
};

static int carry_out(const struct order *order, int (*command)(struct rcast_client *client, const struct order *order))
{
	struct rcast_client *client;
	int result = connect_session(order->session, &client);

	if (result < 0)
		return message_no_connection(order->session, result);
	result = command(client, order);
	if (result < 0)
		result = message_client(client, order->session, result);
	rcast_client_free(client);
	return result;
}

/* The operands of a verb without options; NULL: exit with *exit_code. */
static char **plain_operands(const struct verb *verb, int argc, char **argv, int n, int *exit_code)
{
	static const struct option none[] = {{0}};
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = none};

	*exit_code = EXIT_CODE_USAGE;
	if (options_next(&line) == OPTIONS_OVER) {
		*exit_code = line.exit_code;
		return NULL;
	}
	return options_session(&line, n);
}

/* ── send ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int send_text(struct rcast_client *client, const struct order *order)
{
	return rcast_client_send_input(client, order->session, order->text, order->n_text);
}

enum { OPTION_ENTER = 256 };

static const struct option send_options[] = {{"enter", no_argument, NULL, OPTION_ENTER}, {0}};

static int send_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = send_options};
	struct order order = {0};
	char **operands;
	bool enter = false;
	int option, result;

	while ((option = options_next(&line)) >= 0)
		enter = true;
	if (option == OPTIONS_OVER)
		return line.exit_code;
	operands = options_session(&line, 2);
	if (!operands)
		return EXIT_CODE_USAGE;
	order.session = operands[0];
	order.n_text = strlen(operands[1]);
	order.text = malloc(order.n_text + 1);
	if (!order.text) {
		message_line("no memory for the text");
		return EXIT_CODE_FAILURE;
	}
	memcpy(order.text, operands[1], order.n_text);
	if (enter)
		order.text[order.n_text++] = '\r';
	result = carry_out(&order, send_text);
	free(order.text);
	return result;
}

const struct verb verb_send = {
	.name = "send",
	.arguments = "[--enter] [--] NAME TEXT",
	.summary = "Type text into a session",
	.help = "  --enter   and the Enter key after it\n"
		"\n"
		"TEXT is sent as it is; a shell makes control characters of $'\\x03'.\n",
	.run = send_verb,
};

/* ── resize ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int resize(struct rcast_client *client, const struct order *order)
{
	return rcast_client_resize(client, order->session, order->cols, order->rows);
}

static int resize_ring(struct rcast_client *client, const struct order *order)
{
	return rcast_client_resize_ring(client, order->session, order->ring_bytes);
}

enum { OPTION_RING = 256 };

static const struct option resize_options[] = {{"ring", required_argument, NULL, OPTION_RING}, {0}};

static int resize_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = resize_options};
	struct order order = {0};
	char **operands;
	int option;

	while ((option = options_next(&line)) >= 0)
		if (!parse_ring_bytes(optarg, &order.ring_bytes))
			return message_usage(verb, "'%.40s' is no size of a ring: a power of two, such as 64K, 4M or 1G",
					     optarg);
	if (option == OPTIONS_OVER)
		return line.exit_code;
	operands = options_session(&line, order.ring_bytes ? 1 : 2);
	if (!operands)
		return EXIT_CODE_USAGE;
	order.session = operands[0];
	if (order.ring_bytes)
		return carry_out(&order, resize_ring);
	if (!parse_window(operands[1], &order.cols, &order.rows))
		return message_usage(verb, "'%.40s' is no size: COLSxROWS, such as 80x24, each from 1 to 65535",
				     operands[1]);
	return carry_out(&order, resize);
}

const struct verb verb_resize = {
	.name = "resize",
	.arguments = "NAME COLSxROWS | --ring SIZE NAME",
	.summary = "Set the size of a session's terminal, or of its ring",
	.help = "  --ring SIZE   move the session to a ring of this size: 64K to 1G, a power of two\n"
		"\n"
		"Nobody who is attached loses anything when the ring changes; later ones find what was printed since.\n",
	.run = resize_verb,
};

/* ── kick ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int kick(struct rcast_client *client, const struct order *order)
{
	return rcast_client_kick(client, order->session, order->reader);
}

static int kick_verb(const struct verb *verb, int argc, char **argv)
{
	struct order order = {.reader = RCAST_ALL_READERS};
	int exit_code;
	char **operands = plain_operands(verb, argc, argv, 2, &exit_code);

	if (!operands)
		return exit_code;
	order.session = operands[0];
	if (strcmp(operands[1], "all") != 0 && !parse_u64(operands[1], RCAST_ALL_READERS - 1, &order.reader))
		return message_usage(verb, "'%.40s' is no reader: a number that 'ringcast stat %s' shows, or all",
				     operands[1], order.session);
	return carry_out(&order, kick);
}

const struct verb verb_kick = {
	.name = "kick",
	.arguments = "NAME READER|all",
	.summary = "Detach a reader from a session, or all of them",
	.help = "READER is a number that 'ringcast stat NAME' shows.\n"
		"\n"
		"The session moves to other memory: what it prints from then on is not in any that they have mapped.\n",
	.run = kick_verb,
};

/* ── kill ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int kill_session(struct rcast_client *client, const struct order *order)
{
	return rcast_client_kill(client, order->session);
}

static int kill_verb(const struct verb *verb, int argc, char **argv)
{
	struct order order = {0};
	int exit_code;
	char **operands = plain_operands(verb, argc, argv, 1, &exit_code);

	if (!operands)
		return exit_code;
	order.session = operands[0];
	return carry_out(&order, kill_session);
}

const struct verb verb_kill = {
	.name = "kill",
	.arguments = "NAME",
	.summary = "End a session and remove it, without linger",
	.help = "The program gets SIGHUP.\n",
	.run = kill_verb,
};
