/* SPDX-License-Identifier: MIT */
/*
 * Finding sessions: every socket in rcast_socket_folder is an engine, or what is left of one.
 *
 * A *probe* is one engine that is being asked. A batch of probes is asked at once and waited for together, up to one common
 * deadline, so an engine that hangs (stopped, in a debugger) costs its deadline once and hides no other. What does not
 * answer, or answers nonsense, is left out: a search must not fail because one engine is ill. It does fail where we ourselves
 * lack what it takes to ask even one. Sockets of dead engines are removed by rcast_socket_dial on the way.
 *
 * Called by programs; calls connection.c.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"

#define PATIENCE_MS 2000
#define PROBES_AT_ONCE 64

struct probe {
	struct rcast_client *client; /* NULL: nobody there */
	struct rcasti_exchange exchange;
	struct rcasti_session_list list;   /* the answer, when all sessions are asked for */
	struct rcast_session_info session; /* the answer, when one is */
	bool judged;
};

struct search {
	const Ringcast__Wire__Request *request;
	bool for_one;
	struct rcasti_session_list all; /* of all engines that answered */
	struct rcast_client *found;     /* the engine that has the one */
};

/* Errors that say nothing about who was asked. */
static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS;
}

/* 0, also if nobody is there; or what we lack to find that out. */
static int open_probe(const struct search *search, struct probe *probe, const char *folder, const char *name)
{
	char path[4096];
	int result;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
		return 0;
	result = rcast_client_connect(path, &probe->client);
	if (result < 0)
		return is_shortage(result) ? result : 0;
	probe->exchange.client = probe->client;
	probe->exchange.reply = search->for_one ? rcasti_session_reply : rcasti_session_list_reply;
	probe->exchange.user = search->for_one ? (void *)&probe->session : (void *)&probe->list;
	probe->exchange.result = rcasti_exchange_begin(&probe->exchange, search->request, -1);
	probe->exchange.done = probe->exchange.result < 0;
	return 0;
}

static void close_probe(struct probe *probe)
{
	if (!probe->client)
		return;
	rcasti_exchange_abandon(&probe->exchange);
	rcast_client_free(probe->client);
	free(probe->list.sessions);
}

static bool is_waiting(const struct probe *probe)
{
	return probe->client && !probe->exchange.done && !probe->client->down;
}

/* Wait for any of the probes to move, and let all that can move do so. False: the time is up, or nobody is left to wait for. */
static bool turn_probes(struct probe *probes, size_t n_probes, uint64_t deadline_ms)
{
	struct pollfd polled[PROBES_AT_ONCE];
	uint64_t now_ms = rcasti_clock_ms();
	nfds_t n_polled = 0;

	for (size_t i = 0; i < n_probes; i++) {
		if (is_waiting(&probes[i]))
			polled[n_polled++] = (struct pollfd){.fd = rcast_link_fd(probes[i].client->link),
							     .events = rcast_link_events(probes[i].client->link)};
	}
	if (n_polled == 0 || now_ms >= deadline_ms)
		return false;
	if (poll(polled, n_polled, (int)(deadline_ms - now_ms)) < 0 && errno != EINTR)
		return false;
	for (size_t i = 0; i < n_probes; i++) {
		if (is_waiting(&probes[i]))
			rcasti_client_dispatch(probes[i].client);
	}
	return true;
}

static int append_sessions(struct rcasti_session_list *all, const struct rcasti_session_list *more)
{
	size_t n = all->n_sessions + more->n_sessions;
	void *grown;

	if (more->n_sessions == 0)
		return 0;
	grown = realloc(all->sessions, n * sizeof *all->sessions);
	if (!grown)
		return -ENOMEM;
	all->sessions = grown;
	memcpy(all->sessions + all->n_sessions, more->sessions, more->n_sessions * sizeof *all->sessions);
	all->n_sessions = n;
	return 0;
}

/* Make use of a whole answer. 1: the search is over. */
static int judge_probe(struct search *search, struct probe *probe)
{
	if (probe->exchange.result < 0)
		return 0;
	if (!search->for_one)
		return append_sessions(&search->all, &probe->list);
	if (!probe->session.name[0])
		return 0;
	rcasti_exchange_abandon(&probe->exchange);
	search->found = probe->client;
	probe->client = NULL;
	return 1;
}

static int judge_probes(struct search *search, struct probe *probes, size_t n_probes)
{
	int result = 0;

	for (size_t i = 0; i < n_probes && result == 0; i++) {
		if (!probes[i].client || !probes[i].exchange.done || probes[i].judged)
			continue;
		probes[i].judged = true;
		result = judge_probe(search, &probes[i]);
	}
	return result;
}

/* All that there are descriptors for, *n_probes of them. An error if that is none. */
static int open_probes(const struct search *search, struct probe *probes, const char *folder, struct dirent *const *entries,
		       size_t *n_probes)
{
	size_t n = 0;
	int result = 0;

	while (n < *n_probes && (result = open_probe(search, &probes[n], folder, entries[n]->d_name)) == 0)
		n++;
	*n_probes = n;
	return n > 0 ? 0 : result;
}

/* Ask the first of *n_names; says there how many those were. 1: the search is over. */
static int ask_batch(struct search *search, const char *folder, struct dirent *const *entries, size_t *n_names)
{
	struct probe *probes = calloc(*n_names, sizeof *probes);
	uint64_t deadline_ms = rcasti_clock_ms() + PATIENCE_MS;
	int result;

	if (!probes)
		return -ENOMEM;
	result = open_probes(search, probes, folder, entries, n_names);
	if (result == 0) {
		do {
			result = judge_probes(search, probes, *n_names);
		} while (result == 0 && turn_probes(probes, *n_names, deadline_ms));
	}
	for (size_t i = 0; i < *n_names; i++)
		close_probe(&probes[i]);
	free(probes);
	return result;
}

static int may_be_socket(const struct dirent *entry)
{
	return entry->d_type == DT_SOCK || entry->d_type == DT_UNKNOWN;
}

static int ask_all(struct search *search)
{
	char folder[4096];
	struct dirent **entries;
	int n_entries, result = rcast_socket_folder(folder, sizeof folder);
	size_t n;

	if (result < 0)
		return result;
	n_entries = scandir(folder, &entries, may_be_socket, alphasort);
	if (n_entries < 0)
		return -errno;
	for (int at = 0; at < n_entries && result == 0; at += (int)n) {
		n = n_entries - at < PROBES_AT_ONCE ? (size_t)(n_entries - at) : PROBES_AT_ONCE;
		result = ask_batch(search, folder, entries + at, &n);
	}
	for (int i = 0; i < n_entries; i++)
		free(entries[i]);
	free(entries);
	return result;
}

int rcast_find_sessions(rcast_session_callback *callback, void *user)
{
	Ringcast__Wire__List list = RINGCAST__WIRE__LIST__INIT;
	Ringcast__Wire__Request request = RINGCAST__WIRE__REQUEST__INIT;
	struct search search = {.request = &request};
	int result;

	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_LIST;
	request.list = &list;
	result = ask_all(&search);
	if (result == 0)
		result = rcasti_session_list_call(&search.all, callback, user);
	free(search.all.sessions);
	return result;
}

int rcast_client_connect_session(const char *session, struct rcast_client **client)
{
	Ringcast__Wire__Describe describe = RINGCAST__WIRE__DESCRIBE__INIT;
	Ringcast__Wire__Request request = RINGCAST__WIRE__REQUEST__INIT;
	struct search search = {.request = &request, .for_one = true};
	int result;

	*client = NULL;
	if (!rcast_name_is_valid(session))
		return -EINVAL;
	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_DESCRIBE;
	request.describe = &describe;
	describe.session = (char *)session;
	result = ask_all(&search);
	if (result < 0)
		return result;
	*client = search.found;
	return search.found ? 0 : -ENOENT;
}
