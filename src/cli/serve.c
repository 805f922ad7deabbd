/* SPDX-License-Identifier: MIT */
/*
 * Threads and signals belong to the command, not to the library: here they are. The two helpers block all signals, so the
 * handler runs on the control thread; all it does is to tell the engine to stop, which is allowed there.
 *
 * A process that hosts sessions does not let others of its user look into it or trace it: what it holds is more than the rights that
 * it has given to them. It leaves no core either. What it executes is a process like any other.
 *
 * Whoever stops first stops the others: an engine of which a third has failed must not look alive.
 *
 * Called by verb_engine.c and by the child in daemon.c; calls <ringcast/engine.h>.
 */
#include "cli/serve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

static struct rcast_engine *served; /* for the handler */

static void stop_served(int signal)
{
	int before = errno;

	rcast_engine_stop(served);
	errno = before;
}

static void catch_signals(void)
{
	static const int caught[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction action = {.sa_handler = stop_served};

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
		sigaction(caught[i], &action, NULL);
}

static void *run_pump(void *engine)
{
	while (rcast_engine_pump(engine, -1) >= 0)
		continue;
	rcast_engine_stop(engine);
	return NULL;
}

static void *run_notify(void *engine)
{
	while (rcast_engine_notify(engine, -1) >= 0)
		continue;
	rcast_engine_stop(engine);
	return NULL;
}

static int run_control(struct rcast_engine *engine, bool until_empty)
{
	int result = 0;

	while (result >= 0 && !(until_empty && rcast_engine_n_sessions(engine) == 0))
		result = rcast_engine_control(engine, -1);
	rcast_engine_stop(engine);
	return result == -ENODATA || result > 0 ? 0 : result;
}

/* Threads inherit the mask of signals of whoever starts them. */
static int start_quiet_thread(pthread_t *thread, void *(*run)(void *), struct rcast_engine *engine)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	error = pthread_create(thread, NULL, run, engine);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

void serve_unseen(void)
{
	prctl(PR_SET_DUMPABLE, 0);
}

int serve_engine(struct rcast_engine *engine, bool until_empty)
{
	pthread_t pump, notify;
	int result;

	served = engine;
	catch_signals();
	result = start_quiet_thread(&pump, run_pump, engine);
	if (result < 0)
		return result;
	result = start_quiet_thread(&notify, run_notify, engine);
	if (result < 0) {
		rcast_engine_stop(engine);
		pthread_join(pump, NULL);
		return result;
	}
	result = run_control(engine, until_empty);
	pthread_join(pump, NULL);
	pthread_join(notify, NULL);
	return result;
}
