// SPDX-License-Identifier: Apache-2.0
/* fchmodat2: fchmodat with flags. */

#include "here.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#define AT_NO_SUCH_FLAG 0x40000000

static void before(void)
{
    struct stat made;

    here_make("made", "made", &made);
    here_need(syscall(SYS_fchmodat2, AT_FDCWD, "made", 0644, 0) == 0, "there is no fchmodat2");
    if (mkdir("dir", 0755) < 0 || symlink("../made", "dir/link") < 0)
        kit_fail("it cannot make a directory and a link");
}
BEFORE(before)

SCENARIO
{
    long dir = OK(open, "dir", O_PATH | O_DIRECTORY, 0);

    OK(fchmodat2, AT_FDCWD, "made", 01755, 0);
    OK(fchmodat2, dir, "link", 0600, 0);
    OK(fchmodat2, dir, "", 0711, AT_EMPTY_PATH);
    OK(fchmodat2, dir, "../made", 0640, AT_SYMLINK_NOFOLLOW);
    FAILS(EOPNOTSUPP, fchmodat2, dir, "link", 0600, AT_SYMLINK_NOFOLLOW); /* a link has no mode to change */
    FAILS(ENOENT, fchmodat2, dir, "made", 0600, 0);
    FAILS(ENOENT, fchmodat2, dir, "", 0600, 0);
    FAILS(EBADF, fchmodat2, 99, "made", 0600, 0);
    FAILS(EINVAL, fchmodat2, dir, "link", 0600, AT_NO_SUCH_FLAG);
    FAILS(EFAULT, fchmodat2, dir, BAD, 0600, 0);
    OK(close, dir);
}
