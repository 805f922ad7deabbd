/* SPDX-License-Identifier: MIT */
/*
 * The ring protocol: all that the writer and a reader do to memory that they share. Both halves of the library and the
 * model program (tests/model_ring.c) include this file, so what is checked is what is shipped. No system calls, no errors,
 * no policy: those are producer.c and reader.c. What happens for each record is in <ringcast/ring_inline.h>, for those who
 * inline it; here is what happens now and then, and how both fit together.
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
 * Orderings. Each has a name and its argument where it is used; scripts/mutate weakens each, to show which of them carry
 * weight.
 */
#ifndef RCASTI_RING_PROTOCOL_H
#define RCASTI_RING_PROTOCOL_H

#include <stdalign.h>

#include <ringcast/ring_inline.h>

#define RCASTI_ORDER_CLAIM __ATOMIC_RELEASE
#define RCASTI_ORDER_RESUME __ATOMIC_ACQUIRE
#define RCASTI_ORDER_CLAIMED __ATOMIC_RELEASE /* the fence F1 */
#define RCASTI_ORDER_TELL __ATOMIC_RELEASE
#define RCASTI_ORDER_TOLD __ATOMIC_ACQUIRE

#define RCASTI_LINE 128u /* two cache lines, which x86 fetches as a pair */
#ifndef RCASTI_N_CHUNKS
#define RCASTI_N_CHUNKS 64u /* of a ring: what a claim takes at least */
#endif

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
	alignas(RCASTI_LINE) uint64_t frontier; /* the end of what the writer may have touched */
	alignas(RCASTI_LINE) uint64_t first;    /* the oldest whole record */
	uint64_t recent;                        /* a record start, at most one claim old */
};

/* What a reader says of itself, in its cursor page. It stores them; the publisher only loads them and believes neither. */
struct rcasti_cursor_words {
	alignas(RCASTI_LINE) uint64_t pos;     /* where the reader stands */
	alignas(RCASTI_LINE) uint64_t episode; /* odd while it sleeps; no two sleeps have the same number */
};

/* ── Header words ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What stands between the header word and the payload of a stamped record. */
struct rcasti_stamp {
	uint64_t time_ns, sequence, output_pos;
};

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

/* ── The writer's half ───────────────────────────────────────────────────────────────────────────────────────────────── */

/* Private to the writer, but for what the two pointers lead to. */
struct rcasti_producer {
	struct rcasti_shared *shared;
	uint64_t *words;
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

static inline void rcasti_producer_init(struct rcasti_producer *producer, struct rcasti_shared *shared, uint64_t *words,
					uint64_t capacity)
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
 * later chunk begins in the record: one comparison with easy_end tells all that. In a batch it tells too that the batch does
 * not get too long. Only the first claim of a ring that goes on from another may end inside a chunk.
 */
static inline uint64_t rcasti_find_easy_end(const struct rcasti_producer *producer)
{
	uint64_t end = producer->boundary < producer->claimed ? producer->boundary : producer->claimed;
	uint64_t batch_end = producer->batch_pos + (producer->mask + 1) / 4;

	return producer->batch_header != 0 && batch_end < end ? batch_end : end;
}

/* Whatever moves `boundary` or `claimed`, or begins or ends a batch, sets it anew. The first record of a batch is not easy. */
static inline void rcasti_set_easy_end(struct rcasti_producer *producer)
{
	bool starts_batch = producer->batching && producer->batch_header == 0;

	producer->easy_end = starts_batch ? 0 : rcasti_find_easy_end(producer);
}

static inline uint64_t *rcasti_producer_word(const struct rcasti_producer *producer, uint64_t pos)
{
	return rcasti_word(producer->words, producer->mask, pos);
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
	rcasti_store(&producer->shared->first, producer->oldest, RCASTI_ORDER_CLAIM);
	rcasti_kill_point("first is stored");
	rcasti_store(&producer->shared->recent, producer->batch_header ? producer->batch_pos : producer->pos,
		     RCASTI_ORDER_CLAIM);
	rcasti_kill_point("recent is stored");
	rcasti_store(&producer->shared->frontier, claimed, RCASTI_ORDER_CLAIM);
	RCASTI_FENCE(RCASTI_ORDER_CLAIMED);
	rcasti_kill_point("claimed");
	return true;
}

static inline bool rcasti_claim(struct rcasti_producer *producer, uint64_t end)
{
	return end + RCASTI_WORD <= producer->claimed || rcasti_claim_more(producer, end);
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

/*
 * The record from the producer's pos to `next` is complete. In a batch too it is made visible, in the order of all others: as
 * long as the first header of the batch is kept back, no reader gets that far, and a short cut for it would only cost the others
 * a question.
 */
static inline void rcasti_commit_easy(struct rcasti_producer *producer, uint64_t next, uint64_t header)
{
	rcasti_make_visible(rcasti_producer_word(producer, producer->pos), rcasti_producer_word(producer, next), header);
	producer->pos = next;
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
	rcasti_store(rcasti_producer_word(producer, producer->pos), header, RCASTI_ORDER_COMMIT);
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
		rcasti_make_visible(rcasti_producer_word(producer, producer->batch_pos),
				    rcasti_producer_word(producer, producer->pos), producer->batch_header);
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
	rcasti_store(&producer->shared->first, first, RCASTI_ORDER_CLAIM);
	rcasti_store(&producer->shared->recent, pos, RCASTI_ORDER_CLAIM);
	rcasti_store(&producer->shared->frontier, producer->claimed, RCASTI_ORDER_CLAIM);
}

/* ── The reader's half ───────────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * Where a lapped reader goes on: the oldest whole record. The acquire of `frontier` pairs with its release in
 * rcasti_claim_more, so that `first` is no older than the claim that lapped us; the acquire of `first` pairs with its own
 * release there, so that a committed header is found at it.
 */
static inline uint64_t rcasti_resume(struct rcasti_shared *shared)
{
	(void)rcasti_load(&shared->frontier, RCASTI_ORDER_RESUME);
	return rcasti_load(&shared->first, RCASTI_ORDER_RESUME);
}

/* A record start near the writer, where a header or a zero is found. The acquire is argued as that of `first`. */
static inline uint64_t rcasti_recent(struct rcasti_shared *shared)
{
	return rcasti_load(&shared->recent, RCASTI_ORDER_RESUME);
}

/* ── Leases, sleeping and waking ─────────────────────────────────────────────────────────────────────────────────────── */

/* The reader: all before `pos` is read. The release pairs with the acquire in rcasti_told_pos: our reads have ended by then. */
static inline void rcasti_tell_pos(struct rcasti_cursor_words *cursor, uint64_t pos)
{
	rcasti_store(&cursor->pos, pos, RCASTI_ORDER_TELL);
}

/*
 * The publisher: where the reader says that it stands. The acquire pairs with the release in rcasti_tell_pos: what the writer
 * overwrites because a lease ends there is no longer being read.
 */
static inline uint64_t rcasti_told_pos(const struct rcasti_cursor_words *cursor)
{
	return rcasti_load(&cursor->pos, RCASTI_ORDER_TOLD);
}

/*
 * The reader: we sleep, unless the look that follows finds something. The full fence pairs with the one in
 * rcasti_fence_before_ringing. Of the two one comes first: either the publisher sees that we sleep, and rings, or that look
 * sees what it published. Without either fence both may miss.
 */
static inline void rcasti_fall_asleep(struct rcasti_cursor_words *cursor, uint64_t episode)
{
	rcasti_store(&cursor->episode, episode, __ATOMIC_RELAXED);
	rcasti_fence(__ATOMIC_SEQ_CST);
}

/* Relaxed: a publisher that sees it late rings once in vain. */
static inline void rcasti_wake_up(struct rcasti_cursor_words *cursor, uint64_t episode)
{
	rcasti_store(&cursor->episode, episode, __ATOMIC_RELAXED);
}

/* The publisher, between publishing and asking who sleeps. Pairs with the fence in rcasti_fall_asleep. */
static inline void rcasti_fence_before_ringing(void)
{
	rcasti_fence(__ATOMIC_SEQ_CST);
}

static inline uint64_t rcasti_episode(const struct rcasti_cursor_words *cursor)
{
	return rcasti_load(&cursor->episode, __ATOMIC_RELAXED);
}

#endif
