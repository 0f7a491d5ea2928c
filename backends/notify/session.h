/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_SESSION_H
#define SYSFOLD_NOTIFY_SESSION_H

/*
 * What the processes of a capture share:
 *
 *   recorder R ──fork──► guardian G ──fork──► supervisor S ──fork──► C, the command        (-- COMMAND)
 *                                   ──fork──► supervisor S of each container               (--listen SOCKET)
 *
 * R is the caller, and the consumer of each S's queue. S has a listener (the
 * descriptor from which seccomp's notifications are read), answers and records.
 * G has the same listener and does nothing with it until its S is gone: from
 * then on it answers CONTINUE. Nobody is left hanging by R's end, nor by S's.
 *
 *   lifeline    a pipe: R alone has the end that is written to; G and every S see by
 *               it that R wants no more ("s" was written, which nobody reads) or is gone (end of file)
 *   watch       a socket pair of G and S, for each S: S sends a listener that it got
 *               itself (a byte and the descriptor); its end tells G that S is gone, or receives nothing more
 *   control     a socket pair of R and the others: struct sysfold_error reports and COMMAND_GO (command: with S), or
 *               struct arrival for each container (listen: from G, which hangs up when R wants no more and knows all)
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

/* Where results come from: --results. */
enum results {
    RESULTS_EMULATE = 1 << 0, /* calls are performed by S where that is exact */
    RESULTS_PERF = 1 << 1,    /* the results of the others are the perf tracepoints' */
};

/* Of one S, C and R: mapped by all of them. */
struct shared {
    _Atomic uint32_t launch_step; /* enum launch_step */
    _Atomic int exec_error;       /* why C could not become the command: an errno */
    _Atomic bool exec_in_filter;  /* it was the filter that could not be loaded */
    _Atomic int listener;         /* C's descriptor of it; -1: there is none yet */
    _Atomic bool listener_taken;  /* S has it */
    _Atomic bool ended;           /* S has told everything and leaves */
    _Atomic bool crashed;         /* G: S is gone, and had not; the queue has its end, too */
    _Atomic uint64_t
        last_id; /* S: of the notification that it received last, as soon as it has; G finds those that it left by it */
    _Atomic bool has_status;
    _Atomic int status; /* the command's, raw */
    _Atomic pid_t supervisor;
};

/* What is stopped at, and what perf tells (plan.h). */
struct plan;
/* The process state that an OCI runtime has sent (oci-state.h). */
struct oci_state;

/* What an S must know, made ready before it is forked. */
struct session {
    const struct capture_options *options;
    struct shared *shared;
    struct queue *queue;
    const struct plan *plan;
    unsigned required; /* enum results: those without which there is to be no capture */
    int lifeline;      /* the end that is read */
    int control;       /* S's or G's end */
    int watch;         /* S's end */
    /* A command: */
    struct sock_fprog filter;
    char *command_path;
    sigset_t mask; /* the caller's, for the command */
    /* A container: */
    int listener; /* -1: C will make it */
    const struct oci_state *state;
};

/* supervisor.c: S itself. All signals are blocked. */
_Noreturn void supervisor_run(const struct session *session);

#endif
