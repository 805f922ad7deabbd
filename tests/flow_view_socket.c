/* SPDX-License-Identifier: MIT */
/*
 * What an engine of the command lets others do: through its view socket, from another uid, as a process of the same user. The
 * tests with another uid need root, and say so if they are left out.
 */
#include "flow_kit.h"

#include <errno.h>
#include <grp.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <ringcast/circuit.h>
#include <ringcast/client.h>

enum { NOBODY = 65534 };

#define SHELL "stty -echo; echo ready; while read x; do echo \"[$x]\"; done"

/* ── Other users ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void become_nobody(void)
{
	if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
		_exit(99);
}

/* Run it in a process of another user. Returns its exit status: 0, or the line at which something was wrong. */
static int as_nobody(int (*deed)(void))
{
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0) {
		become_nobody();
		_exit(deed());
	}
	return harness_wait(pid);
}

static int run_ringcast(void)
{
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
	execl(harness_ringcast(), "ringcast", "--version", (char *)NULL);
	return __LINE__;
}

/* Can there be another user here, and can it run what was built? */
static bool has_nobody(void)
{
	if (geteuid() != 0)
		cr_log_warn("left out: another uid can only be had by root");
	else if (as_nobody(run_ringcast) != 0)
		cr_log_warn("left out: uid %d cannot run %s", NOBODY, harness_ringcast());
	else
		return true;
	return false;
}

/* `ringcast` with these arguments as another user. */
static struct harness_result nobody_runs(const char *const *arguments)
{
	const char *argv[24] = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", harness_ringcast()};

	for (int n = 0; arguments[n] && n < 18; n++)
		argv[n + 5] = arguments[n];
	return harness_run(argv, NULL);
}

/* ── Through the view socket ─────────────────────────────────────────────────────────────────────────────────────────── */

static const char *view_path(void)
{
	return harness_path("view");
}

static void start_viewable(const char *more_flag)
{
	const char *argv[] = {harness_ringcast(),
			      "run",
			      "--detached",
			      "--name",
			      "t",
			      "--view-socket",
			      view_path(),
			      more_flag ? more_flag : "--",
			      more_flag ? "--" : "sh",
			      more_flag ? "sh" : "-c",
			      more_flag ? "-c" : SHELL,
			      more_flag ? SHELL : NULL,
			      NULL};
	struct harness_result result = harness_run(argv, NULL);

	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	harness_await(flow_stat("t", "output_bytes") > 0);
}

struct attempt {
	int status;
	const char *says; /* on standard output if the status is 0, else on standard error */
	const char *arguments[8];
};

static const struct attempt attempts[] = {
	{0, "t ", {"ls"}},
	{0, "kind       pty", {"stat", "t"}},
	{0, "", {"wait", "--match", "ready", "t"}},
	{3, "no such session", {"tail", "nobody"}},
	{1, "input needs the input right", {"send", "--enter", "t", "evil"}},
	{1, "resize needs the input right", {"resize", "t", "10x10"}},
	{1, "resize ring needs the admin right", {"resize", "--ring", "1M", "t"}},
	{1, "kick needs the admin right", {"kick", "t", "all"}},
	{1, "kill needs the admin right", {"kill", "t"}},
	{125, "input", {"attach", "t"}},
};

static void expect_attempt(const struct attempt *attempt, struct harness_result (*run)(const char *const *arguments))
{
	const char *argv[12] = {"--socket", view_path()};
	struct harness_result result;

	for (int n = 0; attempt->arguments[n]; n++)
		argv[n + 2] = attempt->arguments[n];
	result = run(argv);
	cr_expect_eq(result.status, attempt->status, "%s: %d, %s", argv[2], result.status, result.err);
	cr_expect(strstr(attempt->status ? result.err : result.out, attempt->says), "%s: '%s' '%s'", argv[2], result.out,
		  result.err);
	harness_result_free(&result);
}

/* The program has its size and its ring, and what it got came from its owner alone. */
static void expect_untouched(void)
{
	struct harness_result result = harness_ringcast_run("send", "--enter", "t", "good", NULL);

	cr_assert_eq(result.status, 0);
	harness_result_free(&result);
	result = harness_ringcast_run("wait", "--match", "good", "--timeout", "20s", "t", NULL);
	cr_expect_eq(result.status, 0);
	harness_result_free(&result);
	harness_await(flow_stat("t", "output_bytes") == (long)strlen("ready\r\n[good]\r\n"));
	cr_expect_eq(flow_stat("t", "cols"), 80);
	cr_expect_eq(flow_stat("t", "ring_bytes"), 4 << 20);
	cr_expect_eq(flow_stat("t", "ended"), 0);
}

static struct harness_result owner_runs(const char *const *arguments)
{
	const char *argv[16] = {harness_ringcast()};

	for (int n = 0; arguments[n] && n < 14; n++)
		argv[n + 1] = arguments[n];
	return harness_run(argv, NULL);
}

HARNESS_TEST(view_socket, looks_and_does_nothing_else)
{
	start_viewable(NULL);
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
		expect_attempt(&attempts[i], owner_runs);
	expect_untouched();
}

/* A relative path is meant from where one is, though the engine goes elsewhere. */
HARNESS_TEST(view_socket, goes_with_its_engine)
{
	struct harness_result result;

	cr_assert_eq(chdir(harness_folder()), 0);
	result = harness_ringcast_run("run", "--detached", "--name", "t", "--linger", "0", "--view-socket", "here", "--",
				      "cat", NULL);
	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	cr_expect_eq(access("here", F_OK), 0);
	result = harness_ringcast_run("kill", "t", NULL);
	cr_expect_eq(result.status, 0);
	harness_result_free(&result);
	harness_await(access("here", F_OK) != 0);
	cr_assert_eq(chdir("/"), 0);
}

HARNESS_TEST(view_socket, another_user_looks_and_does_nothing_else)
{
	if (!has_nobody())
		return;
	cr_assert_eq(chmod(harness_folder(), 0711), 0);
	start_viewable("--view-by-others");
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
		expect_attempt(&attempts[i], nobody_runs);
	expect_untouched();
	harness_figure("every verb, as another user through the view socket: all that look work, all others are refused");
}

HARNESS_TEST(view_socket, another_user_is_not_let_in_unless_it_is_said)
{
	static const struct attempt refused = {1, "Permission denied (EACCES)", {"ls"}},
				    hung_up = {1, "hangs up: it does not take you", {"tail", "t"}};

	if (!has_nobody())
		return;
	cr_assert_eq(chmod(harness_folder(), 0711), 0);
	start_viewable(NULL);
	expect_attempt(&refused, nobody_runs);
	cr_assert_eq(chmod(view_path(), 0666), 0);
	expect_attempt(&hung_up, nobody_runs);
	expect_untouched();
}

/* ── With nothing but system calls ───────────────────────────────────────────────────────────────────────────────────── */

#define expect_here(condition)           \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

static int scream_at(const char *path)
{
	uint8_t junk[512];

	for (int i = 0; i < 100; i++) {
		int fd = rcast_socket_dial(path);

		expect_here(fd >= 0);
		for (int n = 0; n < 5; n++) {
			for (size_t at = 0; at < sizeof junk; at++)
				junk[at] = (uint8_t)rand();
			if (send(fd, junk, (size_t)rand() % sizeof junk + 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
				break;
		}
		close(fd);
	}
	return 0;
}

/* Every attached view has the ring: none of what one holds can be opened for writing. */
static int hold_what_was_handed_out(void)
{
	int fds[RCAST_VIEW_MAX_FDS], result;
	struct rcast_client *client;
	struct rcast_view *view;
	size_t n_fds;

	expect_here(rcast_client_connect(view_path(), &client) == 0);
	expect_here(rcast_view_open(client, "t", &(struct rcast_view_options){.input = true}, &view) == -EPERM);
	expect_here(rcast_view_open(client, "t", NULL, &view) == 0);
	n_fds = rcast_view_get_fds(view, fds);
	expect_here(n_fds > 0);
	for (int fd = 3; fd < 64; fd++) {
		char path[32], target[64] = "";

		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof target - 1) <= 0 || !strstr(target, "memfd:ringcast-ring"))
			continue;
		result = open(path, O_RDWR | O_CLOEXEC);
		expect_here(result < 0 && errno == EACCES);
	}
	rcast_view_close(view);
	rcast_client_free(client);
	return 0;
}

static int do_without_the_command(void)
{
	int result = scream_at(view_path());

	if (result == 0)
		result = hold_what_was_handed_out();
	return result;
}

static int enter_by_the_front_door(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct rcast_client *client;
	struct rcast_session_info info;
	int result;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", harness_path("ringcast/t"));
	result = connect(fd, (const struct sockaddr *)&address, sizeof address);
	close(fd);
	if (result != 0)
		return errno;
	expect_here(rcast_client_connect(address.sun_path, &client) == 0);
	result = rcast_client_describe(client, "t", &info);
	rcast_client_free(client);
	return -result;
}

HARNESS_TEST(view_socket, another_users_garbage_changes_nothing)
{
	if (!has_nobody())
		return;
	cr_assert_eq(chmod(harness_folder(), 0711), 0);
	start_viewable("--view-by-others");
	cr_expect_eq(as_nobody(do_without_the_command), 0);
	expect_untouched();
}

/* Neither as it is, nor when its owner has opened folder and socket to all. */
HARNESS_TEST(view_socket, another_user_cannot_enter_the_engines_own)
{
	if (!has_nobody())
		return;
	cr_assert_eq(chmod(harness_folder(), 0711), 0);
	start_viewable("--view-by-others");
	cr_expect_eq(as_nobody(enter_by_the_front_door), EACCES);
	cr_assert_eq(chmod(harness_path("ringcast"), 0777), 0);
	cr_expect_eq(as_nobody(enter_by_the_front_door), EACCES);
	cr_assert_eq(chmod(harness_path("ringcast/t"), 0777), 0);
	cr_expect_eq(as_nobody(enter_by_the_front_door), EPIPE);
	cr_assert_eq(chmod(harness_path("ringcast"), 0700), 0);
	expect_untouched();
}

/* It takes what it can get of connections and readers; its owner is served on. */
static int take_all(void)
{
	static struct rcast_client *clients[64];
	struct rcast_session_info info;
	struct rcast_view *view;
	int n_clients = 0, n_views = 0;

	for (int i = 0; i < 64; i++) {
		if (rcast_client_connect(view_path(), &clients[i]) != 0 ||
		    rcast_client_describe(clients[i], "t", &info) != 0)
			continue;
		n_clients++;
		while (rcast_view_open(clients[i], "t", NULL, &view) == 0)
			n_views++;
	}
	expect_here(n_clients == 10 && n_views == 8);
	return raise(SIGSTOP);
}

HARNESS_TEST(view_socket, another_user_cannot_use_up_the_engine)
{
	struct harness_result result;
	int status;
	pid_t pid;

	if (!has_nobody())
		return;
	cr_assert_eq(chmod(harness_folder(), 0711), 0);
	result = harness_ringcast_run("run", "--detached", "--name", "t", "--view-socket", view_path(), "--view-by-others",
				      "--in-all", "connections=80,readers=64", "--", "sh", "-c", SHELL, NULL);
	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	harness_await(flow_stat("t", "output_bytes") > 0);
	pid = fork();
	if (pid == 0) {
		become_nobody();
		_exit(take_all());
	}
	harness_await(waitpid(pid, &status, WUNTRACED | WNOHANG) == pid);
	cr_assert(WIFSTOPPED(status), "%d", WEXITSTATUS(status));
	cr_expect_eq(flow_stat("t", "readers"), 8);
	expect_untouched();
	harness_figure(
		"another user that takes all it can get: 10 of 80 connections, 8 of 64 readers; its owner is served on");
	kill(pid, SIGKILL);
	harness_wait(pid);
	harness_await(flow_stat("t", "readers") == 0);
}

/* ── Limits and eviction ─────────────────────────────────────────────────────────────────────────────────────────────── */

static pid_t start_engine(const char *flag, const char *value)
{
	const char *argv[] = {harness_ringcast(), "engine", "--name", "e", flag, value, NULL};
	pid_t pid = harness_spawn(argv, -1, -1, -1);

	harness_await(access(harness_path("ringcast/e"), F_OK) == 0);
	return pid;
}

static int run_in_engine(const char *name)
{
	struct harness_result result =
		harness_ringcast_run("run", "--engine", "e", "--detached", "--name", name, "--", "cat", NULL);
	int status = result.status;

	if (status)
		cr_expect(strstr(result.err, "has 2 sessions, and"), "%s", result.err);
	harness_result_free(&result);
	return status;
}

HARNESS_TEST(engine_flags, limits_are_kept)
{
	static const char *const flags[] = {"--in-all", "--per-user"};

	for (int i = 0; i < 2; i++) {
		pid_t pid = start_engine(flags[i], "sessions=2,readers=10");

		cr_expect_eq(run_in_engine("a"), 0);
		cr_expect_eq(run_in_engine("b"), 0);
		cr_expect_eq(run_in_engine("c"), 125);
		kill(pid, SIGTERM);
		cr_expect_eq(harness_wait(pid), 0);
	}
}

HARNESS_TEST(engine_flags, a_stopped_reader_is_evicted_when_it_is_said)
{
	static const char *const tail[] = {"tail", "t", NULL};
	struct harness_result result =
		harness_ringcast_run("run", "--detached", "--name", "t", "--evict-after", "1", "--max-behind", "100K", "--",
				     "sh", "-c", "while read x; do seq 1 100000; done", NULL);
	pid_t viewer;

	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	viewer = flow_spawn_to_file(tail, "seen");
	harness_await(flow_stat("t", "readers") == 1);
	kill(viewer, SIGSTOP);
	result = harness_ringcast_run("send", "--enter", "t", "go", NULL);
	harness_result_free(&result);
	harness_await(flow_stat("t", "evicted") == 1);
	cr_expect_eq(flow_stat("t", "readers"), 0);
	kill(viewer, SIGCONT);
	cr_expect_eq(harness_wait(viewer), 5, "it is told");
}

/* ── Memory and descriptors of the engine ────────────────────────────────────────────────────────────────────────────── */

static pid_t victim;

/* The ways into another process of one's own user that root's rights are not needed for. Counts those that worked. */
static int break_in(void)
{
	char path[64], stolen[16];
	struct iovec here = {stolen, sizeof stolen}, there = {(void *)&victim, sizeof stolen};
	int pidfd = (int)syscall(SYS_pidfd_open, victim, 0), n = 0, fd;

	n += ptrace(PTRACE_SEIZE, victim, NULL, NULL) == 0;
	n += process_vm_readv(victim, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT;
	n += syscall(SYS_pidfd_getfd, pidfd, 0, 0) >= 0;
	snprintf(path, sizeof path, "/proc/%d/mem", (int)victim);
	fd = open(path, O_RDWR | O_CLOEXEC);
	n += fd >= 0;
	snprintf(path, sizeof path, "/proc/%d/fd/0", (int)victim);
	n += access(path, F_OK) == 0;
	return n;
}

static int break_in_as_user(void)
{
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0) {
		if (geteuid() == 0)
			become_nobody();
		_exit(break_in());
	}
	return harness_wait(pid);
}

/* The session's program is as open as any; the engine is not. */
HARNESS_TEST(engine, cannot_be_looked_into_by_its_own_user)
{
	const char *run[] = {"run", "--detached", "--name", "t", "--", "sleep", "600", NULL},
		   *kill_t[] = {"kill", "t", NULL};
	struct harness_result (*const runs)(const char *const *) = geteuid() == 0 ? nobody_runs : owner_runs;
	struct harness_result result;

	if (geteuid() == 0 && !has_nobody())
		return;
	if (geteuid() == 0) {
		cr_assert_eq(mkdir(harness_path("theirs"), 0700), 0);
		cr_assert_eq(chown(harness_path("theirs"), NOBODY, NOBODY), 0);
		cr_assert_eq(chmod(harness_folder(), 0711), 0);
		setenv("XDG_RUNTIME_DIR", harness_path("theirs"), 1);
	}
	result = runs(run);
	cr_assert_eq(result.status, 0, "%s", result.err);
	harness_result_free(&result);
	result = runs((const char *[]){"stat", "--json", "t", NULL});
	cr_assert_eq(result.status, 0, "%s", result.err);
	victim = (pid_t)strtol(strstr(result.out, "\"pid\":") + 6, NULL, 10);
	harness_result_free(&result);
	if (break_in_as_user() < 5)
		cr_log_warn("this kernel lets nobody trace another process: that the engine cannot be, says little");
	victim = flow_parent(victim);
	cr_expect_eq(break_in_as_user(), 0);
	harness_figure("5 ways into the engine for processes of its own user: 0 succeeded");
	result = runs(kill_t);
	cr_expect_eq(result.status, 0);
	harness_result_free(&result);
}
