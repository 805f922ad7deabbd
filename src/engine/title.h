/* SPDX-License-Identifier: MIT */
/* Titles in terminal output, and text from outside made fit to show. The model is in title.c. */
#ifndef RCASTI_ENGINE_TITLE_H
#define RCASTI_ENGINE_TITLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RCASTI_TITLE_BYTES 256 /* with the closing zero */

enum rcasti_title_state {
	RCASTI_TITLE_GROUND,
	RCASTI_TITLE_ESCAPE,
	RCASTI_TITLE_NUMBER,
	RCASTI_TITLE_TEXT,
	RCASTI_TITLE_ST
};

struct rcasti_title_scanner {
	enum rcasti_title_state state;
	uint32_t number; /* of the OSC being read */
	size_t n_collected;
	char collected[RCASTI_TITLE_BYTES];
	char title[RCASTI_TITLE_BYTES]; /* the latest, clean */
};

/* Go through output. True: it completed a title that differs from the one before; it is in scanner->title. */
bool rcasti_title_scan(struct rcasti_title_scanner *scanner, const void *data, size_t n_bytes);

/* Copy text as valid UTF-8 without control characters, cut to fit between characters, terminated. Returns its length. */
size_t rcasti_text_clean(char *clean, size_t clean_bytes, const char *text, size_t n_bytes);

#endif
