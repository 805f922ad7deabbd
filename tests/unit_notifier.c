/* SPDX-License-Identifier: MIT */
#include <poll.h>

#include "engine/engine.h"
#include "engine/notifier.h"
#include "scene.h"

static bool is_rung(const struct tap *tap)
{
	return poll(&(struct pollfd){.fd = rcast_reader_fd(tap->reader), .events = POLLIN}, 1, 0) == 1;
}

/* A mark rings the readers of that session; those of an owned one are rung by the owner alone. */
HARNESS_TEST(notifier, rings_what_was_marked)
{
	struct rcast_session *owned, *piped;
	struct tap owned_tap, piped_tap;
	int ends[2];

	scene_begin(false, (struct rcast_engine_options){0});
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(rcast_engine_start_owned(host.engine, &(struct rcast_session_options){.name = "owned"}, &owned), 0);
	cr_assert_eq(
		rcast_engine_start_pipe_take(host.engine, &(struct rcast_session_options){.name = "piped"}, ends[0], &piped),
		0);
	cr_assert_eq(tap_open(&owned_tap, &wire, "owned", (struct tap_options){0}), 0);
	cr_assert_eq(tap_open(&piped_tap, &wire, "piped", (struct tap_options){0}), 0);
	cr_assert_eq(rcast_reader_sleep(owned_tap.reader), RCAST_EMPTY);
	cr_assert_eq(rcast_reader_sleep(piped_tap.reader), RCAST_EMPTY);

	cr_assert_eq(rcasti_notifier_answer(host.engine), 0);
	rcasti_doorbell_mark(&host.engine->doorbell, owned->slot);
	cr_assert_eq(rcasti_notifier_answer(host.engine), 1);
	cr_assert(!is_rung(&owned_tap));
	rcasti_doorbell_mark(&host.engine->doorbell, piped->slot);
	rcasti_notifier_run(host.engine, 0);
	cr_assert(is_rung(&piped_tap));
	rcast_session_notify(owned);
	cr_assert(is_rung(&owned_tap));

	/* A mark of a slot that is empty by now is nobody's. */
	rcasti_doorbell_mark(&host.engine->doorbell, 500);
	cr_assert_eq(rcasti_notifier_answer(host.engine), 1);
	rcasti_notifier_run(host.engine, 1);
	tap_close(&owned_tap);
	tap_close(&piped_tap);
	close(ends[1]);
	scene_finish();
}
