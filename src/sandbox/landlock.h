/* SPDX-License-Identifier: MIT */
/* Landlock. Returns the RCAST_SANDBOX_ bits in force from then on, 0 where the kernel has none of it, or -errno. */
#ifndef RCASTI_SANDBOX_LANDLOCK_H
#define RCASTI_SANDBOX_LANDLOCK_H

int rcasti_landlock_enter(void);

#endif
