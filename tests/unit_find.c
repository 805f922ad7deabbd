/* SPDX-License-Identifier: MIT */
/*
 * Finding sessions among engines that are well, ill, stopped and dead.
 */
#include "fake_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const char *own_session;

static void answer_well(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	if (request->command_case == RINGCAST__WIRE__REQUEST__COMMAND_DESCRIBE) {
		if (strcmp(request->describe->session, own_session) == 0)
			fake_reply_session(circuit, own_session, RCAST_LAST);
		else
			fake_reply_error(circuit, ENOENT, "no such session");
		return;
	}
	fake_reply_session(circuit, own_session, RCAST_LAST);
}

static void never_answer(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			 struct rcast_message *message)
{
}

/* One session, then not a word more. */
static void answer_half(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	fake_reply_session(circuit, "half", 0);
}

static void start_well(const char *engine, const char *session)
{
	own_session = session;
	fake_engine_start(fake_engine_path(engine), answer_well);
}

static int note_name(void *user, const struct rcast_session_info *info)
{
	strcat(strcat(user, info->name), " ");
	return 0;
}

HARNESS_TEST(find, nothing_at_all)
{
	char names[256] = "";

	cr_expect_eq(rcast_find_sessions(note_name, names), 0);
	cr_expect_str_eq(names, "");
}

HARNESS_TEST(find, sessions_of_all_engines_in_order)
{
	struct rcast_client *client;
	char names[256] = "";

	start_well("e1", "zebra");
	start_well("e2", "ant");
	start_well("e3", "mole");
	cr_expect_eq(rcast_find_sessions(note_name, names), 0);
	cr_expect_str_eq(names, "ant mole zebra ");
	cr_expect_eq(rcast_client_connect_session("mole", &client), 0);
	rcast_client_free(client);
	cr_expect_eq(rcast_client_connect_session("cow", &client), -ENOENT);
}

HARNESS_TEST(find, the_ill_hide_nobody)
{
	struct rcast_client *client;
	char names[256] = "";
	pid_t dead = fake_engine_start(fake_engine_path("dead"), never_answer);

	fake_engine_start(fake_engine_path("a-hung"), never_answer);
	kill(fake_engine_start(fake_engine_path("b-stopped"), answer_well), SIGSTOP);
	fake_engine_start(fake_engine_path("c-half"), answer_half);
	start_well("well", "mole");
	kill(dead, SIGKILL);
	harness_wait(dead);
	close(open(harness_path("ringcast/no-socket"), O_CREAT | O_WRONLY, 0600));

	cr_expect_eq(rcast_find_sessions(note_name, names), 0);
	cr_expect_str_eq(names, "mole ");
	cr_expect_eq(rcast_client_connect_session("mole", &client), 0);
	rcast_client_free(client);
	cr_expect_neq(access(harness_path("ringcast/dead"), F_OK), 0, "the dead engine's socket was cleared away");
	cr_expect_eq(access(harness_path("ringcast/no-socket"), F_OK), 0, "and nothing else was");
}

HARNESS_TEST(find, more_engines_than_are_asked_at_once)
{
	char names[4096] = "", session[16];
	int n = 0;

	for (int i = 0; i < 70; i++) {
		snprintf(session, sizeof session, "s%02d", i);
		start_well(session, session);
	}
	cr_expect_eq(rcast_find_sessions(note_name, names), 0);
	for (const char *c = names; *c; c++)
		n += *c == ' ';
	cr_expect_eq(n, 70);
}

/* Of so many at once as there are descriptors for; and if that is none, it is not said that there is nobody. */
HARNESS_TEST(find, with_few_descriptors)
{
	struct rlimit limit = {.rlim_max = RLIM_INFINITY};
	char names[256] = "", session[16];
	struct rcast_client *client;
	int n_used = 0, held_fds[2];

	for (int i = 0; i < 8; i++) {
		snprintf(session, sizeof session, "s%d", i);
		start_well(session, session);
	}
	while (fcntl(n_used, F_GETFD) >= 0)
		n_used++;
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)n_used + 3;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(rcast_find_sessions(note_name, names), 0);
	cr_expect_str_eq(names, "s0 s1 s2 s3 s4 s5 s6 s7 ");
	cr_expect_eq(rcast_client_connect_session("s7", &client), 0);
	rcast_client_free(client);

	for (size_t i = 0; i < 2; i++)
		held_fds[i] = dup(STDERR_FILENO);
	cr_expect_eq(rcast_client_connect_session("s7", &client), -EMFILE);
	cr_expect_eq(rcast_find_sessions(note_name, names), -EMFILE);
	for (size_t i = 0; i < 2; i++)
		close(held_fds[i]);
}

HARNESS_TEST(find, folder_of_the_wrong_kind)
{
	char names[16] = "";
	struct rcast_client *client;

	fake_engine_path("any");
	chmod(harness_path("ringcast"), 0755);
	cr_expect_eq(rcast_find_sessions(note_name, names), -EACCES);
	cr_expect_eq(rcast_client_connect_session("x", &client), -EACCES);
}

static int stop_at_once(void *user, const struct rcast_session_info *info)
{
	return ++*(int *)user == 1 ? 77 : 0;
}

HARNESS_TEST(find, callback_can_end_the_walk)
{
	int n = 0;

	start_well("e1", "a");
	start_well("e2", "b");
	cr_expect_eq(rcast_find_sessions(stop_at_once, &n), 77);
	cr_expect_eq(n, 1);
}
