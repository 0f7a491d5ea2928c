/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The programs in the kernel.
 *
 * They need Linux 5.15 or newer with BTF: tp_btf programs, ring buffers (5.8),
 * rings in an array of maps, functions that are verified on their own (5.6).
 *
 * Before they are loaded, the backend fills rows, params, settings, ring_count
 * and ring_size, and gives `scratch` an entry for each possible cpu and `rings`
 * ring_count entries; before they are attached, it puts its rings into `rings`.
 */

#include "collect.bpf.h"

#define TS_COMPAT 0x0002
#define X32_BIT 0x40000000
#define ARCH_X86_64 0xc000003e
#define ARCH_I386 0x40000003
#define RT_SIGRETURN 15

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline bool is_recorded(__u32 tgid)
{
    if (tgid == settings.own_pid)
        return false;
    return settings.system_wide || bpf_map_lookup_elem(&targets, &tgid);
}

/* The row of a native call that is to be recorded; EBPF_ROWS for none. */
static __always_inline __u32 find_row(__u64 nr)
{
    UNKNOWN(nr);
    if (nr >= EBPF_CALLS)
        return settings.foreign ? EBPF_ROW_GENERIC : EBPF_ROWS;
    if (!(settings.interest[nr / 64] >> nr % 64 & 1))
        return EBPF_ROWS;
    return rows[nr].number == 0xffff ? EBPF_ROW_GENERIC : nr;
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

/* rt_sigreturn has restored the registers of before the signal, and with them forgotten that it was called. */
static __always_inline __u32 call_number(const struct pt_regs *regs, long result)
{
    __u64 nr = regs->orig_ax;

    return (__s64)nr == -1 && result != -38 ? RT_SIGRETURN : nr;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sysfold_sys_exit, struct pt_regs *regs, long result)
{
    struct task_struct *task = bpf_get_current_task_btf();
    bool compat = task->thread_info.status & TS_COMPAT;
    __u32 nr = call_number(regs, result), row;
    struct walk *walk;

    if (compat)
        row = settings.foreign ? EBPF_ROW_GENERIC : EBPF_ROWS;
    else
        row = find_row(nr);
    if (row == EBPF_ROWS || !is_recorded(task->tgid))
        return 0;
    walk = walk_begin(task->pid);
    if (!walk)
        return 0;
    walk->row = row;
    walk->nr = nr;
    walk->result = result;
    if (compat)
        take_i386(walk, regs);
    else
        take_native(walk, regs);
    collect(walk);
    return 0;
}
