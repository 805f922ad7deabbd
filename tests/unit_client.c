/* SPDX-License-Identifier: MIT */
/*
 * Connections and commands, against engines that answer late, wrongly, or not at all.
 */
#include "fake_engine.h"

#include <errno.h>
#include <string.h>

HARNESS_TEST(client, nobody_there)
{
	struct rcast_client *client = (struct rcast_client *)1;

	cr_expect_eq(rcast_client_connect(fake_engine_path("nobody"), &client), -ENOENT);
	cr_expect_null(client);
	cr_expect_eq(rcast_client_connect_session("nobody", &client), -ENOENT);
	cr_expect_eq(rcast_client_connect_session("no/body", &client), -EINVAL);
}

static void refuse(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	switch (request->command_case) {
	case RINGCAST__WIRE__REQUEST__COMMAND_KILL:
		return fake_reply_error(circuit, EPERM, "you may not\x1b[2J");
	case RINGCAST__WIRE__REQUEST__COMMAND_RESIZE:
		return fake_reply_error(circuit, EINVAL, "");
	default:
		return fake_reply_error(circuit, -1, "neither yes nor no");
	}
}

HARNESS_TEST(client, refusals_become_an_errno_and_a_clean_line)
{
	struct rcast_client *client = fake_connect(refuse);

	cr_expect_str_eq(rcast_client_error(client), "");
	cr_expect_eq(rcast_client_kill(client, "x"), -EPERM);
	cr_expect_str_eq(rcast_client_error(client), "you may not?[2J");
	cr_expect_eq(rcast_client_resize(client, "x", 1, 1), -EINVAL);
	cr_expect(strstr(rcast_client_error(client), "Invalid argument"));
	cr_expect_eq(rcast_client_signal(client, "x", 1), -EPROTO);
	rcast_client_free(client);
}

/* Keeps the first request waiting until the second one has come. */
static void answer_late(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	static struct rcast_circuit *first;

	if (!first) {
		first = circuit;
		return;
	}
	fake_reply_session(first, "late", RCAST_LAST);
	fake_reply_session(circuit, "second", RCAST_LAST);
}

HARNESS_TEST(client, late_replies_disturb_nobody)
{
	struct rcast_client *client = fake_connect(answer_late);
	struct rcast_session_info info;

	rcast_client_set_timeout(client, 20);
	cr_expect_eq(rcast_client_describe(client, "first", &info), -ETIMEDOUT);
	cr_expect(strstr(rcast_client_error(client), "in time"));
	rcast_client_set_timeout(client, HARNESS_BOUND_MS);
	cr_expect_eq(rcast_client_describe(client, "second", &info), 0);
	cr_expect_str_eq(info.name, "second");
	rcast_client_free(client);
}

static void send_rubbish(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			 struct rcast_message *message)
{
	struct iovec rubbish = {.iov_base = (char *)"\xff\xff\xff\xff", .iov_len = 4};

	rcast_circuit_send(circuit, &rubbish, 1, RCAST_LAST);
}

HARNESS_TEST(client, rubbish_ends_the_connection)
{
	struct rcast_client *client = fake_connect(send_rubbish);

	cr_expect_eq(rcast_client_kill(client, "x"), -EPROTO);
	cr_expect(strstr(rcast_client_error(client), "broke the protocol"));
	cr_expect_eq(rcast_client_kill(client, "x"), -EPROTO, "and it stays ended");
	rcast_client_free(client);
}

static void die(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	_exit(1);
}

HARNESS_TEST(client, death_of_the_engine_is_epipe)
{
	struct rcast_client *client = fake_connect(die);

	cr_expect_eq(rcast_client_kill(client, "x"), -EPIPE);
	cr_expect_str_eq(rcast_client_error(client), "the engine is gone");
	cr_expect_eq(rcast_client_restrict_to_view(client), -EPIPE);
	rcast_client_free(client);
}

/* Sessions without end: a client has to stop listening some time. */
static void list_for_ever(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			  struct rcast_message *message)
{
	for (int i = 0; i < 1000; i++)
		fake_reply_session(circuit, "again", 0);
}

static int count(void *user, const struct rcast_session_info *info)
{
	return ++*(int *)user, 0;
}

HARNESS_TEST(client, unfinished_lists_are_not_believed)
{
	struct rcast_client *client = fake_connect(list_for_ever);
	int n = 0;

	rcast_client_set_timeout(client, 50);
	cr_expect_eq(rcast_client_list(client, count, &n), -ETIMEDOUT);
	cr_expect_eq(n, 0);
	rcast_client_free(client);
}

static void answer_nonsense(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			    struct rcast_message *message)
{
	fake_reply_session(circuit, "not/a/name", RCAST_LAST);
}

HARNESS_TEST(client, impossible_answers_are_refused)
{
	struct rcast_client *client = fake_connect(answer_nonsense);
	struct rcast_session_stats stats;
	struct rcast_session_info info;
	int n = 0;

	cr_expect_eq(rcast_client_describe(client, "x", &info), -EPROTO);
	cr_expect_eq(rcast_client_list(client, count, &n), -EPROTO);
	cr_expect_eq(rcast_client_stats(client, "x", &stats), -EPROTO);
	rcast_client_free(client);
}
