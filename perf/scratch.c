/* SPDX-License-Identifier: MIT */
/*
 * The folder is made at the first question and removed at exit, with what lies in it. It stands in for the user's runtime folder,
 * so that ringcast commands see the sessions that are measured and no others.
 */
#include "perf/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/measure.h"

static char folder[] = "/tmp/ringcast-perf-XXXXXX";
static pid_t owner;

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

static void remove_folder(void)
{
	if (getpid() == owner)
		nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_folder(void)
{
	if (!mkdtemp(folder))
		measure_fail(errno, "%s", folder);
	owner = getpid();
	atexit(remove_folder);
	setenv("XDG_RUNTIME_DIR", folder, 1);
}

const char *scratch_path(const char *format, ...)
{
	static char paths[4][108];
	static unsigned int next;
	char *path = paths[next++ % 4];
	va_list arguments;
	int n;

	if (owner == 0)
		make_folder();
	n = snprintf(path, sizeof paths[0], "%s/", folder);
	va_start(arguments, format);
	vsnprintf(path + n, sizeof paths[0] - (size_t)n, format, arguments);
	va_end(arguments);
	return path;
}

const char *scratch_program(const char *name)
{
	static char paths[4][PATH_MAX + NAME_MAX];
	static unsigned int next;
	char *path = paths[next++ % 4];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	if (n < 0)
		measure_fail(errno, "/proc/self/exe");
	path[n] = 0;
	snprintf(strrchr(path, '/'), NAME_MAX, "/%s", name);
	return path;
}
