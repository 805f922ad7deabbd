/* SPDX-License-Identifier: MIT */
/* Input on its way to a program. The model is in input.c. */
#ifndef RCASTI_ENGINE_INPUT_H
#define RCASTI_ENGINE_INPUT_H

#include <stddef.h>

#include <ringcast/circuit.h>

#include "engine/loop.h"

struct rcasti_input {
	int fd;         /* of the master, ours; -1: none */
	bool is_paused; /* nothing is written */
	struct rcasti_loop *loop;
	struct rcasti_source source;
	struct cds_list_head chunks; /* first come, first written */
	size_t n_waiting_bytes;      /* of memory, in chunks */
	uint64_t n_written_bytes;
	uint64_t entered_ns; /* when somebody last pressed Enter; 0: never */
};

enum { RCASTI_INPUT_WRITTEN = 0, RCASTI_INPUT_WAITS = 1 };

void rcasti_input_init(struct rcasti_input *input, struct rcasti_loop *loop);
void rcasti_input_close(struct rcasti_input *input);

/* Between the two everything that is pushed waits. */
void rcasti_input_pause(struct rcasti_input *input);
void rcasti_input_resume(struct rcasti_input *input);

/*
 * Write to the program, or keep what it does not take now. With RCASTI_INPUT_WAITS, n_credit_bytes go back to `circuit`
 * (NULL: nobody) when all is written. -EAGAIN: too much waits already. -ENODATA: the program's terminal is closed.
 */
int rcasti_input_push(struct rcasti_input *input, const void *data, size_t n_bytes, struct rcast_circuit *circuit,
		      size_t n_credit_bytes);

/* The circuit is gone: what it sent is still written, its credit goes nowhere. */
void rcasti_input_forget(struct rcasti_input *input, const struct rcast_circuit *circuit);

#endif
