/* SPDX-License-Identifier: MIT */
/*
 * Keyframes from end to end: the command's engine, its keyframer, and a client that asks. What is right is what a screen shows that
 * was fed with all that the program has printed, from its first byte.
 */
#include "flow_kit.h"

#include <dirent.h>
#include <errno.h>

#include <ringcast/circuit.h>
#include <ringcast/client.h>
#include <ringcast/screen.h>

/* ── What is right ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct rcast_client *connect_to(const char *name)
{
	struct rcast_client *client;

	cr_assert_eq(rcast_client_connect_session(name, &client), 0);
	rcast_client_set_timeout(client, HARNESS_BOUND_MS);
	return client;
}

/* Keyframes are made anew while the keyframer starts; whoever asks, asks again. */
static struct rcast_keyframe get(struct rcast_client *client, const char *name)
{
	struct rcast_keyframe keyframe;
	int result;

	harness_await((result = rcast_client_get_keyframe(client, name, &keyframe)) != -EAGAIN);
	cr_assert_eq(result, 0, "%s", rcast_client_error(client));
	return keyframe;
}

/* Draw all records of the session before `pos`, from its first. */
static struct rcast_screen *draw_to(struct rcast_client *client, const char *name, uint64_t pos)
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

static void expect_equal(const struct rcast_keyframe *keyframe, struct rcast_screen *take_screen)
{
	char *bytes;
	size_t n_bytes;

	cr_assert_eq(rcast_screen_snapshot(take_screen, &bytes, &n_bytes), 0);
	cr_expect_eq(keyframe->n_bytes, n_bytes);
	cr_expect_eq(memcmp(keyframe->bytes, bytes, n_bytes < keyframe->n_bytes ? n_bytes : keyframe->n_bytes), 0);
	free(bytes);
	rcast_screen_free(take_screen);
}

/* ── The process ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Its parent; -1: there is no such process. */
static long process_stat(long pid, bool *is_keyframer, char *state)
{
	char path[64], line[512] = "";
	int parent = -1;
	FILE *file;

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

static bool is_running(pid_t pid)
{
	bool is_keyframer;
	char state;

	return process_stat(pid, &is_keyframer, &state) > 0 && state != 'Z';
}

static bool is_asleep(pid_t pid)
{
	bool is_keyframer;
	char state;

	return process_stat(pid, &is_keyframer, &state) > 0 && state == 'S';
}

static bool is_keyframer_of(long pid, pid_t engine)
{
	bool is_keyframer;
	char state;

	return process_stat(pid, &is_keyframer, &state) == engine && is_keyframer && state != 'Z';
}

/* 0: there is none. */
static pid_t find_child(pid_t engine)
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
static pid_t find_keyframer(const char *name)
{
	return find_child(flow_engine_pid(name));
}

/* The line of /proc/PID/status that begins so, or "". Static. */
static const char *status_line(pid_t pid, const char *key)
{
	static char line[256];
	char path[64];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	cr_assert(file != NULL);
	do
		line[0] = 0;
	while (fgets(line, sizeof line, file) && strncmp(line, key, strlen(key)) != 0);
	fclose(file);
	return line;
}

static long status_number(pid_t pid, const char *key)
{
	return strtol(status_line(pid, key) + strlen(key), NULL, 10);
}

/* How often it has gone to sleep. */
static long n_sleeps(pid_t pid)
{
	return status_number(pid, "voluntary_ctxt_switches:");
}

/* ── Equality ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(keyframe, the_screen_is_that_of_all_that_was_printed)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	char script[512];

	snprintf(script, sizeof script,
		 "printf '\\033[31mred\\033[1;44m and more\\r\\n\\033[?2004h\\033[?1000h\\033]2;title\\007'; seq 1 100;"
		 " printf '\\033[5;10Hhere'; read x <%s; printf '\\033[?1049hother'",
		 flow_gate());
	flow_start("t", "1M", script);
	client = connect_to("t");
	keyframe = get(client, "t");
	cr_expect(!keyframe.stale);
	cr_expect(keyframe.cols == 80 && keyframe.rows == 24);
	expect_equal(&keyframe, draw_to(client, "t", keyframe.pos));
	free(keyframe.bytes);

	flow_open_gate();
	flow_await_end("t");
	keyframe = get(client, "t");
	cr_expect(!keyframe.stale, "and it can be had of a session that has ended");
	expect_equal(&keyframe, draw_to(client, "t", keyframe.pos));
	free(keyframe.bytes);
	rcast_client_free(client);
}

/* ── Floods ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What the terminal shows of it. */
static struct rcast_screen *draw_seq(int last)
{
	struct rcast_screen *screen;
	size_t n_bytes;
	char *text = flow_seq(last, &n_bytes);

	cr_assert_eq(rcast_screen_create(80, 24, &screen), 0);
	rcast_screen_feed(screen, text, n_bytes);
	free(text);
	return screen;
}

/*
 * The keyframer has half a second for each half of a ring that it reads. That is long, but who shares a slow machine may not get
 * to run for as long; then the keyframe says that it is stale, as it should. So a flood that must be followed is tried until it was.
 */
static const char *start_another(const char *ring, const char *script)
{
	static char name[16];
	static int n;

	snprintf(name, sizeof name, "t%d", ++n);
	flow_start(name, ring, script);
	return name;
}

/* False: it is stale. */
static bool take_last_of_flood(struct rcast_client *take_client, const char *name)
{
	struct rcast_keyframe keyframe = get(take_client, name);

	if (!keyframe.stale)
		expect_equal(&keyframe, draw_seq(1000000));
	free(keyframe.bytes);
	rcast_client_free(take_client);
	return !keyframe.stale;
}

static bool join_late(void)
{
	const char *name = start_another("1M", "seq 1 1000000");

	flow_await_end(name);
	return take_last_of_flood(connect_to(name), name);
}

/* Many rings full go by before anybody asks; the keyframer has seen them all. */
HARNESS_TEST(keyframe, a_late_joiner_is_shown_the_screen)
{
	harness_await(join_late());
}

static bool ask_all_through_a_flood(void)
{
	const char *name = start_another("256K", "seq 1 1000000; exec sleep 1000");
	struct rcast_client *client = connect_to(name);
	struct rcast_keyframe keyframe;
	uint64_t pos = 0;

	for (uint64_t output_pos = 0; output_pos < 7888896;) {
		keyframe = get(client, name);
		cr_assert(keyframe.pos >= pos && keyframe.output_pos >= output_pos);
		pos = keyframe.pos;
		output_pos = keyframe.output_pos;
		free(keyframe.bytes);
	}
	return take_last_of_flood(client, name);
}

/* In the middle of it: positions never go back, and the last keyframe is the last screen. */
HARNESS_TEST(keyframe, keyframes_can_be_had_all_through_a_flood)
{
	harness_await(ask_all_through_a_flood());
}

/* Everything that an emulator must not trip over, in no order. */
HARNESS_TEST(keyframe, hostile_output_is_only_drawn)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	pid_t keyframer;

	flow_start("t", "4M",
		   "stty raw -echo; (head -c 300000 /dev/urandom; for i in $(seq 1 2000); do"
		   " printf '\\033[%d;%dH\\033[%dX\\033[%dL\\033P%dq\\033[?%dh' $((i*7919%70000)) $((i*104729%70000)) $i $i "
		   "$i $i; done;"
		   " head -c 300000 /dev/urandom; printf '\\030\\033[0m\\r\\n') ; exec sleep 1000");
	client = connect_to("t");
	keyframe = get(client, "t");
	free(keyframe.bytes);
	keyframer = find_keyframer("t");
	harness_await((keyframe = get(client, "t"), free(keyframe.bytes), keyframe.output_pos > 600000));
	keyframe = get(client, "t");
	cr_expect(!keyframe.stale);
	expect_equal(&keyframe, draw_to(client, "t", keyframe.pos));
	free(keyframe.bytes);
	cr_expect_eq(find_keyframer("t"), keyframer, "it has not died of it");
	rcast_client_free(client);
}

/* ── The keyframer's life ────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(keyframe, it_is_started_when_it_is_needed)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	char script[256];

	snprintf(script, sizeof script, "echo little; read x <%s; seq 1 200000; exec sleep 1000", flow_gate());
	flow_start("t", "2M", script);
	harness_await(flow_stat("t", "output_bytes") > 6);
	cr_expect_eq(find_keyframer("t"), 0, "nobody has asked yet, and nothing is lost");
	flow_open_gate();
	harness_await(find_keyframer("t") > 0);
	client = connect_to("t");
	harness_await((keyframe = get(client, "t"), free(keyframe.bytes), keyframe.output_pos == 1488903));
	cr_expect(!keyframe.stale);
	cr_expect_eq(flow_stat("t", "readers"), 0, "it is no viewer");
	rcast_client_free(client);
}

/* Half of the ring that it began in is more than the one that it has moved to can hold. */
HARNESS_TEST(keyframe, a_smaller_ring_holds_nobody_up)
{
	struct rcast_client *client;
	char script[256];

	snprintf(script, sizeof script, "echo little; read x <%s; seq 1 200000; exec sleep 1000", flow_gate());
	flow_start("t", "16M", script);
	harness_await(flow_stat("t", "output_bytes") > 6);
	client = connect_to("t");
	cr_assert_eq(rcast_client_resize_ring(client, "t", 64 << 10), 0);
	flow_open_gate();
	harness_await(flow_stat("t", "output_bytes") == 1488903);
	rcast_client_free(client);
}

/* A session at which somebody types wakes the viewers, not the keyframer. */
HARNESS_TEST(keyframe, little_output_does_not_wake_it)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	long n_before;
	pid_t keyframer;

	flow_start("t", "1M", "while read x; do echo \"[$x]\"; done");
	client = connect_to("t");
	keyframe = get(client, "t");
	free(keyframe.bytes);
	keyframer = find_keyframer("t");
	harness_await(is_asleep(keyframer));
	n_before = n_sleeps(keyframer);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(rcast_client_send_input(client, "t", "typed\n", 6), 0);
	harness_await(flow_stat("t", "output_bytes") >= 100 * 16);
	cr_expect_eq(n_sleeps(keyframer), n_before);
	keyframe = get(client, "t");
	expect_equal(&keyframe, draw_to(client, "t", keyframe.pos));
	free(keyframe.bytes);
	rcast_client_free(client);
}

/* A session that the keyframer follows, because it was asked once. */
static struct rcast_client *start_followed(pid_t *keyframer)
{
	struct rcast_client *client;
	struct rcast_keyframe keyframe;

	flow_start("t", "1M", "seq 1 1000; exec cat");
	client = connect_to("t");
	keyframe = get(client, "t");
	free(keyframe.bytes);
	*keyframer = find_keyframer("t");
	return client;
}

HARNESS_TEST(keyframe, killed_it_comes_back)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	pid_t first;

	client = start_followed(&first);
	cr_assert_eq(kill(first, SIGKILL), 0);
	harness_await(find_keyframer("t") > 0 && find_keyframer("t") != first);
	keyframe = get(client, "t");
	cr_expect(!keyframe.stale, "all of it is still in the ring");
	expect_equal(&keyframe, draw_to(client, "t", keyframe.pos));
	free(keyframe.bytes);
	rcast_client_free(client);
}

/* False: it is stale by itself. */
static bool is_followed_through(struct rcast_client *client, const char *name)
{
	struct rcast_keyframe keyframe;

	harness_await((keyframe = get(client, name), free(keyframe.bytes), keyframe.output_pos == 688895));
	return !keyframe.stale;
}

/* What was overwritten before it came back it cannot know; and says so, until a program draws the screen anew. */
HARNESS_TEST(keyframe, what_it_missed_makes_it_stale)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client = NULL;
	const char *name;
	char script[256];

	snprintf(script, sizeof script, "seq 1 100000; read y; read x <%s; printf '\\033cnew'; exec cat", flow_gate());
	harness_await((rcast_client_free(client), name = start_another("64K", script), client = connect_to(name),
		       is_followed_through(client, name)));
	cr_assert_eq(kill(find_keyframer(name), SIGKILL), 0);
	cr_assert_eq(rcast_client_send_input(client, name, "\n", 1), 0); /* it is echoed: another screen */
	harness_await((keyframe = get(client, name), free(keyframe.bytes), keyframe.output_pos > 688895));
	cr_expect(keyframe.stale);
	flow_open_gate();
	harness_await((keyframe = get(client, name), free(keyframe.bytes), !keyframe.stale));
	rcast_client_free(client);
}

/* Hung, it is killed by the first question that it leaves unanswered; a flood waits for its lease once, and goes on. */
HARNESS_TEST(keyframe, hung_it_is_replaced)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	char script[256];
	pid_t first;

	snprintf(script, sizeof script, "echo ready; read x <%s; seq 1 300000; exec cat", flow_gate());
	flow_start("t", "256K", script);
	client = connect_to("t");
	keyframe = get(client, "t");
	free(keyframe.bytes);
	first = find_keyframer("t");
	cr_assert_eq(kill(first, SIGSTOP), 0);
	flow_open_gate();
	harness_await(flow_stat("t", "output_bytes") == 7 + 2288895);
	cr_expect_eq(flow_stat("t", "leases_lost"), 1);
	cr_expect_eq(rcast_client_get_keyframe(client, "t", &keyframe), -EAGAIN, "%s", rcast_client_error(client));
	harness_await(find_keyframer("t") > 0 && find_keyframer("t") != first);
	keyframe = get(client, "t");
	cr_expect(keyframe.stale);
	free(keyframe.bytes);
	rcast_client_free(client);
}

/* It cannot read a session to death either: what it cannot be killed by, it is not asked for any more. */
HARNESS_TEST(keyframe, it_is_neither_kicked_nor_left_behind)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	pid_t keyframer;

	client = start_followed(&keyframer);
	cr_assert_eq(rcast_client_kick(client, "t", RCAST_ALL_READERS), 0);
	cr_assert_eq(rcast_client_resize_ring(client, "t", 2 << 20), 0);
	cr_assert_eq(rcast_client_resize(client, "t", 100, 30), 0);
	cr_assert_eq(rcast_client_send_input(client, "t", "after\n", 6), 0);
	harness_await((keyframe = get(client, "t"), free(keyframe.bytes), keyframe.cols == 100));
	keyframe = get(client, "t");
	cr_expect(!keyframe.stale && keyframe.rows == 30);
	cr_expect(memmem(keyframe.bytes, keyframe.n_bytes, "1000", 4));
	free(keyframe.bytes);
	cr_expect_eq(find_keyframer("t"), keyframer);
	rcast_client_free(client);
}

static bool is_harmless(const char *target)
{
	return strncmp(target, "socket:", 7) == 0 || strncmp(target, "pipe:", 5) == 0 ||
	       strncmp(target, "anon_inode:", 11) == 0 || strcmp(target, "/dev/null") == 0;
}

/* What it has open; if we may look, which takes root. */
static void expect_harmless_descriptors(pid_t pid)
{
	char path[512], target[256];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	while (folder && (entry = readdir(folder)) != NULL) {
		ssize_t n;

		snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, entry->d_name);
		n = readlink(path, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		cr_expect(is_harmless(target), "%s is open", target);
	}
	if (folder)
		closedir(folder);
}

/* That this sandbox holds is shown by flow_sandbox. */
HARNESS_TEST(keyframe, it_is_in_its_sandbox)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	pid_t keyframer;

	flow_start("t", "64K", "exec cat");
	client = connect_to("t");
	keyframe = get(client, "t");
	free(keyframe.bytes);
	keyframer = find_keyframer("t");
	cr_expect_str_eq(status_line(keyframer, "Seccomp:"), "Seccomp:\t2\n");
	cr_expect_str_eq(status_line(keyframer, "NoNewPrivs:"), "NoNewPrivs:\t1\n");
	expect_harmless_descriptors(keyframer);
	rcast_client_free(client);
}

/* 200 sessions of the usual size in one process. */
HARNESS_TEST(keyframe, a_session_costs_little_memory)
{
	const char *const argv[] = {harness_ringcast(), "engine", "--name", "e", NULL};
	const char *const program[] = {"sh", "-c", "seq 1 100; exec sleep 1000", NULL};
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	char name[16], path[256];
	pid_t engine = harness_spawn(argv, -1, -1, -1);
	pid_t keyframer;
	long n_kib;

	cr_assert_eq(rcast_socket_folder(path, sizeof path), 0);
	strcat(path, "/e");
	harness_await(rcast_client_connect(path, &client) == 0);
	for (int i = 0; i < 200; i++) {
		struct rcast_start_options options = {.name = name, .argv = program, .ring_bytes = 65536};

		snprintf(name, sizeof name, "t%d", i);
		cr_assert_eq(rcast_client_start(client, &options), 0, "%s", rcast_client_error(client));
		keyframe = get(client, name);
		free(keyframe.bytes);
	}
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "t%d", i);
		harness_await((keyframe = get(client, name), free(keyframe.bytes), keyframe.output_pos == 392));
	}
	keyframer = find_child(engine);
	n_kib = status_number(keyframer, "RssAnon:");
	cr_expect(n_kib > 0 && n_kib < 200 * 1024, "%ld KiB", n_kib);
	rcast_client_free(client);
}

HARNESS_TEST(keyframe, it_goes_with_its_engine)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	pid_t keyframer;

	flow_start("t", "64K", "exec cat");
	client = connect_to("t");
	keyframe = get(client, "t");
	free(keyframe.bytes);
	keyframer = find_keyframer("t");
	cr_assert_eq(kill(flow_engine_pid("t"), SIGKILL), 0);
	harness_await(!is_running(keyframer));
	rcast_client_free(client);
}

/* ── Without ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

HARNESS_TEST(keyframe, none_without_a_keyframer)
{
	struct harness_result result =
		harness_ringcast_run("run", "--detached", "--no-keyframes", "--name", "t", "--", "cat", NULL);
	struct rcast_keyframe keyframe;
	struct rcast_client *client;

	cr_assert_eq(result.status, 0);
	harness_result_free(&result);
	client = connect_to("t");
	cr_expect_eq(rcast_client_get_keyframe(client, "t", &keyframe), -EOPNOTSUPP);
	cr_expect_eq(rcast_client_get_keyframe(client, "nobody", &keyframe), -ENOENT);
	rcast_client_free(client);
}

/* A terminal larger than a screen can be, until it is not any more. */
HARNESS_TEST(keyframe, none_of_a_terminal_without_bounds)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	int result;

	flow_start("t", "64K", "exec cat");
	client = connect_to("t");
	cr_assert_eq(rcast_client_resize(client, "t", 65535, 65535), 0);
	harness_await((result = rcast_client_get_keyframe(client, "t", &keyframe)) == -EOPNOTSUPP ||
		      (free(keyframe.bytes), false));
	cr_assert_eq(rcast_client_resize(client, "t", 1000, 1000), 0);
	harness_await(rcast_client_get_keyframe(client, "t", &keyframe) == 0 &&
		      (free(keyframe.bytes), keyframe.cols == 1000));
	rcast_client_free(client);
}

/* Where a lap of the ring has been closed for a record that did not come, there is nothing more to read than before. */
HARNESS_TEST(keyframe, is_had_wherever_in_the_ring_the_session_rests)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;

	flow_start("t", "64K", "stty -echo; echo ready; while read x; do printf '%1500s' ''; done");
	harness_await(flow_stat("t", "output_bytes") == 7);
	client = connect_to("t");
	for (unsigned int n = 1; n <= 100; n++) {
		cr_assert_eq(rcast_client_send_input(client, "t", "\n", 1), 0);
		harness_await(flow_stat("t", "output_bytes") == 7 + n * 1500);
		keyframe = get(client, "t");
		cr_assert_eq(keyframe.output_pos, 7 + n * 1500);
		free(keyframe.bytes);
	}
	rcast_client_free(client);
}

/* Nobody had asked for the screen when the session moved to a ring that starts empty. */
HARNESS_TEST(keyframe, is_had_of_a_ring_of_another_size_before_anything_is_printed)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;
	struct rcast_screen *screen;

	flow_start("t", "64K", "echo ready; exec sleep 1000");
	harness_await(flow_stat("t", "output_bytes") == 7);
	client = connect_to("t");
	cr_assert_eq(rcast_client_resize_ring(client, "t", 128 << 10), 0);
	cr_assert_eq(rcast_client_get_keyframe(client, "t", &keyframe), 0, "%s", rcast_client_error(client));
	cr_expect_eq(keyframe.output_pos, 7);
	cr_expect(!keyframe.stale);
	cr_assert_eq(rcast_screen_create(80, 24, &screen), 0);
	rcast_screen_feed(screen, "ready\r\n", 7);
	expect_equal(&keyframe, screen);
	free(keyframe.bytes);
	rcast_client_free(client);
}

/* The same where the keyframer has followed all along, and the session moves just behind the end of a lap. */
HARNESS_TEST(keyframe, is_had_wherever_the_session_moves)
{
	struct rcast_keyframe keyframe;
	struct rcast_client *client;

	flow_start("t", "64K", "stty -echo; echo ready; while read x; do printf '%1500s' ''; done");
	harness_await(flow_stat("t", "output_bytes") == 7);
	client = connect_to("t");
	for (unsigned int n = 1; n <= 200; n++) {
		cr_assert_eq(rcast_client_send_input(client, "t", "\n", 1), 0);
		harness_await(flow_stat("t", "output_bytes") == 7 + n * 1500);
		free(get(client, "t").bytes);
		cr_assert_eq(rcast_client_resize_ring(client, "t", (n % 2 ? 128 : 64) << 10), 0);
		cr_assert_eq(rcast_client_get_keyframe(client, "t", &keyframe), 0, "%u: %s", n, rcast_client_error(client));
		cr_assert_eq(keyframe.output_pos, 7 + n * 1500);
		free(keyframe.bytes);
	}
	rcast_client_free(client);
}
