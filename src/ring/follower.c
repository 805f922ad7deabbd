/* SPDX-License-Identifier: MIT */
/*
 * The publisher's side of one reader: its cursor page, mapped read-only and believed in nothing, and the write end of a pipe.
 *
 * A reader that sleeps is rung with one byte, once for each of its sleeps (an odd episode number): whatever it does to its
 * page, it costs at most one write for each new odd value that it stores, and a pipe that it does not drain fills up and then
 * costs a failed write. A pipe rather than an eventfd, because the two ends of a pipe have file descriptions of their own:
 * the reader cannot clear our O_NONBLOCK. A pipe rather than a futex in the ring, because a read-only mapping is enough to
 * move other readers' futex waits elsewhere.
 *
 * The pipe can be read by whoever is handed its read end, and written by nobody but us: its mode is 0444, so that a reader
 * of whatever uid can open it anew, with flags that nobody else can change, and cannot open it for writing.
 *
 * Writing to a pipe whose reader is gone raises SIGPIPE, which no library may let loose on its host. Newer kernels can be told
 * not to. With others, the signal goes to the thread that writes, so it can be held back and taken away there, at the cost of
 * three system calls, which delay a wake-up by a twentieth.
 */
#include "ring/memory.h"

#include <ringcast/ring.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel/facility.h"

struct rcast_follower {
	struct rcasti_cursor_page *page;         /* read-only */
	const struct rcasti_cursor_words *words; /* of the page, wherever the reader has them */
	_Atomic uint64_t rung_episode;           /* the sleep for which it was last rung */
	_Atomic bool is_gone;                    /* the pipe has no reader any more */
	_Atomic bool must_mask;                  /* this kernel cannot write without a signal */
	int wake_fd;                             /* the write end */
};

static int map_page(struct rcast_follower *follower, int cursor_fd)
{
	struct rcasti_cursor_page *page;
	size_t n_bytes = 0;
	void *mapping;
	uint32_t place;
	int error = rcasti_memory_map_readonly(cursor_fd, &mapping, &n_bytes);

	if (error != 0)
		return error;
	page = mapping;
	/* One load: the reader may change it at any time. */
	place = n_bytes == RCASTI_CURSOR_BYTES ? atomic_load_explicit(&page->place, memory_order_relaxed) : RCASTI_N_PLACES;
	if (place >= RCASTI_N_PLACES || page->magic != RCASTI_CURSOR_MAGIC) {
		munmap(mapping, n_bytes);
		return -EPROTO;
	}
	follower->page = page;
	follower->words = &page->words[place];
	return 0;
}

static int open_pipe(struct rcast_follower *follower, int *read_fd)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	if (fchmod(ends[1], 0444) != 0) {
		int error = -errno;

		close(ends[0]);
		close(ends[1]);
		return error;
	}
	/* One byte a sleep needs no 64 KiB; if the kernel will not shrink it, it only costs memory. */
	(void)fcntl(ends[1], F_SETPIPE_SZ, 4096);
	*read_fd = ends[0];
	follower->wake_fd = ends[1];
	return 0;
}

int rcast_follower_create_take(int cursor_fd, struct rcast_follower **result, int *wake_fd)
{
	struct rcast_follower *follower = calloc(1, sizeof *follower);
	int error = follower ? map_page(follower, cursor_fd) : -ENOMEM;

	close(cursor_fd);
	*result = NULL;
	*wake_fd = -1;
	if (error == 0) {
		error = open_pipe(follower, wake_fd);
		if (error != 0)
			munmap(follower->page, RCASTI_CURSOR_BYTES);
	}
	if (error != 0) {
		free(follower);
		return error;
	}
	*result = follower;
	return 0;
}

void rcast_follower_free(struct rcast_follower *follower)
{
	if (!follower)
		return;
	munmap(follower->page, RCASTI_CURSOR_BYTES);
	close(follower->wake_fd);
	free(follower);
}

uint64_t rcast_follower_pos(const struct rcast_follower *follower)
{
	return rcasti_told_pos(follower->words);
}

static int write_byte(int fd)
{
	return write(fd, "", 1) == 1 ? 0 : -errno;
}

/* A signal that was pending before is left alone. */
static int write_byte_masked(int fd)
{
	const struct timespec at_once = {0};
	sigset_t broken_pipe, before, pending;
	int error;

	sigemptyset(&broken_pipe);
	sigaddset(&broken_pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
	sigpending(&pending);
	error = write_byte(fd);
	if (error == -EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&broken_pipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* -EPIPE without the signal. */
static int write_byte_quietly(struct rcast_follower *follower)
{
	int error = -EOPNOTSUPP;

	if (!atomic_load_explicit(&follower->must_mask, memory_order_relaxed))
		error = rcasti_kernel_write_byte_quietly(follower->wake_fd);
	if (error != -EOPNOTSUPP)
		return error;
	atomic_store_explicit(&follower->must_mask, true, memory_order_relaxed);
	return write_byte_masked(follower->wake_fd);
}

void rcast_notify_fence(void)
{
	rcasti_fence_before_ringing();
}

static inline bool is_asleep_unrung(const struct rcast_follower *follower)
{
	uint64_t episode = rcasti_episode(follower->words);

	return (episode & 1) != 0 && episode != atomic_load_explicit(&follower->rung_episode, memory_order_relaxed);
}

bool rcast_follower_look(const struct rcast_follower *follower, uint64_t *pos)
{
	*pos = rcasti_told_pos(follower->words);
	return is_asleep_unrung(follower) || atomic_load_explicit(&follower->is_gone, memory_order_relaxed);
}

/*
 * A full pipe is as good as rung: there are bytes in it that the reader has not taken. The exchange lets one of several
 * threads that ring the reader do it; relaxed, since nothing else hangs on it.
 */
int rcast_follower_ring(struct rcast_follower *follower)
{
	uint64_t episode = rcasti_episode(follower->words);

	if (atomic_load_explicit(&follower->is_gone, memory_order_relaxed))
		return -EPIPE;
	if ((episode & 1) == 0 || episode == atomic_load_explicit(&follower->rung_episode, memory_order_relaxed) ||
	    episode == atomic_exchange_explicit(&follower->rung_episode, episode, memory_order_relaxed))
		return 0;
	rcasti_kill_point("about to ring");
	if (write_byte_quietly(follower) != -EPIPE)
		return 1;
	atomic_store_explicit(&follower->is_gone, true, memory_order_relaxed);
	return -EPIPE;
}

int rcast_notify(struct rcast_follower *const *followers, size_t n_followers)
{
	int n_rung = 0;

	rcast_notify_fence();
	for (size_t i = 0; i < n_followers; i++)
		if (rcasti_unlikely(is_asleep_unrung(followers[i])))
			n_rung += rcast_follower_ring(followers[i]) == 1;
	return n_rung;
}
