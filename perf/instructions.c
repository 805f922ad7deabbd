/* SPDX-License-Identifier: MIT */
/*
 * What a publish is made of: a child publishes, we let it run one instruction at a time and look at each before it runs. So
 * system calls and fences are counted, not estimated, through laps of the ring and claims of chunks alike.
 *
 * Only for x86-64, whose instructions for both are told by their first bytes. An exchange with memory locks without saying so.
 */
#include <ringcast/ring.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf/measure.h"

#ifdef __x86_64__

/* Of 64 B, in a ring of 64 KiB: a lap ends on the way, and there are half a dozen claims. */
#define N_BEFORE 860
#define N_PUBLISHED 100

enum { INSTRUCTIONS, SYSTEM_CALLS, FENCES };

/* Between the two traps the child publishes; a run that publishes nothing there says what belongs to the traps. */
static void publish_between_traps(unsigned int n)
{
	static const char data[64];
	struct rcast_writer_options options = {.capacity_bytes = RCAST_RING_MIN_BYTES};
	struct rcast_writer *writer;

	measure_check(rcast_writer_create(&options, &writer), "rcast_writer_create");
	for (unsigned int i = 0; i < N_BEFORE; i++)
		rcast_writer_put(writer, RCAST_OUTPUT, data, sizeof data);
	raise(SIGTRAP);
	for (unsigned int i = 0; i < n; i++)
		rcast_writer_put(writer, RCAST_OUTPUT, data, sizeof data);
	raise(SIGTRAP);
	_exit(0);
}

static bool is_prefix(unsigned char byte)
{
	return byte == 0xf3 || byte == 0xf2 || byte == 0x66 || (byte & 0xf0) == 0x40;
}

static bool is_fence(const unsigned char *code)
{
	if (code[0] == 0xf0)
		return true;
	if ((code[0] == 0x86 || code[0] == 0x87) && code[1] < 0xc0)
		return true;
	return code[0] == 0x0f && code[1] == 0xae && code[2] >= 0xe8;
}

static void look_at_instruction(pid_t child, double counts[MEASURE_N_VALUES])
{
	struct user_regs_struct registers;
	const unsigned char *code;
	long word;

	if (ptrace(PTRACE_GETREGS, child, NULL, &registers) != 0)
		measure_fail(errno, "PTRACE_GETREGS");
	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, child, (void *)registers.rip, NULL);
	if (errno != 0)
		measure_fail(errno, "PTRACE_PEEKTEXT");
	code = (const unsigned char *)&word;
	while (is_prefix(*code) && code < (const unsigned char *)&word + 4)
		code++;
	counts[INSTRUCTIONS]++;
	counts[SYSTEM_CALLS] += code[0] == 0x0f && code[1] == 0x05;
	counts[FENCES] += is_fence(code);
}

static siginfo_t wait_for_stop(pid_t child)
{
	siginfo_t info = {0};
	int status;

	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		measure_fail(errno, "the child did not stop");
	if (ptrace(PTRACE_GETSIGINFO, child, NULL, &info) != 0)
		measure_fail(errno, "PTRACE_GETSIGINFO");
	return info;
}

/* raise() sends the signal itself; a step makes the kernel send it. */
static bool was_raised(const siginfo_t *info)
{
	return info->si_code <= 0;
}

static void count_steps(pid_t child, double counts[MEASURE_N_VALUES])
{
	siginfo_t info;

	do {
		look_at_instruction(child, counts);
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0)
			measure_fail(errno, "PTRACE_SINGLESTEP");
		info = wait_for_stop(child);
	} while (!was_raised(&info));
}

static void count(unsigned int n_published, double counts[MEASURE_N_VALUES])
{
	pid_t child = fork();
	siginfo_t info;

	if (child < 0)
		measure_fail(errno, "fork");
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			measure_fail(errno, "PTRACE_TRACEME");
		publish_between_traps(n_published);
	}
	do
		info = wait_for_stop(child);
	while (!was_raised(&info) && ptrace(PTRACE_CONT, child, NULL, NULL) == 0);
	count_steps(child, counts);
	measure_kill(child);
}

static void average(struct measure_series series[MEASURE_N_VALUES])
{
	double published[MEASURE_N_VALUES] = {0}, nothing[MEASURE_N_VALUES] = {0};

	count(N_PUBLISHED, published);
	count(0, nothing);
	for (int i = 0; i < MEASURE_N_VALUES; i++)
		series[i] = (struct measure_series){.n = 1, .values = {(published[i] - nothing[i]) / N_PUBLISHED}};
}

int main(int argc, char **argv)
{
	struct measure_series series[MEASURE_N_VALUES];
	const struct measure_row rows[] = {
		{"system calls a publish", "calls", &series[SYSTEM_CALLS], NULL, MEASURE_VALUE_AT_MOST, 0},
		{"fences and locked instructions a publish", "fences", &series[FENCES], NULL, MEASURE_VALUE_AT_MOST, 0},
		{"instructions a publish of 64 B", "instr.", &series[INSTRUCTIONS], NULL, MEASURE_NO_GOAL, 0},
	};

	measure_start(argc, argv);
	average(series);
	measure_report(rows, sizeof rows / sizeof *rows);
	return 0;
}

#else

int main(int argc, char **argv)
{
	measure_start(argc, argv);
	puts("system calls and fences a publish: counted on x86-64 only");
	return 0;
}

#endif
