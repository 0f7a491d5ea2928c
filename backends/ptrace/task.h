/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_PTRACE_TASK_H
#define SYSFOLD_BACKENDS_PTRACE_TASK_H

/* The threads and processes that T traces, found by id in constant time. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/collect.h"

struct process {
    pid_t pid;
    pid_t ppid;
    unsigned threads; /* that we know of and that are not gone */
    int status;       /* the leader's wait status, once it is known */
    bool recorded;    /* false: a child that is not followed; its stops are only passed on */
    struct process *next;
};

/* What a thread's next stop is, apart from what the stop says of itself. */
enum task_state {
    TASK_RUNS,     /* outside of a call, as far as we stop at calls */
    TASK_IN_CALL,  /* its call is noted; the exit stop comes next */
    TASK_STRANGER, /* seen before its parent's clone event: kept as it stopped until it is claimed */
};

/* A register or a word of memory that was changed for the duration of a call. */
struct changed_word {
    int poke; /* PTRACE_POKEUSER or PTRACE_POKEDATA; 0: nothing was changed */
    uint64_t place;
    uint64_t value; /* as it was */
};

struct task {
    pid_t tid;
    enum task_state state;
    struct process *process; /* NULL: a stranger's */
    struct call call;
    struct kept kept;
    uint64_t entry_time;
    struct changed_word changed;
    int stranger_status;     /* what its first wait said */
    uint64_t stranger_since;
    struct task *next;
};

struct task_table {
    struct task **tasks;
    struct process **processes;
    size_t room; /* of both, a power of two */
    size_t task_count;
    size_t stranger_count;
    struct task *free_tasks; /* kept with their buffers: processes come and go by the thousand */
};

int task_table_init(struct task_table *table);
void task_table_finish(struct task_table *table);

struct task *task_find(const struct task_table *table, pid_t tid);
/* NULL: no memory. */
struct task *task_add(struct task_table *table, pid_t tid);
void task_remove(struct task_table *table, struct task *task);
/* It goes by another id from now on (exec by a thread that is not the leader). */
void task_rename(struct task_table *table, struct task *task, pid_t tid);
/* Each task once; the visitor may remove the one it is shown. */
void task_each(struct task_table *table, void (*visit)(struct task *task, void *data), void *data);
/* Those of the next `slots` slots, from *cursor on; the visitor must not change the table. */
void task_some(struct task_table *table, size_t *cursor, size_t slots, void (*visit)(struct task *task, void *data),
               void *data);

struct process *process_find(const struct task_table *table, pid_t pid);
struct process *process_add(struct task_table *table, pid_t pid);
void process_remove(struct task_table *table, struct process *process);

#endif
