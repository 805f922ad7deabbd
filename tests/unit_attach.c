/* SPDX-License-Identifier: MIT */
#include <fcntl.h>

#include "engine/attach.h"
#include "engine/engine.h"
#include "scene.h"

static void begin(struct rcast_engine_options options)
{
	scene_begin(false, options);
	cr_assert_eq(wire_start_shell(&wire, "t", "sleep 600"), 0);
}

/* Not last, as an attach must be: its error, 0 if it was attached. */
static int try_attach(Ringcast__Wire__Attach *attach, const int *take_fds, int n_fds)
{
	Ringcast__Wire__Request request;
	struct wire_reply *reply;
	struct talk talk;
	int error;

	ringcast__wire__request__init(&request);
	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_ATTACH;
	request.attach = attach;
	talk_begin(&talk, &wire, &request, 0, take_fds, n_fds);
	reply = talk_next(&talk);
	error = reply->reply->error;
	snprintf(wire_said, sizeof wire_said, "%s", reply->reply->message);
	wire_reply_free(reply);
	talk_close(&talk);
	return -error;
}

/* Descriptors that are too many, too few, or no cursor page. */
HARNESS_TEST(attach_command, descriptors_are_checked)
{
	Ringcast__Wire__Attach attach;
	int fds[2];

	begin((struct rcast_engine_options){0});
	ringcast__wire__attach__init(&attach);
	attach.session = "t";
	cr_assert_eq(try_attach(&attach, NULL, 0), -EINVAL);
	cr_assert(strstr(wire_said, "by ring comes with 1 descriptors, not 0"), "%s", wire_said);
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(try_attach(&attach, fds, 2), -EINVAL);
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(try_attach(&attach, fds, 1), -EPROTO);
	cr_assert(strstr(wire_said, "cursor page"), "%s", wire_said);
	attach.by_circuit = true;
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(try_attach(&attach, fds, 1), -EINVAL);
	cr_assert_eq(host.engine->quota.all.held[RCASTI_READERS], 0);
	cr_assert_eq(try_attach(&attach, NULL, 0), 0);
	scene_finish();
}

HARNESS_TEST(attach_command, readers_are_capped)
{
	struct tap taps[3];

	begin((struct rcast_engine_options){.max_readers = 2});
	cr_assert_eq(tap_open(&taps[0], &wire, "t", (struct tap_options){0}), 0);
	cr_assert_eq(tap_open(&taps[1], &wire, "t", (struct tap_options){.by_circuit = true}), 0);
	cr_assert_eq(tap_open(&taps[2], &wire, "t", (struct tap_options){0}), -ENOBUFS);
	cr_assert(strstr(wire_said, "2 readers"), "%s", wire_said);
	tap_close(&taps[0]);
	cr_assert_eq(tap_open(&taps[2], &wire, "t", (struct tap_options){0}), 0);
	cr_assert_gt(taps[2].id, taps[1].id, "ids are not used again");
	tap_close(&taps[1]);
	tap_close(&taps[2]);
	scene_finish();
}

/* Of the three that a reader by ring takes, or the two by circuit, any may be the one too many. */
HARNESS_TEST(attach_command, which_descriptors_are_too_many_is_said)
{
	struct rcasti_account *all;
	char expected[64];
	uint32_t held;

	begin((struct rcast_engine_options){0});
	all = &host.engine->quota.all;
	held = all->held[RCASTI_DESCRIPTORS];
	for (uint32_t n_left = 0; n_left < 5; n_left++) {
		bool by_circuit = n_left >= 3;
		struct tap tap;

		all->most[RCASTI_DESCRIPTORS] = held + n_left % 3;
		cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){.by_circuit = by_circuit}), -ENOBUFS);
		snprintf(expected, sizeof expected, "takes %u at the most", held + n_left % 3);
		cr_expect(strstr(wire_said, expected), "%u left: %s", n_left % 3, wire_said);
		cr_expect_eq(all->held[RCASTI_DESCRIPTORS], held);
	}
	scene_finish();
}

/* Detached readers are freed after the turn, whatever ended them. */
HARNESS_TEST(attach_command, nothing_is_left_of_a_reader)
{
	int n_fds;

	begin((struct rcast_engine_options){0});
	n_fds = harness_count_fds();
	for (int i = 0; i < 4; i++) {
		struct tap tap;

		cr_assert_eq(tap_open(&tap, &wire, "t", (struct tap_options){.by_circuit = i % 2}), 0);
		cr_assert_eq(host.engine->quota.all.held[RCASTI_READERS], 1);
		if (i < 2)
			cr_assert_eq(wire_kick(&wire, "t", UINT64_MAX), 0);
		tap_close(&tap);
		cr_assert_eq(host.engine->quota.all.held[RCASTI_READERS], 0);
		wire_await(&wire, cds_list_empty(&host.engine->condemned));
		cr_assert_eq(harness_count_fds(), n_fds);
	}
	scene_finish();
}
