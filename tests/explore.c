/* SPDX-License-Identifier: MIT */
/*
 * An exhaustive explorer of small C11 programs: the operational, view-based form of RC11 without load buffering (the promising
 * semantics of Kang et al., POPL 2017, without promises).
 *
 * Memory keeps for each location all that was ever stored to it, in order: its messages. A thread does not see "the" value of
 * a location; it has a view, which says for each location the oldest message that it may still read. A load may read that one
 * or any later: which, is a decision, and every one is tried.
 *
 *   thread.current    what its next load may not fall behind
 *   thread.acquired   what an acquire fence would make its current view: the views of all messages it has read
 *   thread.released   its current view at its latest release fence; what its relaxed stores hand on
 *   message.view      what an acquire load of the message adds to the reader's view: the current view of a release store,
 *                     the released view of a relaxed one
 *
 * A seq_cst fence exchanges views with one global view. Release sequences are left out, as in C++20, which allows more. A
 * location is stored to by one thread, or by one that has seen all that others stored there; so there is but one order of
 * its messages. A program that breaks this is refused. Loads never read from the future, which hardware that reorders a load
 * behind a later store of the same thread could in theory do, and compilers do not.
 *
 * Threads are coroutines. Stores are done at once, since whoever is to miss one can read an older message still. Before a load
 * that has a choice and before a seq_cst fence a thread may let another go first, which is a decision too. So the executions are
 * the leaves of a tree of decisions, walked by running the program again for each with a stack of decisions.
 *
 * Called by the runtime as main(); runs the program, built with explore.h, as explored_main().
 *
 *   explore_NAME [WITNESS…]   exit status 0: all executions were gone through and each witness was seen. What breaks the program,
 *                             it says itself; the execution that led there is printed then.
 */
#define EXPLORE_ITSELF 1
#include "explore.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>

enum {
	MAX_LOCATIONS = 24,
	MAX_MESSAGES = 64,
	MAX_THREADS = 4,
	MAX_DECISIONS = 512,
	MAX_EVENTS = 1024,
	MAX_WITNESSES = 16,
	STACK_BYTES = 128 << 10,
};

#define MAX_EXECUTIONS UINT64_C(200000000)

struct view {
	uint8_t at[MAX_LOCATIONS];
};

struct message {
	uint64_t value;
	struct view view;
};

struct location {
	const void *address;
	int owner; /* the thread that stores to it; -1: none yet */
	uint8_t n_messages;
	struct message messages[MAX_MESSAGES];
};

struct thread {
	struct view current, acquired, released;
	void *(*run)(void *);
	void *argument;
	bool done, yielded;
	int joins; /* the thread it waits for, or -1 */
	ucontext_t context;
	char *stack;
};

struct decision {
	uint16_t chosen, n;
};

/* For the account of an execution that broke. */
struct event {
	int thread;
	const char *what, *name;
	uint64_t value;
	int message, n_messages, location;
};

struct witnessed {
	const char *what;
	uint64_t n_executions, last_execution;
};

static struct location locations[MAX_LOCATIONS];
static int n_locations;
static struct thread threads[MAX_THREADS];
static int n_threads, running;
static struct view global;
static struct decision decisions[MAX_DECISIONS];
static int n_decisions, depth;
static struct event events[MAX_EVENTS];
static int n_events;
static struct witnessed witnesses[MAX_WITNESSES];
static int n_witnesses;
static uint64_t n_executions;
static ucontext_t outside;

static void refuse(const char *why)
{
	fprintf(stderr, "explore: %s\n", why);
	abort();
}

/* ── Decisions ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int decide(int n)
{
	if (n == 1)
		return 0;
	if (depth == MAX_DECISIONS)
		refuse("too many decisions in one execution");
	if (depth == n_decisions)
		decisions[n_decisions++] = (struct decision){.n = (uint16_t)n};
	if (decisions[depth].n != n)
		refuse("the program does not do the same again");
	return decisions[depth++].chosen;
}

/* The next path through the tree. False: that was the last. */
static bool backtrack(void)
{
	while (n_decisions > 0 && ++decisions[n_decisions - 1].chosen == decisions[n_decisions - 1].n)
		n_decisions--;
	return n_decisions > 0;
}

/* ── Threads ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_runnable(const struct thread *thread)
{
	return !thread->done && (thread->joins < 0 || threads[thread->joins].done);
}

static void switch_to(int next)
{
	int from = running;

	running = next;
	swapcontext(&threads[from].context, &threads[next].context);
}

/* Latest first: a program that starts its writer last has it run to its end first, if it does not wait for anybody. */
static int latest_runnable(void)
{
	for (int i = n_threads - 1; i >= 0; i--)
		if (is_runnable(&threads[i]))
			return i;
	refuse("every thread waits for another");
	return -1;
}

/* Others that have got somewhere since they last let somebody go first. */
static int others_to_go_first(int others[])
{
	int n = 0;

	for (int i = 0; i < n_threads; i++)
		if (i != running && is_runnable(&threads[i]) && !threads[i].yielded)
			others[n++] = i;
	return n;
}

static void has_got_somewhere(void)
{
	for (int i = 0; i < n_threads; i++)
		threads[i].yielded = false;
}

static void yield_to(int other)
{
	threads[running].yielded = true;
	switch_to(other);
}

static void run_thread(void)
{
	threads[running].run(threads[running].argument);
	threads[running].done = true;
	has_got_somewhere();
	if (running == 0)
		setcontext(&outside);
	running = latest_runnable();
	setcontext(&threads[running].context);
}

static int add_thread(void *(*run)(void *), void *argument)
{
	struct thread *thread = &threads[n_threads];

	if (n_threads == MAX_THREADS)
		refuse("too many threads");
	if (!thread->stack)
		thread->stack = malloc(STACK_BYTES);
	*thread = (struct thread){.run = run, .argument = argument, .joins = -1, .stack = thread->stack};
	getcontext(&thread->context);
	thread->context.uc_stack.ss_sp = thread->stack;
	thread->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&thread->context, run_thread, 0);
	return n_threads++;
}

static void join_view(struct view *into, const struct view *from)
{
	for (int i = 0; i < MAX_LOCATIONS; i++)
		into->at[i] = from->at[i] > into->at[i] ? from->at[i] : into->at[i];
}

int explore_spawn(pthread_t *thread, void *(*run)(void *), void *argument)
{
	int child = add_thread(run, argument);

	threads[child].current = threads[child].acquired = threads[running].current;
	*thread = (pthread_t)child;
	return 0;
}

int explore_join(pthread_t thread)
{
	threads[running].joins = (int)thread;
	while (!is_runnable(&threads[running]))
		switch_to(latest_runnable());
	threads[running].joins = -1;
	join_view(&threads[running].current, &threads[thread].current);
	join_view(&threads[running].acquired, &threads[running].current);
	return 0;
}

/* ── Memory ──────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int find_location(const void *address)
{
	for (int i = 0; i < n_locations; i++)
		if (locations[i].address == address)
			return i;
	if (n_locations == MAX_LOCATIONS)
		refuse("too many locations");
	locations[n_locations].address = address;
	locations[n_locations].owner = -1;
	locations[n_locations].n_messages = 1;
	locations[n_locations].messages[0] = (struct message){0};
	return n_locations++;
}

static void note(const char *what, const char *name, int location, uint64_t value, int message)
{
	if (n_events == MAX_EVENTS)
		refuse("too many events in one execution");
	events[n_events++] = (struct event){.thread = running,
					    .what = what,
					    .name = name,
					    .value = value,
					    .message = message,
					    .n_messages = location < 0 ? 0 : locations[location].n_messages,
					    .location = location};
}

static bool has_acquire(memory_order order)
{
	return order == memory_order_acquire || order == memory_order_acq_rel || order == memory_order_seq_cst;
}

static bool has_release(memory_order order)
{
	return order == memory_order_release || order == memory_order_acq_rel || order == memory_order_seq_cst;
}

/* Which message a load reads: a permitted one that is there, or one that is there after somebody else has gone first. */
static int choose_message(int location)
{
	for (;;) {
		const struct location *it = &locations[location];
		int oldest = threads[running].current.at[location], n_messages = it->n_messages - oldest;
		int others[MAX_THREADS], n_others = it->owner == running ? 0 : others_to_go_first(others);
		int chosen = decide(n_messages + n_others);

		if (chosen < n_messages)
			return oldest + chosen;
		yield_to(others[chosen - n_messages]);
	}
}

uint64_t explore_load(const void *address, const char *name, memory_order order)
{
	int location = find_location(address), index = choose_message(location);
	const struct message *message = &locations[location].messages[index];
	struct thread *self = &threads[running];

	if (order == memory_order_seq_cst)
		refuse("seq_cst is understood in fences only");
	has_got_somewhere();
	note(has_acquire(order) ? "load, acquire" : "load", name, location, message->value, index);
	self->current.at[location] = (uint8_t)index;
	join_view(&self->acquired, &message->view);
	join_view(&self->acquired, &self->current);
	if (has_acquire(order))
		join_view(&self->current, &message->view);
	return message->value;
}

void explore_store(void *address, const char *name, uint64_t value, memory_order order)
{
	int index = find_location(address);
	struct location *location = &locations[index];
	struct thread *self = &threads[running];
	struct message *message = &location->messages[location->n_messages];

	if (order == memory_order_seq_cst)
		refuse("seq_cst is understood in fences only");
	if (self->current.at[index] != location->n_messages - 1)
		refuse("two threads store to one location, and neither has seen the other's store");
	if (location->n_messages == MAX_MESSAGES)
		refuse("too many stores to one location");
	has_got_somewhere();
	location->owner = running;
	self->current.at[index] = self->acquired.at[index] = location->n_messages;
	message->value = value;
	message->view = has_release(order) ? self->current : self->released;
	message->view.at[index] = location->n_messages++;
	note(has_release(order) ? "store, release" : "store", name, index, value, location->n_messages - 1);
}

static void let_others_go_first(void)
{
	int others[MAX_THREADS], n_others, chosen;

	while ((n_others = others_to_go_first(others)) > 0 && (chosen = decide(1 + n_others)) > 0)
		yield_to(others[chosen - 1]);
}

void explore_fence(memory_order order)
{
	struct thread *self = &threads[running];

	if (order == memory_order_seq_cst)
		let_others_go_first();
	has_got_somewhere();
	if (has_acquire(order))
		self->current = self->acquired;
	if (order == memory_order_seq_cst) {
		join_view(&self->current, &global);
		join_view(&self->acquired, &self->current);
		global = self->current;
	}
	if (has_release(order))
		self->released = self->current;
	note(order == memory_order_seq_cst ? "full fence"
	     : has_acquire(order)          ? "acquire fence"
					   : "release fence",
	     "", -1, 0, 0);
}

/* ── Executions ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct witnessed *find_witness(const char *what)
{
	for (int i = 0; i < n_witnesses; i++)
		if (strcmp(witnesses[i].what, what) == 0)
			return &witnesses[i];
	if (n_witnesses == MAX_WITNESSES)
		refuse("too many witnesses");
	witnesses[n_witnesses] = (struct witnessed){.what = what, .last_execution = UINT64_MAX};
	return &witnesses[n_witnesses++];
}

void explore_witness(const char *what)
{
	struct witnessed *it = find_witness(what);

	it->n_executions += it->last_execution != n_executions;
	it->last_execution = n_executions;
}

static void tell_execution(int signal_number)
{
	fprintf(stderr, "broken in execution %llu, in which:\n", (unsigned long long)n_executions + 1);
	for (int i = 0; i < n_events; i++) {
		const struct event *event = &events[i];

		fprintf(stderr, "  thread %d  %-14s", event->thread, event->what);
		if (event->location >= 0)
			fprintf(stderr, " location %d (%s): %#llx, message %d of 0…%d", event->location, event->name,
				(unsigned long long)event->value, event->message, event->n_messages - 1);
		fputc('\n', stderr);
	}
	signal(signal_number, SIG_DFL);
}

static void *run_program(void *unused)
{
	if (explored_main() != 0)
		refuse("the program says that it failed");
	return unused;
}

static void execute(void)
{
	n_locations = n_threads = n_events = depth = 0;
	global = (struct view){0};
	running = add_thread(run_program, NULL);
	swapcontext(&outside, &threads[0].context);
	if (depth != n_decisions)
		refuse("the program does not do the same again");
	if (++n_executions == MAX_EXECUTIONS)
		refuse("too many executions; make the model smaller");
}

int main(int argc, char **argv)
{
	int n_missing = 0;

	signal(SIGABRT, tell_execution);
	do
		execute();
	while (backtrack());
	printf("%llu executions\n", (unsigned long long)n_executions);
	for (int i = 0; i < n_witnesses; i++)
		printf("%12llu %s\n", (unsigned long long)witnesses[i].n_executions, witnesses[i].what);
	for (int i = 1; i < argc; i++)
		if (find_witness(argv[i])->n_executions == 0) {
			fprintf(stderr, "explore: no execution in which: %s\n", argv[i]);
			n_missing++;
		}
	for (int i = 0; i < MAX_THREADS; i++)
		free(threads[i].stack);
	return n_missing > 0;
}
