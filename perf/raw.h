/* SPDX-License-Identifier: MIT */
/*
 * What the machine can do without us: copying into memory of the kind that a ring is, with nobody looking and with one
 * reader on the other CPU.
 */
#ifndef PERF_RAW_H
#define PERF_RAW_H

#include <stddef.h>
#include <stdint.h>

/* A memfd of that size, mapped writable, all pages touched. */
void *raw_map(uint64_t n_bytes);
void raw_unmap(void *memory, uint64_t n_bytes);

/* memcpy of n_bytes after n_bytes into a ring of ring_bytes, for measure_run_ns: ns for each. */
double raw_copy_ns(size_t n_bytes, uint64_t ring_bytes);

/* The same through the C library's memcpy, with a size that the compiler does not know, as in any library function. */
double raw_call_ns(size_t n_bytes, uint64_t ring_bytes);

/* The same with a reader in another process that copies everything out again; the two keep out of each other's way. */
double raw_stream_ns(size_t n_bytes, uint64_t ring_bytes);

#endif
