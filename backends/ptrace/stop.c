// SPDX-License-Identifier: Apache-2.0
/* Wait statuses: what each means, what is told of it, and how the thread goes on. */

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "backends/ptrace/tracer.h"

/* A parent tells of its child within microseconds, unless it was killed in between. */
#define STRANGER_NS UINT64_C(500000000)

/* Of a request on a thread that was killed meanwhile: nothing to do, its death will be reported. */
static void request(int what, pid_t tid, uintptr_t data)
{
    (void)ptrace(what, tid, NULL, (void *)data);
}

static void resume(struct tracer *tracer, const struct task *task, int signal_)
{
    bool to_next_call = !tracer->filtered && task->process->recorded;

    if (tracer->stopping && !tracer->filtered)
        request(PTRACE_DETACH, task->tid, (uintptr_t)signal_);
    else if (to_next_call || task->state == TASK_IN_CALL || task->changed.poke)
        request(PTRACE_SYSCALL, task->tid, (uintptr_t)signal_);
    else
        request(PTRACE_CONT, task->tid, (uintptr_t)signal_);
    tracer_note_resumed(tracer, task->tid);
}

/* --- births --- */

/* Without memory to keep track of it, it runs on unrecorded. */
static void let_go(struct tracer *tracer, struct task *task)
{
    request(tracer->filtered ? PTRACE_CONT : PTRACE_DETACH, task->tid, 0);
    task_remove(&tracer->tasks, task);
}

static struct process *child_process(struct tracer *tracer, const struct task *parent, pid_t tid, uint64_t flags)
{
    struct process *process;

    if (flags & CLONE_THREAD)
        return parent->process;
    process = process_find(&tracer->tasks, tid);
    if (!process)
        process = process_add(&tracer->tasks, tid);
    if (!process)
        return NULL;
    process->ppid = flags & CLONE_PARENT ? parent->process->ppid : parent->process->pid;
    process->recorded = parent->process->recorded && tracer->follow;
    return process;
}

static void bear(struct tracer *tracer, struct task *parent, pid_t tid, uint64_t flags)
{
    struct task *child = task_find(&tracer->tasks, tid);
    bool seen = child != NULL;

    if (seen && child->state != TASK_STRANGER)
        return; /* adopted meanwhile */
    if (!seen)
        child = task_add(&tracer->tasks, tid);
    if (!child)
        return;
    if (seen)
        tracer->tasks.stranger_count--;
    child->process = child_process(tracer, parent, tid, flags);
    if (!child->process) {
        let_go(tracer, child);
        return;
    }
    child->process->threads++;
    child->state = TASK_RUNS;
    tell_thread_start(tracer, child, parent->tid, flags);
    if (seen)
        tracer_handle(tracer, tid, child->stranger_status);
}

static void handle_birth(struct tracer *tracer, struct task *task, int event)
{
    unsigned long child = 0;

    if (ptrace(PTRACE_GETEVENTMSG, task->tid, NULL, &child) == 0 && child) {
        placement_note_birth(&tracer->placement, task->tid, (pid_t)child);
        bear(tracer, task, (pid_t)child, arch_clone_flags(task, event, (pid_t)child));
    }
    resume(tracer, task, 0);
}

/* Its stop came before its parent's; it waits as it is. */
static void keep_stranger(struct tracer *tracer, pid_t tid, int status)
{
    struct task *task = task_find(&tracer->tasks, tid);

    if (!task) {
        task = task_add(&tracer->tasks, tid);
        if (!task) {
            request(tracer->filtered ? PTRACE_CONT : PTRACE_DETACH, tid, 0);
            return;
        }
        task->state = TASK_STRANGER;
        task->stranger_since = clock_now();
        tracer->tasks.stranger_count++;
    }
    task->stranger_status = status;
}

/* What the clone event would have told, asked of /proc: the parent was killed before it could tell. A child that
 * was killed as well has never run: there is nothing to tell of it. */
static void adopt(struct tracer *tracer, struct task *task)
{
    struct proc_task ids = {.tgid = task->tid};
    struct process *process;
    bool is_thread;

    tracer->tasks.stranger_count--;
    if (!WIFSTOPPED(task->stranger_status)) {
        task_remove(&tracer->tasks, task);
        return;
    }
    proc_task(task->tid, &ids);
    is_thread = ids.tgid != task->tid;
    process = process_find(&tracer->tasks, ids.tgid);
    if (!process) {
        process = process_add(&tracer->tasks, ids.tgid);
        if (!process) {
            let_go(tracer, task);
            return;
        }
        process->ppid = ids.ppid;
        process->recorded = tracer->follow;
    }
    process->threads++;
    task->process = process;
    task->state = TASK_RUNS;
    tell_thread_start(tracer, task, 0, is_thread ? CLONE_THREAD : SIGCHLD);
    tracer_handle(tracer, task->tid, task->stranger_status);
}

struct adoption {
    struct tracer *tracer;
    uint64_t now;
};

static void adopt_if_waiting_long(struct task *task, void *data)
{
    struct adoption *adoption = data;

    if (task->state == TASK_STRANGER && adoption->now - task->stranger_since > STRANGER_NS)
        adopt(adoption->tracer, task);
}

bool tracer_adopt_strangers(struct tracer *tracer, bool all)
{
    struct adoption adoption = {.tracer = tracer, .now = all ? UINT64_MAX : clock_now()};

    if (tracer->tasks.stranger_count)
        task_each(&tracer->tasks, adopt_if_waiting_long, &adoption);
    return tracer->tasks.stranger_count > 0;
}

/* --- exec --- */

struct survivor {
    struct tracer *tracer;
    const struct task *task;
};

static void drop_if_superseded(struct task *task, void *data)
{
    struct survivor *survivor = data;

    if (task == survivor->task || task->process != survivor->task->process)
        return;
    tell_unfinished(survivor->tracer, task);
    task->process->threads--;
    task_remove(&survivor->tracer->tasks, task);
}

/* The thread that called has become the leader; the leader that was has vanished without a status of its own. */
static struct task *take_leader_place(struct tracer *tracer, struct task *leader, pid_t tid, pid_t old_tid)
{
    struct task *caller = old_tid ? task_find(&tracer->tasks, old_tid) : NULL;

    if (!caller || caller == leader || !caller->process)
        return leader;
    if (leader) {
        tell_unfinished(tracer, leader);
        leader->process->threads--;
        task_remove(&tracer->tasks, leader);
    }
    placement_note_change(&tracer->placement, old_tid, tid);
    task_rename(&tracer->tasks, caller, tid);
    return caller;
}

static void report_running(struct tracer *tracer)
{
    struct sysfold_error none = {0};

    tracer->launching = false;
    (void)send(tracer->socket, &none, sizeof(none), MSG_NOSIGNAL);
}

static void handle_exec(struct tracer *tracer, struct task *task, pid_t old_tid)
{
    struct survivor survivor = {.tracer = tracer, .task = task};

    if (task->process->threads > 1)
        task_each(&tracer->tasks, drop_if_superseded, &survivor);
    if (tracer->launching && task->tid == tracer->command)
        report_running(tracer);
    tell_exec(tracer, task, old_tid ? old_tid : task->tid);
    resume(tracer, task, 0);
}

/* --- ends --- */

static void end_process(struct tracer *tracer, struct process *process)
{
    if (process->pid == tracer->command) {
        tracer->shared->status = process->status;
        tracer->shared->has_status = true;
    }
    tell_process_exit(tracer, process);
    process_remove(&tracer->tasks, process);
}

static void handle_end(struct tracer *tracer, struct task *task, int status)
{
    struct process *process = task->process;

    tell_unfinished(tracer, task);
    tell_thread_exit(tracer, task, status);
    if (task->tid == process->pid)
        process->status = status;
    process->threads--;
    placement_note_change(&tracer->placement, task->tid, 0);
    task_remove(&tracer->tasks, task);
    if (!process->threads)
        end_process(tracer, process);
}

/* --- calls --- */

static bool get_call(const struct task *task, struct __ptrace_syscall_info *ret_info)
{
    ret_info->op = PTRACE_SYSCALL_INFO_NONE;
    return ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof(*ret_info), ret_info) > 0;
}

/*
 * What only our being there would change is put right: a target's own filter
 * that wants a tracer finds none, and no child gets away from its tracer.
 */
static void keep_up_appearances(struct task *task, const struct __ptrace_syscall_info *info)
{
    if (info->op != PTRACE_SYSCALL_INFO_SECCOMP)
        return;
    if (info->seccomp.ret_data != FILTER_MARK)
        arch_skip_call(task->tid); /* the kernel has already laid -ENOSYS as the result */
    else
        arch_hide_untraced(task, info);
}

/*
 * Where the stop is not what its status said, the thread whose status it was
 * is gone and another, by exec, has taken its id: that one's stop is still to
 * be waited for and must not be ended here.
 */
static void handle_call(struct tracer *tracer, struct task *task)
{
    struct __ptrace_syscall_info info;

    if (!get_call(task, &info) || info.op == PTRACE_SYSCALL_INFO_NONE)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
        if (task->changed.poke)
            arch_restore(task);
        call_leave(tracer, task, &info);
    } else {
        call_enter(tracer, task, &info);
        keep_up_appearances(task, &info);
    }
    resume(tracer, task, 0);
}

/* --- signals --- */

static void handle_signal(struct tracer *tracer, struct task *task, int signal_)
{
    siginfo_t info;

    if (ptrace(PTRACE_GETSIGINFO, task->tid, NULL, &info) < 0)
        return;
    if (info.si_signo == SIGTRAP && info.si_code >> 8 == PTRACE_EVENT_EXEC)
        return; /* another thread's stop, as in handle_call() */
    tell_signal(tracer, task, &info);
    resume(tracer, task, signal_);
}

/* Group-stop: the thread stays stopped, as everybody expects, but SIGCONT can wake it. Else a birth or an attach. */
static void handle_trap(struct tracer *tracer, struct task *task, int signal_)
{
    bool stopped = signal_ == SIGSTOP || signal_ == SIGTSTP || signal_ == SIGTTIN || signal_ == SIGTTOU;

    if (stopped && !(tracer->stopping && !tracer->filtered))
        request(PTRACE_LISTEN, task->tid, 0);
    else
        resume(tracer, task, 0);
}

/* A child that is not followed, and has no filter that would bind it to us. */
static void leave_alone(struct tracer *tracer, struct task *task, int signal_)
{
    request(PTRACE_DETACH, task->tid, (uintptr_t)signal_);
    if (--task->process->threads == 0)
        process_remove(&tracer->tasks, task->process);
    task_remove(&tracer->tasks, task);
}

static void handle_event(struct tracer *tracer, struct task *task, int event, int signal_)
{
    switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        handle_birth(tracer, task, event);
        break;
    case PTRACE_EVENT_SECCOMP:
        handle_call(tracer, task);
        break;
    case PTRACE_EVENT_STOP:
        handle_trap(tracer, task, signal_);
        break;
    default:
        resume(tracer, task, 0);
    }
}

void tracer_handle(struct tracer *tracer, pid_t tid, int status)
{
    struct task *task = task_find(&tracer->tasks, tid);
    int event = status >> 16, signal_ = WSTOPSIG(status);

    if (WIFSTOPPED(status) && event == PTRACE_EVENT_EXEC) {
        unsigned long old_tid = 0;

        ptrace(PTRACE_GETEVENTMSG, tid, NULL, &old_tid);
        task = take_leader_place(tracer, task, tid, (pid_t)old_tid);
        if (task && task->state != TASK_STRANGER) {
            handle_exec(tracer, task, (pid_t)old_tid);
            return;
        }
    }
    if (!task || task->state == TASK_STRANGER)
        keep_stranger(tracer, tid, status);
    else if (!WIFSTOPPED(status))
        handle_end(tracer, task, status);
    else if (!tracer->filtered && !task->process->recorded)
        leave_alone(tracer, task, event ? 0 : signal_);
    else if (event)
        handle_event(tracer, task, event, signal_);
    else if (signal_ == (SIGTRAP | 0x80))
        handle_call(tracer, task);
    else
        handle_signal(tracer, task, signal_);
}
