/* SPDX-License-Identifier: MIT */
/*
 * A session is shown in one of two ways, and a screen of our own follows it in both:
 *
 *   passing   its bytes go to our terminal as they are, which has the session's size: nothing is in between that could know less
 *             than the terminal does
 *   fitted    our terminal has another size, or something is to be said about the session: frames are drawn from our own
 *             screen, cropped, over a line that says so; as many as the eye can use, not one for each byte
 *
 * From fitted to passing the terminal is brought to where the session is by a snapshot of our own screen.
 *
 * We live in our terminal's alternate screen, so that its other one is as it was when we leave. The session has two screens of its
 * own, and must not switch ours. So output that switches (or resets everything) does not pass: our own screen takes it and tells
 * that it has happened, and the terminal is sent a snapshot of the screen that is shown now, which does not switch. Inline, the
 * session has both screens of the terminal, and everything passes.
 *
 * A screen is known from the session's first byte, or from a keyframe. When output was lost it is not, and that is said until our own
 * screen is sure of itself again.
 *
 * Called by show.c; calls <ringcast/screen.h>, output.c, questions.c.
 */
#include "cli/canvas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clock.h"
#include "cli/mirror.h"
#include "cli/output.h"

#define FRAME_NS UINT64_C(33000000)

/* ── Bytes as they are ───────────────────────────────────────────────────────────────────────────────────────────────── */

static int pass(struct canvas *canvas, const void *data, size_t n_bytes, bool answers)
{
	canvas->questions.are_ours = answers;
	canvas->questions.come_alone = false;
	return questions_write(&canvas->questions, data, n_bytes);
}

/* What the terminal is shown of it is another matter. `questions` stands where the output begins. */
static int pass_questions(struct questions *questions, const void *data, size_t n_bytes, bool answers)
{
	questions->are_ours = answers;
	questions->come_alone = true;
	return questions_write(questions, data, n_bytes);
}

/*
 * Bring the terminal to where the session is. Not possible while the session is inside a long sequence (an image, say): then it is
 * tried again behind the next output.
 */
static int redraw(struct canvas *canvas)
{
	char *bytes;
	size_t n_bytes;
	int result = canvas->is_inline ? rcast_screen_snapshot(canvas->screen, &bytes, &n_bytes)
				       : rcast_screen_snapshot_shown(canvas->screen, &bytes, &n_bytes);

	canvas->redraw_due = result < 0;
	if (result < 0)
		return 0;
	canvas->n_switches = rcast_screen_n_switches(canvas->screen);
	canvas->questions = (struct questions){0};
	result = questions_write(&canvas->questions, bytes, n_bytes);
	free(bytes);
	return result;
}

/* ── Frames ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint16_t frame_rows(const struct canvas *canvas)
{
	return canvas->rows > 1 ? canvas->rows - 1 : canvas->rows;
}

/* In the last line, which frames leave alone. */
static int write_notice(struct canvas *canvas)
{
	char text[128], line[512];
	uint16_t cols, rows;
	int n;

	canvas->notice_due = false;
	if (canvas->rows < 2)
		return 0;
	rcast_screen_get_size(canvas->screen, &cols, &rows);
	snprintf(text, sizeof text, "%ux%u shown in %ux%u", cols, rows, canvas->cols, frame_rows(canvas));
	n = snprintf(line, sizeof line,
		     "\x1b"
		     "7\x1b[%u;1H\x1b[0;7m[%.*s]\x1b[0m\x1b[K\x1b"
		     "8",
		     canvas->rows, canvas->cols > 3 ? canvas->cols - 3 : 1, canvas->loss[0] ? canvas->loss : text);
	return output_write(line, (size_t)n);
}

static int draw_frame(struct canvas *canvas)
{
	char *bytes;
	size_t n_bytes;
	int result = rcast_screen_draw(canvas->screen, canvas->drawing, canvas->cols, frame_rows(canvas), &bytes, &n_bytes);

	if (result < 0)
		return result;
	canvas->changed = false;
	canvas->next_frame_ns = clock_now_ns() + FRAME_NS;
	result = n_bytes > 0 ? output_write(bytes, n_bytes) : 0;
	free(bytes);
	return result == 0 && canvas->notice_due ? write_notice(canvas) : result;
}

/* Draw all of it anew. */
static int begin_frames(struct canvas *canvas)
{
	struct rcast_drawing *drawing;
	int result = rcast_drawing_create(&drawing);

	if (result < 0)
		return result;
	rcast_drawing_free(canvas->drawing);
	canvas->drawing = drawing;
	canvas->questions = (struct questions){0};
	canvas->changed = canvas->notice_due = true;
	return 0;
}

/* ── Which of the two ────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool has_our_size(const struct canvas *canvas)
{
	uint16_t cols, rows;

	rcast_screen_get_size(canvas->screen, &cols, &rows);
	return canvas->cols == 0 || (canvas->cols == cols && canvas->rows == rows);
}

static bool is_to_be_fitted(struct canvas *canvas)
{
	if (canvas->loss[0] && rcast_screen_is_known(canvas->screen)) {
		canvas->loss[0] = 0;
		canvas->notice_due = true;
	}
	return canvas->cols > 0 && (canvas->loss[0] || !has_our_size(canvas));
}

/* The terminal may show anything: draw it anew, in the way that is right now. */
static int show_anew(struct canvas *canvas)
{
	canvas->fitted = is_to_be_fitted(canvas);
	return canvas->fitted ? begin_frames(canvas) : redraw(canvas);
}

void canvas_open(struct canvas *canvas, const struct rcast_session_info *info)
{
	if (rcast_screen_create(info->cols, info->rows, &canvas->screen) < 0)
		canvas->screen = NULL;
}

void canvas_close(struct canvas *canvas)
{
	rcast_drawing_free(canvas->drawing);
	rcast_screen_free(canvas->screen);
}

/* ── What the session does ───────────────────────────────────────────────────────────────────────────────────────────── */

/* All of it anew instead of what passes; and what the program has asked in it is still asked. */
static int show_anew_and_ask(struct canvas *canvas, const void *data, size_t n_bytes, bool answers)
{
	struct questions questions = canvas->questions;
	int result = show_anew(canvas);

	return result == 0 ? pass_questions(&questions, data, n_bytes, answers) : result;
}

int canvas_output(struct canvas *canvas, const void *data, size_t n_bytes, bool answers)
{
	if (!canvas->screen)
		return pass(canvas, data, n_bytes, answers);
	rcast_screen_feed(canvas->screen, data, n_bytes);
	canvas->changed = true;
	if (canvas->fitted != is_to_be_fitted(canvas))
		return show_anew_and_ask(canvas, data, n_bytes, answers);
	if (canvas->fitted)
		return pass_questions(&canvas->questions, data, n_bytes, answers);
	if (canvas->redraw_due || (!canvas->is_inline && canvas->n_switches != rcast_screen_n_switches(canvas->screen)))
		return show_anew_and_ask(canvas, data, n_bytes, answers);
	return pass(canvas, data, n_bytes, answers);
}

int canvas_keyframe(struct canvas *canvas, const struct rcast_keyframe *keyframe)
{
	struct rcast_screen *screen;

	if (!canvas->screen)
		return pass(canvas, keyframe->bytes, keyframe->n_bytes, false);
	screen = mirror_keyframe(keyframe);
	if (!screen)
		return 0;
	rcast_screen_free(canvas->screen);
	canvas->screen = screen;
	canvas->loss[0] = 0;
	if (keyframe->stale)
		return canvas_lose(canvas, "the engine has missed output: the screen may be wrong until it is drawn anew");
	canvas->changed = canvas->notice_due = true;
	return canvas->fitted && is_to_be_fitted(canvas) ? 0 : show_anew(canvas);
}

int canvas_resize(struct canvas *canvas, uint16_t cols, uint16_t rows)
{
	uint16_t old_cols, old_rows;

	if (!canvas->screen)
		return 0;
	rcast_screen_get_size(canvas->screen, &old_cols, &old_rows);
	if ((cols == old_cols && rows == old_rows) || rcast_screen_resize(canvas->screen, cols, rows) < 0)
		return 0;
	canvas->changed = canvas->notice_due = true;
	return canvas->fitted && is_to_be_fitted(canvas) ? 0 : show_anew(canvas);
}

int canvas_lose(struct canvas *canvas, const char *what)
{
	char notice[256];
	int result;

	if (canvas->screen) {
		rcast_screen_mark_unknown(canvas->screen);
		snprintf(canvas->loss, sizeof canvas->loss, "%s", what);
		return show_anew(canvas);
	}
	result = questions_write_held(&canvas->questions);
	snprintf(notice, sizeof notice, "\x18\x1b\\\x1b[0m\r\n\x1b[7m[ringcast: %s]\x1b[0m\r\n", what);
	return result == 0 ? output_write(notice, strlen(notice)) : result;
}

/* ── What happens to our terminal ────────────────────────────────────────────────────────────────────────────────────── */

void canvas_hold_back(struct canvas *canvas)
{
	canvas->next_frame_ns = clock_now_ns() + FRAME_NS;
}

int canvas_set_window(struct canvas *canvas, uint16_t cols, uint16_t rows)
{
	bool is_new = canvas->cols > 0 && (canvas->cols != cols || canvas->rows != rows);

	canvas->cols = cols;
	canvas->rows = rows;
	if (!is_new || !canvas->screen)
		return 0;
	canvas_hold_back(canvas); /* whoever drags a window changes its size many times */
	return show_anew(canvas);
}

int canvas_enter(struct canvas *canvas)
{
	static const char enter[] = "\x1b[?1049h\x1b[H\x1b[2J";

	return canvas->screen && !canvas->is_inline ? output_write(enter, sizeof enter - 1) : 0;
}

int canvas_enter_again(struct canvas *canvas)
{
	int result = canvas_enter(canvas);

	return result == 0 && canvas->screen ? show_anew(canvas) : result;
}

bool canvas_is_in_alternate_screen(const struct canvas *canvas)
{
	return canvas->screen && (!canvas->is_inline || rcast_screen_is_alternate(canvas->screen));
}

int canvas_pause(struct canvas *canvas, unsigned int *wait_ms)
{
	uint64_t now = clock_now_ns();

	*wait_ms = 0;
	if (!canvas->fitted || !(canvas->changed || canvas->notice_due))
		return 0;
	if (now >= canvas->next_frame_ns)
		return draw_frame(canvas);
	*wait_ms = (unsigned int)((canvas->next_frame_ns - now) / 1000000 + 1);
	return 0;
}

void canvas_finish(struct canvas *canvas)
{
	unsigned int wait_ms;

	canvas->next_frame_ns = 0;
	if (canvas->is_inline)
		canvas_pause(canvas, &wait_ms);
}
