/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The programs in the kernel.
 *
 * They need Linux 5.15 or newer with BTF: tp_btf programs (5.5), functions that
 * are verified on their own (5.6), ring buffers (5.8), the current task as a
 * typed pointer (5.11), bpf_snprintf() (5.13), bpf_task_pt_regs() (5.15).
 * Neither fentry nor kprobes nor LSM programs, which may be locked down.
 *
 * What differs from a backend that stops its targets: user memory in pages that
 * are not there is unreadable, since nothing may wait for them, and so is part
 * of what a call that failed early was given; signals that are ignored are
 * never delivered. But for the paths of open and its kin, and for exec,
 * everything is read at exit.
 *
 * Before they are loaded, the backend fills rows, params, settings and
 * ring_size, and gives `scratch` and `rings` an entry for each possible cpu.
 * Each sys_enter program can be left out: what it keeps is then read at exit,
 * or absent.
 */

#include "collect.bpf.h"
#include "lifecycle.bpf.h"

#define ARCH_X86_64 0xc000003e
#define ARCH_I386 0x40000003
#define EINTR_NR 4
#define ENOSYS_NR 38
#define I386_RT_SIGRETURN 173
#define I386_EXECVEAT 358
#define I386_EXIT 1
#define I386_EXIT_GROUP 252
#define ERESTART_FIRST 512 /* ERESTARTSYS */
#define ERESTART_LAST 516  /* ERESTART_RESTARTBLOCK */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Processes that have been told of as ended, lately. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 4096);
    __type(key, __u64);
    __type(value, __u8);
} ended SEC(".maps");

/* Of processes that are recorded, the threads whose end has not been told. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 65536);
    __type(key, __u32);
    __type(value, __s32);
} living SEC(".maps");

/* A look-up costs as much as the clock, and calls of one process follow each other. */
static __always_inline bool is_target(struct walk *walk, __u32 tgid)
{
    __u64 now = *(volatile __u64 *)&generation;

    if (walk->known_tgid != tgid || walk->known_generation != now) {
        walk->known_tgid = tgid;
        walk->known_generation = now;
        walk->known_recorded = bpf_map_lookup_elem(&targets, &tgid) != NULL;
    }
    return walk->known_recorded;
}

static __always_inline void targets_changed(void)
{
    __sync_fetch_and_add(&generation, 1);
}

static __always_inline bool in_cgroups(void)
{
    for (__u32 i = 0; i < EBPF_CGROUPS_MAX && i < settings.cgroup_count; i++) {
        if (bpf_current_task_under_cgroup(&cgroups, i) == 1)
            return true;
    }
    return false;
}

/* A process as such, the current one or its child. */
static __always_inline bool is_recorded(struct walk *walk, __u32 tgid)
{
    if (!walk || tgid == settings.own_pid)
        return false;
    return settings.system_wide || is_target(walk, tgid) || in_cgroups();
}

/* Is it this one's turn, of so many of the same call on this cpu? */
static __always_inline bool is_sampled(struct walk *walk, __u64 nr)
{
    __u32 of;

    if (!settings.sampling)
        return true;
    UNKNOWN(nr);
    if (nr >= EBPF_CALLS)
        return true;
    of = settings.sample[nr];
    if (of < 2 || !walk->passed[nr]) {
        walk->passed[nr] = of < 2 ? 0 : 1;
        return true;
    }
    walk->passed[nr] = walk->passed[nr] + 1 < of ? walk->passed[nr] + 1 : 0;
    return false;
}

static __always_inline bool is_wanted(enum ebpf_abi abi, __u64 nr)
{
    UNKNOWN(nr);
    if (nr >= EBPF_NUMBERS)
        return settings.beyond;
    return settings.interest[abi][nr / 64] >> nr % 64 & 1;
}

/* The row of a 64-bit caller's call that is to be recorded; EBPF_ROWS for none. */
static __always_inline __u32 find_row(__u64 nr)
{
    if (nr & X32_BIT && nr != ~0U)
        return is_wanted(EBPF_X32, nr & ~X32_BIT) ? EBPF_ROW_GENERIC : EBPF_ROWS;
    if (!is_wanted(EBPF_NATIVE, nr))
        return EBPF_ROWS;
    UNKNOWN(nr);
    return nr >= EBPF_CALLS || rows[nr].number == 0xffff ? EBPF_ROW_GENERIC : nr;
}

static __always_inline __u32 find_any_row(bool compat, __u32 nr)
{
    if (compat)
        return is_wanted(EBPF_I386, nr) ? EBPF_ROW_GENERIC : EBPF_ROWS;
    return find_row(nr);
}

/* Most calls that nobody wants are gone here. */
static __always_inline bool needs_attention(__u32 number)
{
    __u64 nr = number;

    UNKNOWN(nr);
    return nr >= EBPF_CALLS || settings.attention[nr / 64] >> nr % 64 & 1;
}

static __always_inline void take_native(struct walk *walk, const struct pt_regs *regs)
{
    walk->arch = ARCH_X86_64;
    walk->args[0] = regs->di;
    walk->args[1] = regs->si;
    walk->args[2] = regs->dx;
    walk->args[3] = regs->r10;
    walk->args[4] = regs->r8;
    walk->args[5] = regs->r9;
}

static __always_inline void take_i386(struct walk *walk, const struct pt_regs *regs)
{
    walk->arch = ARCH_I386;
    walk->args[0] = (__u32)regs->bx;
    walk->args[1] = (__u32)regs->cx;
    walk->args[2] = (__u32)regs->dx;
    walk->args[3] = (__u32)regs->si;
    walk->args[4] = (__u32)regs->di;
    walk->args[5] = (__u32)regs->bp;
}

/* rt_sigreturn has restored the registers of before the signal, and with them forgotten that it was called. A call of
 * the number -1 fails, and has its return address where the instruction put it. */
static __always_inline __u32 call_number(const struct pt_regs *regs, long result, bool compat)
{
    __u32 nr = regs->orig_ax;

    if (nr != ~0U || (result == -ENOSYS_NR && (compat || regs->cx == regs->ip)))
        return nr;
    return compat ? I386_RT_SIGRETURN : RT_SIGRETURN;
}

/* A child's first return to user space looks like one from the call that its parent made. */
static __always_inline bool is_child(bool compat, __u32 nr, long result)
{
    if (result)
        return false;
    nr &= ~X32_BIT;
    if (compat)
        return nr == I386_FORK || nr == I386_VFORK || nr == I386_CLONE || nr == I386_CLONE3;
    return nr == CLONE || nr == FORK || nr == VFORK || nr == CLONE3;
}

static __always_inline bool is_exec(__u32 nr)
{
    return nr == EXECVE || nr == EXECVEAT;
}

static __always_inline bool is_open(__u32 nr)
{
    return nr == OPEN || nr == OPENAT || nr == OPENAT2 || nr == CREAT;
}

/* The current thread's; NULL: for want of memory. */
static __always_inline struct kept *kept_of(struct task_struct *task, bool create)
{
    return bpf_task_storage_get(&paths, task, NULL, create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
}

/* As read_string() does. What cannot be read yet is left to the exit. */
static __always_inline void keep_path(__u32 nr, __u64 address)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct kept *kept;
    long size;
    bool recorded = is_recorded(this_walk(), task->tgid);

    if (task->thread_info.status & TS_COMPAT || find_row(nr) != nr || (!recorded && !settings.cgroup_count))
        return;
    kept = kept_of(task, recorded);
    if (!kept)
        return;
    kept->nr = NOTHING_KEPT;
    if (!recorded) /* it may have moved out of a cgroup within another call, and back within this one */
        return;
    size = bpf_probe_read_user_str(kept->bytes, sizeof(kept->bytes), (const void *)address);
    if (size < 0)
        return;
    kept->nr = nr;
    kept->cut = size > PATH_MAX_BYTES;
    kept->size = size ? size - 1 : 0; /* an empty one counts its NUL only since Linux 6.13 */
}

/* What a system call's own tracepoint gives. */
struct enter_context {
    __u64 common;
    __s64 nr;
    __u64 args[6];
};

SEC("tracepoint/syscalls/sys_enter_open")
int sysfold_enter_open(struct enter_context *context)
{
    keep_path(OPEN, context->args[0]);
    return 0;
}

SEC("tracepoint/syscalls/sys_enter_creat")
int sysfold_enter_creat(struct enter_context *context)
{
    keep_path(CREAT, context->args[0]);
    return 0;
}

SEC("tracepoint/syscalls/sys_enter_openat")
int sysfold_enter_openat(struct enter_context *context)
{
    keep_path(OPENAT, context->args[1]);
    return 0;
}

static __always_inline bool wants_exec(void)
{
    return is_wanted(EBPF_NATIVE, EXECVE) || is_wanted(EBPF_NATIVE, EXECVEAT);
}

/* Into the room, as `execs` has it, and from there into `execs`. */
static __always_inline void keep_exec_args(__u32 nr, __s32 dirfd, __u64 argv, __u64 environment, __u32 flags)
{
    struct task_struct *task = bpf_get_current_task_btf();
    __u64 key = bpf_get_current_pid_tgid(), outcome;
    struct ebpf_ring *ring = this_ring();
    struct walk *walk = this_walk();
    struct exec *exec;
    struct kept *kept;

    if (task->thread_info.status & TS_COMPAT || !is_recorded(walk, task->tgid) || !ring || ring->writing)
        return;
    kept = kept_of(task, true);
    if (kept)
        kept->entered = nr;
    if (!wants_exec())
        return;
    outcome = read_string_vector(walk, argv, __builtin_offsetof(struct exec, argv),
                                 at_most(settings.string_vector_max, VECTOR_MAX));
    exec = (struct exec *)walk->room;
    exec->nr = nr;
    exec->dirfd = dirfd;
    exec->flags = flags;
    exec->no_environment = environment == 0;
    exec->size = OUTCOME_SIZE(outcome);
    exec->status = OUTCOME_STATUS(outcome);
    exec->cut = outcome & OUTCOME_CUT ? 1 : 0;
    bpf_map_update_elem(&execs, &key, exec, BPF_ANY);
}

SEC("tracepoint/syscalls/sys_enter_execve")
int sysfold_enter_execve(struct enter_context *context)
{
    keep_exec_args(EXECVE, 0, context->args[1], context->args[2], 0);
    return 0;
}

SEC("tracepoint/syscalls/sys_enter_execveat")
int sysfold_enter_execveat(struct enter_context *context)
{
    keep_exec_args(EXECVEAT, context->args[0], context->args[2], context->args[3], context->args[4]);
    return 0;
}

SEC("tracepoint/syscalls/sys_enter_openat2")
int sysfold_enter_openat2(struct enter_context *context)
{
    keep_path(OPENAT2, context->args[1]);
    return 0;
}

/* In place of all of these, where tracefs is not ours to read: every call passes here. */
SEC("tp_btf/sys_enter")
int BPF_PROG(sysfold_enter, struct pt_regs *regs, long nr)
{
    switch (nr) {
    case OPEN:
    case CREAT:
        keep_path(nr, regs->di);
        break;
    case OPENAT:
    case OPENAT2:
        keep_path(nr, regs->si);
        break;
    case EXECVE:
        keep_exec_args(EXECVE, 0, regs->si, regs->dx, 0);
        break;
    case EXECVEAT:
        keep_exec_args(EXECVEAT, regs->di, regs->dx, regs->r10, regs->r8);
        break;
    default:
        break;
    }
    return 0;
}

/* Where calls are timed, every call that may be recorded passes here. */
SEC("tp_btf/sys_enter")
int BPF_PROG(sysfold_time, struct pt_regs *regs, long nr)
{
    struct task_struct *task = bpf_get_current_task_btf();
    bool compat = task->thread_info.status & TS_COMPAT;
    __u64 *since;

    if (find_any_row(compat, nr) == EBPF_ROWS || !is_recorded(this_walk(), task->tgid))
        return 0;
    since = bpf_task_storage_get(&entered, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
    if (since)
        *since = bpf_ktime_get_ns();
    return 0;
}

/* A call that was on its way when recording began has no time. */
static __always_inline void take_duration(struct walk *walk, struct task_struct *task)
{
    __u64 *since = bpf_task_storage_get(&entered, task, NULL, 0);

    if (!since || !*since || walk->unfinished)
        return;
    walk->duration = bpf_ktime_get_ns() - *since;
    walk->flags |= FLAG_TIMED;
    *since = 0;
}

/* Does the thread come back from a successful exec? It looks like its new image's own execve, whatever was called and
 * by whom. Then number and ABI are put right. */
static __always_inline bool is_replaced(bool *compat, __u32 *nr, long result)
{
    const struct kept *kept;

    if (result || *nr != (*compat ? I386_EXECVE : EXECVE))
        return false;
    kept = kept_of(bpf_get_current_task_btf(), false);
    if (!kept || kept->nr == NOTHING_KEPT)
        return !*compat;
    *compat = !kept->native;
    *nr = kept->native ? kept->nr : kept->nr == EXECVE ? I386_EXECVE : I386_EXECVEAT;
    return true;
}

/* What the exec's entry and the kernel say of it, in place of registers that it has cleared. */
static __always_inline void take_replaced(struct walk *walk, bool compat)
{
    const struct kept *kept = kept_of(bpf_get_current_task_btf(), false);
    const struct exec *exec;

    if (kept && kept->nr == NOTHING_KEPT)
        kept = NULL;
    walk->arch = compat ? ARCH_I386 : ARCH_X86_64;
    walk->is_script = !kept || kept->is_script;
    walk->exec = kept ? kept->exec : 0;
    exec = compat ? NULL : bpf_map_lookup_elem(&execs, &walk->exec);
    walk->args_known = exec != NULL;
    if (!exec)
        return;
    walk->no_environment = exec->no_environment;
    walk->args[0] = exec->dirfd;
    walk->args[4] = exec->flags;
}

/* It comes back only to die: nothing sees its result, and a tracer would not have been told of it. Of a signal that
 * kills by default it would. */
static __always_inline bool is_killed(const struct task_struct *task, long result)
{
    if (result != -EINTR_NR && (result > -ERESTART_FIRST || result < -ERESTART_LAST))
        return false;
    return task->pending.signal.sig[0] & 1UL << (SIGKILL_NR - 1) && !deadly_signal(task);
}

/* What was kept for this call is of no use to the next one. */
static __always_inline void forget(struct walk *walk, struct task_struct *task, __u32 nr)
{
    struct kept *kept = kept_of(task, false);
    __u64 key = bpf_get_current_pid_tgid();

    if (kept) {
        kept->nr = NOTHING_KEPT;
        kept->entered = 0;
    }
    if (walk->replaced)
        bpf_map_delete_elem(&execs, &walk->exec);
    else if (is_exec(nr))
        bpf_map_delete_elem(&execs, &key);
}

/* What there is to know of the call, whose row is `row`. */
static __always_inline void take_call(struct walk *walk, const struct pt_regs *regs, bool compat)
{
    if (walk->replaced)
        take_replaced(walk, compat);
    else if (compat)
        take_i386(walk, regs);
    else
        take_native(walk, regs);
}

/* May there be something that was kept for it? */
static __always_inline bool is_kept(const struct walk *walk, bool compat, __u32 nr)
{
    return walk->replaced || (!compat && (is_open(nr) || is_exec(nr)));
}

/* A call that nobody wants, or that is not its sample's, leaves nothing behind either. */
static __always_inline void pass_over(struct walk *walk, struct task_struct *task, bool compat, __u32 nr, bool replaced)
{
    walk->replaced = replaced;
    if (replaced)
        take_replaced(walk, compat);
    if (is_kept(walk, compat, nr))
        forget(walk, task, nr);
}

static __always_inline void tell_call(struct walk *walk, struct task_struct *task, const struct pt_regs *regs,
                                      bool compat)
{
    if (settings.timed)
        take_duration(walk, task);
    take_call(walk, regs, compat);
    if (collect_quickly(walk))
        return;
    walk->keeps = walk->replaced || (!compat && is_open(walk->nr));
    collect(walk);
    if (is_kept(walk, compat, walk->nr))
        forget(walk, task, walk->nr);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sysfold_sys_exit, struct pt_regs *regs, long result)
{
    struct task_struct *task;
    bool compat, replaced;
    struct walk *walk;
    __u32 nr, row;

    if (!needs_attention(regs->orig_ax))
        return 0;
    task = bpf_get_current_task_btf();
    compat = task->thread_info.status & TS_COMPAT;
    nr = call_number(regs, result, compat);
    replaced = is_replaced(&compat, &nr, result);
    row = find_any_row(compat, nr);
    walk = this_walk();
    if (!is_recorded(walk, task->tgid) || is_child(compat, nr, result))
        return 0;
    if (row == EBPF_ROWS || (!compat && !is_sampled(walk, nr))) {
        pass_over(walk, task, compat, nr, replaced);
        return 0;
    }
    walk = walk_begin(walk, task->pid);
    if (!walk)
        return 0;
    walk->row = row;
    walk->nr = nr;
    walk->unfinished = is_killed(task, result);
    walk->result = walk->unfinished ? 0 : result;
    walk->replaced = replaced;
    tell_call(walk, task, regs, compat);
    return 0;
}

/* Nobody can return from these. Returns the row. */
static __always_inline __u32 find_unfinished(struct task_struct *task, bool compat, __u32 nr)
{
    bool ends = compat ? nr == I386_EXIT || nr == I386_EXIT_GROUP : nr == EXIT || nr == EXIT_GROUP;

    /* A filter of seccomp's that kills does not let the call be made. */
    if (!ends || is_kernels(task) || (task->exit_code & 0x7f) == SIGSYS_NR)
        return EBPF_ROWS;
    return find_any_row(compat, nr);
}

static __always_inline void tell_unfinished(struct task_struct *task)
{
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
    bool compat = task->thread_info.status & TS_COMPAT;
    __u32 nr = regs->orig_ax, row = find_unfinished(task, compat, nr);
    struct walk *walk = row == EBPF_ROWS ? NULL : walk_begin(this_walk(), task->pid);

    if (!walk)
        return;
    walk->row = row;
    walk->nr = nr;
    walk->result = 0;
    walk->unfinished = true;
    take_call(walk, regs, compat);
    collect(walk);
}

/* Will the child be recorded? If so, it is so from here on. */
static __always_inline bool take_child(struct task_struct *parent, struct task_struct *child)
{
    struct walk *walk = this_walk();
    __u32 tgid = child->tgid;
    __u8 one = 1;

    if (child->tgid == parent->tgid || settings.system_wide)
        return is_recorded(walk, tgid);
    if (in_cgroups())
        return tgid != settings.own_pid;
    if (!settings.follow || !is_recorded(walk, parent->tgid))
        return false;
    if (bpf_map_update_elem(&targets, &tgid, &one, BPF_ANY) < 0)
        return false;
    targets_changed();
    return true;
}

#define THREAD_NEW 0x800 /* TASK_NEW */
#define THREADS_MAX 512  /* of more, some may be told behind their process's end */

/* Will its end be told, and has its birth been, if it is at all? A thread that has no files any more is behind that. */
static __always_inline bool is_counted(const struct task_struct *thread)
{
    return !is_of_servant(BPF_CORE_READ(thread, flags)) && !BPF_CORE_READ(thread, exit_state) &&
           BPF_CORE_READ(thread, files) && BPF_CORE_READ(thread, __state) != THREAD_NEW;
}

/* The threads of a process that was there before. */
__noinline int count_threads(__u64 process)
{
    const struct signal_struct *signal = (const struct signal_struct *)process;
    __u64 head = process + bpf_core_field_offset(struct signal_struct, thread_head);
    const struct list_head *at = BPF_CORE_READ(signal, thread_head.next);
    int count = 0;

    for (int i = 0; i < THREADS_MAX && at && (__u64)at != head; i++) {
        __u64 thread = (__u64)at - bpf_core_field_offset(struct task_struct, thread_node);

        count += is_counted((const struct task_struct *)thread);
        at = BPF_CORE_READ(at, next);
    }
    return count;
}

/* The kernel's own count goes down before a thread's end is told: two that end at once would both find it at 0, and the
 * process taken out by the first of them. Hence ours, which leaves out the threads of the kernel's that serve the
 * process (io_uring's), since their births are not told. Of a process that was there before, its threads are looked
 * at when the first of them is born or ends. */
static __always_inline void count_birth(struct task_struct *child)
{
    __u32 tgid = child->tgid;
    __s32 count = 1, *known;

    if (child->pid == child->tgid) {
        bpf_map_update_elem(&living, &tgid, &count, BPF_ANY);
        return;
    }
    known = bpf_map_lookup_elem(&living, &tgid);
    if (!known) {
        count += count_threads((__u64)BPF_CORE_READ(child, signal));
        if (bpf_map_update_elem(&living, &tgid, &count, BPF_NOEXIST) == 0)
            return;
        known = bpf_map_lookup_elem(&living, &tgid);
    }
    if (known)
        __sync_fetch_and_add(known, 1);
}

static __always_inline __s32 *living_threads(const struct task_struct *task)
{
    __u32 tgid = task->tgid;
    __s32 *known = bpf_map_lookup_elem(&living, &tgid), count;

    if (known)
        return known;
    count = count_threads((__u64)BPF_CORE_READ(task, signal));
    bpf_map_update_elem(&living, &tgid, &count, BPF_NOEXIST);
    return bpf_map_lookup_elem(&living, &tgid);
}

/* Is nobody left? Whoever is behind us in the kernel's count will find ours as we leave it. */
static __always_inline bool count_death(struct task_struct *task)
{
    __s32 *known = living_threads(task), own = is_servant(task) ? 0 : 1;

    if (known && __sync_fetch_and_add(known, -own) > own)
        return false;
    return !*(volatile int *)&task->signal->live.counter;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sysfold_fork, struct task_struct *parent, struct task_struct *child)
{
    if (!take_child(parent, child))
        return 0;
    count_birth(child);
    tell_start(parent, child);
    return 0;
}

/* How much of an execveat's made-up path, "/dev/fd/3/name" or "/dev/fd/3", is not what the caller gave. */
static __always_inline __u32 made_up(const char *name)
{
    char start[24] = {};
    __u32 at = sizeof("/dev/fd/") - 1;

    bpf_probe_read_kernel_str(start, sizeof(start), name);
    for (; at < sizeof(start) - 1; at++) {
        if (start[at] == '/')
            return at + 1;
        if (!start[at])
            return at;
    }
    return at;
}

/* What is known of a successful exec, until its exit. */
static __always_inline void keep_exec(struct task_struct *task, __u32 old_tid, struct linux_binprm *program)
{
    const char *name = BPF_CORE_READ(program, filename);
    bool relative = BPF_CORE_READ(program, fdpath);
    struct kept *kept = kept_of(task, true);
    __u32 nr;
    long size;

    if (!kept)
        return;
    kept->nr = NOTHING_KEPT;
    kept->exec = (__u64)task->tgid << 32 | old_tid;
    kept->native = kept->entered != 0;
    nr = kept->entered ? kept->entered : relative ? EXECVEAT : EXECVE;
    kept->entered = 0;
    kept->is_script = BPF_CORE_READ(program, interp) != name;
    if (relative)
        name += made_up(name);
    size = bpf_probe_read_kernel_str(kept->bytes, sizeof(kept->bytes), name);
    kept->size = size > 0 ? size - 1 : 0;
    kept->cut = size > PATH_MAX_BYTES;
    kept->nr = nr;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(sysfold_exec, struct task_struct *task, int old_tid, struct linux_binprm *program)
{
    if (!is_recorded(this_walk(), task->tgid))
        return 0;
    tell_exec(task, old_tid);
    keep_exec(task, old_tid, program);
    return 0;
}

/* Takes the process out with its last thread; whether this was the one, and is the first time. */
static __always_inline bool is_last(struct task_struct *task)
{
    __u64 key = (__u64)task->tgid << 32 | (__u32)task->group_leader->start_boottime;
    __u32 tgid = task->tgid;
    __u8 one = 1;

    if (!count_death(task))
        return false;
    bpf_map_delete_elem(&living, &tgid);
    bpf_map_delete_elem(&targets, &tgid);
    targets_changed();
    return bpf_map_update_elem(&ended, &key, &one, BPF_NOEXIST) == 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sysfold_exit, struct task_struct *task)
{
    /* A leader that makes way for the thread that called exec only gives its number away. */
    bool gives_way = task->pid == task->tgid && task->signal->group_exec_task;

    if (!is_recorded(this_walk(), task->tgid))
        return 0;
    if (!is_servant(task)) {
        tell_unfinished(task);
        if (!gives_way)
            tell_thread_exit(task);
    }
    if (is_last(task)) /* which may be one of the kernel's */
        tell_process_exit(task);
    return 0;
}

/* Where a signal kills by default, the kernel delivers SIGKILL instead, to each thread, and leaves it queued. */
static __always_inline void tell_deadly(struct task_struct *task)
{
    struct signal_info info = {.signo = deadly_signal(task)};

    if (!info.signo)
        return;
    if (find_queued(&task->pending, &info) ||
        (task->pid == task->tgid && find_queued(&task->signal->shared_pending, &info)))
        tell_signal(task, &info);
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(sysfold_signal, int signo, const void *address)
{
    struct task_struct *task = bpf_get_current_task_btf();
    struct signal_info info = {};

    if (is_servant(task) || !is_recorded(this_walk(), task->tgid))
        return 0;
    /* SIGKILL itself is told by what it does; it may have no siginfo. */
    if (signo == SIGKILL_NR)
        tell_deadly(task);
    else if (bpf_probe_read_kernel(&info, sizeof(info), address) == 0)
        tell_signal(task, &info);
    return 0;
}

/* Run by the recorder, for its own sake, before the others are attached: what it iterates over does not matter. */
SEC("iter/task")
int sysfold_root(void *context)
{
    note_root();
    return 0;
}
