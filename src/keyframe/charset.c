/* SPDX-License-Identifier: MIT */
/*
 * Character sets of 94 characters: ASCII, DEC's graphics, and the national sets of ISO 646 as DEC's terminals have them.
 *
 * National sets replace some of twelve characters. Several names may mean one set; a snapshot uses the first. Sets that are
 * not known here are ASCII. A terminal that follows DECNRCM has the national ones only while that is set; nobody
 * designates one without it. Called by control.c, print.c and snapshot.c.
 */
#include "keyframe/charset.h"

#include <string.h>

/* ` to ~, DEC Special Graphics. */
static const uint16_t dec_graphics[] = {
	0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b, 0x2518,
	0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524,
	0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7,
};

static const char replaced[] = "#@[\\]^_`{|}~";
#define N_REPLACED (sizeof(replaced) - 1)

/* In the order of `replaced`. */
static const struct {
	const char *names;
	uint16_t characters[N_REPLACED]; /* 0: as in ASCII */
} sets[] = {
	[CHARSET_ASCII] = {"B", {0}},
	{"0", {0}}, /* DEC_GRAPHICS */
	{"A", {u'£'}},
	{"4", {u'£', u'¾', u'ĳ', u'½', u'|', 0, 0, 0, u'¨', u'ƒ', u'¼', u'´'}},
	{"C5", {0, 0, u'Ä', u'Ö', u'Å', u'Ü', 0, u'é', u'ä', u'ö', u'å', u'ü'}},
	{"Rf", {u'£', u'à', u'°', u'ç', u'§', 0, 0, 0, u'é', u'ù', u'è', u'¨'}},
	{"Q9", {0, u'à', u'â', u'ç', u'ê', u'î', 0, u'ô', u'é', u'ù', u'è', u'û'}},
	{"K", {0, u'§', u'Ä', u'Ö', u'Ü', 0, 0, 0, u'ä', u'ö', u'ü', u'ß'}},
	{"Y", {u'£', u'§', u'°', u'ç', u'é', 0, 0, u'ù', u'à', u'ò', u'è', u'ì'}},
	{"E6`", {0, u'Ä', u'Æ', u'Ø', u'Å', u'Ü', 0, u'ä', u'æ', u'ø', u'å', u'ü'}},
	{"Z", {u'£', u'§', u'¡', u'Ñ', u'¿', 0, 0, 0, u'°', u'ñ', u'ç', 0}},
	{"H7", {0, u'É', u'Ä', u'Ö', u'Å', u'Ü', 0, u'é', u'ä', u'ö', u'å', u'ü'}},
	{"=", {u'ù', u'à', u'é', u'ç', u'ê', u'î', u'è', u'ô', u'ä', u'ö', u'ü', u'û'}},
};
#define N_SETS (sizeof(sets) / sizeof(sets[0]))
#define DEC_GRAPHICS 1

uint8_t rcasti_charset_find(uint8_t name)
{
	for (uint8_t i = 0; i < N_SETS; i++) {
		if (strchr(sets[i].names, name))
			return i;
	}
	return CHARSET_ASCII;
}

char rcasti_charset_name(uint8_t charset)
{
	return sets[charset].names[0];
}

uint32_t rcasti_charset_translate(uint8_t charset, uint32_t character)
{
	const char *at;

	if (charset == CHARSET_ASCII || character == 0 || character >= 0x7f)
		return character;
	if (charset == DEC_GRAPHICS)
		return character >= '`' ? dec_graphics[character - '`'] : character;
	at = strchr(replaced, (int)character);
	return at && sets[charset].characters[at - replaced] ? sets[charset].characters[at - replaced] : character;
}
