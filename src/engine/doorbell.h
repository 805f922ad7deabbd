/* SPDX-License-Identifier: MIT */
/* From those who publish to the one who rings the readers. The model is in doorbell.c. */
#ifndef RCASTI_ENGINE_DOORBELL_H
#define RCASTI_ENGINE_DOORBELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ck_ec.h>

#define RCASTI_DOORBELL_SLOTS 4096

struct rcasti_doorbell {
	struct ck_ec32 count;
	_Atomic uint64_t dirty[RCASTI_DOORBELL_SLOTS / 64];
	uint32_t n_words;
};

void rcasti_doorbell_init(struct rcasti_doorbell *doorbell, uint32_t n_slots);

/* Publisher: something was published in this slot; then, once for any number of slots, ring. */
void rcasti_doorbell_mark(struct rcasti_doorbell *doorbell, uint32_t slot);
void rcasti_doorbell_ring(struct rcasti_doorbell *doorbell);

/* Listener: take the value, answer, and if nothing was dirty wait until the value has changed or the time is up. */
uint32_t rcasti_doorbell_value(const struct rcasti_doorbell *doorbell);
void rcasti_doorbell_wait(struct rcasti_doorbell *doorbell, uint32_t value, int timeout_ms);

/* Call back for each slot that was marked since the last time. Returns how many there were. */
int rcasti_doorbell_answer(struct rcasti_doorbell *doorbell, void (*answer)(void *user, uint32_t slot), void *user);

#endif
