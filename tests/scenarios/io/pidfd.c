// SPDX-License-Identifier: Apache-2.0
/* Processes as descriptors, and their descriptors taken. */

#include <poll.h>

#include "kit/kit.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static int gate[2];

/* Lives until the parent closes its end. */
static void child(void *data)
{
    char byte;

    (void)data;
    OK(close, gate[1]);
    OK(read, gate[0], &byte, 1);
    EXIT_GROUP(7);
}

static void open_badly(long pid)
{
    FAILS(EINVAL, pidfd_open, 0, 0);
    FAILS(EINVAL, pidfd_open, -1, 0);
    FAILS(ESRCH, pidfd_open, INT_MAX, 0);
    FAILS(EINVAL, pidfd_open, pid, 1);
}

static void take(long pidfd)
{
    long taken = OK(pidfd_getfd, pidfd, gate[0], 0);

    kit_descriptors();
    FAILS(EINVAL, pidfd_getfd, pidfd, 0, 1);
    FAILS(EBADF, pidfd_getfd, pidfd, 99, 0);
    FAILS(EBADF, pidfd_getfd, pidfd, -1, 0);
    FAILS(EBADF, pidfd_getfd, 99, 0, 0);
    FAILS(EBADF, pidfd_getfd, gate[0], 0, 0);
    OK(fcntl, taken, F_GETFD); /* FD_CLOEXEC, which nobody asked for */
    OK(close, taken);
}

SCENARIO
{
    struct pollfd poll = {.events = POLLIN};
    long pid, pidfd, own;

    OK(pipe2, gate, 0);
    pid = kit_fork(child, NULL);
    open_badly(pid);
    pidfd = OK(pidfd_open, pid, 0);
    poll.fd = (int)pidfd;
    TRY(pidfd_open, pid, O_NONBLOCK); /* from 5.10 on */
    own = OK(pidfd_open, kit_tid(), 0);
    take(own);
    OK(poll, &poll, 1, 0);
    OK(close, gate[1]);
    OK(poll, &poll, 1, -1);
    kit_reap(pid);
    FAILS(ESRCH, pidfd_getfd, pidfd, 0, 0);
    FAILS(ESRCH, pidfd_open, pid, 0);
    kit_descriptors();
}
