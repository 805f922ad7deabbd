/* SPDX-License-Identifier: MIT */
/* The slave end is open nowhere but in the program, so its end shows as an error of the master end. */
#include "perf/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct job {
	const char *const *argv;
	int slave_fd; /* -1: no terminal */
};

static void run_job(void *argument)
{
	const struct job *job = argument;
	int fd = job->slave_fd >= 0 ? job->slave_fd : open("/dev/null", O_RDWR | O_CLOEXEC);

	if (job->slave_fd >= 0) {
		setsid();
		ioctl(fd, TIOCSCTTY, 0);
	}
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	execvp(job->argv[0], (char **)job->argv);
	_exit(127);
}

void terminal_open(struct terminal *terminal, enum measure_cpu cpu, const char *const *argv)
{
	struct winsize size = {.ws_col = 80, .ws_row = 24};
	int master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), slave_fd;

	if (master_fd < 0 || grantpt(master_fd) != 0 || unlockpt(master_fd) != 0)
		measure_fail(errno, "posix_openpt");
	slave_fd = open(ptsname(master_fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave_fd < 0 || ioctl(slave_fd, TIOCSWINSZ, &size) != 0)
		measure_fail(errno, "%s", ptsname(master_fd));
	terminal->master_fd = master_fd;
	terminal->pid = measure_fork(cpu, run_job, &(struct job){argv, slave_fd});
	close(slave_fd);
}

void terminal_close(struct terminal *terminal)
{
	close(terminal->master_fd);
	measure_kill(terminal->pid);
}

pid_t terminal_run(enum measure_cpu cpu, const char *const *argv)
{
	return measure_fork(cpu, run_job, &(struct job){argv, -1});
}
