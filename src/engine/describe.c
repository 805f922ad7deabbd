/* SPDX-License-Identifier: MIT */
/*
 * What is said about a session comes from control's own fields and from the counts that its publisher keeps up to date with relaxed
 * stores. Each count is true by itself; two of them may be from moments that lie a little apart, so differences are
 * cut off at zero.
 */
#include "engine/describe.h"

static uint64_t count(const _Atomic uint64_t *value)
{
	return atomic_load_explicit(value, memory_order_relaxed);
}

/* A shell shows its prompt, and nobody has entered a line since that it may not have read yet. */
static bool is_at_prompt(const struct rcast_session *session, uint32_t step)
{
	return !session->control.ended && (step == RCAST_STEP_PROMPT || step == RCAST_STEP_INPUT) &&
	       count(&session->counts.step_ns) > session->control.input.entered_ns;
}

static void describe_events(const struct rcast_session *session, Ringcast__Wire__SessionInfo *info)
{
	uint64_t command_step = count(&session->counts.command_step);

	info->title = (char *)session->control.texts.title;
	info->directory = (char *)session->control.texts.directory;
	info->modes = (uint32_t)count(&session->counts.modes);
	info->n_bells = count(&session->counts.n_bells);
	info->command_step = (uint32_t)(command_step >> 32);
	info->command_status = (int32_t)command_step;
	info->n_commands = count(&session->counts.n_commands);
	info->at_prompt = is_at_prompt(session, info->command_step);
}

void rcasti_describe_session(struct rcast_session *session, Ringcast__Wire__SessionInfo *info)
{
	const struct rcasti_session_control *control = &session->control;

	/* acquire: pairs with the release in rcasti_session_count(); what is said of events is at least as new as this position */
	info->next_pos = atomic_load_explicit(&session->counts.next_pos, memory_order_acquire);
	info->name = session->name;
	info->kind = session->kind;
	info->ended = control->ended;
	info->has_exit = control->has_exit;
	info->exit_status = control->exit.status;
	info->exit_signal = control->exit.signal;
	info->pid = control->child ? control->child->pid : 0;
	info->cols = control->size.cols;
	info->rows = control->size.rows;
	info->n_readers = atomic_load_explicit(&session->n_attached, memory_order_relaxed);
	info->ring_bytes = session->control.ring_bytes;
	info->first_pos = count(&session->counts.first_pos);
	info->n_records = count(&session->counts.n_records);
	info->n_output = count(&session->counts.n_output);
	info->age_ms = (rcasti_now_ns() - session->born_ns) / RCASTI_NS_PER_MS;
	info->command = session->command;
	describe_events(session, info);
}

void rcasti_describe_stats(struct rcast_session *session, Ringcast__Wire__SessionStats *stats)
{
	stats->n_reads = count(&session->counts.n_reads);
	stats->n_input = session->control.input.n_written_bytes;
	stats->n_kicked = session->control.n_kicked;
	stats->n_evicted = session->control.n_evicted;
	stats->n_leases_lost = count(&session->counts.n_leases_lost);
	stats->n_rotations = count(&session->counts.n_rotations);
	stats->last_rotation_ns = count(&session->counts.last_rotation_ns);
	stats->max_rotation_ns = count(&session->counts.max_rotation_ns);
	stats->n_keyframer_deaths = session->keyframes.n_deaths;
}

void rcasti_describe_reader(const struct rcasti_attachment *attachment, Ringcast__Wire__ReaderInfo *info)
{
	uint64_t pos = rcast_follower_pos(attachment->follower), next_pos = count(&attachment->session->counts.next_pos);

	info->id = attachment->id;
	info->pid = attachment->pid;
	info->by_circuit = attachment->delivery != NULL;
	info->may_input = attachment->may_input;
	info->answers = attachment->session->control.answering.reader == attachment->id;
	info->lease_ms = atomic_load_explicit(&attachment->has_lease, memory_order_relaxed) ? attachment->lease_ms : 0;
	info->pos = pos;
	info->behind_bytes = pos < next_pos ? next_pos - pos : 0;
	info->n_laps = count(&attachment->n_laps);
	info->n_rings = count(&attachment->n_rings);
}
