/* SPDX-License-Identifier: MIT */
/*
 * What bad input gets: one line that says what was wrong, the right exit status, and nobody else is touched.
 */
#include "flow_kit.h"

#include <errno.h>
#include <sys/resource.h>

#include <ringcast/circuit.h>

#define LONG_NAME "a23456789012345678901234567890123456789012345678901234567890123456789"

struct mistake {
	int status;
	const char *says;
	const char *arguments[10];
};

static const struct mistake mistakes[] = {
	{2, "a verb is missing", {NULL}},
	{2, "'fly' is no verb", {"fly"}},
	{2, "'' is no verb", {""}},
	{2, "'--bad' is no verb", {"--bad"}},
	{2, "--socket needs a path", {"--socket"}},

	{2, "unknown or ambiguous option '--bad'", {"ls", "--bad"}},
	{2, "unknown or ambiguous option '-x'", {"tail", "-x", "bystander"}},
	{2, "one argument too many", {"ls", "extra"}},
	{2, "an argument is missing", {"watch"}},
	{2, "an argument is missing", {"send", "bystander"}},
	{2, "needs a value", {"run", "--name"}},

	{2, "1 to 64 of", {"run", "--name", "no/slash", "--", "true"}},
	{2, "1 to 64 of", {"run", "--name", "", "--", "true"}},
	{2, "1 to 64 of", {"run", "--name", LONG_NAME, "--", "true"}},
	{2, "1 to 64 of", {"run", "--name", "..", "--", "true"}},
	{2, "1 to 64 of", {"run", "--name", "sp ace", "--", "true"}},
	{2, "1 to 64 of", {"tail", "\x1b[2J"}},
	{2, "1 to 64 of", {"publish", "no/slash"}},
	{2, "1 to 64 of", {"engine", "--name", "no/slash"}},
	{2, "1 to 64 of", {"kill", ""}},

	{2, "power of two from 64K to 1G", {"run", "--ring", "3M", "--", "true"}},
	{2, "power of two from 64K to 1G", {"run", "--ring", "32K", "--", "true"}},
	{2, "power of two from 64K to 1G", {"run", "--ring", "2G", "--", "true"}},
	{2, "power of two from 64K to 1G", {"publish", "--ring", "-1", "new"}},
	{2, "whole seconds", {"run", "--linger", "soon", "--", "true"}},
	{2, "milliseconds", {"run", "--lease-max", "4294967296", "--", "true"}},
	{2, "--evict-after takes whole seconds", {"engine", "--evict-after", "1.5"}},
	{2, "--max-behind takes bytes", {"engine", "--max-behind", "0"}},
	{2, "--max-behind takes bytes", {"run", "--max-behind", "18446744073709551615G", "--", "true"}},
	{2, "--view-socket takes a path of at most 107 bytes", {"engine", "--view-socket", "/" LONG_NAME LONG_NAME}},
	{2, "--view-socket takes a path", {"engine", "--view-socket", ""}},
	{2, "--in-all takes NAME=N", {"engine", "--in-all", "fds=3"}},
	{2, "--per-user takes NAME=N,… and no 'sessions'", {"engine", "--per-user", "readers=3,sessions"}},
	{2, "--per-user takes NAME=N", {"engine", "--per-user", "readers=0"}},
	{2, "--per-connection takes NAME=N", {"run", "--per-connection", "queued=4G", "--", "true"}},
	{2, "--per-connection takes NAME=N", {"run", "--per-connection", "", "--", "true"}},
	{2, "--per-user is for an engine of its own", {"run", "--engine", "e", "--per-user", "readers=3", "--", "true"}},
	{2, "one character or ^X", {"run", "--detach-key", "ctrl-a", "--", "true"}},
	{2, "one character or ^X", {"attach", "--detach-key", "", "bystander"}},
	{2, "oldest, newest or a position", {"tail", "--from", "middle", "bystander"}},
	{2, "exclude each other", {"tail", "--raw", "--json", "bystander"}},
	{2, "exclude each other", {"screen", "--text", "--json", "bystander"}},
	{2, "screen or bytes", {"wait", "--match", "x", "--on", "paper", "bystander"}},
	{2, "where to look for --match", {"wait", "--exit", "--on", "screen", "bystander"}},
	{2, "extended regular expression", {"wait", "--match", "(", "--on", "screen", "bystander"}},
	{2, "COLSxROWS", {"resize", "bystander", "80"}},
	{2, "COLSxROWS", {"resize", "bystander", "0x24"}},
	{2, "COLSxROWS", {"resize", "bystander", "80x65536"}},
	{2, "is no reader", {"kick", "bystander", "everyone"}},

	{3, "nobody: no such session", {"tail", "nobody"}},
	{3, "nobody: no such session", {"watch", "nobody"}},
	{3, "nobody: no such session", {"screen", "nobody"}},
	{3, "nobody: no such session", {"attach", "nobody"}},
	{3, "nobody: no such session", {"send", "nobody", "text"}},
	{3, "nobody: no such session", {"resize", "nobody", "80x24"}},
	{3, "nobody: no such session", {"kick", "nobody", "all"}},
	{3, "nobody: no such session", {"kill", "nobody"}},
	{3, "nobody: no such session", {"stat", "nobody"}},
	{3, "no engine 'nowhere' is running", {"run", "--engine", "nowhere", "--", "true"}},
	{3, "no engine 'nowhere' is running", {"publish", "--engine", "nowhere", "new"}},
	{3, "no reader 4711", {"kick", "bystander", "4711"}},

	{3, "nobody listens at the socket /nowhere", {"--socket", "/nowhere", "tail", "bystander"}},
	{3, "nobody listens at the socket /nowhere", {"--socket", "/nowhere", "ls"}},
	{3, "nobody listens at the socket /dev/null", {"--socket", "/dev/null", "kill", "bystander"}},
	{1, "with its view socket /etc/passwd cannot be started", {"engine", "--view-socket", "/etc/passwd"}},

	{125, "a session 'bystander' exists already", {"run", "--name", "bystander", "--", "true"}},
	{1, "a session 'bystander' exists already", {"publish", "bystander"}},
	{1, "an engine 'bystander' is running already", {"engine", "--name", "bystander"}},
	{127,
	 "cannot run 'no-such-program': No such file or directory (ENOENT)",
	 {"run", "--name", "new", "--", "no-such-program"}},
	{126, "cannot run '/etc/passwd': Permission denied (EACCES)", {"run", "--name", "new", "--", "/etc/passwd"}},
	{126, "cannot run '/': Permission denied (EACCES)", {"run", "--name", "new", "--", "/"}},
	{127, "cannot run ''", {"run", "--name", "new", "--", ""}},
	{1, "ahead of the session", {"tail", "--from", "1000000", "bystander"}},
	{1, "is not written yet", {"tail", "--by-circuit", "--from", "1000000", "bystander"}},
};

static void expect_one_line(const struct harness_result *result, int status, const char *says, const char *what)
{
	size_t n_lines = 0;

	for (const char *c = result->err; *c; c++)
		n_lines += *c == '\n';
	cr_expect_eq(result->status, status, "%s: %d, not %d: %s", what, result->status, status, result->err);
	cr_expect(n_lines == 1 && strncmp(result->err, "ringcast: ", 10) == 0, "%s: not one line: '%s'", what, result->err);
	cr_expect(strstr(result->err, says), "%s: does not say '%s' but '%s'", what, says, result->err);
	cr_expect_null(memchr(result->err, '\x1b', result->n_err), "%s: control characters", what);
	cr_expect_eq(result->n_out, 0, "%s: '%s'", what, result->out);
}

static struct harness_result run(const char *const *arguments)
{
	const char *argv[16] = {harness_ringcast()};

	for (int n = 0; arguments[n]; n++)
		argv[n + 1] = arguments[n];
	return harness_run(argv, NULL);
}

static void start_bystander(void)
{
	flow_start("bystander", "64K", "printf untouched; exec cat");
	harness_await(flow_stat("bystander", "output_bytes") == 9);
}

static void expect_untouched_bystander(void)
{
	struct harness_result result;
	long next_pos = flow_stat("bystander", "next_pos");

	cr_expect_eq(flow_stat("bystander", "ended"), 0);
	cr_expect_eq(flow_stat("bystander", "first_pos"), 0);
	cr_expect_eq(flow_stat("bystander", "output_bytes"), 9);
	cr_expect_eq(flow_stat("bystander", "cols"), 80);
	cr_expect_eq(flow_stat("bystander", "readers"), 0);
	cr_expect_gt(next_pos, 0);
	result = harness_ringcast_run("ls", NULL);
	cr_expect(strstr(result.out, "bystander") && !strstr(result.out, "new "), "%s", result.out);
	harness_result_free(&result);
}

HARNESS_TEST(errors, each_mistake_gets_its_line)
{
	start_bystander();
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		struct harness_result result = run(mistakes[i].arguments);
		char what[128];

		snprintf(what, sizeof what, "mistake %zu (%s)", i, mistakes[i].arguments[0] ? mistakes[i].arguments[0] : "");
		expect_one_line(&result, mistakes[i].status, mistakes[i].says, what);
		harness_result_free(&result);
	}
	expect_untouched_bystander();
}

HARNESS_TEST(errors, every_verb_has_help)
{
	static const char *const verbs[] = {"run",     "engine", "ls",     "watch", "attach", "tail",
					    "publish", "send",   "resize", "kick",  "kill",   "stat"};

	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		struct harness_result result = harness_ringcast_run(verbs[i], "--help", NULL);
		char usage[64];

		snprintf(usage, sizeof usage, "usage: ringcast %s ", verbs[i]);
		cr_expect_eq(result.status, 0);
		cr_expect_eq(strncmp(result.out, usage, strlen(usage)), 0, "%s", result.out);
		cr_expect_str_eq(result.err, "");
		harness_result_free(&result);
	}
}

HARNESS_TEST(errors, socket_path_too_long)
{
	const char *const arguments[] = {"run", "--name", &LONG_NAME[10], "--", "true", NULL};
	struct harness_result result;
	char folder[256];

	snprintf(folder, sizeof folder, "%s/%s", harness_folder(), LONG_NAME);
	cr_assert_eq(mkdir(folder, 0700), 0);
	setenv("XDG_RUNTIME_DIR", folder, 1);
	result = run(arguments);
	expect_one_line(&result, 125, "107 bytes; set XDG_RUNTIME_DIR to a shorter one", "long path");
	harness_result_free(&result);
}

static void expect_folder_refused(const char *says)
{
	static const char *const commands[][6] = {
		{"ls"}, {"tail", "t"}, {"run", "--name", "t", "--", "true"}, {"publish", "t"}, {"engine"}};

	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		struct harness_result result = run(commands[i]);

		expect_one_line(&result, i == 2 ? 125 : 1, says, commands[i][0]);
		harness_result_free(&result);
	}
}

HARNESS_TEST(errors, folder_that_others_can_enter)
{
	cr_assert_eq(mkdir(harness_path("ringcast"), 0700), 0);
	cr_assert_eq(chmod(harness_path("ringcast"), 0755), 0);
	expect_folder_refused("only you can enter (mode 0700)");
}

HARNESS_TEST(errors, folder_that_is_a_file)
{
	close(open(harness_path("ringcast"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	expect_folder_refused("must be a folder of yours");
}

HARNESS_TEST(errors, folder_that_cannot_be_made)
{
	setenv("XDG_RUNTIME_DIR", "/nowhere/at/all", 1);
	expect_folder_refused("No such file or directory (ENOENT)");
}

/* The ring is a file: a limit on files keeps it from being made. */
HARNESS_TEST(errors, no_room_for_the_ring)
{
	struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
	struct harness_result result;

	start_bystander();
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	result = harness_ringcast_run("run", "--ring", "4M", "--name", "new", "--", "true", NULL);
	expect_one_line(&result, 125, "no room for the session 'new' and its ring: File too large (EFBIG)", "RLIMIT_FSIZE");
	harness_result_free(&result);
	expect_untouched_bystander();
}

/* However few there are: the reason is told, also by the process that was to become the engine. */
HARNESS_TEST(errors, no_descriptors_left)
{
	static const char *const limits[] = {"5", "6", "8", "14", "16"};

	start_bystander();
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		const char *argv[] = {
			"sh", "-c", "ulimit -n $1; exec \"$0\" run --name new -- true", harness_ringcast(), limits[i], NULL};
		struct harness_result result = harness_run(argv, NULL);

		cr_expect(result.status == 125 || result.status == 1, "%s: %d: %s", limits[i], result.status, result.err);
		cr_expect(strstr(result.err, "ringcast: ") == result.err && strstr(result.err, "EMFILE"), "%s: %s",
			  limits[i], result.err);
		harness_result_free(&result);
	}
	expect_untouched_bystander();
}

/* Started without one of the three standard descriptors, or with one that takes nothing. */
HARNESS_TEST(errors, standard_descriptors_that_cannot_be_used)
{
	static const struct {
		const char *script;
		int status;
		const char *says;
	} rows[] = {
		{"tail ended >&-", 1, "standard output cannot be written: Bad file descriptor (EBADF)"},
		{"tail ended <&- >&-", 1, "standard output cannot be written: Bad file descriptor (EBADF)"},
		{"screen bystander >&-", 1, "standard output cannot be written: Bad file descriptor (EBADF)"},
		{"stat bystander >&-", 1, "standard output cannot be written: Bad file descriptor (EBADF)"},
		{"ls >&-", 1, "standard output cannot be written: Bad file descriptor (EBADF)"},
		{"--help >&-", 1, "standard output cannot be written: Bad file descriptor (EBADF)"},
		{"publish new <&-", 1, "standard input cannot be read: Bad file descriptor (EBADF)"},
		{"play - <&-", 1, "Bad file descriptor (EBADF)"},
		{"--help >/dev/full", 1, "standard output cannot be written: No space left on device (ENOSPC)"},
		{"--version >/dev/full", 1, "standard output cannot be written: No space left on device (ENOSPC)"},
		{"watch --help >/dev/full", 1, "standard output cannot be written: No space left on device (ENOSPC)"},
		{"ls --json >/dev/full", 1, "standard output cannot be written: No space left on device (ENOSPC)"},
		{"run --detached --name other -- true >/dev/full", 125, "No space left on device (ENOSPC)"},
	};

	start_bystander();
	flow_start("ended", "64K", "echo hello");
	flow_await_end("ended");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char script[256];
		const char *argv[] = {"sh", "-c", script, harness_ringcast(), NULL};
		struct harness_result result;

		snprintf(script, sizeof script, "exec \"$0\" %s", rows[i].script);
		result = harness_run(argv, NULL);
		expect_one_line(&result, rows[i].status, rows[i].says, rows[i].script);
		harness_result_free(&result);
	}
}

HARNESS_TEST(errors, a_session_needs_no_standard_descriptors)
{
	const char *argv[] = {"sh", "-c", "exec \"$0\" run --name quiet -- echo hello <&- 2>&-", harness_ringcast(), NULL};
	struct harness_result result = harness_run(argv, NULL);

	cr_expect_eq(result.status, 0);
	cr_expect_str_eq(result.out, "hello\r\n");
	cr_expect_str_eq(result.err, "");
	harness_result_free(&result);
}

/* What is said of a recording may be made of its own bytes; in eight bits, a control is two of UTF-8. */
HARNESS_TEST(errors, messages_steer_no_terminal)
{
	static const char *const recordings[] = {"[\"\xc2\x9b"
						 "6n\xc2\x9d"
						 "2;title\xc2\x9c",
						 "{\"version\":3}\n[1,\"o\",\xc2\x9b"
						 "6n]\n",
						 "\x9b"
						 "6n",
						 "\x1b[6n"};

	for (size_t i = 0; i < sizeof recordings / sizeof recordings[0]; i++) {
		const char *argv[] = {harness_ringcast(), "play", "-", NULL};
		struct harness_result result = harness_run(argv, recordings[i]);

		expect_one_line(&result, 1, "ringcast: -: line ", recordings[i]);
		for (const char *c = result.err; *c; c++)
			cr_expect((unsigned char)*c < 0x80 && (*c >= ' ' || *c == '\n'), "%zu: '%s'", i, result.err);
		harness_result_free(&result);
	}
}

/* A socket that answers with anything but the protocol hides nobody. */
HARNESS_TEST(errors, strange_listener_in_the_folder)
{
	int fd;
	struct harness_result result;

	start_bystander();
	fd = rcast_socket_listen(harness_path("ringcast/stranger"));
	cr_assert(fd >= 0);
	result = harness_ringcast_run("ls", NULL);
	cr_expect_eq(result.status, 0);
	cr_expect(strstr(result.out, "bystander"), "%s", result.out);
	harness_result_free(&result);
	close(fd);
}
