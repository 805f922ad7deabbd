/* SPDX-License-Identifier: MIT */
/*
 * The reader: the public face of the protocol's second half. Falling asleep is in reader_sleep.c.
 *
 * A reader is a position and a read-only mapping. One look at the header word there decides: a record, nothing yet, or
 * overtaken. Nothing that was found counts before rcasti_overtaken has said no, and all bounds come from the one header word
 * that was loaded. So a hostile writer can make a reader see wrong bytes or fail with -EPROTO; it cannot make it read outside
 * the mapping, nor keep it in a loop: padding can only close a lap, and a resume must lie ahead.
 *
 *   peek      look; the record is now `current`
 *   release   not overtaken since? then go on to its end
 *   lapped    the gap is [pos, first); go on at first
 *
 * `pos` is where the reader stands for the world: the end of what it has delivered. `at` is where the next header word is: the
 * same, or the start of the next lap once the padding between them was skipped. So what is delivered, padding included, and
 * the gaps add up to what was written.
 *
 * A reader that has caught up with a writer in full flow and looks at the next header word again and again takes that line away
 * from the writer each time, and the one pays for it as much as the other. So it takes a short break first, in which the
 * writer gets ahead by some dozen records: see breathe.
 *
 * The reader tells its position to the cursor page when it has read another 1/64 of the ring or falls asleep: often enough for
 * a lease, seldom enough to cost nothing.
 */
#include "ring/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* 46 years at 3 GiB/s: a position behind this is a lie, whether the ring says it or its records lead there. */
#define MAX_POS (UINT64_C(1) << 62)
#define END_POS (MAX_POS + 1)

#define MAX_TRIES 64 /* of a seek that is lapped while it walks */

#define SHORT_BYTES 64u /* up to which length a copy needs no call */

#define FEW_LOOKS 8  /* take less time than a cache line does from one core to another */
#define FLOW 4       /* so often in a row has the next record come within a few looks: the writer is in full flow */
#define N_PAUSES 16u /* 0.4 µs on a Zen 5, and nowhere more than a microsecond */

/* ── Opening ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_ring(const struct rcasti_ring_header *header, size_t n_bytes)
{
	uint64_t capacity = n_bytes - RCASTI_RING_HEADER_BYTES;

	return n_bytes > RCASTI_RING_HEADER_BYTES && capacity >= RCAST_RING_MIN_BYTES && capacity <= RCAST_RING_MAX_BYTES &&
	       (capacity & (capacity - 1)) == 0 && header->magic == RCASTI_RING_MAGIC &&
	       header->version == RCASTI_RING_VERSION && header->header_bytes == RCASTI_RING_HEADER_BYTES &&
	       header->capacity_bytes == capacity;
}

/* The capacity is that of the file, which cannot change; what the header says of it only has to agree. */
static int map_ring(struct rcast_reader *reader, int ring_fd)
{
	struct rcasti_ring_header *header;
	int error = rcasti_memory_map_readonly(ring_fd, &reader->mapping, &reader->mapping_bytes);

	if (error != 0)
		return error;
	header = reader->mapping;
	if (!is_ring(header, reader->mapping_bytes)) {
		munmap(reader->mapping, reader->mapping_bytes);
		return -EPROTO;
	}
	reader->shared = &header->shared;
	reader->words = (uint64_t *)((char *)reader->mapping + RCASTI_RING_HEADER_BYTES);
	reader->mask = reader->mapping_bytes - RCASTI_RING_HEADER_BYTES - 1;
	return 0;
}

int rcast_reader_open_take(int ring_fd, struct rcast_reader **result)
{
	struct rcast_reader *reader = calloc(1, sizeof *reader);
	int error = reader ? map_ring(reader, ring_fd) : -ENOMEM;

	close(ring_fd);
	*result = NULL;
	if (error == 0) {
		reader->wake_fd = -1;
		reader->tell_pos = END_POS;
		error = rcast_reader_seek(reader, RCAST_FROM_OLDEST, 0);
		if (error != 0)
			munmap(reader->mapping, reader->mapping_bytes);
	}
	if (error != 0) {
		free(reader);
		return error;
	}
	*result = reader;
	return 0;
}

void rcast_reader_close(struct rcast_reader *reader)
{
	if (!reader)
		return;
	if (reader->cursor) {
		rcast_cursor_free(reader->cursor);
		close(reader->wake_fd);
	}
	munmap(reader->mapping, reader->mapping_bytes);
	free(reader);
}

/* Behind the end of positions nothing passes for a record. */
static void set_max_record(struct rcast_reader *reader)
{
	reader->max_record_bytes = reader->pos < END_POS ? (reader->mask + 1) / 4 : 0;
}

static void set_easy_end(struct rcast_reader *reader)
{
	uint64_t lap_end = (reader->at | reader->mask) + 1;

	reader->easy_end = reader->tell_pos < lap_end ? reader->tell_pos : lap_end;
}

int rcast_reader_move_take(struct rcast_reader *reader, int ring_fd)
{
	struct rcast_reader there = {0};
	int error = map_ring(&there, ring_fd);

	close(ring_fd);
	if (error != 0)
		return error;
	munmap(reader->mapping, reader->mapping_bytes);
	reader->shared = there.shared;
	reader->words = there.words;
	reader->mask = there.mask;
	reader->mapping = there.mapping;
	reader->mapping_bytes = there.mapping_bytes;
	reader->current_header = 0;
	set_max_record(reader);
	set_easy_end(reader);
	return 0;
}

/* ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_position(uint64_t pos)
{
	return pos <= MAX_POS && pos % RCASTI_WORD == 0;
}

static uint64_t *word(const struct rcast_reader *reader, uint64_t pos)
{
	return rcasti_word(reader->words, reader->mask, pos);
}

static bool overtaken(const struct rcast_reader *reader)
{
	return rcasti_overtaken(&reader->shared->frontier, reader->mask + 1, reader->at);
}

static bool is_end(uint8_t kind)
{
	return kind == RCAST_END || kind == RCAST_MOVED;
}

/*
 * Is this the header of a record, and does it fit where it is? Nearly all are, so it is asked first and with little: above the
 * payload's length stand the kind, from RCAST_OUTPUT to 255, and one flag.
 */
static inline bool is_record(const struct rcast_reader *reader, uint64_t at, uint64_t header, uint64_t size)
{
	uint64_t kind = header >> 32 & ~((uint64_t)RCASTI_FLAG_STAMPED << 8);

	return kind - RCAST_OUTPUT <= UINT8_MAX - RCAST_OUTPUT && size <= reader->max_record_bytes &&
	       (at & reader->mask) + size <= reader->mask + 1;
}

/* Could an honest writer have committed this header at this position? */
static bool is_well_formed(const struct rcast_reader *reader, uint64_t pos, uint64_t header)
{
	uint64_t capacity = reader->mask + 1, at = pos & reader->mask, size = rcasti_record_size(header);
	uint8_t kind = rcasti_header_kind(header);

	if (header >> 48 != 0 || (rcasti_header_flags(header) & ~RCASTI_FLAG_STAMPED) != 0 || size > capacity / 4)
		return false;
	if (kind == RCAST_PADDING)
		return at + size == capacity;
	return at + size <= capacity && (kind >= RCAST_OUTPUT || is_end(kind));
}

void rcasti_reader_tell_pos(struct rcast_reader *reader)
{
	uint64_t next_pos = reader->pos + (reader->mask + 1) / RCASTI_N_CHUNKS;

	if (reader->cursor) {
		rcasti_cursor_set_pos(reader->cursor, reader->pos);
		reader->tell_pos = next_pos < END_POS ? next_pos : END_POS;
	}
	set_max_record(reader);
	set_easy_end(reader);
}

static void go_to(struct rcast_reader *reader, uint64_t pos)
{
	reader->pos = reader->at = pos;
	reader->current_header = 0;
	if (rcasti_unlikely(pos >= reader->tell_pos))
		rcasti_reader_tell_pos(reader);
	set_easy_end(reader);
}

/* A resume that does not lead ahead would be a loop, and no honest writer offers one. */
static int resume(struct rcast_reader *reader)
{
	uint64_t first = rcasti_resume(reader->shared);

	if (first <= reader->at || !is_position(first))
		return -EPROTO;
	reader->gap = (struct rcast_gap){.from_pos = reader->pos, .to_pos = first};
	reader->lost_bytes += first - reader->pos;
	go_to(reader, first);
	return RCAST_LAPPED;
}

/* Go past padding, if that is what comes next. What it says is believed only if we were not overtaken meanwhile. */
static void skip_padding(struct rcast_reader *reader)
{
	uint64_t header = rcasti_look(word(reader, reader->at));

	if (rcasti_header_kind(header) == RCAST_PADDING && is_well_formed(reader, reader->at, header) && !overtaken(reader))
		reader->at += rcasti_record_size(header);
}

static void __attribute__((noinline)) read_stamp(const struct rcast_reader *reader, struct rcast_record *record)
{
	struct rcasti_stamp stamp;

	rcasti_copy_out(&stamp, word(reader, reader->at + RCASTI_WORD), sizeof stamp, sizeof stamp);
	record->time_ns = stamp.time_ns;
	record->sequence = stamp.sequence;
	record->output_pos = stamp.output_pos;
}

static inline void describe(const struct rcast_reader *reader, uint64_t header, struct rcast_record *record)
{
	uint8_t flags = rcasti_header_flags(header);

	record->pos = reader->pos;
	record->next_pos = reader->at + rcasti_record_size(header);
	record->data = (const void *)word(reader, reader->at + rcasti_payload_offset(flags));
	record->n_bytes = rcasti_header_bytes(header);
	record->kind = rcasti_header_kind(header);
	record->stamped = flags & RCASTI_FLAG_STAMPED;
	record->time_ns = record->sequence = record->output_pos = 0;
	if (record->stamped)
		read_stamp(reader, record);
}

static void pause_briefly(void)
{
	for (unsigned int i = 0; i < N_PAUSES; i++)
		rcasti_relax();
}

/*
 * There is nothing to read. Let a writer in full flow get ahead, once for each time that we have caught up with it.
 *
 * Nobody who waits for an answer comes here: an answer takes two cache lines from core to core, which is many more than
 * FEW_LOOKS. Nor does one who sleeps, which counts as many looks.
 */
static void breathe(struct rcast_reader *reader)
{
	if (reader->caught_up_pos == reader->at) {
		reader->n_looks++;
		return;
	}
	reader->flow = reader->n_looks <= FEW_LOOKS ? reader->flow + 1 : 0;
	reader->caught_up_pos = reader->at;
	reader->n_looks = 1;
	if (reader->flow > FLOW)
		pause_briefly();
}

void rcasti_reader_has_waited(struct rcast_reader *reader)
{
	reader->n_looks = FEW_LOOKS + 1;
}

/* What is there, if it is no record or none that may be used? */
static int __attribute__((noinline)) look_closely(struct rcast_reader *reader, uint64_t header, struct rcast_record *record)
{
	if (overtaken(reader))
		return resume(reader);
	if (header == 0) {
		breathe(reader);
		return RCAST_EMPTY;
	}
	if (!is_well_formed(reader, reader->at, header) || !is_end(rcasti_header_kind(header)))
		return -EPROTO;
	describe(reader, header, record);
	return RCAST_ENDED;
}

/*
 * The record at hand, made current. Whoever is going to copy it and then ask whether it was overtaken need not ask before:
 * the bounds hold for any header that passes for a record's.
 */
static inline int look(struct rcast_reader *reader, struct rcast_record *record, bool asks_later)
{
	uint64_t header = rcasti_look(word(reader, reader->at));

	reader->current_header = 0;
	if (rcasti_unlikely(rcasti_header_kind(header) == RCAST_PADDING)) {
		skip_padding(reader);
		header = rcasti_look(word(reader, reader->at));
	}
	if (rcasti_unlikely(!is_record(reader, reader->at, header, rcasti_record_size(header))))
		return look_closely(reader, header, record);
	if (!asks_later && rcasti_unlikely(overtaken(reader)))
		return resume(reader);
	reader->current_header = header;
	describe(reader, header, record);
	return RCAST_RECORD;
}

int rcast_reader_peek(struct rcast_reader *reader, struct rcast_record *record)
{
	return look(reader, record, false);
}

int rcast_reader_intact(struct rcast_reader *reader)
{
	return rcasti_unlikely(overtaken(reader)) ? resume(reader) : RCAST_RECORD;
}

int rcast_reader_release(struct rcast_reader *reader)
{
	uint64_t header = reader->current_header;

	if (rcasti_unlikely(header == 0))
		return -EINVAL;
	if (rcasti_unlikely(overtaken(reader)))
		return resume(reader);
	go_to(reader, reader->at + rcasti_record_size(header));
	return RCAST_RECORD;
}

static int __attribute__((noinline))
read_any(struct rcast_reader *reader, void *buffer, size_t buffer_bytes, struct rcast_record *record)
{
	int outcome = look(reader, record, true);

	if (rcasti_unlikely(outcome != RCAST_RECORD))
		return outcome;
	if (rcasti_unlikely(record->n_bytes > buffer_bytes)) {
		outcome = rcast_reader_intact(reader);
		return outcome == RCAST_RECORD ? -EMSGSIZE : outcome;
	}
	rcasti_copy_out(buffer, record->data, record->n_bytes, buffer_bytes);
	record->data = buffer;
	if (rcasti_unlikely(overtaken(reader)))
		return resume(reader);
	go_to(reader, record->next_pos);
	return RCAST_RECORD;
}

/* ── Lent to a loop ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static inline struct rcast_fast_reader lend(struct rcast_reader *reader)
{
	const char *at = (const char *)word(reader, reader->at);
	bool is_easy = reader->easy_end > reader->at && reader->pos == reader->at;

	return (struct rcast_fast_reader){
		.at = at,
		.easy_end = at + (is_easy ? reader->easy_end - reader->at : 0),
		.pos_of_zero = reader->at - (uintptr_t)at,
		.capacity = reader->mask + 1,
		.frontier = &reader->shared->frontier,
		.reader = reader,
	};
}

static inline void take_back(const struct rcast_fast_reader *fast)
{
	struct rcast_reader *reader = fast->reader;
	uint64_t pos = rcasti_fast_pos(fast);

	if (pos != reader->at)
		reader->pos = reader->at = pos;
	reader->current_header = 0;
}

void rcasti_lend_reader(struct rcast_reader *reader, struct rcast_fast_reader *fast)
{
	*fast = lend(reader);
}

void rcasti_return_reader(const struct rcast_fast_reader *fast)
{
	take_back(fast);
}

int rcasti_read_any(struct rcast_fast_reader *fast, void *buffer, size_t buffer_bytes, struct rcast_record *record)
{
	int outcome;

	take_back(fast);
	outcome = read_any(fast->reader, buffer, buffer_bytes, record);
	*fast = lend(fast->reader);
	return outcome;
}

/* A short record without a stamp is copied without a call, as it was by rcast_writer_put. */
int rcast_reader_read(struct rcast_reader *reader, void *buffer, size_t buffer_bytes, struct rcast_record *record)
{
	struct rcast_fast_reader fast = lend(reader);
	uint64_t header = rcasti_take_easy(&fast, buffer, buffer_bytes < SHORT_BYTES ? buffer_bytes : SHORT_BYTES);

	if (rcasti_unlikely(header == 0))
		return read_any(reader, buffer, buffer_bytes, record);
	rcasti_accept_easy(&fast, header, buffer, record);
	take_back(&fast);
	return RCAST_RECORD;
}

bool rcasti_reader_has_news(struct rcast_reader *reader)
{
	skip_padding(reader);
	return rcasti_look(word(reader, reader->at)) != 0 || overtaken(reader);
}

struct rcast_gap rcast_reader_get_gap(const struct rcast_reader *reader)
{
	return reader->gap;
}

uint64_t rcast_reader_lost_bytes(const struct rcast_reader *reader)
{
	return reader->lost_bytes;
}

uint64_t rcast_reader_pos(const struct rcast_reader *reader)
{
	return reader->pos;
}

uint64_t rcast_reader_capacity(const struct rcast_reader *reader)
{
	return reader->mask + 1;
}

/* ── Seeking ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A way through the headers. No ring holds more of them than `budget` starts with, over all tries of one seek. */
struct walk {
	uint64_t pos;
	uint64_t budget;
};

/*
 * From record to record to the first that starts at or behind `target`, or to where the writer is. RCAST_LAPPED: the writer
 * was faster.
 */
static int walk_to(const struct rcast_reader *reader, struct walk *walk, uint64_t target)
{
	if (!is_position(walk->pos))
		return -EPROTO;
	while (walk->pos < target && walk->budget-- > 0) {
		uint64_t header = rcasti_look(word(reader, walk->pos));

		if (rcasti_overtaken(&reader->shared->frontier, reader->mask + 1, walk->pos))
			return RCAST_LAPPED;
		if (header == 0 || is_end(rcasti_header_kind(header)))
			return 0;
		if (!is_well_formed(reader, walk->pos, header))
			return -EPROTO;
		walk->pos += rcasti_record_size(header);
	}
	return walk->pos < target ? -EAGAIN : 0;
}

/*
 * A position that the ring has lost is taken as it is: the next look finds out and tells the gap. To one near the writer, where a
 * screen is joined, the way through a whole ring would take longer than all else about it.
 */
static int find_pos(const struct rcast_reader *reader, struct walk *walk, uint64_t pos)
{
	uint64_t recent;
	int result;

	walk->pos = rcasti_resume(reader->shared);
	if (!is_position(walk->pos))
		return -EPROTO;
	if (pos < walk->pos && rcasti_overtaken(&reader->shared->frontier, reader->mask + 1, pos)) {
		walk->pos = pos & ~(uint64_t)(RCASTI_WORD - 1);
		return 0;
	}
	recent = rcasti_recent(reader->shared);
	if (recent <= pos && recent > walk->pos)
		walk->pos = recent;
	result = walk_to(reader, walk, pos);
	return result == 0 && walk->pos < pos ? -EINVAL : result;
}

static int find(const struct rcast_reader *reader, struct walk *walk, enum rcast_from from, uint64_t pos)
{
	switch (from) {
	case RCAST_FROM_OLDEST:
		walk->pos = rcasti_resume(reader->shared);
		return is_position(walk->pos) ? 0 : -EPROTO;
	case RCAST_FROM_NEWEST:
		walk->pos = rcasti_recent(reader->shared);
		return walk_to(reader, walk, UINT64_MAX);
	case RCAST_FROM_POS:
		return find_pos(reader, walk, pos);
	case RCAST_FROM_SCREEN: /* a ring has none */
		break;
	}
	return -EINVAL;
}

int rcast_reader_seek(struct rcast_reader *reader, enum rcast_from from, uint64_t pos)
{
	struct walk walk = {.budget = (reader->mask + 1) / RCASTI_WORD};
	int result = RCAST_LAPPED;

	for (int tries = 0; tries < MAX_TRIES && result == RCAST_LAPPED; tries++)
		result = find(reader, &walk, from, pos);
	if (result != 0)
		return result == RCAST_LAPPED ? -EAGAIN : result;
	go_to(reader, walk.pos);
	rcasti_reader_tell_pos(reader);
	return 0;
}
