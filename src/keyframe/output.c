/* SPDX-License-Identifier: MIT */
/*
 * A growing string, doubled when it is full. Writers do not look at errors: once memory ran out nothing more is added, and
 * finish says so. Used by all that writes a snapshot or a text; calls nobody.
 */
#include "keyframe/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ALLOCATION 4096

static bool make_room(struct rcasti_output *output, size_t n_more)
{
	size_t wanted = output->n_bytes + n_more + 1;
	size_t n_allocated = output->n_allocated ? output->n_allocated : FIRST_ALLOCATION;
	char *bytes;

	if (output->failed)
		return false;
	if (wanted <= output->n_allocated)
		return true;
	while (n_allocated < wanted)
		n_allocated *= 2;
	bytes = realloc(output->bytes, n_allocated);
	if (!bytes) {
		output->failed = true;
		return false;
	}
	output->bytes = bytes;
	output->n_allocated = n_allocated;
	return true;
}

void rcasti_output_put(struct rcasti_output *output, const void *bytes, size_t n_bytes)
{
	if (n_bytes == 0 || !make_room(output, n_bytes))
		return;
	memcpy(output->bytes + output->n_bytes, bytes, n_bytes);
	output->n_bytes += n_bytes;
}

void rcasti_output_print(struct rcasti_output *output, const char *format, ...)
{
	char line[128];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= sizeof(line))
		output->failed = true;
	else
		rcasti_output_put(output, line, (size_t)n);
}

size_t rcasti_utf8_encode(uint32_t character, char out[4])
{
	if (character < 0x80) {
		out[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		out[0] = (char)(0xc0 | character >> 6);
		out[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	if (character < 0x10000) {
		out[0] = (char)(0xe0 | character >> 12);
		out[1] = (char)(0x80 | (character >> 6 & 0x3f));
		out[2] = (char)(0x80 | (character & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | character >> 18);
	out[1] = (char)(0x80 | (character >> 12 & 0x3f));
	out[2] = (char)(0x80 | (character >> 6 & 0x3f));
	out[3] = (char)(0x80 | (character & 0x3f));
	return 4;
}

void rcasti_output_put_character(struct rcasti_output *output, uint32_t character)
{
	char encoded[4];

	rcasti_output_put(output, encoded, rcasti_utf8_encode(character, encoded));
}

int rcasti_output_finish(struct rcasti_output *output, char **bytes, size_t *n_bytes)
{
	if (!make_room(output, 0)) {
		free(output->bytes);
		*bytes = NULL;
		*n_bytes = 0;
		return -ENOMEM;
	}
	output->bytes[output->n_bytes] = '\0';
	*bytes = output->bytes;
	*n_bytes = output->n_bytes;
	return 0;
}
