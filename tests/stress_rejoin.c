/* SPDX-License-Identifier: MIT */
/*
 * stress_rejoin [ROUNDS [SEED]]: is a screen right, however its viewer was stopped?
 *
 * A round is a session whose program draws at full speed, with random escape sequences, into a small ring, while its size changes
 * now and then. Three viewers keep a screen of their own each, until the session has ended:
 *
 *   witness   holds a lease and so gets every byte
 *   stopped   is sent SIGSTOP at random, for random times
 *   late      joins in the middle
 *
 * The latter two are views of the screen, by ring or by circuit. In the end all three screens must be equal: the cells with
 * their colours, and all else that there is to a terminal, which is asked of a snapshot behind an erasure of the cells. (A
 * snapshot with the cells would ask for more than a keyframe can do: a wrap that is due at an erased cell is made by
 * printing a blank there.) And what each got, what it was told it had lost, and what came before it joined must add up to
 * what the program wrote.
 *
 * Prints how many rounds came out equal, and how many laps there were.
 *
 * stress_rejoin --draw SEED BYTES is the program in the session: it waits for a byte, then draws.
 */
#include <ringcast/client.h>
#include <ringcast/screen.h>

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define must(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                \
		}                                                                               \
	} while (0)

enum { RING_BYTES = 256 << 10, BOUND_S = 600, LEASE_MS = 60000 };

/* ── Chance ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t chance_state;

/* splitmix64 */
static uint64_t chance(uint64_t n)
{
	uint64_t word = chance_state += UINT64_C(0x9e3779b97f4a7c15);

	word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (word ^ (word >> 31)) % n;
}

/* For how long a viewer runs and stands still, which is what is tried; and between two looks at a condition. */
static void nap_us(uint64_t us)
{
	struct timespec time = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000 * 1000)};

	nanosleep(&time, NULL);
}

/* ── The program in the session ──────────────────────────────────────────────────────────────────────────────────────── */

static void draw_text(FILE *out)
{
	static const char *const words[] = {
		"the quick brown fox ", "0123456789", "漢字", "é", "e\xcc\x81", "🙂", "\t", " "};

	for (uint64_t n = chance(12); n > 0; n--)
		fputs(words[chance(sizeof words / sizeof words[0])], out);
}

static void draw_line(FILE *out)
{
	draw_text(out);
	fputs("\r\n", out);
}

static void draw_colour(FILE *out)
{
	switch (chance(4)) {
	case 0:
		fputs("\033[m", out);
		break;
	case 1:
		fprintf(out, "\033[38;2;%d;%d;%dm", (int)chance(256), (int)chance(256), (int)chance(256));
		break;
	default:
		fprintf(out, "\033[%d;%dm", (int)chance(10), (int)(30 + chance(18)));
	}
	draw_text(out);
}

static void move_cursor(FILE *out)
{
	fprintf(out, "\033[%d;%dH", (int)chance(30), (int)chance(100));
	draw_text(out);
}

static void draw_simply(FILE *out)
{
	static const char *const sequences[] = {
		"\033[J",   "\033[1J",     "\033[2J",     "\033[K",      "\033[1K",     "\033[2K",  "\033[3L",   "\033[2M",
		"\033[4@",  "\033[3P",     "\033[5X",     "\033[2S",     "\033[T",      "\033M",    "\033D",     "\033E",
		"\0337",    "\0338",       "\033[5;15r",  "\033[r",      "\033[?6h",    "\033[?6l", "\033[?7l",  "\033[?7h",
		"\033[4h",  "\033[4l",     "\033(0",      "\033(B",      "\033H",       "\033[3g",  "\033[?25l", "\033[?25h",
		"\033[?1h", "\033[?2004h", "\033[?1002h", "\033[?1006h", "\033[?1002l", "\033[5 q", "\033[10b",  "\033[!p",
		"\033[3A",  "\033[2B",     "\033[7C",     "\033[9D",     "\033[20G",    "\b\b\b",   "\r",        "\n\n",
	};

	fputs(sequences[chance(sizeof sequences / sizeof sequences[0])], out);
	draw_text(out);
}

static void draw_seldom(FILE *out)
{
	static const char *const sequences[] = {"\033[?1049h", "\033[?1049l", "\033[?47h", "\033[?47l", "\033c"};

	if (chance(2))
		fprintf(out, "\033]2;title %d\007", (int)chance(1000));
	else
		fputs(sequences[chance(sizeof sequences / sizeof sequences[0])], out);
}

static int draw(uint64_t seed, long n_bytes)
{
	static void (*const acts[])(FILE *) = {draw_line,   draw_line,   draw_line,  draw_text,
					       draw_colour, move_cursor, draw_simply};
	struct termios mode;
	char byte, *text;
	size_t n_text;

	must(tcgetattr(STDIN_FILENO, &mode) == 0);
	cfmakeraw(&mode);
	must(tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0);
	must(read(STDIN_FILENO, &byte, 1) == 1);
	chance_state = seed;
	for (long written = 0; written < n_bytes;) {
		FILE *out = open_memstream(&text, &n_text);

		for (int i = 0; i < 1000; i++)
			chance(100) ? acts[chance(sizeof acts / sizeof acts[0])](out) : draw_seldom(out);
		fclose(out);
		for (size_t at = 0; at < n_text;) {
			ssize_t n = write(STDOUT_FILENO, text + at, n_text - at);

			must(n > 0);
			at += (size_t)n;
		}
		written += (long)n_text;
		free(text);
	}
	return 0;
}

/* ── A viewer: a process of its own ──────────────────────────────────────────────────────────────────────────────────── */

struct trace {
	size_t n_bytes;
	char bytes[256 << 10];
};

struct result {
	uint64_t before, delivered, lost, n_gaps; /* bytes of output, and laps */
	bool joined;                              /* something has come */
	bool complete;                            /* it was given a keyframe whenever it should have been */
	struct trace cells, rest;
};

struct viewer {
	pid_t pid;
	int result_fd;
};

static char socket_path[108];

static void begin_screen(struct rcast_screen **screen, const struct rcast_keyframe *keyframe)
{
	rcast_screen_free(*screen);
	must(rcast_screen_create(keyframe->cols, keyframe->rows, screen) == 0);
	rcast_screen_feed(*screen, keyframe->bytes, keyframe->n_bytes);
}

static void take_record(struct rcast_screen **screen, struct rcast_view *view, const struct rcast_record *record,
			struct result *result)
{
	const struct rcast_resize *size = record->data;

	if (record->kind == RCAST_KEYFRAME) {
		if (!result->joined)
			result->before = record->output_pos;
		result->complete = result->complete && !rcast_view_keyframe(view)->stale;
		begin_screen(screen, rcast_view_keyframe(view));
	}
	result->joined = true;
	if (record->kind == RCAST_RESIZE)
		must(rcast_screen_resize(*screen, size->cols, size->rows) == 0);
	if (record->kind == RCAST_OUTPUT) {
		rcast_screen_feed(*screen, record->data, record->n_bytes);
		result->delivered += record->n_bytes;
	}
}

static void follow(struct rcast_view *view, struct rcast_screen **screen, struct result *result)
{
	struct pollfd polled = {.fd = rcast_view_fd(view), .events = POLLIN};
	struct rcast_record record;
	int outcome;

	while ((outcome = rcast_view_next(view, &record)) != RCAST_ENDED) {
		if (outcome < 0)
			fprintf(stderr, "view: %s\n", strerror(-outcome));
		must(outcome >= 0);
		if (outcome == RCAST_RECORD)
			take_record(screen, view, &record, result);
		else if (outcome == RCAST_LAPPED)
			result->complete = result->complete && rcast_view_keyframe(view);
		else
			poll(&polled, 1, -1);
	}
	result->lost = rcast_view_get_loss(view).lost_output;
	result->n_gaps = rcast_view_get_loss(view).n_gaps;
}

static void add(struct trace *trace, const void *bytes, size_t n_bytes)
{
	must(n_bytes <= sizeof trace->bytes - trace->n_bytes);
	memcpy(trace->bytes + trace->n_bytes, bytes, n_bytes);
	trace->n_bytes += n_bytes;
}

static bool is_plain(const struct rcast_style *style)
{
	return style->foreground.kind == RCAST_COLOUR_DEFAULT && style->background.kind == RCAST_COLOUR_DEFAULT &&
	       style->underline_colour.kind == RCAST_COLOUR_DEFAULT && style->flags == 0 && style->underline == 0;
}

static void cut_blanks(struct rcast_run *run)
{
	while (run->n_bytes > 0 && run->text[run->n_bytes - 1] == ' ')
		run->n_bytes--;
}

static void add_run(struct trace *trace, const struct rcast_run *run)
{
	const struct rcast_style *style = &run->style;
	char text[160];
	int n = run->n_bytes == 0 ? 0
				  : snprintf(text, sizeof text, "{%d:%x %d:%x %d:%x %x %d}", style->foreground.kind,
					     style->foreground.value, style->background.kind, style->background.value,
					     style->underline_colour.kind, style->underline_colour.value, style->flags,
					     style->underline);

	add(trace, text, (size_t)n);
	add(trace, run->text, run->n_bytes);
}

/* Blanks at the end of a row are nothing, printed or erased. */
static void trace_cells(const struct rcast_screen *screen, struct trace *trace)
{
	uint16_t cols, rows;

	rcast_screen_get_size(screen, &cols, &rows);
	for (uint16_t row = 0; row < rows; row++) {
		struct rcast_run *runs;
		size_t n_runs;

		must(rcast_screen_row(screen, row, &runs, &n_runs) == 0);
		if (n_runs > 0 && is_plain(&runs[n_runs - 1].style))
			cut_blanks(&runs[n_runs - 1]);
		for (size_t i = 0; i < n_runs; i++)
			add_run(trace, &runs[i]);
		add(trace, "\n", 1);
		free(runs);
	}
}

/* Both screens: the alternate one, if it is shown, hides the other. Leaves them blank. */
static void trace_screens(struct rcast_screen *screen, struct trace *trace)
{
	trace_cells(screen, trace);
	rcast_screen_feed(screen, "\x18\x1b[2J\x1b[?47l", 11);
	trace_cells(screen, trace);
	rcast_screen_feed(screen, "\x1b[2J", 4);
}

static void trace_rest(struct rcast_screen *screen, struct trace *trace)
{
	size_t n_bytes;
	char *bytes;

	must(rcast_screen_snapshot(screen, &bytes, &n_bytes) == 0);
	add(trace, bytes, n_bytes);
	free(bytes);
}

static void write_whole(int fd, const void *data, size_t n_bytes)
{
	for (size_t at = 0; at < n_bytes;) {
		ssize_t n = write(fd, (const char *)data + at, n_bytes - at);

		must(n > 0);
		at += (size_t)n;
	}
}

static _Noreturn void be_viewer(const char *session, const struct rcast_view_options *options, int result_fd)
{
	static struct result result = {.complete = true};
	struct rcast_screen *screen = NULL;
	struct rcast_client *client;
	struct rcast_view *view;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(BOUND_S);
	must(rcast_client_connect(socket_path, &client) == 0);
	must(rcast_view_open(client, session, options, &view) == 0);
	must(rcast_screen_create(80, 24, &screen) == 0);
	must(options->lease_ms == rcast_view_lease_ms(view));
	write_whole(result_fd, "a", 1);
	follow(view, &screen, &result);
	trace_screens(screen, &result.cells);
	trace_rest(screen, &result.rest);
	write_whole(result_fd, &result, sizeof result);
	_exit(0);
}

static void read_whole(int fd, void *data, size_t n_bytes)
{
	for (size_t at = 0; at < n_bytes;) {
		ssize_t n = read(fd, (char *)data + at, n_bytes - at);

		must(n > 0);
		at += (size_t)n;
	}
}

/* Returns once it is attached. */
static struct viewer start_viewer(const char *session, const struct rcast_view_options *options)
{
	struct viewer viewer;
	int ends[2];
	char byte;

	must(pipe2(ends, O_CLOEXEC) == 0);
	viewer.result_fd = ends[0];
	viewer.pid = fork();
	must(viewer.pid >= 0);
	if (viewer.pid == 0)
		be_viewer(session, options, ends[1]);
	close(ends[1]);
	read_whole(viewer.result_fd, &byte, 1);
	return viewer;
}

static void end_viewer(const struct viewer *viewer, struct result *result)
{
	int status;

	read_whole(viewer->result_fd, result, sizeof *result);
	must(waitpid(viewer->pid, &status, 0) == viewer->pid && status == 0);
	close(viewer->result_fd);
}

/* ── A round ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static char own_path[PATH_MAX];
static struct rcast_client *client;
static uint64_t n_laps;

static void start_session(const char *name, uint64_t seed)
{
	char seed_text[32], bytes_text[32];
	const char *argv[] = {own_path, "--draw", seed_text, bytes_text, NULL};
	struct rcast_start_options options = {
		.name = name, .argv = argv, .ring_bytes = RING_BYTES, .linger_ms = 1000 * BOUND_S};

	snprintf(seed_text, sizeof seed_text, "%" PRIu64, seed);
	snprintf(bytes_text, sizeof bytes_text, "%" PRIu64, (1 + chance(6)) * RING_BYTES);
	must(rcast_client_start(client, &options) == 0);
}

static bool has_ended(const char *name)
{
	struct rcast_session_info info;

	must(rcast_client_describe(client, name, &info) == 0);
	return info.ended;
}

/* Stop and continue it until the session is over; now and then change the session's size. */
static void torment(const struct viewer *viewer, const char *name, struct viewer *late)
{
	static const uint16_t sizes[][2] = {{80, 24}, {100, 30}, {60, 20}, {132, 50}};
	struct rcast_view_options options = {.from = RCAST_FROM_SCREEN, .by_circuit = chance(4) == 0};
	uint64_t joins_at = chance(4), n = 0;

	for (; !has_ended(name); n++) {
		if (n == joins_at)
			*late = start_viewer(name, &options);
		nap_us(chance(3000));
		kill(viewer->pid, SIGSTOP);
		nap_us(chance(20000));
		kill(viewer->pid, SIGCONT);
		if (chance(8) == 0) {
			const uint16_t *size = sizes[chance(4)];

			rcast_client_resize(client, name, size[0], size[1]); /* or it has ended meanwhile */
		}
	}
	if (n <= joins_at)
		*late = start_viewer(name, &options);
}

static void print_trace(const char *who, const struct trace *trace, size_t from)
{
	fprintf(stderr, "    %-8s", who);
	for (size_t i = from; i < trace->n_bytes && i < from + 220; i++) {
		unsigned char byte = (unsigned char)trace->bytes[i];

		fprintf(stderr, byte >= 0x20 && byte < 0x7f ? "%c" : "\\x%02x", byte);
	}
	fprintf(stderr, "\n");
}

/* Says where the two part, if they do. */
static bool are_equal(const struct trace *trace, const struct trace *witness)
{
	size_t at = 0;

	while (at < trace->n_bytes && at < witness->n_bytes && trace->bytes[at] == witness->bytes[at])
		at++;
	if (at == trace->n_bytes && at == witness->n_bytes)
		return true;
	at = at > 160 ? at - 160 : 0;
	print_trace("it", trace, at);
	print_trace("witness", witness, at);
	return false;
}

static bool is_right(const char *who, uint64_t round, const struct result *result, const struct result *witness,
		     uint64_t n_output)
{
	const char *wrong = NULL;

	if (!result->complete)
		wrong = "a keyframe was missing or stale";
	else if (result->before + result->delivered + result->lost != n_output)
		wrong = "delivered and lost are not what was written";
	else if (!are_equal(&result->cells, &witness->cells))
		wrong = "the cells differ";
	else if (!are_equal(&result->rest, &witness->rest))
		wrong = "the state differs";
	if (wrong)
		fprintf(stderr, "round %" PRIu64 ", %s: %s\n", round, who, wrong);
	return !wrong;
}

static bool run_round(uint64_t round, uint64_t seed)
{
	static struct result results[3];
	struct rcast_view_options witness_options = {.from = RCAST_FROM_POS, .lease_ms = LEASE_MS};
	struct rcast_view_options stopped_options = {.from = RCAST_FROM_SCREEN, .by_circuit = chance(4) == 0};
	struct viewer witness, stopped, late;
	struct rcast_session_info info;
	char name[32];
	bool right;

	snprintf(name, sizeof name, "round-%" PRIu64, round);
	start_session(name, seed);
	witness = start_viewer(name, &witness_options);
	stopped = start_viewer(name, &stopped_options);
	must(rcast_client_send_input(client, name, "g", 1) == 0);
	torment(&stopped, name, &late);
	end_viewer(&witness, &results[0]);
	end_viewer(&stopped, &results[1]);
	end_viewer(&late, &results[2]);
	must(rcast_client_describe(client, name, &info) == 0);
	must(results[0].lost == 0 && results[0].delivered == info.n_output);
	right = is_right("stopped", round, &results[1], &results[0], info.n_output);
	right = is_right("late", round, &results[2], &results[0], info.n_output) && right;
	n_laps += results[1].n_gaps + results[2].n_gaps;
	must(rcast_client_kill(client, name) == 0);
	return right;
}

/* ── The engine ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static char folder[] = "/tmp/ringcast-rejoin-XXXXXX";
static pid_t engine_pid;

static void find_command(char path[PATH_MAX])
{
	const char *given = getenv("RINGCAST");
	ssize_t n = readlink("/proc/self/exe", own_path, sizeof own_path - 1);

	must(n > 0);
	own_path[n] = '\0';
	if (given)
		snprintf(path, PATH_MAX, "%s", given);
	else
		snprintf(path, PATH_MAX, "%.*s/../ringcast", (int)(strrchr(own_path, '/') - own_path), own_path);
}

static void start_engine(void)
{
	char command[PATH_MAX];
	int result;

	find_command(command);
	must(mkdtemp(folder));
	setenv("XDG_RUNTIME_DIR", folder, 1);
	snprintf(socket_path, sizeof socket_path, "%s/ringcast/rejoin", folder);
	engine_pid = fork();
	must(engine_pid >= 0);
	if (engine_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO); /* it says that it is ready */
		execl(command, command, "engine", "--name", "rejoin", "--lease-max", "60000", NULL);
		_exit(127);
	}
	for (int tries = 0; (result = rcast_client_connect(socket_path, &client)) != 0 && tries < 1000; tries++)
		nap_us(10000);
	must(result == 0);
	rcast_client_set_timeout(client, 1000 * BOUND_S);
}

static void end_engine(void)
{
	char path[PATH_MAX];

	rcast_client_free(client);
	kill(engine_pid, SIGTERM);
	waitpid(engine_pid, NULL, 0);
	snprintf(path, sizeof path, "%s/ringcast", folder);
	unlink(socket_path);
	rmdir(path);
	rmdir(folder);
}

int main(int argc, char **argv)
{
	uint64_t n_rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 25, n_right = 0;

	if (argc == 4 && strcmp(argv[1], "--draw") == 0)
		return draw(strtoull(argv[2], NULL, 10), strtol(argv[3], NULL, 10));
	chance_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	start_engine();
	for (uint64_t round = 0; round < n_rounds; round++)
		n_right += run_round(round, chance(UINT64_MAX));
	end_engine();
	printf("%" PRIu64 " of %" PRIu64 " rounds: both screens equal to that of who saw every byte (%" PRIu64 " laps)\n",
	       n_right, n_rounds, n_laps);
	return n_right == n_rounds ? 0 : 1;
}
