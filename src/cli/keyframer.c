/* SPDX-License-Identifier: MIT */
/*
 * In a build folder the keyframer lies beside this command; installed, in a folder for programs that nobody types, at the place
 * that it has from the command's own folder. A program of that name elsewhere, in PATH say, is none of ours.
 */
#include "cli/keyframer.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int own_folder(char *folder, size_t room)
{
	ssize_t n = readlink("/proc/self/exe", folder, room - 1);
	char *slash;

	if (n <= 0)
		return -1;
	folder[n] = 0;
	slash = strrchr(folder, '/');
	if (!slash)
		return -1;
	*slash = 0;
	return 0;
}

const char *keyframer_find(void)
{
	static const char *const places[] = {"", LIBEXEC_FROM_BIN "/"};
	static char path[PATH_MAX + sizeof LIBEXEC_FROM_BIN "//ringcast-keyframer"];
	char folder[PATH_MAX];

	if (own_folder(folder, sizeof folder) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(path, sizeof path, "%s/%sringcast-keyframer", folder, places[i]);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}
