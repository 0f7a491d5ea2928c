/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef SYSFOLD_EBPF_LIFECYCLE_BPF_H
#define SYSFOLD_EBPF_LIFECYCLE_BPF_H

/*
 * The rows that no system call makes: threads that start and end, images that
 * are replaced, signals. Their fixed parameters are laid as structures, which
 * are made from the rows.
 */

#include "collect.bpf.h"
#include "files.bpf.h"

typedef __s8 wire_I8;
typedef __u8 wire_U8;
typedef __s16 wire_I16;
typedef __u16 wire_U16;
typedef __s32 wire_I32;
typedef __u32 wire_U32;
typedef __s64 wire_I64;
typedef __u64 wire_U64;

/* A variable parameter takes no place among the fixed ones. */
#define FIXED(ID, WIRE, COUNT, FORM, TABLE) typedef wire_##WIRE type_##ID[COUNT];
#define VARIABLE(ID, WIRE, COUNT, FORM, TABLE) typedef wire_U8 type_##ID[0];
#include "common/types.def"
#undef FIXED
#undef VARIABLE

#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT) struct __attribute__((packed)) body_##ID {
#define PARAM(ROW, NAME, TYPE, SOURCE, MOMENT) type_##TYPE NAME;
#define END(ID)                                                                                                        \
    }                                                                                                                  \
    ;
#include "common/events.def"
#undef EVENT
#undef PARAM
#undef END

#define CSIGNAL_MASK 0xff
#define SIGNAL_GROUP_EXIT_FLAG 4
#define FORK_FLAGS 17      /* SIGCHLD */
#define VFORK_FLAGS 0x4111 /* CLONE_VFORK | CLONE_VM | SIGCHLD */

/* Makes the record one of row ID; its body. */
#define LIFE_BEGIN(walk, ID) ((struct body_##ID *)life_begin(walk, ROW_##ID, sizeof(struct body_##ID)))

static __always_inline void *life_begin(struct walk *walk, __u32 number, __u32 size)
{
    walk->number = number;
    walk->class = EBPF_CLASS_LIFECYCLE;
    walk->end = PREFIX_MAX + size;
    return walk->room + PREFIX_MAX;
}

static __always_inline void mark(struct walk *walk, __u32 index, enum status status)
{
    walk->status |= (__u64)status << (2 * index);
}

#define FLAGS_UNKNOWN ~0ULL
#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD */

/* Such a thread has no caller's registers. */
static __always_inline bool is_kernels(const struct task_struct *task)
{
    return task->flags & KERNEL_THREAD;
}

static __always_inline __u64 clone3_flags(__u64 address)
{
    __u64 fields[5] = {}; /* of struct clone_args: the first is flags, the last exit_signal */

    if (bpf_probe_read_user(fields, sizeof(fields), (const void *)address) < 0)
        return FLAGS_UNKNOWN;
    return fields[0] | (fields[4] & CSIGNAL_MASK);
}

static __always_inline __u64 clone_flags_i386(const struct pt_regs *regs)
{
    switch (regs->orig_ax) {
    case I386_FORK:
        return FORK_FLAGS;
    case I386_VFORK:
        return VFORK_FLAGS;
    case I386_CLONE:
        return (__u32)regs->bx;
    case I386_CLONE3:
        return clone3_flags((__u32)regs->bx);
    default:
        return FLAGS_UNKNOWN;
    }
}

/* What a fork's caller asked for, which its registers still hold. */
static __always_inline __u64 clone_flags(const struct task_struct *parent)
{
    const struct pt_regs *regs = (const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());

    if (is_kernels(parent))
        return FLAGS_UNKNOWN;
    if (parent->thread_info.status & TS_COMPAT)
        return clone_flags_i386(regs);
    switch (regs->orig_ax & ~(__u64)X32_BIT) {
    case FORK:
        return FORK_FLAGS;
    case VFORK:
        return VFORK_FLAGS;
    case CLONE:
        return (__u32)regs->di;
    case CLONE3:
        return clone3_flags(regs->di);
    default:
        return FLAGS_UNKNOWN;
    }
}

static __always_inline void tell_start(struct task_struct *parent, struct task_struct *child)
{
    struct walk *walk = walk_begin(this_walk(), child->pid);
    struct body_THREAD_START *body;
    __u64 flags = clone_flags(parent);

    if (!walk)
        return;
    body = LIFE_BEGIN(walk, THREAD_START);
    body->pid[0] = child->tgid;
    body->ppid[0] = child->real_parent->tgid;
    body->parent_tid[0] = parent->pid;
    body->flags[0] = flags == FLAGS_UNKNOWN ? 0 : flags;
    body->start_time[0] = child->start_boottime + settings.birth_offset;
    if (flags == FLAGS_UNKNOWN)
        mark(walk, P_THREAD_START_flags, STATUS_ABSENT);
    walk_finish(walk);
}

static __always_inline void put_exe(struct walk *walk, struct body_EXEC *body, __u64 file)
{
    ask_file(walk, file);
    body->dev[0] = walk->file_dev;
    body->ino[0] = walk->file_ino;
    if (!walk->file_known) {
        mark(walk, P_EXEC_dev, STATUS_ABSENT);
        mark(walk, P_EXEC_ino, STATUS_ABSENT);
    }
}

static __always_inline void put_comm(struct walk *walk)
{
    __u8 *to = room_at(walk, walk->end + sizeof(__u16));
    __u32 size = 0;

    bpf_get_current_comm(to, 16);
    while (size < 15 && to[size])
        size++;
    end_variable(walk, P_EXEC_comm, size, false);
}

static __always_inline void put_cgroup(struct walk *walk)
{
    build_cgroup(walk);
    if (walk->path_known) {
        put_path(walk, P_EXEC_cgroup, CGROUP_PATH_MAX);
    } else {
        mark(walk, P_EXEC_cgroup, STATUS_ABSENT);
        end_variable(walk, P_EXEC_cgroup, 0, false);
    }
}

static __always_inline void tell_exec(struct task_struct *task, __u32 old_tid)
{
    struct walk *walk = walk_begin(this_walk(), task->pid);
    struct body_EXEC *body;

    if (!walk)
        return;
    body = LIFE_BEGIN(walk, EXEC);
    body->pid[0] = task->tgid;
    body->old_tid[0] = old_tid;
    body->uid[0] = task->cred->uid.val;
    body->euid[0] = task->cred->euid.val;
    body->gid[0] = task->cred->gid.val;
    body->egid[0] = task->cred->egid.val;
    put_exe(walk, body, (__u64)BPF_CORE_READ(task, mm, exe_file));
    put_comm(walk);
    if (walk->path_known) {
        put_path(walk, P_EXEC_exe, PATH_MAX_BYTES);
    } else {
        mark(walk, P_EXEC_exe, STATUS_ABSENT);
        end_variable(walk, P_EXEC_exe, 0, false);
    }
    put_cgroup(walk);
    walk_finish(walk);
}

/* As wait4() tells it. */
static __always_inline int wait_status(struct task_struct *task)
{
    return task->signal->flags & SIGNAL_GROUP_EXIT_FLAG ? task->signal->group_exit_code : task->exit_code;
}

static __always_inline void tell_thread_exit(struct task_struct *task)
{
    struct walk *walk = walk_begin(this_walk(), task->pid);
    struct body_THREAD_EXIT *body;

    if (!walk)
        return;
    body = LIFE_BEGIN(walk, THREAD_EXIT);
    body->pid[0] = task->tgid;
    body->status[0] = wait_status(task);
    walk_finish(walk);
}

static __always_inline void tell_process_exit(struct task_struct *task)
{
    struct walk *walk = walk_begin(this_walk(), task->tgid);
    struct body_PROCESS_EXIT *body;

    if (!walk)
        return;
    body = LIFE_BEGIN(walk, PROCESS_EXIT);
    body->pid[0] = task->tgid;
    body->status[0] = wait_status(task->group_leader);
    walk_finish(walk);
}

/* siginfo_t as programs know it, which is how the kernel has it, too. */
struct signal_info {
    __s32 signo, error, code, unused;
    union {
        struct {
            __s32 sender;
            __u32 uid;
        };
        __u64 addr;
    };
};

#define SIGILL_NR 4
#define SIGTRAP_NR 5
#define SIGBUS_NR 7
#define SIGFPE_NR 8
#define SIGKILL_NR 9
#define SIGSEGV_NR 11
#define SIGCHLD_NR 17
#define SIGSYS_NR 31
#define SI_KERNEL_CODE 0x80
#define QUEUED_MAX 16

/* The signal that ends the process, by default and without a core; 0 for none, or for SIGKILL itself. */
static __always_inline int deadly_signal(const struct task_struct *task)
{
    int code = task->signal->group_exit_code;

    if (!(task->signal->flags & SIGNAL_GROUP_EXIT_FLAG) || code & ~0x7f || code == SIGKILL_NR)
        return 0;
    return code;
}

/* Fills `info` from the queue, if that signal is in it. */
static __always_inline bool find_queued(const struct sigpending *pending, struct signal_info *info)
{
    const struct list_head *head = &pending->list, *at = BPF_CORE_READ(head, next);
    int signo = info->signo;

    for (int i = 0; i < QUEUED_MAX && at && at != head; i++) {
        const struct sigqueue *queued =
            (const struct sigqueue *)((__u64)at - bpf_core_field_offset(struct sigqueue, list));

        bpf_probe_read_kernel(info, sizeof(*info), &queued->info);
        if (info->signo == signo)
            return true;
        at = BPF_CORE_READ(at, next);
    }
    info->signo = signo;
    return false;
}

/* Which of its fields mean something depends on who sent the signal. */
static __always_inline bool has_sender(const struct signal_info *info)
{
    switch (info->code) {
    case 0:  /* SI_USER */
    case -1: /* SI_QUEUE */
    case -3: /* SI_MESGQ */
    case -6: /* SI_TKILL */
        return true;
    default:
        return info->signo == SIGCHLD_NR && info->code > 0 && info->code < SI_KERNEL_CODE;
    }
}

static __always_inline bool has_address(const struct signal_info *info)
{
    switch (info->signo) {
    case SIGSEGV_NR:
    case SIGBUS_NR:
    case SIGILL_NR:
    case SIGFPE_NR:
    case SIGTRAP_NR:
        return info->code > 0 && info->code < SI_KERNEL_CODE;
    case SIGSYS_NR:
        return info->code > 0;
    default:
        return false;
    }
}

static __always_inline void tell_signal(struct task_struct *task, const struct signal_info *info)
{
    struct walk *walk = walk_begin(this_walk(), task->pid);
    struct body_SIGNAL_DELIVERED *body;
    bool sender = has_sender(info), address = has_address(info);

    if (!walk)
        return;
    body = LIFE_BEGIN(walk, SIGNAL_DELIVERED);
    body->signo[0] = info->signo;
    body->code[0] = info->code;
    body->sender[0] = sender ? info->sender : 0;
    body->uid[0] = sender ? info->uid : 0;
    body->addr[0] = address ? info->addr : 0;
    if (!sender) {
        mark(walk, P_SIGNAL_DELIVERED_sender, STATUS_ABSENT);
        mark(walk, P_SIGNAL_DELIVERED_uid, STATUS_ABSENT);
    }
    if (!address)
        mark(walk, P_SIGNAL_DELIVERED_addr, STATUS_ABSENT);
    walk_finish(walk);
}

#endif
