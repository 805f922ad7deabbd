/* SPDX-License-Identifier: MIT */
#ifndef RCASTI_KEYFRAME_WIDTH_H
#define RCASTI_KEYFRAME_WIDTH_H

#include <stdint.h>

/* Columns that a printable character takes: 0 (joins the one before), 1 or 2. */
unsigned rcasti_width(uint32_t character);

#endif
