// SPDX-License-Identifier: Apache-2.0
/* Which descriptors outlive an exec: those whose last word was not O_CLOEXEC. */

#include <sys/ioctl.h>

#include "kit/kit.h"

static void execute(void *data)
{
    static char *argv[] = {(char *)"scenario", (char *)"executed", NULL};

    (void)data;
    EXECVE(kit_self(), argv, kit_environment());
}

static void be_executed(void)
{
    kit_descriptors();
    FAILS(EBADF, fcntl, 21, F_GETFD);
    OK(fcntl, 20, F_GETFD);
    FAILS(EBADF, close, 35);
    OK(close, 36);
    EXIT_GROUP(7);
}

SCENARIO
{
    long fd, closing;
    int pair[2];

    if (*argument)
        be_executed();
    fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    closing = OK(open, "here", O_RDWR | O_CLOEXEC, 0);
    OK(pipe2, pair, O_CLOEXEC);
    OK(dup2, closing, 20); /* a copy has no such flag */
    OK(dup3, fd, 21, O_CLOEXEC);
    OK(fcntl, fd, F_DUPFD_CLOEXEC, 30);
    OK(fcntl, closing, F_DUPFD, 31);
    OK(dup2, pair[0], 32);
    OK(dup2, fd, 33);
    OK(fcntl, 33, F_SETFD, FD_CLOEXEC);
    OK(dup3, fd, 34, O_CLOEXEC);
    OK(fcntl, 34, F_SETFD, 0);
    OK(dup2, fd, 35);
    OK(ioctl, 35, FIOCLEX);
    OK(dup3, fd, 36, O_CLOEXEC);
    OK(ioctl, 36, FIONCLEX);
    OK(dup3, fd, 37, O_CLOEXEC);
    OK(dup2, fd, 37);
    kit_descriptors();
    if (kit_reap(kit_fork(execute, NULL)) != 7 << 8)
        kit_fail("the program executed did not find what it should");
    kit_descriptors();
}
