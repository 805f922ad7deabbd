/* SPDX-License-Identifier: MIT */
/*
 * Our terminal with the canvas on it: what is shown there may be a session or a recording.
 */
#ifndef RINGCAST_CLI_STAGE_H
#define RINGCAST_CLI_STAGE_H

#include "cli/canvas.h"
#include "cli/terminal.h"

struct stage {
	struct terminal terminal; /* opened by who has the stage */
	struct canvas canvas;     /* its is_inline is theirs to set */
	bool window_changed;      /* since whoever wants to know has looked */
};

/* The terminal is raw from here on. Without info, what is shown never went through a terminal, and has no screen. */
int stage_enter(struct stage *stage, const struct rcast_session_info *info);

/* The terminal as it was, with what was shown last if that is to stay. */
void stage_leave(struct stage *stage);

/* Tell the canvas how large our terminal is now. This and what follows returns an error of output_write, or 0. */
int stage_look_at_window(struct stage *stage);

/* Stop ourselves as Ctrl-Z does, and draw all anew when we are continued. */
int stage_suspend(struct stage *stage);

/* What signals have asked of the terminal since the last time, stopping excepted. */
int stage_heed_signals(struct stage *stage);

#endif
