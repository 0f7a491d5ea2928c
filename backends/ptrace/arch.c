// SPDX-License-Identifier: Apache-2.0
/* What is different from one architecture to the next: which register is which. */

#include <linux/audit.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/user.h>

#include "backends/ptrace/tracer.h"

#ifdef __x86_64__

#define NR_CLONE 56
#define NR_CLONE3 435
#define I386_NR_CLONE 120
#define X32_BIT UINT64_C(0x40000000)
#define USER_CS_32 0x23

struct clone_call {
    bool is_clone3;
    uint64_t first; /* clone's flags, or where clone3's are */
};

/* At an event stop PTRACE_GET_SYSCALL_INFO says nothing: the registers must do. */
static bool read_clone_call(pid_t tid, struct clone_call *ret_call)
{
    struct user_regs_struct regs;
    uint64_t nr;
    bool is_i386;

    if (ptrace(PTRACE_GETREGS, tid, NULL, &regs) < 0)
        return false;
    nr = regs.orig_rax & ~X32_BIT;
    /* i386's clone is no call of x86-64 that makes children: int $0x80 from 64-bit code. */
    is_i386 = regs.cs == USER_CS_32 || nr == I386_NR_CLONE;
    ret_call->is_clone3 = nr == NR_CLONE3;
    ret_call->first = is_i386 ? (uint32_t)regs.rbx : regs.rdi;
    return ret_call->is_clone3 || nr == (is_i386 ? I386_NR_CLONE : NR_CLONE);
}

static bool is_i386(const struct __ptrace_syscall_info *info)
{
    return info->arch == AUDIT_ARCH_I386;
}

static bool is_clone(const struct __ptrace_syscall_info *info)
{
    return is_i386(info) ? info->entry.nr == I386_NR_CLONE : (info->entry.nr & ~X32_BIT) == NR_CLONE;
}

static bool is_clone3(const struct __ptrace_syscall_info *info)
{
    return (is_i386(info) ? info->entry.nr : info->entry.nr & ~X32_BIT) == NR_CLONE3;
}

static size_t first_argument_place(const struct __ptrace_syscall_info *info)
{
    return is_i386(info) ? offsetof(struct user, regs.rbx) : offsetof(struct user, regs.rdi);
}

bool arch_skip_call(pid_t tid)
{
    return ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.orig_rax), -1L) == 0;
}

bool arch_hide_untraced(struct task *task, const struct __ptrace_syscall_info *info)
{
    struct changed_word *changed = &task->changed;
    uint64_t flags = info->entry.args[0];
    int poke = PTRACE_POKEUSER;

    if (is_clone(info)) {
        changed->place = first_argument_place(info);
    } else if (is_clone3(info)) {
        poke = PTRACE_POKEDATA;
        changed->place = info->entry.args[0];
        if (target_ops.read(task, &flags, changed->place, sizeof(flags)) != sizeof(flags))
            return false;
    } else {
        return false;
    }
    if (!(flags & CLONE_UNTRACED))
        return false;
    changed->poke = poke;
    changed->value = flags;
    return ptrace(poke, task->tid, changed->place, flags & ~(uint64_t)CLONE_UNTRACED) == 0;
}

#else
#error "ptrace: this architecture's registers are not known yet"
#endif

void arch_restore(struct task *task)
{
    struct changed_word changed = task->changed;

    task->changed = (struct changed_word){0};
    (void)ptrace(changed.poke, task->tid, changed.place, changed.value);
}

/* What the event itself says; the parent may have been killed since, and its memory be gone. */
static uint64_t flags_of_event(int event, pid_t child)
{
    struct proc_task ids = {0};

    if (event == PTRACE_EVENT_VFORK)
        return CLONE_VM | CLONE_VFORK | SIGCHLD;
    if (event == PTRACE_EVENT_FORK)
        return SIGCHLD;
    /* Any other exit signal than SIGCHLD: a thread, if nothing speaks against it. */
    proc_task(child, &ids);
    return ids.tgid == child ? 0 : CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
}

uint64_t arch_clone_flags(struct task *task, int event, pid_t child)
{
    uint64_t fields[5]; /* of struct clone_args: the first is flags, the last exit_signal */
    struct clone_call call;
    uint64_t hidden = task->changed.poke ? CLONE_UNTRACED : 0;

    if (!read_clone_call(task->tid, &call))
        return flags_of_event(event, child) | hidden;
    if (!call.is_clone3)
        return (call.first & UINT32_MAX) | hidden;
    if (target_ops.read(task, fields, call.first, sizeof(fields)) != sizeof(fields))
        return flags_of_event(event, child) | hidden;
    return fields[0] | (fields[4] & CSIGNAL) | hidden;
}
