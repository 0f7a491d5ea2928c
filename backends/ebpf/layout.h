/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EBPF_LAYOUT_H
#define SYSFOLD_EBPF_LAYOUT_H

/*
 * What the programs in the kernel and the backend share: the rows as data, the
 * settings, and the maps' values. Included by both; only fixed-width types, no
 * padding that is not written down.
 *
 * The rows are those of common/events.def: the backend lays them into the
 * programs' read-only data before it loads them (row_builtin()), so that no
 * row is written twice and adding a system call changes no program.
 */

#include <linux/types.h>

#define EBPF_CALLS 512      /* system calls of x86-64 have numbers below */
#define EBPF_ROW_GENERIC EBPF_CALLS /* the generic row's place in rows[] */
#define EBPF_ROWS (EBPF_CALLS + 1)
#define EBPF_PARAMS 2560

/* One parameter of a row: struct sysfold_param without what only people need. source, a, b as in common/rows.h. */
struct ebpf_param {
    __u8 source, a, b;
    __u8 moment;   /* enum moment */
    __u8 width;    /* of one integer, in bytes */
    __u8 count;    /* integers, or integers an element */
    __u8 variable;
    __u8 limit;    /* enum ebpf_limit, of a variable one */
    __u16 place;   /* offset in the body; of a variable one how many are before it */
};

enum ebpf_limit {
    EBPF_LIMIT_ARRAY,    /* 4,096 bytes */
    EBPF_LIMIT_DATA,     /* the snaplen */
    EBPF_LIMIT_VECTOR,   /* string_vector_max */
    EBPF_LIMIT_PATH,     /* 4,096 bytes */
    EBPF_LIMIT_SOCKADDR, /* 128 bytes */
};

struct ebpf_row {
    __u32 success_mask;
    __u32 entry_mask;
    __u16 number; /* on the wire; 0xffff: there is no such row */
    __u16 fixed_size;
    __u16 first; /* its first parameter in params[] */
    __u8 param_count;
    __u8 variable_count;
};

struct ebpf_settings {
    __u64 interest[EBPF_CALLS / 64]; /* a bit for each call to record */
    __u64 clock_offset;              /* ns to add to bpf_ktime_get_boot_ns() for ns since the epoch */
    __u32 own_pid;                   /* whose calls are never recorded: the recorder's */
    __u32 snaplen;
    __u32 string_vector_max;
    __u8 system_wide;   /* else only the processes in `targets` */
    __u8 foreign;       /* record i386 and x32 callers too */
    __u8 follow;        /* children of targets become targets */
    __u8 unused;
};

/*
 * Maps, by name:
 *   targets   hash, __u32 tgid -> __u8 1: processes to record
 *   rings     array of ring buffers, indexed by cpu modulo their number: whole records, one a sample, as
 *             common/record.h has them
 *   losses    per-cpu array of one struct ebpf_loss: what found no room in its ring
 *   paths     per-thread hash (pid_tgid): the path of an open on its way, kept at its entry
 *   scratch   per-cpu array of one: where a record is built
 */
struct ebpf_loss {
    __u64 count;
    __u64 first; /* of those that were counted since it was last taken (the backend remembers `count`) */
    __u64 last;
};

#endif
