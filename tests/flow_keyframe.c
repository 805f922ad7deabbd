/* SPDX-License-Identifier: MIT */
/*
 * Keyframes from end to end: the command's engine, its keyframer, and a client that asks. What is right is what a screen shows that
 * was fed with all that the program has printed, from its first byte.
 */
#include "flow_kit.h"

#include <dirent.h>
#include <errno.h>

#include <ringcast/client.h>
#include <ringcast/screen.h>

/* ── What is right ───────────────────────────────────────────────────────────────────────────────────────────────────── */

struct expected {
	struct rcast_screen *screen;
	struct rcast_view *view;
};

static struct rcast_client *connect_to(const char *name)
{
	struct rcast_client *client;

	cr_assert_eq(rcast_client_connect_session(name, &client), 0);
	return client;
}

/* Keyframes are made anew while the keyframer starts; whoever asks, asks again. */
static struct rcast_keyframe get(struct rcast_client *client, const char *name)
{
	struct rcast_keyframe keyframe;
	int result;

	harness_await((result = rcast_client_get_keyframe(client, name, &keyframe)) != -EAGAIN);
	cr_assert_eq(result, 0, "%s", rcast_client_error(client));
	return keyframe;
}

/* Draw all records of the session before `pos`, from its first. */
static struct rcast_screen *draw_to(struct rcast_client *client, const char *name, uint64_t pos)
{
	struct rcast_screen *screen;
	struct rcast_record record;
	struct rcast_resize size;
	struct rcast_view *view;
	uint64_t at = 0;
	int outcome;

	cr_assert_eq(rcast_screen_create(80, 24, &screen), 0);
	cr_assert_eq(rcast_view_open(client, name, NULL, &view), 0);
	while (at < pos && (outcome = rcast_view_next(view, &record)) != RCAST_ENDED) {
		if (outcome == RCAST_EMPTY)
			continue;
		cr_assert_eq(outcome, RCAST_RECORD);
		cr_assert_eq(record.pos, at, "the test needs a session whose ring holds all of it");
		at = record.next_pos;
		if (record.kind == RCAST_OUTPUT)
			rcast_screen_feed(screen, record.data, record.n_bytes);
		if (record.kind == RCAST_RESIZE) {
			memcpy(&size, record.data, sizeof size);
			rcast_screen_resize(screen, size.cols, size.rows);
		}
	}
	cr_assert_eq(at, pos, "a keyframe's position lies between two records");
	rcast_view_close(view);
	return screen;
}

static void expect_equal(const struct rcast_keyframe *keyframe, struct rcast_screen *take_screen)
{
	char *bytes;
	size_t n_bytes;

	cr_assert_eq(rcast_screen_snapshot(take_screen, &bytes, &n_bytes), 0);
	cr_expect_eq(keyframe->n_bytes, n_bytes);
	cr_expect_eq(memcmp(keyframe->bytes, bytes, n_bytes < keyframe->n_bytes ? n_bytes : keyframe->n_bytes), 0);
	free(bytes);
	rcast_screen_free(take_screen);
}

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
