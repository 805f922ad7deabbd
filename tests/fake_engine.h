/* SPDX-License-Identifier: MIT */
/*
 * An engine that says what a test wants it to: a child process that listens where the client looks, and answers each request
 * with the test's function. It serves its links until it is killed, at the end of the test if not before.
 */
#ifndef RINGCAST_TESTS_FAKE_ENGINE_H
#define RINGCAST_TESTS_FAKE_ENGINE_H

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <ringcast/circuit.h>
#include <ringcast/client.h>

#include "control/schema.h"
#include "harness.h"
#include "ringcast.pb-c.h"

/* Answer the first message of an exchange, now or later. */
typedef void fake_answer(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			 struct rcast_message *message);

static inline enum rcast_consumed fake_ignore(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	return RCAST_CONSUMED;
}

static inline enum rcast_consumed fake_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	static const struct rcast_circuit_ops ignore = {.message = fake_ignore};
	fake_answer **answer = user;
	const char *wrong;
	Ringcast__Wire__Request *request = rcasti_schema_unpack_request(message, &wrong);

	rcast_circuit_set_handler(circuit, &ignore, NULL);
	if (request)
		(*answer)(circuit, request, message);
	ringcast__wire__request__free_unpacked(request, NULL);
	return RCAST_CONSUMED;
}

static inline void fake_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	static const struct rcast_circuit_ops ops = {.message = fake_message};

	rcast_circuit_set_handler(circuit, &ops, user);
}

static inline void fake_serve(int listen_fd, fake_answer *answer)
{
	static const struct rcast_link_ops ops = {.begun = fake_begun};
	struct rcast_link *links[16];
	struct pollfd polled[17] = {{.fd = listen_fd, .events = POLLIN}};
	int n_links = 0;

	for (;;) {
		for (int i = 0; i < n_links; i++)
			polled[i + 1] =
				(struct pollfd){.fd = rcast_link_fd(links[i]), .events = rcast_link_events(links[i])};
		poll(polled, (nfds_t)n_links + 1, -1);
		for (int i = n_links - 1; i >= 0; i--) {
			if (polled[i + 1].revents && rcast_link_dispatch(links[i]) < 0) {
				rcast_link_free(links[i]);
				links[i] = links[--n_links];
			}
		}
		if (polled[0].revents && n_links < 16 &&
		    rcast_link_open_take(accept(listen_fd, NULL, NULL), RCAST_ACCEPTED, NULL, &ops, &answer,
					 &links[n_links]) == 0)
			n_links++;
	}
}

static inline pid_t fake_engine_start(const char *path, fake_answer *answer)
{
	int listen_fd = rcast_socket_listen(path);
	pid_t pid;

	cr_assert(listen_fd >= 0);
	pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fake_serve(listen_fd, answer);
	}
	close(listen_fd);
	return pid;
}

/* Where an engine of this name listens. */
static inline const char *fake_engine_path(const char *name)
{
	char folder[256];

	cr_assert_eq(rcast_socket_folder(folder, sizeof folder), 0);
	return harness_path("ringcast/%s", name);
}

static inline void fake_fill_info(Ringcast__Wire__SessionInfo *info, const char *name)
{
	ringcast__wire__session_info__init(info);
	info->name = (char *)name;
	info->kind = RCAST_SESSION_PTY;
	info->cols = 80;
	info->rows = 24;
	info->ring_bytes = 65536;
}

static inline void fake_reply_session(struct rcast_circuit *circuit, const char *name, unsigned int flags)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__SessionInfo info;

	fake_fill_info(&info, name);
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_SESSION;
	reply.session = &info;
	rcasti_schema_send(circuit, &reply.base, flags, NULL, 0);
}

static inline void fake_reply_error(struct rcast_circuit *circuit, int error, const char *message)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;

	reply.error = error;
	reply.message = (char *)message;
	rcasti_schema_send(circuit, &reply.base, RCAST_LAST, NULL, 0);
}

/* Attached, with the descriptors (taken) that go with delivery by ring. */
static inline void fake_reply_attached(struct rcast_circuit *circuit, const int *take_fds, int n_fds)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__Attached attached = RINGCAST__WIRE__ATTACHED__INIT;
	Ringcast__Wire__SessionInfo info;

	fake_fill_info(&info, "fake");
	attached.session = &info;
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_ATTACHED;
	reply.attached = &attached;
	rcasti_schema_send(circuit, &reply.base, 0, take_fds, n_fds);
}

static inline void fake_send_piece(struct rcast_circuit *circuit, uint64_t sequence, uint64_t pos, const char *text)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__Piece piece = RINGCAST__WIRE__PIECE__INIT;

	piece.pos = pos;
	piece.next_pos = pos + 64;
	piece.kind = RCAST_MARKER;
	piece.stamped = true;
	piece.sequence = sequence;
	piece.total_bytes = (uint32_t)strlen(text);
	piece.data.data = (uint8_t *)text;
	piece.data.len = strlen(text);
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_PIECE;
	reply.piece = &piece;
	rcasti_schema_send(circuit, &reply.base, 0, NULL, 0);
}

static inline void fake_send_notice(struct rcast_circuit *circuit, Ringcast__Wire__Notice *notice, unsigned int flags)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;

	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_NOTICE;
	reply.notice = notice;
	rcasti_schema_send(circuit, &reply.base, flags, NULL, 0);
}

static inline void fake_send_evicted(struct rcast_circuit *circuit, const char *why)
{
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;

	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_EVICTED;
	notice.evicted = (char *)why;
	fake_send_notice(circuit, &notice, RCAST_LAST);
}

/* ── The client's side ───────────────────────────────────────────────────────────────────────────────────────────────── */

static inline struct rcast_client *fake_connect(fake_answer *answer)
{
	struct rcast_client *client;
	const char *path = fake_engine_path("fake");

	fake_engine_start(path, answer);
	cr_assert_eq(rcast_client_connect(path, &client), 0);
	return client;
}

static inline void fake_await_readable(const struct rcast_view *view)
{
	struct pollfd polled = {.fd = rcast_view_fd(view), .events = POLLIN};

	cr_assert_eq(poll(&polled, 1, HARNESS_BOUND_MS), 1, "nothing woke the view");
}

/* The next thing that is not "nothing yet". */
static inline int fake_next(struct rcast_view *view, struct rcast_record *record)
{
	int outcome;

	while ((outcome = rcast_view_next(view, record)) == RCAST_EMPTY)
		fake_await_readable(view);
	return outcome;
}

static inline void fake_expect_record(struct rcast_view *view, const char *text)
{
	struct rcast_record record;

	cr_assert_eq(fake_next(view, &record), RCAST_RECORD);
	cr_expect_eq(record.n_bytes, strlen(text));
	cr_expect_eq(memcmp(record.data, text, strlen(text)), 0, "%s", text);
}

#endif
