/* SPDX-License-Identifier: MIT */
/*
 * Records straight from the mapped ring. The circuit then carries notices only.
 *
 * Reading makes no system call while there is something to read, so the link is looked at only now and then: when the ring is
 * empty, and every LINK_EVERY reads, so that a view that never catches up still learns that it was thrown out. What was
 * published before a notice is in the ring before the notice is sent; so the link is looked at first and the ring once more
 * after it, and only an empty ring then lets the fate be told. Who was thrown out of a session that goes on reads at most what
 * the ring held then.
 *
 * The stream may move to another ring. Then the engine sends that one on the circuit, and it is opened when the old one was
 * read to its end; if that comes first, the view is *stranded* and waits for the circuit only.
 *
 * Asleep: rcast_view_next has returned RCAST_EMPTY with the cursor page saying so, and starts by waking.
 *
 * Called by view.c; calls <ringcast/ring.h>.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client/view.h"

#define LINK_EVERY 256

int rcasti_ring_source_prepare(struct rcast_cursor **cursor, int *cursor_fd)
{
	int result = rcast_cursor_create(cursor);

	if (result < 0)
		return result;
	*cursor_fd = rcast_cursor_dup_fd(*cursor);
	if (*cursor_fd >= 0)
		return 0;
	rcast_cursor_free(*cursor);
	*cursor = NULL;
	return *cursor_fd;
}

static int make_room(struct rcast_view *view, size_t n_bytes)
{
	size_t room = view->buffer_bytes ? view->buffer_bytes : 8192;
	void *grown;

	if (n_bytes > view->info.ring_bytes / 4)
		return -EPROTO;
	while (room < n_bytes)
		room *= 2;
	grown = realloc(view->buffer, room);
	if (!grown)
		return -ENOMEM;
	view->buffer = grown;
	view->buffer_bytes = room;
	return 0;
}

static int take_ring(struct rcast_view *view)
{
	int ring_fd = view->ring_fd;

	view->ring_fd = -1;
	return rcast_reader_open_take(ring_fd, &view->reader);
}

int rcasti_ring_source_seek(struct rcast_view *view, enum rcast_from from, uint64_t pos)
{
	return rcast_reader_seek(view->reader, from, pos);
}

/* A view of the screen waits for it where nothing that it is going to need can be overwritten before long. */
static int seek(struct rcast_view *view, const struct rcast_view_options *options)
{
	enum rcast_from from = options->from == RCAST_FROM_SCREEN ? RCAST_FROM_NEWEST : options->from;
	int result = rcasti_ring_source_seek(view, from, options->from_pos);

	if (result == -EINVAL)
		return rcasti_client_fail(view->client, result,
					  "position %llu lies ahead of the session, which stands at %llu",
					  (unsigned long long)options->from_pos, (unsigned long long)view->info.next_pos);
	if (result < 0)
		return rcasti_client_fail(view->client, result, "the ring of the session is corrupt");
	return 0;
}

int rcasti_ring_source_open(struct rcast_view *view, struct rcast_cursor *take_cursor,
			    const struct rcast_view_options *options)
{
	int result = take_ring(view);

	if (result == 0)
		result = make_room(view, 0); /* so that the data of an empty record is somewhere, too */
	if (result < 0) {
		rcast_cursor_free(take_cursor);
		return rcasti_client_fail(view->client, result, "the ring that the engine sent cannot be used");
	}
	result = rcast_reader_follow_take(view->reader, take_cursor, view->wake_fd);
	view->wake_fd = -1;
	if (result < 0 || rcast_reader_capacity(view->reader) != view->info.ring_bytes)
		return rcasti_client_fail(view->client, result < 0 ? result : -EPROTO,
					  "the ring that the engine sent is not what it said");
	return seek(view, options);
}

void rcasti_ring_source_close(struct rcast_view *view)
{
	if (view->reader)
		rcast_reader_close(view->reader);
	for (int i = 0; i < view->n_next; i++)
		close(view->next_fds[i]);
	free(view->buffer);
}

static int open_next_ring(struct rcast_view *view)
{
	int ring_fd = view->next_fds[0];

	view->n_next--;
	memmove(view->next_fds, view->next_fds + 1, (size_t)view->n_next * sizeof view->next_fds[0]);
	return rcast_reader_move_take(view->reader, ring_fd);
}

/* As rcast_reader_read, on into other rings. */
static int read_rings(struct rcast_view *view, struct rcast_record *record)
{
	int result;

	for (;;) {
		result = rcast_reader_read(view->reader, view->buffer, view->buffer_bytes, record);
		if (result != RCAST_ENDED || record->kind != RCAST_MOVED)
			return result;
		view->stranded = view->n_next == 0;
		if (view->stranded)
			return RCAST_EMPTY;
		result = open_next_ring(view);
		if (result < 0)
			return result;
		view->info.ring_bytes = rcast_reader_capacity(view->reader);
	}
}

static int read_ring(struct rcast_view *view, struct rcast_record *record)
{
	int result;

	while ((result = read_rings(view, record)) == -EMSGSIZE) {
		result = make_room(view, record->n_bytes);
		if (result < 0)
			return result;
	}
	if (result == RCAST_LAPPED)
		view->gap = rcast_reader_get_gap(view->reader);
	return result;
}

static void wake(struct rcast_view *view)
{
	if (!view->asleep)
		return;
	view->asleep = false;
	if (rcast_reader_wake(view->reader) == -EPIPE && !view->unrung) {
		epoll_ctl(view->epoll_fd, EPOLL_CTL_DEL, rcast_reader_fd(view->reader), NULL);
		view->unrung = true;
	}
}

/* The fate may also have been noted while somebody else dispatched the link; either way the bound is set here. */
static void look_at_link(struct rcast_view *view)
{
	int result = view->fate ? 0 : rcasti_client_dispatch(view->client);

	if (!view->fate)
		view->fate = result < 0 ? result : view->circuit ? 0 : -EPIPE;
	if (view->fate && !view->stop_pos)
		view->stop_pos = rcast_reader_pos(view->reader) + view->info.ring_bytes;
}

static bool is_over(const struct rcast_view *view)
{
	return view->stop_pos && rcast_reader_pos(view->reader) >= view->stop_pos;
}

int rcasti_ring_source_next(struct rcast_view *view, struct rcast_record *record)
{
	int result;

	wake(view);
	if (++view->n_reads % LINK_EVERY == 0)
		look_at_link(view);
	for (;;) {
		if (is_over(view))
			return view->fate;
		result = read_ring(view, record);
		if (result != RCAST_EMPTY)
			return result;
		look_at_link(view);
		result = read_ring(view, record);
		if (result != RCAST_EMPTY)
			return result;
		if (view->fate)
			return view->fate;
		/* Stranded, there is no falling asleep; but a ring that came late must not keep the pipe readable. */
		result = view->stranded ? RCAST_EMPTY : rcast_reader_sleep(view->reader);
		if (result == RCAST_EMPTY) {
			view->asleep = true;
			return RCAST_EMPTY;
		}
	}
}
