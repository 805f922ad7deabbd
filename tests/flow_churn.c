/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, at random: sessions come and go, readers attach, stall, leave, are kicked, while programs flood. The
 * engine runs on its three threads, so what is freed too early is found by the sanitizers, and what is lost shows as a
 * wait that does not end. The seed is printed, and can be given as CHURN_SEED.
 */
#include <signal.h>

#include "tap.h"

enum { N_WIRES = 4, N_TAPS = 12, N_NAMES = 6, N_STEPS = 1500 };

static struct wire_engine host;
static struct wire wires[N_WIRES];
static struct tap taps[N_TAPS];
static bool is_open[N_TAPS];
static uint64_t n_started, n_attached, n_ended, n_evicted, n_removed, n_gaps;
static unsigned int seed;

static unsigned int pick(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

static struct wire *some_wire(void)
{
	return &wires[pick(N_WIRES)];
}

static const char *some_name(void)
{
	static const char *const names[N_NAMES] = {"a", "b", "c", "d", "e", "f"};

	return names[pick(N_NAMES)];
}

static void start_one(void)
{
	static const char *const scripts[] = {
		"seq 1 1000000",
		"while read x; do echo $x; done",
		"for i in 1 2 3; do printf '\\033]0;%s\\a' $i; stty size; done",
		"trap '' HUP; yes",
		"sleep 600 & exit 1",
	};
	char *argv[] = {"sh", "-c", (char *)scripts[pick(5)]};
	WIRE_REQUEST(request, start, START, Start, start);

	request_start.name = (char *)some_name();
	request_start.argv = argv;
	request_start.n_argv = 3;
	request_start.ring_bytes = RCAST_RING_MIN_BYTES << pick(3);
	request_start.linger_ms = pick(2) ? 1 + pick(50) : RCAST_NO_LINGER;
	n_started += wire_ask(some_wire(), &request) == 0;
}

static void close_tap(int i)
{
	n_ended += taps[i].ended;
	n_evicted += taps[i].evicted;
	n_removed += taps[i].removed;
	n_gaps += taps[i].n_gaps;
	tap_close(&taps[i]);
	is_open[i] = false;
}

static void toggle_tap(int i)
{
	struct tap_options options = {.by_circuit = pick(2), .input = pick(2), .lease_ms = pick(3) ? 0 : 1 + pick(20)};

	if (is_open[i])
		close_tap(i);
	else
		is_open[i] = tap_open(&taps[i], some_wire(), some_name(), options) == 0;
	n_attached += is_open[i];
}

/* Hang up with whatever is open on it. */
static void reconnect(int w)
{
	wire_close(&wires[w]);
	for (int i = 0; i < N_TAPS; i++) {
		if (!is_open[i] || taps[i].talk.wire != &wires[w])
			continue;
		for (struct wire_reply *reply; (reply = talk_take(&taps[i].talk)) != NULL;)
			wire_reply_free(reply);
		wires[w].error = -EPIPE;
		close_tap(i);
	}
	wire_open(&wires[w], &host);
}

static void read_some(void)
{
	for (int i = 0; i < N_TAPS; i++) {
		if (!is_open[i] || pick(3) == 0)
			continue;
		tap_turn(&taps[i]);
		if (taps[i].n_output > 1 << 20)
			taps[i].n_output = 0;
		taps[i].trace[0] = 0;
	}
}

static void steer(void)
{
	int i = (int)pick(N_TAPS);

	if (is_open[i] && !taps[i].talk.over && pick(2))
		talk_input(&taps[i].talk, "line\n", 5);
	else if (is_open[i] && !taps[i].talk.over)
		talk_resize(&taps[i].talk, 10 + pick(100), 10 + pick(50));
	else
		wire_resize(some_wire(), some_name(), 1 + pick(300), 1 + pick(100));
}

static void step(void)
{
	switch (pick(12)) {
	case 0:
	case 1:
		start_one();
		break;
	case 2:
	case 3:
	case 4:
		toggle_tap((int)pick(N_TAPS));
		break;
	case 5:
		wire_kill(some_wire(), some_name());
		break;
	case 6:
		wire_kick(some_wire(), some_name(), UINT64_MAX);
		break;
	case 7:
		reconnect((int)pick(N_WIRES));
		break;
	case 8:
		wire_signal(some_wire(), some_name(), SIGTERM);
		break;
	case 9:
		steer();
		break;
	default:
		read_some();
		break;
	}
}

HARNESS_TEST(churn, everything_at_once)
{
	const char *given = getenv("CHURN_SEED");

	seed = given ? (unsigned int)strtoul(given, NULL, 10) : (unsigned int)getpid();
	cr_log_info("CHURN_SEED=%u", seed);
	wire_engine_open(&host, (struct rcast_engine_options){.max_lease_ms = 20}, true);
	for (int i = 0; i < N_WIRES; i++)
		wire_open(&wires[i], &host);
	for (int i = 0; i < N_STEPS; i++)
		step();
	for (int i = 0; i < N_TAPS; i++)
		if (is_open[i])
			close_tap(i);
	/* What is left of it all: nothing that is attached, and sessions that can be killed. */
	for (int i = 0; i < N_NAMES; i++)
		wire_kill(&wires[0], (const char[]){(char)('a' + i), 0});
	for (int i = 0; i < N_NAMES; i++)
		cr_assert(!wire_has(&wires[0], (const char[]){(char)('a' + i), 0}));
	for (int i = 0; i < N_WIRES; i++)
		wire_close(&wires[i]);
	wire_engine_close(&host);
	cr_assert_gt(n_started, 20);
	cr_assert_gt(n_attached, 20);
	cr_assert_gt(n_evicted + n_removed, 5);
	cr_log_info("%" PRIu64 " started, %" PRIu64 " attached, %" PRIu64 " ended, %" PRIu64 " evicted, %" PRIu64
		    " removed, %" PRIu64 " gaps",
		    n_started, n_attached, n_ended, n_evicted, n_removed, n_gaps);
}
