/* SPDX-License-Identifier: MIT */
/* Recordings are read as they are meant, however they are cut, and hostile ones are refused in one line. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cast_read.h"

#define V2 "{\"version\": 2, \"width\": 80, \"height\": 24}\n"
#define V3 "{\"version\": 3, \"term\": {\"cols\": 80, \"rows\": 24}}\n"

static struct cast_reader open_bytes(const void *bytes, size_t n_bytes, bool is_raw)
{
	struct cast_reader reader;
	int fd = memfd_create("cast", MFD_CLOEXEC);

	cr_assert_eq(write(fd, bytes, n_bytes), (ssize_t)n_bytes);
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	cast_reader_open_take(&reader, fd, is_raw);
	return reader;
}

static int next(struct cast_reader *reader, struct cast_event *event)
{
	int outcome, error = 0;

	while ((outcome = cast_reader_next(reader, event)) == CAST_HUNGRY && error == 0)
		error = cast_reader_fill(reader);
	return outcome == CAST_HUNGRY ? error : outcome;
}

/* All events as "ms code data|…", up to the end or the error, which is *outcome. */
static void read_all(struct cast_reader *reader, char *text, size_t room, int *outcome)
{
	struct cast_event event;
	size_t n = 0;

	text[0] = '\0';
	while ((*outcome = next(reader, &event)) == CAST_EVENT && n < room)
		n += (size_t)snprintf(text + n, room - n, "%llu %c %.*s|", (unsigned long long)event.interval_ns / 1000000,
				      event.code ? event.code : '-', (int)event.n_bytes, event.data);
}

static const struct {
	const char *name, *file, *events;
} good[] = {
	{"version 2 has times since the beginning", V2 "[0.5, \"o\", \"a\"]\n[2, \"o\", \"b\"]\n", "500 o a|1500 o b|"},
	{"version 3 has intervals", V3 "[0.5, \"o\", \"a\"]\n[2, \"o\", \"b\"]\n", "500 o a|2000 o b|"},
	{"every code", V3 "[0,\"o\",\"\"]\n[0,\"i\",\"k\"]\n[0,\"r\",\"9x8\"]\n[0,\"m\",\"\"]\n[0,\"x\",\"1\"]\n",
	 "0 o |0 i k|0 r 9x8|0 m |0 x 1|"},
	{"codes to come", V3 "[1,\"zz\",{}]\n[1,\"z\",[1]]\n[1,\"\",\"d\",4]\n", "1000 - |1000 - |1000 - |"},
	{"no events", V3, ""},
	{"comments and empty lines", "# c\n\n" V3 "\n# [\n[1,\"o\",\"a\"]\r\n\r\n", "1000 o a|"},
	{"no line end behind the last line", V3 "[1,\"o\",\"a\"]", "1000 o a|"},
	{"escapes", V3 "[0,\"o\",\"\\u00e9\\ud83d\\ude00\\n\\\\\"]\n", "0 o é😀\n\\|"},
	{"times that are no times", V2 "[-5,\"o\",\"a\"]\n[3,\"o\",\"b\"]\n[1,\"o\",\"c\"]\n[4,\"o\",\"d\"]\n",
	 "0 o a|3000 o b|0 o c|1000 o d|"},
	{"huge times", V3 "[1e300,\"o\",\"a\"]\n[-1e300,\"o\",\"b\"]\n[1e-300,\"o\",\"c\"]\n",
	 "31536000000 o a|0 o b|0 o c|"},
	{"a size that is none", "{\"version\": 3, \"term\": [], \"extra\": null}\n[0,\"o\",\"a\"]\n", "0 o a|"},
};

HARNESS_TEST(cast_read, good_recordings)
{
	char text[512];
	int outcome;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct cast_reader reader = open_bytes(good[i].file, strlen(good[i].file), false);

		read_all(&reader, text, sizeof text, &outcome);
		cr_expect_eq(outcome, CAST_END, "%s: %s", good[i].name, reader.error);
		cr_expect_str_eq(text, good[i].events, "%s: %s", good[i].name, text);
		cast_reader_close(&reader);
	}
}

static const struct {
	const char *file, *error;
} bad[] = {
	{"", "the file is empty"},
	{"\n# only a comment\n", "empty"},
	{"\n\nhello\n", "line 3: this is no header"},
	{"{\"version\": 1, \"stdout\": []}\n", "line 1: version 1"},
	{"{\"version\": 9999999999}\n", "version 9999999999"},
	{"{\"version\": \"3\"}\n", "no header"},
	{"[3]\n", "no header"},
	{"null\n", "no header"},
	{V3 "[\n", "line 2: the recording breaks off"},
	{V3 "[1.0, \"o\", \"abc", "line 2: the recording breaks off"},
	{V3 "[1.0, \"o\"]\n", "line 2: this is no event"},
	{V3 "{\"time\": 1}\n", "line 2: this is no event"},
	{V3 "[\"1\", \"o\", \"a\"]\n", "line 2: this is no event"},
	{V3 "[1, 2, \"a\"]\n", "line 2: this is no event"},
	{V3 "[1, \"o\", \"a\"] x\n", "line 2: this is no event"},
	{V3 "[1e999, \"o\", \"a\"]\n", "line 2: this is no event"},
	{V3 "[NaN, \"o\", \"a\"]\n", "line 2: this is no event"},
	{V3 "[1, \"o\", \"\\ud83d\"]\n", "line 2: this is no event"},
	{V3 "[1, \"o\", \"\\ude00\\ud83d\"]\n", "line 2: this is no event"},
	{V3 "[1, \"o\", \"\\u12\"]\n", "line 2: this is no event"},
	{V3 "[1, \"o\", \"\xff\"]\n", "line 2: this is no event"},
	{V3 "[1, \"o\", \"\xc0\x80\"]\n", "line 2: this is no event"},
	{V3 "[1, \"o\", \"\xed\xa0\x80\"]\n", "line 2: this is no event"},
	{V3 "[1, \"o\", \"raw\ttab\"]\n", "line 2: this is no event"},
};

HARNESS_TEST(cast_read, bad_recordings)
{
	char text[512];
	int outcome;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct cast_reader reader = open_bytes(bad[i].file, strlen(bad[i].file), false);

		read_all(&reader, text, sizeof text, &outcome);
		cr_expect_eq(outcome, -EPROTO, "%zu: %d", i, outcome);
		cr_expect_not_null(strstr(reader.error, bad[i].error), "%zu: %s", i, reader.error);
		cast_reader_close(&reader);
	}
}

/* What stands before the error is played. */
HARNESS_TEST(cast_read, good_events_before_a_bad_one)
{
	static const char file[] = V3 "[1,\"o\",\"a\"]\n[2,\"o\",\"b\"]\n[";
	struct cast_reader reader = open_bytes(file, strlen(file), false);
	char text[64];
	int outcome;

	read_all(&reader, text, sizeof text, &outcome);
	cr_expect_eq(outcome, -EPROTO);
	cr_expect_str_eq(text, "1000 o a|2000 o b|");
	cast_reader_close(&reader);
}

HARNESS_TEST(cast_read, the_header)
{
	static const struct {
		const char *file;
		struct cast_header header;
	} rows[] = {
		{V2 "[0,\"o\",\"\"]", {80, 24, CAST_NO_LIMIT_NS}},
		{V3 "[0,\"o\",\"\"]", {80, 24, CAST_NO_LIMIT_NS}},
		{"{\"version\":2,\"width\":70000,\"height\":-1,\"idle_time_limit\":0.5}\n[0,\"o\",\"\"]", {0, 0, 500000000}},
		{"{\"version\":3,\"term\":{\"cols\":1,\"rows\":\"2\"},\"idle_time_limit\":1e99}\n[0,\"o\",\"\"]",
		 {1, 0, CAST_MAX_INTERVAL_NS}},
		{"{\"version\":3,\"idle_time_limit\":-1}\n[0,\"o\",\"\"]", {0, 0, CAST_NO_LIMIT_NS}},
	};
	struct cast_event event;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct cast_reader reader = open_bytes(rows[i].file, strlen(rows[i].file), false);

		cr_expect_eq(next(&reader, &event), CAST_EVENT, "%zu: %s", i, reader.error);
		cr_expect_eq(reader.header.cols, rows[i].header.cols, "%zu", i);
		cr_expect_eq(reader.header.rows, rows[i].header.rows, "%zu", i);
		cr_expect_eq(reader.header.idle_limit_ns, rows[i].header.idle_limit_ns, "%zu", i);
		cast_reader_close(&reader);
	}
}

HARNESS_TEST(cast_read, zero_bytes_are_data)
{
	static const char file[] = V3 "[0,\"o\",\"a\\u0000b\"]\n", with_zero[] = V3 "[0,\"o\",\"a\0b\"]\n";
	struct cast_reader reader = open_bytes(file, sizeof file - 1, false);
	struct cast_event event;

	cr_expect_eq(next(&reader, &event), CAST_EVENT, "%s", reader.error);
	cr_expect_eq(event.n_bytes, 3);
	cr_expect_eq(memcmp(event.data, "a\0b", 3), 0);
	cast_reader_close(&reader);
	reader = open_bytes(with_zero, sizeof with_zero - 1, false);
	cr_expect_eq(next(&reader, &event), -EPROTO);
	cast_reader_close(&reader);
}

/* A line as long as is allowed, and longer ones: with and without an end. */
HARNESS_TEST(cast_read, the_length_of_lines)
{
	static const struct {
		size_t n_more;
		bool has_end;
		int outcome;
	} rows[] = {{0, true, CAST_EVENT}, {0, false, CAST_EVENT}, {1, true, -EMSGSIZE}, {1, false, -EMSGSIZE}};
	size_t n_header = strlen(V3);
	char *file = malloc(n_header + CAST_MAX_LINE_BYTES + 2);
	struct cast_event event;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n_line = CAST_MAX_LINE_BYTES + rows[i].n_more;
		struct cast_reader reader;

		memcpy(file, V3, n_header);
		memset(file + n_header, 'x', n_line);
		memcpy(file + n_header, "[1,\"o\",\"", 8);
		memcpy(file + n_header + n_line - 2, "\"]\n", 3);
		reader = open_bytes(file, n_header + n_line + rows[i].has_end, false);
		cr_expect_eq(next(&reader, &event), rows[i].outcome, "%zu: %s", i, reader.error);
		cr_expect_leq(reader.room, 4 * (size_t)CAST_MAX_LINE_BYTES);
		cast_reader_close(&reader);
	}
	free(file);
}

HARNESS_TEST(cast_read, deep_nesting)
{
	size_t n_header = strlen(V3), n_deep = 1000000;
	char *file = malloc(n_header + n_deep);
	struct cast_reader reader;
	struct cast_event event;

	memcpy(file, V3, n_header);
	memset(file + n_header, '[', n_deep);
	reader = open_bytes(file, n_header + n_deep, false);
	cr_expect_eq(next(&reader, &event), -EPROTO);
	cast_reader_close(&reader);
	free(file);
}

/* Through a pipe that gives one byte at a time. */
HARNESS_TEST(cast_read, bytes_one_by_one)
{
	static const char file[] = V2 "[0.5,\"o\",\"\xe6\xbc\xa2\"]\n[1,\"m\",\"x\"]\n";
	struct cast_reader reader;
	struct cast_event event;
	int ends[2], n_events = 0, outcome;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cast_reader_open_take(&reader, ends[0], false);
	for (size_t i = 0; i < strlen(file); i++) {
		cr_assert_eq(write(ends[1], file + i, 1), 1);
		cr_assert_eq(cast_reader_fill(&reader), 0);
		while ((outcome = cast_reader_next(&reader, &event)) == CAST_EVENT)
			n_events++;
		cr_expect_eq(outcome, CAST_HUNGRY, "%zu: %s", i, reader.error);
	}
	close(ends[1]);
	cr_expect_eq(n_events, 2);
	cr_expect_eq(next(&reader, &event), CAST_END);
	cast_reader_close(&reader);
}

HARNESS_TEST(cast_read, raw_is_bytes)
{
	struct cast_reader reader = open_bytes("{\xff\n\0x", 5, true);
	struct cast_event event;

	cr_expect_eq(next(&reader, &event), CAST_EVENT);
	cr_expect_eq(event.code, 'o');
	cr_expect_eq(event.interval_ns, 0);
	cr_expect_eq(event.n_bytes, 5);
	cr_expect_eq(memcmp(event.data, "{\xff\n\0x", 5), 0);
	cr_expect_eq(next(&reader, &event), CAST_END);
	cast_reader_close(&reader);
}

HARNESS_TEST(cast_read, what_cannot_be_read_is_said)
{
	struct cast_reader reader;
	struct cast_event event;

	cast_reader_open_take(&reader, open("/", O_RDONLY | O_CLOEXEC), false);
	cr_expect_eq(next(&reader, &event), -EISDIR);
	cr_expect_not_null(strstr(reader.error, "EISDIR"));
	cast_reader_close(&reader);
}
