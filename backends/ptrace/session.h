/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_PTRACE_SESSION_H
#define SYSFOLD_BACKENDS_PTRACE_SESSION_H

/*
 * What the three parties of a capture share: the recorder (the caller's
 * process, the queue's consumer), the tracer T (a process of its own, the
 * producer) and, until it becomes the command, the launched child C.
 *
 *   recorder --fork--> T --fork--> C --execve--> the command
 *       ^  socket, shared memory  ^ ptrace, shared memory ^
 */

#include <linux/filter.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/backend.h"
#include "backends/command.h"
#include "backends/queue.h"

/* SECCOMP_RET_DATA of our filter's RET_TRACE: tells it from a filter of the target's own. */
#define FILTER_MARK 0x5f1d

struct shared {
    _Atomic uint32_t launch_step; /* enum launch_step */
    _Atomic int exec_error;       /* why C could not become the command: an errno */
    _Atomic bool exec_in_filter;  /* it was the filter that could not be loaded */
    _Atomic bool stop;            /* the consumer wants no more */
    _Atomic bool ended;           /* T has told everything and leaves */
    _Atomic bool has_status;
    _Atomic int status;           /* the command's, raw */
    pid_t tracer;
};

/* What T must know, made ready by open() before it forks. */
struct session {
    const struct capture_options *options;
    struct shared *shared;
    struct queue *queue;
    struct sock_fprog filter; /* len 0: none */
    char *command_path;       /* NULL when attaching */
    sigset_t mask;            /* the caller's, for the command */
    pid_t recorder;
    int recorder_socket;
    int tracer_socket;
};




/* tracer.c: T itself. */
_Noreturn void tracer_run(const struct session *session);

/* launch.c */

/* C: waits for T, then becomes the command. */
_Noreturn void command_run(const struct session *session, pid_t tracer);
/* T: waits until C has nothing left to do but to be let go; lets it go. */
void command_wait_ready(struct shared *shared, pid_t command);
void command_release(struct shared *shared);
/* Why the command did not start, in words. */
int command_error(const struct session *session, struct sysfold_error *error);

/* filter.c */

/* The seccomp program that stops at the chosen calls; instructions are malloc'd. */
int filter_build(const struct callset *calls, struct sock_fprog *ret_filter, struct sysfold_error *error);

/* probe.c */
void ptrace_probe(struct sysfold_backend_info *info);
/* Appends to the message of a refused attach what to do about it. */
int ptrace_refusal(pid_t pid, struct sysfold_error *error);

#endif
