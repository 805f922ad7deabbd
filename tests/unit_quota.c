/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/quota.h"
#include "harness.h"

static struct rcasti_quota quota;

static void begin(struct rcast_engine_options options)
{
	rcasti_quota_init(&quota, &options);
}

static uid_t other(void)
{
	return geteuid() + 1000;
}

static void expect_nothing_held(void)
{
	for (int i = 0; i < RCASTI_N_RESOURCES; i++)
		cr_expect_eq(quota.all.held[i], 0, "resource %d", i);
	cr_expect(cds_list_empty(&quota.users));
	cr_expect_eq(quota.all.n_refs, 1);
}

HARNESS_TEST(quota, what_a_connection_holds_its_user_and_all_hold)
{
	struct rcasti_account *one, *two, *another;

	begin((struct rcast_engine_options){0});
	cr_assert_eq(rcasti_account_open(&quota, other(), &one), 0);
	cr_assert_eq(rcasti_account_open(&quota, other(), &two), 0);
	cr_assert_eq(rcasti_account_open(&quota, other() + 1, &another), 0);
	cr_assert_eq(one->over, two->over);
	cr_assert_neq(one->over, another->over);
	cr_assert_eq(rcasti_account_take(one, RCASTI_READERS, 3), 0);
	cr_assert_eq(rcasti_account_take(two, RCASTI_READERS, 4), 0);
	cr_assert_eq(rcasti_account_take(another, RCASTI_READERS, 5), 0);
	cr_expect_eq(one->held[RCASTI_READERS], 3);
	cr_expect_eq(one->over->held[RCASTI_READERS], 7);
	cr_expect_eq(quota.all.held[RCASTI_READERS], 12);
	cr_expect_eq(quota.all.held[RCASTI_CONNECTIONS], 3);
	cr_expect_eq(quota.all.held[RCASTI_QUEUED_BYTES], 3 * RCASTI_LINK_QUEUE_BYTES);
	rcasti_account_give(one, RCASTI_READERS, 3);
	rcasti_account_give(two, RCASTI_READERS, 4);
	rcasti_account_give(another, RCASTI_READERS, 5);
	rcasti_account_close(one);
	rcasti_account_close(another);
	rcasti_account_close(two);
	expect_nothing_held();
}

HARNESS_TEST(quota, whoever_is_full_refuses_and_says_so)
{
	struct rcasti_account *one, *two;
	char why[128];

	begin((struct rcast_engine_options){
		.max_readers = 6, .per_connection = {.max_readers = 3}, .per_user = {.max_readers = 5}});
	cr_assert_eq(rcasti_account_open(&quota, 7, &one), 0);
	cr_assert_eq(rcasti_account_open(&quota, 7, &two), 0);
	cr_assert_eq(rcasti_account_take(one, RCASTI_READERS, 4), -ENOBUFS);
	cr_assert_eq(rcasti_account_take(one, RCASTI_READERS, 3), 0);
	cr_assert_eq(rcasti_account_take(one, RCASTI_READERS, 1), -ENOBUFS);
	rcasti_account_explain(one, RCASTI_READERS, 1, why, sizeof why);
	cr_expect_str_eq(why, "this connection has 3 readers, and may have 3 at the most");
	cr_assert_eq(rcasti_account_take(two, RCASTI_READERS, 2), 0);
	cr_assert_eq(rcasti_account_take(two, RCASTI_READERS, 1), -ENOBUFS);
	rcasti_account_explain(two, RCASTI_READERS, 1, why, sizeof why);
	cr_expect_str_eq(why, "user 7 has 5 readers, and may have 5 at the most");
	cr_assert_eq(rcasti_account_take(&quota.all, RCASTI_READERS, 2), -ENOBUFS);
	rcasti_account_explain(&quota.all, RCASTI_READERS, 2, why, sizeof why);
	cr_expect_str_eq(why, "the engine has 5 readers, and takes 6 at the most");
	cr_assert_eq(two->held[RCASTI_READERS], 2, "what is refused is not counted");
	cr_assert_eq(quota.all.held[RCASTI_READERS], 5);
	rcasti_account_close(one);
	rcasti_account_close(two);
}

/* The engine's owner and root have all of it, others an eighth; what is said is for everybody. */
HARNESS_TEST(quota, others_have_a_share)
{
	static const struct {
		uid_t uid;
		uint32_t said, most;
	} users[] = {{0, 0, 80}, {65000, 0, 10}, {0, 20, 20}, {65000, 20, 20}};
	struct rcasti_account *account;

	for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
		begin((struct rcast_engine_options){.max_connections = 80, .per_user = {.max_connections = users[i].said}});
		cr_assert_eq(rcasti_account_open(&quota, users[i].uid, &account), 0);
		cr_expect_eq(account->over->most[RCASTI_CONNECTIONS], users[i].most);
		rcasti_account_close(account);
		expect_nothing_held();
	}
	begin((struct rcast_engine_options){.max_connections = 3});
	cr_assert_eq(rcasti_account_open(&quota, 65000, &account), 0, "an eighth of three is one");
	rcasti_account_close(account);
}

HARNESS_TEST(quota, a_connection_too_many_leaves_nothing)
{
	struct rcasti_account *first, *second;

	begin((struct rcast_engine_options){.per_user = {.max_connections = 1}});
	cr_assert_eq(rcasti_account_open(&quota, 7, &first), 0);
	cr_assert_eq(rcasti_account_open(&quota, 7, &second), -ENOBUFS);
	rcasti_account_close(first);
	expect_nothing_held();
	begin((struct rcast_engine_options){.per_connection = {.max_queued_bytes = 1}});
	cr_assert_eq(rcasti_account_open(&quota, 7, &second), -ENOBUFS);
	expect_nothing_held();
}

/* As a session that was started on a connection which has gone. */
HARNESS_TEST(quota, an_account_lives_until_all_is_given_back)
{
	struct rcasti_account *account;

	begin((struct rcast_engine_options){0});
	cr_assert_eq(rcasti_account_open(&quota, 7, &account), 0);
	cr_assert_eq(rcasti_account_take(account, RCASTI_SESSIONS, 1), 0);
	rcasti_account_ref(account);
	rcasti_account_close(account);
	cr_expect_eq(quota.all.held[RCASTI_CONNECTIONS], 0);
	cr_expect_eq(account->over->held[RCASTI_SESSIONS], 1);
	rcasti_account_give(account, RCASTI_SESSIONS, 1);
	rcasti_account_unref(account);
	expect_nothing_held();
}

/* A user may have thousands of subordinate uids. */
HARNESS_TEST(quota, however_many_others_there_are_they_leave_an_eighth)
{
	struct rcasti_account *accounts[81], *own;
	char why[128];
	int n = 0;

	begin((struct rcast_engine_options){.max_connections = 80});
	while (n < 80 && rcasti_account_open(&quota, other() + (uid_t)n, &accounts[n]) == 0)
		n++;
	cr_expect_eq(n, 70);
	rcasti_account_explain(accounts[0]->over, RCASTI_CONNECTIONS, 1, why, sizeof why);
	cr_expect_str_eq(why, "users other than the engine's have 70 connections, and may have 70 at the most");
	cr_expect_eq(rcasti_account_open(&quota, geteuid(), &own), 0);
	rcasti_account_close(own);
	while (n > 0)
		rcasti_account_close(accounts[--n]);
	expect_nothing_held();
}
