/* SPDX-License-Identifier: MIT */
/* A pseudo-terminal and a program under it. The model is in pty.c. */
#ifndef RCASTI_ENGINE_PTY_H
#define RCASTI_ENGINE_PTY_H

#include <stdint.h>
#include <sys/types.h>

struct rcasti_spawn {
	const char *const *argv; /* ends with NULL */
	const char *const *envp; /* ends with NULL; NULL: ours */
	const char *cwd;         /* NULL: ours */
	const char *session;     /* for RINGCAST_SESSION */
};

/* Open a master: non-blocking, close-on-exec, of this size. Returns the fd. */
int rcasti_pty_open(uint16_t cols, uint16_t rows);

/* Tell the kernel the new size; it sends SIGWINCH to the foreground. */
int rcasti_pty_resize(int master_fd, uint16_t cols, uint16_t rows);

/*
 * Run the program in a new session whose controlling terminal is the slave. Returns its pid when execve has succeeded, else
 * what went wrong, and then *failed is what could not be entered or executed (of `spawn`, borrowed). No process is left.
 */
pid_t rcasti_pty_spawn(int master_fd, const struct rcasti_spawn *spawn, const char **failed);

#endif
