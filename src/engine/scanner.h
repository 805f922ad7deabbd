/* SPDX-License-Identifier: MIT */
/* Goes through a session's output for what is no drawing. The model is in scanner.c. */
#ifndef RCASTI_ENGINE_SCANNER_H
#define RCASTI_ENGINE_SCANNER_H

#include "engine/events.h"

#define RCASTI_SCAN_PARAMETERS 32
#define RCASTI_MAX_QUESTIONS 32 /* that wait to be answered */

enum rcasti_scan_state {
	RCASTI_SCAN_GROUND,
	RCASTI_SCAN_ESCAPE,
	RCASTI_SCAN_CONTROL, /* behind ESC [ */
	RCASTI_SCAN_NUMBER,  /* behind ESC ] */
	RCASTI_SCAN_TEXT,    /* of an OSC that we know */
	RCASTI_SCAN_OTHER,   /* of one that we do not */
	RCASTI_SCAN_STRING,  /* of DCS, SOS, PM, APC */
};

/* What a program may ask its terminal, as far as the engine knows an answer. */
enum rcasti_question {
	RCASTI_ASKS_ATTRIBUTES = 1,   /* DA1 */
	RCASTI_ASKS_MORE_ATTRIBUTES,  /* DA2 */
	RCASTI_ASKS_STATUS,           /* DSR 5 */
	RCASTI_ASKS_CURSOR,           /* DSR 6 */
	RCASTI_ASKS_CURSOR_PRIVATELY, /* DSR ?6 */
	RCASTI_ASKS_VERSION,          /* XTVERSION */
};

struct rcasti_scanner {
	enum rcasti_scan_state state;
	bool is_open;    /* in ESCAPE: it may be the end of a TEXT */
	uint32_t number; /* of the OSC, or the parameter that is being read */
	char prefix;     /* of the control sequence: 0 not seen yet, ' ' none */
	unsigned int n_parameters;
	uint16_t parameters[RCASTI_SCAN_PARAMETERS];
	char text[RCASTI_DIRECTORY_BYTES];
	size_t n_text_bytes;
	bool is_cut; /* the text is longer than that */

	uint64_t n_scanned_bytes;
	struct rcasti_events events;
	uint8_t questions[RCASTI_MAX_QUESTIONS]; /* enum rcasti_question; whoever answers them empties it */
	unsigned int n_questions;
};

void rcasti_scanner_init(struct rcasti_scanner *scanner);

/* Go through output, which follows what was scanned before. */
void rcasti_scan(struct rcasti_scanner *scanner, const void *data, size_t n_bytes);

#endif
