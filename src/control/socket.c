/* SPDX-License-Identifier: MIT */
/*
 * Where control sockets live, and how two starters and a crash leave exactly one listener at a path.
 *
 * A socket file outlives the process that bound it. Whether one is dead is found out by connecting: -ECONNREFUSED says that
 * nobody listens. But a live starter looks the same between bind and listen, and a dead file may be replaced by another
 * starter between our look and our unlink. So looking, removing, binding and listening all happen under a lock: flock on
 * the folder itself, which leaves nothing behind and ends with its holder. Whoever may read the folder can take that lock, and in
 * a shared one (a view socket in /tmp) that is anybody: so nobody waits for it longer than a start can take.
 *
 * The mode is set on the socket before it is bound, so that there is no moment at which others could connect.
 */
#include <ringcast/circuit.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128, DIAL_SECONDS = 5, LOCK_MS = 5000, LOCK_RETRY_MS = 5 };

/* ── Names and the folder ── */

static bool is_name_character(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
	       c == '-';
}

bool rcast_name_is_valid(const char *name)
{
	size_t n = 0;

	while (n <= RCAST_NAME_MAX && is_name_character(name[n]))
		n++;
	return n >= 1 && n <= RCAST_NAME_MAX && name[n] == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int check_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat info;
	bool is_ours;

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EACCES : -errno;
	is_ours = fstat(fd, &info) == 0 && info.st_uid == geteuid() && (info.st_mode & 077) == 0;
	close(fd);
	return is_ours ? 0 : -EACCES;
}

int rcast_socket_folder(char *path, size_t path_bytes)
{
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	int n;

	if (runtime && runtime[0] == '/')
		n = snprintf(path, path_bytes, "%s/ringcast", runtime);
	else
		n = snprintf(path, path_bytes, "/tmp/ringcast-%u", geteuid());
	if (n < 0 || (size_t)n >= path_bytes)
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -errno;
	return check_folder(path);
}

/* ── Addresses and the lock ── */

static int fill_address(const char *path, struct sockaddr_un *address)
{
	size_t n = strlen(path);

	if (n == 0)
		return -EINVAL;
	if (n >= sizeof address->sun_path)
		return -ENAMETOOLONG;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, n);
	return 0;
}

static int open_folder_of(const struct sockaddr_un *address)
{
	char folder[sizeof address->sun_path + 2];
	char *slash;
	int fd;

	snprintf(folder, sizeof folder, "%s%s", address->sun_path[0] == '/' ? "" : "./", address->sun_path);
	slash = strrchr(folder, '/');
	slash[slash == folder ? 1 : 0] = 0;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

/* Lock the folder that the address lies in. Returns the fd that holds the lock, or -errno; -EAGAIN: it was kept that long. */
static int lock_folder(const struct sockaddr_un *address, int patience_ms)
{
	int fd = open_folder_of(address), error;

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		error = -errno;
		if ((error != -EAGAIN && error != -EINTR) || patience_ms <= 0) {
			close(fd);
			return error;
		}
		poll(NULL, 0, LOCK_RETRY_MS);
		patience_ms -= LOCK_RETRY_MS;
	}
	return fd;
}

/* Unlocks by name: a child that another thread forks meanwhile has the fd too, and would keep the lock. */
static void unlock_folder(int lock_fd)
{
	flock(lock_fd, LOCK_UN);
	close(lock_fd);
}

/* Does anybody listen there? 0: yes. -ECONNREFUSED: no, but there is a file. -ENOENT. Another errno: cannot tell. */
static int probe(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0)
		error = -errno;
	close(fd);
	return error == -EAGAIN ? 0 : error; /* -EAGAIN: its backlog is full */
}

/* Make the path free, under the lock. -EEXIST: somebody listens there, or it is no socket at all. */
static int remove_dead_socket(const struct sockaddr_un *address)
{
	struct stat info;
	int error;

	if (lstat(address->sun_path, &info) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(info.st_mode))
		return -EEXIST;
	error = probe(address);
	if (error == 0 || error == -EPROTOTYPE)
		return -EEXIST;
	if (error != -ECONNREFUSED)
		return error == -ENOENT ? 0 : error;
	return unlink(address->sun_path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* ── Listening and dialling ── */

static int bind_and_listen(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0600) == 0 && bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	error = errno == EADDRINUSE ? -EEXIST : -errno;
	close(fd);
	return error;
}

int rcast_socket_listen(const char *path)
{
	struct sockaddr_un address;
	int lock_fd, fd = fill_address(path, &address);

	if (fd < 0)
		return fd;
	lock_fd = lock_folder(&address, LOCK_MS);
	if (lock_fd < 0)
		return lock_fd;
	fd = remove_dead_socket(&address);
	if (fd == 0)
		fd = bind_and_listen(&address);
	unlock_folder(lock_fd);
	return fd;
}

/* If the lock is taken, somebody is about to do that, or wants to keep us from it. */
static void clean_up_after_the_dead(const struct sockaddr_un *address)
{
	int lock_fd = lock_folder(address, 0);

	if (lock_fd < 0)
		return;
	(void)remove_dead_socket(address);
	unlock_folder(lock_fd);
}

static int connect_bounded(int fd, const struct sockaddr_un *address)
{
	struct timeval bound = {.tv_sec = DIAL_SECONDS}, none = {0};
	int error = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof bound) != 0 ||
	    connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none) != 0)
		error = -errno;
	return error;
}

int rcast_socket_dial(const char *path)
{
	struct sockaddr_un address;
	int error = fill_address(path, &address), fd;

	if (error)
		return error;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	do {
		error = connect_bounded(fd, &address);
	} while (error == -EINTR);
	if (!error)
		return fd;
	close(fd);
	if (error != -ECONNREFUSED)
		return error;
	clean_up_after_the_dead(&address);
	return -ENOENT;
}
