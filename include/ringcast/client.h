/* SPDX-License-Identifier: MIT */
/*
 * The client: find sessions, attach to them, follow them, steer them.
 *
 *   find     rcast_find_sessions, rcast_client_connect_session
 *   command  rcast_client_list, _describe, _start, _send_input, _resize, _resize_ring, _signal, _kick, _kill, _stats,
 *            _get_keyframe: each one request and its reply
 *   follow   rcast_view_open → rcast_view_next … → rcast_view_close
 *   wait     rcast_wait_create → rcast_view_wait → rcast_wait_free
 *
 * Commands, and rcast_view_open, block for at most the client's timeout. A view never blocks: poll rcast_view_fd for POLLIN and
 * call rcast_view_next until it says RCAST_EMPTY; it looks after the connection by itself.
 *
 * Beside what is said at each, all that speak to the engine can return: -ENOENT, no such session; -EPERM, this connection has
 * not got the right to do that; -ENOBUFS, we hold as much of the engine as we may; -EPIPE, the engine is gone; -ETIMEDOUT;
 * -EPROTO, what it said makes no sense; -ENOMEM, -EMFILE. rcast_client_error has it in words. A client and all its views belong
 * to one thread at a time.
 */
#ifndef RINGCAST_CLIENT_H
#define RINGCAST_CLIENT_H

#include <ringcast/ringcast.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rcast_client;
struct rcast_view;

/* ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Connect to the engine at a socket path. -ENOENT: no engine there. */
RCAST_API int rcast_client_connect(const char *path, struct rcast_client **client);

/* Speak to an engine over a socket that is connected to it already, see rcast_engine_adopt_take. Takes it, whatever it returns. */
RCAST_API int rcast_client_open_take(int socket_fd, struct rcast_client **client);

/* Connect to the engine that has the session of this name: asks every socket in the folder of <ringcast/circuit.h>'s
 * rcast_socket_folder. -ENOENT: none has it. -EINVAL: that is no name. */
RCAST_API int rcast_client_connect_session(const char *session, struct rcast_client **client);

/* Closes the connection; all its views must be closed before. */
RCAST_API void rcast_client_free(struct rcast_client *client);

/* What the last failed call on this client or a view of it met, in one line that names what was wrong and what would be right.
 * Borrowed, until the next call. */
RCAST_API const char *rcast_client_error(const struct rcast_client *client);

/* For how long a command waits for its reply; 5,000 ms at first. */
RCAST_API void rcast_client_set_timeout(struct rcast_client *client, int timeout_ms);

/* Give up rights on this connection, for good: from then on the engine lets it list, describe and view, nothing else. */
RCAST_API int rcast_client_restrict_to_view(struct rcast_client *client);

/* ── Sessions ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum rcast_session_kind { RCAST_SESSION_PTY = 1, RCAST_SESSION_PIPE = 2, RCAST_SESSION_OWNED = 3 };

struct rcast_session_info {
	char name[RCAST_NAME_MAX + 1];
	enum rcast_session_kind kind;
	bool ended;
	bool has_exit; /* did a program end? then `exit` says how */
	struct rcast_exit exit;
	int32_t pid; /* of the program; 0: none, or ended */
	uint16_t cols, rows;
	uint32_t n_readers;  /* attached now */
	uint64_t ring_bytes; /* capacity */
	uint64_t first_pos;  /* the oldest record held */
	uint64_t next_pos;   /* all bytes ever published, headers included */
	uint64_t n_records;
	uint64_t n_output; /* bytes of output ever published */
	uint64_t age_ms;   /* since its start */
	char title[256];   /* UTF-8, without control characters */
	char command[256]; /* argv joined by spaces, cut, without control characters */

	/* What the output has said, see the records of these kinds. */
	char directory[1024]; /* "": not known */
	uint32_t modes;       /* enum rcast_mode */
	uint64_t n_bells;
	enum rcast_command_step command_step;
	int32_t command_status; /* of the latest command that has ended; -1: not known */
	uint64_t n_commands;    /* that have ended */
	bool at_prompt;         /* the shell shows its prompt, and nobody has pressed Enter since */
};

/* The engine's sessions: calls back once for each, in order of name; a non-zero return ends the walk and is returned. All of
 * them are known before the first call, so the callback may use the client. */
typedef int rcast_session_callback(void *user, const struct rcast_session_info *info);
RCAST_API int rcast_client_list(struct rcast_client *client, rcast_session_callback *callback, void *user);

/* The sessions of all engines of this user. Engines that do not answer are left out. -EACCES: see rcast_socket_folder. */
RCAST_API int rcast_find_sessions(rcast_session_callback *callback, void *user);

/* One session. */
RCAST_API int rcast_client_describe(struct rcast_client *client, const char *session, struct rcast_session_info *info);

struct rcast_start_options {
	const char *name;        /* NULL: not allowed */
	const char *const *argv; /* a program under a PTY, ends with NULL; or NULL and take_fd */
	const char *const *envp; /* ends with NULL; NULL: the engine's */
	const char *cwd;         /* NULL: the engine's */
	int take_fd;             /* with argv NULL: a pipe, socket or file to read; taken whatever the call returns */
	uint64_t ring_bytes;     /* 0: the default */
	uint32_t linger_ms;      /* how long it stays readable when it has ended; 0: a minute; RCAST_NO_LINGER */
	uint16_t cols, rows;     /* 0: 80, 24 */
	bool awaits_attach;      /* we are about to attach with RCAST_ANSWERS_FROM_START */
};

/*
 * Start a session, which belongs to the engine and outlives this connection. -EEXIST: the name is taken. -EINVAL: the name, the
 * size or the descriptor. Of a program also what its execve said; of the ring, -ENOSPC and so on.
 */
RCAST_API int rcast_client_start(struct rcast_client *client, const struct rcast_start_options *options);

/*
 * Type into a session's program. What is longer than RCAST_INPUT_MAX goes in pieces of that size: on an error some may have
 * gone. -EAGAIN: the program is not reading, and as much as the engine keeps is waiting. -EOPNOTSUPP: the session has no
 * terminal. -ENODATA: it has ended.
 */
RCAST_API int rcast_client_send_input(struct rcast_client *client, const char *session, const void *data, size_t n_bytes);

/* Set the size of its terminal. -EINVAL: 0 columns or rows. -EOPNOTSUPP, -ENODATA as above. */
RCAST_API int rcast_client_resize(struct rcast_client *client, const char *session, uint16_t cols, uint16_t rows);

/* Send a signal to its program's process group. -EINVAL: there is no such signal. -EOPNOTSUPP: it has no program. -ENODATA: not
 * any more. */
RCAST_API int rcast_client_signal(struct rcast_client *client, const char *session, int signal);

/* End a session and remove it, without linger; its program gets SIGHUP. -EOPNOTSUPP: its owner publishes it, and alone can. */
RCAST_API int rcast_client_kill(struct rcast_client *client, const char *session);

/*
 * Move a session to a ring of another size (see rcast_writer_options.capacity_bytes). Its readers lose nothing; those who attach
 * later find what was published since. -EINVAL: no size of a ring. -ENODATA: it has ended.
 */
RCAST_API int rcast_client_resize_ring(struct rcast_client *client, const char *session, uint64_t ring_bytes);

/*
 * Drop one reader (its id, see rcast_client_stats), or all with RCAST_ALL_READERS. When this returns 0, the session has moved
 * to a ring that they do not get: nothing published from then on is in memory that they have mapped. The others go on and
 * lose nothing. Whoever may still connect may attach again. -ENOENT: no such reader.
 */
#define RCAST_ALL_READERS UINT64_MAX
RCAST_API int rcast_client_kick(struct rcast_client *client, const char *session, uint64_t reader_id);

/* One reader of a session. */
struct rcast_reader_info {
	uint64_t id;
	int32_t pid;     /* of the process that attached it */
	bool by_circuit; /* else by ring */
	bool may_input;
	uint32_t lease_ms;     /* granted; 0: none */
	uint64_t pos;          /* where it says it stands; lags a little */
	uint64_t behind_bytes; /* from there to the writer */
	uint64_t n_laps;       /* times the engine saw it lapped */
	uint64_t n_rings;      /* times it was woken */
	bool answers;          /* what the program asks its terminal */
};
struct rcast_session_stats {
	struct rcast_session_info info;
	uint64_t n_reads;          /* reads of the PTY or pipe */
	uint64_t n_input;          /* bytes of input written to the PTY */
	uint64_t n_kicked;         /* readers kicked */
	uint64_t n_evicted;        /* readers detached because they made no progress */
	uint64_t n_leases_lost;    /* leases that ran out while they held the writer */
	uint64_t n_rotations;      /* moves to another ring, for a kick or another size */
	uint64_t last_rotation_ns; /* for how long the latest kept the publisher from publishing */
	uint64_t max_rotation_ns;
	uint64_t n_keyframer_deaths; /* deaths of the process that keeps the screen, with this session's output in hand */
	const struct rcast_reader_info *readers; /* borrowed until the next call on the client */
	size_t n_readers;
};

/* A session in detail, with its readers in the order in which they attached. */
RCAST_API int rcast_client_stats(struct rcast_client *client, const char *session, struct rcast_session_stats *stats);

/* ── The screen ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * A session's screen at one position: an escape stream that, written to a terminal of cols × rows in whatever state that is,
 * draws the whole screen and sets every mode, so that the session's records from `pos` on mean the same to that terminal as
 * to one that has seen it all. `pos` lies between two records; the bytes before it need not end between two escape
 * sequences: then the keyframe ends with what has come of the one that is unfinished.
 */
struct rcast_keyframe {
	uint64_t pos;        /* valid here: go on with the record that starts here */
	uint64_t output_pos; /* bytes of output before it */
	uint64_t sequence;   /* records before it */
	uint16_t cols, rows;
	uint16_t cursor_col, cursor_row; /* from 0 */
	bool stale; /* the engine's keyframer has missed output, and the screen may not be what the program drew */
	char *bytes;
	size_t n_bytes;
};

/*
 * A session's screen as it is once all has been drawn that was published when the engine got this request. Its bytes are
 * yours to free(). Also of a session that has ended and lingers. -EOPNOTSUPP: this engine has no keyframes, or the session no
 * screen. -EAGAIN: the keyframer has died or was too slow, and is being started again; ask again, in a while if the message says
 * that it rests: then it has died several times, most likely of this very session's output. -ENOENT: no such session.
 * -EPROTO: what came is not what was said. On an error there are no bytes.
 */
RCAST_API int rcast_client_get_keyframe(struct rcast_client *client, const char *session, struct rcast_keyframe *keyframe);

/* ── Following ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * Programs ask their terminal what it is, where the cursor stands, and so on, and it answers as if somebody had typed. Of all
 * views whose terminals can answer exactly one is the one that does, the latest that was opened or typed in; while there is none,
 * the engine answers what it knows. The stream says where that changes.
 */
enum rcast_answers {
	RCAST_ANSWERS_NOTHING = 0,
	RCAST_ANSWERS_FROM_NOW = 1,
	RCAST_ANSWERS_FROM_START = 2, /* and what it has asked so far, if nobody was there; join at RCAST_FROM_OLDEST */
};

/*
 * From RCAST_FROM_SCREEN a view joins a session at its screen, and joins there again whenever it was lapped. rcast_view_next then
 * gives a RCAST_RECORD of kind RCAST_KEYFRAME: data is the screen as an escape stream, to be written to a terminal of the
 * keyframe's size; pos and next_pos are where it is valid; and the records from there follow. A late join is no gap; the gap of
 * a lapped view ends at the keyframe, and RCAST_LAPPED comes with it. Until the engine has answered there is RCAST_EMPTY.
 *
 * If the engine has no keyframes, or fails to make one several times, the view goes on as from RCAST_FROM_OLDEST, and
 * rcast_view_keyframe is NULL. With `rejoin` a view that begins elsewhere does the same once it is lapped.
 *
 * A lease of lease_ms keeps the program from overwriting what the view has not read yet, for that long; the engine grants no more
 * than its max_lease_ms (rcast_view_lease_ms says what it did grant). Each half ring that was read starts the time anew. Whoever
 * runs out of it is lapped like anybody else, until it has read up to the program.
 */
struct rcast_view_options {
	enum rcast_from from;
	uint64_t from_pos;          /* for RCAST_FROM_POS */
	bool input;                 /* ask for the right to send input and resize */
	bool by_circuit;            /* records come over the socket instead of by mapped memory */
	uint32_t lease_ms;          /* ask for a lease; 0: none. Needs the admin right */
	enum rcast_answers answers; /* with input: is there a terminal behind this view that can answer the program? */
	bool rejoin;                /* lapped: on at the screen, wherever the view has begun */
};

/* Attach. NULL options: from oldest, and only to look. -EPERM: input or a lease was asked for and is not ours to have.
 * -EOPNOTSUPP: a lease on a session whose owner publishes it. */
RCAST_API int rcast_view_open(struct rcast_client *client, const char *session, const struct rcast_view_options *options,
			      struct rcast_view **view);

/* Detach. */
RCAST_API void rcast_view_close(struct rcast_view *view);

/* What to poll for POLLIN: one fd for the ring and the connection. Stays the view's. */
RCAST_API int rcast_view_fd(const struct rcast_view *view);

/* All descriptors that the view and its connection use, to be kept where all others are closed (<ringcast/sandbox.h>). Returns how
 * many. */
#define RCAST_VIEW_MAX_FDS 4
RCAST_API size_t rcast_view_get_fds(const struct rcast_view *view, int fds[RCAST_VIEW_MAX_FDS]);

/*
 * The next of the session's records: an enum rcast_outcome or -errno. A record's data is a private copy, good until the next
 * call. RCAST_EMPTY: poll, then call again. RCAST_LAPPED: rcast_view_get_loss says what was lost, as far as it is known
 * yet. RCAST_ENDED: the session has ended, or was killed, and everything was read. -EPIPE: the engine is gone. -ECONNABORTED: we
 * were kicked, or (by circuit) the session was removed before all of it was sent. Both come only after everything that can
 * still be read was read. -EPROTO: what we were sent is corrupt.
 */
RCAST_API int rcast_view_next(struct rcast_view *view, struct rcast_record *record);

/* What has been lost so far. Known in full once the record behind the gap was read. */
struct rcast_loss {
	struct rcast_gap gap; /* the latest */
	uint64_t n_gaps;
	uint64_t lost_bytes;   /* of ring, over all gaps */
	uint64_t lost_records; /* from the stamps */
	uint64_t lost_output;  /* bytes of output, from the stamps */
};
RCAST_API struct rcast_loss rcast_view_get_loss(const struct rcast_view *view);

/*
 * The keyframe that the records follow on from, with all that is known of it; NULL: they follow on from none. Borrowed, until
 * rcast_view_next gives another or RCAST_LAPPED.
 */
RCAST_API const struct rcast_keyframe *rcast_view_keyframe(const struct rcast_view *view);

/* The session as it was when we attached. Borrowed. */
RCAST_API const struct rcast_session_info *rcast_view_info(const struct rcast_view *view);

/* Granted lease, 0: none. */
RCAST_API uint32_t rcast_view_lease_ms(const struct rcast_view *view);

/*
 * Send input, or the size of our window. All of the input is sent or, on an error, nothing. -EMSGSIZE: more than RCAST_INPUT_MAX
 * bytes. -EPERM: attached without the input right. -EAGAIN: the program is not reading; poll for POLLIN (credit comes as a
 * message), call rcast_view_next, try again.
 */
#define RCAST_INPUT_MAX 4096u
RCAST_API int rcast_view_send_input(struct rcast_view *view, const void *data, size_t n_bytes);
RCAST_API int rcast_view_resize(struct rcast_view *view, uint16_t cols, uint16_t rows);

/*
 * Is what the program asks in this record, the one that rcast_view_next gave last, for our terminal to answer? If not, the
 * questions must not get to it. (A question that two records have parts of belongs where its last byte is.) False also for what
 * was asked more than two seconds ago.
 */
RCAST_API bool rcast_view_answers(const struct rcast_view *view, const struct rcast_record *record);

/* From now on our terminal can answer, or it cannot. -EPERM: attached without the input right. */
RCAST_API int rcast_view_set_answers(struct rcast_view *view, bool answers);

/* ── Waiting ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * A condition that a session meets sooner or later. rcast_view_wait sleeps on the view until it has come; a program with a loop of
 * its own feeds it with what rcast_view_next gives. One thread, one view at a time.
 */
struct rcast_wait;

enum rcast_wait_for {
	RCAST_WAIT_IDLE,  /* nothing has been printed for idle_ms, or the session has ended */
	RCAST_WAIT_EXIT,  /* the session has ended */
	RCAST_WAIT_MATCH, /* a line of output matches the pattern; the line that is being printed as far as it has come */
	/*
	 * A shell that says so (OSC 133) shows its prompt, and nobody has pressed Enter since. So whoever sends a command and
	 * then waits for this waits for the prompt behind it; whoever sends several at once may see the prompt between them.
	 */
	RCAST_WAIT_PROMPT,
	RCAST_WAIT_JUDGE, /* judge says so */
};

struct rcast_wait_options {
	enum rcast_wait_for wait_for;
	uint32_t idle_ms;
	const char *pattern; /* a POSIX extended regular expression; lines are bytes, escape sequences among them */

	/* Called with each record, and with NULL whenever there is nothing more to read for now, or ever. */
	bool (*judge)(void *user, const struct rcast_record *record);
	void *user;
};

/* -EINVAL: the pattern is none, or what the condition needs is missing. Nothing in the options but `user` is kept. */
RCAST_API int rcast_wait_create(const struct rcast_wait_options *options, struct rcast_wait **wait);
RCAST_API void rcast_wait_free(struct rcast_wait *wait);

/*
 * Follow the view until it has come: 0. -ETIMEDOUT: not within timeout_ms (-1: for ever). -ENODATA: the session has ended, and it
 * cannot come any more. -EINTR: a signal was handled; the wait can be called again, and goes on where the view stands.
 * Else what rcast_view_next says.
 */
RCAST_API int rcast_view_wait(struct rcast_view *view, struct rcast_wait *wait, int timeout_ms);

/*
 * The same step by step: begin, then for each RCAST_RECORD _record, for RCAST_LAPPED _gap, and for RCAST_EMPTY _level, which
 * also says at which time of CLOCK_MONOTONIC to call it again if nothing comes (UINT64_MAX: no need to). True: it has come.
 */
RCAST_API void rcast_wait_begin(struct rcast_wait *wait, const struct rcast_view *view);
RCAST_API bool rcast_wait_record(struct rcast_wait *wait, const struct rcast_record *record);
RCAST_API void rcast_wait_gap(struct rcast_wait *wait);
RCAST_API bool rcast_wait_level(struct rcast_wait *wait, uint64_t *again_ns);

#ifdef __cplusplus
}
#endif

#endif
