// SPDX-License-Identifier: Apache-2.0
/* fcntl: copies, flags, owners, pipes' sizes; locks; and what it refuses. */

#include "kit/kit.h"

#define SETPIPE_SZ 1031
#define GETPIPE_SZ 1032

/* Static, so that their addresses are the same in every run. */
static struct flock lock = {.l_type = F_WRLCK};
static char back[10];

static void duplicate(long fd)
{
    OK(fcntl, fd, F_DUPFD, 0);
    OK(fcntl, fd, F_DUPFD, 40);
    OK(fcntl, fd, F_DUPFD, 40);
    OK(fcntl, fd, F_DUPFD_CLOEXEC, 63);
    kit_descriptors();
    FAILS(EINVAL, fcntl, fd, F_DUPFD, -1);
    FAILS(EINVAL, fcntl, fd, F_DUPFD_CLOEXEC, INT_MAX);
    FAILS(EBADF, fcntl, 99, F_DUPFD, 0);
    FAILS(EBADF, fcntl, -1, F_DUPFD_CLOEXEC, 0);
}

/* In another process, for which the lock is somebody else's. */
static void find_locked(void *data)
{
    lock.l_type = F_RDLCK;
    OK(fcntl, *(long *)data, F_GETLK, &lock);
    lock.l_type = F_RDLCK;
    FAILS(EAGAIN, fcntl, *(long *)data, F_SETLK, &lock);
}

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    int pair[2];

    duplicate(fd);
    OK(fcntl, fd, F_GETFD);
    OK(fcntl, fd, F_SETFD, FD_CLOEXEC);
    OK(fcntl, fd, F_GETFD);
    OK(fcntl, fd, F_SETFD, 0);
    OK(fcntl, fd, F_GETFL);
    OK(fcntl, fd, F_SETFL, O_APPEND | O_NONBLOCK);
    OK(fcntl, fd, F_GETFL);
    OK(pipe, pair);
    OK(fcntl, pair[0], F_SETFL, O_NONBLOCK);
    FAILS(EAGAIN, read, pair[0], back, sizeof(back));
    OK(fcntl, pair[0], GETPIPE_SZ);
    OK(fcntl, pair[0], SETPIPE_SZ, 4096);
    OK(fcntl, pair[0], F_SETOWN, kit_tid());
    OK(fcntl, pair[0], F_GETOWN);
    OK(fcntl, fd, F_SETLK, &lock);
    kit_reap(kit_fork(find_locked, &fd));
    lock.l_type = F_UNLCK;
    OK(fcntl, fd, F_SETLKW, &lock);
    FAILS(EFAULT, fcntl, fd, F_GETLK, BAD);
    FAILS(EFAULT, fcntl, fd, F_SETLK, NULL);
    FAILS(EINVAL, fcntl, fd, 99999, 0);
    FAILS(EBADF, fcntl, 99, F_GETFD);
    FAILS(EBADF, fcntl, 99, F_SETLK, BAD);
    FAILS(EBADF, fcntl, fd, GETPIPE_SZ);
}
