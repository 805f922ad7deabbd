/* SPDX-License-Identifier: MIT */
/*
 * A hostile recording: read and shown as `play` does it, and recorded anew as `record` does it.
 *
 * The input is the file, behind four bytes: what it is taken for, in pieces of how many bytes it comes, and the size of the window.
 *
 * What must hold: in whatever pieces it comes, it says the same; what is wrong with it is told in a line; no event is longer than
 * the file, or longer after the one before than it may be; on a canvas everything can be shown; and what was recorded
 * of it can be read, and has the same output.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "cli/canvas.h"
#include "cli/cast.h"
#include "cli/cast_read.h"
#include "cli/options.h"
#include "cli/pace.h"
#include "fuzz.h"

enum { IS_RAW = 1, IS_INLINE = 2, AS_V2 = 4, AS_RAW = 8 };

enum { MAX_CELLS = 20000 };

struct file {
	const uint8_t *bytes;
	size_t n_bytes, piece;
	bool is_raw;
};

/* What it says, as one number, and what it prints, as another. */
struct told {
	int outcome;
	uint64_t all, output;
};

typedef void take_event(void *user, const struct cast_header *header, const struct cast_event *event);

static uint64_t hash(uint64_t before, const void *data, size_t n_bytes)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < n_bytes; i++)
		before = (before ^ bytes[i]) * UINT64_C(0x100000001b3);
	return before;
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The next piece into the pipe; behind the last one, the pipe's end. */
static void give_piece(const struct file *file, size_t *at, int *pipe_fd)
{
	size_t n = file->n_bytes - *at < file->piece ? file->n_bytes - *at : file->piece;

	if (n > 0) {
		must(write(*pipe_fd, file->bytes + *at, n) == (ssize_t)n);
		*at += n;
	} else if (*pipe_fd >= 0) {
		close(*pipe_fd);
		*pipe_fd = -1;
	}
}

static void note(struct told *told, const struct file *file, const struct cast_event *event)
{
	must(event->n_bytes <= file->n_bytes && event->interval_ns <= CAST_MAX_INTERVAL_NS);
	if (!file->is_raw) {
		told->all = hash(told->all, &event->interval_ns, sizeof event->interval_ns);
		told->all = hash(told->all, &event->code, 1);
	}
	told->all = hash(told->all, event->data, event->n_bytes);
	if (event->code == 'o')
		told->output = hash(told->output, event->data, event->n_bytes);
}

static struct told read_file(const struct file *file, take_event *take, void *user)
{
	struct told told = {0};
	struct cast_event event;
	struct cast_reader reader;
	size_t at = 0;
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0);
	cast_reader_open_take(&reader, ends[0], file->is_raw);
	while ((told.outcome = cast_reader_next(&reader, &event)) == CAST_EVENT || told.outcome == CAST_HUNGRY) {
		if (told.outcome == CAST_HUNGRY) {
			give_piece(file, &at, &ends[1]);
			must(cast_reader_fill(&reader) == 0);
			continue;
		}
		note(&told, file, &event);
		if (take)
			take(user, &reader.header, &event);
	}
	must(told.outcome == (reader.error[0] ? -EPROTO : CAST_END));
	cast_reader_close(&reader);
	if (ends[1] >= 0)
		close(ends[1]);
	return told;
}

/* ── Showing ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct show {
	struct canvas canvas;
	struct pace pace;
	uint16_t cols, rows;
	bool has_begun;
};

static void begin_show(struct show *show, const struct cast_header *header)
{
	struct rcast_session_info info = {.cols = header->cols, .rows = header->rows};

	show->has_begun = true;
	show->pace = (struct pace){.speed = 1, .idle_limit_ns = header->idle_limit_ns};
	pace_begin(&show->pace, 0);
	if ((uint32_t)info.cols * info.rows <= MAX_CELLS)
		canvas_open(&show->canvas, &info);
	if (show->cols > 0 && show->rows > 0)
		must(canvas_set_window(&show->canvas, show->cols, show->rows) == 0);
}

static void show_event(void *user, const struct cast_header *header, const struct cast_event *event)
{
	struct show *show = user;
	unsigned int wait_ms;
	uint16_t cols, rows;

	if (!show->has_begun)
		begin_show(show, header);
	pace_add(&show->pace, event->interval_ns);
	must(pace_left_ns(&show->pace, 0) == show->pace.due_ns);
	if (event->code == 'o')
		must(canvas_output(&show->canvas, event->data, event->n_bytes, false) == 0);
	if (event->code == 'r' && parse_window(event->data, &cols, &rows) && (uint32_t)cols * rows <= MAX_CELLS)
		must(canvas_resize(&show->canvas, cols, rows) == 0);
	show->canvas.next_frame_ns = 0;
	must(canvas_pause(&show->canvas, &wait_ms) == 0);
}

/* Standard output goes nowhere meanwhile. */
static void show_file(const struct file *file, struct show *show)
{
	int stdout_fd = dup(STDOUT_FILENO), null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	must(stdout_fd >= 0 && null_fd >= 0);
	must(dup2(null_fd, STDOUT_FILENO) == STDOUT_FILENO);
	close(null_fd);
	read_file(file, show_event, show);
	canvas_finish(&show->canvas);
	canvas_close(&show->canvas);
	must(dup2(stdout_fd, STDOUT_FILENO) == STDOUT_FILENO);
	close(stdout_fd);
}

/* ── Recording ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct again {
	struct cast cast;
	struct rcast_record record;
};

static void record_event(void *user, const struct cast_header *header, const struct cast_event *event)
{
	struct again *again = user;
	struct rcast_record *record = &again->record;
	struct rcast_resize size;
	struct rcast_exit exit = {.status = (uint8_t)event->n_bytes};

	if (record->time_ns < UINT64_MAX / 4)
		record->time_ns += event->interval_ns;
	record->data = event->data;
	record->n_bytes = (uint32_t)event->n_bytes;
	if (event->code == 'o') {
		record->kind = RCAST_OUTPUT;
	} else if (event->code == 'm') {
		record->kind = RCAST_MARKER;
	} else if (event->code == 'x') {
		record->kind = RCAST_EXIT;
		record->data = &exit;
		record->n_bytes = sizeof exit;
	} else if (event->code == 'r' && parse_window(event->data, &size.cols, &size.rows)) {
		record->kind = RCAST_RESIZE;
		record->data = &size;
		record->n_bytes = sizeof size;
	} else {
		return;
	}
	must(cast_write(&again->cast, record) == 0);
}

static struct told read_again(int fd, enum cast_format format)
{
	off_t n_bytes = lseek(fd, 0, SEEK_END);
	uint8_t *bytes = malloc((size_t)n_bytes + 1);
	struct file file = {.bytes = bytes, .n_bytes = (size_t)n_bytes, .piece = 65536, .is_raw = format == CAST_RAW};
	struct told told;

	must(pread(fd, bytes, (size_t)n_bytes, 0) == n_bytes);
	told = read_file(&file, NULL, NULL);
	free(bytes);
	return told;
}

/* What is no UTF-8 is replaced in all formats but the raw one. */
static void record_again(const struct file *file, enum cast_format format, const struct told *told)
{
	static const struct rcast_session_info info = {.kind = RCAST_SESSION_PTY, .name = "again", .command = "x"};
	struct again again = {.cast = {.format = format, .info = &info}, .record = {.stamped = true, .time_ns = 1}};
	int fd = memfd_create("recording", MFD_CLOEXEC);
	struct told told_again;
	char path[32];

	must(fd >= 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	must(cast_open(&again.cast, path, true) == 0);
	read_file(file, record_event, &again);
	must(cast_close(&again.cast) == 0);
	told_again = read_again(fd, format);
	must(told_again.outcome == CAST_END);
	must(told_again.output == told->output || (file->is_raw && format != CAST_RAW));
	close(fd);
}

/* ── One input ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	struct fuzz fuzz = {.at = data, .n_left = n_bytes};
	uint8_t how = fuzz_u8(&fuzz);
	struct file file = {.is_raw = how & IS_RAW, .piece = 1 + (size_t)fuzz_u8(&fuzz)}, whole;
	struct show show = {.canvas.is_inline = how & IS_INLINE, .cols = fuzz_u8(&fuzz), .rows = fuzz_u8(&fuzz)};
	struct told told, told_whole;
	int fd = fuzz_lowest_fd();

	file.bytes = fuzz.at;
	file.n_bytes = fuzz.n_left;
	whole = file;
	whole.piece = 65536;
	told = read_file(&file, NULL, NULL);
	told_whole = read_file(&whole, NULL, NULL);
	must(told.outcome == told_whole.outcome && told.all == told_whole.all);
	show_file(&file, &show);
	record_again(&file, how & AS_RAW ? CAST_RAW : how & AS_V2 ? CAST_V2 : CAST_V3, &told);
	must(fuzz_lowest_fd() == fd);
	return 0;
}

/* ── Seeds ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define V3 "{\"version\":3,\"term\":{\"cols\":20,\"rows\":5}}\n"
#define V2 "{\"version\":2,\"width\":20,\"height\":5}\n"

static const struct {
	uint8_t how, piece, cols, rows;
	const char *text;
} seeds[] = {
	{0, 255, 20, 5,
	 V3 "[0.1,\"o\",\"hello\\r\\n\"]\n[1,\"r\",\"30x6\"]\n[2,\"m\",\"here\"]\n[0,\"i\",\"x\"]\n[0,\"x\",\"3\"]\n"},
	{AS_V2, 6, 10, 3, V2 "[0.5,\"o\",\"a\"]\r\n[0.25,\"o\",\"earlier\"]\n\n[1e3,\"o\",\"late\"]"},
	{AS_RAW, 16, 0, 0, "# comment\n" V3 "# another\n[1,\"o\",\"\\u0000\\u001b[31m\\ud83d\\ude00\\u00e9\\\\\\\"\"]\n"},
	{IS_INLINE, 3, 200, 50,
	 "{\"version\":3,\"term\":{\"cols\":80,\"rows\":24,\"type\":\"xterm\",\"theme\":{\"fg\":\"#fff\"}},\"timestamp\":1,"
	 "\"idle_time_limit\":1.5,\"command\":\"sh\",\"title\":\"t\",\"env\":{\"SHELL\":\"/bin/sh\"},\"tags\":[\"a\"]}\n"
	 "[3600,\"o\",\"\\u001b[?1049h\\u001b[2J\\u001b]0;title\\u0007\\u001b[6n\\u001bP$qm\\u001b\\\\\"]\n[9e99,\"o\","
	 "\"x\"]\n"},
	{IS_RAW, 1, 20, 5, "raw \xc3\xa9 \xf0\x9f\x98\x80 \xff\xe2\x82 \xed\xa0\x80\r\n\x1b[31mred"},
	{IS_RAW | AS_RAW, 7, 80, 24, "\x1b[?1049h\x1b[5;5Hthere\x1b[?1049l"},
	{0, 255, 20, 5,
	 "{\"version\":3,\"term\":{\"cols\":65536,\"rows\":-1}}\n[-1,\"o\",\"x\"]\n[1,\"r\",\"65536x1\"]\n[1,\"r\","
	 "\"0x0\"]"},
	{0, 255, 20, 5, V3 "[1,\"o\",[[[[[[[[[[{}]]]]]]]]]]]\n[1,\"new\",{\"a\":1}]\n[1,\"o\",\"\",1]\n"},
	{0, 255, 20, 5, V3 "[1,\"o\",\"broken o"},
	{0, 255, 20, 5, "{\"version\":1}\n"},
	{0, 255, 20, 5, ""},
};

#define N_SEEDS (sizeof seeds / sizeof seeds[0])

bool fuzz_make_seed(unsigned int number, struct fuzz_seed *seed)
{
	if (number >= N_SEEDS)
		return false;
	fuzz_put_u8(seed, seeds[number].how);
	fuzz_put_u8(seed, seeds[number].piece);
	fuzz_put_u8(seed, seeds[number].cols);
	fuzz_put_u8(seed, seeds[number].rows);
	fuzz_put(seed, seeds[number].text, strlen(seeds[number].text));
	return true;
}
