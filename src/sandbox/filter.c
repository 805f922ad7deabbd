/* SPDX-License-Identifier: MIT */
/*
 * The system call filter: a list of what is allowed, by libseccomp; everything else fails with EPERM.
 *
 * What is allowed acts on descriptors that the process has or on memory of its own. None takes a path, with one exception:
 * fstat() of glibc is newfstatat() with an empty path, and a filter cannot look at the path; so the metadata of a file can be
 * asked for by name. Where an argument decides whether a call is harmless, it is compared:
 *
 *   mmap      anonymous and private, or read-only; never executable. Received rings are mapped read-only
 *   mprotect  never executable
 *   fcntl     only what asks, and the flags of a descriptor; not F_SETOWN, which aims signals
 *   sendto    only on a connection, without an address
 *   fchmod    for who may attach, and to no mode but that of rings and cursor pages: with another one, of a ring that it was
 *             handed, nobody else could be handed that ring any more
 *   futex     any: it reaches other processes through shared mappings only, and those are read-only or our own memory
 *
 * For who may attach, mmap may be writable and shared as well: what somebody else owns comes with a descriptor that does not
 * allow that. Still nothing takes a path, which is why a reader in the sandbox hands on and keeps descriptors as they are, where
 * it would open them anew outside (ring/memory.c, ring/reader.c).
 *
 * clone3 says ENOSYS as an old kernel would, since its flags lie in memory and libraries then fall back to clone, which is
 * refused.
 *
 * Called by enter.c.
 */
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>

#include <ringcast/sandbox.h>

static const int allowed[] = {
	/* descriptors */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(shutdown),
	SCMP_SYS(close),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(fstatfs),
	SCMP_SYS(getsockopt),
	/* waiting */
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(restart_syscall),
	/* memory */
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	/* itself */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* A call that is allowed if argument `argument`, of the bits in `mask`, is `value`. */
struct conditional {
	int call;
	unsigned int argument;
	uint64_t mask, value;
};

static const struct conditional conditionals[] = {
	{SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
	{SCMP_SYS(mmap), 2, PROT_WRITE | PROT_EXEC, 0},
	{SCMP_SYS(newfstatat), 3, UINT64_MAX, AT_EMPTY_PATH},
	{SCMP_SYS(sendto), 4, UINT64_MAX, 0},
	{SCMP_SYS(fcntl), 1, UINT32_MAX, F_GETFD},
	{SCMP_SYS(fcntl), 1, UINT32_MAX, F_SETFD},
	{SCMP_SYS(fcntl), 1, UINT32_MAX, F_GETFL},
	{SCMP_SYS(fcntl), 1, UINT32_MAX, F_SETFL},
	{SCMP_SYS(fcntl), 1, UINT32_MAX, F_GET_SEALS},
};

/* What attaching to a session takes, and sealed memory to hand on. */
static const int allowed_to_attach[] = {
	SCMP_SYS(memfd_create),
	SCMP_SYS(ftruncate),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(eventfd2),
};

static const struct conditional conditionals_to_attach[] = {
	{SCMP_SYS(fchmod), 1, UINT32_MAX, 0400},
	{SCMP_SYS(fcntl), 1, UINT32_MAX, F_ADD_SEALS},
	{SCMP_SYS(fcntl), 1, UINT32_MAX, F_DUPFD_CLOEXEC},
	{SCMP_SYS(mmap), 2, PROT_EXEC, 0},
};

static int allow_all(scmp_filter_ctx filter, const int *calls, size_t n_calls)
{
	int error = 0;

	for (size_t i = 0; i < n_calls && error == 0; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return error;
}

static int allow_conditionals(scmp_filter_ctx filter, const struct conditional *calls, size_t n_calls)
{
	int error = 0;

	for (size_t i = 0; i < n_calls && error == 0; i++) {
		const struct conditional *it = &calls[i];

		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, it->call, 1,
					 SCMP_CMP64(it->argument, SCMP_CMP_MASKED_EQ, it->mask, it->value));
	}
	return error;
}

/* What malloc and the like map. */
static int allow_anonymous_memory(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
				SCMP_A3_64(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_PRIVATE, MAP_ANONYMOUS | MAP_PRIVATE));
}

#define N(array) (sizeof(array) / sizeof(array)[0])

static int build(scmp_filter_ctx filter, unsigned int may)
{
	int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);

	if (error == 0)
		error = allow_all(filter, allowed, N(allowed));
	if (error == 0)
		error = allow_conditionals(filter, conditionals, N(conditionals));
	if (error == 0 && may & RCAST_SANDBOX_MAY_ATTACH)
		error = allow_all(filter, allowed_to_attach, N(allowed_to_attach));
	if (error == 0 && may & RCAST_SANDBOX_MAY_ATTACH)
		error = allow_conditionals(filter, conditionals_to_attach, N(conditionals_to_attach));
	if (error == 0)
		error = allow_anonymous_memory(filter);
	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return error;
}

int rcasti_filter_load(unsigned int may)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (!filter)
		return -ENOMEM;
	error = build(filter, may);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}
