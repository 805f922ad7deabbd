/* SPDX-License-Identifier: MIT */
/*
 * The programs of scripts/demo: the one in the terminal, and its viewers.
 *
 *   demo source BYTES FROM GATE REPORT   the program: puts its terminal into raw mode, waits for a byte from the FIFO GATE,
 *                                        writes BYTES bytes of the pattern, says in the file REPORT what time it took
 *   demo watch SESSION FROM MARK [screen]
 *                                        a viewer: follows the session from its first byte to its end and checks each byte;
 *                                        says "attached", "at N" after every MARK bytes, and at the end what it got
 *
 * Both say how long the whole took (time_ns) and how long what comes after the first FROM bytes did (rest_ns).
 *
 * The pattern is a function of the place in the stream: lines of LINE_BYTES, each with its own number and text drawn from
 * that number. A byte that is lost, doubled, swapped or in the wrong place is therefore not what belongs there. The viewer
 * knows the place from the stamp of each record (rcast_record.output_pos), not by counting what it got, and adds up by
 * itself what lies between the records it got; the library's own count must agree.
 *
 * With `screen` a viewer keeps a screen too. Overtaken, it goes on at the session's screen. So in the end its own must be that of a
 * viewer that got every byte; it says a number that stands for all that is on it, and for its state.
 *
 * Raw mode matters: a terminal would turn each newline into CR LF, and the stream would not be the pattern.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <ringcast/client.h>
#include <ringcast/screen.h>

#define LINE_BYTES 80
#define NUMBER_DIGITS 12
#define WRITE_BYTES 16384
#define CHECK_BYTES 16384

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ── The pattern ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* splitmix64: one well mixed word for each state. */
static uint64_t mix(uint64_t state)
{
	state += UINT64_C(0x9e3779b97f4a7c15);
	state = (state ^ (state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	state = (state ^ (state >> 27)) * UINT64_C(0x94d049bb133111eb);
	return state ^ (state >> 31);
}

static void write_line(char line[LINE_BYTES], uint64_t number)
{
	static const char letters[64] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-";
	uint64_t rest = number, word = 0;

	for (int i = NUMBER_DIGITS - 1; i >= 0; i--, rest /= 10)
		line[i] = (char)('0' + rest % 10);
	line[NUMBER_DIGITS] = ' ';
	for (int i = NUMBER_DIGITS + 1, n = 0; i < LINE_BYTES - 1; i++, n++) {
		if (n % 10 == 0)
			word = mix(number * 8 + (uint64_t)n / 10);
		line[i] = letters[word & 63];
		word >>= 6;
	}
	line[LINE_BYTES - 1] = '\n';
}

/* The n_bytes bytes of the pattern that belong at position pos. */
static void write_pattern(char *space, size_t n_bytes, uint64_t pos)
{
	char line[LINE_BYTES];

	while (n_bytes > 0) {
		size_t skip = pos % LINE_BYTES, take = LINE_BYTES - skip;

		if (take > n_bytes)
			take = n_bytes;
		write_line(line, pos / LINE_BYTES);
		memcpy(space, line + skip, take);
		space += take;
		n_bytes -= take;
		pos += take;
	}
}

/* ── The program in the terminal ─────────────────────────────────────────────────────────────────────────────────────── */

static int fail(const char *what, int error)
{
	fprintf(stderr, "demo: %s: %s\n", what, strerror(error));
	return 1;
}

static int make_raw(int terminal_fd)
{
	struct termios mode;

	if (tcgetattr(terminal_fd, &mode) != 0)
		return -errno;
	cfmakeraw(&mode);
	return tcsetattr(terminal_fd, TCSANOW, &mode) == 0 ? 0 : -errno;
}

static int write_all(int fd, const char *data, size_t n_bytes)
{
	while (n_bytes > 0) {
		ssize_t n = write(fd, data, n_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		n_bytes -= (size_t)n;
	}
	return 0;
}

/* Write [pos, end) of the pattern. */
static int write_stream(int fd, uint64_t pos, uint64_t end)
{
	char chunk[WRITE_BYTES];
	int error = 0;

	for (; pos < end && error == 0; pos += sizeof chunk) {
		size_t size = end - pos < sizeof chunk ? (size_t)(end - pos) : sizeof chunk;

		write_pattern(chunk, size, pos);
		error = write_all(fd, chunk, size);
	}
	return error;
}

static int await_gate(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (read(fd, &byte, 1) != 1)
		error = -EPIPE;
	close(fd);
	return error;
}

static int report_source(const char *path, uint64_t n_bytes, uint64_t time_ns, uint64_t rest_ns)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return -errno;
	fprintf(file, "bytes=%" PRIu64 " time_ns=%" PRIu64 " rest_ns=%" PRIu64 "\n", n_bytes, time_ns, rest_ns);
	return fclose(file) == 0 ? 0 : -errno;
}

static int run_source(uint64_t n_bytes, uint64_t from, const char *gate_path, const char *report_path)
{
	uint64_t start_ns, from_ns, end_ns;
	int error = make_raw(STDOUT_FILENO);

	if (error != 0)
		return fail("standard output is not a terminal", -error);
	error = await_gate(gate_path);
	if (error != 0)
		return fail(gate_path, -error);
	start_ns = now_ns();
	error = write_stream(STDOUT_FILENO, 0, from);
	from_ns = now_ns();
	if (error == 0)
		error = write_stream(STDOUT_FILENO, from, n_bytes);
	end_ns = now_ns();
	if (error != 0)
		return fail("write", -error);
	error = report_source(report_path, n_bytes, end_ns - start_ns, end_ns - from_ns);
	return error == 0 ? 0 : fail(report_path, -error);
}

/* ── A viewer ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct viewer {
	struct rcast_view *view;
	struct rcast_screen *screen; /* NULL: it keeps none */
	uint64_t from, mark_bytes, next_mark;
	uint64_t expected_pos; /* where the output goes on if nothing is lost */
	uint64_t n_delivered, n_missing, n_gaps, n_wrong;
	uint64_t first_ns, from_ns, last_ns; /* when the first output came, that at `from`, and the latest */
	bool saw_exit;
	struct rcast_exit exit;
};

static void count_wrong(struct viewer *viewer, const char *data, size_t n_bytes, uint64_t pos)
{
	char right[CHECK_BYTES];

	while (n_bytes > 0) {
		size_t size = n_bytes < sizeof right ? n_bytes : sizeof right;

		write_pattern(right, size, pos);
		if (memcmp(data, right, size) != 0)
			for (size_t i = 0; i < size; i++)
				viewer->n_wrong += data[i] != right[i];
		data += size;
		n_bytes -= size;
		pos += size;
	}
}

/* Come to output position pos: forwards is a gap; backwards would mean bytes given twice. */
static void arrive(struct viewer *viewer, uint64_t pos)
{
	if (pos > viewer->expected_pos) {
		viewer->n_missing += pos - viewer->expected_pos;
		viewer->n_gaps++;
	} else if (pos < viewer->expected_pos) {
		viewer->n_wrong += viewer->expected_pos - pos;
	}
	viewer->expected_pos = pos;
}

static void take_output(struct viewer *viewer, const struct rcast_record *record)
{
	viewer->last_ns = now_ns();
	if (viewer->n_delivered == 0)
		viewer->first_ns = viewer->last_ns;
	if (record->output_pos <= viewer->from || viewer->from_ns == 0)
		viewer->from_ns = viewer->last_ns;
	count_wrong(viewer, record->data, record->n_bytes, record->output_pos);
	if (viewer->screen)
		rcast_screen_feed(viewer->screen, record->data, record->n_bytes);
	viewer->n_delivered += record->n_bytes;
	viewer->expected_pos += record->n_bytes;
	if (viewer->expected_pos >= viewer->next_mark) {
		printf("at %" PRIu64 "\n", viewer->expected_pos);
		viewer->next_mark = viewer->expected_pos - viewer->expected_pos % viewer->mark_bytes + viewer->mark_bytes;
	}
}

static int resize(struct viewer *viewer, const struct rcast_record *record)
{
	struct rcast_resize size;

	if (record->n_bytes != sizeof size)
		return -EPROTO;
	memcpy(&size, record->data, sizeof size);
	return rcast_screen_resize(viewer->screen, size.cols, size.rows);
}

/* Any size does for a viewer's first screen: its first record says what the session's is. */
static int begin_screen(struct viewer *viewer, uint16_t cols, uint16_t rows)
{
	rcast_screen_free(viewer->screen);
	return rcast_screen_create(cols, rows, &viewer->screen);
}

static int take_keyframe(struct viewer *viewer, const struct rcast_keyframe *keyframe)
{
	int error = begin_screen(viewer, keyframe->cols, keyframe->rows);

	if (error == 0)
		rcast_screen_feed(viewer->screen, keyframe->bytes, keyframe->n_bytes);
	return error;
}

static int take_record(struct viewer *viewer, const struct rcast_record *record)
{
	if (!record->stamped)
		return -EPROTO;
	arrive(viewer, record->output_pos);
	if (record->kind == RCAST_KEYFRAME)
		return take_keyframe(viewer, rcast_view_keyframe(viewer->view));
	if (record->kind == RCAST_RESIZE && viewer->screen)
		return resize(viewer, record);
	if (record->kind == RCAST_OUTPUT)
		take_output(viewer, record);
	if (record->kind == RCAST_EXIT && record->n_bytes == sizeof viewer->exit) {
		memcpy(&viewer->exit, record->data, sizeof viewer->exit);
		viewer->saw_exit = true;
	}
	return 0;
}

static int follow(struct viewer *viewer)
{
	struct pollfd poll_fd = {.fd = rcast_view_fd(viewer->view), .events = POLLIN};
	struct rcast_record record;
	int outcome, error = 0;

	while (error == 0 && (outcome = rcast_view_next(viewer->view, &record)) != RCAST_ENDED) {
		if (outcome < 0)
			error = outcome;
		else if (outcome == RCAST_RECORD)
			error = take_record(viewer, &record);
		else if (outcome == RCAST_EMPTY && poll(&poll_fd, 1, -1) < 0 && errno != EINTR)
			error = -errno;
	}
	return error;
}

/* FNV-1a of the snapshot: of screens in the same state it is the same. */
static uint64_t hash_screen(const struct viewer *viewer)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	size_t n_bytes;
	char *bytes;

	if (!viewer->screen || rcast_screen_snapshot(viewer->screen, &bytes, &n_bytes) < 0)
		return 0;
	for (size_t i = 0; i < n_bytes; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	free(bytes);
	return hash;
}

static void report(const struct viewer *viewer)
{
	struct rcast_loss loss = rcast_view_get_loss(viewer->view);

	printf("end delivered=%" PRIu64 " gaps=%" PRIu64 " missing=%" PRIu64 " lost_output=%" PRIu64 " written=%" PRIu64
	       " wrong=%" PRIu64 " time_ns=%" PRIu64 " rest_ns=%" PRIu64 " screen=%016" PRIx64 " exit=%d\n",
	       viewer->n_delivered, viewer->n_gaps, viewer->n_missing, loss.lost_output, viewer->expected_pos,
	       viewer->n_wrong, viewer->last_ns - viewer->first_ns, viewer->last_ns - viewer->from_ns, hash_screen(viewer),
	       viewer->saw_exit ? viewer->exit.status + 128 * (viewer->exit.signal != 0) : -1);
}

static int run_viewer(const char *session, uint64_t from, uint64_t mark_bytes, bool has_screen)
{
	struct rcast_view_options from_start = {.from = RCAST_FROM_POS, .from_pos = 0, .rejoin = has_screen};
	struct viewer viewer = {.from = from, .mark_bytes = mark_bytes, .next_mark = mark_bytes};
	struct rcast_client *client;
	int error = rcast_client_connect_session(session, &client);

	if (error != 0)
		return fail(session, -error);
	error = has_screen ? begin_screen(&viewer, 80, 24) : 0;
	if (error == 0)
		error = rcast_view_open(client, session, &from_start, &viewer.view);
	if (error == 0) {
		puts("attached");
		error = follow(&viewer);
		if (error == 0)
			report(&viewer);
		rcast_view_close(viewer.view);
	}
	rcast_screen_free(viewer.screen);
	rcast_client_free(client);
	return error == 0 ? 0 : fail(session, -error);
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 10);
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	if (argc == 6 && strcmp(argv[1], "source") == 0)
		return run_source(number(argv[2]), number(argv[3]), argv[4], argv[5]);
	if ((argc == 5 || argc == 6) && strcmp(argv[1], "watch") == 0 && number(argv[4]) > 0)
		return run_viewer(argv[2], number(argv[3]), number(argv[4]), argc == 6 && strcmp(argv[5], "screen") == 0);
	fprintf(stderr, "usage: demo source BYTES FROM GATE REPORT | demo watch SESSION FROM MARK [screen]\n");
	return 2;
}
