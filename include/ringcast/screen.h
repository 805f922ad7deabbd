/* SPDX-License-Identifier: MIT */
/*
 * The screen: what a terminal would show after the bytes it was fed, and how to make another terminal show the same.
 *
 *   rcast_screen_create → feed and resize, in the stream's order → snapshot or text, at any time → free
 *
 * A *snapshot* is an escape stream. Written to a terminal of the same size, in whatever state that is, it draws the whole
 * screen and puts the terminal into the same state, so that the bytes behind the snapshot's position mean the same to it:
 * cells with all attributes, both screens, cursor, saved cursors, scroll region, margins, tab stops, character sets, title, and
 * every mode that is followed. Whoever joins late or was lapped is given a snapshot and the stream from there.
 *
 * The bytes may be hostile: memory is bounded by the size of the screen, time by the number of bytes times that size. No
 * byte sequence is answered: a screen has nobody to answer to.
 *
 * Not part of libringcast: link libringcast-screen.
 */
#ifndef RINGCAST_SCREEN_H
#define RINGCAST_SCREEN_H

#include <ringcast/ringcast.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rcast_screen;

#define RCAST_SCREEN_MAX_COLS 1024
#define RCAST_SCREEN_MAX_ROWS 1024
#define RCAST_SCREEN_MAX_SCROLLBACK 1000000

/* A blank screen. -EINVAL: a size of 0 or past the maximum. -ENOMEM. */
RCAST_API int rcast_screen_create(uint16_t cols, uint16_t rows, struct rcast_screen **screen);
RCAST_API void rcast_screen_free(struct rcast_screen *screen);

/* Take output, cut anywhere. */
RCAST_API void rcast_screen_feed(struct rcast_screen *screen, const void *data, size_t n_bytes);

/*
 * The size changes here in the stream. Lines are cut and padded, never wrapped anew. Errors as for create; the screen is
 * then as it was.
 */
RCAST_API int rcast_screen_resize(struct rcast_screen *screen, uint16_t cols, uint16_t rows);

RCAST_API void rcast_screen_get_size(const struct rcast_screen *screen, uint16_t *cols, uint16_t *rows);

/* Where the cursor stands, from 0. In a line that is full it stands on the last column. */
RCAST_API void rcast_screen_get_cursor(const struct rcast_screen *screen, uint16_t *col, uint16_t *row, bool *visible);

/* The title, UTF-8, without control characters. Borrowed, until the next feed. */
RCAST_API const char *rcast_screen_title(const struct rcast_screen *screen);

/* Is the place reached between escape sequences and between UTF-8 characters? */
RCAST_API bool rcast_screen_is_at_cut_point(const struct rcast_screen *screen);

/*
 * The snapshot, valid at exactly the byte reached: inside a sequence it ends with what has been fed of that sequence, which
 * has had no effect yet. *bytes is yours to free(). -EAGAIN: inside a sequence of more than 4 KiB (an image, say); feed on
 * and ask again. -ENOMEM.
 */
RCAST_API int rcast_screen_snapshot(const struct rcast_screen *screen, char **bytes, size_t *n_bytes);

/*
 * From now on, keep the newest n_lines that leave the primary screen at its top, for snapshots to write into the scrollback
 * of the terminals that are given them; 0, as at first: none. What was kept before is forgotten. Takes a KiB a line at most,
 * on average; the oldest go first. -EINVAL: more than the maximum. -ENOMEM: nothing has changed.
 */
RCAST_API int rcast_screen_keep_scrollback(struct rcast_screen *screen, uint32_t n_lines);

/*
 * For a terminal that is to stay in the screen that it is in, say the alternate one in which a viewer shows a session: the
 * snapshot of the shown screen only, and how often the stream has switched screens or reset everything, wherever that led. While
 * this count stays, the stream may go to such a terminal as it is; when it has grown, another snapshot takes the stream's place.
 */
RCAST_API int rcast_screen_snapshot_shown(const struct rcast_screen *screen, char **bytes, size_t *n_bytes);
RCAST_API uint64_t rcast_screen_n_switches(const struct rcast_screen *screen);

/* Is the alternate screen the one that is shown? */
RCAST_API bool rcast_screen_is_alternate(const struct rcast_screen *screen);

/* What can be read on it: UTF-8, a line feed behind every row, blanks at the ends of rows left out. Yours to free(). */
RCAST_API int rcast_screen_text(const struct rcast_screen *screen, char **text, size_t *n_bytes);

/* How a run of cells looks. */
enum rcast_colour_kind {
	RCAST_COLOUR_DEFAULT,
	RCAST_COLOUR_NAMED,   /* value: 0–7, and 8–15 for the bright ones (SGR 30–37, 90–97) */
	RCAST_COLOUR_INDEXED, /* value: 0–255 */
	RCAST_COLOUR_RGB,     /* value: 0xRRGGBB */
};

struct rcast_colour {
	enum rcast_colour_kind kind;
	uint32_t value;
};

enum rcast_style_flag {
	RCAST_STYLE_BOLD = 1 << 0,
	RCAST_STYLE_DIM = 1 << 1,
	RCAST_STYLE_ITALIC = 1 << 2,
	RCAST_STYLE_BLINK = 1 << 3,
	RCAST_STYLE_INVERSE = 1 << 4,
	RCAST_STYLE_INVISIBLE = 1 << 5,
	RCAST_STYLE_STRUCK = 1 << 6,
	RCAST_STYLE_OVERLINE = 1 << 7,
};

enum rcast_underline {
	RCAST_UNDERLINE_NONE,
	RCAST_UNDERLINE_SINGLE,
	RCAST_UNDERLINE_DOUBLE,
	RCAST_UNDERLINE_CURLY,
	RCAST_UNDERLINE_DOTTED,
	RCAST_UNDERLINE_DASHED,
};

struct rcast_style {
	struct rcast_colour foreground, background, underline_colour;
	uint32_t flags; /* of enum rcast_style_flag */
	enum rcast_underline underline;
	const char *link; /* the address behind the text (OSC 8); NULL: none. Borrowed, until the next feed */
};

struct rcast_run {
	uint16_t col, n_cols; /* from 0 */
	struct rcast_style style;
	const char *text; /* UTF-8, terminated; an erased cell is a blank */
	size_t n_bytes;
};

/*
 * A row of the shown screen, from 0, as runs of cells that look the same; what is erased and plain at its end is left out. *runs,
 * which holds the texts too, is yours to free(). -EINVAL: there is no such row. -ENOMEM.
 */
RCAST_API int rcast_screen_row(const struct rcast_screen *screen, uint16_t row, struct rcast_run **runs, size_t *n_runs);

/*
 * Drawing on a terminal of another size: what a viewer's terminal must be sent to show the screen in cols × rows, and the changes
 * from then on. What is larger is cropped, nothing is wrapped anew; what is smaller stands in the upper left, with blanks around
 * it. The part that is shown moves no more than is needed to have a visible cursor in it.
 *
 * A drawing remembers what was sent to one terminal. The first frame and the one behind a change of cols or rows hold every
 * row and touch no other ones, so that a caller may keep rows below for itself; later frames hold the rows that changed.
 * After having written to those rows itself, a caller makes a new drawing. Beside what is seen, the terminal gets the title
 * and the modes that matter to whoever types into it (mouse, paste, focus, keys) or looks at it (the cursor's shape, reverse
 * video). Lines do not wrap from then on. Putting modes, wrap and colours back is the caller's business.
 */
struct rcast_drawing;

RCAST_API int rcast_drawing_create(struct rcast_drawing **drawing); /* -ENOMEM */
RCAST_API void rcast_drawing_free(struct rcast_drawing *drawing);

/*
 * The next frame. *bytes is yours to free(); *n_bytes is 0 if nothing changed. -EINVAL: cols or rows is 0. -ENOMEM: the next
 * frame begins anew.
 */
RCAST_API int rcast_screen_draw(const struct rcast_screen *screen, struct rcast_drawing *drawing, uint16_t cols,
				uint16_t rows, char **bytes, size_t *n_bytes);

/* The screen's column and row, from 0, that the last frame has in the terminal's upper left: what mouse positions lack. */
RCAST_API void rcast_drawing_get_corner(const struct rcast_drawing *drawing, uint16_t *col, uint16_t *row);

/*
 * Output was lost: the screen goes on from what it has, and is *unknown* until it can be shown what the program's terminal
 * would. A change of size may have been lost too: resize to what the size is now.
 *
 * What is half read is dropped. What programs leave on only for moments is taken for off: insert mode, origin mode, a scroll
 * region, margins, other tab stops and character sets, lines that do not wrap, reverse wrap, new line mode, protected characters,
 * synchronized output. All else stays as it was.
 */
RCAST_API void rcast_screen_mark_unknown(struct rcast_screen *screen);

/*
 * Always true, unless marked. Then it becomes true by a full reset (RIS); and as soon as every row of the shown screen has
 * been erased, or has scrolled in, and was written since with nothing in doubt: not where the cursor stood (it was placed; or
 * a screenful of line feeds has brought it down, and a carriage return to the left), nor the colours (a reset by SGR). A
 * program that clears the screen, or redraws it row by row, does that; a shell does in two screenfuls of output.
 *
 * True promises: all cells that are shown, the cursor and the pen are what they would be had nothing been lost, as long as
 * what mark_unknown takes for off was off. It does not promise (RIS does, but for the title)
 *   modes that were not set since: mouse, paste, keys, the cursor's shape and visibility, reverse video; nor the title and
 *     those below it. They are as before the loss;
 *   the hidden screen and its saved cursor, nor which of the two this one is, if they were not switched since. A switch to
 *     what is not known makes this false again.
 */
RCAST_API bool rcast_screen_is_known(const struct rcast_screen *screen);

#ifdef __cplusplus
}
#endif

#endif
