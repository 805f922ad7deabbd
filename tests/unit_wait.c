/* SPDX-License-Identifier: MIT */
/* Waits, fed by hand. What they do on a session: flow_wait.c. */
#include "fake_engine.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "client/view.h"

static struct rcast_view view;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct rcast_wait *begin(struct rcast_wait_options options)
{
	struct rcast_wait *wait;

	cr_assert_eq(rcast_wait_create(&options, &wait), 0);
	rcast_wait_begin(wait, &view);
	return wait;
}

static bool print_at(struct rcast_wait *wait, const char *text, uint64_t time_ns)
{
	struct rcast_record record = {
		.kind = RCAST_OUTPUT, .data = text, .n_bytes = (uint32_t)strlen(text), .stamped = true, .time_ns = time_ns};

	return rcast_wait_record(wait, &record);
}

static bool print(struct rcast_wait *wait, const char *text)
{
	return print_at(wait, text, now_ns());
}

static bool is_level(struct rcast_wait *wait)
{
	uint64_t again_ns;

	return rcast_wait_level(wait, &again_ns);
}

HARNESS_TEST(wait, refuses_what_is_no_condition)
{
	static const struct rcast_wait_options wrong[] = {
		{.wait_for = RCAST_WAIT_MATCH},
		{.wait_for = RCAST_WAIT_MATCH, .pattern = "("},
		{.wait_for = RCAST_WAIT_JUDGE},
		{.wait_for = (enum rcast_wait_for)77},
	};
	struct rcast_wait *wait;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		cr_expect_eq(rcast_wait_create(&wrong[i], &wait), -EINVAL, "%zu", i);
		cr_expect_null(wait);
	}
	rcast_wait_free(NULL);
}

HARNESS_TEST(wait, a_line_may_come_in_pieces)
{
	struct rcast_wait *wait = begin((struct rcast_wait_options){.wait_for = RCAST_WAIT_MATCH, .pattern = "^hello$"});
	struct rcast_record resize = {.kind = RCAST_RESIZE, .data = "hello", .n_bytes = 5};

	cr_expect(!print(wait, "well\r\nhe"));
	cr_expect(!rcast_wait_record(wait, &resize), "only output is looked at");
	cr_expect(!print(wait, "ll"));
	cr_expect(!is_level(wait));
	cr_expect(print(wait, "o"));
	cr_expect(!print(wait, " you\nhell"));
	rcast_wait_gap(wait);
	cr_expect(!print(wait, "o"), "what is on both sides of a gap is no line");
	cr_expect(print(wait, "\nhello\nmore\n"), "in the middle of a record");
	rcast_wait_free(wait);
}

/* No output is too long, and what stands on either side of a NUL is found. */
HARNESS_TEST(wait, a_line_is_bounded)
{
	struct rcast_wait *wait = begin((struct rcast_wait_options){.wait_for = RCAST_WAIT_MATCH, .pattern = "^needle"});
	struct rcast_record record = {.kind = RCAST_OUTPUT, .data = "a\0needle", .n_bytes = 8};
	char *hay = malloc(1 << 20);

	memset(hay, 'x', (1 << 20) - 1);
	hay[(1 << 20) - 1] = 0;
	cr_expect(!print(wait, hay));
	cr_expect(rcast_wait_record(wait, &record));
	free(hay);
	rcast_wait_free(wait);
}

HARNESS_TEST(wait, silence_counts_from_the_latest_output)
{
	struct rcast_wait *wait = begin((struct rcast_wait_options){.wait_for = RCAST_WAIT_IDLE, .idle_ms = 10000});
	uint64_t then_ns = now_ns() - 9000000000u, again_ns;

	cr_expect(!print_at(wait, "x", then_ns - 5000000000u));
	cr_expect(is_level(wait), "it was printed long ago");
	cr_expect(!print_at(wait, "x", then_ns));
	cr_expect(!rcast_wait_level(wait, &again_ns));
	cr_expect_eq(again_ns, then_ns + 10000000000u);
	view.by_circuit = true;
	rcast_wait_begin(wait, &view);
	cr_expect(!print_at(wait, "x", 1));
	cr_expect(!is_level(wait), "how long it was on its way says nothing");
	rcast_wait_free(wait);
}

static const struct rcast_record *judged;

static bool judge(void *user, const struct rcast_record *record)
{
	judged = record;
	return record == NULL && *(bool *)user;
}

HARNESS_TEST(wait, the_caller_may_judge)
{
	bool is_time = false;
	struct rcast_wait *wait =
		begin((struct rcast_wait_options){.wait_for = RCAST_WAIT_JUDGE, .judge = judge, .user = &is_time});

	cr_expect(!print(wait, "x"));
	cr_expect_not_null(judged);
	cr_expect(!is_level(wait));
	cr_expect_null(judged);
	is_time = true;
	cr_expect(is_level(wait));
	rcast_wait_free(wait);
}

/* ── A prompt that no record told us of ──────────────────────────────────────────────────────────────────────────────── */

#define STOOD_AT 1000000 /* when the engine was asked: no ring of the fake session has come so far */

/* A shell at its prompt, except for who asks first. */
static void say_second_time_at_prompt(struct rcast_circuit *circuit)
{
	static int n_asked;
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__SessionInfo info;

	fake_fill_info(&info, "fake");
	info.at_prompt = n_asked++ > 0;
	info.next_pos = STOOD_AT;
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_SESSION;
	reply.session = &info;
	rcasti_schema_send(circuit, &reply.base, RCAST_LAST, NULL, 0);
}

static void answer_about_prompt(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
				struct rcast_message *message)
{
	struct rcast_writer_options options = {.capacity_bytes = 65536, .stamped = true};
	struct rcast_follower *follower;
	struct rcast_writer *writer;
	int fds[2];

	if (request->command_case != RINGCAST__WIRE__REQUEST__COMMAND_ATTACH) {
		say_second_time_at_prompt(circuit);
		return;
	}
	rcast_writer_create(&options, &writer);
	fds[0] = rcast_writer_dup_fd(writer);
	rcast_follower_create_take(rcast_message_take_fd(message, 0), &follower, &fds[1]);
	fake_reply_attached(circuit, fds, 2);
}

/* The attach reply is of a time when no prompt was shown; whatever came between it and where we begin to read we have not seen. */
HARNESS_TEST(wait, for_a_prompt_the_engine_is_asked)
{
	const struct rcast_command prompt = {.step = RCAST_STEP_PROMPT}, start = {.step = RCAST_STEP_OUTPUT};
	struct rcast_record record = {.kind = RCAST_COMMAND, .data = &prompt, .n_bytes = sizeof prompt, .pos = 64};
	struct rcast_wait_options options = {.wait_for = RCAST_WAIT_PROMPT};
	struct rcast_client *client = fake_connect(answer_about_prompt);
	struct rcast_view *opened;
	struct rcast_wait *wait;

	cr_assert_eq(rcast_view_open(client, "fake", NULL, &opened), 0);
	cr_assert_eq(rcast_wait_create(&options, &wait), 0);
	rcast_wait_begin(wait, opened);
	rcast_wait_record(wait, &record);
	cr_expect(!is_level(wait), "a line was entered at that prompt");
	rcast_wait_record(wait, &record);
	cr_expect(!is_level(wait), "that the engine knew");
	rcast_wait_record(wait, &(struct rcast_record){.kind = RCAST_KEYFRAME, .pos = STOOD_AT});
	cr_expect(is_level(wait), "the keyframe may have been made behind the prompt");
	record.data = &start;
	record.pos = STOOD_AT;
	rcast_wait_record(wait, &record);
	cr_expect(!is_level(wait), "and on it went");
	rcast_wait_begin(wait, opened);
	cr_expect_eq(rcast_view_wait(opened, wait, HARNESS_BOUND_MS), 0, "nothing comes any more, and it is there");
	rcast_wait_free(wait);
	rcast_view_close(opened);
	rcast_client_free(client);
}
