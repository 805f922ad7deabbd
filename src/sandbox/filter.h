/* SPDX-License-Identifier: MIT */
/* The system call filter. Returns 0 or -errno; from then on it is in force. */
#ifndef RCASTI_SANDBOX_FILTER_H
#define RCASTI_SANDBOX_FILTER_H

/* `may`: of RCAST_SANDBOX_MAY_ATTACH. */
int rcasti_filter_load(unsigned int may);

#endif
