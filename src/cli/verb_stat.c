/* SPDX-License-Identifier: MIT */
/*
 * `ringcast stat`: one session in detail, and its readers.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/connect.h"
#include "cli/describe.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/output.h"

/* ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int print(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int print(const char *format, ...)
{
	char text[4096];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(text, sizeof text, format, list);
	va_end(list);
	return output_write(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static int print_session(const struct rcast_session_stats *stats)
{
	const struct rcast_session_info *info = &stats->info;
	char state[32], ring[16], output[16], age[16];

	describe_state(info, state, sizeof state);
	describe_bytes(info->ring_bytes, ring, sizeof ring);
	describe_bytes(info->n_output, output, sizeof output);
	describe_age(info->age_ms, age, sizeof age);
	return print("name       %s\nkind       %s\nstate      %s\npid        %d\nsize       %ux%u\nage        %s\n"
		     "title      %s\ncommand    %s\nring       %s, positions %" PRIu64 " to %" PRIu64 "\n"
		     "written    %s of output in %" PRIu64 " records, %" PRIu64 " reads\ninput      %" PRIu64 " bytes\n"
		     "kicked     %" PRIu64 " readers\nevicted    %" PRIu64 " that made no progress\nleases     %" PRIu64
		     " ran out\nrings      moved %" PRIu64 " times, at most %" PRIu64 " us each\nscreen     %" PRIu64
		     " keyframers died at it\nreaders    %u\n",
		     info->name, describe_kind(info->kind), state, info->pid, info->cols, info->rows, age, info->title,
		     info->command, ring, info->first_pos, info->next_pos, output, info->n_records, stats->n_reads,
		     stats->n_input, stats->n_kicked, stats->n_evicted, stats->n_leases_lost, stats->n_rotations,
		     (stats->max_rotation_ns + 999) / 1000, stats->n_keyframer_deaths, info->n_readers);
}

static int print_events(const struct rcast_session_info *info)
{
	char modes[128], shell[128];

	describe_modes(info->modes, modes, sizeof modes);
	describe_shell(info, shell, sizeof shell);
	return print("directory  %s\nshell      %s\nmodes      %s\nbells      %" PRIu64 "\n", info->directory, shell, modes,
		     info->n_bells);
}

static int print_reader(const struct rcast_reader_info *reader)
{
	return print("%8" PRIu64 "  %7d  %-7s  %-7s  %8" PRIu32 "  %12" PRIu64 "  %6" PRIu64 "  %6" PRIu64 "\n", reader->id,
		     reader->pid, reader->by_circuit ? "circuit" : "ring",
		     reader->answers     ? "answers"
		     : reader->may_input ? "yes"
					 : "no",
		     reader->lease_ms, reader->behind_bytes, reader->n_laps, reader->n_rings);
}

static int print_stats(const struct rcast_session_stats *stats)
{
	int result = print_session(stats);

	if (result == 0)
		result = print_events(&stats->info);
	if (result == 0 && stats->n_readers > 0)
		result = print("\n  READER      PID  BY       INPUT    LEASE MS        BEHIND    LAPS   RINGS\n");
	for (size_t i = 0; i < stats->n_readers && result == 0; i++)
		result = print_reader(&stats->readers[i]);
	return result;
}

/* ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_reader(struct json *json, const struct rcast_reader_info *reader)
{
	json_begin(json, '{');
	describe_json_unsigned(json, "id", reader->id);
	json_key(json, "pid");
	json_signed(json, reader->pid);
	json_key(json, "by_circuit");
	json_bool(json, reader->by_circuit);
	json_key(json, "may_input");
	json_bool(json, reader->may_input);
	json_key(json, "answers");
	json_bool(json, reader->answers);
	describe_json_unsigned(json, "lease_ms", reader->lease_ms);
	describe_json_unsigned(json, "pos", reader->pos);
	describe_json_unsigned(json, "behind_bytes", reader->behind_bytes);
	describe_json_unsigned(json, "laps", reader->n_laps);
	describe_json_unsigned(json, "rings", reader->n_rings);
	json_end(json, '}');
}

static int print_json(const struct rcast_session_stats *stats)
{
	struct json json = {0};
	int result;

	json_begin(&json, '{');
	describe_json(&json, &stats->info);
	describe_json_unsigned(&json, "reads", stats->n_reads);
	describe_json_unsigned(&json, "input_bytes", stats->n_input);
	describe_json_unsigned(&json, "kicked", stats->n_kicked);
	describe_json_unsigned(&json, "evicted", stats->n_evicted);
	describe_json_unsigned(&json, "leases_lost", stats->n_leases_lost);
	describe_json_unsigned(&json, "rotations", stats->n_rotations);
	describe_json_unsigned(&json, "last_rotation_ns", stats->last_rotation_ns);
	describe_json_unsigned(&json, "max_rotation_ns", stats->max_rotation_ns);
	describe_json_unsigned(&json, "keyframer_deaths", stats->n_keyframer_deaths);
	json_key(&json, "reader_list");
	json_begin(&json, '[');
	for (size_t i = 0; i < stats->n_readers; i++)
		put_reader(&json, &stats->readers[i]);
	json_end(&json, ']');
	json_end(&json, '}');
	result = json_flush_line(&json);
	json_free(&json);
	return result;
}

/* ── The verb ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int stat_session(const char *session, bool as_json)
{
	struct rcast_session_stats stats;
	struct rcast_client *client;
	int result = connect_session(session, &client);

	if (result < 0)
		return message_no_connection(session, result);
	result = rcast_client_stats(client, session, &stats);
	if (result < 0) {
		result = message_client(client, session, result);
	} else {
		result = as_json ? print_json(&stats) : print_stats(&stats);
		result = result < 0 ? output_failed(result) : EXIT_CODE_OK;
	}
	rcast_client_free(client);
	return result;
}

enum { OPTION_JSON = 256 };

static const struct option options[] = {{"json", no_argument, NULL, OPTION_JSON}, {0}};

static int stat_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	char **operands;
	bool as_json = false;
	int option;

	while ((option = options_next(&line)) >= 0)
		as_json = true;
	if (option == OPTIONS_OVER)
		return line.exit_code;
	operands = options_session(&line, 1);
	if (!operands)
		return EXIT_CODE_USAGE;
	return stat_session(operands[0], as_json);
}

const struct verb verb_stat = {
	.name = "stat",
	.arguments = "[--json] NAME",
	.summary = "Show one session in detail, and its readers",
	.help = "  --json   as one object\n",
	.run = stat_verb,
};
