/* SPDX-License-Identifier: MIT */
/*
 * Waits: a condition that is fed with what a view gives, and says when it has come.
 *
 *   begin ── record, gap … ── level ── record … ── level ──► has come
 *
 * Two kinds of condition. A line, or whatever the caller judges, has come the moment that its record has been read, however much
 * more there is to read. Silence says something about now: it is judged only when the view has nothing more to give
 * (*level*), because until then the latest record read is not the latest there is. Level, the condition says when it is to be
 * looked at again even if nothing comes, so one poll with a timeout is all that a wait sleeps in.
 *
 * Silence counts from the time stamped on the latest output. On a circuit a record may have been on its way for long, so there it
 * counts from its arrival.
 *
 * A line is what was printed since the last line feed. It is looked at whenever a record has been added to it, so that a prompt
 * is found too.
 *
 * Whether a shell shows its prompt, its records say. One that says so may not have come to us: it was overwritten before the view
 * had opened the ring, swallowed by a gap, or drawn into a keyframe. Where that is possible we are *unsure*, and once level the
 * engine is asked. What it answers holds up to known_pos; how it went on from there the records say.
 *
 * Called by programs; rcast_view_wait calls the view.
 */
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/view.h"

#define NS_A_MS UINT64_C(1000000)
#define NS_A_S UINT64_C(1000000000)
#define NEVER UINT64_MAX
#define LINE_BYTES 4096

struct rcast_wait {
	struct rcast_wait_options options;
	bool has_pattern, counts_from_arrival;
	regex_t pattern;
	char line[LINE_BYTES + 1];
	size_t n_line;
	uint64_t latest_output_ns;
	const struct rcast_view *view;
	bool at_prompt, is_unsure;
	uint64_t known_pos;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_A_S + (uint64_t)now.tv_nsec;
}

static int check(const struct rcast_wait_options *options)
{
	switch (options->wait_for) {
	case RCAST_WAIT_IDLE:
	case RCAST_WAIT_EXIT:
	case RCAST_WAIT_PROMPT:
		return 0;
	case RCAST_WAIT_MATCH:
		return options->pattern ? 0 : -EINVAL;
	case RCAST_WAIT_JUDGE:
		return options->judge ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int rcast_wait_create(const struct rcast_wait_options *options, struct rcast_wait **wait)
{
	struct rcast_wait *made;

	*wait = NULL;
	if (check(options) != 0)
		return -EINVAL;
	made = calloc(1, sizeof *made);
	if (!made)
		return -ENOMEM;
	made->options = *options;
	made->latest_output_ns = now_ns();
	if (options->wait_for == RCAST_WAIT_MATCH) {
		made->options.pattern = NULL; /* compiled, and not ours to keep */
		made->has_pattern = regcomp(&made->pattern, options->pattern, REG_EXTENDED | REG_NOSUB) == 0;
		if (!made->has_pattern) {
			free(made);
			return -EINVAL;
		}
	}
	*wait = made;
	return 0;
}

void rcast_wait_free(struct rcast_wait *wait)
{
	if (wait && wait->has_pattern)
		regfree(&wait->pattern);
	free(wait);
}

/* ── What the view gives ─────────────────────────────────────────────────────────────────────────────────────────────── */

void rcast_wait_begin(struct rcast_wait *wait, const struct rcast_view *view)
{
	wait->n_line = 0;
	wait->latest_output_ns = now_ns();
	wait->counts_from_arrival = view->by_circuit;
	wait->view = view;
	wait->known_pos = view->info.next_pos;
	wait->is_unsure = true;
}

static bool matches(struct rcast_wait *wait)
{
	wait->line[wait->n_line] = '\0';
	return regexec(&wait->pattern, wait->line, 0, NULL, 0) == 0;
}

/* A line longer than the room for it is looked at in pieces. */
static bool look_for_line(struct rcast_wait *wait, const char *text, size_t n_bytes)
{
	bool found = false;

	for (size_t i = 0; i < n_bytes && !found; i++) {
		if (text[i] == '\n' || text[i] == '\0' || wait->n_line == LINE_BYTES) {
			found = matches(wait);
			wait->n_line = 0;
		}
		if (text[i] != '\n' && text[i] != '\r' && text[i] != '\0')
			wait->line[wait->n_line++] = text[i];
	}
	return found || matches(wait);
}

static void take_step(struct rcast_wait *wait, const struct rcast_record *record)
{
	struct rcast_command command;

	if (record->pos < wait->known_pos || record->n_bytes < sizeof command)
		return;
	memcpy(&command, record->data, sizeof command);
	wait->at_prompt = command.step == RCAST_STEP_PROMPT || command.step == RCAST_STEP_INPUT;
}

bool rcast_wait_record(struct rcast_wait *wait, const struct rcast_record *record)
{
	bool is_output = record->kind == RCAST_OUTPUT;

	if (record->kind == RCAST_COMMAND)
		take_step(wait, record);
	if (record->kind == RCAST_KEYFRAME)
		wait->is_unsure = true;
	if (is_output)
		wait->latest_output_ns = record->stamped && !wait->counts_from_arrival ? record->time_ns : now_ns();
	if (wait->options.wait_for == RCAST_WAIT_JUDGE)
		return wait->options.judge(wait->options.user, record);
	return wait->has_pattern && is_output && look_for_line(wait, record->data, record->n_bytes);
}

/* What was lost may have held a line's end. */
void rcast_wait_gap(struct rcast_wait *wait)
{
	wait->n_line = 0;
	wait->is_unsure = true;
}

static void ask_engine(struct rcast_wait *wait)
{
	struct rcast_session_info info;

	if (rcast_client_describe(wait->view->client, wait->view->info.name, &info) != 0)
		return;
	wait->at_prompt = info.at_prompt;
	wait->known_pos = info.next_pos;
	wait->is_unsure = false;
}

static bool judge_prompt(struct rcast_wait *wait)
{
	if (wait->is_unsure)
		ask_engine(wait);
	return wait->at_prompt && !wait->is_unsure;
}

bool rcast_wait_level(struct rcast_wait *wait, uint64_t *again_ns)
{
	*again_ns = NEVER;
	if (wait->options.wait_for == RCAST_WAIT_JUDGE)
		return wait->options.judge(wait->options.user, NULL);
	if (wait->options.wait_for == RCAST_WAIT_PROMPT)
		return judge_prompt(wait);
	if (wait->options.wait_for != RCAST_WAIT_IDLE)
		return false;
	*again_ns = wait->latest_output_ns + wait->options.idle_ms * NS_A_MS;
	return now_ns() >= *again_ns;
}

/* ── The whole wait ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Until something comes, or it is time. -EINTR: a signal came. */
static int sleep_until(const struct rcast_view *view, uint64_t at_ns)
{
	struct pollfd polled = {.fd = rcast_view_fd(view), .events = POLLIN};
	uint64_t now = now_ns(), left_ns = at_ns > now ? at_ns - now : 0;
	struct timespec left = {.tv_sec = (time_t)(left_ns / NS_A_S), .tv_nsec = (long)(left_ns % NS_A_S)};

	return ppoll(&polled, 1, at_ns == NEVER ? NULL : &left, NULL) < 0 ? -errno : 0;
}

/* Nothing that is still to come can bring what ends a wait for a line; an end is silence, and an exit. */
static int judge_end(struct rcast_wait *wait)
{
	enum rcast_wait_for wait_for = wait->options.wait_for;
	uint64_t again_ns;

	if (wait_for == RCAST_WAIT_IDLE || wait_for == RCAST_WAIT_EXIT)
		return 0;
	if (wait_for == RCAST_WAIT_PROMPT)
		return -ENODATA;
	return rcast_wait_level(wait, &again_ns) ? 0 : -ENODATA;
}

int rcast_view_wait(struct rcast_view *view, struct rcast_wait *wait, int timeout_ms)
{
	uint64_t deadline_ns = timeout_ms < 0 ? NEVER : now_ns() + (uint64_t)timeout_ms * NS_A_MS, again_ns;
	struct rcast_record record;
	int outcome;

	rcast_wait_begin(wait, view);
	for (;;) {
		outcome = rcast_view_next(view, &record);
		if (outcome == RCAST_RECORD && rcast_wait_record(wait, &record))
			return 0;
		if (outcome == RCAST_ENDED)
			return judge_end(wait);
		if (outcome < 0)
			return outcome;
		if (outcome == RCAST_LAPPED)
			rcast_wait_gap(wait);
		again_ns = NEVER;
		if (outcome == RCAST_EMPTY && rcast_wait_level(wait, &again_ns))
			return 0;
		if (now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		if (outcome == RCAST_EMPTY && sleep_until(view, again_ns < deadline_ns ? again_ns : deadline_ns) == -EINTR)
			return -EINTR;
	}
}
