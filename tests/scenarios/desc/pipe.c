// SPDX-License-Identifier: Apache-2.0
/* pipe and pipe2: their flags, what cannot be written to, and no more descriptors. */

#include <sys/resource.h>

#include "kit/kit.h"

static int pair[2];

SCENARIO
{
    static struct rlimit few;
    static char back[10];

    OK(pipe, pair);
    OK(write, pair[1], "through", 7);
    OK(read, pair[0], back, 10);
    OK(pipe, kit_at_edge(8));
    kit_descriptors();
    OK(pipe2, pair, 0);
    OK(pipe2, pair, O_CLOEXEC);
    OK(pipe2, pair, O_CLOEXEC | O_NONBLOCK);
    FAILS(EAGAIN, read, pair[0], back, 10);
    OK(pipe2, kit_at_edge(8), O_DIRECT);
    kit_descriptors();
    FAILS(EFAULT, pipe, NULL);
    FAILS(EFAULT, pipe, BAD);
    FAILS(EFAULT, pipe, kit_at_edge(4));
    FAILS(EFAULT, pipe2, NULL, O_CLOEXEC);
    FAILS(EFAULT, pipe2, BAD, 0);
    FAILS(EINVAL, pipe2, pair, O_APPEND);
    FAILS(EINVAL, pipe2, BAD, -1);
    few.rlim_cur = few.rlim_max = (unsigned)pair[1] + 4; /* two are taken behind it, one is left */
    OK(setrlimit, RLIMIT_NOFILE, &few);
    FAILS(EMFILE, pipe, pair);
    FAILS(EMFILE, pipe2, pair, O_CLOEXEC);
    kit_descriptors();
}
