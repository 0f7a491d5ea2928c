/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_CONFIG_H
#define SYSFOLD_GVISOR_CONFIG_H

/*
 * The session configuration that makes a sandbox tell us what we want: JSON
 * for runsc's --pod-init-config and `runsc trace create --config`.
 *
 * gVisor fails open: a point or field that its version does not know gives a
 * sandbox that runs and tells nothing. So it is made of what `runsc trace
 * metadata` names, and of no more.
 *
 * What is subscribed to:
 *   - container/start (env), sentry/clone, sentry/execve (binary_info), sentry/task_exit, sentry/exit_notify_parent;
 *   - of each chosen call the raw points (syscall/sysno/N/enter and /exit), which tell six arguments and the result,
 *     whatever the strings are;
 *   - where a call's row wants more than its arguments (strings, addresses, structures), the schematized points: which
 *     ones, the table in config.c says.
 *   - context fields: numbers and container_id only (time, thread_id, task_start_time, group_id, thread_group_start_time;
 *     credentials where a process shows itself: start, clone, execve, exit). A point with a string in its context is deleted
 *     by gVisor, without a trace, where that string is not UTF-8. Only the *exit* points of open, openat, creat, connect carry
 *     process_name, cwd and credentials as well: they tell what processes are called that appeared from nothing, and whatever
 *     else they say is known without them.
 *   - where metadata knows no raw points: the schematized ones alone.
 */

#include <stdbool.h>
#include <stddef.h>

#include <sysfold/error.h>

#include "common/callset.h"

struct config_options {
    const char *endpoint; /* the socket's absolute path */
    const struct callset *calls;
    /* What a sandbox does when the reader is behind, chosen from measurement (backends/gvisor/README.md). */
    int retries;
    const char *backoff;     /* "25us" */
    const char *backoff_max; /* "10ms" */
    bool may_be_absent;      /* a sandbox starts although nobody listens, and then tells nobody anything */
};

#define CONFIG_RETRIES 3
#define CONFIG_BACKOFF "25us"
#define CONFIG_BACKOFF_MAX "10ms"

/* metadata: what `runsc trace metadata` printed. *ret_json is the caller's to free(), indented, with a newline at its
 * end. Errors: -EBADMSG (that is no metadata), -ENOTSUP (there is none of the chosen calls, or no remote sink),
 * -ENOMEM. */
int config_generate(const char *metadata, const struct config_options *options, char **ret_json,
                    struct sysfold_error *error);

#endif
