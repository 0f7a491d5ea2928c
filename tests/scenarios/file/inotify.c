// SPDX-License-Identifier: Apache-2.0
/* inotify_add_watch: what is watched, and what cannot be. */

#include <sys/inotify.h>

#include "here.h"

static void before(void)
{
    struct stat made;
    int fd;

    here_find();
    here_make("made", "made", &made);
    if (mkdir("dir", 0755) < 0 || symlink("none", "dangling") < 0)
        kit_fail("it cannot make a directory and a link");
    fd = inotify_init1(IN_CLOEXEC);
    here_need(fd >= 0, "there is no inotify, or too many of it");
    close(fd);
}
BEFORE(before)

SCENARIO
{
    long fd = OK(inotify_init1, IN_NONBLOCK | IN_CLOEXEC);
    long file = OK(open, "made", O_RDONLY, 0);

    OK(inotify_add_watch, fd, "made", IN_ALL_EVENTS);
    OK(inotify_add_watch, fd, "made", IN_MODIFY); /* the same watch, another mask */
    OK(inotify_add_watch, fd, "dir", IN_CREATE | IN_DELETE | IN_ONLYDIR | IN_EXCL_UNLINK);
    OK(inotify_add_watch, fd, "dangling", IN_ATTRIB | IN_DONT_FOLLOW);
    OK(inotify_add_watch, fd, here("made"), IN_ACCESS | IN_MASK_ADD);
    FAILS(ENOENT, inotify_add_watch, fd, "dangling", IN_ATTRIB);
    FAILS(ENOENT, inotify_add_watch, fd, "", IN_ATTRIB);
    FAILS(ENOTDIR, inotify_add_watch, fd, "made", IN_CREATE | IN_ONLYDIR);
    FAILS(EINVAL, inotify_add_watch, fd, "made", 0);
    FAILS(EINVAL, inotify_add_watch, file, "made", IN_MODIFY);
    FAILS(EBADF, inotify_add_watch, 99, "made", IN_MODIFY);
    FAILS(EFAULT, inotify_add_watch, fd, BAD, IN_MODIFY);
    FAILS(EFAULT, inotify_add_watch, fd, NULL, IN_MODIFY);
    OK(close, file);
    OK(close, fd);
}
