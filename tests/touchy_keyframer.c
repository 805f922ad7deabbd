/* SPDX-License-Identifier: MIT */
/*
 * The keyframer, but with an emulator that some output is the end of: it crashes of CRASH and never comes back from HANG. Linked
 * with all of the keyframer's own sources, in which each call of rcast_screen_feed comes here first.
 */
#include <string.h>

#include <ringcast/screen.h>

void __real_rcast_screen_feed(struct rcast_screen *screen, const void *data, size_t n_bytes);
void __wrap_rcast_screen_feed(struct rcast_screen *screen, const void *data, size_t n_bytes);

void __wrap_rcast_screen_feed(struct rcast_screen *screen, const void *data, size_t n_bytes)
{
	if (memmem(data, n_bytes, "CRASH", 5))
		__builtin_trap();
	while (memmem(data, n_bytes, "HANG", 4))
		continue;
	__real_rcast_screen_feed(screen, data, n_bytes);
}
