/* SPDX-License-Identifier: MIT */
/*
 * The ringcast command: one table of verbs, and nothing that belongs to one of them.
 *
 * SIGPIPE and SIGXFSZ are ignored for good: who cannot be written to is an error to report, in one line, with the terminal put back.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ringcast/ringcast.h>

#include "cli/connect.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/verb.h"

static const struct verb *const verbs[] = {
	&verb_run,    &verb_ls,      &verb_attach, &verb_watch,  &verb_tail, &verb_record, &verb_play, &verb_wait,
	&verb_screen, &verb_publish, &verb_send,   &verb_resize, &verb_stat, &verb_kick,   &verb_kill, &verb_engine,
};

#define N_VERBS (sizeof verbs / sizeof verbs[0])

static const char exit_codes[] =
	"Exit status:\n"
	"    0   done\n"
	"    1   it failed, for the reason given\n"
	"    2   the command line is wrong\n"
	"    3   no such session or engine\n"
	"    4   tail, record, screen: some output was lost\n"
	"    5   detached by the engine, for the reason given: kicked, say\n"
	"    6   the engine died\n"
	"    7   wait: it did not come\n"
	"  125   as 1, for run and attach, which otherwise end with the status of the session's program\n"
	"  126   run: the program cannot be executed\n"
	"  127   run: the program was not found\n"
	"  128+N ended by signal N: ringcast, or, for run and attach, the program\n";

static const char socket_option[] =
	"  --socket PATH  look for sessions at this socket, which may be another user's (--view-socket of engine and run),\n"
	"                 instead of asking all engines of this user\n";

static int print_help(void)
{
	printf("usage: ringcast [--socket PATH] VERB [OPTIONS] …      ringcast VERB --help\n\n"
	       "Broadcast terminal sessions on this host: one program's output to any number of viewers.\n\n");
	for (size_t i = 0; i < N_VERBS; i++)
		printf("  %-8s  %s\n", verbs[i]->name, verbs[i]->summary);
	printf("\n%s\n%s", socket_option, exit_codes);
	return output_flush();
}

static int print_version(void)
{
	printf("ringcast %s\n", RCAST_VERSION);
	return output_flush();
}

/*
 * A descriptor of these that we were started without would be given to the next socket, and what we print would go to an engine. What
 * takes its place fails when it is used, as one that is closed does.
 */
static bool occupy_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	if (!occupy_standard())
		return EXIT_CODE_FAILURE;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (argc == 2 && strcmp(argv[1], "--socket") == 0) {
		message_line("--socket needs a path; see 'ringcast --help'");
		return EXIT_CODE_USAGE;
	}
	if (argc > 2 && strcmp(argv[1], "--socket") == 0) {
		connect_through(argv[2]);
		argv += 2;
		argc -= 2;
	}
	if (argc < 2) {
		message_line("a verb is missing; see 'ringcast --help'");
		return EXIT_CODE_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
		return print_help();
	if (strcmp(argv[1], "--version") == 0)
		return print_version();
	for (size_t i = 0; i < N_VERBS; i++) {
		if (strcmp(argv[1], verbs[i]->name) == 0)
			return verbs[i]->run(verbs[i], argc - 1, argv + 1);
	}
	message_line("'%.40s' is no verb; see 'ringcast --help'", argv[1]);
	return EXIT_CODE_USAGE;
}
