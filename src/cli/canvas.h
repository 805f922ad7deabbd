/* SPDX-License-Identifier: MIT */
/*
 * Our terminal as the place where a session's screen is shown.
 */
#ifndef RINGCAST_CLI_CANVAS_H
#define RINGCAST_CLI_CANVAS_H

#include <ringcast/client.h>
#include <ringcast/screen.h>

#include "cli/questions.h"

struct canvas {
	struct rcast_screen *screen; /* what the session shows; NULL: it has no screen, or we have none to show it on */
	bool is_inline;              /* no alternate screen of our own */
	uint16_t cols, rows;         /* of our terminal; 0: not known */
	char loss[160];              /* why the session's screen is not known; "": it is */

	bool fitted;                   /* drawn by us, in frames; else the session's bytes pass */
	bool redraw_due;               /* passing, and our terminal shows something else */
	bool changed, notice_due;      /* fitted: since the last frame */
	struct rcast_drawing *drawing; /* fitted: what our terminal shows */
	uint64_t next_frame_ns;
	uint64_t n_switches; /* of the session's screens, as far as our terminal knows */
	struct questions questions;
};

/* Show sessions of this size from now on. Without it bytes just pass. */
void canvas_open(struct canvas *canvas, const struct rcast_session_info *info);
void canvas_close(struct canvas *canvas);

/*
 * What the session has done, in its order. All return what output_write returns, or 0. With `answers`
 * the questions in it are for our terminal, else they are left out.
 */
int canvas_output(struct canvas *canvas, const void *data, size_t n_bytes, bool answers);
int canvas_keyframe(struct canvas *canvas, const struct rcast_keyframe *keyframe);
int canvas_resize(struct canvas *canvas, uint16_t cols, uint16_t rows);

/* Output was lost, and no keyframe makes up for it. */
int canvas_lose(struct canvas *canvas, const char *what);

/* The size of our terminal; 0: not known. */
int canvas_set_window(struct canvas *canvas, uint16_t cols, uint16_t rows);

/* Our terminal is ours now; again: somebody else had it meanwhile. */
int canvas_enter(struct canvas *canvas);
int canvas_enter_again(struct canvas *canvas);

/* Is our terminal in its alternate screen now, as far as we know? */
bool canvas_is_in_alternate_screen(const struct canvas *canvas);

/* Hold the next frame back: what is shown is about to change. */
void canvas_hold_back(struct canvas *canvas);

/* Nothing more to show for now. Draws what is due; *wait_ms: when to come again at the latest, 0: no need to. */
int canvas_pause(struct canvas *canvas, unsigned int *wait_ms);

/* The session has ended: what it showed last stays, where it is ours to leave it. */
void canvas_finish(struct canvas *canvas);

#endif
