/* SPDX-License-Identifier: MIT */
/*
 * Messages of any bytes to an engine that has two sessions: commands, and what is said while attached, over a real socket, with
 * descriptors of the right kind, the wrong kind, or none. One session is owned; in the other's terminal prints and reads the
 * fuzzer itself. The engine is made anew for each input, since a command may well end what it hosts.
 *
 * What must hold: the engine goes on, answers somebody else who asks for the list, and when it is freed nothing is left. No
 * program is started: fork is refused here, since a fuzzer finds words that a shell understands.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "control/schema.h"
#include "engine/engine.h"
#include "engine/pty.h"
#include "engine/steward.h"
#include "fuzz_circuit.h"

#include <ringcast/engine.h>
#include <ringcast/ring.h>

enum { N_CIRCUITS = 4, MAX_FILE_BYTES = 8 << 20 };

/* BEGIN_LAST: the first message of an exchange is our last, too. What has no name is a turn. */
enum operation { BEGIN, SAY, LAST, TURN, PRINT, N_OPERATIONS = 8, BEGIN_LAST = 64 };

enum handed { NOTHING, CURSOR_PAGE, PIPE, DIRECTORY, TWO, N_HANDED };

struct client {
	struct rcast_link *link;
	struct rcast_circuit *circuits[N_CIRCUITS];
	unsigned int n_begun, n_replies;
	int error;
};

pid_t __wrap_fork(void);

pid_t __wrap_fork(void)
{
	errno = EAGAIN;
	return -1;
}

/* ── The client ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static enum rcast_consumed on_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	Ringcast__Wire__Reply *reply = rcasti_schema_unpack_reply(message);

	must(reply != NULL); /* whatever it was asked, what it says is well formed */
	ringcast__wire__reply__free_unpacked(reply, NULL);
	((struct client *)user)->n_replies++;
	return RCAST_CONSUMED;
}

static void on_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	struct client *client = user;

	for (int i = 0; i < N_CIRCUITS; i++)
		if (client->circuits[i] == circuit)
			client->circuits[i] = NULL;
}

static const struct rcast_circuit_ops circuit_ops = {.message = on_message, .ended = on_ended};
static const struct rcast_link_ops link_ops = {.begun = NULL};

static void open_client(struct client *client, const char *path)
{
	*client = (struct client){.link = NULL};
	must(rcast_link_open_take(rcast_socket_dial(path), RCAST_DIALLED, NULL, &link_ops, client, &client->link) == 0);
}

static void turn(struct rcast_engine *engine, struct client *client, int n_times)
{
	for (int i = 0; i < n_times; i++) {
		must(rcast_engine_dispatch(engine) == 0);
		if (client->error == 0)
			client->error = rcast_link_dispatch(client->link);
	}
}

static int hand_over(enum handed what, int fds[2])
{
	struct rcast_cursor *cursor;
	int ends[2];

	switch (what) {
	case CURSOR_PAGE:
	case TWO:
		must(rcast_cursor_create(&cursor) == 0);
		fds[0] = rcast_cursor_dup_fd(cursor);
		fds[1] = what == TWO ? rcast_cursor_dup_fd(cursor) : -1;
		rcast_cursor_free(cursor);
		return what == TWO ? 2 : 1;
	case PIPE:
		must(pipe2(ends, O_CLOEXEC) == 0 && write(ends[1], "piped", 5) == 5);
		close(ends[1]);
		fds[0] = ends[0];
		return 1;
	case DIRECTORY:
		fds[0] = open("/", O_RDONLY | O_CLOEXEC);
		return 1;
	default:
		return 0;
	}
}

static void say(struct fuzz *fuzz, struct rcast_circuit *circuit, unsigned int flags)
{
	int fds[2], n_fds = hand_over(fuzz_u8(fuzz) % N_HANDED, fds);

	fuzz_send_take(fuzz, circuit, flags, fds, n_fds);
}

static struct rcast_circuit *begin(struct client *client)
{
	struct rcast_circuit **circuit = &client->circuits[client->n_begun++ % N_CIRCUITS];

	if (!*circuit && rcast_circuit_begin(client->link, &circuit_ops, client, circuit) != 0)
		*circuit = NULL;
	return *circuit;
}

/* ── The engine ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *socket_path(void)
{
	static char path[64];

	if (path[0] == 0) {
		struct rlimit limit = {MAX_FILE_BYTES, RLIM_INFINITY};

		snprintf(path, sizeof path, "/tmp/fuzz_command.%d", (int)getpid());
		must(setrlimit(RLIMIT_FSIZE, &limit) == 0); /* no ring of a gigabyte because a script says so */
	}
	return path;
}

/* A session "t" with a terminal whose other end is returned, and without a program in it. */
static int add_terminal(struct rcast_engine *engine)
{
	struct rcast_session_options options = {.name = "t", .ring_bytes = RCAST_RING_MIN_BYTES};
	struct rcasti_account *account = &engine->quota.all;
	struct rcast_session *session;
	int slave_fd;

	must(rcasti_session_create(engine, &options, RCASTI_PTY, &session) == 0);
	must(rcasti_account_take(account, RCASTI_SESSIONS, 1) == 0);
	session->account = rcasti_account_ref(account);
	session->pump.fd = rcasti_pty_open(80, 24);
	session->control.input.fd = fcntl(session->pump.fd, F_DUPFD_CLOEXEC, 3);
	slave_fd = ioctl(session->pump.fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	must(slave_fd >= 0 && session->control.input.fd >= 0);
	rcasti_session_admit(session);
	return slave_fd;
}

/* Up to a few kilobytes, and take in what was typed. */
static void print(struct fuzz *fuzz, struct rcast_engine *engine, int slave_fd)
{
	size_t n_bytes = fuzz_u8(fuzz);
	uint8_t *bytes = fuzz_copy(fuzz, &n_bytes), typed[4096];

	for (int n = fuzz_u8(fuzz) % 64; n >= 0; n--) {
		if (write(slave_fd, bytes, n_bytes) < 0 || n % 8 == 0)
			must(rcast_engine_dispatch(engine) == 0);
	}
	while (read(slave_fd, typed, sizeof typed) > 0)
		continue;
	free(bytes);
}

static struct rcast_engine *open_engine(void)
{
	struct rcast_engine_options options = {
		.path = socket_path(), .max_sessions = 4, .max_connections = 4, .max_readers = 4, .max_lease_ms = 1000};
	struct rcast_session_options session = {.name = "s", .ring_bytes = RCAST_RING_MIN_BYTES};
	struct rcast_engine *engine;
	struct rcast_session *made;

	must(rcast_engine_create(&options, &engine) == 0);
	must(rcast_engine_start_owned(engine, &session, &made) == 0);
	must(rcast_writer_put(rcast_session_writer(made), RCAST_OUTPUT, "first\n", 6) == 0);
	return engine;
}

/* Somebody else's request for the list is answered, whatever the other client did before. */
static void expect_service(struct rcast_engine *engine)
{
	static const uint8_t list[] = {0x0a, 0x00};
	struct iovec iov = {.iov_base = (void *)list, .iov_len = sizeof list};
	struct client other;

	open_client(&other, socket_path());
	must(begin(&other) && rcast_circuit_send(other.circuits[0], &iov, 1, RCAST_LAST) == 0);
	turn(engine, &other, 8);
	must(other.error == 0 && other.n_replies > 0);
	rcast_link_free(other.link);
}

static void operate(struct fuzz *fuzz, struct rcast_engine *engine, struct client *client, int slave_fd)
{
	uint8_t what = fuzz_u8(fuzz);

	switch (what % N_OPERATIONS) {
	case BEGIN:
		say(fuzz, begin(client), what & BEGIN_LAST ? RCAST_LAST : 0);
		break;
	case SAY:
		say(fuzz, client->circuits[what / N_OPERATIONS % N_CIRCUITS], 0);
		break;
	case LAST:
		say(fuzz, client->circuits[what / N_OPERATIONS % N_CIRCUITS], RCAST_LAST);
		break;
	case PRINT:
		print(fuzz, engine, slave_fd);
		break;
	default:
		turn(engine, client, 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	struct fuzz fuzz = {.at = data, .n_left = n_bytes};
	struct rcast_engine *engine;
	struct client client;
	int lowest_fd, slave_fd;

	lowest_fd = fuzz_lowest_fd();
	engine = open_engine();
	slave_fd = add_terminal(engine);
	open_client(&client, socket_path());
	turn(engine, &client, 2);
	for (int n = 0; fuzz.n_left > 0 && n < 32; n++) {
		operate(&fuzz, engine, &client, slave_fd);
		turn(engine, &client, 1);
	}
	turn(engine, &client, 4);
	expect_service(engine);
	rcast_link_free(client.link);
	rcast_engine_free(engine);
	close(slave_fd);
	must(fuzz_lowest_fd() == lowest_fd);
	return 0;
}

/* ── Seeds ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_packed(struct fuzz_seed *seed, uint8_t operation, enum handed handed, const ProtobufCMessage *message)
{
	uint8_t packed[1024];
	size_t n_bytes = protobuf_c_message_get_packed_size(message);

	must(n_bytes <= sizeof packed);
	protobuf_c_message_pack(message, packed);
	fuzz_put_u8(seed, operation);
	fuzz_put_u8(seed, (uint8_t)handed);
	fuzz_put_u16(seed, (uint16_t)n_bytes);
	fuzz_put(seed, packed, n_bytes);
}

/* A request and its command, both initialised. */
#define COMMAND(field, FIELD, Type, type)                                \
	Ringcast__Wire__Request request;                                 \
	Ringcast__Wire__##Type command;                                  \
	ringcast__wire__request__init(&request);                         \
	ringcast__wire__##type##__init(&command);                        \
	request.command_case = RINGCAST__WIRE__REQUEST__COMMAND_##FIELD; \
	request.field = &command

static void put_list(struct fuzz_seed *seed)
{
	COMMAND(list, LIST, List, list);

	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_describe(struct fuzz_seed *seed)
{
	COMMAND(describe, DESCRIBE, Describe, describe);

	command.session = "s";
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_stats(struct fuzz_seed *seed)
{
	COMMAND(stats, STATS, Stats, stats);

	command.session = "s";
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_restrict(struct fuzz_seed *seed)
{
	COMMAND(restrict_to_view, RESTRICT_TO_VIEW, Restrict, restrict);

	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_start(struct fuzz_seed *seed)
{
	COMMAND(start, START, Start, start);

	command.name = "u";
	command.ring_bytes = RCAST_RING_MIN_BYTES;
	put_packed(seed, BEGIN_LAST, PIPE, &request.base);
	command.n_argv = 2;
	command.argv = (char *[]){"cat", "file"};
	command.n_env = 1;
	command.env = (char *[]){"A=b"};
	command.cwd = "/";
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_input(struct fuzz_seed *seed)
{
	COMMAND(input, INPUT, Input, input);

	command.session = "s";
	command.data = (ProtobufCBinaryData){.data = (uint8_t *)"typed", .len = 5};
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_resize(struct fuzz_seed *seed)
{
	COMMAND(resize, RESIZE, Resize, resize);

	command.session = "s";
	command.cols = 100;
	command.rows = 30;
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_signal(struct fuzz_seed *seed)
{
	COMMAND(signal, SIGNAL, Signal, signal);

	command.session = "s";
	command.signal = 1;
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_kick(struct fuzz_seed *seed)
{
	COMMAND(kick, KICK, Kick, kick);

	command.session = "s";
	command.reader = UINT64_MAX;
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_kill(struct fuzz_seed *seed)
{
	COMMAND(kill, KILL, Kill, kill);

	command.session = "s";
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_attach(struct fuzz_seed *seed)
{
	COMMAND(attach, ATTACH, Attach, attach);

	command.session = "s";
	command.lease_ms = 10;
	put_packed(seed, BEGIN, CURSOR_PAGE, &request.base);
	command.by_circuit = true;
	put_packed(seed, BEGIN, NOTHING, &request.base);
	fuzz_put_u8(seed, TURN);
}

/* On the first two circuits, which are attached. */
static void put_attached_requests(struct fuzz_seed *seed)
{
	Ringcast__Wire__AttachedRequest request;
	Ringcast__Wire__Window window = RINGCAST__WIRE__WINDOW__INIT;
	Ringcast__Wire__Done done = RINGCAST__WIRE__DONE__INIT;

	ringcast__wire__attached_request__init(&request);
	put_attach(seed);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_RESIZE;
	request.resize = &window;
	put_packed(seed, SAY, NOTHING, &request.base);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_INPUT;
	request.input = (ProtobufCBinaryData){.data = (uint8_t *)"typed", .len = 5};
	put_packed(seed, SAY + N_OPERATIONS, NOTHING, &request.base);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_DETACH;
	request.detach = &done;
	put_packed(seed, SAY, NOTHING, &request.base);
	put_packed(seed, LAST + N_OPERATIONS, NOTHING, &request.base);
}

static void put_kick_of_attached(struct fuzz_seed *seed)
{
	put_attach(seed);
	put_stats(seed);
	put_kick(seed);
	put_attach(seed);
	put_kill(seed);
}

/* ── In a terminal ── */

static void put_print(struct fuzz_seed *seed, const char *text, uint8_t times)
{
	fuzz_put_u8(seed, PRINT);
	fuzz_put_u8(seed, (uint8_t)strlen(text));
	fuzz_put(seed, text, strlen(text));
	fuzz_put_u8(seed, times);
}

static void put_attach_to_terminal(struct fuzz_seed *seed, bool by_circuit)
{
	COMMAND(attach, ATTACH, Attach, attach);

	command.session = "t";
	command.lease_ms = by_circuit ? 0 : 1000;
	command.by_circuit = by_circuit;
	command.input = true;
	command.answers = 2;
	put_packed(seed, BEGIN, by_circuit ? NOTHING : CURSOR_PAGE, &request.base);
}

static void put_kick_from_terminal(struct fuzz_seed *seed)
{
	COMMAND(kick, KICK, Kick, kick);

	command.session = "t";
	command.reader = UINT64_MAX;
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_resize_ring(struct fuzz_seed *seed, uint64_t ring_bytes)
{
	COMMAND(resize_ring, RESIZE_RING, ResizeRing, resize_ring);

	command.session = "t";
	command.ring_bytes = ring_bytes;
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_keyframe(struct fuzz_seed *seed)
{
	COMMAND(keyframe, KEYFRAME, Keyframe, keyframe);

	command.session = "t";
	put_packed(seed, BEGIN_LAST, NOTHING, &request.base);
}

static void put_said(struct fuzz_seed *seed, unsigned int circuit, const char *text, uint32_t cols)
{
	Ringcast__Wire__AttachedRequest request;
	Ringcast__Wire__Window window = RINGCAST__WIRE__WINDOW__INIT;

	ringcast__wire__attached_request__init(&request);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_INPUT;
	request.input = (ProtobufCBinaryData){.data = (uint8_t *)text, .len = strlen(text)};
	put_packed(seed, (uint8_t)(SAY + circuit * N_OPERATIONS), NOTHING, &request.base);
	request.request_case = RINGCAST__WIRE__ATTACHED_REQUEST__REQUEST_RESIZE;
	request.resize = &window;
	window.cols = window.rows = cols;
	put_packed(seed, (uint8_t)(SAY + circuit * N_OPERATIONS), NOTHING, &request.base);
}

static void put_terminal_in_use(struct fuzz_seed *seed)
{
	put_attach_to_terminal(seed, true);
	put_attach_to_terminal(seed, false);
	put_print(seed, "\033[c\033[6n\033]0;title\007\033]133;A\007text\r\n", 0);
	put_said(seed, 0, "typed\n", 40);
	put_said(seed, 1, "", 50);
	put_print(seed, "0123456789012345678901234567890123456789012345678901234567890123456789\r\n", 63);
	put_keyframe(seed);
}

static void put_terminal_that_moves(struct fuzz_seed *seed)
{
	put_attach_to_terminal(seed, true);
	put_attach_to_terminal(seed, false);
	put_resize_ring(seed, 2 * RCAST_RING_MIN_BYTES);
	put_resize_ring(seed, RCAST_RING_MIN_BYTES);
	put_print(seed, "text\r\n", 3);
	put_kick_from_terminal(seed);
	put_kick_from_terminal(seed);
	put_attach_to_terminal(seed, false);
	put_restrict(seed);
	put_print(seed, "text\r\n", 3);
}

bool fuzz_make_seed(unsigned int number, struct fuzz_seed *seed)
{
	static void (*const seeds[])(struct fuzz_seed *) = {
		put_list,
		put_describe,
		put_stats,
		put_restrict,
		put_start,
		put_input,
		put_resize,
		put_signal,
		put_kick,
		put_kill,
		put_attach,
		put_attached_requests,
		put_kick_of_attached,
		put_terminal_in_use,
		put_terminal_that_moves,
	};

	if (number >= sizeof seeds / sizeof seeds[0])
		return false;
	seeds[number](seed);
	return true;
}
