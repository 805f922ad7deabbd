/* SPDX-License-Identifier: MIT */
/*
 * play: recordings of record's and of asciinema's, with keys, and a terminal that is put back; and asciinema plays ours. What needs
 * asciinema is passed over where it is not installed.
 */
#include "flow_kit.h"

#define HEADER "{\"version\": 3, \"term\": {\"cols\": 80, \"rows\": 24}}\n"
#define AN_HOUR "[3600, \"o\", "

static const char *write_cast(const char *text)
{
	const char *path = harness_path("played.cast");
	FILE *file = fopen(path, "we");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static struct flow_terminal play_on_terminal(const char *cast)
{
	const char *const arguments[] = {"play", write_cast(cast), NULL};

	return flow_open_terminal(arguments);
}

static void expect_left(struct flow_terminal *terminal, int status)
{
	int found = -1;

	harness_await((flow_shows(terminal, ""), waitpid(terminal->pid, &found, WNOHANG)) == terminal->pid);
	cr_expect_eq(WEXITSTATUS(found), status, "%d", WEXITSTATUS(found));
	cr_expect(flow_is_as_before(terminal), "the line discipline was not put back");
	cr_expect(flow_shows(terminal, "\x1b[?1049l") && flow_shows(terminal, "\x1b[?2004l"), "modes were left on");
}

/* ── The terminal ────────────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(play, whatever_ends_it_the_terminal_is_put_back)
{
	static const struct {
		const char *keys;
		int signal, status;
	} ends[] = {{"q", 0, 0}, {"Q", 0, 0}, {"\x03", 0, 0}, {NULL, SIGTERM, 143}, {NULL, SIGHUP, 129}};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct flow_terminal terminal =
			play_on_terminal(HEADER "[0, \"o\", \"\\u001b[?1049h\\u001b[?2004hdrawn\"]\n" AN_HOUR "\"late\"]\n");

		harness_await(flow_shows(&terminal, "drawn") && flow_is_raw(&terminal));
		if (ends[i].keys)
			flow_type(&terminal, ends[i].keys);
		else
			kill(terminal.pid, ends[i].signal);
		expect_left(&terminal, ends[i].status);
		flow_close_terminal(&terminal);
	}
}

HARNESS_TEST(play, the_end_and_a_bad_line_put_the_terminal_back)
{
	struct flow_terminal terminal = play_on_terminal(HEADER "[0, \"o\", \"drawn\"]\n[0, \"x\", \"3\"]\n");

	expect_left(&terminal, 0);
	cr_expect(flow_shows(&terminal, "ended with status 3"), "%s", terminal.screen);
	flow_close_terminal(&terminal);
	terminal = play_on_terminal(HEADER "[0, \"o\", \"drawn\"]\n[");
	expect_left(&terminal, 1);
	cr_expect(flow_shows(&terminal, "drawn") && flow_shows(&terminal, "line 3: the recording breaks off here"), "%s",
		  terminal.screen);
	flow_close_terminal(&terminal);
}

/* Between the events lie hours, so that nothing but a key can show the next. */
HARNESS_TEST(play, keys_pause_step_and_seek)
{
	struct flow_terminal terminal =
		play_on_terminal(HEADER "[0, \"o\", \"one\"]\n" AN_HOUR "\"two\"]\n" AN_HOUR "\"three\"]\n" AN_HOUR
					"\"four\"]\n[0, \"m\", \"here\"]\n" AN_HOUR "\"five\"]\n" AN_HOUR "\"six\"]\n");

	harness_await(flow_shows(&terminal, "one") && flow_is_raw(&terminal));
	flow_type(&terminal, " .");
	harness_await(flow_shows(&terminal, "two"));
	flow_type(&terminal, ".");
	harness_await(flow_shows(&terminal, "three"));
	flow_type(&terminal, " ]");
	harness_await(flow_shows(&terminal, "four"));
	flow_type(&terminal, ".");
	harness_await(flow_shows(&terminal, "five"));
	cr_expect(!flow_shows(&terminal, "six"));
	flow_type(&terminal, "q");
	expect_left(&terminal, 0);
	flow_close_terminal(&terminal);
}

HARNESS_TEST(play, a_window_of_another_size_is_said)
{
	struct flow_terminal terminal = play_on_terminal("{\"version\": 3, \"term\": {\"cols\": 100, \"rows\": 40}}\n"
							 "[0, \"o\", \"\\u001b[40;1Hdrawn\"]\n[0, \"r\", \"91x33\"]\n"
							 "[0, \"o\", \"fits\"]\n" AN_HOUR "\"late\"]\n");

	harness_await(flow_shows(&terminal, "fits"));
	flow_type(&terminal, "q");
	expect_left(&terminal, 0);
	flow_close_terminal(&terminal);

	terminal = play_on_terminal(HEADER "[0, \"r\", \"100x40\"]\n[0, \"o\", \"\\u001b[40;1Hdrawn\"]\n");
	expect_left(&terminal, 0);
	cr_expect(flow_shows(&terminal, "[100x40 shown in 91x32]"), "%s", terminal.screen);
	cr_expect(flow_shows(&terminal, "drawn"), "%s", terminal.screen);
	flow_close_terminal(&terminal);
}

/* In a window of the recorded size its bytes pass, in another one frames are drawn. */
HARNESS_TEST(play, no_question_reaches_the_terminal)
{
	static const char *const headers[] = {"{\"version\": 3, \"term\": {\"cols\": 91, \"rows\": 33}}\n", HEADER};

	for (int i = 0; i < 2; i++) {
		struct flow_terminal terminal;
		char cast[256];

		snprintf(cast, sizeof cast, "%s[0, \"o\", \"a\\u001b[\"]\n[0, \"o\", \"6nb\"]\n", headers[i]);
		terminal = play_on_terminal(cast);
		expect_left(&terminal, 0);
		cr_expect(flow_shows(&terminal, "ab") && !flow_shows(&terminal, "6n"), "%s", terminal.screen);
		flow_close_terminal(&terminal);
	}
}

/* ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void expect_played(const char *path, const char *option, const char *value, const char *expected)
{
	struct harness_result result = harness_ringcast_run("play", path, option, value, NULL);

	cr_expect_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, expected);
	harness_result_free(&result);
}

HARNESS_TEST(play, hours_can_be_cut_short)
{
	const char *path = write_cast(HEADER "[0, \"o\", \"one \"]\n" AN_HOUR "\"two\"]\n");

	expect_played(path, "--idle-limit", "0", "one two");
	expect_played(path, "--idle-limit", "10ms", "one two");
	path = write_cast("{\"version\": 2, \"width\": 80, \"height\": 24, \"idle_time_limit\": 0.01}\n"
			  "[0, \"o\", \"one \"]\n[3600, \"o\", \"two\"]\n");
	expect_played(path, NULL, NULL, "one two");
	path = write_cast(HEADER "[0, \"o\", \"one \"]\n[30, \"o\", \"two\"]\n");
	expect_played(path, "--speed", "1000", "one two");
}

HARNESS_TEST(play, what_record_has_written)
{
	static const char *const formats[] = {"v3", "v2", "raw"};
	struct harness_result result;

	flow_start("played", "64K", "printf 'h\\303\\251\\n\\033[31m\\360\\237\\230\\200'; exit 3");
	flow_await_end("played");
	for (int i = 0; i < 3; i++) {
		const char *path = harness_path("file.%s", formats[i]);

		result = harness_ringcast_run("record", "--format", formats[i], "played", path, NULL);
		cr_expect_eq(result.status, 0, "%s", result.err);
		harness_result_free(&result);
		expect_played(path, "--idle-limit", "0", "hé\r\n\x1b[31m😀");
	}
}

HARNESS_TEST(play, from_a_pipe)
{
	const char *const argv[] = {harness_ringcast(), "play", "-", NULL};
	struct harness_result result = harness_run(argv, HEADER "[0, \"o\", \"piped\"]\n");

	cr_expect_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, "piped");
	harness_result_free(&result);
}

HARNESS_TEST(play, refuses)
{
	static const struct {
		const char *arguments[3];
		int status;
		const char *text;
	} rows[] = {
		{{"--speed", "0", "x"}, 2, "--speed takes"},
		{{"--speed", "1001", "x"}, 2, "--speed takes"},
		{{"--speed", "nan", "x"}, 2, "--speed takes"},
		{{"--speed", "1x", "x"}, 2, "--speed takes"},
		{{"--idle-limit", "-1", "x"}, 2, "--idle-limit"},
		{{"x", "y", NULL}, 2, "one argument too many"},
		{{"/nonexistent", NULL, NULL}, 1, "cannot be read"},
		{{"/dev/null", NULL, NULL}, 1, "is empty"},
		{{"/", NULL, NULL}, 1, "EISDIR"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct harness_result result =
			harness_ringcast_run("play", rows[i].arguments[0], rows[i].arguments[1], rows[i].arguments[2], NULL);

		cr_expect_eq(result.status, rows[i].status, "%zu: %d", i, result.status);
		cr_expect_not_null(strstr(result.err, rows[i].text), "%zu: %s", i, result.err);
		harness_result_free(&result);
	}
}

/* ── asciinema ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define SCRIPT "printf 'h\\303\\251 \\360\\237\\230\\200\\033[31mred\\033[0m\\n'; seq 1 3000"

static bool has_asciinema(void)
{
	if (system("asciinema --version >/dev/null 2>&1") == 0)
		return true;
	cr_log_warn("asciinema is not installed");
	return false;
}

/* What a program of asciinema's prints on a terminal: it insists on one, and a session is one. */
static struct harness_result run_asciinema(const char *verb, const char *option, const char *path)
{
	struct harness_result result =
		harness_ringcast_run("run", "--detached", "--name", verb, "--", "asciinema", verb, option, path, NULL);

	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	return harness_ringcast_run("tail", verb, NULL);
}

HARNESS_TEST(play, asciinema_plays_ours)
{
	static const char *const programs[][2] = {{"cat", NULL}, {"play", "--speed=1000"}};
	struct harness_result result, played;
	const char *path = harness_path("ours.cast");

	if (!has_asciinema())
		return;
	flow_start("ours", "1M", SCRIPT);
	result = harness_ringcast_run("record", "--format", "v2", "ours", path, NULL);
	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	result = harness_ringcast_run("play", "--idle-limit", "0", path, NULL);
	for (int i = 0; i < 2; i++) {
		played = run_asciinema(programs[i][0], programs[i][1] ? programs[i][1] : path, programs[i][1] ? path : NULL);
		cr_expect(memmem(played.out, played.n_out, result.out, result.n_out), "asciinema %s: %s", programs[i][0],
			  played.out);
		harness_result_free(&played);
	}
	harness_result_free(&result);
}

/* asciinema 2.2 may lose what was printed last; so ours is compared with what is in the file, as Python reads it. */
HARNESS_TEST(play, ours_plays_those_of_asciinema)
{
	static const char joined[] = "import json, sys\n"
				     "lines = open(sys.argv[1], encoding='utf-8').read().split('\\n')[1:-1]\n"
				     "sys.stdout.buffer.write(''.join(json.loads(line)[2] for line in lines).encode())\n";
	const char *path = harness_path("theirs.cast");
	struct harness_result result, expected;

	if (!has_asciinema())
		return;
	result = harness_run((const char *[]){"asciinema", "rec", "-q", "-c", SCRIPT, path, NULL}, NULL);
	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	expected = harness_run((const char *[]){"python3", "-c", joined, path, NULL}, NULL);
	cr_expect_not_null(strstr(expected.out, "hé 😀\x1b[31mred\x1b[0m\r\n1\r\n"), "%s", expected.err);
	expect_played(path, "--idle-limit", "0", expected.out);
	harness_result_free(&expected);
}
