// SPDX-License-Identifier: Apache-2.0
/* Other names for a file: link, symlink, readlink, unlink and their relatives with directories. */

#include "here.h"

#define AT_NO_SUCH_FLAG 0x40000000

static void before(void)
{
    struct stat made;

    here_find();
    here_make("made", "made", &made);
    if (mkdir("dir", 0755) < 0)
        kit_fail("it cannot make a directory");
}
BEFORE(before)

static void hard(long dir)
{
    OK(link, "made", "hard");
    FAILS(EEXIST, link, "made", "hard");
    FAILS(ENOENT, link, "none", "x");
    FAILS(ENOENT, link, "made", "none/x");
    FAILS(EPERM, link, "dir", "x");
    FAILS(EFAULT, link, BAD, "x");
    FAILS(EFAULT, link, "made", BAD);
    OK(linkat, AT_FDCWD, "made", dir, "hard", 0);
    OK(linkat, dir, "hard", dir, here("hard2"), AT_SYMLINK_FOLLOW);
    FAILS(EEXIST, linkat, dir, "hard", AT_FDCWD, "hard", 0);
    FAILS(EBADF, linkat, 99, "made", dir, "x", 0);
    FAILS(EBADF, linkat, AT_FDCWD, "made", 99, "x", 0);
    FAILS(EINVAL, linkat, AT_FDCWD, "made", dir, "x", AT_NO_SUCH_FLAG);
    FAILS(EFAULT, linkat, dir, NULL, dir, "x", 0);
}

static void symbolic(long dir)
{
    OK(symlink, "made", "soft");
    OK(symlink, "not\x80\xff utf-8", "soft\xfe");
    FAILS(EEXIST, symlink, "made", "soft");
    FAILS(ENOENT, symlink, "", "x");
    FAILS(ENOENT, symlink, "made", "none/x");
    FAILS(EFAULT, symlink, NULL, "x");
    FAILS(EFAULT, symlink, "made", BAD);
    OK(symlinkat, "../made", dir, "soft");
    OK(symlinkat, "nowhere/at/all", AT_FDCWD, "dangling");
    FAILS(EEXIST, symlinkat, "made", dir, "soft");
    FAILS(EBADF, symlinkat, "made", 99, "x");
    FAILS(ENOENT, symlinkat, "", dir, "x");
    FAILS(EFAULT, symlinkat, "made", dir, NULL);
}

static void read_links(long dir)
{
    char target[64];

    OK(readlink, "soft", target, sizeof(target));
    OK(readlink, "soft\xfe", target, sizeof(target));
    OK(readlink, "soft", target, 2); /* cut by the kernel, and nobody is told */
    OK(readlink, "soft", kit_at_edge(4), sizeof(target));
    FAILS(EFAULT, readlink, "soft", kit_at_edge(3), 4);
    FAILS(EFAULT, readlink, "soft", BAD, 1);
    FAILS(EINVAL, readlink, "soft", target, 0);
    FAILS(EINVAL, readlink, "soft", target, -1);
    FAILS(EINVAL, readlink, "made", target, sizeof(target));
    FAILS(ENOENT, readlink, "none", target, sizeof(target));
    FAILS(EFAULT, readlink, BAD, target, sizeof(target));
    OK(readlinkat, dir, "soft", target, sizeof(target));
    OK(readlinkat, AT_FDCWD, "dangling", target, 1);
    FAILS(EINVAL, readlinkat, dir, ".", target, sizeof(target));
    FAILS(EBADF, readlinkat, 99, "soft", target, sizeof(target));
    FAILS(ENOENT, readlinkat, dir, "", target, sizeof(target));
    FAILS(EFAULT, readlinkat, dir, "soft", NULL, sizeof(target));
}

/* What a link leads to may be long, and need not be a path. */
static void read_long_link(void)
{
    static char far[1001], target[PATH_MAX];

    memset(far, '/', sizeof(far) - 1);
    OK(symlink, far, "far");
    OK(readlink, "far", target, sizeof(target));
    OK(readlink, "far", target, sizeof(far) - 1);
    OK(readlink, "far", target, 81);
    memcpy(kit_at_edge(4), "far", 4);
    OK(readlink, kit_at_edge(4), target, sizeof(target));
    OK(unlink, kit_at_edge(4));
}

/* A link itself, by a descriptor and an empty path. */
static void read_open_link(long dir)
{
    char target[64];
    long fd = OK(openat, dir, "soft", O_PATH | O_NOFOLLOW, 0);

    OK(readlinkat, fd, "", target, sizeof(target));
    OK(close, fd);
}

static void remove_links(long dir)
{
    OK(unlink, "hard");
    OK(unlink, "soft");
    OK(unlink, "soft\xfe");
    FAILS(ENOENT, unlink, "hard");
    FAILS(EISDIR, unlink, "dir");
    FAILS(ENOTDIR, unlink, "made/x");
    FAILS(EFAULT, unlink, BAD);
    OK(unlinkat, dir, "hard", 0);
    OK(unlinkat, dir, "../hard2", 0);
    FAILS(ENOENT, unlinkat, dir, "hard", 0);
    FAILS(EISDIR, unlinkat, AT_FDCWD, "dir", 0);
    FAILS(ENOTEMPTY, unlinkat, AT_FDCWD, "dir", AT_REMOVEDIR);
    OK(unlinkat, dir, "soft", 0);
    OK(unlinkat, AT_FDCWD, "dir", AT_REMOVEDIR);
    FAILS(ENOTDIR, unlinkat, AT_FDCWD, "made", AT_REMOVEDIR);
    FAILS(EINVAL, unlinkat, AT_FDCWD, "made", AT_NO_SUCH_FLAG);
    FAILS(EBADF, unlinkat, 99, "made", 0);
    FAILS(EFAULT, unlinkat, dir, BAD, 0);
}

SCENARIO
{
    long dir = OK(open, "dir", O_PATH | O_DIRECTORY, 0);

    hard(dir);
    symbolic(dir);
    read_links(dir);
    read_long_link();
    read_open_link(dir);
    remove_links(dir);
    OK(close, dir);
}
