/* SPDX-License-Identifier: MIT */
/*
 * Asking for keyframes, and finding the process that makes them. What is right is what a screen shows that was fed with all that
 * the program has printed, from its first byte.
 */
#ifndef TESTS_KEYFRAME_KIT_H
#define TESTS_KEYFRAME_KIT_H

#include "flow_kit.h"

#include <dirent.h>
#include <errno.h>

#include <ringcast/client.h>
#include <ringcast/screen.h>

static inline struct rcast_client *connect_to(const char *name)
{
	struct rcast_client *client;

	cr_assert_eq(rcast_client_connect_session(name, &client), 0);
	rcast_client_set_timeout(client, HARNESS_BOUND_MS);
	return client;
}

/* Keyframes are made anew while the keyframer starts; whoever asks, asks again. */
static inline struct rcast_keyframe get(struct rcast_client *client, const char *name)
{
	struct rcast_keyframe keyframe;
	int result;

	harness_await((result = rcast_client_get_keyframe(client, name, &keyframe)) != -EAGAIN);
	cr_assert_eq(result, 0, "%s", rcast_client_error(client));
	return keyframe;
}

/* Draw all records of the session before `pos`, from its first. */
static inline struct rcast_screen *draw_to(struct rcast_client *client, const char *name, uint64_t pos)
{
	struct rcast_screen *screen;
	struct rcast_record record;
	struct rcast_resize size;
	struct rcast_view *view;
	uint64_t at = 0;
	int outcome;

	cr_assert_eq(rcast_screen_create(80, 24, &screen), 0);
	cr_assert_eq(rcast_view_open(client, name, NULL, &view), 0);
	while (at < pos && (outcome = rcast_view_next(view, &record)) != RCAST_ENDED) {
		if (outcome == RCAST_EMPTY)
			continue;
		cr_assert_eq(outcome, RCAST_RECORD);
		cr_assert_eq(record.pos, at, "the test needs a session whose ring holds all of it");
		at = record.next_pos;
		if (record.kind == RCAST_OUTPUT)
			rcast_screen_feed(screen, record.data, record.n_bytes);
		if (record.kind == RCAST_RESIZE) {
			memcpy(&size, record.data, sizeof size);
			rcast_screen_resize(screen, size.cols, size.rows);
		}
	}
	cr_assert_eq(at, pos, "a keyframe's position lies between two records");
	rcast_view_close(view);
	return screen;
}

static inline void expect_equal(const struct rcast_keyframe *keyframe, struct rcast_screen *take_screen)
{
	char *bytes;
	size_t n_bytes;

	cr_assert_eq(rcast_screen_snapshot(take_screen, &bytes, &n_bytes), 0);
	cr_expect_eq(keyframe->n_bytes, n_bytes);
	cr_expect_eq(memcmp(keyframe->bytes, bytes, n_bytes < keyframe->n_bytes ? n_bytes : keyframe->n_bytes), 0);
	free(bytes);
	rcast_screen_free(take_screen);
}

/*
 * The keyframer has half a second for each half of a ring that it reads. That is long, but on a slow machine that it shares it may
 * not get to run for as long; then the keyframe says that it is stale, as it should. So a flood that must be followed is tried until it was.
 */
static inline const char *start_another(const char *ring, const char *script)
{
	static char name[16];
	static int n;

	snprintf(name, sizeof name, "t%d", ++n);
	flow_start(name, ring, script);
	return name;
}

/* Its parent; -1: there is no such process. */
static inline long process_stat(long pid, bool *is_keyframer, char *state)
{
	char path[64], line[512] = "";
	int parent = -1;
	FILE *file;

	*is_keyframer = false;
	*state = 0;
	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (!fgets(line, sizeof line, file) || sscanf(strrchr(line, ')') + 1, " %c %d", state, &parent) != 2)
		parent = -1;
	*is_keyframer = strstr(line, "(ringcast-keyfra)") != NULL;
	fclose(file);
	return parent;
}

static inline bool is_keyframer_of(long pid, pid_t engine)
{
	bool is_keyframer;
	char state;

	return process_stat(pid, &is_keyframer, &state) == engine && is_keyframer && state != 'Z';
}

/* 0: there is none. */
static inline pid_t find_child(pid_t engine)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	long found = 0;

	while (!found && (entry = readdir(folder)) != NULL) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid > 0 && is_keyframer_of(pid, engine))
			found = pid;
	}
	closedir(folder);
	return (pid_t)found;
}

/* Of the session's engine. */
static inline pid_t find_keyframer(const char *name)
{
	return find_child(flow_engine_pid(name));
}

#endif
