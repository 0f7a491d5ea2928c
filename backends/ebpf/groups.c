// SPDX-License-Identifier: Apache-2.0
/* Cgroups and containers as targets. The kernel knows who is in a cgroup; a container without one is its processes. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "backends/cgroup.h"
#include "backends/ebpf/internal.h"
#include "common/cleanup.h"
#include "common/error.h"

/* How often one looks for processes of a container that have come meanwhile. */
#define ROUNDS_MAX 16
/* Cgroups below each other; the kernel's own limit is what is configured, usually none. */
#define DEPTH_MAX 64

static int groups_take(struct groups *groups, int fd, struct sysfold_error *error)
{
    if (groups->count == EBPF_CGROUPS_MAX) {
        close(fd);
        return error_set(error, -E2BIG, "ebpf: more than %d cgroups cannot be recorded", EBPF_CGROUPS_MAX);
    }
    groups->fds[groups->count++] = fd;
    return 0;
}

static int open_cgroup(struct groups *groups, const char *path, struct sysfold_error *error)
{
    int fd = cgroup_open(path, error);

    return fd < 0 ? fd : groups_take(groups, fd, error);
}

static int open_container(struct groups *groups, const char *id, struct sysfold_error *error)
{
    struct container container;
    int r = container_find(id, &container, error);

    if (r < 0)
        return r;
    if (container.cgroup >= 0) {
        r = groups_take(groups, container.cgroup, error);
        container.cgroup = -1;
    }
    container_finish(&container);
    return r;
}

int groups_open(struct groups *groups, const struct sysfold_live_options *live, struct sysfold_error *error)
{
    int r = 0;

    for (size_t i = 0; i < live->cgroup_count && r == 0; i++)
        r = open_cgroup(groups, live->cgroups[i], error);
    for (size_t i = 0; i < live->container_count && r == 0; i++)
        r = open_container(groups, live->containers[i], error);
    return r;
}

void groups_finish(struct groups *groups)
{
    for (unsigned i = 0; i < groups->count; i++)
        close(groups->fds[i]);
    groups->count = 0;
}

int groups_put(const struct groups *groups, int map, struct sysfold_error *error)
{
    for (uint32_t i = 0; i < groups->count; i++) {
        int r = bpf_map_update_elem(map, &i, &groups->fds[i], BPF_ANY);

        if (r < 0)
            return error_system(error, r, "ebpf: cannot record a cgroup");
    }
    return 0;
}

/* Who is not a target yet becomes one. Returns how many; one that is gone by now is none. */
static int add_container(const struct programs *programs, const struct container *container,
                         struct sysfold_error *error)
{
    int added = 0;

    for (size_t i = 0; i < container->pid_count && container->cgroup < 0; i++) {
        struct sysfold_error failure = {0};
        int r;

        if (targets_have(programs, container->pids[i]))
            continue;
        r = targets_add_pids(programs, &container->pids[i], 1, &failure);
        if (r < 0 && r != -ESRCH)
            return error_set(error, r, "%s", failure.message);
        added += r == 0;
    }
    return added;
}

/* Children of targets are targets: once nobody new is found, none is missing. */
static int add_processes(const struct programs *programs, const char *id, struct sysfold_error *error)
{
    int added = 1;

    for (int i = 0; i < ROUNDS_MAX && added > 0; i++) {
        struct container container;
        int r = container_find(id, &container, error);

        if (r < 0)
            return r;
        added = add_container(programs, &container, error);
        container_finish(&container);
    }
    return added < 0 ? added : 0;
}

int groups_add_processes(const struct programs *programs, const struct sysfold_live_options *live,
                         struct sysfold_error *error)
{
    int r = 0;

    for (size_t i = 0; i < live->container_count && r == 0; i++)
        r = add_processes(programs, live->containers[i], error);
    return r;
}

static int add_member(struct members *members, pid_t pid)
{
    if (members->count == members->room) {
        size_t room = 2 * members->room + 64;
        pid_t *grown = reallocarray(members->pids, room, sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        members->pids = grown;
        members->room = room;
    }
    members->pids[members->count++] = pid;
    return 0;
}

/* A cgroup that is gone meanwhile has no members. */
static int list_own(struct members *members, int directory)
{
    cleanup_close int fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    cleanup_fclose FILE *file = fd < 0 ? NULL : fdopen(dup(fd), "r");
    int pid, r = 0;

    while (file && r == 0 && fscanf(file, "%d", &pid) == 1)
        r = add_member(members, pid);
    return r;
}

static int list_below(struct members *members, int directory, int depth)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = list_own(members, directory);
    DIR *dir = fd < 0 || r < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return r;
    }
    for (const struct dirent *entry; r == 0 && depth < DEPTH_MAX && (entry = readdir(dir));) {
        cleanup_close int below = -1;

        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        below = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (below >= 0)
            r = list_below(members, below, depth + 1);
    }
    closedir(dir);
    return r;
}

static int compare_pids(const void *a, const void *b)
{
    pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;

    return (left > right) - (left < right);
}

int groups_list(const struct groups *groups, struct members *ret_members)
{
    int r = 0;

    *ret_members = (struct members){0};
    for (unsigned i = 0; i < groups->count && r == 0; i++)
        r = list_below(ret_members, groups->fds[i], 0);
    if (r == 0 && ret_members->count)
        qsort(ret_members->pids, ret_members->count, sizeof(pid_t), compare_pids);
    return r;
}

bool members_have(const struct members *members, pid_t pid)
{
    return members->count && bsearch(&pid, members->pids, members->count, sizeof(pid), compare_pids);
}
