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

/* Into a pipe that nobody reads. */
HARNESS_TEST(record, a_signal_ends_it_where_nothing_more_can_be_written)
{
	int reader_fd, n_waiting = 0, n_before;
	pid_t recorder;

	flow_start("flood", "1M", "seq 1 50000");
	flow_await_end("flood");
	cr_assert_eq(mkfifo(harness_path("cast"), 0600), 0);
	reader_fd = open(harness_path("cast"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	recorder =
		flow_spawn_to_file((const char *[]){"record", "--overwrite", "flood", harness_path("cast"), NULL}, "said");
	do {
		n_before = n_waiting;
		for (int i = 0; i < 50; i++)
			harness_pause();
		cr_assert_eq(ioctl(reader_fd, FIONREAD, &n_waiting), 0);
	} while (n_waiting == 0 || n_waiting != n_before);
	kill(recorder, SIGTERM);
	cr_expect_eq(harness_wait(recorder), 128 + SIGTERM);
	close(reader_fd);
}

HARNESS_TEST(record, the_last_minutes_of_a_living_session)
{
	struct harness_result result;
	char *text;

	flow_start("alive", "64K", "echo hello; sleep 100");
	result = harness_ringcast_run("wait", "--match", "hello", "alive", NULL);
	harness_result_free(&result);
	result = harness_ringcast_run("record", "--last", "1h", "alive", harness_path("cast"), NULL);
	cr_expect_eq(result.status, 0, "%s", result.err);
	text = read_recording();
	cr_expect_not_null(strstr(text, "hello\\r\\n\"]\n"), "%s", text);
	free(text);
	harness_result_free(&result);
}

HARNESS_TEST(record, the_last_minutes_that_the_ring_did_not_hold)
{
	struct harness_result result;

	flow_start("flooded", "64K", "seq 1 50000; sleep 100");
	result = harness_ringcast_run("wait", "--match", "^50000$", "flooded", NULL);
	harness_result_free(&result);
	result = harness_ringcast_run("record", "--last", "1h", "flooded", harness_path("cast"), NULL);
	cr_expect_eq(result.status, 4);
	cr_expect_not_null(strstr(result.err, "the ring held no more than the last"), "%s", result.err);
	harness_result_free(&result);
}

/* Without a lease it is lapped, and goes on at the screen: behind the marker stands all that the screen shows then. */
HARNESS_TEST(record, behind_a_loss_stands_the_screen)
{
	struct harness_result played;
	char script[256], *recorded, *marker;
	pid_t recorder;

	snprintf(script, sizeof script, "echo ready; read x <%s; seq 1 200000; printf '\\033[2Jend\\033[1;31m'; sleep 100",
		 flow_gate());
	flow_start("lapped", "64K", script);
	recorder = flow_spawn_to_file((const char *[]){"record", "lapped", harness_path("cast"), NULL}, "said");
	harness_await(flow_file_size("cast") > 0);
	kill(recorder, SIGSTOP);
	flow_open_gate();
	harness_await(flow_stat("lapped", "output_bytes") > 1000000);
	kill(recorder, SIGCONT);
	harness_await((recorded = read_recording(), marker = strstr(recorded, "\"m\""), marker ? 1 : (free(recorded), 0)));
	free(recorded);
	harness_await((recorded = read_recording(), marker = strstr(recorded, "end"), marker ? 1 : (free(recorded), 0)));
	marker = strstr(recorded, "are lost here\"]\n");
	cr_assert_not_null(marker, "%s", recorded);
	cr_expect_not_null(strstr(marker, "\"r\", \"80x24\"]\n"), "%s", marker);
	free(recorded);
	kill(recorder, SIGTERM);
	cr_expect_eq(harness_wait(recorder), 128 + SIGTERM);
	played = harness_ringcast_run("play", "--idle-limit", "0", harness_path("cast"), NULL);
	cr_expect_eq(played.status, 0, "%s", played.err);
	harness_result_free(&played);
}

HARNESS_TEST(record, from_the_screen_on)
{
	struct harness_result result;
	char *recorded;
	pid_t recorder;

	flow_start("shown", "64K", "seq 1 50000; printf '\\033[2J\\033[5;5Hshown'; sleep 100");
	result = harness_ringcast_run("wait", "--match", "shown", "shown", NULL);
	harness_result_free(&result);
	recorder = flow_spawn_to_file((const char *[]){"record", "--from", "screen", "shown", harness_path("cast"), NULL},
				      "said");
	harness_await(flow_file_size("cast") > 0);
	harness_await((recorded = read_recording(), strstr(recorded, "shown\\u001b") ? 1 : (free(recorded), 0)));
	cr_expect_null(strstr(recorded, "49999"), "%s", recorded);
	free(recorded);
	kill(recorder, SIGTERM);
	cr_expect_eq(harness_wait(recorder), 128 + SIGTERM);
}

/* With a lease, a recorder that is stopped holds the program back, and nothing is lost. */
HARNESS_TEST(record, a_lease_holds_the_program_back)
{
	char script[256];
	struct harness_result result;
	size_t n_text;
	char *text = flow_seq(200000, &n_text), *recorded;
	pid_t recorder;

	snprintf(script, sizeof script, "echo ready; read x <%s; seq 1 200000", flow_gate());
	result = harness_ringcast_run("run", "--detached", "--lease-max", "20000", "--name", "leased", "--ring", "64K", "--",
				      "sh", "-c", script, NULL);
	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	recorder = flow_spawn_to_file((const char *[]){"record", "--format", "raw", "leased", harness_path("cast"), NULL},
				      "said");
	harness_await(flow_file_size("cast") > 0);
	kill(recorder, SIGSTOP);
	flow_open_gate();
	harness_await(flow_stat("leased", "output_bytes") > 20000);
	kill(recorder, SIGCONT);
	cr_expect_eq(harness_wait(recorder), 0);
	recorded = read_recording();
	cr_expect_str_eq(recorded + strlen("ready\r\n"), text);
	free(recorded);
	free(text);
}

/* A limit on the size of files stands for a full disk; standard error, a pipe, is not limited by it. */
HARNESS_TEST(record, a_full_disk_is_said_and_the_file_is_valid)
{
	static const char script[] = "ulimit -f 64; exec \"$0\" record full \"$1\"";
	const char *const argv[] = {"sh", "-c", script, harness_ringcast(), harness_path("cast"), NULL};
	struct harness_result result, played;

	flow_start("full", "1M", "seq 1 50000");
	flow_await_end("full");
	result = harness_run(argv, NULL);
	cr_expect_eq(result.status, 1, "%d", result.status);
	cr_expect_not_null(strstr(result.err, "ends with the last whole event: File too large (EFBIG)"), "%s", result.err);
	harness_result_free(&result);
	played = harness_ringcast_run("play", "--idle-limit", "0", harness_path("cast"), NULL);
	cr_expect_eq(played.status, 0, "%s", played.err);
	cr_expect(played.n_out > 5000 && strncmp(played.out, "1\r\n2\r\n", 6) == 0, "%zu", played.n_out);
	harness_result_free(&played);
}

HARNESS_TEST(record, a_device_that_is_full)
{
	struct harness_result result;

	flow_start("some", "64K", "echo hello");
	result = harness_ringcast_run("record", "--overwrite", "some", "/dev/full", NULL);
	cr_expect_eq(result.status, 1);
	cr_expect_not_null(strstr(result.err, "No space left on device (ENOSPC)"), "%s", result.err);
	harness_result_free(&result);
}

HARNESS_TEST(record, refuses)
{
	struct harness_result result;

	flow_start("some", "64K", "true");
	result = record("some", "v9");
	cr_expect_eq(result.status, 2);
	harness_result_free(&result);
	result = harness_ringcast_run("record", "--last", "0s", "some", harness_path("cast"), NULL);
	cr_expect_eq(result.status, 2);
	harness_result_free(&result);
	result = harness_ringcast_run("record", "--last", "5m", "--from", "newest", "some", harness_path("cast"), NULL);
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
