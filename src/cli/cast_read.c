/* SPDX-License-Identifier: MIT */
/*
 * A recording may come from anywhere. A line is taken whole or not at all, has a bounded length, and is parsed by jansson,
 * which takes nothing that is not strict JSON and valid UTF-8, and no half of a surrogate pair. What a line may say beyond
 * that is bounded here: times do not run backwards, and none is longer than CAST_MAX_INTERVAL_NS.
 *
 *   file ─ fill ─► buffer ─ a line ─► header (the first)  ─► format
 *                                 └─► event (all others)  ─► interval, code, data
 *
 * Reading and parsing are apart, so that the caller can wait for a slow pipe and for keys at once.
 *
 * Lenient where the format is: empty lines, comments (#), codes and keys that are not known, and a size that is not given are no
 * errors. The last line may lack its line end, but must be whole.
 *
 * Called by verb_play.c.
 */
#include "cli/cast_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"

#define READ_BYTES ((size_t)64 * 1024)

static int fail(struct cast_reader *reader, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(struct cast_reader *reader, int error, const char *format, ...)
{
	va_list list;
	int n = 0;

	if (reader->n_lines > 0)
		n = snprintf(reader->error, sizeof reader->error, "line %lu: ", reader->n_lines);
	va_start(list, format);
	vsnprintf(reader->error + n, sizeof reader->error - (size_t)n, format, list);
	va_end(list);
	return error;
}

void cast_reader_open_take(struct cast_reader *reader, int fd, bool is_raw)
{
	*reader = (struct cast_reader){.fd = fd,
				       .format = is_raw ? CAST_RAW : CAST_V3,
				       .has_header = is_raw,
				       .header.idle_limit_ns = CAST_NO_LIMIT_NS};
}

void cast_reader_close(struct cast_reader *reader)
{
	json_decref(reader->event);
	free(reader->buffer);
	close(reader->fd);
	*reader = (struct cast_reader){.fd = -1};
}

/* ── Bytes and lines ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Room for one read behind what is held. */
static int make_room(struct cast_reader *reader)
{
	size_t n_held = reader->end - reader->begin, room = n_held + READ_BYTES;
	char *grown;

	if (reader->begin > 0)
		memmove(reader->buffer, reader->buffer + reader->begin, n_held);
	reader->searched -= reader->begin;
	reader->begin = 0;
	reader->end = n_held;
	if (room <= reader->room)
		return 0;
	room = room < 2 * reader->room ? 2 * reader->room : room;
	grown = realloc(reader->buffer, room);
	if (!grown)
		return -ENOMEM;
	reader->buffer = grown;
	reader->room = room;
	return 0;
}

int cast_reader_fill(struct cast_reader *reader)
{
	int error = make_room(reader);
	ssize_t n;

	if (error)
		return fail(reader, error, "there is no memory for this line");
	n = read(reader->fd, reader->buffer + reader->end, READ_BYTES);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0)
		return fail(reader, -errno, "%s", message_errno(-errno));
	reader->is_at_end = n == 0;
	reader->end += (size_t)n;
	return 0;
}

/* Hand out [begin, end_of_line) and go on behind it. */
static int take_line(struct cast_reader *reader, size_t end_of_line, size_t next, const char **line, size_t *n_bytes)
{
	*line = reader->buffer + reader->begin;
	*n_bytes = end_of_line - reader->begin;
	reader->begin = reader->searched = next;
	reader->n_lines++;
	return *n_bytes > CAST_MAX_LINE_BYTES
		       ? fail(reader, -EMSGSIZE, "it is longer than %u MiB", CAST_MAX_LINE_BYTES >> 20)
		       : CAST_EVENT;
}

static int next_line(struct cast_reader *reader, const char **line, size_t *n_bytes)
{
	size_t n_new = reader->end - reader->searched;
	const char *found = n_new ? memchr(reader->buffer + reader->searched, '\n', n_new) : NULL;
	size_t at = found ? (size_t)(found - reader->buffer) : reader->end;

	if (found)
		return take_line(reader, at, at + 1, line, n_bytes);
	reader->searched = reader->end;
	if (reader->end - reader->begin > CAST_MAX_LINE_BYTES || (reader->is_at_end && reader->begin < reader->end))
		return take_line(reader, reader->end, reader->end, line, n_bytes);
	return reader->is_at_end ? CAST_END : CAST_HUNGRY;
}

/* The next line that says something. */
static int next_telling_line(struct cast_reader *reader, const char **line, size_t *n_bytes)
{
	int outcome;

	do {
		outcome = next_line(reader, line, n_bytes);
		if (outcome == CAST_EVENT && *n_bytes > 0 && (*line)[*n_bytes - 1] == '\r')
			(*n_bytes)--;
	} while (outcome == CAST_EVENT && (*n_bytes == 0 || **line == '#'));
	return outcome;
}

/* ── What lines say ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t to_ns(double seconds)
{
	if (!(seconds > 0))
		return 0;
	return seconds < (double)(CAST_MAX_INTERVAL_NS / 1000000000) ? (uint64_t)(seconds * 1e9) : CAST_MAX_INTERVAL_NS;
}

static uint16_t to_size(json_int_t value)
{
	return value > 0 && value <= UINT16_MAX ? (uint16_t)value : 0;
}

static int parse_version(struct cast_reader *reader, json_t *header)
{
	json_int_t version = 0;

	if (json_unpack(header, "{s:I}", "version", &version) != 0)
		return fail(reader, -EPROTO, "this is no header of a recording");
	if (version != 2 && version != 3)
		return fail(reader, -EPROTO, "version %lld of asciicast is not known here; 2 and 3 are", (long long)version);
	reader->format = version == 2 ? CAST_V2 : CAST_V3;
	return 0;
}

/* All of it may be missing, or be something else than it should. */
static void parse_header_values(struct cast_header *header, json_t *object, enum cast_format format)
{
	json_int_t cols = 0, rows = 0;
	double idle_limit = 0;

	if (format == CAST_V2)
		json_unpack(object, "{s:I, s:I}", "width", &cols, "height", &rows);
	else
		json_unpack(object, "{s:{s:I, s:I}}", "term", "cols", &cols, "rows", &rows);
	header->cols = to_size(cols);
	header->rows = to_size(rows);
	if (json_unpack(object, "{s:F}", "idle_time_limit", &idle_limit) == 0 && idle_limit > 0)
		header->idle_limit_ns = to_ns(idle_limit);
}

static int parse_header(struct cast_reader *reader, const char *line, size_t n_bytes)
{
	json_error_t wrong;
	json_t *object = json_loadb(line, n_bytes, JSON_ALLOW_NUL, &wrong);
	int error;

	if (!object)
		return fail(reader, -EPROTO, "this is no header of a recording: %s", wrong.text);
	error = parse_version(reader, object);
	if (!error)
		parse_header_values(&reader->header, object, reader->format);
	json_decref(object);
	return error;
}

/* Codes to come may have data of another kind. */
static struct cast_event make_event(uint64_t interval_ns, const char *code, size_t n_code, json_t *data)
{
	if (n_code != 1 || !json_is_string(data))
		return (struct cast_event){.interval_ns = interval_ns, .data = ""};
	return (struct cast_event){.interval_ns = interval_ns,
				   .code = code[0],
				   .data = json_string_value(data),
				   .n_bytes = json_string_length(data)};
}

/* Version 3 says how long after the event before, version 2 how long after the beginning. */
static uint64_t interval_of(struct cast_reader *reader, double seconds)
{
	uint64_t time_ns = to_ns(seconds), before_ns = reader->time_ns;

	if (reader->format == CAST_V3)
		return time_ns;
	reader->time_ns = time_ns > before_ns ? time_ns : before_ns;
	return reader->time_ns - before_ns;
}

static int parse_event(struct cast_reader *reader, const char *line, size_t n_bytes, struct cast_event *event)
{
	const char *code;
	size_t n_code;
	double seconds;
	json_error_t wrong;
	json_t *data;

	json_decref(reader->event);
	reader->event = json_loadb(line, n_bytes, JSON_ALLOW_NUL, &wrong);
	if (!reader->event && json_error_code(&wrong) == json_error_premature_end_of_input)
		return fail(reader, -EPROTO, "the recording breaks off here");
	if (!reader->event || json_unpack_ex(reader->event, &wrong, 0, "[F, s%, o]", &seconds, &code, &n_code, &data) != 0)
		return fail(reader, -EPROTO, "this is no event: %s", wrong.text);
	*event = make_event(interval_of(reader, seconds), code, n_code, data);
	return CAST_EVENT;
}

static int next_bytes(struct cast_reader *reader, struct cast_event *event)
{
	if (reader->begin == reader->end)
		return reader->is_at_end ? CAST_END : CAST_HUNGRY;
	*event = (struct cast_event){
		.code = 'o', .data = reader->buffer + reader->begin, .n_bytes = reader->end - reader->begin};
	reader->begin = reader->searched = reader->end;
	return CAST_EVENT;
}

int cast_reader_next(struct cast_reader *reader, struct cast_event *event)
{
	const char *line;
	size_t n_bytes;
	int outcome;

	if (reader->format == CAST_RAW)
		return next_bytes(reader, event);
	outcome = next_telling_line(reader, &line, &n_bytes);
	if (outcome == CAST_EVENT && !reader->has_header) {
		outcome = parse_header(reader, line, n_bytes);
		reader->has_header = outcome == 0;
		if (outcome == 0)
			outcome = next_telling_line(reader, &line, &n_bytes);
	}
	if (outcome == CAST_END && !reader->has_header)
		return fail(reader, -EPROTO, "the file is empty");
	return outcome == CAST_EVENT ? parse_event(reader, line, n_bytes, event) : outcome;
}
