/* SPDX-License-Identifier: MIT */
/*
 * A session's records on their way to our terminal. What is drawn there, and how, is the canvas' business (canvas.c).
 *
 * Output may hold questions to a terminal. Those that are not for ours to answer are left out: the view knows which.
 *
 * What a lapped viewer missed is made up for by a keyframe, and then there is nothing to say about it. Without one, the screen may
 * be wrong until the program draws it anew, and that is said.
 */
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/output.h"
#include "cli/signals.h"

/* ── Records ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Nothing makes up for what was printed before the first record that is still there. */
static int begin(struct show *show, const struct rcast_record *record)
{
	if (show->begun || record->kind == RCAST_KEYFRAME || record->output_pos == 0 || !show->canvas.screen) {
		show->begun = true;
		return 0;
	}
	show->begun = true;
	return canvas_lose(&show->canvas, "what was printed before is lost: the screen may be wrong until it is drawn anew");
}

static int resize(struct show *show, const struct rcast_record *record)
{
	struct rcast_resize size;

	if (record->n_bytes < sizeof size)
		return 0;
	memcpy(&size, record->data, sizeof size);
	return canvas_resize(&show->canvas, size.cols, size.rows);
}

int show_record(struct show *show, const struct rcast_record *record)
{
	int result = begin(show, record);

	if (result < 0)
		return result;
	switch (record->kind) {
	case RCAST_KEYFRAME:
		return canvas_keyframe(&show->canvas, rcast_view_keyframe(show->follow.view));
	case RCAST_RESIZE:
		return resize(show, record);
	case RCAST_OUTPUT:
		return canvas_output(&show->canvas, record->data, record->n_bytes,
				     rcast_view_answers(show->follow.view, record));
	default:
		return 0;
	}
}

int show_gap(struct show *show, const struct rcast_loss *lost)
{
	char what[160];

	if (rcast_view_keyframe(show->follow.view))
		return 0;
	snprintf(what, sizeof what, "too slow: %" PRIu64 " bytes of output are missing, the screen may be wrong",
		 lost->lost_output);
	return canvas_lose(&show->canvas, what);
}

/* ── The terminal ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A stream that never went through a terminal ends its lines with a line feed alone. */
static bool needs_newlines(const struct follow *follow)
{
	return rcast_view_info(follow->view)->kind != RCAST_SESSION_PTY;
}

static bool has_canvas(const struct show *show)
{
	return show->terminal.has_screen && rcast_view_info(show->follow.view)->kind == RCAST_SESSION_PTY;
}

static int look_at_window(struct show *show)
{
	uint16_t cols, rows;

	return terminal_size(&show->terminal, &cols, &rows) ? canvas_set_window(&show->canvas, cols, rows) : 0;
}

static enum follow_end run(struct show *show)
{
	show->follow.error = canvas_enter(&show->canvas);
	if (show->follow.error == 0)
		show->follow.error = look_at_window(show);
	return show->follow.error < 0 ? FOLLOW_UNWRITABLE : follow_run(&show->follow);
}

enum follow_end show_follow(struct show *show)
{
	enum follow_end end;
	int result = terminal_enter_raw(&show->terminal, needs_newlines(&show->follow));

	if (result < 0) {
		message_line("the terminal cannot be set: %s", message_errno(result));
		return FOLLOW_UNUSABLE;
	}
	if (has_canvas(show))
		canvas_open(&show->canvas, rcast_view_info(show->follow.view));
	end = run(show);
	if (end == FOLLOW_ENDED)
		canvas_finish(&show->canvas);
	terminal_restore(&show->terminal);
	if (show->terminal.has_screen && (show->canvas.is_inline || !show->canvas.screen))
		output_try(STDERR_FILENO, "\r\n");
	canvas_close(&show->canvas);
	follow_say_end(&show->follow, end);
	return end;
}

int show_suspend(struct show *show)
{
	terminal_suspend(&show->terminal);
	signals_read();
	signals_take_continue();
	return canvas_enter_again(&show->canvas);
}

static int heed_signals(struct show *show)
{
	int result = signals_take_stop() ? show_suspend(show) : 0;

	if (signals_take_continue() && result == 0) {
		terminal_continue(&show->terminal);
		result = canvas_enter_again(&show->canvas);
	}
	if (signals_take_resize() && result == 0) {
		show->window_changed = true;
		result = look_at_window(show);
	}
	return result;
}

int show_pause(struct show *show)
{
	int result = heed_signals(show);

	return result == 0 ? canvas_pause(&show->canvas, &show->follow.wake_ms) : result;
}
