/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_H
#define SYSFOLD_GVISOR_H

#include <stdbool.h>
#include <stddef.h>

#include <sysfold/error.h>
#include <sysfold/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What sandboxes shall tell, and whom. Zero is every field's default. */
struct sysfold_gvisor_config_options {
    size_t size;             /* in: sizeof(struct sysfold_gvisor_config_options) */
    const char *syscalls;    /* what to record, as `-e` takes it; NULL for everything */
    const char *socket_path; /* absolute; NULL: the one that struct sysfold_live_options has by default */
    const char *runsc;       /* the program; NULL: "runsc", wherever PATH has it */
    /* Sandboxes start even if nobody listens, and are not recorded then. Otherwise they do not start. */
    bool may_be_absent;
};

/*
 * The configuration that makes gVisor sandboxes connect to sysfold, for runsc's
 * --pod-init-config and `runsc trace create --config`: made of what the
 * installed runsc says that it can trace. *ret_json is the caller's to free().
 * Errors: -ENOENT (no such runsc), -ECHILD (it failed), -EBADMSG (it is not
 * gVisor's), -ETIMEDOUT, -ENOTSUP (it cannot trace that), -EINVAL (options),
 * -ENAMETOOLONG (no socket's path is so long), -ENOSYS (this build has no gvisor
 * backend), others from the system.
 */
SYSFOLD_API int sysfold_gvisor_config(const struct sysfold_gvisor_config_options *options, char **ret_json,
                                      struct sysfold_error *error);

#ifdef __cplusplus
}
#endif

#endif
