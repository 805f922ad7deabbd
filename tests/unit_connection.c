/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <sys/resource.h>

#include "control/link.h"
#include "control/transport.h"
#include "engine/connection.h"
#include "scene.h"

static void begin(void)
{
	scene_begin(false, (struct rcast_engine_options){0});
}

static struct rcasti_connection *first_connection(void)
{
	wire_await(&wire, !cds_list_empty(&host.engine->connections));
	return cds_list_entry(host.engine->connections.next, struct rcasti_connection, node);
}

HARNESS_TEST(connection, begins_with_all_rights_and_knows_its_peer)
{
	begin();
	cr_assert_eq(first_connection()->rights, RCAST_RIGHT_VIEW | RCAST_RIGHT_INPUT | RCAST_RIGHT_ADMIN);
	cr_assert_eq(first_connection()->pid, getpid());
	cr_assert_eq(wire_restrict(&wire), 0);
	cr_assert_eq(first_connection()->rights, RCAST_RIGHT_VIEW);
	scene_finish();
}

HARNESS_TEST(connection, goes_when_the_socket_does)
{
	struct wire other;

	begin();
	wire_open(&other, &host);
	wire_await(&wire, host.engine->quota.all.held[RCASTI_CONNECTIONS] == 2);
	wire_close(&other);
	wire_await(&wire, host.engine->quota.all.held[RCASTI_CONNECTIONS] == 1);
	scene_finish();
}

/* Not a circuit in sight: the link breaks, the others do not. */
HARNESS_TEST(connection, noise_is_hung_up_on)
{
	struct wire_reply *reply;
	int fd;
	char byte;

	begin();
	fd = rcast_socket_dial(host.path);
	cr_assert_eq(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	wire_await(&wire, host.engine->quota.all.held[RCASTI_CONNECTIONS] == 1 && first_connection()->link != NULL);
	harness_await((wire_turn(&wire), poll(&(struct pollfd){.fd = fd, .events = POLLRDHUP}, 1, 0) == 1));
	while (read(fd, &byte, 1) > 0)
		continue;
	close(fd);
	reply = wire_describe(&wire, "t");
	cr_assert_null(reply);
	scene_finish();
}

/* Without descriptors accepting pauses; the engine neither spins nor forgets those who wait. */
HARNESS_TEST(connection, accepting_pauses_when_descriptors_run_out)
{
	struct rlimit before, none;
	struct wire late;

	begin();
	cr_assert(!wire_has(&wire, "t"));
	wire_open(&late, &host);
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	for (int i = 0; i < 20; i++)
		wire_engine_turn(&host);
	cr_assert_eq(host.engine->listeners[0].source.events, 0);
	cr_assert_eq(poll(&(struct pollfd){.fd = rcast_engine_fd(host.engine), .events = POLLIN}, 1, 0), 0, "it spins");
	setrlimit(RLIMIT_NOFILE, &before);
	wire_await(&late, host.engine->quota.all.held[RCASTI_CONNECTIONS] == 2);
	cr_assert(!wire_has(&late, "t"));
	wire_close(&late);
	scene_finish();
}

static ssize_t (*working_send)(struct rcasti_transport *transport, const uint8_t *bytes, size_t n_bytes, const int *fds,
			       int n_fds);
static int n_held_up;

static ssize_t send_held_up(struct rcasti_transport *transport, const uint8_t *bytes, size_t n_bytes, const int *fds,
			    int n_fds)
{
	return n_held_up-- > 0 ? -ETOOMANYREFS : working_send(transport, bytes, n_bytes, fds, n_fds);
}

/* Nothing but the engine's own timer makes it try again: the client has said all, and its socket is writable all the time. */
HARNESS_TEST(connection, a_reply_that_the_kernel_holds_up_is_sent_later)
{
	struct rcasti_transport_ops ops;
	struct rcasti_transport *transport;

	begin();
	cr_assert(!wire_has(&wire, "t"));
	transport = first_connection()->link->transport;
	ops = *transport->ops;
	working_send = ops.send;
	ops.send = send_held_up;
	transport->ops = &ops;
	n_held_up = 5;
	cr_assert(!wire_has(&wire, "t"));
	cr_assert_lt(n_held_up, 0);
	scene_finish();
}

/* What follows sessions for keyframes may be in somebody else's hands. */
HARNESS_TEST(connection, a_keyframer_holds_for_half_a_second_and_only_whom_it_was_to_follow)
{
	struct tap_options for_ever = {.lease_ms = UINT32_MAX};
	struct rcast_session *session;
	struct tap tap;

	begin();
	cr_assert_eq(wire_start_shell(&wire, "t", "sleep 600"), 0);
	session = rcasti_table_find(&host.engine->table, "t");
	first_connection()->keyframer = &host.engine->keyframers.common;
	cr_assert_eq(tap_open(&tap, &wire, "t", for_ever), -EEXIST, "nobody has asked it to");
	session->keyframes.awaits_reader = true;
	cr_assert_eq(tap_open(&tap, &wire, "t", for_ever), 0);
	cr_expect_eq(tap.lease_ms, 500);
	tap_close(&tap);
	cr_assert_eq(tap_open(&tap, &wire, "t", for_ever), -EEXIST, "it would have its lease anew");
	cr_assert_eq(wire_restrict(&wire), 0);
	cr_assert_eq(tap_open(&tap, &wire, "t", for_ever), -EEXIST,
		     "and to be a reader like others, of whom it may have any number");
	scene_finish();
}
