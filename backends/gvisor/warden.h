/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_WARDEN_H
#define SYSFOLD_GVISOR_WARDEN_H

/*
 * The process between us and `runsc run`, which forwards no signals and leaves
 * its sandbox behind when it is killed:
 *
 *   caller ── warden ── runsc run ── sandbox, gofer
 *              └────── runsc kill, for each signal that it gets
 *
 * What is sent to the warden goes to the sandbox's first process; what comes
 * from the terminal, to all of its processes, as a terminal would send it. The
 * warden adopts whatever runsc leaves, and ends when nothing of it is left; when
 * its control socket is written to or closed, which our own death does too,
 * it kills runsc, and thereby the sandbox.
 */

#include <stdbool.h>
#include <sys/types.h>

struct warden_plan {
    const char *program; /* runsc's path */
    char *const *run;    /* words of the command line that runs the sandbox */
    char *const *kill;   /* and of the one that signals it, up to the container's id; room for two more, and NULL */
    const char *id;
    int complaints; /* runsc's own standard error; -1: as ours */
    int errors;     /* our standard error at descriptor `errors` of runsc, for the command; -1: as ours */
    int input;      /* the command's standard input; -1: as ours */
};

/* Starts it. *ret_control is the caller's to close; all of its words are copied by the fork. 0, or a negative errno. */
int warden_start(const struct warden_plan *plan, pid_t *ret_pid, int *ret_control);

#endif
