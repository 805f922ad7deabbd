/* SPDX-License-Identifier: MIT */
/*
 * tail gives exactly what the program printed: all of it, or with the missing part stated.
 */
#include "flow_kit.h"

/* Delivered output must be the end of what was printed, and with what was said to be lost make up all of it. */
static void expect_all_but_the_stated(const char *text, size_t n_text, const struct harness_result *tail)
{
	unsigned long lost = 0;

	cr_assert_eq(sscanf(tail->err, "ringcast: gap: %lu bytes of output lost", &lost), 1, "no gap was stated: %s",
		     tail->err);
	cr_expect_eq(tail->n_out + lost, n_text, "%zu delivered and %lu lost of %zu", tail->n_out, lost, n_text);
	cr_expect_gt(tail->n_out, 16384, "a ring holds more than that");
	cr_expect_eq(memcmp(tail->out, text + n_text - tail->n_out, tail->n_out), 0);
}

static struct harness_result tail(const char *name, bool by_circuit)
{
	return harness_ringcast_run("tail", "--raw", "--from", "oldest", name, by_circuit ? "--by-circuit" : NULL, NULL);
}

static void expect_exact(bool by_circuit)
{
	struct harness_result result;
	size_t n_text;
	char *text = flow_seq(200000, &n_text);

	flow_start("all", "4M", "seq 1 200000");
	result = tail("all", by_circuit);
	cr_expect_eq(result.status, 0);
	cr_expect_eq(result.n_out, n_text);
	cr_expect_eq(memcmp(result.out, text, n_text), 0);
	cr_expect_str_eq(result.err, "");
	harness_result_free(&result);
	free(text);
}

HARNESS_TEST(tail, all_by_ring)
{
	expect_exact(false);
}

HARNESS_TEST(tail, all_by_circuit)
{
	expect_exact(true);
}

static void expect_stated_gap(bool by_circuit)
{
	struct harness_result result;
	size_t n_text;
	char *text = flow_seq(50000, &n_text);

	flow_start("most", "64K", "seq 1 50000");
	flow_await_end("most");
	result = tail("most", by_circuit);
	cr_expect_eq(result.status, 4);
	expect_all_but_the_stated(text, n_text, &result);
	harness_result_free(&result);
	free(text);
}

HARNESS_TEST(tail, small_ring_states_the_gap_by_ring)
{
	expect_stated_gap(false);
}

HARNESS_TEST(tail, small_ring_states_the_gap_by_circuit)
{
	expect_stated_gap(true);
}

HARNESS_TEST(tail, newest_starts_where_the_session_stands)
{
	const char *const arguments[] = {"tail", "--from", "newest", "late", NULL};
	char script[256], *text;
	pid_t pid;

	snprintf(script, sizeof script, "echo early; read x <%s; echo late", flow_gate());
	flow_start("late", "64K", script);
	harness_await(flow_stat("late", "output_bytes") == 7);
	pid = flow_spawn_to_file(arguments, "late.txt");
	/* Attached is not yet at the newest: the viewer's own process goes there, and then says where it stands. */
	harness_await(flow_stat("late", "behind_bytes") == 0);
	flow_open_gate();
	cr_expect_eq(harness_wait(pid), 0);
	text = harness_read_file(harness_path("late.txt"), NULL);
	cr_expect_str_eq(text, "late\r\n");
	free(text);
}

HARNESS_TEST(tail, json_is_one_object_a_record)
{
	struct harness_result result;

	flow_start("json", "64K", "printf 'a\\033[1m\\377'; exit 3");
	flow_await_end("json");
	result = harness_ringcast_run("tail", "--json", "json", NULL);
	cr_expect_eq(result.status, 0);
	cr_expect(strncmp(result.out, "{\"kind\":\"resize\",\"pos\":0,", 25) == 0, "%s", result.out);
	cr_expect(strstr(result.out, "\"cols\":80,\"rows\":24}\n"), "%s", result.out);
	cr_expect(strstr(result.out, "\"output_pos\":0,\"data_base64\":\"YRtbMW3/\"}\n"), "%s", result.out);
	cr_expect(strstr(result.out, "\"status\":3,\"signal\":0}\n"), "%s", result.out);
	harness_result_free(&result);
}

HARNESS_TEST(tail, json_states_gaps_as_objects)
{
	struct harness_result result;
	unsigned long lost = 0;
	const char *gap;

	flow_start("gap", "64K", "seq 1 50000");
	flow_await_end("gap");
	result = harness_ringcast_run("tail", "--json", "gap", NULL);
	cr_expect_eq(result.status, 4);
	gap = strstr(result.out, "{\"kind\":\"gap\",\"from_pos\":0,");
	cr_assert(gap == result.out, "%.200s", result.out);
	cr_assert_eq(sscanf(strstr(gap, "\"lost_output\":"), "\"lost_output\":%lu", &lost), 1);
	cr_expect_gt(lost, 0);
	harness_result_free(&result);
}

HARNESS_TEST(tail, output_that_cannot_be_written_is_an_error)
{
	const char *argv[] = {harness_ringcast(), "tail", "full", NULL};
	int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC), pipe_fds[2];
	int err_fd = open(harness_path("err"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	char *err;

	flow_start("full", "64K", "seq 1 1000");
	cr_expect_eq(harness_wait(harness_spawn(argv, -1, full_fd, err_fd)), 1);
	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	close(pipe_fds[0]);
	cr_expect_eq(harness_wait(harness_spawn(argv, -1, pipe_fds[1], err_fd)), 1);
	err = harness_read_file(harness_path("err"), NULL);
	cr_expect_str_eq(err, "ringcast: standard output cannot be written: No space left on device (ENOSPC)\n"
			      "ringcast: standard output cannot be written: Broken pipe (EPIPE)\n");
	free(err);
	close(pipe_fds[1]);
	close(full_fd);
	close(err_fd);
}

/* A pipe that somebody has made non-blocking, read slowly: every byte still comes. */
HARNESS_TEST(tail, non_blocking_output_is_waited_for)
{
	const char *argv[] = {harness_ringcast(), "tail", "slow", NULL};
	char *text, *got = NULL;
	size_t n_text, n_got = 0;
	int pipe_fds[2];
	ssize_t n;
	pid_t pid;

	text = flow_seq(20000, &n_text);
	got = malloc(n_text + 4096);
	flow_start("slow", "1M", "seq 1 20000");
	flow_await_end("slow");
	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	fcntl(pipe_fds[1], F_SETFL, O_NONBLOCK);
	pid = harness_spawn(argv, -1, pipe_fds[1], -1);
	close(pipe_fds[1]);
	while (n_got <= n_text && (n = read(pipe_fds[0], got + n_got, 1000)) > 0)
		n_got += (size_t)n;
	cr_expect_eq(harness_wait(pid), 0);
	cr_expect(n_got == n_text && memcmp(got, text, n_text) == 0);
	close(pipe_fds[0]);
	free(got);
	free(text);
}
