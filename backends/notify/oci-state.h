/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_OCI_STATE_H
#define SYSFOLD_NOTIFY_OCI_STATE_H

/*
 * The container process state of the OCI runtime specification, which a
 * runtime sends to a seccomp agent: one message of JSON, and descriptors beside
 * it. It comes from outside; the specification's version is not looked at,
 * since runtimes differ in what they write there.
 */

#include <stddef.h>
#include <sys/types.h>

#include <sysfold/error.h>

#define OCI_STATE_MAX ((size_t)64 << 10) /* bytes of JSON */
#define OCI_FDS_MAX 16

struct oci_state {
    char *id;          /* the container's; never NULL, never empty, printable */
    char *bundle;      /* NULL: not told */
    char *metadata;    /* the profile's listenerMetadata; NULL */
    char *annotations; /* as "name=value\n" each; NULL: none */
    pid_t pid;         /* its first process, in the runtime's pid namespace */
    size_t listener;   /* which of the descriptors is the listener ("seccompFd" in `fds`) */
};

/* `size` bytes; the result is the caller's, for oci_state_finish(). -EBADMSG with a message that says what is wrong. */
int oci_state_parse(const char *json, size_t size, size_t fd_count, struct oci_state *ret_state,
                    struct sysfold_error *error);
void oci_state_finish(struct oci_state *state);

#endif
