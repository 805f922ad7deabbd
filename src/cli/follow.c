/* SPDX-License-Identifier: MIT */
/*
 * One turn takes up to RECORDS_A_TURN records from the view and then looks at everything else without waiting: signals and keys
 * must work also while a session floods us. Only a turn that has emptied the view sleeps, on view, signals and input at once.
 * Woken by something else, it leaves the view alone.
 *
 * They are watched by an epoll set, in which a terminal is edge-triggered. To ask an empty terminal whether there is input makes one
 * wait for the kernel's work queue, which has hardly finished with the key that it brought; and the key's echo comes later for it.
 *
 * A gap is told when the record behind it is known, because that record's stamps say how much output the gap cost.
 *
 * Called by the verbs that follow a session; calls <ringcast/client.h>.
 */
#include "cli/follow.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/signals.h"

#define RECORDS_A_TURN 64

enum source { VIEW, SIGNALS, INPUT, N_SOURCES };

static void note_exit(struct follow *follow, const struct rcast_record *record)
{
	if (record->kind != RCAST_EXIT || record->n_bytes < sizeof follow->exit)
		return;
	memcpy(&follow->exit, record->data, sizeof follow->exit);
	follow->has_exit = true;
}

static int tell_gaps(struct follow *follow)
{
	struct rcast_loss all = rcast_view_get_loss(follow->view), lost = all;

	if (all.n_gaps == follow->told.n_gaps)
		return 0;
	lost.n_gaps -= follow->told.n_gaps;
	lost.lost_bytes -= follow->told.lost_bytes;
	lost.lost_records -= follow->told.lost_records;
	lost.lost_output -= follow->told.lost_output;
	follow->told = all;
	return follow->ops->gap ? follow->ops->gap(follow->user, &lost) : 0;
}

static int deliver_record(struct follow *follow, const struct rcast_record *record)
{
	int result = tell_gaps(follow);

	note_exit(follow, record);
	return result == 0 ? follow->ops->record(follow->user, record) : result;
}

/* Take what the view has, up to a bound. RCAST_RECORD: there may be more. */
static int take_records(struct follow *follow)
{
	int outcome = follow->is_level ? RCAST_EMPTY : RCAST_RECORD;

	for (int n = 0; n < RECORDS_A_TURN && (outcome == RCAST_RECORD || outcome == RCAST_LAPPED); n++) {
		struct rcast_record record;

		outcome = rcast_view_next(follow->view, &record);
		if (outcome == RCAST_RECORD)
			follow->error = deliver_record(follow, &record);
		else if (outcome != RCAST_EMPTY && outcome != RCAST_LAPPED)
			follow->error = tell_gaps(follow);
		if (follow->error)
			return outcome;
	}
	follow->is_level = outcome == RCAST_EMPTY;
	return outcome == RCAST_LAPPED ? RCAST_RECORD : outcome;
}

/* ── Looking around ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int watch(const struct follow *follow, int operation, enum source source, int fd)
{
	uint32_t edge = source == INPUT && isatty(fd) ? EPOLLET : 0;
	struct epoll_event event = {.events = EPOLLIN | edge, .data.u32 = source};

	return epoll_ctl(follow->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

/* What cannot be watched, a file, is always ready. */
static void change_input(struct follow *follow)
{
	if (follow->watched_fd >= 0 && !follow->input_is_ready)
		watch(follow, EPOLL_CTL_DEL, INPUT, follow->watched_fd);
	follow->watched_fd = follow->input_fd;
	follow->input_is_ready = follow->input_fd >= 0 && watch(follow, EPOLL_CTL_ADD, INPUT, follow->input_fd) < 0;
}

static void watch_input(struct follow *follow)
{
	if (follow->input_fd != follow->watched_fd)
		change_input(follow);
	else if (follow->has_more_input && !follow->input_is_ready)
		watch(follow, EPOLL_CTL_MOD, INPUT, follow->input_fd); /* what is readable is told anew */
	follow->has_more_input = false;
}

static int begin_watching(struct follow *follow)
{
	int result;

	follow->watched_fd = -1;
	follow->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (follow->epoll_fd < 0)
		return -errno;
	result = watch(follow, EPOLL_CTL_ADD, VIEW, rcast_view_fd(follow->view));
	if (result == 0 && signals_fd() >= 0)
		result = watch(follow, EPOLL_CTL_ADD, SIGNALS, signals_fd());
	if (result < 0)
		close(follow->epoll_fd);
	return result;
}

/* Wait for something, or only look if `busy`. False: the user wants to leave. */
static bool look_around(struct follow *follow, bool busy)
{
	int timeout_ms = follow->wake_ms ? (int)follow->wake_ms : -1, n;
	struct epoll_event events[N_SOURCES];
	bool ready[N_SOURCES] = {false};

	watch_input(follow);
	ready[INPUT] = follow->input_is_ready;
	n = epoll_wait(follow->epoll_fd, events, N_SOURCES, busy || ready[INPUT] ? 0 : timeout_ms);
	for (int i = 0; i < n; i++)
		ready[events[i].data.u32] = true;
	if (ready[VIEW])
		follow->is_level = false;
	if (ready[SIGNALS])
		signals_read();
	if (ready[INPUT] && follow->ops->input)
		return follow->ops->input(follow->user);
	return true;
}

static enum follow_end judge_error(const struct follow *follow)
{
	return follow->error == -EINTR ? FOLLOW_SIGNALLED : FOLLOW_UNWRITABLE;
}

static enum follow_end judge_outcome(struct follow *follow, int outcome)
{
	follow->error = outcome;
	if (outcome == RCAST_ENDED)
		return FOLLOW_ENDED;
	if (outcome == -ECONNABORTED)
		return FOLLOW_DETACHED;
	return outcome == -EPIPE ? FOLLOW_GONE : FOLLOW_FAILED;
}

static enum follow_end run(struct follow *follow)
{
	for (;;) {
		int outcome = take_records(follow);

		if (follow->error)
			return judge_error(follow);
		if (outcome != RCAST_EMPTY && outcome != RCAST_RECORD)
			return judge_outcome(follow, outcome);
		if (follow->ops->pause)
			follow->error = follow->ops->pause(follow->user);
		if (follow->error)
			return judge_error(follow);
		if (!look_around(follow, outcome == RCAST_RECORD))
			return FOLLOW_LEFT;
		if (signals_ending())
			return FOLLOW_SIGNALLED;
	}
}

enum follow_end follow_run(struct follow *follow)
{
	enum follow_end end;
	int result = begin_watching(follow);

	if (result < 0) {
		message_line("%s cannot be followed: %s", follow->session, message_errno(result));
		return FOLLOW_UNUSABLE;
	}
	end = run(follow);
	close(follow->epoll_fd);
	return end;
}

/* ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	char line[256];
	va_list list;

	va_start(list, format);
	vsnprintf(line, sizeof line, format, list);
	va_end(list);
	output_try(STDERR_FILENO, line);
}

static bool is_program(const struct follow *follow)
{
	return rcast_view_info(follow->view)->kind == RCAST_SESSION_PTY;
}

static void say_ended(const struct follow *follow)
{
	if (!follow->has_exit)
		say("[%s %s]\n", follow->session, is_program(follow) ? "was killed" : "ended");
	else if (follow->exit.signal)
		say("[%s ended: killed by signal %d, %s]\n", follow->session, follow->exit.signal,
		    strsignal(follow->exit.signal));
	else
		say("[%s ended: exit status %d]\n", follow->session, follow->exit.status);
}

void follow_say_end(const struct follow *follow, enum follow_end end)
{
	switch (end) {
	case FOLLOW_ENDED:
		say_ended(follow);
		break;
	case FOLLOW_LEFT:
		say("[detached]\n");
		break;
	case FOLLOW_SIGNALLED:
		say("[detached: %s]\n", strsignal(signals_ending()));
		break;
	case FOLLOW_GONE:
		say("[the engine of %s is gone]\n", follow->session);
		break;
	case FOLLOW_DETACHED:
	case FOLLOW_FAILED:
		message_client(follow->client, follow->session, follow->error);
		break;
	case FOLLOW_UNWRITABLE:
		output_failed(follow->error);
		break;
	case FOLLOW_UNUSABLE:
		break;
	}
}

int follow_exit_code(const struct follow *follow, enum follow_end end)
{
	switch (end) {
	case FOLLOW_ENDED:
	case FOLLOW_LEFT:
		return EXIT_CODE_OK;
	case FOLLOW_SIGNALLED:
		return EXIT_CODE_SIGNAL + signals_ending();
	case FOLLOW_DETACHED:
		return EXIT_CODE_DETACHED;
	case FOLLOW_GONE:
		return EXIT_CODE_GONE;
	default:
		return EXIT_CODE_FAILURE;
	}
}
