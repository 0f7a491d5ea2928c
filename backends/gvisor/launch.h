/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_LAUNCH_H
#define SYSFOLD_GVISOR_LAUNCH_H

/*
 * A command in a throw-away sandbox: an OCI bundle in a private directory, run
 * by `runsc run` with our session configuration and without a network; as an
 * ordinary user rootless. What is written within goes to memory, but for the
 * binds. The command gets the caller's working directory ("/" where the root has
 * none such), environment, user, and standard streams.
 *
 * What runsc cannot do: an ordinary user is called root within (with that user's
 * permissions outside, and no capabilities), since the sandbox knows no other
 * user; strings that are not UTF-8; standard streams that are a terminal only in part.
 */

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

/* Writes the bundle and checks what can be checked before anything runs. -ENOENT, -EACCES, -ENOEXEC: the command does
 * not run; -ENOTSUP: there is no runsc; -EILSEQ: a string of the command's is not UTF-8. */
int launch_create(const struct launch_options *options, struct launch **ret_launch, struct sysfold_error *error);
/* Runs it: a child of ours. Where standard output or error is a file, it is appended to meanwhile. */
int launch_start(struct launch *launch, struct sysfold_error *error);
/* Has it ended? 1: *ret_status is the command's wait status; 0: it runs; -ENOENT, -EACCES, -ENOEXEC: it could not be
 * executed; -ECHILD: runsc failed, error says what it complained of. timeout_ms: how long to wait for its end; -1:
 * for ever. */
int launch_wait(struct launch *launch, int timeout_ms, int *ret_status, struct sysfold_error *error);
/* The child, for signals; async-signal-safe. 0: it does not run. They reach the command's first process; a terminal's
 * reach all of its processes by themselves. */
pid_t launch_pid(const struct launch *launch);
/* Kills what still runs, removes the bundle and runsc's state. NULL is fine. */
void launch_destroy(struct launch *launch);

#endif
