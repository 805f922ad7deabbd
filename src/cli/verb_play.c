/* SPDX-License-Identifier: MIT */
/*
 * `ringcast play`: a recording on our terminal, in its own time.
 *
 *   first event read ─► header known ─► terminal raw ─► wait until an event is due ─► show it ─► read the next …
 *                                         └── keys, signals and frames, in every wait ──┘
 *
 * The recording may be hostile: cast_read.c bounds what it says, and what would make the terminal answer is left out, as it is by
 * watch. In a window of another size it is fitted as a session is (canvas.c).
 *
 * A recording begins on a blank screen. What our terminal shows is scrolled away for it, not erased, and what was played
 * stays when it is over.
 *
 * Functions return 0, or why to stop: -ECANCELED the user wants to, -EINTR a signal does; else something is wrong, with the
 * recording if reader.error says so, otherwise with standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cast_read.h"
#include "cli/clock.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/pace.h"
#include "cli/questions.h"
#include "cli/signals.h"
#include "cli/stage.h"

#define KEY_CTRL_C 0x03
#define KEY_CTRL_Z 0x1a
#define KEY_ESCAPE 0x1b

struct play {
	const char *path;
	struct cast_reader reader;
	struct pace pace;
	struct stage stage;
	int keys_fd;          /* -1: no keys, or not yet */
	bool wants_step;      /* the next event now, though paused */
	bool seeks_marker;    /* all events now, until a marker */
	uint64_t exit_status; /* of the recorded program; UINT64_MAX: not recorded */
};

/* ── The user ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int suspend(struct play *play)
{
	bool was_paused = play->pace.is_paused;
	int result;

	pace_pause(&play->pace, clock_now_ns());
	result = stage_suspend(&play->stage);
	if (!was_paused)
		pace_go_on(&play->pace, clock_now_ns());
	return result;
}

static void toggle_pause(struct play *play)
{
	if (play->pace.is_paused)
		pace_go_on(&play->pace, clock_now_ns());
	else
		pace_pause(&play->pace, clock_now_ns());
}

static int take_key(struct play *play, unsigned char key)
{
	switch (key) {
	case ' ':
		toggle_pause(play);
		return 0;
	case '.':
		play->wants_step = play->pace.is_paused;
		return 0;
	case ']':
		play->seeks_marker = true;
		return 0;
	case KEY_CTRL_Z:
		return suspend(play);
	case 'q':
	case 'Q':
	case KEY_CTRL_C:
		return -ECANCELED;
	default:
		return 0;
	}
}

/* What begins with ESC is an answer of the terminal's, or a key that means nothing here. */
static int take_keys(struct play *play)
{
	unsigned char keys[256];
	ssize_t n = read(play->keys_fd, keys, sizeof keys);
	int result = n == 0 ? -ECANCELED : 0;

	for (ssize_t i = 0; i < n && keys[0] != KEY_ESCAPE && result == 0; i++)
		result = take_key(play, keys[i]);
	return result;
}

static int take_signals(struct play *play)
{
	int result;

	signals_read();
	result = signals_take_stop() ? suspend(play) : 0;
	if (result == 0)
		result = stage_heed_signals(&play->stage);
	return signals_ending() ? -EINTR : result;
}

/* Draw what is due; then wait for keys and signals, or for the file, or for the time to pass. */
static int look_around(struct play *play, int file_fd, uint64_t wait_ns)
{
	struct pollfd polled[] = {{.fd = signals_fd(), .events = POLLIN},
				  {.fd = play->keys_fd, .events = POLLIN},
				  {.fd = file_fd, .events = POLLIN}};
	struct timespec wait;
	unsigned int frame_ms;
	int result = canvas_pause(&play->stage.canvas, &frame_ms);

	if (result < 0)
		return result;
	if (frame_ms > 0 && frame_ms * NS_A_MS < wait_ns)
		wait_ns = frame_ms * NS_A_MS;
	wait = (struct timespec){.tv_sec = (time_t)(wait_ns / NS_A_SECOND), .tv_nsec = (long)(wait_ns % NS_A_SECOND)};
	if (ppoll(polled, 3, wait_ns == PACE_NEVER ? NULL : &wait, NULL) < 0)
		return errno == EINTR ? 0 : -errno;
	if (polled[0].revents)
		result = take_signals(play);
	if (result == 0 && polled[1].revents)
		result = take_keys(play);
	return result;
}

/* ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* An enum cast_outcome, CAST_HUNGRY excepted; or why to stop. */
static int read_event(struct play *play, struct cast_event *event)
{
	struct cast_reader *reader = &play->reader;
	int outcome, result = 0;

	while ((outcome = cast_reader_next(reader, event)) == CAST_HUNGRY && result == 0) {
		result = look_around(play, reader->fd, PACE_NEVER);
		if (result == 0)
			result = cast_reader_fill(reader);
	}
	return outcome == CAST_HUNGRY ? result : outcome;
}

static uint64_t left_ns(const struct play *play)
{
	return play->wants_step || play->seeks_marker ? 0 : pace_left_ns(&play->pace, clock_now_ns());
}

static int await_turn(struct play *play)
{
	int result;

	do {
		result = look_around(play, -1, left_ns(play));
	} while (result == 0 && left_ns(play) > 0);
	if (play->wants_step || play->seeks_marker)
		pace_jump(&play->pace, clock_now_ns());
	play->wants_step = false;
	return result;
}

static int resize(struct play *play, const char *size)
{
	uint16_t cols, rows;

	return parse_window(size, &cols, &rows) ? canvas_resize(&play->stage.canvas, cols, rows) : 0;
}

static void pass_marker(struct play *play)
{
	if (play->seeks_marker)
		pace_pause(&play->pace, clock_now_ns());
	play->seeks_marker = false;
}

static int show_event(struct play *play, const struct cast_event *event)
{
	switch (event->code) {
	case 'o':
		return canvas_output(&play->stage.canvas, event->data, event->n_bytes, false);
	case 'r':
		return resize(play, event->data);
	case 'm':
		pass_marker(play);
		return 0;
	case 'x':
		parse_u64(event->data, UINT8_MAX, &play->exit_status);
		return 0;
	}
	return 0;
}

static int play_events(struct play *play, struct cast_event *event)
{
	int outcome = CAST_EVENT, result = 0;

	while (outcome == CAST_EVENT && result == 0) {
		pace_add(&play->pace, event->interval_ns);
		result = await_turn(play);
		if (result == 0)
			result = show_event(play, event);
		if (result == 0)
			outcome = read_event(play, event);
	}
	if (result == 0 && outcome == CAST_END)
		return questions_write_held(&play->stage.canvas.questions);
	return result == 0 ? outcome : result;
}

/* ── Beginning and end ───────────────────────────────────────────────────────────────────────────────────────────────── */

static int scroll_away(const struct play *play)
{
	uint16_t cols, rows;
	int result = 0;

	if (!play->stage.terminal.has_screen || !terminal_size(&play->stage.terminal, &cols, &rows))
		return 0;
	for (unsigned row = 0; row < rows && result == 0; row++)
		result = output_write("\r\n", 2);
	return result == 0 ? output_write("\x1b[H", 3) : result;
}

static int show_events(struct play *play, struct cast_event *event)
{
	int result = scroll_away(play);

	if (result == 0)
		result = stage_look_at_window(&play->stage);
	if (result == 0)
		result = play_events(play, event);
	if (result == 0 || play->reader.error[0])
		canvas_finish(&play->stage.canvas);
	return result;
}

static int play_from_first(struct play *play, struct cast_event *event)
{
	const struct cast_header *header = &play->reader.header;
	struct rcast_session_info info = {.cols = header->cols, .rows = header->rows};
	int result = stage_enter(&play->stage, &info);

	if (result < 0)
		return result;
	play->keys_fd = play->stage.terminal.has_keys ? play->stage.terminal.in_fd : -1;
	if (play->pace.idle_limit_ns == CAST_NO_LIMIT_NS)
		play->pace.idle_limit_ns = header->idle_limit_ns;
	pace_begin(&play->pace, clock_now_ns());
	result = show_events(play, event);
	stage_leave(&play->stage);
	return result;
}

static int judge(const struct play *play, int result)
{
	if (play->reader.error[0]) {
		message_line("%s: %s", play->path, play->reader.error);
		return EXIT_CODE_FAILURE;
	}
	if (result < 0 && result != -ECANCELED)
		return output_failed(result);
	if (play->exit_status != UINT64_MAX && play->stage.terminal.has_screen)
		message_line("%s: the recorded program ended with status %u", play->path, (unsigned)play->exit_status);
	return EXIT_CODE_OK;
}

/* Keys come from the terminal even if the recording comes from standard input. -1: what is played does not go to a terminal. */
static int open_keys(void)
{
	if (!isatty(STDOUT_FILENO))
		return -1;
	return isatty(STDIN_FILENO) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open("/dev/tty", O_RDWR | O_CLOEXEC);
}

static int play_recording(struct play *play)
{
	int keys_fd = open_keys(), result;
	struct cast_event event;

	terminal_open(&play->stage.terminal, keys_fd, STDOUT_FILENO);
	result = read_event(play, &event);
	if (result == CAST_EVENT)
		result = play_from_first(play, &event);
	result = judge(play, result);
	if (keys_fd >= 0)
		close(keys_fd);
	return result;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), n_end = strlen(end);

	return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

static int open_and_play(struct play *play, bool is_raw)
{
	bool is_input = strcmp(play->path, "-") == 0;
	int fd = is_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(play->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int result;

	if (fd < 0 && signals_ending())
		return EXIT_CODE_SIGNAL + signals_ending();
	if (fd < 0) {
		message_line("%s cannot be read: %s", play->path, message_errno(-errno));
		return EXIT_CODE_FAILURE;
	}
	cast_reader_open_take(&play->reader, fd, is_raw || ends_with(play->path, ".raw"));
	result = play_recording(play);
	cast_reader_close(&play->reader);
	return result;
}

/* ── The verb ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool parse_speed(const char *text, double *speed)
{
	char *end;

	*speed = strtod(text, &end);
	return text[0] >= '0' && text[0] <= '9' && !*end && *speed >= PACE_MIN_SPEED && *speed <= PACE_MAX_SPEED;
}

static bool parse_idle_limit(const char *text, uint64_t *limit_ns)
{
	uint32_t ms;

	if (!parse_duration(text, &ms))
		return false;
	*limit_ns = ms * NS_A_MS;
	return true;
}

enum { OPTION_SPEED = 256, OPTION_IDLE_LIMIT, OPTION_RAW };

static const struct option options[] = {{"speed", required_argument, NULL, OPTION_SPEED},
					{"idle-limit", required_argument, NULL, OPTION_IDLE_LIMIT},
					{"raw", no_argument, NULL, OPTION_RAW},
					{0}};

static int play_verb(const struct verb *verb, int argc, char **argv)
{
	struct command_line line = {.verb = verb, .argc = argc, .argv = argv, .options = options};
	struct play play = {.pace = {.speed = 1, .idle_limit_ns = CAST_NO_LIMIT_NS},
			    .stage.canvas = {.is_inline = true},
			    .keys_fd = -1,
			    .exit_status = UINT64_MAX};
	bool is_raw = false;
	char **operands;
	int option;

	while ((option = options_next(&line)) >= 0) {
		is_raw = is_raw || option == OPTION_RAW;
		if (option == OPTION_SPEED && !parse_speed(optarg, &play.pace.speed))
			return message_usage(verb, "--speed takes a number from 0.01 to 1000, not '%.40s'", optarg);
		if (option == OPTION_IDLE_LIMIT && !parse_idle_limit(optarg, &play.pace.idle_limit_ns))
			return message_usage(verb, "--idle-limit takes a time such as 800ms, 2s or 5m, not '%.40s'", optarg);
	}
	if (option == OPTIONS_OVER)
		return line.exit_code;
	operands = options_operands(&line, 1);
	if (!operands)
		return EXIT_CODE_USAGE;
	play.path = operands[0];
	signals_open_for_terminal();
	return open_and_play(&play, is_raw);
}

const struct verb verb_play = {
	.name = "play",
	.arguments = "[--speed X] [--idle-limit TIME] [--raw] FILE",
	.summary = "Play a recording, of record's or of asciinema's",
	.help = "  --speed X          so many times as fast, 0.01 to 1000\n"
		"  --idle-limit TIME  no pause longer than this (800ms, 2s) of recorded time; 0: no pauses at all. If not given, what\n"
		"                     the recording itself says\n"
		"  --raw              FILE is bytes alone, as of record --format raw; also if its name ends in .raw\n"
		"\n"
		"FILE is asciicast version 3 or 2; - is standard input. Space pauses and goes on, '.' is one step in a pause,\n"
		"']' goes on to the next marker and pauses there, 'q' or Ctrl-C leaves. In a window of another size than the\n"
		"recorded one, part of it is shown, and the last line says so. What the recorded program asked of its\n"
		"terminal is not asked of yours.\n",
	.run = play_verb,
};
