/* SPDX-License-Identifier: MIT */
/*
 * Where control sockets live, and who gets to listen.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ringcast/circuit.h>

/* ── Names ── */

HARNESS_TEST(socket, names)
{
	static const char *const good[] = {"a", "0", "A.b_c-9", "...", ".x", "-"}, *const bad[] = {
											   "",  ".",   "..",    "a/b", "a b",
											   "é", "a\n", "a\x7f", "~",   "a:"};
	char name[RCAST_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_assert(rcast_name_is_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_assert(!rcast_name_is_valid(bad[i]), "%s", bad[i]);
	memset(name, 'x', sizeof name);
	name[RCAST_NAME_MAX] = 0;
	cr_assert(rcast_name_is_valid(name));
	name[RCAST_NAME_MAX] = 'x';
	name[RCAST_NAME_MAX + 1] = 0;
	cr_assert(!rcast_name_is_valid(name));
}

/* ── The folder ── */

static int folder(void)
{
	char path[PATH_MAX];

	return rcast_socket_folder(path, sizeof path);
}

HARNESS_TEST(socket, the_folder_is_made_for_its_owner_alone)
{
	char path[PATH_MAX];
	struct stat info;
	size_t n;

	umask(0);
	cr_assert_eq(rcast_socket_folder(path, sizeof path), 0);
	cr_assert_str_eq(path, harness_path("ringcast"));
	cr_assert_eq(stat(path, &info), 0);
	cr_assert_eq(info.st_mode, S_IFDIR | 0700);
	cr_assert_eq(rcast_socket_folder(path, sizeof path), 0);
	n = strlen(path);
	cr_assert_eq(rcast_socket_folder(path, n), -ENAMETOOLONG);
	cr_assert_eq(rcast_socket_folder(path, n + 1), 0);
}

HARNESS_TEST(socket, without_a_runtime_folder_there_is_tmp)
{
	char path[PATH_MAX], expected[64];

	snprintf(expected, sizeof expected, "/tmp/ringcast-%u", geteuid());
	unsetenv("XDG_RUNTIME_DIR");
	cr_assert_eq(rcast_socket_folder(path, sizeof path), 0);
	cr_assert_str_eq(path, expected);
	setenv("XDG_RUNTIME_DIR", "not/absolute", 1);
	cr_assert_eq(rcast_socket_folder(path, sizeof path), 0);
	cr_assert_str_eq(path, expected);
	setenv("XDG_RUNTIME_DIR", "/not/there", 1);
	cr_assert_eq(rcast_socket_folder(path, sizeof path), -ENOENT);
}

HARNESS_TEST(socket, a_folder_that_others_can_enter_is_refused)
{
	static const mode_t modes[] = {0701, 0710, 0770, 0777, 0740};

	mkdir(harness_path("ringcast"), 0700);
	cr_assert_eq(folder(), 0);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		chmod(harness_path("ringcast"), modes[i]);
		cr_assert_eq(folder(), -EACCES, "%o", modes[i]);
	}
}

HARNESS_TEST(socket, what_is_no_folder_of_ours_is_refused)
{
	mkdir(harness_path("other"), 0700);
	cr_assert_eq(symlink(harness_path("other"), harness_path("ringcast")), 0);
	cr_assert_eq(folder(), -EACCES);
	unlink(harness_path("ringcast"));
	close(open(harness_path("ringcast"), O_CREAT | O_WRONLY | O_CLOEXEC, 0700));
	cr_assert_eq(folder(), -EACCES);
	unlink(harness_path("ringcast"));
	mkdir(harness_path("ringcast"), 0700);
	if (chown(harness_path("ringcast"), 12345, 12345) == 0)
		cr_assert_eq(folder(), -EACCES);
}

/* ── Listening and dialling ── */

HARNESS_TEST(socket, a_listener_is_dialled)
{
	const char *path = harness_path("s");
	int listener, dialled, accepted;
	struct stat info;

	umask(0);
	listener = rcast_socket_listen(path);
	cr_assert(listener >= 0);
	cr_assert_eq(stat(path, &info), 0);
	cr_assert_eq(info.st_mode, S_IFSOCK | 0600);
	cr_assert(fcntl(listener, F_GETFL) & O_NONBLOCK);
	cr_assert(fcntl(listener, F_GETFD) & FD_CLOEXEC);
	cr_assert(accept(listener, NULL, NULL) < 0 && errno == EAGAIN);
	dialled = rcast_socket_dial(path);
	cr_assert(dialled >= 0 && (fcntl(dialled, F_GETFD) & FD_CLOEXEC));
	accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	cr_assert_eq(send(dialled, "hi", 2, 0), 2);
	cr_assert_eq(recv(accepted, &(char[4]){0}, 4, 0), 2);
	close(accepted);
	close(dialled);
	close(listener);
}

HARNESS_TEST(socket, a_live_listener_is_not_replaced)
{
	int listener = rcast_socket_listen(harness_path("s")), dialled;

	cr_assert_eq(rcast_socket_listen(harness_path("s")), -EEXIST);
	dialled = rcast_socket_dial(harness_path("s"));
	cr_assert(dialled >= 0);
	close(dialled);
	close(listener);
}

/* A listener that is too busy to accept is alive all the same. */
HARNESS_TEST(socket, a_full_backlog_is_a_sign_of_life)
{
	int listener = rcast_socket_listen(harness_path("s")), waiting[300], n = 0;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strcpy(address.sun_path, harness_path("s"));
	do {
		cr_assert_lt(n, 300);
		waiting[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	} while (connect(waiting[n++], (struct sockaddr *)&address, sizeof address) == 0);
	cr_assert_eq(rcast_socket_listen(harness_path("s")), -EEXIST);
	while (n > 0)
		close(waiting[--n]);
	close(listener);
}

HARNESS_TEST(socket, a_dead_one_is_replaced)
{
	int listener;

	for (int i = 0; i < 3; i++) {
		listener = rcast_socket_listen(harness_path("s"));
		cr_assert(listener >= 0);
		close(listener);
	}
}

HARNESS_TEST(socket, a_dead_one_is_removed_by_whoever_dials)
{
	cr_assert_eq(rcast_socket_dial(harness_path("s")), -ENOENT);
	close(rcast_socket_listen(harness_path("s")));
	cr_assert_eq(access(harness_path("s"), F_OK), 0);
	cr_assert_eq(rcast_socket_dial(harness_path("s")), -ENOENT);
	cr_assert_neq(access(harness_path("s"), F_OK), 0);
}

HARNESS_TEST(socket, what_is_no_socket_is_left_alone)
{
	int fd = open(harness_path("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	cr_assert_eq(write(fd, "precious", 8), 8);
	close(fd);
	cr_assert_eq(symlink(harness_path("nowhere"), harness_path("link")), 0);
	mkdir(harness_path("folder"), 0700);
	cr_assert_eq(rcast_socket_listen(harness_path("file")), -EEXIST);
	cr_assert_eq(rcast_socket_listen(harness_path("link")), -EEXIST);
	cr_assert_eq(rcast_socket_listen(harness_path("folder")), -EEXIST);
	cr_assert_eq(rcast_socket_dial(harness_path("file")), -ENOENT);
	cr_assert_eq(access(harness_path("file"), F_OK), 0);
}

HARNESS_TEST(socket, a_socket_of_another_type_is_alive_too)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, harness_path("s"));
	cr_assert_eq(bind(other, (struct sockaddr *)&address, sizeof address), 0);
	cr_assert_eq(listen(other, 1), 0);
	cr_assert_eq(rcast_socket_listen(harness_path("s")), -EEXIST);
	cr_assert_eq(rcast_socket_dial(harness_path("s")), -EPROTOTYPE);
	close(other);
}

HARNESS_TEST(socket, paths_out_of_range)
{
	struct sockaddr_un address;
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/", harness_folder());
	memset(path + strlen(path), 'x', sizeof path - strlen(path));
	path[sizeof address.sun_path] = 0;
	cr_assert_eq(rcast_socket_listen(path), -ENAMETOOLONG);
	cr_assert_eq(rcast_socket_dial(path), -ENAMETOOLONG);
	path[sizeof address.sun_path - 1] = 0;
	fd = rcast_socket_listen(path);
	cr_assert(fd >= 0);
	close(fd);
	cr_assert_eq(rcast_socket_dial(path), -ENOENT);
	cr_assert_eq(rcast_socket_listen(""), -EINVAL);
	cr_assert_eq(rcast_socket_dial(""), -EINVAL);
	cr_assert_eq(rcast_socket_listen(harness_path("no/such/s")), -ENOENT);
}

HARNESS_TEST(socket, a_relative_path_is_one_too)
{
	int listener, dialled;

	cr_assert_eq(chdir(harness_folder()), 0);
	listener = rcast_socket_listen("s");
	dialled = rcast_socket_dial("./s");
	cr_assert(listener >= 0 && dialled >= 0);
	close(dialled);
	close(listener);
	cr_assert_eq(chdir("/"), 0);
}

/* ── Many at once ── */

/* What starters wait for, by the end of a pipe, and where they say that they know whether they have the socket. */
struct race {
	int go[2], decided[2], stop[2];
};

static void race_open(struct race *race)
{
	cr_assert_eq(pipe2(race->go, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(race->decided, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(race->stop, O_CLOEXEC), 0);
}

static void race_go(struct race *race)
{
	close(race->go[0]);
	close(race->go[1]);
	close(race->decided[1]);
}

static void race_stop(struct race *race)
{
	close(race->decided[0]);
	close(race->stop[0]);
	close(race->stop[1]);
}

/* A starter that keeps what it got until the stop. Exits 0 if it got it, 1 if it was not free. */
static pid_t race_join(struct race *race, const char *path)
{
	pid_t pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	close(race->go[1]);
	close(race->stop[1]);
	(void)!read(race->go[0], &(char){0}, 1);
	fd = rcast_socket_listen(path);
	(void)!write(race->decided[1], "", 1);
	(void)!read(race->stop[0], &(char){0}, 1);
	_exit(fd >= 0 ? 0 : fd == -EEXIST ? 1 : 2);
}

/* Eight start at once where a dead socket lies, while somebody dials: one gets it, and it is the one in place. */
HARNESS_TEST(socket, of_many_starters_one_wins)
{
	enum { N = 8 };

	for (int round = 0; round < 20; round++) {
		int n_won = 0, n_decided = 0, dialled;
		pid_t pids[N];
		struct race race;

		close(rcast_socket_listen(harness_path("s")));
		race_open(&race);
		for (int i = 0; i < N; i++)
			pids[i] = race_join(&race, harness_path("s"));
		race_go(&race);
		harness_await((dialled = rcast_socket_dial(harness_path("s"))) >= 0);
		close(dialled);
		while (n_decided < N)
			n_decided += read(race.decided[0], &(char){0}, 1) == 1;
		dialled = rcast_socket_dial(harness_path("s"));
		cr_assert(dialled >= 0);
		close(dialled);
		race_stop(&race);
		for (int i = 0; i < N; i++) {
			int status = harness_wait(pids[i]);

			cr_assert_leq(status, 1);
			n_won += status == 0;
		}
		cr_assert_eq(n_won, 1);
	}
}

/* Whoever holds the lock is waited for: nobody probes or removes in the middle of another's start. */
HARNESS_TEST(socket, starters_wait_for_each_other)
{
	int folder_fd = open(harness_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct race race;
	pid_t pid;

	cr_assert_eq(flock(folder_fd, LOCK_EX), 0);
	race_open(&race);
	pid = race_join(&race, harness_path("s"));
	race_go(&race);
	for (int i = 0; i < 20; i++)
		harness_pause();
	cr_assert_neq(access(harness_path("s"), F_OK), 0);
	flock(folder_fd, LOCK_UN);
	close(folder_fd);
	harness_await(access(harness_path("s"), F_OK) == 0);
	race_stop(&race);
	cr_assert_eq(harness_wait(pid), 0);
}

/* In a folder that all may read, anybody can hold it, for as long as he likes. */
HARNESS_TEST(socket, who_keeps_the_folder_locked_stops_nobody_for_ever)
{
	int folder_fd = open(harness_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	close(rcast_socket_listen(harness_path("s")));
	cr_assert_eq(flock(folder_fd, LOCK_EX), 0);
	cr_expect_eq(rcast_socket_dial(harness_path("s")), -ENOENT);
	cr_expect_eq(rcast_socket_listen(harness_path("s")), -EAGAIN);
	close(folder_fd);
	cr_expect_eq(rcast_socket_dial(harness_path("s")), -ENOENT);
	cr_expect_neq(access(harness_path("s"), F_OK), 0);
}
