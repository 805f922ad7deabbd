/* SPDX-License-Identifier: MIT */
/*
 * Titles and commands arrive without control characters: the client library cleans what an engine sends.
 */
#include "cli/describe.h"

#include <inttypes.h>
#include <stdio.h>

const char *describe_kind(enum rcast_session_kind kind)
{
	switch (kind) {
	case RCAST_SESSION_PTY:
		return "pty";
	case RCAST_SESSION_PIPE:
		return "pipe";
	case RCAST_SESSION_OWNED:
		return "owned";
	}
	return "?";
}

void describe_state(const struct rcast_session_info *info, char *text, size_t room)
{
	if (info->has_exit && info->exit.signal)
		snprintf(text, room, "killed %d", info->exit.signal);
	else if (info->has_exit)
		snprintf(text, room, "exit %d", info->exit.status);
	else
		snprintf(text, room, "%s", info->ended ? "ended" : "running");
}

void describe_bytes(uint64_t bytes, char *text, size_t room)
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes;
	int unit = -1;

	while (value >= 1024 && unit < 5) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(text, room, "%" PRIu64, bytes);
	else
		snprintf(text, room, "%.1f%c", value, units[unit]);
}

void describe_age(uint64_t age_ms, char *text, size_t room)
{
	uint64_t seconds = age_ms / 1000;

	if (seconds < 60)
		snprintf(text, room, "%" PRIu64 "s", seconds);
	else if (seconds < 3600)
		snprintf(text, room, "%" PRIu64 "m", seconds / 60);
	else if (seconds < 86400)
		snprintf(text, room, "%" PRIu64 "h", seconds / 3600);
	else
		snprintf(text, room, "%" PRIu64 "d", seconds / 86400);
}

const char *describe_step(enum rcast_command_step step)
{
	switch (step) {
	case RCAST_STEP_NONE:
		return "none";
	case RCAST_STEP_PROMPT:
		return "prompt";
	case RCAST_STEP_INPUT:
		return "input";
	case RCAST_STEP_OUTPUT:
		return "output";
	case RCAST_STEP_DONE:
		return "done";
	}
	return "?";
}

void describe_shell(const struct rcast_session_info *info, char *text, size_t room)
{
	char status[48] = "";

	if (info->command_status >= 0)
		snprintf(status, sizeof status, ", the latest ended with status %d", info->command_status);
	if (info->command_step == RCAST_STEP_NONE)
		text[0] = 0;
	else
		snprintf(text, room, "%s; %" PRIu64 " commands%s", info->at_prompt ? "at its prompt" : "not at its prompt",
			 info->n_commands, status);
}

static const struct {
	uint32_t mode;
	const char *name;
} mode_names[] = {
	{RCAST_MODE_ALTERNATE_SCREEN, "alternate-screen"},
	{RCAST_MODE_BRACKETED_PASTE, "bracketed-paste"},
	{RCAST_MODE_MOUSE, "mouse"},
	{RCAST_MODE_APPLICATION_CURSOR, "application-cursor"},
	{RCAST_MODE_FOCUS_EVENTS, "focus-events"},
};

void describe_modes(uint32_t modes, char *text, size_t room)
{
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < sizeof mode_names / sizeof mode_names[0]; i++) {
		if (modes & mode_names[i].mode && used < room)
			used += (size_t)snprintf(text + used, room - used, "%s%s", used ? " " : "", mode_names[i].name);
	}
}

void describe_json_modes(struct json *json, uint32_t modes)
{
	json_key(json, "modes");
	json_begin(json, '[');
	for (size_t i = 0; i < sizeof mode_names / sizeof mode_names[0]; i++) {
		if (modes & mode_names[i].mode)
			json_string(json, mode_names[i].name);
	}
	json_end(json, ']');
}

void describe_json_unsigned(struct json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_unsigned(json, value);
}

static void put_string(struct json *json, const char *key, const char *value)
{
	json_key(json, key);
	json_string(json, value);
}

static void put_exit(struct json *json, const struct rcast_exit *exit)
{
	json_key(json, "exit");
	json_begin(json, '{');
	json_key(json, "status");
	json_signed(json, exit->status);
	json_key(json, "signal");
	json_signed(json, exit->signal);
	json_end(json, '}');
}

static void put_events(struct json *json, const struct rcast_session_info *info)
{
	put_string(json, "directory", info->directory);
	describe_json_modes(json, info->modes);
	describe_json_unsigned(json, "bells", info->n_bells);
	if (info->command_step == RCAST_STEP_NONE)
		return;
	put_string(json, "command_step", describe_step(info->command_step));
	describe_json_unsigned(json, "commands", info->n_commands);
	if (info->command_status >= 0)
		describe_json_unsigned(json, "command_status", (uint64_t)info->command_status);
	json_key(json, "at_prompt");
	json_bool(json, info->at_prompt);
}

void describe_json(struct json *json, const struct rcast_session_info *info)
{
	put_string(json, "name", info->name);
	put_string(json, "kind", describe_kind(info->kind));
	json_key(json, "ended");
	json_bool(json, info->ended);
	if (info->has_exit)
		put_exit(json, &info->exit);
	json_key(json, "pid");
	json_signed(json, info->pid);
	describe_json_unsigned(json, "cols", info->cols);
	describe_json_unsigned(json, "rows", info->rows);
	describe_json_unsigned(json, "readers", info->n_readers);
	describe_json_unsigned(json, "ring_bytes", info->ring_bytes);
	describe_json_unsigned(json, "first_pos", info->first_pos);
	describe_json_unsigned(json, "next_pos", info->next_pos);
	describe_json_unsigned(json, "records", info->n_records);
	describe_json_unsigned(json, "output_bytes", info->n_output);
	describe_json_unsigned(json, "age_ms", info->age_ms);
	put_string(json, "title", info->title);
	put_string(json, "command", info->command);
	put_events(json, info);
}
