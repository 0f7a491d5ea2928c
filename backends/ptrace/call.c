// SPDX-License-Identifier: Apache-2.0
/* A system call: noted when it is entered, told when it is left. */

#include "backends/ptrace/tracer.h"

static bool is_wanted(const struct tracer *tracer, const struct task *task)
{
    return !tracer->stopping && task->process->recorded &&
           (tracer->calls->everything || callset_has(tracer->calls, task->call.arch, task->call.nr));
}

void call_enter(struct tracer *tracer, struct task *task, const struct __ptrace_syscall_info *info)
{
    struct call *call = &task->call;

    /* The two forms of entry have number and arguments at the same places. */
    call->arch = info->arch;
    call->nr = (uint32_t)info->entry.nr;
    for (int i = 0; i < 6; i++)
        call->args[i] = info->entry.args[i];
    task->kept.size = 0;
    if (placement_is_watched(call->arch, call->nr))
        placement_release(&tracer->placement);
    else
        placement_note_stop(&tracer->placement, task->tid);
    if (!is_wanted(tracer, task)) {
        task->state = TASK_RUNS;
        return;
    }
    call->row = call_row(call->arch, call->nr);
    task->state = TASK_IN_CALL;
    if (tracer->timed)
        task->entry_time = clock_now();
    if (call->row->entry_mask)
        collect_entry(&target_ops, task, &tracer->limits, call, &task->kept);
}

void call_leave(struct tracer *tracer, struct task *task, const struct __ptrace_syscall_info *info)
{
    enum task_state state = task->state;
    uint64_t now;

    task->state = TASK_RUNS;
    if (state != TASK_IN_CALL || tracer->stopping || tracer->launching)
        return;
    task->call.result = info->exit.rval;
    now = clock_now();
    collect_exit(&target_ops, task, &tracer->limits, &task->call, &task->kept, (uint32_t)task->tid, now,
                 &tracer->encoder);
    if (tracer->timed)
        encoder_duration(&tracer->encoder, now > task->entry_time ? now - task->entry_time : 0);
    tracer_emit_encoded(tracer);
}
