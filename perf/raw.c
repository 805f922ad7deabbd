/* SPDX-License-Identifier: MIT */
/*
 * The stream: two counters of bytes, one that the writer advances after each chunk and one that the reader advances after
 * each 64th of the ring, so neither line changes hands more often than it must. The writer waits while the ring is full.
 */
#include "perf/raw.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "perf/measure.h"

#define MAX_CHUNK (64u << 10)

void *raw_map(uint64_t n_bytes)
{
	int fd = memfd_create("raw", MFD_CLOEXEC);
	void *memory;

	if (fd < 0 || ftruncate(fd, (off_t)n_bytes) != 0)
		measure_fail(errno, "a memfd of %llu bytes", (unsigned long long)n_bytes);
	memory = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		measure_fail(errno, "mmap");
	memset(memory, 0, n_bytes);
	close(fd);
	return memory;
}

void raw_unmap(void *memory, uint64_t n_bytes)
{
	munmap(memory, n_bytes);
}

/* The sizes that goals are about are constants for the compiler, so the floor is as low as it gets. */
static inline void copy(char *to, const char *from, size_t n_bytes)
{
	if (n_bytes == 64)
		memcpy(to, from, 64);
	else if (n_bytes == 4096)
		memcpy(to, from, 4096);
	else
		memcpy(to, from, n_bytes);
	measure_keep(to);
}

static uint64_t copies_between_clocks(size_t n_bytes)
{
	return 1 + (16u << 10) / n_bytes;
}

static void call(char *to, const char *from, size_t n_bytes)
{
	__asm__("" : "+r"(n_bytes));
	memcpy(to, from, n_bytes);
	measure_keep(to);
}

typedef void copy_function(char *to, const char *from, size_t n_bytes);

static inline __attribute__((always_inline)) double copy_for_a_run(char *ring, uint64_t mask, size_t n_bytes,
								   copy_function *function)
{
	static alignas(64) char data[MAX_CHUNK];
	uint64_t start = measure_now_ns(), worked = measure_worked_ns(), n = 0, pos = 0,
		 step = copies_between_clocks(n_bytes);

	/* Or the compiler would know what the data are, and store them without loading them. */
	measure_keep(data);
	do {
		for (uint64_t i = 0; i < step; i++, pos += n_bytes)
			function(ring + (pos & mask), data, n_bytes);
		n += step;
	} while (measure_now_ns() - start < measure_run_ns());
	return (double)(measure_worked_ns() - worked) / (double)n;
}

double raw_copy_ns(size_t n_bytes, uint64_t ring_bytes)
{
	char *ring = raw_map(ring_bytes);
	double ns = copy_for_a_run(ring, ring_bytes - 1, n_bytes, copy);

	raw_unmap(ring, ring_bytes);
	return ns;
}

double raw_call_ns(size_t n_bytes, uint64_t ring_bytes)
{
	char *ring = raw_map(ring_bytes);
	double ns = copy_for_a_run(ring, ring_bytes - 1, n_bytes, call);

	raw_unmap(ring, ring_bytes);
	return ns;
}

/* ── The stream ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct stream {
	alignas(128) _Atomic uint64_t written;
	alignas(128) _Atomic uint64_t consumed;
	alignas(128) _Atomic uint64_t end; /* 0: not yet known */
	char *ring;
	uint64_t ring_bytes;
	size_t n_bytes;
};

static void drain(void *argument)
{
	static char buffer[MAX_CHUNK];
	struct stream *stream = argument;
	uint64_t pos = 0, tell = 0, mask = stream->ring_bytes - 1;

	while (atomic_load_explicit(&stream->end, memory_order_relaxed) != pos || pos == 0) {
		uint64_t written = atomic_load_explicit(&stream->written, memory_order_acquire);

		for (; pos < written; pos += stream->n_bytes) {
			copy(buffer, stream->ring + (pos & mask), stream->n_bytes);
			if (pos < tell)
				continue;
			atomic_store_explicit(&stream->consumed, pos, memory_order_release);
			tell = pos + stream->ring_bytes / 64;
		}
		atomic_store_explicit(&stream->consumed, pos, memory_order_release);
		measure_relax();
	}
}

static uint64_t pour(struct stream *stream, uint64_t pos, uint64_t n_chunks, uint64_t *consumed)
{
	static char data[MAX_CHUNK];
	uint64_t mask = stream->ring_bytes - 1;

	for (uint64_t i = 0; i < n_chunks; i++, pos += stream->n_bytes) {
		while (pos + stream->n_bytes - *consumed > stream->ring_bytes)
			*consumed = atomic_load_explicit(&stream->consumed, memory_order_acquire);
		copy(stream->ring + (pos & mask), data, stream->n_bytes);
		atomic_store_explicit(&stream->written, pos + stream->n_bytes, memory_order_release);
	}
	return pos;
}

static double pour_for_a_run(struct stream *stream)
{
	uint64_t laps = 2 * stream->ring_bytes / stream->n_bytes, consumed = 0, pos = pour(stream, 0, laps, &consumed);
	uint64_t warm = pos, start = measure_now_ns(), worked = measure_worked_ns();

	do {
		pos = pour(stream, pos, copies_between_clocks(stream->n_bytes), &consumed);
	} while (measure_now_ns() - start < measure_run_ns());
	worked = measure_worked_ns() - worked;
	atomic_store(&stream->end, pos);
	return (double)worked * (double)stream->n_bytes / (double)(pos - warm);
}

double raw_stream_ns(size_t n_bytes, uint64_t ring_bytes)
{
	struct stream *stream = measure_share(sizeof *stream);
	pid_t reader;
	double ns;

	stream->ring = raw_map(ring_bytes);
	stream->ring_bytes = ring_bytes;
	stream->n_bytes = n_bytes;
	reader = measure_fork(MEASURE_CPU_1, drain, stream);
	ns = pour_for_a_run(stream);
	measure_join(reader);
	raw_unmap(stream->ring, ring_bytes);
	measure_unshare(stream, sizeof *stream);
	return ns;
}
