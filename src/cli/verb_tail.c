/* SPDX-License-Identifier: MIT */
/*
 * `ringcast tail`: a session as a stream of bytes, or of JSON, for other programs.
 *
 * Standard output gets exactly what the program printed and nothing else; what was lost is said on standard error and in the
 * exit status. "From the oldest" therefore means from position 0: what the ring has already dropped is then a gap like any
 * other, and what was delivered and what was lost add up to what was written.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/connect.h"
#include "cli/describe.h"
#include "cli/follow.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/signals.h"

struct tail {
	const char *session;
	enum rcast_from from;
	uint64_t from_pos;
	bool raw, by_circuit;
	bool as_json;
	struct json json;
};

/* ── Raw ─────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int write_raw(void *user, const struct rcast_record *record)
{
	return record->kind == RCAST_OUTPUT ? output_write(record->data, record->n_bytes) : 0;
}

/* A gap before the first record, from a position in the middle, has no record before it to compare stamps with. */
static int say_gap(void *user, const struct rcast_loss *lost)
{
	if (lost->lost_records == 0)
		message_line("gap: what was at ring positions %" PRIu64 " to %" PRIu64 " is lost", lost->gap.from_pos,
			     lost->gap.to_pos);
	else
		message_line("gap: %" PRIu64 " bytes of output lost in %" PRIu64 " records (ring positions %" PRIu64
			     " to %" PRIu64 ")",
			     lost->lost_output, lost->lost_records, lost->gap.from_pos, lost->gap.to_pos);
	return 0;
}

/* ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *kind_name(uint8_t kind)
{
	switch (kind) {
	case RCAST_OUTPUT:
		return "output";
	case RCAST_RESIZE:
		return "resize";
	case RCAST_TITLE:
		return "title";
	case RCAST_EXIT:
		return "exit";
	case RCAST_MARKER:
		return "marker";
	case RCAST_BELL:
		return "bell";
	case RCAST_DIRECTORY:
		return "directory";
	case RCAST_COMMAND:
		return "command";
	case RCAST_MODES:
		return "modes";
	case RCAST_ANSWERER:
		return "answerer";
	default:
		return kind >= RCAST_APPLICATION ? "application" : "unknown";
	}
}

static void put_unsigned(struct json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_unsigned(json, value);
}

static void put_signed(struct json *json, const char *key, int64_t value)
{
	json_key(json, key);
	json_signed(json, value);
}

static void put_command(struct json *json, const struct rcast_command *command)
{
	json_key(json, "step");
	json_string(json, describe_step((enum rcast_command_step)command->step));
	if (command->step == RCAST_STEP_DONE && command->status >= 0)
		put_signed(json, "status", command->status);
	put_unsigned(json, "at_output_pos", command->output_pos);
	if (command->n_left_out > 0)
		put_unsigned(json, "left_out", command->n_left_out);
}

static void put_payload(struct json *json, const struct rcast_record *record)
{
	struct rcast_resize resize;
	struct rcast_exit exit;
	struct rcast_bell bell;
	struct rcast_command command;
	struct rcast_modes modes;
	struct rcast_answerer answerer;

	if (record->kind == RCAST_RESIZE && record->n_bytes >= sizeof resize) {
		memcpy(&resize, record->data, sizeof resize);
		put_unsigned(json, "cols", resize.cols);
		put_unsigned(json, "rows", resize.rows);
	} else if (record->kind == RCAST_EXIT && record->n_bytes >= sizeof exit) {
		memcpy(&exit, record->data, sizeof exit);
		put_signed(json, "status", exit.status);
		put_signed(json, "signal", exit.signal);
	} else if (record->kind == RCAST_BELL && record->n_bytes >= sizeof bell) {
		memcpy(&bell, record->data, sizeof bell);
		put_unsigned(json, "bells", bell.n_bells);
	} else if (record->kind == RCAST_COMMAND && record->n_bytes >= sizeof command) {
		memcpy(&command, record->data, sizeof command);
		put_command(json, &command);
	} else if (record->kind == RCAST_MODES && record->n_bytes >= sizeof modes) {
		memcpy(&modes, record->data, sizeof modes);
		describe_json_modes(json, modes.set);
	} else if (record->kind == RCAST_ANSWERER && record->n_bytes >= sizeof answerer) {
		memcpy(&answerer, record->data, sizeof answerer);
		put_unsigned(json, "reader", answerer.reader);
	} else {
		json_bytes(json, "data", record->data, record->n_bytes);
	}
}

static int write_json(void *user, const struct rcast_record *record)
{
	struct json *json = &((struct tail *)user)->json;

	json_begin(json, '{');
	json_key(json, "kind");
	json_string(json, kind_name(record->kind));
	if (record->kind >= RCAST_APPLICATION)
		put_unsigned(json, "number", record->kind);
	put_unsigned(json, "pos", record->pos);
	if (record->stamped) {
		put_unsigned(json, "time_ns", record->time_ns);
		put_unsigned(json, "sequence", record->sequence);
		put_unsigned(json, "output_pos", record->output_pos);
	}
	put_payload(json, record);
	json_end(json, '}');
	return json_flush_line(json);
}

static int write_json_gap(void *user, const struct rcast_loss *lost)
{
	struct json *json = &((struct tail *)user)->json;

	say_gap(user, lost);
	json_begin(json, '{');
	json_key(json, "kind");
	json_string(json, "gap");
	put_unsigned(json, "from_pos", lost->gap.from_pos);
	put_unsigned(json, "to_pos", lost->gap.to_pos);
	put_unsigned(json, "lost_bytes", lost->lost_bytes);
	put_unsigned(json, "lost_records", lost->lost_records);
	put_unsigned(json, "lost_output", lost->lost_output);
	json_end(json, '}');
	return json_flush_line(json);
}

/* ── The verb ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int follow_session(struct tail *tail, struct rcast_client *client)
{
	static const struct follow_ops raw_ops = {.record = write_raw, .gap = say_gap};
	static const struct follow_ops json_ops = {.record = write_json, .gap = write_json_gap};
	struct rcast_view_options options = {.from = tail->from, .from_pos = tail->from_pos, .by_circuit = tail->by_circuit};
	struct follow follow = {.session = tail->session,
				.client = client,
				.ops = tail->as_json ? &json_ops : &raw_ops,
				.user = tail,
				.input_fd = -1};
	enum follow_end end;
	int result;

	result = rcast_client_restrict_to_view(client);
	if (result == 0)
		result = rcast_view_open(client, tail->session, &options, &follow.view);
	if (result < 0)
		return message_client(client, tail->session, result);
	end = follow_run(&follow);
	if (end != FOLLOW_ENDED)
		follow_say_end(&follow, end);
	rcast_view_close(follow.view);
	if (end == FOLLOW_ENDED && follow.told.n_gaps > 0)
		return EXIT_CODE_GAPS;
	return follow_exit_code(&follow, end);
}

static int tail_session(struct tail *tail)
{
	struct rcast_client *client;
	int result = connect_session(tail->session, &client);

	if (result < 0)
		return message_no_connection(tail->session, result);
	result = follow_session(tail, client);
	rcast_client_free(client);
	json_free(&tail->json);
	return result;
}

enum { OPTION_FROM = 256, OPTION_RAW, OPTION_JSON, OPTION_BY_CIRCUIT };

static const struct option options[] = {{"from", required_argument, NULL, OPTION_FROM},
					{"raw", no_argument, NULL, OPTION_RAW},
					{"json", no_argument, NULL, OPTION_JSON},
					{"by-circuit", no_argument, NULL, OPTION_BY_CIRCUIT},
					{0}};

static int tail_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct tail tail = {.from = RCAST_FROM_POS};
	char **operands;
	int option;

	while ((option = options_next(&line)) >= 0) {
		tail.raw = tail.raw || option == OPTION_RAW;
		tail.as_json = tail.as_json || option == OPTION_JSON;
		tail.by_circuit = tail.by_circuit || option == OPTION_BY_CIRCUIT;
		if (option == OPTION_FROM && !parse_from(optarg, &tail.from, &tail.from_pos))
			return message_usage(verb, "--from takes oldest, newest or a position, not '%.40s'", optarg);
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	if (tail.raw && tail.as_json)
		return message_usage(verb, "--raw and --json exclude each other");
	operands = options_session(&line, 1);
	if (!operands)
		return EXIT_CODE_USAGE;
	if (tail.from == RCAST_FROM_OLDEST)
		tail.from = RCAST_FROM_POS;
	tail.session = operands[0];
	signals_open();
	return tail_session(&tail);
}

const struct verb verb_tail = {
	.name = "tail",
	.arguments = "[--from oldest|newest|POS] [--raw|--json] [--by-circuit] NAME",
	.summary = "Write a session's output to standard output until the session has ended",
	.help = "  --from WHERE   oldest (the default): everything there ever was; what is no longer held is a gap.\n"
		"                 newest: only what comes from now on. POS: from this ring position on.\n"
		"  --raw          exactly the bytes that the program printed (the default)\n"
		"  --json         one JSON object a line for each record: kind, pos, time_ns, sequence, output_pos and data\n"
		"                 (data_base64 if it is not UTF-8), or what a record of that kind says; gaps are objects too\n"
		"  --by-circuit   take the records over the socket instead of mapping the ring\n"
		"\n"
		"Gaps are said on standard error, and end in exit status 4 instead of 0.\n",
	.run = tail_verb,
};
