/* SPDX-License-Identifier: MIT */
/*
 * Whatever ends watch, attach or run: the terminal is as it was, and one line says why.
 */
#include "flow_kit.h"

enum event { PRESS, SIGNAL, KILL_ENGINE, KICK, KILL_SESSION, END_PROGRAM };

struct ending {
	const char *verb;
	enum event event;
	const char *keys; /* PRESS */
	int signal;       /* SIGNAL */
	int status;
	const char *text;
};

static const struct ending endings[] = {
	{.verb = "watch", .event = PRESS, .keys = "q", .status = 0, .text = "[detached]"},
	{.verb = "watch", .event = PRESS, .keys = "\x03", .status = 0, .text = "[detached]"},
	{.verb = "watch", .event = SIGNAL, .signal = SIGTERM, .status = 143, .text = "[detached: Terminated]"},
	{.verb = "watch", .event = SIGNAL, .signal = SIGHUP, .status = 129, .text = "[detached: Hangup]"},
	{.verb = "watch", .event = SIGNAL, .signal = SIGINT, .status = 130, .text = "[detached: Interrupt]"},
	{.verb = "watch", .event = KILL_ENGINE, .status = 6, .text = "[the engine of t is gone]"},
	{.verb = "watch", .event = KICK, .status = 5, .text = "ringcast: t: detached by the engine"},
	{.verb = "watch", .event = END_PROGRAM, .status = 0, .text = "[t ended: exit status 3]"},
	{.verb = "attach", .event = PRESS, .keys = "\x1c", .status = 0, .text = "[detached]"},
	{.verb = "attach", .event = SIGNAL, .signal = SIGTERM, .status = 143, .text = "[detached: Terminated]"},
	{.verb = "attach", .event = SIGNAL, .signal = SIGHUP, .status = 129, .text = "[detached: Hangup]"},
	{.verb = "attach", .event = SIGNAL, .signal = SIGQUIT, .status = 131, .text = "[detached: Quit]"},
	{.verb = "attach", .event = KILL_ENGINE, .status = 6, .text = "[the engine of t is gone]"},
	{.verb = "attach", .event = KICK, .status = 5, .text = "ringcast: t: detached by the engine"},
	{.verb = "attach", .event = END_PROGRAM, .status = 3, .text = "[t ended: exit status 3]"},
	{.verb = "attach", .event = KILL_SESSION, .status = 5, .text = "[t was killed]"},
};

static void kick_all(void)
{
	struct harness_result result = harness_ringcast_run("kick", "t", "all", NULL);

	cr_expect_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
}

static void kill_session(void)
{
	struct harness_result result = harness_ringcast_run("kill", "t", NULL);

	cr_expect_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
}

static void let_happen(const struct ending *ending, const struct flow_terminal *terminal)
{
	switch (ending->event) {
	case PRESS:
		flow_type(terminal, ending->keys);
		break;
	case SIGNAL:
		kill(terminal->pid, ending->signal);
		break;
	case KILL_ENGINE:
		kill(flow_engine_pid("t"), SIGKILL);
		break;
	case KICK:
		kick_all();
		break;
	case KILL_SESSION:
		kill_session();
		break;
	case END_PROGRAM:
		flow_open_gate();
		break;
	}
}

static void expect_restored(struct flow_terminal *terminal, const struct ending *ending)
{
	const char *name = ending->verb;
	int status = -1;

	harness_await((flow_shows(terminal, ""), waitpid(terminal->pid, &status, WNOHANG)) == terminal->pid);
	cr_expect_eq(WEXITSTATUS(status), ending->status, "%s: %d, not %d", name, WEXITSTATUS(status), ending->status);
	cr_expect(flow_is_as_before(terminal), "%s: the line discipline was not put back", name);
	cr_expect(flow_shows(terminal, "\x1b[?1049l"), "%s: the alternate screen was not left", name);
	cr_expect(flow_shows(terminal, "\x1b[?1000l") && flow_shows(terminal, "\x1b[?2004l"), "%s: modes were left on",
		  name);
	cr_expect(flow_shows(terminal, ending->text), "%s: no '%s' in '%s'", name, ending->text, terminal->screen);
}

static void expect_clean_ls(void)
{
	struct harness_result result = harness_ringcast_run("ls", NULL);

	cr_expect_eq(result.status, 0);
	cr_expect_str_eq(result.out, "");
	cr_expect_str_eq(result.err, "");
	cr_expect_neq(access(harness_path("ringcast/t"), F_OK), 0, "a socket was left");
	harness_result_free(&result);
}

static void try_ending(const struct ending *ending)
{
	const char *const arguments[] = {ending->verb, "t", NULL};
	struct flow_terminal terminal;
	char script[256];

	snprintf(script, sizeof script, "printf '\\033[?1049h\\033[?1000h%%s' drawn; read x <%s; exit 3", flow_gate());
	flow_start("t", "64K", script);
	terminal = flow_open_terminal(arguments);
	harness_await(flow_shows(&terminal, "drawn") && flow_is_raw(&terminal));
	let_happen(ending, &terminal);
	expect_restored(&terminal, ending);
	flow_close_terminal(&terminal);
	if (ending->event == KILL_ENGINE || ending->event == KILL_SESSION)
		expect_clean_ls();
	else
		kill_session();
	unlink(harness_path("gate"));
}

HARNESS_TEST(terminal, restored_whatever_happens)
{
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
		try_ending(&endings[i]);
}

/* Nobody reads the terminal, so writing to it blocks; a signal must be heard all the same. */
HARNESS_TEST(terminal, stuck_terminal_does_not_hold_us)
{
	const char *const arguments[] = {"watch", "t", NULL};
	struct flow_terminal terminal;
	int n_waiting = 0;

	flow_start("t", "64K", "exec yes");
	terminal = flow_open_terminal(arguments);
	harness_await(ioctl(terminal.master, FIONREAD, &n_waiting) == 0 && n_waiting >= 1024);
	kill(terminal.pid, SIGTERM);
	cr_expect_eq(harness_wait(terminal.pid), 143);
	cr_expect(flow_is_as_before(&terminal));
	flow_close_terminal(&terminal);
}

HARNESS_TEST(terminal, keys_and_size_reach_the_session)
{
	const char *const arguments[] = {"attach", "t", NULL};
	struct winsize size = {.ws_col = 101, .ws_row = 43};
	struct flow_terminal terminal;

	flow_start("t", "64K", "while read line; do stty size; echo \"<$line>\"; done");
	terminal = flow_open_terminal(arguments);
	harness_await(flow_stat("t", "cols") == 91 && flow_stat("t", "rows") == 33);
	flow_type(&terminal, "hello\r");
	harness_await(flow_shows(&terminal, "33 91") && flow_shows(&terminal, "<hello>"));
	ioctl(terminal.master, TIOCSWINSZ, &size);
	kill(terminal.pid, SIGWINCH);
	harness_await(flow_stat("t", "cols") == 101);
	flow_type(&terminal, "again\r");
	harness_await(flow_shows(&terminal, "43 101") && flow_shows(&terminal, "<again>"));
	flow_type(&terminal, "rest\x1c");
	cr_expect_eq(harness_wait(terminal.pid), 0);
	cr_expect_eq(flow_stat("t", "input_bytes"), 6 + 6 + 4,
		     "what was typed before the detach key arrived, the key did not");
	flow_close_terminal(&terminal);
}

struct paste {
	int fd;
	size_t n_bytes, n_written;
	unsigned int n_full; /* so often in a row has the terminal taken nothing */
};

static void paste_some(struct paste *paste)
{
	static const char text[4096] = "pasted";
	size_t left = paste->n_bytes - paste->n_written;
	ssize_t n = write(paste->fd, text, left < sizeof text ? left : sizeof text);

	paste->n_full = n > 0 ? 0 : paste->n_full + 1;
	paste->n_written += n > 0 ? (size_t)n : 0;
}

static bool is_stuck(struct paste *paste)
{
	paste_some(paste);
	return paste->n_full >= 50;
}

static bool is_pasted(struct paste *paste)
{
	paste_some(paste);
	return paste->n_written == paste->n_bytes;
}

/* More than the session and its viewer keep for a program that does not read. */
HARNESS_TEST(terminal, a_paste_waits_and_arrives_whole)
{
	const char *const arguments[] = {"attach", "t", NULL};
	struct flow_terminal terminal;
	struct paste paste = {.n_bytes = 600000};
	char script[256];

	snprintf(script, sizeof script, "stty raw -echo; printf ready; read x <%s; head -c %zu | wc -c", flow_gate(),
		 paste.n_bytes);
	flow_start("t", "64K", script);
	terminal = flow_open_terminal(arguments);
	paste.fd = terminal.master;
	harness_await(flow_shows(&terminal, "ready") && flow_is_raw(&terminal));
	harness_await(is_stuck(&paste));
	cr_expect_lt(paste.n_written, paste.n_bytes);
	flow_open_gate();
	harness_await(is_pasted(&paste));
	harness_await(flow_shows(&terminal, "600000"));
	flow_close_terminal(&terminal);
}

HARNESS_TEST(terminal, another_detach_key)
{
	const char *const arguments[] = {"attach", "--detach-key", "^A", "t", NULL};
	struct flow_terminal terminal;

	flow_start("t", "64K", "stty raw -echo; printf ready; dd bs=1 count=1 2>/dev/null | od -An -tx1");
	terminal = flow_open_terminal(arguments);
	harness_await(flow_shows(&terminal, "ready") && flow_is_raw(&terminal));
	flow_type(&terminal, "\x1c");
	harness_await(flow_shows(&terminal, "1c"));
	flow_close_terminal(&terminal);
}

HARNESS_TEST(terminal, run_shows_its_program_and_ends_with_it)
{
	const char *const arguments[] = {"run", "--name", "t", "--", "sh", "-c", "stty size; exit 9", NULL};
	struct flow_terminal terminal = flow_open_terminal(arguments);

	cr_expect_eq(harness_wait(terminal.pid), 9);
	cr_expect(flow_shows(&terminal, "33 91"), "the session has our size from the start: %s", terminal.screen);
	cr_expect(flow_shows(&terminal, "[t ended: exit status 9]"));
	cr_expect(flow_is_as_before(&terminal));
	flow_close_terminal(&terminal);
}

/* watch must not be able to do harm, whatever is typed. */
HARNESS_TEST(terminal, keys_of_a_watcher_go_nowhere)
{
	const char *const arguments[] = {"watch", "t", NULL};
	struct flow_terminal terminal;

	flow_start("t", "64K", "printf ready; exec cat");
	terminal = flow_open_terminal(arguments);
	harness_await(flow_shows(&terminal, "ready") && flow_is_raw(&terminal));
	flow_type(&terminal, "harm\r\x1b[?1;2c");
	flow_type(&terminal, "q");
	harness_wait(terminal.pid);
	cr_expect_eq(flow_stat("t", "input_bytes"), 0);
	flow_close_terminal(&terminal);
}

/* A terminal answers as if somebody had typed: what was asked before we came is not for ours to answer, what is asked now is. */
HARNESS_TEST(terminal, questions_of_the_past_are_not_asked_again)
{
	const char *const arguments[] = {"attach", "t", NULL};
	struct flow_terminal terminal;

	flow_start("t", "64K", "printf 'a\\033[6nb'; read line; printf 'c\\033[6nd'; exec cat");
	harness_await(flow_stat("t", "output_bytes") >= 6);
	terminal = flow_open_terminal(arguments);
	harness_await(flow_shows(&terminal, "ab") && flow_is_raw(&terminal));
	flow_type(&terminal, "\r");
	harness_await(flow_shows(&terminal, "c\x1b[6nd"));
	flow_close_terminal(&terminal);
}
