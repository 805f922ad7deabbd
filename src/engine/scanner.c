/* SPDX-License-Identifier: MIT */
/*
 * Finds in output what is no drawing: titles (OSC 0, 2), folders (OSC 7), commands (OSC 133), bells, modes, and what a program
 * asks its terminal. A state machine over bytes, so that reads may cut a sequence at any place:
 *
 *   GROUND ─ESC→ ESCAPE ─[→ CONTROL ─ final byte, or nothing for us → GROUND
 *                  ├──── ]→ NUMBER ─;→ TEXT (0, 2, 7, 133) or OTHER ─BEL, or ESC \→ GROUND
 *                  └ P X ^ _→ STRING ─ESC \→ GROUND
 *
 * It runs over all output of all sessions, so nearly all bytes must cost nothing. In GROUND, and inside strings, memchr finds the
 * next byte that matters, and what each search has found is remembered, so however densely bytes of one kind come, a
 * read is searched once for each. Control sequences are mostly colours and motion: as soon as one cannot be ours any more it is
 * GROUND again, and the rest of its bytes is passed over like text. Two bytes behind the bracket nearly always tell, so they are
 * looked at on the way, without leaving GROUND (is_foreign).
 *
 * As terminals do: CAN and SUB cancel; an ESC that does not close a string begins a new sequence; a control character inside a
 * control sequence acts, or does nothing, and the sequence goes on; BEL closes an OSC and rings nowhere else in a string. The
 * eight-bit forms of introducers (C2 9B for ESC [) are not looked for: C2 is a byte of ordinary text.
 *
 * A question belongs to the place where its last byte stands.
 *
 * Called by the pump; calls events.c with what it has found.
 */
#include "engine/scanner.h"

#include <string.h>

enum { BEL = 0x07, CAN = 0x18, SUB = 0x1a, ESC = 0x1b, DEL = 0x7f };
enum { MAX_NUMBER = 9999 };

/* Output in one piece, and where the next byte of each kind is that ends a run. */
enum { N_STOPS_OF_GROUND = 2, N_STOPS = 4 };
struct reading {
	const unsigned char *at, *end;
	const unsigned char
		*stops[N_STOPS]; /* found last: true unless it is behind us. NULL: not looked for; `end`: nowhere */
	uint64_t end_pos;        /* of `end`, as a count of output */
};

/* Where the next of this kind is; looked for only if the last one that was found is behind us. */
static inline const unsigned char *find_stop(struct reading *reading, int i)
{
	static const unsigned char bytes[N_STOPS] = {ESC, BEL, CAN, SUB};

	if (reading->stops[i] < reading->at) {
		reading->stops[i] = memchr(reading->at, bytes[i], (size_t)(reading->end - reading->at));
		if (!reading->stops[i])
			reading->stops[i] = reading->end;
	}
	return reading->stops[i];
}

static inline void pass_run(struct reading *reading, int n_stops)
{
	const unsigned char *nearest = find_stop(reading, 0);

	for (int i = 1; i < n_stops; i++) {
		const unsigned char *stop = find_stop(reading, i);

		nearest = stop < nearest ? stop : nearest;
	}
	reading->at = nearest;
}

static uint64_t output_pos(const struct reading *reading)
{
	return reading->end_pos - (uint64_t)(reading->end - reading->at);
}

void rcasti_scanner_init(struct rcasti_scanner *scanner)
{
	*scanner = (struct rcasti_scanner){0};
	rcasti_events_init(&scanner->events);
}

static void ask(struct rcasti_scanner *scanner, enum rcasti_question question)
{
	if (scanner->n_questions < RCASTI_MAX_QUESTIONS)
		scanner->questions[scanner->n_questions++] = (uint8_t)question;
}

/* ── Strings ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void begin_string(struct rcasti_scanner *scanner, enum rcasti_scan_state state)
{
	scanner->state = state;
	scanner->number = 0;
	scanner->n_text_bytes = 0;
	scanner->is_cut = false;
}

static void collect(struct rcasti_scanner *scanner, const unsigned char *text, size_t n_bytes)
{
	size_t room = sizeof scanner->text - scanner->n_text_bytes;

	scanner->is_cut = scanner->is_cut || n_bytes > room;
	n_bytes = n_bytes < room ? n_bytes : room;
	memcpy(scanner->text + scanner->n_text_bytes, text, n_bytes);
	scanner->n_text_bytes += n_bytes;
}

/* A text has come to its end, behind which we stand. */
static void complete(struct rcasti_scanner *scanner, const struct reading *reading)
{
	if (scanner->number == 133)
		rcasti_events_mark(&scanner->events, scanner->text, scanner->n_text_bytes, output_pos(reading));
	else if (scanner->number == 7)
		rcasti_events_directory(&scanner->events, scanner->text, scanner->n_text_bytes, !scanner->is_cut);
	else
		rcasti_events_title(&scanner->events, scanner->text, scanner->n_text_bytes);
}

/* ── Control sequences ───────────────────────────────────────────────────────────────────────────────────────────────── */

static void begin_control(struct rcasti_scanner *scanner)
{
	scanner->state = RCASTI_SCAN_CONTROL;
	scanner->prefix = 0;
	scanner->number = 0;
	scanner->n_parameters = 0;
}

static void end_parameter(struct rcasti_scanner *scanner)
{
	if (scanner->n_parameters < RCASTI_SCAN_PARAMETERS)
		scanner->parameters[scanner->n_parameters++] = (uint16_t)scanner->number;
	scanner->number = 0;
}

/* ESC [ ? … */
static void finish_private(struct rcasti_scanner *scanner, unsigned char final)
{
	end_parameter(scanner);
	if (final == 'n' && scanner->n_parameters == 1 && scanner->parameters[0] == 6)
		ask(scanner, RCASTI_ASKS_CURSOR_PRIVATELY);
	for (unsigned int i = 0; i < scanner->n_parameters && (final == 'h' || final == 'l'); i++)
		rcasti_events_set_mode(&scanner->events, scanner->parameters[i], final == 'h');
}

static void finish_control(struct rcasti_scanner *scanner, unsigned char final)
{
	uint32_t number = scanner->number;

	if (scanner->prefix == '?')
		finish_private(scanner, final);
	else if (scanner->prefix == '>' && final == 'c' && number == 0)
		ask(scanner, RCASTI_ASKS_MORE_ATTRIBUTES);
	else if (scanner->prefix == '>' && final == 'q' && number == 0)
		ask(scanner, RCASTI_ASKS_VERSION);
	else if (scanner->prefix == '!' && final == 'p')
		rcasti_events_reset(&scanner->events, true);
	else if (scanner->prefix == ' ' && final == 'c' && number == 0)
		ask(scanner, RCASTI_ASKS_ATTRIBUTES);
	else if (scanner->prefix == ' ' && final == 'n' && number == 5)
		ask(scanner, RCASTI_ASKS_STATUS);
	else if (scanner->prefix == ' ' && final == 'n' && number == 6)
		ask(scanner, RCASTI_ASKS_CURSOR);
}

static void take_digit(struct rcasti_scanner *scanner, unsigned char byte)
{
	if (scanner->number <= MAX_NUMBER)
		scanner->number = scanner->number * 10 + (byte - '0');
	if (scanner->prefix == ' ' && scanner->number != 0 && scanner->number != 5 && scanner->number != 6)
		scanner->state = RCASTI_SCAN_GROUND;
}

static void take_control(struct rcasti_scanner *scanner, unsigned char byte)
{
	if (scanner->prefix == 0) {
		scanner->prefix = byte == '?' || byte == '>' || byte == '!' ? (char)byte : ' ';
		if (scanner->prefix != ' ')
			return;
	}
	if (byte >= '0' && byte <= '9') {
		take_digit(scanner, byte);
	} else if (byte == ';' && scanner->prefix == '?') {
		end_parameter(scanner);
	} else {
		scanner->state = RCASTI_SCAN_GROUND;
		finish_control(scanner, byte);
	}
}

/* ── Bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void take_number(struct rcasti_scanner *scanner, unsigned char byte)
{
	uint32_t number = scanner->number;

	if (byte >= '0' && byte <= '9' && number <= MAX_NUMBER)
		scanner->number = number * 10 + (byte - '0');
	else if (byte == ';' && (number == 0 || number == 2 || number == 7 || number == 133))
		scanner->state = RCASTI_SCAN_TEXT;
	else
		scanner->state = RCASTI_SCAN_OTHER;
}

static void take_escape(struct rcasti_scanner *scanner, unsigned char byte, const struct reading *reading)
{
	bool was_open = scanner->is_open;

	scanner->is_open = false;
	scanner->state = RCASTI_SCAN_GROUND;
	switch (byte) {
	case '[':
		begin_control(scanner);
		break;
	case ']':
		begin_string(scanner, RCASTI_SCAN_NUMBER);
		break;
	case 'P':
	case 'X':
	case '^':
	case '_':
		begin_string(scanner, RCASTI_SCAN_STRING);
		break;
	case '\\':
		if (was_open)
			complete(scanner, reading);
		break;
	case 'c':
		rcasti_events_reset(&scanner->events, false);
		break;
	case 'Z':
		ask(scanner, RCASTI_ASKS_ATTRIBUTES);
		break;
	}
}

static void take_bell(struct rcasti_scanner *scanner, const struct reading *reading)
{
	enum rcasti_scan_state state = scanner->state;

	if (state == RCASTI_SCAN_STRING)
		return;
	if (state == RCASTI_SCAN_NUMBER || state == RCASTI_SCAN_TEXT || state == RCASTI_SCAN_OTHER)
		scanner->state = RCASTI_SCAN_GROUND;
	else
		rcasti_events_bell(&scanner->events);
	if (state == RCASTI_SCAN_TEXT)
		complete(scanner, reading);
}

/* What these do depends little on where they come. */
static void take_control_character(struct rcasti_scanner *scanner, unsigned char byte, const struct reading *reading)
{
	if (byte == ESC) {
		scanner->is_open = scanner->state == RCASTI_SCAN_TEXT;
		scanner->state = RCASTI_SCAN_ESCAPE;
	} else if (byte == CAN || byte == SUB) {
		scanner->state = RCASTI_SCAN_GROUND;
	} else if (byte == BEL) {
		take_bell(scanner, reading);
	}
}

/* One by one, as long as a sequence is young. */
static void take_bytes(struct rcasti_scanner *scanner, struct reading *reading)
{
	enum rcasti_scan_state state = scanner->state;

	while (reading->at < reading->end && scanner->state == state) {
		unsigned char byte = *reading->at++;

		if (byte < 0x20 || byte == DEL)
			take_control_character(scanner, byte, reading);
		else if (state == RCASTI_SCAN_CONTROL)
			take_control(scanner, byte);
		else if (state == RCASTI_SCAN_ESCAPE)
			take_escape(scanner, byte, reading);
		else
			take_number(scanner, byte);
	}
}

/* Pass over bytes that do nothing by themselves, keep them if they are a text's, and take the one that does. */
static void take_string(struct rcasti_scanner *scanner, struct reading *reading)
{
	const unsigned char *from = reading->at;

	pass_run(reading, N_STOPS);
	if (scanner->state == RCASTI_SCAN_TEXT)
		collect(scanner, from, (size_t)(reading->at - from));
	if (reading->at == reading->end)
		return;
	reading->at++;
	take_control_character(scanner, reading->at[-1], reading);
}

/* Is the sequence that begins with this ESC one that take_control would leave after two bytes? False: perhaps. */
static bool is_foreign(const unsigned char *at, const unsigned char *end)
{
	if (end - at < 4 || at[1] != '[')
		return false;
	if (at[2] == '0')
		return at[3] == 'm' || at[3] == ';' || (at[3] >= '1' && at[3] <= '4');
	if (at[2] == '5' || at[2] == '6')
		return at[3] >= '0' && at[3] < DEL && at[3] != 'n';
	return (at[2] >= '1' && at[2] <= ';') || (at[2] >= '@' && at[2] < DEL && at[2] != 'c');
}

static void take_ground(struct rcasti_scanner *scanner, struct reading *reading)
{
	do {
		pass_run(reading, N_STOPS_OF_GROUND);
		while (reading->at < reading->end && *reading->at == BEL) {
			rcasti_events_bell(&scanner->events);
			reading->at++;
		}
		if (reading->at == reading->end)
			return;
		if (*reading->at == ESC && !is_foreign(reading->at, reading->end))
			scanner->state = RCASTI_SCAN_ESCAPE;
		reading->at += *reading->at == ESC;
	} while (scanner->state == RCASTI_SCAN_GROUND);
}

void rcasti_scan(struct rcasti_scanner *scanner, const void *data, size_t n_bytes)
{
	struct reading reading = {.at = data, .end = (const unsigned char *)data + n_bytes};

	reading.end_pos = scanner->n_scanned_bytes += n_bytes;
	while (reading.at < reading.end) {
		if (scanner->state == RCASTI_SCAN_GROUND)
			take_ground(scanner, &reading);
		else if (scanner->state >= RCASTI_SCAN_TEXT)
			take_string(scanner, &reading);
		else
			take_bytes(scanner, &reading);
	}
}
