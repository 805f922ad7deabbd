/* SPDX-License-Identifier: MIT */
/*
 * A writer only, with one bit of state: whether a comma is due. The caller writes brackets and keys in an order that makes sense.
 *
 * Bytes of a terminal are not always UTF-8: a record may end within a character. Such a record is given in base64 under another
 * key, so that who reads the JSON gets back exactly the bytes there were.
 */
#include "cli/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/character.h"
#include "cli/output.h"

void json_free(struct json *json)
{
	free(json->text);
	memset(json, 0, sizeof *json);
}

/* Room for n_bytes at the end; NULL: there is no memory, and the whole text is void. */
static char *extend(struct json *json, size_t n_bytes)
{
	size_t room = json->room ? json->room : 1024;
	char *grown;

	while (room - json->n_bytes < n_bytes)
		room *= 2;
	grown = room == json->room ? json->text : realloc(json->text, room);
	json->no_memory = json->no_memory || !grown;
	if (json->no_memory)
		return NULL;
	json->text = grown;
	json->room = room;
	json->n_bytes += n_bytes;
	return json->text + json->n_bytes - n_bytes;
}

static void append(struct json *json, const char *text, size_t n_bytes)
{
	char *space = extend(json, n_bytes);

	if (space)
		memcpy(space, text, n_bytes);
}

static void append_format(struct json *json, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append_format(struct json *json, const char *format, ...)
{
	char text[64];
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(text, sizeof text, format, list);
	va_end(list);
	append(json, text, (size_t)n);
}

static void begin_element(struct json *json)
{
	if (json->comma)
		append(json, ",", 1);
	json->comma = true;
}

void json_begin(struct json *json, char bracket)
{
	begin_element(json);
	append(json, &bracket, 1);
	json->comma = false;
}

void json_end(struct json *json, char bracket)
{
	append(json, &bracket, 1);
	json->comma = true;
}

/* ── Strings ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_utf8(const unsigned char *text, size_t n_bytes)
{
	uint32_t point;

	for (size_t at = 0, n; at < n_bytes; at += n) {
		n = character_decode(text + at, n_bytes - at, &point);
		if (n == 0)
			return false;
	}
	return true;
}

static void append_character(struct json *json, const unsigned char *text, size_t n_bytes, uint32_t point)
{
	const char *letter = "\"\"\\\\\nn\rr\tt"; /* pairs: the character, and what stands for it after a backslash */

	while (*letter && (uint32_t)*letter != point)
		letter += 2;
	if (*letter)
		append_format(json, "\\%c", letter[1]);
	else if (character_is_control(point))
		append_format(json, "\\u%04" PRIx32, point);
	else
		append(json, (const char *)text, n_bytes);
}

static void append_string(struct json *json, const unsigned char *text, size_t n_bytes)
{
	begin_element(json);
	append(json, "\"", 1);
	for (size_t at = 0, n; at < n_bytes; at += n) {
		uint32_t point = '?';

		n = character_decode(text + at, n_bytes - at, &point);
		append_character(json, n ? text + at : (const unsigned char *)"?", n ? n : 1, point);
		n = n ? n : 1;
	}
	append(json, "\"", 1);
}

void json_key(struct json *json, const char *key)
{
	append_string(json, (const unsigned char *)key, strlen(key));
	append(json, ":", 1);
	json->comma = false;
}

void json_string(struct json *json, const char *text)
{
	append_string(json, (const unsigned char *)text, strlen(text));
}

static void append_base64(struct json *json, const unsigned char *data, size_t n_bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	begin_element(json);
	append(json, "\"", 1);
	for (size_t at = 0; at < n_bytes; at += 3) {
		size_t n = n_bytes - at < 3 ? n_bytes - at : 3;
		uint32_t bits =
			(uint32_t)data[at] << 16 | (n > 1 ? (uint32_t)data[at + 1] << 8 : 0) | (n > 2 ? data[at + 2] : 0);
		char group[4] = {digits[bits >> 18], digits[bits >> 12 & 63], n > 1 ? digits[bits >> 6 & 63] : '=',
				 n > 2 ? digits[bits & 63] : '='};

		append(json, group, sizeof group);
	}
	append(json, "\"", 1);
}

void json_bytes(struct json *json, const char *key, const void *data, size_t n_bytes)
{
	char base64_key[64];

	if (is_utf8(data, n_bytes)) {
		json_key(json, key);
		append_string(json, data, n_bytes);
		return;
	}
	snprintf(base64_key, sizeof base64_key, "%s_base64", key);
	json_key(json, base64_key);
	append_base64(json, data, n_bytes);
}

/* ── Other values ────────────────────────────────────────────────────────────────────────────────────────────────────── */

void json_unsigned(struct json *json, uint64_t value)
{
	begin_element(json);
	append_format(json, "%" PRIu64, value);
}

void json_signed(struct json *json, int64_t value)
{
	begin_element(json);
	append_format(json, "%" PRId64, value);
}

void json_bool(struct json *json, bool value)
{
	begin_element(json);
	append_format(json, "%s", value ? "true" : "false");
}

int json_flush_line(struct json *json)
{
	int result;

	append(json, "\n", 1);
	result = json->no_memory ? -ENOMEM : output_write(json->text, json->n_bytes);
	json->n_bytes = 0;
	json->comma = json->no_memory = false;
	return result;
}
