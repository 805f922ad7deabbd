/* SPDX-License-Identifier: MIT */
/*
 * Finds the titles that a program sets: OSC 0 or OSC 2, that is ESC ] 0 ; text, closed by BEL or by ESC \. The scanner is a
 * state machine over bytes, so a title may be cut by reads at any place:
 *
 *   GROUND ─ESC→ ESCAPE ─]→ NUMBER ─;→ TEXT ─BEL→ GROUND, done
 *                                           └ESC→ ST ─\→ GROUND, done
 *
 * In GROUND, where nearly all output is, memchr runs to the next ESC. CAN and SUB cancel, as terminals do; an ESC that does
 * not close the string begins a new sequence. A text too long is cut, and its rest still swallowed up to the terminator.
 *
 * The text was chosen by the program in the terminal, and others will print it: it is cleaned before anyone sees it.
 */
#include "engine/title.h"

#include <string.h>

enum { BEL = 7, CAN = 0x18, SUB = 0x1a, ESC = 0x1b };

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

static bool complete(struct rcasti_title_scanner *scanner)
{
	char before[RCASTI_TITLE_BYTES];

	scanner->state = RCASTI_TITLE_GROUND;
	memcpy(before, scanner->title, sizeof before);
	rcasti_text_clean(scanner->title, sizeof scanner->title, scanner->collected, scanner->n_collected);
	return strcmp(before, scanner->title) != 0;
}

static void collect(struct rcasti_title_scanner *scanner, unsigned char byte)
{
	if (scanner->n_collected < sizeof scanner->collected)
		scanner->collected[scanner->n_collected++] = (char)byte;
}

static void begin_string(struct rcasti_title_scanner *scanner)
{
	scanner->state = RCASTI_TITLE_NUMBER;
	scanner->number = 0;
	scanner->n_collected = 0;
}

static void after_number(struct rcasti_title_scanner *scanner, unsigned char byte)
{
	if (byte >= '0' && byte <= '9' && scanner->number < 1000)
		scanner->number = scanner->number * 10 + (byte - '0');
	else if (byte == ';' && (scanner->number == 0 || scanner->number == 2))
		scanner->state = RCASTI_TITLE_TEXT;
	else
		scanner->state = RCASTI_TITLE_GROUND;
}

/* One byte further, outside GROUND. True: a new title. */
static bool step(struct rcasti_title_scanner *scanner, unsigned char byte)
{
	if (byte == CAN || byte == SUB) {
		scanner->state = RCASTI_TITLE_GROUND;
		return false;
	}
	if (scanner->state == RCASTI_TITLE_ST && byte == '\\')
		return complete(scanner);
	if (scanner->state == RCASTI_TITLE_TEXT && byte == BEL)
		return complete(scanner);
	if (byte == ESC)
		scanner->state = scanner->state == RCASTI_TITLE_TEXT ? RCASTI_TITLE_ST : RCASTI_TITLE_ESCAPE;
	else if (scanner->state == RCASTI_TITLE_TEXT)
		collect(scanner, byte);
	else if (scanner->state == RCASTI_TITLE_NUMBER)
		after_number(scanner, byte);
	else if (byte == ']')
		begin_string(scanner);
	else
		scanner->state = RCASTI_TITLE_GROUND;
	return false;
}

bool rcasti_title_scan(struct rcasti_title_scanner *scanner, const void *data, size_t n_bytes)
{
	const unsigned char *at = data, *end = at + n_bytes;
	bool found = false;

	while (at < end) {
		if (scanner->state == RCASTI_TITLE_GROUND) {
			at = memchr(at, ESC, (size_t)(end - at));
			if (!at)
				break;
		}
		if (scanner->state == RCASTI_TITLE_GROUND)
			scanner->state = RCASTI_TITLE_ESCAPE;
		else if (step(scanner, *at))
			found = true;
		at++;
	}
	return found;
}
