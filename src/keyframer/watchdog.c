/* SPDX-License-Identifier: MIT */
/*
 * The engine sees whether we get on only while it waits for an answer. Output from which the emulator never comes back would
 * take a processor for as long as nobody asks. So pieces of work are counted as they are done, and a timer looks at the count:
 * if no more were done since it looked last, that is the end of this process. The engine then knows by kernel/in_hand.h of
 * which session.
 *
 * The timer is one of processor time. A process that sleeps is not woken by it, and one that waits for a processor is not
 * accused.
 *
 * Called by main.c and followed.c.
 */
#include "keyframer/watchdog.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = 2 };

static atomic_uint n_done;

static void look(int signal_number)
{
	static unsigned int n_seen = UINT_MAX;
	unsigned int n = atomic_load_explicit(&n_done, memory_order_relaxed);

	if (n == n_seen)
		_exit(EXIT_FAILURE);
	n_seen = n;
}

int watchdog_start(void)
{
	const struct itimerval patience = {.it_interval.tv_sec = PATIENCE_S, .it_value.tv_sec = PATIENCE_S};
	const struct sigaction action = {.sa_handler = look, .sa_flags = SA_RESTART};

	if (sigaction(SIGPROF, &action, NULL) != 0 || setitimer(ITIMER_PROF, &patience, NULL) != 0)
		return -errno;
	return 0;
}

void watchdog_feed(void)
{
	atomic_store_explicit(&n_done, atomic_load_explicit(&n_done, memory_order_relaxed) + 1, memory_order_relaxed);
}
