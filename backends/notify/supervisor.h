/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_SUPERVISOR_H
#define SYSFOLD_NOTIFY_SUPERVISOR_H

/* Inside S. */

#include <linux/seccomp.h>

#include "backends/notify/followed.h"
#include "backends/notify/perf.h"
#include "backends/notify/perform.h"
#include "backends/notify/session.h"
#include "common/encode.h"

struct supervisor {
    const struct session *session;
    struct shared *shared;
    struct queue *queue;
    const struct callset *calls;
    const struct plan *plan;
    struct collect_limits limits;
    struct followed followed;
    struct perf *perf;           /* NULL: it tells nothing, not even of births and ends; or nothing yet */
    struct performer *performer; /* NULL: nothing is performed */
    int listener;                /* -1: not yet */
    int events;                  /* an epoll of everything but the listener */
    int launched;                /* a pipe that ends when C has become the command, or has not; -1 */
    pid_t command;               /* C; 0: a container's */
    bool follow, timed;
    bool without_perf;
    bool launching;         /* the command has not been executed yet: nothing is told */
    bool leaving;           /* nobody wants to know any more */
    bool has_ended;         /* there are no targets any more */
    bool is_behind;         /* records were lost: threads may have ended unseen */
    uint64_t swept;         /* when threads that ended unseen were looked for last */
    struct encoder encoder; /* large: last */
};

uint64_t supervisor_clock(void);
/* Puts what the encoder has into the queue; what finds no room is counted as lost: nobody waits for a consumer. */
void supervisor_emit(struct supervisor *supervisor);
void supervisor_emit_record(void *supervisor, const uint8_t *record, size_t size);
/* Is what this process does recorded, by now? */
bool is_recorded(const struct supervisor *supervisor, const struct process *process);

/* call.c: system calls. */

/* A notification: it is answered, and told if that is possible by now. */
void call_notified(struct supervisor *supervisor, struct thread *thread, const struct seccomp_notif *notif);
void call_entered(struct supervisor *supervisor, struct thread *thread, const struct perf_record *record);
void call_exited(struct supervisor *supervisor, struct thread *thread, const struct perf_record *record);
/* The thread is no more: what it was in will never return. */
void call_broken_off(struct supervisor *supervisor, struct thread *thread, uint64_t time);
/* It is in an exec that has not been told. */
bool call_is_exec(const struct thread *thread);
/* Which has succeeded. */
void call_finish_exec(struct supervisor *supervisor, struct thread *thread);

/* lives.c: threads and processes. */

/* The thread of a notification or a record; one that is not known is asked after. NULL: gone, or too many. */
struct thread *lives_thread(struct supervisor *supervisor, pid_t tid);
void lives_birth(struct supervisor *supervisor, const struct perf_record *record);
void lives_end(struct supervisor *supervisor, const struct perf_record *record);
void lives_exec(struct supervisor *supervisor, const struct perf_record *record);
/* Without the tracepoints: has the process of this thread, which is stopped, got another image since its exec began?
 * The thread that it is then. */
struct thread *lives_look_for_exec(struct supervisor *supervisor, struct thread *thread);
/* Nobody but the threads themselves, and pidfds, tells of births and ends. */
void lives_do_without_perf(struct supervisor *supervisor);
/* Execs may have gone unseen. */
void lives_forget_likenesses(struct supervisor *supervisor);
/* C has become the command. */
void lives_launched(struct supervisor *supervisor);
/* Its pidfd says so. */
void lives_process_gone(struct supervisor *supervisor, pid_t pid);
/* There are no targets any more: waits for their processes to have ended, too. */
void lives_await_ends(struct supervisor *supervisor);
/* Threads that have ended without a record: after a loss, and at the end of everything. */
void lives_sweep(struct supervisor *supervisor);
/* What is there already: the command before its exec, or a container's first processes. */
int lives_begin(struct supervisor *supervisor, pid_t pid, struct sysfold_error *error);

#endif
