/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef SYSFOLD_EBPF_FILES_BPF_H
#define SYSFOLD_EBPF_FILES_BPF_H

/* Files as the kernel knows them: device, inode, and the path as /proc shows it. */

#include "walk.bpf.h"

#define STEPS_MAX 256 /* names and mount points on the way to the root */
#define PIPEFS 0x50495045
#define SOCKFS 0x534f434b
#define ANON_INODES 0x09041934
#define NSFS 0x6e736673
#define PID_FS 0x50494446
#define IFMT 0170000
#define NAME_ROOM 64
#define NAME_AT (PATH_END - NAME_ROOM)

static __always_inline struct mount *mount_of(const struct vfsmount *inner)
{
    return (struct mount *)((__u64)inner - bpf_core_field_offset(struct mount, mnt));
}

/* As new_encode_dev() has it, of the kernel's own 12 bits of major and 20 of minor. */
static __always_inline __u32 encode_dev(__u32 dev)
{
    __u32 major = dev >> 20, minor = dev & 0xfffff;

    return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

static __always_inline void prepend(struct walk *walk, const void *name, __u32 length)
{
    __u64 size = at_most(length, NAME_MAX_BYTES);

    walk->file_at -= size;
    bpf_probe_read_kernel(walk->path + at_most(walk->file_at, PATH_END), size, name);
}

static __always_inline void prepend_slash(struct walk *walk)
{
    walk->file_at--;
    walk->path[at_most(walk->file_at, PATH_END)] = '/';
}

/* Where the recorder's paths begin, which it may have changed by chroot(): a struct mount, and a dentry. 0: not
 * known. */
__u64 root_mount = 0, root_dentry = 0;

/* One name, or from a mounted root to what it is mounted on. Returns whether to go on. */
__noinline int path_step(struct walk *walk)
{
    const struct dentry *dentry, *parent;
    const struct mount *mount, *below;

    if (!walk)
        return 0;
    dentry = (const struct dentry *)walk->dentry;
    mount = (const struct mount *)walk->mount;
    if (walk->dentry == root_dentry && walk->mount == root_mount) {
        walk->path_known = true;
        return 0;
    }
    if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
        below = BPF_CORE_READ(mount, mnt_parent);
        walk->path_known = below == mount;
        if (walk->path_known)
            return 0;
        walk->dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
        walk->mount = (__u64)below;
        return walk->mount != 0;
    }
    parent = BPF_CORE_READ(dentry, d_parent);
    if (parent == dentry && walk->is_lone) { /* a memfd: nothing above it, and unlinked from the beginning */
        prepend(walk, BPF_CORE_READ(dentry, d_name.name), BPF_CORE_READ(dentry, d_name.len));
        prepend_slash(walk);
        walk->path_known = true;
        return 0;
    }
    if (!parent || parent == dentry || walk->file_at < PATH_END - PATH_MAX_BYTES)
        return 0;
    prepend(walk, BPF_CORE_READ(dentry, d_name.name), BPF_CORE_READ(dentry, d_name.len));
    prepend_slash(walk);
    walk->dentry = (__u64)parent;
    return 1;
}

static __always_inline void note_root(void)
{
    const struct task_struct *task = bpf_get_current_task_btf();

    root_mount = (__u64)mount_of(BPF_CORE_READ(task, fs, root.mnt));
    root_dentry = (__u64)BPF_CORE_READ(task, fs, root.dentry);
}

/* The path behind `inner` and `dentry`, into path[]; path_known says whether it was had. */
__noinline int build_path(struct walk *walk, __u64 inner, __u64 address)
{
    const struct dentry *dentry = (const struct dentry *)address;
    __u32 unlinked_end = PATH_END;

    if (!walk)
        return 0;
    walk->path_known = false;
    walk->file_at = PATH_END;
    walk->mount = (__u64)mount_of((const struct vfsmount *)inner);
    walk->dentry = address;
    walk->is_lone =
        BPF_CORE_READ(dentry, d_parent) == dentry && BPF_CORE_READ((struct vfsmount *)inner, mnt_root) != dentry;
    if (walk->is_lone || (!BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry))
        prepend(walk, " (deleted)", 10);
    unlinked_end = walk->file_at;
    for (int i = 0; i < STEPS_MAX; i++) {
        if (!path_step(walk))
            break;
    }
    if (walk->file_at == unlinked_end)
        prepend_slash(walk);
    walk->file_size = PATH_END - walk->file_at;
    if (walk->file_size >= PATH_MAX_BYTES)
        walk->path_known = false;
    return 0;
}

/* Made with bpf_snprintf(), which wants its formats in read-only data. */
static const char pipe_format[] = "pipe:[%lu]";
static const char socket_format[] = "socket:[%lu]";
static const char anonymous_format[] = "anon_inode:%s";
static const char namespace_format[] = "%s:[%lu]";
static const char pidfd_format[] = "anon_inode:[pidfd]";

/* The name that /proc gives to a file of a file system that is mounted nowhere. 0: it is none of these. */
static __always_inline long format_name(char *to, unsigned long magic, const struct file *file)
{
    const struct inode *inode = BPF_CORE_READ(file, f_inode);
    const struct ns_common *ns;
    __u64 values[2] = {BPF_CORE_READ(inode, i_ino), 0};

    switch (magic) {
    case PIPEFS:
        return bpf_snprintf(to, NAME_ROOM, pipe_format, values, sizeof(values[0]));
    case SOCKFS:
        return bpf_snprintf(to, NAME_ROOM, socket_format, values, sizeof(values[0]));
    case PID_FS:
        return bpf_snprintf(to, NAME_ROOM, pidfd_format, NULL, 0);
    case ANON_INODES:
        values[0] = (__u64)BPF_CORE_READ(file, f_path.dentry, d_name.name);
        return bpf_snprintf(to, NAME_ROOM, anonymous_format, values, sizeof(values[0]));
    case NSFS:
        ns = (const struct ns_common *)BPF_CORE_READ(inode, i_private);
        values[1] = values[0];
        values[0] = (__u64)BPF_CORE_READ(ns, ops, name);
        return bpf_snprintf(to, NAME_ROOM, namespace_format, values, sizeof(values));
    default:
        return 0;
    }
}

/* Into path[]; whether it is done. */
__noinline int build_name(struct walk *walk, __u64 address, __u64 magic)
{
    long size;

    if (!walk)
        return 0;
    size = format_name((char *)walk->path + NAME_AT, magic, (const struct file *)address);
    walk->path_known = size > 1 && size <= NAME_ROOM;
    walk->file_at = NAME_AT;
    walk->file_size = size - 1;
    return walk->path_known;
}

/* Fills file_* of `walk`. */
__noinline int ask_file(struct walk *walk, __u64 address)
{
    const struct file *file = (const struct file *)address;
    const struct super_block *super;
    const struct inode *inode;

    if (!walk)
        return 0;
    walk->file_known = false;
    walk->path_known = false;
    if (!file)
        return 0;
    inode = BPF_CORE_READ(file, f_inode);
    super = BPF_CORE_READ(inode, i_sb);
    if (!super)
        return 0;
    walk->file_known = true;
    walk->file_ino = BPF_CORE_READ(inode, i_ino);
    walk->file_dev = encode_dev(BPF_CORE_READ(super, s_dev));
    if (!build_name(walk, address, BPF_CORE_READ(super, s_magic)))
        build_path(walk, (__u64)BPF_CORE_READ(file, f_path.mnt), (__u64)BPF_CORE_READ(file, f_path.dentry));
    return 0;
}

/* The file behind a descriptor of the current process; 0 for none. */
static __always_inline __u64 file_at(__s32 fd)
{
    struct task_struct *task = bpf_get_current_task_btf();
    const struct fdtable *table = task->files->fdt;
    struct file *file = NULL;

    if (fd < 0 || (__u32)fd >= BPF_CORE_READ(table, max_fds))
        return 0;
    bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
    return (__u64)file;
}

#define CGROUPS_MAX 32 /* below each other */
#define CGROUP_PATH_MAX 2048

static __always_inline const struct kernfs_node *cgroup_above(const struct kernfs_node *node)
{
    const struct kernfs_node___6_14 *older = (const void *)node;

    if (bpf_core_field_exists(node->__parent))
        return BPF_CORE_READ(node, __parent);
    return BPF_CORE_READ(older, parent);
}

/* One name, unless it is the root's. Returns whether to go on. */
__noinline int cgroup_step(struct walk *walk)
{
    const struct kernfs_node *node, *above;
    long size;

    if (!walk)
        return 0;
    node = (const struct kernfs_node *)walk->dentry;
    above = cgroup_above(node);
    walk->path_known = !above;
    if (!above || walk->file_at < PATH_END - CGROUP_PATH_MAX)
        return 0;
    /* The beginning of path[] is too far down for this path, and good to find a length by. */
    size = bpf_probe_read_kernel_str(walk->path, NAME_MAX_BYTES + 1, BPF_CORE_READ(node, name));
    if (size <= 1)
        return 0;
    prepend(walk, walk->path, size - 1);
    prepend_slash(walk);
    walk->dentry = (__u64)above;
    return 1;
}

/* The task's cgroup in the unified hierarchy, into path[]; path_known says whether it was had. */
__noinline int build_cgroup(struct walk *walk)
{
    const struct task_struct *task = bpf_get_current_task_btf();

    if (!walk)
        return 0;
    walk->path_known = false;
    walk->file_at = PATH_END;
    if (!bpf_core_field_exists(task->cgroups))
        return 0;
    walk->dentry = (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
    for (int i = 0; walk->dentry && i < CGROUPS_MAX; i++) {
        if (!cgroup_step(walk))
            break;
    }
    if (walk->file_at == PATH_END)
        prepend_slash(walk);
    walk->file_size = PATH_END - walk->file_at;
    return 0;
}

/* The path in path[], as a variable parameter: empty where it is the very string that the caller gave. */
__noinline int put_path(struct walk *walk, __u32 index, __u32 room)
{
    __u32 at, kept;
    __u64 size;

    if (!walk)
        return 0;
    at = walk->end + sizeof(__u16);
    kept = walk->file_size < room ? walk->file_size : room;
    size = at_most(kept, PATH_MAX_BYTES);
    bpf_probe_read_kernel(room_at(walk, at), size, walk->path + at_most(walk->file_at, PATH_END));
    if (walk->given_at && walk->given_size == size && is_same(walk, at, walk->given_at, size))
        end_variable(walk, index, 0, false);
    else
        end_variable(walk, index, size, size < walk->file_size);
    return 0;
}

#endif
