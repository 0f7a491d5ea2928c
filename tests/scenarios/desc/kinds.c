// SPDX-License-Identifier: Apache-2.0
/* Descriptors of every kind: copied, made to outlive an exec or not, inherited, and closed by a child for itself. */

#include <sys/socket.h>

#include "kit/kit.h"

static void change_own(void *data)
{
    const int *fds = data;

    kit_descriptors();
    OK(close, fds[0]);
    OK(dup2, fds[3], fds[1]);
    OK(dup2, fds[4], 61);
    kit_descriptors();
}

SCENARIO
{
    int fds[7], pair[2];

    fds[0] = (int)OK(open, "here", O_RDWR | O_CREAT, 0600);
    fds[1] = (int)OK(open, ".", O_RDONLY | O_DIRECTORY, 0);
    fds[2] = (int)OK(openat, fds[1], "here", O_PATH, 0);
    OK(pipe2, fds + 3, O_NONBLOCK);
    OK(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    fds[5] = pair[0];
    OK(mkdirat, fds[1], "below", 0700);
    fds[6] = (int)OK(openat, fds[1], "below", O_PATH | O_DIRECTORY, 0);
    kit_descriptors();
    for (int i = 0; i < 7; i++)
        OK(fcntl, fds[i], F_DUPFD, 20 + 3 * i);
    for (int i = 0; i < 7; i++)
        OK(dup2, fds[i], 50 + i);
    for (int i = 0; i < 7; i++)
        OK(dup2, fds[6 - i], 50 + i); /* one over the other */
    kit_descriptors();
    kit_reap(kit_fork(change_own, fds));
    kit_descriptors();
    OK(close_range, 20, 62, 0);
    for (int i = 0; i < 7; i++)
        OK(close, fds[i]);
    kit_descriptors();
}
