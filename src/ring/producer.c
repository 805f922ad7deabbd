/* SPDX-License-Identifier: MIT */
/*
 * The writer: the public face of the protocol's first half.
 *
 * Every record goes through open_record, which finds room, and close_record, which makes it visible. Room is always
 * contiguous: a record that does not fit before the end of the lap starts the next one, and a padding record fills the rest.
 * The padding is committed by itself, so a reservation that is given up later leaves the ring in order.
 *
 * All that can fail (memory, descriptors) is done by rcast_writer_create. After that a publish can only be refused: it is too
 * long, a lease holds the writer, or the stream has ended.
 */
#include "ring/memory.h"

#include <ringcast/ring.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SHORT_BYTES 64u /* up to which length a copy needs no call */

struct rcast_writer {
	struct rcasti_producer producer;
	size_t max_bytes;
	uint64_t payload_offset; /* in every record */
	uint8_t flags;           /* of every record: RCASTI_FLAG_STAMPED or 0 */
	bool ended;
	uint64_t reserved_pos; /* where the latest reservation is; open while the producer stands there */
	size_t reserved_bytes;
	uint64_t padding_pos, padding_end; /* the latest: it belongs to the record behind it, which there may not be yet */
	uint64_t n_records;
	uint64_t n_output;
	int memory_fd;
	struct rcasti_ring_header *mapping;
	size_t mapping_bytes;
};

static bool is_capacity(uint64_t bytes)
{
	return bytes >= RCAST_RING_MIN_BYTES && bytes <= RCAST_RING_MAX_BYTES && (bytes & (bytes - 1)) == 0;
}

static int map_ring(struct rcast_writer *writer, uint64_t capacity)
{
	struct rcasti_ring_header *header;
	void *mapping;
	int fd;

	writer->mapping_bytes = RCASTI_RING_HEADER_BYTES + capacity;
	fd = rcasti_memory_create("ringcast", writer->mapping_bytes, &mapping);
	if (fd < 0)
		return fd;
	header = mapping;
	header->magic = RCASTI_RING_MAGIC;
	header->version = RCASTI_RING_VERSION;
	header->header_bytes = RCASTI_RING_HEADER_BYTES;
	header->capacity_bytes = capacity;
	writer->memory_fd = fd;
	writer->mapping = header;
	rcasti_producer_init(&writer->producer, &header->shared, (uint64_t *)((char *)mapping + RCASTI_RING_HEADER_BYTES),
			     capacity);
	return 0;
}

int rcast_writer_create(const struct rcast_writer_options *options, struct rcast_writer **result)
{
	uint64_t capacity = options && options->capacity_bytes ? options->capacity_bytes : RCAST_RING_DEFAULT_BYTES;
	struct rcast_writer *writer;
	int error;

	*result = NULL;
	if (!is_capacity(capacity))
		return -EINVAL;
	writer = calloc(1, sizeof *writer);
	if (!writer)
		return -ENOMEM;
	writer->flags = options && options->stamped ? RCASTI_FLAG_STAMPED : 0;
	writer->reserved_pos = UINT64_MAX;
	writer->payload_offset = rcasti_payload_offset(writer->flags);
	writer->max_bytes = capacity / 4 - writer->payload_offset;
	error = map_ring(writer, capacity);
	if (error != 0) {
		free(writer);
		return error;
	}
	*result = writer;
	return 0;
}

void rcast_writer_free(struct rcast_writer *writer)
{
	if (!writer)
		return;
	munmap(writer->mapping, writer->mapping_bytes);
	close(writer->memory_fd);
	free(writer);
}

int rcast_writer_dup_fd(const struct rcast_writer *writer)
{
	return rcasti_memory_dup_readonly(writer->memory_fd);
}

/* Fill the rest of the lap, so that the next record starts the new one. */
static int close_lap(struct rcast_writer *writer, uint64_t lap_end)
{
	struct rcasti_producer *producer = &writer->producer;

	if (!rcasti_claim(producer, lap_end))
		return -EAGAIN;
	writer->padding_pos = producer->pos;
	writer->padding_end = lap_end;
	rcasti_commit_padding(producer, rcasti_header((uint32_t)(lap_end - producer->pos - RCASTI_WORD), RCAST_PADDING, 0));
	rcasti_kill_point("lap is closed");
	return 0;
}

static bool exceeds_batch(const struct rcasti_producer *producer, uint64_t end)
{
	return producer->batch_header != 0 && end - producer->batch_pos > (producer->mask + 1) / 4;
}

/* Room for a record that is not easy: at a chunk's or the lap's end, in a batch, too long, or after the end. */
static int find_room(struct rcast_writer *writer, size_t n_bytes, uint64_t size)
{
	struct rcasti_producer *producer = &writer->producer;
	uint64_t lap_end = (producer->pos | producer->mask) + 1;
	int error;

	if (n_bytes > writer->max_bytes)
		return -EMSGSIZE;
	if (writer->ended)
		return -ENODATA;
	if (producer->pos + size > lap_end) {
		if (exceeds_batch(producer, lap_end + size))
			return -EMSGSIZE;
		error = close_lap(writer, lap_end);
		if (error != 0)
			return error;
	}
	if (exceeds_batch(producer, producer->pos + size))
		return -EMSGSIZE;
	return rcasti_claim(producer, producer->pos + size) ? 0 : -EAGAIN;
}

/* Room at the producer's pos for a record of up to n_bytes of payload. */
static inline int open_record(struct rcast_writer *writer, size_t n_bytes)
{
	uint64_t size = rcasti_record_size(rcasti_header((uint32_t)n_bytes, RCAST_PADDING, writer->flags));

	if (rcasti_likely(n_bytes <= writer->max_bytes && writer->producer.pos + size < writer->producer.easy_end))
		return 0;
	return find_room(writer, n_bytes, size);
}

static uint64_t *payload(struct rcast_writer *writer)
{
	struct rcasti_producer *producer = &writer->producer;

	return rcasti_producer_word(producer, producer->pos + writer->payload_offset);
}

static void put_stamp(struct rcast_writer *writer)
{
	struct rcasti_producer *producer = &writer->producer;
	struct rcasti_stamp stamp = {.sequence = writer->n_records, .output_pos = writer->n_output};
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	stamp.time_ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
	rcasti_copy_in(rcasti_producer_word(producer, producer->pos + RCASTI_WORD), &stamp, sizeof stamp);
}

static inline void count_record(struct rcast_writer *writer, uint8_t kind, size_t n_bytes)
{
	writer->n_records++;
	writer->n_output += kind == RCAST_OUTPUT ? n_bytes : 0;
}

static void close_record(struct rcast_writer *writer, uint8_t kind, size_t n_bytes)
{
	if (writer->flags & RCASTI_FLAG_STAMPED)
		put_stamp(writer);
	rcasti_commit(&writer->producer, rcasti_header((uint32_t)n_bytes, kind, writer->flags));
	count_record(writer, kind, n_bytes);
}

static bool is_publishable(uint8_t kind)
{
	return kind >= RCAST_OUTPUT;
}

static int __attribute__((noinline)) put_any(struct rcast_writer *writer, uint8_t kind, const void *data, size_t n_bytes)
{
	int error = is_publishable(kind) ? open_record(writer, n_bytes) : -EINVAL;

	if (error != 0)
		return error;
	if (n_bytes > 0)
		rcasti_copy_in(payload(writer), data, n_bytes);
	close_record(writer, kind, n_bytes);
	return 0;
}

/*
 * A short record without a stamp is cheap enough that calls count: the one to memcpy costs as much as the rest, and has
 * everything that is in a register saved around it. So this path has none.
 */
int rcast_writer_put(struct rcast_writer *writer, uint8_t kind, const void *data, size_t n_bytes)
{
	struct rcasti_producer *producer = &writer->producer;
	uint64_t *word = rcasti_producer_word(producer, producer->pos);
	uint64_t size = rcasti_plain_size(n_bytes);

	if (rcasti_unlikely(n_bytes - 1 >= SHORT_BYTES || writer->flags != 0 || producer->pos + size >= producer->easy_end ||
			    !is_publishable(kind)))
		return put_any(writer, kind, data, n_bytes);
	rcasti_copy_in(word + 1, data, n_bytes);
	rcasti_make_visible(word, word + size / RCASTI_WORD, rcasti_header((uint32_t)n_bytes, kind, 0));
	producer->pos += size;
	count_record(writer, kind, n_bytes);
	return 0;
}

/* ── Lent to a loop ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* How far the loop can go by itself. To it, other than to us, the first record of a batch is as easy as any. */
static uint64_t easy_bytes(const struct rcast_writer *writer)
{
	uint64_t end = rcasti_find_easy_end(&writer->producer), pos = writer->producer.pos;

	return writer->flags == 0 && !writer->ended && end > pos ? end - pos : 0;
}

void rcasti_lend_writer(struct rcast_writer *writer, struct rcast_fast_writer *fast)
{
	const struct rcasti_producer *producer = &writer->producer;
	char *at = (char *)rcasti_producer_word(producer, producer->pos);

	*fast = (struct rcast_fast_writer){
		.at = at,
		.easy_end = at + easy_bytes(writer),
		.n_records = writer->n_records,
		.n_output = writer->n_output,
		.batch_at = producer->batching && producer->batch_header == 0 ? at : NULL,
		.batch_word = rcasti_producer_word(producer, producer->batch_pos),
		.batch_header = producer->batch_header,
		.writer = writer,
	};
}

/* The batch is much shorter than the ring, so the word that it starts with has but one position. */
static void return_batch(struct rcasti_producer *producer, const struct rcast_fast_writer *fast)
{
	uint64_t offset = (uint64_t)((char *)fast->batch_word - (char *)producer->words);

	producer->batching = fast->batch_at != NULL || fast->batch_header != 0;
	producer->batch_header = fast->batch_header;
	producer->batch_pos = producer->pos - ((producer->pos - offset) & producer->mask);
	rcasti_set_easy_end(producer);
}

/* All that the loop has written lies in one piece behind where the producer stands. */
void rcasti_return_writer(const struct rcast_fast_writer *fast)
{
	struct rcast_writer *writer = fast->writer;
	struct rcasti_producer *producer = &writer->producer;

	producer->pos += (uint64_t)(fast->at - (char *)rcasti_producer_word(producer, producer->pos));
	writer->n_records = fast->n_records;
	writer->n_output = fast->n_output;
	if (!writer->ended)
		return_batch(producer, fast);
}

int rcasti_put_any(struct rcast_fast_writer *fast, uint8_t kind, const void *data, size_t n_bytes)
{
	int error;

	rcasti_return_writer(fast);
	error = put_any(fast->writer, kind, data, n_bytes);
	rcasti_lend_writer(fast->writer, fast);
	return error;
}

/* ── Publishing in other ways ────────────────────────────────────────────────────────────────────────────────────────── */

static int total_bytes(const struct iovec *iov, int n_iov, size_t limit, size_t *total)
{
	*total = 0;
	for (int i = 0; i < n_iov; i++) {
		if (iov[i].iov_len > limit - *total)
			return -EMSGSIZE;
		*total += iov[i].iov_len;
	}
	return 0;
}

#ifdef RCASTI_WORDWISE
/* Pieces need not start on a word: gather them first, so that words are stored whole. */
static int publish_gathered(struct rcast_writer *writer, uint8_t kind, const struct iovec *iov, int n_iov, size_t n_bytes)
{
	char *whole = malloc(n_bytes + 1);
	size_t at = 0;
	int error;

	if (!whole)
		return -ENOMEM;
	for (int i = 0; i < n_iov; at += iov[i++].iov_len)
		if (iov[i].iov_len > 0)
			memcpy(whole + at, iov[i].iov_base, iov[i].iov_len);
	error = rcast_writer_put(writer, kind, whole, n_bytes);
	free(whole);
	return error;
}
#endif

int rcast_writer_publish(struct rcast_writer *writer, uint8_t kind, const struct iovec *iov, int n_iov)
{
	size_t n_bytes;
	int error = total_bytes(iov, n_iov, writer->max_bytes, &n_bytes);
	char *to;

	if (error != 0)
		return error;
#ifdef RCASTI_WORDWISE
	(void)to;
	return publish_gathered(writer, kind, iov, n_iov, n_bytes);
#else
	error = is_publishable(kind) ? open_record(writer, n_bytes) : -EINVAL;
	if (error != 0)
		return error;
	to = (char *)payload(writer);
	for (int i = 0; i < n_iov; to += iov[i++].iov_len)
		if (iov[i].iov_len > 0)
			memcpy(to, iov[i].iov_base, iov[i].iov_len);
	close_record(writer, kind, n_bytes);
	return 0;
#endif
}

int rcast_writer_reserve(struct rcast_writer *writer, size_t max_bytes, void **space)
{
	int error = open_record(writer, max_bytes);

	rcasti_kill_point("reserved");
	writer->reserved_pos = error == 0 ? writer->producer.pos : UINT64_MAX;
	writer->reserved_bytes = max_bytes;
	*space = error == 0 ? (void *)payload(writer) : NULL;
	return error;
}

int rcast_writer_commit(struct rcast_writer *writer, uint8_t kind, size_t used_bytes)
{
	if (writer->reserved_pos != writer->producer.pos || used_bytes > writer->reserved_bytes || !is_publishable(kind))
		return -EINVAL;
	close_record(writer, kind, used_bytes);
	return 0;
}

void rcast_writer_begin_batch(struct rcast_writer *writer)
{
	if (!writer->ended)
		rcasti_begin_batch(&writer->producer);
}

void rcast_writer_end_batch(struct rcast_writer *writer)
{
	if (!writer->ended)
		rcasti_commit_batch(&writer->producer);
}

/* Only in a ring in which nothing was ever published is there anything to claim. */
static int end_with(struct rcast_writer *writer, uint8_t kind)
{
	if (writer->ended)
		return -ENODATA;
	rcast_writer_end_batch(writer);
	if (writer->producer.claimed == 0)
		(void)rcasti_claim(&writer->producer, RCASTI_WORD);
	rcasti_commit_last(&writer->producer, rcasti_header(0, kind, 0));
	writer->ended = true;
	return 0;
}

int rcast_writer_end(struct rcast_writer *writer)
{
	return end_with(writer, RCAST_END);
}

int rcast_writer_end_moved(struct rcast_writer *writer)
{
	return end_with(writer, RCAST_MOVED);
}

/* The oldest record of at most keep_bytes that could be kept; the writer's pos if none. */
static uint64_t oldest_kept(struct rcasti_producer *producer, uint64_t keep_bytes)
{
	uint64_t chunk = producer->chunk_bytes, from_pos;

	if (producer->pos - producer->oldest <= keep_bytes)
		return producer->oldest;
	from_pos = (producer->pos - keep_bytes + chunk - 1) & ~(chunk - 1);
	return from_pos > producer->pos ? producer->pos : *rcasti_chunk_first(producer, from_pos);
}

/* Both have the same capacity, so what is contiguous in one is so in the other. */
static void copy_records(struct rcasti_producer *from, struct rcasti_producer *to, uint64_t first, uint64_t end)
{
	uint64_t lap_end = (first | from->mask) + 1, middle = end < lap_end ? end : lap_end;

	rcasti_copy_in(rcasti_producer_word(to, first), rcasti_producer_word(from, first), middle - first);
	if (end > middle)
		rcasti_copy_in(rcasti_producer_word(to, middle), rcasti_producer_word(from, middle), end - middle);
	memcpy(to->chunk_first, from->chunk_first, sizeof to->chunk_first);
}

int rcast_writer_move(struct rcast_writer *from, struct rcast_writer *to, uint64_t keep_bytes)
{
	uint64_t first;

	if (from->ended)
		return -ENODATA;
	if (to == from || to->producer.claimed != 0 || to->ended || to->flags != from->flags)
		return -EINVAL;
	rcast_writer_end_batch(from);
	first = from->producer.pos;
	if (to->producer.mask == from->producer.mask) {
		first = oldest_kept(&from->producer, keep_bytes);
		copy_records(&from->producer, &to->producer, first, from->producer.pos);
	}
	if (first < from->producer.pos) {
		to->padding_pos = from->padding_pos;
		to->padding_end = from->padding_end;
	}
	rcasti_producer_continue(&to->producer, first, from->producer.pos);
	to->n_records = from->n_records;
	to->n_output = from->n_output;
	return rcast_writer_end_moved(from);
}

void rcast_writer_hold(struct rcast_writer *writer, uint64_t pos)
{
	writer->producer.hold = pos;
}

size_t rcast_writer_max_bytes(const struct rcast_writer *writer)
{
	return writer->max_bytes;
}

/* A reservation may have closed the lap, and been given up. */
static uint64_t next_pos(const struct rcast_writer *writer)
{
	return writer->producer.pos == writer->padding_end ? writer->padding_pos : writer->producer.pos;
}

void rcast_writer_get_state(const struct rcast_writer *writer, struct rcast_writer_state *state)
{
	*state = (struct rcast_writer_state){
		.capacity_bytes = writer->producer.mask + 1,
		.first_pos = writer->producer.oldest,
		.next_pos = next_pos(writer),
		.n_records = writer->n_records,
		.n_output = writer->n_output,
		.ended = writer->ended,
	};
}
