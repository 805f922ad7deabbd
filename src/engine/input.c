/* SPDX-License-Identifier: MIT */
/*
 * Input goes from a circuit to the PTY's master, in the order it came, written by control without blocking. What a program
 * that is not reading leaves over waits in chunks, and only then is the master watched for room.
 *
 * Flow control is the circuit's: the message whose bytes wait keeps its credit (RCAST_HELD) until they are written, so a viewer
 * that pours into a stopped program runs out of credit, and nobody else notices. Bytes outlive their circuit, since
 * "type and leave" is how scripts work; the total is capped, so that coming and going does not get past the credit.
 *
 * A size that was asked for before the input is set before it is written: while the pump has the size to publish and to set,
 * input is paused and waits with the rest. So "make it 77 columns, then draw" does that, whoever carries out which part.
 *
 * The descriptor is a duplicate of the pump's: each thread closes its own and never writes to a number that is somebody
 * else's by now. All of this is control's.
 */
#include "engine/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/connection.h"

enum { MAX_WAITING_BYTES = 1 << 20 };

struct chunk {
	struct cds_list_head node;
	struct rcast_circuit *circuit; /* gets its credit back; NULL: it is gone */
	size_t n_credit_bytes;
	size_t n_bytes, n_written_bytes;
	char data[];
};

/* What it costs to keep so much: a single byte is mostly its chunk. */
static size_t weight(size_t n_bytes)
{
	return sizeof(struct chunk) + n_bytes;
}

static void chunk_free(struct rcasti_input *input, struct chunk *chunk)
{
	input->n_waiting_bytes -= weight(chunk->n_bytes);
	cds_list_del(&chunk->node);
	if (chunk->circuit) {
		rcast_circuit_consumed(chunk->circuit, chunk->n_credit_bytes);
		rcasti_connection_touch_circuit(chunk->circuit);
	}
	free(chunk);
}

static void drop_all(struct rcasti_input *input)
{
	struct chunk *chunk, *next;

	cds_list_for_each_entry_safe (chunk, next, &input->chunks, node)
		chunk_free(input, chunk);
}

/* How much of it the terminal took. -ENODATA: it never will. */
static ssize_t write_some(struct rcasti_input *input, const char *data, size_t n_bytes)
{
	size_t done = 0;

	while (done < n_bytes) {
		ssize_t n = write(input->fd, data + done, n_bytes - done);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -ENODATA;
		if (n == 0 || (n < 0 && errno == EAGAIN))
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	input->n_written_bytes += done;
	return (ssize_t)done;
}

static int watch_for_room(struct rcasti_input *input)
{
	return input->is_paused ? 0 : rcasti_loop_watch(input->loop, &input->source, input->fd, EPOLLOUT);
}

static void on_room(struct rcasti_source *source, uint32_t events)
{
	struct rcasti_input *input = rcasti_owner(source, struct rcasti_input, source);
	struct chunk *chunk, *next;

	cds_list_for_each_entry_safe (chunk, next, &input->chunks, node) {
		ssize_t n = write_some(input, chunk->data + chunk->n_written_bytes, chunk->n_bytes - chunk->n_written_bytes);

		if (n < 0) {
			drop_all(input);
			break;
		}
		chunk->n_written_bytes += (size_t)n;
		if (chunk->n_written_bytes < chunk->n_bytes) {
			if (watch_for_room(input) == 0)
				return;
			drop_all(input);
			break;
		}
		chunk_free(input, chunk);
	}
	rcasti_loop_forget(input->loop, &input->source);
}

void rcasti_input_init(struct rcasti_input *input, struct rcasti_loop *loop)
{
	*input = (struct rcasti_input){.fd = -1, .loop = loop, .source = {.ready = on_room}};
	CDS_INIT_LIST_HEAD(&input->chunks);
}

void rcasti_input_close(struct rcasti_input *input)
{
	drop_all(input);
	rcasti_loop_forget(input->loop, &input->source);
	if (input->fd >= 0)
		close(input->fd);
	input->fd = -1;
}

void rcasti_input_pause(struct rcasti_input *input)
{
	input->is_paused = true;
	rcasti_loop_forget(input->loop, &input->source);
}

void rcasti_input_resume(struct rcasti_input *input)
{
	input->is_paused = false;
	if (input->fd >= 0 && !cds_list_empty(&input->chunks))
		on_room(&input->source, 0);
}

static int keep(struct rcasti_input *input, const char *data, size_t n_bytes, struct rcast_circuit *circuit,
		size_t n_credit_bytes)
{
	struct chunk *chunk;
	int error = watch_for_room(input);

	if (error)
		return error;
	chunk = malloc(weight(n_bytes));
	if (!chunk)
		return -ENOMEM;
	*chunk = (struct chunk){.circuit = circuit, .n_credit_bytes = n_credit_bytes, .n_bytes = n_bytes};
	memcpy(chunk->data, data, n_bytes);
	cds_list_add_tail(&chunk->node, &input->chunks);
	input->n_waiting_bytes += weight(n_bytes);
	return RCASTI_INPUT_WAITS;
}

int rcasti_input_push(struct rcasti_input *input, const void *data, size_t n_bytes, struct rcast_circuit *circuit,
		      size_t n_credit_bytes)
{
	ssize_t n = 0;

	if (input->fd < 0)
		return -ENODATA;
	if (n_bytes == 0) /* then `data` may be NULL */
		return RCASTI_INPUT_WRITTEN;
	if (input->n_waiting_bytes + weight(n_bytes) > MAX_WAITING_BYTES)
		return -EAGAIN;
	if (memchr(data, '\r', n_bytes) || memchr(data, '\n', n_bytes))
		input->entered_ns = rcasti_now_ns();
	if (!input->is_paused && cds_list_empty(&input->chunks))
		n = write_some(input, data, n_bytes);
	if (n < 0)
		return (int)n;
	if ((size_t)n == n_bytes)
		return RCASTI_INPUT_WRITTEN;
	return keep(input, (const char *)data + n, n_bytes - (size_t)n, circuit, n_credit_bytes);
}

void rcasti_input_forget(struct rcasti_input *input, const struct rcast_circuit *circuit)
{
	struct chunk *chunk;

	cds_list_for_each_entry (chunk, &input->chunks, node)
		if (chunk->circuit == circuit)
			chunk->circuit = NULL;
}
