/* SPDX-License-Identifier: MIT */
/*
 * A hostile program's output into a screen, with changes of size, losses, snapshots and frames in between.
 *
 * The input is the output itself, behind two bytes of size. A NUL, which no terminal minds, is followed by what else happens.
 *
 * What must hold: a snapshot, given to a screen in whatever state, brings it into the same state; a frame for a
 * terminal of any size can always be made, and a second one is empty; rows and texts can be read; nothing is known that is not.
 */
#include <errno.h>

#include <ringcast/screen.h>

#include "fuzz.h"
#include "screen_difference.h"
#include "screen_states.h"

enum happening { CHANGE_SIZE, TAKE_SNAPSHOT, TAKE_SNAPSHOT_DIRTY, DRAW, LOSE, READ, N_HAPPENINGS };

enum { MAX_COLS = 60, MAX_ROWS = 20, MAX_HAPPENINGS = 40, N_SCROLLBACK = 7 };

static uint16_t some_size(struct fuzz *fuzz, unsigned int most)
{
	return (uint16_t)(1 + fuzz_u8(fuzz) % most);
}

static struct rcast_screen *make_like(const struct rcast_screen *screen)
{
	struct rcast_screen *made;
	uint16_t cols, rows;

	rcast_screen_get_size(screen, &cols, &rows);
	must(rcast_screen_create(cols, rows, &made) == 0);
	return made;
}

static void check_snapshot(const struct rcast_screen *screen, const char *dirt)
{
	struct rcast_screen *joined;
	const char *difference;
	size_t n_bytes;
	char *bytes;
	int r = rcast_screen_snapshot(screen, &bytes, &n_bytes);

	if (r == -EAGAIN && !rcast_screen_is_at_cut_point(screen))
		return;
	must(r == 0);
	joined = make_like(screen);
	rcast_screen_feed(joined, dirt, strlen(dirt));
	rcast_screen_feed(joined, bytes, n_bytes);
	difference = screen_difference(screen, joined);
	if (difference)
		fprintf(stderr, "a snapshot does not restore: %s\n", difference);
	must(!difference);
	rcast_screen_free(joined);
	free(bytes);
}

static void draw(struct fuzz *fuzz, const struct rcast_screen *screen, struct rcast_drawing *drawing)
{
	uint16_t cols = some_size(fuzz, MAX_COLS), rows = some_size(fuzz, MAX_ROWS);
	size_t n_bytes;
	char *bytes;

	must(rcast_screen_draw(screen, drawing, cols, rows, &bytes, &n_bytes) == 0);
	free(bytes);
	must(rcast_screen_draw(screen, drawing, cols, rows, &bytes, &n_bytes) == 0);
	must(n_bytes == 0);
	free(bytes);
}

static void read_all(const struct rcast_screen *screen)
{
	uint16_t cols, rows;
	size_t n;
	char *text;

	rcast_screen_get_size(screen, &cols, &rows);
	must(rcast_screen_text(screen, &text, &n) == 0 && n == strlen(text));
	free(text);
	for (uint16_t y = 0; y < rows; y++) {
		struct rcast_run *runs;
		must(rcast_screen_row(screen, y, &runs, &n) == 0 && n <= cols);
		free(runs);
	}
	must(strlen(rcast_screen_title(screen)) < 8192);
}

static void happen(struct fuzz *fuzz, struct rcast_screen *screen, struct rcast_drawing *drawing)
{
	switch (fuzz_u8(fuzz) % N_HAPPENINGS) {
	case CHANGE_SIZE:
		must(rcast_screen_resize(screen, some_size(fuzz, MAX_COLS), some_size(fuzz, MAX_ROWS)) == 0);
		break;
	case TAKE_SNAPSHOT:
		check_snapshot(screen, "");
		break;
	case TAKE_SNAPSHOT_DIRTY:
		check_snapshot(screen, SCREEN_LEFT_BEHIND);
		break;
	case DRAW:
		draw(fuzz, screen, drawing);
		break;
	case LOSE:
		rcast_screen_mark_unknown(screen);
		must(!rcast_screen_is_known(screen));
		break;
	case READ:
		read_all(screen);
		break;
	}
}

static void feed_to_nul(struct fuzz *fuzz, struct rcast_screen *screen)
{
	const uint8_t *nul = memchr(fuzz->at, 0, fuzz->n_left);
	size_t n_bytes = nul ? (size_t)(nul - fuzz->at) : fuzz->n_left;
	uint8_t *bytes = fuzz_copy(fuzz, &n_bytes);

	rcast_screen_feed(screen, bytes, n_bytes);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	struct fuzz fuzz = {.at = data, .n_left = n_bytes};
	struct rcast_drawing *drawing;
	struct rcast_screen *screen;
	uint16_t cols = some_size(&fuzz, MAX_COLS), rows = some_size(&fuzz, MAX_ROWS);

	must(rcast_screen_create(cols, rows, &screen) == 0 && rcast_drawing_create(&drawing) == 0);
	must(rcast_screen_keep_scrollback(screen, N_SCROLLBACK) == 0);
	for (unsigned int i = 0; fuzz.n_left > 0 && i < MAX_HAPPENINGS; i++) {
		feed_to_nul(&fuzz, screen);
		fuzz_u8(&fuzz);
		happen(&fuzz, screen, drawing);
	}
	check_snapshot(screen, "");
	rcast_drawing_free(drawing);
	rcast_screen_free(screen);
	return 0;
}

/* ── Seeds: each state, with a happening behind it; and all of them in one ───────────────────────────────────────────── */

static void put_state(struct fuzz_seed *seed, unsigned int number)
{
	const char *state = screen_states[number % N_SCREEN_STATES];
	uint8_t happening[] = {0, (uint8_t)(number % N_HAPPENINGS), 4, 2};

	fuzz_put(seed, state, strlen(state));
	fuzz_put(seed, happening, sizeof happening);
}

bool fuzz_make_seed(unsigned int number, struct fuzz_seed *seed)
{
	if (number > 2 * N_SCREEN_STATES)
		return false;
	fuzz_put_u8(seed, 9);
	fuzz_put_u8(seed, 3);
	if (number < 2 * N_SCREEN_STATES)
		put_state(seed, number);
	else
		for (unsigned int i = 0; i < N_SCREEN_STATES; i++)
			put_state(seed, i);
	return true;
}
