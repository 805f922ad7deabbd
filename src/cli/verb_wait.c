/* SPDX-License-Identifier: MIT */
/*
 * `ringcast wait`: until a session is silent, has printed something, or has ended. For scripts, which otherwise sleep and hope.
 *
 * Nothing is asked of the engine again and again: records come as to any viewer, and one timer, in the place of the keys, stands
 * for whichever is next, silence or the end of patience. Silence counts from the time stamped on the latest output. While there
 * is a backlog to read, that stamp is old and means nothing, so silence is believed only after a turn that took few records.
 *
 * A line is what was printed since the last line feed. It is looked at whenever a record has been added to it, so that a prompt
 * is found too.
 */
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/follow.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/signals.h"

#define NS_A_MS UINT64_C(1000000)
#define NEVER UINT64_MAX
#define MANY_RECORDS 32
#define LOOK_AGAIN_NS (5 * NS_A_MS)
#define LINE_BYTES 4096

struct wait {
	uint64_t idle_ns, deadline_ns; /* NEVER: not asked for */
	bool wants_match, found, is_late;
	regex_t pattern;
	char line[LINE_BYTES + 1];
	size_t n_line;
	uint64_t latest_output_ns;
	unsigned n_in_turn;
	bool has_backlog;
	int timer_fd;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 * NS_A_MS + (uint64_t)now.tv_nsec;
}

/* ── The stream ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void judge_line(struct wait *wait)
{
	wait->line[wait->n_line] = '\0';
	wait->found = wait->found || regexec(&wait->pattern, wait->line, 0, NULL, 0) == 0;
}

/* A line longer than the room for it is looked at in pieces. */
static void look_for_pattern(struct wait *wait, const char *text, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++) {
		bool ends = text[i] == '\n' || text[i] == '\0' || wait->n_line == LINE_BYTES;
		if (ends) {
			judge_line(wait);
			wait->n_line = 0;
		}
		if (text[i] != '\n' && text[i] != '\r' && text[i] != '\0')
			wait->line[wait->n_line++] = text[i];
	}
	judge_line(wait);
}

/* -ECANCELED: there is nothing more to wait for. */
static int wait_record(void *user, const struct rcast_record *record)
{
	struct wait *wait = user;

	wait->n_in_turn++;
	if (record->kind != RCAST_OUTPUT)
		return 0;
	wait->latest_output_ns = record->stamped ? record->time_ns : now_ns();
	if (wait->wants_match)
		look_for_pattern(wait, record->data, record->n_bytes);
	return wait->found ? -ECANCELED : 0;
}

/* What was lost may have held a line's end. */
static int wait_gap(void *user, const struct rcast_loss *lost)
{
	struct wait *wait = user;

	wait->n_line = 0;
	wait->n_in_turn += MANY_RECORDS;
	return 0;
}

/* ── The timer ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void set_timer(const struct wait *wait, uint64_t at_ns)
{
	struct itimerspec time = {
		.it_value = {.tv_sec = (time_t)(at_ns / (1000 * NS_A_MS)), .tv_nsec = (long)(at_ns % (1000 * NS_A_MS))}};

	if (at_ns != NEVER)
		timerfd_settime(wait->timer_fd, TFD_TIMER_ABSTIME, &time, NULL);
}

static uint64_t silent_at_ns(const struct wait *wait)
{
	return wait->idle_ns == NEVER ? NEVER : wait->latest_output_ns + wait->idle_ns;
}

static void wait_pause(void *user)
{
	struct wait *wait = user;
	uint64_t silent_at = silent_at_ns(wait);

	wait->has_backlog = wait->n_in_turn >= MANY_RECORDS;
	wait->n_in_turn = 0;
	set_timer(wait, silent_at < wait->deadline_ns ? silent_at : wait->deadline_ns);
}

/* The timer has run out. False: there is nothing more to wait for. */
static bool wait_timer(void *user)
{
	struct wait *wait = user;
	uint64_t n_expired, now;

	if (read(wait->timer_fd, &n_expired, sizeof n_expired) < 0)
		return true;
	now = now_ns();
	wait->is_late = now >= wait->deadline_ns;
	if (wait->is_late)
		return false;
	if (wait->has_backlog) {
		wait->has_backlog = false;
		set_timer(wait, now + LOOK_AGAIN_NS);
		return true;
	}
	wait->found = now >= silent_at_ns(wait);
	return !wait->found;
}

/* ── The verb ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int judge(const struct wait *wait, const struct follow *follow, enum follow_end end)
{
	if (wait->found || (end == FOLLOW_ENDED && !wait->wants_match))
		return EXIT_CODE_OK;
	if (wait->is_late)
		message_line("%s: what was waited for did not come in time", follow->session);
	else if (end == FOLLOW_ENDED)
		message_line("%s has ended, and what was waited for did not come", follow->session);
	else {
		follow_say_end(follow, end);
		return follow_exit_code(follow, end);
	}
	return EXIT_CODE_NOT_COME;
}

static int wait_for_session(struct wait *wait, const char *session, struct rcast_client *client)
{
	static const struct follow_ops ops = {
		.record = wait_record, .gap = wait_gap, .input = wait_timer, .pause = wait_pause};
	struct follow follow = {.session = session, .client = client, .ops = &ops, .user = wait, .input_fd = wait->timer_fd};
	int result = rcast_client_restrict_to_view(client);

	if (result == 0)
		result = rcast_view_open(client, session, NULL, &follow.view);
	if (result < 0)
		return message_client(client, session, result);
	result = judge(wait, &follow, follow_run(&follow));
	rcast_view_close(follow.view);
	return result;
}

static int connect_and_wait(struct wait *wait, const char *session)
{
	struct rcast_client *client;
	int result = rcast_client_connect_session(session, &client);

	if (result < 0)
		return message_no_connection(session, result);
	result = wait_for_session(wait, session, client);
	rcast_client_free(client);
	return result;
}

/* 800ms, 2s, 5m, or seconds. */
static bool parse_duration(const char *text, uint64_t *ns)
{
	char *unit;
	unsigned long long value = strtoull(text, &unit, 10);
	uint64_t unit_ms = strcmp(unit, "ms") == 0                           ? 1
			   : strcmp(unit, "s") == 0 || strcmp(unit, "") == 0 ? 1000
			   : strcmp(unit, "m") == 0                          ? 60000
									     : 0;

	if (text[0] < '0' || text[0] > '9' || unit_ms == 0 || value > UINT64_C(86400000) / unit_ms)
		return false;
	*ns = value * unit_ms * NS_A_MS;
	return true;
}

enum { OPTION_IDLE = 256, OPTION_MATCH, OPTION_EXIT, OPTION_TIMEOUT };

static const struct option options[] = {{"idle", required_argument, NULL, OPTION_IDLE},
					{"match", required_argument, NULL, OPTION_MATCH},
					{"exit", no_argument, NULL, OPTION_EXIT},
					{"timeout", required_argument, NULL, OPTION_TIMEOUT},
					{0}};

/* 0, or the exit code. */
static int take_option(const struct verb *verb, struct wait *wait, int option)
{
	uint64_t timeout_ns;

	if (option == OPTION_IDLE && !parse_duration(optarg, &wait->idle_ns))
		return message_usage(verb, "--idle takes a time such as 800ms, 2s or 5m, up to a day, not '%.40s'", optarg);
	if (option == OPTION_TIMEOUT) {
		if (!parse_duration(optarg, &timeout_ns))
			return message_usage(
				verb, "--timeout takes a time such as 800ms, 2s or 5m, up to a day, not '%.40s'", optarg);
		wait->deadline_ns = now_ns() + timeout_ns;
	}
	if (option == OPTION_MATCH) {
		if (wait->wants_match || regcomp(&wait->pattern, optarg, REG_EXTENDED | REG_NOSUB) != 0)
			return message_usage(verb, "--match takes one extended regular expression, not '%.40s'", optarg);
		wait->wants_match = true;
	}
	return 0;
}

static int parse_and_wait(const struct verb *verb, struct wait *wait, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	unsigned n_conditions = 0;
	char **operands;
	int option, result;

	while ((option = options_next(&line)) >= 0) {
		n_conditions += option != OPTION_TIMEOUT;
		result = take_option(verb, wait, option);
		if (result != 0)
			return result;
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	operands = options_operands(&line, 1);
	if (!operands || !message_check_name(verb, "session", operands[0]))
		return EXIT_CODE_USAGE;
	if (n_conditions != 1)
		return message_usage(verb, "it takes one of --idle, --match and --exit");
	signals_open();
	return connect_and_wait(wait, operands[0]);
}

static int wait_verb(const struct verb *verb, int argc, char **argv)
{
	struct wait wait = {.idle_ns = NEVER, .deadline_ns = NEVER, .latest_output_ns = now_ns()};
	int result;

	wait.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (wait.timer_fd < 0) {
		message_line("a timer cannot be made: %s", message_errno(-errno));
		return EXIT_CODE_FAILURE;
	}
	result = parse_and_wait(verb, &wait, argc, argv);
	if (wait.wants_match)
		regfree(&wait.pattern);
	close(wait.timer_fd);
	return result;
}

const struct verb verb_wait = {
	.name = "wait",
	.arguments = "--idle TIME|--match RE|--exit [--timeout TIME] NAME",
	.summary = "Wait until a session is silent, has printed something, or has ended",
	.help = "  --idle TIME     until nothing has been printed for that long (800ms, 2s, 5m), or the session has ended\n"
		"  --match RE      until a line matches this extended regular expression. What the ring still holds counts "
		"too;\n"
		"                  the line that is being printed counts as far as it has come. Lines are the program's "
		"bytes,\n"
		"                  escape sequences among them.\n"
		"  --exit          until the session has ended\n"
		"  --timeout TIME  but no longer than this\n"
		"\n"
		"Exit status 7: it did not come in time, or the session ended without it.\n",
	.run = wait_verb,
};
