// SPDX-License-Identifier: Apache-2.0
/* Threads and processes: finding, making and ending them. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/state/internal.h"

static uint64_t key_of(const struct origin *source, uint32_t id)
{
    return (uint64_t)source->number << 32 | id;
}

struct fs *state_fs_create(void)
{
    struct fs *fs = calloc(1, sizeof(*fs));

    if (fs)
        fs->holders = 1;
    return fs;
}

struct fs *state_fs_fork(const struct fs *fs)
{
    struct fs *fork = state_fs_create();

    if (fork) {
        fork->cwd = text_hold(fs->cwd);
        fork->root = text_hold(fs->root);
        fork->losses = fs->losses;
    }
    return fork;
}

struct fs *state_fs_hold(struct fs *fs)
{
    fs->holders++;
    return fs;
}

void state_fs_drop(struct fs *fs)
{
    if (!fs || --fs->holders)
        return;
    text_drop(fs->cwd);
    text_drop(fs->root);
    free(fs);
}

struct sysfold_thread *state_thread_find(struct state *state, const struct origin *source, uint32_t tid)
{
    struct sysfold_thread *thread = state->latest;

    if (thread && thread->tid == tid && thread->process->source == source)
        return thread;
    thread = table_get(&state->threads, key_of(source, tid));
    if (thread)
        state->latest = thread;
    return thread;
}

struct sysfold_process *state_process_find(const struct state *state, const struct origin *source, uint32_t pid)
{
    return table_get(&state->processes, key_of(source, pid));
}

static void link_thread(struct sysfold_thread *thread, struct sysfold_process *process)
{
    thread->process = process;
    thread->next = process->threads;
    thread->link = &process->threads;
    if (thread->next)
        thread->next->link = &thread->next;
    process->threads = thread;
}

int state_thread_create(struct state *state, struct sysfold_process *process, uint32_t tid, struct sysfold_thread **ret)
{
    struct sysfold_thread *thread;

    if (table_reserve(&state->threads) < 0)
        return -ENOMEM;
    thread = calloc(1, sizeof(*thread));
    if (!thread)
        return -ENOMEM;
    thread->tid = tid;
    thread->losses = process->source->losses;
    thread->files = fds_hold(process->files);
    thread->fs = state_fs_hold(process->fs);
    memcpy(thread->name, process->name, sizeof(thread->name));
    link_thread(thread, process);
    process->thread_count++;
    table_put(&state->threads, key_of(process->source, tid), thread);
    *ret = thread;
    return 0;
}

static void process_free(struct sysfold_process *process)
{
    fds_drop(process->files);
    state_fs_drop(process->fs);
    text_drop(process->exe);
    text_drop(process->cmdline);
    container_drop(process->container);
    free(process);
}

static void append(struct state *state, struct sysfold_process *process)
{
    process->older = state->youngest;
    if (process->older)
        process->older->younger = process;
    else
        state->eldest = process;
    state->youngest = process;
}

int state_process_create(struct state *state, const struct origin *source, uint32_t pid, struct sysfold_process **ret)
{
    struct sysfold_process *process;

    if (table_reserve(&state->processes) < 0)
        return -ENOMEM;
    process = calloc(1, sizeof(*process));
    if (!process)
        return -ENOMEM;
    process->files = fds_create();
    process->fs = state_fs_create();
    if (!process->files || !process->fs) {
        process_free(process);
        return -ENOMEM;
    }
    process->source = source;
    process->pid = pid;
    process->losses = source->losses;
    process->container = container_hold(source->container);
    table_put(&state->processes, key_of(source, pid), process);
    append(state, process);
    *ret = process;
    return 0;
}

int state_process_get(struct state *state, const struct origin *source, uint32_t pid, struct sysfold_process **ret)
{
    struct sysfold_process *process = state_process_find(state, source, pid);
    int r;

    if (!process) {
        r = state_process_create(state, source, pid, &process);
        if (r < 0)
            return r;
        process->guessed = true;
    }
    *ret = process;
    return 0;
}

int state_thread_get(struct state *state, const struct origin *source, uint32_t tid, uint32_t pid,
                     struct sysfold_thread **ret)
{
    struct sysfold_thread *thread = state_thread_find(state, source, tid);
    struct sysfold_process *process;
    int r;

    if (!thread) {
        r = state_process_get(state, source, pid ? pid : tid, &process);
        if (!r)
            r = state_thread_create(state, process, tid, &thread);
        if (r < 0)
            return r;
        thread->guessed = true;
        state->latest = thread;
    }
    *ret = thread;
    return 0;
}

static void thread_free(struct state *state, struct sysfold_thread *thread)
{
    *thread->link = thread->next;
    if (thread->next)
        thread->next->link = thread->link;
    fds_drop(thread->files);
    state_fs_drop(thread->fs);
    if (state->latest == thread)
        state->latest = NULL;
    free(thread);
}

void state_thread_remove(struct state *state, struct sysfold_thread *thread)
{
    table_remove(&state->threads, key_of(thread->process->source, thread->tid));
    thread_free(state, thread);
}

static void unlink_process(struct state *state, struct sysfold_process *process)
{
    *(process->older ? &process->older->younger : &state->eldest) = process->younger;
    *(process->younger ? &process->younger->older : &state->youngest) = process->older;
}

void state_process_remove(struct state *state, struct sysfold_process *process)
{
    while (process->threads)
        state_thread_remove(state, process->threads);
    table_remove(&state->processes, key_of(process->source, process->pid));
    if (state->keep_exited && process->exit_time) {
        fds_drop(process->files);
        process->files = NULL;
        return;
    }
    unlink_process(state, process);
    process_free(process);
}

void state_process_retire(struct state *state, struct sysfold_process *process, uint64_t time)
{
    process->exit_time = time ? time : 1;
    state_process_remove(state, process);
}

void state_thread_retire(struct state *state, struct sysfold_thread *thread, uint64_t time)
{
    struct sysfold_process *process = thread->process;

    if (thread->tid != process->pid)
        state_thread_remove(state, thread);
    else if (process->guessed)
        state_process_remove(state, process);
    else
        state_process_retire(state, process, time);
}

/* A leader stays, a zombie, as long as its process. */
static void retire_threads(struct state *state, struct sysfold_process *process)
{
    struct sysfold_thread *next;

    for (struct sysfold_thread *thread = process->threads; thread; thread = next) {
        next = thread->next;
        if (thread->losses != process->source->losses && thread->tid != process->pid)
            state_thread_remove(state, thread);
    }
}

void state_retire_unmentioned(struct state *state, const struct origin *source, uint64_t time)
{
    struct sysfold_process *younger;

    for (struct sysfold_process *process = state->eldest; process; process = younger) {
        younger = process->younger;
        if (process->source != source || process->exit_time)
            continue;
        if (process->losses == source->losses)
            retire_threads(state, process);
        else if (process->guessed)
            state_process_remove(state, process);
        else
            state_process_retire(state, process, time);
    }
}

void state_thread_rename(struct state *state, struct sysfold_thread *thread, uint32_t tid)
{
    table_remove(&state->threads, key_of(thread->process->source, thread->tid));
    thread->tid = tid;
    table_put(&state->threads, key_of(thread->process->source, tid), thread);
}

void state_free_processes(struct state *state)
{
    struct sysfold_process *younger;

    for (struct sysfold_process *process = state->eldest; process; process = younger) {
        younger = process->younger;
        while (process->threads)
            thread_free(state, process->threads);
        process_free(process);
    }
}

static bool leads(const struct sysfold_thread *thread)
{
    return thread->tid == thread->process->pid;
}

void state_thread_set_files(struct sysfold_thread *thread, struct fd_table *files)
{
    if (leads(thread)) {
        fds_drop(thread->process->files);
        thread->process->files = fds_hold(files);
    }
    fds_drop(thread->files);
    thread->files = files;
}

void state_thread_set_fs(struct sysfold_thread *thread, struct fs *fs)
{
    if (leads(thread)) {
        state_fs_drop(thread->process->fs);
        thread->process->fs = state_fs_hold(fs);
    }
    state_fs_drop(thread->fs);
    thread->fs = fs;
}

int state_thread_unshare_files(struct sysfold_thread *thread)
{
    struct fd_table *files = fds_fork(thread->files);

    if (!files)
        return -ENOMEM;
    state_thread_set_files(thread, files);
    return 0;
}

int state_thread_unshare_fs(struct sysfold_thread *thread)
{
    struct fs *fs = state_fs_fork(thread->fs);

    if (!fs)
        return -ENOMEM;
    state_thread_set_fs(thread, fs);
    return 0;
}

static void set_comm(char comm[COMM_ROOM], const uint8_t *name, size_t size)
{
    size = size ? strnlen((const char *)name, size < COMM_ROOM ? size : COMM_ROOM - 1) : 0;
    memset(comm, 0, COMM_ROOM);
    if (size)
        memcpy(comm, name, size);
}

void state_thread_set_name(struct sysfold_thread *thread, const uint8_t *name, size_t size)
{
    set_comm(thread->name, name, size);
    if (leads(thread))
        set_comm(thread->process->name, name, size);
}
