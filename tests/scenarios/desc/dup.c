// SPDX-License-Identifier: Apache-2.0
/* dup, dup2 and dup3: numbers low and high, over open ones, onto themselves, and when there are no more. */

#include <sys/resource.h>

#include "kit/kit.h"

static const struct rlimit few = {.rlim_cur = 64, .rlim_max = 64};

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
    long again = OK(open, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int pair[2];

    OK(pipe, pair);
    OK(dup, fd);
    OK(dup, again);
    kit_descriptors();
    OK(dup2, fd, 63);
    OK(dup2, fd, fd);
    OK(dup2, pair[0], 63); /* closes what was there */
    OK(dup2, again, pair[1]);
    kit_descriptors();
    OK(dup3, fd, 40, 0);
    OK(dup3, again, 40, O_CLOEXEC);
    OK(dup3, pair[0], 41, O_CLOEXEC);
    kit_descriptors();
    FAILS(EINVAL, dup3, fd, fd, 0);
    FAILS(EINVAL, dup3, fd, 42, O_APPEND);
    FAILS(EBADF, dup3, 99, 42, 0);
    FAILS(EBADF, dup3, fd, -1, 0);
    FAILS(EBADF, dup, 99);
    FAILS(EBADF, dup, -1);
    FAILS(EBADF, dup2, 99, 42);
    FAILS(EBADF, dup2, 99, 99);
    FAILS(EBADF, dup2, fd, -1);
    FAILS(EBADF, dup2, fd, INT_MAX);
    OK(setrlimit, RLIMIT_NOFILE, &few);
    FAILS(EBADF, dup2, fd, 64);
    FAILS(EBADF, dup3, fd, 64, 0);
    while (TRY(dup, fd) >= 0)
        ;
    FAILS(EMFILE, dup, fd);
    OK(close, 50);
    OK(dup, pair[0]); /* the only one that is free */
    kit_descriptors();
}
