/* SPDX-License-Identifier: MIT */
/* See host.h. The engine's process is ended by a signal, so its socket stays behind: each gets a path of its own. */
#include "perf/host.h"

#include <ringcast/engine.h>

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perf/scratch.h"

static void *run_control(void *engine)
{
	while (rcast_engine_control(engine, -1) == 0)
		;
	return NULL;
}

static void *run_notify(void *engine)
{
	while (rcast_engine_notify(engine, -1) == 0)
		;
	return NULL;
}

static void *run_pump(void *engine)
{
	while (rcast_engine_pump(engine, -1) == 0)
		;
	return NULL;
}

static void run_engine(void *options)
{
	struct rcast_engine *engine;
	pthread_t threads[2];
	int error;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* so that strace may count its calls */
	measure_check(rcast_engine_create(options, &engine), "rcast_engine_create");
	error = pthread_create(&threads[0], NULL, run_notify, engine);
	if (error == 0)
		error = pthread_create(&threads[1], NULL, run_pump, engine);
	if (error != 0)
		measure_fail(error, "pthread_create");
	run_control(engine);
}

static void open_host(struct host *host, enum measure_cpu cpu, const char *keyframer)
{
	static unsigned int n_opened;
	struct rcast_engine_options options = {
		.path = host->path, .max_sessions = 2048, .per_connection = {.max_sessions = 2048}, .keyframer = keyframer};
	uint64_t start = measure_now_ns();
	int error;

	mkdir(scratch_path("ringcast"), 0700);
	strcpy(host->path, scratch_path("ringcast/engine-%u", n_opened++));
	host->pid = measure_fork(cpu, run_engine, &options);
	while ((error = rcast_client_connect(host->path, &host->client)) != 0) {
		if (measure_now_ns() - start > UINT64_C(5000000000))
			measure_fail(error, "the engine does not answer");
		usleep(1000);
	}
}

void host_open(struct host *host, enum measure_cpu cpu)
{
	open_host(host, cpu, NULL);
}

void host_open_with_keyframes(struct host *host, enum measure_cpu cpu)
{
	open_host(host, cpu, scratch_program("ringcast-keyframer"));
}

void host_close(struct host *host)
{
	rcast_client_free(host->client);
	measure_kill(host->pid);
	unlink(host->path);
}

void host_start(struct host *host, const char *name, const char *const *argv, uint64_t ring_bytes)
{
	struct rcast_start_options options = {.name = name, .argv = argv, .ring_bytes = ring_bytes};
	int error = rcast_client_start(host->client, &options);

	if (error != 0)
		measure_fail(error, "starting the session %s: %s", name, rcast_client_error(host->client));
}

void host_view(const struct host *host, const char *session, const struct rcast_view_options *options,
	       struct rcast_client **client, struct rcast_view **view)
{
	int error;

	measure_check(rcast_client_connect(host->path, client), "rcast_client_connect");
	error = rcast_view_open(*client, session, options, view);
	if (error != 0)
		measure_fail(error, "attaching to %s: %s", session, rcast_client_error(*client));
}

int host_next(struct rcast_view *view, struct rcast_record *record)
{
	int outcome;

	while ((outcome = rcast_view_next(view, record)) == RCAST_EMPTY)
		poll(&(struct pollfd){.fd = rcast_view_fd(view), .events = POLLIN}, 1, -1);
	return measure_check(outcome, "rcast_view_next");
}
