/* SPDX-License-Identifier: MIT */
/*
 * The loop that watch, attach and tail share: records in, until there is a reason to stop.
 */
#ifndef RINGCAST_CLI_FOLLOW_H
#define RINGCAST_CLI_FOLLOW_H

#include <ringcast/client.h>

/* Why a follow came to its end. */
enum follow_end {
	FOLLOW_ENDED,      /* the session has ended and everything was shown */
	FOLLOW_LEFT,       /* the user wanted to */
	FOLLOW_SIGNALLED,  /* a signal wanted us to */
	FOLLOW_DETACHED,   /* the engine threw us out */
	FOLLOW_GONE,       /* the engine died */
	FOLLOW_FAILED,     /* `error` says why */
	FOLLOW_UNWRITABLE, /* standard output could not be written: `error` */
	FOLLOW_UNUSABLE,   /* it never began, for a reason that was said */
};

/* All but record may be NULL. Non-zero from record, gap or pause: an error of output_write, and the follow ends. */
struct follow_ops {
	int (*record)(void *user, const struct rcast_record *record);

	/* A gap, once it is known in full: what was lost in it, not before. Comes before the record behind it. */
	int (*gap)(void *user, const struct rcast_loss *lost);

	/*
	 * input_fd is readable. What is left there is told again only when more comes, or if has_more_input is set. False: the
	 * user wants to leave.
	 */
	bool (*input)(void *user);

	/* Between two looks at the stream: nothing more to show for now, or a good deal was shown. */
	int (*pause)(void *user);
};

struct follow {
	const char *session;
	struct rcast_client *client;
	struct rcast_view *view;
	const struct follow_ops *ops;
	void *user;
	int input_fd;         /* -1: none, or not now */
	bool has_more_input;  /* set by input(): it has not read all */
	unsigned int wake_ms; /* look around again after so long, if nothing comes; 0: no need to */

	bool has_exit;
	struct rcast_exit exit;
	int error;

	/* follow.c's own */
	struct rcast_loss told; /* the losses that gap() has heard of */
	bool is_level;          /* the view had nothing more, and has not become readable since */
	int epoll_fd, watched_fd;
	bool input_is_ready; /* always */
};

/* Run until one of the ends. Signals must be open. */
enum follow_end follow_run(struct follow *follow);

/* Say how it ended ("[NAME ended: exit status 3]" and the like). The view must still be open. */
void follow_say_end(const struct follow *follow, enum follow_end end);

/* The exit code for all ends but FOLLOW_ENDED, which is EXIT_CODE_OK here. */
int follow_exit_code(const struct follow *follow, enum follow_end end);

#endif
