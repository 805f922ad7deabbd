/* SPDX-License-Identifier: MIT */
/*
 * `record --last`: records are told apart by their stamps.
 *
 *   older than since_ns ─► screen ─ since_ns is reached: its size, and itself as a snapshot ─► cast
 *   since_ns … until_ns ──────────────────────────────────────────────────────────────────► cast
 *   newer, or behind until_pos: the end
 *
 * So a recording of the last minute of an editor begins with what the editor showed a minute ago. The screen is kept for programs
 * in terminals only. If the ring has dropped what was printed first, or a gap comes, the screen is the best that can be had of
 * it: see rcast_screen_mark_unknown.
 *
 * Called by verb_record.c; calls cast.c and <ringcast/screen.h>.
 */
#include "cli/recent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/clock.h"

void recent_open(struct recent *recent, struct cast *cast, uint64_t last_ns)
{
	const struct rcast_session_info *info = cast->info;
	uint64_t now_ns = clock_now_ns();

	*recent = (struct recent){.cast = cast,
				  .since_ns = now_ns > last_ns ? now_ns - last_ns : 0,
				  .until_ns = now_ns,
				  .until_pos = info->next_pos,
				  .held_since_ns = UINT64_MAX};
	if (info->kind == RCAST_SESSION_PTY && cast->format != CAST_RAW &&
	    rcast_screen_create(info->cols, info->rows, &recent->screen) != 0)
		recent->screen = NULL;
	if (recent->screen && info->first_pos > 0)
		rcast_screen_mark_unknown(recent->screen);
}

void recent_close(struct recent *recent)
{
	rcast_screen_free(recent->screen);
	recent->screen = NULL;
}

/* ── Before ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void show(struct rcast_screen *screen, const struct rcast_record *record)
{
	struct rcast_resize size;

	if (record->kind == RCAST_OUTPUT)
		rcast_screen_feed(screen, record->data, record->n_bytes);
	if (record->kind != RCAST_RESIZE || record->n_bytes < sizeof size)
		return;
	memcpy(&size, record->data, sizeof size);
	(void)rcast_screen_resize(screen, size.cols, size.rows); /* one that is too large is shown as far as it goes */
}

static int write_screen(struct recent *recent)
{
	struct rcast_keyframe screen = {0};
	int result;

	rcast_screen_get_size(recent->screen, &screen.cols, &screen.rows);
	if (rcast_screen_snapshot(recent->screen, &screen.bytes, &screen.n_bytes) != 0)
		return 0;
	result = cast_write_screen(recent->cast, &screen, recent->since_ns);
	free(screen.bytes);
	return result;
}

/* since_ns is reached: from here on all goes into the recording. */
static int begin(struct recent *recent)
{
	bool has_screen = recent->screen && recent->held_since_ns < recent->since_ns;
	int result = !recent->has_begun && has_screen ? write_screen(recent) : 0;

	recent->has_begun = true;
	return result;
}

/* ── Since then ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

int recent_write(struct recent *recent, const struct rcast_record *record)
{
	uint64_t time_ns = record->stamped ? record->time_ns : recent->until_ns;
	int result;

	if (time_ns > recent->until_ns)
		return -ECANCELED;
	if (recent->held_since_ns == UINT64_MAX)
		recent->held_since_ns = time_ns;
	if (time_ns < recent->since_ns) {
		if (recent->screen)
			show(recent->screen, record);
	} else {
		result = begin(recent);
		if (result == 0)
			result = cast_write(recent->cast, record);
		if (result < 0)
			return result;
	}
	return record->next_pos >= recent->until_pos ? -ECANCELED : 0;
}

int recent_write_gap(struct recent *recent, const struct rcast_loss *lost)
{
	if (recent->has_begun)
		return cast_write_gap(recent->cast, lost);
	if (recent->screen)
		rcast_screen_mark_unknown(recent->screen);
	return 0;
}

int recent_finish(struct recent *recent)
{
	return begin(recent);
}

bool recent_is_cut(const struct recent *recent)
{
	return recent->held_since_ns > recent->since_ns && recent->cast->info->first_pos > 0;
}
