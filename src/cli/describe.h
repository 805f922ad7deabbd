/* SPDX-License-Identifier: MIT */
/*
 * Sessions in words and in JSON, for ls and stat.
 */
#ifndef RINGCAST_CLI_DESCRIBE_H
#define RINGCAST_CLI_DESCRIBE_H

#include <stddef.h>

#include <ringcast/client.h>

#include "cli/json.h"

const char *describe_kind(enum rcast_session_kind kind);

/* "running", "ended", "exit 3", "killed 9". */
void describe_state(const struct rcast_session_info *info, char *text, size_t room);

/* "17", "4.0K", "1.5G". */
void describe_bytes(uint64_t bytes, char *text, size_t room);

/* "12s", "5m", "3h", "4d". */
void describe_age(uint64_t age_ms, char *text, size_t room);

/* "prompt", "input", "output", "done", "none". */
const char *describe_step(enum rcast_command_step step);

/* "at its prompt; 3 commands, the latest ended with status 1"; empty if the shell does not say. */
void describe_shell(const struct rcast_session_info *info, char *text, size_t room);

/* "alternate-screen mouse". */
void describe_modes(uint32_t modes, char *text, size_t room);
void describe_json_modes(struct json *json, uint32_t modes); /* "modes": [ … ] */

/* The members of the session's object, without its brackets. */
void describe_json(struct json *json, const struct rcast_session_info *info);

void describe_json_unsigned(struct json *json, const char *key, uint64_t value);

#endif
