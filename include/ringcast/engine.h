/* SPDX-License-Identifier: MIT */
/*
 * The engine: sessions, and the control socket through which clients find, attach to and steer them.
 *
 * An engine is an object of your program; a daemon is an engine with a main(). A *session* is a name, a ring, and what feeds
 * the ring: a program under a PTY, a file descriptor, or you.
 *
 *   single loop    poll rcast_engine_fd for POLLIN, call rcast_engine_dispatch
 *   threads        one thread each runs rcast_engine_control, rcast_engine_pump and rcast_engine_notify in a loop
 *
 * Never both on one engine. All functions here belong to the control thread (or the single loop) unless they say otherwise.
 * Clients, also those in the engine's own process, come through the control socket: <ringcast/client.h>.
 */
#ifndef RINGCAST_ENGINE_H
#define RINGCAST_ENGINE_H

#include <ringcast/ring.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rcast_engine;
struct rcast_session;

/* What a connection may do. */
enum rcast_right {
	RCAST_RIGHT_VIEW = 1,  /* list, describe, attach to look */
	RCAST_RIGHT_INPUT = 2, /* write to programs, set their size */
	RCAST_RIGHT_ADMIN = 4, /* start, signal, kick, kill; leases, rings */
};

/*
 * The most that one party may hold at once. More is refused with -ENOBUFS and a line that says who has how much; connections that
 * are too many are hung up on. Zero means the default in parentheses: for a connection, then for a uid. The engine's own uid
 * and root have by default what the engine as a whole has; all other uids together leave an eighth of it to them.
 *
 * Descriptors that are open for clients or on their way to them are at most three quarters of what RLIMIT_NOFILE was when the engine
 * was made: half of that for a connection, an eighth for another uid. A reader takes one, by circuit two, a connection two.
 */
struct rcast_quota {
	uint32_t max_connections;   /* (1, of a connection; an eighth of the engine's) */
	uint32_t max_sessions;      /* started and not gone (256; an eighth) */
	uint32_t max_readers;       /* attached (1024; an eighth) */
	uint32_t max_exchanges;     /* begun and not ended (1024; 2048) */
	uint32_t max_queued_bytes;  /* that may wait: 256 KiB a connection, 65 KiB a reader by circuit (16 MiB; 64 MiB) */
	uint32_t max_fds_in_flight; /* sent, and not received yet (256; 512) */
};

/* Zero means the default in parentheses. */
struct rcast_engine_options {
	const char *name;         /* the socket's name in rcast_socket_folder */
	const char *path;         /* or its whole path; one of the two */
	uint32_t max_sessions;    /* (1024) at most 4096 */
	uint32_t max_connections; /* (1024) */
	uint32_t max_readers;     /* attached at once, over all sessions (4096) */
	uint32_t max_lease_ms;    /* the longest lease that a client may be granted (0: none is) */

	struct rcast_quota per_connection, per_user; /* so that no client uses up what all may have */

	/* A second socket, at this path, through which one can look and nothing else. */
	const char *view_path; /* (none) */
	bool view_by_others;   /* it is open to every uid that can enter its folder (only to ours and root) */

	/*
	 * The ringcast-keyframer program: whoever joins late or was lapped is given the screen (rcast_client_get_keyframe). It is
	 * started when it is first needed, sandboxed, and again when it has died; a session of which it has died has one to
	 * itself from then on, up to eight more. It follows as a reader with a lease, so that it is not lapped; a program can be
	 * held up by it for half a second at most. NULL: no keyframes. Copied.
	 */
	const char *keyframer;

	/* A reader further behind than max_behind_bytes that has made no progress for evict_after_ms is detached. */
	uint32_t evict_after_ms;   /* (60,000) RCAST_NEVER: nobody is */
	uint64_t max_behind_bytes; /* (a whole ring, of whatever size) */
};

/*
 * Make the engine and its control socket. -EEXIST: an engine answers there already. -EACCES: the folder is not ours alone.
 * -ENAMETOOLONG, -EINVAL: the name or path, or a cap out of its range.
 */
RCAST_API int rcast_engine_create(const struct rcast_engine_options *options, struct rcast_engine **engine);

/*
 * Serve the other end of this connected socket, with these rights (of enum rcast_right, RCAST_RIGHT_VIEW among them): one end of a
 * socketpair(AF_UNIX, SOCK_SEQPACKET) whose other end goes to a process that can open nothing by itself, which calls
 * rcast_client_open_take with it. Takes socket_fd, whatever it returns. It counts as a connection of the uid that made the
 * socket. -EINVAL: such rights there are not. -ENOBUFS: one connection too many.
 */
RCAST_API int rcast_engine_adopt_take(struct rcast_engine *engine, int socket_fd, unsigned int rights);

/* Ends all sessions (programs get SIGHUP), tells all clients, removes the socket. No other thread may be in the engine. */
RCAST_API void rcast_engine_free(struct rcast_engine *engine);

/* One loop: poll the fd, which stays the engine's, for POLLIN (timers show as that, too), and dispatch, which never blocks.
 * 0, or -errno when the engine cannot go on. */
RCAST_API int rcast_engine_fd(const struct rcast_engine *engine);
RCAST_API int rcast_engine_dispatch(struct rcast_engine *engine);

/*
 * Threads, one each: wait for work at most timeout_ms (-1: for ever) and do it. 0: call it again. -ENODATA: stopped. Other errors:
 * the engine cannot go on.
 */
RCAST_API int rcast_engine_control(struct rcast_engine *engine, int timeout_ms);
RCAST_API int rcast_engine_pump(struct rcast_engine *engine, int timeout_ms);
RCAST_API int rcast_engine_notify(struct rcast_engine *engine, int timeout_ms);

/* Make all three return -ENODATA from now on. From any thread, and from a signal handler. */
RCAST_API void rcast_engine_stop(struct rcast_engine *engine);

/* Sessions that exist, ended ones that linger included. */
RCAST_API uint32_t rcast_engine_n_sessions(const struct rcast_engine *engine);

struct rcast_session_options {
	const char *name;    /* see RCAST_NAME_MAX */
	uint64_t ring_bytes; /* as rcast_writer_options.capacity_bytes (the ring's default) */
	uint32_t linger_ms;  /* how long an ended session stays readable (60,000); RCAST_NO_LINGER: not at all */
	uint16_t cols, rows; /* (80, 24) */

	/*
	 * Somebody is about to attach whose terminal answers what the program asks (RCAST_ANSWERS_FROM_START): for a second
	 * the engine leaves that to them. Otherwise it answers at once, as long as nobody is attached who does.
	 */
	bool awaits_attach;
};

struct rcast_program {
	const char *const *argv; /* ends with NULL; argv[0] is looked for in PATH */
	const char *const *envp; /* ends with NULL; NULL: the engine's own. RINGCAST_SESSION and TERM are added if missing */
	const char *cwd;         /* NULL: the engine's own */
};

/*
 * Start a session. -EEXIST: the name is taken. -EINVAL: the name or the size. -ENOBUFS: max_sessions. -ENOSPC, -EMFILE, …:
 * the ring could not be made. start_pty: what execve said (-ENOENT, -EACCES, …), before any session exists.
 * start_pipe_take takes fd, whatever it returns, and reads it to its end. start_owned: you publish, see below.
 *
 * The engine owns the session and removes it: at the end of its linger, when a client kills it, with the engine. For the first two
 * kinds `session` may be NULL, and what it is set to is good until the next turn of control; an owned one stays until it is closed.
 */
RCAST_API int rcast_engine_start_pty(struct rcast_engine *engine, const struct rcast_session_options *options,
				     const struct rcast_program *program, struct rcast_session **session);
RCAST_API int rcast_engine_start_pipe_take(struct rcast_engine *engine, const struct rcast_session_options *options, int fd,
					   struct rcast_session **session);
RCAST_API int rcast_engine_start_owned(struct rcast_engine *engine, const struct rcast_session_options *options,
				       struct rcast_session **session);

/* From any thread. Borrowed, as long as the session is there. */
RCAST_API const char *rcast_session_name(const struct rcast_session *session);

/*
 * An owned session: publish to its writer, which stays the session's (NULL: not an owned session), from one thread of yours, then
 * call rcast_session_notify from the same thread. To end it: rcast_writer_end, a last notify, and from the control thread
 * rcast_session_close, behind which it lingers and must not be touched any more. Clients can kill it only once it is closed, and
 * get no lease that would hold you.
 */
RCAST_API struct rcast_writer *rcast_session_writer(struct rcast_session *session);
RCAST_API void rcast_session_notify(struct rcast_session *session);
RCAST_API void rcast_session_close(struct rcast_session *session);

/*
 * Move an owned session to another ring, of ring_bytes (0: as it is), from the thread that publishes. rcast_session_writer gives
 * another writer from then on, and the one before must not be touched any more. Those who are attached are handed the new ring
 * and lose nothing; those who were kicked before, or have only kept their mapping, read nothing that is published from here on.
 * -EAGAIN: the engine has not handed out the last one yet. -EOPNOTSUPP: not an owned session. -EINVAL: the size. -ENODATA: it
 * has ended. On an error all is as before. A kick is answered only when you have done it: it makes _wants_rotation true, so
 * look at that now and then, from the same thread.
 */
RCAST_API int rcast_session_rotate(struct rcast_session *session, uint64_t ring_bytes);
RCAST_API bool rcast_session_wants_rotation(const struct rcast_session *session);

#ifdef __cplusplus
}
#endif

#endif
