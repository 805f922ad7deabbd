/* SPDX-License-Identifier: MIT */
/*
 * A screen of our own follows the session, and its rows are looked at whenever the view has nothing more to give, and under a flood
 * every now and then: what stood on the screen for a moment only may be missed, as it may by whoever looks at it.
 *
 * Called by the library's wait, for verb_wait.c.
 */
#include "cli/matcher.h"

#include <stdlib.h>
#include <string.h>

#include "cli/clock.h"
#include "cli/mirror.h"

#define LOOK_EVERY_NS (20 * NS_A_MS)

bool matcher_open(struct matcher *matcher, const char *pattern)
{
	*matcher = (struct matcher){0};
	return regcomp(&matcher->pattern, pattern, REG_EXTENDED | REG_NOSUB) == 0;
}

void matcher_close(struct matcher *matcher)
{
	rcast_screen_free(matcher->screen);
	regfree(&matcher->pattern);
}

static bool any_line_matches(const regex_t *pattern, char *text)
{
	bool found = false;

	for (char *end; !found && (end = strchr(text, '\n')) != NULL; text = end + 1) {
		*end = '\0';
		found = regexec(pattern, text, 0, NULL, 0) == 0;
	}
	return found;
}

static bool look(struct matcher *matcher)
{
	size_t n_bytes;
	char *text;
	bool found;

	matcher->changed = false;
	matcher->next_look_ns = clock_now_ns() + LOOK_EVERY_NS;
	if (rcast_screen_text(matcher->screen, &text, &n_bytes) < 0)
		return false;
	found = any_line_matches(&matcher->pattern, text);
	free(text);
	return found;
}

bool matcher_judge(void *user, const struct rcast_record *record)
{
	struct matcher *matcher = user;

	if (record && mirror_record(&matcher->screen, matcher->view, record) == 0)
		matcher->changed = true;
	return matcher->changed && (!record || clock_now_ns() >= matcher->next_look_ns) && look(matcher);
}
