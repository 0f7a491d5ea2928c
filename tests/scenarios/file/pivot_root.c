// SPDX-License-Identifier: Apache-2.0
/* pivot_root, by a child in namespaces of its own. */

#include "inside.h"

static bool pivots(void)
{
    return inside_tmpfs() && chdir("mnt") == 0 && syscall(SYS_pivot_root, ".", ".") == 0;
}

static void before(void)
{
    struct stat made;

    here_make("made", "made", &made);
    if (mkdir("mnt", 0755) < 0 || mkdir("dir", 0755) < 0)
        kit_fail("it cannot make directories");
    inside_need(pivots, "the root cannot be exchanged here, not even in a user namespace");
}
BEFORE(before)

static void child(void *data)
{
    char path[PATH_MAX];

    (void)data;
    OK(mount, "tmpfs", "mnt", "tmpfs", 0, NULL);
    FAILS(ENOENT, pivot_root, "none", "dir");
    FAILS(ENOENT, pivot_root, "mnt", "none");
    FAILS(ENOENT, pivot_root, "", "");
    FAILS(ENOTDIR, pivot_root, "made", "mnt");
    FAILS(EBUSY, pivot_root, "mnt", "/"); /* which is the root as it is */
    FAILS(EFAULT, pivot_root, BAD, "mnt");
    FAILS(EFAULT, pivot_root, "mnt", BAD);
    FAILS(EFAULT, pivot_root, NULL, NULL);
    OK(chdir, "mnt");
    OK(pivot_root, ".", ".");
    OK(umount2, ".", MNT_DETACH); /* the old root, which lies above the new one */
    OK(getcwd, path, sizeof(path));
    FAILS(ENOENT, stat, "/mnt", path);
    EXIT_GROUP(0);
}

SCENARIO
{
    if (kit_reap(kit_clone(INSIDE, child, NULL)))
        kit_fail("the child did not end well");
    OK(stat, "made", &(struct stat){0});
}
