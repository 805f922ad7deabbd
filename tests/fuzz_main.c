/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without a fuzzer, so that every build and every sanitizer sees its seeds.
 *
 *   fuzz_X                  each seed, and mutations of it that are the same in every run
 *   fuzz_X --seeds FOLDER   write the seeds there, one file each: what a fuzzer starts from
 *   fuzz_X FILE…            each file: a crash again, a corpus, AFL++'s input as `fuzz_X @@`
 */
#include "fuzz.h"

#define N_MUTATIONS 200

/* xorshift: mutations need no quality, only variety. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void run(const uint8_t *bytes, size_t n_bytes)
{
	uint8_t *copy = malloc(n_bytes);

	if (n_bytes > 0)
		memcpy(copy, bytes, n_bytes);
	LLVMFuzzerTestOneInput(copy, n_bytes);
	free(copy);
}

static void run_mutated(const struct fuzz_seed *seed, uint64_t *state)
{
	struct fuzz_seed mutated = *seed;
	uint64_t n_changes = 1 + next_random(state) % 4;

	for (uint64_t i = 0; i < n_changes && mutated.n_bytes > 0; i++) {
		uint8_t *byte = &mutated.bytes[next_random(state) % mutated.n_bytes];
		uint64_t how = next_random(state);

		*byte = how % 3 == 0 ? (uint8_t)(how >> 8) : how % 3 == 1 ? *byte ^ (uint8_t)(1u << (how >> 8) % 8) : 0xff;
	}
	if (next_random(state) % 8 == 0)
		mutated.n_bytes = next_random(state) % (mutated.n_bytes + 1);
	run(mutated.bytes, mutated.n_bytes);
}

static int run_seeds(void)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	struct fuzz_seed seed = {.n_bytes = 0};
	unsigned int n_seeds = 0;

	for (; fuzz_make_seed(n_seeds, &seed); n_seeds++, seed.n_bytes = 0) {
		run(seed.bytes, seed.n_bytes);
		for (int i = 0; i < N_MUTATIONS; i++)
			run_mutated(&seed, &state);
	}
	run(NULL, 0);
	printf("%u seeds, %d mutations of each\n", n_seeds, N_MUTATIONS);
	return n_seeds == 0;
}

static int write_seeds(const char *folder)
{
	struct fuzz_seed seed = {.n_bytes = 0};

	for (unsigned int i = 0; fuzz_make_seed(i, &seed); i++, seed.n_bytes = 0) {
		char path[4096];
		FILE *file;

		snprintf(path, sizeof path, "%s/seed-%02u", folder, i);
		file = fopen(path, "we");
		if (!file || fwrite(seed.bytes, 1, seed.n_bytes, file) != seed.n_bytes || fclose(file) != 0) {
			perror(path);
			return 1;
		}
	}
	return 0;
}

static int run_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *file = fopen(path, "re");
	size_t n_bytes;

	if (!file) {
		perror(path);
		return 1;
	}
	n_bytes = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	run(bytes, n_bytes);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
		return write_seeds(argv[2]);
	if (argc == 1)
		return run_seeds();
	for (int i = 1; i < argc; i++)
		failed |= run_file(argv[i]);
	return failed;
}
