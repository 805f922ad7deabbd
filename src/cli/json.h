/* SPDX-License-Identifier: MIT */
/*
 * JSON, written into memory and then to standard output.
 */
#ifndef RINGCAST_CLI_JSON_H
#define RINGCAST_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char *text;
	size_t n_bytes, room;
	bool no_memory;
	bool comma; /* does the next element need one before it? */
};

void json_free(struct json *json);

void json_begin(struct json *json, char bracket); /* '{' or '[' */
void json_end(struct json *json, char bracket);   /* '}' or ']' */
void json_key(struct json *json, const char *key);

/* `text` must be UTF-8. What could steer a terminal is escaped. */
void json_string(struct json *json, const char *text);
void json_unsigned(struct json *json, uint64_t value);
void json_signed(struct json *json, int64_t value);
void json_bool(struct json *json, bool value);

/* Any bytes, without loss: as "KEY": "text" if they are UTF-8, else as "KEY_base64": "…". */
void json_bytes(struct json *json, const char *key, const void *data, size_t n_bytes);

/* Write it out with a line end, and begin anew. 0, -ENOMEM, or as output_write. */
int json_flush_line(struct json *json);

#endif
