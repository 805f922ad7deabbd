/* SPDX-License-Identifier: MIT */
/* Ends this process if it hangs. The model is in watchdog.c. */
#ifndef RCASTI_KEYFRAMER_WATCHDOG_H
#define RCASTI_KEYFRAMER_WATCHDOG_H

/* From now on. Before the sandbox. 0 or -errno. */
int watchdog_start(void);

/* One more bounded piece of work is done. */
void watchdog_feed(void);

#endif
