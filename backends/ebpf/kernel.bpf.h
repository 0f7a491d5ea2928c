/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef SYSFOLD_EBPF_KERNEL_BPF_H
#define SYSFOLD_EBPF_KERNEL_BPF_H

/*
 * What the programs know of the kernel: the fields they read and no more. Where
 * each lies is found out when they are loaded (CO-RE), so order and size mean
 * nothing here.
 */

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
    unsigned long bx, cx, dx, si, di, bp, r8, r9, r10, orig_ax, ip;
};

typedef struct {
    int counter;
} atomic_t;

typedef struct {
    __u32 val;
} kuid_t;

typedef struct {
    __u32 val;
} kgid_t;

struct thread_info {
    __u32 status;
};

struct cred {
    kuid_t uid, euid;
    kgid_t gid, egid;
};

struct super_block {
    __u32 s_dev;
    unsigned long s_magic;
};

struct inode {
    unsigned short i_mode;
    struct super_block *i_sb;
    unsigned long i_ino;
    void *i_private;
};

struct proc_ns_operations {
    const char *name;
};

struct ns_common {
    const struct proc_ns_operations *ops;
};

struct qstr {
    __u32 len;
    const unsigned char *name;
};

struct hlist_bl_node {
    struct hlist_bl_node **pprev;
};

struct dentry {
    struct hlist_bl_node d_hash;
    struct dentry *d_parent;
    struct qstr d_name;
};

struct vfsmount {
    struct dentry *mnt_root;
};

struct mount {
    struct mount *mnt_parent;
    struct dentry *mnt_mountpoint;
    struct vfsmount mnt;
};

struct path {
    struct vfsmount *mnt;
    struct dentry *dentry;
};

struct fs_struct {
    struct path root;
};

struct file {
    struct path f_path;
    struct inode *f_inode;
    void *private_data;
};

struct in6_addr {
    __u64 words[2];
};

struct sock_common {
    __u32 skc_daddr, skc_rcv_saddr;
    __u16 skc_dport, skc_num;
    unsigned short skc_family;
    volatile unsigned char skc_state;
    int skc_bound_dev_if;
    struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct sock {
    struct sock_common __sk_common;
};

struct socket {
    struct sock *sk;
};

struct ipv6_pinfo {
    struct in6_addr saddr;
};

struct inet_sock {
    struct ipv6_pinfo *pinet6;
    __u32 inet_saddr;
    __u16 inet_sport;
};

struct sockaddr_un {
    __u16 sun_family;
};

struct unix_address {
    int len;
    struct sockaddr_un name[0];
};

struct unix_sock {
    struct unix_address *addr;
    struct sock *peer;
};

struct fdtable {
    unsigned int max_fds;
    struct file **fd;
};

struct files_struct {
    struct fdtable *fdt;
};

struct task_struct;

struct mm_struct {
    struct file *exe_file;
    unsigned long arg_start, arg_end, env_start, env_end;
};

typedef struct {
    unsigned long sig[1];
} sigset_t;

struct list_head {
    struct list_head *next;
};

struct kernel_siginfo {
    int si_signo;
};

struct sigqueue {
    struct list_head list;
    struct kernel_siginfo info;
};

struct sigpending {
    struct list_head list;
    sigset_t signal;
};

struct signal_struct {
    struct sigpending shared_pending;
    struct list_head thread_head;
    atomic_t live;
    int group_exit_code;
    unsigned int flags;
    struct task_struct *group_exec_task;
};

struct task_struct {
    struct thread_info thread_info;
    unsigned int __state;
    unsigned int flags;
    int pid, tgid;
    int exit_state, exit_code;
    __u64 start_boottime;
    char comm[16];
    struct mm_struct *mm;
    struct fs_struct *fs;
    struct files_struct *files;
    struct list_head thread_node;
    struct signal_struct *signal;
    struct sigpending pending;
    const struct cred *cred;
    struct task_struct *real_parent;
    struct task_struct *group_leader;
    struct css_set *cgroups;
};

struct kernfs_node {
    struct kernfs_node *__parent; /* since 6.15 */
    const char *name;
};

struct kernfs_node___6_14 {
    struct kernfs_node *parent;
};

struct cgroup {
    struct kernfs_node *kn;
};

struct css_set {
    struct cgroup *dfl_cgrp; /* in the unified hierarchy */
};

struct linux_binprm {
    const char *filename;
    const char *interp;
    const char *fdpath;
};

struct kernel_clone_args {
    __u32 user_worker;
};

#pragma clang attribute pop

#define IO_WORKER 0x10     /* PF_IO_WORKER */
#define USER_WORKER 0x4000 /* PF_USER_WORKER; before Linux 6.3 another flag had that bit */

/* One of the threads by which the kernel serves a process (io_uring's, vhost's). No fork tells of their birth, they
 * make no calls, and no tracer sees them: they are not told of. */
static __always_inline bool is_of_servant(unsigned int flags)
{
    return flags & (bpf_core_field_exists(struct kernel_clone_args, user_worker) ? USER_WORKER : IO_WORKER);
}

static __always_inline bool is_servant(const struct task_struct *task)
{
    return is_of_servant(task->flags);
}

#endif
