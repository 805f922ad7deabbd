/* SPDX-License-Identifier: MIT */
/* Where most tests of an engine begin: the engine, and one connection to it. */
#ifndef RINGCAST_TESTS_SCENE_H
#define RINGCAST_TESTS_SCENE_H

#include "tap.h"

static struct wire_engine host;
static struct wire wire;

static inline void scene_begin(bool threaded, struct rcast_engine_options options)
{
	wire_engine_open(&host, options, threaded);
	wire_open(&wire, &host);
}

static inline void scene_finish(void)
{
	wire_close(&wire);
	wire_engine_close(&host);
}

#endif
