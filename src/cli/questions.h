/* SPDX-License-Identifier: MIT */
/*
 * Take the questions out of terminal output that was meant for another terminal; or take all else out of it.
 */
#ifndef RINGCAST_CLI_QUESTIONS_H
#define RINGCAST_CLI_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define QUESTIONS_MAX_HELD 256

struct questions {
	enum {
		QUESTIONS_GROUND,
		QUESTIONS_EIGHT_BIT,
		QUESTIONS_ESCAPE,
		QUESTIONS_CONTROL,
		QUESTIONS_STRING,
		QUESTIONS_STRING_ESCAPE
	} state;
	unsigned char held[QUESTIONS_MAX_HELD]; /* of a sequence that may become a question */
	size_t n_held;
	bool is_long, passes; /* it is longer than that, and may be a question: all of it passes, or nothing does */
	bool is_open;         /* what was let through last was broken off: what follows it must not complete it */
	bool are_ours;        /* questions that end from here on are for our terminal */
	bool come_alone;      /* and nothing else is */
};

/*
 * Copy n_bytes to `out` without the questions, or as the flags say; returns how many bytes that made. `out` has room for
 * n_bytes + QUESTIONS_MAX_HELD: the beginning of a sequence may have been held back from the bytes before.
 */
size_t questions_remove(struct questions *questions, const void *bytes, size_t n_bytes, unsigned char *out);

/* What is held back, to `out`: no more bytes will be filtered. */
size_t questions_finish(struct questions *questions, unsigned char *out);

/* The same to standard output: 0, or as output_write. */
int questions_write(struct questions *questions, const void *bytes, size_t n_bytes);
int questions_write_held(struct questions *questions);

#endif
