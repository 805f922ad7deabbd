/* SPDX-License-Identifier: MIT */
/*
 * Each stamped record says how many records and bytes of output came before it. From one record follows what the next one
 * must say; whatever it says more was lost in the gap between them. Without a gap the two must agree, and a stream where they
 * do not was made up or torn: it is better to stop than to show it.
 *
 * A view expects nothing before its first record, unless it asked for the stream from its very start. A keyframe is no record, but
 * says the same of the place where it lies, and so ends a gap as a record does.
 *
 * Called by view.c and rejoin.c. Calls nothing.
 */
#include "client/loss.h"

#include <errno.h>

int rcasti_loss_gap(struct rcasti_loss_account *account, struct rcast_gap gap)
{
	if (gap.to_pos <= gap.from_pos)
		return -EPROTO;
	account->in_gap = true;
	account->loss.gap = gap;
	account->loss.n_gaps++;
	account->loss.lost_bytes += gap.to_pos - gap.from_pos;
	return 0;
}

static bool contradicts(const struct rcasti_loss_account *account, uint64_t sequence, uint64_t output_pos)
{
	if (account->in_gap)
		return sequence < account->next_sequence || output_pos < account->next_output;
	return sequence != account->next_sequence || output_pos != account->next_output;
}

int rcasti_loss_arrive(struct rcasti_loss_account *account, uint64_t sequence, uint64_t output_pos)
{
	if (account->known) {
		if (contradicts(account, sequence, output_pos))
			return -EPROTO;
		account->loss.lost_records += sequence - account->next_sequence;
		account->loss.lost_output += output_pos - account->next_output;
	}
	account->known = true;
	account->in_gap = false;
	account->next_sequence = sequence;
	account->next_output = output_pos;
	return 0;
}

int rcasti_loss_record(struct rcasti_loss_account *account, const struct rcast_record *record)
{
	int result = record->stamped ? rcasti_loss_arrive(account, record->sequence, record->output_pos) : 0;

	if (result < 0 || !record->stamped)
		return result;
	account->next_sequence++;
	account->next_output += record->kind == RCAST_OUTPUT ? record->n_bytes : 0;
	return 0;
}
