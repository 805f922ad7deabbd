/* SPDX-License-Identifier: MIT */
/*
 * The parser: Paul Williams' state machine for DEC terminals, on characters instead of bytes.
 *
 * Bytes are decoded as UTF-8 first. What is not UTF-8 becomes U+FFFD, one for each maximal ill-formed part, as the Unicode
 * standard recommends and browsers do. U+0080–U+009F are then the C1 controls, as in xterm: CSI may come as C2 9B.
 *
 * States: GROUND; ESCAPE and ESCAPE_INTERMEDIATE behind ESC; CSI_ENTRY, _PARAMETER, _INTERMEDIATE, _IGNORE; OSC, whose text is
 * kept; STRING, for DCS, SOS, PM and APC, whose text is not. CAN, SUB, ESC and C1 controls end any of them. A *cut point* is
 * GROUND with no character half read.
 *
 * A sequence has no effect before its last byte, with one exception: control characters inside it act at once. So what was
 * fed since the last cut point, less those, is what a snapshot has to repeat: `pending`. It is gathered once a feed, from the
 * byte that left the ground, and no byte is copied for sequences that end within the same feed.
 *
 * Bounds: 32 parameters, values to 2^31-1, 4 KiB of text and of pending; what is more is dropped, and a pending too long
 * says so. Called by screen.c; calls events only.
 */
#include "keyframe/parser.h"

#include <string.h>

#include "keyframe/output.h"

enum state {
	GROUND,
	ESCAPE,
	ESCAPE_INTERMEDIATE,
	CSI_ENTRY,
	CSI_PARAMETER,
	CSI_INTERMEDIATE,
	CSI_IGNORE,
	OSC,
	STRING,
};

enum osc_stage { OSC_NUMBER, OSC_TEXT, OSC_MALFORMED };

#define CAN 0x18
#define SUB 0x1a
#define ESC 0x1b
#define BEL 0x07
#define DEL 0x7f
#define C1_FIRST 0x80
#define C1_LAST 0x9f
#define C1_DCS 0x90
#define C1_SOS 0x98
#define C1_CSI 0x9b
#define C1_ST 0x9c
#define C1_OSC 0x9d
#define C1_PM 0x9e
#define C1_APC 0x9f
#define REPLACEMENT 0xfffd
#define NO_SUCH_COLLECTION UINT32_MAX
#define NO_OSC_NUMBER UINT32_MAX

void rcasti_parser_init(struct rcasti_parser *parser, const struct rcasti_parser_events *events, void *user)
{
	memset(parser, 0, sizeof(*parser));
	parser->events = events;
	parser->user = user;
}

bool rcasti_parser_is_at_cut_point(const struct rcasti_parser *parser)
{
	return parser->state == GROUND && parser->utf8_missing == 0;
}

/* ── Sequences ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void clear_sequence(struct rcasti_parser *parser)
{
	parser->sequence.n_parameters = 1;
	parser->sequence.parameters[0] = (struct rcasti_parameter){0};
	parser->sequence.collected = 0;
}

static void collect(struct rcasti_parser *parser, uint32_t character)
{
	uint32_t *collected = &parser->sequence.collected;

	*collected = *collected > 0xffff ? NO_SUCH_COLLECTION : *collected << 8 | character;
}

static void add_parameter(struct rcasti_parser *parser, bool is_sub)
{
	struct rcasti_sequence *sequence = &parser->sequence;

	/* One past the last: digits of what has no room go nowhere. */
	if (sequence->n_parameters > PARSER_MAX_PARAMETERS)
		return;
	if (sequence->n_parameters < PARSER_MAX_PARAMETERS)
		sequence->parameters[sequence->n_parameters] = (struct rcasti_parameter){.is_sub = is_sub};
	sequence->n_parameters++;
}

static void add_digit(struct rcasti_parser *parser, uint32_t digit)
{
	struct rcasti_sequence *sequence = &parser->sequence;
	struct rcasti_parameter *last = &sequence->parameters[sequence->n_parameters - 1];

	if (sequence->n_parameters > PARSER_MAX_PARAMETERS)
		return;
	last->is_given = true;
	last->value = last->value > (INT32_MAX - 9) / 10 ? INT32_MAX : last->value * 10 + digit;
}

static void take_parameter_character(struct rcasti_parser *parser, uint32_t character)
{
	if (character == ';' || character == ':')
		add_parameter(parser, character == ':');
	else
		add_digit(parser, character - '0');
	parser->state = CSI_PARAMETER;
}

static void dispatch_csi(struct rcasti_parser *parser, uint32_t final)
{
	parser->state = GROUND;
	if (parser->sequence.n_parameters > PARSER_MAX_PARAMETERS)
		parser->sequence.n_parameters = PARSER_MAX_PARAMETERS;
	parser->events->csi(parser->user, &parser->sequence, (uint8_t) final);
}

/* ── Strings ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void begin_osc(struct rcasti_parser *parser)
{
	parser->state = OSC;
	parser->osc_stage = OSC_NUMBER;
	parser->osc_number = NO_OSC_NUMBER;
	parser->n_string = 0;
}

static void take_osc_number(struct rcasti_parser *parser, uint32_t character)
{
	if (character == ';') {
		parser->osc_stage = OSC_TEXT;
	} else if (character < '0' || character > '9') {
		parser->osc_stage = OSC_MALFORMED;
	} else {
		if (parser->osc_number == NO_OSC_NUMBER)
			parser->osc_number = 0;
		if (parser->osc_number < 100000)
			parser->osc_number = parser->osc_number * 10 + character - '0';
	}
}

static void take_osc_text(struct rcasti_parser *parser, uint32_t character)
{
	char encoded[4];
	size_t n_bytes = rcasti_utf8_encode(character, encoded);

	if (parser->n_string + n_bytes > PARSER_MAX_STRING)
		return;
	memcpy(parser->string + parser->n_string, encoded, n_bytes);
	parser->n_string += n_bytes;
}

static void take_osc_character(struct rcasti_parser *parser, uint32_t character)
{
	if (character < 0x20 || parser->osc_stage == OSC_MALFORMED)
		return;
	if (parser->osc_stage == OSC_NUMBER)
		take_osc_number(parser, character);
	else
		take_osc_text(parser, character);
}

/* Leave whatever string is being read; one that was cancelled has no effect. */
static void end_string(struct rcasti_parser *parser, bool cancelled)
{
	if (parser->state == OSC && !cancelled && parser->osc_stage != OSC_MALFORMED &&
	    parser->osc_number != NO_OSC_NUMBER) {
		parser->string[parser->n_string] = '\0';
		parser->events->osc(parser->user, parser->osc_number, parser->string, parser->n_string);
	} else if (parser->state == OSC || parser->state == STRING) {
		parser->events->string_end(parser->user);
	}
	parser->state = GROUND;
}

/* ── Characters ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void take_c1(struct rcasti_parser *parser, uint32_t control)
{
	end_string(parser, control != C1_ST);
	clear_sequence(parser);
	switch (control) {
	case C1_CSI:
		parser->state = CSI_ENTRY;
		break;
	case C1_OSC:
		begin_osc(parser);
		break;
	case C1_DCS:
	case C1_SOS:
	case C1_PM:
	case C1_APC:
		parser->state = STRING;
		break;
	case C1_ST:
		break;
	default:
		parser->events->execute(parser->user, control);
	}
}

/* The controls that mean the same in every state. True: it was one. */
static bool take_anywhere(struct rcasti_parser *parser, uint32_t character)
{
	if (character == ESC) {
		end_string(parser, false);
		clear_sequence(parser);
		parser->state = ESCAPE;
	} else if (character == CAN || character == SUB) {
		end_string(parser, true);
		parser->events->execute(parser->user, character);
	} else if (character >= C1_FIRST && character <= C1_LAST) {
		take_c1(parser, character);
	} else {
		return false;
	}
	return true;
}

static void take_escape(struct rcasti_parser *parser, uint32_t character)
{
	switch (character) {
	case '[':
		parser->state = CSI_ENTRY;
		return;
	case ']':
		begin_osc(parser);
		return;
	case 'P':
	case 'X':
	case '^':
	case '_':
		parser->state = STRING;
		return;
	}
	if (character < '0') {
		collect(parser, character);
		parser->state = ESCAPE_INTERMEDIATE;
		return;
	}
	parser->state = GROUND;
	parser->events->escape(parser->user, parser->sequence.collected, (uint8_t)character);
}

static void take_csi(struct rcasti_parser *parser, uint32_t character)
{
	if (character >= '@') {
		if (parser->state == CSI_IGNORE)
			parser->state = GROUND;
		else
			dispatch_csi(parser, character);
	} else if (parser->state == CSI_IGNORE) {
		return;
	} else if (character < '0') {
		collect(parser, character);
		parser->state = CSI_INTERMEDIATE;
	} else if (parser->state == CSI_INTERMEDIATE) {
		parser->state = CSI_IGNORE;
	} else if (character <= ';') {
		take_parameter_character(parser, character);
	} else if (parser->state == CSI_ENTRY) {
		collect(parser, character);
		parser->state = CSI_PARAMETER;
	} else {
		parser->state = CSI_IGNORE;
	}
}

/* Inside an escape or control sequence: C0 acts, DEL is nothing, and what no sequence can hold ends it without effect. */
static void take_in_sequence(struct rcasti_parser *parser, uint32_t character)
{
	if (character < 0x20) {
		parser->events->execute(parser->user, character);
	} else if (character == DEL) {
		return;
	} else if (character > DEL) {
		if (parser->state != CSI_IGNORE)
			parser->state = GROUND;
	} else if (parser->state >= CSI_ENTRY) {
		take_csi(parser, character);
	} else if (parser->state == ESCAPE || character < '0') {
		take_escape(parser, character);
	} else {
		parser->state = GROUND;
		parser->events->escape(parser->user, parser->sequence.collected, (uint8_t)character);
	}
}

static void take_character(struct rcasti_parser *parser, uint32_t character)
{
	if (take_anywhere(parser, character))
		return;
	if (parser->state == GROUND) {
		if (character < 0x20)
			parser->events->execute(parser->user, character);
		else if (character != DEL)
			parser->events->print(parser->user, character);
	} else if (parser->state == OSC) {
		if (character == BEL)
			end_string(parser, false);
		else
			take_osc_character(parser, character);
	} else if (parser->state != STRING) {
		take_in_sequence(parser, character);
	}
}

/* ── Bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void begin_utf8(struct rcasti_parser *parser, uint8_t byte)
{
	parser->utf8_low = 0x80;
	parser->utf8_high = 0xbf;
	if (byte >= 0xc2 && byte <= 0xdf) {
		parser->utf8_missing = 1;
		parser->utf8_value = byte & 0x1f;
	} else if (byte >= 0xe0 && byte <= 0xef) {
		parser->utf8_missing = 2;
		parser->utf8_value = byte & 0x0f;
		if (byte == 0xe0) /* no overlong forms, no surrogates, nothing past U+10FFFF */
			parser->utf8_low = 0xa0;
		else if (byte == 0xed)
			parser->utf8_high = 0x9f;
	} else if (byte >= 0xf0 && byte <= 0xf4) {
		parser->utf8_missing = 3;
		parser->utf8_value = byte & 0x07;
		if (byte == 0xf0)
			parser->utf8_low = 0x90;
		else if (byte == 0xf4)
			parser->utf8_high = 0x8f;
	} else {
		take_character(parser, REPLACEMENT);
	}
}

/* False: the byte does not go on with the character, which is then ill-formed; look at the byte afresh. */
static bool continue_utf8(struct rcasti_parser *parser, uint8_t byte)
{
	if (byte < parser->utf8_low || byte > parser->utf8_high) {
		parser->utf8_missing = 0;
		take_character(parser, REPLACEMENT);
		return false;
	}
	parser->utf8_low = 0x80;
	parser->utf8_high = 0xbf;
	parser->utf8_value = parser->utf8_value << 6 | (byte & 0x3f);
	if (--parser->utf8_missing == 0)
		take_character(parser, parser->utf8_value);
	return true;
}

static void take_byte(struct rcasti_parser *parser, uint8_t byte)
{
	if (parser->utf8_missing > 0 && continue_utf8(parser, byte))
		return;
	if (byte < 0x80)
		take_character(parser, byte);
	else
		begin_utf8(parser, byte);
}

static size_t count_printable(const uint8_t *data, size_t n_bytes)
{
	size_t n = 0;

	while (n < n_bytes && data[n] >= 0x20 && data[n] < DEL)
		n++;
	return n;
}

static void keep_pending(struct rcasti_parser *parser, const uint8_t *data, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++) {
		if (data[i] < 0x20 && data[i] != ESC)
			continue;
		if (parser->n_pending == PARSER_MAX_PENDING) {
			parser->pending_overflow = true;
			return;
		}
		parser->pending[parser->n_pending++] = data[i];
	}
}

/* Will this byte show that the character before it was cut short? That character then takes effect. */
static bool breaks_character(const struct rcasti_parser *parser, uint8_t byte)
{
	return parser->state == GROUND && parser->utf8_missing > 0 && (byte < parser->utf8_low || byte > parser->utf8_high);
}

void rcasti_parser_feed(struct rcasti_parser *parser, const uint8_t *data, size_t n_bytes)
{
	size_t i = 0, sequence_start = 0;
	bool at_cut_point = rcasti_parser_is_at_cut_point(parser);
	bool began_earlier = !at_cut_point;

	while (i < n_bytes) {
		if (at_cut_point) {
			size_t n = count_printable(data + i, n_bytes - i);
			if (n > 0)
				parser->events->print_ascii(parser->user, data + i, n);
			i += n;
			if (i == n_bytes)
				break;
		}
		/* A sequence that is cut short by the next one begins with that one. */
		if (at_cut_point || data[i] == ESC || breaks_character(parser, data[i])) {
			sequence_start = i;
			began_earlier = false;
		}
		take_byte(parser, data[i++]);
		at_cut_point = rcasti_parser_is_at_cut_point(parser);
	}
	if (at_cut_point || !began_earlier) {
		parser->n_pending = 0;
		parser->pending_overflow = false;
	}
	if (!at_cut_point)
		keep_pending(parser, data + sequence_start, n_bytes - sequence_start);
}
