/* SPDX-License-Identifier: MIT */
/*
 * Criterion runs each test in a process of its own. That process becomes the reaper of everything below it, so that a daemon
 * which detaches itself still has a parent here, and harness_end finds and kills it.
 *
 * A test that fails or crashes does not come to harness_end. So a *guardian* stands by, who learns by the end of a pipe that the
 * test's process is gone, and ends whatever was started in the test's folder.
 */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENOUGH_FDS 4096 /* for hundreds of sessions */

static char folder[64];
static int fds_before;
static int guarded_fd; /* the guardian has the other end */

uint64_t harness_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void harness_pause(void)
{
	poll(NULL, 0, 1);
}

int harness_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

const char *harness_folder(void)
{
	return folder;
}

const char *harness_path(const char *format, ...)
{
	static char paths[8][512];
	static unsigned int next;
	char *path = paths[next++ % 8];
	int used = snprintf(path, sizeof paths[0], "%s/", folder);
	va_list list;

	va_start(list, format);
	vsnprintf(path + used, sizeof paths[0] - (size_t)used, format, list);
	va_end(list);
	return path;
}

const char *harness_ringcast(void)
{
	const char *command = getenv("RINGCAST");

	return command ? command : "./ringcast";
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	return remove(path);
}

/* ── The guardian ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* All that a test starts has its folder in the environment. */
static bool belongs_to_test(const char *pid)
{
	char path[300], text[16384];
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%s/environ", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text);
	close(fd);
	return n > 0 && memmem(text, (size_t)n, folder, strlen(folder)) != NULL;
}

static void end_what_is_left(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	while (processes && (entry = readdir(processes)) != NULL) {
		int pid = atoi(entry->d_name);

		if (pid > 0 && pid != getpid() && belongs_to_test(entry->d_name))
			kill(pid, SIGKILL);
	}
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Of a process that nobody waits for, so that a test that counts its children does not see it. */
static void stand_guard(int guard_fd)
{
	char all_is_well;

	close(guarded_fd);
	setsid();
	if (fork() != 0)
		_exit(0);
	if (read(guard_fd, &all_is_well, 1) == 0)
		end_what_is_left();
	_exit(0);
}

static void post_guardian(void)
{
	int ends[2];
	pid_t pid;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	guarded_fd = ends[1];
	pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0)
		stand_guard(ends[0]);
	close(ends[0]);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

static void dismiss_guardian(void)
{
	cr_expect_eq(write(guarded_fd, "", 1), 1);
	close(guarded_fd);
}

/* ── Before and after ────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Many systems begin with 1024, and let one have more. */
static void allow_many_fds(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < ENOUGH_FDS ? limit.rlim_max : ENOUGH_FDS;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void harness_begin(void)
{
	allow_many_fds();
	snprintf(folder, sizeof folder, "/tmp/ringcast-test-XXXXXX");
	cr_assert(mkdtemp(folder) != NULL);
	setenv("XDG_RUNTIME_DIR", folder, 1);
	fds_before = harness_count_fds();
	post_guardian();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static int kill_children(void)
{
	char path[64];
	int pid, n = 0;
	FILE *children;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
	children = fopen(path, "re");
	if (!children)
		return 0;
	while (fscanf(children, "%d", &pid) == 1) {
		kill(pid, SIGKILL);
		kill(pid, SIGCONT);
		n++;
	}
	fclose(children);
	return n;
}

void harness_end(void)
{
	while (kill_children() > 0) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		harness_pause();
	}
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	dismiss_guardian();
	cr_expect_eq(harness_count_fds(), fds_before, "descriptors open: %d before the test, %d after it", fds_before,
		     harness_count_fds());
}

pid_t harness_spawn(const char *const *argv, int in_fd, int out_fd, int err_fd)
{
	pid_t parent = getpid(), pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0) {
		int null_fd = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(126);
		dup2(in_fd >= 0 ? in_fd : null_fd, 0);
		dup2(out_fd >= 0 ? out_fd : null_fd, 1);
		dup2(err_fd >= 0 ? err_fd : null_fd, 2);
		for (int fd = 3; fd < 256; fd++)
			close(fd);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	return pid;
}

int harness_wait(pid_t pid)
{
	int status = 0;
	pid_t got = 0;

	harness_await((got = waitpid(pid, &status, WNOHANG)) != 0);
	cr_assert_eq(got, pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void harness_figure(const char *format, ...)
{
	const char *path = getenv("RINGCAST_FIGURES");
	FILE *file = path ? fopen(path, "ae") : NULL;
	va_list list;

	if (!file)
		return;
	va_start(list, format);
	vfprintf(file, format, list);
	va_end(list);
	fputc('\n', file);
	fclose(file);
}

char *harness_read_file(const char *path, size_t *n_bytes)
{
	FILE *file = fopen(path, "re");
	char *text;
	long size;

	cr_assert(file != NULL, "%s: %s", path, strerror(errno));
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	text = malloc((size_t)size + 1);
	cr_assert_eq(fread(text, 1, (size_t)size, file), (size_t)size);
	text[size] = 0;
	fclose(file);
	if (n_bytes)
		*n_bytes = (size_t)size;
	return text;
}

static int scratch_file(char *path, const char *content)
{
	int fd;

	snprintf(path, 96, "%s/run-XXXXXX", folder);
	fd = mkostemp(path, O_CLOEXEC);
	cr_assert(fd >= 0);
	if (content) {
		cr_assert_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
		lseek(fd, 0, SEEK_SET);
	}
	return fd;
}

struct harness_result harness_run(const char *const *argv, const char *input)
{
	char in_path[96], out_path[96], err_path[96];
	int in_fd = scratch_file(in_path, input), out_fd = scratch_file(out_path, NULL),
	    err_fd = scratch_file(err_path, NULL);
	struct harness_result result;
	pid_t pid = harness_spawn(argv, input ? in_fd : -1, out_fd, err_fd);

	result.status = harness_wait(pid);
	close(in_fd);
	close(out_fd);
	close(err_fd);
	result.out = harness_read_file(out_path, &result.n_out);
	result.err = harness_read_file(err_path, &result.n_err);
	unlink(in_path);
	unlink(out_path);
	unlink(err_path);
	return result;
}

void harness_result_free(struct harness_result *result)
{
	free(result->out);
	free(result->err);
}

struct harness_result harness_ringcast_run(const char *verb, ...)
{
	const char *argv[32] = {harness_ringcast(), verb};
	int n = verb ? 2 : 1;
	va_list list;

	va_start(list, verb);
	while (verb && n < 31 && (argv[n] = va_arg(list, const char *)) != NULL)
		n++;
	va_end(list);
	argv[n] = NULL;
	return harness_run(argv, NULL);
}
