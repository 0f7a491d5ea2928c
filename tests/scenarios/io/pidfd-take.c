// SPDX-License-Identifier: Apache-2.0
/* Descriptors of every kind, taken from a child that opened them. */

#include <sys/socket.h>

#include "kit/kit.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

#define KINDS 6

static int gate[2], ready[2];

static void child(void *data)
{
    int pair[2];
    char byte = 0;

    (void)data;
    OK(close, gate[1]);
    OK(dup2, OK(open, "file", O_RDWR | O_CREAT, 0600), 20);
    OK(dup2, OK(open, ".", O_RDONLY | O_DIRECTORY, 0), 21);
    OK(dup2, OK(open, "/dev/null", O_RDONLY, 0), 22);
    OK(pipe2, pair, 0);
    OK(dup2, pair[0], 23);
    OK(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    OK(dup2, pair[0], 24);
    OK(dup2, OK(epoll_create1, 0), 25);
    OK(write, ready[1], "", 1);
    OK(read, gate[0], &byte, 1);
}

SCENARIO
{
    char byte;
    long pid, pidfd;

    OK(pipe2, gate, 0);
    OK(pipe2, ready, 0);
    pid = kit_fork(child, NULL);
    OK(read, ready[0], &byte, 1);
    pidfd = OK(pidfd_open, pid, 0);
    for (int fd = 20; fd < 20 + KINDS; fd++)
        OK(pidfd_getfd, pidfd, fd, 0);
    FAILS(EBADF, pidfd_getfd, pidfd, 20 + KINDS, 0);
    kit_descriptors();
    OK(close, gate[1]);
    kit_reap(pid);
    kit_descriptors(); /* they are the parent's own */
}
