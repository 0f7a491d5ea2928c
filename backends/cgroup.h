/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_CGROUP_H
#define SYSFOLD_BACKENDS_CGROUP_H

/* Control groups by their paths, and containers by their ids: which processes of the machine are meant. */

#include <stddef.h>
#include <sys/types.h>

#include <sysfold/error.h>

/* The digits of a container's id, from its beginning, that make it one. */
#define CONTAINER_DIGITS_MIN 12

/*
 * Opens a cgroup of the unified (version 2) hierarchy: an O_CLOEXEC
 * descriptor of its directory, which is the caller's. The path is meant below
 * the hierarchy's mount point, with or without a slash before it; one that begins
 * with the mount point is understood too; "/" is the root.
 * Errors: -EINVAL (empty, or it leads upwards), -ENOENT and its kin (no such
 * cgroup), -ENOSYS (no unified hierarchy is mounted), others from the system.
 */
int cgroup_open(const char *path, struct sysfold_error *error);

/* What container_find() found. */
struct container {
    char *id;    /* in full */
    int cgroup;  /* an O_CLOEXEC descriptor of its cgroup in the unified hierarchy; -1: it has none of its own there */
    pid_t *pids; /* its processes, in any hierarchy, without the caller; NULL if there are none */
    size_t pid_count;
};

/*
 * Finds the container with that id: at least CONTAINER_DIGITS_MIN hexadecimal
 * digits of its beginning, or all of a plain name. What counts are the
 * cgroups of the processes that run, in whichever hierarchy: some component of a
 * path is the id, by itself or as runtimes have it (docker-ID.scope, lxc.payload.ID ...: containers/identity). What is
 * below that component is the container's too.
 *
 * Processes come and go meanwhile. Where the container has a cgroup, the
 * kernel knows at every moment who is in it; where it has none, the pids are all there
 * is, and proc_descendants() (backends/proc.h) says how to miss none of their children. A process
 * that enters such a container later is not known.
 *
 * *ret_container is the caller's, for container_finish(); untouched on failure.
 * Errors: -EINVAL (no id), -ENOENT (no process is in such a container), -ENOTUNIQ (more than one is meant),
 * others from the system.
 */
int container_find(const char *id, struct container *ret_container, struct sysfold_error *error);
void container_finish(struct container *container);

#endif
