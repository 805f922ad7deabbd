/* SPDX-License-Identifier: MIT */
/*
 * getopt_long with messages of our own, and strict parsers: a value is taken whole or not at all, and nothing is guessed.
 */
#include "cli/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <ringcast/ring.h>

#include "cli/message.h"
#include "cli/output.h"

#define OPTION_HELP 0x10000
#define DAY_MS 86400000u

static void print_help(const struct verb *verb)
{
	printf("usage: ringcast %s %s\n\n%s.\n\n%s", verb->name, verb->arguments, verb->summary, verb->help);
}

static int over(struct command_line *line, int exit_code)
{
	line->exit_code = exit_code;
	return OPTIONS_OVER;
}

static const char *bad_option(const struct command_line *line)
{
	static char text[3] = "-?";

	if (optopt == 0 || optopt > 0xff)
		return line->argv[optind - 1];
	text[1] = (char)optopt;
	return text;
}

int options_next(struct command_line *line)
{
	struct option all[24] = {{"help", no_argument, NULL, OPTION_HELP}};
	int n = 0, option;

	while (line->options[n].name && n < 22) {
		all[n + 1] = line->options[n];
		n++;
	}
	opterr = 0;
	option = getopt_long(line->argc, line->argv, line->stops_at_operand ? "+:h" : ":h", all, NULL);
	switch (option) {
	case OPTION_HELP:
	case 'h':
		print_help(line->verb);
		return over(line, output_flush());
	case ':':
		return over(line, message_usage(line->verb, "%s needs a value", line->argv[optind - 1]));
	case '?':
		return over(line, message_usage(line->verb, "unknown or ambiguous option '%s'", bad_option(line)));
	default:
		return option;
	}
}

char **options_operands(struct command_line *line, int n)
{
	int given = line->argc - optind;

	if (given == n)
		return line->argv + optind;
	if (given > n)
		message_usage(line->verb, "'%.80s' is one argument too many; usage: ringcast %s %s", line->argv[optind + n],
			      line->verb->name, line->verb->arguments);
	else
		message_usage(line->verb, "an argument is missing; usage: ringcast %s %s", line->verb->name,
			      line->verb->arguments);
	return NULL;
}

char **options_session(struct command_line *line, int n)
{
	char **operands = options_operands(line, n);

	return operands && message_check_name(line->verb, "session", operands[0]) ? operands : NULL;
}

/* Digits only, then whatever follows them. */
static bool parse_digits(const char *text, uint64_t *value, const char **end)
{
	*value = 0;
	*end = text;
	for (; isdigit((unsigned char)**end); (*end)++) {
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(**end - '0'), value))
			return false;
	}
	return *end != text;
}

bool parse_u64(const char *text, uint64_t max, uint64_t *value)
{
	const char *end;

	return parse_digits(text, value, &end) && !*end && *value <= max;
}

bool parse_bytes(const char *text, uint64_t max, uint64_t *bytes)
{
	const char *units = "KMG", *unit, *end;

	if (!parse_digits(text, bytes, &end))
		return false;
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || end[1] || __builtin_mul_overflow(*bytes, UINT64_C(1024) << 10 * (unit - units), bytes))
			return false;
	}
	return *bytes <= max;
}

bool parse_ring_bytes(const char *text, uint64_t *bytes)
{
	return parse_bytes(text, RCAST_RING_MAX_BYTES, bytes) && *bytes >= RCAST_RING_MIN_BYTES &&
	       (*bytes & (*bytes - 1)) == 0;
}

bool parse_linger(const char *text, uint32_t *linger_ms)
{
	uint64_t seconds;

	if (!parse_u64(text, (UINT32_MAX - 1) / 1000, &seconds))
		return false;
	*linger_ms = seconds ? (uint32_t)seconds * 1000 : RCAST_NO_LINGER;
	return true;
}

bool parse_window(const char *text, uint16_t *cols, uint16_t *rows)
{
	uint64_t wide, high;
	const char *end;

	if (!parse_digits(text, &wide, &end) || *end != 'x' || !parse_u64(end + 1, UINT16_MAX, &high))
		return false;
	*cols = (uint16_t)wide;
	*rows = (uint16_t)high;
	return wide >= 1 && wide <= UINT16_MAX && high >= 1;
}

bool parse_from(const char *text, enum rcast_from *from, uint64_t *pos)
{
	*pos = 0;
	*from = strcmp(text, "newest") == 0 ? RCAST_FROM_NEWEST : RCAST_FROM_OLDEST;
	if (*from == RCAST_FROM_NEWEST || strcmp(text, "oldest") == 0)
		return true;
	*from = RCAST_FROM_POS;
	return parse_u64(text, UINT64_MAX, pos);
}

bool parse_duration(const char *text, uint32_t *ms)
{
	static const struct {
		const char *name;
		uint32_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}};
	const char *unit;
	uint64_t value;

	if (!parse_digits(text, &value, &unit))
		return false;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(unit, units[i].name) == 0 && value <= DAY_MS / units[i].ms) {
			*ms = (uint32_t)value * units[i].ms;
			return true;
		}
	}
	return false;
}

bool parse_key(const char *text, unsigned char *key)
{
	int letter = toupper((unsigned char)text[0] == '^' ? (unsigned char)text[1] : 0);

	if (text[0] && !text[1]) {
		*key = (unsigned char)text[0];
		return text[0] != '^';
	}
	if (text[0] != '^' || letter < '@' || letter > '_' || text[2])
		return false;
	*key = (unsigned char)(letter & 0x1f);
	return true;
}
