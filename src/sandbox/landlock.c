/* SPDX-License-Identifier: MIT */
/*
 * Landlock: a ruleset that handles everything that this kernel's version of Landlock knows, and allows none of it. It stands
 * behind the system call filter: should a call slip through that, there is still no file, port, signal or abstract socket for it.
 *
 * What each version added is in a table, since a kernel refuses a ruleset with bits that it does not know. The headers of the
 * system we are built on may be older than the kernel we run on, so the few numbers are written out here.
 *
 * Called by enter.c, with no_new_privs set.
 */
#include "sandbox/landlock.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ringcast/sandbox.h>

#include "kernel/facility.h"

/* The kernel's struct landlock_ruleset_attr; older kernels take a shorter one. */
struct ruleset {
	uint64_t files, network, scoped;
};

static const struct version {
	int abi;
	struct ruleset handled;
	size_t n_bytes;
	int in_force;
} versions[] = {
	{6, {0xffff, 0x3, 0x3}, 24, RCAST_SANDBOX_FILES | RCAST_SANDBOX_NETWORK | RCAST_SANDBOX_SCOPED},
	{5, {0xffff, 0x3, 0}, 16, RCAST_SANDBOX_FILES | RCAST_SANDBOX_NETWORK},
	{4, {0x7fff, 0x3, 0}, 16, RCAST_SANDBOX_FILES | RCAST_SANDBOX_NETWORK},
	{3, {0x7fff, 0, 0}, 8, RCAST_SANDBOX_FILES},
	{2, {0x3fff, 0, 0}, 8, RCAST_SANDBOX_FILES},
	{1, {0x1fff, 0, 0}, 8, RCAST_SANDBOX_FILES},
};

/* The best that this kernel has; NULL: it has no Landlock, or it is switched off. */
static const struct version *find_version(void)
{
	int abi = rcasti_kernel_landlock_abi();

	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
		if (versions[i].abi <= abi)
			return &versions[i];
	return NULL;
}

int rcasti_landlock_enter(void)
{
	const struct version *version = find_version();
	int ruleset_fd, error;

	if (!version)
		return 0;
	ruleset_fd = (int)syscall(SYS_landlock_create_ruleset, &version->handled, version->n_bytes, 0);
	if (ruleset_fd < 0)
		return -errno;
	error = syscall(SYS_landlock_restrict_self, ruleset_fd, 0) == 0 ? 0 : -errno;
	close(ruleset_fd);
	return error == 0 ? version->in_force : error;
}
