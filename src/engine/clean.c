/* SPDX-License-Identifier: MIT */
/*
 * Titles and folders are chosen by the program in the terminal, command lines by whoever started it, and others will print them:
 * they are cleaned before anyone sees them. Whatever is no UTF-8, and every control character, is left out.
 *
 * Called by events.c, start.c and exchange.c.
 */
#include "engine/clean.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The length of the UTF-8 character at `text` and its code point; 0 if there is no valid one. */
static size_t character(const unsigned char *text, size_t n_bytes, uint32_t *code_point)
{
	static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3 : text[0] >> 3 == 30 ? 4 : 0;
	uint32_t value = length == 1 ? text[0] : text[0] & (0x7fu >> length);

	if (length == 0 || length > n_bytes)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*code_point = value;
	return length;
}

static bool is_control(uint32_t code_point)
{
	return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
}

size_t rcasti_text_clean(char *clean, size_t clean_bytes, const char *text, size_t n_bytes)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t used = 0, length;
	uint32_t code_point = 0;

	for (size_t i = 0; i < n_bytes; i += length ? length : 1) {
		length = character(from + i, n_bytes - i, &code_point);
		if (length == 0 || is_control(code_point))
			continue;
		if (used + length >= clean_bytes)
			break;
		memcpy(clean + used, from + i, length);
		used += length;
	}
	clean[used] = 0;
	return used;
}
