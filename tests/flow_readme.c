/* SPDX-License-Identifier: MIT */
/*
 * The C programs that README.md prints. tests/CMakeLists.txt takes them out of the README and builds them as they stand; here
 * they do what the README says of them.
 */
#include "harness.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The program of that name from the README; good until the next call. */
static const char *program(const char *name)
{
	static char path[512];
	char command[400];

	snprintf(command, sizeof command, "%s", harness_ringcast());
	snprintf(path, sizeof path, "%s/tests/readme_%s", dirname(command), name);
	return path;
}

static struct harness_result run(const char *name, const char *argument)
{
	return harness_run((const char *const[]){program(name), argument, NULL}, NULL);
}

static bool holds(const char *path, const char *text)
{
	char *content = harness_read_file(path, NULL);
	bool found = strstr(content, text) != NULL;

	free(content);
	return found;
}

HARNESS_TEST(flow_readme, consumer_prints_what_the_program_printed)
{
	struct harness_result result = harness_ringcast_run("run", "--detached", "--name", "readme", "--", "seq", "3", NULL);

	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	result = run("consumer", "readme");
	cr_expect_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, "1\r\n2\r\n3\r\n");
	cr_expect_str_eq(result.err, "");
	harness_result_free(&result);
}

HARNESS_TEST(flow_readme, consumer_says_that_there_is_no_such_session)
{
	struct harness_result result = run("consumer", "nobody");

	cr_expect_eq(result.status, 1);
	cr_expect_neq(strstr(result.err, "nobody"), NULL, "%s", result.err);
	harness_result_free(&result);
}

HARNESS_TEST(flow_readme, ring_says_hello)
{
	struct harness_result result = run("ring", NULL);

	cr_expect_eq(result.status, 0);
	cr_expect_str_eq(result.out, "hello\n");
	harness_result_free(&result);
}

static bool is_listed(const char *session)
{
	struct harness_result result = harness_ringcast_run("ls", NULL);
	bool found = strstr(result.out, session) != NULL;

	harness_result_free(&result);
	return found;
}

HARNESS_TEST(flow_readme, clock_can_be_followed)
{
	const char *seen = harness_path("seen");
	int seen_fd = open(seen, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	harness_spawn((const char *const[]){program("clock"), NULL}, -1, -1, -1);
	harness_await(is_listed("clock"));
	harness_spawn((const char *const[]){harness_ringcast(), "tail", "clock", NULL}, -1, seen_fd, -1);
	harness_await(holds(seen, "tick 1\r\n") && holds(seen, "tick 2\r\n"));
	close(seen_fd);
}
