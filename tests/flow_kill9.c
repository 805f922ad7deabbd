/* SPDX-License-Identifier: MIT */
/*
 * kill -9 of a viewer changes nothing for the others, nor for the program.
 */
#include "flow_kit.h"

static pid_t start_viewer(const char *file, bool by_circuit)
{
	const char *const arguments[] = {"tail", "--raw", "--from", "oldest", "t", by_circuit ? "--by-circuit" : NULL, NULL};

	return flow_spawn_to_file(arguments, file);
}

static void expect_all(const char *file, const char *text, size_t n_text)
{
	size_t n_got;
	char *got = harness_read_file(harness_path("%s", file), &n_got);

	cr_expect(n_got == n_text && memcmp(got, text, n_text) == 0, "%s: %zu bytes of %zu", file, n_got, n_text);
	free(got);
}

HARNESS_TEST(kill9, of_viewers_by_ring_and_by_circuit)
{
	char script[256], *text;
	size_t n_text;
	pid_t survivors[2], victims[2];

	text = flow_seq(100000, &n_text);
	snprintf(script, sizeof script, "seq 1 50000; read x <%s; seq 50001 100000", flow_gate());
	flow_start("t", "4M", script);
	survivors[0] = start_viewer("ring.txt", false);
	survivors[1] = start_viewer("circuit.txt", true);
	victims[0] = start_viewer("victim1.txt", false);
	victims[1] = start_viewer("victim2.txt", true);
	harness_await(flow_file_size("victim1.txt") > 0 && flow_file_size("victim2.txt") > 0);
	kill(victims[0], SIGKILL);
	kill(victims[1], SIGKILL);
	harness_await(flow_stat("t", "readers") == 2);
	flow_open_gate();
	cr_expect_eq(harness_wait(survivors[0]), 0);
	cr_expect_eq(harness_wait(survivors[1]), 0);
	expect_all("ring.txt", text, n_text);
	expect_all("circuit.txt", text, n_text);
	free(text);
}

/* Stopped in the middle, it is lapped while the other gets everything; killed then, it is forgotten. */
HARNESS_TEST(kill9, of_a_viewer_that_is_stopped)
{
	char script[256], *text;
	size_t n_text;
	pid_t survivor, victim;

	text = flow_seq(100000, &n_text);
	snprintf(script, sizeof script, "seq 1 50000; read x <%s; seq 50001 100000", flow_gate());
	flow_start("t", "4M", script);
	victim = start_viewer("victim.txt", true);
	harness_await(flow_file_size("victim.txt") > 0);
	kill(victim, SIGSTOP);
	survivor = start_viewer("survivor.txt", false);
	harness_await(flow_stat("t", "readers") == 2);
	flow_open_gate();
	cr_expect_eq(harness_wait(survivor), 0);
	expect_all("survivor.txt", text, n_text);
	kill(victim, SIGKILL);
	harness_await(flow_stat("t", "readers") == 0);
	free(text);
}

/* The same through a stop that lasts for laps: what was delivered and what was lost is what was written. */
HARNESS_TEST(kill9, stopped_viewer_goes_on_behind_a_stated_gap)
{
	const char *argv[] = {harness_ringcast(), "tail", "t", NULL};
	char script[256], *err;
	unsigned long lost = 0, all_lost = 0;
	int out_fd, err_fd;
	pid_t pid;

	snprintf(script, sizeof script, "echo first; read x <%s; seq 1 100000", flow_gate());
	flow_start("t", "64K", script);
	out_fd = open(harness_path("out"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	err_fd = open(harness_path("err"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	pid = harness_spawn(argv, -1, out_fd, err_fd);
	harness_await(flow_file_size("out") == 7);
	kill(pid, SIGSTOP);
	flow_open_gate();
	flow_await_end("t");
	kill(pid, SIGCONT);
	cr_expect_eq(harness_wait(pid), 4);
	err = harness_read_file(harness_path("err"), NULL);
	for (const char *line = err; (line = strstr(line, "gap: ")) && sscanf(line, "gap: %lu", &lost) == 1; line++)
		all_lost += lost;
	cr_expect_gt(all_lost, 0);
	cr_expect_eq(flow_file_size("out") + all_lost, (size_t)flow_stat("t", "output_bytes"));
	free(err);
	close(out_fd);
	close(err_fd);
}
