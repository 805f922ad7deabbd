/* SPDX-License-Identifier: MIT */
/*
 * Where a view of the screen stands between the session's records and its keyframes.
 */
#ifndef RCASTI_CLIENT_REJOIN_H
#define RCASTI_CLIENT_REJOIN_H

#include "client/keyframe.h"

enum rcasti_rejoin_state {
	RCASTI_REJOIN_OFF,       /* records as the source gives them, gaps and all */
	RCASTI_REJOIN_ASKING,    /* a keyframe is on its way; the source waits */
	RCASTI_REJOIN_DRAWING,   /* it has come, and is what is given next */
	RCASTI_REJOIN_FOLLOWING, /* it was given: records from its position on */
};

struct rcasti_rejoin {
	enum rcasti_rejoin_state state;
	bool lapped;                  /* asking because of `missed`; else because we join */
	struct rcast_gap missed;      /* what the source lost, from where the program stands */
	unsigned int n_failed;        /* requests for this keyframe that got no answer */
	uint64_t from_pos;            /* records before this are in the keyframe, and dropped */
	bool interrupted;             /* RCAST_EMPTY was said only to come back to the program: there is more to drop */
	struct rcast_keyframe latest; /* without bytes: none */
	struct rcasti_keyframe_request request;
};

/* Once attached. Negative: only what must end the view. */
int rcasti_rejoin_begin(struct rcast_view *view, const struct rcast_view_options *options);
void rcasti_rejoin_close(struct rcast_view *view);

/* The view's next, for any view: RCAST_RECORD, which may be a keyframe; RCAST_LAPPED with view->gap; and so on. */
int rcasti_rejoin_next(struct rcast_view *view, struct rcast_record *record);

#endif
