// SPDX-License-Identifier: Apache-2.0
#include "backends/notify/followed.h"

#include <stdlib.h>
#include <unistd.h>

/* A buffer for a path stays with its thread; one for an execve's arguments does not. */
#define KEPT_KEEP 8192

void followed_init(struct followed *followed)
{
    table_init(&followed->threads, (uintptr_t)followed);
    table_init(&followed->processes, (uintptr_t)followed);
}

static void destroy_process(struct process *process)
{
    if (process->pidfd >= 0)
        close(process->pidfd);
    free(process);
}

static void destroy_thread(struct thread *thread)
{
    kept_finish(&thread->kept);
    free(thread);
}

void followed_finish(struct followed *followed)
{
    for (size_t i = 0; i < followed->threads.room; i++) {
        if (followed->threads.entries[i].value)
            destroy_thread(followed->threads.entries[i].value);
    }
    for (size_t i = 0; i < followed->processes.room; i++) {
        if (followed->processes.entries[i].value)
            destroy_process(followed->processes.entries[i].value);
    }
    table_finish(&followed->threads);
    table_finish(&followed->processes);
}

struct thread *followed_thread(const struct followed *followed, pid_t tid)
{
    return table_get(&followed->threads, (uint32_t)tid);
}

struct process *followed_process(const struct followed *followed, pid_t pid)
{
    return table_get(&followed->processes, (uint32_t)pid);
}

static struct process *add_process(struct followed *followed, pid_t pid)
{
    struct process *process = table_reserve(&followed->processes) == 0 ? calloc(1, sizeof(*process)) : NULL;

    if (!process)
        return NULL;
    process->pid = pid;
    process->pidfd = -1;
    table_put(&followed->processes, (uint32_t)pid, process);
    return process;
}

static void join(struct process *process, struct thread *thread)
{
    thread->process = process;
    LIST_INSERT_HEAD(&process->threads, thread, siblings);
    process->alive++;
}

static void leave(struct thread *thread)
{
    LIST_REMOVE(thread, siblings);
    if (!thread->has_ended)
        thread->process->alive--;
}

static void remove_process(struct followed *followed, struct process *process)
{
    table_remove(&followed->processes, (uint32_t)process->pid);
    destroy_process(process);
}

struct thread *followed_add(struct followed *followed, pid_t pid, pid_t tid)
{
    struct process *process = followed_process(followed, pid);
    struct thread *thread;

    if (followed->threads.used >= FOLLOWED_MAX || table_reserve(&followed->threads) < 0)
        return NULL;
    thread = calloc(1, sizeof(*thread));
    if (thread && !process)
        process = add_process(followed, pid);
    if (!thread || !process) {
        free(thread);
        return NULL;
    }
    thread->tid = tid;
    join(process, thread);
    table_put(&followed->threads, (uint32_t)tid, thread);
    return thread;
}

void followed_remove(struct followed *followed, struct thread *thread)
{
    struct process *process = thread->process;

    table_remove(&followed->threads, (uint32_t)thread->tid);
    leave(thread);
    destroy_thread(thread);
    if (LIST_EMPTY(&process->threads))
        remove_process(followed, process);
}

void followed_rename(struct followed *followed, struct thread *thread, pid_t tid)
{
    table_remove(&followed->threads, (uint32_t)thread->tid);
    thread->tid = tid;
    table_put(&followed->threads, (uint32_t)tid, thread); /* there is the room that was left */
}
