/* SPDX-License-Identifier: MIT */
/*
 * The program under the PTY; flood.h says how it is told what to do. It writes as most programs do: whole lines of a terminal's
 * width, a page at a time, and never ends by itself, so that its session stays.
 */
#include "perf/flood.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 80
#define N_LINES 50

static void write_all(struct flood *flood, const char *data, size_t n_bytes)
{
	while (n_bytes > 0) {
		ssize_t n = write(STDOUT_FILENO, data, n_bytes);

		if (n < 0)
			exit(1);
		data += n;
		n_bytes -= (size_t)n;
		atomic_fetch_add_explicit(&flood->n_written, (uint64_t)n, memory_order_relaxed);
	}
}

static bool is_asked(const struct flood *flood)
{
	return atomic_load_explicit(&flood->n_written, memory_order_relaxed) < atomic_load(&flood->n_asked);
}

static void wait_to_be_asked(const struct flood *flood)
{
	while (!is_asked(flood))
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void write_lines(struct flood *flood)
{
	static char page[N_LINES * LINE_BYTES];

	for (size_t i = 0; i < sizeof page; i++)
		page[i] = i % LINE_BYTES == LINE_BYTES - 1 ? '\n' : (char)('a' + i % 26);
	for (;;) {
		uint64_t start;

		wait_to_be_asked(flood);
		start = measure_now_ns();
		while (is_asked(flood))
			write_all(flood, page, sizeof page);
		atomic_fetch_add(&flood->elapsed_ns, measure_now_ns() - start);
		atomic_store(&flood->n_done, atomic_load(&flood->n_written));
	}
}

static void write_ticks(struct flood *flood)
{
	char line[32];

	wait_to_be_asked(flood);
	for (;;) {
		nanosleep(&(struct timespec){.tv_nsec = (long)flood->interval_ns}, NULL);
		write_all(flood, line,
			  (size_t)snprintf(line, sizeof line, "@%020llu\n", (unsigned long long)measure_now_ns()));
	}
}

static struct flood *map_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct flood *flood = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *flood, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (flood == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
	return flood;
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)sched_setaffinity(0, sizeof set, &set);
}

int main(int argc, char **argv)
{
	struct flood *flood;

	if (argc != 3) {
		fprintf(stderr, "usage: perf_flood FILE CPU\n");
		return 2;
	}
	flood = map_file(argv[1]);
	pin(atoi(argv[2]));
	if (flood->mode == FLOOD_TICKS)
		write_ticks(flood);
	write_lines(flood);
	return 0;
}
