// SPDX-License-Identifier: Apache-2.0
/* Mounts by descriptor: fsopen, fsconfig, fsmount, fspick, open_tree, move_mount and mount_setattr. */

#include "inside.h"

/* linux/mount.h and sys/mount.h do not go together everywhere. */
#define CLONE_TREE 1
#define OPENS_CLOEXEC O_CLOEXEC
#define MAKES_CLOEXEC 1
#define PICK_EMPTY_PATH 8
#define MOVE_FROM_EMPTY 4
#define RECURSIVE 0x8000
#define NO_SUCH_FLAG 0x40000000
#define ATTR_RDONLY 1
#define ATTR_NOSUID 2
enum { SET_FLAG, SET_STRING, SET_BINARY, SET_PATH, SET_PATH_EMPTY, SET_FD, CREATE, RECONFIGURE };

struct attributes {
    uint64_t set, clear, propagation, userns_fd;
};

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

static struct stat made;

static bool has_all(void)
{
    struct attributes none = {0};
    long fd = syscall(SYS_fsopen, "tmpfs", 0);

    return fd >= 0 && syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &none, sizeof(none)) == 0;
}

static void before(void)
{
    here_find();
    here_make("made", "made", &made);
    if (mkdir("mnt", 0755) < 0 || mkdir("dir", 0755) < 0)
        kit_fail("it cannot make directories");
    inside_need(has_all, "the kernel has no mounts by descriptor, or they are not for everybody");
}
BEFORE(before)

static long configure(void)
{
    long fs = OK(fsopen, "tmpfs", MAKES_CLOEXEC);

    FAILS(ENODEV, fsopen, "no-such-file-system", 0);
    FAILS(EINVAL, fsopen, "tmpfs", NO_SUCH_FLAG);
    FAILS(EFAULT, fsopen, BAD, 0);
    FAILS(EFAULT, fsopen, NULL, 0);
    OK(fsconfig, fs, SET_STRING, "size", "65536", 0);
    OK(fsconfig, fs, SET_STRING, "source", "some\xff source", 0);
    OK(fsconfig, fs, SET_FLAG, "ro", NULL, 0);
    FAILS(EINVAL, fsconfig, fs, SET_STRING, "size", "nonsense", 0);
    FAILS(EINVAL, fsconfig, fs, SET_FLAG, "no-such-option\xff", NULL, 0);
    FAILS(EINVAL, fsconfig, fs, SET_FLAG, NULL, NULL, 0);
    FAILS(EOPNOTSUPP, fsconfig, fs, NO_SUCH_FLAG, NULL, NULL, 0);
    FAILS(EFAULT, fsconfig, fs, SET_FLAG, BAD, NULL, 0);
    FAILS(EFAULT, fsconfig, fs, SET_STRING, "size", BAD, 0);
    FAILS(EINVAL, fsconfig, fs, SET_FD, "fd", NULL, -1);
    FAILS(EINVAL, fsconfig, -1, CREATE, NULL, NULL, 0);
    FAILS(EBADF, fsconfig, 99, CREATE, NULL, NULL, 0);
    FAILS(EINVAL, fsmount, fs, 0, 0); /* not before it is created */
    OK(fsconfig, fs, CREATE, NULL, NULL, 0);
    return fs;
}

static void make_mount(long fs)
{
    long mount = OK(fsmount, fs, MAKES_CLOEXEC, ATTR_NOSUID);
    long pick;

    FAILS(EBADF, fsmount, 99, 0, 0);
    FAILS(EINVAL, fsmount, fs, NO_SUCH_FLAG, 0);
    FAILS(EINVAL, fsmount, fs, 0, NO_SUCH_FLAG);
    OK(close, fs);
    OK(move_mount, mount, "", AT_FDCWD, "mnt", MOVE_FROM_EMPTY);
    FAILS(EINVAL, move_mount, AT_FDCWD, "dir", AT_FDCWD, "mnt", 0);
    FAILS(EINVAL, move_mount, mount, "", AT_FDCWD, "mnt", NO_SUCH_FLAG);
    FAILS(ENOENT, move_mount, mount, "", AT_FDCWD, "mnt", 0);
    FAILS(ENOENT, move_mount, mount, "none", AT_FDCWD, "mnt", 0);
    FAILS(EBADF, move_mount, 99, "x", AT_FDCWD, "mnt", 0);
    FAILS(EFAULT, move_mount, AT_FDCWD, BAD, AT_FDCWD, "mnt", 0);
    FAILS(EFAULT, move_mount, mount, "", AT_FDCWD, BAD, MOVE_FROM_EMPTY);
    pick = OK(fspick, AT_FDCWD, "mnt", MAKES_CLOEXEC);
    OK(fsconfig, pick, SET_FLAG, "rw", NULL, 0);
    OK(fsconfig, pick, RECONFIGURE, NULL, NULL, 0);
    OK(close, pick);
    pick = OK(fspick, mount, "", PICK_EMPTY_PATH);
    OK(close, pick);
    FAILS(ENOENT, fspick, AT_FDCWD, "none", 0);
    FAILS(ENOENT, fspick, mount, "", 0);
    FAILS(EBADF, fspick, 99, "mnt", 0);
    FAILS(EINVAL, fspick, AT_FDCWD, "dir", 0); /* nothing is mounted there */
    FAILS(EINVAL, fspick, AT_FDCWD, "mnt", NO_SUCH_FLAG);
    FAILS(EFAULT, fspick, AT_FDCWD, BAD, 0);
    OK(close, mount);
}

static void change_mount(void)
{
    struct attributes attributes = {.set = ATTR_RDONLY};
    struct attributes impossible = {.set = UINT64_C(1) << 60};

    OK(mount_setattr, AT_FDCWD, "mnt", 0, &attributes, sizeof(attributes));
    OK(mount_setattr, -1, here("mnt"), RECURSIVE, &attributes, sizeof(attributes));
    FAILS(EINVAL, mount_setattr, AT_FDCWD, "mnt", 0, &impossible, sizeof(impossible));
    FAILS(EINVAL, mount_setattr, AT_FDCWD, "mnt", 0, &attributes, sizeof(attributes) - 1);
    FAILS(E2BIG, mount_setattr, AT_FDCWD, "mnt", 0, &attributes, 65536);
    FAILS(EINVAL, mount_setattr, AT_FDCWD, "mnt", NO_SUCH_FLAG, &attributes, sizeof(attributes));
    FAILS(EINVAL, mount_setattr, AT_FDCWD, "dir", 0, &attributes, sizeof(attributes));
    FAILS(ENOENT, mount_setattr, AT_FDCWD, "none", 0, &attributes, sizeof(attributes));
    FAILS(EBADF, mount_setattr, 99, "mnt", 0, &attributes, sizeof(attributes));
    FAILS(EFAULT, mount_setattr, AT_FDCWD, BAD, 0, &attributes, sizeof(attributes));
    FAILS(EFAULT, mount_setattr, AT_FDCWD, "mnt", 0, BAD, sizeof(attributes));
}

static void trees(void)
{
    long tree = OK_SAYING(SAID(TEXT("file", here("mnt"))), open_tree, AT_FDCWD, "mnt", OPENS_CLOEXEC);

    OK(close, tree);
    tree = OK_SAYING(SAID(TEXT("file", here("made")), NUMBER("dev", made.st_dev), NUMBER("ino", made.st_ino)),
                     open_tree, AT_FDCWD, "made", 0);
    OK(close, tree);
    tree = OK(open_tree, AT_FDCWD, "mnt", CLONE_TREE | RECURSIVE);
    OK(move_mount, tree, "", AT_FDCWD, "dir", MOVE_FROM_EMPTY);
    OK(umount2, "dir", MNT_DETACH);
    OK(close, tree);
    FAILS(EINVAL, open_tree, AT_FDCWD, "mnt", NO_SUCH_FLAG);
    FAILS(EINVAL, open_tree, AT_FDCWD, "mnt", RECURSIVE); /* not without a clone */
    FAILS(ENOENT, open_tree, AT_FDCWD, "none", 0);
    FAILS(ENOENT, open_tree, AT_FDCWD, "", CLONE_TREE);
    FAILS(EBADF, open_tree, 99, "mnt", 0);
    FAILS(EFAULT, open_tree, AT_FDCWD, BAD, 0);
    FAILS(EFAULT, open_tree, AT_FDCWD, NULL, 0);
}

static void child(void *data)
{
    (void)data;
    make_mount(configure());
    change_mount();
    trees();
    OK(umount2, "mnt", 0);
    EXIT_GROUP(0);
}

SCENARIO
{
    if (kit_reap(kit_clone(INSIDE, child, NULL)))
        kit_fail("the child did not end well");
}
