/* SPDX-License-Identifier: MIT */
/*
 * In a build folder the keyframer lies beside this command; installed, in a folder for programs that nobody types. A program of
 * that name elsewhere, in PATH say, is none of ours.
 */
#include "cli/keyframer.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "ringcast-keyframer"

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
	static char beside[PATH_MAX + sizeof "/" PROGRAM];
	char folder[PATH_MAX];

	if (own_folder(folder, sizeof folder) == 0) {
		snprintf(beside, sizeof beside, "%s/" PROGRAM, folder);
		if (access(beside, X_OK) == 0)
			return beside;
	}
	return access(RINGCAST_LIBEXEC "/" PROGRAM, X_OK) == 0 ? RINGCAST_LIBEXEC "/" PROGRAM : NULL;
}
