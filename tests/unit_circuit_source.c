/* SPDX-License-Identifier: MIT */
/*
 * Views by circuit, against engines that lie, and several on one connection.
 */
#include "fake_engine.h"

#include <errno.h>
#include <string.h>

enum stream_lie {
	BACKWARDS,
	BAD_GAP,
	MISSING_RECORD,
	NO_RESULT,
	SESSION_AGAIN,
	DETACHED_UNASKED,
	SILENT_LAST,
	RUBBISH,
	EMPTY_MESSAGE,
	N_STREAM_LIES
};
static enum stream_lie stream_lie;

static void stream_with_lie(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			    struct rcast_message *message)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;
	Ringcast__Wire__Gap gap = RINGCAST__WIRE__GAP__INIT;
	struct iovec rubbish = {.iov_base = (char *)"\xff\xff\xff", .iov_len = stream_lie == RUBBISH ? 3 : 0};

	fake_reply_attached(circuit, NULL, 0);
	fake_send_piece(circuit, 0, 128, "truth");
	switch (stream_lie) {
	case BACKWARDS:
		return fake_send_piece(circuit, 1, 64, "lie");
	case MISSING_RECORD:
		return fake_send_piece(circuit, 2, 192, "lie");
	case SESSION_AGAIN:
		return fake_reply_session(circuit, "fake", 0);
	case BAD_GAP:
		notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_GAP;
		notice.gap = &gap;
		gap.from_pos = 300;
		gap.to_pos = 200;
		return fake_send_notice(circuit, &notice, 0);
	case DETACHED_UNASKED:
		notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_DETACHED;
		notice.detached = &done;
		return fake_send_notice(circuit, &notice, RCAST_LAST);
	case SILENT_LAST:
		reply.message = (char *)"bye";
		reply.error = EIO;
		rcasti_schema_send(circuit, &reply.base, RCAST_LAST, NULL, 0);
		return;
	case NO_RESULT:
		rcasti_schema_send(circuit, &reply.base, 0, NULL, 0);
		return;
	default:
		rcast_circuit_send(circuit, &rubbish, 1, 0);
	}
}

HARNESS_TEST(circuit_source, lies_in_the_stream_are_refused)
{
	struct rcast_view_options options = {.by_circuit = true};

	for (stream_lie = 0; stream_lie < N_STREAM_LIES; stream_lie++) {
		const char *path = fake_engine_path("lie");
		struct rcast_record record;
		struct rcast_client *client;
		struct rcast_view *view;

		fake_engine_start(path, stream_with_lie);
		cr_assert_eq(rcast_client_connect(path, &client), 0);
		cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
		fake_expect_record(view, "truth");
		cr_expect_eq(fake_next(view, &record), -EPROTO, "lie %d", stream_lie);
		cr_expect_eq(fake_next(view, &record), -EPROTO, "lie %d is not forgotten", stream_lie);
		rcast_view_close(view);
		rcast_client_free(client);
		unlink(path);
	}
}

static void stream_gap_and_end(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			       struct rcast_message *message)
{
	Ringcast__Wire__Notice notice = RINGCAST__WIRE__NOTICE__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;
	Ringcast__Wire__Gap gap = RINGCAST__WIRE__GAP__INIT;

	fake_reply_attached(circuit, NULL, 0);
	fake_send_piece(circuit, 0, 0, "first");
	gap.from_pos = 64;
	gap.to_pos = 640;
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_GAP;
	notice.gap = &gap;
	fake_send_notice(circuit, &notice, 0);
	fake_send_piece(circuit, 10, 640, "second");
	notice.what_case = RINGCAST__WIRE__NOTICE__WHAT_ENDED;
	notice.ended = &done;
	fake_send_notice(circuit, &notice, 0);
	fake_send_evicted(circuit, "afterwards");
}

HARNESS_TEST(circuit_source, gaps_and_the_end_come_over_the_circuit)
{
	struct rcast_client *client = fake_connect(stream_gap_and_end);
	struct rcast_view_options options = {.by_circuit = true};
	struct rcast_record record;
	struct rcast_view *view;
	struct rcast_loss loss;

	cr_assert_eq(rcast_view_open(client, "fake", &options, &view), 0);
	fake_expect_record(view, "first");
	cr_expect_eq(fake_next(view, &record), RCAST_LAPPED);
	fake_expect_record(view, "second");
	loss = rcast_view_get_loss(view);
	cr_expect_eq(loss.n_gaps, 1);
	cr_expect_eq(loss.lost_bytes, 576);
	cr_expect_eq(loss.lost_records, 9);
	cr_expect_eq(fake_next(view, &record), RCAST_ENDED);
	cr_expect_eq(fake_next(view, &record), RCAST_ENDED, "what comes after the end changes nothing");
	rcast_view_close(view);
	rcast_client_free(client);
}

/* Once the second view has attached: something for the second, then something for the first. */
static void serve_two(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request, struct rcast_message *message)
{
	static struct rcast_circuit *first;

	fake_reply_attached(circuit, NULL, 0);
	if (!first) {
		first = circuit;
		return;
	}
	fake_send_piece(circuit, 0, 0, "for the second");
	fake_send_piece(first, 0, 0, "for the first");
}

HARNESS_TEST(circuit_source, what_one_view_takes_from_the_link_wakes_the_other)
{
	struct rcast_client *client = fake_connect(serve_two);
	struct rcast_view_options options = {.by_circuit = true};
	struct rcast_record record;
	struct rcast_view *first, *second;

	cr_assert_eq(rcast_view_open(client, "fake", &options, &first), 0);
	cr_assert_eq(rcast_view_open(client, "fake", &options, &second), 0);
	fake_expect_record(first, "for the first");
	cr_expect_eq(rcast_view_next(first, &record), RCAST_EMPTY);
	fake_await_readable(second);
	fake_expect_record(second, "for the second");
	cr_expect_eq(rcast_view_next(second, &record), RCAST_EMPTY);
	cr_expect_eq(poll(&(struct pollfd){.fd = rcast_view_fd(second), .events = POLLIN}, 1, 0), 0, "and it sleeps again");
	rcast_view_close(first);
	rcast_view_close(second);
	rcast_client_free(client);
}
