/* SPDX-License-Identifier: MIT */
/*
 * What the command line says of an engine, which `engine` makes and `run` too.
 */
#ifndef RINGCAST_CLI_ENGINE_FLAGS_H
#define RINGCAST_CLI_ENGINE_FLAGS_H

#include <getopt.h>
#include <stdbool.h>
#include <sys/un.h>

#include <ringcast/engine.h>

#include "cli/verb.h"

struct engine_flags {
	struct rcast_engine_options options; /* starts with engine_flags_init */
	const char *given;                   /* the flag that was given last; NULL: none was */
	char view_path[sizeof((struct sockaddr_un *)0)->sun_path];
};

enum {
	ENGINE_FLAG_FIRST = 1024,
	ENGINE_FLAG_LEASE_MAX = ENGINE_FLAG_FIRST,
	ENGINE_FLAG_VIEW_SOCKET,
	ENGINE_FLAG_VIEW_BY_OTHERS,
	ENGINE_FLAG_EVICT_AFTER,
	ENGINE_FLAG_MAX_BEHIND,
	ENGINE_FLAG_IN_ALL,
	ENGINE_FLAG_PER_USER,
	ENGINE_FLAG_PER_CONNECTION,
	ENGINE_FLAG_NO_KEYFRAMES,
};

/* For a verb's table of options. */
#define ENGINE_FLAGS                                                                  \
	{"lease-max", required_argument, NULL, ENGINE_FLAG_LEASE_MAX},                \
		{"view-socket", required_argument, NULL, ENGINE_FLAG_VIEW_SOCKET},    \
		{"view-by-others", no_argument, NULL, ENGINE_FLAG_VIEW_BY_OTHERS},    \
		{"evict-after", required_argument, NULL, ENGINE_FLAG_EVICT_AFTER},    \
		{"max-behind", required_argument, NULL, ENGINE_FLAG_MAX_BEHIND},      \
		{"in-all", required_argument, NULL, ENGINE_FLAG_IN_ALL},              \
		{"per-user", required_argument, NULL, ENGINE_FLAG_PER_USER},          \
		{"no-keyframes", no_argument, NULL, ENGINE_FLAG_NO_KEYFRAMES},        \
	{                                                                             \
		"per-connection", required_argument, NULL, ENGINE_FLAG_PER_CONNECTION \
	}

/* For its help. */
#define ENGINE_FLAGS_HELP                                                                                              \
	"  --lease-max MS   the longest lease that a reader may be granted, in milliseconds (0: none)\n"               \
	"  --view-socket PATH\n"                                                                                       \
	"                   another socket, through which one can look and nothing else: ringcast --socket PATH …\n" \
	"  --view-by-others\n"                                                                                         \
	"                   let every user through it who can enter its folder, and not only you and root\n"           \
	"  --evict-after S  detach a reader that is far behind and has not moved for S seconds (60; 0: never)\n"       \
	"  --max-behind SIZE\n"                                                                                        \
	"                   how far: bytes, or with K, M or G (a whole ring)\n"                                        \
	"  --no-keyframes   keep no screens: who joins late is shown the bytes that are still there\n"                 \
	"  --in-all LIST, --per-user LIST, --per-connection LIST\n"                                                    \
	"                   the most that all clients, those of one user, and one of them may hold: NAME=N,… with\n" \
	"                   connections, sessions, readers; of a user and a connection also exchanges, fds (sent\n"    \
	"                   and not read) and queued (bytes, or with K, M or G)\n"

/* Before any is taken: keyframes, if their program is installed. */
void engine_flags_init(struct engine_flags *flags);

/* Take one of these. False: it is wrong, and was said to be. */
bool engine_flags_take(const struct verb *verb, struct engine_flags *flags, int flag, const char *value);

#endif
