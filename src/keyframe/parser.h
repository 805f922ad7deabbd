/* SPDX-License-Identifier: MIT */
/* Bytes to characters, control characters and sequences. The model is in parser.c. */
#ifndef RCASTI_KEYFRAME_PARSER_H
#define RCASTI_KEYFRAME_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARSER_MAX_PARAMETERS 32
#define PARSER_MAX_STRING 4096
#define PARSER_MAX_PENDING 4096

/* One parameter of a control sequence; those after a colon belong to the one before. */
struct rcasti_parameter {
	uint32_t value;
	bool is_sub;
	bool is_given;
};

struct rcasti_sequence {
	struct rcasti_parameter parameters[PARSER_MAX_PARAMETERS];
	unsigned n_parameters; /* at least 1 */
	uint32_t collected;    /* prefix and intermediates, the last one in the low byte */
};

/* What the parser finds, in order. `user` is the parser's. */
struct rcasti_parser_events {
	void (*print_ascii)(void *user, const uint8_t *text, size_t n_bytes);
	void (*print)(void *user, uint32_t character);
	void (*execute)(void *user, uint32_t control);
	void (*escape)(void *user, uint32_t collected, uint8_t final);
	void (*csi)(void *user, const struct rcasti_sequence *sequence, uint8_t final);
	void (*osc)(void *user, uint32_t number, const char *text, size_t n_bytes); /* text is terminated, UTF-8 */
	void (*string_end)(void *user); /* some other string went by: a device control string, say */
};

struct rcasti_parser {
	const struct rcasti_parser_events *events;
	void *user;
	uint8_t state;
	struct rcasti_sequence sequence;
	/* An operating system command being read. */
	uint32_t osc_number;
	uint8_t osc_stage;
	size_t n_string;
	char string[PARSER_MAX_STRING + 1];
	/* A UTF-8 character being read. */
	uint8_t utf8_missing, utf8_low, utf8_high;
	uint32_t utf8_value;
	/* What has been fed since the last cut point, control characters left out. */
	bool pending_overflow;
	size_t n_pending;
	uint8_t pending[PARSER_MAX_PENDING];
};

void rcasti_parser_init(struct rcasti_parser *parser, const struct rcasti_parser_events *events, void *user);
void rcasti_parser_feed(struct rcasti_parser *parser, const uint8_t *data, size_t n_bytes);
bool rcasti_parser_is_at_cut_point(const struct rcasti_parser *parser);

/* The value of a parameter; 0 where there is none. Sub-parameters count as parameters here. */
static inline uint32_t rcasti_parameter(const struct rcasti_sequence *sequence, unsigned index)
{
	return index < sequence->n_parameters ? sequence->parameters[index].value : 0;
}

#endif
