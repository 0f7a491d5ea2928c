// SPDX-License-Identifier: Apache-2.0
/* mount, umount2 and chroot, by a child in namespaces of its own. */

#include "inside.h"

static char long_options[5000];

static void before(void)
{
    memset(long_options, 'x', sizeof(long_options) - 1);
    struct stat made;

    here_find();
    here_make("made", "made", &made);
    if (mkdir("mnt", 0755) < 0 || mkdir("dir", 0755) < 0 || symlink("mnt", "link") < 0)
        kit_fail("it cannot make directories and a link");
    inside_need(inside_tmpfs, "nobody may mount anything here, not even in a user namespace");
}
BEFORE(before)

static void mounts(void)
{
    OK(mount, "some\xff source", "mnt", "tmpfs", MS_NOSUID | MS_NODEV, "size=65536");
    FAILS(EINVAL, mount, NULL, "mnt", NULL, MS_REMOUNT, "size=nonsense");
    OK(mount, NULL, "mnt", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_RDONLY, NULL);
    OK(mount, "dir", here("mnt"), "", MS_BIND, NULL);
    OK(mount, "", "mnt", "none", MS_PRIVATE, NULL);
    FAILS(ENOENT, mount, "tmpfs", "none", "tmpfs", 0, NULL);
    FAILS(ENOENT, mount, "tmpfs", "", "tmpfs", 0, NULL);
    FAILS(ENODEV, mount, "tmpfs", "mnt", "no-such-file-system", 0, NULL);
    FAILS(ENOENT, mount, "none", "mnt", NULL, MS_BIND, NULL);
    FAILS(ENOTDIR, mount, "tmpfs", "made", "tmpfs", 0, NULL);
    FAILS(EFAULT, mount, BAD, "mnt", "tmpfs", 0, NULL);
    FAILS(EFAULT, mount, "tmpfs", BAD, "tmpfs", 0, NULL);
    FAILS(EFAULT, mount, "tmpfs", NULL, "tmpfs", 0, NULL);
    FAILS(EFAULT, mount, "tmpfs", "mnt", BAD, 0, NULL);
    FAILS(EFAULT, mount, "tmpfs", "mnt", "tmpfs", 0, BAD);
}

/* Strings that end where memory does, and options of more than a page. */
static void mount_at_edges(void)
{
    memcpy(kit_at_edge(6), "tmpfs", 6);
    OK(mount, "source", "dir", kit_at_edge(6), 0, NULL);
    memcpy(kit_at_edge(10), "size=4096", 10);
    OK(mount, "source", "dir", "tmpfs", 0, kit_at_edge(10));
    memcpy(kit_at_edge(4), "dir", 4);
    OK(umount2, kit_at_edge(4), 0);
    OK(umount2, "dir", 0);
    memcpy(kit_at_edge(5), "tmpfs", 5);
    FAILS(EFAULT, mount, "source", "dir", kit_at_edge(5), 0, NULL);
    FAILS(EFAULT, mount, kit_at_edge(5), "dir", "tmpfs", 0, NULL);
    FAILS(EINVAL, mount, "source", "dir", "tmpfs", 0, long_options);
}

static void unmounts(void)
{
    FAILS(EINVAL, umount2, "link", UMOUNT_NOFOLLOW);
    OK(umount2, "link", 0);
    FAILS(EAGAIN, umount2, "mnt", MNT_EXPIRE); /* marked; the next such call would do it */
    OK(umount2, here("mnt"), MNT_DETACH);
    FAILS(EINVAL, umount2, "mnt", 0);
    FAILS(EINVAL, umount2, "mnt", 0x40000000);
    FAILS(EINVAL, umount2, "dir", MNT_DETACH);
    FAILS(ENOENT, umount2, "none", 0);
    FAILS(ENOENT, umount2, "", 0);
    FAILS(EFAULT, umount2, BAD, 0);
    FAILS(EFAULT, umount2, NULL, 0);
}

static void roots(void)
{
    char path[PATH_MAX];
    long fd;

    FAILS(ENOENT, chroot, "none");
    FAILS(ENOENT, chroot, "");
    FAILS(ENOTDIR, chroot, "made");
    FAILS(EFAULT, chroot, BAD);
    FAILS(EFAULT, chroot, NULL);
    OK(chroot, "dir");
    OK(getcwd, path, sizeof(path)); /* "(unreachable)": the working directory is not below the root */
    OK(chdir, "/");
    OK(getcwd, path, sizeof(path));
    fd = OK(open, "/new", O_RDWR | O_CREAT, 0600); /* whose path depends on who looks */
    OK(close, fd);
    OK(unlink, "/new");
    FAILS(ENOENT, stat, here("made"), path);
}

static void child(void *data)
{
    (void)data;
    mounts();
    unmounts();
    mount_at_edges();
    roots();
    EXIT_GROUP(0);
}

SCENARIO
{
    if (kit_reap(kit_clone(INSIDE, child, NULL)))
        kit_fail("the child did not end well");
    OK(stat, "made", &(struct stat){0});
}
