/* SPDX-License-Identifier: MIT */
/*
 * How fast a screen is: for each recording, feeding it again and again, and snapshots of where it ends.
 *
 *   oracle_speed RECORDING…
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ringcast/screen.h>

#define MEASURE_NS 200000000ull

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The bytes of a recording, without its changes of size. */
static char *read_output(const char *path, size_t *n_bytes)
{
	FILE *file = fopen(path, "r");
	char line[64], *bytes = NULL;
	unsigned n;

	*n_bytes = 0;
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "F %u", &n) != 1)
			continue;
		bytes = realloc(bytes, *n_bytes + n);
		if (!bytes || fread(bytes + *n_bytes, 1, n, file) != n)
			exit(1);
		*n_bytes += n;
	}
	if (file)
		fclose(file);
	return bytes;
}

static double feed_mb_per_s(struct rcast_screen *screen, const char *bytes, size_t n_bytes)
{
	uint64_t start = now_ns(), end = start;
	double n_fed = 0;

	while (end - start < MEASURE_NS) {
		rcast_screen_feed(screen, bytes, n_bytes);
		n_fed += (double)n_bytes;
		end = now_ns();
	}
	return n_fed * 1e3 / (double)(end - start);
}

static double snapshot_us(const struct rcast_screen *screen, size_t *n_bytes)
{
	uint64_t start = now_ns(), end = start;
	unsigned n = 0;
	char *bytes;

	while (end - start < MEASURE_NS) {
		if (rcast_screen_snapshot(screen, &bytes, n_bytes) < 0)
			exit(1);
		free(bytes);
		n++;
		end = now_ns();
	}
	return (double)(end - start) / n / 1e3;
}

int main(int argc, char **argv)
{
	printf("%-14s %12s %14s %15s\n", "80×24", "feed MB/s", "snapshot µs", "snapshot bytes");
	for (int i = 1; i < argc; i++) {
		const char *name = strrchr(argv[i], '/');
		struct rcast_screen *screen;
		size_t n_bytes, n_snapshot = 0;
		char *bytes = read_output(argv[i], &n_bytes);
		double speed, time;

		if (!bytes || rcast_screen_create(80, 24, &screen) < 0)
			return 1;
		speed = feed_mb_per_s(screen, bytes, n_bytes);
		time = snapshot_us(screen, &n_snapshot);
		printf("%-14s %12.0f %13.1f %15zu\n", name ? name + 1 : argv[i], speed, time, n_snapshot);
		rcast_screen_free(screen);
		free(bytes);
	}
	return 0;
}
