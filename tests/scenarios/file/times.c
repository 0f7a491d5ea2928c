// SPDX-License-Identifier: Apache-2.0
/* A file's times: utime, utimes, futimesat and utimensat. */

#include <sys/time.h>
#include <utime.h>

#include "here.h"

#define AT_NO_SUCH_FLAG 0x40000000

static void before(void)
{
    struct stat made;

    here_make("made", "made", &made);
    if (mkdir("dir", 0755) < 0 || symlink("../made", "dir/link") < 0 || symlink("none", "dangling") < 0)
        kit_fail("it cannot make a directory and links");
}
BEFORE(before)

static void by_path(void)
{
    const struct utimbuf seconds = {.actime = 1000000000, .modtime = 1234567890};
    const struct timeval micro[2] = {{1000000000, 0}, {1234567890, 999999}};
    const struct timeval too_many[2] = {{1, 1000000}, {1, 0}};

    OK(utime, "made", &seconds);
    OK(utime, "made", NULL);
    FAILS(ENOENT, utime, "dangling", &seconds);
    FAILS(ENOENT, utime, "", NULL);
    FAILS(EFAULT, utime, "made", BAD);
    FAILS(EFAULT, utime, BAD, &seconds);
    OK(utimes, "dir/link", micro);
    OK(utimes, "made", NULL);
    FAILS(ENOENT, utimes, "none", micro);
    FAILS(EINVAL, utimes, "made", too_many);
    FAILS(EFAULT, utimes, "made", kit_at_edge(sizeof(micro) - 1));
    FAILS(EFAULT, utimes, NULL, micro);
}

static void relative(long dir)
{
    const struct timeval micro[2] = {{1000000000, 0}, {1234567890, 999999}};
    const struct timespec nano[2] = {{1000000000, 999999999}, {-1, 1}};
    const struct timespec special[2] = {{77, UTIME_NOW}, {78, UTIME_OMIT}};
    const struct timespec too_many[2] = {{1, 0}, {1, 1000000000}};
    struct timespec *edge = kit_at_edge(sizeof(nano));

    OK(futimesat, dir, "link", micro);
    OK(futimesat, AT_FDCWD, "made", NULL);
    OK(futimesat, dir, NULL, micro); /* the directory itself */
    FAILS(ENOENT, futimesat, dir, "made", micro);
    FAILS(EBADF, futimesat, 99, "made", micro);
    FAILS(EFAULT, futimesat, dir, "link", BAD);
    OK(utimensat, dir, "link", nano, 0);
    OK(utimensat, AT_FDCWD, "dangling", special, AT_SYMLINK_NOFOLLOW);
    OK(utimensat, dir, NULL, NULL, 0);
    memcpy(edge, nano, sizeof(nano));
    OK(utimensat, AT_FDCWD, "made", edge, 0);
    FAILS(EFAULT, utimensat, AT_FDCWD, "made", (char *)edge + 1, 0);
    FAILS(EFAULT, utimensat, AT_FDCWD, "made", BAD, 0);
    FAILS(EINVAL, utimensat, AT_FDCWD, "made", too_many, 0);
    FAILS(EINVAL, utimensat, AT_FDCWD, "made", nano, AT_NO_SUCH_FLAG);
    FAILS(ENOENT, utimensat, AT_FDCWD, "dangling", nano, 0);
    FAILS(EBADF, utimensat, 99, "made", nano, 0);
    FAILS(EFAULT, utimensat, AT_FDCWD, NULL, nano, 0);
    FAILS(EFAULT, utimensat, AT_FDCWD, BAD, nano, 0);
}

SCENARIO
{
    long dir = OK(open, "dir", O_RDONLY | O_DIRECTORY, 0);

    by_path();
    relative(dir);
    OK(close, dir);
}
