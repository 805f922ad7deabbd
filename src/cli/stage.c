/* SPDX-License-Identifier: MIT */
/*
 * What happens to a terminal happens to its canvas too:
 *
 *   enter ─► shown on ─┬─ stopped, continued ─► raw again, and all drawn anew
 *                      ├─ window of another size ─► fitted anew
 *                      └─ leave ─► as it was
 *
 * Whoever is continued after stopping itself has dealt with SIGCONT already; it comes alone if somebody else stopped us.
 *
 * Called by show.c and verb_play.c; calls canvas.c, terminal.c, output.c and signals.c.
 */
#include "cli/stage.h"

#include <unistd.h>

#include "cli/output.h"
#include "cli/signals.h"

int stage_enter(struct stage *stage, const struct rcast_session_info *info)
{
	int result = terminal_enter_raw(&stage->terminal, !info);

	if (result == 0 && info && stage->terminal.has_screen)
		canvas_open(&stage->canvas, info);
	if (result == 0)
		output_open();
	return result;
}

void stage_leave(struct stage *stage)
{
	output_close();
	terminal_restore(&stage->terminal, canvas_is_in_alternate_screen(&stage->canvas));
	if (stage->terminal.has_screen && (stage->canvas.is_inline || !stage->canvas.screen))
		output_try(STDERR_FILENO, "\r\n");
	canvas_close(&stage->canvas);
}

int stage_look_at_window(struct stage *stage)
{
	uint16_t cols, rows;

	return terminal_size(&stage->terminal, &cols, &rows) ? canvas_set_window(&stage->canvas, cols, rows) : 0;
}

int stage_suspend(struct stage *stage)
{
	terminal_suspend(&stage->terminal, canvas_is_in_alternate_screen(&stage->canvas));
	signals_read();
	signals_take_continue();
	return canvas_enter_again(&stage->canvas);
}

int stage_heed_signals(struct stage *stage)
{
	int result = 0;

	if (signals_take_continue()) {
		terminal_continue(&stage->terminal);
		result = canvas_enter_again(&stage->canvas);
	}
	if (signals_take_resize() && result == 0) {
		stage->window_changed = true;
		result = stage_look_at_window(stage);
	}
	return result;
}
