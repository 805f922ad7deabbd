/* SPDX-License-Identifier: MIT */
/* The side of perf_flood that measures: makes the file that the two share, starts it, waits for it. */
#include "perf/flood.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "perf/scratch.h"
#include "perf/terminal.h"

struct flood *flood_create(const char *path, enum flood_mode mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct flood *flood;

	if (fd < 0 || ftruncate(fd, sizeof *flood) != 0)
		measure_fail(errno, "%s", path);
	flood = mmap(NULL, sizeof *flood, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (flood == MAP_FAILED)
		measure_fail(errno, "mmap %s", path);
	close(fd);
	flood->mode = mode;
	flood->interval_ns = 1000000;
	return flood;
}

void flood_free(struct flood *flood, const char *path)
{
	munmap(flood, sizeof *flood);
	unlink(path);
}

void flood_start(struct flood *flood, uint64_t n_bytes)
{
	if (n_bytes == UINT64_MAX)
		atomic_store(&flood->n_asked, UINT64_MAX);
	else
		atomic_fetch_add(&flood->n_asked, n_bytes);
}

void flood_wait(struct flood *flood)
{
	uint64_t start = measure_now_ns();

	while (atomic_load(&flood->n_done) < atomic_load(&flood->n_asked)) {
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		if (measure_now_ns() - start > UINT64_C(60000000000))
			measure_fail(0, "the flooding program did not end within a minute");
	}
}

/* The least that somebody must do who wants a program's output: wait for it and read it. */
static void drain(void *path)
{
	static char buffer[64 << 10];
	struct terminal terminal;

	terminal_open(&terminal, MEASURE_CPU_1, flood_argv(path, MEASURE_CPU_1));
	for (;;) {
		poll(&(struct pollfd){.fd = terminal.master_fd, .events = POLLIN}, 1, -1);
		if (read(terminal.master_fd, buffer, sizeof buffer) <= 0 && errno != EAGAIN)
			_exit(0);
		measure_keep(buffer);
	}
}

pid_t flood_drain(const char *path, enum measure_cpu cpu)
{
	return measure_fork(cpu, drain, (void *)path);
}

const char *const *flood_argv(const char *path, enum measure_cpu cpu)
{
	static const char *argv[4];
	static char cpu_text[16];

	snprintf(cpu_text, sizeof cpu_text, "%d", measure_cpu_number(cpu));
	argv[0] = scratch_program("perf_flood");
	argv[1] = path;
	argv[2] = cpu_text;
	return argv;
}
