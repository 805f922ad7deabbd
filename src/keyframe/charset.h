/* SPDX-License-Identifier: MIT */
/* Character sets that programs designate (SCS). The model is in charset.c. */
#ifndef RCASTI_KEYFRAME_CHARSET_H
#define RCASTI_KEYFRAME_CHARSET_H

#include <stdint.h>

#define CHARSET_ASCII 0

/* The set that a designation's last byte names; ASCII if there is none. */
uint8_t rcasti_charset_find(uint8_t name);
char rcasti_charset_name(uint8_t charset);

/* What an ASCII character is in a set. */
uint32_t rcasti_charset_translate(uint8_t charset, uint32_t character);

#endif
