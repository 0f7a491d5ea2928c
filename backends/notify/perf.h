/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_PERF_H
#define SYSFOLD_NOTIFY_PERF_H

/*
 * Results of system calls, and births and ends of threads, from the kernel's
 * tracepoints, by perf_event_open(). Nobody is stopped for it. The arguments
 * are the registers at the call's exit, which the kernel leaves as they were.
 *
 *   cpu 0: lives, exits, entries ──► ring ┐
 *   cpu 1:          "            ──► ring ┴─► perf_next(), by time
 *
 * A thread's own records come in their order, and a thread's birth before its
 * records, whichever cpus they were made on: perf_look() fixes a moment and
 * only what happened before it is handed out. What happened in a thread
 * before it sent a notification that has been received is there.
 *
 * A cpu that comes online later has no ring: what happens there is not told.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sysfold/error.h>

struct perf;

/* What this user may record of his own threads, the more the later. */
enum perf_means {
    /* Births, execs and ends. */
    PERF_MEANS_LIVES,
    /* Single calls as well, by syscalls:sys_exit_*: at kernel.perf_event_paranoid 2, the kernel's default. Each call
     * that is wanted is an event for each thread and cpu, and makes each fork and exit dearer by some 30 us. */
    PERF_MEANS_EACH,
    /* Any calls, by raw_syscalls:*: with CAP_PERFMON, or kernel.perf_event_paranoid at 1 or less. (Without, they fire
     * with the kernel's registers, and tell nothing.) */
    PERF_MEANS_ALL,
};

/* Sets are a bit for each native call, CALLSET_NATIVE_MAX of them. With PERF_MEANS_ALL a call of a foreign ABI is
 * told if its number is in the set, and what has no number at exit (-1, rt_sigreturn) always. PERF_MEANS_EACH tells
 * native calls only, and of them those that have tracepoints: rt_sigreturn, modify_ldt and arch_prctl may have
 * none. */
struct perf_plan {
    enum perf_means means; /* at most perf_probe()'s */
    /* Whose exits are wanted; NULL: all, and unknown numbers (none if the means do not tell all). */
    const uint64_t *calls;
    /* Whose entries are wanted as well, for durations; NULL: none. */
    const uint64_t *entries;
    /* Of how many of a call's arguments its exit tells; 0: of all. */
    unsigned arguments;
    /* Bytes for each cpu, at most; 0: as suits. Less where the limits of locked memory say so. */
    size_t ring_size;
};

enum perf_kind {
    PERF_ENTRY, /* of a call: a duration begins */
    PERF_EXIT,  /* of a call */
    PERF_BIRTH, /* of the thread `tid` of the process `pid` */
    PERF_END,   /* of a thread, or of what may be recorded of it: see is_exec */
    PERF_EXEC,  /* it has got another image, and is its process's leader and only thread now */
    PERF_LOST,  /* records that found no room */
};

#define PERF_ARGUMENTS 6

struct perf_call {
    int64_t nr;
    int64_t result;                /* of an exit */
    uint64_t args[PERF_ARGUMENTS]; /* of 64-bit code */
    /* The thread runs 64-bit code: the call is i386's if not, or if made by int $0x80 (which nobody can see here). */
    bool is_64;
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
        /* PERF_END: nothing came between an exec and this. Then the thread may live on unrecorded, if its new program
         * is set-uid or not readable: ask its pidfd. */
        bool is_exec;
        char comm[16]; /* PERF_EXEC */
        uint64_t lost;
    };
};

/* What can this user see of his own processes? 0, or why nothing: -EACCES (kernel.perf_event_paranoid above 2, and no
 * CAP_PERFMON), -EPERM (seccomp), -ENOSYS ... If it is less than PERF_MEANS_ALL, `error` says why though 0 is
 * returned. Finds the tracepoints' numbers, without tracefs if need be, and remembers them: also in a file of the
 * user's cache. */
int perf_probe(enum perf_means *ret_means, struct sysfold_error *error);

/* -E2BIG: more calls than PERF_MEANS_EACH can open events for, cpus and RLIMIT_NOFILE considered; -EINVAL: all calls
 * without PERF_MEANS_ALL. The thread that makes it must live as long as it: perf_fd() is always readable from its end
 * on. */
int perf_create(const struct perf_plan *plan, struct perf **ret_perf, struct sysfold_error *error);
/* From now on this thread, and whatever it creates, is recorded. -ESRCH, -EACCES, -EMFILE ... */
int perf_add(struct perf *perf, pid_t tid, struct sysfold_error *error);
/* For poll(): readable once when some ring has filled to a part (a quarter): then read all. */
int perf_fd(const struct perf *perf);
/* Fixes the moment up to which perf_next() tells. Costs a look at each ring's head. */
void perf_look(struct perf *perf);
/* The oldest record before that moment; false: there is none (any more). */
bool perf_next(struct perf *perf, struct perf_record *ret_record);
/* Records lost up to now that no PERF_LOST has told of, or will unless another record comes: for the end, when all
 * threads have ended and all is read. Reads every event. 0 before Linux 6.0, which does not say. */
uint64_t perf_lost(struct perf *perf);
void perf_destroy(struct perf *perf);

#endif
