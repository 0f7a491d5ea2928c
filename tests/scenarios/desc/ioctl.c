// SPDX-License-Identifier: Apache-2.0
/* ioctl: what every descriptor has, what pipes have, what only terminals would. */

#include <sys/ioctl.h>

#include "kit/kit.h"

static int number;
static char back[10];

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    int pair[2];

    OK(pipe, pair);
    OK(write, pair[1], "12345", 5);
    OK(ioctl, pair[0], FIONREAD, &number);
    OK(ioctl, fd, FIONREAD, &number);
    OK(ioctl, fd, FIOCLEX, 0);
    OK(ioctl, fd, FIONCLEX, -1);
    OK(ioctl, pair[0], FIOCLEX);
    OK(fcntl, pair[0], F_GETFD);
    number = 1;
    OK(ioctl, pair[0], FIONBIO, &number);
    OK(read, pair[0], back, 10);
    FAILS(EAGAIN, read, pair[0], back, 10);
    number = 0;
    OK(ioctl, pair[0], FIONBIO, &number);
    kit_descriptors();
    FAILS(ENOTTY, ioctl, fd, TIOCGWINSZ, &number);
    FAILS(ENOTTY, ioctl, pair[1], TCGETS, BAD);
    FAILS(ENOTTY, ioctl, fd, 0xffffffff, NULL);
    FAILS(EFAULT, ioctl, pair[0], FIONREAD, NULL);
    FAILS(EFAULT, ioctl, pair[0], FIONBIO, BAD);
    FAILS(EBADF, ioctl, 99, FIONREAD, &number);
    FAILS(EBADF, ioctl, -1, FIOCLEX, 0);
}
