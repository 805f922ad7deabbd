/* SPDX-License-Identifier: MIT */
/*
 * Every system call and allocation of the library fails once: a scenario is run again and again, with its first call
 * failing, then its second, until it ran through without reaching the one that was to fail.
 *
 * A scenario does what users do, and stands for any outcome: each step succeeds or says so with a negative errno. After each
 * run everything that it made is freed; then no descriptor may be left, nor memory (under LeakSanitizer), and nothing was closed
 * twice. Who is not told of an error must have been served in full: no message is lost, nobody waits for ever.
 */
#include "fault.h"

#include "control/schema.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <ringcast/circuit.h>
#include <ringcast/client.h>
#include <ringcast/engine.h>
#include <ringcast/ring.h>

enum { ENOUGH_TURNS = 400, ENOUGH_LOOKS = 100000 }; /* of what another thread or process does; a millisecond each */

static char socket_path[64];

/* ── A ring, a reader, a follower ────────────────────────────────────────────────────────────────────────────────────── */

static int follow(struct rcast_reader *reader, struct rcast_follower **follower)
{
	struct rcast_cursor *cursor;
	int error = fault_plausible(fault_try(rcast_cursor_create(&cursor))), cursor_fd, wake_fd;

	must((error == 0) == (cursor != NULL));
	if (error != 0)
		return error;
	cursor_fd = fault_try(rcast_cursor_dup_fd(cursor));
	if (cursor_fd < 0) {
		rcast_cursor_free(cursor);
		return cursor_fd;
	}
	error = fault_plausible(fault_try(rcast_follower_create_take(cursor_fd, follower, &wake_fd)));
	must((error == 0) == (*follower != NULL) && (error == 0) == (wake_fd >= 0));
	if (error != 0) {
		rcast_cursor_free(cursor);
		return error;
	}
	return fault_plausible(fault_try(rcast_reader_follow_take(reader, cursor, wake_fd)));
}

static int use_ring(struct rcast_writer *writer, struct rcast_reader *reader, struct rcast_follower *follower)
{
	struct rcast_record record;
	char buffer[16];
	void *space;

	must(fault_try(rcast_reader_sleep(reader)) == RCAST_EMPTY);
	must(fault_try(rcast_writer_put(writer, RCAST_OUTPUT, "one", 3)) == 0);
	must(fault_try(rcast_writer_reserve(writer, 10, &space)) == 0);
	memcpy(space, "two", 3);
	must(fault_try(rcast_writer_commit(writer, RCAST_OUTPUT, 3)) == 0);
	fault_plausible(fault_try(rcast_notify(&follower, 1)));
	fault_plausible(fault_try(rcast_reader_wake(reader)));
	must(fault_try(rcast_reader_wait(reader, 0)) == RCAST_RECORD);
	must(fault_try(rcast_reader_read(reader, buffer, sizeof buffer, &record)) == RCAST_RECORD && record.n_bytes == 3);
	must(fault_try(rcast_reader_seek(reader, RCAST_FROM_OLDEST, 0)) == 0);
	must(fault_try(rcast_reader_peek(reader, &record)) == RCAST_RECORD && memcmp(record.data, "one", 3) == 0);
	must(fault_try(rcast_writer_end(writer)) == 0);
	return 0;
}

static int with_reader(struct rcast_writer *writer)
{
	struct rcast_follower *follower = NULL;
	struct rcast_reader *reader;
	int ring_fd = fault_try(rcast_writer_dup_fd(writer)), error;

	if (ring_fd < 0)
		return ring_fd;
	error = fault_plausible(fault_try(rcast_reader_open_take(ring_fd, &reader)));
	must((error == 0) == (reader != NULL));
	if (error != 0)
		return error;
	error = follow(reader, &follower);
	if (error == 0)
		error = use_ring(writer, reader, follower);
	rcast_reader_close(reader);
	rcast_follower_free(follower);
	return error;
}

static int ring_scenario(void)
{
	struct rcast_writer_options options = {.capacity_bytes = RCAST_RING_MIN_BYTES, .stamped = true};
	struct rcast_writer *writer;
	int error = fault_plausible(fault_try(rcast_writer_create(&options, &writer)));

	must((error == 0) == (writer != NULL));
	if (error != 0)
		return error;
	error = with_reader(writer);
	rcast_writer_free(writer);
	return error;
}

/* ── Two links ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct side {
	struct rcast_link *link;
	struct rcast_circuit *circuit;
	int n_messages, n_fds, error;
	bool got_last, over;
	int reason;
};

static enum rcast_consumed side_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	struct side *side = user;
	int fd = rcast_message_take_fd(message, 0);

	side->n_messages++;
	side->got_last |= message->last;
	if (fd >= 0) {
		side->n_fds++;
		close(fd);
	}
	return RCAST_CONSUMED;
}

static void side_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	struct side *side = user;

	side->over = true;
	side->circuit = NULL;
	side->reason = reason;
}

static const struct rcast_circuit_ops side_ops = {.message = side_message, .ended = side_ended};

static void side_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	struct side *side = user;

	side->circuit = circuit;
	rcast_circuit_set_handler(circuit, &side_ops, side);
}

static const struct rcast_link_ops side_link_ops = {.begun = side_begun};

static void turn_sides(struct side sides[2])
{
	for (int i = 0; i < 2; i++)
		if (sides[i].error == 0)
			sides[i].error = fault_plausible(fault_try(rcast_link_dispatch(sides[i].link)));
}

static int open_sides(int type, struct side sides[2])
{
	int fds[2], error;

	must(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0);
	error = fault_plausible(
		fault_try(rcast_link_open_take(fds[0], RCAST_DIALLED, NULL, &side_link_ops, &sides[0], &sides[0].link)));
	if (error != 0) {
		close(fds[1]);
		return error;
	}
	error = fault_plausible(
		fault_try(rcast_link_open_take(fds[1], RCAST_ACCEPTED, NULL, &side_link_ops, &sides[1], &sides[1].link)));
	if (error != 0)
		rcast_link_free(sides[0].link);
	return error;
}

/* Send until it was taken. */
static int send_surely(struct side sides[2], int who, size_t n_bytes, bool with_fd)
{
	static char bytes[5000];
	struct iovec iov = {.iov_base = bytes, .iov_len = n_bytes};
	int error = -EAGAIN, fd = with_fd ? dup(STDERR_FILENO) : -1;

	for (int n = 0; n < ENOUGH_TURNS && error == -EAGAIN && sides[who].error == 0 && !sides[who].over; n++) {
		error = fault_plausible(fault_try(
			rcast_circuit_send_take_fds(sides[who].circuit, &iov, 1, RCAST_LAST, &fd, with_fd ? 1 : 0)));
		turn_sides(sides);
	}
	if (error != 0 && with_fd)
		close(fd);
	return error;
}

static int converse(struct side sides[2])
{
	int error = fault_plausible(fault_try(rcast_circuit_begin(sides[0].link, &side_ops, &sides[0], &sides[0].circuit)));

	if (error != 0)
		return error;
	error = send_surely(sides, 0, 5, true);
	for (int n = 0; n < ENOUGH_TURNS && error == 0 && !sides[1].got_last && !sides[1].error && !sides[0].error; n++)
		turn_sides(sides);
	if (error != 0 || sides[0].error || sides[1].error)
		return error ? error : sides[0].error ? sides[0].error : sides[1].error;
	must(sides[1].got_last && sides[1].n_fds == 1); /* it was taken, the links are up, so it came */
	error = send_surely(sides, 1, 5000, false);
	for (int n = 0; n < ENOUGH_TURNS && error == 0 && !sides[0].over && !sides[1].error && !sides[0].error; n++)
		turn_sides(sides);
	must(error || sides[0].error || sides[1].error || (sides[0].over && sides[0].got_last && sides[1].over));
	return error;
}

static int link_scenario_over(int type)
{
	struct side sides[2] = {{.link = NULL}};
	int error = open_sides(type, sides);

	if (error != 0)
		return error;
	error = converse(sides);
	rcast_link_free(sides[0].link);
	rcast_link_free(sides[1].link);
	return error;
}

static int packet_scenario(void)
{
	return link_scenario_over(SOCK_SEQPACKET);
}

static int stream_scenario(void)
{
	return link_scenario_over(SOCK_STREAM);
}

static int memory_scenario(void)
{
	struct rcast_link *links[2] = {NULL, NULL};
	struct side sides[2] = {{.link = NULL}};
	void *users[2] = {&sides[0], &sides[1]};
	int error = fault_plausible(fault_try(rcast_link_open_memory_pair(NULL, &side_link_ops, users, links)));

	if (error != 0)
		return error;
	rcast_link_free(links[0]);
	rcast_link_free(links[1]);
	return 0;
}

/* ── An engine; its client's calls do not fail ───────────────────────────────────────────────────────────────────────── */

static int start_sessions(struct rcast_engine *engine)
{
	static const char *const argv[] = {"cat", NULL};
	struct rcast_session_options owned = {.name = "owned", .ring_bytes = RCAST_RING_MIN_BYTES},
				     terminal = {.name = "pty", .ring_bytes = RCAST_RING_MIN_BYTES};
	struct rcast_program program = {.argv = argv};
	struct rcast_session *session;
	int error = fault_plausible(fault_try(rcast_engine_start_owned(engine, &owned, &session)));

	if (error == 0)
		must(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, "hello", 5) == 0);
	if (error == 0)
		error = fault_plausible(fault_try(rcast_engine_start_pty(engine, &terminal, &program, &session)));
	return error;
}

/* Say it on a new exchange, and turn both until the engine has answered or hung up. */
static void ask(struct rcast_engine *engine, struct side *client, Ringcast__Wire__Request *request, bool with_cursor,
		int *engine_error)
{
	struct rcast_cursor *cursor = NULL;
	int fd = -1, error = -EAGAIN;

	*client = (struct side){.link = client->link, .error = client->error};
	if (client->error || rcast_circuit_begin(client->link, &side_ops, client, &client->circuit) != 0)
		return;
	if (with_cursor) {
		must(rcast_cursor_create(&cursor) == 0);
		fd = rcast_cursor_dup_fd(cursor);
		rcast_cursor_free(cursor);
	}
	error = rcasti_schema_send(client->circuit, &request->base, with_cursor ? 0 : RCAST_LAST, &fd, with_cursor);
	must(error == 0 || error == -EPIPE);
	if (error && with_cursor)
		close(fd);
	for (int n = 0; n < ENOUGH_LOOKS && error == 0 && *engine_error == 0 && !client->error; n++) {
		*engine_error = fault_plausible(fault_try(rcast_engine_dispatch(engine)));
		client->error = rcast_link_dispatch(client->link);
		if (client->n_messages > 0)
			break;
		poll(NULL, 0, n > 50 ? 1 : 0);
	}
	must(*engine_error || client->error || client->n_messages > 0);
}

#define ASK(engine, client, field, FIELD, Type, type, with_cursor, engine_error, ...) \
	do {                                                                          \
		Ringcast__Wire__Request asked;                                        \
		Ringcast__Wire__##Type asked_##field;                                 \
		ringcast__wire__request__init(&asked);                                \
		ringcast__wire__##type##__init(&asked_##field);                       \
		asked.command_case = RINGCAST__WIRE__REQUEST__COMMAND_##FIELD;        \
		asked.field = &asked_##field;                                         \
		__VA_ARGS__;                                                          \
		ask(engine, client, &asked, with_cursor, engine_error);               \
	} while (0)

static int serve(struct rcast_engine *engine)
{
	struct side client = {.link = NULL}, other = {.link = NULL};
	int fd = rcast_socket_dial(socket_path), error = 0;

	must(fd >= 0 && rcast_link_open_take(fd, RCAST_DIALLED, NULL, &side_link_ops, &client, &client.link) == 0);
	ASK(engine, &client, attach, ATTACH, Attach, attach, true, &error, asked_attach.session = "owned");
	ASK(engine, &client, attach, ATTACH, Attach, attach, false, &error, asked_attach.session = "owned";
	    asked_attach.by_circuit = true);
	ASK(engine, &client, input, INPUT, Input, input, false, &error, asked_input.session = "pty";
	    asked_input.data = ((ProtobufCBinaryData){.data = (uint8_t *)"typed\n", .len = 6}));
	ASK(engine, &client, resize, RESIZE, Resize, resize, false, &error, asked_resize.session = "pty";
	    asked_resize.cols = 100; asked_resize.rows = 40);
	ASK(engine, &client, stats, STATS, Stats, stats, false, &error, asked_stats.session = "owned");
	ASK(engine, &client, start, START, Start, start, false, &error, asked_start.name = "asked";
	    asked_start.argv = (char *[]){"cat"}; asked_start.n_argv = 1);
	ASK(engine, &client, resize_ring, RESIZE_RING, ResizeRing, resize_ring, false, &error,
	    asked_resize_ring.session = "pty";
	    asked_resize_ring.ring_bytes = RCAST_RING_MIN_BYTES * 2);
	ASK(engine, &client, kick, KICK, Kick, kick, false, &error, asked_kick.session = "owned";
	    asked_kick.reader = UINT64_MAX);
	ASK(engine, &client, kick, KICK, Kick, kick, false, &error, asked_kick.session = "pty";
	    asked_kick.reader = UINT64_MAX);
	ASK(engine, &client, kill, KILL, Kill, kill, false, &error, asked_kill.session = "pty");
	rcast_link_free(client.link);
	/* Whatever failed for the first client, the next one is served. */
	fd = rcast_socket_dial(socket_path);
	must(fd >= 0 && rcast_link_open_take(fd, RCAST_DIALLED, NULL, &side_link_ops, &other, &other.link) == 0);
	ASK(engine, &other, list, LIST, List, list, false, &error, (void)0);
	must(error || other.n_messages > 0 || fault.n_left == 0);
	rcast_link_free(other.link);
	return error;
}

static int engine_scenario(void)
{
	struct rcast_engine_options options = {.path = socket_path, .max_sessions = 4};
	struct rcast_engine *engine;
	int error = fault_plausible(fault_try(rcast_engine_create(&options, &engine)));

	must((error == 0) == (engine != NULL));
	if (error != 0)
		return error;
	error = start_sessions(engine);
	if (error == 0)
		error = serve(engine);
	fault_try((rcast_engine_free(engine), 0));
	must(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return error;
}

/* ── A client; the engine's calls do not fail ────────────────────────────────────────────────────────────────────────── */

static struct rcast_engine *hosted;

static void *host(void *unused)
{
	while (rcast_engine_control(hosted, 10) == 0 && rcast_engine_pump(hosted, 0) == 0 &&
	       rcast_engine_notify(hosted, 0) == 0)
		continue;
	return unused;
}

static int count_sessions(void *user, const struct rcast_session_info *info)
{
	++*(int *)user;
	return 0;
}

/* The record is there, so a view that goes on finds it. */
static int use_view(struct rcast_client *client, bool by_circuit)
{
	struct rcast_view_options options = {.by_circuit = by_circuit};
	int error, outcome = RCAST_EMPTY;
	struct rcast_record record;
	struct rcast_view *view;

	error = fault_plausible(fault_try(rcast_view_open(client, "s", &options, &view)));
	must((error == 0) == (view != NULL));
	if (error != 0)
		return error;
	for (int n = 0; n < ENOUGH_LOOKS && outcome == RCAST_EMPTY; n++) {
		struct pollfd look = {.fd = rcast_view_fd(view), .events = POLLIN};

		outcome = fault_plausible(fault_try(rcast_view_next(view, &record)));
		if (outcome == RCAST_EMPTY)
			poll(&look, 1, 1);
	}
	must(outcome < 0 || (outcome == RCAST_RECORD && record.n_bytes == 5 && memcmp(record.data, "hello", 5) == 0));
	rcast_view_close(view);
	return outcome < 0 ? outcome : 0;
}

static int use_client(struct rcast_client *client)
{
	struct rcast_session_stats stats;
	struct rcast_session_info info;
	int n_sessions = 0, error = fault_plausible(fault_try(rcast_client_list(client, count_sessions, &n_sessions)));

	must(error != 0 || n_sessions == 1);
	if (error == 0)
		error = fault_plausible(fault_try(rcast_client_describe(client, "s", &info)));
	if (error == 0)
		error = use_view(client, false);
	if (error == 0)
		error = use_view(client, true);
	if (error == 0)
		error = fault_plausible(fault_try(rcast_client_stats(client, "s", &stats)));
	if (error == 0)
		error = fault_plausible(fault_try(rcast_client_restrict_to_view(client)));
	must(error == 0 || rcast_client_error(client)[0] != 0);
	return error;
}

static int client_scenario(void)
{
	struct rcast_client *client;
	int error = fault_plausible(fault_try(rcast_client_connect(socket_path, &client)));

	must((error == 0) == (client != NULL));
	if (error != 0)
		return error;
	rcast_client_set_timeout(client, 100000);
	error = use_client(client);
	must(error != -ETIMEDOUT); /* a call that failed is told at once */
	rcast_client_free(client);
	return error;
}

static void open_host(pthread_t *thread)
{
	struct rcast_session_options options = {.name = "s", .ring_bytes = RCAST_RING_MIN_BYTES};
	struct rcast_session *session;

	must(rcast_engine_create(&(struct rcast_engine_options){.path = socket_path}, &hosted) == 0);
	must(rcast_engine_start_owned(hosted, &options, &session) == 0);
	must(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, "hello", 5) == 0);
	must(pthread_create(thread, NULL, host, NULL) == 0);
}

static void close_host(pthread_t thread)
{
	rcast_engine_stop(hosted);
	pthread_join(thread, NULL);
	rcast_engine_free(hosted);
}

int main(void)
{
	pthread_t thread;

	alarm(1400);
	signal(SIGPIPE, SIG_IGN);
	snprintf(socket_path, sizeof socket_path, "/tmp/fault_injection.%d", (int)getpid());
	fault_run("ring", ring_scenario);
	fault_run("packets", packet_scenario);
	fault_run("stream", stream_scenario);
	fault_run("memory", memory_scenario);
	fault_run("engine", engine_scenario);
	open_host(&thread);
	fault_run("client", client_scenario);
	close_host(thread);
	return 0;
}
