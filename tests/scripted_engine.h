/* SPDX-License-Identifier: MIT */
/*
 * A hostile engine for one client in the same thread. It is honest about circuits and follows a fuzzer's script in what it says on
 * them, with descriptors of the right kind, the wrong kind, or none. It says its next word whenever the client waits, which in a
 * command is poll's turn; so poll is wrapped here, and nobody ever sleeps. At the end of the script it hangs up.
 */
#ifndef RINGCAST_TESTS_SCRIPTED_ENGINE_H
#define RINGCAST_TESTS_SCRIPTED_ENGINE_H

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include "fuzz_circuit.h"

#include <ringcast/client.h>
#include <ringcast/ring.h>

enum { N_CIRCUITS = 4 };

/* LAST: what is said is the engine's last in that exchange. */
enum operation { SAY, PUBLISH, TYPE, MOVE, N_OPERATIONS, LAST = 128 };

enum handed { NOTHING, RING_AND_PIPE, NEXT_RING, SEALED, UNSEALED, PIPE, N_HANDED };

struct engine {
	struct fuzz fuzz;
	struct rcast_link *link; /* NULL: it has hung up */
	struct rcast_circuit *circuits[N_CIRCUITS];
	struct rcast_writer *writer, *next_writer;
	struct rcast_view *view;
};

static struct engine *engine; /* whose turn it is when somebody polls */

static enum rcast_consumed on_message(struct rcast_circuit *circuit, void *user, struct rcast_message *message)
{
	return RCAST_CONSUMED;
}

static void on_ended(struct rcast_circuit *circuit, void *user, int reason)
{
	for (int i = 0; i < N_CIRCUITS; i++)
		if (engine->circuits[i] == circuit)
			engine->circuits[i] = NULL;
}

static void on_begun(struct rcast_link *link, void *user, struct rcast_circuit *circuit)
{
	static const struct rcast_circuit_ops ops = {.message = on_message, .ended = on_ended};
	int i = 0;

	while (i < N_CIRCUITS - 1 && engine->circuits[i])
		i++;
	engine->circuits[i] = circuit;
	rcast_circuit_set_handler(circuit, &ops, NULL);
}

static struct rcast_writer *make_writer(void)
{
	struct rcast_writer_options options = {.capacity_bytes = RCAST_RING_MIN_BYTES, .stamped = true};
	struct rcast_writer *writer;

	must(rcast_writer_create(&options, &writer) == 0);
	return writer;
}

static int make_memory(struct fuzz *fuzz, bool is_sealed)
{
	static const char screen[] = "\x1b[2Jscreen";
	int fd = memfd_create("keyframe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t n_bytes = fuzz_u8(fuzz) % sizeof screen;

	must(fd >= 0 && write(fd, screen, n_bytes) == (ssize_t)n_bytes);
	if (is_sealed)
		must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
	return fd;
}

static int make_pipe(void)
{
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0);
	close(ends[1]);
	return ends[0];
}

static int hand_over(enum handed what, int fds[2])
{
	switch (what) {
	case RING_AND_PIPE:
		if (!engine->writer)
			engine->writer = make_writer();
		fds[0] = rcast_writer_dup_fd(engine->writer);
		fds[1] = make_pipe();
		return 2;
	case NEXT_RING:
		if (!engine->next_writer)
			engine->next_writer = make_writer();
		fds[0] = rcast_writer_dup_fd(engine->next_writer);
		return 1;
	case SEALED:
	case UNSEALED:
		fds[0] = make_memory(&engine->fuzz, what == SEALED);
		return 1;
	case PIPE:
		fds[0] = make_pipe();
		return 1;
	default:
		return 0;
	}
}

static void say(uint8_t how, unsigned int flags)
{
	int fds[2], n_fds = hand_over(how / N_CIRCUITS % N_HANDED, fds);

	fuzz_send_take(&engine->fuzz, engine->circuits[how % N_CIRCUITS], flags, fds, n_fds);
}

/* A kind of record and a length; 0 records: laps them all. */
static void publish(uint8_t how)
{
	static const char text[RCAST_RING_MIN_BYTES / 4];
	size_t n_bytes = fuzz_u16(&engine->fuzz) % sizeof text;
	int n_times = how & 1 ? 1 : 8;

	for (int i = 0; engine->writer && i < n_times; i++)
		rcast_writer_put(engine->writer, how / 2, text, n_bytes);
}

static void move(void)
{
	if (!engine->writer || !engine->next_writer)
		return;
	rcast_writer_move(engine->writer, engine->next_writer, 0);
	rcast_writer_free(engine->writer);
	engine->writer = engine->next_writer;
	engine->next_writer = NULL;
}

static void hang_up(void)
{
	rcast_link_free(engine->link);
	engine->link = NULL;
}

/* The next word of the script. */
static void take_turn(void)
{
	struct fuzz *fuzz = &engine->fuzz;
	uint8_t what = fuzz_u8(fuzz), how = fuzz_u8(fuzz);

	if (!engine->link)
		return;
	if (rcast_link_dispatch(engine->link) != 0 || fuzz->n_left == 0) {
		hang_up();
		return;
	}
	switch (what % LAST % N_OPERATIONS) {
	case SAY:
		say(how, what & LAST ? RCAST_LAST : 0);
		break;
	case PUBLISH:
		publish(how);
		break;
	case TYPE:
		if (engine->view)
			rcast_view_send_input(engine->view, "typed", how % 5);
		break;
	default:
		move();
	}
	if (rcast_link_dispatch(engine->link) != 0)
		hang_up();
}

int __real_poll(struct pollfd *polled, nfds_t n_polled, int timeout_ms);
int __wrap_poll(struct pollfd *polled, nfds_t n_polled, int timeout_ms);

int __wrap_poll(struct pollfd *polled, nfds_t n_polled, int timeout_ms)
{
	int n;

	while ((n = __real_poll(polled, n_polled, 0)) == 0 && engine && engine->link)
		take_turn();
	return n;
}

#endif
