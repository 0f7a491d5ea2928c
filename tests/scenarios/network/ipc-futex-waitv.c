// SPDX-License-Identifier: Apache-2.0
/* Waiting for any of several futexes. */

#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "kit/kit.h"

#define FUTEX_SIZE_32 2

struct waiter {
    uint64_t value, address;
    uint32_t flags, reserved;
};

static uint32_t words[2];
static struct waiter waiters[2];

static void need_waitv(void)
{
    if (syscall(449, NULL, 0, 0, NULL, 0) < 0 && (errno == ENOSYS || errno == EPERM))
        kit_skip("there is no futex_waitv");
}

BEFORE(need_waitv)

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

static void waiting(void *data)
{
    (void)data;
    if (OK(futex_waitv, waiters, 2, 0, NULL, 0) != 1)
        kit_fail("the second was to wake it");
}

SCENARIO
{
    static const struct timespec past = {.tv_sec = 1};
    long child;

    for (int i = 0; i < 2; i++)
        waiters[i] = (struct waiter){.address = (uintptr_t)&words[i], .flags = FUTEX_SIZE_32};
    child = kit_clone(CLONE_VM | SIGCHLD, waiting, NULL);
    kit_wait_asleep(child, SYS_futex_waitv);
    OK(futex, &words[1], 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
    kit_reap(child);
    FAILS(ETIMEDOUT, futex_waitv, waiters, 2, 0, &past, CLOCK_MONOTONIC);
    FAILS(ETIMEDOUT, futex_waitv, waiters, 1, 0, &past, CLOCK_REALTIME);
    waiters[1].value = 1;
    FAILS(EAGAIN, futex_waitv, waiters, 2, 0, &past, CLOCK_MONOTONIC);
    FAILS(EINVAL, futex_waitv, waiters, 0, 0, NULL, 0);
    FAILS(EINVAL, futex_waitv, waiters, 129, 0, NULL, 0);
    FAILS(EINVAL, futex_waitv, waiters, 1, 1, NULL, 0);
    FAILS(EINVAL, futex_waitv, waiters, 1, 0, &past, 99);
    FAILS(EFAULT, futex_waitv, BAD, 1, 0, NULL, 0);
    FAILS(EFAULT, futex_waitv, waiters, 1, 0, BAD, CLOCK_MONOTONIC);
    waiters[0].flags = 99;
    FAILS(EINVAL, futex_waitv, waiters, 1, 0, NULL, 0);
}
