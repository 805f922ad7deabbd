/* SPDX-License-Identifier: MIT */
/*
 * Whether what a program asks its terminal is for the terminal behind this view to answer.
 */
#ifndef RCASTI_CLIENT_ANSWERS_H
#define RCASTI_CLIENT_ANSWERS_H

#include <ringcast/client.h>

struct rcasti_answers {
	bool wanted;     /* the terminal can answer */
	bool is_ours;    /* what is asked in the record that was read last is for it */
	bool claim_due;  /* the engine has not been told yet what is wanted */
	uint64_t reader; /* our id */
};

/* Go by what the view has just read: an outcome of rcast_view_next, and its record. */
void rcasti_answers_look(struct rcast_view *view, int outcome, const struct rcast_record *record);

#endif
