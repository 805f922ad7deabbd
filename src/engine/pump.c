/* SPDX-License-Identifier: MIT */
/*
 * The pump reads PTYs, pipes and sockets straight into their rings, and is the only publisher of those rings. So everything
 * that must be in order with the output is published by it too: the size before the output that is drawn for it, a title or
 * another event behind the output that set it, the exit behind the last byte. Control asks for these by letter. What a session
 * is owed in this way is paid before anything more is read (owed.c).
 *
 *   FLOWING ─ a lease is in the way → HELD ─ reader got on, or lost its lease → FLOWING
 *           ─ EIO, program lives    → SHUT ─ slave opened again, or program exited → FLOWING
 *           ─ all is over           → OVER   (descriptor closed, FINISHED sent)
 *
 * The end. A pipe ends at end of file. A PTY gives EIO when its last slave is closed; but background children may keep that
 * open for ever, so once the program has exited, silence for GRACE_MS is the end as well. One EAGAIN would prove nothing:
 * what is written to the slave reaches the master by way of a kernel work queue.
 *
 * Fairness. A session gets TURN_BYTES a turn; a busy one stays readable and comes again after the others. While a session is
 * held its descriptor is not watched, and the program behind it waits in its own write; nobody else notices.
 *
 * Who passes the descriptor of a pipe keeps a duplicate, and may clear O_NONBLOCK on the description that both share. Control
 * has therefore opened it anew (start.c), and a socket is received from with MSG_DONTWAIT.
 */
#include "engine/pump.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/notifier.h"
#include "engine/owed.h"
#include "engine/readers.h"
#include "engine/rotate.h"

enum {
	PTY_READ_BYTES = 8 << 10, /* a PTY gives about 4 KiB a read; a larger reservation would only claim more ring */
	PTY_LITTLE_BYTES = 1 << 10,
	PIPE_READ_BYTES = 64 << 10,
	TURN_BYTES = 64 << 10,
	GRACE_MS = 200,
	RECHECK_MS = 1,
	RETRY_MS = 100,
};

static struct rcasti_pump *pump_of(const struct rcast_session *session)
{
	return &session->engine->pump;
}

void rcasti_pump_post(struct rcasti_letter *letter)
{
	rcasti_mailbox_post(pump_of(letter->session)->outbox, letter);
}

static void set_timer(struct rcast_session *session, uint64_t delay_ms)
{
	rcasti_loop_set_timer(&pump_of(session)->loop, &session->pump.timer,
			      delay_ms ? rcasti_now_ns() + delay_ms * RCASTI_NS_PER_MS : 0);
}

/*
 * A descriptor that cannot be watched is always ready: its session comes again in the next turn. If it cannot be watched
 * only now, for want of kernel memory, we look again soon.
 */
static void watch(struct rcast_session *session, uint32_t events)
{
	int error = 0;

	if (!session->pump.always_ready)
		error = rcasti_loop_watch(&pump_of(session)->loop, &session->pump.source, session->pump.fd, events);
	if (error == -EPERM)
		session->pump.always_ready = true;
	if (session->pump.always_ready && events)
		set_timer(session, 0);
	else if (error)
		set_timer(session, RETRY_MS);
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int reserve(struct rcast_session *session, size_t n_bytes, void **space)
{
	int error = rcast_writer_reserve(session->writer, n_bytes, space);

	if (error == -EAGAIN && rcasti_readers_hold(session))
		error = rcast_writer_reserve(session->writer, n_bytes, space);
	return error;
}

enum reading { READ_SOME, READ_LITTLE, READ_NOTHING, READ_HELD, READ_CLOSED };

static ssize_t read_into(const struct rcast_session *session, void *space, size_t n_bytes)
{
	ssize_t n;

	do
		n = session->pump.is_socket ? recv(session->pump.fd, space, n_bytes, MSG_DONTWAIT)
					    : read(session->pump.fd, space, n_bytes);
	while (n < 0 && errno == EINTR);
	return n;
}

static enum reading read_once(struct rcast_session *session, size_t *n_read_bytes)
{
	size_t wanted = session->kind == RCASTI_PTY ? PTY_READ_BYTES : PIPE_READ_BYTES;
	size_t most = rcast_writer_max_bytes(session->writer);
	void *space;
	ssize_t n;

	if (reserve(session, wanted < most ? wanted : most, &space) != 0)
		return READ_HELD;
	n = read_into(session, space, wanted < most ? wanted : most);
	session->pump.n_reads++;
	if (n <= 0)
		return n < 0 && errno == EAGAIN ? READ_NOTHING : READ_CLOSED;
	rcast_writer_commit(session->writer, RCAST_OUTPUT, (size_t)n);
	session->pump.published = true;
	session->pump.silent = false;
	rcasti_owed_scan(session, space, (size_t)n);
	*n_read_bytes += (size_t)n;
	return session->kind == RCASTI_PTY && n < PTY_LITTLE_BYTES ? READ_LITTLE : READ_SOME;
}

/*
 * To look at an empty PTY is not cheap: the kernel has us wait until its work queue has been run. In a flood that saves a
 * sleep. But where little came, a key's echo, say, there is hardly more, and who waits for it would wait longer.
 */
static enum reading pour(struct rcast_session *session)
{
	enum reading reading = READ_SOME;
	size_t n_bytes = 0;

	while (reading == READ_SOME && n_bytes < TURN_BYTES) {
		reading = read_once(session, &n_bytes);
		if (reading <= READ_LITTLE && rcasti_owed_pay(session) != 0)
			reading = READ_HELD;
	}
	return reading;
}

/* ── States ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void hold(struct rcast_session *session)
{
	struct rcasti_session_pump *mine = &session->pump;
	uint64_t now_ns = rcasti_now_ns();

	if (mine->flow == RCASTI_HELD)
		rcasti_readers_charge(session, now_ns - mine->held_since_ns);
	mine->flow = RCASTI_HELD;
	mine->held_since_ns = now_ns;
	watch(session, 0);
	set_timer(session, RECHECK_MS);
}

static void flow(struct rcast_session *session, enum reading reading)
{
	session->pump.flow = RCASTI_FLOWING;
	rcasti_timer_cancel(&session->pump.timer);
	watch(session, EPOLLIN);
	if (reading != READ_SOME && session->pump.exited)
		set_timer(session, GRACE_MS);
}

/* Edge-triggered, a hang-up that lasts is told once, and a slave that is opened again is told too. */
static void shut(struct rcast_session *session)
{
	session->pump.flow = RCASTI_SHUT;
	watch(session, EPOLLIN | EPOLLET);
}

/*
 * To wake the notifier costs as much as to wake a reader, and the reader comes later for it. So a few sleepers are rung here; it
 * is many that would keep us from reading. To look who sleeps costs next to nothing, and often, when readers keep up or have
 * stopped for good, nobody does.
 */
static void announce(struct rcast_session *session)
{
	if (!session->pump.published)
		return;
	session->pump.published = false;
	rcasti_session_count(session);
	if (rcasti_notifier_ring_few(session))
		return;
	rcasti_doorbell_mark(pump_of(session)->doorbell, session->slot);
	pump_of(session)->has_marked = true;
}

static void leave(struct rcast_session *session)
{
	watch(session, 0);
	rcasti_timer_cancel(&session->pump.timer);
	if (session->pump.fd >= 0)
		close(session->pump.fd);
	session->pump.fd = -1;
	session->pump.flow = RCASTI_OVER;
}

static void enter(struct rcast_session *session, enum reading reading)
{
	if (reading == READ_HELD)
		hold(session);
	else if (reading == READ_CLOSED)
		shut(session);
	else
		flow(session, reading);
}

/* A closed terminal, or a silent one, is the end only if the program that could go on is gone. */
static bool is_the_end(const struct rcast_session *session, enum reading reading)
{
	if (session->kind == RCASTI_PIPE)
		return reading == READ_CLOSED;
	return session->pump.exited && (reading == READ_CLOSED || (reading == READ_NOTHING && session->pump.silent));
}

/* Do what can be done for the session now. Called when anything about it has changed. */
static void advance(struct rcast_session *session)
{
	enum reading reading;

	if (atomic_load_explicit(&session->n_leased, memory_order_relaxed) > 0)
		rcasti_readers_hold(session);
	reading = rcasti_owed_pay(session) == 0 ? READ_SOME : READ_HELD;
	if (reading == READ_SOME && session->pump.flow != RCASTI_OVER)
		reading = pour(session);
	if (is_the_end(session, reading)) {
		session->pump.end_wanted = true;
		reading = rcasti_owed_pay(session) == 0 ? READ_CLOSED : READ_HELD;
	}
	announce(session);
	if (session->pump.flow == RCASTI_OVER) {
		leave(session);
		rcasti_pump_post(&session->letters[RCASTI_FINISHED]);
	} else {
		enter(session, reading);
	}
}

static void on_readable(struct rcasti_source *source, uint32_t events)
{
	advance(rcasti_owner(source, struct rcast_session, pump.source));
}

/* The time to look again at a hold, the next turn of a descriptor that cannot be watched, or the end of the grace. */
static void on_timer(struct rcasti_timer *timer)
{
	struct rcast_session *session = rcasti_owner(timer, struct rcast_session, pump.timer);

	session->pump.silent = session->pump.flow == RCASTI_FLOWING;
	advance(session);
}

/* ── Letters ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void add(struct rcast_session *session)
{
	session->pump.source = (struct rcasti_source){.ready = on_readable};
	rcasti_timer_init(&session->pump.timer, on_timer);
	session->pump.hold_pos = rcasti_keyframes_wait(session) ? 0 : RCAST_NO_HOLD;
	rcast_writer_hold(session->writer, session->pump.hold_pos);
	if (session->kind == RCASTI_PTY)
		rcasti_owed_put(session, RCAST_RESIZE, &session->letters[RCASTI_ADD].size,
				sizeof session->letters[RCASTI_ADD].size);
	advance(session);
}

static void resize(struct rcast_session *session, struct rcasti_letter *letter)
{
	if (session->pump.flow == RCASTI_OVER) {
		rcasti_pump_post(letter);
		return;
	}
	session->pump.resize_owed = letter;
	if (session->pump.flow != RCASTI_HELD)
		advance(session);
}

static void answer_elsewhere(struct rcast_session *session, struct rcasti_letter *letter)
{
	if (session->pump.flow == RCASTI_OVER) {
		rcasti_pump_post(letter);
		return;
	}
	session->pump.answerer_owed = letter;
	if (session->pump.flow != RCASTI_HELD)
		advance(session);
}

static void program_exited(struct rcast_session *session, const struct rcasti_letter *letter)
{
	session->pump.exited = true;
	session->pump.exit_owed = true;
	session->pump.exit = letter->exit;
	if (session->pump.flow != RCASTI_HELD)
		advance(session);
}

static void remove_session(struct rcast_session *session, struct rcasti_letter *letter)
{
	leave(session);
	rcasti_pump_post(letter);
}

static void rotate(struct rcast_session *session, struct rcasti_letter *letter)
{
	letter->rotation.done = rcasti_rotate_publish_in(session, letter->rotation.to) == 0;
	if (letter->rotation.done) {
		rcast_writer_hold(session->writer, session->pump.hold_pos);
		session->pump.published = true;
		announce(session);
	}
	rcasti_pump_post(letter);
}

static void open_letter(struct rcasti_letter *letter)
{
	struct rcast_session *session = letter->session;

	switch (letter->kind) {
	case RCASTI_ADD:
		add(session);
		break;
	case RCASTI_RESIZE:
		resize(session, letter);
		break;
	case RCASTI_EXITED:
		program_exited(session, letter);
		break;
	case RCASTI_REMOVE:
		remove_session(session, letter);
		break;
	case RCASTI_TEXTS:
		rcasti_owed_texts_taken(session);
		break;
	case RCASTI_ANSWERER:
		answer_elsewhere(session, letter);
		break;
	case RCASTI_ASKED:
		rcasti_owed_questions_taken(session);
		break;
	case RCASTI_ROTATE:
		rotate(session, letter);
		break;
	case RCASTI_FINISHED:
	case RCASTI_N_LETTERS:
		break;
	}
}

static void on_letters(struct rcasti_source *source, uint32_t events)
{
	struct rcasti_pump *pump = rcasti_owner(source, struct rcasti_pump, inbox_source);
	struct rcasti_letter *letter;

	rcasti_mailbox_clear(&pump->inbox);
	while ((letter = rcasti_mailbox_take(&pump->inbox)) != NULL)
		open_letter(letter);
}

/* ── The thread ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

int rcasti_pump_open(struct rcasti_pump *pump, size_t n_letters, struct rcasti_mailbox *outbox,
		     struct rcasti_doorbell *doorbell)
{
	int error = rcasti_loop_open(&pump->loop);

	if (error)
		return error;
	error = rcasti_mailbox_open(&pump->inbox, n_letters);
	if (error) {
		rcasti_loop_close(&pump->loop);
		return error;
	}
	pump->inbox_source = (struct rcasti_source){.ready = on_letters};
	pump->outbox = outbox;
	pump->doorbell = doorbell;
	error = rcasti_loop_watch(&pump->loop, &pump->inbox_source, pump->inbox.event_fd, EPOLLIN);
	if (error)
		rcasti_pump_close(pump);
	return error;
}

void rcasti_pump_close(struct rcasti_pump *pump)
{
	rcasti_mailbox_close(&pump->inbox);
	rcasti_loop_close(&pump->loop);
}

int rcasti_pump_run(struct rcasti_pump *pump, int timeout_ms)
{
	int error = rcasti_loop_run(&pump->loop, timeout_ms);

	if (pump->has_marked) {
		pump->has_marked = false;
		rcasti_doorbell_ring(pump->doorbell);
	}
	return error;
}
