// SPDX-License-Identifier: Apache-2.0
/* Arguments of which the kernel takes the lower half only: what is above it is nobody's business. */

#include <poll.h>
#include <sys/select.h>
#include <sys/uio.h>

#include "kit/kit.h"

#define ABOVE (INT64_C(0x7edcba98) << 32)

static char back[10];

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT | ABOVE, 0600 | ABOVE);
    struct iovec pieces[2] = {{"first", 5}, {"not written", 11}};
    struct pollfd polled[2] = {{.fd = 0}, {.fd = 0}};
    long none = 0;
    int pair[2];

    OK(write, fd | ABOVE, "wide", 4);
    OK(lseek, fd | ABOVE, 0, SEEK_SET | ABOVE);
    OK(read, fd | ABOVE, back, 10);
    OK(dup, fd | ABOVE);
    OK(dup2, fd | ABOVE, 40 | ABOVE);
    OK(dup3, fd | ABOVE, 41 | ABOVE, O_CLOEXEC | ABOVE);
    OK(pipe2, pair, O_CLOEXEC | ABOVE);
    OK(fcntl, fd | ABOVE, F_DUPFD | ABOVE, 42);
    OK(fcntl, pair[0] | ABOVE, F_GETFD | ABOVE);
    OK(writev, fd | ABOVE, pieces, 1 | ABOVE);
    OK(poll, polled, 1 | ABOVE, 0 | ABOVE);
    OK(select, 1 | ABOVE, &none, NULL, NULL, &(struct timeval){0});
    OK(fchmod, fd | ABOVE, 0640 | ABOVE);
    kit_descriptors();
    FAILS(EBADF, close, -1 & 0xffffffff);
    FAILS(EBADF, read, 99 | ABOVE, back, 10);
    FAILS(EBADF, fstat, UINT_MAX | ABOVE, BAD);
    OK(close, 41 | ABOVE);
    OK(close_range, 40 | ABOVE, 42 | ABOVE, 0 | ABOVE);
    kit_descriptors();
}
