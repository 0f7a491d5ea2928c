// SPDX-License-Identifier: Apache-2.0
/*
 * Threads and processes, without stopping them for it: by the tracepoints'
 * records where there are such, else by who sends notifications, and by pidfds.
 */

#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/lifecycle.h"
#include "backends/notify/ends.h"
#include "backends/notify/oci-state.h"
#include "backends/notify/supervisor.h"
#include "backends/proc.h"
#include "common/cleanup.h"
#include "common/error.h"

/* --- births --- */

/* From now on nothing but its pidfd tells of its end. */
static void lose_sight(struct supervisor *supervisor, struct process *process)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint32_t)process->pid};

    process->is_unseen = true;
    if (process->pidfd >= 0)
        (void)epoll_ctl(supervisor->events, EPOLL_CTL_ADD, process->pidfd, &event);
}

/* A thread that comes to be known; its process with it. */
static struct thread *add_thread(struct supervisor *supervisor, pid_t pid, pid_t tid, pid_t ppid)
{
    bool is_new = !followed_process(&supervisor->followed, pid);
    struct thread *thread = followed_add(&supervisor->followed, pid, tid);

    if (!thread) {
        queue_lose(supervisor->queue, supervisor_clock());
        return NULL;
    }
    if (is_new) {
        thread->process->ppid = ppid;
        thread->process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (supervisor->without_perf)
            lose_sight(supervisor, thread->process);
    }
    return thread;
}

static void tell_birth(struct supervisor *supervisor, const struct thread *thread, pid_t parent_tid, uint64_t flags,
                       uint64_t time)
{
    const struct birth birth = {
        .pid = thread->process->pid, .ppid = thread->process->ppid, .parent_tid = parent_tid, .flags = flags};

    if (!is_recorded(supervisor, thread->process))
        return;
    lifecycle_birth(&supervisor->encoder, thread->tid, time, &birth);
    supervisor_emit(supervisor);
}

/* A number that is used again: its last bearer's end was lost. */
static void forget_namesake(struct supervisor *supervisor, pid_t tid, uint64_t time)
{
    struct thread *thread = followed_thread(&supervisor->followed, tid);
    const struct perf_record end = {.kind = PERF_END, .time = time, .tid = tid};

    if (thread)
        lives_end(supervisor, &end);
    thread = followed_thread(&supervisor->followed, tid);
    if (thread)
        followed_remove(&supervisor->followed, thread);
}

static uint64_t usual_flags(bool is_thread)
{
    return is_thread ? CLONE_VM | CLONE_SIGHAND | CLONE_THREAD : SIGCHLD;
}

/* What the parent's call said, if anybody has seen it: it serves for one birth. */
static bool take_birth_flags(struct thread *parent, bool is_thread, uint64_t *ret_flags)
{
    bool is_known = parent && parent->has_birth_flags && !!(parent->birth_flags & CLONE_THREAD) == is_thread;

    *ret_flags = is_known ? parent->birth_flags : usual_flags(is_thread);
    if (parent)
        parent->has_birth_flags = false;
    return is_known;
}

void lives_birth(struct supervisor *supervisor, const struct perf_record *record)
{
    bool is_thread = record->pid != record->tid;
    pid_t ppid = record->birth.ppid;
    struct thread *thread, *parent;
    struct process *process;
    uint64_t flags;
    bool is_known;

    forget_namesake(supervisor, record->tid, record->time); /* which may be all that there was of a process */
    parent = followed_thread(&supervisor->followed, record->birth.parent_tid);
    process = parent ? parent->process : NULL;
    is_known = take_birth_flags(parent, is_thread, &flags);
    if (process)
        ppid = is_thread || flags & CLONE_PARENT ? process->ppid : process->pid;
    thread = add_thread(supervisor, record->pid, record->tid, ppid);
    if (!thread)
        return;
    thread->is_newborn = true;
    if (!is_thread)
        thread->process->is_followed = supervisor->follow && (!process || process->is_followed);
    if (parent &&
        (parent->likeness.known_of == LIKENESS_NEVER || (is_known && !(flags & (CLONE_NEWUSER | CLONE_NEWNS)))))
        thread->likeness = parent->likeness;
    tell_birth(supervisor, thread, record->birth.parent_tid, flags, record->time);
}

/* Nobody has told of it: without perf nobody does, nor for children of those that it has lost. */
static struct thread *take_in(struct supervisor *supervisor, pid_t tid)
{
    struct proc_task ids;
    struct thread *thread;
    bool is_known;

    if (proc_task(tid, &ids) < 0)
        return NULL;
    is_known = followed_process(&supervisor->followed, ids.tgid);
    thread = add_thread(supervisor, ids.tgid, tid, ids.ppid);
    if (!thread)
        return NULL;
    if (!is_known)
        thread->process->is_followed = supervisor->follow || !supervisor->command;
    if (!is_known && supervisor->perf)
        lose_sight(supervisor, thread->process);
    tell_birth(supervisor, thread, 0, usual_flags(ids.tgid != tid), supervisor_clock());
    return thread;
}

struct thread *lives_thread(struct supervisor *supervisor, pid_t tid)
{
    struct thread *thread = followed_thread(&supervisor->followed, tid);

    return thread ? thread : take_in(supervisor, tid);
}

/* --- execs --- */

static void tell_thread_end(struct supervisor *supervisor, const struct thread *thread, const int *status)
{
    if (!is_recorded(supervisor, thread->process))
        return;
    lifecycle_thread_exit(&supervisor->encoder, thread->tid, thread->ended, thread->process->pid, status);
    supervisor_emit(supervisor);
}

/* What the exec made an end of: the kernel's word for it is 0. Of the first thread, whose number goes on, nothing is
 * said. */
static void drop_others(struct supervisor *supervisor, struct process *process, const struct thread *survivor)
{
    for (struct thread *next, *thread = LIST_FIRST(&process->threads); thread; thread = next) {
        next = LIST_NEXT(thread, siblings);
        if (thread == survivor)
            continue;
        call_broken_off(supervisor, thread, supervisor_clock());
        if (thread->has_ended && !thread->has_status && thread->tid != process->pid)
            tell_thread_end(supervisor, thread, &(int){0});
        followed_remove(&supervisor->followed, thread);
    }
}

/* Of the threads that are left, the one that called exec. */
static struct thread *find_caller(const struct process *process)
{
    struct thread *thread, *alive = NULL;

    LIST_FOREACH (thread, &process->threads, siblings) {
        if (thread->has_ended)
            continue;
        if (call_is_exec(thread))
            return thread;
        alive = thread;
    }
    return alive;
}

static void tell_exec(struct supervisor *supervisor, const struct thread *thread, pid_t old_tid, uint64_t time)
{
    if (!is_recorded(supervisor, thread->process))
        return;
    lifecycle_exec(&supervisor->encoder, thread->tid, time, thread->process->pid, old_tid);
    supervisor_emit(supervisor);
}

static void replace_image(struct supervisor *supervisor, struct process *process, uint64_t time)
{
    struct thread *caller = find_caller(process);
    pid_t old_tid;

    if (!caller)
        return;
    old_tid = caller->tid;
    drop_others(supervisor, process, caller);
    if (old_tid != process->pid) {
        forget_namesake(supervisor, process->pid, time);
        followed_rename(&supervisor->followed, caller, process->pid);
    }
    if (caller->likeness.known_of != LIKENESS_NEVER)
        caller->likeness = (struct likeness){0};
    process->image = 0;
    if (process->pid == supervisor->command)
        supervisor->launching = false;
    tell_exec(supervisor, caller, old_tid, time);
    call_finish_exec(supervisor, caller);
}

void lives_exec(struct supervisor *supervisor, const struct perf_record *record)
{
    struct process *process = followed_process(&supervisor->followed, record->pid);

    if (!process) {
        (void)lives_thread(supervisor, record->tid);
        process = followed_process(&supervisor->followed, record->pid);
    }
    if (process)
        replace_image(supervisor, process, record->time);
}

struct thread *lives_look_for_exec(struct supervisor *supervisor, struct thread *thread)
{
    struct process *process = thread->process;
    struct thread *caller = process->is_unseen && process->image ? find_caller(process) : NULL;
    pid_t tid = thread->tid;
    uint64_t image;

    if (!caller || !call_is_exec(caller))
        return thread;
    image = image_mark(process->pid);
    if (!image || image == process->image)
        return thread;
    replace_image(supervisor, process, supervisor_clock());
    return lives_thread(supervisor, tid);
}

void lives_do_without_perf(struct supervisor *supervisor)
{
    const struct table *processes = &supervisor->followed.processes;

    supervisor->without_perf = true;
    for (size_t i = 0; i < processes->room; i++) {
        if (processes->entries[i].value)
            lose_sight(supervisor, processes->entries[i].value);
    }
}

void lives_forget_likenesses(struct supervisor *supervisor)
{
    const struct table *threads = &supervisor->followed.threads;

    for (size_t i = 0; i < threads->room; i++) {
        struct thread *thread = threads->entries[i].value;

        if (thread && thread->likeness.known_of != LIKENESS_NEVER)
            thread->likeness = (struct likeness){0};
    }
}

void lives_launched(struct supervisor *supervisor)
{
    struct process *process = followed_process(&supervisor->followed, supervisor->command);

    if (supervisor->perf || !supervisor->launching || !process)
        return;
    replace_image(supervisor, process, supervisor_clock());
}

/* --- ends --- */

/* How it has ended: the kernel knows, and else what its threads asked for. */
static bool find_status(struct supervisor *supervisor, struct process *process, int *ret_status)
{
    if (process->pid == supervisor->command && command_status(supervisor, ret_status))
        return true;
    if (status_of_process(process->pid, process->pidfd, ret_status))
        return true;
    *ret_status = process->has_group_status ? process->group_status : process->leader_status;
    return process->has_group_status || process->has_leader_status;
}

static void end_process(struct supervisor *supervisor, struct process *process, uint64_t time)
{
    struct thread *thread, *next;
    int status = 0;
    bool is_known = find_status(supervisor, process, &status);

    LIST_FOREACH (thread, &process->threads, siblings) {
        bool is_own = thread->tid == process->pid && process->has_leader_status && !process->has_group_status;

        if (!thread->has_status)
            tell_thread_end(supervisor, thread, is_own ? &process->leader_status : is_known ? &status : NULL);
    }
    if (is_recorded(supervisor, process)) {
        lifecycle_process_exit(&supervisor->encoder, process->pid, time, is_known ? &status : NULL);
        supervisor_emit(supervisor);
    }
    for (thread = LIST_FIRST(&process->threads); thread; thread = next) {
        next = LIST_NEXT(thread, siblings);
        followed_remove(&supervisor->followed, thread); /* the last takes the process along */
    }
}

/* Of a thread that did not ask for it, how it ended is known when its process has: by a signal, by another's
 * exit_group, or not at all, by another's exec. */
static void end_thread(struct supervisor *supervisor, struct thread *thread, uint64_t time)
{
    struct process *process = thread->process;

    call_broken_off(supervisor, thread, time);
    thread->has_ended = true;
    thread->ended = time;
    process->alive--;
    if (thread->has_status && thread->tid == process->pid) {
        process->has_leader_status = true;
        process->leader_status = thread->status;
    }
    if (thread->has_status && process->has_group_status)
        thread->has_status = false; /* whichever came first: the process's status says it */
    /* Its number may go on by another thread's exec: its end is told with the process's. */
    if (thread->tid == process->pid && process->alive)
        thread->has_status = false;
    if (thread->has_status)
        tell_thread_end(supervisor, thread, &thread->status);
    if (!process->alive)
        end_process(supervisor, process, time);
    else if (thread->has_status && thread->tid != process->pid)
        followed_remove(&supervisor->followed, thread);
}

void lives_end(struct supervisor *supervisor, const struct perf_record *record)
{
    struct thread *thread = followed_thread(&supervisor->followed, record->tid);

    if (!thread || thread->has_ended)
        return;
    if (record->is_exec && !proc_has_ended(thread->process->pid))
        lose_sight(supervisor, thread->process); /* a set-uid program is none of perf's business any more */
    else
        end_thread(supervisor, thread, record->time);
}

void lives_process_gone(struct supervisor *supervisor, pid_t pid)
{
    uint64_t now = supervisor_clock();

    for (struct process *process; (process = followed_process(&supervisor->followed, pid));) {
        struct thread *thread = LIST_FIRST(&process->threads);

        while (thread && thread->has_ended)
            thread = LIST_NEXT(thread, siblings);
        if (!thread) {
            end_process(supervisor, process, now);
            return;
        }
        end_thread(supervisor, thread, now);
    }
}

static bool has_gone(const struct thread *thread)
{
    return syscall(SYS_tgkill, thread->process->pid, thread->tid, 0) < 0 && errno == ESRCH;
}

/* Those that have gone unseen, into a malloc'd array. */
static size_t find_gone(const struct supervisor *supervisor, pid_t **ret_tids)
{
    const struct table *threads = &supervisor->followed.threads;
    size_t count = 0;

    *ret_tids = malloc(threads->used * sizeof(**ret_tids));
    for (size_t i = 0; i < threads->room && *ret_tids; i++) {
        const struct thread *thread = threads->entries[i].value;

        if (thread && !thread->has_ended && (has_gone(thread) || proc_has_ended(thread->process->pid)))
            (*ret_tids)[count++] = thread->tid;
    }
    return count;
}

void lives_sweep(struct supervisor *supervisor)
{
    cleanup_free pid_t *tids = NULL;
    size_t count = find_gone(supervisor, &tids);

    for (size_t i = 0; i < count; i++) {
        const struct perf_record end = {.kind = PERF_END, .time = supervisor_clock(), .tid = tids[i]};

        lives_end(supervisor, &end);
    }
}

/* A filter is let go of earlier in a process's end than its parent, or its pidfd, hears of it: on a busy machine by
 * seconds. */
#define LAST_MOMENTS_MS 10000
#define NS_PER_MS UINT64_C(1000000)

/* false: nobody wants to know any more. */
static bool await_end(const struct supervisor *supervisor, int pidfd, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN}, {.fd = supervisor->session->lifeline, .events = POLLIN}};

    while (poll(fds, 2, timeout_ms) < 0 && errno == EINTR)
        ;
    return !fds[1].revents;
}

/* Without its end its exit status would not be known. It is our child: until we have reaped it, its number is its own.
 */
static bool await_command(const struct supervisor *supervisor)
{
    cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, supervisor->command, 0);

    return pidfd < 0 || await_end(supervisor, pidfd, -1);
}

void lives_await_ends(struct supervisor *supervisor)
{
    const struct table *processes = &supervisor->followed.processes;
    bool is_wanted = supervisor->shared->has_status || !supervisor->command || await_command(supervisor);
    uint64_t deadline = supervisor_clock() / NS_PER_MS + LAST_MOMENTS_MS;

    for (size_t i = 0; i < processes->room && is_wanted; i++) {
        const struct process *process = processes->entries[i].value;
        uint64_t now = supervisor_clock() / NS_PER_MS;

        if (process && process->pidfd >= 0)
            is_wanted = await_end(supervisor, process->pidfd, now < deadline ? (int)(deadline - now) : 0);
    }
}

/* --- what is there already --- */

/* All but the first may have ended since they were found. */
static int take_in_threads(struct supervisor *supervisor, pid_t pid, bool is_first, struct sysfold_error *error)
{
    cleanup_free pid_t *tids = NULL;
    size_t count = 0;
    struct proc_task ids;
    int r = proc_task(pid, &ids);

    if (r == 0)
        r = proc_threads(pid, &tids, &count);
    for (size_t i = 0; i < count && r == 0; i++) {
        struct thread *thread = add_thread(supervisor, pid, tids[i], ids.ppid);

        r = thread ? 0 : -ENOMEM;
        if (thread)
            thread->process->is_followed = true;
        if (r == 0)
            (void)proc_snapshot_thread(pid, tids[i], &supervisor->encoder, supervisor_emit_record, supervisor);
    }
    if (r == 0)
        (void)proc_snapshot_fds(pid, &supervisor->encoder, supervisor_emit_record, supervisor);
    if (!is_first && (r == -ESRCH || r == -ENOENT))
        return 0;
    return r < 0 ? error_system(error, r, "notify: cannot look at process %d", pid) : 0;
}

static void tell_container(struct supervisor *supervisor)
{
    const struct oci_state *state = supervisor->session->state;
    const struct proc_container container = {.id = state->id};

    proc_tell_container(&container, &supervisor->encoder, supervisor_emit_record, supervisor);
}

int lives_begin(struct supervisor *supervisor, pid_t pid, struct sysfold_error *error)
{
    cleanup_free pid_t *pids = NULL;
    size_t count = 0;
    int r = proc_descendants(&pid, 1, supervisor->shared->supervisor, &pids, &count);

    if (r < 0)
        return error_system(error, r, "notify: cannot look at process %d", pid);
    if (supervisor->session->state)
        tell_container(supervisor);
    for (size_t i = 0; i < count && r == 0; i++)
        r = take_in_threads(supervisor, pids[i], pids[i] == pid, error);
    return r;
}
