/* SPDX-License-Identifier: MIT */
/*
 * The session's bytes are drawn as they are, but for questions that are not for us to answer: all of them when we only watch, those
 * from before our time when we attach. Behind a gap the screen may be wrong until the program redraws it, so a gap is marked
 * where it happened: the notice first cancels an escape sequence that the gap may have cut in two.
 */
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/output.h"
#include "cli/signals.h"

int show_record(struct show *show, const struct rcast_record *record)
{
	int result;

	if (record->kind != RCAST_OUTPUT)
		return 0;
	if (record->time_ns < show->silent_until_ns)
		return questions_write(&show->questions, record->data, record->n_bytes);
	result = questions_write_held(&show->questions);
	return result == 0 ? output_write(record->data, record->n_bytes) : result;
}

int show_gap(struct show *show, const struct rcast_loss *lost)
{
	char notice[160];
	int result = questions_write_held(&show->questions);
	int n = snprintf(notice, sizeof notice,
			 "\x18\x1b[0m\r\n\x1b[7m[ringcast: too slow, %" PRIu64
			 " bytes of output are missing here]\x1b[0m\r\n",
			 lost->lost_output);

	return result == 0 ? output_write(notice, (size_t)n) : result;
}

/* A stream that never went through a terminal ends its lines with a line feed alone. */
static bool needs_newlines(const struct follow *follow)
{
	return rcast_view_info(follow->view)->kind != RCAST_SESSION_PTY;
}

enum follow_end show_follow(struct show *show)
{
	enum follow_end end;
	int result = terminal_enter_raw(&show->terminal, needs_newlines(&show->follow));

	if (result < 0) {
		message_line("the terminal cannot be set: %s", message_errno(result));
		return FOLLOW_UNUSABLE;
	}
	end = follow_run(&show->follow);
	terminal_restore(&show->terminal);
	if (show->terminal.has_screen)
		output_try(STDERR_FILENO, "\r\n");
	follow_say_end(&show->follow, end);
	return end;
}

void show_handle_signals(struct show *show)
{
	if (signals_take_stop())
		terminal_suspend(&show->terminal);
	if (signals_take_continue())
		terminal_continue(&show->terminal);
}
