// SPDX-License-Identifier: Apache-2.0
/* Watching a directory. */

#include <sys/inotify.h>
#include <sys/resource.h>

#include "kit/kit.h"

static void create(void)
{
    struct rlimit limit, none;
    long fd = OK(inotify_init);

    OK(inotify_init1, 0);
    OK(inotify_init1, IN_CLOEXEC | IN_NONBLOCK);
    FAILS(EINVAL, inotify_init1, 1);
    kit_descriptors();
    OK(getrlimit, RLIMIT_NOFILE, &limit);
    none = (struct rlimit){.rlim_max = limit.rlim_max};
    OK(setrlimit, RLIMIT_NOFILE, &none);
    FAILS(EMFILE, inotify_init);
    FAILS(EMFILE, inotify_init1, 0);
    OK(setrlimit, RLIMIT_NOFILE, &limit);
    OK(close_range, fd, ~0U, 0);
}

SCENARIO
{
    char events[4096];
    int pipe[2], fd, watch;

    OK(pipe2, pipe, 0);
    OK(dup2, pipe[0], 0);
    create();
    fd = (int)OK(inotify_init1, IN_NONBLOCK);
    watch = (int)OK(inotify_add_watch, fd, ".", IN_CREATE | IN_DELETE | IN_ONLYDIR);
    FAILS(EAGAIN, read, fd, events, sizeof(events));
    OK(close, (int)OK(open, "new\xff", O_WRONLY | O_CREAT, 0600));
    FAILS(EINVAL, read, fd, events, 16); /* the name does not fit */
    OK(read, fd, events, sizeof(events));
    OK(unlink, "new\xff");
    FAILS(EFAULT, read, fd, BAD, sizeof(events));
    FAILS(EINVAL, inotify_rm_watch, fd, watch + 1);
    FAILS(EINVAL, inotify_rm_watch, fd, -1);
    FAILS(EINVAL, inotify_rm_watch, 0, watch);
    FAILS(EBADF, inotify_rm_watch, 99, watch);
    OK(inotify_rm_watch, fd, watch);
    OK(read, fd, events, sizeof(events)); /* that it is watched no longer */
    FAILS(EINVAL, inotify_rm_watch, fd, watch);
}
