/* SPDX-License-Identifier: MIT */
/*
 * The palette: the 256 colours and the terminal's own (text, background, cursor and so on), where a program changed them.
 *
 * Colours are understood as XParseColor does, #RGB to #RRRRGGGGBBBB and rgb:R/G/B to rgb:RRRR/GGGG/BBBB; names are not, since only
 * the terminal knows them, nor questions. Eight bits of each are kept. What was never spoken of is not spoken of in a
 * snapshot either.
 *
 * RIS leaves it alone, as in xterm, whose terminfo entry has an OSC 104 behind the RIS that resets it. Called by osc.c and snapshot.c.
 */
#include "keyframe/palette.h"

#include <stdlib.h>
#include <string.h>

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Up to n_digits of hexadecimal digits. Returns how many there were. */
static unsigned read_hex(const char *text, unsigned n_digits, uint32_t *value)
{
	unsigned n = 0;

	*value = 0;
	while (n < n_digits && hex_digit(text[n]) >= 0)
		*value = *value << 4 | (uint32_t)hex_digit(text[n++]);
	return n;
}

/* Its first digits count. */
static uint32_t read_hash(const char *text)
{
	unsigned n_digits = (unsigned)strspn(text, "0123456789abcdefABCDEF"), n = n_digits / 3;
	uint32_t colour = PALETTE_IS_SET, value;

	if (n_digits % 3 != 0 || n < 1 || n > 4 || (text[n_digits] != ';' && text[n_digits] != '\0'))
		return 0;
	for (unsigned i = 0; i < 3; i++) {
		read_hex(text + i * n, n, &value);
		colour |= (n == 1 ? value << 4 : value >> (4 * (n - 2))) << (16 - 8 * i);
	}
	return colour;
}

/* Its digits say how much of the most that they could. */
static uint32_t read_rgb(const char *text)
{
	uint32_t colour = PALETTE_IS_SET, value;

	for (unsigned i = 0; i < 3; i++) {
		unsigned n = read_hex(text, 4, &value);
		uint32_t most = (UINT32_C(1) << (4 * n)) - 1;
		bool ends_well = i < 2 ? text[n] == '/' : text[n] == ';' || text[n] == '\0';
		if (n == 0 || !ends_well)
			return 0;
		colour |= (value * 255 + most / 2) / most << (16 - 8 * i);
		text += n + 1;
	}
	return colour;
}

/* 0: it is none that is understood. */
static uint32_t read_colour(const char *text)
{
	if (text[0] == '#')
		return read_hash(text + 1);
	return strncmp(text, "rgb:", 4) == 0 ? read_rgb(text + 4) : 0;
}

/* What stands behind the next semicolon; NULL: there is none. */
static const char *next_field(const char *text)
{
	text = strchr(text, ';');
	return text ? text + 1 : NULL;
}

static bool read_index(const char *text, unsigned long *index)
{
	char *end;

	*index = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : 256;
	return *index < 256 && (*end == ';' || *end == '\0');
}

/* ── Changes ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void rcasti_palette_set_indexed(struct rcasti_palette *palette, const char *text)
{
	unsigned long index;
	const char *colour;

	for (; text && (colour = next_field(text)); text = next_field(colour)) {
		uint32_t set = read_index(text, &index) ? read_colour(colour) : 0;
		if (set == 0)
			continue;
		palette->indexed[index] = set;
		palette->indexed_touched = true;
	}
}

void rcasti_palette_reset_indexed(struct rcasti_palette *palette, const char *text)
{
	unsigned long index;

	palette->indexed_touched = true;
	if (text[0] == '\0') {
		memset(palette->indexed, 0, sizeof(palette->indexed));
		return;
	}
	for (; text; text = next_field(text)) {
		if (read_index(text, &index))
			palette->indexed[index] = 0;
	}
}

void rcasti_palette_set_dynamic(struct rcasti_palette *palette, unsigned first, const char *text)
{
	for (unsigned i = first; text && i < PALETTE_N_DYNAMIC; i++, text = next_field(text)) {
		uint32_t set = read_colour(text);
		if (set == 0)
			continue;
		palette->dynamic[i] = set;
		palette->dynamic_touched |= (uint16_t)(1u << i);
	}
}

void rcasti_palette_reset_dynamic(struct rcasti_palette *palette, unsigned which)
{
	palette->dynamic[which] = 0;
	palette->dynamic_touched |= (uint16_t)(1u << which);
}

/* ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void write_colour(uint32_t colour, struct rcasti_output *output)
{
	rcasti_output_print(output, ";rgb:%02x/%02x/%02x\033\\", colour >> 16 & 0xff, colour >> 8 & 0xff, colour & 0xff);
}

void rcasti_palette_write(const struct rcasti_palette *palette, struct rcasti_output *output)
{
	if (palette->indexed_touched)
		rcasti_output_print(output, "\033]104\033\\");
	for (unsigned i = 0; palette->indexed_touched && i < 256; i++) {
		if (palette->indexed[i] == 0)
			continue;
		rcasti_output_print(output, "\033]4;%u", i);
		write_colour(palette->indexed[i], output);
	}
	for (unsigned i = 0; i < PALETTE_N_DYNAMIC; i++) {
		if (palette->dynamic_touched >> i & 1)
			rcasti_output_print(output, "\033]%u\033\\", 110 + i);
		if (palette->dynamic[i] == 0)
			continue;
		rcasti_output_print(output, "\033]%u", 10 + i);
		write_colour(palette->dynamic[i], output);
	}
}
