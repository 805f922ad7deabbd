/* SPDX-License-Identifier: MIT */
/*
 * Each stamped record says how many records and bytes of output came before it. From one record follows what the next one
 * must say; whatever it says more was lost in the gap between them. Without a gap the two must agree, and a stream where they
 * do not was made up or torn: it is better to stop than to show it.
 *
 * A view expects nothing before its first record, unless it asked for the stream from its very start.
 *
 * Called by view.c. Calls nothing.
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

static bool contradicts(const struct rcasti_loss_account *account, const struct rcast_record *record)
{
	if (account->in_gap)
		return record->sequence < account->next_sequence || record->output_pos < account->next_output;
	return record->sequence != account->next_sequence || record->output_pos != account->next_output;
}

int rcasti_loss_record(struct rcasti_loss_account *account, const struct rcast_record *record)
{
	if (!record->stamped)
		return 0;
	if (account->known) {
		if (contradicts(account, record))
			return -EPROTO;
		account->loss.lost_records += record->sequence - account->next_sequence;
		account->loss.lost_output += record->output_pos - account->next_output;
	}
	account->known = true;
	account->in_gap = false;
	account->next_sequence = record->sequence + 1;
	account->next_output = record->output_pos + (record->kind == RCAST_OUTPUT ? record->n_bytes : 0);
	return 0;
}
