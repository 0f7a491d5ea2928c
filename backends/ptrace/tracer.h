/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_PTRACE_TRACER_H
#define SYSFOLD_BACKENDS_PTRACE_TRACER_H

/* Inside T. */

#include <sys/ptrace.h>

#include "backends/proc.h"
#include "backends/ptrace/placement.h"
#include "backends/ptrace/session.h"
#include "backends/ptrace/task.h"
#include "common/encode.h"

#define WAITED_MAX 1024
#define RESUMED_MAX 8

/* A wait status that is still to be handled. */
struct waited {
    pid_t tid;
    int status;
};

struct tracer {
    const struct session *session;
    struct shared *shared;
    struct queue *queue;
    const struct callset *calls;
    struct collect_limits limits;
    struct task_table tasks;
    struct placement placement;
    struct waited *waited;  /* gathered, not yet handled */
    size_t waited_count;
    pid_t resumed[RESUMED_MAX]; /* the last that were let go, where threads are many; 0: none */
    size_t resumed_next;
    unsigned asked;         /* stops found by asking after them, since the list was looked at */
    size_t since_turn;      /* stops since threads were asked in turn */
    size_t turn;            /* whose it is: a slot of the table */
    int socket;             /* to the recorder; -1 once it is gone */
    long options;           /* PTRACE_O_* */
    pid_t command;          /* C; 0 when attached */
    bool filtered;          /* the targets carry our filter: they must have a tracer until they end */
    bool follow;
    bool timed;
    bool launching;         /* the command has not been executed yet: nothing is told */
    bool stopping;          /* nothing is told any more */
    uint32_t patience_ms;   /* how long targets may still be held for a slow consumer */
    struct encoder encoder; /* large: last */
};

uint64_t clock_now(void);

/* output.c: records to the queue. */
void tracer_emit(struct tracer *tracer, const uint8_t *record, size_t size, uint64_t time);
void tracer_emit_snapshot(void *tracer, const uint8_t *record, size_t size);
/* Finishes the record in the tracer's encoder. */
void tracer_emit_encoded(struct tracer *tracer);
void tell_thread_start(struct tracer *tracer, const struct task *task, pid_t parent_tid, uint64_t flags);
void tell_exec(struct tracer *tracer, const struct task *task, pid_t old_tid);
void tell_unfinished(struct tracer *tracer, const struct task *task);
void tell_thread_exit(struct tracer *tracer, const struct task *task, int status);
void tell_process_exit(struct tracer *tracer, const struct process *process);
void tell_signal(struct tracer *tracer, const struct task *task, const siginfo_t *info);

/* stop.c: what a wait status means, and what to do next. */
void tracer_handle(struct tracer *tracer, pid_t tid, int status);
/* Takes in strangers whose parents do not tell of them; true while there are others. */
bool tracer_adopt_strangers(struct tracer *tracer, bool all);

/* call.c: system calls. */
void call_enter(struct tracer *tracer, struct task *task, const struct __ptrace_syscall_info *info);
void call_leave(struct tracer *tracer, struct task *task, const struct __ptrace_syscall_info *info);

/* arch.c */

/* At a clone event: which flags the parent gave, its exit signal included. */
uint64_t arch_clone_flags(struct task *task, int event, pid_t child);
/* At entry: the call will not be made. */
bool arch_skip_call(pid_t tid);
/* At entry of a clone with CLONE_UNTRACED: takes that away; arch_restore() at exit. */
bool arch_hide_untraced(struct task *task, const struct __ptrace_syscall_info *info);
void arch_restore(struct task *task);

/* attach.c */

/* Seizes C, still waiting to be let go. */
int tracer_seize_command(struct tracer *tracer, struct sysfold_error *error);
/* Seizes all threads of the chosen processes; most are stopped afterwards. */
int tracer_attach(struct tracer *tracer, struct sysfold_error *error);
/* What was there before the first event. */
void tracer_snapshot(struct tracer *tracer);

/* wait.c */

/* Gathers what is ready, without waiting. */
void tracer_gather(struct tracer *tracer);
/* The same, but waits until there is something (unless `leaving`). 0, -ECHILD, -EINTR. */
int tracer_wait(struct tracer *tracer, bool leaving);
/* It runs again: it may soon be worth asking after. */
void tracer_note_resumed(struct tracer *tracer, pid_t tid);

/* target.c: reads the target's memory and descriptors. The target is a struct task. */
extern const struct collect_ops target_ops;

#endif
