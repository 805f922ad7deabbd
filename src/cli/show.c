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

#include "cli/message.h"
#include "cli/signals.h"

/* ── Records ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Nothing makes up for what was printed before the first record that is still there. */
static int begin(struct show *show, const struct rcast_record *record)
{
	if (show->begun || record->kind == RCAST_KEYFRAME || record->output_pos == 0 || !show->stage.canvas.screen) {
		show->begun = true;
		return 0;
	}
	show->begun = true;
	return canvas_lose(&show->stage.canvas,
			   "what was printed before is lost: the screen may be wrong until it is drawn anew");
}

static int resize(struct show *show, const struct rcast_record *record)
{
	struct rcast_resize size;

	if (record->n_bytes < sizeof size)
		return 0;
	memcpy(&size, record->data, sizeof size);
	return canvas_resize(&show->stage.canvas, size.cols, size.rows);
}

int show_record(struct show *show, const struct rcast_record *record)
{
	int result = begin(show, record);

	if (result < 0)
		return result;
	switch (record->kind) {
	case RCAST_KEYFRAME:
		return canvas_keyframe(&show->stage.canvas, rcast_view_keyframe(show->follow.view));
	case RCAST_RESIZE:
		return resize(show, record);
	case RCAST_OUTPUT:
		return canvas_output(&show->stage.canvas, record->data, record->n_bytes,
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
	return canvas_lose(&show->stage.canvas, what);
}

/* ── The terminal ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static enum follow_end run(struct show *show)
{
	show->follow.error = canvas_enter(&show->stage.canvas);
	if (show->follow.error == 0)
		show->follow.error = stage_look_at_window(&show->stage);
	return show->follow.error < 0 ? FOLLOW_UNWRITABLE : follow_run(&show->follow);
}

enum follow_end show_follow(struct show *show)
{
	const struct rcast_session_info *info = rcast_view_info(show->follow.view);
	int result = stage_enter(&show->stage, info->kind == RCAST_SESSION_PTY ? info : NULL);
	enum follow_end end;

	if (result < 0) {
		message_line("the terminal cannot be set: %s", message_errno(result));
		return FOLLOW_UNUSABLE;
	}
	end = run(show);
	if (end == FOLLOW_ENDED)
		canvas_finish(&show->stage.canvas);
	stage_leave(&show->stage);
	follow_say_end(&show->follow, end);
	return end;
}

int show_pause(struct show *show)
{
	int result = signals_take_stop() ? stage_suspend(&show->stage) : 0;

	if (result == 0)
		result = stage_heed_signals(&show->stage);
	return result == 0 ? canvas_pause(&show->stage.canvas, &show->follow.wake_ms) : result;
}
