/* SPDX-License-Identifier: MIT */
/*
 * A screen as a picture.
 */
#ifndef RINGCAST_CLI_SVG_H
#define RINGCAST_CLI_SVG_H

#include <ringcast/screen.h>

/* The screen as an SVG document, yours to free(). 0 or -ENOMEM. */
int svg_make(const struct rcast_screen *screen, char **document, size_t *n_bytes);

#endif
