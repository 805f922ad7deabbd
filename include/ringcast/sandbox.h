/* SPDX-License-Identifier: MIT */
/*
 * A sandbox for a process that reads rings and must be assumed to be taken over some day: one that parses websockets, or feeds a
 * terminal emulator. It attaches, enters the sandbox, and from then on can use what it has and get at nothing else.
 *
 *   rcast_view_open → rcast_view_get_fds → rcast_sandbox_enter(those and its own sockets) → rcast_view_next …
 *
 * A library of its own (libringcast-sandbox): it needs libseccomp, which other consumers do not.
 */
#ifndef RINGCAST_SANDBOX_H
#define RINGCAST_SANDBOX_H

#include <ringcast/ringcast.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is in force beside the system call filter, as far as this kernel can. */
enum {
	RCAST_SANDBOX_FILES = 1 << 0,   /* Landlock: no file can be opened or changed by name (5.13) */
	RCAST_SANDBOX_NETWORK = 1 << 1, /* Landlock: no TCP connect or bind (6.7) */
	RCAST_SANDBOX_SCOPED = 1 << 2,  /* Landlock: no signal and no abstract socket to outside (6.12) */
};

/* What else may be allowed. */
enum {
	/*
	 * Attaching to further sessions over a connection that was kept (rcast_view_open), and handing on sealed memory: new memfds,
	 * their size, mode and seals, writable shared mappings of them, duplicates of descriptors, new epoll sets and eventfds.
	 * Such memory is the process's own; rings stay read-only, since their descriptors are. It can use up memory, as it can
	 * without this.
	 */
	RCAST_SANDBOX_MAY_ATTACH = 1 << 0,
};

/*
 * For good, and for this process and all that it is made of:
 *
 *   kept       the descriptors in keep_fds; all others are closed, and 0, 1 and 2 lead to /dev/null if they are not kept
 *   allowed    reading, writing, polling and passing descriptors on what is kept or received; mapping memory read-only from a
 *              received descriptor, and anonymous memory; clocks, futexes, signal handling, exiting; and what
 *              `may` names beyond that (RCAST_SANDBOX_MAY_ATTACH, or 0)
 *   refused    with EPERM, everything else: opening, connecting, new sockets and processes, other processes' memory and
 *              signals, executable memory. clone3 with ENOSYS
 *   set        no new privileges; not dumpable, so that others of the same uid cannot look into it either
 *
 * Call it when the process has one thread. Prepare before: whatever is loaded late (locales, name services, plug-ins) cannot
 * be any more. What is known of a file by name (stat) can still be asked; its bytes cannot be had.
 *
 * Returns the RCAST_SANDBOX_ bits in force; the system call filter, which alone refuses all of the above, is always in force
 * then. -EBUSY: there are other threads. -EINVAL: a descriptor to keep is not open, or there is nothing of that name in
 * `may`. Other errors as the kernel said. On an error the process may be half closed in: it should exit.
 */
RCAST_API int rcast_sandbox_enter(const int *keep_fds, size_t n_fds, unsigned int may);

#ifdef __cplusplus
}
#endif

#endif
