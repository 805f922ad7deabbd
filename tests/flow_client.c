/* SPDX-License-Identifier: MIT */
/*
 * The client library in a loop that is not its own: views are one fd each, beside whatever else the program polls.
 */
#include "flow_kit.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include <ringcast/client.h>

/* A program that follows several views in its epoll loop, and hashes what it gets. */
struct viewer {
	struct rcast_view *view;
	uint64_t hash;
	size_t n_output;
	int end; /* RCAST_ENDED or an error, once it is there */
};

static uint64_t hash(uint64_t before, const unsigned char *data, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++)
		before = (before ^ data[i]) * UINT64_C(0x100000001b3);
	return before;
}

static void open_viewer(struct viewer *viewer, struct rcast_client *client, bool by_circuit, int epoll_fd)
{
	struct rcast_view_options options = {.by_circuit = by_circuit};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = viewer};

	*viewer = (struct viewer){0};
	cr_assert_eq(rcast_view_open(client, "t", &options, &viewer->view), 0, "%s", rcast_client_error(client));
	cr_assert_eq(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, rcast_view_fd(viewer->view), &event), 0);
}

static void drain(struct viewer *viewer, int epoll_fd)
{
	struct rcast_record record;
	int outcome;

	while ((outcome = rcast_view_next(viewer->view, &record)) == RCAST_RECORD) {
		if (record.kind != RCAST_OUTPUT)
			continue;
		viewer->hash = hash(viewer->hash, record.data, record.n_bytes);
		viewer->n_output += record.n_bytes;
	}
	if (outcome == RCAST_EMPTY)
		return;
	viewer->end = outcome;
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, rcast_view_fd(viewer->view), NULL);
}

/* Each turn does only what epoll asks for, so a lost wake-up shows as a wait in vain. */
static void turn_until_all_ended(int epoll_fd, const struct viewer *viewers, int n_viewers)
{
	int n_ended;

	do {
		struct epoll_event events[8];
		int n = epoll_wait(epoll_fd, events, 8, HARNESS_BOUND_MS);

		cr_assert_gt(n, 0, "waited in vain");
		for (int i = 0; i < n; i++)
			drain(events[i].data.ptr, epoll_fd);
		n_ended = 0;
		for (int i = 0; i < n_viewers; i++)
			n_ended += viewers[i].end != 0;
	} while (n_ended < n_viewers);
}

HARNESS_TEST(client, several_views_in_another_loop)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct rcast_client *client;
	struct viewer viewers[4];
	size_t n_text;
	char script[256], *text;

	text = flow_seq(60000, &n_text);
	snprintf(script, sizeof script, "read x <%s; seq 1 60000", flow_gate());
	flow_start("t", "4M", script);
	cr_assert_eq(rcast_client_connect_session("t", &client), 0);
	for (int i = 0; i < 4; i++)
		open_viewer(&viewers[i], client, i % 2 == 1, epoll_fd);
	flow_open_gate();
	turn_until_all_ended(epoll_fd, viewers, 4);
	for (int i = 0; i < 4; i++) {
		cr_expect_eq(viewers[i].end, RCAST_ENDED);
		cr_expect_eq(viewers[i].n_output, n_text);
		cr_expect_eq(viewers[i].hash, hash(0, (unsigned char *)text, n_text));
		cr_expect_eq(rcast_view_get_loss(viewers[i].view).n_gaps, 0);
		rcast_view_close(viewers[i].view);
	}
	rcast_client_free(client);
	close(epoll_fd);
	free(text);
}

static int next(struct rcast_view *view, struct rcast_record *record)
{
	struct epoll_event event;
	int outcome, epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	event.events = EPOLLIN;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, rcast_view_fd(view), &event);
	while ((outcome = rcast_view_next(view, record)) == RCAST_EMPTY)
		cr_assert_eq(epoll_wait(epoll_fd, &event, 1, HARNESS_BOUND_MS), 1, "waited in vain");
	close(epoll_fd);
	return outcome;
}

static bool await_output(struct rcast_view *view, const char *text)
{
	char seen[4096] = "";
	struct rcast_record record;
	int outcome;

	while (!strstr(seen, text) && ((outcome = next(view, &record)) == RCAST_RECORD || outcome == RCAST_LAPPED)) {
		if (outcome == RCAST_RECORD && record.kind == RCAST_OUTPUT && strlen(seen) + record.n_bytes < sizeof seen)
			strncat(seen, record.data, record.n_bytes);
	}
	return strstr(seen, text) != NULL;
}

HARNESS_TEST(client, views_with_input_steer_and_those_without_do_not)
{
	struct rcast_view_options options = {.input = true};
	struct rcast_view *with, *without;
	struct rcast_client *client;
	struct rcast_record record;
	char long_input[RCAST_INPUT_MAX + 1] = {0};
	int outcome;

	/* Whoever resizes and then types finds the new size in force when the line arrives. */
	flow_start("t", "64K", "while read line; do echo \"<$line>\"; stty size; done");
	cr_assert_eq(rcast_client_connect_session("t", &client), 0);
	cr_assert_eq(rcast_view_open(client, "t", &options, &with), 0);
	cr_assert_eq(rcast_view_open(client, "t", NULL, &without), 0);
	cr_expect_eq(rcast_view_resize(with, 77, 11), 0);
	cr_expect_eq(rcast_view_send_input(with, "one\r", 4), 0);
	cr_expect(await_output(with, "<one>\r\n11 77"));
	cr_expect_eq(rcast_view_send_input(without, "two\r", 4), -EPERM);
	cr_expect_eq(rcast_view_resize(without, 1, 1), -EPERM);
	cr_expect_eq(rcast_view_send_input(with, long_input, sizeof long_input), -EMSGSIZE);
	cr_expect_eq(rcast_client_send_input(client, "t", "three\r", 6), 0);
	cr_expect(await_output(without, "<three>"));
	cr_expect_eq(rcast_client_signal(client, "t", SIGKILL), 0);
	while ((outcome = next(with, &record)) == RCAST_RECORD)
		continue;
	cr_expect_eq(outcome, RCAST_ENDED);
	rcast_view_close(with);
	rcast_view_close(without);
	rcast_client_free(client);
}

HARNESS_TEST(client, rights_given_up_are_gone)
{
	struct rcast_view_options options = {.input = true};
	struct rcast_session_info info;
	struct rcast_client *client;
	struct rcast_view *view;

	flow_start("t", "64K", "exec cat");
	cr_assert_eq(rcast_client_connect_session("t", &client), 0);
	cr_expect_eq(rcast_client_restrict_to_view(client), 0);
	cr_expect_eq(rcast_client_describe(client, "t", &info), 0);
	cr_expect_eq(rcast_view_open(client, "t", &options, &view), -EPERM);
	cr_expect_eq(rcast_view_open(client, "t", NULL, &view), 0);
	cr_expect_eq(rcast_client_send_input(client, "t", "x", 1), -EPERM);
	cr_expect_eq(rcast_client_resize(client, "t", 10, 10), -EPERM);
	cr_expect_eq(rcast_client_signal(client, "t", SIGTERM), -EPERM);
	cr_expect_eq(rcast_client_kick(client, "t", RCAST_ALL_READERS), -EPERM);
	cr_expect_eq(rcast_client_kill(client, "t"), -EPERM);
	cr_expect_neq(rcast_client_error(client)[0], 0);
	rcast_view_close(view);
	rcast_client_free(client);
	cr_expect_eq(flow_stat("t", "input_bytes"), 0);
}

/* Commands on a connection whose views have plenty to say: each gets its own reply, and no view misses anything. */
HARNESS_TEST(client, commands_between_records)
{
	struct rcast_client *client;
	struct rcast_session_stats stats;
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct viewer viewers[2];
	size_t n_text;
	char *text = flow_seq(60000, &n_text);

	flow_start("t", "4M", "seq 1 60000");
	cr_assert_eq(rcast_client_connect_session("t", &client), 0);
	open_viewer(&viewers[0], client, true, epoll_fd);
	open_viewer(&viewers[1], client, false, epoll_fd);
	for (int i = 0; i < 50; i++) {
		cr_expect_eq(rcast_client_stats(client, "t", &stats), 0);
		cr_expect_eq(stats.n_readers, 2);
		cr_expect_eq(rcast_client_kick(client, "t", 12345), -ENOENT);
	}
	turn_until_all_ended(epoll_fd, viewers, 2);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(viewers[i].end, RCAST_ENDED);
		cr_expect_eq(viewers[i].n_output, n_text);
		rcast_view_close(viewers[i].view);
	}
	cr_expect_eq(rcast_client_stats(client, "t", &stats), 0);
	cr_expect_eq(stats.n_readers, 0, "closed views are detached");
	rcast_client_free(client);
	close(epoll_fd);
	free(text);
}

/* More than any window holds, to a program that takes its time: the view says when to go on, and every byte arrives. */
HARNESS_TEST(client, input_of_any_length)
{
	struct rcast_view_options options = {.input = true};
	size_t n_sent = 0, n_input = 3000000;
	struct rcast_client *client;
	struct rcast_record record;
	struct rcast_view *view;
	bool was_full = false;
	char script[256], *piece = calloc(1, RCAST_INPUT_MAX);

	memset(piece, 'x', RCAST_INPUT_MAX);
	snprintf(script, sizeof script, "stty raw -echo; printf ready; read y <%s; head -c %zu | wc -c", flow_gate(),
		 n_input);
	flow_start("t", "64K", script);
	cr_assert_eq(rcast_client_connect_session("t", &client), 0);
	cr_assert_eq(rcast_view_open(client, "t", &options, &view), 0);
	cr_expect(await_output(view, "ready"));
	while (n_sent < n_input) {
		size_t n = n_input - n_sent < RCAST_INPUT_MAX ? n_input - n_sent : RCAST_INPUT_MAX;
		int result = rcast_view_send_input(view, piece, n);

		if (result == 0) {
			n_sent += n;
			continue;
		}
		cr_assert_eq(result, -EAGAIN);
		if (!was_full)
			flow_open_gate();
		was_full = true;
		poll(&(struct pollfd){.fd = rcast_view_fd(view), .events = POLLIN}, 1, HARNESS_BOUND_MS);
		rcast_view_next(view, &record);
	}
	cr_expect(was_full);
	cr_expect(await_output(view, "3000000"));
	rcast_view_close(view);
	rcast_client_free(client);
	free(piece);
}
