/* SPDX-License-Identifier: MIT */
/*
 * The handler writes the signal's number into a pipe and does nothing else; loops poll the pipe. Handlers are installed without
 * SA_RESTART, so a write to a terminal or pipe that takes nothing is left with EINTR.
 *
 * Called by follow.c, output.c and the verbs. There is one set of signals in a process, hence the static state.
 */
#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int signal_pipe[2] = {-1, -1};
static int ending;
static bool resized, stopped, continued;

static void note_signal(int signal)
{
	int before = errno;
	unsigned char number = (unsigned char)signal;
	ssize_t ignored = write(signal_pipe[1], &number, 1);

	(void)ignored;
	errno = before;
}

static void catch_signals(const int *signals, size_t n_signals)
{
	struct sigaction action = {.sa_handler = note_signal}, before;

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < n_signals; i++) {
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

int signals_open(void)
{
	static const int ending_signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};

	if (signal_pipe[0] >= 0)
		return 0;
	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	catch_signals(ending_signals, sizeof ending_signals / sizeof ending_signals[0]);
	return 0;
}

int signals_open_for_terminal(void)
{
	static const int terminal_signals[] = {SIGWINCH, SIGTSTP, SIGCONT};
	int result = signals_open();

	if (result == 0)
		catch_signals(terminal_signals, sizeof terminal_signals / sizeof terminal_signals[0]);
	return result;
}

int signals_fd(void)
{
	return signal_pipe[0];
}

void signals_read(void)
{
	unsigned char number;

	while (signal_pipe[0] >= 0 && read(signal_pipe[0], &number, 1) == 1) {
		if (number == SIGWINCH)
			resized = true;
		else if (number == SIGTSTP)
			stopped = true;
		else if (number == SIGCONT)
			continued = true;
		else
			ending = number;
	}
}

int signals_ending(void)
{
	return ending;
}

static bool take(bool *flag)
{
	bool was = *flag;

	*flag = false;
	return was;
}

bool signals_take_resize(void)
{
	return take(&resized);
}

bool signals_take_stop(void)
{
	return take(&stopped);
}

bool signals_take_continue(void)
{
	return take(&continued);
}

/* SIGTSTP and not SIGSTOP: the kernel drops it in a process group that no shell looks after, where we would stop for good. */
void signals_stop_self(void)
{
	struct sigaction ours, usual = {.sa_handler = SIG_DFL};

	sigaction(SIGTSTP, &usual, &ours);
	raise(SIGTSTP);
	sigaction(SIGTSTP, &ours, NULL);
}
