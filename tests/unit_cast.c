/* SPDX-License-Identifier: MIT */
/* Recordings: what is in the file, line by line, and what is left of it when the disk is full. */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cli/cast.h"

static const struct rcast_session_info info = {
	.name = "work", .kind = RCAST_SESSION_PTY, .cols = 80, .rows = 24, .command = "sh -c \"x\""};

static struct rcast_record record(uint8_t kind, uint64_t time_us, const void *data, size_t n_bytes)
{
	return (struct rcast_record){
		.kind = kind, .stamped = true, .time_ns = time_us * 1000, .data = data, .n_bytes = (uint32_t)n_bytes};
}

static void write_output(struct cast *cast, uint64_t time_us, const char *text)
{
	struct rcast_record output = record(RCAST_OUTPUT, time_us, text, strlen(text));

	cr_assert_eq(cast_write(cast, &output), 0);
}

static struct cast open_cast(enum cast_format format)
{
	struct cast cast = {.format = format, .info = &info};

	cr_assert_eq(cast_open(&cast, harness_path("cast"), false), 0);
	return cast;
}

/* What is in the file behind the header's end, which holds the time of day. */
static char *read_events(void)
{
	size_t n_bytes;
	char *all = harness_read_file(harness_path("cast"), &n_bytes), *events = strchr(all, '\n');

	cr_assert_not_null(events);
	events = strdup(events + 1);
	free(all);
	return events;
}

static void expect_events(const char *expected)
{
	char *events = read_events();

	cr_expect_str_eq(events, expected, "%s", events);
	free(events);
}

HARNESS_TEST(cast, the_header_has_the_first_size)
{
	struct cast cast = open_cast(CAST_V3);
	struct rcast_resize size = {.cols = 100, .rows = 30};
	struct rcast_record resize = record(RCAST_RESIZE, 5, &size, sizeof size);
	size_t n_bytes;
	char *text;

	cr_assert_eq(cast_write(&cast, &resize), 0);
	cr_assert_eq(cast_close(&cast), 0);
	text = harness_read_file(harness_path("cast"), &n_bytes);
	cr_expect_eq(strncmp(text, "{\"version\": 3, \"term\": {\"cols\": 100, \"rows\": 30}, \"timestamp\": ", 62), 0, "%s",
		     text);
	cr_expect_not_null(strstr(text, ", \"command\": \"sh -c \\\"x\\\"\", \"title\": \"work\"}\n"), "%s", text);
	free(text);
}

HARNESS_TEST(cast, rounding_is_carried_forward)
{
	struct cast cast = open_cast(CAST_V3);

	for (unsigned i = 0; i <= 4; i++)
		write_output(&cast, 1000 + i * 400, "x");
	cr_assert_eq(cast_close(&cast), 0);
	expect_events("[0.000, \"o\", \"x\"]\n[0.000, \"o\", \"x\"]\n[0.001, \"o\", \"x\"]\n[0.000, \"o\", \"x\"]\n"
		      "[0.001, \"o\", \"x\"]\n");
}

HARNESS_TEST(cast, version_2_has_times_since_the_beginning)
{
	struct cast cast = open_cast(CAST_V2);
	struct rcast_exit exit = {.status = 3};
	struct rcast_record ended = record(RCAST_EXIT, 3000000, &exit, sizeof exit);

	write_output(&cast, 1000000, "a");
	write_output(&cast, 2500001, "b");
	cr_assert_eq(cast_write(&cast, &ended), 0);
	cr_assert_eq(cast_close(&cast), 0);
	expect_events("[0.000000, \"o\", \"a\"]\n[1.500001, \"o\", \"b\"]\n");
}

HARNESS_TEST(cast, every_kind_of_event)
{
	struct cast cast = open_cast(CAST_V3);
	struct rcast_resize size = {.cols = 100, .rows = 30};
	struct rcast_exit exit = {.signal = 9};
	struct rcast_record resize = record(RCAST_RESIZE, 0, &size, sizeof size), mark = record(RCAST_MARKER, 0, "here", 4),
			    title = record(RCAST_TITLE, 0, "t", 1), ended = record(RCAST_EXIT, 0, &exit, sizeof exit);
	struct rcast_loss lost = {.lost_output = 77};

	write_output(&cast, 0, "\"\\\033\r\n\177");
	cr_assert_eq(cast_write(&cast, &resize), 0);
	cr_assert_eq(cast_write(&cast, &mark), 0);
	cr_assert_eq(cast_write(&cast, &title), 0);
	cr_assert_eq(cast_write_gap(&cast, &lost), 0);
	cr_assert_eq(cast_write(&cast, &ended), 0);
	cr_assert_eq(cast_close(&cast), 0);
	expect_events(
		"[0.000, \"o\", \"\\\"\\\\\\u001b\\r\\n\\u007f\"]\n[0.000, \"r\", \"100x30\"]\n[0.000, \"m\", \"here\"]\n"
		"[0.000, \"m\", \"77 bytes of output are lost here\"]\n[0.000, \"x\", \"137\"]\n");
}

HARNESS_TEST(cast, characters_are_carried_over)
{
	struct cast cast = open_cast(CAST_V3);
	struct rcast_record mark = record(RCAST_MARKER, 0, "m", 1);

	write_output(&cast, 0, "a\xe6");
	write_output(&cast, 0, "\xbc");
	cr_assert_eq(cast_write(&cast, &mark), 0);
	write_output(&cast, 0, "\xa2z");
	write_output(&cast, 0, "\xe6x\xff\xed\xa0\x80\xf0\x9f");
	cr_assert_eq(cast_close(&cast), 0);
	expect_events("[0.000, \"o\", \"a\"]\n[0.000, \"m\", \"m\"]\n[0.000, \"o\", \"漢z\"]\n"
		      "[0.000, \"o\", \"�x����\"]\n[0.000, \"o\", \"�\"]\n");
}

/* A pipe's session has never been through a terminal, which would have made the lines return. */
HARNESS_TEST(cast, lines_of_a_pipe_return)
{
	static const struct rcast_session_info pipe_info = {.name = "pipe", .kind = RCAST_SESSION_PIPE};
	struct cast cast = {.info = &pipe_info};

	cr_assert_eq(cast_open(&cast, harness_path("cast"), false), 0);
	write_output(&cast, 0, "a\nb\r");
	write_output(&cast, 0, "\n\n\ré\n");
	cr_assert_eq(cast_close(&cast), 0);
	expect_events("[0.000, \"o\", \"a\\r\\nb\\r\"]\n[0.000, \"o\", \"\\n\\r\\n\\ré\\r\\n\"]\n");
}

HARNESS_TEST(cast, long_records_are_several_events)
{
	struct cast cast = open_cast(CAST_V3);
	size_t n_bytes = 200000, n_events = 0;
	char *text = malloc(n_bytes + 1), *events;

	memset(text, '\033', n_bytes);
	text[n_bytes] = '\0';
	write_output(&cast, 0, text);
	cr_assert_eq(cast_close(&cast), 0);
	events = read_events();
	for (char *line = strtok(events, "\n"); line; line = strtok(NULL, "\n")) {
		cr_expect_lt(strlen(line), 512 * 1024);
		n_events++;
	}
	cr_expect_eq(n_events, 4);
	free(events);
	free(text);
}

HARNESS_TEST(cast, nothing_recorded_is_a_header)
{
	struct cast cast = open_cast(CAST_V3);

	cr_assert_eq(cast_close(&cast), 0);
	expect_events("");
}

HARNESS_TEST(cast, what_was_lost_before_is_marked)
{
	struct cast cast = open_cast(CAST_V3);
	struct rcast_loss lost = {.lost_output = 77};

	cr_assert_eq(cast_write_gap(&cast, &lost), 0);
	write_output(&cast, 5, "a");
	cr_assert_eq(cast_close(&cast), 0);
	expect_events("[0.000, \"m\", \"77 bytes of output are lost here\"]\n[0.000, \"o\", \"a\"]\n");
}

HARNESS_TEST(cast, raw_is_the_bytes)
{
	struct cast cast = open_cast(CAST_RAW);
	struct rcast_record mark = record(RCAST_MARKER, 0, "m", 1);
	size_t n_bytes;
	char *text;

	write_output(&cast, 0, "a\xff\n");
	cr_assert_eq(cast_write(&cast, &mark), 0);
	write_output(&cast, 0, "b");
	cr_assert_eq(cast_close(&cast), 0);
	text = harness_read_file(harness_path("cast"), &n_bytes);
	cr_expect_str_eq(text, "a\xff\nb");
	free(text);
}

HARNESS_TEST(cast, a_file_that_exists_is_left_alone)
{
	struct cast cast = open_cast(CAST_V3), other = {.info = &info};

	cr_assert_eq(cast_close(&cast), 0);
	cr_assert_eq(cast_open(&other, harness_path("cast"), false), -EEXIST);
	cr_assert_eq(cast_open(&other, harness_path("cast"), true), 0);
	cr_assert_eq(cast_close(&other), 0);
}

/* A limit on the file's size stands for a full disk. */
HARNESS_TEST(cast, a_full_disk_leaves_whole_lines)
{
	struct cast cast = open_cast(CAST_V3);
	struct rlimit before, limit;
	struct rcast_record output = record(RCAST_OUTPUT, 0, "0123456789", 10);
	size_t n_bytes;
	int result = 0;
	char *text;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 1000;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (unsigned i = 0; i < 100 && result == 0; i++)
		result = cast_write(&cast, &output);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	cr_assert_eq(result, -EFBIG);
	cr_assert_eq(cast_close(&cast), 0);
	text = harness_read_file(harness_path("cast"), &n_bytes);
	cr_assert(n_bytes > 800 && n_bytes <= 1000);
	cr_expect_str_eq(strstr(text + n_bytes - 27, "["), "[0.000, \"o\", \"0123456789\"]\n");
	free(text);
}
