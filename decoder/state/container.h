/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_STATE_CONTAINER_H
#define SYSFOLD_STATE_CONTAINER_H

/*
 * Which container a process is in. Its cgroup tells, by its name; what a
 * backend was told by the runtime itself (SNAP_CONTAINER) is given, and what a
 * cgroup is called does not change it. Counted, never changed: a fork shares its parent's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct container {
    uint32_t holders;
    bool is_given;
    bool is_of_lines; /* told by the lines of several hierarchies */
    const char *engine, *pod; /* among the bytes; "": not known, none */
    char id[];
};

/* From a cgroup as SNAP_THREAD and EXEC have it. *ret_container is NULL where it is no container's. -ENOMEM. */
int container_of_cgroup(const void *cgroup, size_t size, struct container **ret_container);
/* As it was given; both up to their first NUL, and as much of them as a name may have. NULL: no memory. */
struct container *container_give(const void *id, size_t id_size, const void *engine, size_t engine_size);

bool container_equals(const struct container *a, const struct container *b);

/* NULL is allowed, here and below. */
struct container *container_hold(struct container *container);
void container_drop(struct container *container);
/* Takes over `fresh` in place of what *container held. */
void container_replace(struct container **container, struct container *fresh);

#endif
