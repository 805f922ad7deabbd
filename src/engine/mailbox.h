/* SPDX-License-Identifier: MIT */
/* Hand-off of letters from one thread to one other. The model is in mailbox.c. */
#ifndef RCASTI_ENGINE_MAILBOX_H
#define RCASTI_ENGINE_MAILBOX_H

#include <stddef.h>

#include <ck_ring.h>

struct rcasti_mailbox {
	ck_ring_t ring;
	ck_ring_buffer_t *slots;
	int event_fd; /* readable while letters may lie here */
};

/* For at most n_letters in flight at once. */
int rcasti_mailbox_open(struct rcasti_mailbox *mailbox, size_t n_letters);
void rcasti_mailbox_close(struct rcasti_mailbox *mailbox);

/* The one sending thread. The letter is the receiver's from here on. */
void rcasti_mailbox_post(struct rcasti_mailbox *mailbox, void *letter);

/* The one receiving thread: first clear, then take until NULL. */
void rcasti_mailbox_clear(struct rcasti_mailbox *mailbox);
void *rcasti_mailbox_take(struct rcasti_mailbox *mailbox);

/* Make event_fd readable without a letter. From any thread, and from a signal handler. */
void rcasti_mailbox_poke(struct rcasti_mailbox *mailbox);

#endif
