// SPDX-License-Identifier: Apache-2.0
/* What a file is: stat, lstat, newfstatat, statx, access, faccessat, statfs. */

#include <sys/statfs.h>

#include "here.h"

#define AT_NO_SUCH_FLAG 0x40000000

static struct stat made;

static void before(void)
{
    here_find();
    here_make("made", "made", &made);
    if (mkdir("dir", 0755) < 0 || symlink("none", "dangling") < 0)
        kit_fail("it cannot make a directory and a link");
}
BEFORE(before)

static void status_by_path(void)
{
    struct stat status;

    OK(stat, "made", &status);
    OK(stat, here("made"), &status);
    OK(stat, "/", kit_at_edge(sizeof(status)));
    FAILS(ENOENT, stat, "dangling", &status);
    FAILS(ENOENT, stat, "", &status);
    FAILS(ENOTDIR, stat, "made/", &status);
    FAILS(EFAULT, stat, "made", BAD);
    FAILS(EFAULT, stat, "made", NULL);
    FAILS(EFAULT, stat, "made", kit_at_edge(sizeof(status) - 1));
    FAILS(EFAULT, stat, BAD, &status);
    OK(lstat, "dangling", &status);
    FAILS(ENOENT, lstat, "none", &status);
    FAILS(EFAULT, lstat, "made", BAD);
}

static void status_relative(long dir)
{
    struct stat status;

    OK(newfstatat, dir, "../made", &status, 0);
    OK(newfstatat, AT_FDCWD, "dangling", &status, AT_SYMLINK_NOFOLLOW);
    OK(newfstatat, dir, "", &status, AT_EMPTY_PATH);
    FAILS(ENOENT, newfstatat, dir, "", &status, 0);
    FAILS(ENOENT, newfstatat, AT_FDCWD, "dangling", &status, 0);
    FAILS(EBADF, newfstatat, 99, "made", &status, 0);
    FAILS(EINVAL, newfstatat, dir, ".", &status, AT_NO_SUCH_FLAG);
    FAILS(EFAULT, newfstatat, dir, "../made", BAD, 0);
}

static void status_extended(long dir)
{
    struct statx status;

    OK(statx, dir, "../made", AT_STATX_SYNC_AS_STAT, STATX_BASIC_STATS | STATX_BTIME, &status);
    OK(statx, dir, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE, &status);
    OK(statx, AT_FDCWD, "dangling", AT_SYMLINK_NOFOLLOW, 0, kit_at_edge(sizeof(status)));
    FAILS(ENOENT, statx, dir, "none", 0, STATX_MODE, &status);
    FAILS(EBADF, statx, 99, "made", 0, STATX_MODE, &status);
    FAILS(EINVAL, statx, dir, ".", AT_NO_SUCH_FLAG, STATX_MODE, &status);
    FAILS(EINVAL, statx, dir, ".", 0, STATX__RESERVED, &status);
    FAILS(EFAULT, statx, dir, ".", 0, STATX_MODE, BAD);
}

static void access_to(long dir)
{
    OK(access, "made", R_OK | W_OK);
    OK(access, "dir", X_OK);
    OK(access, "made", F_OK);
    FAILS(EACCES, access, "made", X_OK); /* to root as well: nobody may execute it */
    FAILS(ENOENT, access, "dangling", F_OK);
    FAILS(EINVAL, access, "made", 8);
    FAILS(EINVAL, access, "made", -1);
    FAILS(EFAULT, access, BAD, F_OK);
    OK(faccessat, dir, "../made", R_OK);
    FAILS(EACCES, faccessat, dir, "../made", X_OK);
    FAILS(EBADF, faccessat, 99, "made", R_OK);
    FAILS(ENOENT, faccessat, dir, "", F_OK);
    FAILS(ENOTDIR, faccessat, AT_FDCWD, "made/x", F_OK);
}

SCENARIO
{
    struct statfs status;
    long dir;

    OK(statfs, "made", &status);
    OK(statfs, "/", kit_at_edge(sizeof(status)));
    FAILS(ENOENT, statfs, "dangling", &status);
    FAILS(EFAULT, statfs, "made", BAD);
    FAILS(EFAULT, statfs, BAD, &status);
    dir = OK(open, "dir", O_RDONLY | O_DIRECTORY, 0);
    status_relative(dir);
    status_extended(dir);
    access_to(dir);
    OK(close, dir);
    status_by_path();
}
