/* SPDX-License-Identifier: MIT */
/*
 * A session is followed like by any reader, from the oldest record that there is, and drawn on a screen.
 *
 *   at position 0     the screen is known: all that was ever printed is on it
 *   lapped, or late   the screen is marked unknown, and keyframes are stale until it is known again
 *
 * A question is answered once the screen is not before the position that it names, and is then at whatever record boundary it
 * is. It is a better place to join if no escape sequence or character is cut there; so the answer waits for such a place, for
 * MAX_WAITS records, or half as many milliseconds if none come. A program may stop for longer in the middle of a sequence, or
 * never end it: then the snapshot ends with what has come of it, which means the same to whoever goes on from there.
 *
 * How the program ended is told by its session's last record. That changes no screen, and the keyframe of an ended session lies
 * before it: who joins there learns of it too.
 *
 * Reading goes in turns of TURN_BYTES, or until a lap, so that no session keeps the others from being answered.
 *
 * Nothing that a session prints ends this process. What cannot be followed any more (evicted, corrupt, out of memory) is given
 * up with a last message; the engine asks for it again when it needs it.
 */
#include "keyframer/followed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "control/schema.h"
#include "kernel/sealed.h"
#include "keyframer/watchdog.h"

enum { TURN_BYTES = 256 << 10, MAX_WAITS = 20 };

/* ── Following ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void stop_watching(struct followed *followed)
{
	if (followed->view)
		epoll_ctl(followed->epoll_fd, EPOLL_CTL_DEL, rcast_view_fd(followed->view), NULL);
}

static void give_up(struct followed *followed)
{
	followed->given_up = true;
	followed->has_more = false;
	stop_watching(followed);
	rcast_view_close(followed->view);
	followed->view = NULL;
	rcast_circuit_send(followed->circuit, NULL, 0, RCAST_LAST);
}

static int attach(struct followed *followed, const Ringcast__Wire__Follow *follow)
{
	struct rcast_view_options options = {.from = RCAST_FROM_OLDEST, .lease_ms = follow->lease_ms};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = followed};
	int error = rcast_view_open(followed->client, follow->session, &options, &followed->view);

	if (error)
		return error;
	return epoll_ctl(followed->epoll_fd, EPOLL_CTL_ADD, rcast_view_fd(followed->view), &event) == 0 ? 0 : -errno;
}

/* A size of a terminal that no screen can have leaves the screen as it is, and the session without keyframes. */
static int make_screen(struct followed *followed)
{
	const struct rcast_session_info *info = rcast_view_info(followed->view);
	int error = rcast_screen_create(info->cols, info->rows, &followed->screen);

	followed->fits = error == 0;
	if (error == -EINVAL)
		error = rcast_screen_create(80, 24, &followed->screen);
	return error;
}

static void follow(struct followed *followed, const Ringcast__Wire__Follow *wanted)
{
	int error = followed->view ? -EPROTO : attach(followed, wanted);

	if (!error)
		error = make_screen(followed);
	if (error) {
		give_up(followed);
		return;
	}
	followed->is_placed = followed->knows_size = true;
	followed->has_more = true;
}

/* ── Drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void resize(struct followed *followed, struct rcast_resize size)
{
	followed->fits = rcast_screen_resize(followed->screen, size.cols, size.rows) == 0;
	followed->knows_size = true;
}

static void miss(struct followed *followed)
{
	rcast_screen_mark_unknown(followed->screen);
	followed->is_placed = followed->knows_size = false;
}

static void draw(struct followed *followed, const struct rcast_record *record)
{
	struct rcast_resize size;

	if (record->pos != followed->pos && followed->is_placed)
		miss(followed);
	if (record->kind == RCAST_OUTPUT)
		rcast_screen_feed(followed->screen, record->data, record->n_bytes);
	if (record->kind == RCAST_RESIZE && record->n_bytes == sizeof size) {
		memcpy(&size, record->data, sizeof size);
		resize(followed, size);
	}
	followed->is_at_exit = record->kind == RCAST_EXIT;
	followed->exit_pos = record->pos;
	followed->pos = record->next_pos;
	followed->sequence = record->sequence + 1;
	followed->output_pos = record->output_pos + (record->kind == RCAST_OUTPUT ? record->n_bytes : 0);
	followed->is_placed = true;
}

static void end(struct followed *followed)
{
	followed->has_more = false;
	followed->has_ended = true;
	stop_watching(followed);
}

/* Returns what was drawn, in bytes of ring; after a lap, the rest of the turn. */
static size_t read_one(struct followed *followed)
{
	struct rcast_record record;
	int outcome = rcast_view_next(followed->view, &record);

	watchdog_feed();
	switch (outcome) {
	case RCAST_RECORD:
		draw(followed, &record);
		return record.next_pos - record.pos;
	case RCAST_LAPPED:
		miss(followed);
		return TURN_BYTES;
	case RCAST_EMPTY:
		followed->has_more = false;
		return 0;
	case RCAST_ENDED:
		end(followed);
		return 0;
	default:
		give_up(followed);
		return 0;
	}
}

/* ── Answering ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* False: it could not be sent now, and the question stays. */
static bool send_answer(struct followed *followed, const Ringcast__Wire__KeyframerAnswer *answer, int take_fd)
{
	int error = rcasti_schema_send(followed->circuit, &answer->base, 0, &take_fd, take_fd >= 0);

	if (error && take_fd >= 0)
		close(take_fd);
	if (error && error != -EAGAIN)
		give_up(followed);
	return error != -EAGAIN;
}

static bool answer_error(struct followed *followed, int error)
{
	Ringcast__Wire__KeyframerAnswer answer = RINGCAST__WIRE__KEYFRAMER_ANSWER__INIT;

	answer.error = error == -EOPNOTSUPP ? EOPNOTSUPP : EAGAIN;
	return send_answer(followed, &answer, -1);
}

static bool answer_keyframe(struct followed *followed, size_t n_bytes, int take_fd)
{
	Ringcast__Wire__KeyframerAnswer answer = RINGCAST__WIRE__KEYFRAMER_ANSWER__INIT;
	Ringcast__Wire__KeyframeInfo info = RINGCAST__WIRE__KEYFRAME_INFO__INIT;
	uint16_t cols, rows, cursor_col, cursor_row;
	bool visible;

	rcast_screen_get_size(followed->screen, &cols, &rows);
	rcast_screen_get_cursor(followed->screen, &cursor_col, &cursor_row, &visible);
	info.pos = followed->is_at_exit ? followed->exit_pos : followed->pos;
	info.output_pos = followed->output_pos;
	info.sequence = followed->sequence - followed->is_at_exit;
	info.cols = cols;
	info.rows = rows;
	info.cursor_col = cursor_col;
	info.cursor_row = cursor_row;
	info.stale = !rcast_screen_is_known(followed->screen);
	info.n_bytes = n_bytes;
	answer.keyframe = &info;
	answer.before_exit = followed->is_at_exit;
	return send_answer(followed, &answer, take_fd);
}

/* The snapshot as sealed memory. Returns its descriptor, or -errno. */
static int snapshot(const struct followed *followed, size_t *n_bytes)
{
	char *bytes;
	int result = followed->fits ? rcast_screen_snapshot(followed->screen, &bytes, n_bytes) : -EOPNOTSUPP;

	if (result < 0)
		return result;
	if (*n_bytes > RCASTI_MAX_KEYFRAME_BYTES)
		result = -EOPNOTSUPP;
	else
		result = rcasti_sealed_create("ringcast-keyframe", bytes, *n_bytes);
	free(bytes);
	return result;
}

static void answer(struct followed *followed)
{
	size_t n_bytes = 0;
	int fd;

	if (!followed->knows_size)
		resize(followed, followed->asked_size);
	fd = snapshot(followed, &n_bytes);
	followed->asked = !(fd < 0 ? answer_error(followed, fd) : answer_keyframe(followed, n_bytes, fd));
}

static bool has_come_far_enough(const struct followed *followed)
{
	return followed->has_ended || (followed->is_placed && followed->pos >= followed->asked_pos);
}

static void answer_if_due(struct followed *followed)
{
	if (!followed->asked || followed->given_up || !has_come_far_enough(followed))
		return;
	if (!rcast_screen_is_at_cut_point(followed->screen) && followed->n_waits < MAX_WAITS && !followed->has_ended) {
		followed->n_waits++;
		return;
	}
	answer(followed);
}

/* ── The engine's requests ───────────────────────────────────────────────────────────────────────────────────────────── */

static void question(struct followed *followed, const Ringcast__Wire__Question *wanted)
{
	followed->asked = true;
	followed->asked_pos = wanted->at_least_pos;
	followed->asked_size = (struct rcast_resize){.cols = (uint16_t)wanted->cols, .rows = (uint16_t)wanted->rows};
	followed->n_waits = 0;
	followed->has_more = !followed->has_ended;
}

static void obey(struct followed *followed, const Ringcast__Wire__KeyframerRequest *request)
{
	if (request->request_case == RINGCAST__WIRE__KEYFRAMER_REQUEST__REQUEST_FOLLOW)
		follow(followed, request->follow);
	else if (request->request_case == RINGCAST__WIRE__KEYFRAMER_REQUEST__REQUEST_QUESTION && !followed->given_up)
		question(followed, request->question);
}

enum rcast_consumed followed_message(struct followed *followed, struct rcast_message *message)
{
	Ringcast__Wire__KeyframerRequest *request = NULL;

	if (message->last)
		give_up(followed);
	else
		request = ringcast__wire__keyframer_request__unpack(NULL, message->n_bytes, message->data);
	if (request)
		obey(followed, request);
	ringcast__wire__keyframer_request__free_unpacked(request, NULL);
	return RCAST_CONSUMED;
}

/* ── Turns ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

void followed_advance(struct followed *followed)
{
	size_t n_bytes = 0;

	if (followed_is_urgent(followed) && !followed->has_ended)
		followed->has_more = true;
	answer_if_due(followed);
	while (followed->has_more && n_bytes < TURN_BYTES) {
		n_bytes += read_one(followed);
		answer_if_due(followed);
	}
}

bool followed_is_urgent(const struct followed *followed)
{
	return followed->asked && !followed->given_up;
}

void followed_free(struct followed *followed)
{
	stop_watching(followed);
	rcast_view_close(followed->view);
	rcast_screen_free(followed->screen);
	free(followed);
}
