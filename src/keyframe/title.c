/* SPDX-License-Identifier: MIT */
/*
 * The title and the stack of titles (XTPUSHTITLE), which editors use to put back what was there before them.
 *
 * A title that is longer than its bound is cut between characters. The stack keeps the newest ten. Called by osc.c and
 * control.c.
 */
#include "keyframe/state.h"

#include <stdlib.h>
#include <string.h>

void rcasti_title_set(struct rcast_screen *screen, const char *text, size_t n_bytes)
{
	if (n_bytes > TITLE_MAX_BYTES) {
		n_bytes = TITLE_MAX_BYTES;
		while (n_bytes > 0 && ((uint8_t)text[n_bytes] & 0xc0) == 0x80)
			n_bytes--;
	}
	memcpy(screen->title, text, n_bytes);
	screen->title[n_bytes] = '\0';
	screen->has_title = true;
}

void rcasti_title_push(struct rcast_screen *screen)
{
	struct rcasti_title_stack *stack = &screen->title_stack;
	char *title = strdup(screen->title);

	if (!title)
		return;
	if (stack->n_titles == TITLE_STACK_MAX) {
		free(stack->titles[0]);
		memmove(stack->titles, stack->titles + 1, --stack->n_titles * sizeof(*stack->titles));
	}
	stack->titles[stack->n_titles++] = title;
}

void rcasti_title_pop(struct rcast_screen *screen)
{
	struct rcasti_title_stack *stack = &screen->title_stack;
	char *title;

	if (stack->n_titles == 0)
		return;
	title = stack->titles[--stack->n_titles];
	rcasti_title_set(screen, title, strlen(title));
	free(title);
}

void rcasti_title_clear(struct rcast_screen *screen)
{
	while (screen->title_stack.n_titles > 0)
		free(screen->title_stack.titles[--screen->title_stack.n_titles]);
	screen->has_title = false;
	screen->title[0] = '\0';
}
