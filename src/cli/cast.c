/* SPDX-License-Identifier: MIT */
/*
 * Recordings as asciinema reads them: a header line, then one line an event, [time, code, data].
 *
 * Version 3 has intervals, in milliseconds here; what rounding takes from one is given to the next, so that times do not drift.
 * Version 2 has times since the beginning, and no code for the end of the program.
 *
 * Data is valid UTF-8: a character that was cut by the end of a record is carried over to the next; what is no UTF-8 becomes
 * U+FFFD. The header needs the size, which the first record of a session says: so it is written when the first record is there.
 *
 * What never went through a terminal (the session of a pipe) ends its lines with a line feed alone; a recording is of what a
 * terminal gets, so there a carriage return is put before.
 *
 * A line is written whole or not at all: when the disk is full the file is cut back to its last whole line, and is valid.
 *
 * Called by verb_record.c.
 */
#include "cli/cast.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/clock.h"
#include "cli/output.h"

#define MAX_EVENT_BYTES ((size_t)64 * 1024)

int cast_open(struct cast *cast, const char *path, bool overwrite)
{
	cast->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (overwrite ? O_TRUNC : O_EXCL), 0666);
	if (cast->fd < 0)
		return -errno;
	fcntl(cast->fd, F_SETFL, O_NONBLOCK); /* a pipe that takes no more must not keep a signal from ending us */
	return 0;
}

/* Some of it. How much, or -errno. */
static ssize_t write_some(const struct cast *cast, const char *bytes, size_t n_bytes)
{
	ssize_t n = write(cast->fd, bytes, n_bytes);

	if (n < 0 && errno == EAGAIN)
		return output_await_room(cast->fd);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n;
}

static int write_whole(struct cast *cast, const char *bytes, size_t n_bytes)
{
	size_t n_written = 0;

	while (n_written < n_bytes) {
		ssize_t n = write_some(cast, bytes + n_written, n_bytes - n_written);
		if (n < 0) {
			cast->has_failed = true;
			/* A pipe or a terminal has nothing to be cut off. */
			return ftruncate(cast->fd, cast->n_whole) == 0 || errno == EINVAL ? (int)n : -errno;
		}
		n_written += (size_t)n;
	}
	cast->n_whole += (off_t)n_bytes;
	return 0;
}

/* Closes the stream of open_memstream and writes what was put into it. */
static int write_line_take(struct cast *cast, FILE *take_line, char *const *text, const size_t *n_bytes)
{
	int result;

	if (fclose(take_line) != 0)
		result = -ENOMEM;
	else
		result = write_whole(cast, *text, *n_bytes);
	free(*text);
	return result;
}

/* ── Text ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_byte(FILE *line, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	if (byte == '"' || byte == '\\') {
		putc_unlocked('\\', line);
		putc_unlocked(byte, line);
	} else if (byte == '\n') {
		fputs("\\n", line);
	} else if (byte == '\r') {
		fputs("\\r", line);
	} else if (byte < 0x20 || byte == 0x7f) {
		fputs("\\u00", line);
		putc_unlocked(digits[byte >> 4], line);
		putc_unlocked(digits[byte & 15], line);
	} else {
		putc_unlocked(byte, line);
	}
}

static void put_replacement(FILE *line)
{
	fputs("\xef\xbf\xbd", line);
}

/* How many bytes a character has that begins with this one; 0: none does. */
static unsigned utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Can this byte follow what is carried? Overlong forms, surrogates and what lies past U+10FFFF show at the second byte. */
static bool continues(const struct cast *cast, unsigned char byte)
{
	unsigned char low = 0x80, high = 0xbf;

	if (cast->n_carried == 1) {
		switch (cast->carried[0]) {
		case 0xe0:
			low = 0xa0;
			break;
		case 0xed:
			high = 0x9f;
			break;
		case 0xf0:
			low = 0x90;
			break;
		case 0xf4:
			high = 0x8f;
			break;
		}
	}
	return byte >= low && byte <= high;
}

static void put_text_byte(struct cast *cast, FILE *line, unsigned char byte)
{
	if (cast->n_carried > 0 && !continues(cast, byte)) {
		put_replacement(line);
		cast->n_carried = 0;
	}
	if (cast->n_carried == 0 && utf8_length(byte) == 0) {
		put_replacement(line);
		return;
	}
	if (cast->n_carried == 0 && byte < 0x80) {
		if (byte == '\n' && !cast->is_behind_return && cast->info && cast->info->kind != RCAST_SESSION_PTY)
			put_byte(line, '\r');
		cast->is_behind_return = byte == '\r';
		put_byte(line, byte);
		return;
	}
	cast->carried[cast->n_carried++] = byte;
	if (cast->n_carried < utf8_length(cast->carried[0]))
		return;
	fwrite_unlocked(cast->carried, 1, cast->n_carried, line);
	cast->n_carried = 0;
	cast->is_behind_return = false;
}

/* How many bytes from here on are characters that stand for themselves. */
static size_t measure_plain(const unsigned char *bytes, size_t n_bytes)
{
	size_t n = 0;

	while (n < n_bytes && bytes[n] >= 0x20 && bytes[n] < 0x7f && bytes[n] != '"' && bytes[n] != '\\')
		n++;
	return n;
}

static void put_text(struct cast *cast, FILE *line, const unsigned char *bytes, size_t n_bytes)
{
	for (size_t at = 0, n; at < n_bytes; at += n) {
		n = cast->n_carried == 0 ? measure_plain(bytes + at, n_bytes - at) : 0;
		if (n > 0) {
			fwrite_unlocked(bytes + at, 1, n, line);
			cast->is_behind_return = false;
		} else {
			put_text_byte(cast, line, bytes[at]);
			n = 1;
		}
	}
}

static void put_string(FILE *line, const char *text)
{
	struct cast scratch = {0};

	fputc('"', line);
	put_text(&scratch, line, (const unsigned char *)text, strlen(text));
	fputc('"', line);
}

/* ── Lines ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* When the recording begins, on the clock that people use. */
static time_t begin_time(const struct cast *cast)
{
	uint64_t now_ns = clock_now_ns();

	return time(NULL) - (now_ns > cast->begin_ns ? (time_t)((now_ns - cast->begin_ns) / NS_A_SECOND) : 0);
}

static int write_header(struct cast *cast, uint16_t cols, uint16_t rows)
{
	const struct rcast_session_info *info = cast->info;
	char *text;
	size_t n_bytes;
	FILE *line = open_memstream(&text, &n_bytes);

	if (!line)
		return -ENOMEM;
	if (cast->format == CAST_V3)
		fprintf(line, "{\"version\": 3, \"term\": {\"cols\": %u, \"rows\": %u}", cols, rows);
	else
		fprintf(line, "{\"version\": 2, \"width\": %u, \"height\": %u", cols, rows);
	fprintf(line, ", \"timestamp\": %lld", (long long)begin_time(cast));
	if (info->command[0]) {
		fputs(", \"command\": ", line);
		put_string(line, info->command);
	}
	fputs(", \"title\": ", line);
	put_string(line, info->title[0] ? info->title : info->name);
	fputs("}\n", line);
	return write_line_take(cast, line, &text, &n_bytes);
}

static void put_time(struct cast *cast, FILE *line)
{
	uint64_t since_ns = cast->now_ns - cast->begin_ns, since_ms = (since_ns + NS_A_MS / 2) / NS_A_MS, interval_ms;

	if (cast->format == CAST_V2) {
		fprintf(line, "[%" PRIu64 ".%06" PRIu64, since_ns / NS_A_SECOND, since_ns / 1000 % 1000000);
		return;
	}
	interval_ms = since_ms - cast->written_ms;
	cast->written_ms = since_ms;
	fprintf(line, "[%" PRIu64 ".%03" PRIu64, interval_ms / 1000, interval_ms % 1000);
}

static int write_event(struct cast *cast, char code, const void *data, size_t n_bytes)
{
	uint64_t written_ms = cast->written_ms;
	long n_before;
	char *text;
	size_t n_text;
	FILE *line = open_memstream(&text, &n_text);

	if (!line)
		return -ENOMEM;
	put_time(cast, line);
	fprintf(line, ", \"%c\", \"", code);
	n_before = ftell(line);
	put_text(cast, line, data, n_bytes);
	if (code == 'o' && ftell(line) == n_before) { /* all of it waits for the rest of its character */
		cast->written_ms = written_ms;
		fclose(line);
		free(text);
		return 0;
	}
	fputs("\"]\n", line);
	return write_line_take(cast, line, &text, &n_text);
}

/* Data of our own between two pieces of output, whose half character must wait. */
static int write_own_event(struct cast *cast, char code, const char *data)
{
	unsigned n_carried = cast->n_carried;
	int result;

	cast->n_carried = 0;
	result = write_event(cast, code, data, strlen(data));
	cast->n_carried = n_carried;
	return result;
}

static int write_loss(struct cast *cast, uint64_t lost_output)
{
	char label[96];

	snprintf(label, sizeof label, "%" PRIu64 " bytes of output are lost here", lost_output);
	return write_own_event(cast, 'm', label);
}

/* ── Records ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * The header, if it is not there yet. True in *is_consumed: the record says the size, and the header said that now. NULL: there
 * is no record.
 */
static int begin(struct cast *cast, const struct rcast_record *record, bool *is_consumed)
{
	struct rcast_resize size = {.cols = cast->info->cols, .rows = cast->info->rows};
	int result;

	*is_consumed = false;
	if (cast->has_begun)
		return 0;
	cast->has_begun = true;
	cast->begin_ns = cast->now_ns = cast->now_ns ? cast->now_ns : clock_now_ns();
	if (record && record->kind == RCAST_RESIZE && record->n_bytes >= sizeof size) {
		memcpy(&size, record->data, sizeof size);
		*is_consumed = true;
	}
	result = write_header(cast, size.cols ? size.cols : 80, size.rows ? size.rows : 24);
	return result == 0 && cast->lost_before > 0 ? write_loss(cast, cast->lost_before) : result;
}

/* A record may be as long as a quarter of the ring, and an event's line must not be. */
static int write_output(struct cast *cast, const struct rcast_record *record)
{
	const char *at = record->data, *end = at + record->n_bytes;
	int result = 0;

	while (at < end && result == 0) {
		size_t n = (size_t)(end - at) < MAX_EVENT_BYTES ? (size_t)(end - at) : MAX_EVENT_BYTES;

		result = write_event(cast, 'o', at, n);
		at += n;
	}
	return result;
}

static int write_resize(struct cast *cast, const struct rcast_record *record)
{
	struct rcast_resize size;
	char text[32];

	if (record->n_bytes < sizeof size)
		return 0;
	memcpy(&size, record->data, sizeof size);
	snprintf(text, sizeof text, "%ux%u", size.cols, size.rows);
	return write_own_event(cast, 'r', text);
}

static int write_exit(struct cast *cast, const struct rcast_record *record)
{
	struct rcast_exit exit;
	char text[32];

	if (cast->format != CAST_V3 || record->n_bytes < sizeof exit)
		return 0;
	memcpy(&exit, record->data, sizeof exit);
	snprintf(text, sizeof text, "%d", exit.signal ? 128 + exit.signal : exit.status);
	return write_own_event(cast, 'x', text);
}

static int write_marker(struct cast *cast, const struct rcast_record *record)
{
	char label[256];
	size_t n_bytes = record->n_bytes < sizeof label - 1 ? record->n_bytes : sizeof label - 1;

	memcpy(label, record->data, n_bytes);
	label[n_bytes] = '\0';
	return write_own_event(cast, 'm', label);
}

int cast_write(struct cast *cast, const struct rcast_record *record)
{
	bool is_consumed;
	int result;

	if (cast->format == CAST_RAW)
		return record->kind == RCAST_OUTPUT ? write_whole(cast, record->data, record->n_bytes) : 0;
	if (record->stamped && record->time_ns > cast->now_ns)
		cast->now_ns = record->time_ns;
	result = begin(cast, record, &is_consumed);
	if (result < 0 || is_consumed)
		return result;
	switch (record->kind) {
	case RCAST_OUTPUT:
		return write_output(cast, record);
	case RCAST_RESIZE:
		return write_resize(cast, record);
	case RCAST_EXIT:
		return write_exit(cast, record);
	case RCAST_MARKER:
		return write_marker(cast, record);
	}
	return 0;
}

int cast_write_screen(struct cast *cast, const struct rcast_keyframe *screen, uint64_t time_ns)
{
	struct rcast_resize size = {.cols = screen->cols, .rows = screen->rows};
	struct rcast_record record = {
		.kind = RCAST_RESIZE, .stamped = true, .time_ns = time_ns, .data = &size, .n_bytes = sizeof size};
	int result;

	if (cast->format == CAST_RAW)
		return 0;
	cast->n_carried = 0; /* the screen is drawn anew */
	result = cast_write(cast, &record);
	if (result < 0)
		return result;
	record.kind = RCAST_OUTPUT;
	record.data = screen->bytes;
	record.n_bytes = (uint32_t)screen->n_bytes;
	return cast_write(cast, &record);
}

int cast_write_gap(struct cast *cast, const struct rcast_loss *lost)
{
	cast->n_carried = 0; /* its end is lost */
	if (cast->format == CAST_RAW)
		return 0;
	if (cast->has_begun)
		return write_loss(cast, lost->lost_output);
	cast->lost_before += lost->lost_output;
	return 0;
}

static int finish(struct cast *cast)
{
	bool is_consumed;
	int result = cast->format == CAST_RAW ? 0 : begin(cast, NULL, &is_consumed);

	if (result < 0 || cast->n_carried == 0)
		return result;
	cast->n_carried = 0;
	return write_event(cast, 'o', "\xff", 1);
}

int cast_close(struct cast *cast)
{
	int result = cast->has_failed ? 0 : finish(cast);

	if (close(cast->fd) != 0 && result == 0)
		result = -errno;
	cast->fd = -1;
	return result;
}
