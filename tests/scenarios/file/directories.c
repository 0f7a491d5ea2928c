// SPDX-License-Identifier: Apache-2.0
/* Directories and the working directory: mkdir, rmdir, chdir, getcwd; and the other nodes, by mknod. */

#include "here.h"

#define DEVICE 0x10307 /* to which a FIFO pays no heed */

static void before(void)
{
    struct stat made;

    here_find();
    here_make("made", "made", &made);
}
BEFORE(before)

static void make(long dir)
{
    OK(mkdir, "one", 0750);
    OK(mkdir, here("one/two"), 01777);
    OK(mkdir, "\xc3\x28\xff", 0700);
    FAILS(EEXIST, mkdir, "one", 0755);
    FAILS(EEXIST, mkdir, ".", 0755);
    FAILS(ENOENT, mkdir, "none/x", 0755);
    FAILS(ENOENT, mkdir, "", 0755);
    FAILS(ENOTDIR, mkdir, "made/x", 0755);
    FAILS(EFAULT, mkdir, BAD, 0755);
    OK(mkdirat, dir, "three", 0755);
    OK(mkdirat, dir, "three/four/", 02755);
    FAILS(EEXIST, mkdirat, dir, "three", 0755);
    FAILS(EBADF, mkdirat, 99, "x", 0755);
    FAILS(EFAULT, mkdirat, dir, NULL, 0755);
}

static void make_nodes(long dir)
{
    OK(mknod, "fifo", S_IFIFO | 0640, DEVICE);
    OK(mknod, "plain", S_IFREG | 0600, 0);
    OK(mknod, "socket", S_IFSOCK | 0600, 0);
    OK(mknod, "plain2", 0644, 0); /* no kind: a regular file */
    FAILS(EEXIST, mknod, "fifo", S_IFIFO | 0600, 0);
    FAILS(EPERM, mknod, "x", S_IFDIR | 0700, 0);
    FAILS(EINVAL, mknod, "x", 0150000, 0);
    FAILS(ENOENT, mknod, "none/x", S_IFIFO | 0600, 0);
    FAILS(EFAULT, mknod, BAD, S_IFIFO | 0600, 0);
    OK(mknodat, dir, "three/fifo", S_IFIFO | 0600, 0);
    FAILS(EEXIST, mknodat, AT_FDCWD, "fifo", S_IFIFO | 0600, DEVICE);
    FAILS(EBADF, mknodat, 99, "x", S_IFIFO | 0600, 0);
    FAILS(EFAULT, mknodat, dir, NULL, S_IFIFO | 0600, 0);
}

static void walk(void)
{
    char path[PATH_MAX];
    size_t length = strlen(here_directory) + 1;

    OK(getcwd, path, sizeof(path));
    OK(chdir, "one/two");
    OK(getcwd, path, sizeof(path));
    FAILS(ENOENT, chdir, "two");
    FAILS(ENOTDIR, chdir, "../../made");
    FAILS(ENOENT, chdir, "");
    FAILS(EFAULT, chdir, NULL);
    OK(chdir, "/");
    OK(getcwd, path, 2);
    FAILS(ERANGE, getcwd, path, 1);
    FAILS(ERANGE, getcwd, path, 0);
    OK(chdir, here(""));
    OK(getcwd, kit_at_edge(length), length);
    OK(getcwd, kit_at_edge(length), PATH_MAX);
    FAILS(ERANGE, getcwd, path, length - 1);
    FAILS(EFAULT, getcwd, kit_at_edge(length - 1), length);
    FAILS(EFAULT, getcwd, BAD, PATH_MAX);
    FAILS(EFAULT, getcwd, NULL, PATH_MAX);
}

/* A directory that is no more, and its name. */
static void stay_behind(void)
{
    char path[PATH_MAX];

    OK(mkdir, "gone", 0700);
    OK(chdir, "gone");
    OK(rmdir, "../gone");
    FAILS(ENOENT, getcwd, path, sizeof(path));
    FAILS(ENOENT, mkdir, "x", 0700);
    OK(chdir, here_directory);
}

SCENARIO
{
    long dir;

    OK(mkdir, "dir", 0777);
    dir = OK(open, "dir", O_RDONLY | O_DIRECTORY, 0);
    make(dir);
    make_nodes(dir);
    walk();
    stay_behind();
    FAILS(ENOTEMPTY, rmdir, "one");
    OK(rmdir, "one/two");
    OK(rmdir, "one/");
    FAILS(ENOENT, rmdir, "one");
    FAILS(EINVAL, rmdir, "dir/.");
    FAILS(ENOTDIR, rmdir, "made");
    FAILS(EFAULT, rmdir, BAD);
    OK(close, dir);
}
