/* SPDX-License-Identifier: MIT */
/* The thread that reads PTYs and pipes into rings. The model is in pump.c. */
#ifndef RCASTI_ENGINE_PUMP_H
#define RCASTI_ENGINE_PUMP_H

#include "engine/doorbell.h"
#include "engine/loop.h"
#include "engine/mailbox.h"

struct rcasti_letter;

struct rcasti_pump {
	struct rcasti_loop loop;
	struct rcasti_mailbox inbox; /* letters from control */
	struct rcasti_source inbox_source;
	struct rcasti_mailbox *outbox; /* letters to control */
	struct rcasti_doorbell *doorbell;
	bool has_marked; /* somebody must be rung at the end of this turn */
};

int rcasti_pump_open(struct rcasti_pump *pump, size_t n_letters, struct rcasti_mailbox *outbox,
		     struct rcasti_doorbell *doorbell);
void rcasti_pump_close(struct rcasti_pump *pump);

/* One turn: wait at most timeout_ms, read what has come, ring once. */
int rcasti_pump_run(struct rcasti_pump *pump, int timeout_ms);

/* The pump: a letter to control. */
void rcasti_pump_post(struct rcasti_letter *letter);

#endif
