/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_OCI_H
#define SYSFOLD_OCI_H

#include <stdbool.h>
#include <stddef.h>

#include <sysfold/error.h>
#include <sysfold/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which calls of a container are told to a seccomp agent, and where it listens. Zero is every field's default. */
struct sysfold_oci_profile_options {
    size_t size;          /* in: sizeof(struct sysfold_oci_profile_options) */
    const char *syscalls; /* what to record, as `-e` takes it; NULL for everything */
    /*
     * At most one of these two. A profile to merge into, as the engines have it or as an OCI configuration's
     * linux.seccomp; NULL: none, everything is allowed.
     */
    const char *base_path;
    /* A bundle's config.json: its linux.seccomp is merged into, and the result is the whole configuration. */
    const char *config_path;
    const char *socket_path; /* absolute; NULL: sysfold/notify.sock in $XDG_RUNTIME_DIR, for root in /run */
    const char *metadata;    /* what the runtime shall tell the agent besides (listenerMetadata); NULL for nothing */
    const char *runtime;     /* "crun" or "runc", which leaves fewer calls; NULL: whichever will load it */
    /* Signals other than fatal ones wait until a call is answered (Linux 5.19). Runtimes older than that refuse it. */
    bool wait_killable;
};

/*
 * A seccomp profile that has the chosen calls, and those that begin and end
 * processes or change who they are, told to the agent on the socket. Nothing
 * is allowed that the base does not allow: where it allows a call, under
 * whichever conditions, the call is told under the same. *ret_json and
 * *ret_notes are the caller's to free(); the notes (may be NULL) say, a line
 * each, what will not be recorded although it was chosen; "" when there are none.
 * Errors: -EBADMSG (the base is not a profile; the message says where),
 * -EEXIST (it has an agent already), -EFBIG (it is too large), -ENOTSUP
 * (nothing of what is chosen can be told), -EINVAL (options), -ENAMETOOLONG (no
 * socket's path is so long), -ENOENT, -ENOSYS (this build has no
 * notify backend), others from the system.
 */
SYSFOLD_API int sysfold_oci_profile(const struct sysfold_oci_profile_options *options, char **ret_json,
                                    char **ret_notes, struct sysfold_error *error);

#ifdef __cplusplus
}
#endif

#endif
