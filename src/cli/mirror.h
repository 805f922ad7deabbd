/* SPDX-License-Identifier: MIT */
/*
 * A screen of our own that shows what a session shows.
 */
#ifndef RINGCAST_CLI_MIRROR_H
#define RINGCAST_CLI_MIRROR_H

#include <ringcast/client.h>
#include <ringcast/screen.h>

/* The screen that a keyframe tells of. NULL: no memory, or no screen can be of that size. */
struct rcast_screen *mirror_keyframe(const struct rcast_keyframe *keyframe);

/*
 * Have *screen follow a session: with each record that the view gives. It is made anew by a keyframe, and may be NULL before. 0, or
 * -ENOMEM.
 */
int mirror_record(struct rcast_screen **screen, const struct rcast_view *view, const struct rcast_record *record);

#endif
