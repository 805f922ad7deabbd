/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <pthread.h>

#include "engine/mailbox.h"
#include "harness.h"

enum { N_LETTERS = 5, N_ROUNDS = 20000 };

static struct rcasti_mailbox there, back;
static int letters[N_LETTERS];

static bool is_readable(const struct rcasti_mailbox *mailbox)
{
	return poll(&(struct pollfd){.fd = mailbox->event_fd, .events = POLLIN}, 1, 0) == 1;
}

HARNESS_TEST(mailbox, holds_as_many_as_it_was_made_for)
{
	for (size_t n = 1; n <= N_LETTERS; n++) {
		cr_assert_eq(rcasti_mailbox_open(&there, n), 0);
		cr_assert_null(rcasti_mailbox_take(&there));
		for (size_t i = 0; i < n; i++)
			rcasti_mailbox_post(&there, &letters[i]);
		cr_assert(is_readable(&there));
		rcasti_mailbox_clear(&there);
		cr_assert(!is_readable(&there));
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(rcasti_mailbox_take(&there), &letters[i]);
		cr_assert_null(rcasti_mailbox_take(&there));
		rcasti_mailbox_close(&there);
	}
}

HARNESS_TEST(mailbox, can_be_poked_without_a_letter)
{
	cr_assert_eq(rcasti_mailbox_open(&there, 1), 0);
	rcasti_mailbox_poke(&there);
	cr_assert(is_readable(&there));
	cr_assert_null(rcasti_mailbox_take(&there));
	rcasti_mailbox_close(&there);
}

static void *echo(void *unused)
{
	for (int n = 0; n < N_ROUNDS * N_LETTERS;) {
		int *letter;

		poll(&(struct pollfd){.fd = there.event_fd, .events = POLLIN}, 1, -1);
		rcasti_mailbox_clear(&there);
		for (; (letter = rcasti_mailbox_take(&there)) != NULL; n++) {
			++*letter;
			rcasti_mailbox_post(&back, letter);
		}
	}
	return unused;
}

/* Letters go to and fro between two threads, sleeping when there are none: none is lost, none is early. */
HARNESS_TEST(mailbox, hands_over_what_was_written_before)
{
	int n_posted = N_LETTERS, n_taken = 0, *letter;
	pthread_t thread;

	cr_assert_eq(rcasti_mailbox_open(&there, N_LETTERS), 0);
	cr_assert_eq(rcasti_mailbox_open(&back, N_LETTERS), 0);
	cr_assert_eq(pthread_create(&thread, NULL, echo, NULL), 0);
	for (int i = 0; i < N_LETTERS; i++)
		rcasti_mailbox_post(&there, &letters[i]);
	while (n_taken < N_ROUNDS * N_LETTERS) {
		poll(&(struct pollfd){.fd = back.event_fd, .events = POLLIN}, 1, -1);
		rcasti_mailbox_clear(&back);
		while ((letter = rcasti_mailbox_take(&back)) != NULL) {
			cr_assert_eq(*letter, n_taken / N_LETTERS + 1);
			n_taken++;
			if (n_posted++ < N_ROUNDS * N_LETTERS)
				rcasti_mailbox_post(&there, letter);
		}
	}
	pthread_join(thread, NULL);
	rcasti_mailbox_close(&there);
	rcasti_mailbox_close(&back);
}
