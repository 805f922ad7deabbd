/* SPDX-License-Identifier: MIT */
/* The system call filter. Returns 0 or -errno; from then on it is in force. */
#ifndef RCASTI_SANDBOX_FILTER_H
#define RCASTI_SANDBOX_FILTER_H

int rcasti_filter_load(void);

#endif
