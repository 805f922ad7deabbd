/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "engine/connection.h"
#include "engine/input.h"
#include "harness.h"

static struct rcasti_loop loop;
static struct rcasti_input input;
static int read_fd;

static void begin(void)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	cr_assert_eq(rcasti_loop_open(&loop), 0);
	rcasti_input_init(&input, &loop);
	input.fd = ends[1];
	read_fd = ends[0];
}

static void finish(void)
{
	rcasti_input_close(&input);
	rcasti_loop_close(&loop);
	close(read_fd);
}

/* Everything that comes out is the count 0, 1, 2, … in bytes; returns how many came. */
static size_t drain(size_t from)
{
	unsigned char buffer[4096];
	size_t n_bytes = 0;
	ssize_t n;

	while ((n = read(read_fd, buffer, sizeof buffer)) > 0) {
		for (ssize_t i = 0; i < n; i++, n_bytes++)
			cr_assert_eq(buffer[i], (unsigned char)(from + n_bytes));
		rcasti_loop_run(&loop, 0);
	}
	return n_bytes;
}

/* Chunks of 1000 until one is refused; returns what was accepted. */
static size_t fill(void)
{
	unsigned char chunk[1000];
	size_t n_bytes = 0;

	for (;;) {
		for (size_t i = 0; i < sizeof chunk; i++)
			chunk[i] = (unsigned char)(n_bytes + i);
		if (rcasti_input_push(&input, chunk, sizeof chunk, NULL, 0) < 0)
			return n_bytes;
		n_bytes += sizeof chunk;
	}
}

HARNESS_TEST(input, is_written_at_once_if_it_can_be)
{
	begin();
	cr_assert_eq(rcasti_input_push(&input, "\0\1\2", 3, NULL, 0), RCASTI_INPUT_WRITTEN);
	cr_assert_eq(rcasti_input_push(&input, "", 0, NULL, 0), RCASTI_INPUT_WRITTEN);
	cr_assert_eq(rcasti_input_push(&input, NULL, 0, NULL, 0), RCASTI_INPUT_WRITTEN, "as an empty message has it");
	cr_assert_eq(drain(0), 3);
	cr_assert_eq(input.n_written_bytes, 3);
	cr_assert_eq(input.source.events, 0, "nobody waits for room");
	finish();
}

HARNESS_TEST(input, what_waits_is_bounded_and_comes_in_order)
{
	size_t n_bytes;

	begin();
	n_bytes = fill();
	cr_assert_gt(n_bytes, 1 << 20);
	cr_assert_leq(input.n_waiting_bytes, 1 << 20);
	cr_assert_eq(rcasti_input_push(&input, &(char[4096]){0}, 4096, NULL, 0), -EAGAIN);
	cr_assert_eq(drain(0), n_bytes);
	cr_assert_eq(input.n_waiting_bytes, 0);
	cr_assert_eq(input.source.events, 0);
	cr_assert_eq(input.n_written_bytes, n_bytes);
	finish();
}

HARNESS_TEST(input, a_closed_terminal_takes_none)
{
	begin();
	fill();
	signal(SIGPIPE, SIG_IGN);
	close(read_fd);
	rcasti_loop_run(&loop, -1);
	cr_assert_eq(input.n_waiting_bytes, 0, "it is dropped");
	cr_assert_eq(input.source.events, 0);
	cr_assert_eq(rcasti_input_push(&input, "x", 1, NULL, 0), -ENODATA);
	read_fd = -1;
	rcasti_input_close(&input);
	cr_assert_eq(rcasti_input_push(&input, "x", 1, NULL, 0), -ENODATA);
	finish();
}

/* ── Credit ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct rcast_engine engine;
static struct rcasti_connection connection = {.engine = &engine};

static enum rcast_consumed on_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	int outcome = rcasti_input_push(&input, message->data, message->n_bytes, circuit, message->n_bytes);

	cr_assert_geq(outcome, 0);
	return outcome == RCASTI_INPUT_WAITS ? RCAST_HELD : RCAST_CONSUMED;
}

static void on_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	rcasti_input_forget(&input, circuit);
}

static const struct rcast_circuit_ops circuit_ops = {.message = on_message, .ended = on_ended};

static void on_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	rcast_circuit_set_handler(circuit, &circuit_ops, user);
}

static const struct rcast_link_ops link_ops = {.begun = on_begun};

static void turn(struct rcast_link *links[2])
{
	for (int i = 0; i < 4; i++)
		cr_assert_eq(rcast_link_dispatch(links[i % 2]), 0);
}

static size_t pour(struct rcast_circuit *circuit, struct rcast_link *links[2], size_t from)
{
	unsigned char chunk[4000];
	struct iovec iov = {.iov_base = chunk, .iov_len = sizeof chunk};
	size_t n_bytes = 0;

	for (int n_refused = 0; n_refused < 5;) {
		for (size_t i = 0; i < sizeof chunk; i++)
			chunk[i] = (unsigned char)(from + n_bytes + i);
		if (rcast_circuit_send(circuit, &iov, 1, 0) == 0)
			n_bytes += sizeof chunk;
		else
			n_refused++;
		turn(links);
	}
	return n_bytes;
}

HARNESS_TEST(input, keeps_the_credit_of_what_waits)
{
	void *users[2] = {NULL, &connection};
	struct rcast_circuit *circuit;
	struct rcast_link *links[2];
	size_t n_bytes, n_more;

	begin();
	CDS_INIT_LIST_HEAD(&engine.touched);
	CDS_INIT_LIST_HEAD(&connection.touched);
	cr_assert_eq(rcast_link_open_memory_pair(NULL, &link_ops, users, links), 0);
	cr_assert_eq(rcast_circuit_begin(links[0], &circuit_ops, NULL, &circuit), 0);
	n_bytes = pour(circuit, links, 0);
	cr_assert_geq(n_bytes, 200000, "a window and a pipe");
	cr_assert_leq(n_bytes, 400000);
	cr_assert_eq(drain(0), n_bytes);
	cr_assert(!cds_list_empty(&engine.touched), "its connection has something to send");
	/* The credit is back, so the same fits again; and it is written though its sender leaves. */
	n_more = pour(circuit, links, n_bytes);
	cr_assert_geq(n_more, 200000);
	rcast_link_free(links[0]);
	rcast_link_free(links[1]);
	cr_assert_eq(drain(n_bytes), n_more);
	finish();
}

/* What is kept of a single byte is much more than that byte. */
HARNESS_TEST(input, memory_is_bounded_however_short_the_pieces_are)
{
	size_t n_pieces = 0;

	begin();
	rcasti_input_pause(&input);
	while (n_pieces < 1 << 20 && rcasti_input_push(&input, "x", 1, NULL, 0) == RCASTI_INPUT_WAITS)
		n_pieces++;
	cr_expect_gt(n_pieces, 4096);
	cr_expect_lt(n_pieces * 64, 2 << 20);
	rcasti_input_resume(&input);
	cr_expect_eq(input.n_waiting_bytes, 0);
	finish();
}
