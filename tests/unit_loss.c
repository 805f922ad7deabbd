/* SPDX-License-Identifier: MIT */
/*
 * The account of losses: exact over any number of gaps, and no stamp believed that contradicts the ones before.
 */
#include "harness.h"

#include <errno.h>

#include "client/loss.h"

static int record(struct rcasti_loss_account *account, uint64_t sequence, uint64_t output_pos, uint8_t kind,
		  uint32_t n_bytes)
{
	struct rcast_record next = {
		.stamped = true, .sequence = sequence, .output_pos = output_pos, .kind = kind, .n_bytes = n_bytes};

	return rcasti_loss_record(account, &next);
}

static int gap(struct rcasti_loss_account *account, uint64_t from_pos, uint64_t to_pos)
{
	return rcasti_loss_gap(account, (struct rcast_gap){.from_pos = from_pos, .to_pos = to_pos});
}

HARNESS_TEST(loss, first_record_sets_what_is_expected)
{
	struct rcasti_loss_account account = {0};

	cr_expect_eq(record(&account, 1000, 50000, RCAST_OUTPUT, 10), 0);
	cr_expect_eq(account.loss.lost_records, 0);
	cr_expect_eq(record(&account, 1001, 50010, RCAST_TITLE, 7), 0);
	cr_expect_eq(record(&account, 1002, 50010, RCAST_OUTPUT, 1), 0, "a title is no output");
}

HARNESS_TEST(loss, start_of_the_stream_is_expected_when_asked_for)
{
	struct rcasti_loss_account account = {.known = true};

	cr_expect_eq(gap(&account, 0, 4096), 0);
	cr_expect_eq(record(&account, 12, 345, RCAST_OUTPUT, 5), 0);
	cr_expect_eq(account.loss.lost_records, 12);
	cr_expect_eq(account.loss.lost_output, 345);
	cr_expect_eq(account.loss.lost_bytes, 4096);
}

HARNESS_TEST(loss, gaps_add_up)
{
	struct rcasti_loss_account account = {0};

	record(&account, 0, 0, RCAST_OUTPUT, 10);
	gap(&account, 64, 128);
	gap(&account, 128, 256); /* lapped again before anything was read */
	cr_expect_eq(record(&account, 5, 30, RCAST_OUTPUT, 10), 0);
	gap(&account, 512, 1024);
	cr_expect_eq(record(&account, 6, 40, RCAST_EXIT, 8), 0, "a gap may hold nothing but padding");
	cr_expect_eq(account.loss.n_gaps, 3);
	cr_expect_eq(account.loss.lost_bytes, 64 + 128 + 512);
	cr_expect_eq(account.loss.lost_records, 4);
	cr_expect_eq(account.loss.lost_output, 20);
}

HARNESS_TEST(loss, contradictions_are_refused)
{
	struct rcasti_loss_account account = {0};

	record(&account, 10, 100, RCAST_OUTPUT, 10);
	cr_expect_eq(record(&account, 12, 110, RCAST_OUTPUT, 1), -EPROTO, "a record missing without a gap");
	cr_expect_eq(record(&account, 11, 109, RCAST_OUTPUT, 1), -EPROTO, "output that goes back");
	cr_expect_eq(gap(&account, 100, 100), -EPROTO);
	cr_expect_eq(gap(&account, 100, 90), -EPROTO);
	gap(&account, 100, 200);
	cr_expect_eq(record(&account, 10, 110, RCAST_OUTPUT, 1), -EPROTO, "a record twice");
	cr_expect_eq(account.loss.lost_records, 0);
}
