/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_FOLLOWED_H
#define SYSFOLD_NOTIFY_FOLLOWED_H

/* The threads and processes of one supervisor's targets, found by id in constant time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "backends/notify/perform.h"
#include "common/collect.h"
#include "common/table.h"

/* At a time, of one supervisor. What is beyond runs on unrecorded, and is counted as lost. */
#define FOLLOWED_MAX 65536

struct process {
    pid_t pid, ppid;
    int pidfd;        /* -1: none. It says how the process has ended, when /proc no longer can */
    int group_status; /* exit_group's, as a wait status */
    int leader_status;
    bool has_group_status, has_leader_status;
    bool is_unseen;   /* perf does not tell of it (any more) */
    bool is_followed; /* false: a child that is none of our business */
    uint64_t image;   /* a mark of it, from when an exec began; 0: none */
    unsigned alive;   /* threads that have not ended */
    LIST_HEAD(, thread) threads;
};

/* What is known of a thread's call, and what is still to come. */
enum call_step {
    CALL_NONE,
    CALL_NOTIFIED, /* its notification was answered: its result is to come */
    CALL_TOLD,     /* its notification was answered, and it has been told: its exit is no news */
    CALL_ENTERED,  /* it was told by the tracepoint at its entry alone */
};

struct thread {
    pid_t tid;
    struct process *process;
    LIST_ENTRY(thread) siblings; /* of the process */
    enum call_step step;
    bool is_chosen;  /* the call is one of those that are recorded */
    bool is_newborn; /* it has not come back from the call that made it */
    bool has_status, has_ended;
    int status;     /* how it ends, as a wait status */
    uint64_t ended; /* when; it is told once it is known how */
    uint64_t entered;
    bool has_birth_flags;
    uint64_t birth_flags; /* of the clone that it makes */
    struct likeness likeness;
    struct call call;
    struct kept kept;
};

struct followed {
    struct table threads, processes;
};

void followed_init(struct followed *followed);
void followed_finish(struct followed *followed);

struct thread *followed_thread(const struct followed *followed, pid_t tid);
struct process *followed_process(const struct followed *followed, pid_t pid);
/* One that is not known yet, and its process if need be. NULL: no memory, or too many. */
struct thread *followed_add(struct followed *followed, pid_t pid, pid_t tid);
/* The process goes with its last thread. */
void followed_remove(struct followed *followed, struct thread *thread);
/* It goes by another id from now on; nobody has that one. */
void followed_rename(struct followed *followed, struct thread *thread, pid_t tid);

#endif
