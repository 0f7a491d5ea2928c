/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_TASKS_H
#define SYSFOLD_GVISOR_TASKS_H

/* The threads and processes that a sandbox has told of. Their ids are those of its root pid namespace. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "backends/gvisor/values.h"
#include "common/table.h"

/* A call of a thread, from the first message about it until it is told. */
struct call_state {
    bool begun;
    /* Which messages have come: */
    bool raw_enter, enter, raw_exit, exit;
    bool ended; /* the result is known */
    bool has_args;
    bool replaced;     /* an exec that took place */
    bool is_restarted; /* by restart_syscall */
    uint32_t nr;
    uint64_t args[6];
    int64_t result;
    uint64_t entered; /* 0: not seen */
    uint64_t returned;
    struct values at_enter, at_exit;
    struct values image; /* what an exec really got: argv and envp */
};

struct process {
    uint32_t pid, ppid;
    uint64_t start; /* 0: not known */
    uint32_t threads;
    uint32_t stale_tid;    /* the number that its leader had when it called exec as another thread; 0: none */
    bool leader_gives_way; /* the next end of its leader is no end */
    bool leader_ended;
    int32_t status; /* of its leader's end */
    uint64_t exec_time;
    uint64_t time; /* of its threads' last records */
    LIST_HEAD(, thread) members;
};

/* Something that is told when its time is up, whatever comes until then; nothing that happened later is told before. */
struct waiter {
    struct thread *thread; /* NULL: it does not wait */
    uint64_t until;        /* of packets' times */
    uint64_t time;         /* of the event */
    struct waiter *next, *previous;
};

struct thread {
    uint32_t tid;
    uint64_t start; /* 0: not known */
    uint64_t time;  /* of its last record: a thread's own never go back */
    struct process *process;
    LIST_ENTRY(thread) siblings; /* of its process */
    bool is_named;               /* its name has been told, or that of the one that it comes from */
    struct call_state call;
    struct call_state *interrupted; /* may be restarted, when the signal's handler is done */
    bool has_gone_on;               /* since the interruption, with another call; */
    bool has_returned;              /* from the handler */
    uint32_t told_nr;          /* what was told last, of which an exit message may still come; UINT32_MAX: nothing */
    struct waiter call_waiter; /* complete but for messages that may not come */
    struct waiter interrupted_waiter; /* may be restarted yet */
};

#define TASKS_THREADS_MAX 65536
/* Of values that calls on their way may take in all; what goes beyond is absent. */
#define TASKS_VALUES_MAX ((size_t)32 << 20)

struct tasks {
    struct table threads, processes;
    size_t held; /* bytes of values, of all calls */
    struct waiter *first_waiter, *last_waiter;
};

void tasks_init(struct tasks *tasks);
void tasks_finish(struct tasks *tasks);

struct thread *tasks_thread(const struct tasks *tasks, uint32_t tid);
struct process *tasks_process(const struct tasks *tasks, uint32_t pid);
/* A new thread, and its process where that is new. NULL: no memory, there are too many, or the number is taken. */
struct thread *tasks_add(struct tasks *tasks, uint32_t pid, uint32_t tid);
/* With its last thread, a process stays until tasks_remove_process(). */
void tasks_remove(struct tasks *tasks, struct thread *thread);
void tasks_remove_process(struct tasks *tasks, struct process *process);
/* The thread goes on as its process's leader; whoever was that is gone. -ENOMEM. */
int tasks_make_leader(struct tasks *tasks, struct thread *thread);

/* The first one to come is the first one to be due. */
void tasks_wait(struct tasks *tasks, struct waiter *waiter, struct thread *thread, uint64_t time, uint64_t until);
void tasks_stop_waiting(struct tasks *tasks, struct waiter *waiter);

/* Counts what the values take; false: they may take no more. */
bool tasks_may_hold(const struct tasks *tasks);
void tasks_hold(struct tasks *tasks, const struct values *values, size_t held_before);
void tasks_release(struct tasks *tasks, struct values *values);

void call_state_clear(struct tasks *tasks, struct call_state *call);
void call_state_finish(struct tasks *tasks, struct call_state *call);

#endif
