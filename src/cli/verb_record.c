/* SPDX-License-Identifier: MIT */
/*
 * `ringcast record`: a session into a file that asciinema plays.
 *
 * The recorder asks for a lease, so that a slow disk holds the program back for a moment rather than losing output. Not every
 * engine grants one; without it, or when it runs out, what was lost is a marker in the recording and exit status 4. Behind the
 * marker stands the screen as it was when the recorder went on, so that what is played from there is right.
 *
 * With --last it does not follow: what the ring holds of that time is written (recent.c), and that is all.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/cast.h"
#include "cli/clock.h"
#include "cli/connect.h"
#include "cli/follow.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/recent.h"
#include "cli/signals.h"

#define LEASE_MS 2000

struct record {
	const char *session, *path;
	enum rcast_from from;
	uint64_t from_pos;
	uint32_t last_ms; /* 0: follow */
	bool overwrite;
	struct rcast_view *view;
	struct cast cast;
	struct recent recent;
};

static int record_record(void *user, const struct rcast_record *record)
{
	struct record *recorder = user;

	if (recorder->last_ms)
		return recent_write(&recorder->recent, record);
	if (record->kind == RCAST_KEYFRAME)
		return cast_write_screen(&recorder->cast, rcast_view_keyframe(recorder->view), clock_now_ns());
	return cast_write(&recorder->cast, record);
}

static int record_gap(void *user, const struct rcast_loss *lost)
{
	struct record *recorder = user;

	return recorder->last_ms ? recent_write_gap(&recorder->recent, lost) : cast_write_gap(&recorder->cast, lost);
}

static int say_unwritable(const struct record *recorder, int error)
{
	message_line("%s cannot be written further, and ends with the last whole event: %s", recorder->path,
		     message_errno(error));
	return EXIT_CODE_FAILURE;
}

static int say_not_made(const struct record *recorder, int error)
{
	if (error == -EEXIST)
		message_line("%s exists already; --overwrite replaces it", recorder->path);
	else
		message_line("%s cannot be made: %s", recorder->path, message_errno(error));
	return EXIT_CODE_FAILURE;
}

/* Lapped, a recording of a screen goes on at the screen; one of bytes has as many of them as it can. */
static int open_view(struct record *recorder, struct rcast_client *client)
{
	struct rcast_view_options options = {.from = recorder->from,
					     .from_pos = recorder->from_pos,
					     .lease_ms = LEASE_MS,
					     .rejoin = recorder->cast.format != CAST_RAW && !recorder->last_ms};
	int result = rcast_view_open(client, recorder->session, &options, &recorder->view);

	if (result == -EPERM) {
		options.lease_ms = 0;
		result = rcast_view_open(client, recorder->session, &options, &recorder->view);
	}
	return result;
}

static int say_lost(const struct record *recorder, const struct follow *follow)
{
	const struct recent *recent = &recorder->recent;
	bool is_cut = recorder->last_ms && recent_is_cut(recent);

	if (is_cut)
		message_line("%s: the ring held no more than the last %.1f s; a larger --ring holds more", recorder->session,
			     (double)(recent->until_ns - recent->held_since_ns) / (double)NS_A_SECOND);
	if (follow->told.n_gaps > 0)
		message_line("%" PRIu64 " bytes of output are missing in %s", follow->told.lost_output, recorder->path);
	return is_cut || follow->told.n_gaps > 0 ? EXIT_CODE_GAPS : EXIT_CODE_OK;
}

static enum follow_end write_recent(struct record *recorder, struct follow *follow)
{
	bool has_any = recorder->cast.info->first_pos < recorder->cast.info->next_pos;
	enum follow_end end = has_any ? follow_run(follow) : FOLLOW_ENDED;

	if (end == FOLLOW_UNWRITABLE && follow->error == -ECANCELED)
		end = FOLLOW_ENDED;
	if (end != FOLLOW_ENDED)
		return end;
	follow->error = recent_finish(&recorder->recent);
	return follow->error < 0 ? FOLLOW_UNWRITABLE : FOLLOW_ENDED;
}

/* Returns the exit code. */
static int write_and_close(struct record *recorder, struct follow *follow)
{
	enum follow_end end = recorder->last_ms ? write_recent(recorder, follow) : follow_run(follow);
	int error = cast_close(&recorder->cast);

	if (end == FOLLOW_UNWRITABLE)
		return say_unwritable(recorder, follow->error);
	if (error < 0)
		return say_unwritable(recorder, error);
	if (end == FOLLOW_ENDED)
		return say_lost(recorder, follow);
	follow_say_end(follow, end);
	return follow_exit_code(follow, end);
}

static int record_session(struct record *recorder, struct rcast_client *client)
{
	static const struct follow_ops ops = {.record = record_record, .gap = record_gap};
	struct follow follow = {
		.session = recorder->session, .client = client, .ops = &ops, .user = recorder, .input_fd = -1};
	int result = open_view(recorder, client);

	if (result < 0)
		return message_client(client, recorder->session, result);
	follow.view = recorder->view;
	recorder->cast.info = rcast_view_info(recorder->view);
	result = cast_open(&recorder->cast, recorder->path, recorder->overwrite);
	if (result == 0) {
		recent_open(&recorder->recent, &recorder->cast, recorder->last_ms * NS_A_MS);
		result = write_and_close(recorder, &follow);
		recent_close(&recorder->recent);
	} else {
		result = say_not_made(recorder, result);
	}
	rcast_view_close(recorder->view);
	return result;
}

static bool parse_format(const char *text, enum cast_format *format)
{
	static const char *const names[] = {[CAST_V3] = "v3", [CAST_V2] = "v2", [CAST_RAW] = "raw"};

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		*format = (enum cast_format)i;
		if (strcmp(text, names[i]) == 0)
			return true;
	}
	return false;
}

static bool parse_begin(const char *text, struct record *recorder)
{
	if (strcmp(text, "screen") != 0)
		return parse_from(text, &recorder->from, &recorder->from_pos);
	recorder->from = RCAST_FROM_SCREEN;
	return true;
}

enum { OPTION_FORMAT = 256, OPTION_FROM, OPTION_LAST, OPTION_OVERWRITE };

static const struct option options[] = {{"format", required_argument, NULL, OPTION_FORMAT},
					{"from", required_argument, NULL, OPTION_FROM},
					{"last", required_argument, NULL, OPTION_LAST},
					{"overwrite", no_argument, NULL, OPTION_OVERWRITE},
					{0}};

/* 0, or the exit code. */
static int take_option(const struct verb *verb, struct record *recorder, int option)
{
	recorder->overwrite = recorder->overwrite || option == OPTION_OVERWRITE;
	if (option == OPTION_FORMAT && !parse_format(optarg, &recorder->cast.format))
		return message_usage(verb, "--format takes v3, v2 or raw, not '%.40s'", optarg);
	if (option == OPTION_FROM && !parse_begin(optarg, recorder))
		return message_usage(verb, "--from takes oldest, newest, screen or a position, not '%.40s'", optarg);
	if (option == OPTION_LAST && (!parse_duration(optarg, &recorder->last_ms) || recorder->last_ms == 0))
		return message_usage(verb, "--last takes a time such as 90s, 5m or 1h, up to a day, not '%.40s'", optarg);
	return 0;
}

static int record_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct record recorder = {.cast.fd = -1};
	struct rcast_client *client;
	char **operands;
	int option, result;

	while ((option = options_next(&line)) >= 0) {
		result = take_option(verb, &recorder, option);
		if (result != 0)
			return result;
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	if (recorder.last_ms && (recorder.from != RCAST_FROM_OLDEST || recorder.from_pos != 0))
		return message_usage(verb, "--last and --from are two ways to say where to begin");
	operands = options_session(&line, 2);
	if (!operands)
		return EXIT_CODE_USAGE;
	recorder.session = operands[0];
	recorder.path = operands[1];
	signals_open();
	result = connect_session(recorder.session, &client);
	if (result < 0)
		return message_no_connection(recorder.session, result);
	result = record_session(&recorder, client);
	rcast_client_free(client);
	return result;
}

const struct verb verb_record = {
	.name = "record",
	.arguments = "[--format v3|v2|raw] [--from oldest|newest|screen|POS | --last TIME] [--overwrite] NAME FILE",
	.summary = "Record a session into a file that asciinema plays",
	.help = "  --format F     v3 (the default) and v2 are asciicast, with times, sizes, markers and, in v3, the exit status;\n"
		"                 raw is the bytes alone\n"
		"  --from WHERE   oldest (the default): from what the ring still holds on, with the times of then.\n"
		"                 newest: only what comes from now on. screen: the same, beginning with the screen as it is.\n"
		"                 POS: from this ring position on\n"
		"  --last TIME    after the fact: what the ring still holds of the last 90s, 5m or 1h, beginning with the\n"
		"                 screen of then. Does not wait for more. Exit status 4 if the ring held less\n"
		"  --overwrite    replace FILE if it exists\n"
		"\n"
		"Records until the session has ended, or a signal such as Ctrl-C ends it; the file is valid at any time. What\n"
		"was lost is a marker in it, and exit status 4. Input is not recorded.\n",
	.run = record_verb,
};
