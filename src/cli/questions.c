/* SPDX-License-Identifier: MIT */
/*
 * Programs ask their terminal what it is, where the cursor stands, which colours it has; it answers as if somebody had typed.
 * Whoever replays such output asks again, and the answers are typed into whatever runs in the session by now, or into our own
 * shell. So the replay goes through here, and everything that a watcher sees.
 *
 * A sequence is held back until its last byte tells what it is: a question is dropped, anything else passes as it was. Strings
 * longer than any question (images, titles) pass as soon as they are too long; what can be a question however long it is
 * counts as one. Output that is no question is never changed,
 * but that a control character inside a sequence comes before it, and an introducer of eight bits is one of seven. Where a question
 * is left out behind something that was broken off by it, CAN takes its place. Whose a question is, is asked at its last byte too: so two
 * viewers of which one takes over from the other in the middle of it agree.
 *
 *   GROUND ─ESC─► ESCAPE ─[─► CONTROL ─ final byte ─► GROUND
 *                   └─ ] P ─► STRING ─ BEL, or ESC \ ─► GROUND
 */
#include "cli/questions.h"

#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

#define SLICE_BYTES 16384
#define BYTE_ENQUIRY 0x05
#define BYTE_BELL 0x07
#define BYTE_CANCEL 0x18
#define BYTE_SUBSTITUTE 0x1a
#define BYTE_ESCAPE 0x1b
#define BYTE_DELETE 0x7f
#define BYTE_EIGHT_BIT 0xc2 /* the first of U+0080 to U+009F in UTF-8, and of many a letter */

/* The reports of window manipulation (CSI Ps t). */
static bool is_window_question(const char *parameters)
{
	long number = strtol(parameters, NULL, 10);

	return number == 11 || number == 13 || number == 14 || number == 15 || number == 16 ||
	       (number >= 18 && number <= 21);
}

/* CSI … : `parameters` are all bytes between the bracket and the final one. */
static bool is_control_question(const char *parameters, char final)
{
	bool is_private = *parameters == '?', is_dollar = strchr(parameters, '$'), is_star = strchr(parameters, '*');

	switch (final) {
	case 'c': /* device attributes */
	case 'n': /* device status, cursor position */
		return *parameters != '>' || final == 'c';
	case 'x': /* terminal parameters; with $ it fills a rectangle */
		return !is_dollar;
	case 'p': /* modes */
		return is_dollar;
	case 'q': /* version */
		return *parameters == '>';
	case 'u': /* keyboard protocol */
	case 'm': /* key modifiers */
	case 'S': /* graphics */
		return is_private;
	case 'y': /* checksum of a rectangle */
		return is_star;
	case 't':
		return is_window_question(parameters);
	default:
		return false;
	}
}

/* OSC …;? and DCS $q or +q, up to but not with what ends the string. */
static bool is_string_question(const char *text, size_t n_bytes)
{
	if (text[1] == 'P')
		return n_bytes > 3 && (text[2] == '$' || text[2] == '+') && text[3] == 'q';
	return n_bytes > 3 && text[n_bytes - 1] == '?' && text[n_bytes - 2] == ';';
}

/* Too long to be held back, and not at its end: can it be a question? */
static bool may_be_question(const struct questions *questions)
{
	const char *text = (const char *)questions->held;
	long number = strtol(text + 2, NULL, 10);

	if (questions->state == QUESTIONS_CONTROL)
		return true;
	if (text[1] == 'P')
		return is_string_question(text, questions->n_held);
	return number == 4 || number == 5 || (number >= 10 && number <= 19);
}

/* ── Holding back ────────────────────────────────────────────────────────────────────────────────────────────────────── */

size_t questions_finish(struct questions *questions, unsigned char *out)
{
	size_t n = questions->come_alone ? 0 : questions->n_held;

	memcpy(out, questions->held, n);
	questions->n_held = 0;
	questions->is_long = false;
	questions->state = QUESTIONS_GROUND;
	return n;
}

static size_t judge(struct questions *questions, bool is_question, unsigned char *out)
{
	bool was_open = questions->is_open && !questions->come_alone;
	size_t n = questions->n_held;

	questions->is_open = false;
	if (!is_question)
		return questions_finish(questions, out);
	questions->n_held = 0;
	questions->state = QUESTIONS_GROUND;
	if (questions->are_ours)
		memcpy(out, questions->held, n);
	else if (was_open)
		*out = BYTE_CANCEL;
	return questions->are_ours ? n : was_open;
}

static size_t take_ground(struct questions *questions, unsigned char byte, unsigned char *out)
{
	questions->held[questions->n_held++] = byte;
	if (byte == BYTE_ENQUIRY)
		return judge(questions, true, out);
	if (byte != BYTE_ESCAPE && byte != BYTE_EIGHT_BIT)
		return questions_finish(questions, out);
	questions->state = byte == BYTE_ESCAPE ? QUESTIONS_ESCAPE : QUESTIONS_EIGHT_BIT;
	return 0;
}

/* Inside a control sequence most control characters act at once, and the sequence goes on. */
static bool acts_at_once(unsigned char byte)
{
	return byte == BYTE_DELETE || (byte < 0x20 && byte != BYTE_ESCAPE && byte != BYTE_CANCEL && byte != BYTE_SUBSTITUTE);
}

static bool breaks_off(unsigned char byte)
{
	return byte == BYTE_EIGHT_BIT || byte == BYTE_ESCAPE || byte == BYTE_CANCEL || byte == BYTE_SUBSTITUTE;
}

static size_t act_at_once(const struct questions *questions, unsigned char byte, unsigned char *out)
{
	*out = byte;
	return questions->come_alone || byte == BYTE_ENQUIRY ? 0 : 1;
}

/* The sequence is over, and this byte may begin another. */
static size_t break_off(struct questions *questions, unsigned char byte, unsigned char *out)
{
	size_t n = questions_finish(questions, out);

	questions->is_open = true;
	return n + take_ground(questions, byte, out + n);
}

static size_t take_escape(struct questions *questions, unsigned char byte, unsigned char *out)
{
	if (acts_at_once(byte))
		return act_at_once(questions, byte, out);
	if (breaks_off(byte))
		return break_off(questions, byte, out);
	questions->held[questions->n_held++] = byte;
	if (byte == '[')
		questions->state = QUESTIONS_CONTROL;
	else if (byte == ']' || byte == 'P')
		questions->state = QUESTIONS_STRING;
	else
		return judge(questions, byte == 'Z', out); /* ESC Z: identify yourself */
	return 0;
}

/* An introducer of eight bits, as UTF-8, is the same as ESC and a letter, and goes on as that; most are letters like any other. */
static bool is_introducer(unsigned char byte)
{
	return byte == 0x90 || byte == 0x9a || byte == 0x9b || byte == 0x9d;
}

static size_t take_eight_bit(struct questions *questions, unsigned char byte, unsigned char *out)
{
	if (is_introducer(byte)) {
		questions->held[0] = BYTE_ESCAPE;
		return take_escape(questions, byte - 0x40, out);
	}
	if (byte < 0x20 || byte == BYTE_EIGHT_BIT)
		return break_off(questions, byte, out);
	questions->held[questions->n_held++] = byte;
	return questions_finish(questions, out);
}

/* In a string: it is over, and the byte before this one was not its last but the first of another sequence. */
static size_t introduce(struct questions *questions, unsigned char byte, unsigned char *out)
{
	unsigned char first = questions->held[questions->n_held - 1];
	size_t n;

	questions->n_held--;
	n = questions_finish(questions, out);
	questions->is_open = true;
	n += take_ground(questions, first, out + n);
	return n + (first == BYTE_ESCAPE ? take_escape(questions, byte, out + n) : take_eight_bit(questions, byte, out + n));
}

static size_t take_control(struct questions *questions, unsigned char byte, unsigned char *out)
{
	char parameters[QUESTIONS_MAX_HELD];

	if (acts_at_once(byte))
		return act_at_once(questions, byte, out);
	if (breaks_off(byte))
		return break_off(questions, byte, out);
	if (byte >= 0x20 && byte < 0x40) {
		questions->held[questions->n_held++] = byte;
		return 0;
	}
	memcpy(parameters, questions->held + 2, questions->n_held - 2);
	parameters[questions->n_held - 2] = 0;
	questions->held[questions->n_held++] = byte;
	return judge(questions, is_control_question(parameters, (char)byte), out);
}

static size_t take_string(struct questions *questions, unsigned char byte, unsigned char *out)
{
	bool was_escape = questions->state == QUESTIONS_STRING_ESCAPE;
	size_t n_text = questions->n_held - (was_escape ? 1 : 0);

	if (byte == BYTE_CANCEL || byte == BYTE_SUBSTITUTE)
		return break_off(questions, byte, out);
	if ((was_escape && byte != '\\') ||
	    (is_introducer(byte) && questions->held[questions->n_held - 1] == BYTE_EIGHT_BIT))
		return introduce(questions, byte, out);
	if (byte == 0x9c && questions->held[n_text - 1] == BYTE_EIGHT_BIT) {
		n_text--;
		was_escape = true;
	}
	questions->held[questions->n_held++] = byte;
	if (was_escape || byte == BYTE_BELL)
		return judge(questions, is_string_question((const char *)questions->held, n_text), out);
	questions->state = byte == BYTE_ESCAPE ? QUESTIONS_STRING_ESCAPE : QUESTIONS_STRING;
	return 0;
}

/* On with one that was too long to be held back. */
static size_t take_long(struct questions *questions, unsigned char byte, unsigned char *out)
{
	bool was_escape = questions->state == QUESTIONS_STRING_ESCAPE;
	bool is_control = questions->state == QUESTIONS_CONTROL;
	bool is_broken = is_control ? breaks_off(byte)
				    : byte == BYTE_CANCEL || byte == BYTE_SUBSTITUTE || (was_escape && byte != '\\');
	bool is_over = is_control ? byte >= '@' && byte != BYTE_DELETE : byte == BYTE_BELL || was_escape;

	if (is_broken || is_over) {
		questions->n_held = 0;
		questions->is_long = false;
		questions->state = QUESTIONS_GROUND;
	} else if (!is_control) {
		questions->state = byte == BYTE_ESCAPE ? QUESTIONS_STRING_ESCAPE : QUESTIONS_STRING;
	}
	if (is_broken && was_escape) {
		take_ground(questions, BYTE_ESCAPE, out);
		return take_escape(questions, byte, out);
	}
	if (is_broken)
		return take_ground(questions, byte, out);
	*out = byte;
	return questions->passes ? 1 : 0;
}

/* It is no question; but its last byte may begin one. */
static size_t let_go(struct questions *questions, unsigned char *out)
{
	unsigned char last = questions->held[questions->n_held - 1];
	size_t n;

	questions->n_held -= breaks_off(last);
	n = questions_finish(questions, out);
	questions->is_open = true;
	return breaks_off(last) ? n + take_ground(questions, last, out + n) : n;
}

static size_t grow_long(struct questions *questions, unsigned char *out)
{
	size_t n = questions->n_held;

	if (!may_be_question(questions))
		return let_go(questions, out);
	memcpy(out, questions->held, n);
	questions->n_held = 0;
	questions->is_long = true;
	questions->passes = questions->are_ours;
	return questions->passes ? n : 0;
}

static size_t take(struct questions *questions, unsigned char byte, unsigned char *out)
{
	size_t n = 0;

	if (questions->n_held == QUESTIONS_MAX_HELD - 1)
		n = grow_long(questions, out);
	if (questions->is_long)
		return n + take_long(questions, byte, out + n);
	switch (questions->state) {
	case QUESTIONS_EIGHT_BIT:
		return n + take_eight_bit(questions, byte, out + n);
	case QUESTIONS_ESCAPE:
		return n + take_escape(questions, byte, out + n);
	case QUESTIONS_CONTROL:
		return n + take_control(questions, byte, out + n);
	case QUESTIONS_STRING:
	case QUESTIONS_STRING_ESCAPE:
		return n + take_string(questions, byte, out + n);
	default:
		return n + take_ground(questions, byte, out + n);
	}
}

/* How many bytes there are before the next that matters. */
static size_t count_plain(const unsigned char *bytes, size_t n_bytes)
{
	size_t n = 0;

	while (n < n_bytes && bytes[n] != BYTE_ESCAPE && bytes[n] != BYTE_ENQUIRY && bytes[n] != BYTE_EIGHT_BIT)
		n++;
	return n;
}

static size_t copy_plain(const struct questions *questions, const unsigned char *bytes, size_t n_bytes, unsigned char *out)
{
	if (questions->come_alone)
		return 0;
	memcpy(out, bytes, n_bytes);
	return n_bytes;
}

size_t questions_remove(struct questions *questions, const void *bytes, size_t n_bytes, unsigned char *out)
{
	const unsigned char *from = bytes;
	size_t n_out = 0;

	for (size_t i = 0; i < n_bytes; i++) {
		if (questions->state == QUESTIONS_GROUND) {
			size_t n = count_plain(from + i, n_bytes - i);

			n_out += copy_plain(questions, from + i, n, out + n_out);
			i += n;
		}
		if (i < n_bytes)
			n_out += take(questions, from[i], out + n_out);
	}
	return n_out;
}

int questions_write(struct questions *questions, const void *bytes, size_t n_bytes)
{
	const unsigned char *from = bytes;
	unsigned char text[SLICE_BYTES + QUESTIONS_MAX_HELD];
	int result = 0;

	while (n_bytes > 0 && result == 0) {
		size_t n = n_bytes < SLICE_BYTES ? n_bytes : SLICE_BYTES;

		result = output_write(text, questions_remove(questions, from, n, text));
		from += n;
		n_bytes -= n;
	}
	return result;
}

int questions_write_held(struct questions *questions)
{
	unsigned char text[QUESTIONS_MAX_HELD];

	return output_write(text, questions_finish(questions, text));
}
