/* SPDX-License-Identifier: MIT */
/*
 * Keyframes from end to end: the command's engine, its keyframer, and a client that asks. How the keyframer lives and dies is in
 * flow_keyframer.c.
 */
#include "keyframe_kit.h"

/* ── Equality ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(keyframe, the_screen_is_that_of_all_that_was_printed)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	char script[512];

	snprintf(script, sizeof script,
		 "printf '\\033[31mred\\033[1;44m and more\\r\\n\\033[?2004h\\033[?1000h\\033]2;title\\007'; seq 1 100;"
		 " printf '\\033[5;10Hhere'; read x <%s; printf '\\033[?1049hother'",
		 flow_gate());
	flow_start("t", "1M", script);
	client = connect_to("t");
	keyframe = get(client, "t");
	cr_expect(!keyframe.stale);
	cr_expect(keyframe.cols == 80 && keyframe.rows == 24);
	expect_equal(&keyframe, draw_to(client, "t", keyframe.pos));
	free(keyframe.bytes);

	flow_open_gate();
	flow_await_end("t");
	keyframe = get(client, "t");
	cr_expect(!keyframe.stale, "and it can be had of a session that has ended");
	expect_equal(&keyframe, draw_to(client, "t", keyframe.pos));
	free(keyframe.bytes);
	rcast_client_free(client);
}

/* ── Floods ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What the terminal shows of it. */
static struct rcast_screen *draw_seq(int last)
{
	struct rcast_screen *screen;
	size_t n_bytes;
	char *text = flow_seq(last, &n_bytes);

	cr_assert_eq(rcast_screen_create(80, 24, &screen), 0);
	rcast_screen_feed(screen, text, n_bytes);
	free(text);
	return screen;
}

/* False: it is stale. */
static bool take_last_of_flood(struct rcast_client *take_client, const char *name)
{
	struct rcast_keyframe keyframe = get(take_client, name);

	if (!keyframe.stale)
		expect_equal(&keyframe, draw_seq(1000000));
	free(keyframe.bytes);
	rcast_client_free(take_client);
	return !keyframe.stale;
}

static bool join_late(void)
{
	const char *name = start_another("1M", "seq 1 1000000");

	flow_await_end(name);
	return take_last_of_flood(connect_to(name), name);
}

/* Many rings full go by before anybody asks; the keyframer has seen them all. */
HARNESS_TEST(keyframe, a_late_joiner_is_shown_the_screen)
{
	harness_await(join_late());
}

static bool ask_all_through_a_flood(void)
{
	const char *name = start_another("256K", "seq 1 1000000; exec sleep 1000");
	struct rcast_client *client = connect_to(name);
	struct rcast_keyframe keyframe;
	uint64_t pos = 0;

	for (uint64_t output_pos = 0; output_pos < 7888896;) {
		keyframe = get(client, name);
		cr_assert(keyframe.pos >= pos && keyframe.output_pos >= output_pos);
		pos = keyframe.pos;
		output_pos = keyframe.output_pos;
		free(keyframe.bytes);
	}
	return take_last_of_flood(client, name);
}

/* In the middle of it: positions never go back, and the last keyframe is the last screen. */
HARNESS_TEST(keyframe, keyframes_can_be_had_all_through_a_flood)
{
	harness_await(ask_all_through_a_flood());
}

/* Everything that an emulator must not trip over, in no order. */
HARNESS_TEST(keyframe, hostile_output_is_only_drawn)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	pid_t keyframer;

	flow_start("t", "4M",
		   "stty raw -echo; (head -c 300000 /dev/urandom; for i in $(seq 1 2000); do"
		   " printf '\\033[%d;%dH\\033[%dX\\033[%dL\\033P%dq\\033[?%dh' $((i*7919%70000)) $((i*104729%70000)) $i $i "
		   "$i $i; done;"
		   " head -c 300000 /dev/urandom; printf '\\030\\033[0m\\r\\n') ; exec sleep 1000");
	client = connect_to("t");
	keyframe = get(client, "t");
	free(keyframe.bytes);
	keyframer = find_keyframer("t");
	harness_await((keyframe = get(client, "t"), free(keyframe.bytes), keyframe.output_pos > 600000));
	keyframe = get(client, "t");
	cr_expect(!keyframe.stale);
	expect_equal(&keyframe, draw_to(client, "t", keyframe.pos));
	free(keyframe.bytes);
	cr_expect_eq(find_keyframer("t"), keyframer, "it has not died of it");
	rcast_client_free(client);
}

/* ── Without ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(keyframe, none_without_a_keyframer)
{
	struct harness_result result =
		harness_ringcast_run("run", "--detached", "--no-keyframes", "--name", "t", "--", "cat", NULL);
	struct rcast_keyframe keyframe;
	struct rcast_client *client;

	cr_assert_eq(result.status, 0);
	harness_result_free(&result);
	client = connect_to("t");
	cr_expect_eq(rcast_client_get_keyframe(client, "t", &keyframe), -EOPNOTSUPP);
	cr_expect_eq(rcast_client_get_keyframe(client, "nobody", &keyframe), -ENOENT);
	rcast_client_free(client);
}

/* A terminal larger than a screen can be, until it is not any more. */
HARNESS_TEST(keyframe, none_of_a_terminal_without_bounds)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	int result;

	flow_start("t", "64K", "exec cat");
	client = connect_to("t");
	cr_assert_eq(rcast_client_resize(client, "t", 65535, 65535), 0);
	harness_await((result = rcast_client_get_keyframe(client, "t", &keyframe)) == -EOPNOTSUPP ||
		      (free(keyframe.bytes), false));
	cr_assert_eq(rcast_client_resize(client, "t", 1000, 1000), 0);
	harness_await(rcast_client_get_keyframe(client, "t", &keyframe) == 0 &&
		      (free(keyframe.bytes), keyframe.cols == 1000));
	rcast_client_free(client);
}

/* Where a lap of the ring has been closed for a record that did not come, there is nothing more to read than before. */
HARNESS_TEST(keyframe, is_had_wherever_in_the_ring_the_session_rests)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;

	flow_start("t", "64K", "stty -echo; echo ready; while read x; do printf '%1500s' ''; done");
	harness_await(flow_stat("t", "output_bytes") == 7);
	client = connect_to("t");
	for (unsigned int n = 1; n <= 100; n++) {
		cr_assert_eq(rcast_client_send_input(client, "t", "\n", 1), 0);
		harness_await(flow_stat("t", "output_bytes") == 7 + n * 1500);
		keyframe = get(client, "t");
		cr_assert_eq(keyframe.output_pos, 7 + n * 1500);
		free(keyframe.bytes);
	}
	rcast_client_free(client);
}

/* Nobody had asked for the screen when the session moved to a ring that starts empty. */
HARNESS_TEST(keyframe, is_had_of_a_ring_of_another_size_before_anything_is_printed)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	struct rcast_screen *screen;

	flow_start("t", "64K", "echo ready; exec sleep 1000");
	harness_await(flow_stat("t", "output_bytes") == 7);
	client = connect_to("t");
	cr_assert_eq(rcast_client_resize_ring(client, "t", 128 << 10), 0);
	cr_assert_eq(rcast_client_get_keyframe(client, "t", &keyframe), 0, "%s", rcast_client_error(client));
	cr_expect_eq(keyframe.output_pos, 7);
	cr_expect(!keyframe.stale);
	cr_assert_eq(rcast_screen_create(80, 24, &screen), 0);
	rcast_screen_feed(screen, "ready\r\n", 7);
	expect_equal(&keyframe, screen);
	free(keyframe.bytes);
	rcast_client_free(client);
}

/* The same where the keyframer has followed all along, and the session moves just behind the end of a lap. */
HARNESS_TEST(keyframe, is_had_wherever_the_session_moves)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;

	flow_start("t", "64K", "stty -echo; echo ready; while read x; do printf '%1500s' ''; done");
	harness_await(flow_stat("t", "output_bytes") == 7);
	client = connect_to("t");
	for (unsigned int n = 1; n <= 200; n++) {
		cr_assert_eq(rcast_client_send_input(client, "t", "\n", 1), 0);
		harness_await(flow_stat("t", "output_bytes") == 7 + n * 1500);
		free(get(client, "t").bytes);
		cr_assert_eq(rcast_client_resize_ring(client, "t", (n % 2 ? 128 : 64) << 10), 0);
		cr_assert_eq(rcast_client_get_keyframe(client, "t", &keyframe), 0, "%u: %s", n, rcast_client_error(client));
		cr_assert_eq(keyframe.output_pos, 7 + n * 1500);
		free(keyframe.bytes);
	}
	rcast_client_free(client);
}
