/* SPDX-License-Identifier: MIT */
/*
 * The keyframer as a process: when it is started and woken, what becomes of a session whose keyframer dies, hangs or misses output, and
 * what it is allowed and costs.
 */
#include "keyframe_kit.h"

#include <ringcast/circuit.h>

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

HARNESS_TEST(keyframer, it_is_started_when_it_is_needed)
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
HARNESS_TEST(keyframer, a_smaller_ring_holds_nobody_up)
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
HARNESS_TEST(keyframer, little_output_does_not_wake_it)
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

HARNESS_TEST(keyframer, killed_it_comes_back)
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
HARNESS_TEST(keyframer, what_it_missed_makes_it_stale)
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
HARNESS_TEST(keyframer, hung_it_is_replaced)
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
HARNESS_TEST(keyframer, it_is_neither_kicked_nor_left_behind)
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
HARNESS_TEST(keyframer, it_is_in_its_sandbox)
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
HARNESS_TEST(keyframer, a_session_costs_little_memory)
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

HARNESS_TEST(keyframer, it_goes_with_its_engine)
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
