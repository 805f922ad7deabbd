/* SPDX-License-Identifier: MIT */
/*
 * Are two screens in the same state? All of it is compared that what comes next could tell apart. An erased cell counts as a
 * blank one: there are states of a terminal that can be reached only by printing where it had erased.
 */
#ifndef RINGCAST_TESTS_SCREEN_DIFFERENCE_H
#define RINGCAST_TESTS_SCREEN_DIFFERENCE_H

#include <string.h>

#include "keyframe/state.h"

/* The same link may have another number. */
static inline bool screen_pen_equal(const struct rcast_screen *a, const struct rcasti_pen *pen_a,
				    const struct rcast_screen *b, const struct rcasti_pen *pen_b)
{
	const char *link_a = rcasti_link_text(a, pen_a->link), *link_b = rcasti_link_text(b, pen_b->link);
	struct rcasti_pen relinked = *pen_b;

	relinked.link = pen_a->link;
	return rcasti_pen_equal(pen_a, &relinked) && !link_a == !link_b && (!link_a || strcmp(link_a, link_b) == 0);
}

static inline bool screen_cell_equal(const struct rcast_screen *a, const struct rcasti_cell *cell_a,
				     const struct rcast_screen *b, const struct rcasti_cell *cell_b)
{
	uint32_t characters_a[CLUSTER_MAX_CHARACTERS] = {0}, characters_b[CLUSTER_MAX_CHARACTERS] = {0};
	unsigned n_a = rcasti_cell_characters(a, cell_a, characters_a);
	unsigned n_b = rcasti_cell_characters(b, cell_b, characters_b);

	if (n_a == 1 && characters_a[0] == ' ')
		n_a = 0;
	if (n_b == 1 && characters_b[0] == ' ')
		n_b = 0;
	return n_a == n_b && memcmp(characters_a, characters_b, n_a * sizeof(characters_a[0])) == 0 &&
	       cell_a->width == cell_b->width && screen_pen_equal(a, &cell_a->pen, b, &cell_b->pen);
}

static inline bool screen_cursor_equal(const struct rcasti_cursor *a, const struct rcasti_cursor *b)
{
	return a->x == b->x && a->y == b->y && a->is_full == b->is_full;
}

static inline bool screen_saved_equal(const struct rcast_screen *a, const struct rcasti_saved *saved_a,
				      const struct rcast_screen *b, const struct rcasti_saved *saved_b)
{
	return screen_cursor_equal(&saved_a->cursor, &saved_b->cursor) &&
	       screen_pen_equal(a, &saved_a->pen, b, &saved_b->pen) &&
	       memcmp(saved_a->charsets, saved_b->charsets, sizeof(saved_a->charsets)) == 0 && saved_a->gl == saved_b->gl &&
	       saved_a->origin == saved_b->origin;
}

/* What differs first; NULL: nothing. */
static inline const char *screen_buffer_difference(const struct rcast_screen *a, const struct rcasti_buffer *buffer_a,
						   const struct rcast_screen *b, const struct rcasti_buffer *buffer_b)
{
	for (unsigned y = 0; y < buffer_a->n_rows; y++) {
		if (buffer_a->rows[y].is_wrapped != buffer_b->rows[y].is_wrapped)
			return "wraps";
		for (unsigned x = 0; x < buffer_a->n_cols; x++) {
			if (!screen_cell_equal(a, &buffer_a->rows[y].cells[x], b, &buffer_b->rows[y].cells[x]))
				return "cells";
		}
	}
	if (buffer_a->scroll_top != buffer_b->scroll_top || buffer_a->scroll_bottom != buffer_b->scroll_bottom)
		return "region";
	if (memcmp(&buffer_a->keyboard, &buffer_b->keyboard, buffer_a->keyboard.level + 1u) != 0 ||
	    buffer_a->keyboard.level != buffer_b->keyboard.level)
		return "keyboard";
	return memcmp(buffer_a->tabs, buffer_b->tabs, buffer_a->n_cols) == 0 ? NULL : "tabs";
}

static inline bool screen_modes_equal(const struct rcasti_modes *a, const struct rcasti_modes *b)
{
	return a->set == b->set && a->insert == b->insert && a->new_line == b->new_line &&
	       a->mouse_tracking == b->mouse_tracking && a->mouse_encoding == b->mouse_encoding &&
	       a->extent_is_rectangle == b->extent_is_rectangle && a->cursor_style == b->cursor_style &&
	       a->modify_other_keys == b->modify_other_keys;
}

static inline const char *screen_titles_difference(const struct rcast_screen *a, const struct rcast_screen *b)
{
	if (strcmp(a->title, b->title) != 0)
		return "title";
	if (a->title_stack.n_titles != b->title_stack.n_titles)
		return "titles below";
	for (unsigned i = 0; i < a->title_stack.n_titles; i++) {
		if (strcmp(a->title_stack.titles[i], b->title_stack.titles[i]) != 0)
			return "a title below";
	}
	return NULL;
}

static inline const char *screen_difference(const struct rcast_screen *a, const struct rcast_screen *b)
{
	const char *found;

	if (a->is_alternate != b->is_alternate)
		return "which screen is shown";
	found = screen_buffer_difference(a, rcasti_shown_const(a), b, rcasti_shown_const(b));
	if (!found && a->is_alternate)
		found = screen_buffer_difference(a, &a->primary, b, &b->primary);
	if (!found && a->is_alternate && !screen_cursor_equal(&a->left_cursor, &b->left_cursor))
		found = "left cursor";
	if (!found)
		found = screen_titles_difference(a, b);
	if (found)
		return found;
	if (a->margin_left != b->margin_left || a->margin_right != b->margin_right)
		return "margins";
	if (!screen_cursor_equal(&a->cursor, &b->cursor))
		return "cursor";
	if (!screen_pen_equal(a, &a->pen, b, &b->pen))
		return "pen";
	if (memcmp(a->charsets, b->charsets, sizeof(a->charsets)) != 0 || a->gl != b->gl)
		return "character sets";
	if (!screen_saved_equal(a, &a->primary.saved, b, &b->primary.saved))
		return "primary's saved cursor";
	if (!screen_saved_equal(a, &a->alternate.saved, b, &b->alternate.saved))
		return "alternate's saved cursor";
	if (memcmp(a->palette.indexed, b->palette.indexed, sizeof(a->palette.indexed)) != 0 ||
	    memcmp(a->palette.dynamic, b->palette.dynamic, sizeof(a->palette.dynamic)) != 0)
		return "palette";
	if (!screen_modes_equal(&a->modes, &b->modes))
		return "modes";
	if (a->last_width != b->last_width)
		return "the character printed last";
	return rcast_screen_is_at_cut_point(a) == rcast_screen_is_at_cut_point(b) ? NULL : "cut point";
}

#endif
