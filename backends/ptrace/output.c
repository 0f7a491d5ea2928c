// SPDX-License-Identifier: Apache-2.0
/* From T to the queue: records, and what happens while the consumer does not keep up. */

#include <errno.h>
#include <time.h>

#include "backends/proc.h"
#include "backends/ptrace/tracer.h"

/* However slow the consumer is, targets are not held longer than this, until it has caught up. */
#define PATIENCE_MS 1000

uint64_t clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void wait_for_room(struct tracer *tracer, size_t size)
{
    uint64_t before = clock_now(), spent;

    queue_wait_room(tracer->queue, size, (int)tracer->patience_ms);
    spent = (clock_now() - before) / 1000000;
    tracer->patience_ms = spent < tracer->patience_ms ? tracer->patience_ms - (uint32_t)spent : 0;
}

static bool has_caught_up(const struct tracer *tracer)
{
    return queue_used(tracer->queue) < tracer->session->options->live.buffer_size / 2;
}

void tracer_emit(struct tracer *tracer, const uint8_t *record, size_t size, uint64_t time)
{
    bool put = queue_put(tracer->queue, record, size);

    if (put && tracer->patience_ms == PATIENCE_MS)
        return;
    while (!put && tracer->patience_ms && !tracer->shared->stop) {
        wait_for_room(tracer, size);
        put = queue_put(tracer->queue, record, size);
    }
    if (!put)
        queue_lose(tracer->queue, time);
    else if (has_caught_up(tracer))
        tracer->patience_ms = PATIENCE_MS;
}

void tracer_emit_snapshot(void *data, const uint8_t *record, size_t size)
{
    tracer_emit(data, record, size, clock_now());
}

void tracer_emit_encoded(struct tracer *tracer)
{
    size_t size;
    const uint8_t *record = encoder_finish(&tracer->encoder, &size);

    tracer_emit(tracer, record, size, tracer->encoder.time);
}

static bool is_told(const struct tracer *tracer, const struct task *task)
{
    return !tracer->stopping && !tracer->launching && task->process->recorded;
}

static struct encoder *begin(struct tracer *tracer, unsigned row, pid_t tid)
{
    encoder_begin(&tracer->encoder, row_builtin(row), (uint32_t)tid, clock_now());
    return &tracer->encoder;
}

void tell_thread_start(struct tracer *tracer, const struct task *task, pid_t parent_tid, uint64_t flags)
{
    struct encoder *encoder;

    if (!is_told(tracer, task))
        return;
    encoder = begin(tracer, ROW_THREAD_START, task->tid);
    encoder_integer(encoder, P_THREAD_START_pid, task->process->pid);
    encoder_integer(encoder, P_THREAD_START_ppid, task->process->ppid);
    encoder_integer(encoder, P_THREAD_START_parent_tid, parent_tid);
    encoder_integer(encoder, P_THREAD_START_flags, (int64_t)flags);
    encoder_integer(encoder, P_THREAD_START_start_time, (int64_t)encoder->time);
    tracer_emit_encoded(tracer);
}

void tell_exec(struct tracer *tracer, const struct task *task, pid_t old_tid)
{
    struct encoder *encoder;
    struct proc_file file;
    struct task_ids ids;

    if (!is_told(tracer, task))
        return;
    encoder = begin(tracer, ROW_EXEC, task->tid);
    encoder_integer(encoder, P_EXEC_pid, task->process->pid);
    encoder_integer(encoder, P_EXEC_old_tid, old_tid);
    if (read_task_ids(task->tid, &ids) == 0) {
        encoder_integer(encoder, P_EXEC_uid, ids.uid);
        encoder_integer(encoder, P_EXEC_euid, ids.euid);
        encoder_integer(encoder, P_EXEC_gid, ids.gid);
        encoder_integer(encoder, P_EXEC_egid, ids.egid);
        encoder_string(encoder, P_EXEC_comm, ids.comm);
    }
    if (proc_exe_file(task->tid, &file) == 0) {
        encoder_integer(encoder, P_EXEC_dev, file.dev);
        encoder_integer(encoder, P_EXEC_ino, (int64_t)file.ino);
        encoder_bytes(encoder, P_EXEC_exe, file.path, file.path_size, PATH_BYTES_MAX);
    }
    tracer_emit_encoded(tracer);
}

void tell_unfinished(struct tracer *tracer, const struct task *task)
{
    uint64_t now;

    if (task->state != TASK_IN_CALL || !is_told(tracer, task))
        return;
    now = clock_now();
    collect_unfinished(&task->call, &task->kept, (uint32_t)task->tid, now, &tracer->encoder);
    if (tracer->timed && now > task->entry_time)
        encoder_duration(&tracer->encoder, now - task->entry_time);
    tracer_emit_encoded(tracer);
}

void tell_thread_exit(struct tracer *tracer, const struct task *task, int status)
{
    struct encoder *encoder;

    if (!is_told(tracer, task))
        return;
    encoder = begin(tracer, ROW_THREAD_EXIT, task->tid);
    encoder_integer(encoder, P_THREAD_EXIT_pid, task->process->pid);
    encoder_integer(encoder, P_THREAD_EXIT_status, status);
    tracer_emit_encoded(tracer);
}

void tell_process_exit(struct tracer *tracer, const struct process *process)
{
    struct encoder *encoder;

    if (tracer->stopping || tracer->launching || !process->recorded)
        return;
    encoder = begin(tracer, ROW_PROCESS_EXIT, process->pid);
    encoder_integer(encoder, P_PROCESS_EXIT_pid, process->pid);
    encoder_integer(encoder, P_PROCESS_EXIT_status, process->status);
    tracer_emit_encoded(tracer);
}

/* Which of siginfo_t's fields mean something depends on who sent the signal. */
static bool has_sender(const siginfo_t *info)
{
    switch (info->si_code) {
    case SI_USER:
    case SI_TKILL:
    case SI_QUEUE:
    case SI_MESGQ:
        return true;
    default:
        return info->si_signo == SIGCHLD && info->si_code > 0 && info->si_code < SI_KERNEL;
    }
}

static bool has_address(const siginfo_t *info)
{
    switch (info->si_signo) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGTRAP:
        return info->si_code > 0 && info->si_code < SI_KERNEL;
    case SIGSYS:
        return info->si_code > 0;
    default:
        return false;
    }
}

void tell_signal(struct tracer *tracer, const struct task *task, const siginfo_t *info)
{
    struct encoder *encoder;

    if (!is_told(tracer, task))
        return;
    encoder = begin(tracer, ROW_SIGNAL_DELIVERED, task->tid);
    encoder_integer(encoder, P_SIGNAL_DELIVERED_signo, info->si_signo);
    encoder_integer(encoder, P_SIGNAL_DELIVERED_code, info->si_code);
    if (has_sender(info)) {
        encoder_integer(encoder, P_SIGNAL_DELIVERED_sender, info->si_pid);
        encoder_integer(encoder, P_SIGNAL_DELIVERED_uid, info->si_uid);
    }
    if (has_address(info))
        encoder_integer(encoder, P_SIGNAL_DELIVERED_addr,
                        (int64_t)(uintptr_t)(info->si_signo == SIGSYS ? info->si_call_addr : info->si_addr));
    tracer_emit_encoded(tracer);
}
