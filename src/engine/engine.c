/* SPDX-License-Identifier: MIT */
/*
 * The engine puts the parts together; it does nothing itself.
 *
 *   control   sockets, commands, timers, the session table, spawning      connection, exchange, commands, attach, steward, start
 *   pump      PTYs and pipes into rings                                   pump
 *   notifier  rings readers that sleep                                    notifier, doorbell, readers
 *
 *   control ── letters ──► pump ── doorbell ──► notifier
 *           ◄── letters ──                        │
 *           ◄── "somebody is gone", a flag ───────┘
 *
 * Each of the three is a step that can be run by a thread of its own or, one after the other and without waiting, by
 * rcast_engine_dispatch. They share nothing but what is said to be shared in engine.h and session.h: mailboxes, the doorbell, the
 * slots of the table and the lists of readers, which are RCU's.
 *
 * ThreadSanitizer understands neither ck's assembly nor urcu, and would see races where there are none; so the order of what
 * is shared is argued where it is shared, and the tests run the three threads under AddressSanitizer instead.
 *
 * Stopping is an eventfd that stays readable, in both loops, and a ring of the doorbell.
 */
#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <urcu-bp.h>

#include <ringcast/circuit.h>

#include "engine/connection.h"
#include "engine/notifier.h"
#include "engine/readers.h"
#include "engine/start.h"
#include "engine/steward.h"

enum {
	ALL_RIGHTS = RCAST_RIGHT_VIEW | RCAST_RIGHT_INPUT | RCAST_RIGHT_ADMIN,
};

/* ── Making ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int resolve_path(const struct rcast_engine_options *options, char *path, size_t path_bytes)
{
	char folder[sizeof((struct sockaddr_un *)0)->sun_path];
	const char *name = options->name ? options->name : "";
	int error, n;

	if (!options->name == !options->path || (options->name && !rcast_name_is_valid(name)))
		return -EINVAL;
	if (options->path) {
		n = snprintf(path, path_bytes, "%s", options->path);
		return n >= 0 && (size_t)n < path_bytes ? 0 : -ENAMETOOLONG;
	}
	error = rcast_socket_folder(folder, sizeof folder);
	if (error)
		return error;
	n = snprintf(path, path_bytes, "%s/%s", folder, name);
	return n >= 0 && (size_t)n < path_bytes ? 0 : -ENAMETOOLONG;
}

static void ignore(struct rcasti_source *source, uint32_t events)
{
}

static void init(struct rcast_engine *engine, const struct rcast_engine_options *options)
{
	rcasti_quota_init(&engine->quota, options);
	rcasti_unread_init(&engine->unread, &engine->control);
	engine->max_lease_ms = options->max_lease_ms;
	rcasti_stall_init(&engine->stall, options->evict_after_ms, options->max_behind_bytes);
	engine->both_fd = engine->stop_fd = -1;
	engine->control.epoll_fd = engine->control.timer_fd = -1;
	engine->pump.loop.epoll_fd = engine->pump.loop.timer_fd = -1;
	engine->mail.event_fd = engine->pump.inbox.event_fd = -1;
	engine->mail_source.ready = rcasti_steward_on_mail;
	engine->stop_sources[0].ready = engine->stop_sources[1].ready = ignore;
	rcasti_keyframers_init(engine);
	rcasti_listener_init(&engine->listeners[0], engine, ALL_RIGHTS, false);
	rcasti_listener_init(&engine->listeners[1], engine, RCAST_RIGHT_VIEW, options->view_by_others);
	CDS_INIT_LIST_HEAD(&engine->connections);
	CDS_INIT_LIST_HEAD(&engine->touched);
	CDS_INIT_LIST_HEAD(&engine->children);
	CDS_INIT_LIST_HEAD(&engine->condemned);
	CDS_INIT_LIST_HEAD(&engine->retired);
}

static int add_to_both(struct rcast_engine *engine, int epoll_fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(engine->both_fd, EPOLL_CTL_ADD, epoll_fd, &event) == 0 ? 0 : -errno;
}

static int watch_all(struct rcast_engine *engine)
{
	int error = rcasti_loop_watch(&engine->control, &engine->mail_source, engine->mail.event_fd, EPOLLIN);

	if (!error)
		error = rcasti_loop_watch(&engine->control, &engine->stop_sources[0], engine->stop_fd, EPOLLIN);
	if (!error)
		error = rcasti_loop_watch(&engine->pump.loop, &engine->stop_sources[1], engine->stop_fd, EPOLLIN);
	if (!error)
		error = add_to_both(engine, engine->control.epoll_fd);
	if (!error)
		error = add_to_both(engine, engine->pump.loop.epoll_fd);
	return error;
}

/* Everything but the socket. What was opened before an error is left to close_parts. */
static int open_parts(struct rcast_engine *engine, uint32_t max_sessions)
{
	size_t n_letters = (size_t)max_sessions * RCASTI_N_LETTERS;
	int error = rcasti_loop_open(&engine->control);

	if (!error)
		error = rcasti_table_open(&engine->table, max_sessions);
	if (!error)
		error = rcasti_mailbox_open(&engine->mail, n_letters);
	if (!error)
		error = rcasti_pump_open(&engine->pump, n_letters, &engine->mail, &engine->doorbell);
	if (error)
		return error;
	engine->both_fd = epoll_create1(EPOLL_CLOEXEC);
	engine->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->both_fd < 0 || engine->stop_fd < 0)
		return -errno;
	return watch_all(engine);
}

static void close_parts(struct rcast_engine *engine)
{
	rcasti_keyframers_close(engine);
	if (engine->both_fd >= 0)
		close(engine->both_fd);
	if (engine->stop_fd >= 0)
		close(engine->stop_fd);
	rcasti_pump_close(&engine->pump);
	rcasti_mailbox_close(&engine->mail);
	rcasti_table_close(&engine->table);
	rcasti_loop_close(&engine->control);
}

static int listen_at(struct rcast_engine *engine, const char *path, const char *view_path)
{
	int error = rcasti_listener_open(&engine->listeners[0], path);

	if (!error && view_path)
		error = rcasti_listener_open(&engine->listeners[1], view_path);
	if (error)
		rcasti_listener_close(&engine->listeners[0]);
	return error;
}

int rcast_engine_create(const struct rcast_engine_options *options, struct rcast_engine **engine)
{
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	struct rcast_engine *made;
	int error = options->max_sessions > RCASTI_DOORBELL_SLOTS ? -EINVAL : resolve_path(options, path, sizeof path);

	*engine = NULL;
	if (error)
		return error;
	made = calloc(1, sizeof *made);
	if (!made)
		return -ENOMEM;
	init(made, options);
	rcasti_doorbell_init(&made->doorbell, made->quota.all.most[RCASTI_SESSIONS]);
	error = open_parts(made, made->quota.all.most[RCASTI_SESSIONS]);
	if (!error && options->keyframer)
		error = rcasti_keyframers_set_path(made, options->keyframer);
	if (!error)
		error = listen_at(made, path, options->view_path);
	if (error) {
		close_parts(made);
		free(made);
		return error;
	}
	*engine = made;
	return 0;
}

/* ── Ending ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void remove_sessions(struct rcast_engine *engine)
{
	struct rcast_session *session;

	while ((session = rcasti_table_after(&engine->table, "")) != NULL)
		rcasti_session_remove(session);
}

static void free_connections(struct rcast_engine *engine)
{
	struct rcasti_connection *connection, *next;

	cds_list_for_each_entry_safe (connection, next, &engine->connections, node)
		rcasti_connection_free(connection);
	rcasti_unread_close(&engine->unread);
}

/* Their letters are still with the pump, which runs no more. */
static void free_sessions(struct rcast_engine *engine)
{
	rcasti_steward_sweep(engine);
	for (uint32_t slot = 0; slot < engine->table.max_sessions; slot++)
		if (engine->table.slots[slot])
			rcasti_session_free(engine->table.slots[slot]);
}

void rcast_engine_free(struct rcast_engine *engine)
{
	if (!engine)
		return;
	rcasti_listener_close(&engine->listeners[0]);
	rcasti_listener_close(&engine->listeners[1]);
	remove_sessions(engine);
	free_connections(engine);
	rcasti_keyframers_close(engine);
	free_sessions(engine);
	rcasti_children_end(&engine->children);
	close_parts(engine);
	free(engine);
}

/* ── Running ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

int rcast_engine_fd(const struct rcast_engine *engine)
{
	return engine->both_fd;
}

static bool is_stopped(const struct rcast_engine *engine)
{
	return atomic_load_explicit(&engine->stopped, memory_order_relaxed);
}

int rcast_engine_control(struct rcast_engine *engine, int timeout_ms)
{
	int error = is_stopped(engine) ? -ENODATA : rcasti_loop_run(&engine->control, timeout_ms);

	if (error)
		return error;
	rcasti_connections_refresh(engine);
	rcasti_steward_sweep(engine);
	return is_stopped(engine) ? -ENODATA : 0;
}

int rcast_engine_pump(struct rcast_engine *engine, int timeout_ms)
{
	int error = is_stopped(engine) ? -ENODATA : rcasti_pump_run(&engine->pump, timeout_ms);

	return error ? error : is_stopped(engine) ? -ENODATA : 0;
}

int rcast_engine_notify(struct rcast_engine *engine, int timeout_ms)
{
	if (!is_stopped(engine))
		rcasti_notifier_run(engine, timeout_ms);
	return is_stopped(engine) ? -ENODATA : 0;
}

int rcast_engine_dispatch(struct rcast_engine *engine)
{
	int error = rcast_engine_control(engine, 0);

	if (!error)
		error = rcast_engine_pump(engine, 0);
	if (!error)
		error = rcast_engine_notify(engine, 0);
	return error;
}

void rcast_engine_stop(struct rcast_engine *engine)
{
	uint64_t one = 1;
	int saved = errno;

	atomic_store_explicit(&engine->stopped, true, memory_order_relaxed);
	if (write(engine->stop_fd, &one, sizeof one) < 0)
		errno = saved;
	rcasti_doorbell_ring(&engine->doorbell);
}

/* It may be called outside a turn of control: the poke makes a turn, for the link to be watched. */
int rcast_engine_adopt_take(struct rcast_engine *engine, int socket_fd, unsigned int rights)
{
	int error;

	if (!(rights & RCAST_RIGHT_VIEW) || (rights & ~(unsigned int)ALL_RIGHTS)) {
		close(socket_fd);
		return -EINVAL;
	}
	error = rcasti_connection_open_take(engine, socket_fd, rights, false);
	rcasti_mailbox_poke(&engine->mail);
	return error;
}

uint32_t rcast_engine_n_sessions(const struct rcast_engine *engine)
{
	return engine->table.n_sessions;
}

/* ── Sessions ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

int rcast_engine_start_pty(struct rcast_engine *engine, const struct rcast_session_options *options,
			   const struct rcast_program *program, struct rcast_session **session)
{
	const char *failed;

	return rcasti_start_pty(engine, &engine->quota.all, options, program, session, &failed);
}

int rcast_engine_start_pipe_take(struct rcast_engine *engine, const struct rcast_session_options *options, int fd,
				 struct rcast_session **session)
{
	return rcasti_start_pipe_take(engine, &engine->quota.all, options, fd, session);
}

int rcast_engine_start_owned(struct rcast_engine *engine, const struct rcast_session_options *options,
			     struct rcast_session **session)
{
	return rcasti_start_owned(engine, options, session);
}

const char *rcast_session_name(const struct rcast_session *session)
{
	return session->name;
}

struct rcast_writer *rcast_session_writer(struct rcast_session *session)
{
	return session->kind == RCASTI_OWNED ? session->writer : NULL;
}

void rcast_session_notify(struct rcast_session *session)
{
	rcasti_session_count(session);
	rcasti_notifier_ring(session);
}

/* It may be called outside a turn of control: the poke makes a turn, for what was sent and what is to be freed. */
void rcast_session_close(struct rcast_session *session)
{
	struct rcast_engine *engine = session->engine;

	rcasti_session_end(session);
	rcasti_mailbox_poke(&engine->mail);
}
