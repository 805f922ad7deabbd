/* SPDX-License-Identifier: MIT */
/*
 * Two things have to be put back: the line discipline of the tty (termios), and the modes that the programs whose output we drew
 * have set in the emulator. The first we saved. The second nobody can read, so each mode that would spoil a shell is reset by
 * name; a soft reset would do less in some emulators and too much in others.
 *
 * Called by watch, attach and run, from their one way out. Restoring must not block: the terminal may be gone or stopped.
 */
#include "cli/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/signals.h"

/*
 * In this order: cancel an unfinished escape sequence, end a string that cannot be cancelled (a DCS in tmux), and leave VT52 mode, in
 * which nothing else would be understood; end synchronized output; leave the alternate screen; whole scroll region, no margins, origin
 * mode off, autowrap on; keyboard unlocked, insert and new line mode off, no local echo; reverse video and reverse wrap off; ASCII, the
 * keys' modifiers as usual, no colours, nothing protected, no link, cursor visible and of its usual shape; mouse tracking in all its
 * kinds and encodings off; what else would be typed for us off: focus events, bracketed paste, reports of colours and sizes; cursor and
 * number keys as usual; kitty's keyboard as usual; tab stops every eight columns.
 *
 * Leaving the alternate screen goes back to a saved cursor even from the main one, so the cursor is saved before (each screen has
 * a saved one of its own). tmux has one for this alone, saved when an alternate screen was entered last, however long ago; so from the main
 * screen the cursor is restored once more. The region is reset between saving and restoring because that moves the cursor too.
 *
 * Not put back is what the viewer may have set otherwise before: colours of the palette, the title.
 */
static const char leave_screen[] = "\x18\x1b\\\x1b<"
				   "\x1b[?2026l"
				   "\x1b"
				   "7\x1b[?1049l";
static const char stay_there[] = "\x1b"
				 "8";
static const char reset_modes[] = "\x1b"
				  "7\x1b[r\x1b[?69l\x1b[?6l\x1b"
				  "8\x1b[?7h\x1b[2;4;20l\x1b[12h\x1b[?5l\x1b[?45l"
				  "\x1b(B\x1b)B\x1b*B\x1b+B\x0f\x1b[>4m\x1b[0m\x1b[0\"q\x1b]8;;\x1b\\\x1b[?25h\x1b[0 q"
				  "\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l"
				  "\x1b[?1004l\x1b[?2004l\x1b[?2031l\x1b[?2048l"
				  "\x1b[?1l\x1b>\x1b[=0u\x1b[?5W";

void terminal_open(struct terminal *terminal, int in_fd, int out_fd)
{
	*terminal = (struct terminal){.in_fd = in_fd, .out_fd = out_fd};
	terminal->has_keys = isatty(in_fd) && tcgetattr(in_fd, &terminal->before) == 0;
	terminal->has_screen = isatty(out_fd);
	if (!terminal->has_keys && terminal->has_screen)
		terminal->has_screen = tcgetattr(out_fd, &terminal->before) == 0;
}

/* The fd through which the line discipline is set; -1: there is no terminal. */
static int line_fd(const struct terminal *terminal)
{
	return terminal->has_keys ? terminal->in_fd : terminal->has_screen ? terminal->out_fd : -1;
}

bool terminal_can_answer(const struct terminal *terminal)
{
	return terminal->has_keys && terminal->has_screen;
}

int terminal_enter_raw(struct terminal *terminal, bool keep_newlines)
{
	struct termios raw = terminal->before;

	if (line_fd(terminal) < 0)
		return 0;
	cfmakeraw(&raw);
	if (keep_newlines)
		raw.c_oflag |= OPOST | ONLCR;
	if (tcsetattr(line_fd(terminal), TCSANOW, &raw) != 0)
		return -errno;
	terminal->raw = true;
	terminal->keeps_newlines = keep_newlines;
	return 0;
}

static void restore_screen(const struct terminal *terminal, bool is_in_alternate_screen)
{
	char text[sizeof leave_screen + sizeof stay_there + sizeof reset_modes];

	snprintf(text, sizeof text, "%s%s%s", leave_screen, is_in_alternate_screen ? "" : stay_there, reset_modes);
	output_try(terminal->out_fd, text);
}

void terminal_restore(struct terminal *terminal, bool is_in_alternate_screen)
{
	if (!terminal->raw)
		return;
	terminal->raw = false;
	if (terminal->has_screen)
		restore_screen(terminal, is_in_alternate_screen);
	if (terminal->has_keys) /* there may be answers to what the drawn output asked: no input for a shell */
		tcflush(terminal->in_fd, TCIFLUSH);
	tcsetattr(line_fd(terminal), TCSANOW, &terminal->before);
}

void terminal_suspend(struct terminal *terminal, bool is_in_alternate_screen)
{
	bool keep_newlines = terminal->keeps_newlines;

	if (!terminal->raw)
		return;
	terminal_restore(terminal, is_in_alternate_screen);
	signals_stop_self();
	terminal_enter_raw(terminal, keep_newlines);
}

void terminal_continue(struct terminal *terminal)
{
	if (terminal->raw)
		terminal_enter_raw(terminal, terminal->keeps_newlines);
}

bool terminal_size(const struct terminal *terminal, uint16_t *cols, uint16_t *rows)
{
	struct winsize size;

	if (line_fd(terminal) < 0)
		return false;
	if (ioctl(terminal->has_screen ? terminal->out_fd : terminal->in_fd, TIOCGWINSZ, &size) != 0)
		return false;
	*cols = size.ws_col;
	*rows = size.ws_row;
	return size.ws_col > 0 && size.ws_row > 0;
}
