/* SPDX-License-Identifier: MIT */
/*
 * Events are what a session's output says beside what it draws: title, folder, bell, where a command begins and ends, modes. The
 * scanner (scanner.c) finds them, here they get their meaning, and the pump publishes them behind the output of one read.
 *
 * Whatever a program prints, one read is followed by a bounded number of records: one for all bells, one for all modes, the
 * latest title and the latest folder, and RCASTI_MAX_MARKS marks of commands, of which the newest are kept and the rest is
 * counted. What is as it was before (a title set again, a mode that was turned on and off) is no news.
 *
 * Texts were chosen by the program, and others will print them or go there: they are cleaned before anyone sees them. A path
 * that cannot be taken as it was said, because it is too long or has to be cleaned, would name another folder: then the
 * folder is unknown, as it is when the program is on another host.
 *
 * All of this is the pump's.
 */
#include "engine/events.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "engine/loop.h"
#include "engine/clean.h"

void rcasti_events_init(struct rcasti_events *events)
{
	*events = (struct rcasti_events){.latest_status = -1};
	if (gethostname(events->host, sizeof events->host - 1) != 0)
		events->host[0] = 0;
}

void rcasti_events_bell(struct rcasti_events *events)
{
	events->bell.n_bells++;
	events->n_bells++;
	events->owed |= RCASTI_OWES_BELL;
}

/* ── Modes ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_modes(struct rcasti_events *events, uint32_t modes)
{
	events->modes.set = modes;
	events->owed &= ~(unsigned int)RCASTI_OWES_MODES;
	if (modes != events->told_modes.set)
		events->owed |= RCASTI_OWES_MODES;
}

void rcasti_events_reset(struct rcasti_events *events, bool soft)
{
	uint32_t kept = soft ? RCAST_MODE_ALTERNATE_SCREEN | RCAST_MODE_MOUSE : 0;

	put_modes(events, events->modes.set & kept);
}

/* Mouse tracking is one of several kinds: setting one ends the other, and resetting any ends it. */
static uint32_t mode_of(uint32_t number)
{
	switch (number) {
	case 1:
		return RCAST_MODE_APPLICATION_CURSOR;
	case 9:
	case 1000:
	case 1001:
	case 1002:
	case 1003:
		return RCAST_MODE_MOUSE;
	case 47:
	case 1047:
	case 1049:
		return RCAST_MODE_ALTERNATE_SCREEN;
	case 1004:
		return RCAST_MODE_FOCUS_EVENTS;
	case 2004:
		return RCAST_MODE_BRACKETED_PASTE;
	default:
		return 0;
	}
}

void rcasti_events_set_mode(struct rcasti_events *events, uint32_t number, bool on)
{
	uint32_t mode = mode_of(number);

	put_modes(events, on ? events->modes.set | mode : events->modes.set & ~mode);
}

/* ── Title and folder ────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_text(struct rcasti_events *events, char *place, const char *clean, unsigned int owes)
{
	if (strcmp(place, clean) == 0)
		return;
	strcpy(place, clean);
	events->owed |= owes;
	events->texts_changed = true;
}

void rcasti_events_title(struct rcasti_events *events, const char *text, size_t n_bytes)
{
	char clean[RCASTI_TITLE_BYTES];

	rcasti_text_clean(clean, sizeof clean, text, n_bytes);
	put_text(events, events->texts.title, clean, RCASTI_OWES_TITLE);
}

static int hex_digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	character |= 0x20;
	return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* Undo percent-encoding in place. Returns the length; a '%' that encodes nothing stays. */
static size_t decode_percent(char *text, size_t n_bytes)
{
	size_t used = 0;

	for (size_t i = 0; i < n_bytes; i++) {
		int high = text[i] == '%' && i + 2 < n_bytes ? hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

		text[used++] = low >= 0 ? (char)(high << 4 | low) : text[i];
		i += low >= 0 ? 2 : 0;
	}
	return used;
}

/* Is this what follows "file://" up to the path: our host, or none? Its name may be said with or without its domain. */
static bool is_here(const struct rcasti_events *events, const char *host, size_t n_bytes)
{
	size_t n_short = strcspn(events->host, ".");

	if (n_bytes == 0 || (n_bytes == 9 && strncasecmp(host, "localhost", 9) == 0))
		return true;
	return (n_bytes == strlen(events->host) || n_bytes == n_short) && strncasecmp(host, events->host, n_bytes) == 0;
}

/* The path in a URL that names a folder here; NULL: it names none. */
static const char *find_path(const struct rcasti_events *events, const char *text, size_t n_bytes)
{
	static const char scheme[] = "file://";
	size_t n_scheme = sizeof scheme - 1;
	const char *path = n_bytes > n_scheme ? memchr(text + n_scheme, '/', n_bytes - n_scheme) : NULL;

	if (!path || strncasecmp(text, scheme, n_scheme) != 0)
		return NULL;
	return is_here(events, text + n_scheme, (size_t)(path - text) - n_scheme) ? path : NULL;
}

void rcasti_events_directory(struct rcasti_events *events, const char *text, size_t n_bytes, bool is_whole)
{
	char decoded[RCASTI_DIRECTORY_BYTES], clean[RCASTI_DIRECTORY_BYTES] = "";
	const char *path = is_whole ? find_path(events, text, n_bytes) : NULL;
	size_t n_path = path ? n_bytes - (size_t)(path - text) : 0;

	if (n_path > 0 && n_path < sizeof decoded) {
		memcpy(decoded, path, n_path);
		n_path = decode_percent(decoded, n_path);
		if (rcasti_text_clean(clean, sizeof clean, decoded, n_path) != n_path)
			clean[0] = 0;
	}
	put_text(events, events->texts.directory, clean, RCASTI_OWES_DIRECTORY);
}

/* ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "A;k=s" and the like are prompts in the middle of a command, or at the right edge: nobody waits for those. */
static bool is_secondary_prompt(const char *options, size_t n_bytes)
{
	const char *kind = memmem(options, n_bytes, ";k=", 3);

	return kind && kind + 3 < options + n_bytes && kind[3] != 'i';
}

/* What stands behind "D;"; -1: nothing that could be a status. */
static int32_t parse_status(const char *text, size_t n_bytes)
{
	int32_t status = 0;
	size_t i = 0;

	for (; i < n_bytes && i < 9 && text[i] >= '0' && text[i] <= '9'; i++)
		status = status * 10 + (text[i] - '0');
	return i > 0 && (i == n_bytes || text[i] == ';') ? status : -1;
}

static void drop_first_mark(struct rcasti_events *events)
{
	events->first_mark = (events->first_mark + 1) % RCASTI_MAX_MARKS;
	events->n_marks--;
	if (events->n_marks == 0)
		events->owed &= ~(unsigned int)RCASTI_OWES_MARKS;
}

static void add_mark(struct rcasti_events *events, struct rcast_command mark)
{
	uint64_t n_left_out = events->marks[events->first_mark].n_left_out + 1;

	if (events->n_marks == RCASTI_MAX_MARKS) {
		drop_first_mark(events);
		events->marks[events->first_mark].n_left_out += n_left_out;
	}
	events->marks[(events->first_mark + events->n_marks++) % RCASTI_MAX_MARKS] = mark;
	events->owed |= RCASTI_OWES_MARKS;
	events->latest_step = mark.step;
	if (mark.step == RCAST_STEP_DONE) {
		events->latest_status = mark.status;
		events->n_commands++;
	}
}

void rcasti_events_mark(struct rcasti_events *events, const char *text, size_t n_bytes, uint64_t output_pos)
{
	struct rcast_command mark = {.status = -1, .output_pos = output_pos};

	if (n_bytes == 0 || text[0] < 'A' || text[0] > 'D' || (n_bytes > 1 && text[1] != ';'))
		return;
	mark.step = RCAST_STEP_PROMPT + (uint32_t)(text[0] - 'A');
	if (mark.step == RCAST_STEP_PROMPT && is_secondary_prompt(text + 1, n_bytes - 1))
		return;
	if (mark.step == RCAST_STEP_DONE && n_bytes > 2)
		mark.status = parse_status(text + 2, n_bytes - 2);
	add_mark(events, mark);
}

/* ── Records ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

bool rcasti_events_first(const struct rcasti_events *events, struct rcasti_event *event)
{
	const struct rcasti_texts *texts = &events->texts;

	if (events->owed & RCASTI_OWES_MODES)
		*event = (struct rcasti_event){RCAST_MODES, &events->modes, sizeof events->modes};
	else if (events->owed & RCASTI_OWES_TITLE)
		*event = (struct rcasti_event){RCAST_TITLE, texts->title, strlen(texts->title)};
	else if (events->owed & RCASTI_OWES_DIRECTORY)
		*event = (struct rcasti_event){RCAST_DIRECTORY, texts->directory, strlen(texts->directory)};
	else if (events->owed & RCASTI_OWES_MARKS)
		*event = (struct rcasti_event){RCAST_COMMAND, &events->marks[events->first_mark], sizeof events->marks[0]};
	else if (events->owed & RCASTI_OWES_BELL)
		*event = (struct rcasti_event){RCAST_BELL, &events->bell, sizeof events->bell};
	else
		return false;
	return true;
}

void rcasti_events_paid(struct rcasti_events *events, const struct rcasti_event *event)
{
	switch (event->kind) {
	case RCAST_MODES:
		events->told_modes = events->modes;
		events->owed &= ~(unsigned int)RCASTI_OWES_MODES;
		break;
	case RCAST_TITLE:
		events->owed &= ~(unsigned int)RCASTI_OWES_TITLE;
		break;
	case RCAST_DIRECTORY:
		events->owed &= ~(unsigned int)RCASTI_OWES_DIRECTORY;
		break;
	case RCAST_COMMAND:
		drop_first_mark(events);
		events->latest_step_ns = rcasti_now_ns();
		break;
	case RCAST_BELL:
		events->bell.n_bells = 0;
		events->owed &= ~(unsigned int)RCASTI_OWES_BELL;
		break;
	}
}
