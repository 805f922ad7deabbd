/* SPDX-License-Identifier: MIT */
/*
 * Records what a program prints under a PTY, as commands for oracle_screen.
 *
 *   oracle_record FILE COLSxROWS STEP… -- PROGRAM ARGUMENT…
 *
 * A step is what is typed next ("\n", "\e" and "\xNN" are understood), or "=COLSxROWS" for a change of size. Each is taken
 * when the program has been silent for a moment after the one before. The recording ends with the program, or when all
 * steps are done and it is silent; it holds 4 MiB at most.
 */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SILENCE_MS 150
#define MAX_BYTES (4 << 20)

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct winsize parse_size(const char *text)
{
	unsigned cols, rows;

	if (sscanf(text, "%ux%u", &cols, &rows) != 2) {
		fprintf(stderr, "oracle_record: %s is no size\n", text);
		exit(2);
	}
	return (struct winsize){.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
}

static void type(int pty, const char *step)
{
	char bytes[256];
	size_t n = 0;
	unsigned code;

	for (; *step && n < sizeof(bytes); step++) {
		if (*step != '\\') {
			bytes[n++] = *step;
		} else if (*++step == 'x' && sscanf(step + 1, "%2x", &code) == 1) {
			bytes[n++] = (char)code;
			step += 2;
		} else {
			bytes[n++] = *step == 'n' ? '\r' : *step == 'e' ? '\033' : *step;
		}
	}
	if (write(pty, bytes, n) < 0)
		perror("typing");
}

static void take_step(int pty, FILE *file, const char *step)
{
	struct winsize size;

	if (step[0] != '=') {
		type(pty, step);
		return;
	}
	size = parse_size(step + 1);
	fprintf(file, "R %u %u\n", size.ws_col, size.ws_row);
	ioctl(pty, TIOCSWINSZ, &size);
}

/* Returns how many bytes were recorded until the program fell silent; -1: it has ended. */
static long record_until_silent(int pty, FILE *file)
{
	char bytes[16384];
	long n_recorded = 0;
	struct pollfd pollfd = {.fd = pty, .events = POLLIN};

	while (poll(&pollfd, 1, SILENCE_MS) > 0 && n_recorded < MAX_BYTES) {
		ssize_t n = read(pty, bytes, sizeof(bytes));
		if (n <= 0)
			return -1;
		fprintf(file, "F %zd\n", n);
		fwrite(bytes, 1, (size_t)n, file);
		n_recorded += n;
	}
	return n_recorded;
}

int main(int argc, char **argv)
{
	struct winsize size;
	int pty, step = 3;
	pid_t child;
	FILE *file;

	if (argc < 5)
		return 2;
	size = parse_size(argv[2]);
	file = fopen(argv[1], "w");
	if (!file)
		fail(argv[1]);
	fprintf(file, "N %u %u\n", size.ws_col, size.ws_row);
	fflush(file);
	while (step < argc && strcmp(argv[step], "--") != 0)
		step++;
	child = forkpty(&pty, NULL, NULL, &size);
	if (child < 0)
		fail("forkpty");
	if (child == 0) {
		execvp(argv[step + 1], argv + step + 1);
		_exit(127);
	}
	for (step = 3; record_until_silent(pty, file) >= 0 && strcmp(argv[step], "--") != 0; step++)
		take_step(pty, file, argv[step]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return fclose(file) == 0 ? 0 : 1;
}
