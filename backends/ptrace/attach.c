// SPDX-License-Identifier: Apache-2.0
/* Becoming the tracer: of the launched command, or of processes that run already. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/proc.h"
#include "backends/ptrace/tracer.h"
#include "common/cleanup.h"
#include "common/error.h"

/* How long threads are awaited before the snapshot is taken without their standing still. */
#define STOP_PATIENCE_MS 100

static struct process *know_process(struct tracer *tracer, pid_t pid, pid_t ppid)
{
    struct process *process = process_find(&tracer->tasks, pid);

    if (!process)
        process = process_add(&tracer->tasks, pid);
    if (!process)
        return NULL;
    process->ppid = ppid;
    process->recorded = true;
    return process;
}

static int know_task(struct tracer *tracer, pid_t tid, pid_t pid, pid_t ppid)
{
    struct process *process = know_process(tracer, pid, ppid);
    struct task *task = process ? task_add(&tracer->tasks, tid) : NULL;

    if (!task)
        return -ENOMEM;
    task->process = process;
    process->threads++;
    return 0;
}

int tracer_seize_command(struct tracer *tracer, struct sysfold_error *error)
{
    command_wait_ready(tracer->shared, tracer->command);
    if (ptrace(PTRACE_SEIZE, tracer->command, NULL, (void *)tracer->options) < 0) {
        error_system(error, -errno, "ptrace: cannot trace '%s'", tracer->session->options->live.argv[0]);
        return ptrace_refusal(tracer->command, error);
    }
    /* Without a filter it must stop once to be told to stop at its calls. */
    if (!tracer->filtered)
        ptrace(PTRACE_INTERRUPT, tracer->command, NULL, NULL);
    if (know_task(tracer, tracer->command, tracer->command, getpid()) < 0)
        return error_system(error, -ENOMEM, "ptrace: cannot trace '%s'", tracer->session->options->live.argv[0]);
    return 0;
}

/* 1: seized; 0: nothing to do, it is gone or comes by itself. */
static int seize_thread(struct tracer *tracer, pid_t tid, const struct proc_task *ids, struct sysfold_error *error)
{
    struct proc_task now = {0};
    int r;

    if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)tracer->options) < 0) {
        if (errno == ESRCH)
            return 0;
        if (proc_task(tid, &now) == 0 && now.tracer == getpid())
            return 0; /* made by a thread that is ours already */
        error_system(error, -errno, "ptrace: cannot attach to %d", tid);
        return ptrace_refusal(tid, error);
    }
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    r = know_task(tracer, tid, ids->tgid, ids->ppid);
    return r < 0 ? error_system(error, r, "ptrace: cannot attach to %d", tid) : 1;
}

/* One pass over its threads: how many were new. */
static int seize_threads(struct tracer *tracer, const struct proc_task *ids, struct sysfold_error *error)
{
    cleanup_free pid_t *tids = NULL;
    size_t count = 0;
    int seized = 0, r = proc_threads(ids->tgid, &tids, &count);

    if (r < 0)
        return r == -ESRCH || r == -ENOENT ? 0 : error_system(error, r, "ptrace: cannot attach to %d", ids->tgid);
    for (size_t i = 0; i < count; i++) {
        if (task_find(&tracer->tasks, tids[i]))
            continue;
        r = seize_thread(tracer, tids[i], ids, error);
        if (r < 0)
            return r;
        seized += r;
    }
    return seized;
}

static int attach_process(struct tracer *tracer, pid_t pid, struct sysfold_error *error)
{
    struct proc_task ids;
    int seized, total = 0, r = pid > 0 ? proc_task(pid, &ids) : -ESRCH;

    if (r < 0)
        return error_system(error, r, "ptrace: cannot attach to %d", pid);
    if (ids.tgid == tracer->session->recorder || ids.tgid == getpid())
        return error_set(error, -EINVAL, "ptrace: cannot attach to %d: that is the recorder itself", pid);
    if (process_find(&tracer->tasks, ids.tgid))
        return 0; /* given twice */
    do {
        seized = seize_threads(tracer, &ids, error);
        if (seized < 0)
            return seized;
        total += seized;
    } while (seized);
    return total ? 0 : error_system(error, -ESRCH, "ptrace: cannot attach to %d", pid);
}

/* One pass over those that are not known yet: how many were attached to. One that is gone by now is none. */
static int attach_new(struct tracer *tracer, const pid_t *pids, size_t count, struct sysfold_error *error)
{
    int attached = 0;

    for (size_t i = 0; i < count; i++) {
        struct sysfold_error failure = {0};
        int r;

        if (pids[i] == getpid() || process_find(&tracer->tasks, pids[i]))
            continue;
        r = attach_process(tracer, pids[i], &failure);
        if (r == -ESRCH || (r < 0 && proc_has_ended(pids[i])))
            continue;
        if (r < 0)
            return error_set(error, r, "%s", failure.message);
        attached++;
    }
    return attached;
}

/* Children of who is attached to are attached to from birth: once nobody new is found, none is missing. */
static int attach_descendants(struct tracer *tracer, const pid_t *pids, size_t count, struct sysfold_error *error)
{
    int attached;

    do {
        cleanup_free pid_t *family = NULL;
        size_t family_count;
        int r = proc_descendants(pids, count, tracer->session->recorder, &family, &family_count);

        if (r < 0)
            return error_system(error, r, "ptrace: cannot list the children of processes");
        attached = attach_new(tracer, family + count, family_count - count, error);
    } while (attached > 0);
    return attached;
}

int tracer_attach(struct tracer *tracer, struct sysfold_error *error)
{
    const struct sysfold_live_options *live = &tracer->session->options->live;
    const struct timespec nap = {.tv_nsec = 1000000};

    for (size_t i = 0; i < live->pid_count; i++) {
        int r = attach_process(tracer, live->pids[i], error);

        if (r < 0)
            return r;
    }
    if (live->pid_count && tracer->follow) {
        int r = attach_descendants(tracer, live->pids, live->pid_count, error);

        if (r < 0)
            return r;
    }
    for (int ms = 0; ms < STOP_PATIENCE_MS && tracer->waited_count < tracer->tasks.task_count; ms++) {
        tracer_gather(tracer);
        nanosleep(&nap, NULL);
    }
    return 0;
}

static void snapshot_task(struct task *task, void *data)
{
    struct tracer *tracer = data;

    if (!task->process)
        return;
    proc_snapshot_thread(task->process->pid, task->tid, &tracer->encoder, tracer_emit_snapshot, tracer);
    if (task->tid == task->process->pid)
        proc_snapshot_fds(task->tid, &tracer->encoder, tracer_emit_snapshot, tracer);
}

void tracer_snapshot(struct tracer *tracer)
{
    task_each(&tracer->tasks, snapshot_task, tracer);
}
