/* SPDX-License-Identifier: MIT */
/*
 * Keys go to the session, output comes back, the session gets our size. The detach key is looked for in what is typed and goes
 * nowhere.
 *
 * Input waits in `pending` while the session's program does not read; the keyboard is still read as long as there is room, so
 * that the detach key works then too.
 */
#include "cli/attached.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "cli/message.h"
#include "cli/show.h"
#include "cli/signals.h"

struct attached {
	struct show show;
	unsigned char detach_key;
	bool input_over; /* standard input has come to its end */
	size_t n_pending;
	unsigned char pending[65536];
};

/* ── Input ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void send_pending(struct attached *attached)
{
	size_t sent = 0;
	int result = 0;

	while (sent < attached->n_pending && result == 0) {
		size_t n = attached->n_pending - sent;

		n = n < RCAST_INPUT_MAX ? n : RCAST_INPUT_MAX;
		result = rcast_view_send_input(attached->show.follow.view, attached->pending + sent, n);
		if (result == 0)
			sent += n;
	}
	if (result < 0 && result != -EAGAIN)
		sent = attached->n_pending; /* the session has ended or we were thrown out: the view is about to say so */
	attached->n_pending -= sent;
	memmove(attached->pending, attached->pending + sent, attached->n_pending);
}

static bool take_input(void *user)
{
	struct attached *attached = user;
	unsigned char *space = attached->pending + attached->n_pending;
	size_t room = sizeof attached->pending - attached->n_pending;
	ssize_t n = read(attached->show.follow.input_fd, space, room);
	unsigned char *detach;

	attached->show.follow.has_more_input = n < 0 || (size_t)n == room;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		attached->input_over = true;
		return !attached->show.stage.terminal.has_keys;
	}
	detach = attached->show.stage.terminal.has_keys ? memchr(space, attached->detach_key, (size_t)n) : NULL;
	attached->n_pending += detach ? (size_t)(detach - space) : (size_t)n;
	send_pending(attached);
	return !detach;
}

/* ── Size ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void send_size(struct attached *attached)
{
	uint16_t cols, rows;

	if (!attached->show.stage.window_changed)
		return;
	if (!terminal_size(&attached->show.stage.terminal, &cols, &rows) ||
	    rcast_view_resize(attached->show.follow.view, cols, rows) != -EAGAIN)
		attached->show.stage.window_changed = false;
}

/* ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int attached_pause(void *user)
{
	struct attached *attached = user;
	bool has_room = attached->n_pending < sizeof attached->pending;
	int result = show_pause(&attached->show);

	send_size(attached);
	send_pending(attached);
	/* What our terminal shows of a screen of another size is elsewhere: then it is not the one to say where the cursor is. */
	if (terminal_can_answer(&attached->show.stage.terminal))
		rcast_view_set_answers(attached->show.follow.view, !attached->show.stage.canvas.fitted);
	attached->show.follow.input_fd = has_room && !attached->input_over ? STDIN_FILENO : -1;
	return result;
}

int attached_exit_code(int exit_code)
{
	return exit_code == EXIT_CODE_FAILURE ? EXIT_CODE_OWN_FAILURE : exit_code;
}

/* A program's last record says how it ended; a session that was killed goes without. */
static int program_exit_code(const struct follow *follow)
{
	if (!follow->has_exit)
		return EXIT_CODE_DETACHED;
	return follow->exit.signal ? EXIT_CODE_SIGNAL + follow->exit.signal : follow->exit.status & 0xff;
}

static int attached_record(void *user, const struct rcast_record *record)
{
	return show_record(&((struct attached *)user)->show, record);
}

static int attached_gap(void *user, const struct rcast_loss *lost)
{
	return show_gap(&((struct attached *)user)->show, lost);
}

int attached_run(struct rcast_client *client, const char *session, const struct attached_options *options)
{
	static const struct follow_ops ops = {
		.record = attached_record, .gap = attached_gap, .input = take_input, .pause = attached_pause};
	static struct attached attached;
	struct rcast_view_options view_options = {
		.from = options->is_first ? RCAST_FROM_OLDEST : RCAST_FROM_SCREEN, .rejoin = true, .input = true};
	struct show *show = &attached.show;
	enum follow_end end;
	int result;

	attached.detach_key = options->detach_key;
	show->stage.window_changed = true;
	canvas_hold_back(&show->stage.canvas); /* until the session has our size */
	show->stage.canvas.is_inline = options->is_inline || options->is_first;
	show->follow = (struct follow){.session = session, .client = client, .ops = &ops, .user = &attached, .input_fd = -1};
	terminal_open(&show->stage.terminal, STDIN_FILENO, STDOUT_FILENO);
	if (terminal_can_answer(&show->stage.terminal))
		view_options.answers = options->is_first ? RCAST_ANSWERS_FROM_START : RCAST_ANSWERS_FROM_NOW;
	result = rcast_view_open(client, session, &view_options, &show->follow.view);
	if (result < 0)
		return attached_exit_code(message_client(client, session, result));
	end = show_follow(show);
	result = end == FOLLOW_ENDED ? program_exit_code(&show->follow)
				     : attached_exit_code(follow_exit_code(&show->follow, end));
	rcast_view_close(show->follow.view);
	return result;
}
