/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EBPF_ITERATORS_H
#define SYSFOLD_EBPF_ITERATORS_H

/*
 * What the iterators write: one entry behind the other, each of `size` bytes, a
 * multiple of eight, its strings behind the structure in the order of their
 * sizes. Included by both sides. A string of size 0 is not known.
 */

#include <linux/types.h>

enum snap_phase {
    SNAP_LIVES,
    SNAP_IS_NEW,  /* the event of its birth may come later than this */
    SNAP_DEPARTS, /* its end is not complete: that event, too */
};

struct snap_thread {
    __u32 size;
    __u32 pid, tid, ppid, pgid, sid;
    __u32 uid, euid, gid, egid;
    __u32 phase;
    __u64 start; /* by CLOCK_BOOTTIME */
    __u64 pid_ns, mnt_ns, net_ns, user_ns;
    char comm[16];
    __u16 exe_size, cwd_size, root_size;
    __u16 unused_too;
};

struct snap_fd {
    __u32 size;
    __u32 pid;
    __u32 fd;
    __u32 flags, mode, dev;
    __u64 ino;
    __u64 time; /* as records have it; it was so afterwards */
    __u16 path_size, pair_size;
    __u32 is_new; /* the event of its birth may come later than this */
};

#ifndef __bpf__

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The caller's side: iterators.c. */

struct iterators;

/* What one pass wrote. */
struct entries {
    uint8_t *bytes; /* for free() */
    size_t size;
};

/* Loads them; a negative errno where they are not allowed, or not there. */
int iterators_create(struct iterators **ret_iterators);
/* NULL is fine. */
void iterators_destroy(struct iterators *iterators);
/* One pass over all threads, or all descriptors, of one process (0: of all). Nothing to free on failure.
 * clock_offset: from CLOCK_MONOTONIC to the time of records. */
int iterators_read_threads(struct iterators *iterators, pid_t only, struct entries *ret_entries);
int iterators_read_fds(struct iterators *iterators, pid_t only, uint64_t clock_offset, struct entries *ret_entries);

/* The entry at `at`, NULL at the end; at moves behind it. What is not whole ends it. */
const struct snap_thread *entries_next_thread(const struct entries *entries, size_t *at);
const struct snap_fd *entries_next_fd(const struct entries *entries, size_t *at);

#endif

#endif
