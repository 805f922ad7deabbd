/* SPDX-License-Identifier: MIT */
/*
 * A mailbox is a ck_ring of pointers, one producer and one consumer, beside an eventfd that puts it into the consumer's
 * epoll set. Two of them join control and pump, one in each direction.
 *
 * Letters are embedded in the objects that they are about, and each is in flight at most once: whoever posts it may not touch
 * it until it comes back. So the number in flight is bounded by the number of letters that exist, the ring is made for
 * that many, and posting can neither fail nor block. There is no "mailbox full" to handle.
 *
 * Ordering. ck_ring_enqueue_spsc puts a store fence between the slot and the tail and ck_ring_dequeue_spsc a load fence
 * between the tail and the slot, so what the sender wrote into the letter, and did before, is seen by the receiver. The
 * receiver clears the eventfd before it empties the ring: a letter posted in between is either found in the ring or makes the
 * eventfd readable again.
 */
#include "engine/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int rcasti_mailbox_open(struct rcasti_mailbox *mailbox, size_t n_letters)
{
	unsigned int size = 4;

	/* A ck_ring holds one less than its size. */
	while (size <= n_letters)
		size *= 2;
	ck_ring_init(&mailbox->ring, size);
	mailbox->event_fd = -1;
	mailbox->slots = calloc(size, sizeof *mailbox->slots);
	if (!mailbox->slots)
		return -ENOMEM;
	mailbox->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mailbox->event_fd < 0) {
		int error = -errno;

		rcasti_mailbox_close(mailbox);
		return error;
	}
	return 0;
}

void rcasti_mailbox_close(struct rcasti_mailbox *mailbox)
{
	if (mailbox->event_fd >= 0)
		close(mailbox->event_fd);
	free(mailbox->slots);
	mailbox->event_fd = -1;
	mailbox->slots = NULL;
}

void rcasti_mailbox_post(struct rcasti_mailbox *mailbox, void *letter)
{
	ck_ring_enqueue_spsc(&mailbox->ring, mailbox->slots, letter);
	rcasti_mailbox_poke(mailbox);
}

void rcasti_mailbox_poke(struct rcasti_mailbox *mailbox)
{
	uint64_t one = 1;
	int saved = errno;

	/* -EAGAIN would mean that it is readable already, which is all we want. */
	if (write(mailbox->event_fd, &one, sizeof one) < 0)
		errno = saved;
}

void rcasti_mailbox_clear(struct rcasti_mailbox *mailbox)
{
	uint64_t n_posted;

	if (read(mailbox->event_fd, &n_posted, sizeof n_posted) < 0)
		return;
}

void *rcasti_mailbox_take(struct rcasti_mailbox *mailbox)
{
	void *letter = NULL;

	return ck_ring_dequeue_spsc(&mailbox->ring, mailbox->slots, &letter) ? letter : NULL;
}
