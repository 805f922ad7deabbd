/* SPDX-License-Identifier: MIT */
/*
 * Keyframes from an engine that says and sends what the test wants: the session's name says which case of the table it is to be.
 */
#include "fake_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/keyframe.h"
#include "kernel/sealed.h"

#define TEXT "\033[2Jthe screen"
#define N_TEXT (sizeof TEXT - 1)

/* ── What can be sent in place of a sealed memfd ─────────────────────────────────────────────────────────────────────── */

static int memory(size_t n_bytes, int seals)
{
	int fd = memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	cr_assert_eq(write(fd, TEXT, N_TEXT), (ssize_t)N_TEXT);
	cr_assert_eq(ftruncate(fd, (off_t)n_bytes), 0);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static int good(void)
{
	return memory(N_TEXT, RCASTI_SEALS);
}

static int too_short(void)
{
	return memory(N_TEXT - 1, RCASTI_SEALS);
}

static int too_long(void)
{
	return memory(N_TEXT + 1, RCASTI_SEALS);
}

static int could_shrink(void)
{
	return memory(N_TEXT, RCASTI_SEALS & ~F_SEAL_SHRINK);
}

static int could_grow(void)
{
	return memory(N_TEXT, RCASTI_SEALS & ~F_SEAL_GROW);
}

static int could_change(void)
{
	return memory(N_TEXT, RCASTI_SEALS & ~F_SEAL_WRITE);
}

static int could_be_sealed(void)
{
	return memory(N_TEXT, RCASTI_SEALS & ~F_SEAL_SEAL);
}

static int reopened(int fd, int flags)
{
	char path[64];
	int again;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	again = open(path, flags | O_CLOEXEC);
	close(fd);
	cr_assert(again >= 0);
	return again;
}

static int write_only(void)
{
	return reopened(memory(N_TEXT, RCASTI_SEALS & ~F_SEAL_WRITE), O_WRONLY);
}

static int without_access(void)
{
	return reopened(good(), O_PATH);
}

static int a_pipe(void)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(write(ends[1], TEXT, N_TEXT), (ssize_t)N_TEXT);
	return ends[0];
}

static int a_file(void)
{
	int fd = open(harness_path("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_eq(write(fd, TEXT, N_TEXT), (ssize_t)N_TEXT);
	return fd;
}

static int a_device(void)
{
	return open("/dev/zero", O_RDONLY | O_CLOEXEC);
}

static int a_folder(void)
{
	return open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int nothing(void)
{
	return -1;
}

/* ── The cases ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct told {
	uint64_t pos, output_pos, sequence, n_bytes;
	uint32_t cols, rows, cursor_col, cursor_row;
};

#define FINE                                                                                               \
	{                                                                                                  \
		.pos = 4096, .output_pos = 3000, .sequence = 7, .n_bytes = N_TEXT, .cols = 80, .rows = 24, \
		.cursor_col = 79, .cursor_row = 23                                                         \
	}

static const struct {
	const char *what;
	int (*make)(void);
	struct told told;
	int expected;
} by_descriptor[] = {
	{"good", good, FINE, 0},
	{"shorter than said", too_short, FINE, -EPROTO},
	{"longer than said", too_long, FINE, -EPROTO},
	{"could shrink", could_shrink, FINE, -EPROTO},
	{"could grow", could_grow, FINE, -EPROTO},
	{"could change", could_change, FINE, -EPROTO},
	{"could be sealed further", could_be_sealed, FINE, -EPROTO},
	{"cannot be read", write_only, FINE, -EPROTO},
	{"a path only", without_access, FINE, -EPROTO},
	{"a pipe", a_pipe, FINE, -EPROTO},
	{"a file", a_file, FINE, -EPROTO},
	{"a device", a_device, FINE, -EPROTO},
	{"a folder", a_folder, FINE, -EPROTO},
	{"no descriptor", nothing, FINE, -EPROTO},
	{"no columns", good, {.pos = 4096, .n_bytes = N_TEXT, .rows = 24}, -EPROTO},
	{"too many rows", good, {.pos = 4096, .n_bytes = N_TEXT, .cols = 80, .rows = 65536}, -EPROTO},
	{"cursor right of it", good, {.pos = 4096, .n_bytes = N_TEXT, .cols = 80, .rows = 24, .cursor_col = 80}, -EPROTO},
	{"cursor below it", good, {.pos = 4096, .n_bytes = N_TEXT, .cols = 80, .rows = 24, .cursor_row = 24}, -EPROTO},
	{"more output than ring", good, {.pos = 4096, .output_pos = 4097, .n_bytes = N_TEXT, .cols = 1, .rows = 1}, -EPROTO},
	{"more records than ring", good, {.pos = 0, .sequence = 1, .n_bytes = N_TEXT, .cols = 1, .rows = 1}, -EPROTO},
	{"8 MiB and a byte", good, {.pos = 1, .n_bytes = RCASTI_MAX_KEYFRAME_BYTES + 1ull, .cols = 1, .rows = 1}, -EPROTO},
	{"2^64 bytes", good, {.pos = 1, .n_bytes = UINT64_MAX, .cols = 1, .rows = 1}, -EPROTO},
};
#define N_BY_DESCRIPTOR (sizeof by_descriptor / sizeof by_descriptor[0])

static void reply_keyframe(struct rcast_circuit *circuit, const struct told *told, const char *data, unsigned int flags,
			   int take_fd)
{
	Ringcast__Wire__Reply reply = RINGCAST__WIRE__REPLY__INIT;
	Ringcast__Wire__KeyframeInfo info = RINGCAST__WIRE__KEYFRAME_INFO__INIT;

	info.pos = told->pos;
	info.output_pos = told->output_pos;
	info.sequence = told->sequence;
	info.n_bytes = told->n_bytes;
	info.cols = told->cols;
	info.rows = told->rows;
	info.cursor_col = told->cursor_col;
	info.cursor_row = told->cursor_row;
	info.stale = true;
	info.data.data = (uint8_t *)data;
	info.data.len = strlen(data);
	reply.result_case = RINGCAST__WIRE__REPLY__RESULT_KEYFRAME;
	reply.keyframe = &info;
	if (rcasti_schema_send(circuit, &reply.base, flags, &take_fd, take_fd >= 0) != 0 && take_fd >= 0)
		close(take_fd);
}

static void answer_descriptor(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			      struct rcast_message *message)
{
	size_t which = (size_t)atoi(request->keyframe->session);

	reply_keyframe(circuit, &by_descriptor[which].told, "", RCAST_LAST, by_descriptor[which].make());
}

HARNESS_TEST(keyframe, descriptors_are_not_believed)
{
	struct rcast_client *client = fake_connect(answer_descriptor);
	struct rcast_keyframe keyframe;

	for (size_t i = 0; i < N_BY_DESCRIPTOR; i++) {
		char name[16];
		int result;

		snprintf(name, sizeof name, "%zu", i);
		result = rcast_client_get_keyframe(client, name, &keyframe);
		cr_expect_eq(result, by_descriptor[i].expected, "%s: %d", by_descriptor[i].what, result);
		if (result < 0)
			cr_expect(!keyframe.bytes && strstr(rcast_client_error(client), "not what it said"), "%s: %s",
				  by_descriptor[i].what, rcast_client_error(client));
		free(keyframe.bytes);
	}
	rcast_client_free(client);
}

HARNESS_TEST(keyframe, all_of_it_arrives)
{
	struct rcast_client *client = fake_connect(answer_descriptor);
	struct rcast_keyframe keyframe;

	cr_assert_eq(rcast_client_get_keyframe(client, "0", &keyframe), 0);
	cr_expect(keyframe.pos == 4096 && keyframe.output_pos == 3000 && keyframe.sequence == 7);
	cr_expect(keyframe.cols == 80 && keyframe.rows == 24 && keyframe.cursor_col == 79 && keyframe.cursor_row == 23);
	cr_expect(keyframe.stale);
	cr_assert_eq(keyframe.n_bytes, N_TEXT);
	cr_expect_eq(memcmp(keyframe.bytes, TEXT, N_TEXT), 0);
	free(keyframe.bytes);
	rcast_client_free(client);
}

/* ── By circuit ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *what;
	uint64_t n_bytes;
	const char *pieces[4];
	int expected;
} by_circuit[] = {
	{"one piece", 9, {"the whole"}, 0},
	{"three pieces", 9, {"the", " who", "le"}, 0},
	{"a piece is missing", 9, {"the", " who"}, -EPROTO},
	{"a piece too many", 9, {"the", " who", "le", "!"}, -EPROTO},
	{"an empty piece", 9, {"the", "", " whole"}, -EPROTO},
	{"a piece too long", 2, {"the whole"}, -EPROTO},
	{"too long at all", RCASTI_MAX_KEYFRAME_BYTES + 1ull, {"the"}, -EPROTO},
};
#define N_BY_CIRCUIT (sizeof by_circuit / sizeof by_circuit[0])

static void answer_circuit(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			   struct rcast_message *message)
{
	const char *const *pieces = by_circuit[atoi(request->keyframe->session)].pieces;
	struct told told = FINE;

	told.n_bytes = by_circuit[atoi(request->keyframe->session)].n_bytes;
	for (int i = 0; i < 4 && pieces[i]; i++)
		reply_keyframe(circuit, &told, pieces[i], i == 3 || !pieces[i + 1] ? RCAST_LAST : 0, -1);
}

static int take(struct rcasti_keyframe_request *request, struct rcast_keyframe *keyframe)
{
	while (!request->exchange.done)
		cr_assert_eq(rcasti_client_turn(request->exchange.client, harness_now_ms() + HARNESS_BOUND_MS), 0);
	return rcasti_keyframe_take(request, keyframe);
}

HARNESS_TEST(keyframe, pieces_are_put_together)
{
	struct rcast_client *client = fake_connect(answer_circuit);
	struct rcasti_keyframe_request request = {0};
	struct rcast_keyframe keyframe;

	for (size_t i = 0; i < N_BY_CIRCUIT; i++) {
		char name[16];
		int result;

		snprintf(name, sizeof name, "%zu", i);
		cr_assert_eq(rcasti_keyframe_begin(&request, client, name, true), 0);
		result = take(&request, &keyframe);
		cr_expect_eq(result, by_circuit[i].expected, "%s: %d", by_circuit[i].what, result);
		if (result < 0)
			continue;
		cr_expect(keyframe.n_bytes == 9 && memcmp(keyframe.bytes, "the whole", 9) == 0, "%s", by_circuit[i].what);
		free(keyframe.bytes);
	}
	rcast_client_free(client);
}

/* ── Ends of requests ────────────────────────────────────────────────────────────────────────────────────────────────── */

static void answer_variously(struct rcast_circuit *circuit, const Ringcast__Wire__Request *request,
			     struct rcast_message *message)
{
	struct told told = FINE;
	const char *name = request->keyframe->session;

	if (strcmp(name, "again") == 0)
		fake_reply_error(circuit, EAGAIN, "the keyframer was too slow");
	else if (strcmp(name, "session") == 0)
		fake_reply_session(circuit, "session", RCAST_LAST);
	else if (strcmp(name, "twice") == 0) {
		reply_keyframe(circuit, &told, "", 0, good());
		reply_keyframe(circuit, &told, "", RCAST_LAST, good());
	} else if (strcmp(name, "good") == 0)
		reply_keyframe(circuit, &told, "", RCAST_LAST, good());
}

HARNESS_TEST(keyframe, errors_are_passed_on)
{
	struct rcast_client *client = fake_connect(answer_variously);
	struct rcast_keyframe keyframe;

	cr_expect_eq(rcast_client_get_keyframe(client, "again", &keyframe), -EAGAIN);
	cr_expect_str_eq(rcast_client_error(client), "the keyframer was too slow");
	cr_expect_eq(rcast_client_get_keyframe(client, "session", &keyframe), -EPROTO);
	cr_expect_eq(rcast_client_get_keyframe(client, "twice", &keyframe), -EPROTO);
	rcast_client_set_timeout(client, 50);
	cr_expect_eq(rcast_client_get_keyframe(client, "never", &keyframe), -ETIMEDOUT);
	cr_expect_null(keyframe.bytes);
	rcast_client_free(client);
}

static void count_call(void *owner)
{
	++*(int *)owner;
}

/* Abandoned before and after its answer came; the descriptor that came is closed (the harness counts). */
HARNESS_TEST(keyframe, requests_can_be_abandoned)
{
	struct rcast_client *client = fake_connect(answer_variously);
	int n_calls = 0;
	struct rcasti_keyframe_request request = {.over = count_call, .owner = &n_calls};
	struct rcast_keyframe keyframe;

	rcasti_keyframe_abandon(&request);
	cr_assert_eq(rcasti_keyframe_begin(&request, client, "good", false), 0);
	rcasti_keyframe_abandon(&request);
	cr_assert_eq(rcasti_keyframe_begin(&request, client, "good", false), 0);
	while (!request.exchange.done)
		cr_assert_eq(rcasti_client_turn(client, harness_now_ms() + HARNESS_BOUND_MS), 0);
	rcasti_keyframe_abandon(&request);
	cr_assert_eq(rcasti_keyframe_begin(&request, client, "good", false), 0);
	cr_assert_eq(take(&request, &keyframe), 0);
	cr_expect_eq(n_calls, 2, "told once for each that was not given up before");
	free(keyframe.bytes);
	rcast_client_free(client);
}
