// SPDX-License-Identifier: Apache-2.0
/* fanotify_mark, as anyone may use it. */

#include <sys/fanotify.h>

#include "here.h"

#ifndef FAN_REPORT_FID
#define FAN_REPORT_FID 0x200
#endif
#define GROUP (FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC | FAN_NONBLOCK)

static void before(void)
{
    struct stat made;
    int fd;

    here_find();
    here_make("made", "made", &made);
    if (mkdir("dir", 0755) < 0 || symlink("../made", "dir/link") < 0)
        kit_fail("it cannot make a directory and a link");
    fd = (int)syscall(SYS_fanotify_init, GROUP, O_RDONLY);
    here_need(fd >= 0 && syscall(SYS_fanotify_mark, fd, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, "made") == 0,
              "there is no fanotify, or this user or file system may not");
    close(fd);
}
BEFORE(before)

SCENARIO
{
    long fd = OK(fanotify_init, GROUP, O_RDONLY);
    long dir = OK(open, "dir", O_RDONLY | O_DIRECTORY, 0);

    OK(fanotify_mark, fd, FAN_MARK_ADD, FAN_MODIFY | FAN_CLOSE_WRITE, AT_FDCWD, "made");
    OK(fanotify_mark, fd, FAN_MARK_ADD, FAN_OPEN, dir, "link");
    OK(fanotify_mark, fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN | FAN_ONDIR | FAN_EVENT_ON_CHILD, dir, NULL);
    OK(fanotify_mark, fd, FAN_MARK_ADD | FAN_MARK_DONT_FOLLOW, FAN_OPEN, dir, "link");
    OK(fanotify_mark, fd, FAN_MARK_REMOVE, FAN_OPEN, -1, here("made"));
    OK(fanotify_mark, fd, FAN_MARK_FLUSH, 0, AT_FDCWD, "made");
    FAILS(ENOENT, fanotify_mark, fd, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "made");
    FAILS(ENOENT, fanotify_mark, fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "none");
    FAILS(ENOTDIR, fanotify_mark, fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, AT_FDCWD, "made");
    FAILS(EINVAL, fanotify_mark, fd, FAN_MARK_ADD, 0, AT_FDCWD, "made");
    FAILS(EINVAL, fanotify_mark, fd, FAN_MARK_ADD, UINT64_C(1) << 40, AT_FDCWD, "made");
    FAILS(EINVAL, fanotify_mark, fd, FAN_MARK_ADD | FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "made");
    FAILS(EINVAL, fanotify_mark, dir, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "made");
    FAILS(EBADF, fanotify_mark, 99, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "made");
    FAILS(EBADF, fanotify_mark, fd, FAN_MARK_ADD, FAN_OPEN, 99, "made");
    FAILS(EFAULT, fanotify_mark, fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, BAD);
    FAILS(ENOENT, fanotify_mark, fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "");
    OK(close, dir);
    OK(close, fd);
}
