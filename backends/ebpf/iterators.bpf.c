/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The iterators of the initial snapshot: every thread of the machine, every
 * descriptor, as the kernel has them. The caller reads; each program runs once
 * for what it is handed, and writes one entry (iterators.h), or nothing.
 *
 * Others' structures may go while a program looks at them: whatever it was not
 * handed itself is read with probe reads only. bpf_d_path() is for the file
 * that it was handed, which is held.
 *
 * Before they are loaded, the backend sets settings.own_pid and leaves out all
 * maps but `rooms`; before each pass, it sets `only` and `clock_offset`.
 */

#include "files.bpf.h"
#include "sockets.bpf.h"

#include "backends/ebpf/iterators.h"

#define EXITING 0x4              /* PF_EXITING */
#define OF_THE_KERNEL 0x00200000 /* PF_KTHREAD */
#define NEW 0x800                /* TASK_NEW: its birth may not have been told */
#define LED_GROUP 2              /* PIDTYPE_PGID */
#define LED_SESSION 3            /* PIDTYPE_SID */
#define CLOEXEC 02000000
#define PATH_BUFFER 4096 /* as readlink() has it below /proc */
#define WORD_BITS 64

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_iter_meta {
    struct seq_file *seq;
};

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
};

struct bpf_iter__task_file {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
    __u32 fd;
    struct file *file;
};

struct ns_common___snap {
    unsigned int inum;
};

struct pid_namespace___snap {
    struct ns_common___snap ns;
};

struct mnt_namespace___snap {
    struct ns_common___snap ns;
};

struct net___snap {
    struct ns_common___snap ns;
};

struct user_namespace___snap {
    struct ns_common___snap ns;
};

struct nsproxy___snap {
    struct mnt_namespace___snap *mnt_ns;
    struct net___snap *net_ns;
};

struct upid___snap {
    int nr;
    struct pid_namespace___snap *ns;
};

struct pid___snap {
    unsigned int level;
    struct upid___snap numbers[1];
};

struct signal_struct___snap {
    struct pid___snap *pids[4];
};

struct cred___snap {
    struct user_namespace___snap *user_ns;
};

struct fs_struct___snap {
    struct path root, pwd;
};

struct task_struct___snap {
    unsigned int __state;
    int exit_state;
    struct pid___snap *thread_pid;
    struct signal_struct___snap *signal;
    struct nsproxy___snap *nsproxy;
    struct fs_struct___snap *fs;
    const struct cred *real_cred;
};

struct file___snap {
    unsigned int f_flags;
};

struct fdtable___snap {
    unsigned long *close_on_exec;
};

#pragma clang attribute pop

/* Where an entry is built. One reader at a time. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct walk);
} rooms SEC(".maps");

__u32 only;         /* the process to tell of; 0: all */
__u64 clock_offset; /* ns to add to bpf_ktime_get_ns(), as for records */

static __always_inline struct walk *entry_room(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&rooms, &zero);
}

static __always_inline bool is_meant(const struct task_struct *task)
{
    __u32 tgid = task->tgid;

    return tgid != settings.own_pid && (!only || tgid == only) && !is_servant(task);
}

/* The event of its end is past, though perhaps by a moment. */
static __always_inline bool has_ended(const struct task_struct *task)
{
    return BPF_CORE_READ((const struct task_struct___snap *)task, exit_state);
}

static __always_inline bool is_new(const struct task_struct *task)
{
    return BPF_CORE_READ((const struct task_struct___snap *)task, __state) == NEW;
}

/* A leader that makes way for the thread that called exec: its end is not told, and that thread goes on with its id. It
 * may have the id that it has now when this pass comes there, and so be met nowhere. */
static __always_inline bool gives_way(const struct task_struct *task)
{
    return task->pid == task->tgid && BPF_CORE_READ(task, signal, group_exec_task);
}

static __always_inline __u32 phase_of(const struct task_struct *task)
{
    if (task->flags & EXITING && !gives_way(task))
        return SNAP_DEPARTS;
    return is_new(task) ? SNAP_IS_NEW : SNAP_LIVES;
}

/* As the machine's own pid namespace has it. */
static __always_inline __u32 number_of(const struct pid___snap *pid)
{
    return pid ? (__u32)BPF_CORE_READ(pid, numbers[0].nr) : 0;
}

static __always_inline __u64 pid_namespace_of(const struct task_struct___snap *task)
{
    const struct pid___snap *pid = BPF_CORE_READ(task, thread_pid);
    __u64 number = (__u64)pid + bpf_core_field_offset(struct pid___snap, numbers) +
                   (__u64)BPF_CORE_READ(pid, level) * bpf_core_type_size(struct upid___snap);
    const struct pid_namespace___snap *space = BPF_CORE_READ((const struct upid___snap *)number, ns);

    return pid && space ? BPF_CORE_READ(space, ns.inum) : 0;
}

static __always_inline void put_namespaces(struct snap_thread *entry, const struct task_struct___snap *task)
{
    const struct cred___snap *cred = (const struct cred___snap *)BPF_CORE_READ(task, real_cred);

    entry->pid_ns = pid_namespace_of(task);
    entry->mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
    entry->net_ns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
    entry->user_ns = BPF_CORE_READ(cred, user_ns, ns.inum);
}

static __always_inline void put_identity(struct snap_thread *entry, const struct task_struct *task)
{
    const struct task_struct___snap *more = (const struct task_struct___snap *)task;
    const struct cred *cred = BPF_CORE_READ(more, real_cred);

    entry->pid = task->tgid;
    entry->tid = task->pid;
    entry->ppid = BPF_CORE_READ(task, real_parent, tgid);
    entry->pgid = number_of(BPF_CORE_READ(more, signal, pids[LED_GROUP]));
    entry->sid = number_of(BPF_CORE_READ(more, signal, pids[LED_SESSION]));
    entry->uid = BPF_CORE_READ(cred, uid.val);
    entry->euid = BPF_CORE_READ(cred, euid.val);
    entry->gid = BPF_CORE_READ(cred, gid.val);
    entry->egid = BPF_CORE_READ(cred, egid.val);
    entry->start = task->start_boottime;
    BPF_CORE_READ_INTO(&entry->comm, task, comm);
}

/* The path that the walk has found, behind what the room holds already. */
static __always_inline __u16 append_path(struct walk *walk)
{
    __u64 size = at_most(walk->file_size, PATH_MAX_BYTES);

    if (!walk->path_known)
        return 0;
    bpf_probe_read_kernel(room_at(walk, walk->end), size, walk->path + at_most(walk->file_at, PATH_END));
    walk->end += size;
    return size;
}

static __always_inline __u16 append_dir(struct walk *walk, const struct path *dir)
{
    build_path(walk, (__u64)BPF_CORE_READ(dir, mnt), (__u64)BPF_CORE_READ(dir, dentry));
    return append_path(walk);
}

static __always_inline void put_paths(struct walk *walk, struct snap_thread *entry, const struct task_struct *task)
{
    const struct task_struct___snap *more = (const struct task_struct___snap *)task;
    const struct fs_struct___snap *fs = BPF_CORE_READ(more, fs);
    const struct file *exe = task->flags & OF_THE_KERNEL ? NULL : BPF_CORE_READ(task, mm, exe_file);

    entry->exe_size = 0;
    entry->cwd_size = 0;
    entry->root_size = 0;
    if (exe) {
        ask_file(walk, (__u64)exe);
        entry->exe_size = append_path(walk);
    }
    if (!fs)
        return;
    entry->cwd_size = append_dir(walk, &fs->pwd);
    entry->root_size = append_dir(walk, &fs->root);
}

/* An entry that does not fit is asked for again by the kernel: then the caller has made room. */
static __always_inline void write_entry(struct seq_file *seq, struct walk *walk)
{
    __u64 size = at_most((walk->end + 7) & ~7U, RECORD_MAX);

    *(__u32 *)walk->room = size;
    bpf_seq_write(seq, walk->room, size);
}

SEC("iter/task")
int sysfold_snap_thread(struct bpf_iter__task *ctx)
{
    struct seq_file *seq = ctx->meta->seq;
    struct task_struct *task = ctx->task;
    struct snap_thread *entry;
    struct walk *walk;
    __u32 phase;

    if (!task || !is_meant(task))
        return 0;
    phase = phase_of(task);
    if (phase == SNAP_DEPARTS && has_ended(task))
        return 0;
    walk = entry_room();
    if (!walk)
        return 0;
    note_root();
    entry = (struct snap_thread *)walk->room;
    entry->phase = phase;
    walk->end = sizeof(*entry);
    put_identity(entry, task);
    put_namespaces(entry, (const struct task_struct___snap *)task);
    put_paths(walk, entry, task);
    write_entry(seq, walk);
    return 0;
}

/* As fdinfo has them: the descriptor's one flag among the file's. */
static __always_inline __u32 flags_of(const struct task_struct *task, const struct file *file, __u32 fd)
{
    const struct fdtable___snap *table = (const struct fdtable___snap *)BPF_CORE_READ(task, files, fdt);
    const unsigned long *bits = BPF_CORE_READ(table, close_on_exec);
    __u32 flags = BPF_CORE_READ((const struct file___snap *)file, f_flags) & ~CLOEXEC;
    unsigned long word = 0;

    bpf_probe_read_kernel(&word, sizeof(word), bits + fd / WORD_BITS);
    return flags | (word >> fd % WORD_BITS & 1 ? CLOEXEC : 0);
}

/* stat() hides the type that newer kernels give to inodes without one. */
static __always_inline void put_inode(struct snap_fd *entry, const struct inode *inode)
{
    unsigned long magic = BPF_CORE_READ(inode, i_sb, s_magic);

    entry->ino = BPF_CORE_READ(inode, i_ino);
    entry->dev = encode_dev(BPF_CORE_READ(inode, i_sb, s_dev));
    entry->mode = BPF_CORE_READ(inode, i_mode);
    if (magic == ANON_INODES || magic == PID_FS)
        entry->mode &= ~IFMT;
}

static __always_inline __u32 lay_sockets(struct walk *walk, const struct file *file)
{
    const struct socket *socket = (const struct socket *)BPF_CORE_READ(file, private_data);
    const struct sock *sock = BPF_CORE_READ(socket, sk);

    switch (sock ? BPF_CORE_READ(sock, __sk_common.skc_family) : 0) {
    case FAMILY_INET:
        return lay_inet(walk, (__u64)sock, walk->end);
    case FAMILY_INET6:
        return lay_inet6(walk, (__u64)sock, walk->end);
    case FAMILY_UNIX:
        return lay_unix(walk, (__u64)sock, walk->end);
    default:
        return 0;
    }
}

static __always_inline void put_file(struct walk *walk, struct snap_fd *entry, struct file *file)
{
    long size = bpf_d_path(&file->f_path, (char *)walk->room + sizeof(*entry), PATH_BUFFER);

    put_inode(entry, BPF_CORE_READ(file, f_inode));
    entry->path_size = size > 0 && size <= PATH_BUFFER ? size - 1 : 0;
    walk->end = sizeof(*entry) + entry->path_size;
    entry->pair_size = (entry->mode & IFMT) == IFSOCK ? lay_sockets(walk, file) : 0;
    walk->end += entry->pair_size;
}

/* A process's descriptors are its leader's, as long as that has any. */
static __always_inline bool is_bearer(const struct task_struct *task)
{
    return task->pid == task->tgid || !BPF_CORE_READ(task, group_leader, files);
}

/* The file was looked up before the program knew what time it was. It is told only if it is still there. */
static __always_inline bool is_still(const struct task_struct *task, __u32 fd, const struct file *file)
{
    struct file *const *files = BPF_CORE_READ(task, files, fdt, fd);
    const struct file *now = NULL;

    bpf_probe_read_kernel(&now, sizeof(now), files + fd);
    return now == file;
}

SEC("iter/task_file")
int sysfold_snap_fd(struct bpf_iter__task_file *ctx)
{
    struct seq_file *seq = ctx->meta->seq;
    struct task_struct *task = ctx->task;
    struct file *file = ctx->file;
    __u32 fd = ctx->fd;
    struct walk *walk = entry_room();
    struct snap_fd *entry;

    if (!task || !file || !walk || !is_bearer(task))
        return 0;
    entry = (struct snap_fd *)walk->room;
    entry->is_new = is_new(task);
    entry->time = bpf_ktime_get_ns() + clock_offset;
    /* No event of its end, nor of this descriptor's, is older than that. */
    if (!is_meant(task) || task->flags & EXITING || !is_still(task, fd, file))
        return 0;
    entry->pid = task->tgid;
    entry->fd = fd;
    entry->flags = flags_of(task, file, fd);
    put_file(walk, entry, file);
    write_entry(seq, walk);
    return 0;
}
