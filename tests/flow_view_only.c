/* SPDX-License-Identifier: MIT */
/*
 * Who may only look: through the view socket, or over one end of a socketpair that was handed over. Every command and any
 * garbage is tried; nothing reaches a program and nothing changes.
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <ringcast/client.h>

#include "tap.h"

enum { GARBAGE_ROUNDS = 200 };

static struct wire_engine host;
static struct wire owner, viewer;
static struct tap screen;

static void begin(bool view_by_others)
{
	struct rcast_engine_options options = {.max_lease_ms = 1000, .view_by_others = view_by_others};

	options.view_path = harness_path("view");
	wire_engine_open(&host, options, false);
	wire_open(&owner, &host);
	cr_assert_eq(wire_start_shell(&owner, "t", "stty -echo; echo ready; while read x; do echo \"[$x]\"; done"), 0);
	cr_assert_eq(tap_open(&screen, &owner, "t", (struct tap_options){0}), 0);
	tap_await(&screen, tap_saw(&screen, "ready"));
}

static void finish(void)
{
	tap_close(&screen);
	wire_close(&owner);
	wire_engine_close(&host);
}

static void link_viewer(int fd)
{
	viewer = (struct wire){.host = &host};
	cr_assert(fd >= 0);
	cr_assert_eq(rcast_link_open_take(fd, RCAST_DIALLED, NULL, &wire_link_ops, &viewer, &viewer.link), 0);
}

static int adopted(unsigned int rights)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(rcast_engine_adopt_take(host.engine, ends[0], rights), 0);
	return ends[1];
}

/* The program is alive and has its size, and what it prints comes from the owner alone. */
static void expect_nothing_changed(void)
{
	cr_assert_eq(wire_input(&owner, "t", "good\n"), 0);
	tap_await(&screen, tap_saw(&screen, "[good]"));
	cr_assert(!tap_saw(&screen, "evil"));
	cr_assert_eq(wire_info(&owner, "t", cols), 80);
	cr_assert_eq(wire_info(&owner, "t", ring_bytes), RCAST_RING_DEFAULT_BYTES);
	cr_assert_eq(wire_info(&owner, "t", n_readers), 1);
	cr_assert_eq(rcast_engine_n_sessions(host.engine), 1);
	cr_assert(!screen.evicted);
	cr_assert_eq(screen.n_moves, 0);
}

static void try_every_command(void)
{
	struct tap tap;

	cr_expect(wire_has(&viewer, "t"), "to look is what it may");
	cr_expect_eq(wire_input(&viewer, "t", "evil\n"), -EPERM);
	cr_expect_eq(wire_resize(&viewer, "t", 10, 10), -EPERM);
	cr_expect_eq(wire_signal(&viewer, "t", 9), -EPERM);
	cr_expect_eq(wire_kick(&viewer, "t", UINT64_MAX), -EPERM);
	cr_expect_eq(wire_resize_ring(&viewer, "t", 1 << 20), -EPERM);
	cr_expect_eq(wire_kill(&viewer, "t"), -EPERM);
	cr_expect_eq(wire_start_shell(&viewer, "evil", "true"), -EPERM);
	cr_expect_eq(tap_open(&tap, &viewer, "t", (struct tap_options){.input = true}), -EPERM);
	cr_expect_eq(tap_open(&tap, &viewer, "t", (struct tap_options){.lease_ms = 5}), -EPERM);
	cr_expect_eq(wire_restrict(&viewer), 0, "this gives nothing back");
	cr_expect_eq(wire_kill(&viewer, "t"), -EPERM);
	cr_assert_eq(tap_open(&tap, &viewer, "t", (struct tap_options){.by_circuit = true}), 0);
	for (int i = 0; i < 20; i++)
		cr_expect_eq(talk_input(&tap.talk, "evil\n", 5), 0);
	cr_expect_eq(talk_resize(&tap.talk, 7, 7), 0);
	tap_await(&tap, tap.complaint == EPERM);
	tap_close(&tap);
}

HARNESS_TEST(view_only, through_its_own_socket_every_command_changes_nothing)
{
	begin(false);
	link_viewer(rcast_socket_dial(harness_path("view")));
	try_every_command();
	expect_nothing_changed();
	harness_figure("every command of a connection that may only look: refused, 0 bytes reached the program, 0 sessions "
		       "changed");
	wire_close(&viewer);
	finish();
}

HARNESS_TEST(view_only, over_a_socketpair_every_command_changes_nothing)
{
	begin(false);
	link_viewer(adopted(RCAST_RIGHT_VIEW));
	try_every_command();
	expect_nothing_changed();
	wire_close(&viewer);
	finish();
}

/* Random bytes as frames, and well-formed requests with bytes changed at random. */
HARNESS_TEST(view_only, garbage_changes_nothing)
{
	Ringcast__Wire__Request request = RINGCAST__WIRE__REQUEST__INIT;
	Ringcast__Wire__Input input = RINGCAST__WIRE__INPUT__INIT;
	uint8_t packed[64], junk[512];
	size_t n_packed;

	begin(false);
	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_INPUT;
	request.input = &input;
	input.session = "t";
	input.data = (ProtobufCBinaryData){.data = (uint8_t *)"evil\n", .len = 5};
	n_packed = ringcast__wire__request__pack(&request, packed);
	for (int i = 0; i < GARBAGE_ROUNDS; i++) {
		int fd = rcast_socket_dial(harness_path("view"));

		cr_assert(fd >= 0);
		for (int n = 0; n < 5; n++) {
			for (size_t at = 0; at < sizeof junk; at++)
				junk[at] = (uint8_t)rand();
			if (send(fd, junk, (size_t)rand() % sizeof junk + 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
				break;
		}
		for (int n = 0; n < 4; n++)
			wire_engine_turn(&host);
		close(fd);
		link_viewer(rcast_socket_dial(harness_path("view")));
		for (int n = 0; n < 3; n++) {
			struct talk talk;

			memcpy(junk, packed, n_packed);
			junk[(size_t)rand() % n_packed] = (uint8_t)rand();
			talk_begin_raw(&talk, &viewer, junk, n_packed, RCAST_LAST, NULL, 0);
			wire_reply_free(talk_next(&talk));
			talk_close(&talk);
		}
		wire_close(&viewer);
	}
	expect_nothing_changed();
	harness_figure(
		"%d connections with garbage, %d requests with a byte changed, over the view socket: 0 bytes reached the "
		"program, 0 sessions changed",
		GARBAGE_ROUNDS, GARBAGE_ROUNDS * 3);
	finish();
}

/* A process with nothing but the descriptor follows like any viewer. */
HARNESS_TEST(view_only, a_socketpair_is_all_a_viewer_needs)
{
	struct rcast_client *client;
	int ends[2];

	begin(false);
	cr_assert_eq(rcast_engine_adopt_take(host.engine, dup(0), RCAST_RIGHT_INPUT), -EINVAL);
	cr_assert_eq(rcast_engine_adopt_take(host.engine, dup(0), 8 | RCAST_RIGHT_VIEW), -EINVAL);
	cr_assert_lt(rcast_engine_adopt_take(host.engine, open("/dev/null", O_RDWR | O_CLOEXEC), RCAST_RIGHT_VIEW), 0);
	cr_assert_lt(rcast_client_open_take(open("/dev/null", O_RDWR | O_CLOEXEC), &client), 0);
	cr_assert_null(client);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(rcast_engine_adopt_take(host.engine, ends[0], RCAST_RIGHT_VIEW | RCAST_RIGHT_INPUT), 0);
	link_viewer(ends[1]);
	cr_assert_eq(wire_input(&viewer, "t", "let in\n"), 0);
	tap_await(&screen, tap_saw(&screen, "[let in]"));
	cr_assert_eq(wire_kill(&viewer, "t"), -EPERM);
	cr_assert_eq(wire_restrict(&viewer), 0);
	cr_assert_eq(wire_input(&viewer, "t", "evil\n"), -EPERM);
	wire_close(&viewer);
	expect_nothing_changed();
	finish();
}

HARNESS_TEST(view_only, the_sockets_modes_say_who_may_come)
{
	struct stat info;

	begin(true);
	cr_assert_eq(stat(harness_path("view"), &info), 0);
	cr_assert_eq(info.st_mode & 0777, 0666);
	cr_assert_eq(stat(harness_path("engine"), &info), 0);
	cr_assert_eq(info.st_mode & 0777, 0600);
	finish();
	cr_assert_neq(access(harness_path("view"), F_OK), 0, "it goes with the engine");
	begin(false);
	cr_assert_eq(stat(harness_path("view"), &info), 0);
	cr_assert_eq(info.st_mode & 0777, 0600);
	finish();
}
