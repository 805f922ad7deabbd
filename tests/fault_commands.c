/* SPDX-License-Identifier: MIT */
/*
 * As fault_injection.c, of those who are at the outside: finding engines, starting and steering sessions as a client, and the
 * verbs of the command, each in a process of its own as it is used. The engine is another process, whose calls do not fail.
 *
 * A verb may fail for want of anything, but then it says so in a line and in its exit status; if it says that all went well, all
 * that was asked for must have come.
 */
#include "fault.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <ringcast/circuit.h>
#include <ringcast/client.h>
#include <ringcast/engine.h>

#include "cli/verb.h"

enum { ENOUGH_TURNS = 100000 };

static char folder[64], socket_path[96];

/* ── The engine ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static _Noreturn void be_engine(void)
{
	struct rcast_session_options options = {.name = "s", .ring_bytes = RCAST_RING_MIN_BYTES, .linger_ms = 3600000};
	struct rcast_session *session;
	struct rcast_engine *engine;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(rcast_engine_create(&(struct rcast_engine_options){.path = socket_path}, &engine) == 0);
	must(rcast_engine_start_owned(engine, &options, &session) == 0);
	must(rcast_writer_put(rcast_session_writer(session), RCAST_OUTPUT, "hello", 5) == 0);
	must(rcast_writer_end(rcast_session_writer(session)) == 0);
	rcast_session_notify(session);
	rcast_session_close(session);
	for (;;) {
		struct pollfd look = {.fd = rcast_engine_fd(engine), .events = POLLIN};

		poll(&look, 1, -1);
		must(rcast_engine_dispatch(engine) == 0);
	}
}

static struct rcast_client *connect_surely(void)
{
	struct rcast_client *client;

	for (int n = 0; rcast_client_connect(socket_path, &client) != 0; n++) {
		must(n < ENOUGH_TURNS);
		poll(NULL, 0, 1);
	}
	return client;
}

/* Away with the session that a run has started, if it got that far. */
static void remove_session(const char *name)
{
	struct rcast_client *client = connect_surely();
	struct rcast_session_info info;

	(void)rcast_client_kill(client, name);
	for (int n = 0; rcast_client_describe(client, name, &info) != -ENOENT; n++) {
		must(n < ENOUGH_TURNS);
		poll(NULL, 0, 1);
	}
	rcast_client_free(client);
}

/* ── Clients ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int count_sessions(void *user, const struct rcast_session_info *info)
{
	++*(int *)user;
	return 0;
}

/* An engine that does not answer is left out; but not one that nothing has failed for. */
static int find_scenario(void)
{
	struct rcast_client *client;
	int n_sessions = 0, error = fault_plausible(fault_try(rcast_find_sessions(count_sessions, &n_sessions)));

	must(error != 0 || n_sessions == 1 || fault.n_left == 0);
	if (error == 0)
		error = fault_plausible(fault_try(rcast_client_connect_session("s", &client)));
	else
		return error;
	must((error == 0) == (client != NULL) && (error != -ENOENT || fault.n_left == 0));
	rcast_client_free(client);
	return error;
}

static int steer(struct rcast_client *client)
{
	static const char *const argv[] = {"cat", NULL};
	struct rcast_start_options options = {.name = "p", .argv = argv, .ring_bytes = RCAST_RING_MIN_BYTES};
	int error = fault_plausible(fault_try(rcast_client_start(client, &options)));

	if (error == 0)
		error = fault_plausible(fault_try(rcast_client_send_input(client, "p", "typed\n", 6)));
	if (error == 0)
		error = fault_plausible(fault_try(rcast_client_resize(client, "p", 100, 40)));
	if (error == 0)
		error = fault_plausible(fault_try(rcast_client_resize_ring(client, "p", RCAST_RING_MIN_BYTES * 2)));
	if (error == 0)
		error = fault_plausible(fault_try(rcast_client_kick(client, "p", RCAST_ALL_READERS)));
	if (error == 0)
		error = fault_plausible(fault_try(rcast_client_signal(client, "p", SIGCONT)));
	if (error == 0)
		error = fault_plausible(fault_try(rcast_client_kill(client, "p")));
	must(error == 0 || rcast_client_error(client)[0] != 0);
	return error;
}

static int steer_scenario(void)
{
	struct rcast_client *client = connect_surely();
	int error;

	rcast_client_set_timeout(client, 100000);
	error = steer(client);
	must(error != -ETIMEDOUT);
	rcast_client_free(client);
	remove_session("p");
	return error;
}

static int publish_scenario(void)
{
	struct rcast_client *client = connect_surely();
	struct rcast_start_options options = {.name = "p", .ring_bytes = RCAST_RING_MIN_BYTES};
	int ends[2], error;

	must(pipe2(ends, O_CLOEXEC) == 0);
	options.take_fd = ends[0];
	error = fault_plausible(fault_try(rcast_client_start(client, &options)));
	must(error == 0 || rcast_client_error(client)[0] != 0);
	close(ends[1]);
	rcast_client_free(client);
	remove_session("p");
	return error;
}

/* ── The command ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct use {
	const char *name;
	const struct verb *verb;
	const char *argv[12];
	const char *prints; /* to be found on standard output if it says that all went well */
	bool ends_well;     /* when nothing fails */
};

static const struct use uses[] = {
	{"ls", &verb_ls, {"ls"}, "s ", true},
	{"stat", &verb_stat, {"stat", "--json", "s"}, "\"output_bytes\":5", true},
	{"tail", &verb_tail, {"tail", "s"}, "hello", true},
	{"tail by circuit", &verb_tail, {"tail", "--by-circuit", "--json", "s"}, "hello", true},
	{"record", &verb_record, {"record", "--format", "raw", "--overwrite", "s", "/dev/stdout"}, "hello", true},
	{"wait", &verb_wait, {"wait", "--exit", "s"}, "", true},
	{"watch", &verb_watch, {"watch", "s"}, "hello", true},
	{"run", &verb_run, {"run", "--detached", "--name", "p", "--engine", "host", "--", "cat"}, "p", true},
	{"kick", &verb_kick, {"kick", "s", "all"}, "", true},
	{"send", &verb_send, {"send", "s", "text"}, "", false},
	{"resize", &verb_resize, {"resize", "s", "90x30"}, "", false},
};

static const struct use *used;

static struct {
	unsigned int n_left;
	const char *what;
} * child_told; /* shared */

/* What it printed is in the file `out_fd`; both streams, since a verb that failed has only to say something. */
static _Noreturn void be_command(int out_fd)
{
	char **argv = (char **)used->argv;
	int argc = 0, status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(300);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(out_fd, STDOUT_FILENO);
	dup2(out_fd, STDERR_FILENO);
	while (argv[argc])
		argc++;
	status = fault_try(used->verb->run(used->verb, argc, argv));
	child_told->n_left = fault.n_left;
	child_told->what = fault.what;
	_exit(status);
}

/* What failed may be the saying itself. */
static bool could_not_be_said(void)
{
	return strcmp(fault.what, "poll") == 0 || strcmp(fault.what, "write") == 0;
}

static void check_use(int status, const char *printed)
{
	must(WIFEXITED(status));
	if (WEXITSTATUS(status) == EXIT_CODE_OK)
		must(strstr(printed, used->prints) || (used->verb == &verb_ls && fault.n_left == 0));
	else
		must(strstr(printed, "ringcast: ") || strchr(printed, '[') || could_not_be_said());
	must(fault.n_left == 0 || (WEXITSTATUS(status) == EXIT_CODE_OK) == used->ends_well);
}

static int use_scenario(void)
{
	char printed[4096] = "";
	int out_fd = memfd_create("printed", MFD_CLOEXEC), status;
	ssize_t n;
	pid_t pid;

	must(out_fd >= 0);
	fflush(NULL);
	pid = fork();
	must(pid >= 0);
	if (pid == 0)
		be_command(out_fd);
	must(waitpid(pid, &status, 0) == pid);
	fault.n_left = child_told->n_left;
	fault.what = child_told->what;
	n = pread(out_fd, printed, sizeof printed - 1, 0);
	printed[n > 0 ? n : 0] = 0;
	if (getenv("FAULT_TRACE"))
		fprintf(stderr, "%s: status %x: %s\n", used->name, (unsigned int)status, printed);
	check_use(status, printed);
	close(out_fd);
	if (used->verb == &verb_run)
		remove_session("p");
	return WEXITSTATUS(status) == EXIT_CODE_OK ? 0 : fault.n_left > 0 ? 0 : -EIO;
}

int main(void)
{
	pid_t engine;

	alarm(1400);
	signal(SIGPIPE, SIG_IGN);
	child_told = mmap(NULL, sizeof *child_told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(child_told != MAP_FAILED);
	snprintf(folder, sizeof folder, "/tmp/fault_commands.%d", (int)getpid());
	must(mkdir(folder, 0700) == 0 && setenv("XDG_RUNTIME_DIR", folder, 1) == 0);
	must(rcast_socket_folder(socket_path, sizeof socket_path - 8) == 0);
	strcat(socket_path, "/host");
	engine = fork();
	if (engine == 0)
		be_engine();
	rcast_client_free(connect_surely());
	fault_run("find", find_scenario);
	fault_run("steer", steer_scenario);
	fault_run("publish", publish_scenario);
	for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
		used = &uses[i];
		fault_run(used->name, use_scenario);
	}
	kill(engine, SIGKILL);
	waitpid(engine, NULL, 0);
	unlink(socket_path);
	*strrchr(socket_path, '/') = 0;
	rmdir(socket_path);
	rmdir(folder);
	return 0;
}
