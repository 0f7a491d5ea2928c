// SPDX-License-Identifier: Apache-2.0
/* cachestat: how much of a file is cached. */

#include <unistd.h>

#include "kit/kit.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

static uint64_t range[2] = {0, 4096};
static uint64_t counts[5];

static void look(void)
{
    if (syscall(SYS_cachestat, -1, NULL, NULL, 0) < 0 && errno == ENOSYS)
        kit_skip("this kernel has no cachestat");
}

BEFORE(look)

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);

    OK(write, fd, "here", 4);
    OK(cachestat, fd, range, counts, 0);
    OK(cachestat, fd, range, kit_at_edge(sizeof(counts)), 0);
    range[1] = 0;
    OK(cachestat, fd, range, counts, 0);
    FAILS(EBADF, cachestat, 99, range, counts, 0);
    FAILS(EFAULT, cachestat, fd, BAD, counts, 0);
    FAILS(EFAULT, cachestat, fd, range, NULL, 0);
    FAILS(EFAULT, cachestat, fd, range, kit_at_edge(8), 0);
    FAILS(EINVAL, cachestat, fd, range, counts, 0x80000001);
}
