/* SPDX-License-Identifier: MIT */
/*
 * Nobody uses up the engine for the others. Whatever a client can make the engine hold is counted three times, in accounts that
 * stand one over the other:
 *
 *   a connection ─► the user who made it ─► all
 *
 * What is taken is taken from all three, or, if one of them is full, from none: then it is refused, in a line that says who has
 * how much. So the account of a user is the sum of its connections', and that of all is the sum of the users'. Each resource is
 * taken in one place and given back in one place:
 *
 *   connections, queued bytes of links,
 *     their descriptors                    rcasti_account_open                rcasti_account_close
 *   sessions                               start.c, before anything is made   rcasti_session_free
 *   readers, queued bytes of deliveries,
 *     their descriptors                    rcasti_attach                      detach in attach.c
 *   queued bytes and descriptor of a
 *     keyframe in pieces                   rcasti_keyframe_hand_out           rcasti_keyframe_take_back
 *   exchanges                              rcasti_exchange_open               on_ended in exchange.c
 *   descriptors in flight                  rcasti_connection_take_fds         when the client has read them: connection.c, unread.c
 *
 * Descriptors are short in two ways: a process may have only so many open, and when it is at that limit, what a client sends with
 * its next message is lost, and the client with it; and as many may be in flight of a user, for all of its processes. Both
 * limits are RLIMIT_NOFILE. So what is kept open for clients and what is in flight to them are one sum, three quarters of that
 * limit; the rest is for sessions, for what clients send, and for the embedder.
 *
 * The keyframer is the engine's own: it has an account that stands alone, and is bounded by the number of sessions.
 *
 * A user is a uid, as SO_PEERCRED says it; a connection that was handed over is that of who made it. The engine's own uid and
 * root may by default use all of the engine, since they could end it as well; others have an eighth each. However many of those
 * there are (one user may have thousands of subordinate uids), they have an account of their own between them and all, so that an
 * eighth is left to the engine's own user. What the embedder starts itself counts in the account of all and nowhere else.
 *
 * Queued bytes are counted as what may come to wait for a client at the worst, not as what does: so the answer to
 * "how much memory can they make us use" does not depend on what they do.
 *
 * An account lives until nothing refers to it: a session outlives the connection that has started it.
 */
#include "engine/quota.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	ENGINE_SESSIONS = 1024,
	ENGINE_CONNECTIONS = 1024,
	ENGINE_READERS = 4096,
	SHARE_OF_OTHERS = 8, /* they may have an eighth of what all may */
};

static const struct rcast_quota default_per_connection = {
	.max_connections = 1,
	.max_sessions = 256,
	.max_readers = 1024,
	.max_exchanges = 1024,
	.max_queued_bytes = 16 << 20,
	.max_fds_in_flight = 256,
};

static const struct rcast_quota default_per_other = {
	.max_exchanges = 2048,
	.max_queued_bytes = 64 << 20,
	.max_fds_in_flight = 512,
};

static const char *const names[RCASTI_N_RESOURCES] = {"connections",
						      "sessions",
						      "readers",
						      "open exchanges",
						      "bytes that may wait for it",
						      "descriptors on their way",
						      "descriptors open or on their way"};

static const struct rcasti_cost connection_costs[] = {
	{RCASTI_CONNECTIONS, 1},
	{RCASTI_QUEUED_BYTES, RCASTI_LINK_QUEUE_BYTES},
	{RCASTI_DESCRIPTORS, 2}, /* the socket, and its process */
};
enum { N_CONNECTION_COSTS = sizeof connection_costs / sizeof connection_costs[0] };

/* ── Limits ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static struct rcast_quota complete(const struct rcast_quota *given, const struct rcast_quota *otherwise)
{
	return (struct rcast_quota){
		.max_connections = or_default(given->max_connections, otherwise->max_connections),
		.max_sessions = or_default(given->max_sessions, otherwise->max_sessions),
		.max_readers = or_default(given->max_readers, otherwise->max_readers),
		.max_exchanges = or_default(given->max_exchanges, otherwise->max_exchanges),
		.max_queued_bytes = or_default(given->max_queued_bytes, otherwise->max_queued_bytes),
		.max_fds_in_flight = or_default(given->max_fds_in_flight, otherwise->max_fds_in_flight),
	};
}

/* Rounded up: an eighth of little is still one. */
static uint32_t share(uint32_t most)
{
	return most / SHARE_OF_OTHERS + (most % SHARE_OF_OTHERS != 0);
}

static void set_limits(struct rcasti_account *account, const struct rcast_quota *quota, uint32_t max_descriptors)
{
	account->most[RCASTI_CONNECTIONS] = quota->max_connections;
	account->most[RCASTI_SESSIONS] = quota->max_sessions;
	account->most[RCASTI_READERS] = quota->max_readers;
	account->most[RCASTI_EXCHANGES] = quota->max_exchanges;
	account->most[RCASTI_QUEUED_BYTES] = quota->max_queued_bytes;
	account->most[RCASTI_FDS_IN_FLIGHT] = quota->max_fds_in_flight;
	account->most[RCASTI_DESCRIPTORS] = max_descriptors;
}

static uint32_t affordable_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > UINT32_MAX)
		return UINT32_MAX;
	return (uint32_t)(limit.rlim_cur / 4 * 3);
}

void rcasti_quota_init(struct rcasti_quota *quota, const struct rcast_engine_options *options)
{
	const struct rcast_quota all = {
		.max_connections = or_default(options->max_connections, ENGINE_CONNECTIONS),
		.max_sessions = or_default(options->max_sessions, ENGINE_SESSIONS),
		.max_readers = or_default(options->max_readers, ENGINE_READERS),
		.max_exchanges = UINT32_MAX,
		.max_queued_bytes = UINT32_MAX,
		.max_fds_in_flight = UINT32_MAX,
	};
	struct rcast_quota others = default_per_other;

	others.max_connections = share(all.max_connections);
	others.max_sessions = share(all.max_sessions);
	others.max_readers = share(all.max_readers);
	*quota = (struct rcasti_quota){.owner = geteuid(), .all.n_refs = 1, .others = {.over = &quota->all, .n_refs = 1}};
	set_limits(&quota->all, &all, affordable_descriptors());
	for (int i = 0; i < RCASTI_N_RESOURCES; i++)
		quota->others.most[i] = quota->all.most[i] - quota->all.most[i] / SHARE_OF_OTHERS;
	quota->per_connection = complete(&options->per_connection, &default_per_connection);
	quota->per_connection.max_connections = 1;
	quota->per_user = complete(&options->per_user, &all);
	quota->per_other = complete(&options->per_user, &others);
	CDS_INIT_LIST_HEAD(&quota->users);
}

/* ── Accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct rcasti_account *account_new(struct rcasti_account *over, uid_t uid, const struct rcast_quota *limits,
					  uint32_t max_descriptors)
{
	struct rcasti_account *account = calloc(1, sizeof *account);

	if (!account)
		return NULL;
	account->over = over ? rcasti_account_ref(over) : NULL;
	account->uid = uid;
	account->n_refs = 1;
	set_limits(account, limits, max_descriptors);
	CDS_INIT_LIST_HEAD(&account->node);
	return account;
}

struct rcasti_account *rcasti_account_ref(struct rcasti_account *account)
{
	account->n_refs++;
	return account;
}

/* Those of all and of all others are part of the engine, which holds them for good. */
void rcasti_account_unref(struct rcasti_account *account)
{
	while (account && --account->n_refs == 0) {
		struct rcasti_account *over = account->over;

		cds_list_del(&account->node);
		free(account);
		account = over;
	}
}

/* Found, or made; a reference that is the caller's. */
static struct rcasti_account *user_account(struct rcasti_quota *quota, uid_t uid)
{
	bool is_ours = uid == quota->owner || uid == 0;
	uint32_t most = quota->all.most[RCASTI_DESCRIPTORS];
	struct rcasti_account *account;

	cds_list_for_each_entry (account, &quota->users, node)
		if (account->uid == uid)
			return rcasti_account_ref(account);
	account = is_ours ? account_new(&quota->all, uid, &quota->per_user, most)
			  : account_new(&quota->others, uid, &quota->per_other, share(most));
	if (!account)
		return NULL;
	account->is_users = true;
	cds_list_add_tail(&account->node, &quota->users);
	return account;
}

int rcasti_account_open(struct rcasti_quota *quota, uid_t uid, struct rcasti_account **account)
{
	struct rcasti_account *user = user_account(quota, uid);
	int error;

	*account = user ? account_new(user, uid, &quota->per_connection, quota->all.most[RCASTI_DESCRIPTORS] / 2) : NULL;
	if (user)
		rcasti_account_unref(user);
	if (!*account)
		return -ENOMEM;
	error = rcasti_account_take_all(*account, connection_costs, N_CONNECTION_COSTS, NULL);
	if (error)
		rcasti_account_unref(*account);
	return error;
}

int rcasti_account_open_boundless(struct rcasti_account **account)
{
	static const struct rcast_quota boundless = {
		.max_connections = UINT32_MAX,
		.max_sessions = UINT32_MAX,
		.max_readers = UINT32_MAX,
		.max_exchanges = UINT32_MAX,
		.max_queued_bytes = UINT32_MAX,
		.max_fds_in_flight = UINT32_MAX,
	};

	*account = account_new(NULL, geteuid(), &boundless, UINT32_MAX);
	return *account ? rcasti_account_take_all(*account, connection_costs, N_CONNECTION_COSTS, NULL) : -ENOMEM;
}

void rcasti_account_close(struct rcasti_account *account)
{
	rcasti_account_give_all(account, connection_costs, N_CONNECTION_COSTS);
	rcasti_account_unref(account);
}

/* ── Taking and giving back ──────────────────────────────────────────────────────────────────────────────────────────── */

static const struct rcasti_account *find_full(const struct rcasti_account *account, enum rcasti_resource resource,
					      uint32_t n)
{
	while (account && n <= account->most[resource] - account->held[resource])
		account = account->over;
	return account;
}

int rcasti_account_take(struct rcasti_account *account, enum rcasti_resource resource, uint32_t n)
{
	if (find_full(account, resource, n))
		return -ENOBUFS;
	for (; account; account = account->over)
		account->held[resource] += n;
	return 0;
}

void rcasti_account_give(struct rcasti_account *account, enum rcasti_resource resource, uint32_t n)
{
	for (; account; account = account->over)
		account->held[resource] -= n;
}

int rcasti_account_take_all(struct rcasti_account *account, const struct rcasti_cost *costs, int n_costs,
			    struct rcasti_cost *missing)
{
	for (int i = 0; i < n_costs; i++) {
		if (rcasti_account_take(account, costs[i].resource, costs[i].n) == 0)
			continue;
		rcasti_account_give_all(account, costs, i);
		if (missing)
			*missing = costs[i];
		return -ENOBUFS;
	}
	return 0;
}

void rcasti_account_give_all(struct rcasti_account *account, const struct rcasti_cost *costs, int n_costs)
{
	for (int i = 0; i < n_costs; i++)
		rcasti_account_give(account, costs[i].resource, costs[i].n);
}

int rcasti_account_take_fds(struct rcasti_account *account, uint32_t n, struct rcasti_cost *missing)
{
	const struct rcasti_cost costs[] = {{RCASTI_FDS_IN_FLIGHT, n}, {RCASTI_DESCRIPTORS, n}};

	return rcasti_account_take_all(account, costs, 2, missing);
}

void rcasti_account_give_fds(struct rcasti_account *account, uint32_t n)
{
	const struct rcasti_cost costs[] = {{RCASTI_FDS_IN_FLIGHT, n}, {RCASTI_DESCRIPTORS, n}};

	rcasti_account_give_all(account, costs, 2);
}

void rcasti_account_explain(const struct rcasti_account *account, enum rcasti_resource resource, uint32_t n, char *text,
			    size_t text_bytes)
{
	const struct rcasti_account *full = find_full(account, resource, n);
	uint32_t held = full ? full->held[resource] : 0, most = full ? full->most[resource] : 0;

	if (!full || !full->over)
		snprintf(text, text_bytes, "the engine has %u %s, and takes %u at the most", held, names[resource], most);
	else if (full->over->over == NULL && !full->is_users)
		snprintf(text, text_bytes, "users other than the engine's have %u %s, and may have %u at the most", held,
			 names[resource], most);
	else if (full->is_users)
		snprintf(text, text_bytes, "user %u has %u %s, and may have %u at the most", (unsigned int)full->uid, held,
			 names[resource], most);
	else
		snprintf(text, text_bytes, "this connection has %u %s, and may have %u at the most", held, names[resource],
			 most);
}
