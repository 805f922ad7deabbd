/* SPDX-License-Identifier: MIT */
/* One session that is followed: its screen, and the question that waits for it. The model is in followed.c. */
#ifndef RCASTI_KEYFRAMER_FOLLOWED_H
#define RCASTI_KEYFRAMER_FOLLOWED_H

#include <sys/queue.h>

#include <ringcast/circuit.h>
#include <ringcast/client.h>
#include <ringcast/screen.h>

struct followed {
	TAILQ_ENTRY(followed) node;
	struct rcast_client *client;
	struct rcast_circuit *circuit; /* to the engine */
	struct rcast_view *view;       /* NULL: not attached, or given up */
	int epoll_fd;                  /* in which the view is while there may be more to read */

	struct rcast_screen *screen;
	uint64_t pos, output_pos, sequence; /* where it stands */
	bool is_placed;                     /* do the last two hold? Behind a gap the next record says */
	bool is_at_exit;                    /* behind the record that says how the program ended */
	uint64_t exit_pos;                  /* where that one starts */
	bool knows_size;                    /* what changes the size has not been missed */
	bool fits;                          /* the session's size is one that a screen can have */

	bool has_more; /* to read, as far as we know */
	bool has_ended;
	bool given_up;

	bool asked;
	uint64_t asked_pos;
	struct rcast_resize asked_size;
	unsigned int n_waits; /* for a cut point */
};

/* A message from the engine on the session's circuit; the first is to follow it. */
enum rcast_consumed followed_message(struct followed *followed, struct rcast_message *message);

/* Read and draw a bounded piece of what has come, and answer if that can be done. */
void followed_advance(struct followed *followed);

/* Does a question wait for it? Then it comes first, and is looked at again soon even if it has nothing to read. */
bool followed_is_urgent(const struct followed *followed);

void followed_free(struct followed *followed);

#endif
