/* SPDX-License-Identifier: MIT */
/*
 * Each flag fills in one field of struct rcast_engine_options, in which zero means the default; so zero is no value of a limit, and
 * where "never" is meant by it, it becomes the constant that says so. What is checked here is the form; whether it
 * can be done, rcast_engine_create says.
 */
#include "cli/engine_flags.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/keyframer.h"
#include "cli/message.h"
#include "cli/options.h"

/* ── Limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct limit {
	const char *name;
	size_t offset; /* of a uint32_t */
};

static const struct limit limits_in_all[] = {
	{"connections", offsetof(struct rcast_engine_options, max_connections)},
	{"sessions", offsetof(struct rcast_engine_options, max_sessions)},
	{"readers", offsetof(struct rcast_engine_options, max_readers)},
	{NULL, 0},
};

static const struct limit limits_of_one[] = {
	{"connections", offsetof(struct rcast_quota, max_connections)},
	{"sessions", offsetof(struct rcast_quota, max_sessions)},
	{"readers", offsetof(struct rcast_quota, max_readers)},
	{"exchanges", offsetof(struct rcast_quota, max_exchanges)},
	{"fds", offsetof(struct rcast_quota, max_fds_in_flight)},
	{"queued", offsetof(struct rcast_quota, max_queued_bytes)},
	{NULL, 0},
};

/* NAME=N, of n_bytes. */
static bool take_limit(const struct limit *limits, void *fields, const char *text, size_t n_bytes)
{
	const char *equals = memchr(text, '=', n_bytes);
	size_t n_name = equals ? (size_t)(equals - text) : 0;
	char number[24];
	uint64_t value;

	while (limits->name && (strlen(limits->name) != n_name || memcmp(limits->name, text, n_name) != 0))
		limits++;
	if (!equals || !limits->name || n_bytes - n_name > sizeof number)
		return false;
	snprintf(number, sizeof number, "%.*s", (int)(n_bytes - n_name - 1), equals + 1);
	if (!parse_bytes(number, UINT32_MAX, &value) || value == 0)
		return false;
	*(uint32_t *)(void *)((char *)fields + limits->offset) = (uint32_t)value;
	return true;
}

static bool take_limits(const struct verb *verb, const char *flag, const struct limit *limits, void *fields,
			const char *list)
{
	const char *item = list;

	for (;;) {
		size_t n_bytes = strcspn(item, ",");

		if (!take_limit(limits, fields, item, n_bytes)) {
			message_usage(verb, "%s takes NAME=N,… and no '%.40s'", flag, item);
			return false;
		}
		if (!item[n_bytes])
			return true;
		item += n_bytes + 1;
	}
}

/* ── The others ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The engine may leave the folder that we are in, and removes the socket at its end. */
static bool take_view_path(const struct verb *verb, struct engine_flags *flags, const char *value)
{
	char folder[sizeof flags->view_path] = "";
	int n;

	if (value[0] != '/' && !getcwd(folder, sizeof folder - 1)) {
		message_usage(verb, "--view-socket: from here '%.40s' is too long a path; give the whole of it", value);
		return false;
	}
	n = snprintf(flags->view_path, sizeof flags->view_path, "%s%s%s", folder, folder[0] ? "/" : "", value);
	if (!value[0] || n < 0 || (size_t)n >= sizeof flags->view_path) {
		message_usage(verb, "--view-socket takes a path of at most %zu bytes, not '%.40s'",
			      sizeof flags->view_path - 1, value);
		return false;
	}
	flags->options.view_path = flags->view_path;
	return true;
}

static bool take_lease_max(const struct verb *verb, struct engine_flags *flags, const char *value)
{
	uint64_t lease_ms;

	if (!parse_u64(value, UINT32_MAX, &lease_ms)) {
		message_usage(verb, "--lease-max takes milliseconds, not '%.40s'", value);
		return false;
	}
	flags->options.max_lease_ms = (uint32_t)lease_ms;
	return true;
}

static bool take_evict_after(const struct verb *verb, struct engine_flags *flags, const char *value)
{
	uint64_t seconds;

	if (!parse_u64(value, (UINT32_MAX - 1) / 1000, &seconds)) {
		message_usage(verb, "--evict-after takes whole seconds, not '%.40s'", value);
		return false;
	}
	flags->options.evict_after_ms = seconds ? (uint32_t)seconds * 1000 : RCAST_NEVER;
	return true;
}

static bool take_max_behind(const struct verb *verb, struct engine_flags *flags, const char *value)
{
	uint64_t n_bytes;

	if (!parse_bytes(value, UINT64_MAX, &n_bytes) || n_bytes == 0) {
		message_usage(verb, "--max-behind takes bytes, or a number with K, M or G, not '%.40s'", value);
		return false;
	}
	flags->options.max_behind_bytes = n_bytes;
	return true;
}

void engine_flags_init(struct engine_flags *flags)
{
	*flags = (struct engine_flags){.options.keyframer = keyframer_find()};
}

bool engine_flags_take(const struct verb *verb, struct engine_flags *flags, int flag, const char *value)
{
	static const char *const names[] = {"--lease-max",   "--view-socket",    "--view-by-others",
					    "--evict-after", "--max-behind",     "--in-all",
					    "--per-user",    "--per-connection", "--no-keyframes"};
	struct rcast_engine_options *options = &flags->options;

	flags->given = names[flag - ENGINE_FLAG_FIRST];
	switch (flag) {
	case ENGINE_FLAG_LEASE_MAX:
		return take_lease_max(verb, flags, value);
	case ENGINE_FLAG_VIEW_SOCKET:
		return take_view_path(verb, flags, value);
	case ENGINE_FLAG_VIEW_BY_OTHERS:
		return options->view_by_others = true;
	case ENGINE_FLAG_EVICT_AFTER:
		return take_evict_after(verb, flags, value);
	case ENGINE_FLAG_MAX_BEHIND:
		return take_max_behind(verb, flags, value);
	case ENGINE_FLAG_IN_ALL:
		return take_limits(verb, flags->given, limits_in_all, options, value);
	case ENGINE_FLAG_PER_USER:
		return take_limits(verb, flags->given, limits_of_one, &options->per_user, value);
	case ENGINE_FLAG_PER_CONNECTION:
		return take_limits(verb, flags->given, limits_of_one, &options->per_connection, value);
	default:
		options->keyframer = NULL;
		return true;
	}
}
