/* SPDX-License-Identifier: MIT */
/*
 * The session's bytes are drawn as they are. Behind a gap the screen may be wrong until the program redraws it, so a gap is
 * marked where it happened: the notice first cancels an escape sequence that the gap may have cut in two.
 */
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/output.h"
#include "cli/signals.h"

int show_record(void *user, const struct rcast_record *record)
{
	return record->kind == RCAST_OUTPUT ? output_write(record->data, record->n_bytes) : 0;
}

int show_gap(void *user, const struct rcast_loss *lost)
{
	char notice[160];
	int n = snprintf(notice, sizeof notice,
			 "\x18\x1b[0m\r\n\x1b[7m[ringcast: too slow, %" PRIu64
			 " bytes of output are missing here]\x1b[0m\r\n",
			 lost->lost_output);

	return output_write(notice, (size_t)n);
}

/* A stream that never went through a terminal ends its lines with a line feed alone. */
static bool needs_newlines(const struct follow *follow)
{
	return rcast_view_info(follow->view)->kind != RCAST_SESSION_PTY;
}

enum follow_end show_follow(struct follow *follow, struct terminal *terminal)
{
	enum follow_end end;
	int result = terminal_enter_raw(terminal, needs_newlines(follow));

	if (result < 0) {
		message_line("the terminal cannot be set: %s", message_errno(result));
		follow->error = result;
		return FOLLOW_FAILED;
	}
	end = follow_run(follow);
	terminal_restore(terminal);
	if (terminal->has_screen)
		output_try(STDERR_FILENO, "\r\n");
	follow_say_end(follow, end);
	return end;
}

void show_handle_signals(struct terminal *terminal)
{
	if (signals_take_stop())
		terminal_suspend(terminal);
	if (signals_take_continue())
		terminal_continue(terminal);
}
