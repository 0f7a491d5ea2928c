// SPDX-License-Identifier: Apache-2.0
#include "backends/ptrace/task.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_ROOM 256
/* A buffer for a path stays with its task for the next that needs one; one for an execve's arguments does not. */
#define KEPT_KEEP 8192

static size_t slot(size_t room, pid_t id)
{
    return (uint32_t)id * UINT32_C(2654435761) >> 7 & (room - 1);
}

int task_table_init(struct task_table *table)
{
    *table = (struct task_table){.room = FIRST_ROOM};
    table->tasks = calloc(FIRST_ROOM, sizeof(*table->tasks));
    table->processes = calloc(FIRST_ROOM, sizeof(*table->processes));
    if (table->tasks && table->processes)
        return 0;
    task_table_finish(table);
    return -ENOMEM;
}

static void task_free(struct task *task)
{
    kept_finish(&task->kept);
    free(task);
}

void task_table_finish(struct task_table *table)
{
    for (size_t i = 0; i < table->room; i++) {
        for (struct task *next, *task = table->tasks ? table->tasks[i] : NULL; task; task = next) {
            next = task->next;
            task_free(task);
        }
        for (struct process *next, *process = table->processes ? table->processes[i] : NULL; process; process = next) {
            next = process->next;
            free(process);
        }
    }
    for (struct task *next, *task = table->free_tasks; task; task = next) {
        next = task->next;
        task_free(task);
    }
    free(table->tasks);
    free(table->processes);
    *table = (struct task_table){0};
}

/* Twice the room, when there are as many tasks as slots; without memory the chains just get longer. */
static void grow(struct task_table *table)
{
    size_t room = table->room * 2;
    struct task **tasks = calloc(room, sizeof(struct task *));
    struct process **processes = calloc(room, sizeof(struct process *));

    if (!tasks || !processes) {
        free(tasks);
        free(processes);
        return;
    }
    for (size_t i = 0; i < table->room; i++) {
        for (struct task *next, *task = table->tasks[i]; task; task = next) {
            struct task **head = &tasks[slot(room, task->tid)];

            next = task->next;
            task->next = *head;
            *head = task;
        }
        for (struct process *next, *process = table->processes[i]; process; process = next) {
            struct process **head = &processes[slot(room, process->pid)];

            next = process->next;
            process->next = *head;
            *head = process;
        }
    }
    free(table->tasks);
    free(table->processes);
    table->tasks = tasks;
    table->processes = processes;
    table->room = room;
}

struct task *task_find(const struct task_table *table, pid_t tid)
{
    struct task *task = table->tasks[slot(table->room, tid)];

    while (task && task->tid != tid)
        task = task->next;
    return task;
}

static void link_task(struct task_table *table, struct task *task)
{
    struct task **head = &table->tasks[slot(table->room, task->tid)];

    task->next = *head;
    *head = task;
}

static void unlink_task(struct task_table *table, struct task *task)
{
    struct task **at = &table->tasks[slot(table->room, task->tid)];

    while (*at != task)
        at = &(*at)->next;
    *at = task->next;
}

struct task *task_add(struct task_table *table, pid_t tid)
{
    struct task *task = table->free_tasks;

    if (table->task_count >= table->room)
        grow(table);
    if (task) {
        struct kept kept = task->kept;

        table->free_tasks = task->next;
        *task = (struct task){.kept = kept};
    } else {
        task = calloc(1, sizeof(*task));
        if (!task)
            return NULL;
    }
    task->tid = tid;
    link_task(table, task);
    table->task_count++;
    return task;
}

void task_remove(struct task_table *table, struct task *task)
{
    unlink_task(table, task);
    table->task_count--;
    if (task->kept.room > KEPT_KEEP)
        kept_finish(&task->kept);
    task->next = table->free_tasks;
    table->free_tasks = task;
}

void task_rename(struct task_table *table, struct task *task, pid_t tid)
{
    unlink_task(table, task);
    task->tid = tid;
    link_task(table, task);
}

void task_each(struct task_table *table, void (*visit)(struct task *task, void *data), void *data)
{
    for (size_t i = 0; i < table->room; i++) {
        for (struct task *next, *task = table->tasks[i]; task; task = next) {
            next = task->next;
            visit(task, data);
        }
    }
}

void task_some(struct task_table *table, size_t *cursor, size_t slots, void (*visit)(struct task *task, void *data),
               void *data)
{
    for (; slots; slots--) {
        for (struct task *task = table->tasks[*cursor & (table->room - 1)]; task; task = task->next)
            visit(task, data);
        ++*cursor;
    }
}

struct process *process_find(const struct task_table *table, pid_t pid)
{
    struct process *process = table->processes[slot(table->room, pid)];

    while (process && process->pid != pid)
        process = process->next;
    return process;
}

struct process *process_add(struct task_table *table, pid_t pid)
{
    struct process **head = &table->processes[slot(table->room, pid)];
    struct process *process = calloc(1, sizeof(*process));

    if (!process)
        return NULL;
    process->pid = pid;
    process->next = *head;
    *head = process;
    return process;
}

void process_remove(struct task_table *table, struct process *process)
{
    struct process **at = &table->processes[slot(table->room, process->pid)];

    while (*at != process)
        at = &(*at)->next;
    *at = process->next;
    free(process);
}
