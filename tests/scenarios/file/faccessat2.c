// SPDX-License-Identifier: Apache-2.0
/* faccessat2: faccessat with the flags that the C library always promised. */

#include "here.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#define AT_NO_SUCH_FLAG 0x40000000

static void before(void)
{
    struct stat made;

    here_make("made", "made", &made);
    here_need(syscall(SYS_faccessat2, AT_FDCWD, "made", R_OK, 0) == 0, "there is no faccessat2");
    if (mkdir("dir", 0755) < 0 || symlink("none", "dangling") < 0)
        kit_fail("it cannot make a directory and a link");
}
BEFORE(before)

SCENARIO
{
    long dir = OK(open, "dir", O_PATH | O_DIRECTORY, 0);

    OK(faccessat2, AT_FDCWD, "made", R_OK | W_OK, 0);
    OK(faccessat2, dir, "../made", R_OK, AT_EACCESS);
    OK(faccessat2, dir, "", X_OK, AT_EMPTY_PATH | AT_EACCESS);
    OK(faccessat2, dir, "../dangling", F_OK, AT_SYMLINK_NOFOLLOW);
    FAILS(ENOENT, faccessat2, dir, "../dangling", F_OK, 0);
    FAILS(ENOENT, faccessat2, dir, "", F_OK, 0);
    FAILS(EACCES, faccessat2, AT_FDCWD, "made", X_OK, AT_EACCESS);
    FAILS(EINVAL, faccessat2, AT_FDCWD, "made", R_OK, AT_NO_SUCH_FLAG);
    FAILS(EINVAL, faccessat2, AT_FDCWD, "made", 8, 0);
    FAILS(EBADF, faccessat2, 99, "made", R_OK, 0);
    FAILS(EFAULT, faccessat2, AT_FDCWD, BAD, R_OK, 0);
    FAILS(EFAULT, faccessat2, AT_FDCWD, NULL, R_OK, 0);
    OK(close, dir);
}
