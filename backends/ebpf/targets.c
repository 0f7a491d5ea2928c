// SPDX-License-Identifier: Apache-2.0
/* Whom to record: the map of processes. */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "backends/ebpf/internal.h"
#include "backends/proc.h"
#include "common/cleanup.h"
#include "common/error.h"

/* Behind each change, or a cpu goes by what it knew. */
static void have_changed(const struct programs *programs)
{
    __atomic_add_fetch(programs->generation, 1, __ATOMIC_SEQ_CST);
}

int targets_add(const struct programs *programs, pid_t tgid, struct sysfold_error *error)
{
    uint32_t key = (uint32_t)tgid;
    uint8_t value = 1;
    int r = bpf_map_update_elem(programs->targets, &key, &value, BPF_ANY);

    have_changed(programs);
    return r < 0 ? error_system(error, r, "ebpf: cannot record %d", tgid) : 0;
}

static void targets_remove(const struct programs *programs, pid_t tgid)
{
    uint32_t key = (uint32_t)tgid;

    (void)bpf_map_delete_elem(programs->targets, &key);
    have_changed(programs);
}

bool targets_have(const struct programs *programs, pid_t tgid)
{
    uint32_t key = (uint32_t)tgid;
    uint8_t value;

    return bpf_map_lookup_elem(programs->targets, &key, &value) == 0;
}

static int process_of(pid_t tid, pid_t *ret_tgid)
{
    cleanup_fclose FILE *file = NULL;
    char path[64], line[256];

    (void)snprintf(path, sizeof(path), "/proc/%d/status", tid);
    file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? -ESRCH : -errno;
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "Tgid: %d", ret_tgid) == 1)
            return 0;
    }
    return -ESRCH;
}

static int add_pid(const struct programs *programs, pid_t pid, struct sysfold_error *error)
{
    pid_t tgid;
    int r = pid > 0 ? process_of(pid, &tgid) : -ESRCH;

    if (r < 0)
        return error_system(error, r, "ebpf: cannot record %d", pid);
    if (tgid == getpid())
        return error_set(error, -EINVAL, "ebpf: cannot record %d: that is the recorder itself", pid);
    r = targets_add(programs, tgid, error);
    if (r < 0 || !proc_has_ended(tgid))
        return r;
    targets_remove(programs, tgid); /* it may have ended before it was a target: nobody would take it out */
    return error_system(error, -ESRCH, "ebpf: cannot record %d", pid);
}

int targets_add_pids(const struct programs *programs, const pid_t *pids, size_t count, struct sysfold_error *error)
{
    for (size_t i = 0; i < count; i++) {
        int r = add_pid(programs, pids[i], error);

        if (r < 0)
            return r;
    }
    return 0;
}

/* Who is not a target yet becomes one. Returns how many; one that is gone by now is none. */
static int add_new(const struct programs *programs, const pid_t *pids, size_t count, struct sysfold_error *error)
{
    int added = 0;

    for (size_t i = 0; i < count; i++) {
        struct sysfold_error failure = {0};
        int r;

        if (targets_have(programs, pids[i]))
            continue;
        r = add_pid(programs, pids[i], &failure);
        if (r == -ESRCH)
            continue;
        if (r < 0)
            return error_set(error, r, "%s", failure.message);
        added++;
    }
    return added;
}

/* Children of targets are targets: once nobody new is found, none is missing. */
int targets_add_descendants(const struct programs *programs, const pid_t *pids, size_t count,
                            struct sysfold_error *error)
{
    int added;

    do {
        cleanup_free pid_t *family = NULL;
        size_t family_count;
        int r = proc_descendants(pids, count, getpid(), &family, &family_count);

        if (r < 0)
            return error_system(error, r, "ebpf: cannot list the children of processes");
        added = add_new(programs, family + count, family_count - count, error);
    } while (added > 0);
    return added;
}

/* A process that ended while nobody looked would otherwise be waited for for ever. The key is left behind
 * before it is deleted, or the walk would begin again. */
static void sweep_ended(const struct programs *programs)
{
    uint32_t key, next;
    int r = bpf_map_get_next_key(programs->targets, NULL, &key);

    while (r == 0) {
        r = bpf_map_get_next_key(programs->targets, &key, &next);
        if (proc_has_ended((pid_t)key))
            targets_remove(programs, (pid_t)key);
        key = next;
    }
}

bool targets_gone(const struct programs *programs, bool sweep)
{
    uint32_t key;

    if (sweep)
        sweep_ended(programs);
    return bpf_map_get_next_key(programs->targets, NULL, &key) == -ENOENT;
}
