/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target is a file fuzz_*.c that defines
 *
 *   LLVMFuzzerTestOneInput   one input: a script of what a hostile peer does, and of what the library is asked meanwhile
 *   fuzz_make_seed           the scripts to begin with, made here rather than kept as files
 *
 * Every input is a valid script: what runs out reads as zero. So whatever a fuzzer does to it, it does something. Built for
 * libFuzzer (RCAST_FUZZ) the fuzzer calls the target; otherwise fuzz_main.c does, with files, or with the seeds.
 */
#ifndef RINGCAST_TESTS_FUZZ_H
#define RINGCAST_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

struct fuzz_seed {
	uint8_t bytes[8192];
	size_t n_bytes;
};

/* The seed of this number, from 0; false: there are no more. */
bool fuzz_make_seed(unsigned int number, struct fuzz_seed *seed);

/* ── Reading a script ────────────────────────────────────────────────────────────────────────────────────────────────── */

struct fuzz {
	const uint8_t *at;
	size_t n_left;
};

static inline uint8_t fuzz_u8(struct fuzz *fuzz)
{
	if (fuzz->n_left == 0)
		return 0;
	fuzz->n_left--;
	return *fuzz->at++;
}

static inline uint16_t fuzz_u16(struct fuzz *fuzz)
{
	uint8_t low = fuzz_u8(fuzz);

	return (uint16_t)(low | fuzz_u8(fuzz) << 8);
}

static inline uint64_t fuzz_u64(struct fuzz *fuzz)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 64; i += 8)
		value |= (uint64_t)fuzz_u8(fuzz) << i;
	return value;
}

/* Up to n_bytes of the script, in memory of their own, so that reading past them is found out. free() it. */
static inline uint8_t *fuzz_copy(struct fuzz *fuzz, size_t *n_bytes)
{
	uint8_t *copy;

	if (*n_bytes > fuzz->n_left)
		*n_bytes = fuzz->n_left;
	copy = malloc(*n_bytes);
	if (*n_bytes > 0)
		memcpy(copy, fuzz->at, *n_bytes);
	fuzz->at += *n_bytes;
	fuzz->n_left -= *n_bytes;
	return copy;
}

/* ── Writing one ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static inline void fuzz_put(struct fuzz_seed *seed, const void *bytes, size_t n_bytes)
{
	must(n_bytes <= sizeof seed->bytes - seed->n_bytes);
	memcpy(seed->bytes + seed->n_bytes, bytes, n_bytes);
	seed->n_bytes += n_bytes;
}

static inline void fuzz_put_u8(struct fuzz_seed *seed, uint8_t value)
{
	fuzz_put(seed, &value, 1);
}

static inline void fuzz_put_u16(struct fuzz_seed *seed, uint16_t value)
{
	fuzz_put_u8(seed, (uint8_t)value);
	fuzz_put_u8(seed, (uint8_t)(value >> 8));
}

static inline void fuzz_put_u64(struct fuzz_seed *seed, uint64_t value)
{
	for (unsigned int i = 0; i < 64; i += 8)
		fuzz_put_u8(seed, (uint8_t)(value >> i));
}

/* ── Descriptors ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The lowest that is free: the same before and after unless some were leaked. */
static inline int fuzz_lowest_fd(void)
{
	int fd = dup(STDERR_FILENO);

	must(fd >= 0);
	close(fd);
	return fd;
}

#endif
