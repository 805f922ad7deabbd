/* SPDX-License-Identifier: MIT */
/*
 * The short way to publish and to read, inlined into the caller: for loops in which a call for each record is too much.
 *
 *   struct rcast_fast_writer fast = rcast_fast_writer_begin(writer);
 *
 *   while (...)
 *           error = rcast_fast_put(&fast, RCAST_APPLICATION, &tick, sizeof tick);
 *   rcast_fast_writer_end(&fast);
 *
 * and rcast_fast_reader_begin, rcast_fast_read, rcast_fast_reader_end alike. They do what rcast_writer_put and rcast_reader_read
 * do, and leave to the library all that is not easy: the end of a chunk of the ring, a stamp, a lap, nothing to read.
 *
 * Between begin and end the object is lent to the loop and may not be used, with two exceptions: rcast_writer_hold, and what
 * other threads may do with it at any time. Keep the fast one in a local variable and pass its address to nothing but the
 * functions here: then the compiler keeps all of it in registers. That is most of what is gained; a position that is stored
 * and loaded again for each record costs more than the copy of a short one.
 *
 * What it binds. Whoever includes this compiles into his program the layout of the two structs, the format of a record and the
 * order of its stores. None of that changes within one soname of the library.
 *
 * This is also where the hot part of the ring's protocol is defined, argued in src/ring/protocol.h: the library and the model
 * programs include this very file, so what is inlined is what is checked. What is called rcasti_ is not for callers.
 */
#ifndef RINGCAST_RING_INLINE_H
#define RINGCAST_RING_INLINE_H

#include <string.h>

#include <ringcast/ring.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Always, or the address of what should be in registers goes out to a function of its own. */
#define RCASTI_INLINE static inline __attribute__((always_inline))

#define rcasti_likely(condition) __builtin_expect(!!(condition), 1)
#define rcasti_unlikely(condition) __builtin_expect(!!(condition), 0)

/*
 * Words that are shared are touched by nothing but these. They are plain ones, because C++ has no _Atomic; the builtins are
 * atomics for compilers and sanitizers all the same. A program that checks the protocol puts its own in their place.
 */
#ifndef rcasti_load
#define rcasti_load(address, order) __atomic_load_n(address, order)
#define rcasti_store(address, value, order) __atomic_store_n(address, value, order)
#define rcasti_fence(order) __atomic_thread_fence(order)
#endif

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
#define RCASTI_ORDER_STORE __ATOMIC_RELEASE
#define RCASTI_ORDER_LOAD __ATOMIC_ACQUIRE
#define RCASTI_FENCE(order) ((void)0)
#else
#define RCASTI_ORDER_STORE __ATOMIC_RELAXED
#define RCASTI_ORDER_LOAD __ATOMIC_RELAXED
#define RCASTI_FENCE(order) rcasti_fence(order)
#endif

#define RCASTI_ORDER_COMMIT __ATOMIC_RELEASE
#define RCASTI_ORDER_LOOK __ATOMIC_ACQUIRE
#define RCASTI_ORDER_COPIED __ATOMIC_ACQUIRE /* the fence F2 */

/*
 * Places in the writer's path at which the test build has it killed, by name; elsewhere nothing. RCAST_KILL_POINTS belongs to
 * tests alone.
 */
#ifdef RCAST_KILL_POINTS
void rcasti_kill_point(const char *name);
#else
#define rcasti_kill_point(name) ((void)0)
#endif

/* ── Header words ────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define RCASTI_WORD 8u /* bytes; also the size of a header word */

/* Bits 0–31: payload bytes; 32–39: kind, never 0; 40–47: flags; the rest: 0. */
#define RCASTI_FLAG_STAMPED 1u

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

/* A record without a stamp: header word and payload, in whole words. */
static inline uint64_t rcasti_plain_size(uint64_t n_bytes)
{
	return RCASTI_WORD + ((n_bytes + RCASTI_WORD - 1) & ~(uint64_t)(RCASTI_WORD - 1));
}

/* ── Words and payload ───────────────────────────────────────────────────────────────────────────────────────────────── */

/* The word at a position, which is a multiple of a word. */
RCASTI_INLINE uint64_t *rcasti_word(uint64_t *words, uint64_t mask, uint64_t pos)
{
	return (uint64_t *)((char *)words + (pos & mask));
}

/*
 * memcpy of up to 64 bytes without a call, which would cost as much as all the rest: two pieces that may overlap. `limit` is a
 * bound of n_bytes, and what is longer than a limit that the compiler knows is not even compiled.
 */
RCASTI_INLINE void rcasti_copy_short(char *to, const char *from, size_t n_bytes, size_t limit)
{
	if (limit > 32 && n_bytes > 32) {
		memcpy(to, from, 32);
		memcpy(to + n_bytes - 32, from + n_bytes - 32, 32);
	} else if (limit >= 16 && n_bytes >= 16) {
		memcpy(to, from, 16);
		memcpy(to + n_bytes - 16, from + n_bytes - 16, 16);
	} else if (limit >= 8 && n_bytes >= 8) {
		memcpy(to, from, 8);
		memcpy(to + n_bytes - 8, from + n_bytes - 8, 8);
	} else if (limit >= 4 && n_bytes >= 4) {
		memcpy(to, from, 4);
		memcpy(to + n_bytes - 4, from + n_bytes - 4, 4);
	} else if (n_bytes > 0) {
		to[0] = from[0];
		to[n_bytes / 2] = from[n_bytes / 2];
		to[n_bytes - 1] = from[n_bytes - 1];
	}
}

/*
 * A length that the compiler knows is copied as it sees fit, unless it is so long that gcc would make a "rep movs" of it, which
 * is slow where source and destination are not aligned alike: payload never is.
 */
RCASTI_INLINE void rcasti_copy(void *to, const void *from, size_t n_bytes, size_t limit)
{
	if (__builtin_constant_p(n_bytes) && n_bytes <= 256) {
		memcpy(to, from, n_bytes);
	} else if (limit <= 64 || n_bytes <= 64) {
		rcasti_copy_short((char *)to, (const char *)from, n_bytes, limit);
	} else {
		__asm__("" : "+r"(n_bytes));
		memcpy(to, from, n_bytes);
	}
}

/*
 * Payload is copied by plain loads and stores, which may race with a writer that laps us. What a torn copy holds is never used,
 * as rcasti_overtaken tells; the fences on either side keep compiler and machine from moving the copy out of its place.
 */
RCASTI_INLINE void rcasti_copy_in(uint64_t *to, const void *from, size_t n_bytes)
{
#ifdef RCASTI_WORDWISE
	for (size_t at = 0; at < n_bytes; at += RCASTI_WORD) {
		uint64_t word = 0;

		memcpy(&word, (const char *)from + at, n_bytes - at < RCASTI_WORD ? n_bytes - at : RCASTI_WORD);
		rcasti_store(&to[at / RCASTI_WORD], word, RCASTI_ORDER_STORE);
	}
#else
	rcasti_copy(to, from, n_bytes, n_bytes);
#endif
}

RCASTI_INLINE void rcasti_copy_out(void *to, const uint64_t *from, size_t n_bytes, size_t limit)
{
#ifdef RCASTI_WORDWISE
	(void)limit;
	for (size_t at = 0; at < n_bytes; at += RCASTI_WORD) {
		uint64_t word = rcasti_load(&from[at / RCASTI_WORD], RCASTI_ORDER_LOAD);

		memcpy((char *)to + at, &word, n_bytes - at < RCASTI_WORD ? n_bytes - at : RCASTI_WORD);
	}
#else
	rcasti_copy(to, from, n_bytes, limit);
#endif
}

/* ── The writer's hot half ───────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * Let readers have the record whose header word is at `word` and which ends at `next`, where the next one's header will be. The
 * claim covers both and its payload is stored.
 *
 * The release pairs with the acquire in rcasti_look: whoever sees this header sees the payload, the zero behind it and every
 * claim before it.
 */
RCASTI_INLINE void rcasti_make_visible(uint64_t *word, uint64_t *next, uint64_t header)
{
	rcasti_kill_point("payload is stored");
	rcasti_store(next, 0, RCASTI_ORDER_STORE);
	rcasti_kill_point("next header is zero");
	rcasti_store(word, header, RCASTI_ORDER_COMMIT);
	rcasti_kill_point("committed");
}

/* ── The reader's hot half ───────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * The header word that is there; zero: not committed. Pairs with the release in rcasti_make_visible. Every bound must come from
 * the value returned here, and none of it may be acted on before rcasti_overtaken has said no.
 */
RCASTI_INLINE uint64_t rcasti_look(const uint64_t *word)
{
	return rcasti_load(word, RCASTI_ORDER_LOOK);
}

/*
 * May the writer have touched anything at or behind the position `cur` that was loaded before this call? Then none of it may be
 * used, the header word included, and also if that was zero. The fence F2 pairs with F1 in rcasti_claim_more.
 */
RCASTI_INLINE bool rcasti_overtaken(const uint64_t *frontier, uint64_t capacity, uint64_t cur)
{
	RCASTI_FENCE(RCASTI_ORDER_COPIED);
	return rcasti_load(frontier, __ATOMIC_RELAXED) - cur > capacity;
}

/* ── Publishing ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/*
 * A writer that is lent to a loop. Its fields are for the functions here.
 *
 * Up to easy_end everything is claimed, in one piece, and nothing begins but records: no thought is needed there but where the
 * next one goes. Addresses and not positions, because that is one register and one instruction each.
 */
struct rcast_fast_writer {
	char *at;                     /* where the next record starts */
	char *easy_end;               /* `at`, if none is easy */
	uint64_t n_records, n_output; /* published */
	char *batch_at;               /* a record that starts here is the first of a batch; NULL: none will be */
	uint64_t *batch_word;         /* where the header of the batch that is going on belongs … */
	uint64_t batch_header;        /* … which is kept back here; 0: none */
	struct rcast_writer *writer;
};

/*
 * The library's side of what follows. What it is passed is a copy in memory, so that the original can be in registers; "cold",
 * so that compilers spend those on the loop and not on the call.
 */
RCAST_API void rcasti_lend_writer(struct rcast_writer *writer, struct rcast_fast_writer *fast);
RCAST_API void rcasti_return_writer(const struct rcast_fast_writer *fast);
RCAST_API __attribute__((cold)) int rcasti_put_any(struct rcast_fast_writer *fast, uint8_t kind, const void *data,
						   size_t n_bytes);

RCASTI_INLINE struct rcast_fast_writer rcast_fast_writer_begin(struct rcast_writer *writer)
{
	struct rcast_fast_writer copy;

	rcasti_lend_writer(writer, &copy);
	return copy;
}

RCASTI_INLINE void rcast_fast_writer_end(const struct rcast_fast_writer *fast)
{
	struct rcast_fast_writer copy = *fast;

	rcasti_return_writer(&copy);
}

RCASTI_INLINE int rcasti_fast_put_any(struct rcast_fast_writer *fast, uint8_t kind, const void *data, size_t n_bytes)
{
	struct rcast_fast_writer copy = *fast;
	int error = rcasti_put_any(&copy, kind, data, n_bytes);

	*fast = copy;
	return error;
}

/* The payload is in its place. */
RCASTI_INLINE void rcasti_fast_commit(struct rcast_fast_writer *fast, uint64_t header, char *next)
{
	uint64_t *word = (uint64_t *)fast->at;

	if (rcasti_unlikely(fast->at == fast->batch_at)) {
		fast->batch_word = word;
		fast->batch_header = header;
		fast->batch_at = NULL;
	} else {
		rcasti_make_visible(word, (uint64_t *)next, header);
	}
	fast->at = next;
}

/* As rcast_writer_put. */
RCASTI_INLINE int rcast_fast_put(struct rcast_fast_writer *fast, uint8_t kind, const void *data, size_t n_bytes)
{
	uint64_t size = rcasti_plain_size(n_bytes);

	if (rcasti_unlikely(n_bytes - 1 >= RCAST_RING_MAX_BYTES || kind < RCAST_OUTPUT ||
			    (uintptr_t)fast->at + size >= (uintptr_t)fast->easy_end))
		return rcasti_fast_put_any(fast, kind, data, n_bytes);
	rcasti_copy_in((uint64_t *)(fast->at + RCASTI_WORD), data, n_bytes);
	rcasti_fast_commit(fast, rcasti_header((uint32_t)n_bytes, kind, 0), fast->at + size);
	fast->n_records++;
	fast->n_output += kind == RCAST_OUTPUT ? n_bytes : 0;
	return 0;
}

/* As rcast_writer_begin_batch and rcast_writer_end_batch, which may also stand around begin and end. */
RCASTI_INLINE void rcast_fast_begin_batch(struct rcast_fast_writer *fast)
{
	if (fast->batch_header == 0)
		fast->batch_at = fast->at;
}

RCASTI_INLINE void rcast_fast_end_batch(struct rcast_fast_writer *fast)
{
	if (fast->batch_header != 0)
		rcasti_make_visible(fast->batch_word, (uint64_t *)fast->at, fast->batch_header);
	fast->batch_header = 0;
	fast->batch_at = NULL;
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A reader that is lent to a loop. Its fields are for the functions here. Up to easy_end the lap does not end. */
struct rcast_fast_reader {
	const char *at;       /* where the next record starts */
	const char *easy_end; /* `at`, if none is easy */
	uint64_t pos_of_zero; /* position - address: what is at address 0, so to speak */
	uint64_t capacity;
	const uint64_t *frontier;
	struct rcast_reader *reader;
};

/* The library's side, as above. */
RCAST_API void rcasti_lend_reader(struct rcast_reader *reader, struct rcast_fast_reader *fast);
RCAST_API void rcasti_return_reader(const struct rcast_fast_reader *fast);
RCAST_API __attribute__((cold)) int rcasti_read_any(struct rcast_fast_reader *fast, void *buffer, size_t buffer_bytes,
						    struct rcast_record *record);

/* Or gcc keeps two fields in one vector register, and takes them apart for each record: a tenth of what that costs. */
RCASTI_INLINE struct rcast_fast_reader rcasti_scalars(struct rcast_fast_reader fast)
{
	__asm__("" : "+r"(fast.pos_of_zero));
	__asm__("" : "+r"(fast.capacity));
	__asm__("" : "+r"(fast.frontier));
	return fast;
}

RCASTI_INLINE struct rcast_fast_reader rcast_fast_reader_begin(struct rcast_reader *reader)
{
	struct rcast_fast_reader copy;

	rcasti_lend_reader(reader, &copy);
	return rcasti_scalars(copy);
}

RCASTI_INLINE void rcast_fast_reader_end(const struct rcast_fast_reader *fast)
{
	struct rcast_fast_reader copy = *fast;

	rcasti_return_reader(&copy);
}

RCASTI_INLINE int rcasti_fast_read_any(struct rcast_fast_reader *fast, void *buffer, size_t buffer_bytes,
				       struct rcast_record *record)
{
	struct rcast_fast_reader copy = *fast;
	struct rcast_record found;
	int outcome = rcasti_read_any(&copy, buffer, buffer_bytes, &found);

	*fast = rcasti_scalars(copy);
	*record = found;
	return outcome;
}

RCASTI_INLINE uint64_t rcasti_fast_pos(const struct rcast_fast_reader *fast)
{
	return (uint64_t)(uintptr_t)fast->at + fast->pos_of_zero;
}

/*
 * Copy the record to `buffer`, if it is one that needs no thought: without a stamp, short enough for the buffer, in one piece
 * before easy_end, and intact. Returns its header; 0 if it is not.
 */
RCASTI_INLINE uint64_t rcasti_take_easy(const struct rcast_fast_reader *fast, void *buffer, size_t buffer_bytes)
{
	uint64_t header = rcasti_look((const uint64_t *)fast->at), n_bytes = rcasti_header_bytes(header);

	if (rcasti_unlikely((header >> 32) - RCAST_OUTPUT > UINT8_MAX - RCAST_OUTPUT || n_bytes > buffer_bytes ||
			    (uintptr_t)fast->at + rcasti_plain_size(n_bytes) >= (uintptr_t)fast->easy_end))
		return 0;
	rcasti_copy_out(buffer, (const uint64_t *)(fast->at + RCASTI_WORD), n_bytes, buffer_bytes);
	if (rcasti_unlikely(rcasti_overtaken(fast->frontier, fast->capacity, rcasti_fast_pos(fast))))
		return 0;
	return header;
}

/* Go on behind what was taken. */
RCASTI_INLINE void rcasti_accept_easy(struct rcast_fast_reader *fast, uint64_t header, const void *buffer,
				      struct rcast_record *record)
{
	record->pos = rcasti_fast_pos(fast);
	fast->at += rcasti_plain_size(rcasti_header_bytes(header));
	record->next_pos = rcasti_fast_pos(fast);
	record->data = buffer;
	record->n_bytes = rcasti_header_bytes(header);
	record->kind = rcasti_header_kind(header);
	record->stamped = false;
	record->time_ns = record->sequence = record->output_pos = 0;
}

/* As rcast_reader_read. */
RCASTI_INLINE int rcast_fast_read(struct rcast_fast_reader *fast, void *buffer, size_t buffer_bytes,
				  struct rcast_record *record)
{
	uint64_t header = rcasti_take_easy(fast, buffer, buffer_bytes);

	if (rcasti_unlikely(header == 0))
		return rcasti_fast_read_any(fast, buffer, buffer_bytes, record);
	rcasti_accept_easy(fast, header, buffer, record);
	return RCAST_RECORD;
}

#ifdef __cplusplus
}
#endif

#endif
