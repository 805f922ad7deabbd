/* SPDX-License-Identifier: MIT */
/* The last minutes of a session: what is taken from the ring, and the screen that it begins with. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clock.h"
#include "cli/recent.h"

#define MINUTE_NS (60 * NS_A_SECOND)

struct tape {
	struct rcast_session_info info;
	struct cast cast;
	struct recent recent;
	uint64_t pos;
};

/* A recording of the last five minutes of a session whose ring begins at first_pos and ends at next_pos. */
static struct tape *open_tape(uint64_t first_pos, uint64_t next_pos)
{
	struct tape *tape = calloc(1, sizeof *tape);

	tape->info = (struct rcast_session_info){.name = "work",
						 .kind = RCAST_SESSION_PTY,
						 .cols = 20,
						 .rows = 3,
						 .first_pos = first_pos,
						 .next_pos = next_pos};
	tape->cast.info = &tape->info;
	tape->pos = first_pos;
	cr_assert_eq(cast_open(&tape->cast, harness_path("cast"), true), 0);
	recent_open(&tape->recent, &tape->cast, 5 * MINUTE_NS);
	return tape;
}

static int put(struct tape *tape, uint64_t ago_ns, enum rcast_kind kind, const void *data, size_t n_bytes)
{
	struct rcast_record record = {.pos = tape->pos,
				      .next_pos = tape->pos + 100,
				      .kind = (uint8_t)kind,
				      .stamped = true,
				      .time_ns = tape->recent.until_ns - ago_ns,
				      .data = data,
				      .n_bytes = (uint32_t)n_bytes};

	tape->pos += 100;
	return recent_write(&tape->recent, &record);
}

static int put_text(struct tape *tape, uint64_t ago_ns, const char *text)
{
	return put(tape, ago_ns, RCAST_OUTPUT, text, strlen(text));
}

/* Close, and hand out what the file holds. */
static char *finish(struct tape *tape)
{
	size_t n_bytes;

	cr_expect_eq(recent_finish(&tape->recent), 0);
	recent_close(&tape->recent);
	cr_expect_eq(cast_close(&tape->cast), 0);
	free(tape);
	return harness_read_file(harness_path("cast"), &n_bytes);
}

HARNESS_TEST(recent, begins_with_the_screen_of_then)
{
	struct rcast_resize size = {.cols = 30, .rows = 4};
	struct tape *tape = open_tape(0, 10000);
	char *file;

	cr_expect_eq(put_text(tape, 9 * MINUTE_NS, "erased\r\033[2Jold"), 0);
	cr_expect_eq(put(tape, 8 * MINUTE_NS, RCAST_RESIZE, &size, sizeof size), 0);
	cr_expect_eq(put_text(tape, 4 * MINUTE_NS, "new"), 0);
	cr_expect(!recent_is_cut(&tape->recent));
	file = finish(tape);
	cr_expect_not_null(strstr(file, "\"cols\": 30, \"rows\": 4"), "%s", file);
	cr_expect(strstr(file, "old") && !strstr(file, "erased"), "%s", file);
	cr_expect_not_null(strstr(file, "[60.000, \"o\", \"new\"]\n"), "%s", file);
	free(file);
}

HARNESS_TEST(recent, ends_where_the_session_stood)
{
	struct tape *tape = open_tape(0, 300);

	cr_expect_eq(put_text(tape, MINUTE_NS, "a"), 0);
	cr_expect_eq(put_text(tape, MINUTE_NS, "b"), 0);
	cr_expect_eq(put_text(tape, MINUTE_NS, "c"), -ECANCELED);
	free(finish(tape));
}

HARNESS_TEST(recent, ends_at_what_is_newer)
{
	struct tape *tape = open_tape(0, 10000);
	char *file;

	cr_expect_eq(put_text(tape, MINUTE_NS, "a"), 0);
	cr_expect_eq(put_text(tape, -NS_A_SECOND, "newer"), -ECANCELED);
	file = finish(tape);
	cr_expect(strstr(file, "\"a\"") && !strstr(file, "newer"), "%s", file);
	free(file);
}

HARNESS_TEST(recent, silence_is_the_screen_alone)
{
	struct tape *tape = open_tape(0, 10000);
	char *file;

	cr_expect_eq(put_text(tape, 30 * MINUTE_NS, "prompt>"), 0);
	cr_expect(!recent_is_cut(&tape->recent));
	file = finish(tape);
	cr_expect_not_null(strstr(file, "prompt>"), "%s", file);
	free(file);
}

HARNESS_TEST(recent, a_ring_that_held_less)
{
	struct tape *tape = open_tape(100, 10000);
	char *file;

	cr_expect_eq(put_text(tape, MINUTE_NS, "a"), 0);
	cr_expect(recent_is_cut(&tape->recent));
	file = finish(tape);
	cr_expect_not_null(strstr(file, "[0.000, \"o\", \"a\"]"), "%s", file);
	free(file);
}

HARNESS_TEST(recent, a_gap_before_and_a_gap_since)
{
	struct rcast_loss lost = {.lost_output = 77};
	struct tape *tape = open_tape(0, 10000);
	char *file;

	cr_expect_eq(put_text(tape, 9 * MINUTE_NS, "old\033["), 0);
	cr_expect_eq(recent_write_gap(&tape->recent, &lost), 0);
	cr_expect_eq(put_text(tape, 6 * MINUTE_NS, "kept"), 0);
	cr_expect_eq(put_text(tape, MINUTE_NS, "a"), 0);
	cr_expect_eq(recent_write_gap(&tape->recent, &lost), 0);
	cr_expect_eq(put_text(tape, MINUTE_NS, "b"), 0);
	file = finish(tape);
	cr_expect_not_null(strstr(file, "oldkept"), "%s", file);
	cr_expect_not_null(strstr(file, "\"m\", \"77 bytes of output are lost here\"]\n[0.000, \"o\", \"b\"]"), "%s", file);
	free(file);
}
