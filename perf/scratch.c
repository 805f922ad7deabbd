/* SPDX-License-Identifier: MIT */
/* The folder is made at the first question and removed at exit, with what lies in it. Processes that fork leave by _exit. */
#include "perf/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/measure.h"

static char folder[] = "/tmp/ringcast-perf-XXXXXX";
static pid_t owner;

static void remove_folder(void)
{
	DIR *entries = getpid() == owner ? opendir(folder) : NULL;
	struct dirent *entry;

	if (!entries)
		return;
	while ((entry = readdir(entries)))
		unlinkat(dirfd(entries), entry->d_name, 0);
	closedir(entries);
	rmdir(folder);
}

const char *scratch_path(const char *format, ...)
{
	static char paths[4][108];
	static unsigned int next;
	char *path = paths[next++ % 4];
	va_list arguments;
	int n;

	if (owner == 0) {
		if (!mkdtemp(folder))
			measure_fail(errno, "%s", folder);
		owner = getpid();
		atexit(remove_folder);
	}
	n = snprintf(path, sizeof paths[0], "%s/", folder);
	va_start(arguments, format);
	vsnprintf(path + n, sizeof paths[0] - (size_t)n, format, arguments);
	va_end(arguments);
	return path;
}

const char *scratch_program(const char *name)
{
	static char path[PATH_MAX + NAME_MAX];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	if (n < 0)
		measure_fail(errno, "/proc/self/exe");
	path[n] = 0;
	snprintf(strrchr(path, '/'), NAME_MAX, "/%s", name);
	return path;
}
