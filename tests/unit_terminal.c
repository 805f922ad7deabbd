/* SPDX-License-Identifier: MIT */
/*
 * Making a terminal raw and putting it back.
 */
#include "flow_kit.h"

#include "cli/terminal.h"

struct pair {
	int master, slave;
	struct termios before;
};

static struct pair open_pair(void)
{
	struct winsize size = {.ws_col = 70, .ws_row = 20};
	struct pair pair;

	cr_assert_eq(openpty(&pair.master, &pair.slave, NULL, NULL, &size), 0);
	tcgetattr(pair.slave, &pair.before);
	fcntl(pair.master, F_SETFL, O_NONBLOCK);
	return pair;
}

static void close_pair(struct pair *pair)
{
	close(pair->master);
	close(pair->slave);
}

static struct termios line_of(const struct pair *pair)
{
	struct termios now;

	tcgetattr(pair->slave, &now);
	return now;
}

static size_t n_drawn(const struct pair *pair)
{
	char text[4096];
	ssize_t n = read(pair->master, text, sizeof text);

	return n > 0 ? (size_t)n : 0;
}

HARNESS_TEST(terminal, raw_and_back)
{
	struct pair pair = open_pair();
	struct terminal terminal;
	uint16_t cols = 0, rows = 0;

	terminal_open(&terminal, pair.slave, pair.slave);
	cr_expect(terminal.has_keys && terminal.has_screen);
	cr_expect(terminal_size(&terminal, &cols, &rows) && cols == 70 && rows == 20);
	cr_expect_eq(terminal_enter_raw(&terminal, false), 0);
	cr_expect_eq(line_of(&pair).c_lflag & (ICANON | ECHO | ISIG), 0);
	cr_expect_eq(line_of(&pair).c_oflag & OPOST, 0);
	terminal_restore(&terminal, false);
	cr_expect_eq(line_of(&pair).c_lflag, pair.before.c_lflag);
	cr_expect_eq(line_of(&pair).c_oflag, pair.before.c_oflag);
	cr_expect_gt(n_drawn(&pair), 0);
	terminal_restore(&terminal, false);
	cr_expect_eq(n_drawn(&pair), 0, "what is restored stays alone");
	close_pair(&pair);
}

/* Inside a DCS, tmux takes whatever comes for a part of it until ESC \\. */
HARNESS_TEST(terminal, what_cannot_be_cancelled_is_ended_before_all_else)
{
	struct pair pair = open_pair();
	struct terminal terminal;
	char text[4096] = "", *end, *first;

	terminal_open(&terminal, pair.slave, pair.slave);
	cr_assert_eq(terminal_enter_raw(&terminal, false), 0);
	terminal_restore(&terminal, false);
	cr_assert_gt(read(pair.master, text, sizeof text - 1), 0);
	end = strstr(text, "\x1b\\");
	first = strstr(text, "\x1b[");
	cr_expect(text[0] == '\x18' && end && first && end < first);
	close_pair(&pair);
}

/* As tmux has it, leaving an alternate screen in which one is not goes to where the cursor was at some time. */
HARNESS_TEST(terminal, the_cursor_stays_where_it_is_in_the_main_screen)
{
	static const char leaving[] = "\x1b"
				      "7\x1b[?1049l",
			  restoring[] = "\x1b"
					"8";
	struct pair pair = open_pair();
	struct terminal terminal;

	terminal_open(&terminal, pair.slave, pair.slave);
	for (int in_alternate = 0; in_alternate <= 1; in_alternate++) {
		char text[4096] = "", *left;

		cr_assert_eq(terminal_enter_raw(&terminal, false), 0);
		terminal_restore(&terminal, in_alternate);
		cr_assert_gt(read(pair.master, text, sizeof text - 1), 0);
		left = strstr(text, leaving);
		cr_assert(left != NULL);
		cr_expect_eq(strncmp(left + strlen(leaving), restoring, 2) == 0, !in_alternate, "%d: %s", in_alternate,
			     text);
	}
	close_pair(&pair);
}

/* What a program may have left on, and who detaches from it would have in the shell. */
HARNESS_TEST(terminal, modes_of_the_session_are_left)
{
	static const struct {
		const char *sequence, *what;
	} rows[] = {
		{"\x1b<", "VT52 mode"},
		{"\x1b[?1049l", "the alternate screen"},
		{"\x1b[?69l", "margins"},
		{"\x1b[2;4;20l", "a locked keyboard, insert mode, new line mode"},
		{"\x1b[12h", "local echo"},
		{"\x1b)B", "another character set"},
		{"\x1b[>4m", "modifiers of keys, as vim sets them in an xterm"},
		{"\x1b[0\"q", "protected characters"},
		{"\x1b[?1003l", "the mouse"},
		{"\x1b[?2004l", "bracketed paste"},
		{"\x1b[?2031l", "reports of the colour scheme"},
		{"\x1b[?2048l", "reports of the size"},
		{"\x1b[=0u", "kitty's keyboard"},
		{"\x1b[?5W", "tab stops"},
	};
	struct pair pair = open_pair();
	struct terminal terminal;
	char text[4096] = "";

	terminal_open(&terminal, pair.slave, pair.slave);
	cr_assert_eq(terminal_enter_raw(&terminal, false), 0);
	terminal_restore(&terminal, false);
	cr_assert_gt(read(pair.master, text, sizeof text - 1), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect(strstr(text, rows[i].sequence), "%s: %s", rows[i].what, text);
	close_pair(&pair);
}

HARNESS_TEST(terminal, newlines_are_kept_for_plain_streams)
{
	struct pair pair = open_pair();
	struct terminal terminal;

	terminal_open(&terminal, pair.slave, pair.slave);
	terminal_enter_raw(&terminal, true);
	cr_expect_eq(line_of(&pair).c_oflag & (OPOST | ONLCR), OPOST | ONLCR);
	cr_expect_eq(line_of(&pair).c_lflag & ICANON, 0);
	terminal_continue(&terminal);
	cr_expect_eq(line_of(&pair).c_oflag & (OPOST | ONLCR), OPOST | ONLCR, "also after having been stopped");
	terminal_restore(&terminal, false);
	close_pair(&pair);
}

HARNESS_TEST(terminal, no_terminal_is_no_error)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct terminal terminal;
	uint16_t cols, rows;

	terminal_open(&terminal, null_fd, null_fd);
	cr_expect(!terminal.has_keys && !terminal.has_screen);
	cr_expect_eq(terminal_enter_raw(&terminal, false), 0);
	cr_expect(!terminal_size(&terminal, &cols, &rows));
	terminal_restore(&terminal, false);
	close(null_fd);
}

HARNESS_TEST(terminal, screen_without_keys_is_restored_too)
{
	struct pair pair = open_pair();
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct terminal terminal;

	terminal_open(&terminal, null_fd, pair.slave);
	cr_expect(!terminal.has_keys && terminal.has_screen);
	cr_expect_eq(terminal_enter_raw(&terminal, false), 0);
	cr_expect_eq(line_of(&pair).c_oflag & OPOST, 0);
	terminal_restore(&terminal, false);
	cr_expect_eq(line_of(&pair).c_oflag, pair.before.c_oflag);
	close(null_fd);
	close_pair(&pair);
}

/* What the drawn output asked of the terminal comes back as input: a shell must not get it. */
HARNESS_TEST(terminal, answers_that_nobody_read_are_dropped)
{
	struct pair pair = open_pair();
	struct terminal terminal;
	int n_waiting = -1;

	terminal_open(&terminal, pair.slave, pair.slave);
	terminal_enter_raw(&terminal, false);
	cr_assert_eq(write(pair.master, "\x1b[?1;2c", 7), 7);
	terminal_restore(&terminal, false);
	cr_expect_eq(ioctl(pair.slave, FIONREAD, &n_waiting), 0);
	cr_expect_eq(n_waiting, 0);
	close_pair(&pair);
}
