// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/tasks.h"

#include <errno.h>
#include <stdlib.h>

void tasks_init(struct tasks *tasks)
{
    *tasks = (struct tasks){0};
    table_init(&tasks->threads, (uintptr_t)tasks);
    table_init(&tasks->processes, (uintptr_t)tasks);
}

bool tasks_may_hold(const struct tasks *tasks)
{
    return tasks->held < TASKS_VALUES_MAX;
}

void tasks_hold(struct tasks *tasks, const struct values *values, size_t held_before)
{
    tasks->held += values_held(values) - held_before;
}

void tasks_release(struct tasks *tasks, struct values *values)
{
    tasks->held -= values_held(values);
    values_clear(values);
}

void call_state_clear(struct tasks *tasks, struct call_state *call)
{
    tasks_release(tasks, &call->at_enter);
    tasks_release(tasks, &call->at_exit);
    tasks_release(tasks, &call->image);
    *call = (struct call_state){.at_enter = call->at_enter, .at_exit = call->at_exit, .image = call->image};
}

void call_state_finish(struct tasks *tasks, struct call_state *call)
{
    tasks->held -= values_held(&call->at_enter) + values_held(&call->at_exit) + values_held(&call->image);
    values_finish(&call->at_enter);
    values_finish(&call->at_exit);
    values_finish(&call->image);
}

static void destroy_thread(struct tasks *tasks, struct thread *thread)
{
    call_state_finish(tasks, &thread->call);
    if (thread->interrupted)
        call_state_finish(tasks, thread->interrupted);
    free(thread->interrupted);
    free(thread);
}

void tasks_finish(struct tasks *tasks)
{
    for (size_t i = 0; i < tasks->threads.room; i++) {
        if (tasks->threads.entries[i].value)
            destroy_thread(tasks, tasks->threads.entries[i].value);
    }
    for (size_t i = 0; i < tasks->processes.room; i++)
        free(tasks->processes.entries[i].value);
    table_finish(&tasks->threads);
    table_finish(&tasks->processes);
}

struct thread *tasks_thread(const struct tasks *tasks, uint32_t tid)
{
    return table_get(&tasks->threads, tid);
}

struct process *tasks_process(const struct tasks *tasks, uint32_t pid)
{
    return table_get(&tasks->processes, pid);
}

static struct process *add_process(struct tasks *tasks, uint32_t pid)
{
    struct process *process = NULL;

    if (tasks->processes.used < TASKS_THREADS_MAX && table_reserve(&tasks->processes) == 0)
        process = calloc(1, sizeof(*process));
    if (!process)
        return NULL;
    process->pid = pid;
    table_put(&tasks->processes, pid, process);
    return process;
}

static void join(struct process *process, struct thread *thread)
{
    thread->process = process;
    LIST_INSERT_HEAD(&process->members, thread, siblings);
    process->threads++;
}

static void leave(struct thread *thread)
{
    LIST_REMOVE(thread, siblings);
    thread->process->threads--;
}

struct thread *tasks_add(struct tasks *tasks, uint32_t pid, uint32_t tid)
{
    struct process *process = tasks_process(tasks, pid);
    struct thread *thread;

    if (tasks_thread(tasks, tid) || tasks->threads.used >= TASKS_THREADS_MAX || table_reserve(&tasks->threads) < 0)
        return NULL;
    thread = calloc(1, sizeof(*thread));
    if (thread && !process)
        process = add_process(tasks, pid);
    if (!thread || !process) {
        free(thread);
        return NULL;
    }
    thread->tid = tid;
    thread->told_nr = UINT32_MAX;
    join(process, thread);
    table_put(&tasks->threads, tid, thread);
    return thread;
}

void tasks_remove(struct tasks *tasks, struct thread *thread)
{
    tasks_stop_waiting(tasks, &thread->call_waiter);
    tasks_stop_waiting(tasks, &thread->interrupted_waiter);
    leave(thread);
    table_remove(&tasks->threads, thread->tid);
    destroy_thread(tasks, thread);
}

void tasks_remove_process(struct tasks *tasks, struct process *process)
{
    while (!LIST_EMPTY(&process->members))
        tasks_remove(tasks, LIST_FIRST(&process->members));
    table_remove(&tasks->processes, process->pid);
    free(process);
}

int tasks_make_leader(struct tasks *tasks, struct thread *thread)
{
    struct thread *leader = tasks_thread(tasks, thread->process->pid);

    if (leader == thread)
        return 0;
    if (table_reserve(&tasks->threads) < 0)
        return -ENOMEM;
    if (leader)
        tasks_remove(tasks, leader);
    table_remove(&tasks->threads, thread->tid);
    thread->process->stale_tid = thread->tid;
    thread->tid = thread->process->pid;
    table_put(&tasks->threads, thread->tid, thread);
    return 0;
}

void tasks_wait(struct tasks *tasks, struct waiter *waiter, struct thread *thread, uint64_t time, uint64_t until)
{
    tasks_stop_waiting(tasks, waiter);
    *waiter = (struct waiter){.thread = thread, .until = until, .time = time, .previous = tasks->last_waiter};
    if (tasks->last_waiter)
        tasks->last_waiter->next = waiter;
    else
        tasks->first_waiter = waiter;
    tasks->last_waiter = waiter;
}

void tasks_stop_waiting(struct tasks *tasks, struct waiter *waiter)
{
    if (!waiter->thread)
        return;
    if (waiter->previous)
        waiter->previous->next = waiter->next;
    else
        tasks->first_waiter = waiter->next;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    else
        tasks->last_waiter = waiter->previous;
    *waiter = (struct waiter){0};
}
