/* SPDX-License-Identifier: MIT */
/*
 * `ringcast screen`: what a session shows now, for scripts and for people who only want a glance.
 *
 * The engine's keyframe is an escape stream. It goes to a screen of our own, which is then read: as text, as rows with their
 * colours, as JSON with everything, or as a picture. So nothing that is printed moves a cursor or sets a mode.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringcast/screen.h>

#include "cli/connect.h"
#include "cli/json.h"
#include "cli/message.h"
#include "cli/mirror.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/svg.h"

#define MAX_TRIES 3

enum form { AS_TEXT, AS_ANSI, AS_JSON, AS_SVG };

/* ── As text, with colours ───────────────────────────────────────────────────────────────────────────────────────────── */

struct sgr {
	char text[160];
	size_t n_bytes;
};

static void add(struct sgr *sgr, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct sgr *sgr, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	sgr->n_bytes += (size_t)vsnprintf(sgr->text + sgr->n_bytes, sizeof sgr->text - sgr->n_bytes, format, list);
	va_end(list);
}

/* `base` is 30 for the foreground, 40 for the background, 50 for the underline, which has no named colours. */
static void add_colour(struct sgr *sgr, const struct rcast_colour *colour, unsigned int base)
{
	uint32_t value = colour->value;

	if (colour->kind == RCAST_COLOUR_NAMED && base < 50)
		add(sgr, ";%u", value < 8 ? base + value : base + 60 + value - 8);
	else if (colour->kind == RCAST_COLOUR_NAMED || colour->kind == RCAST_COLOUR_INDEXED)
		add(sgr, ";%u:5:%u", base + 8, value);
	else if (colour->kind == RCAST_COLOUR_RGB)
		add(sgr, ";%u:2::%u:%u:%u", base + 8, value >> 16 & 0xff, value >> 8 & 0xff, value & 0xff);
}

static const struct {
	enum rcast_style_flag flag;
	unsigned int sgr;
	const char *name;
} flags[] = {
	{RCAST_STYLE_BOLD, 1, "bold"},       {RCAST_STYLE_DIM, 2, "dim"},
	{RCAST_STYLE_ITALIC, 3, "italic"},   {RCAST_STYLE_BLINK, 5, "blink"},
	{RCAST_STYLE_INVERSE, 7, "inverse"}, {RCAST_STYLE_INVISIBLE, 8, "invisible"},
	{RCAST_STYLE_STRUCK, 9, "struck"},   {RCAST_STYLE_OVERLINE, 53, "overline"},
};
#define N_FLAGS (sizeof flags / sizeof flags[0])

static void make_sgr(struct sgr *sgr, const struct rcast_style *style)
{
	sgr->n_bytes = 0;
	add(sgr, "\x1b[0");
	for (size_t i = 0; i < N_FLAGS; i++) {
		if (style->flags & flags[i].flag)
			add(sgr, ";%u", flags[i].sgr);
	}
	if (style->underline)
		add(sgr, style->underline == RCAST_UNDERLINE_SINGLE ? ";4" : ";4:%u", (unsigned int)style->underline);
	add_colour(sgr, &style->foreground, 30);
	add_colour(sgr, &style->background, 40);
	add_colour(sgr, &style->underline_colour, 50);
	add(sgr, "m");
}

static int print_runs(const struct rcast_run *runs, size_t n_runs)
{
	struct sgr sgr;
	int result = 0;

	for (size_t i = 0; i < n_runs && result == 0; i++) {
		make_sgr(&sgr, &runs[i].style);
		result = output_write(sgr.text, sgr.n_bytes);
		if (result == 0)
			result = output_write(runs[i].text, runs[i].n_bytes);
	}
	if (result == 0)
		result = n_runs ? output_write("\x1b[0m\n", 5) : output_write("\n", 1);
	return result;
}

static int print_ansi(const struct rcast_screen *screen)
{
	uint16_t cols, rows;
	int result = 0;

	rcast_screen_get_size(screen, &cols, &rows);
	for (uint16_t row = 0; row < rows && result == 0; row++) {
		struct rcast_run *runs;
		size_t n_runs;

		result = rcast_screen_row(screen, row, &runs, &n_runs);
		if (result == 0)
			result = print_runs(runs, n_runs);
		free(runs);
	}
	return result;
}

static int print_text(const struct rcast_screen *screen)
{
	char *text;
	size_t n_bytes;
	int result = rcast_screen_text(screen, &text, &n_bytes);

	if (result == 0)
		result = output_write(text, n_bytes);
	free(text);
	return result;
}

static int print_svg(const struct rcast_screen *screen)
{
	char *document;
	size_t n_bytes;
	int result = svg_make(screen, &document, &n_bytes);

	if (result < 0)
		return result;
	result = output_write(document, n_bytes);
	free(document);
	return result;
}

/* ── As JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_unsigned(struct json *json, const char *key, uint64_t value)
{
	json_key(json, key);
	json_unsigned(json, value);
}

/* A number is a place in the palette, "#rrggbb" a colour; what is not said is the terminal's own. */
static void put_colour(struct json *json, const char *key, const struct rcast_colour *colour)
{
	char text[16];

	if (colour->kind == RCAST_COLOUR_DEFAULT)
		return;
	json_key(json, key);
	snprintf(text, sizeof text, "#%06x", colour->value & 0xffffff);
	if (colour->kind == RCAST_COLOUR_RGB)
		json_string(json, text);
	else
		json_unsigned(json, colour->value);
}

static void put_style(struct json *json, const struct rcast_style *style)
{
	static const char *const underlines[] = {
		[RCAST_UNDERLINE_NONE] = "none",   [RCAST_UNDERLINE_SINGLE] = "single", [RCAST_UNDERLINE_DOUBLE] = "double",
		[RCAST_UNDERLINE_CURLY] = "curly", [RCAST_UNDERLINE_DOTTED] = "dotted", [RCAST_UNDERLINE_DASHED] = "dashed"};

	put_colour(json, "foreground", &style->foreground);
	put_colour(json, "background", &style->background);
	put_colour(json, "underline_colour", &style->underline_colour);
	for (size_t i = 0; i < N_FLAGS; i++) {
		if (!(style->flags & flags[i].flag))
			continue;
		json_key(json, flags[i].name);
		json_bool(json, true);
	}
	if (style->underline != RCAST_UNDERLINE_NONE) {
		json_key(json, "underline");
		json_string(json, underlines[style->underline]);
	}
	if (style->link)
		json_bytes(json, "link", style->link, strlen(style->link));
}

static int put_row(struct json *json, const struct rcast_screen *screen, uint16_t row)
{
	struct rcast_run *runs;
	size_t n_runs;
	int result = rcast_screen_row(screen, row, &runs, &n_runs);

	if (result < 0)
		return result;
	json_begin(json, '[');
	for (size_t i = 0; i < n_runs; i++) {
		json_begin(json, '{');
		put_unsigned(json, "col", runs[i].col);
		put_unsigned(json, "cols", runs[i].n_cols);
		json_key(json, "text");
		json_string(json, runs[i].text);
		put_style(json, &runs[i].style);
		json_end(json, '}');
	}
	json_end(json, ']');
	free(runs);
	return 0;
}

static int put_rows(struct json *json, const struct rcast_screen *screen, uint16_t rows)
{
	int result = 0;

	json_key(json, "lines");
	json_begin(json, '[');
	for (uint16_t row = 0; row < rows && result == 0; row++)
		result = put_row(json, screen, row);
	json_end(json, ']');
	return result;
}

static void put_cursor(struct json *json, const struct rcast_screen *screen)
{
	uint16_t col, row;
	bool visible;

	rcast_screen_get_cursor(screen, &col, &row, &visible);
	json_key(json, "cursor");
	json_begin(json, '{');
	put_unsigned(json, "col", col);
	put_unsigned(json, "row", row);
	json_key(json, "visible");
	json_bool(json, visible);
	json_end(json, '}');
}

static int print_json(const struct rcast_screen *screen, const struct rcast_keyframe *keyframe, const char *session)
{
	struct json json = {0};
	int result;

	json_begin(&json, '{');
	json_key(&json, "name");
	json_string(&json, session);
	put_unsigned(&json, "pos", keyframe->pos);
	put_unsigned(&json, "output_pos", keyframe->output_pos);
	json_key(&json, "stale");
	json_bool(&json, keyframe->stale);
	put_unsigned(&json, "cols", keyframe->cols);
	put_unsigned(&json, "rows", keyframe->rows);
	put_cursor(&json, screen);
	json_key(&json, "title");
	json_string(&json, rcast_screen_title(screen));
	result = put_rows(&json, screen, keyframe->rows);
	json_end(&json, '}');
	if (result == 0)
		result = json_flush_line(&json);
	json_free(&json);
	return result;
}

/* ── The verb ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int get_keyframe(const char *session, struct rcast_keyframe *keyframe)
{
	struct rcast_client *client;
	int result = connect_session(session, &client), exit_code = EXIT_CODE_OK;

	if (result < 0)
		return message_no_connection(session, result);
	result = rcast_client_restrict_to_view(client);
	for (int tries = 0; tries < MAX_TRIES && (result == 0 || result == -EAGAIN); tries++) {
		result = rcast_client_get_keyframe(client, session, keyframe);
		if (result == 0)
			break;
	}
	if (result < 0)
		exit_code = message_client(client, session, result);
	rcast_client_free(client);
	return exit_code;
}

static int print(const char *session, const struct rcast_keyframe *keyframe, enum form form)
{
	struct rcast_screen *screen = mirror_keyframe(keyframe);
	int result;

	if (!screen) {
		message_line("%s: no memory for its screen", session);
		return EXIT_CODE_FAILURE;
	}
	if (form == AS_JSON)
		result = print_json(screen, keyframe, session);
	else if (form == AS_SVG)
		result = print_svg(screen);
	else
		result = form == AS_ANSI ? print_ansi(screen) : print_text(screen);
	rcast_screen_free(screen);
	if (result < 0)
		return output_failed(result);
	if (!keyframe->stale)
		return EXIT_CODE_OK;
	message_line("%s: the engine has missed output, and the screen may be wrong", session);
	return EXIT_CODE_GAPS;
}

static int screen_verb(const struct verb *verb, int argc, char **argv)
{
	static const struct option options[] = {{"text", no_argument, NULL, AS_TEXT},
						{"ansi", no_argument, NULL, AS_ANSI},
						{"json", no_argument, NULL, AS_JSON},
						{"svg", no_argument, NULL, AS_SVG},
						{0}};
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct rcast_keyframe keyframe = {0};
	int option, form = -1, result;
	char **operands;

	while ((option = options_next(&line)) >= 0) {
		if (form >= 0 && form != option)
			return message_usage(verb, "--text, --ansi, --json and --svg exclude each other");
		form = option;
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	operands = options_session(&line, 1);
	if (!operands)
		return EXIT_CODE_USAGE;
	signals_open();
	result = get_keyframe(operands[0], &keyframe);
	if (result == EXIT_CODE_OK)
		result = print(operands[0], &keyframe, form >= 0 ? (enum form)form : AS_TEXT);
	free(keyframe.bytes);
	return result;
}

const struct verb verb_screen = {
	.name = "screen",
	.arguments = "[--text|--ansi|--json|--svg] NAME",
	.summary = "Print what a session shows now",
	.help = "  --text   as text, a line for each row of the screen (this is what it does without options)\n"
		"  --ansi   the same with colours and attributes\n"
		"  --json   all of it: size, title, cursor, and each row as runs of cells that look the same\n"
		"  --svg    a picture of it\n"
		"\n"
		"Also of a session that has ended and lingers. Exit status 4: the engine has missed output, so the screen may be wrong.\n",
	.run = screen_verb,
};
