/* SPDX-License-Identifier: MIT */
/*
 * ringcast: broadcast a terminal session on one Linux host.
 *
 * This header holds the words that all the others share. Read on in
 *
 *   <ringcast/client.h>      find sessions, attach to them, follow them (libringcast, as all but the last three)
 *   <ringcast/ring.h>        the ring itself: write once, follow from any number of processes
 *   <ringcast/ring_inline.h> its hot path inlined into the caller, for tight loops
 *   <ringcast/circuit.h>     many conversations over one socket: commands, streams, file descriptors
 *   <ringcast/engine.h>      sessions and the control socket, to embed or to run as a daemon (libringcast-engine)
 *   <ringcast/screen.h>      what a terminal shows, and how to draw it again (libringcast-screen)
 *   <ringcast/sandbox.h>     a process that can follow its session and do nothing else (libringcast-sandbox)
 *
 * Words. A *position* is the count of bytes since the ring's first; it is a u64, never wraps, and is what other systems call
 * a sequence. A *record* is one entry of the ring. A reader is *lapped* when the writer has claimed the bytes it stood on;
 * what it then did not get is a *gap*, given exactly.
 *
 * Errors. Every function that can fail returns a negative errno. Each has one meaning in the whole project:
 *
 *   -EAGAIN        not now: nothing to take, no credit, or a lease holds the writer; poll, then try again
 *   -EPIPE         the peer is gone
 *   -ENODATA       the stream has ended: nothing can be added to it, nothing more will come
 *   -EMSGSIZE      too large for this ring, frame or buffer
 *   -EPROTO        what came from the other side is corrupt or hostile: drop it
 *   -EPERM         the right to do this was not given
 *   -EACCES        a folder or socket has the wrong owner or mode
 *   -ENOENT        no such session or engine
 *   -EEXIST        a session or engine of that name exists already
 *   -ECONNABORTED  the engine has detached this view, on purpose
 *   -ETIMEDOUT     no answer, or no event, within the time that was given
 *   -EINVAL        an argument is out of its stated range
 *   -ENAMETOOLONG  a path is longer than a UNIX socket's address holds
 *   -EOPNOTSUPP    this link or session cannot do that at all
 *   -ENOBUFS       a stated cap on queues or counts was reached
 *   -ENOMEM, -EMFILE, -ENOSPC, …   from the kernel, as it said them
 *
 * Normal outcomes are not errors: a reader's "empty", "lapped" and "ended" are values of enum rcast_outcome.
 *
 * File descriptors. Each has one owner at every moment and the name says who: `_take` functions and `take_` arguments move
 * it to the callee, `dup_` makes a new one that is yours, `_fd()` lends one that stays the object's.
 *
 * Objects. Whatever is made by _create or _open is NULL after an error, and every _free and _close takes NULL. In structs of
 * options zero means the default; so zero them, and set what matters. Strings in them need only last for the call.
 *
 * Threads. Unless it says otherwise, an object may be used by one thread at a time. The library starts no thread, installs
 * no signal handler, raises no SIGPIPE and keeps no state outside its objects.
 */
#ifndef RINGCAST_RINGCAST_H
#define RINGCAST_RINGCAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RCAST_API __attribute__((visibility("default")))

#define RCAST_VERSION "0.1.0"

/* What a record is. Kinds from RCAST_APPLICATION to 255 are the embedder's own. */
enum rcast_kind {
	RCAST_PADDING = 1,  /* closes a lap of the ring; never delivered */
	RCAST_END = 2,      /* the last record of a stream; delivered as RCAST_ENDED */
	RCAST_MOVED = 3,    /* the stream goes on in another ring, which the engine hands out; delivered as RCAST_ENDED */
	RCAST_KEYFRAME = 4, /* never in a ring: a view's own record, the screen as an escape stream, see RCAST_FROM_SCREEN */
	RCAST_OUTPUT = 8,   /* bytes for the screen, as the program wrote them */
	RCAST_RESIZE = 9,   /* struct rcast_resize: holds for the output after it */
	RCAST_TITLE = 10,   /* the session's title, UTF-8, not terminated */
	RCAST_EXIT = 11,    /* struct rcast_exit: how the program ended */
	RCAST_MARKER = 12,  /* a label that somebody put at this point, UTF-8, not terminated */

	/* What the output before it has set or said, found by the engine; at most a dozen of these behind one read of output. */
	RCAST_BELL = 14,      /* struct rcast_bell */
	RCAST_DIRECTORY = 15, /* the program's folder (OSC 7): an absolute path, UTF-8, not terminated; empty: not known */
	RCAST_COMMAND = 16,   /* struct rcast_command: a shell's command begins or ends (OSC 133) */
	RCAST_MODES = 17,     /* struct rcast_modes */

	RCAST_ANSWERER = 18, /* struct rcast_answerer: who answers what the program asks its terminal from here on */

	RCAST_APPLICATION = 64,
};

/* The payload of RCAST_RESIZE. */
struct rcast_resize {
	uint16_t cols, rows;
	uint16_t x_pixels, y_pixels; /* 0: unknown */
};

/* The payload of RCAST_EXIT. */
struct rcast_exit {
	int32_t status; /* the exit status, when signal is 0 */
	int32_t signal; /* the signal that ended the program, or 0 */
};

/* The payload of RCAST_BELL. */
struct rcast_bell {
	uint32_t n_bells; /* since the last record of this kind */
};

/* Where a shell stands between two commands, as it says it by OSC 133. */
enum rcast_command_step {
	RCAST_STEP_NONE = 0,   /* it has never said it */
	RCAST_STEP_PROMPT = 1, /* A: the prompt begins */
	RCAST_STEP_INPUT = 2,  /* B: the prompt is over, the user types */
	RCAST_STEP_OUTPUT = 3, /* C: the command runs, what comes is its output */
	RCAST_STEP_DONE = 4,   /* D: it has ended */
};

/* The payload of RCAST_COMMAND. */
struct rcast_command {
	uint32_t step;       /* enum rcast_command_step */
	int32_t status;      /* RCAST_STEP_DONE: the exit status; -1: the shell did not say it */
	uint64_t output_pos; /* where exactly: count of output bytes up to and with those that said it */
	uint64_t n_left_out; /* steps before it of which there is no record, since they were too many in one read */
};

/* Modes that matter to whoever types or looks. */
enum rcast_mode {
	RCAST_MODE_ALTERNATE_SCREEN = 1,
	RCAST_MODE_BRACKETED_PASTE = 2,
	RCAST_MODE_MOUSE = 4, /* some kind of mouse tracking */
	RCAST_MODE_APPLICATION_CURSOR = 8,
	RCAST_MODE_FOCUS_EVENTS = 16,
};

/* The payload of RCAST_MODES. */
struct rcast_modes {
	uint32_t set; /* enum rcast_mode, all that are on now */
};

/* The payload of RCAST_ANSWERER. Before the first of these it is the engine. */
struct rcast_answerer {
	uint64_t reader; /* the id of an attached reader, or 0: the engine */
};

/*
 * One record as a reader sees it. `data` is borrowed: until the next call on the same reader or view.
 *
 * Stamped records (all records of a session) also say when they were published and where they stand in the stream. Whoever
 * was lapped compares the stamp of the next record with what it expected and so knows its loss in bytes of output and in
 * records, not only in bytes of ring.
 */
struct rcast_record {
	uint64_t pos;        /* where the record starts in the ring, the padding in front of it included */
	uint64_t next_pos;   /* where it ends, and so the next one's pos */
	const void *data;    /* the payload */
	uint32_t n_bytes;    /* of payload */
	uint8_t kind;        /* enum rcast_kind */
	bool stamped;        /* are the three below given? */
	uint64_t time_ns;    /* CLOCK_MONOTONIC */
	uint64_t sequence;   /* count of records before this one */
	uint64_t output_pos; /* count of RCAST_OUTPUT bytes before this one */
};

/* What a lapped reader did not get: ring positions [from_pos, to_pos). The reader goes on at to_pos. */
struct rcast_gap {
	uint64_t from_pos, to_pos;
};

/* What a look at a stream may find when nothing is wrong. Functions that return it return a negative errno for faults. */
enum rcast_outcome {
	RCAST_EMPTY = 0,  /* nothing yet */
	RCAST_RECORD = 1, /* a record */
	RCAST_LAPPED = 2, /* a gap; the next look goes on behind it */
	RCAST_ENDED = 3,  /* the writer has ended the stream and all of it was read */
};

/* Where a reader starts. */
enum rcast_from {
	RCAST_FROM_OLDEST = 0, /* the oldest record that the ring still holds */
	RCAST_FROM_NEWEST = 1, /* behind the newest record */
	RCAST_FROM_POS = 2,    /* a position; a gap comes first if the ring no longer holds it */
	RCAST_FROM_SCREEN = 3, /* a view only: at the session's screen, see struct rcast_view_options */
};

#define RCAST_NAME_MAX 64          /* names of engines and sessions: 1–64 of [A-Za-z0-9._-], not "." nor ".." */
#define RCAST_NEVER UINT32_MAX     /* a time after which something is done: it is not */
#define RCAST_NO_LINGER UINT32_MAX /* a linger time: an ended session is removed at once */

#ifdef __cplusplus
}
#endif

#endif
