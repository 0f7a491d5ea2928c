// SPDX-License-Identifier: Apache-2.0
/* From T to the queue: records, and what happens while the consumer does not keep up. */

#include <errno.h>
#include <time.h>

#include "backends/lifecycle.h"
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

void tell_thread_start(struct tracer *tracer, const struct task *task, pid_t parent_tid, uint64_t flags)
{
    const struct birth birth = {
        .pid = task->process->pid, .ppid = task->process->ppid, .parent_tid = parent_tid, .flags = flags};

    if (!is_told(tracer, task))
        return;
    lifecycle_birth(&tracer->encoder, task->tid, clock_now(), &birth);
    tracer_emit_encoded(tracer);
}

void tell_exec(struct tracer *tracer, const struct task *task, pid_t old_tid)
{
    if (!is_told(tracer, task))
        return;
    lifecycle_exec(&tracer->encoder, task->tid, clock_now(), task->process->pid, old_tid);
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
    if (!is_told(tracer, task))
        return;
    lifecycle_thread_exit(&tracer->encoder, task->tid, clock_now(), task->process->pid, &status);
    tracer_emit_encoded(tracer);
}

void tell_process_exit(struct tracer *tracer, const struct process *process)
{
    if (tracer->stopping || tracer->launching || !process->recorded)
        return;
    lifecycle_process_exit(&tracer->encoder, process->pid, clock_now(), &process->status);
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
    struct encoder *encoder = &tracer->encoder;

    if (!is_told(tracer, task))
        return;
    encoder_begin(encoder, row_builtin(ROW_SIGNAL_DELIVERED), (uint32_t)task->tid, clock_now());
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
