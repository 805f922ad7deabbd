/* SPDX-License-Identifier: MIT */
/*
 * Options of a verb, and the values they take.
 */
#ifndef RINGCAST_CLI_OPTIONS_H
#define RINGCAST_CLI_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include <ringcast/ringcast.h>

#include "cli/verb.h"

/* A command line on its way. Long options only; every verb has --help besides. */
struct command_line {
	const struct verb *verb;
	int argc;
	char **argv;
	const struct option *options; /* ends with an empty one */
	bool stops_at_operand;        /* what follows the first operand is another program's */
	int exit_code;                /* once next has returned OPTIONS_OVER */
};

enum { OPTIONS_END = -1, OPTIONS_OVER = -2 };

/*
 * The `val` of the next option, its argument in optarg. OPTIONS_END: operands follow at argv[optind]. OPTIONS_OVER: help was
 * asked for and given, or something was wrong and was said; return exit_code.
 */
int options_next(struct command_line *line);

/* After OPTIONS_END: exactly n operands, or say what is wrong. The operands, or NULL. */
char **options_operands(struct command_line *line, int n);

/* The same where the first is the name of a session. */
char **options_session(struct command_line *line, int n);

/* A ring's size: 64K, 4M, 1G or bytes. False: not a power of two from 64K to 1G. */
bool parse_ring_bytes(const char *text, uint64_t *bytes);

bool parse_u64(const char *text, uint64_t max, uint64_t *value);

/* A number, or one with K, M or G behind it. */
bool parse_bytes(const char *text, uint64_t max, uint64_t *bytes);

/* Whole seconds to a linger time; 0 is RCAST_NO_LINGER. */
bool parse_linger(const char *text, uint32_t *linger_ms);

/* COLSxROWS, each 1…65535. */
bool parse_window(const char *text, uint16_t *cols, uint16_t *rows);

/* oldest, newest or a position. */
bool parse_from(const char *text, enum rcast_from *from, uint64_t *pos);

/* 800ms, 2s, 5m, 1h, or seconds; up to a day. */
bool parse_duration(const char *text, uint32_t *ms);

/* A key: one character, or ^X for Ctrl-X. */
bool parse_key(const char *text, unsigned char *key);

#endif
