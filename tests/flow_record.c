/* SPDX-License-Identifier: MIT */
/* record: a live session's output, sizes and end in a file that holds all of it. */
#include "flow_kit.h"

static struct harness_result record(const char *name, const char *format)
{
	return harness_ringcast_run("record", "--overwrite", "--format", format, name, harness_path("cast"), NULL);
}

static char *read_recording(void)
{
	size_t n_bytes;

	return harness_read_file(harness_path("cast"), &n_bytes);
}

HARNESS_TEST(record, an_ended_session)
{
	struct harness_result result;
	char *text;

	flow_start("ended", "64K", "printf 'h\\303\\251\\n'; exit 3");
	result = record("ended", "v3");
	cr_expect_eq(result.status, 0, "%s", result.err);
	text = read_recording();
	cr_expect_eq(strstr(text, "{\"version\": 3, \"term\": {\"cols\": 80, \"rows\": 24}"), text, "%s", text);
	cr_expect_not_null(strstr(text, "\"o\", \"hé\\r\\n\"]\n"), "%s", text);
	cr_expect_not_null(strstr(text, "\"x\", \"3\"]\n"), "%s", text);
	free(text);
	harness_result_free(&result);
}

HARNESS_TEST(record, raw_is_all_that_was_printed)
{
	struct harness_result result;
	size_t n_text;
	char *text = flow_seq(20000, &n_text), *recorded;

	flow_start("raw", "1M", "seq 1 20000");
	result = record("raw", "raw");
	cr_expect_eq(result.status, 0, "%s", result.err);
	recorded = read_recording();
	cr_expect_str_eq(recorded, text);
	free(recorded);
	free(text);
	harness_result_free(&result);
}

HARNESS_TEST(record, what_was_dropped_is_said)
{
	struct harness_result result;

	flow_start("dropped", "64K", "seq 1 50000");
	flow_await_end("dropped");
	result = harness_ringcast_run("record", "--from", "0", "dropped", harness_path("cast"), NULL);
	cr_expect_eq(result.status, 4);
	cr_expect_not_null(strstr(result.err, "are missing in"), "%s", result.err);
	harness_result_free(&result);
}

HARNESS_TEST(record, a_signal_ends_it_with_a_valid_file)
{
	pid_t recorder;
	size_t n_bytes;
	char *text;

	flow_start("living", "64K", "echo hello; sleep 100");
	recorder = flow_spawn_to_file((const char *[]){"record", "living", harness_path("cast"), NULL}, "said");
	harness_await(access(harness_path("cast"), F_OK) == 0);
	harness_await(
		(text = harness_read_file(harness_path("cast"), &n_bytes), strstr(text, "hello") ? 1 : (free(text), 0)));
	free(text);
	kill(recorder, SIGTERM);
	cr_expect_eq(harness_wait(recorder), 128 + SIGTERM);
	text = read_recording();
	cr_expect_eq(text[strlen(text) - 1], '\n');
	free(text);
}

HARNESS_TEST(record, refuses)
{
	struct harness_result result;

	flow_start("some", "64K", "true");
	result = record("some", "v9");
	cr_expect_eq(result.status, 2);
	harness_result_free(&result);
	result = record("none", "v3");
	cr_expect_eq(result.status, 3);
	harness_result_free(&result);
	result = harness_ringcast_run("record", "some", "/dev/null/cast", NULL);
	cr_expect_eq(result.status, 1);
	harness_result_free(&result);
	result = harness_ringcast_run("record", "some", harness_folder(), NULL);
	cr_expect_eq(result.status, 1);
	cr_expect_not_null(strstr(result.err, "--overwrite replaces it"), "%s", result.err);
	harness_result_free(&result);
}
