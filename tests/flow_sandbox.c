/* SPDX-License-Identifier: MIT */
/*
 * A stub of a websocket process: it attaches, enters the sandbox, and from then on follows its session like any viewer, into
 * another ring too. Taken over, it gets at nothing: each attack is shown to work outside the sandbox first, and must fail inside.
 */
#include "flow_kit.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <ringcast/circuit.h>
#include <ringcast/client.h>
#include <ringcast/sandbox.h>

/* ── Following ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct report {
	int in_force; /* what rcast_sandbox_enter returned */
	int end;
	size_t n_output;
	uint64_t hash;
};

static uint64_t hash(uint64_t before, const unsigned char *data, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++)
		before = (before ^ data[i]) * UINT64_C(0x100000001b3);
	return before;
}

static void follow(struct rcast_view *view, struct report *report)
{
	struct rcast_record record;

	for (;;) {
		struct pollfd polled = {.fd = rcast_view_fd(view), .events = POLLIN};

		report->end = rcast_view_next(view, &record);
		if (report->end == RCAST_RECORD && record.kind == RCAST_OUTPUT) {
			report->hash = hash(report->hash, record.data, record.n_bytes);
			report->n_output += record.n_bytes;
		} else if (report->end == RCAST_EMPTY) {
			poll(&polled, 1, HARNESS_BOUND_MS);
		} else if (report->end != RCAST_RECORD) {
			return;
		}
	}
}

/* In a process of its own; says "ready" with a byte, and reports when the session has ended. */
static void run_stub(int report_fd, bool by_circuit)
{
	struct rcast_view_options options = {.by_circuit = by_circuit};
	struct report report = {0};
	int fds[RCAST_VIEW_MAX_FDS + 1];
	struct rcast_client *client;
	struct rcast_view *view;
	size_t n_fds;

	if (rcast_client_connect_session("t", &client) != 0 || rcast_view_open(client, "t", &options, &view) != 0)
		_exit(1);
	n_fds = rcast_view_get_fds(view, fds);
	fds[n_fds++] = report_fd;
	report.in_force = rcast_sandbox_enter(fds, n_fds, 0);
	if (report.in_force < 0 || write(report_fd, "", 1) != 1)
		_exit(2);
	follow(view, &report);
	if (write(report_fd, &report, sizeof report) != sizeof report)
		_exit(3);
	rcast_view_close(view);
	rcast_client_free(client);
	_exit(0);
}

/* Attaches when it is inside already, over a connection that it has kept. */
static void run_stub_that_attaches(int report_fd)
{
	struct report report = {0};
	struct rcast_client *client;
	struct rcast_view *view;
	char path[4096];
	int fds[2] = {report_fd};

	if (rcast_socket_folder(path, sizeof path) != 0)
		_exit(1);
	strcat(path, "/t");
	fds[1] = rcast_socket_dial(path);
	if (fds[1] < 0 || rcast_client_open_take(fds[1], &client) != 0)
		_exit(1);
	report.in_force = rcast_sandbox_enter(fds, 2, RCAST_SANDBOX_MAY_ATTACH);
	if (report.in_force < 0 || rcast_view_open(client, "t", NULL, &view) != 0 || write(report_fd, "", 1) != 1)
		_exit(2);
	follow(view, &report);
	if (write(report_fd, &report, sizeof report) != sizeof report)
		_exit(3);
	rcast_view_close(view);
	rcast_client_free(client);
	_exit(0);
}

static void run_stub_by_ring(int report_fd)
{
	run_stub(report_fd, false);
}

static void run_stub_by_circuit(int report_fd)
{
	run_stub(report_fd, true);
}

/* Have the session move to a fresh ring, as it does when somebody else is kicked. */
static void move_session(void)
{
	struct rcast_client *client;

	cr_assert_eq(rcast_client_connect_session("t", &client), 0);
	cr_assert_eq(rcast_client_resize_ring(client, "t", 2 << 20), 0, "%s", rcast_client_error(client));
	rcast_client_free(client);
}

static void expect_a_stub_to_follow(void (*run)(int report_fd))
{
	struct report report;
	size_t n_expected;
	char *expected = flow_seq(20000, &n_expected), ready;
	char script[512];
	int ends[2];
	pid_t stub;

	snprintf(script, sizeof script, "read x <%s; seq 1 20000", flow_gate());
	flow_start("t", "1M", script);
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	stub = fork();
	if (stub == 0)
		run(ends[1]);
	close(ends[1]);
	cr_assert_eq(read(ends[0], &ready, 1), 1, "it did not get into its sandbox: %d", harness_wait(stub));
	move_session();
	flow_open_gate();
	cr_assert_eq(read(ends[0], &report, sizeof report), (ssize_t)sizeof report);
	cr_assert_eq(harness_wait(stub), 0);
	cr_assert_eq(report.end, RCAST_ENDED);
	cr_assert_eq(report.n_output, n_expected);
	cr_assert_eq(report.hash, hash(0, (const unsigned char *)expected, n_expected));
#ifdef RCAST_KERNEL_5_15
	cr_assert_eq(report.in_force & ~RCAST_SANDBOX_FILES, 0);
#endif
	close(ends[0]);
	free(expected);
}

HARNESS_TEST(sandbox, a_stub_follows_by_ring)
{
	expect_a_stub_to_follow(run_stub_by_ring);
}

HARNESS_TEST(sandbox, a_stub_follows_by_circuit)
{
	expect_a_stub_to_follow(run_stub_by_circuit);
}

HARNESS_TEST(sandbox, a_stub_attaches_when_it_is_inside)
{
	expect_a_stub_to_follow(run_stub_that_attaches);
}

/* ── Attacks ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What the attacker has: descriptors that it was allowed to keep, and the name of a process of the same uid. */
static struct {
	pid_t victim;
	int victim_pidfd, memory_fd, socket_fd, report_fd;
	char secret[16]; /* at the same address in the victim */
} attacker;

static long attack_ptrace(void)
{
	return ptrace(PTRACE_SEIZE, attacker.victim, 0, 0);
}

static long attack_kill(void)
{
	return kill(attacker.victim, SIGURG);
}

static long attack_kill_by_pidfd(void)
{
	return syscall(SYS_pidfd_send_signal, attacker.victim_pidfd, SIGURG, NULL, 0);
}

static long attack_pidfd_getfd(void)
{
	return syscall(SYS_pidfd_getfd, attacker.victim_pidfd, 0, 0);
}

static long attack_write_memory(void)
{
	struct iovec from = {"overwritten", 12}, to = {attacker.secret, 12};

	return process_vm_writev(attacker.victim, &from, 1, &to, 1, 0);
}

static long attack_read_memory(void)
{
	char stolen[12];
	struct iovec to = {stolen, 12}, from = {attacker.secret, 12};

	return process_vm_readv(attacker.victim, &to, 1, &from, 1, 0);
}

static long attack_open(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long attack_openat2(void)
{
	uint64_t how[3] = {O_RDONLY, 0, 0};

	return syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how, sizeof how);
}

static long attack_create(void)
{
	return open(harness_path("planted"), O_CREAT | O_WRONLY, 0600);
}

static long attack_unlink(void)
{
	return unlink(harness_path("planted"));
}

/* A read-only descriptor of a memfd, opened anew for writing: what O_RDONLY alone does not stop. */
static long attack_reopen(void)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", attacker.memory_fd);
	return open(path, O_RDWR);
}

static long attack_truncate(void)
{
	return fallocate(attacker.memory_fd, 0, 0, 4096);
}

/* So that who hands it out cannot open it any more. Last of all, since it would spoil the others. */
static long attack_change_mode(void)
{
	return fchmod(attacker.memory_fd, 0);
}

static long attack_map_writable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, attacker.memory_fd, 0) == MAP_FAILED ? -1 : 0;
}

static long attack_map_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static long attack_make_executable(void)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(memory, 4096, PROT_READ | PROT_EXEC);
}

static long attack_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof address.sun_path, "%s", harness_path("listening"));
	return connect(attacker.socket_fd, (struct sockaddr *)&address, sizeof address);
}

static long attack_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long attack_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return child;
}

/* Of a program that is not there: getting as far as looking for it is enough. */
static long attack_exec(void)
{
	char *const nothing[] = {NULL};

	return execve("/nonexistent", nothing, nothing) < 0 && errno == ENOENT ? 0 : -1;
}

static long attack_memfd(void)
{
	return memfd_create("x", MFD_CLOEXEC);
}

static long attack_prctl(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static const struct attack {
	const char *name;
	long (*try)(void);
	bool is_to_attach; /* no attack of one that may attach */
} attacks[] = {
	{"kill", attack_kill, false},
	{"pidfd_send_signal", attack_kill_by_pidfd, false},
	{"pidfd_getfd", attack_pidfd_getfd, false},
	{"process_vm_readv", attack_read_memory, false},
	{"process_vm_writev", attack_write_memory, false},
	{"ptrace", attack_ptrace, false},
	{"open", attack_open, false},
	{"openat2", attack_openat2, false},
	{"open to create", attack_create, false},
	{"unlink", attack_unlink, false},
	{"reopen of a memfd", attack_reopen, false},
	{"fallocate", attack_truncate, false},
	{"shared writable mapping", attack_map_writable, true},
	{"executable mapping", attack_map_executable, false},
	{"mprotect", attack_make_executable, false},
	{"connect", attack_connect, false},
	{"socket", attack_socket, false},
	{"fork", attack_fork, false},
	{"execve", attack_exec, false},
	{"memfd_create", attack_memfd, true},
	{"prctl", attack_prctl, false},
	{"fchmod", attack_change_mode, false},
};

#define N_ATTACKS (sizeof attacks / sizeof attacks[0])

enum inside { OUTSIDE, INSIDE, MAY_ATTACH };

/* In a process of its own: a byte for each attack, 1 if it succeeded. */
static void run_attacker(enum inside inside)
{
	const int keep[] = {attacker.victim_pidfd, attacker.memory_fd, attacker.socket_fd, attacker.report_fd};
	char succeeded[N_ATTACKS];

	if (inside != OUTSIDE && rcast_sandbox_enter(keep, 4, inside == MAY_ATTACH ? RCAST_SANDBOX_MAY_ATTACH : 0) < 0)
		_exit(1);
	for (size_t i = 0; i < N_ATTACKS; i++)
		succeeded[i] = attacks[i].try() >= 0;
	_exit(write(attacker.report_fd, succeeded, N_ATTACKS) == N_ATTACKS ? 0 : 2);
}

static void attack(enum inside inside, char succeeded[N_ATTACKS])
{
	int ends[2];
	pid_t pid;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	attacker.report_fd = ends[1];
	pid = fork();
	if (pid == 0)
		run_attacker(inside);
	close(ends[1]);
	cr_assert_eq(read(ends[0], succeeded, N_ATTACKS), (ssize_t)N_ATTACKS);
	cr_assert_eq(harness_wait(pid), 0);
	close(ends[0]);
}

/* A process of the same uid that lets anybody at it. */
static void start_victim(void)
{
	attacker.victim = fork();
	if (attacker.victim == 0) {
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			pause();
	}
	attacker.victim_pidfd = (int)syscall(SYS_pidfd_open, attacker.victim, 0);
	cr_assert(attacker.victim_pidfd >= 0);
}

static int listen_somewhere(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", harness_path("listening"));
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	cr_assert_eq(listen(fd, 8), 0);
	return fd;
}

HARNESS_TEST(sandbox, a_taken_over_stub_gets_at_nothing)
{
	char outside[N_ATTACKS], inside[N_ATTACKS], attaching[N_ATTACKS];
	int listening_fd = listen_somewhere(), n_succeeded = 0;

	start_victim();
	attacker.memory_fd = memfd_create("like a ring", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(attacker.memory_fd, 4096), 0);
	attacker.socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	attack(INSIDE, inside);
	attack(MAY_ATTACH, attaching);
	attack(OUTSIDE, outside);
	for (size_t i = 0; i < N_ATTACKS; i++) {
		cr_expect(outside[i], "%s does not even work outside", attacks[i].name);
		cr_expect(!inside[i], "%s works in the sandbox", attacks[i].name);
		n_succeeded += inside[i];
		cr_expect_eq(attaching[i], attacks[i].is_to_attach, "%s, for one that may attach", attacks[i].name);
	}
	harness_figure("%zu attacks that all work outside the sandbox: %d succeeded in it", N_ATTACKS, n_succeeded);
	kill(attacker.victim, SIGKILL);
	harness_wait(attacker.victim);
	close(attacker.victim_pidfd);
	close(attacker.memory_fd);
	close(attacker.socket_fd);
	close(listening_fd);
}

/* ── What it keeps ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int number_of_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

HARNESS_TEST(sandbox, only_what_was_named_stays_open)
{
	int ends[2];
	pid_t pid;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int high_fd = fcntl(ends[1], F_DUPFD_CLOEXEC, 700), keep[] = {high_fd, ends[1]};

		close(STDIN_FILENO);
		if (rcast_sandbox_enter(keep, 2, 0) < 0)
			_exit(1);
		_exit(number_of_fds() == 5 && write(high_fd, "", 1) == 1 ? 0 : 2);
	}
	cr_assert_eq(harness_wait(pid), 0);
	close(ends[0]);
	close(ends[1]);
}

HARNESS_TEST(sandbox, what_cannot_be_kept_is_an_error)
{
	pid_t pid = fork();

	if (pid == 0) {
		const int closed[] = {999}, negative[] = {-1};

		if (rcast_sandbox_enter(closed, 1, 0) != -EINVAL || rcast_sandbox_enter(negative, 1, 0) != -EINVAL)
			_exit(1);
		_exit(0);
	}
	cr_assert_eq(harness_wait(pid), 0);
}
