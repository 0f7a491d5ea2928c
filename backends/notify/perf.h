/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_PERF_H
#define SYSFOLD_NOTIFY_PERF_H

/*
 * Results of system calls, and births and ends of threads, from the kernel's
 * tracepoints raw_syscalls:sys_exit (and sys_enter, for durations), by
 * perf_event_open(). Nobody is stopped for it. The arguments are the registers
 * at the call's exit, which the kernel leaves as they were.
 *
 * It takes CAP_PERFMON, or kernel.perf_event_paranoid at 1 or less. At 2, the
 * kernel's default, everybody may open them with exclude_kernel, and gets no
 * record: they fire with the kernel's registers. (Those of single calls,
 * syscalls:sys_exit_X, fire with the user's: but an event for each call and cpu
 * makes each fork dearer by 0.1 ms for each call.)
 *
 *   cpu 0: sys_exit, sys_enter, births, ends, execs ──► ring ┐
 *   cpu 1:            "                             ──► ring ┴─► perf_next(), by time
 *
 * A thread's own records come in their order, and a thread's birth before its
 * records, whichever cpus they were made on: perf_look() fixes a moment and
 * only what happened before it is handed out. What happened in a thread
 * before it sent a notification that has been received is there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sysfold/error.h>

struct perf;

struct perf_plan {
    /* Native calls whose exits are wanted, a bit each, CALLSET_NATIVE_MAX of them; NULL: all, and unknown numbers. A call
     * of a foreign ABI is told if its number is wanted. What has no number at exit (-1, rt_sigreturn) is always told. */
    const uint64_t *calls;
    bool entries;     /* PERF_ENTRY as well */
    size_t ring_size; /* bytes for each cpu, at most; 0: as suits. Less where the limits of locked memory say so */
};

enum perf_kind {
    PERF_ENTRY, /* of a call: a duration begins */
    PERF_EXIT,  /* of a call */
    PERF_BIRTH, /* of the thread `tid` of the process `pid` */
    PERF_END,   /* of a thread */
    PERF_EXEC,  /* it has got another image, and is its process's leader and only thread now */
    PERF_LOST,  /* records that found no room */
};

struct perf_call {
    int64_t nr;
    int64_t result; /* of an exit */
    uint64_t args[6];
    bool
        is_64; /* the thread runs 64-bit code: the call is i386's if not, or if made by int $0x80 (which nobody can see here) */
};

struct perf_record {
    enum perf_kind kind;
    uint64_t time;  /* ns since the epoch; the same clock for all records */
    pid_t pid, tid; /* in the pid namespace of who made the struct perf */
    union {
        struct perf_call call;
        struct {
            pid_t ppid, parent_tid;
        } birth;
        char comm[16]; /* PERF_EXEC */
        uint64_t lost;
    };
};

/* Can this user see such records of his own processes? 0, or why not: -EACCES (kernel.perf_event_paranoid above 1, and no
 * CAP_PERFMON), -EPERM (seccomp), -ENOENT (no such tracepoints), -ENOSYS ...; finds the tracepoints' numbers, without
 * tracefs if need be, and remembers them. */
int perf_probe(struct sysfold_error *error);

/* The thread that makes it must live as long as it: perf_fd() is always readable from its end on. */
int perf_create(const struct perf_plan *plan, struct perf **ret_perf, struct sysfold_error *error);
/* From now on this thread, and whatever it creates, is recorded. -ESRCH, -EACCES ... */
int perf_add(struct perf *perf, pid_t tid, struct sysfold_error *error);
/* For poll(): readable once when some ring has filled to a part (a quarter): then read all. */
int perf_fd(const struct perf *perf);
/* Fixes the moment up to which perf_next() tells. Costs a look at each ring's head. */
void perf_look(struct perf *perf);
/* The oldest record before that moment; false: there is none (any more). */
bool perf_next(struct perf *perf, struct perf_record *ret_record);
void perf_destroy(struct perf *perf);

#endif
