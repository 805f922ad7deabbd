/* SPDX-License-Identifier: MIT */
/*
 * What came from outside is taken apart into characters before it is printed.
 */
#ifndef RINGCAST_CLI_CHARACTER_H
#define RINGCAST_CLI_CHARACTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes the UTF-8 character at `text` takes, and what it is; 0: it is none. */
static inline size_t character_decode(const unsigned char *text, size_t n_bytes, uint32_t *point)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3 : text[0] >> 3 == 30 ? 4 : 0;

	if (n == 0 || n > n_bytes)
		return 0;
	*point = n == 1 ? text[0] : text[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (text[i] >> 6 != 2)
			return 0;
		*point = *point << 6 | (text[i] & 0x3f);
	}
	return *point < smallest[n] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff) ? 0 : n;
}

/* Those of eight bits steer most terminals too. */
static inline bool character_is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

#endif
