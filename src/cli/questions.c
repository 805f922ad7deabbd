/* SPDX-License-Identifier: MIT */
/*
 * Programs ask their terminal what it is, where the cursor stands, which colours it has; it answers as if somebody had typed.
 * Whoever replays such output asks again, and the answers are typed into whatever runs in the session by now, or into our own
 * shell. So the replay goes through here, and everything that a watcher sees.
 *
 * A sequence is held back until its last byte tells what it is: a question is dropped, anything else passes as it was.
 * Strings longer than any question (images, titles) pass as soon as they are too long; what can be a question however long
 * it is counts as one. Output that is no question is never changed, but that a control character inside a sequence comes
 * before it, an introducer of eight bits is one of seven, and CAN stands for a sequence that a letter of eight bits breaks off.
 * Where a question is left out behind something that was broken off by it, CAN takes its place. Whose a question is, is asked
 * at its last byte too: so two viewers of which one takes over from the other in the middle of it agree.
 *
 *   GROUND ─ESC─► ESCAPE ─[─► CONTROL ─ final byte ─► GROUND
 *                   └─ ] P _ ─► STRING ─ ESC \, or behind ] BEL ─► GROUND
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
#define INTERMEDIATES " !\"#$%&'()*+,-./"

/* The reports of window manipulation (CSI Ps t); with an intermediate it is another function. */
static bool is_window_question(const char *parameters)
{
	long number = strtol(parameters, NULL, 10);

	if (strpbrk(parameters, INTERMEDIATES))
		return false;
	return number == 11 || number == 13 || number == 14 || number == 15 || number == 16 ||
	       (number >= 18 && number <= 21);
}

/* Letters that ask only behind one of these bytes: what is private begins with it, an intermediate is the last. */
static const struct {
	char final, with;
} marked_questions[] = {
	{'p', '$'},  /* modes */
	{'q', '>'},  /* version */
	{'u', '?'},  /* keyboard protocol */
	{'u', '$'},  /* state of the terminal */
	{'u', '&'},  /* character set of the user's choice */
	{'m', '?'},  /* key modifiers */
	{'g', '?'},  /* key formats */
	{'S', '?'},  /* graphics */
	{'S', '#'},  /* titles that are kept */
	{'R', '#'},  /* colours that are kept */
	{'|', '#'},  /* looks of a rectangle */
	{'|', '\''}, /* where the mouse is */
	{'v', '"'},  /* how much is displayed */
	{'w', '$'},  /* state of the cursor, tab stops */
	{'y', '*'},  /* checksum of a rectangle */
};

static bool is_marked_question(const char *parameters, char final)
{
	for (size_t i = 0; i < sizeof marked_questions / sizeof marked_questions[0]; i++)
		if (marked_questions[i].final == final && strchr(parameters, marked_questions[i].with))
			return true;
	return false;
}

/* CSI … : `parameters` are all bytes between the bracket and the final one. */
static bool is_control_question(const char *parameters, char final)
{
	switch (final) {
	case 'c': /* device attributes */
	case 'n': /* device status, cursor position */
		return *parameters != '>' || final == 'c';
	case 'x': /* terminal parameters; with $ it fills a rectangle, with * it says what one is */
		return !strpbrk(parameters, "$*");
	case 't':
		return is_window_question(parameters);
	default:
		return is_marked_question(parameters, final);
	}
}

/* OSC of these numbers ask if this is somewhere in them; of all others, if they end in a question mark alone. */
static const struct osc_question {
	long first, last;
	const char *with;
	bool is_rest_free; /* the rest may be anything, and long */
} osc_questions[] = {
	{4, 5, ";?", false},           /* colours, several at once */
	{10, 19, ";?", false},         /* the same */
	{21, 21, "=?", false},         /* kitty: colours by name */
	{22, 22, ";?", false},         /* kitty: the pointer's shape */
	{50, 50, ";?", false},         /* xterm: the font; behind it may be a number */
	{60, 61, "", false},           /* xterm: what is allowed */
	{99, 99, "p=?", false},        /* kitty: notifications */
	{99, 99, "p=alive", false},    /* which of them are shown */
	{1337, 1337, ";Report", true}, /* iTerm2: sizes, variables */
	{1337, 1337, ";Capabilities", true},
	{1337, 1337, ";RequestUpload", true},
	{5113, 5113, "", false}, /* kitty: files, and the clipboard: each step of these is answered */
	{5522, 5522, "", false},
};

#define N_OSC_QUESTIONS (sizeof osc_questions / sizeof osc_questions[0])

/* What the terminal makes of the first n_bytes of the string that is held: to it, control characters inside are not there. */
static size_t read_string(const struct questions *questions, size_t n_bytes, char *text)
{
	size_t n = 0;

	for (size_t i = 2; i < n_bytes; i++)
		if (questions->held[i] >= 0x20 && questions->held[i] != BYTE_DELETE)
			text[n++] = (char)questions->held[i];
	text[n] = 0;
	return n;
}

static bool is_osc_question(const char *text, size_t n_text)
{
	long number = strtol(text, NULL, 10);

	for (size_t i = 0; i < N_OSC_QUESTIONS; i++) {
		const struct osc_question *it = &osc_questions[i];

		if (number >= it->first && number <= it->last && strstr(text, it->with))
			return true;
	}
	return n_text > 1 && strcmp(text + n_text - 2, ";?") == 0;
}

/* DCS $q, +q, +Q: settings, what terminfo says, xterm's resources. And kitty's remote control. */
static bool is_dcs_question(const char *text)
{
	const char *at = text + strspn(text, "0123456789:;<=>?");

	return ((*at == '$' || *at == '+') && at[1] == 'q') || strncmp(at, "+Q", 2) == 0 ||
	       strncmp(text, "@kitty-cmd", 10) == 0;
}

/* kitty: graphics that are to be tried, not shown. */
static bool is_apc_question(const char *text)
{
	const char *query = strstr(text, "a=q"), *data = strchr(text, ';');

	return *text == 'G' && query && (!data || query < data);
}

/* Is the string that is held, up to but not with what ends it, a question? */
static bool is_string_question(const struct questions *questions, size_t n_bytes)
{
	char text[QUESTIONS_MAX_HELD];
	size_t n_text = read_string(questions, n_bytes, text);

	if (questions->held[1] == 'P')
		return is_dcs_question(text);
	return questions->held[1] == ']' ? is_osc_question(text, n_text) : is_apc_question(text);
}

static bool may_be_osc_question(const char *text)
{
	long number = strtol(text, NULL, 10);
	const char *first = strchr(text, ';');

	for (size_t i = 0; i < N_OSC_QUESTIONS; i++)
		if (number >= osc_questions[i].first && number <= osc_questions[i].last && !osc_questions[i].is_rest_free)
			return true;
	return number == 52 && first && !strchr(first + 1, ';'); /* the clipboard: what is behind the second is its text */
}

/* Too long to be held back, and not at its end: can it be a question? What is mostly controls is not meant for anything better. */
static bool may_be_question(const struct questions *questions)
{
	char text[QUESTIONS_MAX_HELD];
	size_t n_text;

	if (questions->state == QUESTIONS_CONTROL || is_string_question(questions, questions->n_held))
		return true;
	n_text = read_string(questions, questions->n_held, text);
	if (n_text < questions->n_held / 2)
		return true;
	if (questions->held[1] == 'P')
		return strspn(text, "0123456789:;<=>?") >= n_text - 1;
	return questions->held[1] == ']' ? may_be_osc_question(text) : *text == 'G' && !strchr(text, ';');
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

/* Some terminals take it for the end of the sequence, others overlook it. With CAN in place of the sequence, all agree. */
static size_t spoil(struct questions *questions, unsigned char byte, unsigned char *out)
{
	size_t n = questions->come_alone ? 0 : 1;

	if (n > 0)
		*out = BYTE_CANCEL;
	questions->n_held = 0;
	questions->is_open = false;
	questions->state = QUESTIONS_GROUND;
	return n + take_ground(questions, byte, out + n);
}

static size_t take_escape(struct questions *questions, unsigned char byte, unsigned char *out)
{
	if (acts_at_once(byte))
		return act_at_once(questions, byte, out);
	if (byte >= 0x80)
		return spoil(questions, byte, out);
	if (breaks_off(byte))
		return break_off(questions, byte, out);
	questions->held[questions->n_held++] = byte;
	if (questions->n_held >
	    2) /* ESC % and a letter; in another coding than UTF-8 there are questions that we do not see */
		return judge(questions, byte != 'G' && byte != '8', out);
	if (byte == '%')
		return 0;
	if (byte == '[')
		questions->state = QUESTIONS_CONTROL;
	else if (byte == ']' || byte == 'P' || byte == '_')
		questions->state = QUESTIONS_STRING;
	else
		return judge(questions, byte == 'Z', out); /* ESC Z: identify yourself */
	return 0;
}

/* An introducer of eight bits, as UTF-8, is the same as ESC and a letter, and goes on as that; most are letters like any other. */
static bool is_introducer(unsigned char byte)
{
	return byte == 0x90 || byte == 0x9a || byte == 0x9b || byte == 0x9d || byte == 0x9f;
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
	if (byte >= 0x80)
		return spoil(questions, byte, out);
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
	if (byte == BYTE_ENQUIRY) /* where the string is over for the terminal, it is a question */
		return 0;
	if (byte == 0x9c && questions->held[n_text - 1] == BYTE_EIGHT_BIT) {
		n_text--;
		was_escape = true;
	}
	questions->held[questions->n_held++] = byte;
	if (was_escape || (byte == BYTE_BELL && questions->held[1] == ']'))
		return judge(questions, is_string_question(questions, n_text), out);
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
