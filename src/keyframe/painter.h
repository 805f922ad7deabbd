/* SPDX-License-Identifier: MIT */
/* Cells as what a terminal must be sent to show them, with as few changes of pen as there can be. */
#ifndef RCASTI_KEYFRAME_PAINTER_H
#define RCASTI_KEYFRAME_PAINTER_H

#include "keyframe/output.h"
#include "keyframe/state.h"

struct rcasti_painter {
	const struct rcast_screen *screen;
	const struct rcasti_buffer *buffer; /* the one being painted */
	struct rcasti_output output;
	struct rcasti_pen pen; /* that the terminal has now */
};

/* Whatever pen the terminal had. */
void rcasti_painter_put_plain_pen(struct rcasti_painter *painter);
void rcasti_painter_use_pen(struct rcasti_painter *painter, const struct rcasti_pen *pen);

/* Its characters, in its pen; a blank if it is erased. */
void rcasti_painter_put_cell(struct rcasti_painter *painter, const struct rcasti_cell *cell);

/* To column x, if the cursor is not there already (`at`). */
void rcasti_painter_go_to_column(struct rcasti_painter *painter, unsigned *at, unsigned x);

/* How many cells from x on, which is erased, are erased and of its colours. */
unsigned rcasti_painter_count_alike_erased(const struct rcasti_painter *painter, const struct rcasti_row *row, unsigned x);

/* Onto a blank line, with the cursor in column `at`. Returns the column that it is left in; n_cols: a wrap is due. */
unsigned rcasti_painter_put_row(struct rcasti_painter *painter, const struct rcasti_row *row, unsigned at);

void rcasti_painter_put_title(struct rcasti_painter *painter, const char *title);

#endif
