// SPDX-License-Identifier: Apache-2.0
/* rename, renameat and renameat2. */

#include "here.h"

#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2

static void before(void)
{
    struct stat made;

    here_find();
    here_make("a", "a", &made);
    here_make("b", "b", &made);
    if (mkdir("dir", 0755) < 0 || mkdir("dir/sub", 0755) < 0)
        kit_fail("it cannot make a directory");
}
BEFORE(before)

static void by_path(void)
{
    OK(rename, "a", "c");
    OK(rename, "c", here("a"));
    OK(rename, "a", "odd\x80\x01name");
    OK(rename, "odd\x80\x01name", "a");
    OK(rename, "a", "a");
    FAILS(ENOENT, rename, "none", "c");
    FAILS(ENOENT, rename, "a", "none/c");
    FAILS(EISDIR, rename, "a", "dir/sub");
    FAILS(ENOTDIR, rename, "dir", "a");
    FAILS(EINVAL, rename, "dir", "dir/sub/below");
    FAILS(EFAULT, rename, BAD, "c");
    FAILS(EFAULT, rename, "a", BAD);
    FAILS(EFAULT, rename, NULL, NULL);
    FAILS(ENOENT, rename, "", "");
}

static void relative(long dir)
{
    OK(renameat, AT_FDCWD, "a", dir, "inner");
    OK(renameat, dir, "inner", dir, "sub/inner");
    OK(renameat, dir, "sub/inner", AT_FDCWD, "a");
    FAILS(ENOENT, renameat, dir, "inner", AT_FDCWD, "a");
    FAILS(EBADF, renameat, 99, "a", dir, "x");
    FAILS(EBADF, renameat, AT_FDCWD, "a", 99, "x");
    FAILS(EFAULT, renameat, dir, BAD, dir, "x");
    FAILS(EFAULT, renameat, AT_FDCWD, "a", dir, BAD);
}

static void with_flags(long dir)
{
    OK(renameat2, AT_FDCWD, "a", dir, "inner", 0);
    FAILS(EEXIST, renameat2, AT_FDCWD, "b", dir, "inner", RENAME_NOREPLACE);
    TRY(renameat2, AT_FDCWD, "b", dir, "fresh", RENAME_NOREPLACE); /* not every file system has it */
    TRY(renameat2, dir, "fresh", dir, "inner", RENAME_EXCHANGE);
    FAILS(EINVAL, renameat2, dir, "inner", dir, "fresh", RENAME_NOREPLACE | RENAME_EXCHANGE);
    FAILS(EINVAL, renameat2, dir, "inner", dir, "fresh", 0x40000000);
    FAILS(ENOENT, renameat2, dir, "", dir, "fresh", 0);
    FAILS(EFAULT, renameat2, dir, NULL, dir, "fresh", 0);
    FAILS(EFAULT, renameat2, dir, "inner", dir, BAD, 0);
}

SCENARIO
{
    long dir = OK(open, "dir", O_PATH | O_DIRECTORY, 0);

    by_path();
    relative(dir);
    with_flags(dir);
    OK(close, dir);
}
