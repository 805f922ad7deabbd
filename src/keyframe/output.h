/* SPDX-License-Identifier: MIT */
/* A growing string. A write that finds no memory makes the whole a failure, told at the end. */
#ifndef RCASTI_KEYFRAME_OUTPUT_H
#define RCASTI_KEYFRAME_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rcasti_output {
	char *bytes;
	size_t n_bytes, n_allocated;
	bool failed;
};

void rcasti_output_put(struct rcasti_output *output, const void *bytes, size_t n_bytes);
void rcasti_output_print(struct rcasti_output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rcasti_output_put_character(struct rcasti_output *output, uint32_t character);

/* The string, terminated, to the caller; or -ENOMEM and nothing. */
int rcasti_output_finish(struct rcasti_output *output, char **bytes, size_t *n_bytes);

/* UTF-8 of a character: 1–4 bytes. */
size_t rcasti_utf8_encode(uint32_t character, char out[4]);

#endif
