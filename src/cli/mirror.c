/* SPDX-License-Identifier: MIT */
/*
 * A keyframe makes the screen, output and sizes change it. What came before a keyframe does not matter, so a new screen takes the
 * place of the old one: it is not in doubt about anything, unless the engine is.
 *
 * Called by canvas.c, matcher.c and verb_screen.c; calls <ringcast/screen.h>.
 */
#include "cli/mirror.h"

#include <errno.h>
#include <string.h>

struct rcast_screen *mirror_keyframe(const struct rcast_keyframe *keyframe)
{
	struct rcast_screen *screen;

	if (rcast_screen_create(keyframe->cols, keyframe->rows, &screen) < 0)
		return NULL;
	rcast_screen_feed(screen, keyframe->bytes, keyframe->n_bytes);
	if (keyframe->stale)
		rcast_screen_mark_unknown(screen);
	return screen;
}

static int begin(struct rcast_screen **screen, const struct rcast_view *view)
{
	const struct rcast_keyframe *keyframe = rcast_view_keyframe(view);
	const struct rcast_session_info *info = rcast_view_info(view);
	struct rcast_screen *made = NULL;

	if (keyframe)
		made = mirror_keyframe(keyframe);
	else if (rcast_screen_create(info->cols ? info->cols : 80, info->rows ? info->rows : 24, &made) < 0)
		return -ENOMEM;
	if (!made)
		return -ENOMEM;
	rcast_screen_free(*screen);
	*screen = made;
	return 0;
}

static void resize(struct rcast_screen *screen, const struct rcast_record *record)
{
	struct rcast_resize size;

	if (record->n_bytes < sizeof size)
		return;
	memcpy(&size, record->data, sizeof size);
	rcast_screen_resize(screen, size.cols, size.rows);
}

int mirror_record(struct rcast_screen **screen, const struct rcast_view *view, const struct rcast_record *record)
{
	int result = record->kind == RCAST_KEYFRAME || !*screen ? begin(screen, view) : 0;

	if (result < 0)
		return result;
	if (record->kind == RCAST_RESIZE)
		resize(*screen, record);
	else if (record->kind == RCAST_OUTPUT)
		rcast_screen_feed(*screen, record->data, record->n_bytes);
	return 0;
}
