/* SPDX-License-Identifier: MIT */
/* What a connection, a user and all together hold of the engine, and the most that each may. The model is in quota.c. */
#ifndef RCASTI_ENGINE_QUOTA_H
#define RCASTI_ENGINE_QUOTA_H

#include <sys/types.h>

#include <urcu/list.h>

#include <ringcast/engine.h>

enum rcasti_resource {
	RCASTI_CONNECTIONS,
	RCASTI_SESSIONS,
	RCASTI_READERS,
	RCASTI_EXCHANGES,
	RCASTI_QUEUED_BYTES,
	RCASTI_FDS_IN_FLIGHT,
	RCASTI_DESCRIPTORS, /* those, and what is open for a client */
	RCASTI_N_RESOURCES,
};

struct rcasti_account {
	struct rcasti_account *over; /* whose is what this one holds, too; NULL: it is that of all */
	bool is_users;               /* of all connections that `uid` has made, and not of one connection */
	uid_t uid;
	uint32_t n_refs; /* accounts under it, and who holds it by rcasti_account_ref */
	uint32_t held[RCASTI_N_RESOURCES], most[RCASTI_N_RESOURCES];
	struct cds_list_head node; /* a user's: of all users' */
};

/* All of it is control's. */
struct rcasti_quota {
	struct rcasti_account all, others; /* others: all users but the engine's own and root */
	uid_t owner;                       /* the engine's own uid */
	struct rcast_quota per_connection, per_user, per_other;
	struct cds_list_head users;
};

void rcasti_quota_init(struct rcasti_quota *quota, const struct rcast_engine_options *options);

/* What one connection queues on its link, taken with the connection itself. */
#define RCASTI_LINK_QUEUE_BYTES (256u << 10)

/*
 * The account of a new connection of this user, which holds one connection and its queue. -ENOBUFS: that is one too many.
 * Unref it when the connection has gone, and given back all else.
 */
int rcasti_account_open(struct rcasti_quota *quota, uid_t uid, struct rcasti_account **account);
/* The same for the engine's own: counted for itself alone, and without limits. -ENOMEM. */
int rcasti_account_open_boundless(struct rcasti_account **account);
void rcasti_account_close(struct rcasti_account *account);

/* For who gives something back after the connection has gone. */
struct rcasti_account *rcasti_account_ref(struct rcasti_account *account);
void rcasti_account_unref(struct rcasti_account *account);

/* Take it from the account and those over it. -ENOBUFS: one of them is full, and nothing was taken. */
int rcasti_account_take(struct rcasti_account *account, enum rcasti_resource resource, uint32_t n);
void rcasti_account_give(struct rcasti_account *account, enum rcasti_resource resource, uint32_t n);

/* The same for several, of which all are taken or none; then *missing, which may be NULL, is what could not be. */
struct rcasti_cost {
	enum rcasti_resource resource;
	uint32_t n;
};
int rcasti_account_take_all(struct rcasti_account *account, const struct rcasti_cost *costs, int n_costs,
			    struct rcasti_cost *missing);
void rcasti_account_give_all(struct rcasti_account *account, const struct rcasti_cost *costs, int n_costs);

/* n descriptors in flight, or kept open until they can be. */
int rcasti_account_take_fds(struct rcasti_account *account, uint32_t n, struct rcasti_cost *missing);
void rcasti_account_give_fds(struct rcasti_account *account, uint32_t n);

/* Why n more cannot be taken, in a line. */
void rcasti_account_explain(const struct rcasti_account *account, enum rcasti_resource resource, uint32_t n, char *text,
			    size_t text_bytes);

#endif
