// SPDX-License-Identifier: Apache-2.0
/* Files that may grow no further: a short write, then EFBIG with a signal. */

#include <sys/resource.h>

#include "kit/kit.h"

static const struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
static char content[200];

/* In a process of its own, which alone has the limit. */
static void write_much(void *data)
{
    long fd = *(long *)data;

    kit_handle(SIGXFSZ, 0, NULL);
    OK(setrlimit, RLIMIT_FSIZE, &limit);
    OK(write, fd, content, 80);
    OK(write, fd, content, 80); /* 20 of them */
    FAILS(EFBIG, write, fd, content, 80);
    FAILS(EFBIG, pwrite64, fd, content, 1, 100);
    OK(pwrite64, fd, content, 200, 99);
    FAILS(EFBIG, ftruncate, fd, 101);
    OK(ftruncate, fd, 100);
}

SCENARIO
{
    long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);

    kit_reap(kit_fork(write_much, &fd));
    OK(ftruncate, fd, 1000);
}
