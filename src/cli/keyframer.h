/* SPDX-License-Identifier: MIT */
/*
 * The keyframer's program.
 */
#ifndef RINGCAST_CLI_KEYFRAMER_H
#define RINGCAST_CLI_KEYFRAMER_H

/* Its path, for rcast_engine_options.keyframer; NULL: there is none. Static. */
const char *keyframer_find(void);

#endif
