/* SPDX-License-Identifier: MIT */
/* The commands of an engine. The table is in commands.c. */
#ifndef RCASTI_ENGINE_COMMANDS_H
#define RCASTI_ENGINE_COMMANDS_H

#include <ringcast/circuit.h>

#include "engine/exchange.h"
#include "engine/steward.h"

/* Run the request that began the exchange, and answer it. */
void rcasti_command_run(struct rcasti_exchange *exchange, struct rcast_message *message);

/* For handlers: the session of this name; NULL: there is none, and the request was refused. */
struct rcast_session *rcasti_command_find_session(struct rcasti_exchange *exchange, const char *name);

#define RCASTI_SIZE_RULE "size %" PRIu32 "x%" PRIu32 ": columns and rows are 1 to 65535"
int rcasti_command_check_size(uint32_t cols, uint32_t rows);

/* Why input was not taken, as a line of a stream. */
void rcasti_command_complain_input(struct rcasti_exchange *exchange, const struct rcast_session *session, int error);

#endif
