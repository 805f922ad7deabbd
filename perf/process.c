/* SPDX-License-Identifier: MIT */
/* Read from /proc. A number that an older kernel does not give counts as zero. */
#include "perf/process.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/measure.h"

/* The number behind `key` in a file of lines such as "key:  number". 0 if there is none. */
static double look_up(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	char line[256];
	double value = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof line, file))
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			value = strtod(line + strlen(key) + 1, NULL);
	fclose(file);
	return value;
}

static double look_up_status(pid_t pid, const char *key)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	return look_up(path, key);
}

double process_private_kib(pid_t pid)
{
	return look_up_status(pid, "RssAnon") + look_up_status(pid, "VmPTE");
}

double process_shared_kib(pid_t pid)
{
	return look_up_status(pid, "RssShmem");
}

static bool is_child(const char *pid_text, pid_t parent, const char *name)
{
	char path[300], found[32] = "";
	FILE *file;

	snprintf(path, sizeof path, "/proc/%s/comm", pid_text);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(found, sizeof found, file))
		found[0] = 0;
	fclose(file);
	found[strcspn(found, "\n")] = 0;
	return strcmp(found, name) == 0 && look_up_status((pid_t)strtol(pid_text, NULL, 10), "PPid") == (double)parent;
}

pid_t process_child(pid_t pid, const char *name)
{
	DIR *all = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (!found && (entry = readdir(all)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_child(entry->d_name, pid, name))
			found = (pid_t)strtol(entry->d_name, NULL, 10);
	closedir(all);
	return found;
}

pid_t process_tracer(pid_t pid)
{
	return (pid_t)look_up_status(pid, "TracerPid");
}

double process_switches(pid_t pid)
{
	char path[64], status[384];
	struct dirent *entry;
	double total = 0;
	DIR *tasks;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		measure_fail(errno, "%s", path);
	while ((entry = readdir(tasks))) {
		snprintf(status, sizeof status, "%s/%s/status", path, entry->d_name);
		total += look_up(status, "voluntary_ctxt_switches");
	}
	closedir(tasks);
	return total;
}
