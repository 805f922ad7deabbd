/* SPDX-License-Identifier: MIT */
/*
 * What a program asks its terminal is answered by exactly one: the engine, or one of the terminals that are attached.
 *
 * The session's program prints what we write into a FIFO and keeps what is typed in a file. The terminals are ours: whatever
 * question they are shown they answer, and the answer says which terminal it was.
 */
#include "flow_kit.h"

#define ENGINE_SAYS "\033[?62;22c"
#define MAX_TERMINALS 3

static int say_fd;

static void start(const char *ring)
{
	char script[256];
	const char *gate = flow_gate();

	snprintf(script, sizeof script, "stty raw -echo; exec 3<&0; cat <&3 >$XDG_RUNTIME_DIR/typed & exec cat <%s", gate);
	flow_start("t", ring, script);
	say_fd = open(gate, O_WRONLY | O_CLOEXEC);
	cr_assert(say_fd >= 0);
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	cr_assert(vdprintf(say_fd, format, list) > 0);
	va_end(list);
}

/* How often this was typed. */
static int n_typed(const char *text)
{
	bool is_there = access(harness_path("typed"), F_OK) == 0;
	char *all = is_there ? harness_read_file(harness_path("typed"), NULL) : NULL, *at = all;
	int n = 0;

	for (; at && (at = strstr(at, text)) != NULL; at++)
		n++;
	free(all);
	return n;
}

/* ── Terminals that answer ───────────────────────────────────────────────────────────────────────────────────────────── */

static struct terminal {
	struct flow_terminal terminal;
	int id;
	bool is_open;
	size_t n_looked;
	int n_answered;
} terminals[MAX_TERMINALS];

static int n_opened;

static struct terminal *open_terminal(const char *verb)
{
	struct terminal *made = terminals;
	const char *const arguments[] = {verb, "t", NULL};

	while (made->is_open)
		made++;
	*made = (struct terminal){.terminal = flow_open_terminal(arguments), .id = ++n_opened, .is_open = true};
	return made;
}

/* A question of DA1, or of a mode, which says its number. */
static void answer(struct terminal *terminal)
{
	char *at = terminal->terminal.screen + terminal->n_looked, text[64];
	int number, n;

	for (; (at = strstr(at, "\033[")) != NULL; at++) {
		n = 0;
		if (at[2] == 'c')
			snprintf(text, sizeof text, "\033[?1;%dc", terminal->id);
		else if (sscanf(at, "\033[?%d$p%n", &number, &n) == 1 && n > 0)
			snprintf(text, sizeof text, "\033[?%d;%d$y", number, terminal->id);
		else
			continue;
		if (write(terminal->terminal.master, text, strlen(text)) < 0)
			continue; /* it has just been closed */
		terminal->n_answered++;
	}
}

/* Let all terminals do their work. An unfinished sequence at the end is looked at again. */
static void turn(void)
{
	for (struct terminal *terminal = terminals; terminal < terminals + MAX_TERMINALS; terminal++) {
		struct flow_terminal *inner = &terminal->terminal;
		size_t n_whole;

		if (!terminal->is_open)
			continue;
		flow_shows(inner, "");
		for (n_whole = inner->n_screen; n_whole > terminal->n_looked && inner->n_screen - n_whole < 16; n_whole--)
			if (inner->screen[n_whole - 1] == '\033')
				break;
		if (n_whole > terminal->n_looked && inner->screen[n_whole - 1] == '\033' &&
		    !strpbrk(inner->screen + n_whole, "cphlmHJKru")) {
			n_whole--;
			char kept = inner->screen[n_whole];

			inner->screen[n_whole] = 0;
			answer(terminal);
			inner->screen[n_whole] = kept;
			terminal->n_looked = n_whole;
			continue;
		}
		answer(terminal);
		terminal->n_looked = inner->n_screen;
	}
}

#define turn_until(condition) harness_await((turn(), (condition)))

static void close_terminal(struct terminal *terminal, int signal)
{
	if (signal)
		kill(terminal->terminal.pid, signal);
	else
		flow_type(&terminal->terminal, "\x1c");
	turn_until(waitpid(terminal->terminal.pid, NULL, WNOHANG) == terminal->terminal.pid);
	flow_close_terminal(&terminal->terminal);
	terminal->is_open = false;
}

static void close_all(void)
{
	for (struct terminal *terminal = terminals; terminal < terminals + MAX_TERMINALS; terminal++)
		if (terminal->is_open)
			close_terminal(terminal, SIGTERM);
	close(say_fd);
}

static int n_said, n_asked;

/* It has seen everything that was printed so far. */
static void settle_one(struct terminal *terminal)
{
	char text[32];

	say("<%d>", ++n_said);
	snprintf(text, sizeof text, "<%d>", n_said);
	turn_until(flow_shows(&terminal->terminal, text));
	turn();
}

/* Everybody has. */
static void settle(void)
{
	for (struct terminal *terminal = terminals; terminal < terminals + MAX_TERMINALS; terminal++)
		if (terminal->is_open)
			settle_one(terminal);
}

/* Each question has a number of its own. */
static void ask(void)
{
	say("\033[?%d$p", 1000 + n_asked++);
}

static void expect_no_second_answer(void)
{
	char text[32];

	for (int i = 1000; i < 1000 + n_asked; i++) {
		snprintf(text, sizeof text, "\033[?%d;", i);
		cr_expect_leq(n_typed(text), 1, "question %d", i);
	}
}

static int count_answers_of_others(const struct terminal *terminal)
{
	int n = 0;

	for (const struct terminal *other = terminals; other < terminals + MAX_TERMINALS; other++)
		if (other != terminal && other->is_open)
			n += other->n_answered;
	return n;
}

/* One that has just come to the session, or is slow, leaves questions unanswered; but nobody answers them in its place. */
static void expect_answer_of(struct terminal *terminal)
{
	int n_before = terminal->n_answered, n_of_others = count_answers_of_others(terminal);
	char text[32];

	harness_await((ask(), settle_one(terminal), terminal->n_answered > n_before));
	snprintf(text, sizeof text, "\033[?%d;%d$y", 1000 + n_asked - 1, terminal->id);
	turn_until(n_typed(text) == 1);
	cr_expect_eq(count_answers_of_others(terminal), n_of_others);
	expect_no_second_answer();
}

/* ── Who is named in the stream ──────────────────────────────────────────────────────────────────────────────────────── */

static void trace_answerers(void)
{
	const char *const arguments[] = {"tail", "--json", "t", NULL};

	flow_spawn_to_file(arguments, "trace");
}

/* The reader whose terminal answers what is asked from now on; 0: the engine. */
static long named(void)
{
	char *text = harness_read_file(harness_path("trace"), NULL), *at = text;
	long reader = 0;

	for (; (at = strstr(at, "\"kind\":\"answerer\"")) != NULL && strchr(at, '\n'); at++)
		reader = strtol(strstr(at, "\"reader\":") + strlen("\"reader\":"), NULL, 10);
	free(text);
	return reader;
}

/* A terminal that is attached now, and who it is in the stream. */
static long attach_terminal(void)
{
	long before = named();

	open_terminal("attach");
	turn_until(named() > before);
	return named();
}

/* ── Tests ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(answers, come_from_the_engine_if_nobody_is_there)
{
	start("64K");
	say("\033[c\033[>c\033[5n\033[>q\033[?2026$p\033]11;?\a");
	harness_await(n_typed(ENGINE_SAYS "\033[>1;10;0c\033[0n\033P>|ringcast") == 1);
	close(say_fd);
}

/*
 * The keyframer knows where the cursor stands; what was asked behind that is answered behind it. One that is too slow is not waited
 * for: then the last question alone is answered.
 */
HARNESS_TEST(answers, say_where_the_cursor_stands)
{
	int n_tries = 0;

	start("64K");
	say("\033[3;5Hab");
	do {
		say("\033[6n\033[5n\033[?6n\033[c");
		n_tries++;
		harness_await(n_typed(ENGINE_SAYS) == n_tries);
	} while (n_typed("\033[3;7R\033[0n\033[?3;7R" ENGINE_SAYS) == 0);
	say("\r\n");
	do {
		say("\033[6n\033[c");
		n_tries++;
		harness_await(n_typed(ENGINE_SAYS) == n_tries);
	} while (n_typed("\033[4;1R" ENGINE_SAYS) == 0);
	close(say_fd);
}

HARNESS_TEST(answers, come_from_the_engine_if_all_only_watch)
{
	start("64K");
	open_terminal("watch");
	open_terminal("watch");
	settle();
	say("\033[c");
	turn_until(n_typed(ENGINE_SAYS) == 1);
	settle();
	cr_expect_eq(n_typed("c"), 1);
	close_terminal(&terminals[0], SIGTERM);
	close_terminal(&terminals[1], SIGTERM);
	close(say_fd);
}

/* The latest that came answers, then, as they leave, those before it, and the engine in the end. */
HARNESS_TEST(answers, come_from_one_of_those_that_are_attached)
{
	long first = 0;

	start("64K");
	trace_answerers();
	for (int i = 0; i < MAX_TERMINALS; i++) {
		long reader = attach_terminal();

		first = i == 0 ? reader : first;
		expect_answer_of(&terminals[i]);
	}
	close_terminal(&terminals[1], 0);
	close_terminal(&terminals[2], SIGKILL);
	turn_until(named() == first);
	expect_answer_of(&terminals[0]);
	close_terminal(&terminals[0], SIGKILL);
	harness_await(named() == 0);
	say("\033[c");
	harness_await(n_typed(ENGINE_SAYS) == 1);
	close(say_fd);
}

/* Whoever typed last is at the terminal that the program is used from. */
HARNESS_TEST(answers, come_from_where_somebody_types)
{
	long first;

	start("64K");
	trace_answerers();
	first = attach_terminal();
	expect_answer_of(&terminals[0]);
	attach_terminal();
	expect_answer_of(&terminals[1]);
	flow_type(&terminals[0].terminal, "x");
	turn_until(n_typed("x") == 1 && named() == first);
	expect_answer_of(&terminals[0]);
	close_all();
}

/* What was asked before one came is not for it, wherever in a question that was. */
HARNESS_TEST(answers, are_given_to_no_replay)
{
	start("64K");
	for (int i = 0; i < 100; i++)
		say("\033[c\033[?1$p");
	say("\033[");
	harness_await(flow_stat("t", "output_bytes") == 902);
	harness_await(n_typed(ENGINE_SAYS) > 30);
	open_terminal("attach");
	turn_until(flow_stat("t", "readers") == 1);
	say("m");
	settle();
	cr_expect_eq(n_typed("\033[?1;1c") + n_typed("$y"), 0);
	close_all();
}

/*
 * A program that is run on a terminal asks that terminal, as soon as it likes. The engine keeps its first questions for it for a
 * second; a machine that took longer than that to attach it is not what this is about, and once it is attached it answers there, too.
 */
HARNESS_TEST(answers, to_the_first_questions_come_from_who_started_it)
{
	static const char script[] =
		"stty raw -echo; printf '\\033[c\\033[?5$p'; exec 3<&0; cat <&3 >$XDG_RUNTIME_DIR/typed & "
		"while :; do sleep 0.05; printf '\\033[?6$p'; done";
	const char *const arguments[] = {"run", "--name", "t", "--", "sh", "-c", script, NULL};
	uint64_t started_ms = harness_now_ms();

	terminals[0] = (struct terminal){.terminal = flow_open_terminal(arguments), .id = 9, .is_open = true};
	turn_until(n_typed("\033[?6;9$y") > 0);
	cr_expect_leq(n_typed("c"), 1);
	if (harness_now_ms() - started_ms < 1000) {
		cr_expect_eq(n_typed("\033[?5;9$y"), 1);
		cr_expect_eq(n_typed("\033[?1;9c"), 1);
	}
	close_terminal(&terminals[0], SIGTERM);
}

/* A terminal that stands still holds up nobody, and another one takes its place. */
HARNESS_TEST(answers, wait_for_nobody)
{
	start("64K");
	trace_answerers();
	attach_terminal();
	expect_answer_of(&terminals[0]);
	kill(terminals[0].terminal.pid, SIGSTOP);
	ask();
	attach_terminal();
	expect_answer_of(&terminals[1]);
	kill(terminals[0].terminal.pid, SIGCONT);
	settle();
	expect_no_second_answer();
	close_all();
}

/* They come and go as they like while the program asks: each question is answered once or never. */
HARNESS_TEST(answers, are_never_given_twice)
{
	start("64K");
	srand(1);
	for (int round = 0; round < 60; round++) {
		struct terminal *terminal = &terminals[rand() % MAX_TERMINALS];

		if (terminal->is_open)
			close_terminal(terminal, rand() % 2 ? SIGTERM : SIGKILL);
		else
			open_terminal(rand() % 4 ? "attach" : "watch");
		for (int i = rand() % 8; i > 0; i--) {
			say("\033[?%d$p\033[c%.*s", 1000 + n_asked, rand() % 64,
			    "and some text that is only there to be in the way");
			n_asked++;
			turn();
		}
	}
	settle();
	expect_no_second_answer();
	cr_expect_leq(n_typed("c"), n_asked);
	for (struct terminal *terminal = terminals; terminal < terminals + MAX_TERMINALS; terminal++)
		if (terminal->is_open)
			close_terminal(terminal, SIGTERM);
	expect_answer_of(open_terminal("attach"));
	close_all();
}
