/* SPDX-License-Identifier: MIT */
/*
 * Every call that could change, cut or fill what is handed to a reader, tried by a process of the same and of another uid, on
 * each descriptor that is handed out; and every descriptor that is not what it should be, handed to us. Prints what it saw.
 *
 * Memory and pipe are made as uid 65533 and attacked by it and by 65534, without privileges: that takes root. Without, there
 * is only our own uid. An attack is judged by what it did and not by what the call returned: the bytes, the size, the blocks
 * and the seals must be what they were, and the writer's bell must ring without waiting.
 */
#include "ring/memory.h"

#include <ringcast/ring.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "must.h"

#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
#define CAPACITY RCAST_RING_MIN_BYTES
#define RING_BYTES (RCASTI_RING_HEADER_BYTES + CAPACITY)

enum { OWNER_UID = 65533, OTHER_UID = 65534 };

/* ── Attacks on memory ───────────────────────────────────────────────────────────────────────────────────────────────── */

static void scribble(void *mapping, size_t n_bytes)
{
	if (mapping != MAP_FAILED)
		memset(mapping, 0xee, n_bytes);
}

static void map_writable(int fd, size_t n)
{
	scribble(mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), n);
}

static void *map(int fd, size_t n)
{
	return mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
}

static void make_writable(int fd, size_t n)
{
	void *mapping = map(fd, n);

	if (mprotect(mapping, n, PROT_READ | PROT_WRITE) == 0)
		scribble(mapping, n);
	if (mprotect(mapping, n, PROT_READ | PROT_WRITE | PROT_EXEC) == 0)
		scribble(mapping, n);
}

static void move_mapping(int fd, size_t n)
{
	void *mapping = mremap(map(fd, n), n, 2 * n, MREMAP_MAYMOVE);

	if (mapping != MAP_FAILED && mprotect(mapping, 2 * n, PROT_READ | PROT_WRITE) == 0)
		scribble(mapping, 2 * n);
}

static void write_own_copy(int fd, size_t n)
{
	scribble(mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), n);
}

static void advise(int fd, size_t n)
{
	static const int advices[] = {MADV_REMOVE, MADV_DONTNEED, MADV_FREE, MADV_POPULATE_WRITE, MADV_HWPOISON, 21};

	for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
		madvise(map(fd, n), n, advices[i]);
}

static void allocate(int fd, size_t n)
{
	static const int modes[] = {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
				    FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_UNSHARE_RANGE};

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (fallocate(fd, modes[i], 0, (off_t)n) != 0)
			fallocate(fd, modes[i], 0, 4096);
}

static void grow(int fd, size_t n)
{
	if (fallocate(fd, 0, 0, (off_t)n * 2) != 0 && ftruncate(fd, (off_t)n * 2) != 0)
		pwrite(fd, "x", 1, (off_t)n);
}

static void shrink(int fd, size_t n)
{
	if (ftruncate(fd, 0) != 0)
		must(ftruncate(fd, (off_t)n - 4096) != 0);
}

static void write_bytes(int fd, size_t n)
{
	struct iovec iov = {.iov_base = "evil", .iov_len = 4};

	if (write(fd, "evil", 4) < 0 && pwrite(fd, "evil", 4, 0) < 0)
		pwritev2(fd, &iov, 1, 0, RWF_APPEND);
	fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK);
	if (writev(fd, &iov, 1) < 0)
		return;
}

static void splice_into(int fd, size_t n)
{
	int ends[2], other = memfd_create("source", 0);
	loff_t at = 0;

	if (other < 0 || pipe(ends) != 0 || write(ends[1], "evil", 4) != 4 || write(other, "evil", 4) != 4)
		return;
	splice(ends[0], NULL, fd, &at, 4, 0);
	lseek(other, 0, SEEK_SET);
	sendfile(fd, other, NULL, 4);
	lseek(other, 0, SEEK_SET);
	if (copy_file_range(other, NULL, fd, NULL, 4, 0) < 0)
		return;
}

static void add_seals(int fd, size_t n)
{
	fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
	fcntl(fd, F_ADD_SEALS, 0x20 /* F_SEAL_EXEC */);
}

static void write_own_memory(int fd, size_t n)
{
	void *mapping = map(fd, n);
	struct iovec from = {.iov_base = "evil", .iov_len = 4}, to = {.iov_base = mapping, .iov_len = 4};
	int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	if (memory >= 0 && pwrite(memory, "evil", 4, (off_t)(uintptr_t)mapping) < 0)
		process_vm_writev(getpid(), &from, 1, &to, 1, 0);
}

/* Without waiting for a lease that an earlier attack may have left on the file: attackers are not to wait for each other. */
static int reopen(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC | O_NONBLOCK);
}

static void reopen_writable(int fd, size_t n)
{
	int own = reopen(fd, O_RDWR);

	if (own < 0)
		return;
	map_writable(own, n);
	write_bytes(own, n);
	splice_into(own, n);
	allocate(own, n);
	grow(own, n);
	add_seals(own, n);
	if (ftruncate(own, 0) < 0)
		return;
}

static void reopen_truncating(int fd, size_t n)
{
	reopen(fd, O_WRONLY | O_TRUNC);
}

static void change_mode(int fd, size_t n)
{
	if (fchmod(fd, 0777) == 0)
		reopen_writable(fd, n);
}

static void lock_it(int fd, size_t n)
{
	struct flock lock = {.l_type = F_WRLCK};

	fcntl(fd, F_OFD_SETLK, &lock);
	fcntl(fd, F_SETLEASE, F_WRLCK);
}

typedef void attack_call(int fd, size_t n_bytes);

static attack_call *const memory_attacks[] = {map_writable,    make_writable,     move_mapping, write_own_copy,
					      advise,          allocate,          grow,         shrink,
					      write_bytes,     splice_into,       add_seals,    write_own_memory,
					      reopen_writable, reopen_truncating, change_mode,  lock_it};

/* ── Attacks on the pipe ─────────────────────────────────────────────────────────────────────────────────────────────── */

static void make_blocking(int fd, size_t n)
{
	fcntl(fd, F_SETFL, 0);
}

static void resize_pipe(int fd, size_t n)
{
	fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	fcntl(fd, F_SETPIPE_SZ, 1);
}

static void fill_pipe(int fd, size_t n)
{
	int own = reopen(fd, O_WRONLY | O_NONBLOCK);

	if (own < 0 && fchmod(fd, 0777) == 0)
		own = reopen(fd, O_RDWR);
	while (own >= 0 && write(own, "x", 1) == 1)
		continue;
}

static void drain_pipe(int fd, size_t n)
{
	char bytes[4096];

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (read(fd, bytes, sizeof bytes) > 0)
		continue;
}

static attack_call *const pipe_attacks[] = {make_blocking, resize_pipe, write_bytes, fill_pipe,
					    make_blocking, drain_pipe,  add_seals};

/* ── The matrix ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct target {
	int fd; /* what was handed out */
	const void *mapping;
	void *copy; /* of the bytes, as they were */
	size_t n_bytes;
	struct stat info;
};

static unsigned int n_attacks;

static void attack_as(uid_t uid, attack_call *attack, int fd, size_t n_bytes)
{
	pid_t pid = fork();
	int status;

	must(pid >= 0);
	if (pid == 0) {
		alarm(100);
		if (geteuid() == 0 && (setgid(uid) != 0 || setuid(uid) != 0))
			_exit(1);
		prctl(PR_SET_DUMPABLE, 1); /* /proc/self is ours again */
		for (int signal = 1; signal < 32; signal++)
			if (signal != SIGALRM && signal != SIGKILL)
				sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
		attack(fd, n_bytes);
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid);
	/* It may well die of what it tries, but not of the clock, nor for want of another uid. */
	must(WIFSIGNALED(status) ? WTERMSIG(status) != SIGALRM : WEXITSTATUS(status) == 0);
	n_attacks++;
}

static void remember(struct target *target)
{
	must(fstat(target->fd, &target->info) == 0);
	target->copy = malloc(target->n_bytes);
	memcpy(target->copy, target->mapping, target->n_bytes);
}

static void check_unchanged(const struct target *target)
{
	struct stat now;

	must(memcmp(target->mapping, target->copy, target->n_bytes) == 0);
	must(fstat(target->fd, &now) == 0);
	must(now.st_size == target->info.st_size && now.st_blocks == target->info.st_blocks);
	must((fcntl(target->fd, F_GET_SEALS) & ALL_SEALS) == ALL_SEALS && !(fcntl(target->fd, F_GET_SEALS) & F_SEAL_WRITE));
	must(lseek(target->fd, 0, SEEK_HOLE) == target->info.st_size);
}

static void attack_memory(uid_t uid, const struct target *target)
{
	for (size_t i = 0; i < sizeof memory_attacks / sizeof memory_attacks[0]; i++) {
		attack_as(uid, memory_attacks[i], target->fd, target->n_bytes);
		check_unchanged(target);
	}
}

/* The bell is rung after each, for a new sleep: it must not wait. */
static void attack_pipe(uid_t uid, int wake_fd, struct rcast_follower *follower, struct rcasti_cursor_page *page)
{
	for (size_t i = 0; i < sizeof pipe_attacks / sizeof pipe_attacks[0]; i++) {
		attack_as(uid, pipe_attacks[i], wake_fd, 0);
		page->words[0].episode += 2;
		alarm(100);
		must(rcast_follower_ring(follower) == 1);
		alarm(0);
	}
}

static struct target hand_out(const char *name, size_t n_bytes, void **mapping)
{
	int fd = rcasti_memory_create(name, n_bytes, mapping);
	struct target target = {.mapping = *mapping, .n_bytes = n_bytes};

	must(fd >= 0);
	for (size_t i = 0; i < n_bytes; i++)
		((unsigned char *)*mapping)[i] = (unsigned char)(i * 7);
	target.fd = rcasti_memory_dup_readonly(fd);
	must(target.fd >= 0);
	remember(&target);
	return target;
}

static void run_matrix(void)
{
	bool is_root = geteuid() == 0;
	struct rcasti_cursor_page *page;
	struct rcast_follower *follower;
	struct target ring, cursor;
	void *ring_memory, *cursor_memory, *page_memory;
	int wake_fd, page_fd;

	if (is_root)
		must(seteuid(OWNER_UID) == 0);
	prctl(PR_SET_DUMPABLE, 1);
	ring = hand_out("ring", RING_BYTES, &ring_memory);
	cursor = hand_out("cursor", RCASTI_CURSOR_BYTES, &cursor_memory);
	page_fd = rcasti_memory_create("page", RCASTI_CURSOR_BYTES, &page_memory);
	page = page_memory;
	page->magic = RCASTI_CURSOR_MAGIC;
	page->words[0].episode = 1;
	must(rcast_follower_create_take(page_fd, &follower, &wake_fd) == 0);
	if (is_root)
		must(seteuid(0) == 0);
	for (int i = 0; i < (is_root ? 2 : 1); i++) {
		uid_t uid = i == 0 ? OWNER_UID : OTHER_UID;

		attack_memory(uid, &ring);
		attack_memory(uid, &cursor);
		attack_pipe(uid, wake_fd, follower, page);
	}
	printf("%u attacks by %s on the ring, the cursor page and the wake pipe: 0 bytes changed, no bell waited\n",
	       n_attacks, is_root ? "the same uid and another" : "the same uid (another takes root)");
	rcast_follower_free(follower);
	close(wake_fd);
	close(ring.fd);
	close(cursor.fd);
	free(ring.copy);
	free(cursor.copy);
}

/* ── Descriptors that are not what they should be ────────────────────────────────────────────────────────────────────── */

enum content { ZEROES, RING, CURSOR };

struct forged {
	size_t n_bytes;
	enum content content;
	int seals;
	bool with_holes;
	unsigned int flags; /* of memfd_create, beyond sealing */
};

static int forge(const struct forged *forged)
{
	int fd = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING | forged->flags);
	struct rcasti_ring_header ring = {.magic = RCASTI_RING_MAGIC,
					  .version = RCASTI_RING_VERSION,
					  .header_bytes = RCASTI_RING_HEADER_BYTES,
					  .capacity_bytes = forged->n_bytes - RCASTI_RING_HEADER_BYTES};
	struct rcasti_cursor_page cursor = {.magic = RCASTI_CURSOR_MAGIC};

	if (fd < 0 || ftruncate(fd, (off_t)forged->n_bytes) != 0)
		return -1; /* no huge pages here: then -1 is the bad descriptor */
	if (!forged->with_holes)
		for (size_t at = 0; at < forged->n_bytes && forged->flags == 0; at += 4096)
			must(pwrite(fd, "", 1, (off_t)at) == 1);
	if (forged->content == RING && forged->n_bytes >= sizeof ring)
		must(pwrite(fd, &ring, sizeof ring, 0) == sizeof ring);
	if (forged->content == CURSOR && forged->n_bytes >= sizeof cursor)
		must(pwrite(fd, &cursor, sizeof cursor, 0) == sizeof cursor);
	must(fcntl(fd, F_ADD_SEALS, forged->seals) == 0);
	return fd;
}

static unsigned int n_refused;

static void refuse(int fd)
{
	struct rcast_follower *follower;
	struct rcast_reader *reader;
	int wake_fd, copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);

	must(rcast_reader_open_take(fd, &reader) == -EPROTO && reader == NULL);
	must(rcast_follower_create_take(copy, &follower, &wake_fd) == -EPROTO && follower == NULL && wake_fd == -1);
	n_refused += 2;
}

static void refuse_forged(void)
{
	static const struct forged cases[] = {
		{RING_BYTES, RING, 0, false, 0},
		{RING_BYTES, RING, ALL_SEALS & ~F_SEAL_SHRINK, false, 0},
		{RING_BYTES, RING, ALL_SEALS & ~F_SEAL_GROW, false, 0},
		{RING_BYTES, RING, ALL_SEALS & ~F_SEAL_FUTURE_WRITE, false, 0},
		{RING_BYTES, RING, ALL_SEALS & ~F_SEAL_SEAL, false, 0},
		{RING_BYTES, RING, ALL_SEALS, true, 0},
		{RING_BYTES, ZEROES, ALL_SEALS, false, 0},
		{RING_BYTES, CURSOR, ALL_SEALS, false, 0},
		{RING_BYTES - 4096, RING, ALL_SEALS, false, 0},
		{RING_BYTES + 4096, RING, ALL_SEALS, false, 0},
		{RING_BYTES - 1, RING, ALL_SEALS, false, 0},
		{RCASTI_RING_HEADER_BYTES, RING, ALL_SEALS, false, 0},
		{RCASTI_RING_HEADER_BYTES + 32768, RING, ALL_SEALS, false, 0}, /* a power of two, but too small */
		{8, ZEROES, ALL_SEALS, false, 0},
		{0, ZEROES, ALL_SEALS, false, 0},
		{RCASTI_CURSOR_BYTES, CURSOR, 0, false, 0},
		{RCASTI_CURSOR_BYTES, CURSOR, ALL_SEALS & ~F_SEAL_SHRINK, false, 0},
		{RCASTI_CURSOR_BYTES, CURSOR, ALL_SEALS & ~F_SEAL_SEAL, false, 0},
		{RCASTI_CURSOR_BYTES, ZEROES, ALL_SEALS, true, 0},
		{2 * RCASTI_CURSOR_BYTES, CURSOR, ALL_SEALS, false, 0},
		{2 << 20, ZEROES, ALL_SEALS, true, MFD_HUGETLB},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		refuse(forge(&cases[i]));
}

static void refuse_other_kinds(void)
{
	static const struct forged ring = {RING_BYTES, RING, ALL_SEALS, false, 0};
	int memory = forge(&ring), ends[2], pair[2];
	char path[] = "/tmp/hostile_reader.XXXXXX";

	must(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	refuse(reopen(memory, O_PATH));
	refuse(ends[0]);
	refuse(ends[1]);
	refuse(pair[0]);
	refuse(pair[1]);
	refuse(mkostemp(path, O_CLOEXEC));
	unlink(path);
	refuse(open("/", O_RDONLY | O_DIRECTORY));
	refuse(open("/dev/zero", O_RDWR));
	refuse(open("/dev/shm", O_RDWR | O_TMPFILE, 0600));
	refuse(open("/proc/self/mem", O_RDWR));
	refuse(eventfd(0, 0));
	refuse(epoll_create1(0));
	refuse(-1);
	close(memory);
}

int main(void)
{
	run_matrix();
	refuse_forged();
	refuse_other_kinds();
	printf("%u bad descriptors handed over: %u refused\n", n_refused, n_refused);
	return 0;
}
