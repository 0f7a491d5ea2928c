// SPDX-License-Identifier: Apache-2.0
/* Registers are wider than most arguments: what is above an int, or above a mode's sixteen bits, does not count. */

#include <sys/xattr.h>

#include "here.h"

#define ABOVE UINT64_C(0x5a5a5a5a00000000)
#define WIDE(value) (ABOVE | (uint32_t)(value))
#define WIDE_MODE(value) (ABOVE | 0xffff0000 | (value))

static void before(void)
{
    struct stat made;

    here_find();
    here_make("made", "made", &made);
    if (mkdir("dir", 0755) < 0 || symlink("../made", "dir/link") < 0)
        kit_fail("it cannot make a directory and a link");
}
BEFORE(before)

static void opened(long dir)
{
    long fd = OK_SAYING(SAID(TEXT("file", here("made"))), open, "made", WIDE(O_RDONLY), ABOVE);

    OK(close, WIDE(fd));
    fd = OK_SAYING(SAID(TEXT("file", here("new"))), openat, WIDE(AT_FDCWD), "new", WIDE(O_RDWR | O_CREAT),
                   WIDE_MODE(0640));
    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", here("made"))), openat, WIDE(dir), "link", WIDE(O_RDONLY), 0);
    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", here("other"))), creat, "other", WIDE_MODE(0604));
    OK(close, fd);
    FAILS(EBADF, openat, WIDE(99), "link", O_RDONLY, 0);
    FAILS(EBADF, openat, WIDE(-1), "link", O_RDONLY, 0);
}

static void looked_at(long dir)
{
    struct stat status;
    char target[64];

    OK(newfstatat, WIDE(dir), "link", &status, WIDE(AT_SYMLINK_NOFOLLOW));
    OK(access, "made", WIDE(R_OK));
    OK(faccessat, WIDE(dir), "link", WIDE(W_OK));
    OK(readlink, "dir/link", target, WIDE(3));
    FAILS(EINVAL, readlink, "dir/link", target, ABOVE);
    OK(readlinkat, WIDE(dir), "link", target, WIDE(sizeof(target)));
    FAILS(EINVAL, readlinkat, WIDE(dir), "link", target, WIDE(-1));
}

static void changed(long dir)
{
    OK(chmod, "made", WIDE_MODE(0640));
    OK(fchmodat, WIDE(dir), "link", WIDE_MODE(0600));
    OK(chown, "made", WIDE(-1), WIDE(-1));
    OK(fchownat, WIDE(dir), "link", WIDE(-1), WIDE(-1), WIDE(AT_SYMLINK_NOFOLLOW));
    OK(utimensat, WIDE(dir), "link", NULL, WIDE(AT_SYMLINK_NOFOLLOW));
    FAILS(EINVAL, truncate, "made", INT64_MIN | 1); /* a length is as wide as a register */
    TRY(setxattr, "made", "user.wide", "x", 1, WIDE(XATTR_CREATE));
}

static void named(long dir)
{
    OK(mkdirat, WIDE(dir), "sub", WIDE_MODE(0711));
    OK(mknodat, WIDE(dir), "fifo", WIDE_MODE(S_IFIFO | 0600), WIDE(0x10307));
    OK(linkat, WIDE(dir), "fifo", WIDE(dir), "pipe", WIDE(0));
    OK(renameat, WIDE(dir), "pipe", WIDE(AT_FDCWD), "pipe");
    OK(symlinkat, "nowhere", WIDE(dir), "lost");
    OK(unlinkat, WIDE(dir), "sub", WIDE(AT_REMOVEDIR));
    FAILS(ENOENT, unlinkat, WIDE(AT_FDCWD), "lost", WIDE(0));
}

SCENARIO
{
    long dir = OK(open, "dir", O_RDONLY | O_DIRECTORY, 0);

    opened(dir);
    looked_at(dir);
    changed(dir);
    named(dir);
    OK(close, dir);
}
