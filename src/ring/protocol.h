/* SPDX-License-Identifier: MIT */
/*
 * The ring protocol: all that the writer and a reader do to memory that they share. Both halves of the library and the
 * model program (tests/model_ring.c) include this file, so what is checked is what is shipped. No system calls, no errors,
 * no policy: those are producer.c and reader.c.
 *
 * The ring is an array of 64-bit words. A record is a header word and a payload, contiguous, and starts and ends on a word.
 * Positions are in bytes and only grow; `pos & mask` is the place in the ring.
 *
 *      lost            still readable                      claimed, being written
 *   ┄┄┄┄┄┄┄┄┬──────┬──────┬────────┬──────┬────────────┬──────────────┐
 *           first                                      pos            frontier        frontier - first ≤ capacity
 *
 * A header word of zero means "not committed". The record before it put that zero there, before its own commit; so a reader,
 * which only gets to a header word by having accepted the record before it, never finds payload of the last lap in its
 * place: bytes that the program in the terminal chose.
 *
 * The writer says what it is going to overwrite *before* it does: it claims up to `frontier`, in whole chunks, so that the
 * line that holds it changes once a chunk and not once a record. A reader copies first and asks afterwards whether it was
 * too slow: if frontier - cur > capacity, what it copied may have been overwritten meanwhile.
 *
 * The writer decides from private copies only. For each chunk it remembers where the first record in it starts; claims are
 * whole chunks, so the oldest record that survives a claim is one look into that table.
 *
 * Orderings. Each has a name here and its argument where it is used. A model program may define one as weaker than it is
 * before it includes this file, to show which of them carry weight.
 */
#ifndef RCASTI_RING_PROTOCOL_H
#define RCASTI_RING_PROTOCOL_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * ThreadSanitizer does not understand fences. In its build payload goes word by word through atomics that carry the fences'
 * order themselves. Model programs ask for the words alone, with RCASTI_WORDWISE; or, where a lease rules out every lap, for
 * the shipped plain copy under ThreadSanitizer too, with RCASTI_PLAIN: what orders it is then no fence.
 */
#ifdef __has_feature
#if __has_feature(thread_sanitizer) && !defined(RCASTI_PLAIN)
#define RCASTI_FENCELESS 1
#endif
#endif
#ifdef RCASTI_FENCELESS
#define RCASTI_WORDWISE 1
#define RCASTI_ORDER_STORE memory_order_release
#define RCASTI_ORDER_LOAD memory_order_acquire
#define RCASTI_FENCE(order) ((void)0)
#else
#define RCASTI_ORDER_STORE memory_order_relaxed
#define RCASTI_ORDER_LOAD memory_order_relaxed
#define RCASTI_FENCE(order) atomic_thread_fence(order)
#endif

#ifndef RCASTI_ORDER_COMMIT
#define RCASTI_ORDER_COMMIT memory_order_release
#endif
#ifndef RCASTI_ORDER_LOOK
#define RCASTI_ORDER_LOOK memory_order_acquire
#endif
#ifndef RCASTI_ORDER_CLAIM
#define RCASTI_ORDER_CLAIM memory_order_release
#endif
#ifndef RCASTI_ORDER_RESUME
#define RCASTI_ORDER_RESUME memory_order_acquire
#endif
#ifndef RCASTI_ORDER_CLAIMED /* the fence F1 */
#define RCASTI_ORDER_CLAIMED memory_order_release
#endif
#ifndef RCASTI_ORDER_COPIED /* the fence F2 */
#define RCASTI_ORDER_COPIED memory_order_acquire
#endif

#ifndef RCASTI_ORDER_TELL
#define RCASTI_ORDER_TELL memory_order_release
#endif
#ifndef RCASTI_ORDER_TOLD
#define RCASTI_ORDER_TOLD memory_order_acquire
#endif

#define RCASTI_WORD 8u   /* bytes; also the size of a header word */
#define RCASTI_LINE 128u /* two cache lines, which x86 fetches as a pair */
#ifndef RCASTI_N_CHUNKS
#define RCASTI_N_CHUNKS 64u /* of a ring: what a claim takes at least */
#endif

/*
 * Places in the writer's path at which the test build has it killed, by name; elsewhere nothing. RCAST_KILL_POINTS belongs to
 * tests alone.
 */
#ifdef RCAST_KILL_POINTS
void rcasti_kill_point(const char *name);
#else
#define rcasti_kill_point(name) ((void)0)
#endif

#define rcasti_likely(condition) __builtin_expect(!!(condition), 1)
#define rcasti_unlikely(condition) __builtin_expect(!!(condition), 0)

/* Tell the processor that we wait, so that it leaves the other thread of its core and the memory alone for a moment. */
static inline void rcasti_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" : : : "memory"); /* yield does nothing on most */
#endif
}

/* The words of the shared header that change. The writer stores them, readers load them. */
struct rcasti_shared {
	alignas(RCASTI_LINE) _Atomic uint64_t frontier; /* the end of what the writer may have touched */
	alignas(RCASTI_LINE) _Atomic uint64_t first;    /* the oldest whole record */
	_Atomic uint64_t recent;                        /* a record start, at most one claim old */
};

/* What a reader says of itself, in its cursor page. It stores them; the publisher only loads them and believes neither. */
struct rcasti_cursor_words {
	alignas(RCASTI_LINE) _Atomic uint64_t pos;     /* where the reader stands */
	alignas(RCASTI_LINE) _Atomic uint64_t episode; /* odd while it sleeps; no two sleeps have the same number */
};

/* ── Header words ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Bits 0–31: payload bytes; 32–39: kind, never 0; 40–47: flags; the rest: 0. */
#define RCASTI_FLAG_STAMPED 1u

/* What stands between the header word and the payload of a stamped record. */
struct rcasti_stamp {
	uint64_t time_ns, sequence, output_pos;
};

static inline uint64_t rcasti_header(uint32_t n_bytes, uint8_t kind, uint8_t flags)
{
	return (uint64_t)flags << 40 | (uint64_t)kind << 32 | n_bytes;
}

static inline uint32_t rcasti_header_bytes(uint64_t header)
{
	return (uint32_t)header;
}

static inline uint8_t rcasti_header_kind(uint64_t header)
{
	return (uint8_t)(header >> 32);
}

static inline uint8_t rcasti_header_flags(uint64_t header)
{
	return (uint8_t)(header >> 40);
}

/* How far behind the start of a record its payload lies: the header word and the stamp. */
static inline uint64_t rcasti_payload_offset(uint8_t flags)
{
	return RCASTI_WORD + (flags & RCASTI_FLAG_STAMPED ? sizeof(struct rcasti_stamp) : 0);
}

/* The whole record, in bytes: a multiple of a word. */
static inline uint64_t rcasti_record_size(uint64_t header)
{
	uint64_t payload = ((uint64_t)rcasti_header_bytes(header) + RCASTI_WORD - 1) & ~(uint64_t)(RCASTI_WORD - 1);

	return rcasti_payload_offset(rcasti_header_flags(header)) + payload;
}

/* ── Words and payload ───────────────────────────────────────────────────────────────────────────────────────────────── */

/* The word at a position, which is a multiple of a word. */
static inline _Atomic uint64_t *rcasti_word(_Atomic uint64_t *words, uint64_t mask, uint64_t pos)
{
	return (_Atomic uint64_t *)((char *)words + (pos & mask));
}

/*
 * Payload is copied by plain memcpy, which may race with a writer that laps us. What a torn copy holds is never used, as
 * rcasti_overtaken tells; the fences on either side keep compiler and machine from moving the copy out of its place.
 */
static inline void rcasti_copy_in(_Atomic uint64_t *to, const void *from, size_t n_bytes)
{
#ifdef RCASTI_WORDWISE
	for (size_t at = 0; at < n_bytes; at += RCASTI_WORD) {
		uint64_t word = 0;

		memcpy(&word, (const char *)from + at, n_bytes - at < RCASTI_WORD ? n_bytes - at : RCASTI_WORD);
		atomic_store_explicit(&to[at / RCASTI_WORD], word, RCASTI_ORDER_STORE);
	}
#else
	memcpy((void *)to, from, n_bytes);
#endif
}

static inline void rcasti_copy_out(void *to, _Atomic uint64_t *from, size_t n_bytes)
{
#ifdef RCASTI_WORDWISE
	for (size_t at = 0; at < n_bytes; at += RCASTI_WORD) {
		uint64_t word = atomic_load_explicit(&from[at / RCASTI_WORD], RCASTI_ORDER_LOAD);

		memcpy((char *)to + at, &word, n_bytes - at < RCASTI_WORD ? n_bytes - at : RCASTI_WORD);
	}
#else
	memcpy(to, (const void *)from, n_bytes);
#endif
}

/* ── The writer's half ───────────────────────────────────────────────────────────────────────────────────────────────── */

/* Private to the writer, but for what the two pointers lead to. */
struct rcasti_producer {
	struct rcasti_shared *shared;
	_Atomic uint64_t *words;
	uint64_t mask;                         /* capacity - 1 */
	uint64_t pos;                          /* where the next record starts */
	uint64_t easy_end;                     /* a record that ends before it needs no thought, see below */
	uint64_t claimed;                      /* what `frontier` was last set to */
	uint64_t boundary;                     /* the start of the first chunk that pos has not reached */
	bool batching;                         /* commits wait for the end of the batch */
	uint64_t batch_pos;                    /* where the batch starts … */
	uint64_t batch_header;                 /* … and the header kept back there; 0: nothing in the batch yet */
	uint64_t chunk_bytes;                  /* capacity / RCASTI_N_CHUNKS */
	uint64_t oldest;                       /* what `first` was last set to */
	uint64_t hold;                         /* the position that a lease protects; UINT64_MAX: none */
	uint64_t chunk_first[RCASTI_N_CHUNKS]; /* the first record start at or behind the start of each chunk */
};

static inline void rcasti_producer_init(struct rcasti_producer *producer, struct rcasti_shared *shared,
					_Atomic uint64_t *words, uint64_t capacity)
{
	*producer = (struct rcasti_producer){
		.shared = shared,
		.words = words,
		.mask = capacity - 1,
		.boundary = capacity / RCASTI_N_CHUNKS,
		.chunk_bytes = capacity / RCASTI_N_CHUNKS,
		.hold = UINT64_MAX,
	};
}

/*
 * Nearly every record ends in the chunk in which it starts. That chunk is claimed already, no lap ends inside it and no
 * later chunk begins in the record: one comparison with easy_end tells all that. In a batch it tells too that the batch has
 * begun and does not get too long. Whatever moves `boundary` or `claimed`, or begins or ends a batch, sets it anew. Only the
 * first claim of a ring that goes on from another may end inside a chunk.
 */
static inline void rcasti_set_easy_end(struct rcasti_producer *producer)
{
	uint64_t batch_end = producer->batch_pos + (producer->mask + 1) / 4;

	producer->easy_end = producer->boundary < producer->claimed ? producer->boundary : producer->claimed;
	if (producer->batching && producer->batch_header == 0)
		producer->easy_end = 0;
	else if (producer->batching && batch_end < producer->easy_end)
		producer->easy_end = batch_end;
}

static inline uint64_t *rcasti_chunk_first(struct rcasti_producer *producer, uint64_t chunk_pos)
{
	return &producer->chunk_first[(chunk_pos & producer->mask) / producer->chunk_bytes];
}

/*
 * Make everything up to `end`, and the header word behind it, ours to write. False: that would overwrite what is held.
 *
 * The release of `frontier` pairs with its acquire in rcasti_resume: `first` is then no older than the claim. The releases of
 * `first` and `recent` pair with their acquires there and in rcasti_recent: the header words they lead to are in place.
 * The fence F1 pairs with F2 in rcasti_overtaken: a reader that has seen any word stored behind it sees the claim.
 */
static inline bool rcasti_claim_more(struct rcasti_producer *producer, uint64_t end)
{
	uint64_t capacity = producer->mask + 1, chunk = producer->chunk_bytes;
	uint64_t claimed = (end + RCASTI_WORD + chunk - 1) & ~(chunk - 1);

	if (claimed > capacity) {
		uint64_t survives_pos = claimed - capacity, first = *rcasti_chunk_first(producer, survives_pos);

		if (survives_pos > producer->hold)
			return false;
		if (first > producer->oldest)
			producer->oldest = first;
	}
	producer->claimed = claimed;
	rcasti_set_easy_end(producer);
	rcasti_kill_point("about to claim");
	atomic_store_explicit(&producer->shared->first, producer->oldest, RCASTI_ORDER_CLAIM);
	rcasti_kill_point("first is stored");
	atomic_store_explicit(&producer->shared->recent, producer->batch_header ? producer->batch_pos : producer->pos,
			      RCASTI_ORDER_CLAIM);
	rcasti_kill_point("recent is stored");
	atomic_store_explicit(&producer->shared->frontier, claimed, RCASTI_ORDER_CLAIM);
	RCASTI_FENCE(RCASTI_ORDER_CLAIMED);
	rcasti_kill_point("claimed");
	return true;
}

static inline bool rcasti_claim(struct rcasti_producer *producer, uint64_t end)
{
	return end + RCASTI_WORD <= producer->claimed || rcasti_claim_more(producer, end);
}

/*
 * Let readers have what starts at pos and ends at next. The claim covers it and its payload is stored.
 *
 * The release pairs with the acquire in rcasti_look: whoever sees this header sees the payload, the zero behind it and every
 * claim before it.
 */
static inline void rcasti_make_visible(struct rcasti_producer *producer, uint64_t pos, uint64_t next, uint64_t header)
{
	_Atomic uint64_t *words = producer->words;
	uint64_t mask = producer->mask;

	rcasti_kill_point("payload is stored");
	atomic_store_explicit(rcasti_word(words, mask, next), 0, RCASTI_ORDER_STORE);
	rcasti_kill_point("next header is zero");
	atomic_store_explicit(rcasti_word(words, mask, pos), header, RCASTI_ORDER_COMMIT);
	rcasti_kill_point("committed");
}

/* Of a batch only the first header is kept back: no reader gets past it, so the others need no order among themselves. */
static inline void rcasti_add_to_batch(struct rcasti_producer *producer, uint64_t pos, uint64_t header)
{
	atomic_store_explicit(rcasti_word(producer->words, producer->mask, pos), header, RCASTI_ORDER_STORE);
	rcasti_kill_point("added to the batch");
}

static inline void rcasti_start_batch(struct rcasti_producer *producer, uint64_t pos, uint64_t header)
{
	producer->batch_pos = pos;
	producer->batch_header = header;
	rcasti_kill_point("batch is started");
}

/* The record that starts at pos is the first in every chunk that starts behind the start of the record before it. */
static inline void rcasti_note_chunks(struct rcasti_producer *producer)
{
	for (; producer->boundary <= producer->pos; producer->boundary += producer->chunk_bytes)
		*rcasti_chunk_first(producer, producer->boundary) = producer->pos;
	rcasti_set_easy_end(producer);
}

/* The record from the producer's pos to `next`, which is before easy_end, is complete; readers get it now or with its batch. */
static inline void rcasti_commit_easy(struct rcasti_producer *producer, uint64_t next, uint64_t header)
{
	uint64_t pos = producer->pos;

	producer->pos = next;
	if (rcasti_unlikely(producer->batch_header != 0))
		rcasti_add_to_batch(producer, pos, header);
	else
		rcasti_make_visible(producer, pos, next, header);
}

/* The same for any record. */
static inline void rcasti_commit(struct rcasti_producer *producer, uint64_t header)
{
	uint64_t pos = producer->pos, next = pos + rcasti_record_size(header);

	if (rcasti_likely(next < producer->easy_end)) {
		rcasti_commit_easy(producer, next, header);
		return;
	}
	if (producer->batching && producer->batch_header == 0) {
		rcasti_start_batch(producer, pos, header);
		producer->pos = next;
	} else {
		rcasti_commit_easy(producer, next, header);
	}
	rcasti_note_chunks(producer);
}

/* Padding in front of a batch is no part of it. */
static inline void rcasti_commit_padding(struct rcasti_producer *producer, uint64_t header)
{
	rcasti_commit_easy(producer, producer->pos + rcasti_record_size(header), header);
	rcasti_note_chunks(producer);
}

/*
 * The last header word of the stream. Every claim covers the header word behind it, so this one needs none, however full
 * the ring is held; and there is no word behind it to make zero.
 */
static inline void rcasti_commit_last(struct rcasti_producer *producer, uint64_t header)
{
	rcasti_kill_point("about to end");
	atomic_store_explicit(rcasti_word(producer->words, producer->mask, producer->pos), header, RCASTI_ORDER_COMMIT);
	rcasti_kill_point("ended");
	producer->pos += rcasti_record_size(header);
	producer->easy_end = 0;
}

static inline void rcasti_begin_batch(struct rcasti_producer *producer)
{
	producer->batching = true;
	rcasti_set_easy_end(producer);
}

static inline void rcasti_commit_batch(struct rcasti_producer *producer)
{
	if (producer->batch_header != 0)
		rcasti_make_visible(producer, producer->batch_pos, producer->pos, producer->batch_header);
	producer->batch_header = 0;
	producer->batching = false;
	rcasti_set_easy_end(producer);
}

/*
 * A stream that began in another ring goes on in this one, which nobody else has seen yet, at `pos`; the records from `first`
 * on are in their places. A whole lap from `first` on counts as claimed: then every position before it counts as lost.
 */
static inline void rcasti_producer_continue(struct rcasti_producer *producer, uint64_t first, uint64_t pos)
{
	producer->pos = pos;
	producer->oldest = first;
	producer->claimed = first + producer->mask + 1;
	producer->boundary = (pos / producer->chunk_bytes + 1) * producer->chunk_bytes;
	rcasti_set_easy_end(producer);
	atomic_store_explicit(&producer->shared->first, first, RCASTI_ORDER_CLAIM);
	atomic_store_explicit(&producer->shared->recent, pos, RCASTI_ORDER_CLAIM);
	atomic_store_explicit(&producer->shared->frontier, producer->claimed, RCASTI_ORDER_CLAIM);
}

/* ── The reader's half ───────────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * The header word at `cur`; zero: not committed. Pairs with the release in rcasti_make_visible. Every bound must come from
 * the value returned here, and none of it may be acted on before rcasti_overtaken has said no.
 */
static inline uint64_t rcasti_look(_Atomic uint64_t *words, uint64_t mask, uint64_t cur)
{
	return atomic_load_explicit(rcasti_word(words, mask, cur), RCASTI_ORDER_LOOK);
}

/*
 * May the writer have touched anything at or behind `cur` that was loaded before this call? Then none of it may be used,
 * the header word included, and also if that was zero. The fence F2 pairs with F1 in rcasti_claim_more.
 */
static inline bool rcasti_overtaken(struct rcasti_shared *shared, uint64_t mask, uint64_t cur)
{
	RCASTI_FENCE(RCASTI_ORDER_COPIED);
	return atomic_load_explicit(&shared->frontier, memory_order_relaxed) - cur > mask + 1;
}

/*
 * Where a lapped reader goes on: the oldest whole record. The acquire of `frontier` pairs with its release in
 * rcasti_claim_more, so that `first` is no older than the claim that lapped us; the acquire of `first` pairs with its own
 * release there, so that a committed header is found at it.
 */
static inline uint64_t rcasti_resume(struct rcasti_shared *shared)
{
	(void)atomic_load_explicit(&shared->frontier, RCASTI_ORDER_RESUME);
	return atomic_load_explicit(&shared->first, RCASTI_ORDER_RESUME);
}

/* A record start near the writer, where a header or a zero is found. The acquire is argued as that of `first`. */
static inline uint64_t rcasti_recent(struct rcasti_shared *shared)
{
	return atomic_load_explicit(&shared->recent, RCASTI_ORDER_RESUME);
}

/* ── Leases, sleeping and waking ─────────────────────────────────────────────────────────────────────────────────────── */

/* The reader: all before `pos` is read. The release pairs with the acquire in rcasti_told_pos: our reads have ended by then. */
static inline void rcasti_tell_pos(struct rcasti_cursor_words *cursor, uint64_t pos)
{
	atomic_store_explicit(&cursor->pos, pos, RCASTI_ORDER_TELL);
}

/*
 * The publisher: where the reader says that it stands. The acquire pairs with the release in rcasti_tell_pos: what the writer
 * overwrites because a lease ends there is no longer being read.
 */
static inline uint64_t rcasti_told_pos(const struct rcasti_cursor_words *cursor)
{
	return atomic_load_explicit(&cursor->pos, RCASTI_ORDER_TOLD);
}

/*
 * The reader: we sleep, unless the look that follows finds something. The full fence pairs with the one in
 * rcasti_fence_before_ringing. Of the two one comes first: either the publisher sees that we sleep, and rings, or that look
 * sees what it published. Without either fence both may miss.
 */
static inline void rcasti_fall_asleep(struct rcasti_cursor_words *cursor, uint64_t episode)
{
	atomic_store_explicit(&cursor->episode, episode, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

/* Relaxed: a publisher that sees it late rings once in vain. */
static inline void rcasti_wake_up(struct rcasti_cursor_words *cursor, uint64_t episode)
{
	atomic_store_explicit(&cursor->episode, episode, memory_order_relaxed);
}

/* The publisher, between publishing and asking who sleeps. Pairs with the fence in rcasti_fall_asleep. */
static inline void rcasti_fence_before_ringing(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

static inline uint64_t rcasti_episode(const struct rcasti_cursor_words *cursor)
{
	return atomic_load_explicit(&cursor->episode, memory_order_relaxed);
}

#endif
