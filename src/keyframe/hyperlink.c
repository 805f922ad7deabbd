/* SPDX-License-Identifier: MIT */
/*
 * Hyperlinks (OSC 8): a pen names one by number, and so do the cells that it wrote.
 *
 * A table holds what stands in the sequence, parameters and address, as it was; equal ones share a number. Nobody counts the
 * users: when the table is full, by number or by bytes, those that no cell and no pen names are found by looking at all. If that
 * freed little, it is not done again for a while, and what has no room meanwhile is no link. So memory is bounded whatever is printed,
 * and a link costs a constant on average.
 *
 * Called by osc.c and all who read pens.
 */
#include "keyframe/state.h"

#include <stdlib.h>
#include <string.h>

#define LINKS_MAX_BYTES (64u << 10)
#define LINK_MAX_BYTES 2333 /* an address of 2083 and an id of 250, as VTE has it */
#define COLLECTION_PAUSE 64

static void mark(const struct rcasti_pen *pen, bool *is_used)
{
	is_used[pen->link] = true;
}

static void mark_buffer(const struct rcasti_buffer *buffer, bool *is_used)
{
	for (size_t i = 0; i < (size_t)buffer->n_cols * buffer->n_rows; i++)
		mark(&buffer->memory[i].pen, is_used);
	mark(&buffer->saved.pen, is_used);
}

static void drop(struct rcasti_links *links, unsigned number)
{
	if (!links->texts[number])
		return;
	links->n_bytes -= strlen(links->texts[number]) + 1;
	free(links->texts[number]);
	links->texts[number] = NULL;
}

static void collect_garbage(struct rcast_screen *screen)
{
	struct rcasti_links *links = &screen->links;
	bool is_used[LINKS_MAX + 1] = {false};
	unsigned n_used = 0;

	mark_buffer(&screen->primary, is_used);
	mark_buffer(&screen->alternate, is_used);
	mark(&screen->pen, is_used);
	for (unsigned i = 1; i <= LINKS_MAX; i++) {
		if (is_used[i])
			n_used++;
		else
			drop(links, i);
	}
	if (n_used > LINKS_MAX / 2 || links->n_bytes > LINKS_MAX_BYTES / 2)
		links->n_until_collection = COLLECTION_PAUSE;
}

static unsigned find(const struct rcasti_links *links, const char *text)
{
	for (unsigned i = 1; i <= LINKS_MAX; i++) {
		if (links->texts[i] && strcmp(links->texts[i], text) == 0)
			return i;
	}
	return 0;
}

static unsigned find_free(const struct rcasti_links *links, size_t n_bytes)
{
	if (links->n_bytes + n_bytes + 1 > LINKS_MAX_BYTES)
		return 0;
	for (unsigned i = 1; i <= LINKS_MAX; i++) {
		if (!links->texts[i])
			return i;
	}
	return 0;
}

static unsigned make_room(struct rcast_screen *screen, size_t n_bytes)
{
	unsigned number = find_free(&screen->links, n_bytes);

	if (number > 0)
		return number;
	if (screen->links.n_until_collection > 0) {
		screen->links.n_until_collection--;
		return 0;
	}
	collect_garbage(screen);
	return find_free(&screen->links, n_bytes);
}

static unsigned add(struct rcast_screen *screen, const char *text, size_t n_bytes)
{
	unsigned number = make_room(screen, n_bytes);

	if (number == 0)
		return 0;
	screen->links.texts[number] = strdup(text);
	if (!screen->links.texts[number])
		return 0;
	screen->links.n_bytes += n_bytes + 1;
	return number;
}

void rcasti_link_use(struct rcast_screen *screen, const char *text, size_t n_bytes)
{
	struct rcasti_links *links = &screen->links;
	const char *address = strchr(text, ';');
	unsigned number;

	if (!address)
		return;
	screen->pen.link = 0;
	if (!links->texts)
		links->texts = calloc(LINKS_MAX + 1, sizeof(*links->texts));
	if (!links->texts || address[1] == '\0' || n_bytes > LINK_MAX_BYTES)
		return;
	number = find(links, text);
	screen->pen.link = (uint16_t)(number ? number : add(screen, text, n_bytes));
}

const char *rcasti_link_text(const struct rcast_screen *screen, uint16_t link)
{
	return link ? screen->links.texts[link] : NULL;
}

void rcasti_links_free(struct rcasti_links *links)
{
	for (unsigned i = 1; links->texts && i <= LINKS_MAX; i++)
		free(links->texts[i]);
	free(links->texts);
}
