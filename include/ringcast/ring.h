/* SPDX-License-Identifier: MIT */
/*
 * The ring: one memfd, one writer, any number of readers in any process.
 *
 *   writer   rcast_writer_create → put / publish / reserve+commit → end
 *   reader   rcast_reader_open_take → peek+release, or read → close
 *   asleep   rcast_cursor, rcast_follower and rcast_notify wake readers that have nothing to do
 *
 * The writer never waits for a reader, never allocates and makes no system call to publish. A reader maps the ring
 * read-only, cannot disturb it, and learns exactly what it missed when the writer has lapped it. It believes nothing that
 * it finds in the ring: a hostile writer can make it return -EPROTO or wrong bytes, never make it read out of bounds.
 *
 * Sources. The record header as the commit flag is Aeron's log buffer; the claimed frontier is the idea behind Linux' perf
 * and BPF ring buffers turned round for overwriting; the validation after the copy is the seqlock's reader. How they fit
 * together is argued, barrier by barrier, in src/ring/protocol.h.
 */
#ifndef RINGCAST_RING_H
#define RINGCAST_RING_H

#include <sys/uio.h>

#include <ringcast/ringcast.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RCAST_RING_MIN_BYTES (UINT64_C(64) << 10)
#define RCAST_RING_DEFAULT_BYTES (UINT64_C(4) << 20)
#define RCAST_RING_MAX_BYTES (UINT64_C(1) << 30)

/* ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct rcast_writer;

struct rcast_writer_options {
	uint64_t capacity_bytes; /* a power of two, RCAST_RING_MIN_BYTES…RCAST_RING_MAX_BYTES; 0: the default */
	bool stamped;            /* put a stamp (24 bytes: time, sequence, output position) on every record */
};

/*
 * Make a ring and its one writer. All memory is allocated and sealed here, so nothing later can fail for want of it.
 * `options` may be NULL. -EINVAL: bad capacity. -ENOSPC, -ENOMEM, -EMFILE, -EFBIG: as the kernel said.
 */
RCAST_API int rcast_writer_create(const struct rcast_writer_options *options, struct rcast_writer **writer);

/* Unmap the ring. Readers keep what they have mapped; without rcast_writer_end they see a stream that just stops. */
RCAST_API void rcast_writer_free(struct rcast_writer *writer);

/* A new read-only descriptor of the ring, yours to pass on: the only thing that a reader needs. Or -errno. From any thread, also
 * while the writer publishes. */
RCAST_API int rcast_writer_dup_fd(const struct rcast_writer *writer);

/*
 * Publish one record: readers see all of it or nothing. `kind` is any but RCAST_PADDING, RCAST_END, RCAST_MOVED.
 * -EMSGSIZE: longer than rcast_writer_max_bytes. -EAGAIN: it would pass the hold (see rcast_writer_hold). -ENODATA: ended.
 * On an error nothing was published.
 */
RCAST_API int rcast_writer_put(struct rcast_writer *writer, uint8_t kind, const void *data, size_t n_bytes);

/* The same from several pieces. */
RCAST_API int rcast_writer_publish(struct rcast_writer *writer, uint8_t kind, const struct iovec *iov, int n_iov);

/*
 * Room for a record of up to max_bytes, inside the ring, for a producer such as read(2) to fill in place; then commit what
 * was used. Readers see nothing before the commit. A reservation that is never committed publishes nothing: the next
 * publish or reserve takes its place. But room is made at the reservation: what it overwrites is lost to readers already.
 * Errors as for rcast_writer_put. Of commit, -EINVAL: no such kind, no reservation, or more than was reserved.
 */
RCAST_API int rcast_writer_reserve(struct rcast_writer *writer, size_t max_bytes, void **space);
RCAST_API int rcast_writer_commit(struct rcast_writer *writer, uint8_t kind, size_t used_bytes);

/*
 * Records between begin and end become visible together, and cost one shared store instead of one each. A batch, like a
 * record, takes at most a quarter of the ring: the record that does not fit gets -EMSGSIZE, and the batch can be ended and
 * a new one begun. Batches do not nest.
 */
RCAST_API void rcast_writer_begin_batch(struct rcast_writer *writer);
RCAST_API void rcast_writer_end_batch(struct rcast_writer *writer);

/*
 * End the stream: readers that have read everything get RCAST_ENDED. Every later publish gets -ENODATA. Ends a batch, needs no
 * room and so is stopped by no hold. With _moved readers learn (record.kind is RCAST_MOVED) that it goes on in another ring.
 */
RCAST_API int rcast_writer_end(struct rcast_writer *writer);
RCAST_API int rcast_writer_end_moved(struct rcast_writer *writer);

/*
 * Go on in another ring: one that was just made, stamped alike, of whatever capacity. It takes over positions, counts and, if
 * the capacities are the same, up to keep_bytes of the newest records, at their positions. Then `from` ends as by
 * rcast_writer_end_moved. So whoever reads `from` to its end and then calls rcast_reader_move_take loses nothing, and whoever
 * is not handed the new ring reads nothing that is published from here on. Makes no system call. A hold does not come along.
 * Where no records do, a reader that has read all may stand before first_pos, by padding, until the next record is published.
 * -ENODATA: `from` has ended. -EINVAL: `to` was written to, or is not stamped alike. On an error nothing was changed.
 */
RCAST_API int rcast_writer_move(struct rcast_writer *from, struct rcast_writer *to, uint64_t keep_bytes);

/*
 * Do not overwrite position `pos` and what follows it: a publish that would gets -EAGAIN instead. So the owner of the ring
 * gives a reader time, which then has a *lease*. RCAST_NO_HOLD, as at first: overwrite whatever is oldest. Costs nothing until a
 * publish meets it. By the thread that publishes.
 */
#define RCAST_NO_HOLD UINT64_MAX
RCAST_API void rcast_writer_hold(struct rcast_writer *writer, uint64_t pos);

/* The longest payload of one record, about a quarter of the capacity. */
RCAST_API size_t rcast_writer_max_bytes(const struct rcast_writer *writer);

/* Where the writer stands, from its own copies. */
struct rcast_writer_state {
	uint64_t capacity_bytes;
	uint64_t first_pos; /* the oldest record that can still be read */
	uint64_t next_pos;  /* where the next record will start, with the padding that may be in front of it */
	uint64_t n_records; /* records published, padding left out */
	uint64_t n_output;  /* bytes of RCAST_OUTPUT published */
	bool ended;
};
RCAST_API void rcast_writer_get_state(const struct rcast_writer *writer, struct rcast_writer_state *state);

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct rcast_reader;

/*
 * Map a ring that was passed to us. Takes ring_fd, whatever it returns. Everything is verified before it is mapped: a
 * regular file on tmpfs, of the exact size, with all four seals, fully allocated, with a header that makes sense; -EPROTO
 * if not. The reader starts at the oldest record.
 */
RCAST_API int rcast_reader_open_take(int ring_fd, struct rcast_reader **reader);
RCAST_API void rcast_reader_close(struct rcast_reader *reader);

/*
 * Look at the next record in place, without copying it. Returns an enum rcast_outcome, or -EPROTO.
 *
 * RCAST_RECORD fills *record. Its bytes are provisional: the writer may overwrite them while they are being looked at, so
 * do nothing that cannot be undone until rcast_reader_release says RCAST_RECORD. Across a privilege boundary, or into a
 * parser that keeps state, use rcast_reader_read.
 * RCAST_LAPPED: rcast_reader_get_gap says what was missed; the reader already stands behind it.
 * RCAST_ENDED fills in the record's pos, next_pos and kind: RCAST_END or RCAST_MOVED.
 */
RCAST_API int rcast_reader_peek(struct rcast_reader *reader, struct rcast_record *record);

/* Was all that was peeked intact until now? RCAST_RECORD: yes, and the reader has gone on to the next record.
 * RCAST_LAPPED: no; forget what was looked at. The record is part of the gap. */
RCAST_API int rcast_reader_release(struct rcast_reader *reader);

/* As release, but stay at the record: for taking a long record piece by piece. */
RCAST_API int rcast_reader_intact(struct rcast_reader *reader);

/*
 * Copy the next record to `buffer` and go on. Returns as peek does; an RCAST_RECORD is whole and record->data is `buffer`.
 * -EMSGSIZE: record->n_bytes says how much room it needs; the reader has not moved.
 */
RCAST_API int rcast_reader_read(struct rcast_reader *reader, void *buffer, size_t buffer_bytes, struct rcast_record *record);

/* The gap of the latest RCAST_LAPPED, and the sum of all. */
RCAST_API struct rcast_gap rcast_reader_get_gap(const struct rcast_reader *reader);
RCAST_API uint64_t rcast_reader_lost_bytes(const struct rcast_reader *reader);

/*
 * Go elsewhere. `pos` counts only for RCAST_FROM_POS; the reader then stands at the record that starts there or, if none
 * does, at the first that starts later. A position that is no longer held is met as RCAST_LAPPED at the next look. -EINVAL:
 * the position lies ahead of the writer, or RCAST_FROM_SCREEN. -EPROTO: the ring is corrupt. -EAGAIN: the writer was faster
 * than the seek, every time; the reader has not moved. Looks at no more headers than a ring can hold.
 */
RCAST_API int rcast_reader_seek(struct rcast_reader *reader, enum rcast_from from, uint64_t pos);

/*
 * Go on in another ring, at the position where the reader stands, usually behind RCAST_ENDED with RCAST_MOVED. Cursor page
 * and wake pipe come along. Takes ring_fd, whatever it returns, and verifies it as rcast_reader_open_take does; on an error
 * the reader stays where it is.
 */
RCAST_API int rcast_reader_move_take(struct rcast_reader *reader, int ring_fd);

/* The position where the reader stands: the end of what it has read. */
RCAST_API uint64_t rcast_reader_pos(const struct rcast_reader *reader);
RCAST_API uint64_t rcast_reader_capacity(const struct rcast_reader *reader);

/* ── Sleeping and waking ─────────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * A reader that has nothing to read sleeps on a pipe; whoever publishes rings those that sleep, once a sleep. The reader
 * makes a *cursor page* and hands its descriptor to the publisher, which makes a *follower* from it and hands back the read
 * end of a pipe:
 *
 *   reader                                            publisher
 *   rcast_cursor_create, rcast_cursor_dup_fd   ──►    rcast_follower_create_take
 *   rcast_reader_follow_take                   ◄──      its wake_fd
 *   rcast_reader_sleep, poll, rcast_reader_wake       rcast_writer_put …, rcast_notify
 *
 * The reader writes the page and the publisher only reads it; the publisher writes the pipe and never blocks on it. Neither
 * can harm the other by lying.
 */
struct rcast_cursor;

/* Errors as of rcast_writer_create. _dup_fd: a new descriptor of the page, yours to pass to the publisher; or -errno. */
RCAST_API int rcast_cursor_create(struct rcast_cursor **cursor);
RCAST_API void rcast_cursor_free(struct rcast_cursor *cursor); /* only one that no reader has taken */
RCAST_API int rcast_cursor_dup_fd(const struct rcast_cursor *cursor);

/* Give the reader its cursor page and its wake pipe; it takes both, whatever it returns. -EINVAL: it has them already.
 * -EPROTO: that is no pipe, or not one that we may read. */
RCAST_API int rcast_reader_follow_take(struct rcast_reader *reader, struct rcast_cursor *take_cursor, int take_wake_fd);

/* The pipe to poll for POLLIN after rcast_reader_sleep; POLLHUP means that the publisher is gone. -1 if none was given. */
RCAST_API int rcast_reader_fd(const struct rcast_reader *reader);

/*
 * Say that we are about to sleep, and look once more. RCAST_EMPTY: now poll rcast_reader_fd, and call rcast_reader_wake
 * after it, whatever poll said. Anything else: there is something to peek, and the reader is awake.
 */
RCAST_API int rcast_reader_sleep(struct rcast_reader *reader);

/* Awake again: take the byte out of the pipe. -EPIPE: the publisher is gone (what it committed can still be read). */
RCAST_API int rcast_reader_wake(struct rcast_reader *reader);

/* sleep, poll and wake in one; -1 waits for ever. RCAST_EMPTY: nothing came in that time (or a signal did, or a late ring of an
 * earlier sleep: look again). -EPIPE as wake. Anything else: there is something to peek. */
RCAST_API int rcast_reader_wait(struct rcast_reader *reader, int timeout_ms);

/* The publisher's side of one reader. */
struct rcast_follower;

/*
 * Takes cursor_fd, whatever it returns. *wake_fd is a new descriptor, yours to hand to the reader; -1 after an error. -EPROTO:
 * that was no cursor page, or not a sealed one. What follows may be called from any thread, and from several at once.
 */
RCAST_API int rcast_follower_create_take(int cursor_fd, struct rcast_follower **follower, int *wake_fd);
RCAST_API void rcast_follower_free(struct rcast_follower *follower);

/* Where the reader says it stands: for leases and statistics; it may be a lie, and lags by up to 1/64 of the ring. */
RCAST_API uint64_t rcast_follower_pos(const struct rcast_follower *follower);

/*
 * Ring everyone in the list who sleeps: after publishing, as often as the publisher likes, from any thread. One fence, then a
 * byte for each reader that sleeps and was not rung for this sleep. Returns how many were rung.
 */
RCAST_API int rcast_notify(struct rcast_follower *const *followers, size_t n_followers);

/*
 * The two halves of rcast_notify, for an owner of some other list: the fence once after publishing, then each follower.
 * rcast_follower_ring: 1 rung, 0 not needed, -EPIPE the reader is gone, which shows when it was to be rung, and from then on.
 */
RCAST_API void rcast_notify_fence(void);
RCAST_API int rcast_follower_ring(struct rcast_follower *follower);

/* Both at one look, after the fence: its position, and whether rcast_follower_ring would have anything to do but say 0. */
RCAST_API bool rcast_follower_look(const struct rcast_follower *follower, uint64_t *pos);

#ifdef __cplusplus
}
#endif

#endif
