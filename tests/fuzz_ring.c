/* SPDX-License-Identifier: MIT */
/*
 * Two rings whose every byte the fuzzer may choose, and a reader that looks, copies, seeks and moves from one to the other
 * meanwhile. Of an honest writer nothing is left but the seals: header, frontier, first, recent and all words are forged at any
 * time between two calls.
 *
 * What must hold whatever is there: no byte outside the mapping is touched (it lies between guards, and copies go to memory of
 * the exact size), outcomes are those that <ringcast/ring.h> names, positions only go back by a seek and have an end far before
 * they could wrap, and a ring that stands still is read to its end in as many steps as it has words.
 */
#include <errno.h>

#include "fuzz.h"
#include "guarded.h"

#include <ringcast/ring_inline.h>

#define CAPACITY RCAST_RING_MIN_BYTES /* of the first ring; the second is twice as long */
#define N_WORDS (CAPACITY / RCASTI_WORD)
#define MAX_POS (UINT64_C(1) << 62)

enum operation {
	PEEK,
	RELEASE,
	READ,
	SEEK,
	DRAIN,
	SLEEP_AND_WAKE,
	STORE_WORD,
	STORE_FRONTIER,
	STORE_FIRST,
	STORE_RECENT,
	APPEND,
	FILL,
	FORGE_THE_OTHER, /* of the two rings: all of the above that stores */
	MOVE,            /* the reader to the ring that is forged now */
	READ_INLINE,
	SET_APPENDED,
	N_OPERATIONS
};

enum base { FROM_ZERO, FROM_READER, FROM_APPENDED, ANYTHING, FROM_LIMIT, FROM_END, N_BASES };

struct ring {
	struct rcasti_ring_header *header;
	uint64_t *words;
	uint64_t capacity;
	int memory_fd;
	bool is_clean;
};

struct forged {
	struct fuzz *fuzz;
	struct ring *ring; /* that is forged now */
	struct rcast_reader *reader;
	uint64_t appended; /* where an honest writer would go on */
};

static struct ring rings[2]; /* for the whole run: sealing 64 KiB anew costs more than all else */

static void clean(struct ring *ring)
{
	if (ring->is_clean)
		return;
	memset(ring->header, 0, RCASTI_RING_HEADER_BYTES + ring->capacity);
	*ring->header = (struct rcasti_ring_header){.magic = RCASTI_RING_MAGIC,
						    .version = RCASTI_RING_VERSION,
						    .header_bytes = RCASTI_RING_HEADER_BYTES,
						    .capacity_bytes = ring->capacity};
	ring->is_clean = true;
}

static void lend_rings(struct forged *forged, struct fuzz *fuzz)
{
	void *mapping;

	for (int i = 0; i < 2; i++) {
		struct ring *ring = &rings[i];

		if (!ring->header) {
			ring->capacity = CAPACITY << i;
			ring->memory_fd =
				rcasti_memory_create("fuzzed", RCASTI_RING_HEADER_BYTES + ring->capacity, &mapping);
			must(ring->memory_fd >= 0);
			ring->header = mapping;
			ring->words = (uint64_t *)((char *)mapping + RCASTI_RING_HEADER_BYTES);
		}
		clean(ring);
	}
	*forged = (struct forged){.fuzz = fuzz, .ring = &rings[0]};
	rings[0].is_clean = false;
}

/* A position near one that matters, or any. */
static uint64_t take_position(struct forged *forged)
{
	struct fuzz *fuzz = forged->fuzz;
	enum base base = fuzz_u8(fuzz) % N_BASES;

	switch (base) {
	case FROM_ZERO:
		return fuzz_u16(fuzz);
	case FROM_READER:
		return rcast_reader_pos(forged->reader) + (uint64_t)(int64_t)(int16_t)fuzz_u16(fuzz) * 4;
	case FROM_APPENDED:
		return forged->appended + (uint64_t)(int64_t)(int16_t)fuzz_u16(fuzz) * 4;
	case FROM_LIMIT:
		return MAX_POS + (uint64_t)(int64_t)(int16_t)fuzz_u16(fuzz) * 4;
	case FROM_END:
		return (uint64_t)(int64_t)(int16_t)fuzz_u16(fuzz) * 4;
	default:
		return fuzz_u64(fuzz);
	}
}

static void store(uint64_t *word, uint64_t value)
{
	rcasti_store(word, value, __ATOMIC_RELEASE);
}

/* What an honest writer would do next, with a header that need not be honest. */
static void append(struct forged *forged)
{
	uint16_t n_bytes = fuzz_u16(forged->fuzz);
	uint8_t kind = fuzz_u8(forged->fuzz);
	uint64_t header = rcasti_header(n_bytes, kind, fuzz_u8(forged->fuzz)), pos = forged->appended;

	forged->appended = pos + rcasti_record_size(header);
	store(&forged->ring->header->shared.frontier, forged->appended + RCASTI_WORD);
	store(rcasti_word(forged->ring->words, forged->ring->capacity - 1, forged->appended), 0);
	store(rcasti_word(forged->ring->words, forged->ring->capacity - 1, pos), header);
}

static void fill(struct forged *forged)
{
	uint16_t from = fuzz_u16(forged->fuzz), n = fuzz_u16(forged->fuzz);
	uint64_t value = fuzz_u64(forged->fuzz);

	for (uint32_t i = from; i < (uint32_t)from + n; i++)
		store(&forged->ring->words[i % (forged->ring->capacity / RCASTI_WORD)], value);
}

static int check_outcome(int outcome)
{
	must((outcome >= RCAST_EMPTY && outcome <= RCAST_ENDED) || outcome == -EPROTO || outcome == -EINVAL ||
	     outcome == -EMSGSIZE);
	return outcome;
}

static _Atomic unsigned int seen; /* so that no compiler leaves the looking out */

static unsigned int sum_of(const uint8_t *bytes, size_t n_bytes)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < n_bytes; i++)
		sum += bytes[i];
	return sum;
}

static int peek(struct forged *forged)
{
	uint64_t capacity = rcast_reader_capacity(forged->reader);
	struct rcast_record record;
	int outcome = check_outcome(rcast_reader_peek(forged->reader, &record));

	if (outcome != RCAST_RECORD && outcome != RCAST_ENDED)
		return outcome;
	must(record.n_bytes <= capacity / 4);
	must(outcome == RCAST_ENDED || guarded_contains(record.data, record.n_bytes, capacity));
	must(record.next_pos > record.pos && record.next_pos - record.pos <= capacity);
	if (outcome == RCAST_RECORD)
		atomic_store(&seen, sum_of(record.data, record.n_bytes));
	return outcome;
}

static int read_copy(struct forged *forged, size_t room)
{
	uint8_t *buffer = malloc(room);
	struct rcast_record record;
	int outcome = check_outcome(rcast_reader_read(forged->reader, buffer, room, &record));

	must(outcome != RCAST_RECORD || record.n_bytes <= room);
	must(outcome != -EMSGSIZE || record.n_bytes > room);
	free(buffer);
	return outcome;
}

/* As read_copy, some records in a row. */
static void read_inline(struct forged *forged)
{
	uint64_t pos = rcast_reader_pos(forged->reader);
	struct rcast_fast_reader fast = rcast_fast_reader_begin(forged->reader);
	size_t room = fuzz_u16(forged->fuzz);
	uint8_t *buffer = malloc(room);
	struct rcast_record record;
	int n = fuzz_u8(forged->fuzz), outcome;

	do {
		outcome = check_outcome(rcast_fast_read(&fast, buffer, room, &record));
		must(outcome != RCAST_RECORD || (record.n_bytes <= room && record.next_pos > record.pos));
	} while (outcome == RCAST_RECORD && n-- > 0);
	rcast_fast_reader_end(&fast);
	must(rcast_reader_pos(forged->reader) >= pos);
	free(buffer);
}

static void forge_the_other(struct forged *forged)
{
	forged->ring = forged->ring == &rings[0] ? &rings[1] : &rings[0];
	forged->ring->is_clean = false;
}

static void move(struct forged *forged)
{
	uint64_t pos = rcast_reader_pos(forged->reader);
	int error = rcast_reader_move_take(forged->reader, rcasti_memory_dup_readonly(forged->ring->memory_fd));

	must(error == 0 || error == -EPROTO);
	must(rcast_reader_pos(forged->reader) == pos);
	must(error != 0 || rcast_reader_capacity(forged->reader) == forged->ring->capacity);
}

/* Nobody writes meanwhile. From any position it takes one lap at most to find the end, a gap or a fault. */
static void drain(struct forged *forged)
{
	uint64_t n_steps = 0, pos = rcast_reader_pos(forged->reader);
	int outcome;

	do {
		outcome = peek(forged);
		if (outcome == RCAST_RECORD)
			outcome = check_outcome(rcast_reader_release(forged->reader));
		must(rcast_reader_pos(forged->reader) >= pos);
		pos = rcast_reader_pos(forged->reader);
		must(n_steps++ <= rcast_reader_capacity(forged->reader) / RCASTI_WORD + 4);
	} while (outcome == RCAST_RECORD || outcome == RCAST_LAPPED);
}

static void seek(struct forged *forged)
{
	enum rcast_from from = fuzz_u8(forged->fuzz) % 4; /* one of them is none */
	uint64_t before = rcast_reader_pos(forged->reader), pos = take_position(forged);
	int error = rcast_reader_seek(forged->reader, from, pos);

	must(error == 0 || error == -EINVAL || error == -EPROTO || error == -EAGAIN);
	must(error == 0 || rcast_reader_pos(forged->reader) == before);
}

static void sleep_and_wake(struct forged *forged)
{
	int outcome = rcast_reader_wait(forged->reader, 0);

	must(outcome == RCAST_EMPTY || outcome == RCAST_RECORD || outcome == -EPIPE);
}

static void operate(struct forged *forged)
{
	struct fuzz *fuzz = forged->fuzz;
	struct rcasti_shared *shared = &forged->ring->header->shared;
	uint16_t at;

	switch ((enum operation)(fuzz_u8(fuzz) % N_OPERATIONS)) {
	case PEEK:
		peek(forged);
		break;
	case RELEASE:
		check_outcome(rcast_reader_release(forged->reader));
		break;
	case READ:
		read_copy(forged, fuzz_u16(fuzz));
		break;
	case SEEK:
		seek(forged);
		break;
	case DRAIN:
		drain(forged);
		break;
	case SLEEP_AND_WAKE:
		sleep_and_wake(forged);
		break;
	case STORE_WORD:
		at = fuzz_u16(fuzz);
		store(&forged->ring->words[at % (forged->ring->capacity / RCASTI_WORD)], fuzz_u64(fuzz));
		break;
	case STORE_FRONTIER:
		store(&shared->frontier, take_position(forged));
		break;
	case STORE_FIRST:
		store(&shared->first, take_position(forged));
		break;
	case STORE_RECENT:
		store(&shared->recent, take_position(forged));
		break;
	case APPEND:
		append(forged);
		break;
	case FILL:
		fill(forged);
		break;
	case FORGE_THE_OTHER:
		forge_the_other(forged);
		break;
	case MOVE:
		move(forged);
		break;
	case READ_INLINE:
		read_inline(forged);
		break;
	case SET_APPENDED:
		forged->appended = take_position(forged) & ~(uint64_t)(RCASTI_WORD - 1);
		break;
	case N_OPERATIONS:
		break;
	}
}

/* The header's constants, of which the first byte of the script may change one. */
static void forge_header(struct forged *forged)
{
	uint8_t which = fuzz_u8(forged->fuzz);

	if (which >= 1 && which <= 24)
		((uint8_t *)forged->ring->header)[which - 1] ^= fuzz_u8(forged->fuzz);
	if (which & 64)
		store(&forged->ring->header->shared.first, fuzz_u64(forged->fuzz));
}

static bool open_reader(struct forged *forged)
{
	struct rcast_cursor *cursor;
	int error = rcast_reader_open_take(rcasti_memory_dup_readonly(forged->ring->memory_fd), &forged->reader), ends[2];

	must(error == 0 || error == -EPROTO);
	if (error != 0)
		return false;
	must(rcast_cursor_create(&cursor) == 0 && pipe(ends) == 0);
	must(rcast_reader_follow_take(forged->reader, cursor, ends[0]) == 0);
	close(ends[1]);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	struct fuzz fuzz = {.at = data, .n_left = n_bytes};
	struct forged forged;
	int lowest_fd;

	lend_rings(&forged, &fuzz);
	lowest_fd = fuzz_lowest_fd();
	forge_header(&forged);
	if (open_reader(&forged)) {
		for (int n = 0; fuzz.n_left > 0 && n < 256; n++)
			operate(&forged);
		must(rcast_reader_pos(forged.reader) <= MAX_POS + 2 * CAPACITY);
		drain(&forged);
		rcast_reader_close(forged.reader);
	}
	must(fuzz_lowest_fd() == lowest_fd);
	return 0;
}

/* ── Seeds ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_append(struct fuzz_seed *seed, uint16_t n_bytes, uint8_t kind, uint8_t flags)
{
	fuzz_put_u8(seed, APPEND);
	fuzz_put_u16(seed, n_bytes);
	fuzz_put_u8(seed, kind);
	fuzz_put_u8(seed, flags);
}

static void put_read(struct fuzz_seed *seed, uint16_t room)
{
	fuzz_put_u8(seed, READ);
	fuzz_put_u16(seed, room);
}

static void put_position(struct fuzz_seed *seed, enum operation operation, enum base base, int16_t words)
{
	fuzz_put_u8(seed, operation);
	fuzz_put_u8(seed, base);
	fuzz_put_u16(seed, (uint16_t)words);
}

static void put_seek(struct fuzz_seed *seed, enum rcast_from from, enum base base, int16_t at)
{
	fuzz_put_u8(seed, SEEK);
	put_position(seed, (enum operation)from, base, at);
}

static void seed_honest(struct fuzz_seed *seed)
{
	for (uint16_t i = 0; i < 8; i++)
		put_append(seed, (uint16_t)(i * 37), RCAST_OUTPUT, i & RCASTI_FLAG_STAMPED);
	put_read(seed, 300);
	put_read(seed, 0);
	fuzz_put_u8(seed, PEEK);
	fuzz_put_u8(seed, RELEASE);
	put_seek(seed, RCAST_FROM_NEWEST, FROM_ZERO, 0);
	put_seek(seed, RCAST_FROM_POS, FROM_ZERO, 64);
	put_append(seed, 0, RCAST_END, 0);
	fuzz_put_u8(seed, DRAIN);
	fuzz_put_u8(seed, SLEEP_AND_WAKE);
}

/* Four long records fill the lap but for a padding record, then the writer goes round. */
static void seed_lap(struct fuzz_seed *seed)
{
	for (int i = 0; i < 3; i++)
		put_append(seed, CAPACITY / 4 - RCASTI_WORD, RCAST_OUTPUT, 0);
	put_append(seed, CAPACITY / 8 - RCASTI_WORD, RCAST_OUTPUT, 0);
	fuzz_put_u8(seed, PEEK);
	put_append(seed, CAPACITY / 8 - RCASTI_WORD, RCAST_PADDING, 0);
	put_append(seed, 100, RCAST_OUTPUT, 0);
	put_position(seed, STORE_FIRST, FROM_APPENDED, -2048);
	put_position(seed, STORE_RECENT, FROM_APPENDED, -27);
	fuzz_put_u8(seed, RELEASE);
	put_seek(seed, RCAST_FROM_OLDEST, FROM_ZERO, 0);
	fuzz_put_u8(seed, DRAIN);
}

/* A record that no lap has room for, at the end of the ring. */
static void seed_past_the_end(struct fuzz_seed *seed)
{
	for (int i = 0; i < 7; i++)
		put_append(seed, CAPACITY / 8 - RCASTI_WORD, RCAST_OUTPUT, 0);
	fuzz_put_u8(seed, STORE_WORD);
	fuzz_put_u16(seed, N_WORDS / 8 * 7);
	fuzz_put_u64(seed, rcasti_header(CAPACITY / 4 - RCASTI_WORD, RCAST_OUTPUT, 0));
	fuzz_put_u8(seed, DRAIN);
	put_seek(seed, RCAST_FROM_OLDEST, FROM_ZERO, 0);
	for (int i = 0; i < 8; i++)
		put_read(seed, CAPACITY / 4);
}

/* A frontier that says "lapped" for ever, and a first that always leads a little ahead. */
static void seed_endless_lap(struct fuzz_seed *seed)
{
	fuzz_put_u8(seed, STORE_FRONTIER);
	fuzz_put_u8(seed, ANYTHING);
	fuzz_put_u64(seed, UINT64_C(1) << 61);
	for (int i = 0; i < 12; i++) {
		put_position(seed, STORE_FIRST, FROM_READER, 2);
		put_position(seed, STORE_RECENT, FROM_READER, 2);
		fuzz_put_u8(seed, PEEK);
		put_seek(seed, (enum rcast_from)(i % 3), FROM_READER, 4);
	}
}

static void seed_forged_words(struct fuzz_seed *seed)
{
	const uint64_t words[] = {rcasti_header(UINT32_MAX, RCAST_OUTPUT, 0),
				  rcasti_header(CAPACITY / 4 - RCASTI_WORD, RCAST_OUTPUT, 0),
				  rcasti_header(CAPACITY / 4, RCAST_OUTPUT, RCASTI_FLAG_STAMPED),
				  rcasti_header(CAPACITY - RCASTI_WORD, RCAST_PADDING, 0),
				  rcasti_header(8, 5, 0),
				  UINT64_MAX,
				  UINT64_C(1) << 48};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		fuzz_put_u8(seed, STORE_WORD);
		fuzz_put_u16(seed, 0);
		fuzz_put_u64(seed, words[i]);
		put_seek(seed, RCAST_FROM_OLDEST, FROM_ZERO, 0);
		fuzz_put_u8(seed, PEEK);
		put_read(seed, 9000);
		put_seek(seed, RCAST_FROM_NEWEST, FROM_ZERO, 0);
	}
}

/* A seek to where positions end, of which `first` says that it is lost; then a record there. */
static void seed_end_of_positions(struct fuzz_seed *seed)
{
	const uint64_t last = UINT64_MAX - RCASTI_WORD + 1;

	fuzz_put_u8(seed, STORE_FIRST);
	fuzz_put_u8(seed, ANYTHING);
	fuzz_put_u64(seed, UINT64_MAX);
	fuzz_put_u8(seed, STORE_FRONTIER);
	fuzz_put_u8(seed, ANYTHING);
	fuzz_put_u64(seed, UINT64_C(1) << 61);
	fuzz_put_u8(seed, SEEK);
	fuzz_put_u8(seed, RCAST_FROM_POS);
	fuzz_put_u8(seed, ANYTHING);
	fuzz_put_u64(seed, last);
	fuzz_put_u8(seed, STORE_FRONTIER);
	fuzz_put_u8(seed, ANYTHING);
	fuzz_put_u64(seed, last);
	fuzz_put_u8(seed, STORE_WORD);
	fuzz_put_u16(seed, N_WORDS - 1);
	fuzz_put_u64(seed, rcasti_header(0, RCAST_OUTPUT, 0));
	fuzz_put_u8(seed, DRAIN);
}

/* As close to the end of positions as one may be, and on: record by record, by one call each or inlined, and in another ring. */
static void seed_behind_the_limit(struct fuzz_seed *seed)
{
	put_position(seed, STORE_FIRST, FROM_LIMIT, -100);
	put_position(seed, STORE_RECENT, FROM_LIMIT, -100);
	put_position(seed, SET_APPENDED, FROM_LIMIT, -100);
	put_seek(seed, RCAST_FROM_OLDEST, FROM_ZERO, 0);
	for (uint16_t i = 0; i < 8; i++) {
		put_append(seed, 200, RCAST_OUTPUT, 0);
		put_read(seed, 300);
		fuzz_put_u8(seed, READ_INLINE);
		fuzz_put_u16(seed, 300);
		fuzz_put_u8(seed, 8);
		if (i == 4) {
			fuzz_put_u8(seed, FORGE_THE_OTHER);
			fuzz_put_u8(seed, MOVE);
		}
	}
	fuzz_put_u8(seed, DRAIN);
}

/* To a longer ring and back, in the middle of records. */
static void seed_moves(struct fuzz_seed *seed)
{
	for (uint16_t i = 0; i < 6; i++) {
		put_append(seed, CAPACITY / 8 - RCASTI_WORD, RCAST_OUTPUT, i & RCASTI_FLAG_STAMPED);
		fuzz_put_u8(seed, PEEK);
		fuzz_put_u8(seed, FORGE_THE_OTHER);
		put_append(seed, 100, i == 4 ? RCAST_MOVED : RCAST_OUTPUT, 0);
		fuzz_put_u8(seed, MOVE);
		fuzz_put_u8(seed, RELEASE);
		fuzz_put_u8(seed, READ_INLINE);
		fuzz_put_u16(seed, CAPACITY / 4);
		fuzz_put_u8(seed, 3);
		fuzz_put_u8(seed, SLEEP_AND_WAKE);
	}
	put_position(seed, STORE_FIRST, FROM_APPENDED, 0);
	put_position(seed, STORE_FRONTIER, FROM_APPENDED, INT16_MAX);
	fuzz_put_u8(seed, DRAIN);
}

/* Empty records as far as the eye can see: the longest walk there is. */
static void seed_longest_walk(struct fuzz_seed *seed)
{
	fuzz_put_u8(seed, FILL);
	fuzz_put_u16(seed, 0);
	fuzz_put_u16(seed, N_WORDS);
	fuzz_put_u64(seed, rcasti_header(0, RCAST_OUTPUT, 0));
	put_position(seed, STORE_FRONTIER, FROM_ZERO, 8);
	put_seek(seed, RCAST_FROM_NEWEST, FROM_ZERO, 0);
	put_seek(seed, RCAST_FROM_POS, FROM_ZERO, INT16_MAX);
	fuzz_put_u8(seed, DRAIN);
}

bool fuzz_make_seed(unsigned int number, struct fuzz_seed *seed)
{
	static void (*const seeds[])(struct fuzz_seed *) = {
		seed_honest,           seed_lap,          seed_past_the_end,     seed_endless_lap, seed_forged_words,
		seed_end_of_positions, seed_longest_walk, seed_behind_the_limit, seed_moves};

	if (number == sizeof seeds / sizeof seeds[0]) { /* a header that is no ring's */
		fuzz_put_u8(seed, 1);
		fuzz_put_u8(seed, 1);
		return true;
	}
	if (number > sizeof seeds / sizeof seeds[0])
		return false;
	fuzz_put_u8(seed, 0);
	seeds[number](seed);
	return true;
}
