/* SPDX-License-Identifier: MIT */
/*
 * A screen on a pipe, for the oracle: commands on standard input, each a line and perhaps bytes behind it.
 *
 *   N COLS ROWS      a new screen
 *   F N + N bytes    feed
 *   R COLS ROWS      resize
 *   S                answer "N\n" and N bytes: the snapshot; "-1\n" if there is none here
 *   T                the same with the text
 */
#include <stdio.h>
#include <stdlib.h>

#include <ringcast/screen.h>

static struct rcast_screen *screen;

static void fail(const char *why)
{
	fprintf(stderr, "oracle_screen: %s\n", why);
	exit(1);
}

static void begin(unsigned cols, unsigned rows)
{
	rcast_screen_free(screen);
	if (rcast_screen_create((uint16_t)cols, (uint16_t)rows, &screen) < 0)
		fail("no screen of that size");
}

static void feed(size_t n_bytes)
{
	char *bytes = malloc(n_bytes + 1);

	if (!bytes || fread(bytes, 1, n_bytes, stdin) != n_bytes)
		fail("the input ends within bytes to feed");
	rcast_screen_feed(screen, bytes, n_bytes);
	free(bytes);
}

static void answer(int result, char *bytes, size_t n_bytes)
{
	if (result < 0) {
		printf("-1\n");
	} else {
		printf("%zu\n", n_bytes);
		fwrite(bytes, 1, n_bytes, stdout);
		free(bytes);
	}
	fflush(stdout);
}

int main(void)
{
	char line[64], *bytes = NULL;
	size_t n_bytes = 0;
	unsigned a, b;
	int result;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "N %u %u", &a, &b) == 2) {
			begin(a, b);
		} else if (!screen) {
			fail("no screen yet");
		} else if (sscanf(line, "F %u", &a) == 1) {
			feed(a);
		} else if (sscanf(line, "R %u %u", &a, &b) == 2) {
			if (rcast_screen_resize(screen, (uint16_t)a, (uint16_t)b) < 0)
				fail("no screen of that size");
		} else if (line[0] == 'S') {
			result = rcast_screen_snapshot(screen, &bytes, &n_bytes);
			answer(result, bytes, n_bytes);
		} else if (line[0] == 'T') {
			result = rcast_screen_text(screen, &bytes, &n_bytes);
			answer(result, bytes, n_bytes);
		} else {
			fail("an unknown command");
		}
	}
	rcast_screen_free(screen);
	return 0;
}
