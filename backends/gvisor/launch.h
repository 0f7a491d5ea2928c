/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_LAUNCH_H
#define SYSFOLD_GVISOR_LAUNCH_H

/*
 * A command in a throw-away sandbox: an OCI bundle in a private directory, run
 * by `runsc run` with our session configuration and without a network; as an
 * ordinary user rootless. The root is read-only; what is written within goes
 * to memory. The command gets the caller's working directory, environment,
 * user, and standard streams.
 */

#include <signal.h>
#include <sys/types.h>

#include <sysfold/stream.h>

#include "backends/gvisor/runsc.h"

struct launch;

struct launch_options {
    struct runsc runsc;
    const char *rootfs;       /* NULL: the machine's own root */
    const char *const *binds; /* directories of the machine, writable within, at the same place */
    size_t bind_count;
    char *const *argv;
    char *const *envp;     /* NULL: the caller's */
    const char *session;   /* a file with the session's configuration */
    const char *directory; /* private to this launch: for the bundle and runsc's state */
};

/* Writes the bundle and checks what can be checked before anything runs (-ENOENT: no such command in the root). */
int launch_create(const struct launch_options *options, struct launch **ret_launch, struct sysfold_error *error);
/* Runs it: a child of ours. */
int launch_start(struct launch *launch, struct sysfold_error *error);
/* Has it ended? 1: *ret_status is the command's wait status; 0: it runs; -ECHILD: runsc failed, error says what it complained of.
 * timeout_ms: how long to wait for its end; -1: for ever. */
int launch_wait(struct launch *launch, int timeout_ms, int *ret_status, struct sysfold_error *error);
/* The child, for signals; async-signal-safe. 0: it does not run. */
pid_t launch_pid(const struct launch *launch);
/* Kills what still runs, removes the bundle and runsc's state. NULL is fine. */
void launch_destroy(struct launch *launch);

#endif
