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

#define EBPF_CALLS 512              /* system calls of x86-64 have numbers below */
#define EBPF_NUMBERS 1024           /* and those that anybody can choose, of any ABI */
#define EBPF_ROW_GENERIC EBPF_CALLS /* the generic row's place in rows[] */
#define EBPF_ROWS (EBPF_CALLS + 1)
#define EBPF_PARAMS 2560

/* One parameter of a row: struct sysfold_param without what only people need. source, a, b as in common/rows.h. */
struct ebpf_param {
    __u8 source, a, b;
    __u8 index; /* among the row's parameters as events.def has them, by which the record's bitmaps count */
    __u8 width; /* of one integer, in bytes */
    __u8 count; /* integers, or integers an element */
    __u8 variable;
    __u8 limit;  /* enum ebpf_limit, of a variable one */
    __u16 place; /* offset in the body; of a variable one how many are before it */
    __u16 unused;
};

/* What a scalar is: at hand as soon as the call returns. */
enum ebpf_value {
    EBPF_VALUE_ARGS, /* the first of six */
    EBPF_VALUE_RESULT = 6,
    EBPF_VALUE_NR,
    EBPF_VALUE_ARCH,
    EBPF_VALUES = 16, /* a power of two; the last one is of no use */
};

/* Where a scalar goes: its place, and what it is. Rows that have less are filled up with what is laid over later. */
#define EBPF_SCALARS 8
#define EBPF_SCALAR(place, value) ((place) | (value) << 16)
#define EBPF_FIXED_MAX 1024 /* a power of two; bytes of a row's fixed parameters */
#define EBPF_SCALAR_NONE EBPF_SCALAR(EBPF_FIXED_MAX - 8, EBPF_VALUES - 1)

/* What there is besides scalars. */
enum ebpf_shape {
    EBPF_SHAPE_ANY,
    EBPF_SHAPE_SCALARS,   /* nothing */
    EBPF_SHAPE_BUFFER,    /* bytes of the caller's, as most calls have them that are made often */
    EBPF_SHAPE_MESSAGE,   /* such bytes, and an address that is mostly not given */
    EBPF_SHAPE_STRUCTURE, /* a structure of the caller's */
};

enum ebpf_limit {
    EBPF_LIMIT_ARRAY,    /* 4,096 bytes */
    EBPF_LIMIT_DATA,     /* the snaplen */
    EBPF_LIMIT_VECTOR,   /* string_vector_max */
    EBPF_LIMIT_PATH,     /* 4,096 bytes */
    EBPF_LIMIT_SOCKADDR, /* 128 bytes */
};

/* Scalars come first, in the order of their places. */
struct ebpf_row {
    __u32 success_mask; /* of indexes */
    __u16 number;       /* on the wire; 0xffff: there is no such row */
    __u16 fixed_size;
    __u16 first; /* its first parameter in params[] */
    __u8 param_count;
    __u8 scalar_count;
    __u8 variable_count;
    __u8 class;              /* enum ebpf_class */
    __u8 shape;              /* enum ebpf_shape, and of its buffer or structure: */
    __u8 index;              /* among the parameters, */
    __u8 address;            /* where it is, and of a buffer two lengths that it is not longer than: */
    __u8 length[2];          /* enum ebpf_value */
    __u8 other_index, other; /* of a message's address: among the parameters, and where it is */
    __u8 size, offset;       /* of a structure, the latter from the address on, */
    __u16 place;             /* and where it goes */
    __u16 unused;
    __u32 scalars[EBPF_SCALARS]; /* the first of them */
};

/* What losses are counted by: the first of a row's classes. */
enum ebpf_class {
    EBPF_CLASS_FILE,
    EBPF_CLASS_DESC,
    EBPF_CLASS_PROCESS,
    EBPF_CLASS_NETWORK,
    EBPF_CLASS_MEMORY,
    EBPF_CLASS_SIGNAL,
    EBPF_CLASS_IPC,
    EBPF_CLASS_CREDS,
    EBPF_CLASS_CLOCK,
    EBPF_CLASS_LIFECYCLE,
    EBPF_CLASS_OTHER,
    EBPF_CLASSES,
};

/* Whose numbers they are. */
enum ebpf_abi { EBPF_NATIVE, EBPF_I386, EBPF_X32, EBPF_ABIS };

struct ebpf_settings {
    __u64 attention[EBPF_CALLS / 64];             /* a bit for each number that may be a call to record */
    __u64 interest[EBPF_ABIS][EBPF_NUMBERS / 64]; /* a bit for each call to record */
    __u32 sample[EBPF_CALLS];                     /* of native ones one in so many; 0: all */
    __u64 birth_offset;                           /* ns to add to a task's time of birth for ns since the epoch */
    __u32 own_pid;                                /* whose calls are never recorded: the recorder's */
    __u32 snaplen;
    __u32 string_vector_max;
    __u32 cgroup_count; /* only processes in these, and in `targets` */
    __u8 system_wide;   /* else only those */
    __u8 beyond;        /* record calls of numbers that nobody can choose */
    __u8 follow;        /* children of targets become targets */
    __u8 sampling;      /* is there any in `sample`? */
    __u8 timed;         /* records say how long their calls took */
    __u8 unused[3];
};

struct ebpf_loss {
    __u64 count;
    __u64 first; /* of those that the consumer does not know of */
    __u64 last;
    __u64 known; /* by the consumer: of `count` */
};

/*
 * The ring of one cpu. Records follow each other at multiples of 8, whole: one
 * that begins before the end of the data may run over it, and the next one is
 * at the beginning. The programs write the first two lines, the consumer the
 * third; `losses` are the programs', but for what is known of them.
 *
 *      0  produced, writing        bytes so far; is a record being written?
 *     64  consumed, wake_at        bytes so far; ring the bell when `produced` is beyond
 *         clock_offset             ns to add to bpf_ktime_get_ns() for ns since the epoch
 *    128  losses                   by class
 *   4096  data                     `ring_size` bytes and EBPF_OVERRUN
 */
struct ebpf_ring {
    __u64 produced;
    __u64 writing;
    __u64 unused[6];
    __u64 consumed;
    __u64 wake_at;
    __u64 clock_offset;
    __u64 unused_too[5];
    __u64 lost; /* of all classes */
    struct ebpf_loss losses[EBPF_CLASSES];
    __u8 padding[4096 - 136 - EBPF_CLASSES * sizeof(struct ebpf_loss)];
    __u8 data[];
};

#define EBPF_OVERRUN 65536 /* the largest record, and to a page */
#define EBPF_NEVER (~0ULL) /* as wake_at */

#define EBPF_CGROUPS_MAX 16

/*
 * Maps, by name:
 *   targets   hash, __u32 tgid -> __u8 1: processes to record
 *   rings     array of struct ebpf_ring by cpu, shared with the consumer
 *   bell      ring buffer: something in it wakes the consumer
 *   cgroups   array of cgroups to record
 *   paths     of each thread: the path of an open on its way, kept at its entry
 *   entered   of each thread: when its call began
 *   scratch   array by cpu: where a record is built
 */

#endif
